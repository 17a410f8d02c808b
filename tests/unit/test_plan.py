"""The forecast against a real run, and the refusal of a full disk."""

from collections import namedtuple
from pathlib import Path

import pyarrow.parquet as pq

import trial.forecast
from trial.cli import main
from trial.cli.run import evaluator
from trial.configfile import load_study
from trial.forecast import forecast, problem
from trial.runner import run

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
EXACT = ("patients", "observations", "solves", "endpoints", "screening")


def test_a_run_takes_what_was_predicted(tmp_path, monkeypatch):
    monkeypatch.setattr(trial.forecast, "PROBE_PATIENTS", 200)
    study = load_study(SMOKE).model_copy(update={"replicates": 10})
    evaluate = evaluator(study)
    found = forecast(study, 1, evaluate)
    run(study, tmp_path, evaluate)
    rows = {name: pq.read_metadata(tmp_path / f"{name}.parquet").num_rows for name in found.rows}
    assert {n: found.rows[n] for n in EXACT} == {n: rows[n] for n in EXACT}
    disk = sum((tmp_path / f"{name}.parquet").stat().st_size for name in found.rows)
    assert 0.7 * disk < sum(found.table_bytes.values()) < 1.3 * disk


def test_a_full_disk_is_refused_with_the_way_out(tmp_path, monkeypatch):
    found = forecast(load_study(SMOKE), 1)
    assert problem(found, tmp_path / "new" / "run") is None
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(trial.forecast.shutil, "disk_usage", lambda _: usage(1, 0, 1))
    assert "output: endpoints" in (problem(found, tmp_path) or "")


def test_too_little_memory_is_refused_with_the_way_out(tmp_path, monkeypatch):
    found = forecast(load_study(SMOKE), 1)
    monkeypatch.setattr(trial.forecast, "available_memory", lambda: 1024)
    assert "fewer --workers" in (problem(found, tmp_path) or "")


def test_the_command(capsys):
    assert main(["plan", str(SMOKE), "--workers", "2"]) == 0
    out = capsys.readouterr().out
    assert "disk while running" in out and "85% of its speed alone (assumed)" in out
