"""From the run folder to the arrays that ``analysis.figures.charts`` draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.endpoints import chosen_times
from analysis.endpoints.time_to_event import TTRESC, TTRESP, Times, TimeTo
from analysis.evidence.scorecard import CONFIDENCE
from analysis.figures import charts as figures
from analysis.figures.charts import ForestRow, QuartileCurve, Rungs, Trace
from analysis.report.grid import arm_name, replicate_name, threshold
from analysis.report.number_origins import Text, label, said, shown
from analysis.report.runfolder import ArmStyle, RunFolder, plain
from analysis.statistics.estimates import ALL
from analysis.statistics.shares import quartiles, rung_shares, share_by_day, to_the_end
from analysis.statistics.survival import by_day, kaplan_meier
from analysis.text import cells

HIGH_COUNT_1E9L = 250.0
DRAWN = 12
"""Arms in a figure, at most; tables have all."""


@dataclass(frozen=True)
class LegendKey:
    """One entry of a legend: a colour and its meaning."""

    colour: str
    text: str


@dataclass(frozen=True)
class Figure:
    """A numbered figure: its panels as SVG, legend and notes."""

    number: str
    title: str
    population: Text
    panels: tuple[str, ...]
    notes: tuple[Text, ...] = ()
    keys: tuple[LegendKey, ...] = ()


def thresholds(run: RunFolder) -> tuple[float, float]:
    """The counts drawn as lines: the response threshold and the tolerability proxy PLT250 (10^9/L)."""
    return run.study.analysis.response_threshold_1e9L, HIGH_COUNT_1E9L


def chosen(run: RunFolder) -> list[tuple[int, ArmStyle]]:
    """The arms that figures draw, with their places: all, or the first DRAWN and the reference arm among them."""
    arms, reference = list(enumerate(run.arms)), run.study.analysis.reference_arm
    if len(arms) <= DRAWN:
        return arms
    kept = [one for one in arms if one[1].id == reference]
    kept += [one for one in arms if one[1].id != reference][: DRAWN - len(kept)]
    return sorted(kept, key=lambda one: one[0])


def not_drawn(run: RunFolder) -> tuple[Text, ...]:
    """Which arms a figure leaves out; nothing where it draws all."""
    if len(run.arms) <= DRAWN:
        return ()
    reference = f" and {arm_name(run, r)[0]}" if (r := run.study.analysis.reference_arm) else ""
    all_arms = shown(cells.how_many, run.config("arms"))
    return (said("Drawn: {}; the tables have all {} arms.", label(f"{DRAWN} arms, the first{reference}"), all_arms),)


def platelets(run: RunFolder) -> Figure:
    """F 14.2.11: counts over time."""
    r = run.records
    weeks = np.concatenate([[0], r.planned]) / 7
    curves = []
    for k, arm in chosen(run):
        counts = np.column_stack([r.baseline, r.counts])[r.arm == k]
        curves.append(QuartileCurve(arm.label, arm.hue, weeks, quartiles(counts), chemotherapy_weeks(run, k)))
    notes: tuple[Text, ...] = (
        "Line: median; band: first to third quartile of all patients still in the study; grey lines: medians "
        "of the other arms. Reported counts, logarithmic axis, after rescue included.",
        said("Dashed: {} (response) and 250 (tolerability proxy PLT250).", threshold(run)),
    )
    notes += not_drawn(run)
    if any(curve.marks for curve in curves):
        notes += (
            "Triangles: doses of chemotherapy that half or more of the arm's patients were given; where the day "
            "differs between patients, its median.",
        )
    title = "Platelet counts over time"
    return Figure("F 14.2.11", title, everyone(run), tuple(figures.platelets(curves, thresholds(run))), notes)


def chemotherapy_weeks(run: RunFolder, arm: int) -> tuple[float, ...]:
    """Week of the first, second, ... dose of chemotherapy in an arm: medians, of doses that half of it were given."""
    given = run.column("events", "EVENT") == "CHEMO"
    given[given] = run.records.arm[patient_rows(run, "events")[given]] == arm
    day = run.column("events", "ADY")[given].astype(float)
    patient = patient_rows(run, "events")[given]
    order = np.lexsort((day, patient))
    day, patient = day[order], patient[order]
    nth = np.arange(len(day)) - np.searchsorted(patient, patient)
    half = (run.records.arm == arm).sum() / 2
    return tuple(float(np.median(day[nth == k])) / 7 for k in np.unique(nth) if (nth == k).sum() >= half)


def everyone(run: RunFolder) -> Text:
    """Who the pooled figures show."""
    who = "All patients under each arm" if run.study.paired else "All randomised"
    few = run.n_kept < run.n_replicates
    every = shown(cells.whole, run.replicates)
    kept = said(" (of {}; those kept in full)", every) if few else ""
    if run.n_kept == 1:
        return said("{}, one replicate{}", who, kept)
    return said("{}, {} replicates together{}", who, shown(cells.how_many, run.replicates_kept) if few else every, kept)


def _levels(run: RunFolder) -> tuple[NDArray[np.float64], dict[float, str]]:
    """The level of each period of the ledger as its dose of a day on average, and how those with days are called."""
    level, called = np.array(run.column("doses", "DOSELEV"), dtype=float), dict[float, str]()
    for apart in (one for rule in run.study.dose_rules.values() for one in rule.ladder if not one.daily):
        on = (run.column("doses", "DOSELEV") == apart.dose_mg) & (run.column("doses", "EXINTVL") == apart.interval)
        level[on] = apart.per_day_mg
        called[apart.per_day_mg] = str(apart)
    return level, called


def dose_levels(run: RunFolder) -> Figure | None:
    """F 14.1.4: share of patients on each dose level; None for a single dose.

    Who was treated to a last visit before the planned last day is drawn to that day.
    """
    if run.study.treatment_days == 1:
        return None
    start, end = (run.column("doses", name) for name in ("ASTDY", "AENDY"))
    level, called = _levels(run)
    who = patient_rows(run, "doses")
    arm, last = run.records.arm[who], min(run.study.treatment_days, int(run.records.planned[-1]))
    end = to_the_end(end, run.records.completed[who], run.records.last_day[who], last)
    shown_arms = chosen(run)
    rungs = sorted({0.0, *np.unique(level[np.isin(arm, [k for k, _ in shown_arms])]).tolist()})
    no_dose = _without_dose(run)
    names = (no_dose, *(called.get(dose, f"{dose:g} mg") for dose in rungs[1:]))
    drawn = []
    for k, style in shown_arms:
        on = arm == k
        n = int((run.records.arm == k).sum())
        shares = rung_shares(start[on].astype(int), end[on].astype(int), level[on], rungs, n, last)
        drawn.append(Rungs(style.label, style.hue, names, shares))
    first = next((a.hue for a in run.arms if not a.placebo), 0)
    keys = [LegendKey(c, name) for c, name in zip(figures.rung_colours(first, len(rungs)), names, strict=True)]
    keys = keys if (level == 0).any() else keys[1:]
    notes = (
        f"From below: {f'{no_dose}, then ' * bool((level == 0).any())}the dose levels from the lowest (pale) to the "
        "highest (dark), in each arm's own colour; white: left the study.",
        *(_sham(run),) * any(a.placebo for a in run.arms),
        *("From the first day of chemotherapy the levels are sham in an arm that goes on with placebo.",)
        * any(a.until_chemotherapy for a in run.study.arms),
        *not_drawn(run),
    )
    title = "Dose level over time"
    return Figure("F 14.1.4", title, everyone(run), tuple(figures.dose_levels(drawn)), notes, tuple(keys))


def stages(run: RunFolder) -> Figure | None:
    """F 14.1.5: share of patients in each stage by day; None in a study without stages."""
    if not run.study.stages:
        return None
    table = pq.read_table(run.path / "stages.parquet", filters=[("IREP", "in", list(run.kept))])
    arm, number, start, end = (plain(table[name]) for name in ("ARM", "STAGEN", "ASTDY", "AENDY"))
    names, last = tuple(stage.name for stage in run.study.stages), int(run.records.planned[-1])
    places = np.arange(1, len(names) + 1, dtype=float).tolist()
    drawn = []
    for k, style in chosen(run):
        on, n = arm == style.id, int((run.records.arm == k).sum())
        shares = rung_shares(start[on].astype(int), end[on].astype(int), number[on].astype(float), places, n, last)
        drawn.append(Rungs(style.label, style.hue, ("", *names), np.vstack([np.zeros((1, last)), shares])))
    first = next((a.hue for a in run.arms if not a.placebo), 0)
    colours = figures.rung_colours(first, len(names) + 1)[1:]
    keys = tuple(LegendKey(colour, name) for colour, name in zip(colours, names, strict=True))
    notes = (
        "From below: the stages in their order, from pale to dark, in each arm's own colour; white: left the study, or "
        "all stages are over.",
        *not_drawn(run),
    )
    return Figure(
        "F 14.1.5", "Stages over time", everyone(run), tuple(figures.dose_levels(drawn, "stages")), notes, keys
    )


def _sham(run: RunFolder) -> str:
    """What the levels of a placebo arm are; in some stages it may take active drug."""
    later = any(arm.placebo and arm.id not in run.study.placebo_arms for arm in run.arms)
    return f"Placebo: sham levels without drug{', until a stage gives the arm active drug' * later}."


def _without_dose(run: RunFolder) -> str:
    """Why a patient in treatment may have no dose, in a word."""
    around = run.study.chemotherapy and run.study.chemotherapy.drug_days
    words = ["interrupted"] + ["stopped"] * run.study.can_stop + ["no drug day of chemotherapy"] * bool(around)
    return " or ".join(words)


def patient_rows(run: RunFolder, table: str) -> np.ndarray:
    """Row of the patients table for each row of another table."""
    width = int(run.records.subject.max()) + 1
    key = run.records.replicate * width + run.records.subject
    order = np.argsort(key)
    wanted = run.column(table, "IREP").astype(np.int64) * width + run.column(table, "SUBJID")
    return order[np.searchsorted(key[order], wanted)]


def over_time(run: RunFolder) -> Figure | None:
    """F 14.2.5: response, rescue and staying in the study over time; None when there is none and nobody left."""
    r, study = run.reported, run.study.analysed
    solved = r.unsolved == ""
    left = np.where(r.completed, np.inf, r.last_day)
    days = np.arange(0.0, float(r.planned[-1]) + study.visits.window_days + 1)
    drawn = [kind for kind in (TTRESP, TTRESC) if kind.code in chosen_times(study)]
    times = {kind.code: kind.times(r, study) for kind in drawn}
    happened = [kind for kind in drawn if times[kind.code].event.any()]
    if not happened and r.completed[solved].all():
        return None
    staying = [
        Trace(arm.label, arm.hue, days / 7, 1 - share_by_day(left[(r.arm == k) & solved], days))
        for k, arm in chosen(run)
    ]
    panels = (
        *(cumulative(run, kind, times[kind.code], days) for kind in happened),
        figures.shares_over_time("staying", "Still in the study", staying, top=100.0),
    )
    notes = (
        *(said(
            "Response and rescue: Kaplan-Meier share with the event; numbers at risk below, of all replicates drawn "
            "together. Leaving censors; rescue before response counts as never. Medians and intervals, of {} alone: "
            "T 14.2.5.", replicate_name(run),
        ),) * bool(happened),
        f"Of all {'patients under the arm' if run.study.paired else 'randomised'}"
        + (", those whose solve failed left out." if not solved.all() else "."),
        *not_drawn(run),
    )  # fmt: skip
    of_stage = f", stage {run.study.plan[run.study.analysed_stage].name}" if run.study.stages else ""
    return Figure("F 14.2.5", f"Response, rescue and participation over time{of_stage}", everyone(run), panels, notes)


def cumulative(run: RunFolder, kind: TimeTo, times: Times, days: np.ndarray) -> str:
    """A panel: the Kaplan-Meier share of each arm with the event by each day, numbers at risk below."""
    traces = []
    for k, arm in chosen(run):
        mine = times.of(run.reported.arm == k)
        counts = by_day(np.zeros(len(mine.day), dtype=np.int64), (), mine.day.astype(np.int64), mine.event)
        share = kaplan_meier(counts).by(days.astype(np.int64)).estimate
        traces.append(Trace(arm.label, arm.hue, days / 7, share, counts.watched(days.astype(np.int64))))
    return figures.shares_over_time(kind.code.lower(), f"{kind.label.removeprefix('Time to ').capitalize()}", traces)


def forest(run: RunFolder) -> Figure | None:
    """F 14.2.14: the judged rows of the scorecard."""
    groups: dict[str, list[ForestRow]] = {}
    for s in run.scores:
        if not s.inside or s.interval not in CONFIDENCE or s.unit != "%" or s.simulated is None:
            continue
        over = run.over(s.endpoint, s.arm, "rate")
        name, hue = arm_name(run, s.arm)
        low, high = (over.RANGE_LOW, over.RANGE_HIGH) if over else (None, None)
        assert s.ci_low is not None and s.ci_high is not None, "a judged row has limits"
        groups.setdefault(s.endpoint, []).append(
            ForestRow(
                label=name if s.arm == ALL else s.arm,
                hue=hue or 0,
                published=s.published,
                low=s.ci_low,
                high=s.ci_high,
                simulated=s.simulated,
                range_low=s.simulated if low is None else low,
                range_high=s.simulated if high is None else high,
                inside=s.inside == "yes",
            )
        )
    if not groups:
        return None
    panels = figures.forest([(_short(run.labels.get(code, code)), rows) for code, rows in groups.items()])
    notes = (
        said(
            "Bar: published 95 % interval with the published value as a tick. Dot: simulated mean (open when outside "
            "the bar) with the 2.5 to 97.5 % range of replicates as a thin line; {} is not shown here.",
            replicate_name(run),
        ),
    )
    return Figure("F 14.2.14", "Simulated beside published", "Judged rows of the scorecard", tuple(panels), notes)


def _short(label: str) -> str:
    """A label over a small panel, in two lines when it is long."""
    return figures.over_panel(label.split(":")[0].split(", as observed")[0])
