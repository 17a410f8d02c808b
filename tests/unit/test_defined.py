"""Endpoints defined as data: those of the catalogue again, others a second time patient by patient, and refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from test_endpoints_twice import PATIENTS, Seen
from tiny_trial import WEEKS, Patient, records, study

from analysis import endpoints
from analysis.endpoints import chosen, endpoints_of
from analysis.endpoints.defined import _responder
from trial.cli import main
from trial.study.response_definition import ResponseDefinition
from trial.study.response_library import library_codes

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
SETTINGS = {"treatment_days": 56, "stops": True, "chemotherapy": True, "pk_sampling": True, "window_days": 1}


def with_definitions(*definitions, **settings):
    told = [one if isinstance(one, str) else {"id": "MINE", "label": "mine"} | one for one in definitions]
    return study(**(SETTINGS | settings), definitions=told)


def values(made, *definitions, code="MINE", **settings):
    mine = with_definitions(*definitions, **settings)
    return endpoints.evaluate(chosen(mine)[code], made, mine)


@pytest.fixture(scope="module")
def made():
    return records(*PATIENTS)


SAME = {
    "RESPW8": {"from_day": 56, "until_day": 56},
    "RESP1": {"rescue": "ignored"},
    "RESP1RF": {},
    "RESP75": {"share": 0.75},
    "RESP2X": {"at_least_1e9L": 30, "times_baseline": 2, "rescue": "ignored"},
    "RESP2XRF": {"at_least_1e9L": 30, "times_baseline": 2},
    "CUMWK": {"result": "weeks", "until_day": 70},
    "DURRESP": {"last_days": 56, "visits": 6, "share": 0.75, "rescue": "fails"},
}


@pytest.mark.parametrize("code", SAME)
def test_endpoints_of_the_catalogue_can_be_said_as_data(made, code):
    found, usual = values(made, SAME[code]), values(made, {}, code=code)
    np.testing.assert_array_equal(found.value, usual.value)
    assert found.reason.tolist() == usual.reason.tolist() and len(set(usual.value[~np.isnan(usual.value)])) > 1


def free(s, day, rescue="voids", clock=0):
    """Whether a count of this day may be a response."""
    if rescue == "ignored":
        return True
    days = s.patient.rescue_days
    if rescue == "clock":
        return day < s.stopped and not any(0 <= day - r < clock for r in days)
    return day < (s.failed if rescue == "voids" else s.stopped)


def grade(s, week):
    known = [*s.patient.bleeding, *[s.patient.bleeding[-1]] * 10]
    return known[WEEKS.index(week)]


def hits(s, week, low=50, **how):
    return [(w, d) for w, d, c in s.visits if w <= week and c >= low and free(s, d, **how)]


def rows(s):
    """Lengths in visits of the rows of responses to week 8."""
    yes = {w for w, _ in hits(s, 56)}
    length, found = 0, [0]
    for week in WEEKS[:8]:
        length = length + 1 if week in yes else 0
        found.append(length)
    return max(found)


def off_drug(s, days):
    start = s.last_dose_end
    if start + days > 70:
        return 0
    inside = [w for w in WEEKS if start <= w <= start + days]
    good = [w for w, d, c in s.visits if w in inside and c >= 30 and free(s, d)]
    return bool(inside) and len(good) == len(inside)


TWICE = {
    "in a row": ({"visits": 3, "in_a_row": True}, lambda s: rows(s) >= 3),
    "apart": (
        {"visits": 2, "days_apart": 14},
        lambda s: len(days := [d for _, d in hits(s, 56)]) >= 2 and max(days) - min(days) >= 14,
    ),
    "band": ({"below_1e9L": 250}, lambda s: any(50 <= c < 250 and free(s, d) for w, d, c in s.visits if w <= 56)),
    "rise": (
        {"at_least_1e9L": 20, "above_baseline_1e9L": 20, "rescue": "ignored"},
        lambda s: any(c >= 20 and c - s.patient.baseline >= 20 for w, d, c in s.visits if w <= 56),
    ),
    "no bleeding": (
        {"bleeding_below": 1},
        lambda s: any(grade(s, w) is not None and grade(s, w) < 1 for w, _ in hits(s, 56)),
    ),
    "clock": (
        {"rescue": "clock", "rescue_days": 10, "visits": 4},
        lambda s: len(hits(s, 56, rescue="clock", clock=10)) >= 4,
    ),
    "window": ({"from_day": 14, "until_day": 42, "visits": 2}, lambda s: sum(w >= 14 for w, _ in hits(s, 42)) >= 2),
    "visits": ({"result": "visits", "until_day": 70}, lambda s: len(hits(s, 70))),
    "left out": (
        {"share": 0.5, "missing": "left_out"},
        lambda s: nan if not s.to_8 else len(hits(s, 56)) >= max(1, 0.5 * len(s.to_8)),
    ),
    "off drug": ({"off_drug_days": 14, "at_least_1e9L": 30, "share": 1.0}, lambda s: off_drug(s, 14)),
    "unless": ({"unless": "RESPW8"}, lambda s: bool(hits(s, 56)) and not any(w == 56 for w, _ in hits(s, 56))),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_definition_is_what_its_keys_say(made, name):
    keys, again = TWICE[name]
    found = values(made, keys)
    expected = [nan if p.status != "OK" else float(again(Seen(p))) for p in PATIENTS]
    np.testing.assert_array_equal(found.value, expected)
    assert len({x for x in expected if x == x}) > 1, "an endpoint that is the same for all says nothing"
    assert np.isnan(found.value).tolist() == [why != "" for why in found.reason]


def test_the_library_by_hand():
    """Weeks 2 to 25 of ten weeks: 50 in weeks 3 to 10, rescued on day 24: weeks 4 to 10 are within 8 weeks of it."""
    assert set(library_codes()) == {"TRNRESP", "WKRESP", "IWGR", "IWGCR", "SROT", "KEPT30", "KEPT50"}
    late = Patient([10, 10, 50], rescue_days=(24,))
    free_of_it, few = Patient([10, 50, 50, 50, 50, 10]), Patient([10, 50, 50, 50, 10])
    durable = Patient([50])
    mine = with_definitions("WKRESP", "TRNRESP", treatment_days=70)
    found = endpoints.evaluate_all(records(late, free_of_it, few, durable), mine)
    assert found["WKRESP"].value.tolist() == [1, 4, 3, 9] and found["TRNRESP"].value.tolist() == [0, 1, 0, 0]
    assert found["DURRESP"].value.tolist() == [0, 0, 0, 1]
    bled = Patient([10, 120, 120, 10], bleeding=(0, 1, 0))
    apart, once = Patient([10, 120, 10, 120, 10]), Patient([10, 120, 10])
    found = endpoints.evaluate_all(records(bled, apart, once), with_definitions("IWGCR", "IWGR", treatment_days=70))
    assert found["IWGCR"].value.tolist() == found["IWGR"].value.tolist() == [0, 1, 0]


def test_words_and_units_are_those_of_the_keys():
    mine = endpoints_of(with_definitions({"visits": 2, "in_a_row": True, "below_1e9L": 250}, "WKRESP").analysis)
    assert mine["MINE"].unit == "%" and mine["WKRESP"].unit == "wk"
    assert mine["MINE"].definition == (
        "Yes with 2 or more responses in a row at the planned visits after baseline to day 56. A response is a count "
        "of at least 50 and below 250 × 10⁹/L. A visit that a rescue voids is no response; a planned visit without a "
        "count is no response."
    )
    assert mine["WKRESP"].definition == (
        "Weeks with a response at the planned visits from day 14 to day 175. A response is a count of at least 50 × "
        "10⁹/L. A visit within 56 days after a rescue is no response; a planned visit without a count is no response."
    )


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"at_least_1e9L": 50, "below_1e9L": 50}, "no count is at least 50 and below 50"),
        ({"last_days": 28, "off_drug_days": 28}, "a window is given by last_days and by off_drug_days"),
        ({"from_day": 7, "last_days": 28}, "a window is given by from_day, until_day and by last_days"),
        ({"from_day": 14, "until_day": 7}, "seen 14; the window ends on day 7"),
        ({"rescue": "clock"}, "needed for rescue: clock"),
        ({"rescue_days": 5}, "given for rescue: voids"),
        ({"result": "visits", "visits": 2}, "seen 2; result: visits counts responses"),
        ({"result": "weeks", "unless": "RESP1"}, "seen RESP1; result: weeks counts"),
        ({"result": "visits", "in_a_row": True}, "seen true; result: visits"),
        ({"in_a_row": True}, "allowed: with visits of 2 or more"),
        ({"missing": "left_out"}, "without share nothing is divided"),
        ({"until_day": 3}, "no visit is in the window of MINE; visits are on days 7, 14"),
        ({"visits": 9}, "seen 9; the window of MINE has 8 visits"),
        ({"last_days": 7, "visits": 2}, "seen 2; the window of MINE has 1 visits"),
        ({"id": "ENDPOINT9"}, "at most 8"),
        ({"below_1e9L": 50}, r"seen 50; no count is at least 50 \(response_threshold_1e9L\) and below it"),
        ({"days_apart": 52, "visits": 2}, "seen 52; the visits of the window of MINE are 51 days apart at most"),
        ({"off_drug_days": 64}, "nobody is watched so long: drug ends on day 7, visits on day 70"),
    ],
)
def test_what_has_no_sense_is_refused(keys, why):
    with pytest.raises(ValidationError, match=why):
        with_definitions(keys)


@pytest.mark.parametrize(
    ("definitions", "why"),
    [
        (({"id": "RESP1"},), "seen 'RESP1', which is an endpoint already"),
        (({"id": "TTRESP"},), "seen 'TTRESP', which is an endpoint already"),
        (({"unless": "MAXDUR"},), "MAXDUR"),
        (({"unless": "LATER"}, {"id": "LATER"}), "a yes or no that this study has, or that it defined before"),
        (({"id": "COUNT", "result": "visits"}, {"unless": "COUNT"}), "COUNT"),
    ],
)
def test_codes_of_others_are_refused(definitions, why):
    assert any(why in text for _, text in endpoints.study_problems(with_definitions(*definitions)))
    fine = with_definitions({"id": "EARLIER"}, {"unless": "EARLIER"})
    assert list(endpoints.study_problems(fine)) == []


def test_a_code_may_be_the_primary_and_is_evaluated_whatever_is_named():
    mine = with_definitions({}, primary="MINE", endpoints=["RESP1"])
    assert {"MINE", "RESP1"} <= set(chosen(mine)) and list(endpoints.study_problems(mine)) == []


def test_the_command_says_where(tmp_path, capsys):
    path = tmp_path / "s.yaml"
    path.write_text(f"extends: {SMOKE}\nanalysis:\n  definitions:\n    - WKRESPP\n")
    assert main(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert "analysis.definitions.0" in err and "did you mean WKRESP?" in err and "s.yaml" in err
    path.write_text(f"extends: {SMOKE}\nanalysis:\n  primary: MINE\n  definitions:\n    - {{id: MINE, label: mine}}\n")
    assert main(["check", str(path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "endpoint MINE: Yes with a response at the planned visits after baseline to day 56." in out


def test_every_rescue_of_a_patient_is_known():
    found = records(Patient([50], rescue_days=(9, 30)), Patient([50]), Patient([50], rescue_days=(12,)))
    assert found.rescues.tolist() == [[9, 30], [inf, inf], [12, inf]]


def test_a_higher_limit_a_longer_row_and_a_smaller_window_make_no_responder(made):
    kinds = ({"at_least_1e9L": low} for low in (20, 30, 75, 100)), ({"visits": n} for n in (1, 2, 4, 8)), (
        {"until_day": day} for day in (70, 56, 28, 7))  # fmt: skip
    for kind in kinds:
        found = [values(made, keys).value for keys in kind]
        assert all((np.nan_to_num(after) <= np.nan_to_num(before)).all() for before, after in pairwise(found))


def test_defaults_are_those_of_the_study():
    assert (
        ResponseDefinition(id="A", label="a").in_words(75, 28).startswith("Yes with a response at the planned visits")
    )
    assert "at least 75 × 10⁹/L" in ResponseDefinition(id="A", label="a").in_words(75, 28)


def test_the_catalogue_shows_those_of_the_library(capsys):
    assert main(["catalogue", "WKRESP"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert (
        "Only of a study with WKRESP in analysis.definitions." in out and "Weeks with a response at the planned" in out
    )


def test_a_share_is_not_missed_by_rounding():
    """0.28 of 25 visits are 7, though 0.28 * 25 is a little more."""
    mine = with_definitions({"share": 0.7, "until_day": 70})
    seven = Patient([50] * 7 + [10] * 3)
    assert 0.7 * 10 == 7.0 and 0.28 * 25 > 7
    assert endpoints.evaluate(chosen(mine)["MINE"], records(seven), mine).value.tolist() == [1]
    response, window = np.zeros((2, 1, 25), dtype=bool)
    response[:, :7], window[:] = True, True
    one = ResponseDefinition(id="A", label="a", share=0.28)
    seen = replace(records(seven), counts=np.zeros((1, 25)), days=np.zeros((1, 25)))
    assert _responder(one, response, window, seen)[0].tolist() == [True]


def test_who_cannot_be_judged_by_the_other_endpoint_cannot_be_judged():
    """Four weeks of treatment: no durable response can be told, so that no transient one can."""
    mine = with_definitions("TRNRESP", treatment_days=28, pk_sampling=False)
    found = endpoints.evaluate(chosen(mine)["TRNRESP"], records(Patient([50]), Patient([10])), mine)
    np.testing.assert_array_equal(found.value, [nan, 0])
    assert "fewer than 6 visits" in found.reason[0]
