"""Laws of rescue, laboratory and habits for any design; and every key of theirs changes something, or is refused."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import size

from trial.jobs.work import simulate_replicates
from trial.study.analytes import CentralLaboratory, Clumping, Laboratory, Retest
from trial.study.habits import Adherence, GivingUp, Holidays
from trial.study.keys import keys_of
from trial.study.load import load_study
from trial.study.rescue_agents import Rescue, RescueAgent
from trial.study.study import Study

BARE = load_study(
    "configs/smoke.yaml",
    ["parameter_set=hetrombopag_wang_2022", "published=null", "patients=30", "visits.days=[7, 14, 21, 56]",
     "visits.window_days=1", "treatment_days=56", "adherence={mean: 0.8, sd: 0.1}", "pk_sampling.visit_day=21"],
    replicates=1,
).model_dump(mode="json")  # fmt: skip


def tables(**said):
    """Every table of the small study with these sections, as frames."""
    study = Study.model_validate(BARE | said)
    return study, {name: t.to_pandas() for name, t in simulate_replicates(study, range(1)).items()}


trigger = st.one_of(
    st.just({"clinical": True}),
    st.fixed_dictionaries(
        {"below_1e9L": st.sampled_from([5.0, 20.0, 60.0]), "min_days_between": st.sampled_from([0, 5, 30])}
    ),
    st.fixed_dictionaries({"bleeding_at_least": st.integers(1, 3), "min_days_between": st.sampled_from([1, 14])}),
)
agent = st.builds(
    lambda kind, how, onset, voids: {"kind": kind, "onset_days": onset, "voids_days": voids} | how,
    st.sampled_from(["platelets", "immunoglobulin", "steroid"]),
    trigger,
    st.integers(0, 9),
    st.sampled_from([None, 0, 7, 56]),
)
agents = st.lists(agent, max_size=3).map(lambda found: [{"id": f"A{k}"} | a for k, a in enumerate(found)])
laboratory = st.fixed_dictionaries(
    {"turnaround_days": st.integers(0, 2), "lost_probability": st.sampled_from([0.0, 0.2])},
    optional={
        "clumping": st.just({"probability": 0.3, "factor": 0.3, "noticed": 0.5}),
        "retest": st.just({"below_1e9L": 25.0, "at_least_1e9L": 150.0, "after_days": 2}),
        "central": st.just({"turnaround_days": 12, "lost_probability": 0.1}),
    },
)
adherence = st.fixed_dictionaries(
    {"mean": st.sampled_from([0.5, 0.9]), "sd": st.just(0.1), "missed_days": st.just(True)},
    optional={
        "holidays": st.fixed_dictionaries(
            {"mean_days": st.sampled_from([1.0, 4.0, 20.0]), "share_of_missed": st.sampled_from([0.3, 1.0])}
        ),
        "gives_up": st.sampled_from(
            [{"below_1e9L": 30, "visits": 2, "after_days": 0}, {"below_1e9L": 60, "hazard_per_week": 0.3}]
        ),
    },
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(agents, laboratory, adherence)
def test_what_holds_in_any_design(agents, laboratory, adherence):
    _hold(agents, laboratory, adherence)


@pytest.mark.slow
@settings(max_examples=size(50, 200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(agents, laboratory, adherence)
def test_what_holds_in_many_designs(agents, laboratory, adherence):
    _hold(agents, laboratory, adherence)


def _hold(agents, laboratory, adherence):
    said = {"rescue": {"agents": agents}, "laboratory": laboratory, "adherence": adherence}
    study, found = tables(patients=10, **said)
    patients, ledger = found["patients"].set_index("SUBJID"), found["doses"]
    rescue = found["events"].query("EVENT == 'RESCUE'")
    assert (rescue.SUBJID.map(patients.EOSDY) >= rescue.ADY).all()
    for one in study.rescue.agents:
        mine = rescue[one.term == rescue.TERM]
        gaps = mine.groupby("SUBJID").ADY.diff().dropna()
        assert gaps.empty or gaps.min() >= max(study.rescue.apart(one), 0)
        assert (
            mine.VOIDENDY.isna().all() if one.voids_days is None else (one.voids_days == mine.VOIDENDY - mine.ADY).all()
        )
    _rows_are_one_per_visit(study, found)
    days = {subject: set() for subject in patients.index}
    for row in ledger[ledger.DOSELEV > 0].itertuples():
        days[row.SUBJID] |= set(range(row.ASTDY, row.AENDY))
    missed = found["missed"].groupby("SUBJID").ADY.apply(set).to_dict()
    assert all(missed.get(s, set()) <= due for s, due in days.items())
    taken = {s: len(due) - len(missed.get(s, ())) for s, due in days.items()}
    assert ledger.groupby("SUBJID").NTAKEN.sum().to_dict() == taken
    share = [taken[s] / len(due) if due else np.nan for s, due in days.items()]
    np.testing.assert_allclose(patients.TAKENSH, share)
    gone = found["events"].query("EVENT == 'GAVEUP'").set_index("SUBJID").ADY
    assert all(
        set(range(day, max(days[s], default=0) + 1)) & days[s] <= missed.get(s, set()) for s, day in gone.items()
    )


def _rows_are_one_per_visit(study, found):
    """A count and a grade per visit; a re-test between the visit and the next; a first count where there was one."""
    seen = found["observations"]
    for code in ("PLAT", "WHOBLEED"):
        assert (seen[code == seen.PARAMCD].groupby("SUBJID").size() == 1 + len(study.visits.days)).all()
    count, grade = (seen[code == seen.PARAMCD].set_index(["SUBJID", "AVISITN"]) for code in ("PLAT", "WHOBLEED"))
    late = (count.ADY - grade.ADY).dropna()
    assert set(late) <= {0, study.laboratory.retest_days}
    assert grade.AVAL[count.AVALREAS.isin(["sample lost", "platelets clumped"])].notna().all()
    first = seen[seen.PARAMCD == "PLATFRST"]
    assert first.AVISITN.lt(study.visits.days[-1]).all()


PLT = {"id": "P", "kind": "platelets", "below_1e9L": 40, "min_days_between": 5}
IVIG = {"id": "I", "kind": "steroid", "below_1e9L": 40, "min_days_between": 5}
CLUMPS = {"probability": 0.3, "factor": 0.3, "noticed": 0.3}
CENTRAL = {"turnaround_days": 9}
HOLIDAYS = {"mean_days": 4.0, "share_of_missed": 0.5}
GIVES_UP = {"below_1e9L": 60.0, "after_days": 10, "hazard_per_week": 0.5}


def agent_with(**said):
    base = (
        PLT
        if said.get("kind", "platelets") == "platelets" and "log_drop" not in said and "fades_days" not in said
        else IVIG
    )
    return {"rescue": {"agents": [base | said]}}


def lab_with(part, base, **said):
    more = {"lost_probability": 0.2} if part == "retest" else {}
    return {"laboratory": more | {part: base | said}}


CHANGES = {
    **{f"RescueAgent.{key}": (agent_with(), agent_with(**{key: value})) for key, value in {
        "id": "Q", "label": "donors", "below_1e9L": 20, "bleeding_at_least": 1, "min_days_between": 30, "onset_days": 3,
        "adds_1e9L": 60.0, "voids_days": 7,
    }.items()},
    "RescueAgent.kind": (agent_with(), {"rescue": {"agents": [IVIG | {"id": "P"}]}}),
    "RescueAgent.clinical": (agent_with(), agent_with(clinical=True, below_1e9L=None, min_days_between=None)),
    "RescueAgent.log_drop": ({"rescue": {"agents": [IVIG]}}, agent_with(log_drop=0.5)),
    "RescueAgent.fades_days": ({"rescue": {"agents": [IVIG]}}, agent_with(fades_days=3.0)),
    "Rescue.agents": ({}, agent_with()),
    "Rescue.allowed": ({}, {"rescue": {"allowed": False}}),
    "Rescue.min_days_between": ({"rescue": {"agents": [PLT | {"min_days_between": None}]}},
                                {"rescue": {"agents": [PLT | {"min_days_between": None}], "min_days_between": 3}}),
    "Laboratory.turnaround_days": ({}, {"laboratory": {"turnaround_days": 9}}),
    "Laboratory.lower_limit_1e9L": ({}, {"laboratory": {"lower_limit_1e9L": 15}}),
    "Laboratory.whole_numbers": ({}, {"laboratory": {"whole_numbers": False}}),
    "Laboratory.lost_probability": ({}, {"laboratory": {"lost_probability": 0.2}}),
    "Laboratory.clumping": ({}, {"laboratory": {"clumping": CLUMPS}}),
    "Laboratory.retest": ({}, {"laboratory": {"retest": {"below_1e9L": 25}}}),
    "Laboratory.central": ({}, {"laboratory": {"central": CENTRAL}}),
    "Laboratory.alt": ({}, {"laboratory": {"alt": {}}}),
    "Clumping.probability": (lab_with("clumping", CLUMPS), lab_with("clumping", CLUMPS, probability=0.6)),
    "Clumping.factor": (lab_with("clumping", CLUMPS), lab_with("clumping", CLUMPS, factor=0.6)),
    "Clumping.noticed": (lab_with("clumping", CLUMPS), lab_with("clumping", CLUMPS, noticed=0.8)),
    "Retest.below_1e9L": (lab_with("retest", {}), lab_with("retest", {}, below_1e9L=30)),
    "Retest.at_least_1e9L": (lab_with("retest", {}), lab_with("retest", {}, at_least_1e9L=50)),
    "Retest.after_days": (lab_with("retest", {}), lab_with("retest", {}, after_days=3)),
    **{f"CentralLaboratory.{key}": (lab_with("central", CENTRAL), lab_with("central", CENTRAL, **{key: value}))
       for key, value in {"assay_cv": 0.5, "lost_probability": 0.3, "decides": True, "analysed": False}.items()
       if key != "analysed"},
    "CentralLaboratory.turnaround_days": (lab_with("central", CENTRAL, decides=True),
                                          lab_with("central", CENTRAL, decides=True, turnaround_days=2)),
    "CentralLaboratory.analysed": (lab_with("central", CENTRAL, decides=True),
                                   lab_with("central", CENTRAL, decides=True, analysed=False)),
    "Adherence.mean": ({}, {"adherence": {"mean": 0.7, "sd": 0.1}}),
    "Adherence.sd": ({}, {"adherence": {"mean": 0.8, "sd": 0.2}}),
    "Adherence.holidays": ({}, {"adherence": {"mean": 0.8, "sd": 0.1, "holidays": HOLIDAYS}}),
    "Adherence.gives_up": ({}, {"adherence": {"mean": 0.8, "sd": 0.1, "gives_up": GIVES_UP}}),
    "Adherence.log_odds_per_28_days": ({}, {"adherence": {"mean": 0.8, "sd": 0.1, "log_odds_per_28_days": -0.3}}),
    "Adherence.time_of_day": ({}, {"adherence": {"mean": 0.8, "sd": 0.1, "time_of_day": {"usual_h": 8}}}),
    "Adherence.missed_days": ({}, {"adherence": {"mean": 0.8, "sd": 0.1, "missed_days": True}}),
    **{f"Holidays.{key}": ({"adherence": {"mean": 0.8, "holidays": HOLIDAYS}},
                           {"adherence": {"mean": 0.8, "holidays": HOLIDAYS | {key: value}}})
       for key, value in {"mean_days": 9.0, "share_of_missed": 1.0}.items()},
    **{f"GivingUp.{key}": ({"adherence": {"mean": 0.8, "gives_up": GIVES_UP}},
                           {"adherence": {"mean": 0.8, "gives_up": GIVES_UP | {key: value}}})
       for key, value in {"below_1e9L": 20.0, "after_days": 30, "hazard_per_week": 2.0}.items()},
    "GivingUp.visits": ({"adherence": {"mean": 0.8, "gives_up": GIVES_UP}},
                        {"adherence": {"mean": 0.8, "gives_up": GIVES_UP | {"hazard_per_week": None, "visits": 2}}}),
}  # fmt: skip
"""By record and key: two studies that differ in it alone."""
RECORDS = (Rescue, RescueAgent, Laboratory, Clumping, Retest, CentralLaboratory, Adherence, Holidays, GivingUp)


def test_every_key_of_these_records_is_tried():
    keys = {f"{record.__name__}.{key.path}" for record in RECORDS for key in keys_of(record) if "." not in key.path}
    assert keys == set(CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize("key", CHANGES)
def test_each_key_changes_a_table(key):
    before, after = (tables(**said)[1] for said in CHANGES[key])
    assert before.keys() != after.keys() or any(not before[name].equals(after[name]) for name in before)
