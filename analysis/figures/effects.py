"""Differences in subgroups below that in all patients, as a forest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.figures.palette import hue, tint
from analysis.figures.panel import FAINT, INK, LINE, Panel

LEFT = 1.45
"""Room for the names of subgroups, in inches."""
LETTERS = 68 * LEFT / 0.58
"""Room in points over the width of a letter in its size; a longer name has smaller letters."""


@dataclass(frozen=True)
class EffectRow:
    """One line, percentage points: the named replicate with its limits (None: not estimable), the mean of replicates
    with their range; ``heading``: only the label.
    """

    label: str
    one: tuple[float, float, float] | None = None
    mean: float | None = None
    range: tuple[float, float] | None = None
    heading: bool = False


def effects(name: str, title: str, rows: Sequence[EffectRow], k: int) -> str:
    """Limits of one replicate (bar, its difference a tick), mean of replicates (dot) and their range (line)."""
    height = 0.8 + 0.18 * title.count("\n") + 0.24 * len(rows)
    with Panel(name, 3.7, height, title, left=LEFT) as (axes, out):
        for y, row in enumerate(rows):
            if row.one:
                axes.plot(row.one[1:], [y, y], color=tint(k, 0.35), lw=6, solid_capstyle="butt")
                axes.plot([row.one[0]], [y], marker="|", ms=8, mew=1.6, color=INK, ls="none")
            if row.range:
                axes.plot(row.range, [y, y], color=hue(k), lw=1.1)
            if row.mean is not None:
                axes.plot([row.mean], [y], marker="o", ms=5, color=hue(k), ls="none")
            elif not row.heading:
                axes.annotate("NE", (0, y), color=FAINT, ha="center", va="center", fontsize=8)
        axes.axvline(0, color=FAINT, lw=0.9)
        if rows and (whole := rows[0].mean) is not None:
            axes.axvline(whole, color=hue(k), lw=0.8, ls=(0, (4, 3)))
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        for text, row in zip(axes.get_yticklabels(), rows, strict=True):
            text.set_fontweight("bold" if row.heading else "normal")
            text.set_fontsize(min(9.0, LETTERS / max(len(row.label), 1)))
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="x", color=LINE, lw=0.6)
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Difference, percentage points")
    return out.svg


def worsening(name: str, title: str, points: Sequence[tuple[float, float, float, float, bool]], k: int) -> str:
    """Difference over delta: (delta, difference, lower and upper limit, whether in favour), percentage points."""
    with Panel(name, 3.2, 2.6 + 0.18 * title.count("\n"), title) as (axes, out):
        for delta, middle, low, high, won in points:
            axes.plot([delta, delta], [low, high], color=tint(k, 0.45), lw=2.2)
            axes.plot([delta], [middle], marker="o", ms=5, color=hue(k), mfc=hue(k) if won else "white", ls="none")
        axes.plot([point[0] for point in points], [point[1] for point in points], color=hue(k), lw=0.9, zorder=0)
        axes.axhline(0, color=FAINT, lw=0.9)
        axes.set_xlabel("Delta, taken from log counts")
        axes.set_ylabel("Difference, percentage points")
    return out.svg
