"""The tables of a unit made by hand: who left, the dose ledger, rescues, absent values; expected by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hand_made import NEVER, people, taking, unit

from trial.engine.apply_dose_rule import Action
from trial.engine.simulate import simulate_unit
from trial.jobs.collect import collect, screening_table
from trial.jobs.courses import courses
from trial.jobs.ledger import PAUSE, RESUME, _in_order, why
from trial.jobs.rows import Keys
from trial.tables import on_days

WISH = {"dropout": [{"reason": "wish", "hazard_per_week": 0.0}, {"reason": "adverse event", "hazard_per_week": 0.0}]}
NO_EFFECT = {"EMAX": 0.0}
"""A drug that does nothing: the count stays 13, and the dose goes up on day 14 in both arms."""


def tables(arm=(0, 1), **said):
    u = unit(arm=arm, **said)
    n = len(arm)
    names = dict.fromkeys(u.structure.parameters, "1")
    result, cohort, subject = simulate_unit(u), people(n), np.arange(1, n + 1)
    keys = Keys.of("tiny", cohort.draws.replicate, subject)
    hourly = {"courses": pa.concat_tables(courses(u, result, keys))} if result.hourly else {}
    return collect(u, result, cohort, subject, np.full(n, "all"), names) | hourly


def rows(table, *names, **where):
    """The named columns of the rows whose columns are as said, row by row."""
    found = [row for row in table.to_pylist() if all(row[k] == v for k, v in where.items())]
    return [row[names[0]] if len(names) == 1 else tuple(row[name] for name in names) for row in found]


@pytest.fixture(scope="module")
def left():
    """Five on placebo: stays; leaves on day 69, on the last day 70, on day 71 after it; on the day of week 4."""
    leave = np.array([NEVER, 69, 70, 71, 28])
    return tables(
        arm=(1,) * 5, study=WISH | {"treatment_days": 70}, leave_day=leave, leave_reason=np.array([-1, 0, 1, 0, 1])
    )


def test_leaving_on_the_last_day_is_not_completing(left):
    assert rows(left["patients"], "EOSSTT", "DCSREAS", "EOSDY") == [
        ("COMPLETED", "", 70), ("DISCONTINUED", "wish", 69), ("DISCONTINUED", "adverse event", 70),
        ("COMPLETED", "", 70), ("DISCONTINUED", "adverse event", 28),
    ]  # fmt: skip
    assert rows(left["events"], "SUBJID", "ADY", "TERM", EVENT="DROPOUT") == [
        (2, 69, "wish"), (3, 70, "adverse event"), (5, 28, "adverse event"),
    ]  # fmt: skip


def test_who_has_left_has_no_count_from_that_day_on(left):
    counts = left["observations"]
    absent = rows(counts, "SUBJID", "AVISITN", PARAMCD="PLAT", AVALREAS="discontinued")
    assert absent == [(2, 70), (3, 70), *((5, day) for day in range(28, 71, 7))]
    assert set(rows(counts, "AVALREAS", PARAMCD="PLAT")) == {"", "discontinued"}


def test_the_ledger_ends_where_treatment_or_the_patient_does(left):
    """Sham titration: up on day 14 for a count of 13; the level counts, active drug is 0."""
    assert rows(left["doses"], "ASTDY", "AENDY", "DOSELEV", "EXDOSE", "NTAKEN", SUBJID=1) == [
        (0, 14, 5, 0, 14), (14, 70, 7.5, 0, 56),
    ]  # fmt: skip
    assert [rows(left["doses"], "AENDY", SUBJID=k)[-1] for k in (2, 3, 4, 5)] == [69, 70, 70, 28]
    assert rows(left["doses"], "ACTION", "TRIGCNT", SUBJID=5)[0] == ("start", None)
    assert [round(c) for c in rows(left["doses"], "TRIGCNT", ACTION="increase")] == [13] * 5


def test_keys_and_names(left):
    assert rows(left["patients"], "USUBJID")[:2] == ["hand_made-00000-00001", "hand_made-00000-00002"]
    assert set(rows(left["patients"], "ARM")) == {"SHAM"} and set(rows(left["patients"], "STUDYID")) == {"hand_made"}
    assert rows(left["solves"], "STATUS", "REASON") == [("OK", "")] * 5
    assert left["observations"].num_rows == 5 * 2 * 11


def test_the_ledger_counts_days_taken_within_the_period():
    """Days 3 and 13 missed before the increase on day 14, days 14 and 60 after it; treatment ends on day 50."""
    taken = np.ones((2, 70), bool)
    taken[:, [3, 13, 14, 60]] = False
    found = tables(taken=taken, study={"treatment_days": 50}, parameters=NO_EFFECT)["doses"]
    for subject in (1, 2):
        assert rows(found, "ASTDY", "AENDY", "NTAKEN", SUBJID=subject) == [(0, 14, 12), (14, 50, 35)]
    assert rows(found, "EXDOSE", SUBJID=1) == rows(found, "DOSELEV", SUBJID=1) == [5, 7.5]
    assert rows(found, "EXDOSE", SUBJID=2) == [0, 0]


def test_a_change_takes_effect_after_the_report_and_not_after_the_end():
    """Two days to the report: up on day 16. Treatment of 16 days: the change never comes."""
    late = {"laboratory": {"turnaround_days": 2, "whole_numbers": False, "lower_limit_1e9L": 0}}
    assert rows(tables(study=late, parameters=NO_EFFECT)["doses"], "ASTDY", "AENDY", SUBJID=1) == [(0, 16), (16, 70)]
    short = tables(study=late | {"treatment_days": 16}, parameters=NO_EFFECT)["doses"]
    assert rows(short, "ASTDY", "AENDY", SUBJID=1) == [(0, 16)]


def test_missed_visits_and_failed_solves_have_their_reason():
    missed = np.zeros((2, 11), bool)
    missed[0, 2] = True
    found = tables(arm=(0, 0), missed=missed, parameters={"KINT": np.array([4.36, 1e7])})
    why = dict(rows(found["observations"], "AVISITN", "AVALREAS", SUBJID=1, PARAMCD="PLAT"))
    assert [day for day, reason in why.items() if reason] == [14] and why[14] == "missed visit"
    days = dict(rows(found["observations"], "AVISITN", "ADY", SUBJID=1, PARAMCD="PLAT"))
    assert days[14] is None and days[7] == 7 and days[0] == 0
    (status,) = rows(found["solves"], "STATUS", SUBJID=2)
    assert status != "OK" and rows(found["patients"], "EOSSTT") == ["COMPLETED", "SOLVE FAILED"]
    failed = set(rows(found["observations"], "AVALREAS", SUBJID=2, PARAMCD="PLAT")) - {""}
    assert len(failed) == 1 and failed.pop().startswith("solver: ")


def test_baseline_is_the_screening_count_and_then_what_was_seen():
    found = tables(parameters={"ASSAY_CV": 0.2}, count_z=np.full((2, 11), 1.0))["observations"]
    first, second = rows(found, "AVAL", "TRUEVAL", SUBJID=2, PARAMCD="PLAT")[:2]
    assert first == (13.0, 12.5)
    assert second[0] == pytest.approx(second[1] * np.exp(np.sqrt(np.log(1.04))))
    assert rows(found, "AVAL", "AVISITN", SUBJID=2, PARAMCD="WHOBLEED")[0] == (1.0, 0)


def test_rescues_stand_at_their_visit_with_the_count_that_led_to_them():
    clock = np.array([[0.15, 0.55, 9, 9], [9, 9, 9, 9]])
    steady = {"RESCUE_H0": 0.1, "RESCUE_SCALE": 1e9}
    found = tables(arm=(1, 1), parameters=steady, rescue_clock=clock)
    days = rows(found["events"], "SUBJID", "ADY", EVENT="RESCUE", TERM="rescue therapy")
    assert days == [(1, 14), (1, 70)]  # 0.2 on day 14; at risk again from day 42 on: 0.6 on day 70
    at = dict(rows(found["observations"], "ADY", "AVAL", SUBJID=1, PARAMCD="PLAT"))
    assert rows(found["events"], "AVAL") == [at[14], at[70]]


def test_a_rescue_stands_on_the_day_of_the_report():
    """0.3 on day 21, reported three days later, as is the change of dose on day 14."""
    late = {"laboratory": {"turnaround_days": 3, "whole_numbers": False, "lower_limit_1e9L": 0}}
    steady = {"RESCUE_H0": 0.1, "RESCUE_SCALE": 1e9}
    found = tables(arm=(1,), study=late, parameters=steady, rescue_clock=np.array([[0.25, 9, 9, 9]]))
    assert rows(found["events"], "ADY", EVENT="RESCUE") == [24]
    assert rows(found["doses"], "ASTDY", ACTION="increase") == [17]


def test_a_profile_has_its_rows_and_a_reason_on_placebo():
    found = tables(study={"pk_sampling": {"visit_day": 28, "times_h": [0, 6, 24]}})["observations"]
    assert rows(found, "AVISITN", "ADY", "ATPT", SUBJID=1, PARAMCD="CONC") == [(28, 28, 0), (28, 28, 6), (28, 28, 24)]
    assert all(value > 0 for value in rows(found, "AVAL", SUBJID=1, PARAMCD="CONC"))
    assert rows(found, "AVALREAS", "AVAL", SUBJID=2, PARAMCD="CONC") == [("no active dose", None)] * 3


def test_the_screening_table():
    table = screening_table({3: {"screened": 5, "randomised": 4}})
    assert rows(table, "IREP", "REASON", "N") == [(3, "screened", 5), (3, "randomised", 4)]
    assert screening_table({}).num_rows == 0


def test_a_level_below_1_mg_is_a_dose():
    arms = [{"id": "DRUG", "start_dose_mg": 0.5, "dose_rule": "ladder"}]
    steps = [{"below_1e9L": 50, "action": "increase", "min_days_since_change": 14}]
    said = {"arms": arms, "dose_rules": {"ladder": {"ladder_mg": [0.5, 1], "steps": steps, "source": "test"}}}
    found = tables(arm=(0,), study=said | {"randomisation": {"block_size": 1}}, parameters=NO_EFFECT)["doses"]
    assert rows(found, "DOSELEV", "NTAKEN", "EXDOSE") == [(0.5, 14, 0.5), (1, 56, 1)]


def test_hourly_courses_end_when_the_patient_leaves():
    """Hours 0 to 24 x day of leaving; to the last visit of who stays; patient after patient."""
    short = {"visits": {"days": [2, 4]}, "analysis": {"assessment_day": 4}, "output": "dense"}
    found = tables(arm=(0, 1, 1), study=short, leave_day=np.array([NEVER, 3, 1]))["courses"]
    hours = {k: rows(found, "AHOUR", SUBJID=k) for k in (1, 2, 3)}
    assert {k: len(h) for k, h in hours.items()} == {1: 97, 2: 73, 3: 25}
    assert all(h == list(range(len(h))) for h in hours.values())
    assert rows(found, "SUBJID") == [1] * 97 + [2] * 73 + [3] * 25


def test_a_ledger_of_who_leaves_at_once_is_empty():
    """Leaving on day 0 or 1: nobody is treated before day 0, one day before day 1."""
    found = tables(arm=(1, 1), leave_day=np.array([0, 1]))["doses"]
    assert rows(found, "SUBJID", "ASTDY", "AENDY", "NTAKEN") == [(2, 0, 1, 1)]


def test_doses_of_chemotherapy_before_the_last_visit_and_before_leaving():
    """Doses on days 0 and 3 of cycles from day 7 and day 67: the last one would be on day 70, the last visit's day.

    One stays, one leaves on day 67, one on day 68 with a rescue on day 21; a drug without effect, counts of 13.
    """
    plan = {"cycle_days": 60, "cycles": 2, "first_day": 7, "doses": [{"day": 0}, {"day": 3}]}
    leave, clock = np.array([NEVER, 67, 68]), np.full((3, 4), np.inf)
    clock[2, 0] = 0.0
    quiet = {"EMAX": 0.0, "ASSAY_CV": 0.0, "RESCUE_H0": 0.1}
    found = tables(
        arm=(0, 0, 1), study=WISH | {"chemotherapy": plan}, structure=taking([]), leave_day=leave, parameters=quiet,
        leave_reason=np.array([-1, 0, 0]), rescue_clock=clock, missed=np.arange(11)[None, :] * np.ones((3, 1)) < 3,
    )["events"]  # fmt: skip
    given = rows(found, "SUBJID", "ADY", "CYCLE", "TERM", EVENT="CHEMO")
    first, second = "chemotherapy, cycle 1", "chemotherapy, cycle 2"
    assert given == [
        (1, 7, 1, first), (1, 10, 1, first), (1, 67, 2, second), (2, 7, 1, first), (2, 10, 1, first),
        (3, 7, 1, first), (3, 10, 1, first), (3, 67, 2, second),
    ]  # fmt: skip
    others = rows(found, "EVENT", "ADY", "CYCLE", SUBJID=3)
    assert [row for row in others if row[0] != "CHEMO"] == [("RESCUE", 21, None), ("DROPOUT", 68, None)]
    assert rows(found, "EVENT", "ADY", "CYCLE", "TERM", SUBJID=2)[-1] == ("DROPOUT", 67, None, "wish")
    assert rows(found, "AVAL", EVENT="CHEMO", SUBJID=1)[0] == 13, "the baseline count, as nobody came before day 21"
    assert rows(found, "AVAL", EVENT="DROPOUT") == [None, None]


def test_hours_to_the_day_of_leaving_and_to_the_failure():
    """Three patients to day 14: one leaves on day 3 (hour 72 is the last), one is not sound and has none."""
    study = {
        "visits": {"days": [7, 14]},
        "treatment_days": 14,
        "analysis": {"assessment_day": 14},
        "output": "dense",
    } | WISH
    found = tables(
        arm=(1, 1, 1), study=study, leave_day=np.array([NEVER, 3, NEVER]), leave_reason=np.array([-1, 0, -1]),
        parameters={"CL": np.array([7.0, 7.0, np.inf])},
    )["courses"]  # fmt: skip
    hours = [rows(found, "AHOUR", SUBJID=k) for k in (1, 2, 3)]
    assert hours[0] == list(range(337)) and hours[1] == list(range(73)) and hours[2] == []


def test_days_covered_by_periods():
    """Days 1 to 3 and 3 to 8 in the first row, of six days; the second row has no period."""
    first, after = np.array([1, 3]), np.array([4, 9])
    assert on_days(np.array([0, 0]), first, after, (2, 6)).tolist() == [[0, 1, 1, 2, 1, 1], [0] * 6]


def test_a_pause_of_a_level_below_1_mg_is_a_row_and_one_of_no_dose_is_none():
    """Start on day 0, pause on day 4 and resume on day 6 of 8: at 0.5 mg three rows, at 0 one."""
    who, day = np.zeros(2, int), np.array([4, 6])
    pauses = (who, day, np.array([PAUSE, RESUME]), np.zeros(2, int), np.full(2, np.nan), who, np.full(2, np.nan))
    due = np.array([[True] * 4 + [False] * 2 + [True] * 2])
    for dose, days, levels in ((0.5, [0, 4, 6], [0.5, 0, 0.5]), (0.0, [0], [0.0])):
        begun = tuple(np.array([x]) for x in (0, 0, Action.START, -1, np.nan, 0, dose))
        _, at, _, _, _, _, level = _in_order([begun, pauses], due, np.array([8]))
        assert at.tolist() == days and level.tolist() == levels


def test_a_stage_begins_by_its_name_and_the_last_one_ends():
    plan = unit().study.plan
    assert why(plan, None, Action.STAGE, 0) == f"start of stage {plan[0].name}"
    assert why(plan, None, Action.STAGE, len(plan)) == f"end of stage {plan[-1].name}"
