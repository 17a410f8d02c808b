"""The tables of results: every number is a row of estimates.parquet or of the published rows, rounded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from analysis.endpoints.adverse import ADVERSE_ENDPOINTS
from analysis.endpoints.count_proxies import TOLERABILITY_ENDPOINTS
from analysis.endpoints.exposure import EXPOSURE_ENDPOINTS
from analysis.evidence.scorecard import FEWEST, JUDGED, Published
from analysis.report.grid import (
    INSIDE,
    NONE,
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
    published_events,
    published_interval,
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
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells

COUNTED = tuple(e.code for e in TOLERABILITY_ENDPOINTS)
ADVERSE = tuple(e.code for e in ADVERSE_ENDPOINTS)
PROXIES = (*COUNTED, *ADVERSE)
EXPOSURE = tuple(e.code for e in EXPOSURE_ENDPOINTS)
INTERVALS = "The interval of one replicate is Clopper-Pearson, 95 %: what one trial of this size would print."
PUBLISHED_NOTE = (
    "Published intervals: Clopper-Pearson, 95 %, computed from the printed counts; p: as printed in the publication; "
    "t: a tolerance set in advance, not published. "
    "Inside: whether the mean over replicates lies in the published interval; –: shown, not judged."
)


def efficacy(run: RunFolder) -> Table | None:
    """T 14.2.1: every yes or no endpoint per arm, beside the published value."""
    others = [e.PARAMCD for e in run.of_endpoints if e.PARAMCD not in PROXIES + EXPOSURE]
    found = codes(run, ["rate"], others)
    title = "Response, rescue, bleeding and completion"
    return _rates(run, "T 14.2.1", title, found, stop_note(run)) if found else None


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
        "Nobody leaves or changes dose because of an event. Not a prediction."
    )
    return _rates(run, "T 14.3.1.3", "Simulated adverse events (proxies)", found, (note,)) if found else None


def _rates(run: RunFolder, number: str, title: str, found: Sequence[str], extra: tuple[str, ...] = ()) -> Table:
    rows = [row for code in found for row in _rate_rows(run, code)]
    held = any((code, "rate", arm) in run.published for code in found for arm in (*run.study.arm_ids, ALL))
    columns = [
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Rate") + ", %", simulated_over(run)),
        Column("range", "Range", simulated_over(run)),
        Column("named", "n/N (%)", f"Simulated, {replicate_name(run)} alone"),
        Column("ci", "95 % CI", f"Simulated, {replicate_name(run)} alone"),
    ]
    published = [
        Column("published", "n/N (%)", f"Published, {published_name(run)}"),
        Column("published_ci", "95 % CI", f"Published, {published_name(run)}"),
        Column("inside", "Mean inside?"),
    ]
    keep = len(columns) + 3 * held
    rows = [Row(row.cells[:keep], row.key, row.hue, row.heading) for row in rows]
    notes = (*extra, *range_note(run), INTERVALS) + (PUBLISHED_NOTE,) * held
    return Table(number, title, full_set(run), tuple(columns + published * held), tuple(rows), notes)


def _rate_rows(run: RunFolder, code: str) -> list[Row]:
    label = next(e.PARAM for e in run.of_endpoints if code == e.PARAMCD)
    rows = [heading(f"{label} [{code}]", code)]
    for arm in (*run.study.arm_ids, ALL):
        one, over = run.one(code, arm, "rate"), run.over(code, arm, "rate")
        if one is None and over is None:
            continue
        name, hue = arm_name(run, arm)
        printed = run.published.get((code, "rate", arm))
        values = (
            mean_over(over),
            range_over(over),
            events(one.N_EVENT, one.N) if one else NONE,
            confidence(one),
            published_events(printed),
            published_interval(printed),
        )
        rows.append(Row((Cell(name, "arm"), *texts(*values), judged(run, printed)), f"{code}|{arm}", hue))
    return rows


def differences(run: RunFolder) -> Table | None:
    """T 14.2.2: difference and odds ratio of every arm against the reference arm, efficacy."""
    among = [e.PARAMCD for e in run.of_endpoints if e.PARAMCD not in PROXIES]
    return _differences(run, "T 14.2.2", "Differences", among)


def proxy_differences(run: RunFolder) -> Table | None:
    """T 14.3.5: the same for the tolerability proxies."""
    return _differences(run, "T 14.3.5", "Tolerability proxies: differences", PROXIES)


def _differences(run: RunFolder, number: str, title: str, among: Sequence[str]) -> Table | None:
    found = codes(run, ["difference"], among)
    if not found:
        return None
    reference = run.study.analysis.reference_arm or ""
    powered = any(e.STAT == "power" and e.PARAMCD in found for e in run.of_endpoints)
    rows = tuple(row for code in found for row in _difference_rows(run, code, reference, powered))
    over, one, paired = simulated_over(run), f"Simulated, {replicate_name(run)} alone", run.study.paired
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Difference") + ", points", over),
        Column("range", "Range", over),
        *(Column("power", "Share with p < 0.05, %", over),) * powered,
        Column("named", "Difference (95 % CI), points", one),
        *(Column("odds", "Odds ratio (95 % CI)", one),) * (not paired),
    )
    notes: tuple[str, ...] = (
        "Difference in percentage points, of patients with a value under both arms; interval of pairs by Tango."
        if paired
        else "Difference in percentage points, interval by Miettinen-Nurminen; odds ratio crude, interval by "
        "Woolf; NE: not estimable, a cell of the table is empty.",
    )
    share = (
        "Share with p < 0.05: replicates in which the arm is better, "
        + ("McNemar test of pairs without correction for continuity" if paired else "Miettinen-Nurminen score test")
        + ", two-sided, no correction for several comparisons; primary endpoint only; its Monte Carlo error is "
        "sqrt(p(1-p)/R).",
    )
    return Table(
        number,
        f"{title} from {arm_name(run, reference)[0]}",
        full_set(run),
        columns,
        rows,
        notes + share * powered + range_note(run),
    )


def _difference_rows(run: RunFolder, code: str, reference: str, powered: bool) -> list[Row]:
    label = next(e.PARAM for e in run.of_endpoints if code == e.PARAMCD)
    rows = [heading(f"{label} [{code}]", code)]
    for arm in run.study.arm_ids:
        pick = partial(run.one, code, arm, comparator=reference)
        one, odds = pick("difference"), pick("odds ratio")
        if one is None:
            continue
        over = run.over(code, arm, "difference", reference)
        power = run.over(code, arm, "power", reference)
        name, hue = arm_name(run, arm)
        values = (mean_over(over), range_over(over), *(mean_over(power),) * powered, _limits(one))
        values += (_odds(odds),) * (not run.study.paired)
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}", hue))
    return rows


def _limits(e: Estimate) -> str:
    return cells.with_interval(e.ESTIMATE, e.CI_LOW, e.CI_HIGH, 1)


def _odds(e: Estimate | None) -> str:
    if e is None or e.ESTIMATE is None:
        return cells.NOT_ESTIMABLE if e else NONE
    return f"{cells.ratio(e.ESTIMATE)} ({cells.ratio(e.CI_LOW)}, {cells.ratio(e.CI_HIGH)})"


def exposure(run: RunFolder) -> Table | None:
    """T 14.4.2: pharmacokinetic parameters per arm."""
    found = codes(run, ["geometric mean"], EXPOSURE)
    if not found:
        return None
    over, one = simulated_over(run), f"Simulated, {replicate_name(run)} alone"
    columns: tuple[Column, ...] = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Geometric mean"), over),
        Column("range", "Range", over),
        Column("n", "n", one),
        Column("named", "Geometric mean (geometric CV %)", one),
        Column("median", "Median (min, max)", one),
    )
    held = any((code, "geomean", arm) in run.published for code in found for arm in run.study.arm_ids)
    said = f"Published, {published_name(run)}"
    columns += (Column("published", "Geometric mean", said), Column("limits", "95 % CI", said)) * held
    rows = [row for code in found for row in _exposure_rows(run, code)]
    if not rows:
        return None
    rows = [Row(row.cells[: len(columns)], row.key, row.hue, row.heading) for row in rows]
    day = run.study.pk_sampling.visit_day if run.study.pk_sampling else None
    single = run.study.treatment_days == 1
    titrated = "; doses differ between patients because they are titrated" * any(arm.rule for arm in run.arms)
    notes = (
        f"{'After the single dose' if single else f'One dosing interval from the dose of day {day}'}{titrated}.",
        *range_note(run),
        *("Published limits: as printed, 95 %; t: a tolerance set in advance, not published.",) * held,
    )
    return Table("T 14.4.2", "Exposure", "Patients on active drug with a complete profile", columns, tuple(rows), notes)


def _exposure_rows(run: RunFolder, code: str) -> list[Row]:
    first = next(e for e in run.of_endpoints if code == e.PARAMCD)
    rows: list[Row] = []
    for arm in run.study.arm_ids:
        one = {
            stat: run.one(code, arm, stat)
            for stat in ("geometric mean", "geometric CV", "median", "minimum", "maximum")
        }
        over, n = run.over(code, arm, "geometric mean"), one["geometric mean"]
        if n is None or not n.N:
            continue
        name, hue = arm_name(run, arm)
        number = {
            stat: cells.significant(e.ESTIMATE if e else None) for stat, e in one.items() if stat != "geometric CV"
        }
        cv = cells.rounded(one["geometric CV"].ESTIMATE if one["geometric CV"] else None, 1)
        values = (
            _significant_error(over),
            f"({cells.significant(over.RANGE_LOW)}, {cells.significant(over.RANGE_HIGH)})" if over else NONE,
            str(n.N),
            f"{number['geometric mean']} ({cv})",
            f"{number['median']} ({number['minimum']}, {number['maximum']})",
            *_printed_exposure(run.published.get((code, "geomean", arm))),
        )
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}", hue))
    return [heading(f"{first.PARAM}, {first.UNIT} [{code}]", code), *rows] if rows else []


def _printed_exposure(p: Published | None) -> tuple[str, str]:
    """A published geometric mean and its limits, with the figures of the simulated ones."""
    if p is None:
        return NONE, NONE
    tolerance = " t" if p.interval == "tolerance" else ""
    limits = f"({cells.significant(p.ci_low)}, {cells.significant(p.ci_high)}){tolerance}"
    return cells.significant(p.published), limits if p.interval in JUDGED else NONE


def _significant_error(e: Estimate | None) -> str:
    if e is None or e.ESTIMATE is None:
        return NONE
    return f"{cells.significant(e.ESTIMATE)}" + (f" ± {cells.significant(e.MCSE, 2)}" if e.MCSE is not None else "")


def scorecard(run: RunFolder) -> Table | None:
    """T 14.2.15: every published row beside its simulation."""
    if not run.scores:
        return None
    columns = (
        Column("arm", "Arm"),
        Column("timepoint", "When"),
        Column("simulated", with_error(run, "Simulated")),
        Column("published", "Published"),
        Column("limits", "Published limits"),
        Column("interval", "Kind"),
        Column("inside", "Mean inside?"),
        Column("seen", "Calibrated on"),
    )
    notes: tuple[str, ...] = (
        "Which rows are judged was fixed before calibration. cp95: Clopper-Pearson computed here; printed95: as "
        "printed; tolerance: set in advance, not published; range: over patients, not an interval.",
        "Calibrated on: yes means the model was fitted to this number, so that agreement is no prediction.",
    )
    counted = any(row.counted for row in run.published.values())
    unjudged = (
        f"No verdict with fewer than {FEWEST} replicates, or when the design differs from the published one (see "
        "warnings)."
        if counted
        else "No row is judged: none of them is counted.",
    )
    labels = {e.PARAMCD: e.PARAM for e in run.of_endpoints}
    notes = (*notes, *unjudged * (not any(s["inside"] for s in run.scores)), *_remarks(run))
    rows: list[Row] = []
    for code in dict.fromkeys(s["endpoint"] for s in run.scores):
        rows.append(heading(f"{labels.get(code, 'Not in this study')} [{code}]", code))
        rows += [_score_row(run, s) for s in run.scores if s["endpoint"] == code]
    return Table("T 14.2.15", "Scorecard: simulated beside published", full_set(run), columns, tuple(rows), notes)


def _remarks(run: RunFolder) -> tuple[str, ...]:
    """Why the published rows that are not judged are not, a line per remark."""
    said: dict[str, list[str]] = {}
    for row in run.published.values():
        if row.note and not row.counted and not row.endpoint.startswith("BASE:"):
            said.setdefault(row.note, []).append(row.endpoint)
    return tuple(f"{', '.join(dict.fromkeys(codes))}: {note}." for note, codes in said.items())


def _score_row(run: RunFolder, s: Mapping[str, str]) -> Row:
    number = {
        name: float(s[name]) if s[name] else None for name in ("simulated", "mcse", "published", "ci_low", "ci_high")
    }
    name, hue = arm_name(run, s["arm"]) if s["arm"] in (*run.study.arm_ids, ALL) else (s["arm"], None)
    decimals = cells.decimals(*(number[name] for name in ("simulated", "published", "ci_high")))
    simulated = cells.estimate_error(number["simulated"], number["mcse"], decimals)
    simulated = NONE if number["simulated"] is None else f"{simulated} {s['unit']}"
    limits = NONE if number["ci_low"] is None else cells.interval(number["ci_low"], number["ci_high"], decimals)
    inside = Cell(INSIDE[s["inside"]], INSIDE[s["inside"]]) if s["inside"] in INSIDE else Cell(NONE)
    return Row(
        (
            Cell(name, "arm"), Cell(s["timepoint"], "short"), Cell(simulated),
            Cell(f"{cells.rounded(number['published'], decimals)} {s['unit']}"), Cell(limits),
            Cell(s["interval"], "short"), inside, Cell(s["seen"], "short"),
        ),
        s["row_id"],
        hue,
    )  # fmt: skip
