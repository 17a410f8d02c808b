"""Models of the response by dose against the printed examples of R's DoseFinding and closed forms; rows; refusals."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_run import CONFIG
from pydantic import ValidationError

from analysis import endpoints
from analysis.statistics.dose_finding import estimate_dose_response, flat_shapes, logit_means
from analysis.statistics.dose_models import fit, forms, target_dose
from analysis.statistics.dose_response import (
    DoseMeans,
    below_level,
    contrast_tests,
    dose_means,
    emax,
    linear,
    mcp,
    quadratic,
)
from analysis.statistics.summaries import Summary
from trial.app.echo_analysis import analysis_in_words
from trial.study.arms import Arm
from trial.study.dose_response import CandidateShape, DoseResponse
from trial.study.study import Study

IBS = Path(__file__).parents[1] / "qc" / "statistics" / "IBScovars.csv"
SHAPES = [{"shape": "linear"}, {"shape": "emax", "ed50": 2.0}]


def ibs(adjusted: bool) -> DoseMeans:
    lines = [line.replace('"', "").split(",") for line in IBS.read_text().splitlines()[1:]]
    gender, response, dose = np.array(lines, float).T
    return dose_means(response, dose, gender if adjusted else None)


def test_an_emax_curve_is_that_of_dosefinding() -> None:
    """Its page of fitMod: fitMod(dose, resp, data=IBScovars, model="emax"); its errors have the residual variance
    of the curve, 366 degrees of freedom, in place of that of the means, 364.
    """
    curve = fit(forms()["emax"], ibs(adjusted=False))
    assert [*curve.weights, *curve.searched] == pytest.approx([0.2171129, 0.3773367, 0.3628365], abs=2e-5)
    low, high = curve.band(np.array([0, 0.5, 1.0]))
    assert (low + high) / 2 == pytest.approx([0.2171129, 0.4357735, 0.4939889], abs=1e-6)
    q = curve.gaic - 6
    assert (high - low) / 2 / 1.959964 * np.sqrt((364 + q) / 366) == pytest.approx(
        [0.09028418, 0.13019577, 0.08060712], rel=1e-4
    )


def test_a_curve_through_estimates_is_that_of_dosefinding() -> None:
    """The same page, fitMod(type="general") adjusted for gender: coefficients, covariance and gAIC, which counts no
    value at dose 0.
    """
    curve = fit(forms()["emax"], ibs(adjusted=True))
    assert (curve.weights[1], curve.searched[0]) == pytest.approx((0.3771103, 0.3630332), abs=2e-5)
    assert curve.gaic - 2 == pytest.approx(4.098152, abs=1e-6)
    assert curve.covariance is not None
    assert curve.covariance[[2, 2, 0], [2, 0, 0]] == pytest.approx([0.02314275, 0.0747923, 0.5955193], rel=2e-4)


def test_a_target_dose_of_a_straight_line_by_hand() -> None:
    """Means 0, 1, 2, 3 at 0 to 3 mg, variance 0.2 each: slope 1, its variance 0.2/5; 1.5 is reached at 1.5 mg."""
    curve = fit(forms()["linear"], DoseMeans(np.arange(4.0), np.arange(4.0), 0.2 * np.eye(4)))
    found = target_dose(curve, 1.5, 3.0)
    factor = np.exp(1.959964 * 0.2)
    assert (found.dose, found.low, found.high) == pytest.approx((1.5, 1.5 / factor, 1.5 * factor), rel=1e-6)
    assert np.isnan(target_dose(curve, 3.1, 3.0).dose)
    assert np.isnan(target_dose(curve, -1.0, 3.0).dose)


@pytest.mark.parametrize(
    ("shape", "searched", "weights"),
    [
        ("emax", [1.3], [0.2, 2.0]),
        ("sigmoid_emax", [2.0, 3.0], [0.1, 1.5]),
        ("logistic", [2.5, 0.8], [0.3, 1.1]),
        ("exponential", [2.0], [0.2, 0.4]),
        ("quadratic", [], [0.2, 1.0, -0.15]),
        ("log_linear", [], [0.4, 0.9]),
    ],
)
def test_a_curve_without_error_is_found_again(shape: str, searched: list[float], weights: list[float]) -> None:
    doses, form = np.array([0, 0.5, 1, 2, 3, 5.0]), forms()[shape]
    made = form.columns(doses, np.array(searched)) @ np.array(weights)
    curve = fit(form, DoseMeans(doses, made, 0.01 * np.eye(6)))
    assert form.parameters == len(searched) + len(weights)
    assert curve.gaic == pytest.approx(2 * form.parameters, abs=1e-4)
    assert curve.searched == pytest.approx(searched, rel=5e-3)
    assert curve.weights == pytest.approx(weights, rel=5e-3)


def test_logits_by_hand_and_with_half_an_event_where_a_dose_has_none() -> None:
    doses = np.array([0, 1.0])
    whole = logit_means(np.array([10, 20.0]), np.array([40, 40.0]), doses)
    assert whole and whole.mean == pytest.approx([np.log(1 / 3), 0])
    assert np.diag(whole.covariance) == pytest.approx([1 / 10 + 1 / 30, 0.1])
    empty = logit_means(np.array([0, 20.0]), np.array([9, 40.0]), doses)
    assert empty and empty.mean == pytest.approx([np.log(0.5 / 9.5), 0])
    assert logit_means(np.array([0, 2.0]), np.array([0, 4.0]), doses) is None


@pytest.mark.parametrize(("df", "trials"), [(np.inf, 6), (30.0, 1)])
def test_a_signal_is_an_adjusted_p_below_the_level(df: float, trials: int) -> None:
    rng, shapes = np.random.default_rng(8), {"l": linear(), "e": emax(0.2), "q": quadratic(-0.17)}
    for _ in range(trials):
        means = DoseMeans(np.arange(5.0), rng.normal(0, 1, 5) + 0.6 * np.arange(5), np.eye(5), df)
        _, t, correlation = contrast_tests(means, shapes)
        assert (below_level(t, correlation, df, 0.025) == (mcp(means, shapes).adjusted < 0.025)).all()


@pytest.mark.slow
def test_without_an_effect_a_signal_is_as_rare_as_its_level() -> None:
    """2,000 trials of normal means, level 5 %: within four Monte Carlo errors."""
    rng, shapes = np.random.default_rng(3), {"l": linear(), "e": emax(0.2), "q": quadratic(-0.17)}
    found = 0
    for _ in range(2000):
        _, t, correlation = contrast_tests(DoseMeans(np.arange(5.0), rng.normal(size=5), np.eye(5)), shapes)
        found += bool(below_level(t, correlation, np.inf, 0.05).any())
    assert found / 2000 == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 2000))


def study(arms: list[dict] | None = None, with_rule: bool = False, **asked: object) -> Study:
    """Four arms on fixed doses, or on doses that are titrated; replicate 1 is named."""
    config = deepcopy(CONFIG)
    rule = {"dose_rule": "steps"} if with_rule else {}
    config["arms"] = arms or [
        {"id": f"D{k}", "start_dose_mg": dose, "placebo": k == 0, **rule} for k, dose in enumerate((2.5, 2.5, 5.0, 7.5))
    ]
    config["randomisation"] = {"block_size": len(config["arms"])}
    config["published"] = None
    if not with_rule:
        del config["dose_rules"]
    config["analysis"] |= {"reference_arm": None, "dose_response": {"shapes": SHAPES} | asked}
    return Study.model_validate(config)


def summary(events: list[list[float]], n: float = 50.0) -> Summary:
    """Replicates by arms."""
    x = np.array(events)
    nobody, r = np.empty((*x.shape, 0)), len(x)
    return Summary(
        x, np.full(x.shape, n), np.full(x.shape, np.nan), nobody, np.empty((2, r, x.shape[1], 0), dtype=np.int32),
        tuple(np.empty(0) for _ in x[0]), tuple(Counter() for _ in x[0]), Counter(), 1,
    )  # fmt: skip


def rows(found: Summary, settings: Study) -> dict[tuple[str, str, str], object]:
    made = estimate_dose_response(Path("none"), {"RESPW8": found}, settings)
    assert len({e.name for e in made}) == len(made)
    return {(e.STAT, e.CATEGORY, e.SCOPE): e for e in made}


def test_rows_count_signals_models_and_target_doses_over_replicates() -> None:
    """Three replicates: none, a clear rise that levels off, a straight one on the logit scale."""
    e = rows(summary([[10, 10, 10, 10], [2, 30, 33, 34], [5, 10, 18, 29]]), study(target=20.0))
    assert pytest.approx(200 / 3) == e["signal", "", "replicates"].ESTIMATE
    assert pytest.approx(100 / 3) == e["chosen model", "emax (ed50 2)", "replicates"].ESTIMATE
    assert pytest.approx(100 / 3) == e["chosen model", "linear", "replicates"].ESTIMATE
    assert e["chosen model", "emax (ed50 2)", "replicate"].ESTIMATE == 1
    assert ("chosen model", "linear", "replicate") not in e
    one = e["target dose", "", "replicate"]
    assert 0 < one.CI_LOW < one.ESTIMATE < one.CI_HIGH and one.UNIT == "mg" and "delta method" in one.CI_METHOD
    over = e["target dose", "", "replicates"]
    assert over.R == 2 and over.NOTE == "1 of 3 replicates without such a dose left out"
    assert pytest.approx(200 / 3) == e["target dose found", "", "replicates"].ESTIMATE
    seen = e["at dose", "2.5", "replicate"]
    assert (seen.N_EVENT, seen.N, seen.ESTIMATE) == (30, 50, 60.0)
    at = [e["curve", f"{dose:.6g}", "replicate"].ESTIMATE for dose in np.linspace(0, 7.5, 25)]
    none = at[0]
    assert np.interp(one.ESTIMATE, np.linspace(0, 7.5, 25), at) == pytest.approx(none + 20, abs=2)


def test_arms_of_one_dose_are_one_group() -> None:
    arms = [{"id": f"D{k}", "start_dose_mg": dose} for k, dose in enumerate((0.0, 2.5, 2.5, 7.5))]
    e = rows(summary([[5, 10, 14, 29]] * 2), study(arms))
    assert (e["at dose", "2.5", "replicate"].N_EVENT, e["at dose", "2.5", "replicate"].N) == (24, 100)


def test_nothing_is_modelled_without_a_signal() -> None:
    e = rows(summary([[10, 10, 10, 10]] * 3), study(target=20.0))
    assert e["signal", "", "replicates"].ESTIMATE == 0
    assert not [name for name in e if name[0] in ("chosen model", "target dose", "curve") and name[2] == "replicate"]


BAD = [
    ({"titrated": "refused"}, True, "D0, D1, D2, D3 have a dose rule, so that arms are no doses; allowed: titrated"),
    ({"titrated": "start_dose"}, False, "seen start_dose, but no arm has a dose rule"),
    ({"shapes": [{"shape": "linear"}] * 2}, False, "seen linear, which is already"),
    ({"endpoint": "RESPW9"}, False, "RESPW8"),
]


@pytest.mark.parametrize(("asked", "titrated", "said"), BAD)
def test_what_has_no_effect_is_refused(asked: dict, titrated: bool, said: str) -> None:
    found = [
        text
        for path, text in endpoints.study_problems(study(with_rule=titrated, **asked))
        if path[1] == "dose_response"
    ]
    assert len(found) == 1 and said in found[0]


def test_two_doses_and_curves_with_more_numbers_than_doses_are_refused() -> None:
    two = [{"id": f"D{k}", "start_dose_mg": dose} for k, dose in enumerate((0.0, 5.0))]
    said = [text for _, text in endpoints.study_problems(study(two))]
    assert said == ["seen 2 doses (0, 5 mg); allowed: 3 or more; a placebo arm counts as dose 0"]
    three = [{"id": f"D{k}", "start_dose_mg": dose} for k, dose in enumerate((0.0, 5.0, 7.5))]
    sigmoid = {"shape": "sigmoid_emax", "ed50": 2.0, "hill": 2.0}
    said = [text for _, text in endpoints.study_problems(study(three, shapes=[sigmoid]))]
    assert said == ["seen sigmoid_emax, whose curve has 4 numbers; 3 doses do not tell them"]


def test_without_an_arm_at_dose_0_a_target_is_refused_and_curves_begin_at_the_lowest_dose() -> None:
    arms = [{"id": f"D{k}", "start_dose_mg": dose} for k, dose in enumerate((2.5, 5.0, 7.5))]
    said = [(path, text) for path, text in endpoints.study_problems(study(arms, target=20.0))]
    assert [path for path, _ in said] == [("analysis", "dose_response", "target")]
    assert said[0][1].startswith("seen 20, an effect over no drug, but the lowest dose is 2.5 mg; allowed: with an arm")
    assert not list(endpoints.study_problems(study(arms)))
    e = rows(summary([[5, 18, 35]] * 2), study(arms))
    for scope in ("replicate", "replicates"):
        at = [float(dose) for stat, dose, of in e if (stat, of) == ("curve", scope)]
        assert len(at) == 25 and (min(at), max(at)) == (2.5, 7.5)


def test_an_ed50_at_its_bound_is_said() -> None:
    """A straight line on the logit scale is no Emax curve: ED50 goes to 1.5 times the largest dose."""
    straight = DoseMeans(np.arange(4.0), np.arange(4.0), 0.2 * np.eye(4))
    curve = fit(forms()["emax"], straight)
    assert curve.searched == pytest.approx([4.5], rel=1e-3) and curve.at_bounds(3.0) == ("ED50",)
    bent = replace(straight, mean=np.arange(4.0) / (1 + np.arange(4.0)))
    assert fit(forms()["emax"], bent).at_bounds(3.0) == fit(forms()["linear"], bent).at_bounds(3.0) == ()
    asked = {"shapes": [{"shape": "emax", "ed50": 2.0}], "target": 20.0}
    for events, said in (([5, 10, 18, 29], True), ([2, 25, 32, 36], False)):
        e = rows(summary([events] * 2), study(**asked))
        notes = {e[stat, of, "replicate"].NOTE for stat, of in (("chosen model", "emax (ed50 2)"), ("target dose", ""))}
        assert notes == {"ED50 at its bound: limits are not to be trusted" if said else ""}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"shape": "emax"}, "needed for shape: emax"),
        ({"shape": "linear", "ed50": 2.0}, "shape: linear has no guesses"),
        ({"shape": "logistic", "ed50": 2.0, "delta": -1.0}, "allowed: above 0"),
    ],
)
def test_guesses_belong_to_their_shape(shape: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        study(shapes=[shape])


def test_check_and_plan_say_it_and_name_the_bias() -> None:
    settings = study(with_rule=True, titrated="start_dose", target=20.0)
    line = next(line for line in analysis_in_words(settings) if line.startswith("dose response"))
    assert "MCP-Mod of RESPW8, linear, emax (ed50 2); one-sided 0.025; model by least gAIC" in line
    assert "the curve is flatter than that of fixed doses" in line


def test_a_measured_endpoint_is_tested_by_its_means(tmp_path: Path) -> None:
    """Two patients a dose, means 1, 2, 3, 4 and a variance of 2 within: t by hand of the straight contrast."""
    settings = study(endpoint="PLTW8", target=15.0)
    arms, doses = [f"D{k}" for k in range(4) for _ in range(2)], np.repeat([0, 2.5, 5.0, 7.5], 2)
    value = 10 * (1 + doses / 2.5) + np.tile([-1.0, 1.0], 4)
    table = pa.table(
        {
            "IREP": pa.array(np.repeat([0, 1, 2], 8), pa.int32()),
            "ARM": pa.array(arms * 3).dictionary_encode(),
            "PARAMCD": pa.array(["PLTW8"] * 24).dictionary_encode(),
            "AVAL": np.tile(value, 3),
        }
    )
    pq.write_table(table, tmp_path / "endpoints.parquet")
    found = replace(
        summary([[np.nan] * 4] * 3),
        sizes=np.full((3, 4), 2.0),
        values=tuple(value[2 * k : 2 * k + 2] for k in range(4)),
    )
    made = estimate_dose_response(tmp_path / "endpoints.parquet", {"PLTW8": found}, settings)
    e = {(row.STAT, row.CATEGORY, row.SCOPE): row for row in made}
    c = np.array([-3, -1, 1, 3]) / np.sqrt(20)
    assert pytest.approx(c @ [10, 20, 30, 40] / np.sqrt(2 / 2)) == e["t", "linear", "replicate"].ESTIMATE
    seen = e["at dose", "2.5", "replicate"]
    assert seen.ESTIMATE == 20 and pytest.approx(20 + 12.706205 * np.sqrt(2) / np.sqrt(2)) == seen.CI_HIGH
    assert seen.UNIT == "10^9/L" and pytest.approx(3.75, rel=0.02) == e["target dose", "", "replicate"].ESTIMATE


def test_forms_at_a_dose_by_hand() -> None:
    """The column beside the constant at doses 0 and 4; logistic 1 / (1 + exp((2 - d) / 2))."""
    known, doses = forms(3.0), np.array([0.0, 4.0])
    searched = {"exponential": [2.0], "emax": [4.0], "sigmoid_emax": [2.0, 2.0], "logistic": [2.0, 2.0]}
    wanted = {
        "linear": [0, 4], "log_linear": [np.log(3), np.log(7)], "exponential": [0, np.exp(2) - 1], "emax": [0, 0.5],
        "sigmoid_emax": [0, 16 / 20], "logistic": [1 / (1 + np.e), 1 / (1 + 1 / np.e)],
    }  # fmt: skip
    for name, values in wanted.items():
        made = np.asarray(known[name].columns(doses, searched.get(name, [])))
        assert values == pytest.approx(made[:, 1]) and (made[:, 0] == 1).all(), name
    np.testing.assert_allclose(known["quadratic"].columns(doses, []), [[1, 0, 0], [1, 4, 16]])


@pytest.mark.parametrize(
    ("shape", "rises"),
    [
        (CandidateShape(shape="sigmoid_emax", ed50=1e6, hill=6), False),
        (CandidateShape(shape="emax", ed50=1e-6), True),
        (CandidateShape(shape="exponential", delta=1e-3), False),
        (CandidateShape(shape="logistic", ed50=500.0, delta=1.0), False),
        (CandidateShape(shape="linear"), True),
    ],
)
def test_a_shape_without_a_contrast_is_refused(shape: CandidateShape, rises: bool) -> None:
    """At 0 and 5 mg an Emax curve reaches 2e-32 of its range; exp(5000) is no number; the logistic is below 1e-214."""
    arms = [Arm(id="P", label="P", placebo=True, start_dose_mg=5), Arm(id="A", label="A", start_dose_mg=5)]
    assert flat_shapes(DoseResponse(shapes=(shape,)), arms) == ([] if rises else [0])
