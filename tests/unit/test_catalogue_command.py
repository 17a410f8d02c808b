"""``vtrial catalogue`` with endpoints: the list, one endpoint, a misspelt one."""

import pytest

from analysis.endpoints import catalogue
from cohorts.adverse_events import proxy
from trial.app.study_run import citations
from trial.cli import main
from trial.cli.catalogue import _wrapped
from trial.study.load import load_study
from trial.study.tolerability import Tolerability


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


@pytest.mark.parametrize(("columns", "widest"), [(100, 100), (110, 110), (200, 110)])
def test_lines_are_no_wider_than_110(monkeypatch, columns, widest):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, _wrapped("a " * 200).splitlines())) == widest - (widest % 2 == 0)


def test_who_is_cited_for_a_study_with_adverse_events():
    """The sources of the parameter set, of the population and of the rates, each once."""
    study = load_study("configs/smoke.yaml")
    plain = citations(study)
    rates = citations(study.model_copy(update={"tolerability": Tolerability(proxies=("TE",))}))
    assert rates[: len(plain)] == plain and len(rates) > len(plain) and len(set(rates)) == len(rates)
    sources = {prior.source.citation for prior in proxy("TE").named_priors.values()}
    assert sources <= set(rates) and not sources <= set(plain)
