"""Forest of simulated against published over several studies, written as PNG and SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.evidence.scorecard import Score
from analysis.evidence.scoring import ScoredStudy
from analysis.figures.palette import hue, tint
from analysis.figures.panel import FAINT, INK, LINE, STYLE
from analysis.statistics.estimators import Z95

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
class ScorePanel:
    """Lines on one axis, in groups (a title and its marks)."""

    axis: str
    logarithmic: bool
    groups: tuple[tuple[str, tuple[Mark, ...]], ...]

    @property
    def rows(self) -> int:
        """Lines of the panel, a heading each group."""
        return sum(1 + len(marks) for _, marks in self.groups)


def forest(panels: Sequence[ScorePanel], note: str, paths: Sequence[Path]) -> None:
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


def _panel(axes: Axes, panel: ScorePanel) -> None:
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


def _ratio_axis(axes: Axes, panel: ScorePanel) -> None:
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


def panels(studies: Iterable[ScoredStudy]) -> list[ScorePanel]:
    """What the forest draws: scored rates in percent; all else as a ratio to the published value (above 0 only)."""
    studies = list(studies)
    axes = {True: ("Patients, %", False), False: ("Ratio to the published value", True)}
    drawn = []
    for percent, (axis, logarithmic) in axes.items():
        groups = [
            (study.id.replace("_", " "), tuple(_line(s) for s in study.scores if _is_drawn(s, percent)))
            for study in studies
        ]
        if any(marks for _, marks in groups):
            drawn.append(ScorePanel(axis, logarithmic, tuple((title, marks) for title, marks in groups if marks)))
    return drawn


def _is_drawn(s: Score, percent: bool) -> bool:
    return s.inside != "" and (s.unit == "%") == percent and (percent or s.published > 0)


def _line(s: Score) -> Mark:
    scale = 1.0 if s.unit == "%" else s.published
    floor = -1e9 if s.unit == "%" else 0.01
    assert s.ci_low is not None and s.ci_high is not None and s.simulated is not None
    error = Z95 * (s.mcse or 0.0)
    numbers = (s.published, s.ci_low, s.ci_high, s.simulated, s.simulated - error, s.simulated + error)
    published, low, high, simulated, down, up = (max(x / scale, floor) for x in numbers)
    name, seen, inside = f"{s.endpoint}  {s.arm}", s.seen == "yes", s.inside == "yes"
    return Mark(name, published, low, high, simulated, down, up, seen, inside)
