"""A small panel as inline SVG: its letters, its room, and the with block it is drawn in."""

from __future__ import annotations

import logging
import re
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONTS = logging.getLogger("matplotlib.font_manager")
"""What it warns of, a home where its list of fonts cannot be kept, changes no figure."""
INK, FAINT, LINE = "#1f2933", "#6b7785", "#d5dae0"
WEB_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # where it stands anyway; left to itself, it asks every letter for its box
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "virtual-trial",
    "figure.dpi": 72,
}
LEFT, RIGHT, BOTTOM = 0.62, 0.14, 0.45
"""Room beside the axes of a panel, in inches."""
X_LABEL, Y_LABEL = 21.0, 32.0
"""How far from the axes their labels begin, in points: beyond those of the ticks, which need not be measured then."""


def _top(title: str) -> float:
    """Room above the axes for the lines of a title, in inches."""
    return 0.12 + 0.18 * len(title.splitlines() or " ")


def points(width: float, height: float, title: str, bottom: float) -> tuple[float, float]:
    """Width and height of the axes of a panel, in points."""
    return 72 * (width - LEFT - RIGHT), 72 * (height - bottom - _top(title))


class Panel:
    """A small figure that becomes ``svg`` when the with block ends; gives its axes (the first) and itself.

    ``margins``: left, right, bottom, top of the axes as shares of the figure; None: room for labels and the title.
    """

    def __init__(
        self,
        name: str,
        width: float,
        height: float,
        title: str,
        rows: tuple[float, ...] = (1,),
        left: float = LEFT,
        bottom: float = BOTTOM,
        margins: tuple[float, float, float, float] | None = None,
    ) -> None:
        self.name, self.size, self.title, self.rows = name, (width, height), title, rows
        self.margins = {
            "left": left / width,
            "right": 1 - RIGHT / width,
            "bottom": bottom / height,
            "top": 1 - _top(title) / height,
        }
        if margins:
            self.margins = dict(zip(("left", "right", "bottom", "top"), margins, strict=True))
        self.svg = ""

    def __enter__(self) -> tuple[Axes, Panel]:
        FONTS.setLevel(logging.ERROR)
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.context = matplotlib.rc_context(STYLE)
        self.context.__enter__()
        self.figure: Figure = Figure(figsize=self.size)
        FigureCanvasSVG(self.figure)
        layout = {"height_ratios": self.rows, **self.margins}
        axes = self.figure.subplots(len(self.rows), sharex=True, squeeze=False, gridspec_kw=layout)[:, 0]
        if self.title:
            axes[0].set_title(self.title)
        for part in axes:
            box = part.get_position()
            part.xaxis.set_label_coords(0.5, -X_LABEL / (72 * self.size[1] * box.height))
            part.yaxis.set_label_coords(-Y_LABEL / (72 * self.size[0] * box.width), 0.5)
        return axes[0], self

    def __exit__(self, *failure: object) -> None:
        text = StringIO()
        if failure[0] is None:
            self.figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
            self.svg = inline(text.getvalue(), self.name, self.title)
        self.context.__exit__(None, None, None)


def inline(svg: str, name: str, label: str = "") -> str:
    """An SVG document as an element for a page: own ids, fonts of the page, scalable; ``label`` is read aloud."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.S)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, count=1, flags=re.S)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    width = re.search(r'<svg[^>]*? width="([\d.]+)pt"', svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns:xlink="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = svg.replace("'DejaVu Sans'", WEB_FONT)
    spoken = f" aria-label={quoteattr(' '.join(label.split()))}" if label else ""
    size = f' style="max-width:{1.45 * float(width[1]):.0f}px"' if width else ""
    return svg.replace("<svg ", f'<svg role="img"{spoken}{size} ', 1).strip()
