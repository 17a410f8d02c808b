"""Axes that keep what is drawn on them instead of drawing it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from analysis.figures import charts


class Drawn:
    """Axes by panel name; ``of(name)`` lists the calls of one kind as (args, keywords)."""

    def __init__(self, patch: Any, module: Any = charts, ticks: tuple[float, ...] = ()) -> None:
        self.axes: dict[str, Any] = {}
        self.titles: dict[str, str] = {}
        self.sizes: dict[str, tuple[float, float]] = {}
        self.margins: dict[str, Any] = {}
        self.ticks = ticks
        self.panel = charts.Panel
        patch.setattr(module, "Panel", self._panel)

    def _panel(self, name: str, width: float, height: float, title: str, rows: Any = (1,), **placed: Any) -> Any:
        made = [MagicMock(name=f"{name}{k}") for k in range(len(rows))]
        for axes in made:
            axes.get_xticks.return_value = list(self.ticks)
        self.axes[name], self.titles[name], self.sizes[name] = made[0], title, (width, height)
        self.margins[name] = self.panel(name, width, height, title, rows, **placed).margins
        out = SimpleNamespace(svg=f"<svg {name}>", figure=SimpleNamespace(axes=made))
        for k, axes in enumerate(made[1:], start=1):
            self.axes[f"{name}/{k}"] = axes
        manager = MagicMock()
        manager.__enter__.return_value = (made[0], out)
        manager.__exit__.return_value = False
        return manager

    def of(self, panel: str, call: str) -> list[tuple[tuple, dict]]:
        """Arguments and keywords of each call of a method."""
        return [(made.args, made.kwargs) for made in getattr(self.axes[panel], call).call_args_list]
