"""Stages in the engine, on hand-made patients: who passes when, what he gets, and what stays as it was."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made import NEVER, PARAMETERS, people, unit

from cohorts.episodes import refractory
from cohorts.sets import parameter_set
from cohorts.shared.moving_disease import LOST_RESPONSE, REFRACTORY
from trial.engine.apply_dose_rule import Action
from trial.engine.in_force import OtherDrug
from trial.engine.passage import Seen, first_place, stage_of
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.engine.weeks import Occasions, Own, in_episodes
from trial.jobs.collect import collect
from trial.models import TMDD_LIFESPAN
from trial.study.stages import Stage

NAN = np.nan
WEEKS = {"visits": {"days": list(range(7, 71, 7))}, "treatment_days": None, "analysis": {"assessment_day": 7}}
TWO = [{"id": "A", "days": 28}, {"id": "B", "days": 42}]


def staged(*stages, **said):
    return WEEKS | {"stages": list(stages)} | said


def decided(counts, stages, arm=(0,), **said):
    """The Decisions of every visit of patients with these counts (n, visits), from the start on."""
    counts = np.array(counts, dtype=float)
    u = unit(arm=arm, study=staged(*stages), **said)
    course, begin = start_course(u)
    found = [begin]
    for visit, count in enumerate(counts.T, start=1):
        course, made = apply_rules(u, course, count, visit)
        found.append(made)
    return course, found


def tables(stages, arm=(0, 1), **said):
    u = unit(arm=arm, study=staged(*stages, **said.pop("study", {})), **said)
    result, n = simulate_unit(u), len(arm)
    names = dict.fromkeys(u.structure.parameters, "1")
    return u, result, collect(u, result, people(n), np.arange(1, n + 1), np.full(n, "all"), names)


def test_a_stage_ends_on_its_last_planned_day_and_the_dose_begins_afresh():
    """28 days at a rising dose, then 2.5 mg for the drug arm and the placebo patients' first active dose, which is a
    change though their level stays.
    """
    later = {"id": "B", "days": 42, "arms": {"DRUG": {"start_dose_mg": 2.5}, "SHAM": {"placebo": False}}}
    course, made = decided([[20] * 10, [20] * 10], [TWO[0], later], arm=(0, 1))
    assert [m.stage.tolist() for m in made] == [[0, 0]] * 4 + [[1, 1]] * 7
    assert [m.dose_mg[0] for m in made] == [5, 5, 7.5, 7.5, 2.5, 2.5, 5, 5, 7.5, 7.5, 7.5]
    assert made[4].action.tolist() == [Action.STAGE, Action.STAGE] and made[4].step.tolist() == [1, 1]
    assert Action.STAGE not in [m.action[1] for m in made[5:]]
    assert course.place.entered.tolist() == [28, 28]


def test_who_carries_on_keeps_level_hold_and_streak_and_the_day_of_the_last_change():
    """Raised on day 14; a stage on day 21 that changes nothing lets the rule raise again on day 28, not later."""
    rule = {"ladder": {"ladder_mg": [2.5, 5, 7.5, 10], "source": "test",
                       "steps": [{"below_1e9L": 50, "action": "increase", "min_days_since_change": 14}]}}  # fmt: skip
    one = unit(arm=(0,), study=staged({"id": "A", "days": 70}, dose_rules=rule))
    two = unit(arm=(0,), study=staged({"id": "A", "days": 21}, {"id": "B", "days": 49}, dose_rules=rule))
    doses = []
    for u in (one, two):
        course, begin = start_course(u)
        path = [begin.dose_mg[0]]
        for visit in range(1, 11):
            course, made = apply_rules(u, course, np.array([20.0]), visit)
            path.append(made.dose_mg[0])
        doses.append(path)
    assert doses[0] == doses[1] == [5, 5, 7.5, 7.5, 10] + [10] * 6


def test_a_held_dose_stays_held_under_another_rule_and_restarts_by_it():
    rules = {
        "ladder": {"ladder_mg": [5], "source": "test", "restart": {"below_1e9L": 10},
                   "steps": [{"at_least_1e9L": 200, "action": "interrupt"}]},
        "other": {"ladder_mg": [2.5, 5], "source": "test", "restart": {"below_1e9L": 100, "level": "lower"},
                  "steps": [{"at_least_1e9L": 900, "action": "interrupt"}]},
    }  # fmt: skip
    stages = [TWO[0], {"id": "B", "days": 42, "arms": {"DRUG": {"dose_rule": "other"}}}]
    arms = [{"id": "DRUG", "start_dose_mg": 5, "dose_rule": "ladder"}]
    u = unit(arm=(0,), study=staged(*stages, dose_rules=rules, arms=arms, randomisation={"block_size": 1}))
    course, _ = start_course(u)
    path = []
    for visit, count in enumerate([300, 50, 150, 150, 150, 50, 50], start=1):
        course, made = apply_rules(u, course, np.array([count], dtype=float), visit)
        path.append(made.dose_mg[0])
    assert path == [0, 0, 0, 0, 0, 2.5, 2.5]


def test_a_stage_without_drug_has_none_and_a_stage_with_a_start_dose_gives_it_again():
    off = {"id": "OFF", "days": 14, "drug": False}
    back = {"id": "BACK", "days": 28, "arms": {"DRUG": {"start_dose_mg": 5}, "SHAM": {"start_dose_mg": 5}}}
    *_, found = tables([TWO[0], off, back], parameters={"EMAX": 0.0})
    rows = [r for r in found["doses"].to_pylist() if r["SUBJID"] == 1]
    assert [(r["ASTDY"], r["AENDY"], r["EXDOSE"], r["ACTION"]) for r in rows] == [
        (0, 14, 5.0, "start"), (14, 28, 7.5, "increase"), (28, 42, 0.0, "stage"), (42, 56, 5.0, "stage"),
        (56, 70, 7.5, "increase"),
    ]  # fmt: skip
    assert [r["REASON"] for r in rows if r["ACTION"] == "stage"] == ["start of stage OFF", "start of stage BACK"]
    assert all(r["EXDOSE"] == 0 for r in found["doses"].to_pylist() if r["SUBJID"] == 2), "sham stays sham"


def test_the_condition_of_a_stage_ends_it_early_and_only_counts_of_this_stage_are_asked():
    """Two counts in a row below 30, both after the stage began on day 28: on day 42, not on day 35."""
    off = {"id": "OFF", "days": 42, "drug": False, "until": {"below_1e9L": 30, "visits": 2}}
    again = {"start_dose_mg": 5}
    stages = [TWO[0], off, {"id": "BACK", "days": 14, "arms": {"DRUG": again, "SHAM": again}}]
    counts = [[20] * 10, [60] * 7 + [20, 20, 20]]
    with pytest.raises(ValueError, match="no visit falls on days 71"):
        decided(counts, [*stages[:2], stages[2]], arm=(0, 0))
    stages[1]["days"] = 28
    _, made = decided(counts, stages, arm=(0, 0))
    assert [m.stage.tolist() for m in made[4:9]] == [[1, 1], [1, 1], [2, 1], [2, 1], [2, 2]]


def test_a_row_for_every_stage_says_from_when_to_when_and_why_it_ended():
    """14 days as planned; 14 of 28, with two counts below 30 in them; 28 days as planned."""
    off = {"id": "OFF", "days": 28, "drug": False, "until": {"below_1e9L": 30, "visits": 2}}
    again = {"start_dose_mg": 5}
    stages = [{"id": "A", "days": 14}, off, {"id": "B", "days": 28, "arms": {"DRUG": again, "SHAM": again}}]
    *_, found = tables(stages, arm=(1,), parameters={"EMAX": 0.0})
    assert [(r["STAGE"], r["ASTDY"], r["AENDY"], r["ENDREAS"]) for r in found["stages"].to_pylist()] == [
        ("A", 0, 14, "planned end"), ("OFF", 14, 28, "condition of the stage met"), ("B", 28, 56, "planned end"),
    ]  # fmt: skip


def test_who_does_not_enter_leaves_on_the_day_his_count_is_reported_and_for_that_reason():
    gate = {"id": "B", "label": "Open", "days": 42, "enters": {"at_least_1e9L": 50, "visits": 2}}
    study = {"laboratory": {"turnaround_days": 2, "whole_numbers": False, "lower_limit_1e9L": 0},
             "dropout": [{"reason": "wish", "hazard_per_week": 0.0}]}  # fmt: skip
    *_, found = tables([TWO[0], gate], study=study, parameters={"EMAX": 0.0}, arm=(0, 1, 1),
                              leave_day=np.array([NEVER, 29, 20]), leave_reason=np.array([-1, 0, 0]))  # fmt: skip
    patients = found["patients"].to_pylist()
    assert [(p["EOSDY"], p["DCSREAS"]) for p in patients] == [(30, "did not enter: Open"), (29, "wish"), (20, "wish")]
    assert [(r["SUBJID"], r["STAGE"], r["ENDREAS"]) for r in found["stages"].to_pylist()] == [
        (1, "A", "did not enter: Open"), (2, "A", "wish"), (3, "A", "wish"),
    ]  # fmt: skip
    counts = [r["AVAL"] for r in found["observations"].to_pylist() if r["PARAMCD"] == "PLAT" and r["SUBJID"] == 1]
    assert counts[4] is not None and counts[5] is None, "seen at the visit that decides, not after"
    dropout = [r for r in found["events"].to_pylist() if r["SUBJID"] == 1]
    assert [(r["EVENT"], r["ADY"], r["TERM"]) for r in dropout] == [("DROPOUT", 30, "did not enter: Open")]


def test_who_does_not_enter_goes_on_to_a_later_stage_where_the_plan_says_so():
    gate = {"id": "B", "days": 14, "enters": {"at_least_1e9L": 50}, "otherwise": "C"}
    _, made = decided([[20] * 10, [60] * 10], [TWO[0], gate, {"id": "C", "days": 28}], arm=(0, 0))
    assert made[4].stage.tolist() == [2, 1] and made[6].stage.tolist() == [2, 2]


def test_a_missed_visit_still_ends_a_stage_and_is_no_count():
    _, made = decided([[20, 20, 20, NAN, 20, 20, 20, 20, 20, 20]], TWO)
    assert [m.stage[0] for m in made[3:6]] == [0, 1, 1]


@pytest.mark.parametrize(
    ("asked", "dose", "since", "expected"),
    [
        ({"drug": "on"}, [5, 0], [NEVER, NEVER], [True, False]),
        ({"drug": "off"}, [5, 0], [NEVER, NEVER], [False, True]),
        ({"no_rescue_days": 56}, [5, 5], [56, 55], [True, False]),
        ({"at_least_1e9L": 20, "below_1e9L": 30, "drug": "on"}, [5, 0], [NEVER, NEVER], [True, False]),
        ({"at_least_1e9L": 20.5}, [5, 5], [NEVER, NEVER], [False, False]),
    ],
)
def test_what_a_condition_asks(asked, dose, since, expected):
    """At a count of 20: every part that is given must hold."""
    u = unit(arm=(0, 0), study=staged(TWO[0], TWO[1] | {"enters": asked}))
    seen = Seen(np.array(dose, float), np.array(since))
    place = first_place(u)
    for visit in (1, 2, 3, 4):
        place, moved = stage_of(u, place, seen, np.array([20.0, 20.0]), visit, u.drawn.visit_day[:, visit])
    assert moved.tolist() == expected == (place.leave_day > 28).tolist()


def test_another_drug_of_a_patient_who_had_placebo_is_that_drug_from_the_first_day():
    """A stage in which the sham patient takes a drug of twice the clearance equals a trial with that drug alone."""
    later = {"id": "B", "days": 42, "arms": {"SHAM": {"placebo": False, "start_dose_mg": 5, "dose_rule": None,
                                                      "parameter_set": "other"}}}  # fmt: skip
    days = 70
    u = unit(arm=(1, 1), study=staged(TWO[0], later), parameters={"EMAX": 9.0})
    other = {name: np.full(2, PARAMETERS[name]) for name in u.structure.drug} | {
        "CL": np.array([15.0, PARAMETERS["CL"]])
    }
    switched = type(u)(u.study, u.structure, u.parameters, u.drawn, {2: OtherDrug(other, np.ones((2, days)))})
    slow, usual = simulate_unit(switched).visits[-1].true_count
    direct = simulate_unit(unit(arm=(1, 1), study=staged(TWO[0], later), parameters={"CL": np.array([15.0, 7.66])}))
    assert direct.visits[-1].true_count == pytest.approx([slow, usual], rel=1e-6)
    assert usual > slow + 1


def test_the_laws_of_a_drug_end_with_it_and_those_of_the_patient_go_on():
    """The study's drug has lost its effect and a clearance that varies; the other one has not, and the other way round:
    each equals a trial with the laws of the drug that is taken. The loss of platelets stays low under both.
    """
    later = {"id": "B", "days": 42, "arms": {"SHAM": {"placebo": False, "start_dose_mg": 5, "dose_rule": None,
                                                      "parameter_set": "other"}}}  # fmt: skip
    study, remission = staged(TWO[0], later), {"log_loss": np.full((1, 70), -0.5)}
    laws = {"log_ec50": np.full((1, 70), 1.5), "hardening": np.array([0.03])}
    weekly = {"CL": Occasions(np.full((1, 10), 3.0), "log")}
    own = {name: np.full(1, PARAMETERS[name]) for name in TMDD_LIFESPAN.drug}

    def last(other, **plan):
        u = unit(arm=(1,), study=study, **remission, **plan)
        u = u if other is None else replace(u, others={2: OtherDrug(own, np.ones((1, 70)), **other)})
        return simulate_unit(u).visits[-1].true_count[0]

    plain, lost = last(None), last(None, **laws)
    assert last({}, **laws, occasions=weekly) == pytest.approx(plain, rel=1e-6)
    assert last(laws) == pytest.approx(lost, rel=1e-6)
    without = simulate_unit(unit(arm=(1,), study=study, log_loss=np.zeros((1, 70)))).visits[-1].true_count[0]
    assert lost < 0.8 * plain and without < 0.8 * plain
    assert last(None, occasions=weekly) < 0.9 * plain


def test_the_laws_of_another_drug_come_from_its_set_and_have_streams_of_their_own():
    """With REFR_SHARE and LOR_RATE as high as can be, the set of the catalogue that a stage gives shows both."""
    later = parameter_set("eltrombopag_itp_yang_2016")
    mine = replace(later, parameters=(*later.parameters, *LOST_RESPONSE, *REFRACTORY))
    draws = people(400).draws
    values = {p.name: np.full(400, p.value) for p in mine.parameters} | {"REFR_SHARE": np.full(400, 0.5)}
    first, other = (refractory(draws, values, drug) for drug in ("", mine.drug))
    assert (first > 0).mean() == pytest.approx(0.5, abs=0.12) and (first > 0).tolist() != (other > 0).tolist()
    lost = in_episodes("loss of response", draws, 60, Own(values, {}, None), mine.drug)
    assert set(np.unique(lost)) == {0.0, 1.5} and refractory(draws, {}) is None


def test_the_drug_of_no_structure_moves_the_rest_without_drug():
    """Twice every parameter of the drug leaves the drug-free steady state where it is."""
    from cohorts.sets import PARAMETER_SETS
    from trial.models import STRUCTURES, structure_of

    for model in STRUCTURES:
        chosen = next((s for s in PARAMETER_SETS if structure_of(s) is model), None)
        if chosen is None:
            continue
        values = model.individual({p.name: np.array([p.value]) for p in chosen.parameters})
        p = np.array([[values[name][0] for name in model.parameters]])
        twice = np.array([[values[n][0] * (2 if n in model.drug and n != "ETA" else 1) for n in model.parameters]])
        u = np.zeros((1, len(model.inputs)))
        u[0, model.inputs.index("LOSS_FACTOR")] = 1.0
        outputs = [np.array(model.outputs(model.steady_state(q, u).T, q.T, u.T)).ravel() for q in (p, twice)]
        np.testing.assert_allclose(*outputs, rtol=1e-12)
        assert model.drug


def test_a_rescue_is_so_many_days_ago_as_the_gate_of_a_stage_asks():
    """Rescued on day 7, asked on day 28: 21 days ago are enough for 21, not for 22."""
    rescued = {"RESCUE_H0": 1e6, "RESCUE_SCALE": 1e300}
    for days, expected in ((21, [1]), (22, [0])):
        stages = [TWO[0], TWO[1] | {"enters": {"no_rescue_days": days}}]
        clock = np.array([[0.5, np.inf, np.inf, np.inf]])
        _, made = decided([[20] * 10], stages, parameters=rescued, rescue_clock=clock)
        assert [k for k, m in enumerate(made) if m.rescued[0]] == [1]
        assert made[4].stage.tolist() == expected


def test_a_stage_in_words_says_what_goes_on():
    one = Stage(id="B", days=28)
    assert one.in_words(0) == "days 0 to 27" and one.in_words(28) == "days 28 to 55; treatment goes on as before"
    off = Stage(id="B", days=28, drug=False)
    assert off.in_words(0) == "days 0 to 27; no study drug" and off.in_words(28) == "days 28 to 55; no study drug"
