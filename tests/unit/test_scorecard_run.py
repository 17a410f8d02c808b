"""Around the studies of a scorecard: which are run, what is said, and the lines of the table; nothing is simulated."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import trial.app.scorecard as app
import trial.app.structures as structures
from analysis.evidence.scorecard import Score
from analysis.evidence.scoring import ScoredStudy
from trial.cli import main
from trial.cli.scorecard import _show
from trial.errors import ConfigError, Refused

PUBLISHED = Path(__file__).parents[2] / "configs" / "published"
HIT = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")
ROWS = (
    HIT,
    replace(HIT, row_id="b", arm="placebo", inside="no", seen="no"),
    replace(HIT, row_id="c", endpoint="MAXDUR", unit="d", inside=""),
)


CARD = app.Scorecard((ScoredStudy("s", ROWS),), ("line",), ())


def test_hits_misses_and_what_does_not_count():
    assert app.lines(ScoredStudy("s", ROWS)) == [
        ("RESPW8", "drug", "60.0 ± 0.5", "58.9 (51.1, 66.4)", "yes", "fitted"),
        ("", "placebo", "60.0 ± 0.5", "58.9 (51.1, 66.4)", "MISS", "predicted"),
        ("MAXDUR, d", "drug", "60.0 ± 0.50", "58.9 (51.1, 66.4)", "–", "not counted"),
    ]  # fmt: skip


def test_the_table_has_texts_left_and_numbers_right(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    _show("one", app.lines(ScoredStudy("s", ROWS[:2])))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["endpoint", "arm", "simulated", "published", "(limits)", "inside", "was"]
    assert (
        lines[0].strip() == "one" and lines[2].rstrip().endswith("yes     fitted") and lines[3].split()[0] == "placebo"
    )
    assert lines[1].index("inside") == lines[2].index("yes") and lines[1].index("was") == lines[2].index("fitted")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Studies a (broken), b (scored), c (without rows); what was written and with how many workers each was run."""
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text("")
    done = SimpleNamespace(workers=[], written=[])

    def one(path, out, replicates, workers, dask, roles, say, progress, uncertainty):
        done.workers.append(workers)
        if path.stem == "a":
            raise ConfigError(["one", "two"])
        return (ScoredStudy(path.stem, ROWS), [], ["a"]) if path.stem == "b" else None

    monkeypatch.setattr(app, "_one", one)
    monkeypatch.setattr(app, "cores", lambda: 3)
    monkeypatch.setattr(app, "_write", lambda studies, out, summary: done.written.append([s.id for s in studies]))
    return tmp_path, done


def test_a_broken_study_does_not_stop_the_others(folder):
    path, done = folder
    said = []
    found = app.run_scorecard(path, path / "out", say=said.append)
    assert [s.id for s in found.studies] == ["b"] and [p.name for p in found.failed] == ["a.yaml"]
    assert said == ["one", "two"] and done.workers == [3] * 3 and done.written == [["b"]]
    assert found.summary[0].startswith("Calibration targets: 1 of 1") and not any(
        "WRONG" in line for line in found.summary
    )


@pytest.mark.parametrize("there", ["summary.txt", "scorecard.csv", "b"])
def test_earlier_results_are_replaced_only_when_asked(folder, there):
    path, done = folder
    out = path / "out"
    if there == "b":
        (out / "b").mkdir(parents=True)
        (out / "b" / "manifest.json").write_text("{}")
    else:
        out.mkdir()
        (out / there).write_text("earlier")
    with pytest.raises(Refused, match="results are already there; --overwrite replaces them"):
        app.run_scorecard(path, out)
    assert not done.workers, "no study is run"
    app.run_scorecard(path, out, overwrite=True)
    assert done.written == [["b"]]


@pytest.mark.parametrize(("replicates", "warned"), [(None, False), (9, True), (10, False)])
def test_fewer_than_ten_replicates_give_no_verdict(folder, replicates, warned):
    said = []
    app.run_scorecard(folder[0], folder[0] / "out", replicates, workers=2, say=said.append)
    assert any("no row gets a verdict" in line for line in said) == warned and folder[1].workers == [2] * 3


def test_a_folder_without_studies_or_with_bad_explanations_is_refused(tmp_path):
    with pytest.raises(Refused, match="no study"):
        app.run_scorecard(tmp_path, tmp_path / "out")
    (tmp_path / "a.yaml").write_text("")
    (tmp_path / "misses.csv").write_text("row,why\n")
    with pytest.raises(Refused, match=r"misses\.csv:1"):
        app.run_scorecard(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(("studies", "failed", "code"), [(1, 0, 0), (1, 1, 1), (0, 0, 1), (0, 1, 1)])
def test_the_exit_code(monkeypatch, capsys, tmp_path, studies, failed, code):
    made = app.Scorecard((ScoredStudy("s", ROWS),) * studies, ("line",) * studies, (tmp_path,) * failed)
    monkeypatch.setattr(app, "run_scorecard", lambda *_: made)
    assert main(["scorecard", "--out", "here"]) == code
    out, err = capsys.readouterr()
    assert ("written: here/" in out) == bool(studies) and ("could not be run" in err) == bool(failed)


def test_kinds_of_uncertainty_are_settings_and_side_by_side(folder, monkeypatch, capsys):
    """Each kind runs into a folder of its own with its setting; of a set without standard errors fitted is none."""
    path, _ = folder
    told = []
    monkeypatch.setattr(app, "run_scorecard", lambda c, out, **k: told.append((out.name, k["uncertainty"])) or CARD)
    assert main(["scorecard", "--configs", str(path), "--out", "o", "--parameter-uncertainty", "fitted, all"]) == 0
    assert told == [("fitted", "fitted"), ("all", "all")]
    assert "Predicted rows held" in capsys.readouterr().out
    for given, said in (("al", "did you mean all"), ("all,all", "seen all twice")):
        assert main(["scorecard", "--configs", str(path), "--parameter-uncertainty", given]) == 2
        assert said in capsys.readouterr().err
    phase_3, heard = PUBLISHED / "hetrombopag_itp_phase3.yaml", []
    assert app._settings(phase_3, None, heard.append) == [] and not heard
    assert app._settings(phase_3, "fitted", heard.append) == ["parameter_uncertainty=fitted"] and not heard
    bare = PUBLISHED / "eltrombopag_healthy_japan.yaml"
    assert app._settings(bare, "fitted", heard.append) == ["parameter_uncertainty=none"]
    assert "nothing of eltrombopag_healthy_jscpt_2011 has a standard error" in heard[0]


def test_weights_are_computed_again_where_they_are_asked(tmp_path, monkeypatch, capsys):
    """Into the folder; over the catalogue only when said; a pair of which no row is predicted by both stays."""

    def weigh(pair, configs, replicates):
        if pair.mechanism.startswith("eltrombopag"):
            raise ValueError("no row is predicted by both")
        return {pair.mechanism: 0.25, pair.empirical: 0.75, "rows": 3, "trials": 2, "replicates": replicates}

    monkeypatch.setattr(structures, "weigh", weigh)
    catalogue = tmp_path / "catalogue.json"
    before = json.loads(structures.WEIGHTS_FILE.read_text())
    catalogue.write_text(json.dumps(before))
    monkeypatch.setattr(structures, "WEIGHTS_FILE", catalogue)
    given = ["scorecard", "--weights", "--out", str(tmp_path / "out"), "--replicates", "12"]
    assert main(given) == 0
    made = json.loads((tmp_path / "out" / "catalogue.json").read_text())
    assert made["hetrombopag_itp_mei_2021"]["hetrombopag_wang_2022"] == 0.75
    assert made["hetrombopag_itp_mei_2021"]["replicates"] == 12 and len(made["hetrombopag_itp_mei_2021"]["date"]) == 10
    assert made["eltrombopag_itp_yang_2016"] == before["eltrombopag_itp_yang_2016"]
    assert "0.750 (3 rows of 2 trials, 12 replicates)" in " ".join(capsys.readouterr().out.split())
    assert main(given) == 2 and "--overwrite" in capsys.readouterr().err
    assert main([*given, "--into-catalogue"]) == 0 and json.loads(catalogue.read_text()) == made
    assert main(["scorecard", "--into-catalogue"]) == 2 and "give --weights too" in capsys.readouterr().err
