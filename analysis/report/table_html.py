"""The body of a table as HTML, in one pass.

With many arms (``Table.compact``) the head of a column says once, for its cells, where they come from: the pattern of
their keys, in which "{row}" is the key of the line, and their form. A cell that differs says it itself; one that shows
no number has an empty key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from analysis.report.grid import LABELS, Cell, Row, Table
from analysis.report.number_origins import Shown, attributes, content

ROW = "{row}"
LONG = 26
"""Characters of an arm's name from which it wraps."""


class Origin(NamedTuple):
    """Where the cells of a column come from: pattern of keys, form and its other arguments."""

    keys: str = ""
    form: str = ""
    how: str = ""

    @property
    def attributes(self) -> Markup:
        """What the head of the column carries; nothing of a column without numbers."""
        if not self.keys:
            return Markup("")
        said = Markup(' data-cells-key="{}" data-cells-form="{}"').format(self.keys, self.form)
        return said + (Markup(" data-cells-how='{}'").format(self.how) if self.how else Markup(""))


def style(kind: str) -> str:
    """Class of a cell by its kind."""
    return "text" if kind == "label" else kind if kind in ("text", "arm", "short") else ""


def starts(table: Table) -> list[bool]:
    """Whether a column is the first of a group after another."""
    return [False, *(a.group != b.group for a, b in pairwise(table.columns))]


def origins(table: Table) -> list[Origin]:
    """Where the cells of each column come from, but those that differ; empty where the table is not compact."""
    columns = range(len(table.columns))
    if not table.compact:
        return [Origin() for _ in columns]
    lines = [row for row in table.rows if not row.heading]
    return [_first(_origin(row, k) for row in lines) for k in columns]


def _first(found: Iterable[Origin | None]) -> Origin:
    """The first that names its line."""
    return next((origin for origin in found if origin is not None and ROW in origin.keys), Origin())


def _origin(row: Row, column: int) -> Origin | None:
    text = row.cells[column].text
    return Origin(text.keys.replace(row.key, ROW), text.form, text.how) if isinstance(text, Shown) else None


def body(table: Table) -> Markup:
    """Every line; those below a heading are kept together in print."""
    found, firsts = origins(table), starts(table)
    parts, before = ["<tbody>"], True
    for row in table.rows:
        if row.heading and not before:
            parts.append("</tbody><tbody>")
        parts.append(_heading(table, row) if row.heading else _line(table, row, found, firsts))
        before = row.heading
    return Markup("\n".join([*parts, "</tbody>"]))


def _heading(table: Table, row: Row) -> str:
    text = escape(content(row.cells[0].text))
    return (
        f'<tr class="heading" data-row="{escape(row.key)}"><td colspan="{len(table.columns)}"><span>{text}</span></td>'
        "</tr>"
    )


def _line(table: Table, row: Row, found: Sequence[Origin], firsts: Sequence[bool]) -> str:
    hue = "" if row.hue is None else f' class="hue-{row.hue}"'
    cells = "".join(_cells(table, row, found, firsts))
    return f'<tr data-row="{escape(row.key)}"{hue}>{cells}</tr>'


def _cells(table: Table, row: Row, found: Sequence[Origin], firsts: Sequence[bool]) -> Iterator[str]:
    for k, (cell, column, origin, first) in enumerate(zip(row.cells, table.columns, found, firsts, strict=True)):
        named = "" if table.compact else f' data-col="{column.name}"'
        classes = _classes(cell, first)
        marked = f' class="{classes}"' if classes else ""
        told = attributes(cell.text) if not origin.keys else "" if _origin(row, k) == origin else _own(cell)
        yield f"<td{named}{marked}{told}>{_shown(cell)}</td>"


def _own(cell: Cell) -> str:
    """What a cell says that is not from where its column is."""
    return attributes(cell.text) or ' data-key=""'


def _classes(cell: Cell, first: bool) -> str:
    text = cell.text
    chosen = (
        style(cell.kind),
        "label" if cell.kind in LABELS else "",
        "long" if cell.kind == "arm" and len(str(text)) > LONG else "",
        "indent" if cell.kind == "label" and str(text).startswith("  ") else "",
        "first" if first else "",
    )
    return " ".join(filter(None, chosen))


def _shown(cell: Cell) -> Markup:
    if cell.kind in ("inside", "outside", "unsure"):
        return Markup('<span class="{}">{}</span>').format(cell.kind, cell.text)
    return escape(content(cell.text)).strip()
