"""Tables and sentences of the report, from rows made by hand: what only one scope or one arm has, and decimals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bare_run import OVER, bare_run, both, row, shown
from test_report_keys import judgements
from tiny_trial import study

from analysis.designs.measures import AS_SIMULATED
from analysis.evidence.exposure_response import AtExposure
from analysis.report import estimands, exposure_response, longitudinal, operating, planned, rates
from analysis.report.number_origins import plain_text

ANCOVA = {"method": {"measured": "ancova"}}


def rate(code, arm):
    return both(code, arm, "rate", 60.04, 55.06, N=9, N_EVENT=5, CI_LOW=20.0, CI_HIGH=80.0)


def test_a_rate_of_one_scope_alone_is_still_a_line():
    """Drug has the mean alone, placebo the named replicate alone, all arms neither."""
    (one, _), (_, over) = rate("RESPW8", "placebo"), rate("RESPW8", "drug")
    lines = rates._rate_rows(bare_run(estimates=(one, over)), "RESPW8")
    assert [line.key for line in lines] == ["RESPW8", "RESPW8|drug", "RESPW8|placebo"]
    texts = {line.key: [plain_text(cell.text) for cell in line.cells][1:5] for line in lines[1:]}
    assert texts["RESPW8|drug"][:2] == ["55.1 ± 0.3", "(50.1, 60.1)"] and texts["RESPW8|drug"][2:] == ["–", "–"]
    assert texts["RESPW8|placebo"] == ["–", "–", "5/9 (55.6)", "(20.0, 80.0)"]


@pytest.mark.parametrize(
    ("strata", "test", "within", "without"),
    [
        ("randomisation", "cmh", True, False), ("none", "cmh_corrected", False, False),
        ("randomisation", "fisher", True, True), ("none", "fisher", False, False),
    ],
)  # fmt: skip
def test_strata_are_named_where_they_are_used(strata, test, within, without):
    """Of a study with strata and of one without; an exact test has none."""
    for names in (("SEX",), ()):
        of = study(strata=names, method={"strata": strata, "test": test})
        said = plain_text(planned.method_notes(bare_run(of))[0])
        assert ("within the strata" in said) == (within and bool(names))
        assert (", without strata, two-sided" in said) == (without and bool(names))


def test_measured_endpoints_have_two_decimals_over_replicates():
    """An ANCOVA of the primary one; placebo is the reference and has no line."""
    of = study(primary="CHGW8", **ANCOVA)
    stat, said = planned.STATS["ancova"], {"COMPARATOR": "placebo", "UNIT": "%", "PARAM": "Change"}
    rows = both("CHGW8", "drug", stat, 3.456, 2.345, N=9, CI_LOW=1.23, CI_HIGH=4.56, **said)
    rows[1] = replace(rows[1], CI_LOW=None, CI_HIGH=None, RANGE_LOW=1.111, RANGE_HIGH=3.333)
    rows += [row("CHGW8", "drug", "planned p", 0.0312, **said)]
    rows += [row("CHGW8", "drug", "rejected", 66.7, OVER, R=3, **said)]
    run = bare_run(of, estimates=tuple(rows))
    found = {line.key: [plain_text(c.text) for c in line.cells] for line in planned._measured_rows(run, "CHGW8", True)}
    assert set(found) == {"CHGW8|measured", "CHGW8|drug|measured"}
    line = found["CHGW8|drug|measured"]
    assert line[:3] == ["drug", "2.35 ± 0.25", "(1.11, 3.33)"] and line[4:] == ["9", "3.5 (1.2, 4.6)", "0.0312"]
    alone = next(line for line in planned._measured_rows(run, "CHGW8", False) if not line.heading)
    assert [plain_text(c.text) for c in alone.cells] == ["drug", "9", "3.5 (1.2, 4.6)", "0.0312"]


def test_events_that_come_again_have_a_line_for_every_arm_that_has_rates():
    """Drug has its rate and ratio, placebo its rate; without years an arm has none, and without any row no table."""
    code = next(iter(longitudinal.RECURRENT))
    said = {"UNIT": "per year", "PARAM": "x"}
    rows = [row(code, arm, "events per patient-year", value, N_EVENT=n, CI_LOW=0.5, CI_HIGH=2.5, **said)
            for arm, value, n in (("drug", 1.234, 3), ("placebo", 2.345, 7))]  # fmt: skip
    rows += [row(code, "drug", "recurrent patient-years", 2.43, **said)]
    rows += [row(code, "drug", "rate ratio", 0.51, COMPARATOR="placebo", CI_LOW=0.25, CI_HIGH=0.99, **said)]
    rows += [row(code, "drug", "rate ratio p", 0.04, COMPARATOR="placebo", **said)]
    table = longitudinal.recurrent(bare_run(estimates=tuple(rows)))
    found = shown(table)
    assert [column.name for column in table.columns] == ["arm", "events", "years", "rate", "ratio", "p"]
    drug = found[f"{code}|rate|drug"]
    assert drug[:4] == ["drug", "3", "2.4", "1.23 (0.50, 2.50)"] and drug[4].startswith("0.51") and drug[5] == "0.0400"
    assert found[f"{code}|rate|placebo"] == ["placebo", *["–"] * 5]
    assert longitudinal.recurrent(bare_run()) is None
    alone = longitudinal.recurrent(bare_run(study(reference_arm=None), estimates=tuple(rows)))
    assert [column.name for column in alone.columns] == ["arm", "events", "years", "rate"]


def test_a_measure_of_a_design_names_the_null_that_holds():
    planned_, null = (operating._words("power_of", "A", truth, 0.025) for truth in (AS_SIMULATED, "no difference in A"))
    assert null == f"{planned_}, no difference in A" and "no difference" not in planned_


def test_a_line_of_exposure_response_has_one_decimal():
    one = AtExposure("dose", "logistic", "RESPW8", 5.0, "5 mg", 1234.5, 61.26, 1.26, 41.26, 79.04, 30.04, 0.26, 31.24,
                     0.34, 66.6, 3, 0, "ng*h/mL")  # fmt: skip
    line = exposure_response._line(one)
    assert line[:3] == ("dose", "logistic", "5 mg") and line[4:] == (
        "61.3 ± 1.3", "(41.3, 79.0)", "30.0 ± 0.3", "31.2 ± 0.3", "67",
    )  # fmt: skip
    none = exposure_response._line(replace(one, true=None, bias=None, kind="quartile 1"))
    assert none[5:] == ("(41.3, 79.0)", "", "", "")


@pytest.mark.parametrize(("estimator", "imputed"), [("planned", False), ("missing_at_random", True)])
def test_imputation_is_explained_where_it_is_used(estimator, imputed):
    rows = [replace(one, estimator=estimator, arm="drug", versus="placebo") for one in judgements()[:1]]
    notes = [plain_text(note) for note in estimands._notes(bare_run(), rows)]
    assert (estimands.IMPUTED + "." in notes) == imputed
