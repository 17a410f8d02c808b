"""A visual predictive check: observed percentiles as lines, their simulated intervals as bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis.figures.palette import hue, tint
from analysis.figures.panel import INK, Panel


class Predicted(NamedTuple):
    """One percentile (0, 1, 2: low, middle, high) of one bin; None: below the limit."""

    which: int
    at: float
    observed: float | None
    low: float | None
    high: float | None
    inside: bool


def check(name: str, title: str, found: Sequence[Predicted], axes_of: tuple[str, str]) -> str:
    """Bands of the intervals, lines of what was observed, rings around what lies outside; counts on a log axis."""
    with Panel(name, 3.7, 2.9, title) as (axes, out):
        for which, style in ((0, (0, (4, 2))), (1, "-"), (2, (0, (4, 2)))):
            here = [p for p in found if p.which == which]
            band = [(p.at, p.low, p.high) for p in here if p.low is not None and p.high is not None]
            k = 1 if which == 1 else 2
            if band:
                at, low, high = zip(*band, strict=True)
                axes.fill_between(at, low, high, color=tint(k, 0.28), lw=0)
            seen = [(p.at, p.observed, p.inside) for p in here if p.observed is not None]
            axes.plot([p[0] for p in seen], [p[1] for p in seen], color=hue(k), lw=1.6, ls=style, marker="o", ms=2.5)
            out_of = [p for p in seen if not p[2]]
            axes.plot(
                [p[0] for p in out_of], [p[1] for p in out_of], marker="o", ms=8, mfc="none", color=INK, ls="none"
            )
        positive = [p.observed for p in found if p.observed is not None] + [p.low for p in found if p.low is not None]
        if positive and min(positive) > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
        axes.set_xlabel(axes_of[0])
        axes.set_ylabel(axes_of[1])
    return out.svg
