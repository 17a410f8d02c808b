"""What the template draws: tables of finished text. A cell is text and a style; text that shows numbers has keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis.evidence.scorecard import JUDGED, Published
from analysis.report.number_origins import Text, joined, label, number, numbers, plain_text, said, shown
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells

NONE = "–"
AS_RESCUE = "where a result says no rescue or before rescue, a stop of treatment by the dose rule counts as a rescue"
INSIDE = {"yes": "inside", "no": "outside"}
VERDICT = {"PASS": "inside", "FAIL": "outside", "RISK": "unsure"}


LABELS = ("label", "short", "arm")
"""Kinds of cells that hold names, not numbers: of items, endpoints, reasons, times; short ones do not wrap; arms."""


class Cell(NamedTuple):
    """Text of a cell; ``kind`` is its style: "" number, "text" wraps, "inside", "outside", "unsure", or one of
    LABELS.
    """

    text: Text
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
    head: Text
    group: Text = ""


@dataclass(frozen=True)
class Table:
    """A numbered table: number, title and analysis set, columns, lines, footnotes. ``compact``: see ``tablebody``."""

    number: str
    title: str
    population: Text
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Text, ...] = ()
    compact: bool = False

    @property
    def kinds(self) -> list[str]:
        """Style of each column, as its cells have it."""
        row = next((row for row in self.rows if not row.heading), None)
        return [cell.kind for cell in row.cells] if row else [""] * len(self.columns)

    @property
    def groups(self) -> list[tuple[Text, int]]:
        """Heading and width of each run of columns of the same group."""
        spans: list[tuple[Text, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group and column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans


def heading(text: Text, key: str = "") -> Row:
    """A line that heads the ones below it."""
    return Row((Cell(text, "label"),), key=key, heading=True)


def texts(*values: Text, kind: str = "") -> tuple[Cell, ...]:
    """Cells of one style."""
    return tuple(Cell(value, kind) for value in values)


def arm_name(run: RunFolder, arm: str) -> tuple[str, int | None]:
    """Label and hue of an arm id; "All arms" for all together."""
    if arm == ALL:
        return "All arms", None
    style = run.style[arm]
    return style.label, style.hue


def events(e: Estimate | None) -> Text:
    """Events of evaluable subjects of the named replicate: "99/168 (58.9)"."""
    return NONE if e is None or e.N_EVENT is None else shown(cells.events, *numbers(e, "N_EVENT", "N"))


def mean_over(e: Estimate | None, decimals: int = 1, unit: str = "") -> Text:
    """Mean over replicates and its Monte Carlo error: "58.9 ± 0.3"."""
    said_unit = {"unit": unit} if unit else {}
    return (
        NONE
        if e is None
        else shown(cells.estimate_error, *numbers(e, "ESTIMATE", "MCSE"), decimals=decimals, **said_unit)
    )


def range_over(e: Estimate | None, decimals: int = 1) -> Text:
    """Range of replicates: "(51.8, 66.1)"."""
    if e is None or e.RANGE_LOW is None:
        return NONE
    return shown(cells.interval, *numbers(e, "RANGE_LOW", "RANGE_HIGH"), decimals=decimals)


def confidence(e: Estimate | None, decimals: int = 1) -> Text:
    """Interval of the named replicate."""
    if e is None or e.CI_LOW is None:
        return NONE
    return shown(cells.interval, *numbers(e, "CI_LOW", "CI_HIGH"), decimals=decimals)


def published_events(p: Published | None) -> Text:
    """Published events: "99/168 (58.9)", or the rate alone when the counts are not printed."""
    if p is None:
        return NONE
    if p.events is not None and p.n is not None:
        return shown(cells.events, *numbers(p, "events", "n"))
    return NONE if p.events is not None else shown(cells.rounded, number(p, "published"), decimals=1)


def published_interval(p: Published | None) -> Text:
    """Published 95 % interval; "p": as printed, "t": no interval but a tolerance set in advance, else computed."""
    if p is None or p.interval not in JUDGED:
        return NONE
    mark = {"printed95": " p", "tolerance": " t"}.get(p.interval, "")
    return shown(cells.interval, *numbers(p, "ci_low", "ci_high"), decimals=1, **{"mark": mark} if mark else {})


def judged(run: RunFolder, p: Published | None) -> Cell:
    """Whether the simulated mean lies inside the published interval, as the scorecard has it; "fit": calibrated on."""
    score = run.score_of(p)
    inside = INSIDE.get(score.inside, "") if score else ""
    fit = " (fit)" if score and score.seen == "yes" else ""
    return Cell(inside + fit, inside) if inside else Cell(NONE)


def verdicts(run: RunFolder, rows: Iterable[Published | None]) -> tuple[Column, ...]:
    """The column of verdicts, where a published row has one."""
    known = (run.score_of(p) for p in rows)
    return (Column("inside", "Mean inside?"),) * any(score and score.inside for score in known)


def remarks(run: RunFolder, found: Sequence[str]) -> tuple[Text, ...]:
    """Why the published rows of some endpoints are not judged, a line per remark; nothing of those that are."""
    alike: dict[str, list[Published]] = {}
    for row in run.published.values():
        if row.note and not row.counted and row.endpoint in found:
            alike.setdefault(row.note, []).append(row)
    named = [(", ".join(dict.fromkeys(row.endpoint for row in rows)), rows[0]) for rows in alike.values()]
    return tuple(said("{}: {}.", label(codes), shown(cells.as_is, number(row, "note"))) for codes, row in named)


def published_head(run: RunFolder) -> Text:
    """Heading of the columns of published results."""
    return said("Published, {}", label(published_name(run)))


def published_name(run: RunFolder) -> str:
    """Name of the publication that the study is held against."""
    known = run.study.published
    return (known and known.label) or next((p.study for p in run.published.values()), "")


def listed(names: Sequence[Text]) -> Text:
    """ "A", "A and B", "A, B and C"; with commas inside a name "A, b; C; and D"."""
    if len(names) < 2:
        return names[0] if names else ""
    comma = any("," in plain_text(name) for name in names)
    first = joined("; " if comma else ", ", names[:-1])
    return said("{}{}{}", first, "; and " if comma else " and ", names[-1])


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


def simulated_over(run: RunFolder) -> Text:
    """Heading of the columns over replicates."""
    if run.n_replicates == 1:
        return "Simulated, one replicate"
    return said("Simulated, mean of {} replicates", shown(cells.whole, run.replicates))


def counted_replicates(run: RunFolder) -> Text:
    """Heading of what is counted in all replicates."""
    if run.n_replicates == 1:
        return "One replicate"
    return said("All {} replicates", shown(cells.whole, run.replicates))


def with_error(run: RunFolder, what: str) -> str:
    """Heading of a column of means; one replicate has no Monte Carlo error."""
    return f"{what} ± MC error" if run.n_replicates > 1 else what


def range_note(run: RunFolder) -> tuple[str, ...]:
    """What the range is; one replicate has none."""
    return ("Range: 2.5 to 97.5 % of the replicates' own results.",) * (run.n_replicates > 1)


def stop_note(run: RunFolder) -> tuple[str, ...]:
    """What a stop by the dose rule does to a result that depends on rescue; none where no rule can stop."""
    return (f"{AS_RESCUE[0].upper()}{AS_RESCUE[1:]}.",) * run.study.can_stop


def replicate_name(run: RunFolder) -> Text:
    """ "replicate 0"."""
    return said("replicate {}", shown(cells.whole, run.config("analysis", "named_replicate")))


def named_alone(run: RunFolder) -> Text:
    """Heading of the columns of the named replicate."""
    return said("Simulated, {} alone", replicate_name(run))


def threshold(run: RunFolder) -> Text:
    """The response threshold, 10^9/L."""
    return shown(cells.general, run.config("analysis", "response_threshold_1e9L"))


def codes(run: RunFolder, stats: Sequence[str], among: Sequence[str]) -> list[str]:
    """Endpoints of ``among`` that have one of these statistics, in the order of the estimates."""
    return list(dict.fromkeys(e.PARAMCD for e in run.of_endpoints if e.STAT in stats and e.PARAMCD in among))
