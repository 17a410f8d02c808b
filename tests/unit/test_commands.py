"""What each command passes on when nothing is said, and its exit code; nothing is simulated."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import trial.app.attempt
import trial.app.calibration
import trial.app.citing
import trial.app.foresight
import trial.app.loading
import trial.app.merging
import trial.app.one_patient
import trial.app.schema
import trial.app.sensitivity
import trial.app.study_run
from trial import cli
from trial.app.attempt import How
from trial.cli import main
from trial.cli.calibrate import _limits, _number
from trial.jobs.forecast import Forecast

STUDY = SimpleNamespace(id="x", replicates=1000, subjects=40, kept=range(10), arm_ids=("A",))


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    asked = []
    checked = lambda *given, **named: asked.append((given, named)) or SimpleNamespace(study=STUDY, warnings=("odd",))  # noqa: E731
    monkeypatch.setattr(trial.app.loading, "load_checked", checked)
    return asked


@pytest.mark.parametrize(
    ("said", "folder", "how"),
    [
        ([], "runs/x", How(config=Path("c.yaml"))),
        (
            [
                "--out",
                "y",
                "--overwrite",
                "--resume",
                "--workers",
                "3",
                "--backend",
                "loky",
                "--no-report",
                "--sensitivity",
            ],
            "y",
            How(True, True, 3, "loky", False, True, Path("c.yaml")),
        ),
    ],
)
@pytest.mark.parametrize(("failed", "code"), [(0, 0), (2, 3)])
def test_run(monkeypatch, capsys, said, folder, how, failed, code):
    asked = []
    done = SimpleNamespace(lines=[], study=STUDY, n_failed=failed, n_patients=40, many_failed=False)
    monkeypatch.setattr(trial.app.attempt, "run_study", lambda *given: asked.append(given) or done)
    monkeypatch.setattr("trial.cli.results.show", lambda lines, study, failed: None)
    assert main(["run", "c.yaml", *said]) == code
    ((study, where, passed, warnings, *_),) = asked
    assert (study, where, passed, warnings) == (STUDY, Path(folder), how, ("odd",))
    out, err = capsys.readouterr()
    assert (f"report: {folder}/report.html" in out) == how.with_report and "warning: odd" in err
    assert ("2 of 40 patients failed" in err) == bool(failed)


@pytest.mark.parametrize(
    ("said", "folder", "given"),
    [
        ([], f"runs/{STUDY.id}", (False, True)),
        (["--overwrite", "--no-report", "--out", "y"], "y", (True, False)),
    ],
)
def test_merge(monkeypatch, capsys, said, folder, given):
    asked = []
    done = SimpleNamespace(lines=[], study=STUDY, n_failed=2, n_patients=40, many_failed=False)
    monkeypatch.setattr("trial.app.merging.study_of", lambda shards, say: (STUDY, [str(s) for s in shards]))
    monkeypatch.setattr("trial.app.merging.merge", lambda *given: asked.append(given[:-1]) or done)
    monkeypatch.setattr("trial.cli.results.show", lambda lines, study, failed: None)
    assert main(["merge", "a", "b", *said]) == 3
    assert asked == [(STUDY, ["a", "b"], Path(folder), *given)]
    assert (f"report: {folder}/report.html" in capsys.readouterr().out) == given[1]


@pytest.mark.parametrize(("failed", "code"), [(0, 0), (2, 3)])
def test_a_shard_says_where_it_is_and_how_it_went(monkeypatch, capsys, failed, code):
    done = SimpleNamespace(lines=[], study=STUDY, n_failed=failed, n_patients=40, many_failed=False)
    monkeypatch.setattr(trial.app.attempt, "run_study", lambda *given: done)
    assert main(["run", "c.yaml", "--shard", "1/2"]) == code
    assert "shard 1/2: runs/x-1-of-2; 'vtrial merge' joins all 2" in capsys.readouterr().out


def test_a_run_with_nothing_to_do_is_fine(monkeypatch):
    monkeypatch.setattr(trial.app.attempt, "run_study", lambda *_: None)
    assert main(["run", "c.yaml"]) == 0


@pytest.mark.parametrize(("problem", "code"), [(None, 0), ("no disk", 1)])
@pytest.mark.parametrize(("workers", "words"), [(1, "with 1 worker,"), (2, "with 2 workers,")])
def test_plan(monkeypatch, capsys, problem, code, workers, words):
    asked = []
    found = Forecast(40_000, 10, {"patients": 40_000}, 1e6, 1e6, 50.0, workers)
    seen = SimpleNamespace(
        forecast=found, disk="1 MiB", free_disk="2 GiB", memory="3 MiB", free_memory="", problem=problem, elsewhere=""
    )
    monkeypatch.setattr(trial.app.foresight, "foresee", lambda *given, **_: asked.append(given) or seen)
    assert main(["plan", "c.yaml"]) == code
    out, err = capsys.readouterr()
    assert asked == [(STUDY, Path("runs/x"), None)] and words in out and "of 10 of 1,000 replicates" in out
    assert "memory   about 3 MiB\n" in out and ("no disk" in err) == bool(problem)
    monkeypatch.setattr(STUDY, "kept", range(1000))
    main(["plan", "c.yaml", "--out", "y"])
    assert asked[1][1] == Path("y") and "of all replicates" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "uses"),
    [
        ([], (None, 20, "runs/x_sensitivity", None)),
        (["--workers", "2", "--replicates", "30", "--out", "y"], (2, 30, "y", None)),
        (["--dask", "local:3", "--out", "y"], (None, 20, "y", "local:3")),
    ],
)
def test_sensitivity(monkeypatch, capsys, tmp_path, said, uses):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(
        trial.app.sensitivity,
        "write_effects",
        lambda study, folder, workers, most, *rest: asked.append((workers, most, str(folder), rest[-1])) or [],
    )
    monkeypatch.setattr(trial.app.sensitivity, "lines", lambda *_: [("EC50", "2", "0.5", "+4.0")])
    monkeypatch.setattr(trial.app.sensitivity, "notes", lambda *_: ["note"])
    assert main(["sensitivity", "c.yaml", *said]) == 0
    assert asked == [uses] and "EC50" in capsys.readouterr().out
    (Path(uses[2]) / "sensitivity.parquet").write_text("earlier")
    assert main(["sensitivity", "c.yaml", *said]) == 2 and len(asked) == 1, "nothing is simulated for what is not kept"
    assert f"{uses[2]}: results are already there; --overwrite replaces them" in capsys.readouterr().err
    assert main(["sensitivity", "c.yaml", *said, "--overwrite"]) == 0 and len(asked) == 2


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ([], (Path("runs/calibration"), False, None, True, None)),
        (["--out", "y", "--overwrite", "--workers", "2", "--no-uncertainty"], (Path("y"), True, 2, False, None)),
        (["--into-catalogue", "--dask", "local:3"], (None, False, None, True, "local:3")),
    ],
)
def test_calibrate(monkeypatch, capsys, said, passed):
    asked = []
    fit = [
        {"row_id": "r", "published": 50.0, "limits": [40.0, None], "simulated": None, "inside": ""},
        {"row_id": "s", "published": 50.0, "limits": [40.0, 60.0], "simulated": 55.0, "inside": "yes"},
    ]
    record = {
        "fit": fit,
        "values": {"EC50": 12.3},
        "priors": {"EC50": {"median": 30.0}},
        "distance": 1.234,
        "points": 7,
        "minutes": 0.1,
    }
    monkeypatch.setattr(
        trial.app.calibration,
        "calibrate",
        lambda config, *given: asked.append((*given[:4], given[-1])) or (record, Path("p")),
    )
    assert main(["calibrate", "c.yaml", *said]) == 0
    out = capsys.readouterr().out
    assert asked == [passed] and "1 of 1 targets inside" in out and "Distance 1.23 after 7 points" in out


def test_limits_and_numbers_of_a_fit():
    assert _limits({"limits": [40.0, 60.0]}) == "40 to 60" and _number(55.04) == "55.04" and _number(None) == "none"
    assert _limits({"limits": [None, 60.0]}) == _limits({"limits": [40.0, None]}) == ""


@pytest.mark.parametrize(("differs", "code"), [([], 0), (["doses: x"], 1)])
@pytest.mark.parametrize("kept", [True, False])
def test_replay(monkeypatch, capsys, differs, code, kept):
    again = SimpleNamespace(changes=["numpy 1 then, 2 now"], course=None, study=None, all_kept=kept)
    monkeypatch.setattr(trial.app.one_patient, "simulate_again", lambda *_: again)
    monkeypatch.setattr(trial.app.one_patient, "differing", lambda *_: (differs, 19))
    monkeypatch.setattr("trial.cli.replay._show", lambda *_: None)
    assert main(["replay", "x", "--replicate", "3", "--patient", "1"]) == code
    out, err = capsys.readouterr()
    said = " ".join(out.split())
    assert ("the run kept the endpoints only" in said) == (not kept)
    assert ("identical to the stored" in said) == (not differs) and (
        "differs from the stored rows: doses: x" in err
    ) == bool(differs)
    assert ("identical to the stored rows" in said) == (
        kept and not differs
    ) and "values may differ in the last digits" in err


@pytest.mark.parametrize(("said", "called"), [([], "text"), (["--bibtex"], "bibtex")])
def test_cite(monkeypatch, capsys, said, called):
    monkeypatch.setattr(trial.app.citing, "as_text", lambda _: iter(["text"]))
    monkeypatch.setattr(trial.app.citing, "as_bibtex", lambda _: "bibtex")
    assert main(["cite", "x", *said]) == 0 and capsys.readouterr().out.strip() == called


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ([], '{\n "µ": "study"\n}'),
        (["--calibration"], '{\n "µ": "calibration"\n}'),
        (["--table"], "study"),
        (["--table", "--design"], "design"),
    ],
)
def test_schema(monkeypatch, capsys, said, printed):
    monkeypatch.setattr(trial.app.schema, "schema_of", lambda kind: {"µ": kind})
    monkeypatch.setattr(trial.app.schema, "table_of", lambda kind: kind)
    assert main(["schema", *said]) == 0 and capsys.readouterr().out.strip() == printed


def test_exit_codes_are_those_of_the_docs():
    assert (cli.OK, cli.FAILED, cli.USAGE, cli.INTERRUPTED) == (0, 1, 2, 130)
