"""Forest of simulated against published over several studies, written as PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figures.charts import FAINT, INK, LINE, STYLE, hue, tint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEEN, PREDICTED, MISS = 2, 3, "#b3261e"
READ = "Bar and tick: published limits and value. Dot and line: simulated, with its Monte Carlo 95 % interval."
ROW_IN, WIDTH_IN, LABELS_IN = 0.23, 8.2, 2.5


@dataclass(frozen=True)
class Mark:
    """One line: published value with limits, simulated value with its Monte Carlo interval, all on one scale."""

    label: str
    published: float
    low: float
    high: float
    simulated: float
    simulated_low: float
    simulated_high: float
    seen: bool
    inside: bool


@dataclass(frozen=True)
class Panel:
    """Lines on one axis, in groups (a title and its marks)."""

    axis: str
    logarithmic: bool
    groups: tuple[tuple[str, tuple[Mark, ...]], ...]

    @property
    def rows(self) -> int:
        """Lines of the panel, a heading each group."""
        return sum(1 + len(marks) for _, marks in self.groups)


def forest(panels: Sequence[Panel], note: str, paths: Sequence[Path]) -> None:
    """Draw the panels below each other and write the same figure to every path (.png, .svg)."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    heights = [ROW_IN * panel.rows + 0.75 for panel in panels]
    total = sum(heights) + 0.95
    with rc_context(STYLE | {"svg.fonttype": "path", "figure.dpi": 150}):
        figure = Figure(figsize=(WIDTH_IN, total))
        top = total - 0.6
        for panel, height in zip(panels, heights, strict=True):
            place = (LABELS_IN / WIDTH_IN, (top - height + 0.55) / total, 1 - (LABELS_IN + 0.75) / WIDTH_IN)
            _panel(figure.add_axes((*place, (height - 0.6) / total)), panel)
            top -= height
        _legend(figure.add_axes((0, 1 - 0.5 / total, 1, 0.5 / total)))
        figure.text(0.02, 0.06 / total, f"{READ}\n{note}", fontsize=7.5, color=FAINT, va="bottom")
        for path in paths:
            kept = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            figure.savefig(path, metadata=kept, facecolor="white")


def _panel(axes: Axes, panel: Panel) -> None:
    y, ticks, labels = panel.rows - 1, [], []
    if panel.logarithmic:
        axes.set_xscale("log")
    for title, marks in panel.groups:
        axes.annotate(title, (0, y), xycoords=("axes fraction", "data"), xytext=(-LABELS_IN * 72 + 12, 0),
                      textcoords="offset points", va="center", fontweight="bold", annotation_clip=False)  # fmt: skip
        y -= 1
        for mark in marks:
            _mark(axes, y, mark)
            ticks.append(y)
            labels.append(mark.label)
            y -= 1
    axes.set_yticks(ticks, labels)
    axes.set_ylim(-0.7, panel.rows - 0.3)
    axes.grid(axis="x", color=LINE, lw=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(panel.axis)
    if panel.logarithmic:
        _ratio_axis(axes, panel)
    else:
        axes.set_xlim(0, 100)


def _ratio_axis(axes: Axes, panel: Panel) -> None:
    marks = [m for _, marks in panel.groups for m in marks]
    low = min(0.5, *(0.9 * min(m.low, m.simulated_low) for m in marks))
    high = max(2.0, *(1.1 * max(m.high, m.simulated_high) for m in marks))
    ticks = [t for t in (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10) if low <= t <= high]
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()


def _mark(axes: Axes, y: float, mark: Mark) -> None:
    k = SEEN if mark.seen else PREDICTED
    axes.plot([mark.low, mark.high], [y, y], color=tint(k, 0.3), lw=7, solid_capstyle="butt")
    axes.plot([mark.published], [y], marker="|", ms=9, mew=1.6, color=INK, ls="none")
    ink = hue(k) if mark.inside else MISS
    axes.plot([mark.simulated_low, mark.simulated_high], [y, y], color=ink, lw=1.4)
    shape: dict[str, Any] = (
        {"marker": "o", "ms": 5.5, "mfc": ink} if mark.inside else {"marker": "X", "ms": 7, "mfc": "w"}
    )
    axes.plot([mark.simulated], [y], mec=ink, mew=1.3, ls="none", **shape)
    if not mark.inside:
        axes.annotate("miss", (1, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                      va="center", color=MISS, fontweight="bold", annotation_clip=False)  # fmt: skip


def _legend(axes: Axes) -> None:
    axes.axis("off")
    axes.set_xlim(0, WIDTH_IN)
    axes.set_ylim(0, 0.5)
    x = 0.2
    for text, k, inside in (
        ("calibration target", SEEN, True),
        ("predicted", PREDICTED, True),
        ("missed", PREDICTED, False),
    ):
        ink = hue(k) if inside else MISS
        axes.plot([x, x + 0.5], [0.22, 0.22], color=tint(k, 0.3), lw=7, solid_capstyle="butt")
        axes.plot(
            [x + 0.25], [0.22], marker="o" if inside else "X", ms=6, mfc=ink if inside else "white", mec=ink, ls="none"
        )
        axes.text(x + 0.6, 0.22, text, va="center")
        x += 0.95 + 0.075 * len(text)
