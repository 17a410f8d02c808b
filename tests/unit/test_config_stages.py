"""What a config may say about stages, and what it is told."""

# ruff: noqa: E501

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.results import evaluate_tables
from trial.app.echo import in_words
from trial.errors import ConfigError
from trial.jobs.work import simulate_replicates
from trial.study.fingerprint import fingerprint
from trial.study.load import load_config, load_study, resolved_yaml
from trial.study.stages import treatments
from trial.study.study import Study

CONFIGS = Path(__file__).parents[2] / "configs"
STAGED = f"""\
extends: {CONFIGS / "smoke.yaml"}
id: staged
treatment_days: null
published: null
stages:
  - {{id: DB, label: Double blind, days: 70}}
  - id: OL
    days: 28
    arms:
      Placebo: {{placebo: false, start_dose_mg: 25, dose_rule: eltrombopag, parameter_set: eltrombopag_itp_yang_2016}}
    visits: {{every: 14, to: 28}}
  - id: "OFF"
    days: 28
    drug: false
    enters: {{at_least_1e9L: 50, visits: 2, drug: "on"}}
    until: {{below_1e9L: 30}}
    visits: {{every: 7, to: 28}}
  - id: AGAIN
    days: 14
    arms:
      HETROM-2.5: {{start_dose_mg: 2.5}}
      HETROM-5: {{start_dose_mg: 5}}
      Placebo: {{start_dose_mg: 12.5}}
    visits: {{days: [14]}}
dose_rules:
  eltrombopag:
    ladder_mg: [12.5, 25, 50, 75]
    source: assumed for this test
    steps: [{{action: increase, below_1e9L: 50, min_days_since_change: 14}}]
"""

CASES = [
    ("unknown key", "    drug: false", "    drugs: false", "stages.2.drugs", ["did you mean drug?"]),
    ("no days", "    days: 28\n    drug", "    drug", "stages.2.days", ["needed", "missing"]),
    ("a limit without its unit", "until: {below_1e9L: 30}", "until: {below: 30}", "stages.2.until.below", ["did you mean below_1e9L"]),
    ("days as text", "days: 28\n    drug", "days: four weeks\n    drug", "stages.2.days", ["four weeks"]),
    ("id twice", "id: OL", "id: DB", "stages.1.id", ["already the id of stages.0"]),
    ("unknown arm", "Placebo: {placebo: false", "Plcebo: {placebo: false", "stages.1.arms.Plcebo", ["id of an arm", "did you mean Placebo?"]),
    ("no such rule", "dose_rule: eltrombopag,", "dose_rule: eltrombopg,", "stages.1.arms.Placebo.dose_rule", ["did you mean eltrombopag?"]),
    ("not on the ladder", "start_dose_mg: 25,", "start_dose_mg: 30,", "stages.1.arms.Placebo.start_dose_mg", ["seen 30", "12.5, 25, 50, 75"]),
    ("no such set", "eltrombopag_itp_yang_2016", "eltrombopag_itp_yang", "stages.1.arms.Placebo.parameter_set", ["did you mean eltrombopag_itp_yang_2016?"]),
    ("other equations", "eltrombopag_itp_yang_2016", "hetrombopag_wang_2022", "stages.1.arms.Placebo.parameter_set", ["tmdd_lifespan", "tpo_mechanism"]),
    ("own file", "eltrombopag_itp_yang_2016", "mine.json", "stages.1.arms.Placebo.parameter_set", ["cannot be another drug"]),
    ("two drugs at once", "      Placebo: {placebo: false, start", "      HETROM-5: {parameter_set: eltrombopag_itp_yang_2016}\n      Placebo: {placebo: false, start", "stages.1.arms.HETROM-5.parameter_set", ["active drug before"]),
    ("nothing changes", "      Placebo: {placebo: false, start", "      HETROM-5: {}\n      Placebo: {placebo: false, start", "stages.1.arms.HETROM-5", ["nothing changes"]),
    ("drug where there is none", "    drug: false\n", "    drug: false\n    arms: {Placebo: {start_dose_mg: 25}}\n", "stages.2.arms.Placebo", ["no study drug"]),
    ("no dose after a pause", "      HETROM-5: {start_dose_mg: 5}\n", "", "stages.3.arms", ["HETROM-5 has no dose"]),
    ("no such stage", "    until: {below_1e9L: 30}", "    otherwise: END\n    until: {below_1e9L: 30}", "stages.2.otherwise", ["seen 'END'", "leaves, AGAIN"]),
    ("otherwise without enters", "    arms:\n      HETROM-2.5", "    otherwise: leaves\n    arms:\n      HETROM-2.5", "", []),
    ("nothing asked", "{below_1e9L: 30}", "{visits: 2}", "stages.2.until.visits", ["no count is asked"]),
    ("no count is both", "at_least_1e9L: 50, visits", "at_least_1e9L: 50, below_1e9L: 40, visits", "stages.2.enters.at_least_1e9L", ["no count"]),
    ("no visit on its first day", "{every: 14, to: 28}", "{days: [7, 14]}", "stages.2", ["begins on day 98", "nearest is day 105"]),
    ("no visit inside", "{days: [14]}", "{days: [15]}", "", []),
    ("drug off first", "label: Double blind, days: 70", "drug: false, days: 70", "stages.0.drug", ["the randomised one"]),
    ("enters first", "label: Double blind, days: 70", "enters: {drug: \"on\"}, days: 70", "stages.0.enters", ["randomised one"]),
    ("treatment days too", "treatment_days: null", "treatment_days: 70", "treatment_days", ["seen 70", "day 140", "leave it out"]),
    ("drug as yaml truth", 'drug: "on"}', "drug: yes}", "stages.2.enters.drug", []),
]  # fmt: skip


def written(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return load_study(written(tmp_path_factory.mktemp("staged"), STAGED))


@pytest.mark.parametrize(("name", "old", "new", "path", "words"), CASES, ids=[c[0] for c in CASES])
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path, name, old, new, path, words):
    text = STAGED.replace(old, new)
    assert text != STAGED
    if not path:
        load_config(written(tmp_path, text))
        return
    with pytest.raises(ConfigError) as raised:
        load_config(written(tmp_path, text))
    line = next((m for m in raised.value.messages if f" {path}: " in m or f" {path}" in m), "")
    assert line, raised.value.messages
    assert re.search(r"study\.yaml:\d+: ", line) and all(word in line for word in words), line
    assert path == "treatment_days" or not any(" treatment_days: " in m for m in raised.value.messages)
    allowed = line.partition("allowed: ")[2].partition(";")[0].split(", ")
    assert len(set(allowed)) == len(allowed), line


def test_visits_and_treatment_follow_from_the_stages_and_survive_being_written(study, tmp_path):
    assert study.visits.days == (*range(7, 71, 7), 84, 98, 105, 112, 119, 126, 140)
    assert study.treatment_days == 140 and [study.days_before(k) for k in range(4)] == [0, 70, 98, 126]
    again = load_study(written(tmp_path, resolved_yaml(study)))
    assert again == study
    assert treatments(again.plan, again.arms) == treatments(study.plan, study.arms), "what is left out stays left out"
    assert treatments(study.plan, study.arms)[0][7].arm.dose_rule == "titration"


def test_a_study_of_one_stage_is_the_study_without_stages():
    """The same tables, all but that of the stages, and other words for the design."""
    plain = load_study(CONFIGS / "smoke.yaml")
    one = Study.model_validate(plain.model_dump() | {"stages": [{"id": "ALL", "days": 70}]})
    a, b = (simulate_replicates(s, range(1)) for s in (plain, one))
    assert set(b) - set(a) == {"stages"}
    for name in a:
        pd.testing.assert_frame_equal(a[name].to_pandas(), b[name].to_pandas(), check_categorical=False)
    assert fingerprint(plain) != fingerprint(one)


def test_later_stages_leave_the_first_as_it_was(study):
    """The endpoints of the double-blind stage are those of the trial that ends with it, bit for bit."""
    alone = Study.model_validate(study.model_dump() | {"stages": [study.model_dump()["stages"][0]], "treatment_days": 70,
                                                       "visits": study.visits.model_dump() | {"days": range(7, 71, 7)}})  # fmt: skip
    found = [evaluate_tables(s, simulate_replicates(s, range(1)))["endpoints"].to_pandas() for s in (study, alone)]
    both = [table.set_index(["PARAMCD", "SUBJID"])[["AVAL", "EVALFL"]].sort_index() for table in found]
    pd.testing.assert_frame_equal(*both)


def test_a_stage_is_reported_on_the_days_since_it_began(study):
    """Of the open-label stage: those who entered, its two visits, and a response at its day 28."""
    said = study.model_dump()
    said["analysis"] |= {"stage": "OL", "assessment_day": 28, "primary": "RESPW4", "endpoints": ["RESPW4", "COMPL"]}
    said["pk_sampling"] = None
    of_stage = Study.model_validate(said)
    assert of_stage.analysed.visits.days == (14, 28) and not of_stage.analysed.arms[2].placebo
    tables = simulate_replicates(of_stage, range(1))
    found = evaluate_tables(of_stage, tables)["endpoints"].to_pandas()
    stages = tables["stages"].to_pandas()
    entered = stages[stages.STAGE == "OL"]
    assert sorted(found[found.PARAMCD == "COMPL"].SUBJID) == sorted(entered.SUBJID)
    completed = dict(zip(entered.SUBJID, entered.ENDREAS.isin(["planned end"]), strict=True))
    counts = tables["observations"].to_pandas().query("PARAMCD == 'PLAT' and AVISITN == 98").set_index("SUBJID").AVAL
    rescued = tables["events"].to_pandas().query("EVENT == 'RESCUE'")
    for row in found[found.PARAMCD == "RESPW4"].itertuples():
        mine = entered[entered.SUBJID == row.SUBJID].iloc[0]
        helped = rescued[(rescued.SUBJID == row.SUBJID) & (rescued.ADY > mine.ASTDY) & (rescued.ADY <= mine.AENDY)]
        assert float(counts[row.SUBJID] >= 50 and helped.empty) == row.AVAL, row
    of = found[found.PARAMCD == "COMPL"].set_index("SUBJID").AVAL
    refused = set(entered[entered.ENDREAS == "did not enter: OFF"].SUBJID)
    assert all(of[s] == float(completed[s]) for s in of.index if s not in refused)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stage": "XX"}, ["seen 'XX'", "OL"]),
        ({"stage": "AGAIN", "assessment_day": 14}, ["does not begin for all on one day", "OFF has an until", "DB, OL, OFF"]),
        ({"stage": "OL", "assessment_day": 56}, ["not a visit day of stage OL, from its start", "14, 28"]),
    ],
)  # fmt: skip
def test_a_stage_that_cannot_be_reported_is_refused(study, changes, words):
    said = study.model_dump()
    said["analysis"] |= changes
    with pytest.raises(ValueError) as raised:
        Study.model_validate(said)
    assert all(word in str(raised.value) for word in words)


def test_check_says_every_stage(study):
    words = "\n".join(in_words(study))
    for said in (
        "stage DB: days 0 to 69",
        "stage OL: days 70 to 97; Placebo: active drug, start dose 25 mg, parameter set eltrombopag_itp_yang_2016, by rule eltrombopag",
        "the last 2 counts are at least 50 x 10^9/L and a dose is prescribed",
        "or until the last count is below 30 x 10^9/L",
        "no study drug",
        "dose rule eltrombopag",
        "RESPW8 on day 56 of stage DB",
    ):
        assert said in words, said


def test_patients_are_conserved_and_doses_follow_the_stages(study):
    """Everybody is in stage 1; who is in a stage was in one before; no drug in OFF, nor after leaving; every end told."""
    tables = {name: table.to_pandas() for name, table in simulate_replicates(study, range(2)).items()}
    stages, patients = tables["stages"], tables["patients"]
    key = ["IREP", "SUBJID"]
    assert len(stages[stages.STAGEN == 1]) == len(patients)
    ordered = stages.sort_values([*key, "STAGEN"])
    follows = ordered.groupby(key).ASTDY.shift(-1)
    assert (ordered.AENDY[follows.notna()] == follows[follows.notna()]).all()
    assert set(stages.ENDREAS) <= {"planned end", "condition of the stage met", "last visit", *study.reasons_to_leave}
    off = stages[stages.STAGE == "OFF"].merge(tables["doses"], on=key, suffixes=("", "_D"))
    inside = off[(off.ASTDY_D >= off.ASTDY) & (off.ASTDY_D < off.AENDY)]
    assert len(inside) and (inside.EXDOSE == 0).all()
    late = tables["doses"].merge(patients[[*key, "EOSDY"]], on=key)
    assert (late.AENDY <= late.EOSDY).all()
    assert np.isin(tables["doses"].EXDOSE, [0, 2.5, 3.75, 5, 7.5, 12.5, 25, 50, 75]).all()


def test_the_report_of_a_staged_trial_shows_who_entered_each_stage(study, tmp_path):
    """T 14.1.5 has the entered of every stage, as the table of stages counts them; a trial without stages has none."""
    from analysis.report.passing import stages_table
    from analysis.report.pictures import dose_levels
    from analysis.report.runfolder import read_run
    from trial.app.study_run import conclude, execute

    for name, one in (("staged", study), ("plain", load_study(CONFIGS / "smoke.yaml"))):
        folder = tmp_path / name
        conclude(folder, execute(one, folder), [], {})
        run = read_run(folder, one)
        table = stages_table(run)
        levels = dose_levels(run)
        assert levels is not None
        sham = next(str(note) for note in levels.notes if "sham" in str(note))
        assert ("until a stage gives the arm active drug" in sham) == (name == "staged")
        if name == "plain":
            assert table is None
            continue
        assert table is not None
        stages = pd.read_parquet(folder / "stages.parquet").query("IREP == 0")
        shown = {e.PARAMCD: e.ESTIMATE for e in run.estimates
                 if e.PARCAT1 == "stages" and e.CATEGORY == "entered" and e.ARM == "ALL" and e.STAT == "count"
                 and e.SCOPE == "replicate"}  # fmt: skip
        counted = stages.groupby("STAGE", observed=True).size()
        assert shown == {f"STAGE:{s.id}": counted[s.id] for s in study.stages}
        lines = [str(row.cells[0].text) for row in table.rows]
        assert lines[0] == "Double blind: entered" and "    planned end" in lines
        assert [line for line in lines if line.endswith("entered")] == [f"{s.name}: entered" for s in study.stages]


def test_an_arm_that_takes_active_drug_in_a_later_stage_is_no_arm_without_it(study):
    """The placebo arm of the double-blind stage is one of that stage, and not of the trial."""
    assert study.placebo_arms == () and load_study(CONFIGS / "smoke.yaml").placebo_arms == ("Placebo",)
    first = Study.model_validate(study.model_dump() | {"analysis": study.analysis.model_dump() | {"stage": "DB"}})
    assert first.analysed.placebo_arms == ("Placebo",)
