"""Start doses by covariate: who gets which, and what is refused of a line."""

import numpy as np
import pytest
from hand_made import STUDY, unit
from pydantic import ValidationError

from trial.engine.visit_decisions import start_course
from trial.errors import ConfigError
from trial.study.arms import Arm
from trial.study.load import load_study, load_text, resolved_yaml
from trial.study.study import Study

LINES = [
    {"if": {"WEIGHT": {"below": 50}, "SEX": "F"}, "dose_mg": 2.5},
    {"if": {"AGE": {"at_least": 65}}, "dose_mg": 7.5},
    {"dose_mg": 5},
]
COLUMNS = {
    "WEIGHT": np.array([49.9, 50.0, 49.9, 49.9]), "SEX": np.array(["F", "F", "M", "M"]),
    "AGE": np.array([70.0, 30.0, 65.0, 64.0]),
}  # fmt: skip


def arm(lines=LINES, **more):
    return Arm.model_validate({"id": "A", "start_dose_mg": lines, **more})


def test_the_first_line_that_holds_is_taken_and_the_last_is_for_everybody_else():
    """A light woman of 70: the first line; a woman of 50 kg: none; men by age alone, 65 included."""
    assert arm().starts_mg(COLUMNS, 4).tolist() == [2.5, 5, 7.5, 5]
    assert arm(5).starts_mg({}, 2).tolist() == [5, 5]


def test_a_list_is_a_number_and_lines_beside_it():
    spelt = Arm.model_validate({"id": "A", "start_dose_mg": 5, "start_dose_by": LINES[:2]})
    assert arm() == spelt and Arm.model_validate(arm().model_dump()) == spelt
    assert (
        arm().start_doses_mg == (5, 2.5, 7.5)
        and arm(label="Drug, {start_dose_mg} mg").name == "Drug, 5 or 2.5 or 7.5 mg"
    )
    assert [str(line) for line in arm().start_dose_by] == [
        "2.5 mg if WEIGHT below 50 and SEX F", "7.5 mg if AGE 65 or more",
    ]  # fmt: skip


def test_patients_begin_on_their_own_rung():
    arms = [STUDY["arms"][0] | {"start_dose_mg": LINES}, STUDY["arms"][1]]
    u = unit(arm=(0, 0, 0, 1), study={"arms": arms})
    object.__setattr__(u, "columns", COLUMNS)
    course, begin = start_course(u)
    assert begin.dose_mg.tolist() == [2.5, 5, 7.5, 5] and course.ladders[0].rung.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(("lines", "said"), [
    (LINES[:2], "dose_mg alone at the end"), (LINES[2:] * 2, "lines with if"),
    ([{"if": {"SEX": "X"}, "dose_mg": 5}, LINES[2]], "seen 'X', which is not a category of SEX; allowed: F, M"),
    ([{"if": {"SEX": {"below": 5}}, "dose_mg": 5}, LINES[2]], "SEX is no number; allowed: F or M"),
    ([{"if": {"AGE": "old"}, "dose_mg": 5}, LINES[2]], "AGE is a number; allowed: at_least and below"),
    ([{"if": {"AGE": {}}, "dose_mg": 5}, LINES[2]], "nothing is asked"),
    ([{"if": {"AGE": {"below": 5, "at_least": 5}}, "dose_mg": 5}, LINES[2]], "no number is at least 5 and below 5"),
])  # fmt: skip
def test_lines_that_are_refused(lines, said):
    with pytest.raises(ValidationError) as caught:
        arm(lines)
    assert said in str(caught.value)


def test_a_dose_off_the_ladder_is_refused_at_its_line():
    arms = [STUDY["arms"][0] | {"start_dose_by": [LINES[0] | {"dose_mg": 3}]}, STUDY["arms"][1]]
    with pytest.raises(ValidationError, match=r"seen 3, which is not on the ladder of ladder; allowed: 2.5, 5, 7.5"):
        Study.model_validate(STUDY | {"arms": arms})


def test_a_line_asks_for_something():
    with pytest.raises(ValidationError, match="at least 1"):
        Arm.model_validate({"id": "A", "start_dose_mg": 5, "start_dose_by": [{"if": {}, "dose_mg": 5}]})


OWN = "arms.0.start_dose_by=[{if: {CHILDPUGH: [A, B]}, dose_mg: 2.5}]"


def test_a_covariate_that_the_population_lacks_is_refused_by_name():
    with pytest.raises(ConfigError) as caught:
        load_study("configs/smoke.yaml", ["arms.0.start_dose_by=[{if: {WEIGT: {below: 50}}, dose_mg: 2.5}]"])
    text = str(caught.value)
    assert "start_dose_by.0.if.WEIGT: seen 'WEIGT', which is not a covariate of chronic_itp_mei_2021" in text
    assert "did you mean WEIGHT?" in text


@pytest.mark.parametrize("key", ["start_dose_by", "start_dose_mg"])
def test_a_list_of_lines_is_answered_under_the_key_that_was_typed(key):
    with pytest.raises(ConfigError) as caught:
        load_study(
            "configs/smoke.yaml", [f"arms.0.{key}=[{{if: {{WEIGHT: {{below: 50}}}}, dose_mg: five}}, {{dose_mg: 5}}]"]
        )
    assert f"arms.0.{key}.0.dose_mg: seen 'five'" in str(caught.value), str(caught.value)


PEOPLE = """AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT,CHILDPUGH
40,F,160,60,2,N,N,12,A
50,M,170,70,2,N,N,13,none
60,F,160,55,2,N,N,14,{last}
"""


def test_a_column_of_the_users_own_file_may_be_asked_and_an_empty_cell_is_refused_with_its_line(tmp_path):
    path = tmp_path / "people.csv"
    sets = [f"population={{file: {path}}}", "patients=3", "randomisation.strata=[]", OWN]
    path.write_text(PEOPLE.format(last=""))
    with pytest.raises(ConfigError, match=r"people.csv: line 4: CHILDPUGH: seen an empty cell; allowed: a word"):
        load_study("configs/smoke.yaml", sets)
    path.write_text(PEOPLE.format(last="B"))
    study = load_study("configs/smoke.yaml", sets)
    assert load_text(resolved_yaml(study), "again") == study
    from trial.jobs.work import simulate_replicates

    arms = tuple(one.model_copy(update={"start_dose_by": study.arms[0].start_dose_by}) for one in study.arms)
    tables = simulate_replicates(study.model_copy(update={"arms": arms, "replicates": 1}), range(1))
    first = {r["SUBJID"]: r["DOSELEV"] for r in tables["doses"].to_pylist() if r["ASTDY"] == 0}
    start = dict(zip(study.arm_ids, (one.start_dose_mg for one in arms), strict=True))
    for row in tables["patients"].to_pylist():
        graded = row["BLPLAT"] in (12, 14)
        assert first[row["SUBJID"]] == (2.5 if graded else start[row["ARM"]])
