"""The command line as a user meets it: exit codes, messages without a traceback, and folders left alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import trial.app.attempt
from trial import cli
from trial.app.folder import checked
from trial.cli import main
from trial.errors import Refused
from trial.jobs.provenance import VOLATILE, write_manifest

CONFIGS = Path(__file__).parents[2] / "configs"
SMOKE = str(CONFIGS / "smoke.yaml")
PHASE_3 = str(CONFIGS / "published" / "hetrombopag_itp_phase3.yaml")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def outcome(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run folder of the smoke study, 12 patients."""
    folder = tmp_path_factory.mktemp("run") / "smoke"
    arguments = ["run", SMOKE, "--out", str(folder), "--workers", "1", "--set", "patients=12"]
    assert main(arguments) == 0
    return folder


def test_run_leaves_a_folder_that_stands_alone(finished, capsys):
    names = {path.name for path in finished.iterdir()}
    assert set(json.loads((finished / "manifest.json").read_text())["files"]) | {"manifest.json"} == names
    expected = {"config.resolved.yaml", "manifest.json", "report.html", "patients.parquet", "doses.parquet"}
    expected |= {"observations.parquet", "events.parquet", "solves.parquet", "endpoints.parquet", "estimates.parquet"}
    assert names >= expected | {"scorecard.csv", "published.csv", "screening.parquet"}
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["statement"] == "Simulated subjects. Not clinical data."
    assert (manifest["study"], manifest["patients"], manifest["patients_failed"]) == ("smoke", 12, 0)
    assert manifest["files"]["patients.parquet"]["rows"] == 24
    assert outcome(capsys, "check", str(finished / "config.resolved.yaml"))[0] == 0


@pytest.mark.slow
def test_the_resolved_config_runs_again_to_the_same_tables(finished, capsys, tmp_path):
    config = str(finished / "config.resolved.yaml")
    code, out, _ = outcome(capsys, "run", config, "--out", "again", "--workers", "1")
    assert code == 0 and "Simulated subjects. Not clinical data." in out
    first, second = (json.loads((f / "manifest.json").read_text()) for f in (finished, tmp_path / "again"))
    assert first["config_sha256"] == second["config_sha256"]
    assert first["files"] == second["files"]
    lasting = [{k: v for k, v in m.items() if k not in VOLATILE} for m in (first, second)]
    assert lasting[0] == lasting[1]


@pytest.mark.parametrize("columns", [60, 80])
def test_the_result_table_fits_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    few = ("--workers", "1", "--set", "patients=12", "--out", "x", "--no-report")
    code, out, _ = outcome(capsys, "run", SMOKE, *few)
    assert code == 0
    assert max(len(line.rstrip()) for line in out.splitlines()) <= columns
    row = next(line for line in out.splitlines() if line.startswith("RESPW8"))
    assert "HETROM-2.5" in row and "58.9 (51.1, 66.4)" in row


def test_report_again_with_a_patient(finished, capsys):
    code, out, _ = outcome(capsys, "report", str(finished), "--patient", "1:12")
    assert code == 0 and out.strip().endswith("report.html")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "nowhere"], "there is no such folder"),
        (["report", "."], "not the folder of a finished run"),
        (["run"], "Missing argument"),
        (["rum", SMOKE], "run"),
        (["run", SMOKE, "--replicates", "many"], "--replicates"),
        (["run", SMOKE, "--workers", "0"], "--workers"),
        (["run", SMOKE, "--replicates", "0"], "--replicates 0: replicates: seen 0; allowed: 1 or more"),
        (["run", "nothing.yaml"], "nothing.yaml: there is no such file"),
        (["check", SMOKE, "--set", "arms.0.ratio=0"], "--set arms.0.ratio=0: arms.0.ratio: seen 0"),
        (["check", SMOKE, "--set", "analysis.primary=RESPW9"], "did you mean RESPW8?"),
        (["check", SMOKE, "--set", "analysis.endpoints=[RESPW8, CMAXX]"], "analysis.endpoints.1: seen 'CMAXX'"),
        (["check", SMOKE, "--set", "published.rows=none.csv"], "there is no file"),
        (["catalogue", "hetrombopag_wong_2022"], "did you mean hetrombopag_wang_2022?"),
    ],
)
def test_wrong_usage_is_exit_2_with_a_message(capsys, arguments, words):
    code, _, err = outcome(capsys, *arguments)
    assert code == 2
    assert words in err, err


def test_patients_that_do_not_exist(finished, capsys):
    for wanted in ("2:1", "0:13", "0:0", "0-1", "a:b"):
        code, _, err = outcome(capsys, "report", str(finished), "--patient", wanted)
        assert code == 2 and f"seen {wanted}" in err.replace("'", "") and "allowed" in err


def test_an_arm_that_the_published_rows_do_not_know_is_one_line_per_name(capsys):
    arms = "arms=[{id: HETROM-2.5, start_dose_mg: 2.5}, {id: HETROM-5, start_dose_mg: 5}]"
    dropout = ["--set", "dropout=[]", "--set", "analysis.reference_arm=null"]
    code, _, err = outcome(capsys, "check", SMOKE, "--set", arms, *dropout)
    rows = [line for line in err.splitlines() if "published.rows" in line]
    assert code == 2 and len(rows) == 1 and "more rows" in rows[0] and "'Placebo'" in rows[0]
    assert "published.rows: hetrombopag_itp_phase3_results.csv: mei" in rows[0], "the file and its row are named"


def test_check_says_what_will_run_and_warns(capsys):
    code, out, err = outcome(capsys, "check", SMOKE, "--set", "treatment_days=80")
    assert code == 0
    assert "smoke: no problems found" in out and "40 patients" in out
    assert "warning: --set treatment_days=80: treatment_days: seen 80" in err


def test_an_earlier_run_is_not_replaced_without_overwrite(capsys, tmp_path):
    folder = tmp_path / "runs" / "smoke"
    folder.mkdir(parents=True)
    write_manifest(folder, "", {}, {})
    before = (folder / "manifest.json").read_text()
    code, _, err = outcome(capsys, "run", SMOKE)
    assert code == 2 and "--overwrite" in err
    assert (folder / "manifest.json").read_text() == before


@pytest.mark.parametrize("name", ["notes.txt", "sub/manifest.json"])
def test_overwrite_never_deletes_anything_but_a_run(capsys, tmp_path, name):
    keep = tmp_path / "mine" / name
    keep.parent.mkdir(parents=True)
    keep.write_text("precious")
    code, _, err = outcome(capsys, "run", SMOKE, "--out", "mine", "--overwrite")
    assert code == 2 and "something else than a run" in err
    assert keep.read_text() == "precious"


def test_overwrite_does_not_delete_the_config_or_the_current_folder(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.resolved.yaml").write_text(f"extends: {SMOKE}\n")
    write_manifest(folder, "", {}, {})
    code, _, err = outcome(capsys, "run", "run/config.resolved.yaml", "--out", "run", "--overwrite")
    assert code == 2 and "the config itself" in err
    monkeypatch.chdir(folder)
    code, _, err = outcome(capsys, "run", SMOKE, "--out", ".", "--overwrite")
    assert code == 2 and "current folder" in err
    assert (folder / "config.resolved.yaml").exists()


@pytest.mark.slow
def test_overwrite_replaces_a_run(capsys, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.resolved.yaml").write_text("")
    (folder / "stale.csv").write_text("")
    write_manifest(folder, "", {}, {})
    arguments = (
        "--out",
        "run",
        "--overwrite",
        "--workers",
        "1",
        "--set",
        "patients=12",
        "--replicates",
        "1",
        "--no-report",
    )
    assert outcome(capsys, "run", SMOKE, *arguments)[0] == 0
    assert not (folder / "stale.csv").exists()


@pytest.mark.parametrize(
    "manifest", ["{}", '{"name": "my web app"}', '{"engine": {"name": "node"}, "files": {"x": {}}}']
)
def test_a_manifest_of_something_else_makes_no_run(capsys, tmp_path, manifest):
    """Any project may have a manifest.json; its files stay."""
    folder = tmp_path / "app"
    folder.mkdir()
    for name in ("manifest.json", "index.html", "data.json", "mine.csv", "mine.yaml", "mine.parquet"):
        (folder / name).write_text(manifest)
    code, _, err = outcome(capsys, "run", SMOKE, "--out", "app", "--overwrite")
    assert code == 2 and "manifest.json is not of this engine" in err
    assert len(list(folder.iterdir())) == 6


def test_overwrite_refuses_by_name_what_the_manifest_does_not_name(finished, capsys, tmp_path):
    copy = tmp_path / "mine"
    shutil.copytree(finished, copy)
    for name in ("my_analysis.csv", "notes.html", "extra.parquet"):
        (copy / name).write_text("precious")
        code, _, err = outcome(capsys, "run", SMOKE, "--out", "mine", "--overwrite")
        assert code == 2 and f"{name} is not named by its manifest" in err
        assert (copy / name).read_text() == "precious"
        (copy / name).unlink()


@pytest.mark.slow
def test_what_is_put_into_the_folder_while_the_new_run_works_stays(finished, capsys, tmp_path, monkeypatch):
    copy = tmp_path / "mine"
    shutil.copytree(finished, copy)
    real = trial.app.attempt.conclude

    def while_it_works(*arguments):
        (copy / "my_analysis.csv").write_text("precious")
        (copy / "screening.csv").write_text("mine too")
        return real(*arguments)

    monkeypatch.setattr(trial.app.attempt, "conclude", while_it_works)
    few = ("--workers", "1", "--set", "patients=12", "--replicates", "1", "--no-report")
    assert outcome(capsys, "run", SMOKE, "--out", "mine", "--overwrite", *few)[0] == 0
    assert (copy / "my_analysis.csv").read_text() == "precious" and (copy / "screening.csv").read_text() == "mine too"
    assert not (copy / "report.html").exists() and [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_file_for_a_folder(capsys, tmp_path):
    (tmp_path / "out").write_text("")
    code, _, err = outcome(capsys, "run", SMOKE, "--out", "out")
    assert code == 2 and "this is a file" in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("boom\nmore"), 1, "VTRIAL_DEBUG=1 shows where)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_unexpected_errors_and_interrupts_are_one_line(capsys, monkeypatch, error, code, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(trial.app.attempt, "execute", fail)
    seen, _, err = outcome(capsys, "run", SMOKE, "--workers", "1")
    assert seen == code
    assert words in err.splitlines()[-1]


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("VTRIAL_DEBUG", "1")
    monkeypatch.setattr(trial.app.attempt, "execute", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["run", SMOKE, "--workers", "1"])


@pytest.mark.slow
def test_failed_patients_are_exit_3(capsys):
    few_steps = ("--set", "solver.max_steps_per_day=10", "--set", "patients=6")
    code, out, err = outcome(capsys, "run", SMOKE, "--workers", "1", "--replicates", "1", *few_steps)
    assert code == 3 and "patients failed; solves.parquet and the report say why" in err
    assert "report.html" in out


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["report"], ["schema"], ["catalogue"]])
def test_help_has_an_example(capsys, command):
    code, out, _ = outcome(capsys, *command, "--help")
    assert code == 0 and "Example: vtrial " in out


def test_version(capsys):
    code, out, _ = outcome(capsys, "--version")
    assert code == 0 and out.startswith("vtrial ")


def test_schema_is_json(capsys):
    code, out, _ = outcome(capsys, "schema")
    assert code == 0 and "arms" in json.loads(out)["properties"]


@pytest.mark.parametrize("columns", [60, 120])
def test_catalogue_shows_value_unit_status_and_source(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert "hetrombopag_wang_2022" in outcome(capsys, "catalogue")[1]
    out = outcome(capsys, "catalogue", "hetrombopag_wang_2022")[1]
    assert "CL = 7.66 L/h (published" in out and "Wang 2022" in out
    assert max(map(len, out.splitlines())) <= columns
    assert "AGE = " in outcome(capsys, "catalogue", "chronic_itp_mei_2021")[1]


def test_help_imports_nothing_heavy():
    program = "import sys; from trial.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {
        "numpy",
        "scipy",
        "pandas",
        "pyarrow",
        "statsmodels",
        "matplotlib",
        "pydantic",
        "jinja2",
        "multiprocessing",
    }
    assert not loaded & heavy


def test_only_the_command_that_is_asked_is_built(capsys):
    """Another's options are not read for it; in one process commands may follow each other."""
    for asked in ("plan", "run", "plan"):
        built = cli._app(asked).commands
        assert len(built) == len(cli.COMMANDS) + 1
        assert {name for name, command in built.items() if command.params} == {asked}
        assert "--replicates" in outcome(capsys, asked, "--help")[1]
    assert set(cli._app("forecast").commands["forecast"].commands) == {"make", "score", "show"}


@pytest.mark.slow
def test_module_and_closed_pipe():
    schema = subprocess.Popen([sys.executable, "-m", "trial", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert schema.stdout is not None and schema.stderr is not None
    schema.stdout.readline()
    schema.stdout.close()
    assert schema.stderr.read() == b""
    schema.stderr.close()
    schema.wait(timeout=20)


def test_an_earlier_run_stays_until_the_new_one_is_finished(capsys, monkeypatch, tmp_path):
    assert outcome(capsys, "run", SMOKE, "--workers", "1", "--replicates", "1", "--no-report")[0] == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "runs" / "smoke").iterdir()}

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trial.app.attempt, "execute", fail)
    assert outcome(capsys, "run", SMOKE, "--workers", "1", "--overwrite")[0] == 130
    assert {p.name: p.read_bytes() for p in (tmp_path / "runs" / "smoke").iterdir()} == before
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["smoke"]


def test_overwrite_refuses_a_run_folder_that_holds_something_else(tmp_path):
    (tmp_path / "x").mkdir()
    write_manifest(tmp_path / "x", "", {}, {})
    (tmp_path / "x" / "notes.txt").write_text("mine")
    with pytest.raises(Refused, match=r"notes\.txt"):
        checked(tmp_path / "x", overwrite=True)


@pytest.mark.slow
def test_a_changed_design_is_not_judged_by_the_published_rows(capsys, tmp_path):
    arguments = ("run", PHASE_3, "--workers", "1", "--replicates", "10", "--set", "patients=10")
    code, out, err = outcome(capsys, *arguments, "--out", "same")
    assert code == 0 and "another design" not in err and "Inside the published interval" in out
    code, out, err = outcome(capsys, *arguments, "--out", "other", "--set", "arms.1.start_dose_mg=3.75")
    assert code == 0 and "another design" in err and "Inside the published interval" not in out
    rows = (tmp_path / "other" / "scorecard.csv").read_text().splitlines()
    assert len(rows) > 16 and all(row.split(",")[-3:] == ["", row.split(",")[-2], "not counted"] for row in rows[1:])


def test_without_a_command_there_is_help(capsys):
    main([])
    assert "Usage: vtrial" in "".join(capsys.readouterr())


def test_one_replicate_has_no_mean(tmp_path, capsys):
    few = ["--set", "patients=4", "--replicates", "1", "--workers", "1", "--no-report"]
    assert main(["run", SMOKE, *few, "--out", str(tmp_path / "x")]) == 0
    out = capsys.readouterr().out
    assert "One replicate" in out and "Mean of" not in out
