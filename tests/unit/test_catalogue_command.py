"""``vtrial catalogue`` with endpoints: the list, one endpoint, a misspelt one."""

import pytest

from analysis.endpoints import catalogue
from trial.cli import main


def shown(capsys, monkeypatch, *arguments, columns=110):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["catalogue", *arguments]) == 0
    return capsys.readouterr().out


def test_the_list_has_each_endpoint_on_a_line_of_its_own(capsys, monkeypatch):
    lines = [line.split(maxsplit=1) for line in shown(capsys, monkeypatch).splitlines()]
    assert all([code, endpoint.label] in lines for code, endpoint in catalogue(56).items())


def test_one_endpoint_with_definition_unit_direction_source_and_summary(capsys, monkeypatch):
    out = " ".join(shown(capsys, monkeypatch, "RESPW8").split())
    for words in (
        "RESPW8 Response at week 8",
        "Definition: Count at or above the threshold at the assessment visit",
        "Unit: %",
        "Better: higher",
        "Summary: share of the evaluable patients",
        "Source: Mei 2021, J Hematol Oncol 14:37",
    ):
        assert words in out
    assert "pk_sampling" not in out


@pytest.mark.parametrize("code", catalogue(56))
def test_every_endpoint_can_be_shown_in_a_narrow_terminal(capsys, monkeypatch, code):
    out = shown(capsys, monkeypatch, code, columns=60)
    assert "None" not in out and max(map(len, out.splitlines())) <= 60


def test_exposure_says_what_it_needs(capsys, monkeypatch):
    out = shown(capsys, monkeypatch, "CMAX")
    assert "pk_sampling" in out and "Better: neither" in out and "geometric mean" in out


@pytest.mark.parametrize(
    ("seen", "meant"), [("RESPW9", "RESPW8"), ("bleed", "BLEED"), ("chronic_itp_mei_2020", "chronic_itp_mei_2021")]
)
def test_a_misspelt_id_is_exit_2_with_the_nearest(capsys, seen, meant):
    assert main(["catalogue", seen]) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err
