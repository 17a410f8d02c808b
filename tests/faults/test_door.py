"""Every command that reads a run folder compares its checksums first: no damaged file is read without a word."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sizes import size

import trial
from trial.cli import main
from trial.jobs.provenance import MANIFEST, REPORT

SMOKE = "configs/smoke.yaml"
FEW = ("--set", "patients=6", "--set", "parameter_set=mine.json", "--set", "tolerability={}", "--replicates", "1")
SET = {"id": "mine", "extends": "hetrombopag_itp_mei_2021", "values": {"EC50": 30.0}, "targets": [], "note": "n"}
OTHERS = {"replay": ("--replicate", "0", "--patient", "3"), "report": (), "cite": (), "cite --bibtex": ()}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def change(path: Path) -> None:
    """A file that is as sound as before, with other values."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        for k, column in enumerate(table.schema):
            if pa.types.is_floating(column.type):
                table = table.set_column(k, column, pc.multiply(table[k], 1.5).cast(column.type))
        pq.write_table(table.replace_schema_metadata({"changed": "yes"}), path)
    else:
        path.write_text(path.read_text(encoding="utf-8").replace("1", "2", 5), encoding="utf-8")


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """A run with every optional file: own set, published rows, adverse events, sensitivity and report left out."""
    folder = tmp_path_factory.mktemp("door")
    with pytest.MonkeyPatch.context() as patch:
        root = Path.cwd()
        patch.chdir(folder)
        (folder / "mine.json").write_text(json.dumps(SET))
        assert main(["run", str(root / SMOKE), *FEW, "--workers", "1", "--no-report", "--out", "run"]) == 0
    return folder / "run"


def read_with(command: str, copy: Path, intact: Path, capsys) -> tuple[int, str]:
    name, *more = command.split()
    code = main([name, str(copy), *more, *OTHERS.get(command, (str(intact),))])
    return code, capsys.readouterr().err


def test_the_intact_run_is_read_by_all(intact, tmp_path, capsys):
    shutil.copytree(intact, tmp_path / "copy")
    for command in (*OTHERS, "compare"):
        assert read_with(command, tmp_path / "copy", intact, capsys)[0] == 0
    assert len(trial.Run(tmp_path / "copy").tables) > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [change, Path.unlink, *(pytest.param(d, marks=pytest.mark.slow) for d in (flip, halve, empty))]
)
def test_a_damaged_file_is_named_by_every_command(intact, tmp_path, capsys, damage):
    names = sorted(path.name for path in intact.iterdir() if path.name != REPORT)
    assert {"own_set.json", "model.json", "scorecard.csv", "adverse.parquet", "published_baseline.csv"} <= set(names)
    copy = tmp_path / "copy"
    for k, name in enumerate(names):
        shutil.copytree(intact, copy)
        damage(copy / name)
        for command in (*OTHERS, "compare")[k % (step := size(4, 2)) :: step]:
            code, err = read_with(command, copy, intact, capsys)
            assert code == 2 and name in err and "VTRIAL_DEBUG" not in err, (command, name, err)
        with pytest.raises(trial.Refused, match=name):
            trial.Run(copy)
        shutil.rmtree(copy)


def test_a_file_that_is_not_of_the_run_is_not_read(intact, tmp_path, capsys):
    """A tornado figure of another study would appear in the report."""
    shutil.copytree(intact, tmp_path / "copy")
    (tmp_path / "copy" / "sensitivity.parquet").write_bytes(b"x")
    code, err = read_with("report", tmp_path / "copy", intact, capsys)
    assert code == 2 and "sensitivity.parquet is not of this run" in err


def test_many_damaged_files_are_counted(intact, tmp_path, capsys):
    shutil.copytree(intact, tmp_path / "copy")
    for path in (tmp_path / "copy").glob("*.parquet"):
        path.unlink()
    assert "and " in (err := read_with("cite", tmp_path / "copy", intact, capsys)[1]) and "more)" in err


@pytest.mark.slow
def test_the_report_may_be_changed_removed_and_written_again(intact, tmp_path, capsys):
    shutil.copytree(intact, tmp_path / "copy")
    (tmp_path / "copy" / REPORT).write_text("mine")
    assert read_with("cite", tmp_path / "copy", intact, capsys)[0] == 0
    (tmp_path / "copy" / REPORT).unlink()
    assert read_with("report", tmp_path / "copy", intact, capsys)[0] == 0
    assert read_with("cite", tmp_path / "copy", intact, capsys)[0] == 0
    assert json.loads((tmp_path / "copy" / MANIFEST).read_text())["files"][REPORT] == {}


@pytest.mark.slow
def test_resume_of_a_damaged_run_says_so(intact, tmp_path, capsys, monkeypatch):
    root = Path.cwd()
    shutil.copytree(intact, tmp_path / "copy")
    monkeypatch.chdir(intact.parent)
    again = (
        "run",
        str(root / SMOKE),
        *FEW,
        "--workers",
        "1",
        "--out",
        str(tmp_path / "copy"),
        "--resume",
        "--no-report",
    )
    assert main(again) == 0 and "nothing to do" in capsys.readouterr().err
    halve(tmp_path / "copy" / "doses.parquet")
    assert main(again) == 2 and "doses.parquet damaged" in capsys.readouterr().err
