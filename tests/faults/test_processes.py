"""Processes and terminals: workers end with their parent, Ctrl-C twice, closed and full streams, other encodings."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
LONG = (
    "--set",
    "patients=2050",
    "--replicates",
    "40",
    "--no-report",
    "--workers",
    "2",
    "--backend",
    "loky",
    "--out",
    "x",
)
SHORT = ("--set", "patients=6", "--replicates", "1", "--workers", "1", "--no-report", "--out", "x")


def children_of(pid: int) -> list[int]:
    """Processes whose command line names the temporary folder of loky of this parent, or whose parent it is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(path.parent.name))
    return found


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _usual_signals() -> None:
    """As at a terminal, whatever started the tests ignores."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def started(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "trial", "run", str(SMOKE), *LONG]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_usual_signals
    )
    for _ in range(1200):
        if process.poll() is not None or list((folder / ".x.unfinished" / "units").glob("[0-9]*")):
            return process
        time.sleep(0.05)
    raise AssertionError("no unit")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_parent_that_is_killed_alone(tmp_path):
    process = started(tmp_path)
    workers = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    begun = time.monotonic()
    while alive(workers) and time.monotonic() - begun < 10:
        time.sleep(0.1)
    assert len(workers) >= 2 and not alive(workers)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_it_is_told_what_is_kept(tmp_path, number):
    process = started(tmp_path)
    workers = children_of(process.pid)
    os.kill(process.pid, number)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 130 and "Traceback" not in err
    assert "units are kept; the same command with --resume goes on" in err and "interrupted" in err
    begun = time.monotonic()
    while alive(workers) and time.monotonic() - begun < 10:
        time.sleep(0.1)
    assert not alive(workers)


@pytest.mark.slow
@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_a_second_ctrl_c_ends_at_once_without_a_traceback(tmp_path, pause):
    process = started(tmp_path)
    workers = children_of(process.pid)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(pause)
    os.kill(process.pid, signal.SIGINT)
    err = process.communicate(timeout=10)[1]
    assert process.returncode == 130 and "Traceback" not in err and "interrupted" in err.splitlines()[-1]
    begun = time.monotonic()
    while alive(workers) and time.monotonic() - begun < 10:
        time.sleep(0.1)
    assert not alive(workers)


def shell(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess:
    """A command in a shell; ``vtrial`` stands for this program."""
    program = f"vtrial() {{ '{sys.executable}' -m trial \"$@\"; }}; {text}"
    return subprocess.run(
        ["bash", "-c", program], cwd=folder, capture_output=True, text=True, env=os.environ | environment, timeout=120
    )


RUN = f"vtrial run '{SMOKE}' {' '.join(SHORT)}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "environment"),
    [
        pytest.param(f"{RUN} >&-", {}, marks=pytest.mark.slow),
        pytest.param(f"{RUN} 2>&-", {}, marks=pytest.mark.slow),
        (f"{RUN} >&- 2>&-", {}),
        pytest.param(f"{RUN} > /dev/full", {}, marks=pytest.mark.slow),
        (f"{RUN} > /dev/full 2> /dev/full", {}),
        (f"{RUN} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}", {}),
        (RUN, {"PYTHONIOENCODING": "ascii:strict"}),
        pytest.param(RUN, {"PYTHONIOENCODING": "shift_jis"}, marks=pytest.mark.slow),
    ],
)
def test_the_exit_code_speaks_of_the_run(tmp_path, command, environment):
    done = shell(tmp_path, command, **environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x" / "manifest.json").is_file() and "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_result_that_is_only_printed_and_cannot_be_is_a_failure(tmp_path):
    done = shell(tmp_path, "vtrial schema > /dev/full")
    assert done.returncode == 1 and "No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert shell(tmp_path, "vtrial schema", PYTHONIOENCODING="ascii").returncode == 0


LOST = """
import os, signal, sys, time, weakref
from trial import cli

class Thing: pass

def command(**_):
    thing = Thing()
    clearing = weakref.ref(thing, lambda _: (os.kill(os.getpid(), signal.{name}), time.sleep(0.01)))
    del thing  # the interrupt is raised in the callback of the reference, where Python only reports it
    time.sleep(20)

cli._app = lambda asked: command
sys.exit(cli.main([]))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_an_interrupt_is_not_lost_where_python_clears_up(name):
    command = [sys.executable, "-c", LOST.format(name=name)]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=_usual_signals)
    assert done.returncode == 130 and done.stderr.splitlines()[-1] == "interrupted", done.stderr
    assert "Traceback" not in done.stderr and time.monotonic() - begun < 15


@pytest.mark.slow
def test_python_without_docstrings_gives_the_same_bytes(tmp_path):
    for flags in ([], ["-OO"]):
        command = [sys.executable, *flags, "-m", "trial", "run", str(SMOKE), *SHORT[:-1], f"x{len(flags)}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    for path in (tmp_path / "x0").glob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "x1" / path.name).read_bytes(), path.name
