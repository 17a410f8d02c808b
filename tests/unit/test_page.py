"""What the page says of the run itself: footer, parameters, provenance, anchors; the template is tested as a whole."""

import pytest
from bare_run import bare_run, row

from analysis.report import page
from analysis.report.number_origins import plain_text

FULL = {
    "engine": {"name": "virtual-trial", "version": "0.2"},
    "seed": 0,
    "config_sha256": "0123456789abcdef",
    "python": "3.11",
    "packages": {"numpy": "2.0", "scipy": "1.13"},
    "seconds": 12.5,
    "workers": 2,
    "parameter_set": "mine",
    "structure": None,
    "population": "",
    "created": "today",
}


def test_the_line_below_every_table():
    assert page.footer(bare_run(manifest=FULL)).endswith("virtual-trial 0.2, config 0123456789ab, seed 0")
    assert page.footer(bare_run()).endswith("engine unknown, config unknown, seed unknown")


def test_provenance_says_what_is_known():
    found = {name: plain_text(text) for name, text in page.provenance(bare_run(manifest=FULL))}
    assert found == {
        "Study": "tiny",
        "Engine": "virtual-trial 0.2",
        "Seed": "0",
        "Config (sha256)": "0123456789abcdef",
        "Parameter set": "mine",
        "Python": "3.11",
        "Packages": "numpy 2.0, scipy 1.13",
        "Made": "today",
        "Took": "12.5 s, workers: 2",
    }
    bare = {name: plain_text(text) for name, text in page.provenance(bare_run(absent={"x.csv": "the x"}))}
    assert bare == {"Study": "tiny", "Parameter set": "none", "Not in this run": "x.csv is not there: the x"}
    some = dict(page.provenance(bare_run(manifest={"engine": {"name": "e"}, "seconds": 3})))
    assert plain_text(some["Engine"]) == "e" and plain_text(some["Took"]) == "3 s, workers: ?"


def test_parameters_keep_what_the_manifest_says_and_show_what_is_there():
    parameters = [{"name": "CL", "value": "7.66", "iiv": "", "rse": "5 %"}, {"name": "Q", "value": "2"}]
    one, other = page.parameters(bare_run(manifest={"parameters": parameters}))
    assert (one["name"], plain_text(one["value"]), one["iiv"], plain_text(one["rse"])) == ("CL", "7.66", "", "5 %")
    assert (plain_text(other["value"]), other["rse"]) == ("2", "")
    assert page.parameters(bare_run()) == []


@pytest.mark.parametrize(("number", "anchor"), [("T 14.2.1", "t-14-2-1"), ("L 16.2.5 (1:3)", "l-16-2-5--1-3")])
def test_anchors(number, anchor):
    assert page.slug(number) == anchor


def test_empty_chapters_are_left_out(monkeypatch):
    for module in (
        page.people,
        page.demographics,
        page.pictures,
        page.rates,
        page.differences,
        page.measured,
        page.times,
        page.scored,
        page.adverse,
        page.kinetics,
        page.sensitivity,
        page.attribution,
        page.estimands,
        page.tipping,
    ):
        for name in dir(module):
            if name in PARTS:
                monkeypatch.setattr(module, name, lambda run: None)
    assert page.sections(bare_run()) == []
    monkeypatch.setattr(page.kinetics, "exposure", lambda run: "table")
    monkeypatch.setattr(page.measured, "proxies", lambda run: "days")
    assert [(s.id, s.parts) for s in page.sections(bare_run())] == [
        ("tolerability", ("days",)),
        ("exposure", ("table",)),
    ]


PARTS = (
    "disposition_table",
    "not_evaluable",
    "baseline_table",
    "dose_levels",
    "efficacy",
    "forest",
    "differences",
    "durations",
    "table",
    "shares",
    "replicates",
    "counts",
    "platelets",
    "over_time",
    "scorecard",
    "tolerability",
    "proxies",
    "proxy_differences",
    "adverse",
    "incidences",
    "priors",
    "exposure",
    "figure",
)


def test_files_with_rows_and_what_there_is_none_of(monkeypatch):
    for name in ("sections", "provenance", "parameters"):
        monkeypatch.setattr(page, name, lambda run: [])
    monkeypatch.setattr(page, "pages", lambda run, patients: patients)
    monkeypatch.setattr(page.people, "flow", lambda run: None)
    monkeypatch.setattr(page, "structure_figure", lambda model: "<svg>")
    made = page._content(
        bare_run(
            manifest={"files": {"a": {"rows": 0}, "b": {"rows": None}, "c": {}}}, estimates=(row("X", "drug", "rate"),)
        ),
        [(0, 1)],
    )
    assert made["files"] == {"a": {"rows": 0}} and made["citations"] == [] and made["pages"] == [(0, 1)]
    assert (made["model"], made["drawing"], made["model_lines"]) == (None, "", {})
    assert page._content(bare_run(manifest={"citations": ["Mei"]}), [])["citations"] == ["Mei"]
    drug, sham = (page.hue(1), page.tint(1, 0.12), page.swatch(1)), (page.hue(0), page.tint(0, 0.12), page.swatch(0))
    assert made["palette"] == [(0, *sham), (1, *drug)]
