"""Covariates that change: closed forms, exact equality with what holds from the start, refusals, files by day."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cohorts.changing import FAR, Pieces
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import CovariateEffect
from cohorts.sets import parameter_set
from trial.app.attempt import identity
from trial.app.echo import in_words
from trial.app.folder import with_inputs
from trial.app.study_run import evaluator
from trial.engine.dosing import cut_at
from trial.engine.followed import pieces_of
from trial.errors import ConfigError
from trial.jobs.afar import packed
from trial.jobs.runner import run
from trial.jobs.work import enrolment, simulate_enrolled, simulate_replicates, unit_of
from trial.study.load import load_config, load_study, resolved_yaml
from trial.study.screened import PopulationChoice

HERE = Source(THIS_ENGINE, "test")
STUDY = """\
id: tiny
title: A tiny study
seed: 1
patients: 12
replicates: 1
parameter_set: eltrombopag_itp_hayes_2011
population: {id: chronic_itp_mei_2021}
arms:
  - {id: A, start_dose_mg: 25}
  - {id: B, start_dose_mg: 50}
randomisation: {block_size: 4}
treatment_days: 56
visits: {days: [7, 14, 28, 42, 56]}
analysis: {assessment_day: 56, primary: RESPW8}
output: visits
"""
PEOPLE = pd.DataFrame({
    "ID": [f"P{k}" for k in range(1, 17)], "AGE": 40.0, "SEX": ["F", "M"] * 8, "HEIGHT": 165.0, "WEIGHT": 60.0,
    "ITPDUR": 3.0, "SPLENFL": "N", "CONITPFL": "N", "BLPLAT": 12.0, "SITE": "one",
})  # fmt: skip
CL_Y = 0.74
"""CONITPFL on CL of the set: a corticosteroid takes away 26 %."""


def here(folder, *overrides):
    """With the files of the folder."""
    return [x.replace("file: p", f"file: {folder}/p").replace("by_day: b", f"by_day: {folder}/b") for x in overrides]


@pytest.fixture
def load(tmp_path):
    def loaded(*overrides, **files):
        (tmp_path / "s.yaml").write_text(STUDY)
        for name, frame in files.items():
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
        return load_study(tmp_path / "s.yaml", here(tmp_path, *overrides))

    return loaded


def frames(study, chosen=None):
    tables = simulate_enrolled(study, enrolment(study, 0, chosen), chosen)
    return {name: table.to_pandas() for name, table in tables.items()}


def changes(*entries):
    return f"population.changes=[{', '.join(entries)}]"


TYPICAL = ("typical_patient=true", "patients=1", "allocation=counterfactual")
PROFILE = (f"pk_sampling={{visit_day: 168, times_h: {[k / 4 for k in range(97)]}}}", "treatment_days=182",
           "visits.days=[28, 56, 168, 182]")  # fmt: skip


def auc(conc):
    """Exact over a day at steady state would be dose / CL; here the log-linear trapezoid of the true profile."""
    hours = sorted(conc.ATPT.unique())
    return conc.pivot(index="SUBJID", columns="ATPT", values="TRUEVAL")[hours].pipe(
        lambda x: pd.Series(np.trapezoid(x.to_numpy(), hours, axis=1), x.index)
    )


def test_a_clearance_that_halves_on_day_28_gives_twice_the_area_at_steady_state(load):
    """Linear kinetics: AUC at steady state is F dose / CL, whatever the other parameters."""
    chosen = parameter_set("eltrombopag_itp_hayes_2011")
    half = CovariateEffect("CL", "SECOND", "factor", 0.5, "no", HERE, "assumed", category="yes")
    own = replace(chosen, covariate_effects=(*chosen.covariate_effects, half))
    found, study = [], load(*TYPICAL, *PROFILE)
    for value in ("yes", "other"):
        entry = {"covariate": "SECOND", "before": "no", "value": value, "from_day": 28}
        population = PopulationChoice.model_validate({"id": "chronic_itp_mei_2021", "changes": [entry]})
        seen = frames(study.model_copy(update={"population": population}), own)["observations"]
        found.append(auc(seen[seen.PARAMCD == "CONC"]))
    assert (found[0] / found[1]).to_numpy() == pytest.approx(2.0, rel=2e-3)


@pytest.mark.parametrize("days", ["[56]", "[10, 27, 29, 56]", "[7, 14, 21, 28, 35, 42, 49, 56]"])
def test_the_course_does_not_depend_on_the_visits(load, days):
    """A change between visits is taken on its day: the same count and concentration as with a visit on that day."""
    said = changes("{covariate: CONITPFL, value: N, from_day: 28}", "{covariate: WEIGHT, per_week: 2}")
    none = ("rescue.allowed=false", "visits.missed_probability=0")
    a, b = (
        frames(load(said, *none, f"visits.days={d}"))["observations"].query("PARAMCD == 'PLAT' and AVISITN == 56")
        for d in ("[28, 56]", days)
    )
    assert a.TRUEVAL.to_numpy() == pytest.approx(b.TRUEVAL.to_numpy(), rel=1e-5)


def test_a_change_from_day_0_is_the_patient_who_had_the_value_from_the_start(load):
    """CONITPFL acts on CL alone, which plays no part before the first dose: bit for bit the same."""
    people = PEOPLE.assign(CONITPFL="Y")
    own = ("population={file: people.csv}",)
    had = frames(load(*own, people=people))
    said = "population={file: people.csv, changes: [{covariate: CONITPFL, value: Y}]}"
    got = frames(load(said, people=PEOPLE))
    for name in ("observations", "parameters", "doses", "events", "solves"):
        pd.testing.assert_frame_equal(had[name], got[name], check_exact=True)
    assert set(got["covariates"].AVALC) == {"Y"} and (got["covariates"].ADY == 0).all()


def test_the_parameters_of_a_piece_are_those_of_its_values_bit_for_bit(load):
    study = load(
        changes("{covariate: CONITPFL, value: N, from_day: 10}", "{covariate: WEIGHT, times: 1.1, from_day: 20}")
    )
    chosen, who = parameter_set(study.parameter_set), enrolment(study, 0)
    unit = unit_of(study, who)
    columns, zero = who.cohort.columns, np.zeros(12, dtype=np.int64)
    cl = unit.parameters["CL"]
    first = np.where(columns["CONITPFL"] == "Y", 1.0 / CL_Y, 1.0)
    assert (unit.on("CL", zero + 9) == cl).all() and unit.followed == ("CL",)
    assert unit.on("CL", zero + 10) == pytest.approx(cl * first, rel=1e-12)
    weight = next(x for x in chosen.covariate_effects if x.covariate == "WEIGHT" and x.parameter == "CL")
    assert unit.on("CL", zero + 20) == pytest.approx(cl * first * 1.1**weight.value, rel=1e-12)


def test_nothing_changes_before_the_day_and_in_those_it_is_not_for(load):
    """The other arm, the other sex and the days before: bit for bit those of the study without it."""
    plain = frames(load("patients=40"))
    said = changes("{covariate: CONITPFL, value: N, from_day: 20, arms: [B], if: {SEX: F}}")
    got = frames(load(said, "patients=40"))
    arm = plain["patients"].set_index("SUBJID").ARM
    sex, had = (plain["patients"].set_index("SUBJID")[name] for name in ("SEX", "CONITPFL"))
    mine = arm.index[(arm == "B") & (sex == "F") & (had == "Y")]
    key = ["SUBJID", "AVISITN", "PARAMCD"]
    a, b = (x["observations"].set_index(key).TRUEVAL for x in (plain, got))
    same = (a == b) | (a.isna() & b.isna())
    others = ~same.index.get_level_values(0).isin(mine)
    early = same.index.get_level_values(1) <= 14
    assert same[others].all() and same[early].all() and len(mine) and not same[~others & ~early].all()
    told = got["covariates"]
    assert set(told[told.ADY == 20].SUBJID) == set(mine) and len(told) == 40 + len(mine)


def test_a_share_is_drawn_in_a_stream_of_its_own(load):
    """30 % of 2,000: within 4 standard errors; the patients of a smaller share are among them; nothing else moves."""

    def begun(share):
        study = load(changes(f"{{covariate: CONITPFL, value: N, from_day: 20, share: {share}}}"), "patients=2000")
        unit = unit_of(study, enrolment(study, 0))
        return (unit.changes.pieces.on(unit.changes.pieces.columns["CONITPFL"],
                np.full(2000, 20)) == "N") & (unit.columns["CONITPFL"] == "Y"), unit  # fmt: skip

    (many, unit), (few, _) = begun(0.3), begun(0.1)
    n = (unit.columns["CONITPFL"] == "Y").sum()
    assert many.sum() / n == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / n)) and (many | ~few).all() and few.any()
    plain = unit_of(load("patients=2000"), enrolment(load("patients=2000"), 0))
    assert np.array_equal(unit.drawn.log_loss, plain.drawn.log_loss)


def test_weight_grows_by_the_week_and_stays_when_it_is_over(load):
    got = frames(load(changes("{covariate: WEIGHT, per_week: 0.5, from_day: 7, until_day: 28}")))
    told = got["covariates"].query("PARAMCD == 'WEIGHT' and SUBJID == 1").set_index("ADY").AVAL
    first = got["patients"].WEIGHT[0]
    assert told.to_dict() == pytest.approx({0: first, 14: first + 0.5, 21: first + 1.0, 28: first + 1.5})


def test_values_come_back_when_a_change_is_over_and_later_entries_act_on_earlier_ones(load):
    got = frames(load(changes("{covariate: WEIGHT, value: 80, from_day: 7, until_day: 21}",
                              "{covariate: WEIGHT, times: 0.5, from_day: 14, until_day: 28}")))  # fmt: skip
    told = got["covariates"].query("PARAMCD == 'WEIGHT' and SUBJID == 2").set_index("ADY").AVAL
    first = got["patients"].WEIGHT[1]
    assert told.to_dict() == pytest.approx({0: first, 7: 80.0, 14: 40.0, 21: first / 2, 28: first})


def test_a_weight_that_nobody_has_fails_the_patient_with_a_reason(load):
    got = frames(load(changes("{covariate: WEIGHT, add: -300, from_day: 28}")))
    assert set(got["solves"].STATUS) == {"NON_FINITE"} and got["covariates"].query("ADY == 28").AVAL.isna().all()


BY_DAY = pd.DataFrame({
    "ID": ["P1", "P1", "P2", "P1", "P3"], "DAY": [28, 0, 14, 42, 60], "WEIGHT": [80.0, 60.0, None, 70.0, 90.0],
    "CONITPFL": [None, None, "Y", "Y", None], "WARD": "x",
})  # fmt: skip
OWN = ("population={file: people.csv, by_day: by_day.csv}",)


def test_a_table_by_day_carries_the_last_value_forward(load):
    """P1 weighs 60, 80 from day 28, 70 from day 42 with a drug; P2 has the drug from day 14."""
    got = frames(load(*OWN, people=PEOPLE, by_day=BY_DAY))
    told = got["covariates"].set_index(["SUBJID", "PARAMCD", "ADY"])
    weight = {(s, d): v for (s, p, d), v in told.AVAL.items() if p == "WEIGHT" and d > 0}
    drug = {(s, d): v for (s, p, d), v in told.AVALC.items() if p == "CONITPFL" and d > 0}
    numbers = got["patients"].sort_values("SUBJID").SUBJID.tolist()
    assert weight == {(numbers[0], 28): 80.0, (numbers[0], 42): 70.0}
    assert drug == {(numbers[1], 14): "Y", (numbers[0], 42): "Y"}


def test_the_same_values_by_day_and_by_change_are_the_same_trial(load):
    table = pd.DataFrame({"ID": PEOPLE.ID, "DAY": 28, "CONITPFL": "Y"})
    a = frames(load(*OWN, people=PEOPLE, by_day=table))
    b = frames(load("population={file: people.csv, changes: [{covariate: CONITPFL, value: Y, from_day: 28}]}",
                    people=PEOPLE))  # fmt: skip
    for name in ("observations", "covariates", "parameters"):
        pd.testing.assert_frame_equal(a[name], b[name], check_exact=True)


@pytest.mark.parametrize(("row", "said"), [
    ({"ID": "P99"}, "by_day.csv: line 7: ID: seen 'P99'; people.csv has no such patient"),
    ({"DAY": -3}, "line 7: DAY: seen '-3'; allowed: whole days 0 to 3650"),
    ({"DAY": "2024-01-01"}, "line 7: DAY: seen '2024-01-01'; allowed: whole days"),
    ({"DAY": 14, "ID": "P2"}, "line 7: ID P2, DAY 14: already given on line 4"),
    ({"WEIGHT": 800}, "line 7: WEIGHT: seen '800.0'; allowed: 2 to 400 kg"),
    ({"CONITPFL": "yes"}, "line 7: CONITPFL: seen 'yes'; allowed: Y or N"),
    ({"DAY": 0, "WEIGHT": 61.0}, "line 7: WEIGHT: seen '61.0' on day 0; people.csv says 60.0"),
])  # fmt: skip
def test_rows_that_cannot_be_used_are_refused_with_their_line(load, row, said):
    table = pd.concat([BY_DAY, pd.DataFrame([{"ID": "P4", "DAY": 5, "WARD": "x"} | row])])
    with pytest.raises(ConfigError) as caught:
        load(*OWN, people=PEOPLE, by_day=table)
    assert "population.by_day" in str(caught.value) and said in str(caught.value)


@pytest.mark.parametrize(("table", "people", "said"), [
    (BY_DAY.drop(columns="DAY"), PEOPLE, "column DAY is missing"),
    (BY_DAY.rename(columns={"ID": "Id"}), PEOPLE, "column ID is missing; did you mean Id?"),
    (BY_DAY[["ID", "DAY", "WARD"]], PEOPLE, "changes nothing: seen WARD; covariates that act here: WEIGHT, CONITPFL"),
    (BY_DAY.rename(columns={"WEIGHT": "WEIHGT"})[["ID", "DAY", "WEIHGT"]], PEOPLE, "did you mean WEIGHT?"),
    (BY_DAY.assign(BLPLAT=3), PEOPLE, "column BLPLAT: it does not change from day to day"),
    (BY_DAY, PEOPLE.drop(columns="ID"), "people.csv has no column ID"),
    (BY_DAY.iloc[:0], PEOPLE, "there are no rows in it"),
])  # fmt: skip
def test_tables_by_day_that_cannot_be_used(load, table, people, said):
    with pytest.raises(ConfigError) as caught:
        load(*OWN, people=people, by_day=table)
    assert said in str(caught.value)


@pytest.mark.parametrize(("population", "said"), [
    ("{id: chronic_itp_mei_2021, by_day: x.csv}", "population.by_day: it names patients by the column ID of a file"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: AGE, add: 1}]}", "changes nothing: it is that of enrolment"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WIEGHT, add: 1}]}", "did you mean WEIGHT?"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: SPLENFL, value: Y}]}", "changes nothing: no effect"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: CONITPFL, value: yes}]}", "CONITPFL is Y or N"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: CONITPFL, value: 1}]}", "CONITPFL is Y or N"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: CONITPFL, add: 1}]}", "CONITPFL is no number"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, value: Y}]}", "WEIGHT is a number, 2 to 400 kg"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT}]}", "add, times, per_week; seen none"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, times: 2}]}", "seen add and times"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 0}]}", "seen 0: changes nothing"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, times: 1}]}", "seen 1: changes nothing"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, value: true}]}", "seen true; allowed: a number, or a"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, value: .inf}]}", "seen inf; allowed: a number, or a"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, share: 30}]}", "changes.0.share"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, arms: [C]}]}", "which is not the id of an arm"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, if: {SEKS: F}}]}", "did you mean SEX?"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, from_day: 9, until_day: 9}]}", "not after"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, before: 60}]}", "leave before out"),
    ("{id: chronic_itp_mei_2021, changes: [{covariate: WEIGHT, add: 1, form_day: 3}]}", "did you mean from_day: 3?"),
])  # fmt: skip
def test_changes_that_cannot_be_are_refused(load, population, said):
    with pytest.raises(ConfigError) as caught:
        load(f"population={population}")
    assert said in str(caught.value) and "population" in str(caught.value)


def test_a_value_may_be_at_the_limits_of_its_covariate(load):
    for value in (2, 400):
        (change,) = load(f"population={{id: chronic_itp_mei_2021, changes: [{{covariate: WEIGHT, value: {value}}}]}}"
                         ).population.changes  # fmt: skip
        assert change.value == value
    for value in (1.9, 400.1):
        with pytest.raises(ConfigError, match="WEIGHT is a number, 2 to 400 kg"):
            load(f"population={{id: chronic_itp_mei_2021, changes: [{{covariate: WEIGHT, value: {value}}}]}}")


def test_one_covariate_is_told_in_one_place(load):
    with pytest.raises(ConfigError, match=r"WEIGHT is a column of by_day.csv too"):
        load("population={file: people.csv, by_day: by_day.csv, changes: [{covariate: WEIGHT, add: 1}]}",
             people=PEOPLE, by_day=BY_DAY)  # fmt: skip


def test_what_comes_too_late_and_what_nothing_reads_is_said(load, tmp_path):
    load(*OWN, people=PEOPLE, by_day=BY_DAY)
    config = load_config(tmp_path / "s.yaml", here(tmp_path, *OWN))
    said = "\n".join(config.warnings)
    assert "WARD: nothing reads these columns" in said and "rows from day 60 on change nothing" in said
    late = load_config(tmp_path / "s.yaml", (changes("{covariate: WEIGHT, per_week: 1, from_day: 50}"),))
    assert any("seen 50; the first change would be on day 57" in line for line in late.warnings)


def test_the_protocol_in_words_and_the_resolved_config(load, tmp_path):
    some = "share: 0.3, arms: [A], if: {SEX: F}"
    first = f"{{covariate: CONITPFL, value: Y, from_day: 28, until_day: 56, {some}}}"
    study = load(changes(first, "{covariate: WEIGHT, per_week: -0.5}"))
    words = [line for line in in_words(study) if line.startswith("covariate ")]
    assert words == [
        "covariate CONITPFL: Y from day 28 until day 56, in 30 % of patients of A with SEX F",
        "covariate WEIGHT: 0.5 less after each week from day 0 on",
    ]
    (tmp_path / "again.yaml").write_text(resolved_yaml(study))
    assert load_study(tmp_path / "again.yaml") == study


def test_pieces_are_cut_for_whom_something_changes_alone():
    pieces = Pieces.of(np.array([0, 5, 9]), {"X": np.array([[1.0, 1.0, 2.0], [3.0, 3.0, 3.0], [1.0, 4.0, 1.0]])})
    assert pieces.first_day.tolist() == [[0, 9, FAR], [0, FAR, FAR], [0, 5, 9]]
    days = np.array([[0, 8, 9], [0, 8, 9], [4, 5, 100]])
    assert pieces.on(pieces.columns["X"], days).tolist() == [[1, 1, 2], [3, 3, 3], [1, 4, 1]]
    spans = cut_at(np.array([[0, 10], [0, 10], [2, 10]]), pieces.begins(list(pieces.columns.values())))
    assert [s.tolist() for s in spans] == [
        [[0, 9], [0, 10], [2, 5]], [[9, 10], [10, 10], [5, 9]], [[10, 10], [10, 10], [9, 10]]
    ]  # fmt: skip


def test_a_run_keeps_the_table_and_a_patient_alone_is_the_patient_of_the_unit(load, tmp_path):
    study = load(*OWN, people=PEOPLE, by_day=BY_DAY)
    whole = simulate_replicates(study, range(1))
    run(study, tmp_path / "run", evaluator(study))
    stored = pd.read_parquet(tmp_path / "run" / "covariates.parquet")
    pd.testing.assert_frame_equal(stored, whole["covariates"].to_pandas(), check_dtype=False, check_categorical=False)
    one = simulate_enrolled(study, enrolment(study, 0).take(2, 3))
    mine = whole["observations"].to_pandas().query("SUBJID == 3").TRUEVAL.to_numpy()
    assert np.array_equal(one["observations"].to_pandas().TRUEVAL.to_numpy(), mine, equal_nan=True)


def test_the_table_by_day_goes_where_the_study_goes(load, tmp_path):
    """To workers elsewhere and into the folder of a run; what it holds is part of what the run is."""
    study = load(*OWN, people=PEOPLE, by_day=BY_DAY)
    away = packed(study).unpacked()
    assert Path(away.population.by_day).read_text() == (tmp_path / "by_day.csv").read_text()
    folder = tmp_path / "folder"
    folder.mkdir()
    assert with_inputs(study, folder).population.by_day == "own_by_day.csv" and (folder / "own_by_day.csv").exists()
    before = identity(study)["population.by_day"]
    (tmp_path / "by_day.csv").write_text((tmp_path / "by_day.csv").read_text().replace("80.0", "81.0"))
    assert before.startswith("a file with sha256") and identity(study)["population.by_day"] != before


def test_a_start_dose_of_a_later_stage_asks_for_the_value_of_its_day(load):
    """Who weighs 80 kg or more on day 28 starts the second stage on 75 mg; nothing else reads the weight of A."""
    dose = "{start_dose_mg: 12.5, start_dose_by: [{if: {WEIGHT: {at_least: 80}}, dose_mg: 75}]}"
    stages = (
        "treatment_days=null",
        "analysis.primary=RESPW4",
        "analysis.assessment_day=28",
        f"stages=[{{id: FIRST, days: 28}}, {{id: SECOND, days: 28, arms: {{A: {dose}}}}}]",
    )
    said = "population={file: people.csv, changes: [{covariate: WEIGHT, value: 90, from_day: DAY}]}"
    found = {}
    for day in (28, 29):
        got = frames(load(*stages, said.replace("DAY", str(day)), people=PEOPLE))
        arm = got["patients"].set_index("SUBJID").ARM
        ledger = got["doses"][got["doses"].SUBJID.map(arm) == "A"]
        found[day] = set(ledger[ledger.ASTDY == 28].DOSELEV)
    assert found == {28: {75.0}, 29: {12.5}}


def test_another_drug_follows_the_covariates_by_its_own_effects():
    """Placebo to eltrombopag in stage 2: CL is 26 % lower with a corticosteroid; hetrombopag's does not follow it."""
    study = load_study(
        "configs/hetrombopag_itp_phase3_stages.yaml",
        ["patients=30", changes("{covariate: CONITPFL, value: N, from_day: 100}")],
    )
    unit = unit_of(study, enrolment(study, 0))
    switched = next(iter(unit.others))
    who = np.arange(30) % 2 == 0
    under, zero = unit.under(np.where(who, switched, 0)), np.zeros(30, dtype=np.int64)
    had = unit.columns["CONITPFL"] == "Y"
    ratio = under.on("CL", zero + 100) / under.on("CL", zero + 99)
    assert ratio == pytest.approx(np.where(who & had, 1 / CL_Y, 1.0), rel=1e-12) and (who & had).any()
    assert (under.on("CL", zero)[~who] == unit.parameters["CL"][~who]).all()
    assert "CL" not in unit.followed


def test_swings_and_errors_follow_covariates_too(load):
    """A drug that doubles the SD of swings: the log loss of each day is twice that without, from its day on."""
    base = parameter_set("eltrombopag_itp_hayes_2011")
    twice = CovariateEffect("FLUCT_SD", "CONITPFL", "factor", 2.0, "N", HERE, "assumed")
    own = replace(base, covariate_effects=(*base.covariate_effects, twice))
    said = "population={file: people.csv, changes: [{covariate: CONITPFL, value: Y, from_day: 20}]}"
    study, plain = load(said, people=PEOPLE), load("population={file: people.csv}", people=PEOPLE)
    a, b = (unit_of(s, enrolment(s, 0, own), own).drawn.log_loss for s in (study, plain))
    assert np.array_equal(a[:, :20], b[:, :20]) and a[:, 20:] == pytest.approx(2 * b[:, 20:], rel=1e-12)


def test_a_class_is_for_life_whatever_its_share_follows(load):
    """An effect on the share of non-responders moves who is one at enrolment, and nobody later."""
    base = parameter_set("eltrombopag_itp_hayes_2011")
    more = CovariateEffect("NONRESP", "CONITPFL", "factor", 50.0, "N", HERE, "assumed", scale="logit")
    own = replace(base, covariate_effects=(more,))
    said = "population={file: people.csv, changes: [{covariate: CONITPFL, value: Y, from_day: 20}]}"
    study = load(said, people=PEOPLE)
    unit = unit_of(study, enrolment(study, 0, own), own)
    assert unit.followed == () and not unit.changes.parameters


def test_a_second_drug_of_ones_own_set_is_a_covariate_of_ones_own(load, tmp_path):
    """CL is 30 % lower from day 28 on, in who takes it; without ``before`` nobody has such a covariate."""
    effect = {
        "parameter": "CL",
        "covariate": "SECOND",
        "form": "factor",
        "value": 0.7,
        "reference": "no",
        "category": "yes",
    }
    own = {"id": "mine", "extends": "eltrombopag_itp_hayes_2011", "values": {}, "targets": [], "note": "a test"}
    (tmp_path / "mine.json").write_text(json.dumps(own | {"covariate_effects": [effect]}))
    mine = f"parameter_set={tmp_path}/mine.json"
    study = load(mine, changes("{covariate: SECOND, before: no, value: yes, from_day: 28}"))
    unit, zero = unit_of(study, enrolment(study, 0)), np.zeros(12, dtype=np.int64)
    assert unit.on("CL", zero + 28) / unit.on("CL", zero + 27) == pytest.approx(0.7, rel=1e-12)
    for said, why in (
        ("{covariate: SECOND, value: yes, from_day: 28}", "column SECOND is missing"),
        ("{covariate: SECOND, before: no, value: yess, from_day: 28}", "did you mean yes?"),
        ("{covariate: SECOND, before: no, value: no, from_day: 28}", "which is before: changes nothing"),
        ("{covariate: SECOND, before: 0, value: 1, from_day: 28}", "SECOND is a word to"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(mine, changes(said))
        assert why in str(caught.value)


def test_the_body_mass_index_goes_with_the_weight_where_something_reads_it(load, tmp_path):
    """60 kg and then 90 kg at the same height: CL by the power 2 of the index is 2.25 times what it was."""
    effect = {"parameter": "CL", "covariate": "BMI", "form": "power", "value": 2.0, "reference": 25.0}
    own = {"id": "mine", "extends": "eltrombopag_itp_hayes_2011", "values": {}, "targets": [], "note": "a test"}
    (tmp_path / "mine.json").write_text(json.dumps(own | {"covariate_effects": [effect]}))
    said = "population={file: people.csv, changes: [{covariate: WEIGHT, value: 90, from_day: 7}]}"
    study = load(f"parameter_set={tmp_path}/mine.json", said, people=PEOPLE)
    unit, zero = unit_of(study, enrolment(study, 0)), np.zeros(12, dtype=np.int64)
    weight = next(x for x in parameter_set("eltrombopag_itp_hayes_2011").covariate_effects if x.covariate == "WEIGHT")
    wanted = 1.5**2 * 1.5**weight.value
    assert unit.on("CL", zero + 7) / unit.on("CL", zero + 6) == pytest.approx(wanted, rel=1e-12)
    plain = load(said, people=PEOPLE)
    pieces = pieces_of(plain, enrolment(plain, 0).cohort, np.zeros(12, int))
    assert set(pieces.columns) == {"WEIGHT"}  # nothing reads the index


def test_a_profile_across_a_change_and_the_hourly_course_follow_it(load):
    """CL falls by 26 % at the end of day 28: the profile of that day goes on as it was until then, and the course of
    every hour is that of the visits.
    """
    said = "population={file: people.csv, changes: [{covariate: CONITPFL, value: Y, from_day: 29}]}"
    sampled = "pk_sampling={visit_day: 28, times_h: [0, 12, 24, 30, 40]}"
    conc = []
    for population in ("population={file: people.csv}", said):
        seen = frames(load(population, sampled, people=PEOPLE))["observations"].query("PARAMCD == 'CONC'")
        conc.append(seen.pivot(index="SUBJID", columns="ATPT", values="TRUEVAL").to_numpy())
    ratio = conc[1] / conc[0]
    assert (ratio[:, :3] == 1).all() and (ratio[:, 3:] > 1.0001).all() and (ratio[:, 3] < ratio[:, 4]).all()
    got = frames(load(said, "output=dense", "visits.days=[20, 40, 56]", people=PEOPLE))
    course = got["courses"].set_index(["SUBJID", "AHOUR"]).PLT
    assert course.index.is_unique
    seen = got["observations"].query("PARAMCD == 'PLAT' and AVISITN > 0")
    at = [course[s, 24.0 * day] for s, day in zip(seen.SUBJID, seen.ADY, strict=True)]
    assert at == pytest.approx(seen.TRUEVAL.to_numpy(), rel=1e-5)
