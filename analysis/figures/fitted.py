"""A fitted curve with its band beside what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis.figures.palette import hue, tint
from analysis.figures.panel import FAINT, INK, Panel


class DosePoint(NamedTuple):
    """A value at a dose or exposure, with its limits where there are any."""

    at: float
    value: float
    low: float | None = None
    high: float | None = None


def by_dose(
    name: str, title: str, seen: Sequence[DosePoint], curve: Sequence[DosePoint], what: str,
    along: str = "Dose, mg", true: Sequence[DosePoint] = (), log: bool = False,
) -> str:  # fmt: skip
    """Points with limits, a curve with its band, and where it is known the ``true`` curve, dashed."""
    with Panel(name, 3.7, 2.9, title) as (axes, out):
        banded = [(p.at, p.low, p.high) for p in curve if p.low is not None and p.high is not None]
        at, low, high = zip(*banded, strict=True) if banded else ((), (), ())
        axes.fill_between(at, low, high, color=tint(1, 0.25), lw=0)
        axes.plot([p.at for p in curve], [p.value for p in curve], color=hue(1), lw=2)
        axes.plot([p.at for p in true], [p.value for p in true], color=INK, lw=1.6, ls=(0, (4, 2)), marker="s", ms=3)
        for p in seen:
            if p.low is not None and p.high is not None:
                axes.plot([p.at, p.at], [p.low, p.high], color=FAINT, lw=1.2)
        axes.plot([p.at for p in seen], [p.value for p in seen], marker="o", ms=5, color=INK, ls="none")
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
        axes.set_xlabel(along)
        axes.set_ylabel(what)
    return out.svg
