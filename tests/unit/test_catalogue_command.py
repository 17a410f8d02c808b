"""``vtrial catalogue`` with endpoints: the list, one endpoint, a misspelt one."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.endpoints import catalogue
from cohorts.adverse_events import proxy
from cohorts.references import CITATIONS
from cohorts.sets import parameter_set
from trial.app.catalogue import _structure_in_words
from trial.app.study_run import citations, facts_of
from trial.cli import main
from trial.cli.catalogue import _show_structure, _wrapped
from trial.models import structure_of
from trial.study.checks import cautions
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


@pytest.mark.parametrize(
    ("cited", "printed"),
    [
        ("wang_2020", CITATIONS["wang_2020"].text),
        ("NCT01234567, not published", "NCT01234567, not published"),
        ("mei_2021", CITATIONS["mei_2021"].text),
    ],
)
def test_the_trial_that_is_replicated_is_cited_once(cited, printed):
    facts = facts_of(load_study("configs/smoke.yaml", [f"citation='{cited}'"]))
    assert facts["citations"].count(printed) == 1
    assert [r["id"] for r in facts["references"]].count(cited) == (cited in CITATIONS)
    assert len(set(facts["citations"])) == len(facts["citations"])


def test_no_citation_is_none():
    assert not {"", " "} & set(facts_of(load_study("configs/smoke.yaml", ["citation=' '"]))["citations"])


def test_a_citation_that_the_catalogue_does_not_have_is_said():
    study = load_study("configs/smoke.yaml", ["citation=mei_2022"])
    assert dict(cautions(study))["citation",] == (
        "seen 'mei_2022': no citation of the catalogue, printed as it stands; did you mean mei_2021?"
    )
    for config in sorted(Path("configs").rglob("*.yaml")):
        named = re.search(r"^citation: (\w+)$", config.read_text(encoding="utf-8"), re.MULTILINE)
        assert named is None or named[1] in CITATIONS, config


def test_what_a_structure_derives_has_its_unit_in_the_words_of_a_set():
    said = list(_structure_in_words(parameter_set("hetrombopag_itp_mei_2021")))
    derived = {made.name: made.unit for made in structure_of(parameter_set("hetrombopag_itp_mei_2021")).derived}
    assert "1" in derived.values() and any(unit != "1" for unit in derived.values())
    for name, unit in derived.items():
        (line,) = [text for text in said if re.match(rf"derived: {re.escape(name)},", text)]
        assert line.startswith(f"derived: {name}, {unit}, ") == (unit != "1")


def test_a_structure_is_shown_with_units_where_there_are_some(capsys, monkeypatch):
    rows = [{"kind": "state", "name": "CTOT", "unit": "ng/mL", "meaning": "drug"}]
    rows += [{"kind": "derived", "name": "RATIO", "unit": "1", "meaning": "a share"}]
    _show_structure(SimpleNamespace(rows=rows))
    assert capsys.readouterr().out.splitlines() == ["state CTOT, ng/mL: drug", "derived RATIO: a share"]
