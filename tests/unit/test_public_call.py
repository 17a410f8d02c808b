"""``import trial``: light, the same folders, tables and words as the command line, and a page of docs that runs."""

import contextlib
import doctest
import errno
import gc
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import trial
import trial.app.attempt
import trial.app.reporting
from cohorts.sets import parameter_set
from trial.app import attempt
from trial.cli import main
from trial.jobs.processes import ALONE
from trial.jobs.provenance import VOLATILE
from trial.models.typical import concentrations, course

ROOT = Path(__file__).parents[2]
SMOKE = str(ROOT / "configs" / "smoke.yaml")
FEW = ("patients=12",)
HEAVY = {"numpy", "scipy", "pandas", "pyarrow", "llvmlite", "pydantic", "statsmodels", "matplotlib", "ruamel"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "program", ["import trial; dir(trial); trial.Refused", "from trial.cli import main; main(['-h'])"]
)
def test_nothing_heavy_is_loaded_before_it_is_used(program):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stdout.splitlines()[-1].split()) & HEAVY


def test_arrow_does_without_pandas_where_it_is_told_to_and_pandas_can_still_be_used():
    program = (
        "import sys, pyarrow as pa; from trial.jobs.processes import without_frames; without_frames(); "
        "without_frames(); assert pa.array(['a', None], pa.string()).to_pylist() == ['a', None]; "
        "assert 'pandas' not in sys.modules; "
        "import pandas; assert pandas.Series(['a', 'b']).str.upper().tolist() == ['A', 'B']"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("told", [True, False])
def test_processes_that_a_command_starts_do_without_pandas_too(told):
    program = (
        "import os, sys, pyarrow as pa; from trial.jobs.processes import end_with; end_with(os.getppid()); "
        "pa.array(['a']); print('pandas' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name != ALONE} | ({ALONE: "1"} if told else {})
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(not told)


class Told(Exception):
    """pyarrow is told to do without pandas."""


class Beyond(Exception):
    """It was not, and the run begins."""


@pytest.mark.parametrize(
    ("alone", "own", "then"), [(True, None, Told), (False, None, Beyond), (True, "mine.py", Beyond)]
)
def test_only_a_command_with_nobody_elses_code_does_without_data_frames(monkeypatch, alone, own, then):
    def raising(error):
        def function(*_):
            raise error

        return function

    monkeypatch.setattr(attempt, "without_frames", raising(Told))
    monkeypatch.setattr(attempt.folders, "must_be_usable", raising(Beyond))
    study = trial.load(SMOKE)
    study = study.model_copy(update={"parameter_set": own}) if own else study
    with pytest.raises(then):
        attempt.run_study(study, Path("out"), attempt.How(alone=alone))


def test_every_name_is_there_and_no_other():
    assert set(trial.__all__) <= set(dir(trial))
    assert all(callable(getattr(trial, name)) for name in trial.__all__)
    with pytest.raises(AttributeError, match="'trial' has no attribute 'simulate'"):
        trial.simulate  # noqa: B018


@pytest.mark.slow
def test_the_folder_is_that_of_the_command(tmp_path):
    assert main(["run", SMOKE, "--set", *FEW, "--workers", "1", "--out", "command", "--no-report"]) == 0
    told = []
    run = trial.run(
        trial.load(SMOKE, FEW), "python", workers=2, with_report=False, progress=lambda *done: told.append(done)
    )
    assert told[-1] == (24, 24) and run.folder == Path("python") and run.n_failed == 0
    names = sorted(path.name for path in Path("command").iterdir())
    assert sorted(path.name for path in run.folder.iterdir()) == names and "doses.parquet" in names
    for name in set(names) - {"manifest.json"}:
        assert (Path("command") / name).read_bytes() == (run.folder / name).read_bytes(), name
    manifests = [json.loads((Path(f) / "manifest.json").read_text()) for f in ("command", "python")]
    one, two = ({k: v for k, v in m.items() if k not in VOLATILE} for m in manifests)
    assert one == two == {k: v for k, v in run.manifest.items() if k not in VOLATILE}


@pytest.mark.slow
def test_tables_are_read_from_the_folder(tmp_path):
    assert main(["run", SMOKE, "--set", *FEW, "--workers", "1", "--out", "x", "--no-report"]) == 0
    run = trial.Run("x")
    assert run.study.patients == 12 and run.study.id == "smoke"
    for name in ("estimates", "endpoints", "patients"):
        assert getattr(run, name).equals(pq.read_table(tmp_path / "x" / f"{name}.parquet"), check_metadata=True)
    assert run.table("doses").num_rows == run.manifest["files"]["doses.parquet"]["rows"]
    assert set(run.tables) == {path.stem for path in Path("x").glob("*.parquet")}
    cards = run.scorecard.to_pylist()
    lines = (tmp_path / "x" / "scorecard.csv").read_text().splitlines()
    assert len(cards) == len(lines) - 1 and cards[0]["row_id"] == lines[1].split(",")[0]
    assert isinstance(cards[0]["simulated"], float) and cards[0]["inside"] == ""
    with pytest.raises(trial.Refused, match=r"seen 'dosis', which is not a table of this run.* did you mean doses\?"):
        run.table("dosis")
    (tmp_path / "x" / "scorecard.parquet").unlink()
    with pytest.raises(trial.Refused, match=r"x: this run is damaged \(scorecard.parquet missing\)"):
        trial.Run("x")


def test_a_temporary_run_lives_as_long_as_its_object(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = trial.run(trial.load(SMOKE, FEW, replicates=1), workers=1, with_report=False)
    patients = run.patients
    assert run.folder.is_relative_to(tmp_path) and patients.num_rows == 12
    del run
    gc.collect()
    assert not list(tmp_path.iterdir()) and patients["AGE"][0].as_py() > 0


@pytest.mark.slow
def test_a_temporary_run_that_stops_leaves_nothing_and_says_what_to_do(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(trial.app.attempt, "conclude", full)
    study = trial.load(SMOKE, FEW, replicates=1)
    with pytest.raises(trial.Stopped, match=r"cannot be written .*full.*; give another folder with out"):
        trial.run(study, workers=1)
    assert not list(tmp_path.iterdir())
    with pytest.raises(trial.Stopped, match="1 of 1 units are kept; the same command with --resume goes on"):
        trial.run(study, "kept", workers=1)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert trial.run(study, "kept", workers=1, resume=True, with_report=False).patients.num_rows == 12


@pytest.mark.slow
def test_files_of_a_config_are_found_whatever_the_working_directory(tmp_path, monkeypatch):
    inside, outside = tmp_path / "study", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    columns = "AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT\n"
    (inside / "own.csv").write_text(columns + "41,F,160,60,2,N,N,8\n52,M,170,70,5,N,N,12\n" * 20)
    mine = {"id": "mine", "extends": "hetrombopag_itp_mei_2021", "values": {"EC50": 40.0}, "targets": [], "note": "x"}
    (inside / "mine.json").write_text(json.dumps(mine))
    (inside / "study.yaml").write_text(
        f"extends: {SMOKE}\nparameter_set: mine.json\npopulation: {{id: null, file: own.csv}}\npublished: null\n"
        "patients: 12\nreplicates: 1\n"
    )
    monkeypatch.chdir(inside)
    study = trial.load("study.yaml")
    monkeypatch.chdir(outside)
    run = trial.run(study, workers=1, with_report=False)
    assert run.manifest["parameter_set"] == "mine" and set(run.patients["AGE"].to_pylist()) == {41.0, 52.0}
    assert not list(outside.iterdir())


@pytest.mark.slow
def test_a_study_changed_in_python_is_checked_again():
    study = trial.load(SMOKE, FEW, replicates=1)
    with pytest.raises(trial.ConfigError) as caught:
        trial.run(study.model_copy(update={"patients": 0, "parameter_set": "hetrombopag_wong_2022"}))
    assert caught.value.messages[0] == "patients: seen 0; allowed: 1 or more"
    assert "did you mean hetrombopag_wang_2022?" in caught.value.messages[1] and len(caught.value.messages) == 2
    with pytest.raises(trial.ConfigError, match=r"^screening: .*eligible"):
        narrow = study.screening.model_copy(update={"platelets_below_1e9L": 0.001})
        trial.run(study.model_copy(update={"screening": narrow}))
    run = trial.run(study.model_copy(update={"treatment_days": 80, "published": None}), workers=1, with_report=False)
    assert run.manifest["warnings"] == ["treatment_days: seen 80; the study ends at the last visit, on day 70"]


def test_what_is_unusual_is_a_warning_of_ours():
    with pytest.warns(trial.ConfigWarning, match="treatment_days: seen 80") as caught:
        trial.load(SMOKE, ["treatment_days=80", "published=null"])
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["check", "none.yaml"], lambda: trial.load("none.yaml")),
        (["check", SMOKE, "--set", "seed=x", "--set", "a=1"], lambda: trial.load(SMOKE, ["seed=x", "a=1"])),
        (["run", SMOKE, "--seed", "-1"], lambda: trial.load(SMOKE, seed=-1)),
        (["run", SMOKE, "--out", "mine", "--overwrite"], lambda: trial.run(trial.load(SMOKE), "mine", overwrite=True)),
        (["report", "mine"], lambda: trial.report("mine")),
        (["report", "nowhere"], lambda: trial.report("nowhere")),
        (["report", "done", "--patient", "0:13"], lambda: trial.report("done", [(0, 13)])),
        (["run", SMOKE, "--out", "done"], lambda: trial.run(trial.load(SMOKE), "done")),
        (["catalogue", "RESPW9"], lambda: trial.catalogue("RESPW9")),
        (["catalogue", "none.json"], lambda: trial.catalogue("none.json")),
        (["catalogue", "none.json"], lambda: trial.solve("none.json", 5, 7)),
    ],
)  # fmt: skip
def test_errors_have_the_words_of_the_command(capsys, arguments, call):
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("precious")
    if "done" in arguments:
        trial.run(trial.load(SMOKE, FEW, replicates=1), "done", workers=1, with_report=False)
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    with pytest.raises(trial.TrialError) as caught:
        call()
    assert str(caught.value) == said and said


def test_report_takes_a_run_or_its_folder_and_the_patients(monkeypatch):
    asked = []
    monkeypatch.setattr(trial.app.reporting, "write_report", lambda *given: asked.append(given) or Path("page"))
    run = trial.run(trial.load(SMOKE, FEW, replicates=1), "x", workers=1, with_report=False)
    assert trial.report(run, [(0, 7)]) == trial.report("x") == Path("page")
    assert [given[0] for given in asked] == [Path("x")] * 2 and [given[-1] for given in asked] == [[(0, 7)], ()]


def test_solve_is_the_typical_man():
    mei = parameter_set("hetrombopag_itp_mei_2021")
    found = trial.solve(mei.id, 5, 14, dose_days=7)
    time = found["TIME"].to_numpy()
    assert time.tolist() == list(range(24 * 14 + 1)) and found.column_names[:3] == ["TIME", "CONC", "PLT"]
    assert found["PLT"][0].as_py() == pytest.approx(mei.value("BASE")) and found["CONC"][0].as_py() == 0
    daily = course(mei, 5.0, 14, 7)
    assert found["PLT"].to_numpy()[::24] == pytest.approx(daily["PLT"], rel=1e-5)
    exact = concentrations(mei, 5.0, range(7), time[1:].tolist())
    assert found["CONC"].to_numpy()[1:] == pytest.approx(exact, rel=1e-4, abs=1e-6)
    peaks = np.abs(time[found["CONC"].to_numpy().argmax()] - 24 * 6)
    assert 4 <= peaks <= 12, "the highest concentration comes some hours after the seventh dose, the last"
    assert trial.solve(mei.id, 5, 2, every_h=6)["TIME"].to_pylist() == [0, 6, 12, 18, 24, 30, 36, 42, 48]


def test_solve_without_drug_is_at_rest_and_values_act():
    still = trial.solve("hetrombopag_wang_2022", 0, 28, values={"BASE": 21})
    assert still["PLT"].to_numpy() == pytest.approx(np.full(673, 21.0), rel=1e-6) and not still["CONC"].to_numpy().any()
    as_is, weaker = (
        trial.solve("hetrombopag_wang_2022", 5, 28, values=v)["PLT"][-1].as_py() for v in ({}, {"EC50": 1e6})
    )
    assert as_is > 20 > weaker
    units = {name: still.schema.field(name).metadata[b"unit"].decode() for name in ("TIME", "CONC", "PLT")}
    assert units == {"TIME": "h", "CONC": "ng/mL", "PLT": "10^9/L"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"dose_mg": -1}, "solve: dose_mg: seen -1; allowed: 0 or more"),
        ({"dose_mg": float("nan")}, "solve: dose_mg: seen nan"),
        ({"days": 0}, "solve: days: seen 0; allowed: whole days, 1 to 3650"),
        ({"days": 2.5}, "solve: days: seen 2.5"),
        ({"dose_days": -1}, "solve: dose_days: seen -1"),
        ({"every_h": 0}, "solve: every_h: seen 0; allowed: more than 0, to 24"),
        ({"values": {"EC5O": 1}}, "'EC5O'; did you mean EC50?"),
        ({"values": {"EC50": -1}}, "hetrombopag_wang_2022: EC50: value: seen -1; allowed: more than 0"),
        ({"parameter_set": "hetrombopag_wong_2022"}, "no parameter set 'hetrombopag_wong_2022'; did you mean"),
    ],
)
def test_what_cannot_be_solved_is_refused(changed, words):
    with pytest.raises(trial.Refused, match=re.escape(words)):
        trial.solve(**{"parameter_set": "hetrombopag_wang_2022", "dose_mg": 5, "days": 7} | changed)


def test_the_catalogue_is_what_the_command_prints(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    known = trial.catalogue()
    assert list(known) == ["parameter sets", "populations", "endpoints", "structures", "dose rules"]
    assert main(["catalogue"]) == 0
    listed = capsys.readouterr().out.split()
    assert all(name in listed for kind in list(known)[:3] for name in known[kind])
    assert list(known["structures"]) == ["tmdd_lifespan", "tpo_mechanism", "tmdd_full"]
    for name in ("hetrombopag_wang_2022", "chronic_itp_mei_2021"):
        assert main(["catalogue", name]) == 0
        out = capsys.readouterr().out
        rows = trial.catalogue(name)
        assert len(rows) > 10 and all(f"\n{row['name']} = {row['value']}" in out for row in rows)
    for name in ("RESPW8", "tpo_mechanism"):
        assert main(["catalogue", name]) == 0
        out = "".join(capsys.readouterr().out.split())
        said = [text for row in trial.catalogue(name) for text in row.values()]
        assert len(said) >= 5 and all("".join(text.split()) in out for text in said)


def test_the_example_of_the_package(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(trial)
    assert found.attempted == 6 and found.failed == 0


@pytest.mark.slow
def test_the_page_of_docs(tmp_path):
    """Each block of code runs after those before it, and prints what stands below it."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    page = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", page, re.DOTALL)
    assert len(blocks) == 9 and "```" not in "".join(code for code, _ in blocks)
    names: dict = {}
    with pytest.warns(trial.ConfigWarning, match="another design"):
        for code, wanted in blocks:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, "docs/python.md", "exec"), names)
            assert out.getvalue() == wanted, code
    assert [path.name for path in Path("runs").iterdir()] == ["from_python"]
