"""Units on disk and the runner: written whole, checked before use, joined in order; what is kept, counted and told."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trial.jobs import work
from trial.jobs.parts import join, read_unit, remove_unit, tables_of, unit_folder, write_unit
from trial.jobs.processes import end_with
from trial.jobs.provenance import STATEMENT, VOLATILE, arithmetic, file_hash, read_manifest, text_hash, write_manifest
from trial.jobs.runner import UNITS, _jobs, run, standing
from trial.jobs.work import Span, enrolment, of_replicates, work_units
from trial.study.load import load_study

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
FACTS = {"patients": 3, "failed": 1}


def numbered(*values):
    return pa.table({"IREP": pa.array([0] * len(values), pa.int32()), "X": pa.array(values, pa.float64())})


def written(parts, number=0, **tables):
    parts.mkdir(exist_ok=True)
    write_unit(parts, number, tables or {"a": numbered(1.0, 2.0), "b": numbered()}, FACTS)
    return unit_folder(parts, number)


def test_a_unit_is_read_back_as_it_was_written(tmp_path):
    folder = written(tmp_path, 12)
    assert folder.name == "0000012" and sorted(p.name for p in tmp_path.iterdir()) == ["0000012"]
    record = read_unit(tmp_path, 12)
    assert (record["unit"], record["patients"], record["failed"]) == (12, 3, 1)
    assert {name: said["rows"] for name, said in record["files"].items()} == {"a.parquet": 2, "b.parquet": 0}
    assert tables_of(tmp_path, 12) == ["a", "b"]


ASKED = """
import math
from trial.jobs.provenance import arithmetic
places = [k / 300 for k in (180, 1239, 1643, 2249, 2821, 2852)]
print(*(f(x).hex() for x in places for f in (lambda x: math.exp(-x), lambda x: x**0.3)), arithmetic(), sep=";")
"""
"""Values whose last bit glibc has differently with and without fused multiply-add."""


def test_the_arithmetic_is_another_where_the_library_of_functions_is_another():
    """As on a processor without fused multiply-add, which glibc can be told to be on: then other bits are told."""
    plain, other = (
        subprocess.run([sys.executable, "-c", ASKED], env=os.environ | told, capture_output=True, text=True, check=True)
        for told in ({}, {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable"})
    )
    (*values, said), (*others, saying) = (done.stdout.strip().split(";") for done in (plain, other))
    assert said == arithmetic() and (said == saying) == (values == others)


def test_what_is_not_as_it_was_written_is_no_unit(tmp_path):
    """A table with another byte, a lost table, a changed count, another number, nothing at all."""
    assert read_unit(tmp_path, 0) is None and tables_of(tmp_path, 0) == []
    table = written(tmp_path, 1) / "a.parquet"
    table.write_bytes(table.read_bytes()[:-9] + b"x" + table.read_bytes()[-8:])
    (written(tmp_path, 2) / "b.parquet").unlink()
    record = written(tmp_path, 3) / "unit.json"
    record.write_text(record.read_text().replace('"failed": 1', '"failed": 0'))
    written(tmp_path, 4).rename(unit_folder(tmp_path, 5))
    (written(tmp_path, 6) / "unit.json").write_text("[1]")
    assert [read_unit(tmp_path, k) for k in range(1, 7)] == [None] * 6
    assert read_unit(tmp_path, 1) is None and unit_folder(tmp_path, 1).exists()


def test_a_unit_that_is_there_stays(tmp_path):
    written(tmp_path, 0, a=numbered(1.0))
    written(tmp_path, 0, a=numbered(5.0))
    assert pq.read_table(unit_folder(tmp_path, 0) / "a.parquet")["X"].to_pylist() == [1.0]
    assert [p.name for p in tmp_path.iterdir()] == ["0000000"]


def test_a_unit_is_taken_away_with_what_a_killed_process_left(tmp_path):
    written(tmp_path, 0)
    (tmp_path / ".0000000.99").mkdir()
    (tmp_path / ".0000001.99").mkdir()
    assert remove_unit(tmp_path, 0) and not remove_unit(tmp_path, 0)
    assert [p.name for p in tmp_path.iterdir()] == [".0000001.99"]


def test_parts_are_joined_in_order_a_row_group_each(tmp_path):
    parts = tmp_path / "parts"
    for number, values in enumerate([(1.0,), (), (3.0, 4.0)]):
        written(parts, number, a=numbered(*values))
    join(parts, [2, 0, 1], "a", tmp_path / "a.parquet")
    joined = pq.ParquetFile(tmp_path / "a.parquet")
    assert joined.read()["X"].to_pylist() == [3.0, 4.0, 1.0] and joined.num_row_groups == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "parts"]


def test_columns_are_stored_small(tmp_path):
    text = pa.array(["x", "y"]).dictionary_encode()
    folder = written(tmp_path, 0, a=pa.table({"T": text, "F": pa.array([0.1, 0.2]), "I": pa.array([1, 2])}))
    group = pq.ParquetFile(folder / "a.parquet").metadata.row_group(0)
    stored = {group.column(k).path_in_schema: group.column(k) for k in range(3)}
    assert {c.compression for c in stored.values()} == {"ZSTD"}
    assert "RLE_DICTIONARY" in stored["T"].encodings and "BYTE_STREAM_SPLIT" in stored["F"].encodings
    assert not {"RLE_DICTIONARY", "BYTE_STREAM_SPLIT"} & set(stored["I"].encodings)


def test_hashes_and_the_manifest(tmp_path):
    """sha256 of "abc" as printed in FIPS 180-4."""
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert text_hash("abc") == abc
    (tmp_path / "x.csv").write_text("abc")
    assert file_hash(tmp_path / "x.csv") == abc
    pq.write_table(numbered(1.0, 2.0), tmp_path / "y.parquet")
    (tmp_path / "z.txt").write_text("any file of the run")
    write_manifest(tmp_path, "config", {"units": 2}, {"seconds": 1.5, "workers": 3})
    said = read_manifest(tmp_path)
    assert said["files"]["x.csv"] == {"sha256": abc} and said["files"]["y.parquet"]["rows"] == 2
    assert set(said["files"]) == {"x.csv", "y.parquet", "z.txt"} and said["units"] == 2
    assert said["config_sha256"] == hashlib.sha256(b"config").hexdigest()
    assert set(VOLATILE) <= set(said) and said["statement"] == STATEMENT == "Simulated subjects. Not clinical data."
    assert json.loads((tmp_path / "manifest.json").read_text())["packages"]["numpy"] == np.__version__


def smoke(**changes):
    return load_study(SMOKE).model_copy(update={"patients": 6} | changes)


def means(tables):
    """What a run is asked to evaluate: one row per replicate it sees."""
    seen = np.unique(tables["patients"]["IREP"].to_numpy())
    return {"seen": pa.table({"IREP": pa.array(seen, pa.int32())})}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Three replicates of six patients, one per unit."""
    out, told = tmp_path_factory.mktemp("run") / "out", []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(work, "UNIT_PATIENTS", 6)
        summary = run(smoke(replicates=3), out, means, progress=lambda *both: told.append(both), keep_units=True)
    return out, summary, told


def test_a_run_says_what_it_came_to(finished):
    out, summary, told = finished
    assert (summary.n_patients, summary.n_failed, summary.out_dir) == (18, 0, out)
    assert told == [(6, 18), (12, 18), (18, 18)]
    patients = pq.read_table(out / "patients.parquet")
    assert patients.num_rows == 18 and patients["IREP"].to_pylist() == sorted(patients["IREP"].to_pylist())
    assert pq.read_table(out / "seen.parquet")["IREP"].to_pylist() == [0, 1, 2]
    said = pq.read_schema(out / "patients.parquet").metadata
    assert said[b"study"] == smoke().id.encode() and said[b"statement"] == STATEMENT.encode()


def test_only_what_is_missing_or_damaged_is_simulated_again(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "UNIT_PATIENTS", 6)
    out, study = tmp_path / "again", smoke(replicates=3)
    shutil.copytree(finished[0], out)
    parts = out / UNITS
    remove_unit(parts, 0)
    (unit_folder(parts, 2) / "seen.parquet").write_bytes(b"damaged")
    now = standing(study, out)
    assert (now.done, now.patients, now.damaged) == ((1,), 6, (2,))
    assert [unit.number for unit in now.to_do] == [0, 2]
    told = []
    summary = run(study, out, means, progress=lambda *both: told.append(both))
    assert told == [(12, 18), (18, 18)] and summary.n_patients == 18 and not parts.exists()
    for name in ("patients", "observations", "seen", "screening"):
        assert pq.read_table(out / f"{name}.parquet").equals(pq.read_table(finished[0] / f"{name}.parquet"))


def test_two_workers_give_the_same_tables(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "UNIT_PATIENTS", 6)
    run(smoke(replicates=3), tmp_path / "two", means, workers=2, backend="threading")
    for name in ("patients", "observations", "doses", "seen"):
        assert pq.read_table(tmp_path / "two" / f"{name}.parquet").equals(
            pq.read_table(finished[0] / f"{name}.parquet")
        )


def test_units_are_whole_replicates_or_blocks_of_a_large_one(monkeypatch):
    spans = [[(s.replicate, s.first, s.last) for s in u.spans] for u in work_units(smoke(patients=1500, replicates=5))]
    assert spans == [[(0, 0, 1500), (1, 0, 1500)], [(2, 0, 1500), (3, 0, 1500)], [(4, 0, 1500)]]
    assert [u.n_patients for u in work_units(smoke(patients=1500, replicates=5))] == [3000, 3000, 1500]
    assert [u.number for u in work_units(smoke(patients=1500, replicates=5))] == [0, 1, 2]
    assert len(work_units(smoke(patients=4096, replicates=2))) == 2
    large = work_units(smoke(patients=9000, replicates=2))
    assert [u.spans for u in large] == [
        (Span(r, first, last),) for r in (0, 1) for first, last in ((0, 4096), (4096, 8192), (8192, 9000))
    ]
    assert [u.number for u in large] == list(range(6))


def test_a_large_replicate_is_enrolled_once_and_cut(monkeypatch):
    study = smoke(patients=1500, replicates=2)
    monkeypatch.setattr(work, "UNIT_PATIENTS", 1024)
    jobs = list(_jobs(study, work_units(study)))
    assert [len(enrolled.arm) for _, enrolled in jobs] == [1024, 476, 1024, 476]
    second, third = jobs[1][1], jobs[2][1]
    assert second.subject[[0, -1]].tolist() == [1025, 1500] and third.subject[0] == 1
    whole = enrolment(study, 0)
    assert (whole.arm[1024:] == second.arm).all() and (whole.stratum[1024:] == second.stratum).all()
    assert (third.cohort.draws.replicate == 1).all()
    monkeypatch.setattr(work, "UNIT_PATIENTS", 4096)
    assert [enrolled for _, enrolled in _jobs(study, work_units(study))] == [None]


def test_the_rows_of_some_replicates():
    table = pa.table({"IREP": pa.array([0, 0, 1, 2], pa.int32()), "X": [1, 2, 3, 4]})
    assert of_replicates({"a": table}, [0, 2])["a"]["X"].to_pylist() == [1, 2, 4]


def test_one_worker_or_one_unit_needs_no_pool(tmp_path, monkeypatch):
    def pool(*_, **__):
        raise AssertionError("a pool")

    monkeypatch.setattr("joblib.Parallel", pool)
    monkeypatch.setattr(work, "UNIT_PATIENTS", 6)
    assert run(smoke(replicates=2), tmp_path / "one", means, workers=1).n_patients == 12
    assert run(smoke(replicates=1), tmp_path / "two", means, workers=2).n_patients == 6
    with pytest.raises(AssertionError, match="a pool"):
        run(smoke(replicates=2), tmp_path / "three", means, workers=2)


def test_a_unit_holds_4096_patients():
    assert [u.n_patients for u in work_units(smoke(patients=4096, replicates=1))] == [4096]
    assert [u.n_patients for u in work_units(smoke(patients=4097, replicates=1))] == [4096, 1]


@pytest.mark.parametrize(("units", "preferred"), [(16, "threads"), (17, "processes")])
def test_up_to_sixteen_units_run_in_threads(tmp_path, monkeypatch, units, preferred):
    asked = []

    def pool(**said):
        asked.append(said)
        raise KeyboardInterrupt

    monkeypatch.setattr("joblib.Parallel", pool)
    monkeypatch.setattr(work, "UNIT_PATIENTS", 6)
    with pytest.raises(KeyboardInterrupt):
        run(smoke(replicates=units), tmp_path / "out", means, workers=40)
    (said,) = asked
    assert (said.pop("initializer"), said.pop("initargs")) == (end_with, (os.getpid(),)), (
        "workers end with this process"
    )
    assert said == {"n_jobs": units, "backend": None, "prefer": preferred, "return_as": "generator_unordered"}
