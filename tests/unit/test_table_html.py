"""The body of a table to the letter, on tables of a few cells."""

import pytest

from analysis.report.grid import Cell, Column, Row, Table, heading, texts
from analysis.report.number_origins import Shown
from analysis.report.table_html import LONG, Origin, body, origins, starts, style


def number(text, keys, form="whole", how=""):
    return Shown(text, keys, form, how)


def table(*rows, groups=("", ""), compact=False):
    return Table("1", "", "", tuple(Column(f"c{k}", "", g) for k, g in enumerate(groups)), rows, compact=compact)


def lines(*rows, **more):
    return str(body(table(*rows, **more))).split("\n")


def test_style_of_each_kind():
    kinds = ("", "label", "text", "arm", "short", "inside", "outside")
    assert [style(kind) for kind in kinds] == ["", "text", "text", "arm", "short", "", ""]


def test_a_column_starts_where_another_group_does():
    assert starts(table(groups=("a", "a", "b", "", ""))) == [False, False, True, True, False]


def test_a_line_and_its_cells():
    row = Row((Cell("<drug>", "arm"), Cell(number("4", "t/drug/N"))), key="dr&ug", hue=3)
    assert lines(row, groups=("a", "b")) == [
        "<tbody>",
        '<tr data-row="dr&amp;ug" class="hue-3"><td data-col="c0" class="arm label">&lt;drug&gt;</td>'
        '<td data-col="c1" class="first" data-key="t/drug/N" data-form="whole">4</td></tr>',
        "</tbody>",
    ]


def test_a_row_of_no_arm_has_no_colour_and_the_first_arm_has():
    assert [("hue" in lines(Row(texts("a", "b"), "k", hue))[1]) for hue in (None, 0)] == [False, True]


def test_lines_below_a_heading_are_kept_together():
    plain = Row(texts("1", "2"), key="k")
    tags = [line[:11] for line in lines(plain, heading("A", "a"), plain, heading("B"), heading("C"), plain)]
    row, head, cut = "<tr data-ro", '<tr class="', "</tbody><tb"
    assert tags == ["<tbody>", row, cut, head, row, cut, head, head, row, "</tbody>"]
    assert lines(heading("<A>", "a"), plain)[:2] == [
        "<tbody>",
        '<tr class="heading" data-row="a"><td colspan="2"><span>&lt;A&gt;</span></td></tr>',
    ]


@pytest.mark.parametrize(
    ("cell", "classes"),
    [
        (Cell("x" * LONG, "arm"), ' class="arm label"'),
        (Cell("x" * 27, "arm"), ' class="arm label long"'),
        (Cell("x" * (LONG + 1), "text"), ' class="text"'),
        (Cell("  x", "label"), ' class="text label indent"'),
        (Cell("  x", "text"), ' class="text"'),
        (Cell("x", "short"), ' class="short label"'),
        (Cell("5"), ""),
    ],
)
def test_classes_of_a_cell(cell, classes):
    (line,) = lines(Row((cell,), key="k"), groups=("",))[1:-1]
    assert line == f'<tr data-row="k"><td data-col="c0"{classes}>{str(cell.text).strip()}</td></tr>'


def test_inside_and_outside_are_marked():
    said = lines(Row((Cell("yes", "inside"), Cell("no", "outside")), key="k"))[1]
    assert '<td data-col="c0"><span class="inside">yes</span></td>' in said
    assert '<td data-col="c1"><span class="outside">no</span></td>' in said
    assert '<span class="unsure">RISK</span>' in lines(Row((Cell("RISK", "unsure"), Cell("")), key="k"))[1]


def test_a_compact_table_says_once_where_a_column_comes_from():
    rows = (
        heading("H"),
        Row((Cell("all", "label"), Cell(number("9", "t/all/N"))), key="other"),
        Row((Cell("a", "arm"), Cell(number("1", "t/a/N", how='{"one": 1}'))), key="a"),
        Row((Cell("b", "arm"), Cell(number("2", "t/b/N", how='{"one": 1}'))), key="b"),
        Row((Cell("c", "arm"), Cell("–")), key="c"),
        Row((Cell("d", "arm"), Cell(number("3", "t/d/N", "percent"))), key="d"),
    )
    made = table(*rows, compact=True)
    assert origins(made) == [Origin(), Origin("t/{row}/N", "whole", '{"one": 1}')]
    cells = [line.partition("</td>")[2].removesuffix("</tr>") for line in str(body(made)).split("\n")[2:-1]]
    assert cells == [
        '<td data-key="t/all/N" data-form="whole">9</td>',
        "<td>1</td>",
        "<td>2</td>",
        '<td data-key="">–</td>',
        '<td data-key="t/d/N" data-form="percent">3</td>',
    ]
    assert origins(table(*rows)) == [Origin(), Origin()], "only where it is compact"


def test_what_the_head_of_a_column_carries():
    assert str(Origin().attributes) == "" == str(Origin(form="whole").attributes)
    assert str(Origin("t/{row}/N", "whole").attributes) == ' data-cells-key="t/{row}/N" data-cells-form="whole"'
    assert str(Origin("k", "f", "h").attributes).endswith("""data-cells-form="f" data-cells-how='h'""")
