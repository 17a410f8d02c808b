"""The scores of all studies together: shares inside, every miss with its explanation, table and lines to draw."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.evidence.roles import rows_of
from analysis.evidence.scorecard import FEWEST, NOT_COUNTED, TOO_FEW, Score
from analysis.text import cells

NOT_YET = "target, not fitted yet"

MISSES_FILE = "misses.csv"
MISSES_COLUMNS = ("row_id", "explanation")
UNEXPLAINED = "not explained"


@dataclass(frozen=True)
class ScoredStudy:
    """A study that was run: its id, and its scores."""

    id: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Miss:
    """A counted row whose simulation lies outside the published limits, and why, in one line."""

    study: str
    score: Score
    explanation: str


@dataclass(frozen=True)
class Tally:
    """How many counted rows lie inside, of calibration targets (``seen``) and of predictions; (inside, counted)."""

    seen: tuple[int, int]
    predicted: tuple[int, int]

    def lines(self) -> list[str]:
        """Two sentences, misses as plain as hits."""
        return [_share("Calibration targets", *self.seen), _share("Predicted", *self.predicted)]


def tally(studies: Iterable[ScoredStudy], later: Collection[str] = ()) -> Tally:
    """Counted rows only: those with a verdict. ``later``: targets that no calibration has seen yet, in neither part."""
    scores = [s for study in studies for s in study.scores if s.inside and s.row_id not in later]
    verdicts = [(s.seen == "yes", s.inside == "yes") for s in scores]
    seen, predicted = ([inside for was, inside in verdicts if was == wanted] for wanted in (True, False))
    return Tally((sum(seen), len(seen)), (sum(predicted), len(predicted)))


def _share(what: str, inside: int, counted: int) -> str:
    if not counted:
        return f"{what}: none is scored."
    share = cells.rounded(100 * inside / counted, 0)
    return f"{what}: {inside} of {counted} inside ({share} %), {counted - inside} missed."


def read_explanations(path: Path) -> dict[str, str]:
    """Explanations of misses by row id; none without a file. ValueError for other columns or empty cells."""
    if not path.exists():
        return {}
    rows = rows_of(path, MISSES_COLUMNS)
    wrong = [f"{path.name}:{line}: a row needs row_id and explanation" for line, row in rows if not all(row.values())]
    ids = [row["row_id"] for _, row in rows]
    wrong += [f"{path.name}: row_id {name!r} appears twice" for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if wrong:
        raise ValueError("\n".join(wrong))
    return {row["row_id"]: row["explanation"] for _, row in rows}


def misses(studies: Iterable[ScoredStudy], explanations: Mapping[str, str]) -> list[Miss]:
    """Every miss, in order."""
    return [
        Miss(study.id, s, explanations.get(s.row_id, UNEXPLAINED))
        for study in studies
        for s in study.scores
        if s.inside == "no"
    ]


def stale(studies: Iterable[ScoredStudy], explanations: Mapping[str, str], whole: bool = True) -> list[str]:
    """Row ids that are explained though they are no miss: hits, rows that are not counted, and, when the studies are
    the ``whole`` of those in the folder, rows that do not exist.
    """
    scores = {s.row_id: s for study in studies for s in study.scores}
    idle = {row_id for row_id, s in scores.items() if s.inside == "yes" or s.unjudged == NOT_COUNTED}
    return [row_id for row_id in explanations if row_id in idle or (whole and row_id not in scores)]


def unseen(studies: Iterable[ScoredStudy], fitted_on: Iterable[str]) -> list[str]:
    """Rows that a parameter set was fitted on though their file says they were not seen."""
    targets = set(fitted_on)
    return [s.row_id for study in studies for s in study.scores if s.row_id in targets and s.seen != "yes"]


def value(s: Score) -> str:
    """Simulated value and Monte Carlo error as text: percent to one decimal, others to three figures."""
    return cells.amount_error(s.simulated, s.mcse, s.unit)


def held_against(s: Score) -> str:
    """Published value and limits as text; "r" a range over patients, "t" a tolerance set in advance."""
    mark = {"range": " r", "tolerance": " t"}.get(s.interval, "")
    if s.unit == "%":
        known = s.ci_low is not None
        return (
            cells.with_interval(s.published, s.ci_low, s.ci_high, 1) + mark if known else cells.rounded(s.published, 1)
        )
    limits = f" ({cells.significant(s.ci_low)}, {cells.significant(s.ci_high)}){mark}" if s.ci_low is not None else ""
    return cells.significant(s.published) + limits


def _too_few(studies: Iterable[ScoredStudy]) -> list[str]:
    """How many counted rows have no verdict for lack of replicates."""
    n = sum(s.unjudged == TOO_FEW for study in studies for s in study.scores)
    return [f"{cells.plural(n, 'counted row')}: {TOO_FEW} ({FEWEST} are needed)."] if n else []


def summary(
    studies: Sequence[ScoredStudy],
    explanations: Mapping[str, str],
    fitted_on: Iterable[str],
    whole: bool = True,
    later: Collection[str] = (),
) -> list[str]:
    """Shares inside, every miss with its explanation, explanations that explain nothing, rows wrongly called unseen.

    ``fitted_on``: row ids that the parameter sets of the studies were fitted on; ``whole``: see ``stale``;
    ``later``: see ``tally``.
    """
    lines = [*tally(studies, later).lines(), *_too_few(studies)]
    for miss in misses(studies, explanations):
        s = miss.score
        kind = "calibration target" if s.seen == "yes" else NOT_YET if s.row_id in later else "predicted"
        told = f"simulated {value(s)}, published {held_against(s)}"
        lines.append(f"MISS {s.row_id} ({kind}): {told}. Why: {miss.explanation}")
    lines += [
        f"stale: {row} is explained in {MISSES_FILE}, but is no miss" for row in stale(studies, explanations, whole)
    ]
    wrong = "the parameter set was fitted on this row, but its file says it was not seen"
    return lines + [f"WRONG {row}: {wrong}" for row in unseen(studies, fitted_on)]
