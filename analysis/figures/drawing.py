"""The drawing of a structure: a box per state, an arrow per flow, a dashed arrow where a state sets another's rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.evidence.model import Model, positions
from analysis.figures.palette import HUES, tint
from analysis.figures.panel import FAINT, INK, Panel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

STEP_X, STEP_Y = 1.36, 1.25
WIDE, HIGH = 0.98, 0.52
"""Distance between boxes and size of a box (inches)."""
FEW, BUS = 3, 0.34
"""Influences in a row that are drawn as one arrow, and how far above the boxes they meet (inches)."""
FLOW, INFLUENCE = HUES[1], HUES[3]
Point = tuple[float, float]


def structure_figure(model: Model) -> str:
    """The drawing as SVG."""
    at = {name: (STEP_X * column, -STEP_Y * row) for name, (column, row) in positions(model).items()}
    width = max(x for x, _ in at.values()) + WIDE
    height = HIGH - min(y for _, y in at.values())
    panel = Panel("structure", width + 0.9, height + 0.95, "", margins=(0.0, 1.0, 0.0, 1.0))
    with panel as (axes, out):
        axes.set_axis_off()
        axes.set_xlim(-WIDE / 2 - 0.55, width - WIDE / 2 + 0.35)
        axes.set_ylim(HIGH / 2 - height - 0.45, HIGH / 2 + 0.5)
        bundled = _bundles(model, at)
        for target, sources in bundled.items():
            _bundle(axes, [at[name] for name in sources], at[target])
        for a, b in model.influences:
            if a not in bundled.get(b, ()):
                _influence(axes, at[a], at[b])
        for a, b in model.flows:
            _flow(axes, at[a], at[b], (b, a) in model.flows)
        for name in model.sources:
            x, y = at[name]
            _arrow(axes, (x - 0.32, y + HIGH / 2 + 0.26), (x - 0.32, y + HIGH / 2), FLOW)
        for name in model.losses:
            x, y = at[name]
            _arrow(axes, (x + 0.32, y - HIGH / 2), (x + 0.32, y - HIGH / 2 - 0.26), FLOW)
        for state in model.states:
            _box(axes, at[state.name], state.name, state.unit)
        x, y = at[model.dose_state]
        _arrow(axes, (x - WIDE / 2 - 0.3, y), (x - WIDE / 2, y), INK)
        axes.text(x - WIDE / 2 - 0.3, y + 0.06, "dose", ha="center", va="bottom", fontsize=7.5, color=INK)
    return out.svg


def _box(axes: Axes, at: Point, name: str, unit: str) -> None:
    x, y = at
    left, right, low, high = x - WIDE / 2, x + WIDE / 2, y - HIGH / 2, y + HIGH / 2
    corners = ([left, right, right, left], [low, low, high, high])
    axes.fill(*corners, facecolor=tint(1, 0.1), edgecolor=FLOW, lw=1, zorder=3)
    size = min(9.0, 9.0 * 9 / max(len(name), 1))
    axes.text(
        x,
        y + (0.08 if unit != "1" else 0.0),
        name,
        ha="center",
        va="center",
        fontsize=size,
        fontweight="bold",
        zorder=4,
    )
    if unit != "1":
        axes.text(
            x, y - 0.13, unit.replace("10^9", "10⁹"), ha="center", va="center", fontsize=7.5, color=FAINT, zorder=4
        )


def _flow(axes: Axes, a: Point, b: Point, both_ways: bool) -> None:
    """Side to side between neighbours, top or bottom to a neighbour row, and over the top of what lies between."""
    (ax, ay), (bx, by) = a, b
    right = 1 if bx > ax else -1
    shift = 0.11 * right if both_ways else 0.0
    if ay == by and abs(bx - ax) < 1.5 * STEP_X:
        _arrow(axes, (ax + right * WIDE / 2, ay + shift), (bx - right * WIDE / 2, by + shift), FLOW)
    elif ay == by:
        _arrow(axes, (ax + 0.1 * right, ay + HIGH / 2), (bx - 0.1 * right, by + HIGH / 2), FLOW, bend=-0.22 * right)
    else:
        _arrow(axes, *_vertical(a, b, 0.0), FLOW)


def _influence(axes: Axes, a: Point, b: Point) -> None:
    (ax, ay), (bx, by) = a, b
    right = 1 if bx >= ax else -1
    if ay == by:
        edge = -HIGH / 2 if right > 0 else HIGH / 2
        ends = (ax + 0.15 * right, ay + edge), (bx - 0.15 * right, by + edge)
        _arrow(axes, *ends, INFLUENCE, bend=0.2, dashed=True)
    else:
        down = by < ay
        _arrow(axes, *_vertical(a, b, 0.16 if down else -0.16), INFLUENCE, bend=0.08, dashed=True)


def _bundles(model: Model, at: Mapping[str, Point]) -> dict[str, list[str]]:
    """States by a target they all set the rate of, from three in a row below it: drawn as one arrow, not as many."""
    found: dict[str, list[str]] = {}
    for target in at:
        sources = [a for a, b in model.influences if b == target and at[a][1] < at[target][1]]
        rows = [at[a][1] for a in sources]
        found[target] = [a for a in sources if rows.count(at[a][1]) >= FEW]
    return {target: sources for target, sources in found.items() if sources}


def _bundle(axes: Axes, sources: Sequence[Point], target: Point) -> None:
    """Per row a dashed line over the boxes with a stub from each; all rise beside the target and meet there."""
    dashed: Any = {"color": INFLUENCE, "lw": 0.9, "ls": (0, (4, 2.5)), "zorder": 2}
    x = target[0] - STEP_X / 2
    meet = (x, target[1] - HIGH / 2 - BUS)
    for y in sorted({y for _, y in sources}):
        bus = y + HIGH / 2 + BUS
        stubs = [a for a, b in sources if b == y]
        axes.plot([min(x, *stubs), max(x, *stubs)], [bus, bus], **dashed)
        for stub in stubs:
            axes.plot([stub, stub], [y + HIGH / 2, bus], **dashed)
        axes.plot([x, x], [bus, meet[1]], **dashed)
    _arrow(axes, meet, (target[0] - WIDE / 4, target[1] - HIGH / 2), INFLUENCE, dashed=True)


def _vertical(a: Point, b: Point, shift: float) -> tuple[Point, Point]:
    """From the lower or upper edge of one box to the facing edge of the other."""
    down = 1 if b[1] < a[1] else -1
    return (a[0] + shift, a[1] - down * HIGH / 2), (b[0] + shift, b[1] + down * HIGH / 2)


def _arrow(axes: Axes, a: Point, b: Point, colour: str, bend: float = 0.0, dashed: bool = False) -> None:
    style = {
        "arrowstyle": "-|>,head_width=0.22,head_length=0.4",
        "color": colour,
        "lw": 0.9 if dashed else 1.4,
        "linestyle": (0, (4, 2.5)) if dashed else "solid",
        "connectionstyle": f"arc3,rad={bend}",
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", xy=b, xytext=a, arrowprops=style, annotation_clip=False, zorder=2)
