"""One page of a decision: a lead, figures and tables in the style of the report of a run, in one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Template

from analysis.figures.palette import hue
from analysis.report.number_origins import Text, attributes, content
from analysis.report.templating import template
from trial.jobs.provenance import STATEMENT, put


@dataclass(frozen=True)
class Chart:
    """A figure of the page, with what its colours are."""

    title: str
    svg: str
    legend: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A table of the page; the first ``names`` columns are texts, and a line may be the study as it stands."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[Text, ...], ...]
    names: int = 1
    marked: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheets:
    """The whole page."""

    title: str
    subtitle: str
    lead: str
    parts: tuple[Chart | Sheet, ...]
    footer: str


def write_page(page: Sheets, path: Path) -> Path:
    """Write the page to ``path``, which is returned."""
    put(path, _template().render(page=page, statement=STATEMENT))
    return path


@cache
def _template() -> Template:
    return template("decision.html", attributes=attributes, content=content, hue=hue)


def legend_of(arms: Sequence[tuple[str, bool]]) -> dict[str, int]:
    """The number of each arm's colour, by its id: placebo arms (True) from 0 down, others from 1 up."""
    found: dict[str, int] = {}
    active = placebo = 0
    for name, is_placebo in arms:
        if is_placebo:
            found[name], placebo = -placebo, placebo + 1
        else:
            active += 1
            found[name] = active
    return found
