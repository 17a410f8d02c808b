"""One study under two structures: weights, mixture, disagreement; refused where no set stands in."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

import trial.app.structures as app
from analysis.evidence import stacking
from analysis.report.structures import _weighed as weighed_note
from cohorts.stand_ins import STAND_INS, behind_weights, weights_of
from cohorts.streams import Streams
from trial.app.loading import load_checked
from trial.cli import main
from trial.errors import Refused
from trial.study.load import load_study

CONFIGS = Path(__file__).parents[2] / "configs"


def test_weights_are_averaged_over_the_bayesian_bootstrap_of_trials():
    """By hand, two trials whose log scores differ by 2 and -1: total 2 (2 g - (1 - g)) for a share g of the first,
    uniform; the mean of 1 / (1 + exp(-(6 g - 2))) over g is (log(1 + e^4) - log(1 + e^-2)) / 6.
    """
    shares = (np.arange(2000) + 0.5) / 2000
    uniforms = np.exp(-np.stack([shares, 1 - shares], axis=1))
    weights = stacking.pseudo_bma_plus({"a": [0.0, -3.0], "b": [-2.0, -2.0]}, uniforms)
    assert weights["a"] == pytest.approx((np.log1p(np.exp(4)) - np.log1p(np.exp(-2))) / 6, abs=1e-5)
    assert sum(weights.values()) == pytest.approx(1)
    one = stacking.pseudo_bma_plus({"a": [np.log(0.1)], "b": [np.log(0.025)]}, np.array([[0.3]]))
    assert one == {"a": pytest.approx(0.8), "b": pytest.approx(0.2)}, "a single trial: its densities, 4 to 1"
    assert stacking.pseudo_bma_plus({"a": [-2000.0], "b": [-1e4]}, np.array([[0.3]])) == {"a": 1.0, "b": 0.0}
    with pytest.raises(ValueError, match="no row is predicted by both"):
        stacking.pseudo_bma_plus({"a": [], "b": []}, np.empty((1, 0)))


def test_the_shares_of_trials_are_uniform_over_the_simplex():
    """Dirichlet(1, 1): a set better by d in the first of two trials has weight above 1/2 as often as g > 1/2."""
    uniforms = Streams(1).uniforms("trials", 0, 0, first=8000).reshape(4000, 2)
    weights = stacking.pseudo_bma_plus({"a": [1000.0, 0.0], "b": [0.0, 1000.0]}, uniforms)
    assert weights["a"] == pytest.approx(0.5, abs=4 * 0.5 / 4000**0.5)
    weights = stacking.pseudo_bma_plus({"a": [3000.0, 0.0], "b": [0.0, 1000.0]}, uniforms)
    assert weights["a"] == pytest.approx(0.75, abs=4 * 0.5 / 4000**0.5), "3 g > 1 - g: g over 1/4"


def test_a_row_that_one_set_cannot_be_scored_by_counts_for_none(monkeypatch):
    scores = iter([-1.0, None, -2.0, -3.0, -4.0, None])
    rows = [SimpleNamespace(endpoint=code) for code in ("A", "B", "C")]
    monkeypatch.setattr(app, "endpoint_summaries", lambda study, codes: {})
    monkeypatch.setattr(app, "of_row", lambda *_: None)
    monkeypatch.setattr(app, "log_score", lambda *_: next(scores))
    study = SimpleNamespace(model_copy=lambda update: None)
    assert app.scores_of(study, ("a", "b"), rows) == [(-1.0, -3.0)] and app.scores_of(study, ("a", "b"), []) == []


def test_the_stacked_result_is_the_weighted_mixture_and_the_difference_is_paired():
    """By hand: 10 and 20 with weight 3/4, 30 and 44 with 1/4: mean 20.5; differences 20 and 24."""
    by_set = {"a": np.array([10.0, 20.0, np.nan]), "b": np.array([30.0, 44.0, 1.0])}
    rows = {r.which: r for r in stacking.stack(by_set, {"a": 0.75, "b": 0.25}, "E", "label", "drug", "%")}
    assert [rows[n].weight for n in ("a", "b", "stacked", "difference")] == [0.75, 0.25, None, None]
    assert (rows["a"].estimate, rows["b"].estimate, rows["stacked"].estimate) == (15.0, 37.0, 20.5)
    assert (rows["stacked"].low, rows["stacked"].high) == (10.0, 44.0)
    assert (rows["difference"].estimate, rows["difference"].low, rows["difference"].high) == (22.0, 20.0, 24.0)
    assert all(r.replicates == 2 for r in rows.values())
    assert stacking.stack({"a": np.full(2, np.nan), "b": np.ones(2)}, {"a": 1, "b": 0}, "E", "", "", "") == []


def test_a_weighted_quantile_is_the_value_that_the_weight_reaches():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.25, 0.25, 0.5])
    assert [stacking.quantile(values, weights, x) for x in (0.0, 0.25, 0.26, 0.75, 0.76, 1.0)] == [1, 1, 2, 2, 3, 3]


def test_weights_of_the_catalogue_add_up():
    for pair in STAND_INS:
        weights = weights_of(pair.empirical)
        rows, trials = behind_weights(pair.empirical)
        assert rows >= trials >= 1 and min(weights.values()) > 0.01, "so few trials decide nothing"
        assert weights == weights_of(pair.mechanism) and sum(weights.values()) == pytest.approx(1)


@pytest.mark.parametrize(("value", "said"), [("two", "seen 'two'; allowed: own, both"), ("both", "no set stands in")])
def test_what_cannot_be_stacked_is_refused_before_anything_runs(tmp_path, capsys, value, said):
    config = CONFIGS / "published" / "avatrombopag_itp_phase2.yaml"
    assert main(["run", str(config), "--structures", value, "--out", str(tmp_path / "run")]) == 2
    assert said in re.sub(r"\s+", " ", capsys.readouterr().err) and not (tmp_path / "run").exists()


def test_the_sets_of_a_study_and_its_stand_in(tmp_path):
    study = load_checked(CONFIGS / "published" / "hetrombopag_itp_phase3.yaml").study
    assert app.pair_of(study) == ("hetrombopag_itp_mei_2021", "hetrombopag_wang_2022")
    with pytest.raises(Refused, match="hetrombopag_itp_mei_2021 and hetrombopag_wang_2022"):
        app.pair_of(study.model_copy(update={"parameter_set": "hetrombopag_cit_qin_2024"}))
    assert stacking.read(tmp_path) == []


def test_what_the_other_structure_cannot_tell_is_refused_before_anything_runs(tmp_path, capsys):
    config = CONFIGS / "published" / "eltrombopag_itp_china_phase3.yaml"
    out = tmp_path / "run"
    given = ["--structures", "both", "--set", "parameter_uncertainty=fitted", "--out", str(out)]
    assert main(["run", str(config), *given]) == 2
    said = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert "under eltrombopag_itp_hayes_2011, which stands in for eltrombopag_itp_yang_2016" in said
    assert "standard error" in said and "Traceback" not in said and not out.exists()


def test_the_drug_of_a_stage_gets_its_stand_in_too_or_is_refused():
    study = load_study(CONFIGS / "hetrombopag_itp_phase3_stages.yaml", replicates=1)
    studies = app.refuse_unusable_pair(study)
    own, other = studies.values()
    drugs = [[g.parameter_set for s in one.stages for g in s.arms.values() if g.parameter_set] for one in (own, other)]
    assert drugs == [["eltrombopag_itp_yang_2016"], ["eltrombopag_itp_hayes_2011"]] and own == study
    few = other.model_copy(update={"patients": 4})
    assert app.drawn_of(few, 1)["RESPW8"].shape == (1, 3), "it was a KeyError 'KA1'"
    stage = study.stages[1]
    lone = stage.arms["Placebo"].model_copy(update={"parameter_set": "hetrombopag_cit_qin_2024"})
    stages = (study.stages[0], stage.model_copy(update={"arms": {"Placebo": lone}}), *study.stages[2:])
    with pytest.raises(Refused, match="no set stands in for hetrombopag_cit_qin_2024, which a stage gives"):
        app.studies_of(study.model_copy(update={"stages": stages}))


def test_a_cluster_works_on_both_structures(tmp_path, monkeypatch):
    asked = []
    study = load_study(CONFIGS / "published" / "hetrombopag_itp_phase3.yaml", replicates=1)
    monkeypatch.setattr(app, "drawn_of", lambda one, workers, dask: asked.append((one.parameter_set, dask)) or {})
    app.write_structures(study, tmp_path, 1, "local:2")
    assert asked == [("hetrombopag_itp_mei_2021", "local:2"), ("hetrombopag_wang_2022", "local:2")]


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        ((7, 2), "a 0.250, b 0.750; pseudo-BMA+ on 7 predicted rows of 2 trials; so few"),
        ((1, 1), "1 predicted row of 1 trial;"),
        ((40, 9), "40 predicted rows of 9 trials."),
        ((0, 0), "equal"),
    ],
)
def test_the_note_says_the_weights_and_what_is_behind_them(behind, said):
    values = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    rows = stacking.stack(values, {"a": 0.25, "b": 0.75}, "E", "label", "drug", "%", behind)
    assert said in weighed_note(rows, ["a", "b"])


@pytest.mark.slow
def test_a_run_under_both_structures_has_the_own_one_unchanged_and_a_table(tmp_path):
    """The mean of the study's own set is that of its estimates; every number of the table is read back by its key."""
    folder = tmp_path / "r"
    assert main(["run", str(CONFIGS / "smoke.yaml"), "--structures", "both", "--out", str(folder)]) == 0
    rows = {(r.endpoint, r.arm, r.which): r for r in stacking.read(folder)}
    estimates = pq.read_table(folder / "estimates.parquet").to_pylist()
    rates = [e for e in estimates if (e["SCOPE"], e["PARCAT1"], e["STAT"]) == ("replicates", "endpoint", "rate")]
    over = {(e["PARAMCD"], e["ARM"]): e["ESTIMATE"] for e in rates if not e["COMPARATOR"]}
    for arm in ("HETROM-2.5", "HETROM-5", "Placebo"):
        assert rows["RESPW8", arm, "hetrombopag_itp_mei_2021"].estimate == pytest.approx(over["RESPW8", arm])
    page = (folder / "report.html").read_text()
    keys = set(re.findall(r'structures/(RESPW8\|[^/"]*)/estimate', page))
    assert len(keys) == 12 and {tuple(key.split("|")) for key in keys} <= set(rows)
