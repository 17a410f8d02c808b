"""Colour, dashes and pattern of an arm: by its number in the study, so that arms differ in print without colour too."""

from __future__ import annotations

HUES = (
    "#5f6b7a", "#0f766e", "#3949ab", "#b45309", "#a21caf", "#4d7c0f", "#be123c", "#0369a1", "#78350f", "#6d28d9",
    "#a16207", "#111827",
)  # fmt: skip
"""The grey of placebo arms, then those of the others in turn."""
DASHES: tuple[tuple[float, ...], ...] = ((), (5.0, 2.0), (1.2, 1.6), (6.0, 2.0, 1.2, 2.0))
"""Strokes and gaps of a line, in line widths: whole, dashed, dotted, both."""
SLANTS = ("", "45deg", "90deg", "135deg")
"""How the stripes of a swatch run, by the same number."""
PER_DASH = 5
"""Arms in a row with the same dashes; every colour comes with each of the dashes before it comes again: 44 looks."""


def hue(k: int) -> str:
    """Colour of the ``k``-th active arm, from 1; 0 and below are placebo arms, grey."""
    return HUES[0] if k <= 0 else HUES[1 + (k - 1) % (len(HUES) - 1)]


def tint(k: int, strength: float) -> str:
    """The hue mixed with white: strength 0 is white, 1 the hue itself."""
    rgb = [int(hue(k)[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (c - 255) * strength):02x}" for c in rgb)


def _look(k: int) -> int:
    if k <= 0:
        return -k % len(DASHES)
    turn, colour = divmod(k - 1, len(HUES) - 1)
    return (turn + colour // PER_DASH) % len(DASHES)


def line_style(k: int) -> str | tuple[int, tuple[float, ...]]:
    """Dashes of the arm's lines, as matplotlib takes them."""
    dashes = DASHES[_look(k)]
    return (0, dashes) if dashes else "-"


def swatch(k: int) -> str:
    """What fills the arm's square in a page, in CSS: its colour, or stripes of it."""
    slant, colour = SLANTS[_look(k)], hue(k)
    return f"repeating-linear-gradient({slant}, {colour} 0 2px, #fff 2px 3.5px)" if slant else colour
