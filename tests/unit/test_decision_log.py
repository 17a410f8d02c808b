"""The decision log of ``vtrial replay`` as a person reads it, from hand-made decisions."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from trial.cli import replay as command
from trial.cli.replay import _count, _dose, _show, _what
from trial.jobs.replay import Decision

START = Decision(0, 0, 13.0, "", "", "start of treatment", "", 0.0, 5.0)
UP = Decision(14, 15, 20.5, "", "rescue therapy", "increase: count below 50", "", 5.0, 7.5)
SAME = Decision(21, 21, 60.0, "", "", "", "no step applied", 7.5, 7.5)
MISSED = Decision(28, 28, None, "missed visit", "", "", "", 7.5, 7.5)
PERSON = {"USUBJID": "x-0-1", "ARM": "B", "AGE": 41.6, "SEX": "F", "WEIGHT": 60.04, "BLPLAT": 13.0, "STRATUM": "low",
          "EOSSTT": "DISCONTINUED", "EOSDY": 30, "DCSREAS": "wish"}  # fmt: skip


def test_counts_and_doses():
    assert (_count(SAME), _count(UP), _count(MISSED)) == ("60", "20.5", "-")
    assert (_dose(START), _dose(UP), _dose(SAME)) == ("0 > 5", "5 > 7.5", "7.5")


def test_what_was_done_and_why():
    assert _what(START) == "start of treatment" and _what(UP) == "rescue therapy; increase: count below 50"
    assert _what(SAME) == "no step applied" and _what(MISSED) == "missed visit"
    assert _what(replace(START, count=None)) == "start of treatment", "day 0 is no visit that can be missed"


def shown(capsys, monkeypatch, columns, person=PERSON):
    monkeypatch.setenv("COLUMNS", str(columns))
    arms = [SimpleNamespace(id="A", name="A", placebo=False), SimpleNamespace(id="B", name="The sham", placebo=True)]
    course = SimpleNamespace(patient=person, decisions=(START, UP, SAME, MISSED))
    _show(course, SimpleNamespace(arms=arms, placebo_arms=("B",)))
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_table_on_a_wide_screen(capsys, monkeypatch):
    lines = shown(capsys, monkeypatch, 70)
    assert lines[:4] == [
        "x-0-1, The sham", "42 y, F, 60.0 kg, baseline 13 x 10^9/L, stratum low",
        "placebo: the doses below are sham levels without drug", "day  planned  count  dose mg  what and why",
    ]  # fmt: skip
    assert lines[5] == " 15       14   20.5  5 > 7.5  rescue therapy; increase: count below"
    assert lines[-1] == "end: discontinued on day 30, wish"


def test_a_list_on_a_narrow_one(capsys, monkeypatch):
    lines = shown(capsys, monkeypatch, 69, PERSON | {"ARM": "A", "DCSREAS": "", "EOSSTT": "COMPLETED"})
    assert lines[0] == "x-0-1, A" and not any("placebo" in line for line in lines)
    assert lines[2:6] == [
        "day 0: count 13, dose 0 > 5 mg", "  start of treatment", "day 15 (planned 14): count 20.5, dose 5 > 7.5 mg",
        "  rescue therapy; increase: count below 50",
    ]  # fmt: skip
    assert lines[-1] == "end: completed on day 30"


@pytest.mark.parametrize("columns", [5, 20])
def test_no_line_is_folded_shorter_than_20(capsys, monkeypatch, columns):
    lines = shown(capsys, monkeypatch, columns)
    assert max(map(len, lines)) <= 20 and "day 0: count 13," in lines and "placebo: the doses" in lines


def test_a_word_with_a_hyphen_stays_whole(capsys, monkeypatch):
    monkeypatch.setattr(command, "_width", lambda: 20)
    command._print("written to the run-folder of today")
    assert capsys.readouterr().out.splitlines() == ["written to the", "run-folder of today"]
