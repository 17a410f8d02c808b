"""Work on a Dask cluster: nothing is lost when workers end, what ends them is named, and the bytes are those of one
process.
"""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import count, takewhile
from pathlib import Path

import pytest
from distributed import LocalCluster

import trial.app.sensitivity
import trial.jobs.work
from analysis.evidence.sensitivity import read
from trial.app.attempt import How, run_study
from trial.app.calibration import calibrate
from trial.app.loading import load_checked
from trial.app.sensitivity import write_effects
from trial.cli import main
from trial.errors import Incomplete, Refused, Stopped
from trial.jobs import cluster
from trial.jobs.cluster import connected, each_there, must_be_usable
from trial.jobs.processes import deaf_children

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
EARLY = SMOKE.parent / "published" / "hetrombopag_itp_first_in_patient.yaml"
KILLS = int(os.environ.get("KILLS", "3"))
SET = {"extends": "hetrombopag_itp_mei_2021", "targets": [], "note": "a test"}
OWN = {
    "base.json": json.dumps(SET | {"id": "below", "values": {"EC50": 20}}),
    "set.json": json.dumps(SET | {"id": "mine", "extends": "base.json", "values": {"BASE": 15}}),
    "patients.csv": "AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT\n"
    + "".join(f"{30 + k},F,160,60,2,N,N,{10 + k % 15}\n" for k in range(12)),
}
FIT = """\
id: small
parameter_set: set.json
seed: 4
replicates: 3
studies: [study.yaml]
targets: [wang2020_respw4_hetrom-5, wang2020_respw4_hetrom-7.5]
fitted:
  - {name: EC50, median: 20, log_sd: 1.0, reason: a test}
search: {scan: 1, starts: 1, evaluations: 2, profile_evaluations: 2}
profile: []
"""


@pytest.fixture(scope="module")
def address():
    with deaf_children():
        made = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with made:
        yield made.scheduler_address


def each(function, jobs, address, name=str):
    with connected(address) as client:
        yield from each_there(client, address, function, jobs, name)


def study_of(folder, text="", replicates=4):
    path = folder / "cut.yaml"
    path.write_text(f"extends: {SMOKE}\nid: cut\npatients: 6\npublished: null\n{text}")
    return load_checked(path, (), None, replicates).study


def contents(folder):
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}
    manifest = json.loads((folder / "manifest.json").read_text())
    return files, {key: value for key, value in manifest.items() if key not in ("created", "seconds", "workers")}


@pytest.mark.parametrize("address", ["", "local", "local:0", "local:-1", "8786", "two words:1", "tcp://", "local:2.5"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(Refused, match=f"--dask: seen {address!r}; allowed: local:N"):
        must_be_usable(address)


@pytest.mark.parametrize("more", [{"workers": 2}, {"backend": "loky"}])
def test_dask_and_workers_of_this_machine_are_refused_together(tmp_path, more):
    with pytest.raises(Refused, match="not with --workers or --backend"):
        run_study(study_of(tmp_path), tmp_path / "run", How(dask="local:2", **more))


def test_a_missing_dask_is_named_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(Refused, match=r"pip install 'virtual-trial\[dask\]'"):
        must_be_usable("local:2")


@pytest.mark.slow
def test_every_job_comes_back_once(address):
    assert sorted(each(lambda x: 2 * x, range(50), address)) == [(k, 2 * k) for k in range(50)]


@pytest.mark.slow
def test_a_job_that_fails_is_named(address):
    with pytest.raises(Stopped, match=r"job 3: ZeroDivisionError: integer division"):
        list(each(lambda x: 1 // (x - 3), range(5), address, lambda x: f"job {x}"))


@pytest.mark.slow
def test_a_worker_with_other_versions_is_refused(address, monkeypatch):
    monkeypatch.setattr(cluster, "installed", lambda: {"engine": "0.0.1"})
    with pytest.raises(Refused, match=r"a worker has another engine: \d+\.\d+\.\d+, here it is 0\.0\.1"):
        list(each(lambda x: x, range(2), address))


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with pytest.raises(Refused, match=r"no scheduler answers at 127\.0\.0\.1:1 "):
        list(each(lambda x: x, range(2), "127.0.0.1:1"))


@pytest.mark.slow
def test_nobody_there_to_work_is_said(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_S", 1.0)
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(Stopped, match="no worker was there"),
    ):
        list(each(lambda x: x, range(2), empty.scheduler_address))


@pytest.mark.slow
def test_the_run_is_the_same_bytes_with_own_files_that_workers_never_see(tmp_path, address, monkeypatch):
    for name, text in OWN.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(trial.jobs.work, "UNIT_PATIENTS", 6)
    study = study_of(tmp_path, "parameter_set: set.json\npopulation: {id: null, file: patients.csv}\n")
    run_study(study, tmp_path / "here", How(workers=1, with_report=False))
    run_study(study, tmp_path / "there", How(dask=address, with_report=False))
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@pytest.mark.slow
def test_a_sensitivity_is_the_same_bytes_with_own_files_that_workers_never_see(tmp_path, address, monkeypatch):
    for name, text in OWN.items():
        (tmp_path / name).write_text(text)
    few = trial.app.sensitivity.variants
    monkeypatch.setattr(
        trial.app.sensitivity, "variants", lambda chosen: [v for v in few(chosen) if v.assumed.name == "W_JS"]
    )
    study = study_of(tmp_path, "parameter_set: set.json\npopulation: {id: null, file: patients.csv}\n")
    write_effects(study, tmp_path / "here", 1)
    write_effects(study, tmp_path / "there", dask=address)
    here, there = ((tmp_path / name / "sensitivity.parquet").read_bytes() for name in ("here", "there"))
    assert here == there and any(row.effect for row in read(tmp_path / "there"))


@pytest.mark.slow
def test_a_calibration_is_the_same_record_with_an_own_set_that_workers_never_see(tmp_path, address):
    (tmp_path / "base.json").write_text(OWN["base.json"])
    (tmp_path / "set.json").write_text(OWN["set.json"])
    (tmp_path / "study.yaml").write_text(f"extends: {EARLY}\npatients: 16\n")
    (tmp_path / "fit.yaml").write_text(FIT)
    hows = {"here": {"workers": 1}, "there": {"dask": address}}
    made = [calibrate(tmp_path / "fit.yaml", tmp_path / k, **how, uncertainty=False)[0] for k, how in hows.items()]
    for record in made:
        del record["minutes"]
    assert made[0] == made[1] and made[0]["values"]["EC50"] != 20


@pytest.mark.parametrize("command", ["sensitivity", "calibrate"])
def test_every_command_refuses_what_is_no_address(command, tmp_path, capsys):
    (tmp_path / "fit.yaml").write_text(FIT)
    config = {"sensitivity": SMOKE, "calibrate": tmp_path / "fit.yaml"}[command]
    for said, why in ((("local:0",), "seen 'local:0'"), (("local:2", "--workers", "2"), "not with --workers")):
        assert main([command, str(config), "--out", str(tmp_path / "x"), "--dask", *said]) == 2
        assert f"--dask: {why}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_job_that_ends_its_workers_is_named_and_the_rest_is_done():
    def poison(job):
        time.sleep(0.05)
        if job == 3:
            os._exit(1)
        return job

    found, begun = [], time.monotonic()
    with pytest.raises(Incomplete, match=r"^job 3: every worker that had it ended"):
        for job, result in each(poison, range(20), "local:2", lambda x: f"job {x}"):
            found.append((job, result))
            last = time.monotonic()
    assert sorted(found) == [(k, k) for k in range(20) if k != 3]
    assert last - begun < 60, "the others do not wait for the poison"


@pytest.mark.slow
def test_workers_killed_at_random_cost_nothing():

    def slow(job):
        time.sleep(0.2)
        return job, os.getpid()

    chance, kills, over = random.Random(5), [], threading.Event()

    def kill():
        while not over.wait(chance.uniform(0.2, 1.0)) and len(kills) < KILLS:
            if workers := [child for child in multiprocessing.active_children() if "Dask" in child.name]:
                kills.append(chance.choice(workers))
                kills[-1].kill()

    killer, found = threading.Thread(target=kill), []
    jobs = takewhile(lambda k: k < 15 or len(kills) < KILLS, count())
    try:
        for job, _ in each(slow, jobs, "local:2"):
            if not found:
                killer.start()
            found.append(job)
    finally:
        over.set()
        killer.join()
    assert sorted(found) == [*range(len(found))] and len(found) >= 15 and len(kills) == KILLS


@pytest.mark.slow
def test_a_scheduler_that_goes_away_leaves_a_run_that_goes_on(tmp_path):
    """Then the same command goes on, on another cluster, to the bytes of one process."""
    port = str(random.Random(os.getpid()).randrange(20_000, 40_000))
    start = (sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", port, "--no-dashboard")
    work = (sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1")
    size = ("--set", "patients=2050", "--replicates", "4", "--no-report")
    run = (sys.executable, "-m", "trial", "run", str(SMOKE), *size)
    quiet = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler, worker = subprocess.Popen(start, **quiet), subprocess.Popen((*work, "--no-dashboard"), **quiet)
    try:
        told = (*run, "--out", "x", "--dask", f"tcp://127.0.0.1:{port}")
        process = subprocess.Popen(told, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        units = tmp_path / ".x.unfinished" / "units"
        assert any(list(units.glob("[0-9]*")) or time.sleep(0.1) for _ in range(600))
        scheduler.kill()
        said = process.communicate(timeout=120)[1]
    finally:
        for each_ in (scheduler, worker):
            each_.kill()
            each_.wait()
    assert process.returncode == 1 and "the scheduler is gone" in said and "with --resume goes on" in said, said
    assert "Traceback" not in said
    assert subprocess.run((*run, "--out", "x", "--dask", "local:2", "--resume"), **quiet).returncode == 0
    assert subprocess.run((*run, "--out", "y"), **quiet).returncode == 0
    assert contents(tmp_path / "x") == contents(tmp_path / "y")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_an_interrupt_ends_the_run_in_order_and_its_workers(tmp_path):
    size = ("--set", "patients=2050", "--replicates", "40", "--no-report")
    run = (sys.executable, "-m", "trial", "run", str(SMOKE), *size, "--out", "x", "--dask", "local:2")
    process = subprocess.Popen(
        run,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    units = tmp_path / ".x.unfinished" / "units"
    assert any(list(units.glob("[0-9]*")) or time.sleep(0.1) for _ in range(600))
    workers = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if parent_of(path) == process.pid]
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "with --resume goes on" in said and "Traceback" not in said, said
    assert len(workers) >= 2
    gone = (not any(Path(f"/proc/{pid}").exists() for pid in workers) or time.sleep(0.1) for _ in range(100))
    assert any(gone), "a worker lives on after 10 s"


def parent_of(stat):
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
