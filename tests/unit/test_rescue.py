"""Rescue agents: who is given what, by hand; what it does, in closed forms; how long it voids a response."""

import numpy as np
import pyarrow as pa
import pytest
from hand_made import NEVER, unit
from scipy.stats import poisson
from tiny_trial import Patient, study, tables

from analysis.endpoints import catalogue
from analysis.endpoints.records import from_tables
from analysis.endpoints.stage_view import in_stage
from analysis.endpoints.time_to_event import first_response, loss_of_response
from cohorts.sets import parameter_set
from trial.engine.rescue import cut, no_rescue
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.models import structure_of
from trial.study.load import load_study
from trial.study.study import Study
from trial.tables import STAGES, VOIDENDY

PLT = {"id": "PLT", "kind": "platelets", "below_1e9L": 1000, "min_days_between": 365}
SLOW = {"KIN": 0.5, "BASE": 60.0}
KOUT = 0.5 / 60.0


def rescue(*agents, **said):
    return {"rescue": {"agents": list(agents)} | said}


def counts(u):
    return np.array([visit.true_count for visit in simulate_unit(u).visits])


def test_a_transfusion_raises_the_count_by_its_amount_and_decays_as_platelets_do():
    """33 on day 7 and, three days later, 20: PLT - control = A exp(-KOUT t), KOUT = KIN / BASE."""
    control = counts(unit(arm=(1, 1), parameters=SLOW))
    for adds, onset in ((33.0, 0), (20.0, 3)):
        agent = PLT | {"adds_1e9L": adds, "onset_days": onset}
        found = counts(unit(arm=(1, 1), parameters=SLOW, study=rescue(agent)))
        since = 24.0 * (np.arange(7, 71, 7) - 7 - onset)
        expected = np.where(since > 0, adds * np.exp(-KOUT * since), 0.0)
        np.testing.assert_allclose((found - control)[:, 0], expected, rtol=1e-6, atol=1e-7)


def test_an_hour_after_the_transfusion_the_count_is_higher_by_its_amount():
    u = unit(arm=(1,), parameters=SLOW, study=rescue(PLT | {"onset_days": 2}) | {"output": "dense"})
    course = np.concatenate([piece.plt.ravel() for piece in simulate_unit(u).hourly[1:]])
    assert course[24 * 9 - 1] == pytest.approx(60.0, rel=1e-6)  # hour 216 is before it
    np.testing.assert_allclose(course[24 * 9 : 24 * 10] - 60.0, 33.0 * np.exp(-KOUT * np.arange(1, 25)), rtol=1e-5)


def test_donors_platelets_of_all_ages_age_and_are_destroyed_as_the_patients_own():
    """Of age class k a share is left after t that is exp(-KAB t) P(at most 5 - k ageings), Poisson with 5 t / LS.

    Clearance of TPO by platelets is off, so that nothing else answers the transfusion.
    """
    chosen = parameter_set("hetrombopag_itp_mei_2021")
    model = structure_of(chosen)
    own = model.individual({p.name: np.array([p.value]) for p in chosen.parameters} | {"FP": np.zeros(1)})
    quiet = {name: float(value[0]) for name, value in own.items()} | {"RESCUE_H0": 0.0, "ASSAY_CV": 0.0}
    days = {"visits": {"days": [1, 2, 3, 5, 8]}, "analysis": {"assessment_day": 8}, "treatment_days": 8}
    with_it, without = (
        counts(unit(arm=(1,), parameters=quiet, structure=model, study=days | more))[:, 0] for more in (rescue(PLT), {})
    )
    t = 24.0 * (np.array([1, 2, 3, 5, 8]) - 1)
    left = sum(poisson.cdf(5 - k, 5 * t / quiet["LS"]) for k in range(1, 6)) / 5 * np.exp(-quiet["KAB"] * t)
    np.testing.assert_allclose((with_it - without)[1:], 33.0 * left[1:], rtol=1e-5, atol=1e-8)
    assert 33.0 * left[1] > 3 and with_it[0] == without[0]


def test_steps_of_who_is_given_nothing_stay_as_they_are():
    """One of two bleeds: the other's course is the same to the bit, though the interval is cut."""
    agent = {"id": "PLT", "kind": "platelets", "bleeding_at_least": 4, "onset_days": 2}
    same = {"bleeding_u": np.array([50.0, -50.0])}
    found = counts(unit(arm=(1, 1), parameters=SLOW, study=rescue(agent), **same))
    control = counts(unit(arm=(1, 1), parameters=SLOW, **same))
    assert (found[:, 1] == control[:, 1]).all() and found[1, 0] > control[1, 0] + 12


def made(study, counts_of, bleeding, **drawn):
    """What is given at each visit of patients with these counts and grades (n, visits): agent, patient, day."""
    u = unit(arm=(1,) * len(counts_of), study=study, **drawn)
    course, _ = start_course(u)
    found = []
    for visit, (count, grade) in enumerate(zip(np.array(counts_of, float).T, np.array(bleeding).T, strict=True), 1):
        course, decided = apply_rules(u, course, count, visit, grade)
        ids = [agent.id for agent in u.study.rescue.given]
        found.append([(ids[g.agent], int(w), int(d)) for g in decided.given for w, d in zip(g.who, g.day, strict=True)])
        assert decided.rescued.tolist() == [any(w == k for _, w, _ in found[-1]) for k in range(len(counts_of))]
    return found, course


def test_a_grade_is_known_at_the_visit_and_a_count_when_it_is_reported():
    """Turnaround 3 days: bleeding on day 7 is answered that day, a count of 5 on day 10; not to who leaves before."""
    agents = rescue({"id": "A", "kind": "steroid", "below_1e9L": 10, "bleeding_at_least": 3, "min_days_between": 0})
    late = agents | {"laboratory": {"turnaround_days": 3}}
    found, course = made(late, [[5], [50], [5], [5]], [[3], [3], [0], [0]], leave_day=np.array([NEVER] * 3 + [9]))
    assert found == [[("A", 0, 7), ("A", 1, 7), ("A", 2, 10)]]
    (given,) = course.rescues.given
    assert np.isnan(given.count[:2]).all() and given.count[2] == 5


def test_agents_have_their_own_times_apart():
    """Every week low: A every 14 days, B once in 365, C as rescue.min_days_between says."""
    few = rescue(
        *({"id": name, "kind": "steroid", "below_1e9L": 10} | apart
          for name, apart in (("A", {"min_days_between": 14}), ("B", {"min_days_between": 365}), ("C", {}))),
        min_days_between=21,
    )  # fmt: skip
    found, _ = made(few, [[5] * 8], [[0] * 8])
    days = {name: [d for visit in found for who, _, d in visit if who == name] for name in "ABC"}
    assert days == {"A": [7, 21, 35, 49], "B": [7], "C": [7, 28, 49]}


def test_one_clinical_decision_gives_all_clinical_agents():
    agents = rescue(
        {"id": "P", "kind": "platelets", "clinical": True}, {"id": "I", "kind": "steroid", "clinical": True}
    )
    clock = {"rescue_clock": np.array([[0.0, 9, 9, 9]])}
    found, course = made(agents, [[20, 20]], [[0, 0]], **clock)
    assert found == [[("P", 0, 7), ("I", 0, 7)], []] and course.rescues.decided.tolist() == [1]


def test_agents_lower_loss_each_by_its_latest_and_together():
    """Loss is exp(-sum of drops): A from day 8 fades with 10 days, B from day 14 with 20; production and loss constant
    within a day.
    """
    a = {"id": "A", "kind": "immunoglobulin", "below_1e9L": 1000, "min_days_between": 365, "log_drop": 1.0,
         "fades_days": 10.0}  # fmt: skip
    b = a | {"id": "B", "kind": "steroid", "onset_days": 7, "log_drop": 0.5, "fades_days": 20.0}
    found, count, expected = counts(unit(arm=(1,), study=rescue(a, b)))[:, 0], 13.0, []
    for day in range(70):
        drop = (day >= 8) * np.exp(-(day - 8) / 10) + (day >= 14) * 0.5 * np.exp(-(day - 14) / 20)
        rate = 1.43 / 13 * np.exp(-drop)
        count = 1.43 / rate + (count - 1.43 / rate) * np.exp(-24 * rate)
        expected += [count] if day % 7 == 6 else []
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_spans_are_cut_only_where_platelets_are_added():
    u = unit(arm=(1, 1), study=rescue(PLT | {"onset_days": 2}))
    span = np.array([[7, 14], [7, 14]])
    assert cut(u, no_rescue(u), [span])[0] is span
    course, _ = start_course(u)
    course, _ = apply_rules(u, course, np.array([20.0, np.nan]), 1)
    pieces = cut(u, course.rescues, [span])
    assert [piece.tolist() for piece in pieces] == [[[7, 9], [7, 14]], [[9, 14], [14, 14]]]


def test_the_standard_agent_is_what_a_study_has_that_names_none():
    """Its own words and numbers: clinical, at once, RESCUE_DROP and RESCUE_TAU of the set, voids for good."""
    bare = load_study("configs/smoke.yaml")
    (agent,) = bare.rescue.given
    assert (agent.term, agent.clinical, agent.onset, agent.adds, agent.log_drop, agent.fades, agent.voids_days) == (
        "rescue therapy", True, 0, 0.0, None, None, None,
    )  # fmt: skip


# How long a response is void.


def with_voids(patients, *ends):
    """Records of patients whose rescues, in order, void to ``ends`` (None: for good)."""
    made_of = tables(patients)
    events = made_of["events"].append_column(VOIDENDY, pa.array(ends, pa.int32()))
    return from_tables(made_of | {"events": events})


def test_a_rescue_voids_the_days_it_says_and_no_others():
    people = [Patient([60.0], rescue_days=(7, 49)), Patient([60.0]), Patient([60.0], rescue_days=(14,))]
    records = with_voids(people, 21, 56, None)
    days = np.tile([6.0, 7, 20, 21, 48, 49, 55, 56], (3, 1))
    assert records.voids(days).astype(int).tolist() == [
        [0, 1, 1, 0, 0, 1, 1, 0],
        [0] * 8,
        [0, 0, 1, 1, 1, 1, 1, 1],
    ]
    assert records.voids(days[:, 2]).tolist() == [True, False, True]
    assert records.failed_for_good_day.tolist() == [np.inf, np.inf, 14]


@pytest.mark.parametrize(("code", "expected"), [("RESPW8", [1, 0, 0]), ("RESP75", [1, 1, 0]), ("CUMWK", [8, 8, 1])])
def test_endpoints_take_a_response_again_once_it_is_no_longer_void(code, expected):
    """60 at every visit; rescue on day 14 voids two visits, on day 49 days 56 and 49, on day 14 for good."""
    people = [
        Patient([60.0], rescue_days=(14,)),
        Patient([60.0], rescue_days=(49,)),
        Patient([60.0], rescue_days=(14,)),
    ]
    records = with_voids(people, 28, 63, None)
    assert catalogue(56)[code].evaluate(records, study()).value.tolist() == expected


def test_times_of_who_responds_again():
    """Low at first; day 21 is void to 35, so the first response is on day 35; lost with the rescue of day 49."""
    people = [Patient([20.0, 20.0, 60.0], rescue_days=(21, 49))]
    records = with_voids(people, 35, 60)
    first, loss = first_response(records, study()), loss_of_response(records, study())
    assert (first.day.tolist(), first.event.tolist()) == ([35], [True])
    assert (loss.day.tolist(), loss.event.tolist()) == ([14], [True])


def test_a_durable_response_has_no_void_day_in_its_eight_weeks():
    people = [Patient([60.0], rescue_days=(7,)), Patient([60.0], rescue_days=(7,)), Patient([60.0], rescue_days=(70,))]
    records = with_voids(people, 14, 15, 70)
    assert catalogue(56)["DURRESP"].evaluate(records, study()).value.tolist() == [1, 0, 0]


def test_a_rescue_of_an_earlier_stage_voids_the_first_days_of_the_next():
    """B begins on day 28: a rescue on day 21 voids to day 49, its day 21; one on day 35 is its own, on its day 7."""
    said = study(assessment_day=28).model_dump(mode="json", exclude={"analysis"})
    staged = Study.model_validate(
        said
        | {"stages": [{"id": "A", "days": 28}, {"id": "B", "days": 42}]}
        | {"analysis": {"assessment_day": 28, "stage": "B"}}
    )
    made_of = tables([Patient([60.0], rescue_days=(21, 35)), Patient([60.0], rescue_days=(21,))])
    events = made_of["events"].append_column(VOIDENDY, pa.array([49, 56, 28], pa.int32()))
    rows = [{"IREP": 0, "SUBJID": k, "STAGEN": 2, "ASTDY": 28, "AENDY": 70, "ENDREAS": "last visit"} for k in (1, 2)]
    seen = in_stage(made_of | {"events": events, "stages": pa.Table.from_pylist(rows, schema=STAGES)}, staged)
    records = from_tables(seen)
    assert records.rescue_day.tolist() == [7, np.inf]
    days = np.tile([1.0, 6, 7, 20, 27, 28], (2, 1))
    assert records.voids(days).astype(int).tolist() == [[1, 1, 1, 1, 1, 0], [0] * 6]
    assert catalogue(28)["RESPW4"].evaluate(records, staged.analysed).value.tolist() == [1, 1]
