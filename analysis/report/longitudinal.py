"""What is analysed over the visits of the patients and of what happens to them, from estimates.parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from analysis.endpoints import COUNT_TIMES
from analysis.figures import charts
from analysis.figures.charts import QuartileCurve
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    full_set,
    heading,
    mean_over,
    named_alone,
    range_note,
    range_over,
    replicate_name,
    simulated_over,
    texts,
    threshold,
    with_error,
)
from analysis.report.number_origins import Number, Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure, chosen, not_drawn, thresholds
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, Estimate
from analysis.statistics.longitudinal import AVERAGE, FREEDOM, LEFT, MODEL, RECURRENT, VISITS
from analysis.text import cells

Line = Callable[[str], tuple[Text, ...]]
"""The cells of an arm."""


def mixed_model(run: RunFolder) -> Table | None:
    """T 14.2.7.1: geometric means of every arm at every visit, and ratios to the reference arm."""
    days, fitted = _categories(run, MODEL, "MMRM mean"), run.one(MODEL, ALL, "MMRM deviance")
    if fitted is None:
        return None
    against = _against(run)
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        Column("mean", "Geometric mean (95 % CI), 10⁹/L"),
        *(Column("ratio", "Ratio (95 % CI)", against), Column("df", "df", against), Column("p", "p", against))
        * bool(against),
    )

    def line(day: str, arm: str) -> tuple[Text, ...]:
        mean = run.one(MODEL, arm, "MMRM mean", category=day)
        if mean is None:
            return (NONE,) * (len(columns) - 1)
        ratio, df, p = (_pair(run, MODEL, arm, f"MMRM {what}", day) for what in ("ratio", "df", "p"))
        limits = shown(cells.with_limits, *numbers(mean, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=1)
        return (_whole(mean), limits, *((_ratio(ratio), _number(df), _p(p)) if against else ()))

    rows = tuple(row for day in days for row in _rows(run, _day(day), f"{MODEL}|{day}", partial(line, day)))
    return Table(
        "T 14.2.7.1",
        "Platelet counts at every visit: mixed model",
        _alone(run),
        columns,
        rows,
        _model_notes(run, fitted),
    )


def _model_notes(run: RunFolder, fitted: Estimate) -> tuple[Text, ...]:
    asked = run.study.analysis.longitudinal
    rescue = "Counts on days that a rescue voids are left out. " * (asked.after_rescue == "left_out")
    return (
        "Mixed model for repeated measures of log counts: arm by visit, log baseline by visit, stratum; "
        "restricted maximum likelihood. Means at the mean baseline and shares of strata of the patients analysed. "
        f"{rescue}Missing counts: missing at random.",
        said("Covariance of the visits: {}.", label(fitted.NOTE)),
        f"Degrees of freedom{' and standard errors' * (asked.degrees_of_freedom == 'kenward_roger')} by "
        f"{FREEDOM[asked.degrees_of_freedom]}; p two-sided, no correction for several comparisons.",
        said("Fitted to {} alone: a fit of every replicate would take as long as the trial.", replicate_name(run)),
    )


def model_figure(run: RunFolder) -> Figure | None:
    """F 14.2.7.1: the means of the mixed model with their limits."""
    days = _categories(run, MODEL, "MMRM mean")
    curves = []
    for _, arm in chosen(run):
        found = [run.one(MODEL, arm.id, "MMRM mean", category=day) for day in days]
        known = [(int(e.CATEGORY) / 7, e.CI_LOW, e.ESTIMATE, e.CI_HIGH) for e in found if e and e.CI_LOW is not None]
        if known:
            weeks, *three = np.array(known, dtype=np.float64).T
            curves.append(QuartileCurve(arm.label, arm.hue, weeks, np.array(three)))
    if not curves:
        return None
    notes = (
        "Line: geometric mean of the mixed model; band: its 95 % limits; grey lines: the other arms. As in T 14.2.7.1.",
        *not_drawn(run),
    )
    drawn = tuple(charts.platelets(curves, thresholds(run)))
    return Figure("F 14.2.7.1", "Platelet counts at every visit: mixed model", _alone(run), drawn, notes)


def responses(run: RunFolder) -> Table | None:
    """T 14.2.2.1: odds ratios of response at every visit."""
    days = _categories(run, VISITS, "GEE odds ratio")
    if not days:
        return None
    against = _against(run)
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        Column("odds", "Odds ratio (95 % CI)", against),
        Column("p", "p", against),
    )

    def line(day: str, arm: str) -> tuple[Text, ...]:
        odds, p = (_pair(run, VISITS, arm, f"GEE {what}", day) for what in ("odds ratio", "p"))
        return (_whole(odds) if odds else NONE, _ratio(odds), _p(p))

    rows = tuple(
        row
        for day in days
        for row in _rows(run, "All visits" if day == AVERAGE else _day(day), f"{VISITS}|{day}", partial(line, day))
    )
    correlation = run.one(VISITS, ALL, "GEE correlation")
    working = (
        said("exchangeable working correlation {}", shown(cells.rounded, number(correlation, "ESTIMATE"), decimals=2))
        if correlation
        else "independent working correlation"
    )
    notes = (
        said("Response: a count of {} × 10⁹/L or more on a day that no rescue or stop voids.", threshold(run)),
        said("Generalised estimating equations, logit, arm by visit and stratum; {}; robust standard errors.", working),
        "Visits without a count are left out, as if missed completely at random. NE: nobody or everybody responds in "
        "an arm at that visit. All visits: the average of the log odds ratios that can be estimated.",
    )
    return Table("T 14.2.2.1", "Response at every visit: odds ratios", _alone(run), columns, rows, notes)


def restricted_means(run: RunFolder) -> Table | None:
    """T 14.2.5.3: mean days without the event, of the named replicate and over all."""
    days = _categories(run, None, "restricted mean")
    if not days:
        return None
    day, over, one = days[0], simulated_over(run), named_alone(run)
    against = _against(run)
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Days"), over),
        Column("range", "Range", over),
        Column("named", "Days (95 % CI)", one),
        *(Column("gap", "Difference (95 % CI)", against), Column("p", "p", against)) * bool(against),
    )

    def line(code: str, arm: str) -> tuple[Text, ...]:
        mean, every = (of(code, arm, "restricted mean", category=day) for of in (run.one, run.over))
        gap, p = (_pair(run, code, arm, f"restricted mean {what}", day) for what in ("difference", "p"))
        return (mean_over(every), range_over(every), _limits(mean), *((_limits(gap), _p(p)) if against else ()))

    kinds = [
        kind
        for kind in COUNT_TIMES
        if any(run.one(kind.code, a, "restricted mean", category=day) for a in run.study.arm_ids)
    ]
    rows = tuple(
        row
        for kind in kinds
        for row in _rows(run, f"{kind.label} [{kind.code}]", f"{kind.code}|mean", partial(line, kind.code))
    )
    until = shown(cells.whole, run.config("analysis", "longitudinal", "restricted_mean_day"))
    notes = (
        said(
            "Mean days without the event up to day {}: area under Kaplan-Meier, normal limits, not stratified.", until
        ),
        "NE: nobody is watched to that day while somebody is without the event. Definitions: T 14.2.5.",
        *range_note(run),
    )
    return Table("T 14.2.5.3", "Time to event: restricted means", full_set(run), columns, rows, notes)


def incidences(run: RunFolder) -> Table | None:
    """T 14.2.5.4: cumulative incidence of events that exclude each other."""
    found = [e for e in run.estimates if e.STAT == "cumulative incidence"]
    if not found:
        return None
    days = list(dict.fromkeys(e.CATEGORY.rpartition(", day ")[2] for e in found))
    columns = (
        Column("arm", "Arm"),
        Column("n", "n"),
        *(Column(f"day{day}", label(f"Day {day}"), "Cumulative incidence (95 % CI), %") for day in days),
    )
    kinds = dict.fromkeys((e.PARAMCD, e.PARAM, e.CATEGORY.rpartition(", day ")[0]) for e in found)

    def line(code: str, name: str, arm: str) -> tuple[Text, ...]:
        rows = [run.one(code, arm, "cumulative incidence", category=f"{name}, day {day}") for day in days]
        return (_whole(rows[0]) if rows[0] else NONE, *map(_limits, rows))

    rows = tuple(
        row
        for code, title, name in kinds
        for row in _rows(run, f"{title}: {name}", f"{code}|{name}", partial(line, code, name))
    )
    late = said(", the last day of its visit window, {} later", shown(cells.plural, _window(run), one="day"))
    notes = (
        said("Aalen-Johansen, limits log-log. By each day{}.", late if run.study.visits.window_days else ""),
        "The reasons to leave exclude each other, and so do response and leaving without one. Kaplan-Meier, which "
        "censors the other events, is higher. Who was rescued or stopped for good before a response never has one.",
    )
    codes = [code for code, _, _ in kinds]
    title = "Leaving and response" if LEFT in codes else "Response"
    return Table("T 14.2.5.4", f"{title}: cumulative incidence", _alone(run), columns, rows, notes)


def recurrent(run: RunFolder) -> Table | None:
    """T 14.2.6: rescues and bleeding episodes per patient-year, and their rate ratios."""
    codes = [code for code in RECURRENT if run.one(code, run.study.arm_ids[0], "events per patient-year")]
    if not codes:
        return None
    against = _against(run)
    columns = (
        Column("arm", "Arm"),
        Column("events", "Events"),
        Column("years", "Patient-years"),
        Column("rate", "Per patient-year (95 % CI)"),
        *(Column("ratio", "Rate ratio (95 % CI)", against), Column("p", "p", against)) * bool(against),
    )

    def line(code: str, arm: str) -> tuple[Text, ...]:
        rate, years = (run.one(code, arm, stat) for stat in ("events per patient-year", "recurrent patient-years"))
        if rate is None or years is None:
            return (NONE,) * (len(columns) - 1)
        ratio, p = (_pair(run, code, arm, stat, "") for stat in ("rate ratio", "rate ratio p"))
        shares = shown(cells.with_limits, *numbers(rate, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=2)
        return (
            shown(cells.whole, number(rate, "N_EVENT")),
            shown(cells.rounded, number(years, "ESTIMATE"), decimals=1),
            shares,
            *((_ratio(ratio), _p(p)) if against else ()),
        )

    rows = tuple(
        row for code in codes for row in _rows(run, f"{RECURRENT[code]} [{code}]", f"{code}|rate", partial(line, code))
    )
    notes = (
        "Every event counts, of all days in the study. Bleeding episode: visits in a row with bleeding; a visit "
        "without a grade ends none.",
        "Limits of a rate: exact Poisson, as if events were independent; where some patients have more than others "
        "these are too narrow, and the negative binomial rate ratio, adjusted for stratum, is not. NE: an arm without "
        "an event.",
    )
    return Table("T 14.2.6", "Events that come again: rates", _alone(run), columns, rows, notes)


def _window(run: RunFolder) -> Number:
    return run.config("visits", "window_days")


def _alone(run: RunFolder) -> Text:
    return said("{}; {} alone", full_set(run), replicate_name(run))


def _against(run: RunFolder) -> Text:
    """Heading of the columns of comparisons; "" where nothing is compared."""
    reference = run.study.analysis.reference_arm
    return said("Against {}", label(arm_name(run, reference)[0])) if reference in run.study.arm_ids else ""


def _categories(run: RunFolder, code: str | None, stat: str) -> list[str]:
    """What a statistic is of, in the order of the estimates."""
    return list(dict.fromkeys(e.CATEGORY for e in run.estimates if stat == e.STAT and code in (None, e.PARAMCD)))


def _day(day: str) -> Text:
    days = int(day)
    return f"Week {days // 7}" if days % 7 == 0 else f"Day {days}"


def _rows(run: RunFolder, title: Text, key: str, line: Line) -> Iterator[Row]:
    """A heading and a line per arm."""
    yield heading(title, key)
    for arm in run.study.arm_ids:
        name, hue = arm_name(run, arm)
        yield Row((Cell(name, "arm"), *texts(*line(arm))), f"{key}|{arm}", hue)


def _pair(run: RunFolder, code: str, arm: str, stat: str, category: str) -> Estimate | None:
    return run.one(code, arm, stat, run.study.analysis.reference_arm, category)


def _whole(e: Estimate) -> Text:
    return shown(cells.whole, number(e, "N"))


def _ratio(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.ratio_interval, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"))


def _limits(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.with_limits, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=1)


def _p(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.p_value, number(e, "ESTIMATE"))


def _number(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.rounded, number(e, "ESTIMATE"), decimals=1)
