"""Estimands: strategies on records by hand, verdicts at their limits, and truths that can be known another way."""

from __future__ import annotations

import re
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest
from made_run import CONFIG, make_run_folder, read_run
from pydantic import ValidationError
from scipy import stats
from tiny_trial import WEEKS, Patient, records, study

import trial.app.estimands as app
from analysis import endpoints
from analysis.endpoints import endpoints_of
from analysis.endpoints.records import from_tables
from analysis.endpoints.strategies import as_observed, carried, composite_no, has_event, judged, left_day, under
from analysis.evidence import estimands as pure
from analysis.evidence import tipping
from analysis.evidence.estimands import Found, Truth
from analysis.report import estimands as chapter
from analysis.report.number_origins import plain_text
from analysis.statistics import planned, summaries
from trial.app import imputed
from trial.app.targets import cut
from trial.cli import main
from trial.engine.laboratory import whole_counts
from trial.engine.simulate import simulate_unit
from trial.errors import Refused
from trial.jobs.work import enrolment, simulate_replicates, tabulate, unit_of
from trial.study.analysis_plan import ComparisonMethod
from trial.study.estimand import Estimand, Verdict, deaths_in_words
from trial.study.load import load_study

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
STUDY = study(stops=True)
RESCUED = Patient([10, 20, 90], rescue_days=(15,))
STOPPED = Patient([60], actions=("start", "increase", "stop"), treated_days=70)
LEFT = Patient([10, 60, 70, None], completed=False, last_day=25)
STAYED = Patient([60])
PEOPLE = (RESCUED, STOPPED, LEFT, STAYED)
WHOLE = np.array([[10, 20, *[90] * 8], [60] * 10, [10, 60, 70, *[40] * 7], [60] * 10], dtype=float)
DAYS = np.broadcast_to(np.array(WEEKS, dtype=float), WHOLE.shape)


def value(code="RESPW8", **strategies):
    of, one = records(*PEOPLE), Estimand(id="E", **strategies)
    found = endpoints.evaluate(endpoints_of(STUDY.analysis)[code], under(of, WHOLE, DAYS, one), STUDY).value
    return np.where(composite_no(of, DAYS, one, 56), 0.0, found).tolist()


def test_strategies_by_hand():
    """Rescued on day 15 after 20; stopped on day 42; left on day 25 after 70, and 40 ever since; week 8 asks for 50."""
    assert value() == [0, 0, 0, 1]
    assert value(rescue="treatment_policy") == [1, 0, 0, 1]
    assert value(rescue="hypothetical") == [1, 0, 0, 1], "nobody was rescued there: what is seen is what is asked"
    assert value(rescue="while_on_treatment") == [0, 0, 0, 1], "the last count before it is 20"
    assert value(stop="treatment_policy") == [0, 1, 0, 1] == value(stop="while_on_treatment")
    assert value(leaving="treatment_policy") == [0, 0, 0, 1], "40 in week 8"
    assert value(leaving="while_on_treatment") == [0, 0, 1, 1], "70 before he left"
    assert value("RESP1") == [0, 0, 0, 1], "composite: whatever came before"
    assert value("RESP1", rescue="treatment_policy", stop="treatment_policy", leaving="treatment_policy") == [1] * 4


def test_an_event_after_the_assessment_visit_is_none():
    """Who is rescued on the day of the visit is a no; a week later he is what he was."""
    for day, expected in ((56, 0), (57, 1)):
        of = records(Patient([60], rescue_days=(day,)))
        assert composite_no(of, DAYS[:1], Estimand(id="E"), 56).tolist() == [expected == 0]


def test_who_has_an_event():
    of = records(*PEOPLE)
    assert left_day(of).tolist() == [np.inf, np.inf, 25, np.inf]
    assert has_event(of, ("rescue",), 56).tolist() == [True, False, False, False]
    assert has_event(of, ("stop", "leaving"), 56).tolist() == [False, True, True, False]
    assert not has_event(of, ("rescue", "leaving"), 14).any() and not has_event(of, (), 56).any()


def test_a_count_is_carried_only_where_it_is_asked():
    counts = np.array([[nan, 5, nan, nan, 7]])
    everywhere, nowhere = np.ones(counts.shape, dtype=bool), np.zeros(counts.shape, dtype=bool)
    assert carried(counts, everywhere, np.array([3.0])).tolist() == [[3, 5, 5, 5, 7]]
    np.testing.assert_array_equal(carried(counts, nowhere, np.array([3.0])), counts)
    some = everywhere.copy()
    some[0, 2] = False
    np.testing.assert_array_equal(carried(counts, some, np.array([3.0])), [[3, 5, nan, 5, 7]])


def estimated(estimator):
    of = as_observed(records(*PEOPLE, Patient([None])), estimator)
    found = endpoints.evaluate(endpoints_of(STUDY.analysis)["RESPW8"], of, STUDY)
    return judged(found, of, estimator, 56)


def test_estimators_by_hand():
    """Who left had 70 last; who has no count at all carries his baseline of 10."""
    assert estimated("planned").value.tolist() == [0, 0, 0, 1, 0]
    assert estimated("last_observation").value.tolist() == [0, 0, 1, 1, 0]
    assert estimated("rescue_ignored").value.tolist() == [1, 0, 0, 1, 0]
    np.testing.assert_array_equal(estimated("complete_cases").value, [0, 0, nan, 1, nan])
    assert estimated("complete_cases").reason.tolist() == [
        "",
        "",
        *["no count at the assessment"],
        "",
        *["no count at the assessment"],
    ]


NAMES = ("E", "e", "RESPW8", "A", "B")
ONE = np.ones(400)


def found(estimate, half, p=1.0):
    estimate = np.broadcast_to(np.asarray(estimate, dtype=float), 400)
    return Found(estimate, estimate - half, estimate + half, np.broadcast_to(np.asarray(p, dtype=float), 400))


def judge(estimate=50.0, half=1.0, null_p=1.0, limits=Verdict(), null_estimate=1.0):  # noqa: B008
    truth = Truth(55 * ONE, 5 * ONE)
    return pure.judged(NAMES, "planned", truth, found(estimate, half), found(null_estimate, 1, null_p), limits)


def test_a_row_by_hand():
    row = judge(np.repeat([49.0, 53.0], 200), half=2.0)
    assert (row.truth, row.truth_arm, row.truth_versus, row.mean, row.bias) == (50, 55, 5, 51, 1)
    assert row.bias_mcse == pytest.approx(2.0 * np.sqrt(400 / 399) / 20) and row.truth_mcse == 0
    assert (row.coverage, row.replicates, row.power) == (0.5, 400, 0.0)
    assert (row.coverage_low, row.coverage_high) == pytest.approx((0.4499, 0.5501), abs=5e-4)


@pytest.mark.parametrize(
    ("keys", "verdicts"),
    [
        ({}, ("PASS", "PASS", "PASS", "PASS")),
        ({"estimate": 52.0, "half": 3.0}, ("PASS", "PASS", "PASS", "PASS")),
        ({"estimate": 52.1, "half": 3.0}, ("FAIL", "PASS", "PASS", "FAIL")),
        ({"estimate": 47.9, "half": 3.0}, ("FAIL", "PASS", "PASS", "FAIL")),
        ({"estimate": np.repeat([42.0, 61.0], 200), "half": 20.0}, ("RISK", "PASS", "PASS", "RISK")),
        ({"estimate": np.repeat([50.0, 51.5], [390, 10])}, ("PASS", "PASS", "PASS", "PASS")),
        ({"estimate": np.repeat([50.0, 51.5], [375, 25])}, ("PASS", "RISK", "PASS", "RISK")),
        ({"estimate": np.repeat([50.0, 51.5], [350, 50])}, ("PASS", "FAIL", "PASS", "FAIL")),
        ({"null_p": np.repeat([0.001, 1.0], [4, 396])}, ("PASS", "PASS", "PASS", "PASS")),
        ({"null_p": np.repeat([0.001, 1.0], [12, 388])}, ("PASS", "PASS", "RISK", "RISK")),
        ({"null_p": np.repeat([0.001, 1.0], [40, 360])}, ("PASS", "PASS", "FAIL", "FAIL")),
        ({"null_p": np.repeat([0.001, 1.0], [40, 360]), "null_estimate": -1.0}, ("PASS", "PASS", "PASS", "PASS")),
        ({"null_p": np.repeat([0.001, nan], [4, 396])}, ("PASS", "PASS", "PASS", "PASS")),
        ({"estimate": 52.1, "half": 3, "limits": Verdict(bias_points=3)}, ("PASS", "PASS", "PASS", "PASS")),
    ],
)
def test_verdicts_at_their_limits(keys, verdicts):
    row = judge(**keys)
    assert (row.bias_verdict, row.coverage_verdict, row.type1_verdict, row.verdict) == verdicts


def test_one_trial_and_a_truth_of_nobody_say_nothing():
    alone = Found(*(ONE[:1] * x for x in (90, 80, 99, 1)))
    one = pure.judged(NAMES, "planned", Truth(ONE[:1] * 55, ONE[:1] * 5), alone, found(1.0, 1), Verdict())
    assert (one.bias, one.bias_mcse, one.bias_verdict) == (40, None, "RISK")
    nobody = np.concatenate([[nan], 55 * ONE[1:]])
    some = pure.judged(NAMES, "planned", Truth(nobody, 5 * ONE), found(50.0, 1.0), found(1.0, 1), Verdict())
    assert (some.truth, some.truth_arm, some.verdict) == (50, 55, "PASS")
    none = pure.judged(NAMES, "planned", Truth(nan * ONE, nan * ONE), found(50.0, 1.0), found(1.0, 1), Verdict())
    assert np.isnan(none.truth) and np.isnan(none.coverage) and none.coverage_verdict == none.verdict == "RISK"


def test_without_any_result_nothing_passes():
    row = judge(estimate=nan)
    assert row.replicates == 0 and np.isnan(row.bias) and row.bias_verdict == row.coverage_verdict == "RISK"
    assert row.verdict == "NE", "more replicates would tell no more"
    assert Found(ONE, ONE, ONE, 0 * ONE, better=-1).wins.sum() == 0
    equal = Found(np.array([0.0, 2.0, -2.0, nan]), np.zeros(4), np.zeros(4), np.zeros(4))
    assert equal.won.tolist() == [False, True, False, False] and equal.wins.tolist() == [False, True, False]


def small(*changes, **settings):
    return load_study(SMOKE, ["patients=20", "randomisation.strata=[]", *changes], **settings)


def test_whole_counts_are_those_that_are_reported_where_a_visit_takes_place():
    one = small(replicates=2)
    patients = enrolment(one, range(2))
    unit = unit_of(one, patients)
    result = simulate_unit(unit)
    whole = whole_counts(unit, [visit.truth for visit in result.visits])
    seen = from_tables(tabulate(unit, result, patients), one.arm_ids)
    there = ~np.isnan(seen.counts)
    assert (whole[there] == seen.counts[there]).all() and not np.isnan(whole).any() and (~there).any()


def test_the_truth_is_that_of_the_laboratory_that_is_analysed():
    central = "laboratory.central={assay_cv: 0.3, decides: true}"
    one = small(central, "laboratory.clumping=null", replicates=1)
    patients = enrolment(one, range(1))
    unit = unit_of(one, patients)
    result = simulate_unit(unit)
    whole = whole_counts(unit, [visit.truth for visit in result.visits])
    seen = from_tables(tabulate(unit, result, patients), one.arm_ids)
    there = ~np.isnan(seen.counts)
    assert (whole[there] == seen.counts[there]).all() and there.sum() > 100


def test_the_truth_is_the_response_of_everybody_where_nothing_intervenes():
    """No rescue, nobody leaves, no visit is missed: every estimand is the share of responders of a plain run."""
    calm = ["rescue.allowed=false", "dropout=[]", "visits.missed_probability=0", "allocation=counterfactual"]
    one = small(*calm, replicates=2)
    plain = app._truths([Estimand(id="E")], one, range(2))["E", ""]
    made = from_tables(simulate_replicates(one, range(2)), one.arm_ids)
    value = endpoints.evaluate(endpoints_of(one.analysis)["RESPW8"], made, one).value.reshape(2, 3, 20)
    assert plain == pytest.approx(value.mean(axis=2))


def test_the_stratum_is_who_has_no_event_in_any_arm():
    one = small("allocation=counterfactual", replicates=2)
    patients = enrolment(one, range(2))
    unit = unit_of(one, patients)
    result = simulate_unit(unit)
    of = from_tables(tabulate(unit, result, patients), one.arm_ids)
    event = has_event(of, ("rescue", "leaving"), 56).reshape(2, 3, 20).any(axis=1)
    assert event.any() and not event.all()
    whole = whole_counts(unit, [visit.truth for visit in result.visits]).reshape(2, 3, 20, -1)[..., 7]
    expected = [[(whole[r, a][~event[r]] >= 50).mean() for a in range(3)] for r in range(2)]
    found = app._truths([Estimand(id="E", stratum=("rescue", "leaving"))], one, range(2))["E", ""]
    assert found == pytest.approx(np.array(expected))


def test_the_planned_estimator_is_the_planned_comparison():
    one = small(replicates=3)
    made = from_tables(simulate_replicates(one, range(3)), one.arm_ids)
    found = app._found("RESPW8", "planned", made, one)
    evaluated = {"RESPW8": endpoints.evaluate(endpoints_of(one.analysis)["RESPW8"], made, one)}
    interval, p = planned.compared(summaries.of_records(made, evaluated, one)["RESPW8"], one)
    np.testing.assert_array_equal(found, np.stack([*interval, p], axis=-1))


def test_without_a_difference_every_arm_is_the_reference_arm():
    one = app.no_difference(small())
    assert {arm.placebo for arm in one.arms} == {True} and one.arm_ids == small().arm_ids
    assert [arm.ratio for arm in one.arms] == [arm.ratio for arm in small().arms]
    assert len({one.hazards(arm) for arm in one.arm_ids}) == 1 and one.hazards("HETROM-5") == small().hazards("Placebo")


def test_changes_of_an_arm_are_those_of_the_reference_arm_where_there_is_no_difference():
    weights = "[{covariate: WEIGHT, times: 0.5, arms: [%s]}, {covariate: WEIGHT, add: 1, from_day: 7}]"
    theirs = app.no_difference(small(f"population.changes={weights % 'Placebo'}")).population.changes
    assert [change.arms for change in theirs] == [(), ()] and theirs[0].times == 0.5
    mine = app.no_difference(small(f"population.changes={weights % 'HETROM-5'}")).population.changes
    assert [change.add for change in mine] == [1]


def test_hypothetical_events_are_taken_out_and_nothing_else():
    estimands = "[{id: A}, {id: B, rescue: hypothetical}, {id: C, rescue: hypothetical, leaving: hypothetical}]"
    one = small(f"analysis.estimands={estimands}", replicates=2)
    tasks = list(app._tasks(one))
    truths = {task.without: changed for changed, task in tasks if task.kind == "truth"}
    assert set(truths) == {(), ("rescue",), ("rescue", "dropout")}
    assert truths["rescue",].rescue.allowed is False and truths["rescue",].dropout == one.dropout
    assert truths["rescue", "dropout"].dropout == () and truths[()].allocation == "counterfactual"
    assert {task.kind for _, task in tasks} == {"truth", "trial", "null"}


def test_the_command(tmp_path, capsys):
    path = tmp_path / "s.yaml"
    path.write_text(
        f"extends: {SMOKE}\npatients: 30\nanalysis:\n  estimands:\n    - {{id: PRIMARY}}\n"
        "    - {id: POLICY, rescue: treatment_policy, leaving: treatment_policy}\n"
    )
    assert main(["check", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "estimand POLICY: RESPW8, difference of shares, of everybody randomised; the variable whatever" in said
    assert "estimators: planned, complete cases, last observation; limits: bias 2 points, coverage 93 %, type I" in said
    words = ["estimands", str(path), "--replicates", "2", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    out = capsys.readouterr().out
    rows = pure.read(tmp_path / "out")
    assert {(r.estimand, r.arm, r.estimator) for r in rows} == {
        (e, a, how)
        for e in ("PRIMARY", "POLICY")
        for a in ("HETROM-2.5", "HETROM-5")
        for how in ("planned", "complete_cases", "last_observation")
    }
    assert "last_observation" in out and "FAIL: none of it" in " ".join(out.split())
    assert all(r.truth == pytest.approx(r.truth_arm - r.truth_versus) for r in rows)
    assert main(["estimands", str(SMOKE), "--out", str(tmp_path / "none")]) == 2
    assert "smoke has no estimands: give analysis.estimands" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("analysis", "why"),
    [
        ({"estimands": [{"id": "A"}, {"id": "A"}]}, "which is already"),
        ({"estimands": [{"id": "A", "stratum": ["rescue"], "rescue": "hypothetical"}]}, "nobody of the stratum has it"),
        ({"estimands": [{"id": "A", "leaving": "hypothetical"}]}, "no effect: the study has no leaving"),
        ({"estimands": [{"id": "A", "stop": "treatment_policy"}]}, "no effect: the study has no stop by the dose rule"),
        ({"estimands": [{"id": "A"}], "estimators": []}, "at least 1"),
        ({"estimands": [{"id": "A"}], "reference_arm": None}, "no analysis.reference_arm to compare with"),
        ({"estimands": [{"id": "A"}], "arms": ("placebo",)}, "no other arm than the reference arm"),
        ({"estimators": ["planned"]}, "no effect without analysis.estimands"),
        ({"verdict": {"coverage": 0.9}}, "no effect without analysis.estimands"),
    ],
)
def test_what_has_no_effect_is_refused(analysis, why):
    with pytest.raises(ValidationError, match=why):
        study(**analysis)


def test_paired_studies_and_unknown_variables_are_refused():
    with pytest.raises(ValidationError, match="counterfactual allocation: a trial has every patient in one arm"):
        study(paired=True, estimands=[{"id": "A"}])
    said = {"MAXDUR": "of the counts alone: RESPW8", "BLEED": "of the counts alone", "COMPL": "of the counts alone"}
    for code, why in {**said, "RESPWW8": "did you mean RESPW8?"}.items():
        with_it = study(estimands=[{"id": "A", "variable": code}])
        (text,) = [t for p, t in endpoints.study_problems(with_it) if p[:2] == ("analysis", "estimands")]
        assert why in text
    with pytest.raises(Refused, match="tiny has no estimands"):
        app.write_estimands(replace_replicates(STUDY), Path("nowhere"))


def replace_replicates(one):
    return one.model_copy(update={"replicates": 1})


def test_the_table_of_the_report(tmp_path):
    folder = make_run_folder(
        tmp_path / "made", pk=False, analysis=CONFIG["analysis"] | {"estimands": [{"id": "E", "label": "as planned"}]}
    )
    assert chapter.table(read_run(folder)) is None
    row = replace(judge(estimate=52.1, half=3.0), arm="LOW", versus="Placebo", label="as planned")
    verdicts = {"complete_cases": "PASS", "last_observation": "RISK"}
    others = [replace(row, estimator=name, verdict=one) for name, one in verdicts.items()]
    pure.write([row, *others], folder)
    table = chapter.table(read_run(folder))
    texts = [[plain_text(cell.text) for cell in line.cells] for line in table.rows]
    assert texts[1] == ["planned", "+52.1", "+2.1 ± 0.0", "100.0 (99.1, 100.0)", "0.0 (0.0, 0.9)", "FAIL"]
    assert texts[0][0] == "as planned, Drug, start 2.5 mg against Placebo: +50.0 ± 0.0"
    assert [line.cells[-1].kind for line in table.rows[1:]] == ["outside", "inside", "unsure"]


def test_a_chunk_of_replicates_is_a_job():
    one = small(replicates=3)
    assert sum(len(job.replicates) for _, job in cut(0, one, ("RESPW8",))) == 3


def dropouts(*changes):
    dropout = "dropout=[{reason: lack of effect, hazard_per_week: 0.05}]"
    return small(dropout, "patients=150", "analysis.estimands=[{id: E}]", *changes, replicates=4)


@pytest.mark.slow
def test_imputations_depend_on_config_and_seed_alone():
    """Replicates one by one, or all at once, find the same; another seed something else, near it."""
    one = dropouts("analysis.imputation={imputations: 5, deltas: [0]}")
    tables = [simulate_replicates(one, range(*r)) for r in ((0, 4), (2, 4))]
    of = [imputed.drawn(from_tables(t, one.arm_ids), t["patients"], one) for t in tables]
    all_four, two = (imputed.shares("RESPW8", "jump_to_reference", each, one) for each in of)
    np.testing.assert_array_equal(all_four[2:], two)
    seeded = dropouts("analysis.imputation={imputations: 5, deltas: [0], seed: 9}")
    again = imputed.drawn(from_tables(tables[1], one.arm_ids), tables[1]["patients"], seeded)
    other = imputed.shares("RESPW8", "jump_to_reference", again, seeded)
    assert (other != two).any() and np.abs(other[..., 0] - two[..., 0]).max() < 0.1


def test_where_nothing_is_missing_imputation_is_satos_analysis():
    one = small("dropout=[]", "visits.missed_probability=0", "rescue.allowed=false", "patients=60", replicates=2)
    tables = simulate_replicates(one, range(2))
    of = from_tables(tables, one.arm_ids)
    got = imputed.shares("RESPW8", "jump_to_reference", imputed.drawn(of, tables["patients"], one), one)
    value = {"RESPW8": endpoints.evaluate(endpoints_of(one.analysis)["RESPW8"], of, one)}
    plan = one.analysis.model_copy(update={"method": ComparisonMethod(difference="sato")})
    sato = one.model_copy(update={"analysis": plan})
    interval, _ = planned.compared(summaries.of_records(of, value, sato)["RESPW8"], sato)
    n = np.stack([np.bincount(of.arm[of.replicate == r], minlength=3) for r in (0, 1)])
    complete = n[:, 1:] + n[:, :1] - 2 if one.arm_ids[0] == "Placebo" else n[:, :2] + n[:, 2:] - 2
    df = (complete + 1) / (complete + 3) * complete
    half = (interval.high - interval.low) / 2 * stats.t(df).ppf(0.975) / stats.norm.ppf(0.975)
    np.testing.assert_allclose(got[..., 0], interval.estimate)
    np.testing.assert_allclose((got[..., 2] - got[..., 1]) / 2, half, rtol=1e-9)


def test_the_conclusion_turns_where_it_turns():
    """Three trials: one holds to delta 2, one turns at 1, one is not in favour to begin with."""
    at = [[0.01, 0.01, 0.3], [0.01, 0.2, 0.4], [0.01, 0.3, 0.5]]
    three = [Found(np.full(3, 10.0), np.full(3, 1.0), np.full(3, 19.0), np.array(p)) for p in at]
    rows = list(tipping.rows(("RESPW8", "A", "B", "missing_at_random"), (0, 1, 2), three, 1))
    assert [(r.tipped, r.in_favour, r.won, r.replicates) for r in rows] == [(0, 2, 1, 3), (1, 2, 0, 3), (1, 2, 0, 3)]
    assert rows[1].power == pytest.approx(1 / 3) and rows[1].times == pytest.approx(np.exp(-1)) and rows[1].p == 0.2
    assert tipping.point_in_words(rows) == "the conclusion turns at delta 1 (imputed counts times 0.37)"
    first = list(tipping.rows(("RESPW8", "A", "B", "missing_at_random"), (0, 1, 2), three, 0))
    assert tipping.point_in_words(first) == "the conclusion does not turn to delta 2 (imputed counts times 0.14)"
    last = list(tipping.rows(("RESPW8", "A", "B", "missing_at_random"), (0, 1, 2), three, 2))
    assert tipping.point_in_words(last) == "there is no difference in favour at delta 0 to begin with"


def test_imputation_and_tipping_point_by_the_command(tmp_path, capsys):
    """At a delta at which nobody imputed responds, what was imputed is non-response."""
    keys = "{estimands: [{id: E}], estimators: [missing_at_random], imputation: {imputations: 3, deltas: [0, 15]}}"
    path = tmp_path / "s.yaml"
    path.write_text(f"extends: {SMOKE}\npatients: 150\nrandomisation: {{strata: []}}\nanalysis: {keys}\n")
    words = ["estimands", str(path), "--replicates", "2", "--workers", "1", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "mean and covariance drawn for each imputation" in out and "3 imputations" in out
    assert "HETROM-5: the conclusion" in out or "HETROM-5: there is no difference in favour" in out
    rows = {(r.arm, r.delta): r for r in tipping.read(tmp_path / "out")}
    assert set(rows) == {(arm, delta) for arm in ("HETROM-2.5", "HETROM-5") for delta in (0.0, 15.0)}
    assert rows["HETROM-5", 15.0].estimate <= rows["HETROM-5", 0.0].estimate
    assert main(["check", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "3 imputations of each trial, seed that of the study" in said
    assert "tipping point of the primary endpoint: log counts imputed missing at random, less 0, 15" in said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (["analysis.imputation.seed=3"], "no effect: neither deltas nor an estimator among missing_at_random"),
        (["analysis.imputation.deltas=[0, 1, 1]"], "seen 1 after 1; allowed: numbers that rise"),
        (["analysis.imputation.tipping=copy_increments"], "which is used nowhere: deltas has none"),
        (["analysis.estimators=[jump_to_referense]"], "jump_to_reference"),
        (
            ["analysis.estimands=[{id: E, leaving: hypothetical}]", "dropout.0.death=true"],
            "of death (dropout reason lack of effect) it has no meaning",
        ),
    ],
)
def test_what_imputation_cannot_be(changes, why):
    with pytest.raises(Exception, match=re.escape(why)):
        dropouts(*changes)


def test_death_is_said():
    estimands = "[{id: E, leaving: while_on_treatment}, {id: S, stratum: [leaving]}]"
    one = dropouts("dropout.0.death=true", f"analysis.estimands={estimands}")
    said = deaths_in_words(one.analysis.estimands, one.deaths)
    assert said[0] == "E, of death: the last count before death stands: what a patient had while alive"
    assert said[1] == "S, of death: who would die in any arm is not in the stratum"
    assert deaths_in_words(one.analysis.estimands, ()) == []
