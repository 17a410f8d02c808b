"""What the template draws: tables of finished text. A cell is text and a style, a number is already rounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.evidence.scorecard import JUDGED, Published
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells

NONE = "–"
AS_RESCUE = "where a result says no rescue or before rescue, a stop of treatment by the dose rule counts as a rescue"
INSIDE = {"yes": "inside", "no": "outside"}


@dataclass(frozen=True)
class Cell:
    """Text of a cell; ``kind`` is its style: "" number, "text" wraps, "short" does not, "arm", "inside", "outside"."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Row:
    """One line; ``hue`` is the arm's colour (None: no arm), ``key`` names the line (endpoint, arm); a heading spans."""

    cells: tuple[Cell, ...]
    key: str = ""
    hue: int | None = None
    heading: bool = False


@dataclass(frozen=True)
class Column:
    """A column; columns of the same ``group`` stand under one heading; ``name`` marks its cells."""

    name: str
    head: str
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A numbered table: number, title and analysis set, columns, lines, footnotes."""

    number: str
    title: str
    population: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> list[str]:
        """Style of each column, as its cells have it."""
        row = next((row for row in self.rows if not row.heading), None)
        return [cell.kind for cell in row.cells] if row else [""] * len(self.columns)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Heading and width of each run of columns of the same group."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group and column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans


def heading(text: str, key: str = "") -> Row:
    """A line that heads the ones below it."""
    return Row((Cell(text, "text"),), key=key, heading=True)


def texts(*values: str, kind: str = "") -> tuple[Cell, ...]:
    """Cells of one style."""
    return tuple(Cell(value, kind) for value in values)


def arm_name(run: RunFolder, arm: str) -> tuple[str, int | None]:
    """Label and hue of an arm id; "All arms" for all together."""
    if arm == ALL:
        return "All arms", None
    style = next(a for a in run.arms if a.id == arm)
    return style.label, style.hue


def events(n_event: int | None, n: int | None) -> str:
    """Events of evaluable subjects: "99/168 (58.9)"; zero has no percentage."""
    if n_event is None or n is None:
        return NONE
    return f"{n_event}/{n}" if n_event == 0 or n == 0 else f"{n_event}/{n} ({cells.rounded(100 * n_event / n, 1)})"


def mean_over(e: Estimate | None, decimals: int = 1) -> str:
    """Mean over replicates and its Monte Carlo error: "58.9 ± 0.3"."""
    return NONE if e is None else cells.estimate_error(e.ESTIMATE, e.MCSE, decimals)


def range_over(e: Estimate | None, decimals: int = 1) -> str:
    """Range of replicates: "(51.8, 66.1)"."""
    return NONE if e is None or e.RANGE_LOW is None else cells.interval(e.RANGE_LOW, e.RANGE_HIGH, decimals)


def confidence(e: Estimate | None, decimals: int = 1) -> str:
    """Interval of the named replicate."""
    return NONE if e is None or e.CI_LOW is None else cells.interval(e.CI_LOW, e.CI_HIGH, decimals)


def published_events(p: Published | None) -> str:
    """Published events: "99/168 (58.9)", or the rate alone when the counts are not printed."""
    if p is None:
        return NONE
    return events(p.events, p.n) if p.events is not None else cells.rounded(p.published, 1)


def published_interval(p: Published | None) -> str:
    """Published 95 % interval; "p": as printed, "t": no interval but a tolerance set in advance, else computed."""
    if p is None or p.interval not in JUDGED:
        return NONE
    return cells.interval(p.ci_low, p.ci_high, 1) + {"printed95": " p", "tolerance": " t"}.get(p.interval, "")


def judged(run: RunFolder, p: Published | None) -> Cell:
    """Whether the simulated mean lies inside the published interval, as the scorecard has it."""
    inside = next((s["inside"] for s in run.scores if p is not None and s["row_id"] == p.row_id), "")
    return Cell(INSIDE[inside], INSIDE[inside]) if inside in INSIDE else Cell(NONE)


def published_name(run: RunFolder) -> str:
    """Name of the publication that the study is held against."""
    said = run.study.published
    return (said and said.label) or next((p.study for p in run.published.values()), "")


def plural(n: int, one: str, many: str = "") -> str:
    """ "1 solve", "2 solves"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def everybody(run: RunFolder) -> str:
    """Who is counted: nobody is randomised where every patient is simulated under every arm."""
    return "All patients, each simulated under every arm" if run.study.paired else "All randomised, simulated"


def full_set(run: RunFolder) -> str:
    """Population of the tables of results."""
    who = everybody(run)
    return f"Full analysis set: {who[0].lower()}{who[1:]}"


def courses(run: RunFolder, capital: bool = False) -> str:
    """What is counted: patients, or, where each comes once per arm, courses."""
    word = "courses" if run.study.paired else "patients"
    return word.capitalize() if capital else word


def simulated_over(run: RunFolder) -> str:
    """Heading of the columns over replicates."""
    r = run.n_replicates
    return f"Simulated, mean of {r} replicates" if r > 1 else "Simulated, one replicate"


def counted_replicates(run: RunFolder) -> str:
    """Heading of what is counted patient by patient: in all replicates, or in those whose tables were kept."""
    if run.n_kept < run.n_replicates:
        return f"{plural(run.n_kept, 'replicate')} kept in full of {run.n_replicates:,}"
    return f"All {run.n_replicates} replicates" if run.n_replicates > 1 else "One replicate"


def with_error(run: RunFolder, what: str) -> str:
    """Heading of a column of means; one replicate has no Monte Carlo error."""
    return f"{what} ± MC error" if run.n_replicates > 1 else what


def range_note(run: RunFolder) -> tuple[str, ...]:
    """What the range is; one replicate has none."""
    return ("Range: 2.5 to 97.5 % of the replicates' own results.",) * (run.n_replicates > 1)


def stop_note(run: RunFolder) -> tuple[str, ...]:
    """What a stop by the dose rule does to a result that depends on rescue; none where no rule can stop."""
    return (f"{AS_RESCUE[0].upper()}{AS_RESCUE[1:]}.",) * run.study.can_stop


def replicate_name(run: RunFolder) -> str:
    """ "replicate 0"."""
    return f"replicate {run.study.analysis.named_replicate}"


def codes(run: RunFolder, stats: Sequence[str], among: Sequence[str]) -> list[str]:
    """Endpoints of ``among`` that have one of these statistics, in the order of the estimates."""
    return list(dict.fromkeys(e.PARAMCD for e in run.of_endpoints if e.STAT in stats and e.PARAMCD in among))
