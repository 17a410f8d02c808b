"""vtrial scan: the grid, each point once, changes paired with the study as it stands."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from trial.app.grid_points import grid as grid_of
from trial.app.grid_points import split, varied_of
from trial.app.points import POINTS, VALUES
from trial.app.scan import HowScanned
from trial.app.targets import Job, job_values
from trial.cli import main
from trial.jobs.shards import WHOLE
from trial.study.load import load_study

SMOKE = "configs/smoke.yaml"
TINY = ["--set", "patients=10", "--set", "analysis.endpoints=[RESPW8, RESCUE]", "--workers", "1"]
KEY = "dose_rules.titration.steps.3.min_days_since_change"
LARGE = "dose_rules.titration.steps.3.below_1e9L"


def scanned(folder, *more):
    return main(["scan", SMOKE, *TINY, "--out", str(folder), *more])


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan") / "grid"
    assert scanned(folder, "--vary", f"{KEY}=7,14") == 0
    return folder


def test_a_point_is_the_study_with_the_other_value_and_its_change_is_paired(grid):
    rows = pq.read_table(grid / "scan.parquet").to_pandas()
    rates = []
    for days in (14, 7):
        changed = [f"{KEY}={days}", "patients=10", "analysis.endpoints=[RESPW8, RESCUE]"]
        study = load_study(SMOKE, changed)
        rates.append(100 * job_values(study, Job(0, ("RESPW8",), range(study.replicates)), {})["RESPW8"])
    base, other = rates
    for arm, name in enumerate(("HETROM-2.5", "HETROM-5", "Placebo")):
        row = rows[(rows.point == 1) & (rows.arm == name) & (rows.endpoint == "RESPW8")].iloc[0]
        change = other[:, arm] - base[:, arm]
        assert row.estimate == pytest.approx(other[:, arm].mean(), abs=1e-12)
        assert row.difference == pytest.approx(change.mean(), abs=1e-12)
        assert row.difference_mcse == pytest.approx(change.std(ddof=1) / np.sqrt(2), abs=1e-12)
        assert row[KEY] == "7"
    assert set(rows[rows.point == 0][KEY]) == {"14"}, "the study as it stands says its own value, and stands once"


def test_the_wide_table_has_a_line_for_each_point_with_the_same_numbers(grid):
    with (grid / "scan.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    rows = pq.read_table(grid / "scan.parquet").to_pandas()
    assert [line["point"] for line in lines] == ["0", "1"]
    row = rows[(rows.point == 1) & (rows.arm == "HETROM-5") & (rows.endpoint == "RESPW8")].iloc[0]
    assert float(lines[1]["RESPW8|HETROM-5|estimate"]) == row.estimate
    page = (grid / "scan.html").read_text(encoding="utf-8")
    assert "as it stands" in page and "<svg" in page and 'data-key="scan/1|HETROM-5|RESPW8/estimate+mcse"' in page


def test_more_values_simulate_only_the_new_points(grid, capsys):
    before = {path: path.stat().st_mtime_ns for path in (grid / POINTS).rglob(VALUES)}
    assert scanned(grid, "--vary", f"{KEY}=7,14,21", "--resume") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((grid / POINTS).iterdir())) == 3
    assert "3 points, 2 of them there" in capsys.readouterr().err


@pytest.mark.slow
def test_shards_and_two_workers_make_the_same_bytes(grid, tmp_path):
    assert scanned(grid, "--vary", f"{KEY}=7,14") == 0
    table = (grid / "scan.parquet").read_bytes()
    for k in ("1/2", "2/2"):
        assert scanned(tmp_path / "again", "--vary", f"{KEY}=7,14", "--shard", k) == 0
    assert not (tmp_path / "again" / "scan.parquet").exists()
    assert scanned(tmp_path / "again", "--vary", f"{KEY}=7,14", "--workers", "2") == 0
    assert (tmp_path / "again" / "scan.parquet").read_bytes() == table


def test_a_damaged_point_is_simulated_again(grid):
    key = pq.read_table(grid / "scan.parquet").to_pandas().query("point == 1").folder.iloc[0]
    broken = grid / POINTS / key / VALUES
    sound = broken.read_bytes()
    broken.write_bytes(sound[:-1] + b"x")
    assert scanned(grid, "--vary", f"{KEY}=7,14") == 0
    assert broken.read_bytes() == sound


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ([], "which key takes which values"),
        (["x"], "seen no ="),
        ([f"{KEY}="], "seen no values"),
        ([f"{KEY}=7,,14"], "an empty value between commas"),
        ([f"{KEY}=7,7"], "seen 7 twice"),
        ([f"{KEY}=7", f"{KEY}=21"], "is varied already"),
        (["arms.1.start_dose_mg=2.5", "arms[HETROM-5].start_dose_mg=7.5"], "varied already"),
        ([f"{KEY}=14"], "every point is the study as it stands"),
        (["arms.0.dos=5"], "point arms.0.dos=5: --vary arms.0.dos=5: arms.0.dos: unknown key"),
        (["arms[HETROM5].ratio=2"], "did you mean HETROM-5?"),
        (["arms[0.ratio=2"], "allowed: a path as"),
        ([f"{LARGE}=40,many"], f"point {LARGE}=many: --vary {LARGE}=many: {LARGE}: seen 'many'"),
        (["dose_rules.titration.steps.1.below_1e9L=40"], "point dose_rules.titration.steps.1.below_1e9L=40: configs/"),
        (["seed=" + ",".join(map(str, range(2000)))], "2,000 points; allowed: at most 1,000"),
        (["seed=1,2"], "--vary seed: every point has the draws of the study"),
        (["replicates=2,3"], "--vary replicates: every point has the same replicates; --replicates sets it"),
        (["published=null"], "every point is the study as it stands"),
    ],
)
def test_what_cannot_be_a_grid_is_refused_before_anything_runs(vary, said, tmp_path, capsys):
    options = [part for text in vary for part in ("--vary", text)]
    assert scanned(tmp_path / "none", *options) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
    assert not (tmp_path / "none").exists()


def test_lists_stand_in_brackets_or_quotes():
    assert split("[7, 14],[14]") == ["[7, 14]", "[14]"]
    assert split('"[1,2]","[3]"') == ["[1,2]", "[3]"]
    assert split('2.5, "a, b"') == ["2.5", ' "a, b"']


def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    assert scanned(tmp_path / "mine", "--vary", f"{KEY}=7") == 2
    assert "letter.txt" in capsys.readouterr().err
    assert scanned(tmp_path / "new", "--vary", f"{KEY}=7", "--resume") == 2
    assert "no point to go on with" in capsys.readouterr().err
    assert scanned(tmp_path / "new", "--vary", f"{KEY}=7", "--figure", "RESPW8,RESCU") == 2
    assert "did you mean RESCUE?" in capsys.readouterr().err


def test_points_of_other_endpoints_and_of_other_sizes_say_so(tmp_path, capsys):
    """RESP1 is asked for at one point alone; at patients=12 the changes are not paired patient by patient."""
    vary = ["--vary", "analysis.endpoints=[RESPW8, RESP1]", "--vary", "patients=12"]
    assert scanned(tmp_path / "out", *vary, "--figure", "RESCUE,RESPW8") == 0
    told = capsys.readouterr()
    assert "not paired patient by patient" in " ".join(told.out.split())
    assert " NE" in told.out
    rows = pq.read_table(tmp_path / "out" / "scan.parquet").to_pandas()
    found = [set(rows[rows.point == k].endpoint) for k in (0, 1)]
    assert found == [{"RESPW8", "RESCUE"}, {"RESPW8", "RESP1"}] and rows.point.max() == 1
    page = (tmp_path / "out" / "scan.html").read_text(encoding="utf-8")
    assert ">NE<" in page and "not paired patient by patient" in page and "same patients and draws" not in page


def test_settings_that_make_the_same_numbers_are_one_point_and_said():
    """Published rows are no part of a point: without them and 40 patients it is the study as it stands."""
    points = grid_of(Path(SMOKE), varied_of(["published=null", "patients=40,8"]))
    assert [point.study.patients for point in points] == [40, 8]
    assert "point published=null, patients=40: the same numbers as point" in points[0].warnings[-1]


def test_a_grid_keeps_what_is_there_unless_told():
    assert HowScanned() == HowScanned(overwrite=False, resume=False, workers=None, dask=None, shard=WHOLE, figure="")
