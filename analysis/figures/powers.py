"""Power against the number of patients, one panel per scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis.figures.palette import hue, line_style
from analysis.figures.panel import FAINT, LINE, Panel


class PowerCurve(NamedTuple):
    """A line of a panel: its name, and at each size the share with its limits."""

    label: str
    hue: int
    sizes: Sequence[float]
    shares: Sequence[tuple[float, float, float]]


def powers(name: str, title: str, curves: Sequence[PowerCurve], wanted: float | None) -> str:
    """Shares in % with their 95 % limits; ``wanted``: a line across."""
    with Panel(name, 3.7, 2.7, title) as (axes, out):
        for curve in curves:
            value, low, high = ([100 * one[k] for one in curve.shares] for k in range(3))
            axes.fill_between(curve.sizes, low, high, color=hue(curve.hue), alpha=0.15, lw=0)
            axes.plot(curve.sizes, value, marker="o", ms=3.5, lw=1.3, color=hue(curve.hue), ls=line_style(curve.hue))
        if wanted is not None:
            axes.axhline(100 * wanted, color=FAINT, lw=0.9, ls=(0, (4, 3)))
        axes.set_ylim(0, 103)
        axes.grid(color=LINE, lw=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("Patients, all arms")
        axes.set_ylabel("Trials, %")
    return out.svg
