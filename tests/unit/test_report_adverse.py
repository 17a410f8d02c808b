"""Simulated adverse events in the report, from rows and priors made by hand."""

import pytest
from bare_run import bare_run, both, changed, row, shown
from tiny_trial import study

from analysis.report import adverse
from analysis.report.number_origins import plain_text
from cohorts.adverse_events import proxy

UTI = study(adverse=("UTI",))


def incidence(arm="drug", code="AE_UTI"):
    limits = {"CI_LOW": 71.24, "CI_HIGH": 246.06, "N_EVENT": 12}
    return [*both(code, arm, "incidence", 147.56, 150.04, **limits), row(code, arm, "patient-years", 8.13)]


def test_incidence_per_100_patient_years():
    table = adverse.incidences(bare_run(UTI, estimates=(*incidence(), *incidence("placebo"))))
    assert shown(table)["AE_UTI|drug"] == ["drug", "150.0 ± 0.3", "(145.0, 155.0)", "12/8.1", "147.6 (71.2, 246.1)"]
    assert shown(table)["AE_UTI"] == [f"Simulated: {proxy('UTI').term} [AE_UTI]"] and len(table.notes) == 2


@pytest.mark.parametrize("stat", ["incidence", "patient-years"])
def test_an_arm_without_its_rows_has_no_line(stat):
    rows = [e for e in incidence() if stat != e.STAT]
    assert adverse.incidences(bare_run(UTI, estimates=tuple(rows))) is None
    both_arms = adverse.incidences(bare_run(UTI, estimates=(*rows, *incidence("placebo"))))
    assert list(shown(both_arms)) == ["AE_UTI", "AE_UTI|placebo"]
    assert adverse.incidences(bare_run()) is None and adverse.priors(bare_run()) is None


def test_where_the_rates_come_from():
    """14 of 85 on placebo within 70 days: -ln(71/85) 365.25/70 per year; its spread by the delta method."""
    table = adverse.priors(bare_run(UTI))
    term, background, ratio, later, sources = shown(table)["AE_UTI"]
    assert term == proxy("UTI").term and background.startswith("94 (56 to 160)") and ratio.startswith("0.85 (")
    assert later.startswith("0.16 (") and shown(adverse.priors(bare_run(study(adverse=("TE",)))))["AE_TE"][3] == "stays"
    assert sources.startswith("background: ") and "14/85" in sources and "(derived); on drug: " in sources
    notes = [plain_text(note) for note in table.notes]
    assert (
        notes[0].startswith("Rates of this run: the medians") and sum(note.startswith("Rates: ") for note in notes) == 1
    )
    drawn = adverse.priors(bare_run(changed(tolerability={"proxies": ["UTI", "TE"]}, parameter_uncertainty=True)))
    said = [plain_text(note) for note in drawn.notes]
    assert said[0] == "Rates of this run: drawn from the priors once per replicate." and len(set(said)) == len(said)
    assert any(note.startswith(f"{proxy('TE').term}, ") for note in said), (
        "what is not read off the table has a line of its own"
    )
