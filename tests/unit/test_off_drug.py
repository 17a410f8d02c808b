"""Response kept off drug and the time to its loss: patients small enough to judge by eye."""

import numpy as np
import pytest
from test_defined import with_definitions
from tiny_trial import STUDY, Patient, records

from analysis import endpoints
from analysis.endpoints import chosen, chosen_times
from analysis.endpoints.off_drug import NO_RESPONSE, RELAPSE_TIMES

KEPT = {"id": "KEPT", "label": "kept", "at_least_1e9L": 30, "off_drug_days": 28, "of_responders": True, "share": 1.0}
PEOPLE = {
    "kept": (Patient([40.0], treated_days=28), (42, False), None, 1.0),
    "below 30 after 14 days": (Patient([60, 60, 60, 60, 40, 20, 60], treated_days=28), (14, True), (7, True), 0.0),
    "below 30 after the window": (Patient([60] * 8 + [20.0], treated_days=28), (35, True), (35, True), 1.0),
    "missed, then below": (Patient([60, 60, 60, 60, 60, None, 20], treated_days=28), (21, True), (21, True), 0.0),
    "no response at the end": (Patient([60, 60, 60, 20, 60], treated_days=28), None, None, None),
    "last count on drug missed": (Patient([60, 60, 60, None, 60], treated_days=28), (42, False), (42, False), 0.0),
    "rescued off drug": (Patient([60.0], treated_days=28, rescue_days=(40,)), (12, True), (12, True), 0.0),
    "rescued on drug": (Patient([60.0], treated_days=28, rescue_days=(10,)), None, None, None),
    "left off drug": (
        Patient([60] * 6 + [None] * 4, treated_days=28, completed=False, last_day=45), (17, False), (17, False), 0.0
    ),
    "failed": (Patient([60.0], treated_days=28, status="STEP_LIMIT"), None, None, None),
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    made, mine = records(*(person for person, *_ in PEOPLE.values())), with_definitions(KEPT, window_days=0)
    times = [kind.times(made, mine) for kind in RELAPSE_TIMES]
    return times, endpoints.evaluate(chosen(mine)["KEPT"], made, mine)


@pytest.mark.parametrize("who", PEOPLE)
def test_relapse_and_response_kept_by_hand(found, who):
    """(days off drug, relapsed) below 30 and below 50; kept at 30 or more for 28 days. The drug ends on day 28,
    whose own visit is in the window.
    """
    (times, kept), row = found, list(PEOPLE).index(who)
    _, below_30, below_50, expected = PEOPLE[who]
    for one, right in zip(times, (below_30, below_50), strict=True):
        seen = None if np.isnan(one.day[row]) else (one.day[row], bool(one.event[row]))
        assert seen == right
    value = None if np.isnan(kept.value[row]) else kept.value[row]
    assert value == expected
    assert (kept.reason[row] == NO_RESPONSE) == (who in ("no response at the end", "rescued on drug"))


def test_times_to_relapse_are_of_studies_that_look_off_drug():
    codes = {kind.code for kind in RELAPSE_TIMES}
    assert codes == {"TTREL30", "TTREL50"} and not codes & set(chosen_times(STUDY))
    assert codes <= set(chosen_times(with_definitions(KEPT, window_days=0)))


def test_of_responders_is_of_days_off_drug_of_a_responder():
    with pytest.raises(ValueError, match="seen true; allowed: with off_drug_days, of a responder"):
        with_definitions({"of_responders": True})
    with pytest.raises(ValueError, match="seen true; allowed: with off_drug_days, of a responder"):
        with_definitions({"of_responders": True, "off_drug_days": 14, "result": "weeks"})
