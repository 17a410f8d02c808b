"""Two runs side by side: what may be compared, and the differences, on rows made by hand."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.evidence.comparison import Side, compared, problems
from analysis.statistics.estimates import Estimate
from trial.app.comparison import _caution
from trial.cli.compare import _table
from trial.study.protocol import Arm

ROW = Estimate("S", "RESPW8", "", "drug", None, "FAS", "rate", "%", "replicates", ESTIMATE=60.0, MCSE=0.3, R=20)
ARMS = (Arm(id="drug", start_dose_mg=5.0), Arm(id="sham", start_dose_mg=2.5, placebo=True, dose_rule="r"))


def side(path, arms=ARMS, rows=(ROW,)):
    return Side(Path(path), SimpleNamespace(arms=arms), {}, tuple(rows))


def test_a_difference_is_the_second_less_the_first_with_the_error_of_both():
    (row,) = compared([ROW], [replace(ROW, ESTIMATE=55.0, MCSE=0.4)])
    assert (row.a, row.b, row.difference, row.mcse) == (60.0, 55.0, -5.0, pytest.approx(0.5))
    assert (row.endpoint, row.arm, row.stat, row.unit, row.a_mcse, row.b_mcse) == (
        "RESPW8",
        "drug",
        "rate",
        "%",
        0.3,
        0.4,
    )


@pytest.mark.parametrize("side_without", [0, 1])
def test_what_is_not_estimable_on_one_side_has_no_difference(side_without):
    for name in ("ESTIMATE", "MCSE"):
        both = [ROW, ROW]
        both[side_without] = replace(ROW, **{name: None})
        (row,) = compared([both[0]], [both[1]])
        assert row.mcse is None and (row.difference is None) == (name == "ESTIMATE")


def test_summaries_over_replicates_of_endpoints_in_the_order_of_the_first():
    rows = [replace(ROW, PARAMCD=code) for code in ("B", "A")]
    decoys = [replace(ROW, SCOPE="replicate"), replace(ROW, PARCAT1="baseline"), replace(ROW, STAT="difference")]
    assert [r.endpoint for r in compared([*rows, *decoys], [*decoys, *reversed(rows)])] == ["B", "A"]
    assert compared([ROW], [replace(ROW, SCOPE="replicate")]) == compared([ROW], [replace(ROW, PARCAT1="x")]) == []
    for stat in ("median", "rate"):
        assert len(compared([replace(ROW, STAT=stat)], [replace(ROW, STAT=stat)])) == 1


def test_the_same_arms_and_endpoints_can_be_compared_in_any_order():
    assert problems(side("a"), side("b", ARMS[::-1])) == []


def test_why_runs_cannot_be_compared():
    other = (ARMS[0], Arm(id="sham", start_dose_mg=5.0, placebo=True, dose_rule="s"))
    assert problems(side("a"), side("b", other)) == [
        "arm sham: dose_rule is r in a, s in b", "arm sham: start_dose_mg is 2.5 in a, 5.0 in b",
    ]  # fmt: skip
    assert problems(side("a"), side("b", ARMS[:1])) == ["the arms differ: drug, sham in a, drug in b"]
    extra = replace(ROW, PARAMCD="COMPL")
    assert problems(side("a"), side("b", rows=(ROW, extra))) == ["the endpoints differ: COMPL only in b"]
    assert problems(side("a", rows=(extra,)), side("b")) == [
        "the endpoints differ: COMPL only in a", "the endpoints differ: RESPW8 only in b",
    ]  # fmt: skip


def test_a_caution_only_where_the_designs_differ(monkeypatch):
    monkeypatch.setattr("trial.app.comparison.fingerprint", lambda study: study.arms)
    assert _caution(side("a"), side("b")) == ""
    assert _caution(side("a", "x"), side("b", "y")).startswith("the designs differ (x, y)")


def test_an_endpoint_is_named_once_in_the_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    rows = [replace(ROW, ARM=arm, PARAMCD=code) for code in ("RESPW8", "COMPL") for arm in ("drug", "sham")]
    _table(compared(rows, [replace(row, ESTIMATE=61.06) for row in rows]))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [line[0] for line in lines] == ["endpoint", "RESPW8", "sham", "COMPL", "sham"]
    assert lines[1] == ["RESPW8", "drug", "%", "60.0", "±", "0.3", "61.1", "±", "0.3", "1.1", "±", "0.4"]
