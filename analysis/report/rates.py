"""Tables of rates: every number is a row of estimates.parquet or of the published rows, rounded once."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.endpoints.adverse import ADVERSE_ENDPOINTS
from analysis.endpoints.count_proxies import TOLERABILITY_ENDPOINTS
from analysis.endpoints.exposure import EXPOSURE_ENDPOINTS
from analysis.evidence.scorecard import FEWEST
from analysis.report.grid import (
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    codes,
    confidence,
    events,
    full_set,
    heading,
    judged,
    mean_over,
    named_alone,
    published_events,
    published_head,
    published_interval,
    range_note,
    range_over,
    remarks,
    simulated_over,
    stop_note,
    texts,
    with_error,
)
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL

COUNTED = tuple(e.code for e in TOLERABILITY_ENDPOINTS)
ADVERSE = tuple(e.code for e in ADVERSE_ENDPOINTS)
PROXIES = (*COUNTED, *ADVERSE)
EXPOSURE = tuple(e.code for e in EXPOSURE_ENDPOINTS)
INTERVALS = "The interval of one replicate is Clopper-Pearson, 95 %: what one trial of this size would print."
PUBLISHED_NOTE = (
    "Published intervals: Clopper-Pearson, 95 %, computed from the printed counts; p: as printed in the publication; "
    "t: a tolerance set in advance, not published. "
    "Inside: whether the mean over replicates lies in the published interval; which rows are judged was fixed before "
    "calibration; (fit): the model was calibrated on this number, so that agreement is no prediction; –: shown, not "
    "judged."
)


def efficacy(run: RunFolder) -> Table | None:
    """T 14.2.1: every yes or no endpoint per arm, beside the published value."""
    others = [code for code in run.labels if code not in PROXIES + EXPOSURE]
    found = codes(run, ["rate"], others)
    title = "Response, rescue, bleeding and completion"
    return _rates(run, "T 14.2.1", title, found, (*stop_note(run), *unjudged(run))) if found else None


def tolerability(run: RunFolder) -> Table | None:
    """T 14.3.4: what counts and dose ledger say about tolerability; proxies, not adverse events."""
    found = codes(run, ["rate"], COUNTED)
    held = any(code in found and stat == "rate" for code, stat, _ in run.published)
    note = "From counts and dose ledger." if run.study.proxies else "Adverse events are not simulated."
    note += " The published value is the nearest printed row, not the same thing." * held
    return _rates(run, "T 14.3.4", "Tolerability proxies", found, (note,)) if found else None


def adverse(run: RunFolder) -> Table | None:
    """T 14.3.1.3: patients with at least one simulated adverse event."""
    found = codes(run, ["rate"], ADVERSE)
    note = (
        "Proxies: every patient has one exponential clock per event, run by a background and a drug rate (T 14.3.1.6). "
        f"{_because(run)} because of an event. Not a prediction."
    )
    return _rates(run, "T 14.3.1.3", "Simulated adverse events (proxies)", found, (note,)) if found else None


def _because(run: RunFolder) -> str:
    """What events do to anybody."""
    reasons = [item.reason for item in run.study.dropout if item.after_adverse_event]
    leave = f"Who leaves for {' or '.join(reasons)} leaves" if reasons else "Nobody leaves"
    return f"{leave}{', and nobody changes dose,' if reasons else ' or changes dose'}"


def unjudged(run: RunFolder) -> tuple[str, ...]:
    """Why there is no verdict at all, where there is none."""
    if not run.scores or any(s.inside for s in run.scores):
        return ()
    counted = any(row.counted for row in run.published.values())
    few = f"No verdict with fewer than {FEWEST} replicates, or when the design differs from the published one (see "
    return (f"{few}warnings)." if counted else "No row is judged: none of them is counted.",)


def _rates(run: RunFolder, number: str, title: str, found: Sequence[str], extra: tuple[str, ...] = ()) -> Table:
    rows = [row for code in found for row in _rate_rows(run, code)]
    held = any((code, "rate", arm) in run.published for code in found for arm in (*run.study.arm_ids, ALL))
    over, one, printed = simulated_over(run), named_alone(run), published_head(run)
    columns = [
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Rate") + ", %", over),
        Column("range", "Range", over),
        Column("named", "n/N (%)", one),
        Column("ci", "95 % CI", one),
    ]
    published = [
        Column("published", "n/N (%)", printed),
        Column("published_ci", "95 % CI", printed),
        Column("inside", "Mean inside?"),
    ]
    keep = len(columns) + 3 * held
    rows = [Row(row.cells[:keep], row.key, row.hue, row.heading) for row in rows]
    notes = (*extra, *range_note(run), INTERVALS, *((PUBLISHED_NOTE, *remarks(run, found)) if held else ()))
    return Table(number, title, full_set(run), tuple(columns + published * held), tuple(rows), notes)


def _rate_rows(run: RunFolder, code: str) -> list[Row]:
    rows = [heading(f"{run.labels[code]} [{code}]", code)]
    for arm in (*run.study.arm_ids, ALL):
        one, over = run.one(code, arm, "rate"), run.over(code, arm, "rate")
        if one is None and over is None:
            continue
        name, hue = arm_name(run, arm)
        printed = run.published.get((code, "rate", arm))
        values = (
            mean_over(over),
            range_over(over),
            events(one),
            confidence(one),
            published_events(printed),
            published_interval(printed),
        )
        rows.append(Row((Cell(name, "arm"), *texts(*values), judged(run, printed)), f"{code}|{arm}", hue))
    return rows
