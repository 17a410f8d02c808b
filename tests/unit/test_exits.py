"""Leaving that depends on the course of the trial: hand-made clocks whose day of leaving can be seen."""

import numpy as np
import pytest
from hand_made import NEVER, people, unit

from cohorts.adverse_events import Rates
from trial.engine.leave_clocks import LeaveClocks
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.jobs.collect import collect
from trial.jobs.work import enrolment, simulate_replicates, tabulate, unit_of
from trial.study.load import load_study

AT_ONCE_REPORTED = {"laboratory": {"whole_numbers": False, "lower_limit_1e9L": 0, "turnaround_days": 0}}
WEEKS = {"visits": {"days": list(range(7, 71, 7))}, "treatment_days": None, "analysis": {"assessment_day": 7}}
TWO = [{"id": "A", "days": 28}, {"id": "B", "days": 42}]
LOW = {"below_1e9L": 30}


def made(dropout, clock, *, events=(), time=None, study=None, **said):
    """A unit whose patients have these clocks (n, K) of the conditional reasons of ``dropout``."""
    clock = np.array(clock, dtype=float)
    time = np.full(len(clock), np.inf) if time is None else np.array(time, dtype=float)
    first = np.where(np.isfinite(time), np.ceil(np.minimum(time, 1e6)), 0).astype(np.int64)
    return unit(
        arm=said.pop("arm", (0,) * len(clock)),
        study=AT_ONCE_REPORTED | (study or {}) | {"dropout": dropout},
        leaving=LeaveClocks(time, clock, events),
        leave_day=np.where(np.isfinite(time), first, NEVER),
        leave_reason=np.where(np.isfinite(time), 0, -1),
        **said,
    )


def left(u, counts):
    """Day of leaving and reason of everybody, with these reported counts at the visits, NaN: missed."""
    course, _ = start_course(u)
    for visit, count in enumerate(np.array(counts, dtype=float).T, start=1):
        course, _ = apply_rules(u, course, count, visit)
    place = course.place
    return np.where(place.leave_day > 10_000, 0, place.leave_day).tolist(), place.leave_reason.tolist(), course


def test_a_hazard_runs_from_a_low_report_to_one_that_is_not():
    """0.7 per week is 0.1 per day. Low from day 7 on: a clock of 0.45 is reached in day 11, so that day 12 is the first
    without the patient; one of 1.4 exactly after 14 days. Low on days 7 to 13 and from 28 on: 0.7 by day 14, 1.0 after
    three more days. A missed visit changes nothing; without a low count nobody leaves.
    """
    low, gap, missed = [20] * 10, [20, 40, 40, 20] + [20] * 6, [20, np.nan, 20] + [40] * 7
    u = made([{"reason": "x", "hazard_per_week": 0.7, "when": LOW}], [[0.45], [1.4], [1.0], [1.35], [0.01]])
    days, why, _ = left(u, [low, low, gap, missed, [40] * 10])
    assert days == [12, 21, 31, 21, 0] and why == [0, 0, 0, 0, -1]


def test_a_report_that_comes_later_acts_later():
    """Reported after 3 days: low from day 10 on; back from day 17 on, so that 0.7 is the most."""
    study = {"laboratory": AT_ONCE_REPORTED["laboratory"] | {"turnaround_days": 3}}
    u = made([{"reason": "x", "hazard_per_week": 0.7, "when": LOW}], [[0.45], [0.65], [0.75]], study=study)
    assert left(u, [[20] + [40] * 9] * 3)[0] == [15, 17, 0]


def test_a_report_that_takes_longer_than_the_time_between_visits():
    """Reported after 10 days: that of day 7 on day 17, that of day 14, which is not low, on day 24."""
    study = {"laboratory": AT_ONCE_REPORTED["laboratory"] | {"turnaround_days": 10}}
    u = made([{"reason": "x", "hazard_per_week": 0.7, "when": LOW}], [[0.05], [0.65], [0.75]], study=study)
    assert left(u, [[20] + [40] * 9] * 3)[0] == [18, 24, 0]


def test_days_of_its_own_and_changes_hold_beside_the_counts():
    """From day 14 on 0.1 a day, from day 21 on 0.2, until day 27: 0.7 by day 21, 2.1 by day 28."""
    said = {"reason": "x", "hazard_per_week": 0.7, "when": LOW, "from_day": 14, "until_day": 27,
            "changes": [{"from_day": 21, "factor": 2}]}  # fmt: skip
    u = made([said], [[0.05], [0.65], [0.85], [2.05], [2.15]])
    assert left(u, [[20] * 10] * 5)[0] == [15, 21, 22, 28, 0]


def test_in_row_counts_are_those_of_the_whole_trial():
    """Two low counts in a row, the first the last of stage A: the hazard runs from day 35, in stage B."""
    said = {"reason": "x", "hazard_per_week": 0.7, "when": LOW | {"visits": 2}}
    u = made([said], [[0.05]], study=WEEKS | {"stages": TWO})
    assert left(u, [[40, 40, 40, 20, 20] + [40] * 5])[0] == [36]


def test_a_stage_in_which_it_does_not_run_loses_nobody():
    """In B, from day 28 on, 0.1 a day; in A only: 28 days at most."""
    for stage, clocks, days in (("B", [0.05, 4.15, 4.25], [29, 70, 0]), ("A", [0.05, 2.75, 2.85], [1, 28, 0])):
        u = made([{"reason": "x", "hazard_per_week": 0.7, "stages": [stage]}], [[c] for c in clocks],
                 study=WEEKS | {"stages": TWO})  # fmt: skip
        assert left(u, [[40] * 10] * 3)[0] == days


def test_lack_of_effect_takes_everybody_on_the_day_of_the_report():
    """Three in a row, not before day 28: the third report on day 21 is too early; the missed visit reports nothing."""
    said = {"reason": "none", "at_once": True, "when": LOW | {"visits": 3}, "from_day": 28}
    u = made([said], [[np.inf]] * 4)
    counts = [[20] * 10, [20, 20, 20, np.nan, 20] + [40] * 5, [20, 20, 40, 20, 20] + [40] * 5, [40] * 7 + [20] * 3]
    days, why, _ = left(u, counts)
    assert days == [28, 35, 0, 70] and why == [0, 0, -1, 0]
    late = made([said], [[np.inf]], study={"laboratory": AT_ONCE_REPORTED["laboratory"] | {"turnaround_days": 3}})
    assert left(late, [[20] * 10])[0] == [31]


def test_who_leaves_at_once_gets_no_rescue_and_no_dose_any_more():
    said = {"reason": "none", "at_once": True, "when": LOW}
    rescue = {"agents": [{"id": "D", "kind": "steroid", "below_1e9L": 25}]}
    u = made([said], [[np.inf], [np.inf]], study={"rescue": rescue})
    course, _ = start_course(u)
    _, decided = apply_rules(u, course, np.array([20.0, 40.0]), 1)
    assert decided.rescued.tolist() == [False, False] and decided.action.tolist() == [0, 0]


def test_the_first_of_all_clocks_is_the_reason():
    """By time alone on day 10.5; conditional ones sooner or later on the same day, and the earlier of two."""
    dropout = [
        {"reason": "time", "hazard_per_week": 0.1},
        {"reason": "x", "hazard_per_week": 0.7, "when": LOW},
        {"reason": "y", "hazard_per_week": 0.7, "when": LOW},
    ]
    u = made(dropout, [[0.34, 9], [0.36, 9], [0.2, 0.1], [9, 9]], time=[10.5, 10.5, 10.5, np.inf])
    days, why, course = left(u, [[20] * 10] * 4)
    assert days == [11, 11, 9, 0] and why == [1, 0, 2, -1]
    assert course.place.leave_time.tolist() == [11, 10.5, 9, np.inf], "exact of the drawn one, though both are day 11"


@pytest.mark.parametrize("days", [None, 14])
def test_after_an_adverse_event_for_so_many_days(days):
    """0.01 a day without drug and 0.02 on it: a clock of 0.3 is over on day 14 (0.02 x 15) or, on placebo, on day 29.
    From that day on 0.1 a day, for 14 days at most.
    """
    rates = Rates(np.full(4, 3.6525), np.full(4, 7.305), np.ones(4))
    said = {"reason": "ae", "hazard_per_week": 0.7, "after_adverse_event": {"codes": ["HEAD"], "days": days}}
    u = made([said], [[0.05], [1.35], [1.45], [0.05]], events=(("HEAD", np.full(4, 0.299), rates),), arm=(0, 0, 0, 1),
             study={"tolerability": {"proxies": ["HEAD"]}})  # fmt: skip
    late = 29 if days is None else 0
    gone, _, course = left(u, [[60] * 10] * 4)
    assert gone == [15, 28, late, 30]
    assert course.exits.onset[:, 0].tolist() == [14, 14, 14, 29]


def test_an_editing_of_one_arm_leaves_the_other():
    hazard = {"DRUG": 0.7, "SHAM": 0.35}
    clock = [[0.43]] * 2
    both = made([{"reason": "x", "hazard_per_week": hazard, "when": LOW}], clock, arm=(0, 1))
    assert left(both, [[20] * 10] * 2)[0] == [12, 16]
    more = made([{"reason": "x", "hazard_per_week": hazard | {"DRUG": 1.4}, "when": LOW}], clock, arm=(0, 1))
    assert left(more, [[20] * 10] * 2)[0] == [10, 16]


def test_the_share_who_leave_is_that_of_the_hazard_while_it_runs():
    """4000 exponential clocks: low from day 7 on for two weeks of every three at 0.2 per week; exp(-0.2 x 6) stay."""
    n = 4000
    clock = -np.log(people(n).draws.uniform("dropout:x"))[:, None]
    u = made([{"reason": "x", "hazard_per_week": 0.2, "when": LOW}], clock)
    days, *_ = left(u, [[20, 20, 40] * 3 + [40]] * n)
    share = 1 - np.exp(-0.2 * 6)
    assert np.mean(np.array(days) > 0) == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / n))


def test_a_retest_comes_before_leaving():
    """Asked again on day 9; the clock is over on day 8: he leaves after the re-test, whose report is on day 9."""
    laboratory = AT_ONCE_REPORTED["laboratory"] | {"retest": {"below_1e9L": 30, "after_days": 2}}
    u = made([{"reason": "x", "hazard_per_week": 0.7, "when": {"below_1e9L": 100}}], [[0.05]],
             study={"laboratory": laboratory})  # fmt: skip
    course, _ = start_course(u)
    known = np.array([9])
    course, _ = apply_rules(u, course, np.array([20.0]), 1, known=known)
    assert course.place.leave_day.tolist() == [10]
    stage = made([{"reason": "x", "hazard_per_week": 0.7, "stages": ["A"]}], [[0.75]],
                 study=WEEKS | {"laboratory": laboratory, "stages": TWO})  # fmt: skip
    course, _ = start_course(stage)
    course, _ = apply_rules(stage, course, np.array([20.0]), 1, known=known)
    assert course.place.leave_day.tolist() == [10], "over on day 7.5, but there for the re-test of day 9"


def test_a_study_without_such_a_reason_keeps_no_account():
    course, _ = start_course(unit())
    assert course.exits is None


def test_death_is_told_in_the_tables_and_ends_all():
    """Died in day 11: DTHFL, the day and the cause; an event DEATH; nothing after it. The others have none of it."""
    dropout = [
        {"reason": "bleeding", "hazard_per_week": 0.7, "when": {"below_1e9L": 1000}, "death": True},
        {"reason": "wish", "hazard_per_week": 0.7, "when": {"below_1e9L": 1000}},
    ]
    u = made(dropout, [[0.45, 9], [9, 0.45], [9, 9]])
    result = simulate_unit(u)
    units = dict.fromkeys(u.structure.parameters, "1")
    found = collect(u, result, people(3), np.arange(1, 4), np.full(3, "all"), units)
    columns = ("EOSSTT", "DCSREAS", "EOSDY", "DTHFL", "DTHADY", "DTHCAUS")
    assert [tuple(row[c] for c in columns) for row in found["patients"].to_pylist()] == [
        ("DISCONTINUED", "bleeding", 12, "Y", 12, "bleeding"),
        ("DISCONTINUED", "wish", 12, None, None, None),
        ("COMPLETED", "", 70, None, None, None),
    ]
    assert [(r["SUBJID"], r["EVENT"], r["ADY"], r["TERM"]) for r in found["events"].to_pylist()] == [
        (1, "DEATH", 12, "bleeding"), (2, "DROPOUT", 12, "wish"),
    ]  # fmt: skip
    assert max(r["AENDY"] for r in found["doses"].to_pylist() if r["SUBJID"] == 1) == 12
    counted = [r["ADY"] for r in found["observations"].to_pylist() if r["SUBJID"] == 1 and r["AVAL"] is not None]
    assert max(counted) == 7
    plain = made([dropout[1]], [[9.0]])
    again = collect(plain, simulate_unit(plain), people(1), np.array([1]), np.array(["all"]), units)
    assert "DTHFL" not in again["patients"].column_names


def test_samples_of_a_profile_end_with_leaving():
    """A profile of nine days from day 14 on; leaves in day 21, as only the visit of day 21 tells: the sample of that
    day is there, that of day 22 is not.
    """
    fixed = {"id": "DRUG", "start_dose_mg": 5}
    sampling = {"pk_sampling": {"visit_day": 14, "times_h": [0, 24, 180, 204]}, "arms": [fixed]}
    said = {"reason": "x", "hazard_per_week": 0.7, "when": {"below_1e9L": 1000}}
    u = made([said], [[1.45]], study=sampling | {"randomisation": {"block_size": 1}})
    taken = ~np.isnan(simulate_unit(u).concentration)
    assert taken.tolist() == [[True, True, True, False]]


def test_an_absurd_hazard_is_at_once_and_overflows_nothing():
    said = {"reason": "x", "hazard_per_week": 1e308, "when": LOW, "changes": [{"from_day": 9, "factor": 1000}]}
    u = made([said], [[3.0]])
    assert left(u, [[20] * 10])[0] == [8]


def smoke(*settings):
    return load_study("configs/smoke.yaml", settings, replicates=1)


def test_off_drug_is_after_the_end_of_treatment_too():
    """Treatment for 28 of 70 days: of the sham arm, whose dose nobody holds, all leave after it and none before."""
    off = "dropout=[{reason: off, hazard_per_week: 5, when: {drug: 'off'}}]"
    short = ("treatment_days=28", "visits.window_days=0", "visits.missed_probability=0", "pk_sampling=null")
    patients = simulate_replicates(smoke(off, *short), range(1))["patients"].to_pandas()
    sham = patients.query("ARM == 'Placebo'")["EOSDY"]
    assert len(sham) > 5 and (sham > 28).all() and (sham < 70).all()


SWAP = (
    "stages=[{id: A, days: 28}, {id: B, days: 42, arms: {HETROM-5: {placebo: true}, Placebo: {placebo: false}}}]",
    "treatment_days=null",
    "pk_sampling=null",
    "rescue.allowed=false",
    "analysis.assessment_day=28",
    "analysis.primary=RESPW4",
    "analysis.endpoints=[]",
)


def test_adverse_events_are_those_of_the_table_where_a_stage_changes_the_drug_and_reports_are_late():
    """From the visit to its report the drug of the stage before is taken, and its rate holds."""
    leaving = "dropout=[{reason: x, hazard_per_week: 0.0001, after_adverse_event: {codes: [HEAD]}}]"
    one = smoke(*SWAP, "laboratory.turnaround_days=3", "tolerability={proxies: all}", leaving, "patients=400")
    patients = enrolment(one, range(1))
    swapped = unit_of(one, patients)
    result = simulate_unit(swapped)
    onset = result.course.exits.onset[:, 0]
    table = tabulate(swapped, result, patients)["adverse"].to_pandas().query("AECD == 'HEAD'")
    told = np.full(400, NEVER)
    told[table["SUBJID"].to_numpy() - 1] = table["ADY"].to_numpy()
    there = told < NEVER
    assert there.sum() > 20 and (onset[there] == told[there]).all()


def test_a_retest_on_the_day_of_the_visit_is_no_time():
    """Nothing passes between a count and another of the same moment."""
    again = smoke("laboratory.turnaround_days=0", "laboratory.retest={at_least_1e9L: 50, after_days: 0}", "patients=20")
    assert simulate_replicates(again, range(1))["observations"].num_rows > 0
