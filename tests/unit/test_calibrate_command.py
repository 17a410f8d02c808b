"""``vtrial calibrate``: bad files get one line each, a good one a record, an interruption keeps the best point."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

import cohorts.calibration
import trial.app.targets
from analysis.evidence.scorecard import read_published
from cohorts.calibration import CatalogueError
from cohorts.sets import parameter_set, read_calibration
from trial.app.calibration import _ticking
from trial.app.targets import job_values, jobs_of, studies_of, target_problems, wanted_of
from trial.cli import main
from trial.study.fit import load_fit

CONFIGS = Path(__file__).parents[2] / "configs"
COMMITTED = CONFIGS / "calibration" / "hetrombopag_wang_2022.yaml"
EARLY = CONFIGS / "published" / "hetrombopag_itp_first_in_patient.yaml"
GOOD = """\
id: small
parameter_set: hetrombopag_wang_2022
seed: 1
replicates: 2
studies: [study.yaml]
targets: [wang2020_respw4_hetrom-5, wang2020_respw4_hetrom-7.5]
fitted:
  - {name: EC50, median: 30, log_sd: 1, reason: none}
  - {name: NONRESP, median: 0.11, log_sd: 0.5, reason: a fraction}
search: {scan: 2, starts: 1, evaluations: 4, profile_evaluations: 2}
profile: [EC50]
"""


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(f"extends: {EARLY}\npatients: 16\n")
    (tmp_path / "fit.yaml").write_text(GOOD)


def run(capsys, *arguments):
    code = main(["calibrate", *arguments, "--workers", "1"])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def test_a_record_says_what_was_fitted_on_what_and_how_well(capsys, tmp_path):
    code, out, _ = run(capsys, "fit.yaml")
    record = json.loads((tmp_path / "runs/calibration/small.calibration.json").read_text())
    assert code == 0 and "a fit, not a prediction" in out
    assert (record["id"], record["extends"]) == ("small", "hetrombopag_wang_2022")
    assert record["targets"] == ["wang2020_respw4_hetrom-5", "wang2020_respw4_hetrom-7.5"]
    assert [f["row_id"] for f in record["fit"]] == record["targets"]
    assert set(record["values"]) == {"EC50", "NONRESP"} == set(record["uncertainty"]["rse_percent"])
    assert set(record["identifiability"]) == {"EC50", "NONRESP"}
    assert len(record["profile"]["EC50"]) == 5
    assert not list((tmp_path / "runs/calibration").glob("*unfinished*"))
    assert run(capsys, "fit.yaml")[0] == 2


def test_an_interruption_keeps_the_best_point(capsys, monkeypatch, tmp_path):
    told = []

    def interrupted(*arguments, **values):
        told.append(arguments)
        if len(told) > 2:
            raise KeyboardInterrupt
        return job_values(*arguments, **values)

    monkeypatch.setattr(trial.app.targets, "job_values", interrupted)
    code, _, err = run(capsys, "fit.yaml")
    assert code == 130 and "the best of 2 points" in err
    (left,) = (tmp_path / "runs/calibration").iterdir()
    record = json.loads(left.read_text())
    assert left.name == "small.unfinished.calibration.json"
    assert record["note"].startswith("unfinished") and set(record["values"]) == {"EC50", "NONRESP"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("EC50, median", "EC5O, median", "fit.yaml:8: fitted.0.name: seen 'EC5O', which is not a parameter of"),
        ("name: NONRESP", "name: EC50", "fit.yaml:9: fitted.1.name: seen 'EC50', which is fitted already"),
        ("0.11", "1.1", "fit.yaml:9: fitted.1.median: seen 1.1; NONRESP is a fraction"),
        (
            "id: small",
            "id: hetrombopag_wang_2022",
            "fit.yaml:1: id: seen 'hetrombopag_wang_2022', which is a parameter set",
        ),
        ("replicates:", "replicate:", "fit.yaml:4: replicate: unknown key; did you mean replicates?"),
        ("[study.yaml]", "[studie.yaml]", "fit.yaml:5: studies.0: there is no file studie.yaml"),
        ("wang_2022", "wang_2002", "fit.yaml:2: parameter_set: no parameter set 'hetrombopag_wang_2002'; did you mean"),
        (
            "respw4_hetrom-5",
            "respw5_hetrom-5",
            "fit.yaml:6: targets.0: seen 'wang2020_respw5_hetrom-5', which is not a",
        ),
        ("targets: [wang2020_respw4_hetrom-5, wang2020_respw4_hetrom-7.5]", "targets: seen", "no published row of the"),
        ("[EC50]", "[EMAX]", "profile.0: seen 'EMAX', which is not a fitted parameter; allowed: EC50, NONRESP"),
        ("{scan: 2", "{scans: 2", "search.scans: unknown key; did you mean scan?"),
        ("{scan: 2", "{method: gauss, scan: 2", "search.method: seen 'gauss'"),
        ("median: 30,", "", "fit.yaml:8: fitted.0: seen neither of median and like; needed: the median of the prior"),
        ("median: 30,", "median: 30, like: hetrombopag_wang_2022,", "fitted.0: seen both of median and like"),
        ("median: 30,", "like: hetrombopag_wang_2002,", "fitted.0.like: seen 'hetrombopag_wang_2002', which is not a"),
        ("name: EC50, median: 30,", "name: EMAX, like: eltrombopag_itp_bussel_2007,", "fitted.0.like: seen 'EMAX'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(capsys, tmp_path, old, new, message):
    (tmp_path / "fit.yaml").write_text(GOOD.replace(old, new))
    code, _, err = run(capsys, "fit.yaml")
    assert code == 2 and message in err


def test_a_prior_about_the_value_of_another_set(tmp_path):
    """A typical value and a variance, each as that set has it."""
    (tmp_path / "fit.yaml").write_text(
        GOOD.replace("median: 30,", "like: hetrombopag_itp_mei_2021,").replace(
            "NONRESP, median: 0.11,", "OMEGA_EC50, like: hetrombopag_itp_mei_2021,"
        )
    )
    other, fit = parameter_set("hetrombopag_itp_mei_2021"), load_fit(tmp_path / "fit.yaml")
    assert [prior.median for prior in fit.fitted] == [other.value("EC50"), other.variances["OMEGA_EC50"]]


def test_a_row_that_cannot_be_a_target_says_why(tmp_path):
    rows = EARLY.with_name("hetrombopag_itp_first_in_patient_results.csv").read_text()
    bad = rows.replace("RESPW4,rate,day 28,%,58.3333", "MAXDUR,mean,day 28,d,58.3333")
    (tmp_path / "rows.csv").write_text(bad)
    (tmp_path / "study.yaml").write_text(f"extends: {EARLY}\npublished: {{rows: rows.csv}}\n")
    data = {
        "studies": ["study.yaml"],
        "parameter_set": "hetrombopag_wang_2022",
        "targets": ["wang2020_respw4_hetrom-5"],
    }
    assert [text for _, text in target_problems(data, tmp_path)] == [
        "wang2020_respw4_hetrom-5: seen statistic mean; the endpoint MAXDUR is summarised as median"
    ]


@pytest.mark.parametrize("path", sorted(COMMITTED.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_committed_calibration_is_the_one_in_the_catalogue(path):
    """Medians that are the value of another set too: who calibrates that one again has to run this one after it."""
    fit, record = load_fit(path), read_calibration(path.stem)
    assert {p.name: {"median": p.median, "log_sd": p.log_sd, "reason": p.reason} for p in fit.fitted} == record[
        "priors"
    ]
    assert [p.name for p in fit.fitted] == list(record["values"])
    assert (fit.seed, fit.replicates) == (record["seed"], record["replicates"])
    assert [w.row.row_id for w in wanted_of(fit, studies_of(fit))] == record["targets"]
    if fit.targets == "seen":
        rows = [
            row
            for name in fit.studies
            for row in read_published(Path(name).with_name(f"{Path(name).stem}_results.csv"))
        ]
        assert record["targets"] == [r.row_id for r in rows if r.seen and r.counted]


def test_cutting_the_replicates_into_jobs_changes_no_result():
    fit = load_fit(Path("fit.yaml"))
    studies = studies_of(fit)
    wanted = wanted_of(fit, studies)
    whole, cut = (jobs_of(studies, wanted, workers) for workers in (1, 2))
    assert [list(job.replicates) for _, job in cut] == [[0], [1]]
    (one,), two = ([job_values(*job, {"EC50": 20.0}) for job in jobs] for jobs in (whole, cut))
    assert [part["RESPW4"][0].tolist() for part in two] == one["RESPW4"].tolist()


def test_progress_counts_points_and_stays_at_the_total():
    told, heard = [], []
    bars = lambda title: nullcontext(lambda done, total: told.append((title, done, total)))  # noqa: E731
    with _ticking(bars, "points", 2, heard.append) as tick:
        for point in ("a", "b", "c"):
            tick(point)
    assert told == [("points", 1, 2), ("points", 2, 2), ("points", 2, 2)] and heard == ["a", "b", "c"]


@pytest.mark.parametrize("content", ["[]", "3", '{"values": [1], "targets": [], "note": ""}'])
def test_a_record_that_is_none_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "x.json").write_text(content)
    monkeypatch.setattr(cohorts.calibration, "calibration_file", lambda name: tmp_path / "x.json")
    with pytest.raises(CatalogueError, match=r"x\.json: cannot be read: needed: keys values, targets, note"):
        cohorts.calibration.read_calibration("any")
