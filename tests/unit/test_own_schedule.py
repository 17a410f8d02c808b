"""A schedule of the user's own in a config: what it fills in, what may not stand beside it, what is simulated of it."""

import numpy as np
import pytest

from trial.app.attempt import identity
from trial.app.echo import in_words
from trial.app.folder import with_inputs
from trial.app.loading import check_again, load_checked
from trial.engine.by_the_clock import Clocked
from trial.engine.simulate import simulate_unit
from trial.errors import ConfigError
from trial.jobs.afar import packed
from trial.jobs.replay import replay
from trial.jobs.work import enrolment, simulate_replicates, unit_of
from trial.study.fingerprint import fingerprint
from trial.study.load import load_text, resolved_yaml
from trial.study.own_schedule import _some, changing

BASE = """\
id: own
title: own
seed: 7
replicates: 1
parameter_set: hetrombopag_wang_2022
population: {id: chronic_itp_mei_2021}
analysis: {assessment_day: 14, primary: RESPW2, endpoints: [RESPW2]}
"""
ARMS = "patients: 12\narms: [{id: A}, {id: B}]\nrandomisation: {block_size: 2}\nschedule: plan.csv\n"
FIXED = """\
patients: 12
arms: [{id: A, start_dose_mg: 5}, {id: B, start_dose_mg: 2.5}]
randomisation: {block_size: 2}
treatment_days: 10
visits: {days: [7, 14, 21]}
"""
BY_ARM = ("ARM,TIME,AMT,II,ADDL", *(row for arm, mg in (("A", 5), ("B", 2.5)) for row in
          (f"{arm},0,{mg},24,9", f"{arm},168,0,0,0", f"{arm},336,0,0,0", f"{arm},504,0,0,0")))  # fmt: skip
BY_ID = (
    "ID,ARM,TIME,AMT,EVID,II,ADDL", "x,A,0,5,1,.,.", "x,A,8.25,2.5,1,.,.", "x,A,24.5,5,1,24,3", "x,A,166.5,.,0,.,.",
    "x,A,340.25,.,0,.,.", "y,B,24,2.5,1,48,1", "y,B,336,.,0,.,.",
)  # fmt: skip
PATIENTS = """\
ID,AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT,GENE
young,33,F,165,55,1,N,N,35,a
y,45,F,160,60,2,N,N,12,b
x,60,M,175,80,5,N,Y,20,c
"""


def loaded(tmp_path, text, plan=(), name="own.yaml"):
    (tmp_path / "plan.csv").write_text("\n".join(plan) + "\n")
    (tmp_path / name).write_text(BASE + text)
    return load_checked(tmp_path / name)


def refusals(tmp_path, text, plan):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, plan)
    return "\n".join(caught.value.messages)


def simulated(study):
    return {name: table.to_pandas() for name, table in simulate_replicates(study, range(1)).items()}


@pytest.mark.parametrize("chosen", ["hetrombopag_wang_2022", "hetrombopag_itp_mei_2021"])
def test_fixed_doses_as_a_config_and_as_a_schedule_are_the_same_bits(tmp_path, chosen):
    """Every table, the steps of the solver and the ledger among them; adherence and leaving act on both alike."""
    habits = "adherence: {mean: 0.8, sd: 0.1}\ndropout: [{reason: gone, hazard_per_week: 0.1}]\n"
    one = loaded(tmp_path, FIXED + habits, name="fixed.yaml").study
    two = loaded(tmp_path, ARMS + habits, BY_ARM).study
    assert (two.treatment_days, two.visits.days) == (10, (7, 14, 21)) and two.arms == one.arms
    a, b = (simulate_replicates(s.model_copy(update={"parameter_set": chosen}), range(1)) for s in (one, two))
    b["observations"] = b["observations"].drop_columns(["AHOUR"])
    for name in a:
        assert a[name].to_pylist() == b[name].to_pylist(), name
    assert a["observations"]["TRUEVAL"].null_count < 20 and len(set(a["patients"]["EOSDY"].to_pylist())) > 1


def test_what_is_left_out_is_filled_in_and_a_resolved_config_loads_again(tmp_path):
    study = loaded(tmp_path, "schedule: plan.csv\n", BY_ID).study
    assert [(arm.id, arm.start_dose_mg) for arm in study.arms] == [("A", 5.0), ("B", 2.5)]
    assert (study.patients, study.visits.days, study.treatment_days) == (2, (7, 14), 5)
    assert load_text(resolved_yaml(study), "again") == study and check_again(study).study == study
    shared = loaded(tmp_path, "patients: 3\nschedule: plan.csv\n", ("TIME,AMT", "0,5", "336,0")).study
    assert [arm.id for arm in shared.arms] == ["SCHEDULE"] and shared.patients == 3


def test_ids_arms_visits_doses_and_hours_come_out_as_they_went_in(tmp_path):
    found = simulated(loaded(tmp_path, "schedule: plan.csv\n", BY_ID).study)
    assert found["patients"].ARM.tolist() == ["A", "B"]
    counts = found["observations"].query("PARAMCD == 'PLAT'")
    assert counts.AVISITN.tolist() == [0, 7, 14] * 2
    assert counts.ADY.dropna().tolist() == [0, 6, 14, 0, 14]
    assert counts.AHOUR.dropna().tolist() == [0, 166.5, 340.25, 0, 336]
    assert counts.AVALREAS.tolist() == ["", "", "", "", "missed visit, or none in the schedule", ""]
    rows = found["doses"][["SUBJID", "ASTDY", "AENDY", "EXDOSE", "ACTION", "NTAKEN"]].to_numpy().tolist()
    assert rows == [
        [1, 0, 1, 7.5, "start", 1], [1, 1, 5, 5.0, "schedule", 4],
        [2, 0, 1, 0.0, "start", 0], [2, 1, 2, 2.5, "schedule", 1], [2, 2, 3, 0.0, "schedule", 0],
        [2, 3, 4, 2.5, "schedule", 1], [2, 4, 5, 0.0, "schedule", 0],
    ]  # fmt: skip
    assert set(found["doses"].REASON) == {"start of treatment", "as the schedule says"}


def test_ids_without_arms_are_all_in_the_one_arm(tmp_path):
    plan = ("ID,TIME,AMT", "x,0,5", "x,336,.", "y,0,2.5", "y,336,.")
    found = simulated(loaded(tmp_path, "schedule: plan.csv\narms: [{id: ALONE}]\n", plan).study)
    assert found["patients"].ARM.tolist() == ["ALONE", "ALONE"]
    assert found["doses"].query("ASTDY == 0").EXDOSE.tolist() == [5.0, 2.5]


def test_a_single_id_is_the_plan_of_all_sampled_patients(tmp_path):
    """Randomised as the config says, blocks and ratios too."""
    plan = ("ID,TIME,AMT", "x,0,5", "x,336,.")
    arms = "patients: 8\narms: [{id: A}, {id: B}]\nrandomisation: {block_size: 4}\nschedule: plan.csv\n"
    found = simulated(loaded(tmp_path, arms, plan).study)
    assert found["patients"].ARM.value_counts().to_dict() == {"A": 4, "B": 4}
    assert found["doses"].query("ASTDY == 0").EXDOSE.tolist() == [5.0] * 8


def test_patients_of_a_file_have_the_plan_of_their_id(tmp_path):
    """The young one is not eligible; the first enrolled is y, in arm B, then x."""
    (tmp_path / "patients.csv").write_text(PATIENTS)
    text = "population: {file: patients.csv}\npatients: 2\nschedule: plan.csv\n"
    plan = (*BY_ID, "young,A,0,5,1,.,.")
    (tmp_path / "own.yaml").write_text(text)
    own = BASE.replace("population: {id: chronic_itp_mei_2021}\n", "")
    (tmp_path / "plan.csv").write_text("\n".join(plan))
    (tmp_path / "own.yaml").write_text(own + text)
    found = simulated(load_checked(tmp_path / "own.yaml").study)
    assert found["patients"].ARM.tolist() == ["B", "A"]
    assert found["doses"].groupby("SUBJID").EXDOSE.max().tolist() == [2.5, 7.5]
    weights, genes = ("WEIGHT", "80", "80", "80", "81", "80", "60", "60", "55"), ("GENE", *"c.cccbaa")
    for lines, said in (
        (BY_ID, "plan.csv: column ID: no row is of 'young', a patient of patients.csv"),
        ((*plan, "z,A,0,5,1,.,."), "plan.csv: line 10: ID: seen 'z', which is no ID of patients.csv"),
        ([f"{row},{cell}" for row, cell in zip(plan, weights, strict=True)],
         "plan.csv: line 5: WEIGHT: seen '81'; allowed: 80.0 or .: x has 80.0 in patients.csv; values that"),
        ([f"{row},{cell}" for row, cell in zip(plan, genes, strict=True)],
         "plan.csv: line 8: GENE: seen 'a'; allowed: b or .: y has b in patients.csv"),
    ):  # fmt: skip
        (tmp_path / "plan.csv").write_text("\n".join(lines))
        with pytest.raises(ConfigError) as caught:
            load_checked(tmp_path / "own.yaml")
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FIXED.replace("treatment_days: 10", "treatment_days: 70"), "treatment_days: seen 70; the schedule says 10"),
        (FIXED.replace(", 21]", ", 28]"), "visits.days: seen [7, 14, 28]; the schedule says [7, 14, 21]; leave it out"),
        (FIXED.replace("mg: 2.5", "mg: 7.5"), "arms.1.start_dose_mg: seen 7.5; the schedule says 2.5; leave it out"),
        (FIXED.replace("}]", "}, {id: C, start_dose_mg: 5}]").replace("size: 2", "size: 3"),
         "arms.2.id: seen 'C', an arm of which plan.csv has no row"),
        (FIXED.replace("id: B", "id: D"), "plan.csv: line 6: ARM: seen 'B', which is not the id of an arm; allowed: A"),
        (FIXED.replace("21]", "21], window_days: 2"), "visits.window_days: seen 2; the schedule says when counts are"),
        (FIXED.replace("mg: 5", "mg: 5, dose_rule: eltrombopag_us"),
         "arms.0.dose_rule: seen 'eltrombopag_us'; the schedule says what is taken, and when: leave it out (null)"),
        (FIXED.replace("mg: 5", "mg: 5, start_dose_by: [{if: {SEX: F}, dose_mg: 2.5}]"),
         "arms.0.start_dose_by: seen 1 lines; the schedule says what is taken, and when: leave it out (null)"),
        (FIXED + "laboratory: {retest: {below_1e9L: 10}}\n", "laboratory.retest: the schedule says when counts"),
        (FIXED + "stages: [{id: X, days: 10}, {id: Y, days: 11}]\n", "stages: seen 2 stages; the schedule says"),
        (FIXED.replace("days: [7, 14, 21]", "every: 7, to: 21"), "visits.every: seen 7; the schedule says when"),
        (FIXED + "schedule: none.csv\n", "schedule: there is no file"),
    ],
)  # fmt: skip
def test_what_may_not_stand_beside_a_schedule(tmp_path, text, said):
    whole = text if "schedule" in text else f"{text}schedule: plan.csv\n"
    assert said in refusals(tmp_path, whole, BY_ARM)


@pytest.mark.parametrize(
    ("text", "plan", "said"),
    [
        ("schedule: plan.csv\nallocation: counterfactual\n", BY_ID, "column ID: a patient with a plan of his own"),
        ("schedule: plan.csv\npatients: 5\n", BY_ID, "plan.csv: column ID: seen 2 ids; the study has 5 patients"),
        ("schedule: plan.csv\nrandomisation: {block_size: 4}\n", BY_ID, "randomisation.block_size: seen 4; the sche"),
        ("schedule: plan.csv\narms: [{id: A}, {id: B}]\n", ("ID,TIME,AMT", "x,0,5", "y,0,5", "y,336,."),
         "arms: seen 2 arms; plan.csv has ids and no column ARM that says who is where"),
        ("schedule: plan.csv\n", ("ID,TIME,AMT,WEIGHT", "x,0,5,60", "y,0,5,70", "y,336,.,70"),
         "plan.csv: column WEIGHT: patients of chronic_itp_mei_2021 have their own; leave it out, or bring the pat"),
        ("schedule: plan.csv\npk_sampling: {visit_day: 0}\n", BY_ID,
         "pk_sampling.visit_day: seen 0: a profile begins with the one dose of its day, at 0 h; the doses of x"),
    ],
)  # fmt: skip
def test_what_a_study_and_its_schedule_say_against_each_other(tmp_path, text, plan, said):
    assert said in refusals(tmp_path, text, plan)


def test_check_says_it_back_and_warns_of_doses_outside_the_domain(tmp_path):
    config = loaded(tmp_path, "schedule: plan.csv\n", BY_ID)
    said = "\n".join(in_words(config.study))
    assert "2 patients, 1 replicate; each patient in one arm, as the schedule says" in said
    assert "schedule plan.csv: 2 patients; 8 doses from 0 h to 96.5 h (day 4.021); 3 counts measured" in said
    assert "adherence: every dose of the schedule is taken as it stands" in said and "fixed" not in said
    high = loaded(tmp_path, "patients: 3\nschedule: plan.csv\n", ("TIME,AMT,II,ADDL", "0,40,8,2", "336,0,0,0"))
    assert not config.warnings
    both = loaded(
        tmp_path, "schedule: plan.csv\npatients: 3\n", ("TIME,AMT,II,ADDL", "0,5,24,9", "30,5,0,0", "336,0,0,0")
    )
    assert any("plan.csv: line 3: a dose at 30 h, while those of line 2 go on until 216 h" in w for w in both.warnings)
    assert any("schedule: days with 120 mg in all; the validity domain of hetro" in line for line in high.warnings)


def test_design_and_identity_are_those_of_what_the_schedule_says(tmp_path):
    study = loaded(tmp_path, ARMS, BY_ARM).study
    design, whole = fingerprint(study), identity(study)
    assert design != fingerprint(loaded(tmp_path, FIXED, name="fixed.yaml").study)
    loaded(tmp_path, ARMS, [row.replace("168,0", "168.5,0") for row in BY_ARM])
    assert fingerprint(study) != design and identity(study)["schedule"] != whole["schedule"]
    assert {key for key, value in identity(study).items() if value != whole[key]} == {"schedule"}


def test_a_run_folder_and_another_machine_have_the_file(tmp_path):
    study = loaded(tmp_path, ARMS, BY_ARM).study
    there = packed(study)
    assert there.study.schedule == "schedule.csv" and there.unpacked().schedule != study.schedule
    assert simulate_replicates(there.unpacked(), range(1))["solves"].equals(
        simulate_replicates(study, range(1))["solves"]
    )
    (tmp_path / "run").mkdir()
    assert with_inputs(study, tmp_path / "run").schedule == "own_schedule.csv"
    assert (tmp_path / "run" / "own_schedule.csv").read_bytes() == (tmp_path / "plan.csv").read_bytes()


def test_one_patient_alone_and_frozen_is_the_one_among_others(tmp_path):
    study = loaded(tmp_path, "schedule: plan.csv\n", BY_ID).study
    whole = simulated(study)["observations"].query("SUBJID == 2").TRUEVAL.to_numpy()
    for fixed in (False, True):
        again = replay(study, 0, 2, fixed)
        np.testing.assert_array_equal(again.tables["observations"].to_pandas().TRUEVAL.to_numpy(), whole)
        assert [(d.day, d.dose_after_mg, d.why_same) for d in again.decisions] == [
            (0, 0, ""), (7, 0, ""), (14, 0, "treatment has ended"),
        ]  # fmt: skip


def test_placebo_takes_sham_doses_and_steady_state_is_one(tmp_path):
    """With every random number at its median: placebo stays where it was; SS is where twice as long a run-in ends."""
    text = "typical_patient: true\npatients: 2\nrescue: {allowed: false}\nsolver: {rtol: 1.0e-9}\n"
    arms = "arms: [{id: A}, {id: B, placebo: true}]\nrandomisation: {block_size: 2}\nschedule: plan.csv\n"
    study = loaded(tmp_path, text + arms, BY_ARM).study
    result = simulate_unit(unit_of(study, enrolment(study, 0)))
    sham = study.arm_ids.index("B") == enrolment(study, 0).arm
    last, first = result.visits[-1].true_count, enrolment(study, 0).cohort.trueplat0
    assert last[~sham][0] > 2 * last[sham][0] and last[sham][0] == pytest.approx(first[sham][0], rel=1e-6)
    ends = {}
    for rows, day in ((("2016,7.5,24,6,1", "2160,0,0,0,0"), 90), (("0,7.5,24,174,0", "4176,0,0,0,0"), 174)):
        plan = ("TIME,AMT,II,ADDL,SS", *rows)
        config = BASE.replace("RESPW2", "COMPL").replace("assessment_day: 14", f"assessment_day: {day}")
        (tmp_path / "ss.yaml").write_text(config + text + "schedule: plan.csv\n")
        (tmp_path / "plan.csv").write_text("\n".join(plan))
        study = load_checked(tmp_path / "ss.yaml").study
        ends[day] = simulate_unit(unit_of(study, enrolment(study, 0))).visits[-1].true_count[0]
    assert ends[90] == pytest.approx(ends[174], rel=1e-6) and ends[90] > 100


def test_the_doses_of_an_interval_are_those_in_it_and_of_the_three_days_before():
    """From hour 168 to 240 without it: from hour 96 on, at which an input may still be moved by a dose."""
    plan = Clocked(np.array([[0.0, 96.0, 168.0, 240.0], [95.0, 200.0, 300.0, np.inf]]), np.ones((2, 4)))
    found = plan.between(np.full(2, 168.0), np.full(2, 240.0))
    assert found.hour.tolist() == [[96.0, 168.0], [200.0, np.inf]] and found.mg.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("more", "blocks"),
    [
        ("", 2),
        ("arms: [{id: A, ratio: 2}, {id: B}]\n", 3),
        ("arms: [{id: A, ratio: 2}, {id: B, ratio: 3}]\nrandomisation: {block_size: 10}\n", 10),
        ("arms: [{id: A}, {id: B}]\nrandomisation: null\n", 2),
    ],
)
def test_blocks_are_as_large_as_the_ratios_ask_unless_said(tmp_path, more, blocks):
    """A plan for each arm: randomisation is that of the config."""
    study = loaded(tmp_path, f"patients: 12\nschedule: plan.csv\n{more}", BY_ARM).study
    assert study.randomisation.block_size == blocks and study.patients == 12


def test_ids_leave_nothing_to_ratios_and_blocks(tmp_path):
    """Both arms have a ratio of their own, one of them 1; the blocks of all ratios together may be said."""
    said = refusals(tmp_path, "schedule: plan.csv\narms: [{id: A, ratio: 1}, {id: B, ratio: 3}]\n", BY_ID)
    assert "arms.1.ratio: seen 3; who is in which arm follows from the ids" in said and "arms.0.ratio" not in said
    study = loaded(tmp_path, "schedule: plan.csv\nrandomisation: {block_size: 2}\n", BY_ID).study
    assert study.randomisation.block_size == 2 and study.patients == 2
    assert "ratio: seen 2" in refusals(tmp_path, "schedule: plan.csv\narms: [{id: A, ratio: 2}, {id: B}]\n", BY_ID)
    one = ("ID,TIME,AMT", "x,0,5", "x,336,.")
    shared = loaded(tmp_path, "patients: 6\nschedule: plan.csv\narms: [{id: A, ratio: 2}, {id: B}]\n", one).study
    assert (shared.patients, shared.randomisation.block_size) == (6, 3), "the plan of one is that of all"


def test_of_many_problems_the_first_twenty_are_named():
    texts = [f"line {k}" for k in range(22)]
    assert list(_some(iter(texts[:20]))) == texts[:20]
    assert list(_some(iter(texts))) == [*texts[:20], "and 2 more"]


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        (("168,5", "336,0"), ""),
        (("169,5", "336,0"), "at 169 h"),
        (("168,5", "180,5", "336,0"), "at 168, 180 h"),
        (("168,5", "191.9,5", "336,0"), "at 168, 191.9 h"),
        (("168,5", "192,5", "336,0"), ""),
    ],
)
def test_a_profile_is_of_the_one_dose_at_the_begin_of_its_day(tmp_path, rows, refused):
    text = "patients: 3\nschedule: plan.csv\npk_sampling: {visit_day: 7}\n"
    plan = ("TIME,AMT", "0,5", "168,0", *rows)
    if not refused:
        assert loaded(tmp_path, text, plan).study.pk_sampling.visit_day == 7
        return
    said = refusals(tmp_path, text, plan)
    assert "with the one dose of its day, at 168 h; the doses of" in said and f"are {refused}" in said


def test_cells_that_say_the_same_in_another_way_are_the_same():
    """80 and 80.0; words letter by letter; an empty cell and a person who is unknown say nothing."""
    own = {"x": "80.0", "y": "b"}
    rows = [("x", "line 2", "80"), ("x", "line 3", ""), ("y", "line 4", "b"), ("z", "line 5", "c")]
    assert list(changing("V", rows, own, "p")) == []
    wrong = list(changing("V", [("x", "line 6", "80.1"), ("y", "line 7", "B")], own, "p"))
    assert [line.partition(":")[0] for line in wrong] == ["line 6", "line 7"]
