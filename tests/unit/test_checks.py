"""What is allowed but probably not meant, one value on either side of each edge."""

import pytest
from hand_made import STUDY

from cohorts.sets import parameter_set
from trial.study.checks import cautions, value_at
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


@pytest.mark.parametrize(("dose", "warned"), [(0, 1), (LOW / 2, 1), (LOW, 0), (HIGH, 0), (1.1 * HIGH, 1)])
def test_a_fixed_dose_outside_the_domain(dose, warned):
    arms = [{"id": "A", "start_dose_mg": dose}]
    found = said(arms=arms, dose_rules={}, randomisation={"block_size": 1})
    assert list(found) == ["arms.0.start_dose_mg"] * warned
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
