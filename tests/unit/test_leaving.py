"""Leaving as a hazard or as a share by the end: closed forms, and a drawn trial."""

import numpy as np
import pytest
from hand_made import STUDY, people

from cohorts.sets import parameter_set
from trial.engine.draws import draw_unit
from trial.study.attrition import completing, hazards
from trial.study.explain import explain
from trial.study.leaving import Dropout
from trial.study.study import Study

DAYS = 168
WEEKS = DAYS / 7


def reasons(*said):
    return [Dropout.model_validate({"reason": f"r{k}"} | item) for k, item in enumerate(said)]


def shares_left(rates):
    """Cumulative incidence of competing constant hazards by the end: (h / H) (1 - exp(-H T))."""
    total = sum(rates)
    return [h / total * (1 - np.exp(-total * WEEKS)) for h in rates]


def test_one_reason_is_the_hazard_of_its_survival():
    (rate,) = hazards(reasons({"share_by_end": 0.1}), "A", DAYS)
    assert rate == pytest.approx(-np.log(0.9) / WEEKS, rel=1e-14)
    assert completing(reasons({"share_by_end": 0.1}), "A", DAYS) == pytest.approx(0.9, rel=1e-14)


def test_a_hazard_is_taken_as_it_is():
    assert hazards(reasons({"hazard_per_week": 0.00482}, {"hazard_per_week": {"A": 0.1}}), "A", DAYS) == (0.00482, 0.1)


@pytest.mark.parametrize("told", [0.0, 0.02, 1.0])
def test_shares_beside_other_reasons_are_the_shares_that_leave_for_them(told):
    rates = hazards(reasons({"share_by_end": 0.1}, {"hazard_per_week": told}, {"share_by_end": {"A": 0.25}}), "A", DAYS)
    assert rates[1] == told
    left = shares_left(rates)
    assert (left[0], left[2]) == pytest.approx((0.1, 0.25), rel=1e-9)


def test_a_share_beside_a_hazard_that_empties_the_study_in_a_week():
    told, share = hazards(reasons({"hazard_per_week": 2.0}, {"share_by_end": 0.5}), "A", 7)
    total = told + share
    assert told == 2.0 and share / total * (1 - np.exp(-total)) == pytest.approx(0.5, rel=1e-12)


def test_a_share_of_nobody_is_no_hazard():
    assert hazards(reasons({"share_by_end": 0.0}, {"hazard_per_week": 0.5}), "A", DAYS) == (0, 0.5)
    assert hazards((), "A", DAYS) == () and completing((), "A", DAYS) == 1


def test_the_drawn_trial_loses_these_shares_by_arm():
    n = 4000
    dropout = [{"reason": "wish", "share_by_end": {"DRUG": 0.3, "SHAM": 0.05}}, {"reason": "ae", "share_by_end": 0.2}]
    said = Study.model_validate(STUDY | {"dropout": dropout, "visits": {"days": [28, 56]}, "treatment_days": 56})
    drawn = draw_unit(said, parameter_set("hetrombopag_wang_2022"), people(n), np.arange(n) % 2)
    for arm, wish in ((0, 0.3), (1, 0.05)):
        mine = drawn.arm == arm
        for reason, share in ((0, wish), (1, 0.2)):
            left = (drawn.leave_day[mine] <= 56) & (drawn.leave_reason[mine] == reason)
            assert left.mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / (n / 2)))


def refused(dropout):
    try:
        Study.model_validate(STUDY | {"dropout": dropout})
    except ValueError as error:
        return {".".join(map(str, path)): text for path, text in explain(error, Study, STUDY | {"dropout": dropout})}
    return {}


@pytest.mark.parametrize(
    ("dropout", "path", "words"),
    [
        ([{"reason": "x"}], "dropout.0.hazard_per_week", "either hazard_per_week or share_by_end; neither"),
        ([{"reason": "x", "hazard_per_week": 0.1, "share_by_end": 0.1}], "dropout.0.hazard_per_week", "both"),
        ([{"reason": "x", "share_by_end": 1}], "dropout.0.share_by_end", "seen 1; allowed: less than 1"),
        ([{"reason": "x", "share_by_end": {"DRUG": 0.1}}], "dropout.0.share_by_end", "no share for SHAM"),
        ([{"reason": "x", "share_by_end": {"DRUGG": 0.1, "SHAM": 0, "DRUG": 0}}], "dropout.0.share_by_end.DRUGG",
         "did you mean DRUG?"),
        ([{"reason": "x", "share_by_end": 0.6}, {"reason": "y", "share_by_end": 0.4}], "dropout", "arm DRUG sum to 1"),
        ([{"reason": "x", "hazard_per_week": 0.1}, {"reason": "x", "hazard_per_week": 0.2}], "dropout.1.reason",
         "seen 'x', which is already the reason of dropout.0"),
        ([{"reason": " ", "hazard_per_week": 0.1}], "dropout.0.reason", "allowed: a text"),
        ([{"reason": "x", "hazard_per_week": "10%"}], "dropout.0.hazard_per_week",
         "did you mean share_by_end: 0.1?"),
        ([{"reason": "x", "hazard_per_week": {"DRUG": "2,5 %", "SHAM": 0}}], "dropout.0.hazard_per_week.DRUG",
         "did you mean share_by_end: 0.025?"),
        ([{"reason": "x", "hazard_per_week": "a few %"}], "dropout.0.hazard_per_week", "which is no hazard"),
        ([{"reason": "x", "share_by_end": "10%"}], "dropout.0.share_by_end", "did you mean 0.1?"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(dropout, path, words):
    found = refused(dropout)
    assert words in found[path], found


def test_a_percentage_is_not_answered_with_a_hazard():
    assert (
        "hazard_per_week: 0.1" not in refused([{"reason": "x", "hazard_per_week": "10 %"}])["dropout.0.hazard_per_week"]
    )
