"""What goes on around the search of a calibration: what is told, kept and refused; on functions instead of trials."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import trial.app.calibration as run
from analysis.evidence.calibration import Fitted, Measure, Point, objective
from cohorts.sets import parameter_set
from trial.app.calibration import _fitted, _fitted_record, _kept, _uncertainty, extended, path_of
from trial.errors import Refused
from trial.study.fit import FittedParameter

MEI = "hetrombopag_itp_mei_2021"
SEARCH = SimpleNamespace(scan=4, starts=2, evaluations=6, profile_evaluations=5, method="simplex")


class Bars:
    """Keeps what progress is told, by title."""

    def __init__(self):
        self.told = {}

    @contextmanager
    def __call__(self, title):
        self.told[title] = []
        yield lambda done, total: self.told[title].append((done, total))


def point(distance, **values):
    return Point(values, distance, {})


def kept(tmp_path, *distances, stop=None):
    said, path = [], tmp_path / "x.calibration.json"
    left = tmp_path / "x.unfinished.calibration.json"
    told = []
    say_of = lambda p, points, seconds: {"distance": p.distance, "points": points, "quick": 0 <= seconds < 60}  # noqa: E731
    try:
        with _kept(path, say_of, said.append) as keep:
            for k, d in enumerate(distances):
                keep(point(d, A=1.0 + k))
                told.append(json.loads(left.read_text()))
            if stop:
                raise stop
    except (KeyboardInterrupt, ValueError):
        told.append(None)
    return said, told, left.exists()


def test_the_best_point_so_far_is_on_disk_and_news_is_one_per_cent_better(tmp_path):
    """10, then 9.95 (better, no news), 9.85 (1 % better than that), 12, 9.85 again."""
    said, told, left = kept(tmp_path, 10.0, 9.95, 9.85, 12.0, 9.85)
    assert [line.split(":")[0] for line in said] == ["point 1", "point 3"]
    assert said[1] == "point 3: distance 9.85  A 3"
    assert [(record["distance"], record["points"]) for record in told] == [
        (10.0, 1), (9.95, 2), (9.85, 3), (9.85, 3), (9.85, 3),
    ]  # fmt: skip
    assert all(record["quick"] for record in told) and told[0]["note"].startswith("unfinished: the best of the first 1")
    assert not left, "finished work has its own file"


def test_exactly_one_per_cent_is_no_news(tmp_path):
    assert len(kept(tmp_path, 100.0, 99.0)[0]) == 1 and len(kept(tmp_path, 100.0, 98.99)[0]) == 2


def test_an_interruption_says_where_the_best_point_is(tmp_path):
    said, _, left = kept(tmp_path, 10.0, 11.0, stop=KeyboardInterrupt())
    assert (
        left
        and said[-1].startswith("the best of 2 points, distance 10.00, is in ")
        and said[-1].endswith("x.unfinished.calibration.json")
    )
    assert kept(tmp_path / "none", stop=KeyboardInterrupt())[0] == []


def test_without_any_point_nothing_is_left_behind(tmp_path):
    assert kept(tmp_path) == ([], [], False)


FITTED = [Fitted("A", 1.0, 1.0, ""), Fitted("B", 2.0, 0.5, "")]
TARGETS = [Measure("sum", 1.0, 0.3, log=True), Measure("skew", 1.0, 0.6, log=True)]


def simulate(values):
    return {"sum": values["A"] * values["B"], "skew": values["A"] / values["B"] ** 2}


def test_progress_counts_every_point_around_the_best(tmp_path):
    """Two parameters: 1 + 4 x 2 + 2 x 1 points of the curvature; of a profile at most 4 starts and 4 x 5 points."""
    bars, at = Bars(), partial(objective, TARGETS, FITTED, simulate)
    fit = SimpleNamespace(profile=["B"], search=SEARCH)
    found = _uncertainty(fit, FITTED, at, at()(np.zeros(2)), bars)
    assert bars.told["points around the best"] == [(k, 11) for k in range(1, 12)]
    held = bars.told["points of the profile of B, at most"]
    assert {total for _, total in held} == {4 * 6} and 4 < held[-1][0] <= 24
    assert set(found["identifiability"]) == set(found["uncertainty"]["rse_percent"]) == {"A", "B"}
    assert [len(values) for values in found["profile"].values()] == [5] and list(found["profile"]) == ["B"]


def test_numbers_of_the_uncertainty_have_three_decimals(tmp_path):
    """Curvature by hand on the standardised scale: J'J / sd^2 + 1 with J = [[1, 0.5], [1, -1]]."""
    at = partial(objective, TARGETS, FITTED, simulate)
    best = at()(np.array([0.0, -2 * np.log(2.0)]))
    slopes = np.array([[1.0, 0.5], [1.0, -1.0]]) / np.array([[0.3], [0.6]])
    hessian = slopes.T @ slopes + np.eye(2)
    said = _uncertainty(SimpleNamespace(profile=[], search=SEARCH), FITTED, at, best, Bars())["uncertainty"]
    covariance = np.linalg.inv(hessian)
    rho = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert said["correlation"] == [[1.0, round(rho, 3)], [round(rho, 3), 1.0]]
    assert said["eigenvalues"] == np.round(np.linalg.eigvalsh(hessian), 3).tolist()
    assert said["steps_prior_sds"] == np.round(np.sqrt(2 / np.diag(hessian)), 3).tolist()


def test_the_profile_and_the_ratio_have_three_decimals_too():
    at = partial(objective, TARGETS, FITTED, simulate)
    found = _uncertainty(SimpleNamespace(profile=["A"], search=SEARCH), FITTED, at, at()(np.zeros(2)), Bars())
    numbers = [h["rise"] for h in found["profile"]["A"]]
    numbers += [said["posterior_over_prior_sd"] for said in found["identifiability"].values()]
    assert all(x == round(x, 3) for x in numbers) and any(x != round(x, 2) for x in numbers)


@pytest.mark.parametrize("uncertain", [True, False])
def test_a_record_is_the_best_point_with_what_is_known_of_it(monkeypatch, uncertain):
    fit = SimpleNamespace(search=SEARCH, fitted=[], parameter_set=MEI, profile=[])
    wanted = [SimpleNamespace(target=target) for target in TARGETS]
    monkeypatch.setattr(run, "_fitted", lambda fit: FITTED)
    monkeypatch.setattr(run, "_uncertainty", lambda *_: {"uncertainty": "known"})
    heard, bars = [], Bars()
    say_of = lambda best, points, seconds: {"best": best, "points": points, "quick": 0 <= seconds < 60}  # noqa: E731
    made = _fitted_record(fit, wanted, simulate, uncertain, say_of, heard.append, bars)
    assert made["points"] == len(heard) and made["quick"] and made["best"].distance == min(p.distance for p in heard)
    assert ("uncertainty" in made) == uncertain
    assert bars.told["points, at most"][0] == (1, 1 + 4 + 2 * 6) and 5 < len(heard) <= 17
    monkeypatch.setattr(run, "search", lambda *_, **__: ["the best", "the next"])
    assert _fitted_record(fit, wanted, simulate, uncertain, say_of, heard.append, bars)["best"] == "the best"


def test_a_share_is_fitted_on_the_log_odds():
    fit = SimpleNamespace(parameter_set="hetrombopag_wang_2022", fitted=[
        FittedParameter(name="EC50", median=30.0, log_sd=1.0, reason="r"),
        FittedParameter(name="NONRESP", median=0.11, log_sd=0.5, reason="s"),
    ])  # fmt: skip
    assert _fitted(fit) == [Fitted("EC50", 30.0, 1.0, "r", False), Fitted("NONRESP", 0.11, 0.5, "s", True)]


def test_where_a_record_goes(tmp_path):
    own = SimpleNamespace(id="mine", parameter_set=str(tmp_path / "sets" / "mine.json"))
    assert path_of(own, tmp_path / "out") == tmp_path / "out" / "mine.calibration.json"
    with pytest.raises(Refused, match="is not a set of the catalogue; give a folder with --out"):
        path_of(own, None)
    catalogued = SimpleNamespace(id="x", parameter_set=MEI)
    assert path_of(catalogued, None).name == f"{MEI}.calibration.json"
    assert extended(catalogued, tmp_path / "a.json") == MEI and parameter_set(MEI)
    assert extended(own, tmp_path / "out" / "mine.calibration.json") == "../sets/mine.json"


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Calls ``calibrate`` without a search: what was asked, and the record and its path."""
    asked = {}
    fit = SimpleNamespace(id="x", parameter_set=MEI, fitted=[1, 2])
    monkeypatch.setattr(run, "load_fit", lambda *_: fit)
    monkeypatch.setattr(run, "studies_of", lambda fit: [])
    monkeypatch.setattr(run, "wanted_of", lambda fit, studies: [1, 2, 3])
    monkeypatch.setattr(run, "cores", lambda: 5)
    monkeypatch.setattr(run, "calibration_file", lambda name: tmp_path / "catalogue" / f"{name}.calibration.json")
    monkeypatch.setattr(run, "jobs_of", lambda studies, wanted, workers: asked.update(workers=workers))
    monkeypatch.setattr(run, "_fitted_record", lambda *a: asked.update(uncertain=a[3]) or {"id": "x"})

    def call(**said):
        lines = []
        record, path = run.calibrate(Path("fit.yaml"), **{"out": tmp_path / "a" / "out"} | said, say=lines.append)
        return asked, record, path, lines

    return call


def test_an_earlier_record_is_replaced_only_when_asked_or_in_the_catalogue(called, tmp_path):
    asked, record, path, lines = called()
    assert path == tmp_path / "a" / "out" / "x.calibration.json" and json.loads(path.read_text()) == record == {
        "id": "x"
    }
    assert asked == {"workers": 5, "uncertain": True} and lines == [f"x: 2 parameters of {MEI}, 3 targets"]
    with pytest.raises(Refused, match="a result is already there"):
        called()
    assert called(overwrite=True, workers=2, uncertainty=False)[0] == {"workers": 2, "uncertain": False}
    for _ in range(2):
        assert called(out=None)[2] == tmp_path / "catalogue" / f"{MEI}.calibration.json"
