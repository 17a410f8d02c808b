"""Same config and seed: the same values, whatever the number of workers or how many patients are simulated together."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pyarrow.parquet as pq
import pytest
from sizes import size

import trial.jobs.work
from trial.app.study_run import evaluator
from trial.jobs.runner import UNITS, run, simulate_into
from trial.jobs.work import simulate_replicates, work_units
from trial.study.load import load_study
from trial.tables import TABLES

CONFIG = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"


@pytest.fixture(scope="module")
def study():
    return load_study(CONFIG, replicates=3).model_copy(update={"patients": 1500})


@pytest.mark.slow
def test_one_and_two_workers_give_identical_parquet_values(study, tmp_path):
    assert len(work_units(study)) == 2
    one, two = (run(study, tmp_path / str(n), evaluator(study), workers=n) for n in (1, 2))
    assert (one.n_patients, one.n_failed) == (two.n_patients, two.n_failed) == (4500, 0)
    for name in TABLES:
        tables = [pq.read_table(tmp_path / str(n) / f"{name}.parquet") for n in (1, 2)]
        assert tables[0].num_rows > 0
        assert tables[0].equals(tables[1]), name
        assert tables[0].schema.equals(tables[1].schema, check_metadata=True)


def _parts(folder: Path) -> dict[str, bytes]:
    """Every file of a run folder and of its units."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def small(study, monkeypatch):
    """Twenty units of one replicate of six patients."""
    monkeypatch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
    return study.model_copy(update={"patients": 6, "replicates": 20})


@pytest.mark.slow
def test_threads_and_the_order_of_units_change_no_byte(small, tmp_path):
    run(small, tmp_path / "1", evaluator(small), keep_units=True)
    wanted = _parts(tmp_path / "1")
    assert sum(name.endswith("unit.json") for name in wanted) == len(work_units(small)) == 20
    for workers in size((2, 7), (2, 7, 16)):
        folder = tmp_path / str(workers)
        run(small, folder, evaluator(small), workers=workers, backend="threading", keep_units=True)
        assert _parts(folder) == wanted, workers
    backwards = tmp_path / "backwards"
    (backwards / UNITS).mkdir(parents=True)
    for unit in reversed(work_units(small)):
        simulate_into(small, (unit, None), backwards / UNITS, evaluator(small))
    run(small, backwards, evaluator(small), keep_units=True)
    assert _parts(backwards) == wanted


@pytest.mark.slow
def test_processes_and_threads_and_the_backend_of_joblib_change_no_byte(study, tmp_path):
    for name in ("loky", "threading"):
        run(study, tmp_path / name, evaluator(study), workers=2, backend=name, keep_units=True)
    with joblib.parallel_config(backend="loky"):
        run(study, tmp_path / "chosen", evaluator(study), workers=2, keep_units=True)
    assert _parts(tmp_path / "loky") == _parts(tmp_path / "threading") == _parts(tmp_path / "chosen")


@pytest.mark.slow
def test_many_processes_change_no_byte(small, tmp_path):
    """The structure that compiles fastest, because every process compiles it; some of the first are used again."""
    few = small.model_copy(update={"parameter_set": "hetrombopag_wang_2022"})
    run(few, tmp_path / "1", evaluator(few), keep_units=True)
    for workers in size((5, 3), (16, 7)):
        run(few, tmp_path / str(workers), evaluator(few), workers=workers, backend="loky", keep_units=True)
        assert _parts(tmp_path / str(workers)) == _parts(tmp_path / "1"), workers


@pytest.mark.slow
def test_parts_hold_nothing_of_pandas_and_no_time(small, tmp_path):
    run(small, tmp_path, evaluator(small))
    for path in tmp_path.glob("*.parquet"):
        metadata = pq.read_schema(path).metadata
        assert set(metadata) == {b"statement", b"study", b"seed", b"engine"}, path.name


@pytest.mark.slow
def test_endpoints_have_a_row_group_per_unit(small, tmp_path):
    run(small, tmp_path, evaluator(small))
    file = pq.ParquetFile(tmp_path / "endpoints.parquet")
    assert file.num_row_groups == 20
    assert [set(file.read_row_group(k)["IREP"].to_pylist()) for k in range(20)] == [{k} for k in range(20)]


def test_a_replicate_does_not_depend_on_those_simulated_with_it(study):
    study = study.model_copy(update={"patients": 60})
    alone = simulate_replicates(study, range(2, 3))
    together = simulate_replicates(study, range(0, 3))
    for name in TABLES:
        rows = together[name].filter([r == 2 for r in together[name]["IREP"].to_pylist()])
        assert rows.to_pylist() == alone[name].to_pylist(), name


def test_a_larger_trial_keeps_its_first_patients(study):
    """Covariates, parameters and allocation of the first 60 patients are those of a trial of 60."""
    small, large = (
        simulate_replicates(study.model_copy(update={"patients": n}), range(1))["patients"].slice(0, 60).to_pylist()
        for n in (60, 200)
    )
    assert small == large


def test_labels_and_units_travel_in_the_field_metadata(study, tmp_path):
    run(study.model_copy(update={"patients": 10, "replicates": 1}), tmp_path, evaluator(study))
    schema = pq.read_schema(tmp_path / "patients.parquet")
    assert schema.field("WEIGHT").metadata == {b"label": b"Weight", b"unit": b"kg"}
    parameters = pq.read_schema(tmp_path / "parameters.parquet")
    assert parameters.field("CL").metadata[b"unit"] == b"L/h"


def test_one_more_sample_or_no_samples_at_all_change_nothing_else(study):
    """Every count is bitwise the same; concentrations at the common times to solver tolerance, with the same errors."""
    base = study.model_copy(update={"patients": 60, "replicates": 1})
    hours = (0.0, 0.5, *base.pk_sampling.times_h[1:])
    more = base.model_copy(update={"pk_sampling": base.pk_sampling.model_copy(update={"times_h": hours})})
    none = base.model_copy(update={"pk_sampling": None})
    first, second, third = (simulate_replicates(s, range(1))["observations"].to_pylist() for s in (base, more, none))
    assert third == [row for row in first if row["PARAMCD"] != "CONC"] == [r for r in second if r["PARAMCD"] != "CONC"]
    before = np.array([row["AVAL"] for row in first if row["PARAMCD"] == "CONC"], dtype=float)
    after = np.array([r["AVAL"] for r in second if r["PARAMCD"] == "CONC" and r["ATPT"] != 0.5], dtype=float)
    np.testing.assert_allclose(after, before, rtol=1e-4)
    assert np.isfinite(before).sum() > 300


def test_one_more_visit_that_feeds_no_rule_changes_nothing_else(study):
    """Fixed doses and no rescue: counts, events and concentrations at the other visits are bitwise the same."""
    arms = tuple(arm.model_copy(update={"dose_rule": None}) for arm in study.arms)
    rescue = study.rescue.model_copy(update={"allowed": False})
    visits = study.visits.model_copy(update={"window_days": 1})
    fixed = {"patients": 60, "replicates": 1, "arms": arms, "rescue": rescue, "visits": visits}
    base = study.model_copy(update=fixed)
    more = base.model_copy(update={"visits": visits.model_copy(update={"days": (7, 11, *visits.days[1:])})})
    first, second = (simulate_replicates(s, range(1)) for s in (base, more))
    assert second["observations"].num_rows == first["observations"].num_rows + 2 * 60
    rows = [row for row in second["observations"].to_pylist() if row["AVISITN"] != 11]
    assert rows == first["observations"].to_pylist()
    for name in ("patients", "doses", "events", "screening"):
        assert second[name].to_pylist() == first[name].to_pylist(), name


@pytest.mark.slow
def test_a_large_replicate_in_several_units_is_the_replicate_at_once(study, tmp_path):
    large = study.model_copy(update={"patients": 5000, "replicates": 1, "pk_sampling": None})
    units = work_units(large)
    assert [(u.spans[0].first, u.spans[0].last) for u in units] == [(0, 4096), (4096, 5000)]
    run(large, tmp_path, evaluator(large), workers=2)
    at_once = simulate_replicates(large, range(1))
    for name in TABLES:
        pieces, whole = pq.read_table(tmp_path / f"{name}.parquet"), at_once[name]
        assert sorted(map(repr, pieces.to_pylist())) == sorted(map(repr, whole.to_pylist())), name


@pytest.mark.slow
def test_the_vector_code_of_the_cpu_changes_no_byte(tmp_path):
    """Without AVX2 and AVX-512 in numpy and with the plainest kernels of its linear algebra."""
    features = np._core._multiarray_umath.__cpu_features__
    used = [name for name in np._core._multiarray_umath.__cpu_dispatch__ if features[name]]
    plain = {"NPY_DISABLE_CPU_FEATURES": " ".join(used), "OPENBLAS_CORETYPE": "Prescott"}
    for name, more in (("here", {}), ("plain", plain)):
        words = [
            "run",
            str(CONFIG),
            "--replicates",
            "2",
            "--no-report",
            "--workers",
            "1",
            "--out",
            str(tmp_path / name),
        ]
        subprocess.run([sys.executable, "-m", "trial", *words], env={**os.environ, **more}, check=True)
    tables = sorted(path.name for path in (tmp_path / "here").glob("*.parquet"))
    assert used and len(tables) > 8
    assert all((tmp_path / "here" / t).read_bytes() == (tmp_path / "plain" / t).read_bytes() for t in tables)
