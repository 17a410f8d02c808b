"""Chemotherapy on hand-made patients and in a whole trial with a made-up structure that takes it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hand_made import taking, unit

import trial.jobs.work
from analysis.endpoints import catalogue, evaluate
from analysis.endpoints.chemotherapy import all_as_planned, two_in_a_row
from analysis.endpoints.records import from_tables
from cohorts.adverse_events import DAYS_PER_YEAR, proxy
from cohorts.streams import Draws, Streams
from trial.engine.cycles import Cycles
from trial.engine.dosing import daily_events, days_between, dose_mg, kill
from trial.engine.draws import _cycle_factor
from trial.engine.passage import NEVER
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.study.study import Study
from trial.tables import DOSES, EVENTS

PHASE_3 = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
TMDD = "hetrombopag_wang_2022"
TWO_CYCLES = {
    "first_day": 2,
    "cycle_days": 5,
    "cycles": 2,
    "doses": [{"day": 0}, {"day": 3, "intensity": 0.8}],
}
BY_DAY = [0, 0, 1, 0, 0, 0.8, 0, 1, 0, 0, 0.8, 0, 0, 0]
FORTNIGHT = np.arange(14)[None, :].repeat(2, axis=0)
WEEKLY = {"cycle_days": 21, "cycles": 3, "doses": [{"day": 0}, {"day": 7, "intensity": 0.8}]}


def started(**chemotherapy):
    """A unit of a study with this chemotherapy, and its course on day 0."""
    u = unit(study={"chemotherapy": TWO_CYCLES | chemotherapy})
    return u, start_course(u)[0]


def test_each_dose_of_each_cycle_on_its_day_with_its_intensity_in_every_arm():
    u, course = started()
    assert kill(u, course, FORTNIGHT).tolist() == [BY_DAY, BY_DAY]
    u = unit()
    assert kill(u, start_course(u)[0], FORTNIGHT).tolist() == [[0.0] * 14] * 2


def test_the_structure_is_told_every_day_once_and_nothing_on_days_that_do_not_exist():
    seen = []
    visits = {"visits": {"days": [7, 14], "window_days": 2}, "analysis": {"assessment_day": 14}}
    visit_day = np.array([[0, 5, 14], [0, 9, 12]])
    u = unit(study={"chemotherapy": TWO_CYCLES} | visits, structure=taking(seen), visit_day=visit_day)
    simulate_unit(u)
    _, first, second = seen  # the steady state of day 0, then one interval after the other
    told = [np.concatenate([first.kill[i], second.kill[i]]) for i in range(2)]
    exists = [np.concatenate([np.isfinite(first.start_h[i]), np.isfinite(second.start_h[i])]) for i in range(2)]
    assert told[0][exists[0]].tolist() == BY_DAY and told[1][exists[1]].tolist() == BY_DAY[:12]
    assert not any(told[i][~exists[i]].any() for i in range(2))


def test_it_ends_when_the_patient_leaves():
    u = unit(study={"chemotherapy": TWO_CYCLES}, leave_day=np.array([10**9, 7]))
    assert kill(u, start_course(u)[0], FORTNIGHT).tolist() == [BY_DAY, [*BY_DAY[:7], *([0.0] * 7)]]


@pytest.mark.parametrize("on", [0, 6])
def test_the_kill_reaches_the_equations_and_not_the_steady_state_before_it(on):
    """Closed form on placebo: production is constant, a kill of 1 doubles the loss of that day (made-up structure)."""
    once = {"cycle_days": 100, "cycles": 1, "doses": [{"day": on}]}
    visits = {"visits": {"days": [1, 7]}, "analysis": {"assessment_day": 7}, "dose_rules": {}}
    arms = [{"id": "SHAM", "start_dose_mg": 5, "placebo": True}]
    u = unit(arm=(0, 0), study={"chemotherapy": once, "arms": arms} | visits, structure=taking([]))
    count, rate = (
        13.0,
        1.43 / 13 / 100,
    )  # a platelet life of weeks, so that the first day does not forget where it began
    u = replace(u, parameters=u.parameters | {"KIN": u.parameters["KIN"] / 100})
    result, closed = simulate_unit(u), []
    for day in range(7):
        loss = rate * (2 if day == on else 1)
        count = 0.0143 / loss + (count - 0.0143 / loss) * np.exp(-24 * loss)
        closed.append(count)
    np.testing.assert_allclose(result.visits[0].count, closed[0], rtol=1e-5)
    np.testing.assert_allclose(result.visits[1].count, closed[6], rtol=1e-5)
    assert closed[6] < 12.9


def chemo_days(counts, start, **study):
    """First day of cycle 1 of patients with these counts at the first visits (n, visits)."""
    counts = np.array(counts, dtype=float)
    more = study.pop("plan", {})
    u = unit(arm=(0,) * len(counts), study={"chemotherapy": WEEKLY | start} | study, **more)
    course, _ = start_course(u)
    for visit, count in enumerate(counts.T, start=1):
        course, _ = apply_rules(u, course, count, visit)
    return [None if day == NEVER else int(day) for day in course.cycles.first_day]


def test_cycle_1_waits_for_the_first_report_that_is_high_enough():
    """Reached exactly; reached, then low; visit missed; one visit late; only after the latest day; never."""
    counts = [
        [99, 100, 300], [100, 20, 20], [np.nan, 120, 20], [99.9, 99.9, 101], [99, 99, 99], [np.nan, np.nan, np.nan],
    ]  # fmt: skip
    assert chemo_days(counts, {"start": {"at_least_1e9L": 100, "latest_day": 14}}) == [14, 7, 14, None, None, None]
    assert chemo_days(counts, {"start": {"at_least_1e9L": 100, "latest_day": 21}}) == [14, 7, 14, 21, None, None]


def test_it_begins_on_the_day_of_the_report_and_not_before_the_first_day():
    """Actual visit days 5 and 9 of the visit planned for day 7; results two days later; not before day 10."""
    visit_day = np.array([[0, 5, *range(14, 71, 7)], [0, 9, *range(14, 71, 7)]])
    start = {"start": {"at_least_1e9L": 100, "latest_day": 7}}
    late = {"laboratory": {"turnaround_days": 2}, "plan": {"visit_day": visit_day}}
    assert chemo_days([[100], [100]], start, **late) == [7, 11]
    late = {"laboratory": {"turnaround_days": 2}, "plan": {"visit_day": visit_day}}
    both = {"first_day": 10, "start": {"at_least_1e9L": 100, "latest_day": 14}}
    assert chemo_days([[100], [100]], both, **late) == [10, 11]


def test_the_latest_day_is_a_planned_day():
    """The visit planned for day 14 takes place on day 16 and still starts cycle 1."""
    visit_day = np.array([[0, 7, 16, *range(21, 71, 7)]])
    start = {"start": {"at_least_1e9L": 100, "latest_day": 14}}
    assert chemo_days([[50, 100]], start, plan={"visit_day": visit_day}) == [16]


def test_the_drug_is_taken_around_each_cycle_only():
    u, course = started(first_day=3, cycle_days=7, doses=[{"day": 0}], drug_days=[-2, -1, 2])
    given = dose_mg(u, course, FORTNIGHT)[0] > 0
    assert np.flatnonzero(given).tolist() == [1, 2, 5, 8, 9, 12]


def test_drug_days_before_day_0_and_after_the_end_of_treatment_do_not_exist():
    around = TWO_CYCLES | {"first_day": 1, "cycle_days": 7, "drug_days": [-2, -1, 4]}
    u = unit(study={"chemotherapy": around, "treatment_days": 12})
    given = dose_mg(u, start_course(u)[0], FORTNIGHT)[0] > 0
    assert np.flatnonzero(given).tolist() == [0, 5, 6, 7]


def test_while_cycle_1_waits_the_drug_is_taken_every_day():
    u, course = started(first_day=0, drug_days=[-1, 1], start={"at_least_1e9L": 100, "latest_day": 14})
    assert (dose_mg(u, course, FORTNIGHT)[0] > 0).all()
    day = np.array([[7, 10], [NEVER, NEVER]])
    begun = replace(course, cycles=Cycles(day, day, np.ones((2, 2)), np.full(2, np.inf)))
    assert np.flatnonzero(dose_mg(u, begun, FORTNIGHT)[0] == 0).tolist() == [7, 9, 10, 12]


ARMS = [
    {"id": "DRUG", "start_dose_mg": 5, "until_chemotherapy": True},
    {"id": "GOES_ON", "start_dose_mg": 5},
]


def test_an_arm_until_chemotherapy_changes_to_placebo_with_cycle_1():
    u = unit(study={"chemotherapy": TWO_CYCLES | {"first_day": 4}, "arms": ARMS})
    course, _ = start_course(u)
    assert dose_mg(u, course, days_between(u.drawn, 1)).tolist() == [[5] * 4 + [0] * 3, [5] * 7]
    none = np.full((2, 2), NEVER)
    never = replace(course, cycles=Cycles(none, none, np.ones((2, 2)), np.full(2, np.inf)))
    assert (dose_mg(u, never, FORTNIGHT) == 5).all()


@pytest.fixture
def in_the_catalogue(monkeypatch):
    """The made-up structure in place of the one of the parameter set."""
    monkeypatch.setattr(trial.jobs.work, "structure_of", lambda _: taking([]))


def whole_trial(patients=60, **changes) -> dict:
    """Tables of one replicate of the phase III study with these changes, as lists of rows."""
    data = (
        load_study(PHASE_3).model_dump()
        | {"patients": patients, "replicates": 1, "pk_sampling": None, "parameter_set": TMDD}
        | changes
    )
    study = Study.model_validate(data)
    tables = simulate_replicates(study, range(1))
    rows = {name: table.to_pylist() for name, table in tables.items()}
    return rows | {"events_schema": tables["events"].schema, "tables": tables, "study": study}


WAITING = WEEKLY | {"start": {"at_least_1e9L": 50, "latest_day": 42}}


def test_every_dose_given_is_a_row_of_the_events(in_the_catalogue):
    """Recomputed from the other tables: first planned count of 50 or more to day 42, then days 0, 7, 21, 28, 42, 49."""
    made = whole_trial(chemotherapy=WAITING, dropout=[{"reason": "tired", "hazard_per_week": 0.05}])
    leaves = {r["SUBJID"]: (r["EOSSTT"] != "COMPLETED", r["EOSDY"]) for r in made["patients"]}
    plat = {subject: [] for subject in leaves}
    for row in made["observations"]:
        if row["PARAMCD"] == "PLAT" and row["AVAL"] is not None:
            plat[row["SUBJID"]].append((row["AVISITN"], row["ADY"], row["AVAL"]))
    last_visit = 68  # planned for day 70, at most two days early; later doses are left out of the comparison
    expected, stopped = set(), 0
    for subject, counts in plat.items():
        begin = next((day for planned, day, count in counts if 0 < planned <= 42 and count >= 50), None)
        for cycle, offset in ((1, 0), (1, 7), (2, 21), (2, 28), (3, 42), (3, 49)):
            day = None if begin is None else begin + offset
            gone, end = leaves[subject]
            if day is None or day >= last_visit:
                continue
            if gone and day >= end:
                stopped += 1
                continue
            count = [c for _, on, c in counts if on <= day][-1]
            expected.add((subject, f"chemotherapy, cycle {cycle}", day, count))
    rows = [r for r in made["events"] if r["EVENT"] == "CHEMO" and r["ADY"] < last_visit]
    assert {(r["SUBJID"], r["TERM"], r["ADY"], r["AVAL"]) for r in rows} == expected
    assert len(rows) == len(expected) > 60 and stopped > 3
    assert [(r["SUBJID"], r["ADY"]) for r in made["events"]] == sorted((r["SUBJID"], r["ADY"]) for r in made["events"])
    assert b"CHEMO" in made["events_schema"].field("EVENT").metadata[b"label"]


def test_without_chemotherapy_the_events_are_what_they_were(in_the_catalogue):
    made = whole_trial()
    assert {r["EVENT"] for r in made["events"]} == {"RESCUE", "DROPOUT"}
    assert made["events_schema"].equals(EVENTS, check_metadata=True)


def test_a_larger_trial_keeps_its_first_patients_with_chemotherapy_and_meals(in_the_catalogue):
    both = {"chemotherapy": WAITING, "meals": {"share_mean": 0.2, "share_sd": 0.1, "after_dose_h": 1}}
    small, large = whole_trial(40, **both), whole_trial(90, **both)
    for name in ("patients", "doses", "events", "solves"):
        assert small[name] == [r for r in large[name] if r["SUBJID"] <= 40], name
    assert any(r["EVENT"] == "CHEMO" for r in small["events"])


def test_the_ledger_says_where_active_drug_ends(in_the_catalogue):
    arms = [
        {"id": "DRUG", "start_dose_mg": 7.5, "until_chemotherapy": True},
        {"id": "GOES_ON", "start_dose_mg": 7.5},
    ]
    full = {"mean": 1.0, "sd": 0.0}
    changes = {"dropout": [], "arms": arms, "adherence": full, "randomisation": {"block_size": 2}}
    changes |= {"analysis": {"assessment_day": 56}, "published": None, "dose_rules": {}}
    around = WAITING | {"drug_days": [-1, 0, 1, 2]}
    made = whole_trial(chemotherapy=around, **changes)
    arm = {r["SUBJID"]: r["ARM"] for r in made["patients"]}
    begin = {}
    for row in made["events"]:
        if row["EVENT"] == "CHEMO":
            begin.setdefault(row["SUBJID"], row["ADY"])
    switched = 0
    for subject, of in arm.items():
        rows = [r for r in made["doses"] if r["SUBJID"] == subject]
        assert (rows[0]["EXDOSE"], rows[0]["ACTION"], rows[0]["REASON"]) == (7.5, "start", "start of treatment")
        ends = of == "DRUG" and subject in begin
        switched += ends
        placebo = [(r["ASTDY"], r["EXDOSE"], r["REASON"]) for r in rows if r["ACTION"] == "placebo"]
        assert placebo == [(begin.get(subject), 0.0, "placebo: chemotherapy begins")] * ends
        taken = sum(r["NTAKEN"] for r in rows)
        last = max(r["AENDY"] for r in rows)
        # every day before cycle 1, then days 0, 1, 2 and the day before each further cycle
        since = np.arange(last) - begin.get(subject, 10**6)
        due = (since < 0) | np.isin(since, [0, 1, 2, 20, 21, 22, 23, 41, 42, 43, 44])
        assert taken == due.sum()
        for name, given in (("DOSELEV", due), ("EXDOSE", due & ((since < 0) | (of != "DRUG")))):
            by_day = np.concatenate([np.full(r["AENDY"] - r["ASTDY"], r[name]) for r in rows])
            assert by_day.tolist() == (7.5 * given).tolist(), name
    assert switched > 5


AROUND = {"cycle_days": 14, "cycles": 2, "doses": [{"day": 0}], "first_day": 7, "drug_days": [-3, -2, 1, 2]}
UP = {"up": {"ladder_mg": [5.0, 7.5], "steps": [{"action": "increase", "min_days_since_change": 7}], "source": "test"}}


def test_the_ledger_has_every_run_of_drug_days_and_every_pause(in_the_catalogue):
    """Drug on days 4, 5, 8, 9, 18, 19, 22 and 23; the dose is raised on day 7, in a pause, and by the placebo too."""
    arms = [{"id": "DRUG", "start_dose_mg": 5.0, "dose_rule": "up"}, {"id": "SHAM", "start_dose_mg": 5.0,
            "dose_rule": "up", "placebo": True}]  # fmt: skip
    changes = {"dropout": [], "arms": arms, "randomisation": {"block_size": 2}, "dose_rules": UP, "published": None}
    changes |= {"analysis": {"assessment_day": 56}, "visits": {"days": [*range(7, 57, 7)]}, "adherence": {"mean": 1}}
    changes |= {"treatment_days": 56, "tolerability": {"proxies": ["DIARR"]}}
    made = whole_trial(2, chemotherapy=AROUND, **changes)
    arm = {r["SUBJID"]: r["ARM"] for r in made["patients"]}
    for subject, of in arm.items():
        mine = [r for r in made["doses"] if r["SUBJID"] == subject]
        assert [(r["ASTDY"], r["AENDY"], r["DOSELEV"], r["ACTION"], r["NTAKEN"]) for r in mine] == [
            (0, 4, 0, "start", 0), (4, 6, 5, "resume", 2), (6, 7, 0, "pause", 0), (7, 8, 0, "increase", 0),
            (8, 10, 7.5, "resume", 2), (10, 18, 0, "pause", 0), (18, 20, 7.5, "resume", 2), (20, 22, 0, "pause", 0),
            (22, 24, 7.5, "resume", 2), (24, 56, 0, "pause", 0),
        ]  # fmt: skip
        assert {r["EXDOSE"] == r["DOSELEV"] for r in mine} == ({True} if of == "DRUG" else {True, False})
        assert sum(r["EXDOSE"] for r in mine) == (5 + 3 * 7.5 if of == "DRUG" else 0)
        assert mine[1]["REASON"] == "resume: drug days of chemotherapy"
    records = from_tables(made["tables"], ("DRUG", "SHAM"))
    assert records.stop_day.tolist() == [24, 24]


def test_adverse_events_count_days_of_active_drug(in_the_catalogue):
    """The hazard of 1,500 patients on 8 drug days and 48 others: 1 - exp(-H), and not that of 56 days on drug."""
    arms = [{"id": "DRUG", "start_dose_mg": 5.0}]
    changes = {"dropout": [], "arms": arms, "randomisation": {"block_size": 1}, "dose_rules": {}, "published": None}
    changes |= {"analysis": {"assessment_day": 56}, "visits": {"days": [56]}, "adherence": {"mean": 1}}
    changes |= {"treatment_days": 56, "tolerability": {"proxies": ["DIARR"]}}
    made = whole_trial(1500, chemotherapy=AROUND, **changes)
    found = proxy("DIARR")
    hazard = (8 * found.on_drug.value + 48 * found.background.value) / DAYS_PER_YEAR
    share = 1 - np.exp(-hazard)
    assert len(made["adverse"]) / 1500 == pytest.approx(share, abs=4.5 * np.sqrt(share / 1500))
    assert share + 9 * np.sqrt(share / 1500) < 1 - np.exp(-56 * found.on_drug.value / DAYS_PER_YEAR)


def test_the_last_active_dose_of_who_goes_on_with_placebo_is_a_last_dose(in_the_catalogue):
    """Active drug ends on day 7; treatment and visits on day 56: a rebound can be seen in the 28 days after day 7."""
    changes = {"dropout": [], "arms": ARMS, "randomisation": {"block_size": 2}, "dose_rules": {}, "published": None}
    changes |= {"analysis": {"assessment_day": 56, "endpoints": ["REBOUND"]}, "visits": {"days": [*range(7, 57, 7)]}}
    changes |= {"treatment_days": 56, "rescue": {"allowed": False}}
    made = whole_trial(10, chemotherapy=WEEKLY | {"first_day": 7}, **changes)
    study, ids = made["study"], ("DRUG", "GOES_ON")
    records = from_tables(made["tables"], ids)
    assert set(records.stop_day[records.arm == 0]) == {7} and set(records.stop_day[records.arm == 1]) == {56}
    found = evaluate(catalogue(56)["REBOUND"], records, study)
    assert (found.reason == "").tolist() == (records.arm == 0).tolist()
    assert set(found.reason[records.arm == 1]) == {"no visit planned after the end of treatment"}


def test_a_change_of_dose_on_the_day_of_cycle_1_is_one_row_of_placebo(in_the_catalogue):
    """The rule moves everybody at the visit whose count starts cycle 1."""
    arms = [{"id": "DRUG", "start_dose_mg": 5.0, "dose_rule": "up", "until_chemotherapy": True}]
    up = {"up": {"ladder_mg": [5.0, 7.5], "steps": [{"action": "increase"}], "source": "test"}}
    changes = {"dropout": [], "arms": arms, "randomisation": {"block_size": 1}, "dose_rules": up}
    changes |= {"analysis": {"assessment_day": 56}, "published": None}
    at_once = WEEKLY | {"start": {"at_least_1e9L": 1, "latest_day": 7}}
    made = whole_trial(10, chemotherapy=at_once, **changes)
    rows = [(r["DOSELEV"], r["EXDOSE"], r["ACTION"]) for r in made["doses"] if r["SUBJID"] == 1]
    assert rows == [(5.0, 5.0, "start"), (7.5, 0.0, "increase")]
    assert DOSES.names == list(made["doses"][0])


def test_who_was_stopped_before_cycle_1_is_not_switched_to_placebo_and_has_chemotherapy(in_the_catalogue):
    arms = [{"id": "DRUG", "start_dose_mg": 5.0, "dose_rule": "off", "until_chemotherapy": True}]
    off = {"off": {"ladder_mg": [5.0], "steps": [{"action": "stop"}], "source": "test"}}
    changes = {"dropout": [], "arms": arms, "randomisation": {"block_size": 1}, "dose_rules": off}
    changes |= {"analysis": {"assessment_day": 56}, "published": None}
    made = whole_trial(10, chemotherapy=WEEKLY | {"first_day": 30}, **changes)
    rows = [(r["EXDOSE"], r["ACTION"]) for r in made["doses"]]
    assert rows == [(5.0, "start"), (0.0, "stop")] * 10
    assert {r["SUBJID"] for r in made["events"] if r["EVENT"] == "CHEMO"} == set(range(1, 11))


def test_a_study_without_them_tells_the_structure_no_kill_and_no_meal():
    seen = []
    u = unit(structure=taking(seen))
    daily_events(u, start_course(u)[0], days_between(u.drawn, 1))
    assert (seen[0].kill == 0).all() and np.isinf(seen[0].meal_h).all()


LATER = {
    "first_day": 0, "cycle_days": 21, "cycles": 3, "doses": [{"day": 0}, {"day": 7, "intensity": 0.5}],
    "next_cycle": {"at_least_1e9L": 75, "latest_days": 21, "early_days": 3},
}  # fmt: skip


def cycles_of(counts, **changes):
    """The cycles of patients with these counts (n, 10) at weekly visits, on the plan ``LATER`` with changes."""
    counts = np.array(counts, dtype=float)
    asked = LATER["next_cycle"] | changes.pop("next_cycle", {})
    u = unit(arm=(0,) * len(counts), study={"chemotherapy": LATER | {"next_cycle": asked} | changes})
    course, _ = start_course(u)
    for visit, count in enumerate(counts.T, start=1):
        course, _ = apply_rules(u, course, count, visit)
    return u, course


def begun(course):
    return [[int(d) if d < NEVER else None for d in row] for row in course.cycles.day]


def test_a_cycle_waits_for_the_visit_that_reports_enough():
    """On schedule; two weeks late; a visit missed on the day; longer than three weeks late: no more cycles."""
    counts = [
        [30, 30, 80, 30, 30, 80, 30, 30, 80, 80],
        [30, 30, 30, 74, 75, 30, 30, 80, 80, 80],
        [30, 30, np.nan, 80, 30, 30, 90, 30, 30, 30],
        [30, 30, 30, 30, 30, 30, 80, 80, 80, 80],
    ]
    _, course = cycles_of(counts)
    assert begun(course) == [[0, 21, 42], [0, 35, 56], [0, 28, 49], [0, None, None]]
    assert course.cycles.due[0].tolist() == [0, 21, 42] and course.cycles.due[1].tolist() == [0, 21, 56]


def test_a_count_some_days_before_the_planned_day_decides_it_and_an_older_one_does_not():
    """Cycles of 23 days on weekly visits: the count of day 21 is two days early, of a cycle of 25 days four."""
    counts = [[30, 30, 80, 30, 30, 30, 30, 30, 30, 30]]
    assert begun(cycles_of(counts, cycle_days=23)[1]) == [[0, 23, None]]
    assert begun(cycles_of(counts, cycle_days=25)[1]) == [[0, None, None]]


def test_a_delay_or_a_low_count_lowers_the_dose_of_this_and_later_cycles():
    """Three quarters after a week's delay, and again where a count below 25 was seen since the last cycle."""
    rule = {"reduction": {"factor": 0.75, "delayed_days": 7, "below_1e9L": 25}}
    counts = [[30, 30, 80, 30, 30, 80] + [30] * 4, [30, 30, 30, 80, 30, 30, 80] + [30] * 3,
              [20, 30, 80, 30, 20, 80] + [30] * 4]  # fmt: skip
    u, course = cycles_of(counts, next_cycle=rule)
    assert course.cycles.share.tolist() == [[1, 1, 1], [1, 0.75, 0.75], [1, 0.75, 0.5625]]
    day = np.tile(np.arange(60), (3, 1))
    given = kill(u, course, day)
    assert [np.flatnonzero(row).tolist() for row in given] == [
        [0, 7, 21, 28, 42, 49],
        [0, 7, 28, 35, 49, 56],
        [0, 7, 21, 28, 42, 49],
    ]
    assert given[2][given[2] > 0].tolist() == [1, 0.5, 0.75, 0.375, 0.5625, 0.28125]


def test_the_drug_days_before_a_cycle_follow_the_day_on_which_it_was_due():
    """Cycle 2 is due on day 21 and begins on day 28: the two days before are 19 and 20, the day after is 29."""
    u, course = cycles_of([[30, 30, 30, 80, 30, 30, 80, 30, 30, 30]], drug_days=[-2, -1, 1])
    day = np.arange(60)[None, :]
    assert np.flatnonzero(dose_mg(u, course, day)[0] > 0).tolist() == [1, 19, 20, 29, 47, 48, 50]


def test_the_kill_varies_between_cycles_with_median_1_and_accumulates():
    """Log-normal with CV 30 % between cycles, times 1.1 a cycle; without both nothing is drawn."""

    n = 20_000
    draws = Draws(Streams(3), np.zeros(n, dtype=np.int64), np.arange(n))
    u = unit(study={"chemotherapy": LATER | {"between_cycles_cv": 0.3, "accumulates": 0.1}})
    factor = _cycle_factor(u.study, draws)
    sd = np.sqrt(np.log(1.09))
    log = np.log(factor / 1.1 ** np.arange(3))
    assert abs(log.mean(axis=0)).max() < 4.5 * sd / np.sqrt(n)
    assert log.std(axis=0) == pytest.approx([sd] * 3, rel=4.5 / np.sqrt(2 * n))
    assert abs(np.corrcoef(log.T)[0, 1]) < 4.5 / np.sqrt(n)
    assert _cycle_factor(unit(study={"chemotherapy": LATER}).study, draws) is None
    grown = _cycle_factor(unit(study={"chemotherapy": LATER | {"accumulates": 0.1}}).study, draws)
    assert grown[0].tolist() == pytest.approx([1, 1.1, 1.21])


def test_cycles_kept_as_planned_are_counted_from_their_days_and_doses():
    """Cycles of 21 days to day 70: all kept; a week late; lowered; one left out; left on day 30; never any."""
    day = np.array([[0, 21, 42], [0, 28, 49], [0, 21, 42], [0, 21, np.nan], [0, 21, np.nan], [np.nan] * 3])
    share = np.ones((6, 3))
    share[2, 2] = 0.75
    seen = SimpleNamespace(n=6, chemotherapy=day, chemo_share=share)
    plan = SimpleNamespace(chemotherapy=SimpleNamespace(cycles=3, cycle_days=21), visits=SimpleNamespace(days=(70,)))
    assert all_as_planned(seen, plan).value.tolist() == [1, 0, 0, 0, 0, 0]
    assert two_in_a_row(seen, plan).value.tolist() == [1, 0, 0, 0, 0, 0]
    short = SimpleNamespace(chemotherapy=plan.chemotherapy, visits=SimpleNamespace(days=(30,)))
    assert all_as_planned(seen, short).value.tolist() == [1, 0, 1, 1, 1, 0], "cycle 3 was not due by day 30"
    late = SimpleNamespace(n=1, chemotherapy=np.array([[0, 27, 48.0]]), chemo_share=np.ones((1, 3)))
    assert all_as_planned(late, plan).value.tolist() == [1], "six days are no delay"


def test_a_trial_whose_cycles_wait_has_their_share_in_the_events(in_the_catalogue):
    """Every CHEMO row has the share of its cycle, and a cycle never begins before 21 days after the one before."""
    later = LATER | {"next_cycle": LATER["next_cycle"] | {"reduction": {"factor": 0.5, "below_1e9L": 40}}}
    rows = [r for r in whole_trial(chemotherapy=later)["events"] if r["EVENT"] == "CHEMO"]
    first: dict[int, dict[int, tuple[int, float]]] = {}
    for r in rows:
        first.setdefault(r["SUBJID"], {}).setdefault(r["CYCLE"], (r["ADY"], r["CHSHARE"]))
    assert {share for cycles in first.values() for _, share in cycles.values()} <= {1.0, 0.5, 0.25}
    gaps = [c[k + 1][0] - c[k][0] for c in first.values() for k in c if k + 1 in c]
    assert gaps and min(gaps) >= 21 and any(gap > 21 for gap in gaps)
    assert all(a >= b for c in first.values() for (_, a), (_, b) in pairwise([c[k] for k in sorted(c)]))
