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


STAGED = {
    "stages": [{"id": "OL", "days": 28}, {"id": "EXT", "days": 42}], "treatment_days": None,
    "tolerability": {"proxies": ["HEAD", "TE"]}, "analysis": {"assessment_day": 7},
}  # fmt: skip
RUNS = {"reason": "x", "hazard_per_week": 0.1}


@pytest.mark.parametrize(
    ("said", "path", "words"),
    [
        ({"until_day": 5, "from_day": 7}, "until_day", "seen 5; the hazard runs from day 7 on; allowed: 7 or later"),
        ({"from_day": -1}, "from_day", "seen -1; allowed: 0 or more"),
        ({"changes": [{"from_day": 7, "factor": 2}], "from_day": 7}, "changes.0.from_day",
         "seen 7; the hazard runs from day 7 on; allowed: later days"),
        ({"changes": [{"from_day": 9, "factor": 2}], "until_day": 8}, "changes.0.from_day",
         "the hazard runs on days 0 to 8"),
        ({"changes": [{"from_day": 9, "factor": 2}, {"from_day": 9, "factor": 1}]}, "changes.1.from_day",
         "seen 9 after 9; the days must increase"),
        ({"changes": [{"from_day": 9, "factor": -1}]}, "changes.0.factor", "seen -1; allowed: 0 or more"),
        ({"stages": ["OLE"]}, "stages.0", "did you mean OL?"),
        ({"stages": "OL"}, "stages", "allowed: a list"),
        ({"when": {}}, "when", "nothing is asked; allowed: at_least_1e9L, below_1e9L"),
        ({"when": {"below": 30}}, "when.below", "did you mean below_1e9L, in 10^9/L?"),
        ({"when": "below 30"}, "when", "allowed: keys on the lines below"),
        ({"when": {"below_1e9L": 30, "at_least_1e9L": 30}}, "when.at_least_1e9L", "no count is at least 30"),
        ({"after_adverse_event": {"codes": []}}, "after_adverse_event.codes", "at least"),
        ({"after_adverse_event": {"codes": ["HEADD"]}}, "after_adverse_event.codes.0", "did you mean HEAD?"),
        ({"after_adverse_event": {"codes": ["ALT3"]}}, "after_adverse_event.codes.0", "allowed: HEAD"),
        ({"after_adverse_event": {"codes": ["TE"]}}, "after_adverse_event.codes.0",
         "seen 'TE', whose rate follows the counts of later visits, so that nobody can know of it on its day"),
        ({"after_adverse_event": {"codes": ["HEAD"], "days": 0}}, "after_adverse_event.days", "seen 0; allowed: 1"),
        ({"hazard_per_week": None, "share_by_end": 0.1, "stages": ["OL"]}, "share_by_end",
         "with stages nobody can tell beforehand who leaves by the end; allowed: hazard_per_week"),
        ({"hazard_per_week": None, "share_by_end": 0.1, "when": {"below_1e9L": 30},
          "after_adverse_event": {"codes": ["HEAD"]}}, "share_by_end", "with when and after_adverse_event nobody"),
        ({"hazard_per_week": None, "when": {"below_1e9L": 30}}, "hazard_per_week", "or at_once: true; neither"),
        ({"at_once": True, "when": {"below_1e9L": 30}}, "hazard_per_week", "both are given"),
        ({"at_once": True, "hazard_per_week": None}, "at_once", "it needs when, a condition"),
        ({"at_once": True, "hazard_per_week": None, "when": {"below_1e9L": 30}, "after_adverse_event":
          {"codes": ["HEAD"]}}, "at_once", "changes and after_adverse_event go with a hazard"),
        ({"death": "maybe"}, "death", "allowed: true or false"),
        ({"hazard_per_week": None, "share_by_end": 0.1, "from_day": 80}, "share_by_end",
         "seen 0.1 of arm DRUG; no hazard on its days brings that: the hazard runs on no day before"),
        ({"dead": True}, "dead", "did you mean death?"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_said_of_when_and_for_whom_is_refused(said, path, words):
    data = STUDY | STAGED | {"dropout": [RUNS | said]}
    with pytest.raises(ValueError) as error:
        Study.model_validate(data)
    found = {".".join(map(str, at)): text for at, text in explain(error.value, Study, data)}
    assert words in found[f"dropout.0.{path}"], found


def test_a_share_that_others_leave_nothing_of_is_refused():
    """A hazard of 5 per week leaves e^-40 by day 56: no tenth is there to leave afterwards."""
    found = refused([{"reason": "x", "hazard_per_week": 5}, {"reason": "y", "share_by_end": 0.1, "from_day": 56}])
    assert "no hazard on its days brings that: too few are left then" in found["dropout.1.share_by_end"]


def test_stages_and_events_that_a_study_does_not_have():
    found = refused([RUNS | {"stages": ["A"], "after_adverse_event": {"codes": ["HEAD"]}}])
    assert "none, in a study without stages" in found["dropout.0.stages.0"]
    assert "none, in a study without tolerability" in found["dropout.0.after_adverse_event.codes.0"]


def test_new_keys_with_their_defaults_leave_the_design_what_it_was():
    from trial.study.fingerprint import fingerprint

    plain = Study.model_validate(STUDY | {"dropout": [RUNS]})
    said = RUNS | {"death": False, "changes": [], "when": None, "stages": [], "from_day": 0, "at_once": False}
    assert fingerprint(plain) == fingerprint(Study.model_validate(STUDY | {"dropout": [said]}))
    assert fingerprint(plain) != fingerprint(Study.model_validate(STUDY | {"dropout": [said | {"death": True}]}))


def test_a_percentage_is_not_answered_with_a_hazard():
    assert (
        "hazard_per_week: 0.1" not in refused([{"reason": "x", "hazard_per_week": "10 %"}])["dropout.0.hazard_per_week"]
    )
