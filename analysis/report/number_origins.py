"""A displayed number and where it stands: table, row and column of the run folder, and the form it is printed in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from analysis.designs.assurance import Assured
from analysis.designs.measures import Operating
from analysis.evidence.attribution import Contribution
from analysis.evidence.estimands import Judged
from analysis.evidence.exposure_response import AtExposure
from analysis.evidence.global_sensitivity import GlobalIndex
from analysis.evidence.scorecard import Published, Score
from analysis.evidence.sensitivity import Effect
from analysis.evidence.stacking import StructureRow
from analysis.evidence.tipping import Tipping
from analysis.statistics.estimates import Estimate
from analysis.text import cells


class Number(NamedTuple):
    """A value and its key: table/row/column.

    Tables are the files of the run folder by name. A row of ``estimates`` is "PARCAT1|PARAMCD|ARM|COMPARATOR|STAT|
    CATEGORY|SCOPE", of ``published``, ``baseline`` and ``scorecard`` its row_id, of ``sensitivity`` "parameter|arm|
    factor", of ``attribution`` "departure|arm|versus", of ``structures`` "endpoint|arm|which", of
    ``global_sensitivity`` "factor|arm|versus|index", of ``estimands`` "estimand|arm|estimator", of
    ``tipping`` "arm|delta", of ``exposure_response`` "by|kind|level", of ``designs``
    "scenario|truth|patients|measure|about", of ``assurance`` "scenario|patients|measure|about", of a table of patients
    IREP|SUBJID and what
    tells the patient's rows apart. In ``config`` and ``manifest`` row and column are a path. Of a whole table
    "COLUMN=value/rows" counts rows, "COLUMN/distinct" lists values.
    """

    value: Any
    table: str
    row: str
    column: str

    @property
    def place(self) -> str:
        """Table and row."""
        return f"{self.table}/{self.row}" if self.row else self.table


class Shown(NamedTuple):
    """Text that shows numbers: their keys, and the form (a function of ``cells``) with its other arguments."""

    text: str
    keys: str
    form: str
    how: str

    @property
    def attributes(self) -> Markup:
        """What an element that shows nothing else carries."""
        return Markup(f' data-key="{escape(self.keys)}" data-form="{self.form}"{_quoted(self.how)}')

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> str:
        return f"<span{self.attributes}>{escape(self.text)}</span>"


Keyed = (
    Estimate
    | Published
    | Score
    | Effect
    | Contribution
    | Judged
    | Tipping
    | StructureRow
    | Operating
    | GlobalIndex
    | AtExposure
    | Assured
)
"""Records that are rows of a table of the run folder."""
Text = str | Shown
"""Text of the report; ``Markup`` (a str) where numbers stand in a sentence."""


def shown(form: Callable[..., str], *numbers: Number, **how: Any) -> Shown:
    """Numbers in a form, a function of ``analysis.text.cells`` of their values and ``how``."""
    text = cells.units(form(*[n.value for n in numbers], **how))
    return Shown(text, _keys(numbers), form.__name__, _written(**how))


def _keys(numbers: Iterable[Number]) -> str:
    """Their places and columns; columns of one place are said together."""
    said, before = "", ""
    for n in numbers:
        place = n.place
        said += f"+{n.column}" if place == before else f"{'; ' if said else ''}{place}/{n.column}"
        before = place
    return said


@lru_cache(typed=True)
def _written(**how: Any) -> str:
    return json.dumps(how, ensure_ascii=False) if how else ""


@cache
def _quoted(how: str) -> str:
    return f" data-how='{str(escape(how)).replace('&#34;', chr(34))}'" if how else ""


def said(template: str, *parts: object) -> Markup:
    """A sentence with its parts put in for {}; parts that are no ``Shown`` are text of the study."""
    return Markup(escape(cells.units(template))).format(*map(_part, parts))


def joined(separator: str, parts: Iterable[object]) -> Markup:
    """Parts with a separator between them."""
    return Markup(escape(separator)).join(map(_part, parts))


def label(text: str) -> Markup:
    """A name or a quoted source inside a sentence: what digits it has are no numbers of the run."""
    return Markup('<span class="label">{}</span>').format(_part(text))


def _part(part: object) -> Markup:
    return escape(part if hasattr(part, "__html__") else cells.units(str(part)))


def plain_text(text: Text) -> str:
    """Without keys."""
    return text.striptags() if isinstance(text, Markup) else str(text)


def attributes(text: Text) -> Markup:
    """Keys and form that the element around a text carries; none where the text is a sentence or has no numbers."""
    return text.attributes if isinstance(text, Shown) else Markup()


def content(text: Text) -> str:
    """What stands in the element that carries the ``attributes``."""
    return text.text if isinstance(text, Shown) else text if isinstance(text, Markup) else cells.units(text)


def numbers(row: Keyed, *columns: str) -> tuple[Number, ...]:
    """Columns of a row as numbers."""
    table, name = _place(row)
    return tuple([Number(getattr(row, column), table, name, column) for column in columns])


def number(row: Keyed, column: str) -> Number:
    """A column of a row as a number."""
    return numbers(row, column)[0]


def _place(row: Keyed) -> tuple[str, str]:
    """Table and row of a record."""
    if isinstance(row, Estimate):
        return "estimates", row.name
    if isinstance(row, Published):
        return ("baseline" if row.endpoint.startswith("BASE:") else "published"), row.row_id
    if isinstance(row, Score):
        return "scorecard", row.row_id
    if isinstance(row, Operating):
        return "designs", f"{row.scenario}|{row.truth}|{row.patients}|{row.measure}|{row.about}"
    if isinstance(row, Assured):
        return "assurance", f"{row.scenario}|{row.patients}|{row.measure}|{row.about}"
    if isinstance(row, Judged):
        return "estimands", f"{row.estimand}|{row.arm}|{row.estimator}"
    if isinstance(row, AtExposure):
        return "exposure_response", f"{row.by}|{row.kind}|{row.level}"
    if isinstance(row, Tipping):
        return "tipping", f"{row.arm}|{row.delta:g}"
    if isinstance(row, Contribution):
        return "attribution", f"{row.departure}|{row.arm}|{row.versus}"
    if isinstance(row, GlobalIndex):
        return "global_sensitivity", f"{row.factor}|{row.arm}|{row.versus}|{row.index}"
    if isinstance(row, StructureRow):
        return "structures", f"{row.endpoint}|{row.arm}|{row.which}"
    return "sensitivity", f"{row.parameter}|{row.arm}|{row.factor:g}"


def of_patient(row: dict[str, Any], table: str, by: Iterable[str], *columns: str) -> tuple[Number, ...]:
    """Columns of a row of a table of patients; ``by`` names what tells the rows of a patient apart."""
    name = "|".join(str(row[key]) for key in ("IREP", "SUBJID", *by))
    return tuple(Number(row[column], table, name, column) for column in columns)
