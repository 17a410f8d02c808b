"""A run cut into shards and merged is the run, byte for byte; what is not one whole run is refused by name."""

import json
import shutil

import pytest

import trial.jobs.work
from trial.app.attempt import How, run_study
from trial.app.loading import load_checked
from trial.cli import main
from trial.errors import Refused
from trial.jobs.shards import Shard
from trial.jobs.work import work_units
from trial.study.load import load_study

CONFIG = """
extends: {smoke}
id: cut
patients: 6
published: null
"""
PARTS = ("1/3", "2/3", "3/3")
VOLATILE = ("created", "seconds", "workers")


@pytest.fixture(scope="module")
def made(tmp_path_factory, request):
    """Five units of one replicate: the whole run, and its three shards; the folder they are in, and the config."""
    home = tmp_path_factory.mktemp("shards")
    config = home / "cut.yaml"
    config.write_text(CONFIG.format(smoke=request.config.rootpath / "configs" / "smoke.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
        loaded = load_checked(config, (), None, 5)
        assert len(work_units(loaded.study)) == 5
        run_study(loaded.study, home / "whole", How(workers=1, with_report=False), loaded.warnings)
        for part in PARTS:
            how = How(workers=1, shard=Shard.read(part))
            run_study(loaded.study, home / part[0], how, loaded.warnings)
    return home, config


@pytest.fixture
def home(made, monkeypatch, tmp_path):
    monkeypatch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
    monkeypatch.chdir(made[0])
    return made[0]


def refusal(capsys, *words):
    assert main(["merge", *words, "--out", "never", "--no-report"]) == 2
    return capsys.readouterr().err


def contents(folder):
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    manifest = json.loads(files.pop("manifest.json"))
    return files, {key: value for key, value in manifest.items() if key not in VOLATILE}


def test_units_are_dealt_out_once_each():
    units = work_units(load_study("configs/smoke.yaml", replicates=1000))
    shards = [Shard(k, 4).among(units) for k in (1, 2, 3, 4)]
    assert [unit.number for unit in shards[1]] == [1, 5, 9]
    assert sorted(unit.number for shard in shards for unit in shard) == [unit.number for unit in units] == [*range(10)]
    assert Shard(12, 12).among(units) == [] and Shard().among(units) == units


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/4/2", "", "\u0661/4"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(Refused, match="--shard: seen"):
        Shard.read(text)


def test_merged_shards_are_the_run_byte_for_byte(home, tmp_path, capsys):
    assert main(["merge", "3", "1", "2", "--out", str(tmp_path / "merged"), "--no-report"]) == 0
    files, manifest = contents(home / "whole")
    assert (files, manifest) == contents(tmp_path / "merged") and "endpoints.parquet" in files
    assert sorted(path.name for path in (home / "2" / "units").iterdir()) == ["0000001", "0000004"], "shards stay"
    assert main(["report", str(tmp_path / "merged")]) == 0


@pytest.mark.slow
def test_gaps_and_doubles_are_named(home, capsys):
    assert "1 of 5 units are in none of the folders: 2; missing: shard 3/3" in refusal(capsys, "1", "2")
    assert "3: given twice" in refusal(capsys, "3", "1", "3")
    how = How(workers=1, shard=Shard(2, 2))
    run_study(load_checked(home / "cut.yaml", (), None, 5).study, home / "half", how)
    told = refusal(capsys, "half", "1", "2", "3")
    assert "unit 3 is there twice: in half (shard 2/2) and in 1 (shard 1/3)" in told
    assert main(["merge", "1", "2", "3", "--out", "3"]) == 2 and "one of the shards" in capsys.readouterr().err


def test_shards_of_other_runs_and_versions_are_named(home, capsys, monkeypatch):
    other = load_checked(home / "cut.yaml", (), 77, 5).study
    run_study(other, home / "other", How(workers=1, shard=Shard(2, 3)))
    seed = load_study("1/config.resolved.yaml").seed
    told = refusal(capsys, "1", "other", "3")
    assert f"other: not a shard of the run of 1: seed is 77, there it is {seed}" in told
    monkeypatch.setattr("trial.jobs.provenance.engine_version", lambda: "99.0")
    assert "1: made with other versions than are here: engine" in refusal(capsys, "1", "2", "3")


def test_a_damaged_shard_a_whole_run_and_no_run_are_named(home, tmp_path, capsys):
    shutil.copytree("2", tmp_path / "2")
    victim = tmp_path / "2" / "units" / "0000004" / "doses.parquet"
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    told = refusal(capsys, "1", str(tmp_path / "2"), "3")
    assert "this run is damaged (unit 4 is not what was written)" in told
    assert "whole: this is a whole run" in refusal(capsys, "1", "whole", "3")
    assert "there is no such folder" in refusal(capsys, "1", "nowhere", "3")
    assert main(["report", "1"]) == 2
    assert "1: this is shard 1/3 of a run; 'vtrial merge'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_finished_shard_is_resumed_replaced_or_kept(home, tmp_path, capsys):
    shutil.copytree("2", tmp_path / "2")
    again = ["run", "cut.yaml", "--replicates", "5", "--shard", "2/3", "--workers", "1", "--out", str(tmp_path / "2")]
    assert main(again) == 2 and "results are already there; --overwrite" in capsys.readouterr().err
    assert main([*again, "--resume"]) == 0 and "finished; nothing to do" in capsys.readouterr().err
    (tmp_path / "2" / "mine.txt").write_text("x")
    assert main([*again, "--overwrite"]) == 2 and "mine.txt" in capsys.readouterr().err
    (tmp_path / "2" / "mine.txt").unlink()
    assert main([*again, "--overwrite"]) == 0 and "'vtrial merge' joins all 3" in capsys.readouterr().out
    assert main([*again, "--overwrite", "--sensitivity"]) == 2 and "--sensitivity" in capsys.readouterr().err
