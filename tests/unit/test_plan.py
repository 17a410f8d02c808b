"""The forecast of a run against the run, and the refusals when the machine is too small."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import trial.app.foresight
from trial.app.design_pool import name_of
from trial.app.designing import load_design, study_of_pool
from trial.app.study_run import evaluator
from trial.cli import main
from trial.cli.console import duration
from trial.jobs import forecast as forecasting
from trial.jobs.forecast import forecast, problem
from trial.study.load import load_study

CONFIG = str(Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml")
SMOKE = str(Path(__file__).parents[2] / "configs" / "smoke.yaml")


@pytest.mark.slow
def test_rows_are_exact_and_the_disk_within_30_percent(tmp_path):
    study = load_study(Path(CONFIG), replicates=12).model_copy(update={"output": "endpoints"})
    found = forecast(study, 1, evaluator(study))
    chosen = ("--replicates", "12", "--set", "output=endpoints", "--workers", "1", "--no-report")
    assert main(["run", CONFIG, *chosen, "--out", str(tmp_path / "x")]) == 0
    rows = {name: pq.read_metadata(tmp_path / "x" / f"{name}.parquet").num_rows for name in found.rows}
    for name in ("patients", "parameters", "observations", "solves", "screening", "endpoints"):
        assert found.rows[name] == rows[name], name
    assert (
        found.rows["patients"] == 12 * 424
        and found.rows["observations"] == 10 * 424 * 33
        and found.rows["endpoints"] == 12 * 424 * 19
    )
    for name in ("doses", "events"):  # about 125 patients with an event in the probe: 25 % is more than 2 SD
        assert found.rows[name] == pytest.approx(rows[name], rel=0.25)
    tables = sum((tmp_path / "x" / f"{name}.parquet").stat().st_size for name in rows)
    assert found.disk_bytes / 2 == pytest.approx(tables, rel=0.3)
    assert 2 < found.seconds < 120  # 5,088 patients take seconds, whatever the machine


@pytest.mark.slow
def test_memory_goes_up_with_workers_and_not_with_replicates(tmp_path):
    study = load_study(Path(CONFIG), replicates=100)
    many = study.model_copy(update={"replicates": 10_000})
    one, four, long = (forecast(s, workers, evaluator(s)) for s, workers in ((study, 1), (study, 4), (many, 1)))
    assert four.memory_bytes > one.memory_bytes == pytest.approx(long.memory_bytes)
    assert long.seconds > 20 * one.seconds and (long.workers, four.workers) == (1, 4)
    assert problem(one, tmp_path) is None


@pytest.mark.parametrize(
    ("name", "free", "words"),
    [
        ("free_disk", 1.2e6, ["on disk while it works", "1 MiB are free", "output=endpoints"]),
        ("free_memory", 2e8, ["of memory with 2 workers", "191 MiB are free", "--workers N"]),
    ],
)
@pytest.mark.slow
def test_a_run_that_will_not_do_is_refused_before_it_starts(tmp_path, monkeypatch, capsys, name, free, words):
    monkeypatch.setattr(forecasting, name, lambda *_: free)
    monkeypatch.setattr(trial.app.foresight, "LARGE_RUN", 100)
    arguments = [CONFIG, "--replicates", "200", "--workers", "2", "--out", str(tmp_path / "x")]
    assert main(["run", *arguments]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words)
    assert not list(tmp_path.iterdir())
    assert main(["plan", *arguments]) == 1
    assert words[0] in capsys.readouterr().err


def test_plan_prints_what_a_run_will_come_to(capsys):
    assert main(["plan", SMOKE, "--replicates", "1000", "--workers", "2"]) == 0
    out = capsys.readouterr().out
    assert "1,000 x 40 patients" in out and "10 of 1,000 replicates" in out
    assert f"{1000 * 40 * 19:,} rows" in out


def test_more_workers_than_cores_are_of_a_cluster_and_need_no_memory_here(monkeypatch, capsys):
    monkeypatch.setattr(forecasting, "free_memory", lambda: 1e9)
    monkeypatch.setattr(trial.app.foresight, "free_memory", lambda: 1e9)
    assert main(["plan", SMOKE, "--replicates", "30000", "--workers", "200"]) == 0
    assert "for each worker of a cluster" in capsys.readouterr().out
    assert main(["plan", SMOKE, "--replicates", "1000", "--workers", "1"]) == 0
    assert "cluster" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5940, "99 min"),
        (5999, "100 min"),
        (6000, "1.7 h"),
        (36000, "10.0 h"),
    ],
)
def test_durations_for_people(seconds, said):
    assert duration(seconds) == said


def test_the_curves_of_exposure_response_are_counted(capsys):
    levels = (2.5, 3.75, 5, 7.5)  # of the rule of both arms
    curves = ("--set", "analysis.exposure_response={replicates: 3}")
    assert main(["plan", SMOKE, "--replicates", "1000", "--workers", "1", *curves]) == 0
    curves_said = next(line for line in capsys.readouterr().out.splitlines() if "curves" in line)
    assert f"{3 * 40 * (2 + len(levels)):,} patients on fixed levels" in curves_said


DESIGN = f"""\
id: foreseen
study: {CONFIG}
pool: {{patients: 410, seed: 3}}
sizes: [12]
scenarios:
  - id: planned
  - id: again
  - id: less
    settings: [adherence.mean=0.7]
"""


def test_the_pools_of_a_design_are_those_that_are_simulated(tmp_path, capsys, monkeypatch):
    """420 patients, rounded up to 20 sub-pools, under every arm; two scenarios with the same numbers have one pool."""
    path = tmp_path / "design.yaml"
    path.write_text(DESIGN, encoding="utf-8")
    asked = load_design(path)
    pools = [study_of_pool(asked.plan, study) for _, study in asked.studies]
    assert main(["plan", str(path), "--out", str(tmp_path / "x")]) == 0
    out = capsys.readouterr().out
    assert "3 scenarios, 1 size," in out
    assert out.count("pool-") == len({name_of(pool) for pool in pools}) == 2
    assert all(name_of(pool) in out for pool in pools)
    assert out.count(f"{420 * len(pools[0].arms):,} simulated patients") == 2
    (tmp_path / "x" / name_of(pools[0])).mkdir(parents=True)
    monkeypatch.setattr(trial.app.foresight, "cores", lambda: 0)
    assert main(["plan", str(path), "--out", str(tmp_path / "x"), "--workers", "200"]) == 0
    out = capsys.readouterr().out
    assert out.count("(is there already)") == 1 and out.count("for each worker of a cluster") == 2
    assert main(["plan", str(path), "--replicates", "3"]) == 2
    assert "--replicates are of a study" in capsys.readouterr().err
