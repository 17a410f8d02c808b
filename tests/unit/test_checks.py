"""What is allowed but probably not meant, one value on either side of each edge."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hand_made import STUDY

from cohorts.sets import PARAMETER_SETS, parameter_set
from trial.study.checks import _large, _not_predicted, cautions, not_taken, unknown_covariates, unknown_ids, value_at
from trial.study.study import Study

WANG = "hetrombopag_wang_2022"
LOW, HIGH = parameter_set(WANG).validity.dose_low_mg, parameter_set(WANG).validity.dose_high_mg


def said(**changes):
    """Path -> sentence of each caution."""
    study = Study.model_validate(STUDY | {"parameter_set": WANG} | changes)
    return {".".join(map(str, path)): text for path, text in cautions(study)}


def ladder(*doses, **arm):
    arms = [{"id": "A", "start_dose_mg": doses[0], "dose_rule": "ladder", **arm}]
    rule = STUDY["dose_rules"]["ladder"] | {"ladder_mg": list(doses)}
    return {"arms": arms, "dose_rules": {"ladder": rule}, "randomisation": {"block_size": 1}}


def test_nothing_unusual():
    assert said() == {} and said(**ladder(LOW, HIGH)) == {}


def test_doses_outside_the_domain_are_named():
    found = said(**ladder(LOW / 2, LOW, HIGH, 2 * HIGH))
    assert list(found) == ["dose_rules.ladder.ladder_mg"]
    assert found["dose_rules.ladder.ladder_mg"] == (
        f"seen {LOW / 2:g}, {2 * HIGH:g}; the validity domain of {WANG} is {LOW:g} to {HIGH:g} mg; the results are "
        "extrapolated"
    )
    assert said(**ladder(LOW / 2, placebo=True)) == {}, "a sham level is no dose"


@pytest.mark.parametrize(("dose", "warned"), [(0, 0), (LOW / 2, 1), (LOW, 0), (HIGH, 0), (1.1 * HIGH, 1)])
def test_a_fixed_dose_outside_the_domain(dose, warned):
    arms = [{"id": "A", "start_dose_mg": dose}]
    found = said(arms=arms, dose_rules={}, randomisation={"block_size": 1})
    assert [path for path, text in found.items() if "the validity domain" in text] == ["arms.0.start_dose_mg"] * warned
    sham = [arms[0] | {"placebo": True}]
    assert said(arms=sham, dose_rules={}, randomisation={"block_size": 1}) == {}


def test_a_rule_that_no_arm_uses():
    both = {"ladder": STUDY["dose_rules"]["ladder"], "idle": STUDY["dose_rules"]["ladder"]}
    assert said(dose_rules=both) == {"dose_rules.idle": "no arm uses this dose rule"}


def test_treatment_beyond_the_last_visit():
    assert said(treatment_days=70) == {} and list(said(treatment_days=71)) == ["treatment_days"]


@pytest.mark.parametrize(("cycles", "begun"), [(3, None), (4, 3)])
def test_cycles_that_begin_before_the_last_visit(cycles, begun):
    """From day 7 every 21 days: 7, 28, 49, and 70, which is the day of the last visit."""
    plan = {"cycle_days": 21, "cycles": cycles, "first_day": 7, "doses": [{"day": 0}]}
    found = said(chemotherapy=plan).get("chemotherapy.cycles")
    assert found == (begun and f"seen {cycles}; at most {begun} begin before the last visit, on day 70")


def test_values_of_data_that_may_be_wrong():
    assert (
        value_at({"a": {"b": 1}}, "a", "b") == 1
        and value_at({"a": 1}, "a", "b") is None
        and value_at(None, "a") is None
    )


def test_what_the_structure_does_not_know():
    """Chemotherapy, meals, and a meal of one arm; the sets that know them are those of the mechanism."""
    arms = [{"id": "A"}, {"id": "B", "meal_after_dose_h": 1}]
    data = {"parameter_set": WANG, "chemotherapy": {}, "meals": {}, "arms": arms}
    found = dict(not_taken(data))
    able = ", ".join(s.id for s in PARAMETER_SETS if s.structure == "tpo_mechanism")
    start = f"parameter set {WANG} has structure tmdd_lifespan, which does not know"
    assert found == {
        ("chemotherapy",): f"{start} chemotherapy; parameter sets that do: {able}",
        ("meals",): f"{start} meals; parameter sets that do: {able}",
        ("arms", 1, "meal_after_dose_h"): f"{start} meals; parameter sets that do: {able}",
    }
    assert list(not_taken(data | {"parameter_set": "hetrombopag_itp_mei_2021"})) == []
    assert list(not_taken({"parameter_set": WANG, "arms": 5})) == [] == list(not_taken({"parameter_set": "x"}))


def test_names_the_catalogue_does_not_have():
    found = dict(unknown_ids({"parameter_set": WANG + "x", "population": {"id": "nobody"}}))
    assert (
        list(found) == [("parameter_set",), ("population", "id")]
        and f"did you mean {WANG}?" in found[("parameter_set",)]
    )
    assert dict(unknown_ids({"parameter_set": "own.json", "population": {"id": 5}})) == {}
    assert list(dict(unknown_ids({"parameter_set": "own.csv", "population": {"id": "own.json"}}))) == list(found)


def test_a_population_of_the_catalogue_has_these_columns():
    assert list(unknown_covariates({"parameter_set": WANG, "population": {"id": "chronic_itp_mei_2021"}})) == []
    assert list(unknown_covariates({"parameter_set": "x", "population": {"id": "y"}})) == []


def test_what_parameter_uncertainty_moves():
    found = said(parameter_uncertainty=True)["parameter_uncertainty"]
    chosen = parameter_set(WANG)
    (together,) = chosen.uncertainty
    assert found.startswith(
        f"moves only {', '.join(chosen.rse_percent)}, which have a standard error ({', '.join(together.names)}"
        " together, with errors of a calibration, which are too small); the spread"
    )
    assert "parameter_uncertainty" not in said()


@pytest.mark.parametrize(
    ("rules", "path", "words"),
    [
        ({}, None, ""),
        ({"age_at_least_y": 18, "age_at_most_y": 75}, None, ""),
        ({"age_at_least_y": 17}, "screening.age_at_least_y", f"seen 17; {WANG} is for adults, healthy or with"),
        ({"age_at_least_y": 74, "age_at_most_y": 90}, None, ""),
        ({"age_at_least_y": 75, "age_at_most_y": 90}, "screening.age_at_least_y", "75 to 90 is eligible, and nobody"),
        ({"age_at_least_y": 5, "age_at_most_y": 18}, "screening.age_at_least_y", "5 to 18 is eligible, and nobody of"),
        ({"age_at_least_y": 5, "age_at_most_y": 19}, "screening.age_at_least_y", "seen 5;"),
        ({"platelets_at_least_1e9L": 29}, None, ""),
        ({"platelets_at_least_1e9L": 30, "platelets_below_1e9L": 50}, "screening.platelets_below_1e9L",
         "30 to 50 is eligible, and nobody of them in the domain"),
        ({"platelets_at_least_1e9L": 20, "platelets_below_1e9L": 50}, None, ""),
    ],
    ids=str,
)  # fmt: skip
def test_eligibility_beside_the_people_of_the_set(rules, path, words):
    """AGE 18 to 75, counts 1 to 30."""
    found = said(screening=rules)
    assert list(found) == [path] * bool(path) and all(text.startswith(words) for text in found.values())


def test_variances_that_are_probably_not_meant():
    """More than 4: 4.1 is a CV of 770.3 %, sqrt(exp(4.1) - 1)."""
    first, second, *others = parameter_set(WANG).random_effects
    for one, text in (
        (replace(first, variance=4.0), None),
        (replace(first, variance=4.1), f"{first.name}: seen 4.1, a CV of 770 %; probably not meant"),
        (replace(first, variance=4.1, scale="logit"), f"{first.name}: seen 4.1, on the log odds; probably not meant"),
    ):
        chosen = replace(parameter_set(WANG), random_effects=(one, second, *others))
        assert list(_large(chosen)) == [text] * bool(text)


def test_rows_a_set_was_fitted_on_are_no_predictions(tmp_path):
    """Of four rows only the one that is both: a target of the set, and not seen by what its file says."""
    chosen = parameter_set("hetrombopag_itp_mei_2021")
    target, other, *_ = sorted(chosen.targets)
    (tmp_path / "rows.csv").write_text(f"row_id,seen\n{target},no\n{other},yes\nzzz,no\nyyy,yes\n")
    study = Study.model_validate(STUDY | {"parameter_set": chosen.id})
    study = study.model_copy(update={"published": SimpleNamespace(rows=str(tmp_path / "rows.csv"))})
    ((path, text),) = _not_predicted(study)
    assert path == ("published", "rows")
    assert text.startswith(f"{chosen.id} was fitted on or matched to {target}: of this set they are no predictions")
    (tmp_path / "rows.csv").write_text(f"row_id,seen\n{target},yes\nzzz,no\n")
    assert list(_not_predicted(study)) == []
