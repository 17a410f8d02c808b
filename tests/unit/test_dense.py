"""``output: dense``: the hourly course of every patient beside tables that it does not touch."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trial.engine.simulate
import trial.jobs.courses
import trial.jobs.parts
import trial.jobs.provenance
import trial.jobs.work
from trial.app.study_run import evaluator
from trial.cli import main
from trial.jobs.forecast import forecast
from trial.jobs.parts import unit_folder
from trial.jobs.runner import UNITS, run
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.tables import COURSES, TABLES

CONFIG = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


@pytest.fixture(scope="module")
def study():
    """60 patients with visits up to two days early or late, some missed, some patients leaving."""
    whole = load_study(CONFIG, replicates=2)
    visits = whole.visits.model_copy(update={"window_days": 2, "missed_probability": 0.1})
    return whole.model_copy(update={"patients": 60, "output": "dense", "visits": visits})


@pytest.fixture(scope="module")
def tables(study):
    return simulate_replicates(study, range(2))


def by_patient_and_hour(table: pa.Table, hours: np.ndarray) -> dict[tuple[int, int, float], int]:
    keys = zip(table["IREP"].to_pylist(), table["SUBJID"].to_pylist(), hours.tolist(), strict=True)
    return {key: row for row, key in enumerate(keys)}


def test_counts_at_visits_are_bitwise_those_of_the_course(tables, at_least=800):
    """A visit is read before the dose of its day, at hour 24 x day."""
    courses, seen = tables["courses"], tables["observations"].to_pylist()
    row, plt = by_patient_and_hour(courses, courses["AHOUR"].to_numpy()), courses["PLT"].to_numpy()
    visits = [r for r in seen if r["PARAMCD"] == "PLAT" and r["AVAL"] is not None and r["AVISITN"] > 0]
    assert len(visits) > at_least
    for r in visits:
        assert plt[row[r["IREP"], r["SUBJID"], 24.0 * r["ADY"]]] == r["TRUEVAL"]


def test_the_same_with_another_structure_and_chemotherapy():
    whole = load_study(CONFIG.with_name("hetrombopag_cit_nct05864014.yaml"), replicates=1)
    tables = simulate_replicates(whole.model_copy(update={"patients": 20, "output": "dense"}), range(1))
    test_counts_at_visits_are_bitwise_those_of_the_course(tables, at_least=150)


def test_sampled_concentrations_are_those_of_the_course(study, tables):
    """Samples at 0, 1, 2, ... h after the dose of the sampling visit, to the tolerance of the solver."""
    courses = tables["courses"]
    row, conc = by_patient_and_hour(courses, courses["AHOUR"].to_numpy()), courses["CONC"].to_numpy()
    samples = [r for r in tables["observations"].to_pylist() if r["PARAMCD"] == "CONC" and r["TRUEVAL"] is not None]
    hours = [(r["IREP"], r["SUBJID"], 24.0 * r["ADY"] + r["ATPT"]) for r in samples]
    wanted = np.array([r["TRUEVAL"] for r in samples])
    assert len(wanted) > 500 and wanted.max() > 1
    np.testing.assert_allclose(conc[[row[key] for key in hours]], wanted, rtol=1e-9, atol=1e-12)


def test_a_course_has_every_hour_until_the_patient_s_last_day(tables):
    courses, last = tables["courses"], tables["patients"]["EOSDY"].to_pylist()
    replicate, subject, hour = (courses[c].to_numpy() for c in ("IREP", "SUBJID", "AHOUR"))
    ends = np.flatnonzero(np.append(np.diff(subject) != 0, True))
    begins = np.append(0, ends[:-1] + 1)
    assert hour[ends].tolist() == [24.0 * day for day in last]
    assert courses.num_rows == sum(24 * day + 1 for day in last)
    assert len(set(last)) > 3
    assert replicate[begins].tolist() == tables["patients"]["IREP"].to_pylist()
    assert subject[begins].tolist() == tables["patients"]["SUBJID"].to_pylist()
    inside = np.setdiff1d(np.arange(courses.num_rows), begins)
    assert np.array_equal(hour[inside], hour[inside - 1] + 1.0)
    assert courses.schema == COURSES and not any(courses[c].null_count for c in courses.column_names)


def test_the_other_tables_are_those_of_visits(study, tables):
    plain = simulate_replicates(study.model_copy(update={"output": "visits"}), range(2))
    assert set(tables) - set(plain) == {"courses"}
    for name, table in plain.items():
        assert tables[name].equals(table), name


def test_hours_read_in_passing_are_those_of_a_solve_of_their_own(study, tables, monkeypatch):
    """As for a method that stops at each output: the same bits of the courses, and of every other table."""
    monkeypatch.setattr(trial.engine.simulate, "reads_in_passing", lambda structure: False)
    for name, table in simulate_replicates(study, range(2)).items():
        assert tables[name].equals(table), name


def test_courses_are_written_some_patients_at_a_time(study, tables, tmp_path, monkeypatch):
    """Pieces of 25 of the 120 patients of a unit: groups of their rows, and the same values; no more is held."""
    monkeypatch.setattr(trial.jobs.courses, "AT_ONCE", 25)
    real, held = pa.concat_tables, []
    monkeypatch.setattr(pa, "concat_tables", lambda given: held.append(given) or real(given))
    run(study, tmp_path, evaluator(study))
    monkeypatch.undo()
    assert not any("AHOUR" in table.column_names for given in held for table in given)
    written = pq.ParquetFile(tmp_path / "courses.parquet")
    groups = [written.metadata.row_group(k).num_rows for k in range(written.metadata.num_row_groups)]
    whole = tables["courses"]
    patient = 60 * whole["IREP"].to_numpy() + whole["SUBJID"].to_numpy() - 1
    assert groups == np.bincount(patient // 25).tolist() and len(groups) == 5
    for column in COURSES.names:
        assert written.read()[column].to_pylist() == whole[column].to_pylist(), column


def test_a_run_keeps_the_courses_as_one_more_file(study, tmp_path):
    small = study.model_copy(update={"patients": 10})
    for output in ("dense", "visits"):
        run(small.model_copy(update={"output": output}), tmp_path / output, evaluator(small))
    files = {path.name: path.read_bytes() for path in (tmp_path / "visits").iterdir()}
    dense = {path.name: path.read_bytes() for path in (tmp_path / "dense").iterdir()}
    assert set(dense) - set(files) == {"courses.parquet"}
    assert files.items() <= dense.items() and {f"{name}.parquet" for name in TABLES} <= set(files)


@pytest.mark.slow
def test_an_interrupted_dense_run_goes_on_and_is_listed_in_the_manifest(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
    monkeypatch.chdir(tmp_path)
    few = ["run", str(SMOKE), "--workers", "1", "--set", "patients=6", "--set", "output=dense", "--replicates", "4"]
    assert main([*few, "--no-report", "--out", "whole"]) == 0
    real = trial.jobs.parts.pq.ParquetWriter

    def refuse(path, schema, **options):
        if path.parent.name.startswith(".0000002") and path.name == "courses.parquet":
            raise OSError(28, "full")
        return real(path, schema, **options)

    with monkeypatch.context() as patch:
        patch.setattr(trial.jobs.parts.pq, "ParquetWriter", refuse)
        assert main([*few, "--no-report", "--out", "x"]) == 1
    unit = unit_folder(tmp_path / ".x.unfinished" / UNITS, 1) / "courses.parquet"
    unit.write_bytes(unit.read_bytes()[:-4])
    assert main([*few, "--no-report", "--out", "x", "--resume"]) == 0
    assert "unit 1: damaged, simulated again" in capsys.readouterr().err
    for path in (tmp_path / "whole").glob("*.parquet"):
        assert (tmp_path / "x" / path.name).read_bytes() == path.read_bytes(), path.name
    said = trial.jobs.provenance.read_manifest(tmp_path / "x")["files"]["courses.parquet"]
    assert said["rows"] == pq.read_metadata(tmp_path / "x" / "courses.parquet").num_rows > 4 * 6 * 24 * 60


def test_the_forecast_counts_the_rows_of_the_courses(study):
    one = study.model_copy(update={"replicates": 1})
    found = forecast(one, 1, evaluator(one))
    assert found.rows["courses"] == simulate_replicates(one, range(1))["courses"].num_rows
    few = forecast(one.model_copy(update={"output": "visits"}), 1, evaluator(one))
    assert "courses" not in few.rows and few.disk_bytes < found.disk_bytes / 5
    assert few.memory_bytes < found.memory_bytes
