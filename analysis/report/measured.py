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
    mean_over,
    plural,
    published_name,
    range_note,
    range_over,
    replicate_name,
    simulated_over,
    stop_note,
    texts,
    with_error,
)
from analysis.report.runfolder import RunFolder
from analysis.report.tables import EXPOSURE, PROXIES
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
    others = [e.PARAMCD for e in run.of_endpoints if e.PARAMCD not in (*DURATIONS, *PROXIES, *EXPOSURE)]
    return _measured(run, "T 14.2.7", "Platelet counts and weeks of response", others, full_set(run), (SPREAD,))


def proxies(run: RunFolder) -> Table | None:
    """T 14.3.6: the measured tolerability proxies: days above a count."""
    notes = (SPREAD, "Days above a count: log counts joined by straight lines between visits.")
    return _measured(run, "T 14.3.6", "Tolerability proxies: days above a count", PROXIES, full_set(run), notes)


def _measured(
    run: RunFolder, number: str, title: str, among: Sequence[str], population: str, notes: tuple[str, ...]
) -> Table | None:
    found = codes(run, LOCATIONS, among)
    found = [code for code in found if _location(run, code)]
    if not found:
        return None
    kinds = {_location(run, code) for code in found}
    medians = "median" in kinds
    word, spread = WORDS[kinds.pop()] if len(kinds) == 1 else ("Value", "Value (spread)")
    over, one, said = (
        simulated_over(run),
        f"Simulated, {replicate_name(run)} alone",
        f"Published, {published_name(run)}",
    )
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, word), over),
        Column("range", "Range", over),
        Column("n", "n", one),
        Column("named", spread, one),
        Column("published_n", "n", said),
        Column("published", spread, said),
    )
    held = any((code, _location(run, code), arm) in run.published for code in found for arm in run.study.arm_ids)
    keep = len(columns) - 2 * (not held)
    rows = [row for code in found for row in _rows(run, code)]
    rows = [Row(row.cells[:keep], row.key, row.hue, row.heading) for row in rows]
    several = "The mean over replicates is a mean of medians." if medians else ""
    notes = (*notes, *(several,) * bool(several and run.n_replicates > 1), *range_note(run))
    return Table(number, title, population, columns[:keep], tuple(rows), notes)


def _location(run: RunFolder, code: str) -> str:
    """The statistic of an endpoint: the one given over replicates; "" when it is neither a median nor a mean."""
    said = {e.STAT for e in run.of_endpoints if code == e.PARAMCD and e.SCOPE == "replicates"}
    return next((stat for stat in LOCATIONS if stat in said), "")


def _left_out(run: RunFolder, found: Sequence[str]) -> tuple[str, ...]:
    """How many responders have no duration; the durations of response leave out the same patients."""
    code, reason = run.column("endpoints", "PARAMCD"), run.column("endpoints", "REASON")
    n = max((int(((code == c) & (reason == SINGLE)).sum()) for c in found), default=0)
    who = plural(n, "patient who ever responded before rescue is", "patients who ever responded before rescue are")
    return (f"{counted_replicates(run)}: {who} left out, with {SINGLE}.",) if n else ()


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
        values = (mean_over(over), range_over(over), str(one.N), _spread(run, code, arm, one), *_printed(printed))
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}", hue))
    return rows


def _spread(run: RunFolder, code: str, arm: str, value: Estimate) -> str:
    """Of the named replicate: "22.0 (6, 53)", or mean and standard deviation."""
    if value.ESTIMATE is None:
        return cells.NOT_ESTIMABLE
    if value.STAT == "mean":
        sd = run.one(code, arm, "SD")
        return cells.mean_sd(value.ESTIMATE, sd.ESTIMATE if sd else None, 0)
    low, high = (run.one(code, arm, stat) for stat in ("minimum", "maximum"))
    limits = [e.ESTIMATE if e else None for e in (low, high)]
    return f"{cells.median(value.ESTIMATE, 0)} ({cells.minimum_maximum(limits[0], limits[1], 0)})"


def _printed(p: Published | None) -> tuple[str, str]:
    if p is None:
        return NONE, NONE
    limits = f" ({cells.minimum_maximum(p.ci_low, p.ci_high, 0)})" if p.interval == "range" else ""
    return str(p.n) if p.n is not None else NONE, f"{cells.rounded(p.published, 1)}{limits}"
