"""What holds of any reasons to leave: on designs made at random without equations, and on the committed study that has
every one of them, with its report.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import size

from cohorts.adverse_events import Rates
from trial.engine.frozen import frozen
from trial.engine.leave_clocks import LeaveClocks
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.jobs.work import enrolment, simulate_replicates, tabulate, unit_of
from trial.study.load import load_study

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from hand_made import NEVER, unit

CONFIG = Path(__file__).parents[2] / "configs" / "hetrombopag_itp_phase3_leaving.yaml"
WEEKS, PATIENTS = 10, 6
KEY = ["IREP", "SUBJID"]
STAGES = [{"id": "A", "days": 28}, {"id": "B", "days": 21, "until": {"below_1e9L": 20}}, {"id": "C", "days": 21}]


@st.composite
def reasons(draw, name):
    """A conditional reason: stages, counts, an event, days and changes, any of them together."""
    first = draw(st.integers(0, 60))
    said = {"reason": name, "from_day": first, "death": draw(st.booleans())}
    kinds = draw(st.sets(st.sampled_from(("stages", "when", "event")), min_size=1))
    if "stages" in kinds:
        said["stages"] = sorted(draw(st.sets(st.sampled_from("ABC"), min_size=1)))
    if "when" in kinds:
        said["when"] = {"below_1e9L": draw(st.integers(10, 200)), "visits": draw(st.integers(1, 3))}
    if "event" in kinds:
        said["after_adverse_event"] = {"codes": ["HEAD"], "days": draw(st.one_of(st.none(), st.integers(1, 40)))}
    if "when" in kinds and "event" not in kinds and draw(st.booleans()):
        return said | {"at_once": True}
    return said | {"hazard_per_week": draw(st.floats(0.05, 5)), "until_day": first + draw(st.integers(0, 60))}


@st.composite
def designs(draw):
    """One to three reasons, clocks, and weekly counts of six patients, some missed."""
    dropout = [draw(reasons(f"r{k}")) for k in range(draw(st.integers(1, 3)))]
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    counts = np.where(rng.random((PATIENTS, WEEKS)) < 0.15, np.nan, rng.integers(1, 250, (PATIENTS, WEEKS)))
    time = np.where(rng.random(PATIENTS) < 0.3, rng.uniform(0, 70, PATIENTS), np.inf)
    rates = Rates(np.full(PATIENTS, 2.0), np.full(PATIENTS, 9.0), np.ones(PATIENTS))
    event = ("HEAD", rng.exponential(size=PATIENTS), rates)
    turnaround = draw(st.integers(0, 4))
    return dropout, LeaveClocks(time, rng.exponential(size=(PATIENTS, len(dropout))), (event,)), counts, turnaround


def walked(dropout, clocks, counts, turnaround):
    """The unit, and the course after the start and after every visit, without counts of who has left."""
    study = {
        "stages": STAGES, "treatment_days": None, "analysis": {"assessment_day": 7}, "tolerability": {"proxies": "all"},
        "dropout": [{"reason": "time", "hazard_per_week": 0.1}, *dropout],
        "laboratory": {"turnaround_days": turnaround},
    }  # fmt: skip
    day = np.where(np.isfinite(clocks.time), np.ceil(np.minimum(clocks.time, 1e6)).astype(np.int64), NEVER)
    reason = np.where(np.isfinite(clocks.time), 0, -1)
    u = unit(arm=(0, 1) * (PATIENTS // 2), study=study, leaving=clocks, leave_day=day, leave_reason=reason)
    course, _ = start_course(u)
    found = [course]
    for visit, count in enumerate(counts.T, start=1):
        there = u.drawn.visit_day[:, visit] < course.place.leave_day
        course, _ = apply_rules(u, course, np.where(there, count, np.nan), visit)
        found.append(course)
    return u, found


def check(design):
    u, found = walked(*design)
    last = found[-1].place
    for visit, (before, after) in enumerate(pairwise(found), start=1):
        left = before.place.leave_day <= u.drawn.visit_day[:, visit]
        for name in ("leave_day", "leave_reason", "stage"):
            same = getattr(before.place, name)[left] == getattr(after.place, name)[left]
            assert same.all(), f"who has left by a visit keeps his {name}"
        sooner = after.place.leave_day < before.place.leave_day
        assert (after.place.leave_day[sooner] >= u.drawn.visit_day[sooner, visit]).all(), "nobody leaves in the past"
    assert (last.leave_day <= u.drawn.leave_day).all(), "no reason keeps anybody longer"
    for k, item in enumerate(u.study.dropout[1:], start=1):
        mine = (last.leave_reason == k) & (last.leave_day <= 70)
        day = last.leave_day[mine] - (0 if item.at_once else 1)
        assert (day >= item.from_day).all() and (day <= (item.until_day or 70)).all(), "only on its days"
        stage = np.array([s.id for s in u.study.plan])[np.minimum(last.stage[mine], 2)]
        assert not item.stages or np.isin(stage, item.stages).all(), "only in its stages"
        if item.after_adverse_event:
            since = day - found[-1].exits.onset[mine, 0]
            assert (since >= 0).all() and (since < (item.after_adverse_event.days or 70)).all(), "only after an event"


@given(designs())
@settings(max_examples=10, deadline=None)
def test_laws_of_leaving(design):
    check(design)


@pytest.mark.slow
@given(designs())
@settings(max_examples=size(200, 2000), deadline=None)
def test_laws_of_leaving_in_many_designs(design):
    check(design)


@pytest.fixture(scope="module")
def study():
    return load_study(CONFIG, ["patients=90", "dropout.6.hazard_per_week=0.004", "dropout.5.hazard_per_week=0.05"])


@pytest.fixture(scope="module")
def tables(study):
    return {name: table.to_pandas() for name, table in simulate_replicates(study, range(1)).items()}


def test_who_has_left_has_nothing_more(tables):
    """Counts, doses, rescue and adverse events end with the day of leaving; the dead are told, and only they."""
    patients = tables["patients"][[*KEY, "EOSDY", "EOSSTT", "DCSREAS", "DTHFL", "DTHADY", "DTHCAUS"]]
    there = tables["observations"].query("AVAL.notna()").merge(patients, on=KEY)
    assert (there.ADY < there.EOSDY).sum() and (there.ADY <= there.EOSDY).all()
    assert (there.query("EOSSTT == 'DISCONTINUED' and DCSREAS != 'lack of effect'").eval("ADY < EOSDY")).all()
    assert (tables["doses"].merge(patients, on=KEY).eval("AENDY <= EOSDY")).all()
    assert (tables["adverse"].merge(patients, on=KEY).eval("ADY < EOSDY")).all()
    events = tables["events"].merge(patients, on=KEY)
    assert (events.ADY <= events.EOSDY).all()
    dead = patients[patients.DTHFL.notna()]
    assert len(dead) and dead.DCSREAS.isin(["bleeding death", "other death"]).all()
    assert (dead.DTHADY == dead.EOSDY).all() and (dead.DTHCAUS.astype(str) == dead.DCSREAS.astype(str)).all()
    assert patients[patients.DCSREAS.isin(["bleeding death", "other death"])].DTHFL.notna().all()
    assert sorted(events[events.EVENT == "DEATH"].SUBJID) == sorted(dead.SUBJID)


def test_patients_are_conserved_through_the_stages_and_leave_where_they_may(study, tables):
    patients, stages = tables["patients"], tables["stages"]
    left = stages[stages.ENDREAS.isin(study.reasons_to_leave)]
    assert left.groupby(KEY).size().max() == 1
    last = stages.groupby(KEY).tail(1)
    assert len(last) == len(patients) and left.STAGEN.eq(last.STAGEN.loc[left.index]).all()
    assert stages[stages.ENDREAS == "lost to follow-up"].STAGE.isin(["EXT"]).all()
    assert stages[stages.ENDREAS == "disappointment"].STAGE.isin(["OL", "EXT"]).all()
    assert set(stages.ENDREAS) >= {"adverse event", "lack of effect", "disappointment", "withdrawal by subject"}


def test_who_leaves_for_an_adverse_event_has_had_it(tables):
    """The engine knows of an event what the table of events says afterwards."""
    gone = tables["patients"].query("DCSREAS == 'adverse event'")
    had = tables["adverse"].query("AECD in ['HEAD', 'ALT3']").merge(gone[[*KEY, "EOSDY"]], on=KEY)
    since = had[(had.EOSDY - had.ADY).between(1, 28)]
    assert len(gone) and set(since.SUBJID) == set(gone.SUBJID)


EVERY = "{reason: ae, hazard_per_week: 0.3, after_adverse_event: {codes: [URTI, HEAD, ALT3]}}"


@pytest.mark.parametrize("config", ["published/eltrombopag_cit_winer.yaml", "hetrombopag_itp_phase3_conduct.yaml"])
def test_the_engine_knows_every_event_on_the_day_that_its_table_says_afterwards(config):
    """Of everybody, not only of who leaves for it: with chemotherapy that ends drug, with late and repeated counts."""
    sets = ["patients=60", "published=null", "tolerability={proxies: all}", f"dropout=[{EVERY}]"]
    study = load_study(CONFIG.parent / config, sets)
    patients = enrolment(study, range(1))
    unit = unit_of(study, patients)
    result = simulate_unit(unit)
    found = {name: table.to_pandas() for name, table in tabulate(unit, result, patients).items()}
    last, events = found["patients"].EOSDY.to_numpy(), 0
    for k, (code, *_) in enumerate(unit.drawn.leaving.events):
        day = found["adverse"][code == found["adverse"].AECD].set_index("SUBJID").ADY
        told = found["patients"].SUBJID.map(day).fillna(-1).to_numpy()
        onset = result.course.exits.onset[:, k]
        assert (told == np.where(onset < last, onset, -1)).all()
        events += (told >= 0).sum()
    assert events > 10


def test_a_run_with_its_doses_as_a_plan_leaves_the_same(study):
    """A frozen replay: who leaves is not read off the rules."""
    patients = enrolment(study.model_copy(update={"patients": 40}), range(1))
    unit = unit_of(study, patients)
    once = simulate_unit(unit)
    again = simulate_unit(frozen(unit, once.decisions))
    for name in ("leave_day", "leave_reason", "stage"):
        assert (getattr(once.course.place, name) == getattr(again.course.place, name)).all()


def test_the_report_counts_the_dead_and_who_left_in_each_stage(study, tmp_path):
    """T 14.3.2.1, T 14.1.5 and the flow against the tables, replicate 0; entered = left + completed in every stage, and
    completed = went on, but for the last one.
    """
    from analysis.report.passing import stages_table
    from analysis.report.people import deaths_table, flow
    from analysis.report.rates import adverse
    from analysis.report.runfolder import read_run
    from trial.app.study_run import conclude, execute

    analysis = study.analysis.model_copy(update={"endpoints": ("RESPW8", "AE_HEAD")})
    one = study.model_copy(update={"replicates": 1, "patients": 60, "analysis": analysis})
    conclude(tmp_path, execute(one, tmp_path), [], {})
    run = read_run(tmp_path, one)
    patients, stages = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("patients", "stages"))
    deaths, passed = deaths_table(run), stages_table(run)
    assert deaths is not None and passed is not None
    said = {str(row.cells[0].text).strip(): str(row.cells[-2].text).split()[0] for row in deaths.rows}
    dead = patients[patients.DTHFL.notna()]
    causes = {why: str((why == dead.DCSREAS).sum()) for why in one.deaths}
    assert said == {"Died": str(len(dead)), **causes} and len(dead)
    n = {row.key: int(str(row.cells[-2].text).split()[0]) for row in passed.rows}
    for stage in one.stages:
        mine = stages[stage.id == stages.STAGE]
        of = {key.split(" ", 1)[1]: value for key, value in n.items() if key.startswith(f"STAGE:{stage.id} ")}
        assert of["entered"] == len(mine) == of["left"] + of["completed"]
        assert of["left"] == sum(of.get(why, 0) for why in one.reasons_to_leave)
        assert of.get("died", 0) == sum(of.get(why, 0) for why in one.deaths)
        onward = sum(value for key, value in of.items() if key.startswith("went on to"))
        assert onward == (of["completed"] if stage.id != "EXT" else 0)
    steps = [str(step.label) for step in flow(run).arms[0].steps]
    assert [step for step in steps if step.endswith("entered")] == [f"{s.name}: entered" for s in one.stages]
    assert "Died: bleeding death" in steps and "Went on to Extension" in steps and steps[-1] == "Analysed"
    events = adverse(run)
    assert events is not None
    assert "Who leaves for adverse event leaves, and nobody changes dose, because of" in str(events.notes[0])


def test_lack_of_effect_has_three_low_counts_behind_it(tables):
    gone = tables["patients"].query("DCSREAS == 'lack of effect'")
    assert len(gone)
    counts = tables["observations"].query("PARAMCD == 'PLAT' and AVISITN > 0 and AVAL.notna()")
    for row in gone.itertuples():
        seen = counts[(counts.SUBJID == row.SUBJID) & (counts.ADY <= row.EOSDY)].sort_values("ADY").AVAL
        assert row.EOSDY >= 112 and (seen.tail(3) < 20).all() and len(seen) >= 3


def test_another_hazard_in_one_arm_leaves_the_others(study, tables):
    """Every table of the other arms is equal to the last digit."""
    changed = study.model_dump()
    changed["dropout"][3]["hazard_per_week"] = {"HETROM-2.5": 0.3, "HETROM-5": 0.02, "Placebo": 0.02}
    again = type(study).model_validate(changed)
    other = {name: table.to_pandas() for name, table in simulate_replicates(again, range(1)).items()}
    arm = tables["patients"].set_index("SUBJID").ARM
    assert not tables["patients"].equals(other["patients"])
    for name, table in tables.items():
        if "SUBJID" in table:
            mine, theirs = (
                t[t.SUBJID.map(arm).astype(str) != "HETROM-2.5"].astype(object) for t in (table, other[name])
            )
            pd.testing.assert_frame_equal(mine.reset_index(drop=True), theirs.reset_index(drop=True))
