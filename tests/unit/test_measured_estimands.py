"""Estimands of counts at a visit: strategies by hand, truths another way, estimators against other code."""

from __future__ import annotations

from dataclasses import replace
from math import log, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from made_run import CONFIG, make_run_folder, read_run
from pydantic import ValidationError
from scipy import stats
from tiny_trial import WEEKS, Patient, records, study

import trial.app.estimands as app
from analysis import endpoints
from analysis.endpoints.records import from_tables
from analysis.endpoints.strategies import as_observed, measured_value
from analysis.evidence import estimands as pure
from analysis.report import estimands as chapter
from analysis.report.number_origins import plain_text
from analysis.statistics import longitudinal, measured_estimands
from trial.app import imputed
from trial.app.sap import plan_in_words
from trial.cli import main
from trial.jobs.work import simulate_replicates
from trial.study.analysis_plan import Longitudinal
from trial.study.estimand import Estimand
from trial.study.load import load_study

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
LIMIT = {"bias_limit": 1}
RESCUED = Patient([20, 40, 90], rescue_days=(15,))
STOPPED = Patient([60], actions=("start", "increase", "stop"), treated_days=70)
LEFT = Patient([10, 60, 70, None], completed=False, last_day=25)
PEOPLE = (RESCUED, STOPPED, LEFT, Patient([60]))
WHOLE = np.array([[20, 40, *[90] * 8], [60] * 10, [10, 60, 70, *[30] * 7], [60] * 10], dtype=float)
DAYS = np.broadcast_to(np.array(WEEKS, dtype=float), WHOLE.shape)


def value(variable="change", **strategies):
    one = Estimand(id="E", variable=variable, **LIMIT, **strategies)
    return app._value(one, records(*PEOPLE), WHOLE, DAYS, study(stops=True)).tolist()


def test_strategies_by_hand():
    """Baseline 10. Rescued on day 15 after 40, 90 since; stopped on day 42 at 60; left on day 25 after 70, 30 since."""
    assert value() == [0, 0, 0, 50], "a composite event: as at baseline"
    assert value("count") == [10, 10, 10, 60] and value("log_change") == pytest.approx([0, 0, 0, log(6)])
    assert value(rescue="treatment_policy") == [80, 0, 0, 50]
    assert value(rescue="while_on_treatment") == [30, 0, 0, 50]
    assert value(leaving="treatment_policy", stop="treatment_policy") == [0, 50, 20, 50]
    assert value(leaving="while_on_treatment") == [0, 0, 60, 50]
    assert value(day=14) == [30, 50, 50, 50], "nobody had an event by then"


def test_estimators_take_the_records_by_hand():
    """Of who is rescued on day 15 the 40 of week 2 stand; the last has no count from week 8 on, and stays."""
    one = Estimand(id="E", variable="change", **LIMIT)
    people = records(*PEOPLE, Patient([60, 60, 60, 60, 60, 60, 60, None]))
    taken = {how: measured_value(as_observed(people, how), one, 56).tolist() for how in
             ("ancova", "while_on_treatment", "baseline_observation", "last_observation")}  # fmt: skip
    assert taken["while_on_treatment"][:4] == [30, 50, 60, 50] and np.isnan(taken["while_on_treatment"][4])
    assert taken["baseline_observation"] == [0, 0, 0, 50, 0]
    assert taken["last_observation"] == [80, 50, 60, 50, 50]
    np.testing.assert_array_equal(taken["ancova"], [80, 50, nan, 50, nan])


def test_of_a_yes_or_no_the_last_count_before_an_event_stands_too():
    one = study(stops=True)
    of = as_observed(records(*PEOPLE, RESCUED), "while_on_treatment")
    found = endpoints.evaluate(endpoints.endpoints_of(one.analysis)["RESPW8"], of, one).value
    assert found.tolist() == [0, 1, 1, 1, 0]


def small(*changes, **settings):
    return load_study(SMOKE, ["patients=40", *changes], **settings)


@pytest.mark.parametrize(("summary", "of"), [(None, np.nanmean), ("median", np.nanmedian)])
def test_the_truth_is_the_run_of_everybody_where_nothing_intervenes(summary, of):
    calm = ["rescue.allowed=false", "dropout=[]", "visits.missed_probability=0", "allocation=counterfactual"]
    one = small(*calm, replicates=2)
    asked = Estimand(id="E", variable="count", summary=summary, **LIMIT)
    found = app._truths([asked], one, range(2))["E", ""]
    made = from_tables(simulate_replicates(one, range(2)), one.arm_ids)
    expected = of(made.counts[:, made.planned == 56][:, 0].reshape(2, 3, 40), axis=2)
    assert found == pytest.approx(expected)


@pytest.fixture(scope="module")
def trial():
    one = small("dropout=[{reason: lack of effect, hazard_per_week: 0.05}]", "analysis.method.measured=ancova",
                "analysis.estimands=[{id: E}]", "analysis.imputation={imputations: 3, deltas: [0]}", "patients=90",
                replicates=2)  # fmt: skip
    tables = simulate_replicates(one, range(2))
    return one, tables, from_tables(tables, one.arm_ids)


def test_analysis_of_covariance_is_that_of_statsmodels(trial):
    one, _, of = trial
    asked = Estimand(id="E", variable="log_change", day=28, **LIMIT)
    got = measured_estimands.found(asked, "ancova", of, one)
    assert got.shape == (2, 2, 4)
    count = of.counts[:, of.planned == 28][:, 0]
    for r in range(2):
        who = (of.replicate == r) & ~np.isnan(count)
        data = {"y": np.log(np.maximum(count[who], 1)), "base": np.log(np.maximum(of.baseline[who], 1)),
                "arm": np.array(one.arm_ids)[of.arm[who]], "stratum": of.stratum[who]}  # fmt: skip
        fit = smf.ols("y ~ C(arm, Treatment('Placebo')) + base + stratum", pd.DataFrame(data)).fit()
        for k, arm in enumerate(a for a in one.arm_ids if a != "Placebo"):
            name = f"C(arm, Treatment('Placebo'))[T.{arm}]"
            expected = [fit.params[name], *fit.conf_int().loc[name], fit.pvalues[name]]
            np.testing.assert_allclose(got[r, k], expected, rtol=1e-8)
    plain = one.analysis.method.model_copy(update={"strata": "none"})
    alone = one.model_copy(update={"analysis": one.analysis.model_copy(update={"method": plain})})
    fit = smf.ols("y ~ C(arm, Treatment('Placebo')) + base", pd.DataFrame(data)).fit()
    np.testing.assert_allclose(measured_estimands.found(asked, "ancova", of, alone)[1, k, 0], fit.params[name])
    planned = measured_estimands.found(asked, "planned", of, one)
    np.testing.assert_array_equal(planned, got, "the plan is analysis of covariance")


def test_the_mixed_model_is_that_of_the_report(trial):
    """The ratio of the table of the mixed model, at the visit, is the difference of the logs."""
    one, _, of = trial
    said = one.analysis.model_copy(update={"longitudinal": Longitudinal(mmrm=True, covariance="compound_symmetry")})
    one = one.model_copy(update={"analysis": said})
    first = longitudinal.only(of, of.replicate == 0)
    few = {name: getattr(first, name)[..., :4] for name in ("counts", "days", "bleeding", "planned")}
    first = replace(first, **few)
    asked = Estimand(id="E", variable="log_change", day=28, **LIMIT)
    got = measured_estimands.found(asked, "mmrm", first, one)[0]
    stratum = np.unique(first.stratum, return_inverse=True)[1]
    seen = longitudinal.NamedPatients(first, np.full(first.n, ""), stratum, np.zeros(first.n))
    rows = [row for row in longitudinal.model_rows(seen, one) if row.CATEGORY == "28"]
    for k, arm in enumerate(a for a in one.arm_ids if a != "Placebo"):
        (ratio,) = [row for row in rows if arm == row.ARM and row.STAT == "MMRM ratio"]
        (p,) = [row.ESTIMATE for row in rows if arm == row.ARM and row.STAT == "MMRM p"]
        expected = [log(ratio.ESTIMATE), log(ratio.CI_LOW), log(ratio.CI_HIGH), p]
        np.testing.assert_allclose(got[k], expected, rtol=1e-9)


def test_imputed_counts_are_analysed_and_pooled_by_hand(trial):
    """Three imputations: mean of the differences, variance within plus 4/3 between, a t of 2 to infinite df."""
    one, tables, of = trial
    asked = Estimand(id="E", variable="change", **LIMIT)
    drawn = imputed.drawn(of, tables["patients"], one)
    got = imputed.found(asked, "jump_to_reference", drawn, one)[1, 0]
    each = drawn.records_of("jump_to_reference")
    fits = np.array([measured_estimands.found(asked, "ancova", seen, one)[1, 0] for seen in each])
    mine = of.replicate == 1
    df = mine.sum() - 3 - 1 - (len(set(of.stratum[mine])) - 1)
    error = (fits[:, 2] - fits[:, 1]) / 2 / stats.t(df).ppf(0.975)
    assert got[0] == pytest.approx(fits[:, 0].mean()) and np.ptp(fits[:, 0]) > 0
    total = np.mean(error**2) + 4 / 3 * np.var(fits[:, 0], ddof=1)
    width = (got[2] - got[1]) / 2 / np.sqrt(total)
    assert stats.norm.ppf(0.975) < width < stats.t(2).ppf(0.975)


def test_both_kinds_by_the_command_and_in_the_report(tmp_path, capsys):
    path = tmp_path / "s.yaml"
    path.write_text(
        f"extends: {SMOKE}\npatients: 40\nanalysis:\n  method: {{measured: hodges_lehmann}}\n  estimands:\n"
        "    - {id: YES}\n    - {id: LOG, variable: log_change, bias_limit: 0.1}\n"
        "    - {id: MID, variable: count, day: 28, summary: median, bias_limit: 5, rescue: while_on_treatment}\n"
        "  estimators: [planned, complete_cases, ancova, while_on_treatment]\n"
    )
    assert main(["check", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "LOG: the change of the natural log of the count from baseline on day 56, difference of means" in said
    assert "rescue makes the count that of baseline" in said and "limit of the bias 0.1 log" in said
    assert "the count on day 28, difference of medians" in plan_in_words(load_study(path, []))
    assert main(["estimands", str(path), "--replicates", "2", "--workers", "1", "--out", str(tmp_path / "out")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "bias in points, log, 10^9/L" in out
    rows = pure.read(tmp_path / "out")
    by = {(r.estimand, r.estimator) for r in rows}
    assert {name for one, name in by if one == "YES"} == {"planned", "complete_cases", "while_on_treatment"}
    assert {name for one, name in by if one == "LOG"} == {"planned", "ancova", "while_on_treatment"}
    assert {r.unit for r in rows if r.estimand == "MID"} == {"10^9/L"}
    assert all(r.truth == pytest.approx(r.truth_arm - r.truth_versus) and r.replicates == 2 for r in rows)


def test_both_kinds_stand_in_the_table(tmp_path):
    plan = {"estimands": [{"id": "E"}, {"id": "L", "variable": "log_change", "bias_limit": 0.1}],
            "method": {"measured": "ancova"}}  # fmt: skip
    folder = make_run_folder(tmp_path / "made", pk=False, analysis=CONFIG["analysis"] | plan)
    one = pure.Truth(np.array([3.0, 3.0]), np.array([2.0, 2.0]))
    seen = pure.Found(*(np.array([x, x]) for x in (1.25, 0.9, 1.6, 0.01)))
    names = ("L", "L", "log_change, day 56", "LOW", "Placebo")
    limits = read_run(folder).study.analysis.verdict
    pure.write([pure.judged(names, "planned", one, seen, seen, limits, "log")], folder)
    table = chapter.table(read_run(folder))
    assert table.population == "Differences in percentage points of yes or no, log of log_change, day 56"
    assert [plain_text(c.text) for c in table.rows[1].cells][:3] == ["planned", "+1.25", "+0.250 ± 0"]


@pytest.mark.parametrize(
    ("analysis", "why"),
    [
        ({"estimands": [{"id": "A", "variable": "change"}]}, "the largest bias that may stay, in 10"),
        ({"estimands": [{"id": "A", "day": 28}]}, "of a measured variable .count, change, log_change., not of a yes"),
        (
            {"estimands": [{"id": "A", "variable": "logchange", "day": 28}]},
            "variable is logchange; did you mean log_change",
        ),
        ({"estimands": [{"id": "A"}], "estimators": ["mmmr"]}, "'baseline_observation', 'ancova', 'mmrm', 'missing_at"),
        ({"estimands": [{"id": "A", "summary": "median"}]}, "seen 'median'; no effect"),
        ({"estimands": [{"id": "A"}], "estimators": ["ancova"]}, "of measured variables, and no estimand has one"),
        (
            {"estimands": [{"id": "A", "variable": "count", "bias_limit": 1}], "estimators": ["rescue_ignored"]},
            "of yes or no variables, and no estimand has one",
        ),
    ],
)
def test_what_has_no_effect_is_refused(analysis, why):
    with pytest.raises(ValidationError, match=why):
        study(**analysis)


@pytest.mark.parametrize(
    ("more", "where", "why"),
    [
        ({"day": 29}, "day", "seen 29; allowed: a visit: 7, 14"),
        ({}, "measured", "by which 'planned' finds no difference of count"),
    ],
)
def test_what_the_study_does_not_have_is_said(more, where, why):
    one = study(estimands=[{"id": "A", "variable": "count", "bias_limit": 1} | more])
    found = {path[-1]: text for path, text in endpoints.study_problems(one)}
    assert why in found[where]


STAGED = SMOKE.parent / "hetrombopag_itp_phase3_stages.yaml"
OF_STAGE = ["patients=40", "analysis.estimands=[{id: A}, {id: B, variable: change, bias_limit: 5}]",
            "analysis.method.measured=ancova"]  # fmt: skip


def test_an_estimand_of_the_first_stage_is_that_of_the_study_that_it_is():
    """The phase III with all its stages, and its double blind stage alone, which has a config of its own."""
    both = [load_study(path, OF_STAGE, replicates=2)
            for path in (STAGED, SMOKE.parent / "published" / "hetrombopag_itp_phase3.yaml")]  # fmt: skip
    one, alone = app.of_first_stage(both[0]), both[1]
    assert one.visits.days == alone.visits.days and not one.stages and app.of_first_stage(alone) is alone
    found = [app._truths(each.analysis.estimands, each.model_copy(update={"allocation": "counterfactual"}), range(1))
             for each in (one, alone)]  # fmt: skip
    for key, truth in found[0].items():
        np.testing.assert_array_equal(truth, found[1][key])
    trials = [from_tables(simulate_replicates(each, range(1)), each.arm_ids) for each in (one, alone)]
    np.testing.assert_array_equal(trials[0].counts, trials[1].counts)
    reasons = ("reason: x, hazard_per_week: 0.1, stages: [OL]", "reason: y, hazard_per_week: 0.1, stages: [DB]")
    leaves = f"dropout=[{', '.join(f'{{{each}}}' for each in reasons)}]"
    left = app.of_first_stage(load_study(STAGED, [*OF_STAGE, leaves])).dropout
    assert [(item.reason, item.stages) for item in left] == [("y", ())]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("analysis.stage=OL", "its arms are no randomised groups; allowed: estimands of DB, the first"),
        ("stages.0.until={at_least_1e9L: 50}", "stage DB is begun or ended by a condition"),
    ],
)
def test_other_stages_have_none_and_why_is_said(change, why, capsys):
    more = ["analysis.estimands=[{id: A}]", change, "analysis.assessment_day=56"]
    words = [word for each in more for word in ("--set", each)]
    assert main(["check", str(STAGED), *words]) == 2
    assert why in " ".join(capsys.readouterr().err.split())
