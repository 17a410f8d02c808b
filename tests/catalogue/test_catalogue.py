"""Gates over the whole catalogue, and the published numbers against the evidence."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

import cohorts.populations
import cohorts.sets
from cohorts import gates
from cohorts.parameters import cv_to_variance
from cohorts.populations import POPULATIONS, population
from cohorts.sets import PARAMETER_SETS, calibration_file, parameter_set, read_calibration
from trial.models.behaviour import structure_problems

ROOT = Path(__file__).parents[2]
HETROMBOPAG = parameter_set("hetrombopag_wang_2022")
EVERY_SET = pytest.mark.parametrize("chosen", PARAMETER_SETS, ids=lambda s: s.id)
NUMBERS = [(s.id, p) for s in (*PARAMETER_SETS, *POPULATIONS) for p in s.parameters]


@pytest.mark.parametrize("item", [*PARAMETER_SETS, *POPULATIONS], ids=lambda s: s.id)
def test_the_id_is_the_file_name(item):
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*_([a-z]+_(19|20)\d\d|nct\d{8})", item.id)
    home = cohorts.sets if item in PARAMETER_SETS else cohorts.populations
    assert (Path(home.__file__).parent / f"{item.id}.py").is_file()
    assert item.title


@pytest.mark.parametrize(("where", "p"), NUMBERS, ids=lambda x: x if isinstance(x, str) else x.name)
def test_no_naked_number(where, p):
    assert not list(gates.naked(p))


@EVERY_SET
def test_the_gates_of_the_numbers(chosen):
    assert not gates.problems(chosen)


@pytest.mark.parametrize("chosen", [*PARAMETER_SETS, *POPULATIONS], ids=lambda s: s.id)
def test_citations_can_be_found(chosen):
    for citation in chosen.citations:
        assert citation.doi or citation.pmid or citation.pmcid or citation.registry or citation.note
        assert citation.title and citation.authors and 1950 < citation.year < 2100
    assert len({c.id for c in chosen.citations}) == len(chosen.citations)


@EVERY_SET
def test_the_set_has_every_parameter_of_its_structure_and_no_other(chosen):
    assert not structure_problems(chosen)


CALIBRATED = [s for s in PARAMETER_SETS if calibration_file(s.id).is_file()]


@pytest.mark.parametrize("chosen", CALIBRATED, ids=lambda s: s.id)
def test_the_calibration_file_is_what_the_set_uses(chosen):
    record = read_calibration(chosen.id)
    known = {p.name: p.value for p in chosen.parameters} | chosen.variances
    assert all(known[name] == value for name, value in record["values"].items())
    calibrated = {p.name for p in chosen.parameters if p.status == "calibrated"}
    calibrated |= {f"OMEGA_{e.parameter}" for e in chosen.random_effects if e.status == "calibrated"}
    assert calibrated == (set(record["values"]) if record["targets"] else set())
    assert json.loads(calibration_file(chosen.id).read_text())["note"]


@EVERY_SET
def test_only_a_set_with_a_calibration_file_has_calibrated_numbers(chosen):
    fitted = [x for x in (*chosen.parameters, *chosen.random_effects) if x.status == "calibrated"]
    assert bool(fitted) == (chosen in CALIBRATED)


@pytest.mark.parametrize("chosen", CALIBRATED, ids=lambda s: s.id)
def test_calibration_targets_are_published_rows_marked_seen(chosen):
    seen = set()
    for path in (ROOT / "configs/published").glob("*_results.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            seen |= {row["row_id"] for row in csv.DictReader(stream) if row["seen"] == "yes"}
    assert read_calibration(chosen.id)["targets"] and set(read_calibration(chosen.id)["targets"]) <= seen


@pytest.mark.parametrize(("name", "value", "cv"), [("CL", 7.66, 63.5), ("VC", 30.0, 77.2), ("KDEG_T", 0.693, 87.1)])
def test_published_hetrombopag_values(name, value, cv):
    """Abstract of Wang 2022, doi 10.1111/bcp.15130."""
    assert HETROMBOPAG.value(name) == value and HETROMBOPAG.parameter(name).status == "published"
    assert HETROMBOPAG.variances[f"OMEGA_{name}"] == cv_to_variance(cv)


@pytest.mark.parametrize(("name", "cv"), [("CL", 63.5), ("VC", 77.2), ("KDEG_T", 87.1)])
def test_standard_errors_are_the_lower_bound_they_claim(name, cv):
    """Between-patient log SD over the square root of the 104 subjects."""
    assert HETROMBOPAG.parameter(name).rse_percent == pytest.approx(100 * np.sqrt(cv_to_variance(cv) / 104), abs=0.05)


def test_target_turnover_and_clearance_imply_the_half_lives_of_the_evidence():
    assert np.log(2) * HETROMBOPAG.value("VC") / HETROMBOPAG.value("CL") == pytest.approx(2.71, abs=0.01)
    assert np.log(2) / HETROMBOPAG.value("KDEG_T") == pytest.approx(1.0, abs=0.01)


def test_correlation_is_that_of_the_surrogate():
    """Farrell 2014: covariance 0.106, variances 0.161 and 0.233."""
    assert HETROMBOPAG.correlations[0].value == pytest.approx(0.106 / np.sqrt(0.161 * 0.233), abs=0.005)


def test_occasion_variance_from_the_printed_interval():
    """Li 2023: ratio 95.97 % (90 % interval 70.08 to 131.43), 26 subjects on both occasions."""
    from scipy.stats import t

    half_width = np.log(1.3143 / 0.7008) / 2
    sd = half_width / t.ppf(0.95, 25) * np.sqrt(26 / 2)
    assert HETROMBOPAG.effects("occasion")[0].variance == pytest.approx(sd**2, rel=0.03)


def test_bleeding_cuts_from_the_placebo_grades():
    """Mei 2021 Table 2, placebo: any 67, grade 2 or more 17, grade 3 or more 1, grade 4 none (half an event) of 85."""
    from scipy.special import ndtri

    cuts = [HETROMBOPAG.value(f"BLEED_C{k}") for k in (2, 3, 4)]
    assert cuts == pytest.approx(ndtri(67 / 85) - ndtri(np.array([17, 1, 0.5]) / 85), abs=0.006)


def test_an_entry_is_found_by_its_id_and_near_names_are_told():
    assert [population(p.id) for p in POPULATIONS] == list(POPULATIONS)
    assert [parameter_set(s.id) for s in PARAMETER_SETS] == list(PARAMETER_SETS)
    for find, name in ((population, "healthy_zheng_2017"), (parameter_set, "hetrombopag_wang_2022")):
        with pytest.raises(KeyError, match=name):
            find(name + "x")
