"""The chapter on assumptions from hand-made effects: levers, order, axis, notes and the table behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_run import make_run_folder, read_run

from analysis.evidence import sensitivity as pure
from analysis.evidence.sensitivity import Effect
from analysis.report import sensitivity
from analysis.report.number_origins import plain_text

ARMS = ("LOW", "HIGH", "Placebo")


def effect(name, factor, arm, size, mcse=0.25, unit="%", parameter_unit="1", limited=""):
    return Effect(
        name,
        "typical value",
        parameter_unit,
        2.0,
        factor,
        2.0 * factor,
        limited,
        "RESPW8",
        arm,
        50.0,
        size,
        mcse,
        10,
        unit,
    )


STRONG = [
    effect("STRONG", f, arm, size)
    for arm, size in (("LOW", 8.0), ("HIGH", 4.0), ("Placebo", 0.0))
    for f, size in ((0.5, -size), (1.5, size))
]
WEAK = [
    effect("WEAK", f, arm, 1.0 if arm == "LOW" else 0.0, None, parameter_unit="h") for arm in ARMS for f in (0.5, 1.5)
]
IDLE = [effect("IDLE", f, arm, 0.0, 0.0) for arm in ARMS for f in (0.5, 1.5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run_folder(tmp_path_factory.mktemp("run") / "made", pk=False)


@pytest.fixture
def made(folder, monkeypatch):
    """Figure and table of these effects, and what the tornado of each arm was given."""

    def of(rows):
        drawn = []
        monkeypatch.setattr(sensitivity.figures, "tornado", lambda *given: drawn.append(given) or f"<{given[0]}>")
        pure.write(rows, folder)
        run = read_run(folder)
        return sensitivity.figure(run), sensitivity.table(run), drawn

    return of


def notes(figure):
    return [plain_text(note) for note in figure.notes]


def test_no_effects_no_chapter(made, folder):
    assert made([])[:2] == (None, None)
    (folder / pure.SENSITIVITY_FILE).unlink()
    assert sensitivity.figure(read_run(folder)) is None and sensitivity.table(read_run(folder)) is None


def test_a_tornado_for_each_arm_that_something_moves(made):
    """The axis ends 5 % beyond the longest line: 8 and 1.96 x 0.25; where there is one replicate there is no error."""
    figure, _, drawn = made([*STRONG, *WEAK, *IDLE])
    assert figure.panels == ("<tornado0>", "<tornado1>")
    (_, title, levers, hue, axis, reach), (_, _, high, hue_high, _, _) = drawn
    assert (hue, hue_high, axis) == (1, 2, "Change, percentage points")
    assert title.splitlines()[0] == "Drug, start 2.5 mg" and "as assumed: 50.0 %" in title
    assert reach == pytest.approx(1.05 * (8 + 1.959964 * 0.25), rel=1e-6)
    assert [lever.label for lever in levers] == ["STRONG", "WEAK"], "what does nothing anywhere is not drawn"
    error = pytest.approx(1.959964 * 0.25, rel=1e-6)
    assert (levers[0].low, levers[0].high) == ((-8.0, error), (8.0, error))
    assert levers[1].low == (1.0, 0.0) and high[0].high == (4.0, error)
    said = notes(figure)
    assert "No effect at all: IDLE." in said and "Nothing changes the result of Placebo." in said
    assert "10 replicates, the same patients and draws in each; thin lines: Monte Carlo 95 % interval." in said
    assert not any("Only the strongest" in note for note in said)
    assert [key.text[:4] for key in figure.keys] == ["half", "one "]
    assert [key.colour for key in figure.keys] == [sensitivity.figures.tint(1, 0.4), sensitivity.figures.hue(1)]


def test_an_arm_that_only_one_end_moves_is_drawn(made):
    rows = [
        effect("ONE", f, arm, 3.0 if (f, arm) in ((0.5, "LOW"), (1.5, "HIGH")) else 0.0)
        for arm in ARMS
        for f in (0.5, 1.5)
    ]
    figure, _, _ = made(rows)
    assert figure.panels == ("<tornado0>", "<tornado1>")
    assert "Nothing changes the result of Placebo." in notes(figure) and not any(
        "No effect" in note for note in notes(figure)
    )


@pytest.mark.parametrize(("n", "drawn"), [(15, 15), (16, 15)])
def test_the_fifteen_strongest_are_drawn(made, n, drawn):
    rows = [effect(f"P{k}", f, arm, 20.0 - k) for k in range(n) for arm in ARMS for f in (0.5, 1.5)]
    figure, table, given = made(rows)
    assert [lever.label for lever in given[0][2]] == [f"P{k}" for k in range(drawn)]
    assert any("Only the strongest are drawn." in note for note in notes(figure)) == (n > drawn)
    assert sum(row.heading for row in table.rows) == n, "the table has all"


def test_the_strongest_is_named_and_where_nothing_moves_that_is_said(made):
    figure, _, _ = made([*STRONG, *WEAK])
    assert notes(figure)[0].startswith(
        "The assumption that matters most is STRONG (typical value): at 0.5 times its value"
    )
    figure, _, drawn = made(IDLE)
    assert notes(figure)[0].startswith("No assumed number moves the primary result") and drawn == []


def cells(row):
    return [plain_text(cell.text) for cell in row.cells]


def test_the_table_has_every_effect_by_number_and_arm(made):
    _, table, _ = made([*STRONG, *WEAK])
    assert cells(table.rows[0])[0] == "STRONG, typical value: 2; tried 1 and 3"
    assert cells(table.rows[4])[0] == "WEAK, typical value: 2 h; tried 1 and 3"
    assert [row.key for row in table.rows] == [
        "STRONG",
        *(f"STRONG|{a}" for a in ARMS),
        "WEAK",
        *(f"WEAK|{a}" for a in ARMS),
    ]
    label, base, low, high = cells(table.rows[1])
    assert (
        (label, base) == ("Drug, start 2.5 mg", "50.0") and low.startswith("-8.0") and high.startswith("+8.0")
    ) or high.startswith("8.0")
    assert table.rows[1].hue == 1 and table.rows[3].hue == 0


def test_a_value_that_was_limited_or_not_tried(made):
    rows = [effect("RHO", 0.5, "LOW", 1.0), replace(effect("RHO", 1.2, "LOW", 2.0), limited="at most 1")]
    _, table, _ = made(rows)
    assert cells(table.rows[0])[0] == "RHO, typical value: 2; tried 1 and 2.4 (at most 1)"
    assert len(table.rows) == 2, "an arm without rows has no line"
    only = [effect("RHO", 0.5, "LOW", 1.0)]
    _, table, drawn = made(only)
    assert cells(table.rows[1])[3] == "–" and drawn[0][2][0].low == drawn[0][2][0].high
    _, table, _ = made([effect("RHO", 1.0, "LOW", 1.0)])
    assert cells(table.rows[1])[2] == "–", "one and the same value is not below itself"


def test_another_unit_than_percent(made):
    figure, table, drawn = made([effect("X", f, arm, 3.0, unit="d") for arm in ARMS for f in (0.5, 1.5)])
    assert (
        drawn[0][4] == "Change, d" and drawn[0][1].endswith(" d") and plain_text(table.notes[0]).startswith("Change, d")
    )
    assert plain_text(figure.population).endswith("Response at week 8"), "the label up to its colon"
