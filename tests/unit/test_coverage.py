"""How published rows stand, and the law of predictive intervals, against scipy and by simulation."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import betabinom, binom, norm

from analysis.evidence import coverage
from analysis.evidence.coverage import Replicates, RowStanding, pit
from analysis.evidence.pages import NO_EXPERIMENT, pages
from analysis.evidence.roles import Role
from analysis.evidence.scorecard import Published, Score
from analysis.evidence.scoring import UNEXPLAINED, Miss
from analysis.statistics.summaries import Summary
from cohorts.sets import parameter_set
from trial.app.standings import of_row, seen_by
from trial.study.load import load_study

CONFIGS = Path(__file__).parents[2] / "configs"
ROW = Published(
    "a", "S", "drug", "RESPW8", "rate", "week 8", "%", 60.0, 20, 12, 36.0, 81.0, "cp95", True, False, "", ""
)
SCORE = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 60.0, 36.0, 81.0, "cp95", "yes", "no")
HERE = RowStanding("s", "a", "predicted", "predicted", "", "RESPW8", "drug", "%", 60.0, 60.0, "yes", 0.5, 100)


def test_the_replicates_of_a_row_are_those_of_its_arm_and_statistic():
    """Two replicates of two arms: yes 2 and 3 of 4, 1 and 0 of 2 and 0; medians 10, 20 and 30, 40."""
    study = load_study(CONFIGS / "smoke.yaml")
    names = study.arm_ids[:2]
    table = np.full((2, len(study.arm_ids)), np.nan)
    events, sizes, location = (table.copy() for _ in range(3))
    events[:, :2], sizes[:, :2], location[:, :2] = [[2, 1], [3, 0]], [[4, 2], [4, 0]], [[10, 20], [30, 40]]
    none = np.zeros((2, len(study.arm_ids), 0))
    counted = np.nan_to_num(events), np.nan_to_num(sizes)
    summary = Summary(*counted, location, none, none.astype(np.int32), (), (), Counter(), 0)
    found = {"RESPW8": summary}
    rate = of_row(found, replace(ROW, arm=names[1]), study)
    np.testing.assert_array_equal(rate.values, [50.0, np.nan])
    np.testing.assert_array_equal(rate.sizes, [2, 0])
    both = of_row(found, replace(ROW, arm="ALL"), study)
    np.testing.assert_allclose(both.values, [50.0, 75.0])
    median = of_row(found, replace(ROW, arm=names[1], statistic="median"), study)
    assert median.values.tolist() == [20, 40]
    for other in (
        replace(ROW, endpoint="PLTW8"),
        replace(ROW, arm="other"),
        replace(ROW, arm="ALL", statistic="median"),
    ):
        assert of_row(found, other, study).values.size == 0


def test_a_rate_without_spread_beyond_its_sampling_is_binomial():
    """Ten thousand patients each: the mid-distribution of 12 of 20 at 0.5 is that of scipy's binomial."""
    found = Replicates(np.array([50.0, 50.0, 50.0]), np.full(3, 1e6))
    assert pit(ROW, found) == pytest.approx(binom.cdf(11, 20, 0.5) + binom.pmf(12, 20, 0.5) / 2, abs=1e-4)


def test_half_an_event_keeps_a_rate_off_its_ends():
    """5 of 10 twice, rates alike: p = 10.5 / 21. No events of 10 twice: 0.5 / 21, so that one event is possible."""
    alike = Replicates(np.full(2, 50.0), np.full(2, 10.0))
    assert pit(replace(ROW, events=10), alike) == pytest.approx(0.5, abs=1e-6)
    none = Replicates(np.zeros(2), np.full(2, 10.0))
    law = binom(20, 0.5 / 21)
    assert pit(replace(ROW, events=1), none) == pytest.approx(law.cdf(0) + law.pmf(1) / 2, abs=1e-6)


def test_an_interval_holds_its_own_ends():
    assert replace(HERE, pit=0.75).held(50) and replace(HERE, pit=0.25).held(50)
    assert not replace(HERE, pit=0.76).held(50) and not replace(HERE, pit=None).held(95)


def test_what_replicates_differ_by_beyond_sampling_widens_the_law():
    """Rates 0.4 and 0.6 of huge trials: beta of mean 0.5 and variance 0.02 + 0.01, in scipy's beta-binomial."""
    found = Replicates(np.array([40.0, 60.0]), np.full(2, 1e9))
    whole = 0.25 / 0.03 - 1
    law = betabinom(20, whole / 2, whole / 2)
    assert pit(ROW, found) == pytest.approx(law.cdf(11) + law.pmf(12) / 2, abs=1e-6)


def test_a_row_with_a_tolerance_is_normal_with_both_variances():
    row = replace(ROW, interval="tolerance", n=None, events=None, ci_low=50.0, ci_high=70.0)
    spread = np.sqrt(200 * 1.5 + (10 / 1.959964) ** 2)
    expected = norm.cdf((60 - 50) / spread)
    assert pit(row, Replicates(np.array([40.0, 60.0]))) == pytest.approx(expected, abs=1e-6)


def test_without_limits_or_replicates_there_is_no_place():
    assert pit(replace(ROW, interval="none"), Replicates(np.array([40.0, 60.0]))) is None
    assert pit(ROW, Replicates(np.array([50.0]), np.array([20.0]))) is None


def test_a_row_without_limits_or_results_has_no_log_score():
    """A row with limits: the normal density of a value 10 from the mean; each row without a law: nothing."""
    row = replace(ROW, interval="tolerance", n=None, events=None, ci_low=50.0, ci_high=70.0)
    spread = np.sqrt(200 * 1.5 + (10 / 1.959964) ** 2)
    assert coverage.log_score(row, Replicates(np.array([40.0, 60.0]))) == pytest.approx(
        norm.logpdf(60, 50, spread), abs=1e-6
    )
    bare = replace(ROW, interval="none", n=None, events=None, ci_low=None, ci_high=None)
    assert coverage.log_score(bare, Replicates(np.array([40.0, 60.0]))) is None
    assert coverage.log_score(ROW, Replicates(np.empty(0), np.empty(0))) is None
    assert coverage.log_score(ROW, Replicates(np.array([50.0, np.nan]), np.array([20.0, 0.0]))) is None


def test_the_intervals_hold_what_they_say_when_the_model_is_right():
    """Published trials of 40 drawn from the simulating law itself, its rate uncertain: 400 places, binomial limits."""
    rng, places = np.random.Generator(np.random.Philox(7)), []
    for _ in range(400):
        centre = rng.uniform(0.2, 0.8)
        rates = np.clip(rng.normal(centre, 0.08, 60), 0.01, 0.99)
        simulated = 100 * rng.binomial(40, rates) / 40
        events = int(rng.binomial(40, np.clip(rng.normal(centre, 0.08), 0.01, 0.99)))
        places.append(pit(replace(ROW, n=40, events=events), Replicates(simulated, np.full(60, 40.0))))
    for level in coverage.LEVELS:
        held = sum(replace(HERE, pit=p).held(level) for p in places)
        assert abs(held - 4 * level) < 4 * np.sqrt(400 * level / 100 * (1 - level / 100)) + 4


def test_hits_and_coverage_are_of_the_predicted_rows():
    rows = [replace(HERE, pit=p, inside=i) for p, i in ((0.5, "yes"), (0.85, "yes"), (0.02, "no"), (0.99, "no"))]
    rows += [replace(HERE, status="seen"), replace(HERE, status="target, not fitted yet", pit=0.001, inside="no")]
    before = replace(HERE, reason="predicted before, and not to be fitted")
    assert coverage.lines([before])[0] == "Predicted before the roles were written: 1 of 1 inside."
    assert coverage.lines(rows) == [
        "Targets that no calibration has seen yet: 0 of 1 inside.",
        "Predictive intervals of 50 %: 1 of 4 predicted rows (25 (1, 81) %), which holds 50 %.",
        "Predictive intervals of 80 %: 2 of 4 predicted rows (50 (7, 93) %), which holds 80 %.",
        "Predictive intervals of 95 %: 2 of 4 predicted rows (50 (7, 93) %), which does not hold 95 %.",
    ]


def test_coverage_side_by_side():
    """Clopper and Pearson by hand for 1 and 2 of 2: 0.025^(1/2) is 16 %, 1.3 to 98.7 % for one."""
    one, other = [replace(HERE, pit=p) for p in (0.5, 0.99)], [replace(HERE, pit=p) for p in (0.5, 0.6)]
    assert coverage.side_by_side({"fitted": one, "all": other, "none": []}) == [
        ("50 %", "1 of 2 (50 (1, 99) %), holds", "2 of 2 (100 (16, 100) %), holds", "NE"),
        ("80 %", "1 of 2 (50 (1, 99) %), holds", "2 of 2 (100 (16, 100) %), holds", "NE"),
        ("95 %", "1 of 2 (50 (1, 99) %), holds", "2 of 2 (100 (16, 100) %), holds", "NE"),
    ]


def test_who_saw_a_row_is_read_off_the_set_not_off_a_flag():
    mei, label = parameter_set("hetrombopag_itp_mei_2021"), parameter_set("eltrombopag_itp_bussel_2007")
    assert seen_by(mei, "mei2021_respw8_placebo").startswith("calibration hetrombopag_itp_mei_2021_fit of 20")
    assert seen_by(mei, "mei2021_bleed_hetrom-5") == ""
    assert seen_by(label, "uslabel_auctau_eltrom-50") == "matched: F_EXP of eltrombopag_itp_bussel_2007"
    role = Role("s", "a", "target", "why", "2026-12-01")
    cases = ((None, ""), (role, ""), (role, "calibration x"), (replace(role, role="shown"), ""))
    told = [coverage.standing("s", ROW, SCORE, r, by, Replicates(np.empty(0))).status for r, by in cases]
    assert told == ["predicted", "target, not fitted yet", "seen", "shown"]


def test_every_miss_has_a_page_that_invents_nothing(tmp_path):
    misses = [Miss("s", SCORE, "too strong"), Miss("s", replace(SCORE, row_id="b"), UNEXPLAINED)]
    text = pages(misses, [replace(HERE, pit=0.95)])
    assert text.count("## ") == 2 and "Too strong." in text and text.count(NO_EXPERIMENT) == 1
    assert "50 % no, 80 % no, 95 % yes (PIT 0.950)" in text
    coverage.write([HERE], tmp_path)
    assert coverage.read(tmp_path) == [HERE]


def test_where_nobody_responds_the_rate_is_that_of_half_an_event():
    """Three trials of 40 without a yes: half an event in 121; a rate of all is as far from 1. No spread: binomial."""
    sizes = np.array([30.0, 40.0, 50.0])
    for value, p in ((0.0, 0.5 / 121), (100.0, 120.5 / 121)):
        found = Replicates(np.full(3, value), sizes)
        for events in (0, 1, 20):
            row = replace(ROW, events=events)
            assert pit(row, found) == pytest.approx(
                binom.cdf(events - 1, 20, p) + binom.pmf(events, 20, p) / 2, abs=1e-5
            )
            score = coverage.log_score(row, found)
            assert score == pytest.approx(binom.logpmf(events, 20, p), rel=1e-3)


def test_the_spread_beyond_sampling_takes_that_of_sampling_off():
    """Unequal trials, one of them without a result: moments by hand, the law of scipy."""
    rates, sizes = np.array([0.2, 0.5, 0.9]), np.array([10.0, 20.0, 40.0])
    p = ((rates * sizes).sum() + 0.5) / 71
    variance = rates.var(ddof=1)
    beyond = variance - (rates * (1 - rates) / sizes).mean() + variance / 3
    whole = p * (1 - p) / beyond - 1
    law = betabinom(20, p * whole, (1 - p) * whole)
    found = Replicates(np.array([20.0, np.nan, 50.0, 90.0]), np.array([10.0, 5.0, 20.0, 40.0]))
    assert pit(ROW, found) == pytest.approx(law.cdf(11) + law.pmf(12) / 2, rel=1e-9)
    assert coverage.log_score(ROW, found) == pytest.approx(law.logpmf(12), rel=1e-9)


def test_a_place_on_the_end_of_an_interval_is_held():
    assert [replace(HERE, pit=p).held(50) for p in (0.25, 0.75, 0.2499, 0.7501)] == [True, True, False, False]
    assert not replace(HERE, pit=None).held(95)


def test_rows_that_are_judged_and_placed_are_counted_alone():
    """Not those without limits, without a place, or seen; the level is met on the end of its limits."""
    rows = [
        replace(HERE, inside=""),
        replace(HERE, pit=None),
        replace(HERE, status="seen"),
        HERE,
        replace(HERE, pit=0.91),
    ]
    assert [(one.level, one.held, one.n) for one in coverage.coverages(rows)] == [(50, 1, 2), (80, 1, 2), (95, 2, 2)]
    assert coverage.coverages(rows[:3]) == [] and coverage.lines(rows[:3]) == []
    edges = [coverage.Covered(50, 1, 2, *limits) for limits in ((50, 60), (40, 50), (51, 60), (40, 49))]
    assert [one.is_met for one in edges] == [True, True, False, False]
    later = [replace(HERE, status="target, not fitted yet", inside=i) for i in ("yes", "no", "")]
    assert coverage.lines(later) == ["Targets that no calibration has seen yet: 1 of 2 inside."]
