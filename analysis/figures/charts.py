"""Figures as inline SVG. Only the figures modules import matplotlib, and only when a figure is drawn.

Every figure is a list of small panels, so that a narrow window stacks them instead of shrinking the letters. The same
numbers give the same bytes: no date, ids from the figure's own name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.figures.palette import hue, line_style, tint
from analysis.figures.panel import FAINT, INK, LINE, Panel, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

CHEMO = "#7c2d12"
LINE_OF_TEXT = 10.5
"""Height of a line of text below a figure, in points."""
COUNT_TICKS = (1, 3, 10, 30, 50, 100, 250, 500, 1000)


@dataclass(frozen=True)
class QuartileCurve:
    """Counts of one arm: first quartile, median and third quartile (3, V), 10^9/L, at the weeks of the visits (V,).

    ``marks``: weeks of chemotherapy.
    """

    label: str
    hue: int
    weeks: Array
    quartiles: Array
    marks: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rungs:
    """Shares (rungs, D) of the patients of one arm on each dose level on days 0 to D - 1; ``names`` of the levels."""

    label: str
    hue: int
    names: tuple[str, ...]
    shares: Array


@dataclass(frozen=True)
class Trace:
    """A share (D,) of the patients of one arm at ``weeks`` (D,), NaN: not known; ``at_risk`` (D,) stand below it."""

    label: str
    hue: int
    weeks: Array
    share: Array
    at_risk: Array | None = None


@dataclass(frozen=True)
class ForestRow:
    """One line of the forest plot, %: published value with limits, simulated mean with the range of replicates."""

    label: str
    hue: int
    published: float
    low: float
    high: float
    simulated: float
    range_low: float
    range_high: float
    inside: bool


@dataclass(frozen=True)
class Lever:
    """One line of a tornado: change of the result, and half its Monte Carlo interval, at the low and the high value."""

    label: str
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class Bar:
    """One bar of a waterfall: what it adds, and half its Monte Carlo interval."""

    label: str
    change: float
    half: float


@dataclass(frozen=True)
class PatientCourse:
    """One patient: counts (V,) on ``days`` (V,), the dose level (mg) of each period [start, end) day, days of rescue
    and of chemotherapy.
    """

    hue: int
    days: Array
    counts: Array
    periods: tuple[tuple[float, float, float], ...]
    rescue_days: tuple[float, ...]
    last_day: float
    chemo_days: tuple[float, ...] = ()


def platelets(curves: Sequence[QuartileCurve], thresholds: Sequence[float]) -> list[str]:
    """Median and quartiles of the counts over time, one panel per arm with the other medians in the background."""
    panels = []
    everyone = _one_line([c.weeks for c in curves]), _one_line([c.quartiles[1] for c in curves])
    for k, curve in enumerate(curves):
        with Panel(f"platelets{k}", 3.7, 2.9, over_panel(curve.label)) as (axes, out):
            axes.plot(*everyone, color=LINE, lw=1.2)
            low, middle, high = curve.quartiles
            axes.fill_between(curve.weeks, low, high, color=tint(curve.hue, 0.25), lw=0)
            axes.plot(curve.weeks, middle, color=hue(curve.hue), lw=2)
            _count_axis(axes, thresholds, [q for c in curves for q in (c.quartiles[0], c.quartiles[2])])
            _week_axis(axes, curve.weeks)
            _mark(axes, curve.marks)
            axes.set_ylabel("Platelets, 10⁹/L")
        panels.append(out.svg)
    return panels


def _one_line(parts: Sequence[Array]) -> Array:
    """Several lines as one, which is broken between them."""
    return np.concatenate([np.append(part, np.nan) for part in parts] or [np.empty(0)])


def dose_levels(arms: Sequence[Rungs], name: str = "doses") -> list[str]:
    """Share of patients on each dose level, or in each stage, over time, stacked, one panel per arm."""
    panels = []
    for k, arm in enumerate(arms):
        with Panel(f"{name}{k}", 3.7, 2.9, over_panel(arm.label)) as (axes, out):
            days = np.arange(arm.shares.shape[1] + 1) / 7
            taken = arm.shares.max(axis=1) > 0
            colours = [c for c, some in zip(rung_colours(arm.hue, len(arm.names)), taken, strict=True) if some]
            steps = np.concatenate([arm.shares, arm.shares[:, -1:]], axis=1)[taken] * 100
            if taken.any():  # an arm can be without patients
                axes.stackplot(days, steps, colors=colours, step="post", lw=0.4, edgecolor="white")
            axes.set_ylim(0, 100)
            _week_axis(axes, days)
            axes.set_ylabel("Patients, %")
        panels.append(out.svg)
    return panels


def rung_colours(k: int, n: int) -> list[str]:
    """Colours of ``n`` dose levels of an arm, the first (no dose) a pale warm one, then light to dark."""
    return ["#f3e3c3", *(tint(k, s) for s in np.linspace(0.22, 1.0, max(n - 1, 1)))][:n]


def shares_over_time(name: str, title: str, traces: Sequence[Trace], top: float = 0.0) -> str:
    """One line per arm of a share over time; the axis ends at ``top`` (%) or, when 0, above the highest line.

    Below it the name of each arm beside a piece of its line and, where they are known, its numbers at risk.
    """
    at_risk = any(trace.at_risk is not None for trace in traces)
    room = LINE_OF_TEXT / 72 * (len(traces) * (1 + at_risk) + 1 + 0.5 * at_risk)
    with Panel(name, 3.7, 2.9 + room, title, bottom=0.45 + room) as (axes, out):
        for trace in traces:
            axes.step(
                trace.weeks, 100 * trace.share, where="post", color=hue(trace.hue), ls=line_style(trace.hue), lw=1.8
            )
        highest = 100 * np.nan_to_num([t.share for t in traces]).max()
        axes.set_ylim(0, top or min(100.0, max(10.0, 1.25 * highest)))
        _week_axis(axes, traces[0].weeks)
        axes.set_ylabel("Patients, %")
        _names_below(axes, traces, at_risk, points(3.7, 2.9 + room, title, 0.45 + room))
    return out.svg


def _names_below(axes: Axes, traces: Sequence[Trace], at_risk: bool, size: tuple[float, float]) -> None:
    """Under the ticks of the week axis, for each arm: a piece of its line, its name, and a line of numbers at risk."""
    text: Any = {"textcoords": "offset points", "annotation_clip": False, "fontsize": 7.5}
    first, step = -38.0, -LINE_OF_TEXT * (1 + at_risk)
    if at_risk:
        axes.annotate("At risk", (0, 0), (0, first), xycoords="axes fraction", color=FAINT, **text)
    for k, trace in enumerate(traces):
        if trace.at_risk is None:
            continue
        for tick in (t for t in axes.get_xticks() if t <= trace.weeks[-1]):
            n = trace.at_risk[np.searchsorted(trace.weeks, tick - 1e-9)]
            place = (0, first - 2 * LINE_OF_TEXT + k * step)
            axes.annotate(f"{n:.0f}", (tick, 0), place, xycoords=("data", "axes fraction"), color=hue(trace.hue),
                          ha="center", **text)  # fmt: skip
    for k, trace in enumerate(traces):
        y = first - LINE_OF_TEXT + k * step
        piece = np.array([[0, y + 2.5], [22, y + 2.5]]) / size
        axes.plot(*piece.T, transform=axes.transAxes, color=hue(trace.hue), ls=line_style(trace.hue), lw=1.8,
                  clip_on=False)  # fmt: skip
        name = shorten(trace.label, 44, placeholder=" …")
        axes.annotate(name, (0, 0), (28, y), xycoords="axes fraction", color=hue(trace.hue), **text)


def forest(groups: Sequence[tuple[str, Sequence[ForestRow]]]) -> list[str]:
    """Published interval (bar), published value (tick) and simulated mean (dot), one panel per endpoint, 0 to 100 %."""
    panels = []
    for k, (title, rows) in enumerate(groups):
        height = 0.8 + 0.18 * title.count("\n") + 0.3 * len(rows)
        with Panel(f"forest{k}", 3.7, height, title, left=0.9) as (axes, out):
            for y, row in enumerate(reversed(rows)):
                _forest_row(axes, y, row)
            axes.set_yticks(range(len(rows)), [row.label for row in reversed(rows)])
            axes.set_xlim(0, 100)
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.grid(axis="x", color=LINE, lw=0.6)
            axes.set_axisbelow(True)
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
            axes.set_xlabel("Patients, %")
        panels.append(out.svg)
    return panels


def _forest_row(axes: Axes, y: float, row: ForestRow) -> None:
    axes.plot([row.low, row.high], [y, y], color=tint(row.hue, 0.35), lw=7, solid_capstyle="butt")
    axes.plot([row.published], [y], marker="|", ms=9, mew=1.6, color=INK, ls="none")
    axes.plot([row.range_low, row.range_high], [y, y], color=hue(row.hue), lw=1.1)
    face = hue(row.hue) if row.inside else "white"
    axes.plot([row.simulated], [y], marker="o", ms=5.5, mfc=face, mec=hue(row.hue), mew=1.4, ls="none")


def tornado(name: str, title: str, levers: Sequence[Lever], k: int, axis: str, reach: float) -> str:
    """Bars of the change at the low (pale) and the high value (dark), first on top, on an axis of ±``reach``."""
    with Panel(name, 3.7, 0.8 + 0.18 * title.count("\n") + 0.24 * len(levers), title, left=1.25) as (axes, out):
        for y, lever in enumerate(reversed(levers)):
            for (change, half), strength, shift in ((lever.low, 0.4, 0.18), (lever.high, 1.0, -0.18)):
                axes.barh(y + shift, change, height=0.34, color=tint(k, strength), lw=0)
                axes.plot([change - half, change + half], [y + shift] * 2, color=INK, lw=0.7)
        axes.set_yticks(range(len(levers)), [lever.label for lever in reversed(levers)])
        axes.set_ylim(-0.6, len(levers) - 0.4)
        axes.axvline(0, color=FAINT, lw=0.9)
        axes.set_xlim(-reach, reach)
        axes.grid(axis="x", color=LINE, lw=0.6)
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(axis)
    return out.svg


def shares(name: str, title: str, levers: Sequence[Lever], k: int, axis: str, most: float) -> str:
    """Bars from 0 of two indices, the second (dark) below the first (pale), first on top; to ``most``."""
    with Panel(name, 3.7, 0.8 + 0.18 * title.count("\n") + 0.24 * len(levers), title, left=1.25) as (axes, out):
        for y, lever in enumerate(reversed(levers)):
            for (size, half), strength, shift in ((lever.low, 0.4, 0.18), (lever.high, 1.0, -0.18)):
                axes.barh(y + shift, size, height=0.34, color=tint(k, strength), lw=0)
                axes.plot([size - half, size + half], [y + shift] * 2, color=INK, lw=0.7)
        axes.set_yticks(range(len(levers)), [lever.label for lever in reversed(levers)])
        axes.set_ylim(-0.6, len(levers) - 0.4)
        axes.set_xlim(0, most)
        axes.grid(axis="x", color=LINE, lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(axis)
    return out.svg


def waterfall(
    name: str, title: str, ends: tuple[float, float], steps: Sequence[Bar], k: int, axis: str, most: float
) -> str:
    """The way from the first of ``ends`` (pale) to the second (dark) in floating bars, first on top; to ``most``."""
    start = ends[0]
    with Panel(name, 3.7, 0.8 + 0.18 * title.count("\n") + 0.24 * (len(steps) + 2), title, left=1.25) as (axes, out):
        labels = ["ideal trial", *(step.label for step in steps), "as planned"]
        for y, step in enumerate(steps, start=1):
            axes.barh(y, step.change, left=start, height=0.6, color=tint(k, 0.7), lw=0)
            start += step.change
            axes.plot([start - step.half, start + step.half], [y, y], color=INK, lw=0.7)
            axes.plot([start, start], [y, y + 1], color=FAINT, lw=0.7)
        for y, end, strength in ((0, ends[0], 0.4), (len(steps) + 1, ends[1], 1.0)):
            axes.barh(y, end, height=0.6, color=tint(k, strength), lw=0)
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlim(0, most)
        axes.grid(axis="x", color=LINE, lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(axis)
    return out.svg


def patient(name: str, course: PatientCourse, thresholds: Sequence[float]) -> str:
    """One patient: counts with rescue marked above, the dose level below, its levels evenly spaced."""
    with Panel(name, 4.9, 3.7, "", rows=(2.2, 1)) as (_, out):
        upper, lower = out.figure.axes
        known = ~np.isnan(course.counts)
        upper.plot(course.days[known] / 7, course.counts[known], color=hue(course.hue), lw=1.6, marker="o", ms=4)
        for day in course.rescue_days:
            upper.axvline(day / 7, color="#b3261e", lw=1.2, ls=(0, (3, 2)))
            upper.annotate("rescue", (day / 7, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom",
                           color="#b3261e", fontsize=8)  # fmt: skip
        _count_axis(upper, thresholds, [course.counts])
        _mark(upper, [day / 7 for day in course.chemo_days])
        upper.set_ylabel("Platelets, 10⁹/L")
        levels = sorted({0.0, *(level for *_, level in course.periods)})
        for start, end, level in course.periods:
            step = levels.index(level)
            lower.fill_between([start / 7, end / 7], 0, step, color=tint(course.hue, 0.45), lw=0)
            lower.plot([start / 7, end / 7], [step, step], color=hue(course.hue), lw=1.6)
        lower.set_ylim(0, len(levels) - 0.5)
        lower.set_yticks(range(len(levels)), [f"{level:g}" for level in levels])
        lower.set_ylabel("Dose level, mg")
        for part in (upper, lower):
            part.set_xlim(0, course.last_day / 7)
        lower.set_xlabel("Week")
    return out.svg


def over_panel(label: str) -> str:
    """A label over a small panel, in two lines when it is long."""
    return "\n".join(wrap(label, 32)[:2])


def _mark(axes: Axes, weeks: Sequence[float]) -> None:
    """Triangles that stand on the axis at the days of chemotherapy."""
    axes.plot(
        weeks, [0.03] * len(weeks), transform=axes.get_xaxis_transform(), marker="^", ms=6, color=CHEMO, ls="none"
    )


def _week_axis(axes: Axes, weeks: Array) -> None:
    last = float(weeks[-1])
    axes.set_xlim(0, last)
    if last <= 2:
        days = np.arange(0, 7 * last + 0.5, max(1, np.ceil(7 * last / 7)))
        axes.set_xticks(days / 7, [f"{day:g}" for day in days])
        axes.set_xlabel("Day")
        return
    axes.set_xticks(np.arange(0, last + 0.5, 1 if last <= 5 else 2 if last <= 14 else np.ceil(last / 7)))
    axes.set_xlabel("Week")


def _count_axis(axes: Axes, thresholds: Sequence[float], drawn: Sequence[Array]) -> None:
    """Logarithmic axis of counts with the thresholds as named lines."""
    values = np.concatenate([np.asarray(v).ravel() for v in drawn])
    values = values[np.isfinite(values) & (values > 0)]
    low = min(float(values.min()) if values.size else 1.0, *(thresholds or (10.0,))) / 1.25
    high = max(float(values.max()) if values.size else 100.0, 1.1 * max(thresholds, default=100.0)) * 1.2
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = sorted({t for t in (*COUNT_TICKS, *thresholds) if low <= t <= high})
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    for threshold in thresholds:
        axes.axhline(threshold, color=FAINT, lw=0.9, ls=(0, (4, 3)))
