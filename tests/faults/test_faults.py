"""What a run must survive: killed, interrupted, full disks, damaged parts, a second run in the same folder."""

import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import trial.jobs.parts
import trial.jobs.work
from trial.app.folder import IDENTITY, finish, locked, unfinished
from trial.app.study_run import evaluator
from trial.cli import main
from trial.jobs.parts import read_unit
from trial.jobs.runner import UNITS, run, simulate_into, standing
from trial.jobs.work import work_units
from trial.study.load import load_study

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
KILLS = 20
MANY = ("--set", "patients=2050", "--replicates", "6", "--no-report", "--out", "x")
"""Six units of one replicate, each of about a second: time enough to be interrupted midway."""
FEW = ("run", str(SMOKE), "--workers", "1", "--set", "patients=6", "--replicates", "6", "--no-report", "--out", "x")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def told(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, err


@pytest.fixture
def small_units(monkeypatch, tmp_path):
    """Units of one replicate of six patients."""
    monkeypatch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def study(small_units):
    return load_study(SMOKE, replicates=10).model_copy(update={"patients": 6})


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_and_change_nothing(study, tmp_path):
    run(study.model_copy(update={"replicates": 1}), tmp_path / "warm", evaluator(study))
    begun = time.perf_counter()
    run(study, tmp_path / "whole", evaluator(study))
    seconds = time.perf_counter() - begun
    wanted, delays, kept, killed, rounds = bytes_of(tmp_path / "whole"), random.Random(424), 0, 0, 0
    midway = 0
    folder = tmp_path / "0"
    while killed < KILLS:
        if _killed(study, folder, delays.uniform(0, seconds / 2)):
            killed += 1
            now = len(standing(study, folder).done)
            assert now >= kept
            kept = now
            midway += 0 < now < len(work_units(study))
        else:
            assert bytes_of(folder) == wanted
            rounds, kept = rounds + 1, 0
            folder = tmp_path / str(rounds)
    assert midway >= 3
    run(study, folder, evaluator(study))
    assert bytes_of(folder) == wanted and not (folder / UNITS).exists()


def _killed(study, folder: Path, delay: float) -> bool:
    """Run in a child, as the command does, that is killed after ``delay`` s; False if it had finished by then."""
    child = os.fork()
    if child == 0:
        try:
            run(study, folder, evaluator(study), keep_units=True)
        finally:
            os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _started(folder: Path, *arguments: str, units: int = 1) -> subprocess.Popen:
    """A real ``vtrial run`` that has finished some units."""
    command = [sys.executable, "-m", "trial", "run", str(SMOKE), *MANY, *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # as at a terminal
    )
    parts = unfinished(folder / "x") / UNITS
    for _ in range(600):
        if len(list(parts.glob("[0-9]*"))) >= units or process.poll() is not None:
            break
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()[1]
    return process


@pytest.mark.slow
def test_a_killed_and_an_interrupted_command_go_on_to_the_same_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    process = _started(tmp_path, "--workers", "2", "--backend", "threading")
    code, err = told(capsys, "run", str(SMOKE), *MANY)
    assert code == 2 and "another run is working on this folder" in err
    process.kill()
    process.communicate()
    code, err = told(capsys, "run", str(SMOKE), *MANY)
    assert code == 2 and "--resume goes on" in err and "--overwrite starts anew" in err
    process = _started(tmp_path, "--resume", "--workers", "2", "--backend", "loky", units=3)
    os.kill(process.pid, signal.SIGINT)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and "Traceback" not in err, err
    assert re.search(r"x: \d of 6 units are kept; the same command with --resume goes on", err)
    code, err = told(capsys, "run", str(SMOKE), *MANY, "--resume", "--workers", "2")
    assert code == 0 and re.search(r"\d of 6 units are there and verified", err)
    study = load_study(SMOKE, replicates=6).model_copy(update={"patients": 2050})
    run(study, tmp_path / "whole", evaluator(study), workers=2)
    assert bytes_of(tmp_path / "whole").items() <= bytes_of(tmp_path / "x").items()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole", "x"]


def _failing_after(units: int, error: OSError, monkeypatch) -> None:
    """The disk refuses every file of a unit after so many units."""
    real, written = trial.jobs.parts.pq.ParquetWriter, []

    def write(path, schema, **options):
        if path.parent.parent.name == UNITS:
            written.append(path.parent.name)
        if len(set(written)) > units:
            raise error
        return real(path, schema, **options)

    monkeypatch.setattr(trial.jobs.parts.pq, "ParquetWriter", write)


@pytest.mark.parametrize("number", [errno.ENOSPC, pytest.param(errno.EROFS, marks=pytest.mark.slow)])
def test_a_disk_that_refuses_is_one_line_and_resumable(small_units, capsys, monkeypatch, number):
    with monkeypatch.context() as patch:
        _failing_after(2, OSError(number, os.strerror(number)), patch)
        code, err = told(capsys, *FEW)
    line = err.splitlines()[-1]
    assert code == 1 and f"x: cannot be written ({os.strerror(number)}; " in line and "GiB free" in line
    assert "2 of 6 units are kept; the same command with --resume goes on" in line
    assert not list((unfinished(Path("x")) / UNITS).glob(".*"))
    code, err = told(capsys, *FEW, "--resume")
    assert code == 0 and "2 of 6 units are there and verified" in err


def _interrupted(monkeypatch) -> Path:
    """A run that stops after two units; the folder of its units."""
    with monkeypatch.context() as patch:
        _failing_after(2, OSError(errno.ENOSPC, "full"), patch)
        assert main(FEW) == 1
    return unfinished(Path("x")) / UNITS


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "altered", "missing", "record"])
def test_a_damaged_part_is_found_and_made_again(small_units, capsys, monkeypatch, damage):
    folder = _interrupted(monkeypatch) / "0000001"
    wanted = {path.name: path.read_bytes() for path in folder.iterdir()}
    path = folder / "endpoints.parquet"
    before = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(before[:-10])
    elif damage == "altered":
        path.write_bytes(before[:50] + bytes([before[50] ^ 1]) + before[51:])
    elif damage == "missing":
        path.unlink()
    else:
        record = json.loads((folder / "unit.json").read_text()) | {"failed": 3}
        (folder / "unit.json").write_text(json.dumps(record))
    study = load_study(SMOKE, replicates=6).model_copy(update={"patients": 6})
    assert standing(study, unfinished(Path("x"))).damaged == (1,)
    run(study, unfinished(Path("x")), evaluator(study), keep_units=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == wanted
    path.write_bytes(before[:-10])
    code, err = told(capsys, *FEW, "--resume")
    assert code == 0 and "unit 1: damaged, simulated again" in err


@pytest.mark.slow
def test_another_config_or_version_does_not_go_on(small_units, capsys, monkeypatch):
    _interrupted(monkeypatch)
    code, err = told(capsys, *FEW, "--resume", "--seed", "7")
    assert code == 2 and "seed was " in err and "now it is 7" in err
    for what, name in (("engine", "engine_version"), ("arithmetic", "arithmetic")):
        with monkeypatch.context() as patch:
            patch.setattr(f"trial.jobs.provenance.{name}", lambda: "9.9")
            code, err = told(capsys, *FEW, "--resume")
        assert code == 2 and f"{what} was " in err and "now it is 9.9" in err


@pytest.mark.slow
def test_resume_without_anything_unfinished(small_units, capsys):
    code, err = told(capsys, *FEW, "--resume")
    assert code == 0 and "nothing unfinished is there" in err
    before = bytes_of(Path("x"))
    code, err = told(capsys, *FEW, "--resume")
    assert code == 0 and "this run is finished; nothing to do" in err
    assert bytes_of(Path("x")) == before


@pytest.mark.slow
def test_work_interrupted_after_the_last_unit_is_not_lost(small_units, capsys, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("trial.app.study_run.analyse", fail)
        code, err = told(capsys, *FEW)
    assert code == 130 and "6 of 6 units are kept" in err and not Path("x").exists()
    monkeypatch.setattr("trial.jobs.runner.simulate_into", fail)
    assert told(capsys, *FEW, "--resume")[0] == 0
    assert (Path("x") / "manifest.json").is_file() and not (Path("x") / UNITS).exists()


def test_a_worker_that_outlives_its_run_changes_nothing(study, tmp_path):
    parts, unit = tmp_path / UNITS, work_units(study)[0]
    parts.mkdir()
    work = partial(simulate_into, study, (unit, None), parts, evaluator(study))
    work()
    before = read_unit(parts, 0)
    work()
    assert read_unit(parts, 0) == before and [path.name for path in parts.iterdir()] == ["0000000"]
    (parts).rename(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        work()
    assert not parts.exists()


class Dead(BaseException):
    """Stands for the death of the process: nothing of the program answers it."""


AGAIN = (*FEW, "--seed", "7")


def _die_at(step: int) -> None:
    """``finish`` of the folder x dies before its operation number ``step``."""
    done = []

    def dies(real):
        def operation(*arguments, **options):
            done.append(real)
            if len(done) == step:
                raise Dead
            return real(*arguments, **options)

        return operation

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Dead):
        patch.setattr("trial.app.folder.shutil.rmtree", dies(shutil.rmtree))
        patch.setattr(Path, "rename", dies(Path.rename))
        patch.setattr(Path, "unlink", dies(Path.unlink))
        finish(Path("x"), unfinished(Path("x")))


def _die(*_, **__) -> None:
    raise Dead


@pytest.fixture(scope="module")
def rivals(tmp_path_factory):
    """A folder with an earlier run, x, and the finished work of another seed that has not taken its place yet."""
    folder = tmp_path_factory.mktemp("rivals")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
        patch.chdir(folder)
        assert main(FEW) == 0
        patch.setattr("trial.app.folder.finish", _die)
        with pytest.raises(Dead):
            main((*AGAIN, "--overwrite"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 7))
def test_a_run_that_dies_while_it_takes_its_place_leaves_one_whole_and_goes_on(
    small_units, rivals, capsys, tmp_path, step
):
    """Clear, rename, rename, clear, unlink, clear: the folder is the earlier run or the new one; --resume ends it."""
    shutil.copytree(rivals, tmp_path, dirs_exist_ok=True)
    earlier, wanted = bytes_of(Path("x")), bytes_of(unfinished(Path("x")))
    _die_at(step)
    with locked(Path("x")):
        assert bytes_of(Path("x")) == (earlier if step <= 3 else wanted) and earlier != wanted
    assert main(["cite", "x"]) == 0
    assert told(capsys, *AGAIN, "--resume")[0] == 0
    assert bytes_of(Path("x")) == wanted


@pytest.mark.slow
def test_what_a_dead_run_left_is_gone_after_the_next(small_units, rivals, capsys, tmp_path):
    shutil.copytree(rivals, tmp_path, dirs_exist_ok=True)
    _die_at(4)
    assert (Path("x") / UNITS).exists() and Path(".x.replaced").exists()
    assert told(capsys, *AGAIN, "--overwrite")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert not (Path("x") / UNITS).exists() and not (Path("x") / IDENTITY).exists()


def test_the_lock_is_free_again_after_a_run(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "x"):
            assert (tmp_path / ".x.lock").exists()
        assert not (tmp_path / ".x.lock").exists()
