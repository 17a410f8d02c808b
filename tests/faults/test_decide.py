"""A scan, a search and a design on a cluster, with more workers, and after a kill: the same bytes."""

import os
import subprocess
import sys
import time
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
pool: {patients: 6000}
trials: 200
sizes: [20, 40]
looks: {information: [0.5, 1]}
"""

BEGUN = {
    "scan": "points/[0-9a-f]*", "nsga2": "points/[0-9a-f]*", "design": ".pool-*.unfinished/units/[0-9]*",
}  # fmt: skip
"""What is there once a part of the work is done."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("decide")
    (home / "study.yaml").write_text(f"extends: {ROOT / 'configs/smoke.yaml'}\nid: odd\npatients: 10\n")
    (home / "design.yaml").write_text(DESIGN)
    for sampler in ("nsga2", "tpe"):
        (home / f"{sampler}.yaml").write_text(GOAL.replace("SAMPLER", sampler))
    return home


def ways(home):
    """Each command with the table it writes."""
    yield "scan", ["scan", str(home / "study.yaml"), *GRID], "scan.parquet"
    for sampler in ("nsga2", "tpe"):
        yield sampler, ["optimise", str(home / f"{sampler}.yaml")], "optimise.parquet"
    yield "design", ["design", str(home / "design.yaml")], "designs.parquet"


@pytest.fixture(scope="module")
def tables(home):
    """The tables of one worker."""
    for name, command, _ in ways(home):
        assert main([*command, "--out", str(home / name), "--workers", "1"]) == 0
    return {name: (home / name / table).read_bytes() for name, _, table in ways(home)}


@pytest.mark.parametrize(
    ("who", "left_out"), [(["--workers", "2"], ""), (["--dask", "local:2"], "nsga2")], ids=["two", "dask"]
)
def test_whoever_works_the_bytes_are_the_same(home, tables, who, left_out):
    """Each cluster costs the start of its workers; who asks for points does not see who works them."""
    for name, command, table in ways(home):
        if name == left_out:
            continue
        folder = home / f"{name}_{who[1].replace(':', '')}"
        assert main([*command, "--out", str(folder), *who]) == 0
        assert (folder / table).read_bytes() == tables[name], name


def test_after_a_kill_the_same_command_goes_on_to_the_same_bytes(home, tables):
    for name, command, table in (way for way in ways(home) if way[0] != "tpe"):
        folder = home / f"{name}_killed"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        call = [sys.executable, "-m", "trial", *command, "--out", str(folder), "--workers", "1"]
        process = subprocess.Popen(call, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while len(list(folder.glob(BEGUN[name]))) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert not list(folder.glob("*.html")), "killed on the way"
        kept = {path: path.stat().st_mtime_ns for path in folder.glob("points/*/values.parquet")}
        assert len(kept) >= 2 or (name == "design" and list(folder.glob(".pool-*.unfinished")))
        again = ["--resume"] * (name != "design")
        assert main([*command, "--out", str(folder), "--workers", "1", *again]) == 0
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
        assert (folder / table).read_bytes() == tables[name], name


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
