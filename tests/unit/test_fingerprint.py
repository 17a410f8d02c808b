"""What makes a design and what does not."""

import pytest
from hand_made import STUDY

from trial.study.fingerprint import differs_from_published, fingerprint
from trial.study.study import Study

LADDER = STUDY["dose_rules"]["ladder"]


def digits(**changes):
    return fingerprint(Study.model_validate(STUDY | changes))


SAME = [
    {"seed": 2}, {"patients": 8}, {"replicates": 3}, {"parameter_set": "x"}, {"title": "x"}, {"solver": {"rtol": 1e-5}},
    {"arms": [arm | {"label": "x"} for arm in STUDY["arms"]]}, {"dose_rules": {"ladder": LADDER | {"source": "x"}}},
    {"arms": [arm | {"until_chemotherapy": False, "meal_after_dose_h": None} for arm in STUDY["arms"]]},
    {"screening": {"platelets_at_least_1e9L": 0}}, {"meals": None}, {"chemotherapy": None},
    {"dose_rules": {"ladder": LADDER | {"steps": [LADDER["steps"][0] | {"rung": "any"}]}}},
]  # fmt: skip
OTHER = [
    {"arms": [arm | {"meal_after_dose_h": 2} for arm in STUDY["arms"]]}, {"treatment_days": 69},
    {"visits": {"days": [7, 56]}}, {"visits": STUDY["visits"] | {"window_days": 1}},
    {"screening": {"platelets_at_least_1e9L": 5}}, {"screening": {"age_at_least_y": 20}}, {"laboratory": {}},
    {"rescue": {"allowed": False}}, {"dropout": [{"reason": "x", "hazard_per_week": 0.1}]},
    {"adherence": {"mean": 0.9}}, {"meals": {"share_mean": 0.1, "after_dose_h": 1}},
    {"chemotherapy": {"cycle_days": 21, "cycles": 2, "doses": [{"day": 0}]}}, {"population": {"id": "other"}},
    {"analysis": {"assessment_day": 63}}, {"analysis": {"assessment_day": 56, "response_threshold_1e9L": 30}},
    {"dose_rules": {"ladder": LADDER | {"steps": [LADDER["steps"][0] | {"rung": "highest"}]}}},
    {"dose_rules": {"ladder": LADDER | {"ladder_mg": [2.5, 5, 10]}}},
]  # fmt: skip


@pytest.mark.parametrize("changes", SAME, ids=str)
def test_names_sizes_and_what_says_nothing_do_not_enter(changes):
    assert digits(**changes) == digits()


def test_every_part_of_the_design_enters():
    seen = [digits(), *(digits(**changes) for changes in OTHER)]
    assert len(set(seen)) == len(seen)


def test_the_digits_of_a_design_never_change():
    """Published rows carry them: twelve hexadecimal digits of this very study."""
    assert digits() == "94cfc0274bff"
    until = {"arms": [STUDY["arms"][0] | {"until_chemotherapy": True}, STUDY["arms"][1]]}
    chemo = {"chemotherapy": {"cycle_days": 21, "cycles": 2, "doses": [{"day": 0}]}}
    assert digits(**chemo, **until) != digits(**chemo)


def test_only_a_published_design_can_differ():
    study = Study.model_validate(STUDY)
    for design, differs in ((None, False), (digits(), False), ("0" * 12, True)):
        published = {"published": {"rows": "x.csv", "design": design}}
        assert differs_from_published(Study.model_validate(STUDY | published)) is differs
    assert differs_from_published(study) is False
