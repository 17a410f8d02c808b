"""Tables of measured endpoints: medians and means per arm, beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evidence.scorecard import Published
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    codes,
    counted_replicates,
    full_set,
    heading,
    judged,
    mean_over,
    named_alone,
    published_head,
    range_note,
    range_over,
    remarks,
    simulated_over,
    stop_note,
    texts,
    verdicts,
    with_error,
)
from analysis.report.number_origins import Number, Text, number, numbers, said, shown
from analysis.report.rates import EXPOSURE, PROXIES
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import Estimate
from analysis.text import cells

DURATIONS = ("MAXDUR", "TOTDUR")
SINGLE = "no two consecutive visits with a response"
LOCATIONS = ("median", "mean")
WORDS = {"median": ("Median", "Median (min, max)"), "mean": ("Mean", "Mean (SD)")}
SPREAD = (
    "Named replicate: median (min, max), or mean (SD) where the line says mean. Patients without a value are left out."
)


def durations(run: RunFolder) -> Table | None:
    """T 14.2.4: medians of the durations of response per arm, beside the published median."""
    population = "Patients with responses at two consecutive visits or more, before rescue"
    notes = (f"{population}.", *stop_note(run), *_left_out(run, codes(run, LOCATIONS, DURATIONS)))
    return _measured(run, "T 14.2.4", "Durations of response", DURATIONS, population, notes)


def counts(run: RunFolder) -> Table | None:
    """T 14.2.7: the other measured endpoints of efficacy: counts, changes, weeks of response."""
    others = [code for code in run.labels if code not in (*DURATIONS, *PROXIES, *EXPOSURE)]
    return _measured(run, "T 14.2.7", "Platelet counts and weeks of response", others, full_set(run), (SPREAD,))


def proxies(run: RunFolder) -> Table | None:
    """T 14.3.6: the measured tolerability proxies: days above a count."""
    notes = (SPREAD, "Days above a count: log counts joined by straight lines between visits.")
    return _measured(run, "T 14.3.6", "Tolerability proxies: days above a count", PROXIES, full_set(run), notes)


def _measured(
    run: RunFolder, number: str, title: str, among: Sequence[str], population: str, notes: tuple[Text, ...]
) -> Table | None:
    found = codes(run, LOCATIONS, among)
    found = [code for code in found if _location(run, code)]
    if not found:
        return None
    kinds = {_location(run, code) for code in found}
    medians = "median" in kinds
    word, spread = WORDS[kinds.pop()] if len(kinds) == 1 else ("Value", "Value (spread)")
    over, one, printed = simulated_over(run), named_alone(run), published_head(run)
    columns: tuple[Column, ...] = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, word), over),
        Column("range", "Range", over),
        Column("n", "n", one),
        Column("named", spread, one),
        Column("published_n", "n", printed),
        Column("published", spread, printed),
    )
    beside = [run.published.get((code, _location(run, code), arm)) for code in found for arm in run.study.arm_ids]
    held = any(beside)
    columns = columns[: len(columns) - 2 * (not held)] + verdicts(run, beside)
    keep = len(columns)
    rows = [row for code in found for row in _rows(run, code)]
    rows = [Row(row.cells[:keep], row.key, row.hue, row.heading) for row in rows]
    several = "The mean over replicates is a mean of medians." if medians else ""
    notes = (*notes, *(several,) * bool(several and run.n_replicates > 1), *range_note(run), *remarks(run, found))
    return Table(number, title, population, columns, tuple(rows), notes)


def _location(run: RunFolder, code: str) -> str:
    """The statistic of an endpoint: the one given over replicates; "" when it is neither a median nor a mean."""
    arms = run.study.arm_ids
    return next((stat for stat in LOCATIONS if any(run.over(code, arm, stat) for arm in arms)), "")


def _left_out(run: RunFolder, found: Sequence[str]) -> tuple[Text, ...]:
    """How many responders have no duration; the durations of response leave out the same patients."""
    absent = [e for code in found for e in run.not_evaluable if code == e.PARAMCD and e.CATEGORY == SINGLE]
    if not absent:
        return ()
    one, many = "patient who ever responded before rescue is", "patients who ever responded before rescue are"
    n = shown(cells.plural, number(absent[0], "ESTIMATE"), one=one, many=many)
    return (said("{}: {} left out, with {}.", counted_replicates(run), n, SINGLE),)


def _rows(run: RunFolder, code: str) -> list[Row]:
    first, stat = next(e for e in run.of_endpoints if code == e.PARAMCD), _location(run, code)
    mean = ", mean" if stat == "mean" else ""
    rows = [heading(f"{first.PARAM}, {first.UNIT}{mean} [{code}]", code)]
    for arm in run.study.arm_ids:
        one, over = run.one(code, arm, stat), run.over(code, arm, stat)
        if one is None:
            continue
        name, hue = arm_name(run, arm)
        printed = run.published.get((code, stat, arm))
        n = shown(cells.whole, number(one, "N"))
        values = (mean_over(over), range_over(over), n, _spread(run, code, arm, one), *_printed(printed))
        rows.append(Row((Cell(name, "arm"), *texts(*values), judged(run, printed)), f"{code}|{arm}", hue))
    return rows


def _spread(run: RunFolder, code: str, arm: str, value: Estimate) -> Text:
    """Of the named replicate: "22.0 (6, 53)", or mean and standard deviation."""
    if value.ESTIMATE is None:
        return cells.NOT_ESTIMABLE
    if value.STAT == "mean":
        return shown(cells.mean_sd, *_found(run, code, arm, "mean", "SD"), raw_decimals=0)
    return shown(cells.median_range, *_found(run, code, arm, "median", "minimum", "maximum"), raw_decimals=0)


def _found(run: RunFolder, code: str, arm: str, *stats: str) -> list[Number]:
    """Statistics of the named replicate, which come together."""
    rows = [run.one(code, arm, stat) for stat in stats]
    return [number(row, "ESTIMATE") for row in rows if row is not None]


def _printed(p: Published | None) -> tuple[Text, Text]:
    if p is None:
        return NONE, NONE
    n: Text = NONE if p.n is None else shown(cells.whole, number(p, "n"))
    if p.interval != "range":
        return n, shown(cells.rounded, number(p, "published"), decimals=1)
    return n, shown(cells.median_range, *numbers(p, "published", "ci_low", "ci_high"), raw_decimals=0)
