"""Two endpoints of several designs against each other: what one gains and the other costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.figures.palette import hue
from analysis.figures.panel import FAINT, INK, LINE, Panel


@dataclass(frozen=True)
class Design:
    """One design in one arm: both endpoints and their Monte Carlo errors; ``stands``: it is the study as it stands.

    ``front``: no other design is better in one and as good in the other; ``name``: what is written beside it.
    """

    x: float
    y: float
    x_error: float = 0.0
    y_error: float = 0.0
    arm: int = 1
    stands: bool = False
    front: bool = False
    name: str = ""


def trade_off(name: str, title: str, x: str, y: str, designs: Sequence[Design]) -> str:
    """Points with their errors; the study as it stands is a diamond with its cross lines; the front a line, as SVG."""
    with Panel(name, 6.4, 4.2, title) as (axes, out):
        for design in designs:
            look: Any = {"marker": "D", "ms": 8, "mec": INK, "mew": 1.2} if design.stands else {"marker": "o", "ms": 5}
            colour = hue(design.arm) if design.front or design.stands or not any(d.front for d in designs) else LINE
            axes.errorbar(
                design.x, design.y, xerr=design.x_error, yerr=design.y_error, color=colour, ecolor=LINE, elinewidth=0.9,
                zorder=4 if design.stands else 3 if design.front else 2, **look,
            )  # fmt: skip
            if design.stands:
                axes.axvline(design.x, color=hue(design.arm), lw=0.7, ls=(0, (2, 3)), zorder=1)
                axes.axhline(design.y, color=hue(design.arm), lw=0.7, ls=(0, (2, 3)), zorder=1)
            if design.name:
                axes.annotate(
                    design.name,
                    (design.x, design.y),
                    xytext=(5, 4),
                    textcoords="offset points",
                    fontsize=8,
                    color=FAINT,
                )
        for arm in sorted({design.arm for design in designs if design.front}):
            line = sorted((d.x, d.y) for d in designs if d.front and d.arm == arm)
            axes.plot([a for a, _ in line], [b for _, b in line], color=hue(arm), lw=1.0, zorder=2)
        axes.grid(color=LINE, lw=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
    return out.svg
