"""A scan, a search and a design on a cluster, with more workers, after a kill and in shards: the same bytes."""

import os
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from trial.cli import main

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
GRID = ["--vary", "dose_rules.titration.steps.3.min_days_since_change=7,14,21", "--vary", "arms.0.start_dose_mg=2.5,5"]
GOAL = """\
id: odd
study: study.yaml
keys:
  - key: dose_rules.titration.steps.1.at_least_1e9L
    also: [dose_rules.titration.steps.2.below_1e9L]
    low: 100
    high: 250
    step: 25
  - {key: "dose_rules.titration.steps.3.min_days_since_change", choices: [7, 14, 21, 28]}
  - {key: "visits.days", choices: [[7, 14, 21, 28, 35, 42, 49, 56, 63, 70], [14, 28, 42, 56, 70]]}
objectives:
  - {endpoint: RESPW8, arm: HETROM-5, aim: max}
  - {endpoint: VISITS, arm: HETROM-5, aim: min}
limits:
  - {endpoint: RESCUE, arm: HETROM-5, at_most: 50}
points: 6
batch: 3
replicates: 2
seed: 16
sampler: SAMPLER
confirm: {seed: 1, replicates: 2, most: 2}
"""

DESIGN = """\
id: odd
study: study.yaml
pool: {patients: 4000}
trials: 100
sizes: [20, 40]
assurance: {parameters: fitted, draws: 10, patients: 50, trials: 20}
"""
MARKS = {
    "scan": ("points/[0-9a-f]*", 2), "nsga2": ("points/[0-9a-f]*", 2), "pool": (".pool-*.unfinished/units/[0-9]*", 1),
    "draws": ("draws-*/units/[0-9]*", 2),
}  # fmt: skip
"""What a command leaves on its way, and how much of it there is before it is killed."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("decide")
    (home / "study.yaml").write_text(f"extends: {ROOT / 'configs/smoke.yaml'}\nid: odd\npatients: 10\n")
    for sampler in ("nsga2", "tpe"):
        (home / f"{sampler}.yaml").write_text(GOAL.replace("SAMPLER", sampler))
    (home / "design.yaml").write_text(DESIGN)
    return home


def ways(home):
    """Each command."""
    yield "scan", ["scan", str(home / "study.yaml"), *GRID]
    for sampler in ("nsga2", "tpe"):
        yield sampler, ["optimise", str(home / f"{sampler}.yaml")]
    yield "design", ["design", str(home / "design.yaml")]


def sums(folder):
    """The checksum of every table in a folder and below."""
    files = [path for path in folder.rglob("*") if path.suffix in (".parquet", ".csv")]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def tables(home):
    """The checksums of the tables of one worker."""
    for name, command in ways(home):
        assert main([*command, "--out", str(home / name), "--workers", "1"]) == 0
    found = {name: sums(home / name) for name, _ in ways(home)}
    assert all(any("/" not in file for file in of) and len(of) > 5 for of in found.values())
    return found


@pytest.mark.parametrize(
    ("who", "left_out"), [(["--workers", "2"], ""), (["--dask", "local:2"], "nsga2")], ids=["two", "dask"]
)
def test_whoever_works_the_bytes_are_the_same(home, tables, who, left_out):
    """Each cluster costs the start of its workers; who asks for points does not see who works them."""
    for name, command in ways(home):
        if name == left_out:
            continue
        folder = home / f"{name}_{who[1].replace(':', '')}"
        assert main([*command, "--out", str(folder), *who]) == 0
        assert sums(folder) == tables[name], name


def killed(command, folder, mark, many):
    """The command, killed when it has left ``many`` of what is like ``mark``."""
    call = [sys.executable, "-m", "trial", *command, "--out", str(folder), "--workers", "1"]
    process = subprocess.Popen(call, env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while len(list(folder.glob(mark))) < many and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not list(folder.glob("*.html")), "killed on the way"
    assert len(list(folder.glob(mark))) >= many


def test_after_a_kill_the_same_command_goes_on_to_the_same_bytes(home, tables):
    for name, command in (way for way in ways(home) if way[0] not in ("tpe", "design")):
        folder = home / f"{name}_killed"
        killed(command, folder, *MARKS[name])
        kept = {path: path.stat().st_mtime_ns for path in folder.glob("points/*/values.parquet")}
        assert len(kept) >= 2
        assert main([*command, "--out", str(folder), "--workers", "1", "--resume"]) == 0
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
        assert sums(folder) == tables[name], name


def test_a_design_killed_in_its_pool_and_in_its_small_pools_goes_on(home, tables, capsys):
    command, folder = dict(ways(home))["design"], home / "design_killed"
    killed(command, folder, *MARKS["pool"])
    killed(command, folder, *MARKS["draws"])
    assert main([*command, "--out", str(folder), "--workers", "1"]) == 0
    assert "of them there, draws-" in capsys.readouterr().err
    assert sums(folder) == tables["design"]


def test_shards_of_a_design_copied_into_one_folder_are_the_design(home, tables, capsys):
    command, whole = dict(ways(home))["design"], home / "design_shards"
    for part in ("1/2", "2/2"):
        here = home / f"design_part{part[0]}"
        assert main([*command, "--out", str(here), "--workers", "1", "--shard", part]) == 0
        shutil.copytree(here, whole, dirs_exist_ok=True)
    assert main([*command, "--out", str(whole), "--workers", "1"]) == 0
    told = capsys.readouterr().err
    assert "2 parts with 4 units" in told and "20 small pools of 50 patients, 20 of them there" in told
    assert {n: s for n, s in sums(whole).items() if "of2/" not in n} == tables["design"]


def test_a_search_says_both_numbers_and_refuses_what_is_no_study(home, tables):
    rows = pq.read_table(home / "nsga2" / "optimise.parquet").to_pandas()
    searched = rows[rows.kind == "searched"]
    assert len(searched) == 6 and searched.front.any()
    assert (searched[searched.status == "refused"].why.str.len() > 0).all()
    again = rows[rows.kind == "confirmed"]
    found = searched.set_index("number").loc[again.number, "RESPW8|HETROM-5|estimate"]
    assert len(again) and (found.to_numpy() != again["RESPW8|HETROM-5|estimate"].to_numpy()).any(), "other draws"
    assert (rows[rows.kind == "published"].draws == ["search", "new"]).all()
    page = (home / "nsga2" / "optimise.html").read_text(encoding="utf-8")
    assert "as it stands" in page and page.count("<svg") == 2
