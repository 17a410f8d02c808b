"""Multiple imputation: closed forms, second derivations of the laws by covariance matrices, Rubin's rules by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from tiny_trial import Patient, records
from tiny_trial import study as tiny

from analysis.statistics.imputation import (
    ArmDrawn,
    Regressions,
    TooFew,
    _gaps_drawn,
    arm_drawn,
    drawn,
    filled,
    pooled,
    tails_drawn,
)
from analysis.statistics.imputed_counts import draw
from trial.app.imputed import drawn as by_the_streams

MANY = 4000
RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Made:
    """Uniforms of a generator for each name: an arm's by the seed alone, a patient's by his number."""

    many: int = MANY
    seed: tuple[int, ...] = (0,)
    subjects: tuple[int, ...] = tuple(range(20))

    def of_arm(self, round, visit, k):
        return np.random.default_rng([*self.seed, round, visit]).random((self.many, k))

    def of_patients(self, round, visit):
        each = (np.random.default_rng([99, s, round, visit]).random(self.many) for s in self.subjects)
        return np.stack(list(each), axis=1)


def made(n, many=MANY, seed=0):
    return Made(many, (seed,), tuple(range(n)))


def laws(mean, covariance):
    """Regressions of a known normal law, one draw, by the inverse of leading blocks."""
    w = len(mean)
    level, slope, spread = np.zeros((1, w)), np.zeros((1, w, w)), np.zeros((1, w))
    for v in range(w):
        slope[0, v, :v] = np.linalg.solve(covariance[:v, :v], covariance[:v, v])
        level[0, v] = mean[v] - slope[0, v] @ mean
        spread[0, v] = np.sqrt(covariance[v, v] - slope[0, v, :v] @ covariance[:v, v])
    return Regressions(level, slope, spread)


def random_law(w=5):
    root = RNG.normal(size=(w, w))
    return RNG.normal(size=w), root @ root.T + np.eye(w)


def test_regressions_are_mean_and_covariance():
    mean, covariance = random_law()
    by = laws(mean, covariance)
    np.testing.assert_allclose(by.mean[0], mean)
    np.testing.assert_allclose(by.covariance[0], covariance)


@pytest.mark.parametrize("how", ["missing_at_random", "jump_to_reference", "copy_increments"])
@pytest.mark.parametrize("last", [0, 2, 3])
def test_tails_have_the_law_of_the_matrix_of_carpenter_roger_and_kenward(how, last):
    """Their joint matrix is formed, S21 = R21 R11^-1 A11 and S22 = R22 - R21 R11^-1 (R11 - A11) R11^-1 R12, and the
    later visits given the earlier ones taken from it.
    """
    (a_mean, a), (r_mean, r) = random_law(), random_law()
    w, j = 5, last + 1
    y = np.full((1, 1, w), nan)
    y[0, 0, :j] = RNG.normal(size=j)
    normal = RNG.normal(size=(1, 1, w))
    arm, reference = (ArmDrawn(y, np.array([last]), laws(*law), normal) for law in ((a_mean, a), (r_mean, r)))
    got = tails_drawn(arm, reference, how)[0, 0]
    if how == "missing_at_random":
        joint, mean = a, a_mean
    else:
        step = r[j:, :j] @ np.linalg.inv(r[:j, :j])
        joint = np.zeros((w, w))
        joint[:j, :j], joint[j:, :j] = a[:j, :j], step @ a[:j, :j]
        joint[:j, j:] = joint[j:, :j].T
        joint[j:, j:] = r[j:, j:] - step @ (r[:j, :j] - a[:j, :j]) @ step.T
        shift = a_mean[last] - r_mean[last] if how == "copy_increments" else 0.0
        mean = np.concatenate([a_mean[:j], r_mean[j:] + shift])
    back = joint[j:, :j] @ np.linalg.inv(joint[:j, :j])
    expected = mean[j:] + back @ (y[0, 0, :j] - mean[:j])
    rest = np.linalg.cholesky(joint[j:, j:] - back @ joint[:j, j:])
    np.testing.assert_allclose(got[j:], expected + rest @ normal[0, 0, j:], rtol=1e-8)
    np.testing.assert_array_equal(got[:j], y[0, 0, :j])


def test_of_the_reference_arm_all_three_are_the_same_and_who_stayed_is_at_random():
    y = RNG.normal(size=(12, 4)).cumsum(axis=1)
    y[:4, 2:] = nan
    one, other = (arm_drawn(z, 3, made(12, 3, s)) for s, z in enumerate((y, y[::-1] + 1)))
    at_random = tails_drawn(one, one, "missing_at_random")
    for how in ("jump_to_reference", "copy_increments"):
        np.testing.assert_allclose(tails_drawn(one, one, how), at_random)
        nobody = tails_drawn(one, other, how, np.zeros(12, dtype=bool))
        np.testing.assert_allclose(nobody, at_random)
        first = tails_drawn(one, other, how, np.arange(12) == 0)
        assert (first[:, 0, 2:] != at_random[:, 0, 2:]).all()
        np.testing.assert_allclose(first[:, 1:], at_random[:, 1:])


def test_one_visit_is_bayesian_regression():
    """Imputed of one visit given baseline: the predictive law of a regression is t with n - 2 degrees of freedom about
    the least squares line (Gelman et al., Bayesian Data Analysis, 14.2).
    """
    x = RNG.normal(size=14)
    y = np.column_stack([x, 1 + 2 * x + RNG.normal(size=14)])
    y[0] = 1.5, nan
    arm = arm_drawn(y, MANY, made(14))
    got = tails_drawn(arm, arm, "missing_at_random")[:, 0, 1]
    slope, level, *_ = stats.linregress(x[1:], y[1:, 1])
    design = np.column_stack([np.ones(13), x[1:]])
    s2 = ((y[1:, 1] - level - slope * x[1:]) ** 2).sum() / 11
    new = np.array([1.0, 1.5])
    scale = np.sqrt(s2 * (1 + new @ np.linalg.inv(design.T @ design) @ new))
    assert stats.kstest((got - level - 1.5 * slope) / scale, stats.t(11).cdf).pvalue > 0.001


class AtOne(Made):
    """Everybody at one standard deviation."""

    def of_patients(self, round, visit):
        return np.full((1, 2), stats.norm.cdf(1.0))


@pytest.mark.parametrize("last", [3, 4])
def test_a_gap_has_its_law_given_all_other_visits(last):
    """At the quantile of one standard deviation: conditional mean and spread, by the inverse of the covariance of what
    is there; the second patient has no gap.
    """
    mean, covariance = random_law()
    y = RNG.normal(size=(1, 2, 5))
    y[..., last + 1 :] = nan
    gap = np.array([[False, False, True, False, False], [False] * 5])
    got = _gaps_drawn(y, gap, np.array([last, last]), laws(mean, covariance), AtOne(), 1)
    rest = [k for k in range(last + 1) if k != 2]
    back = covariance[2, rest] @ np.linalg.inv(covariance[np.ix_(rest, rest)])
    spread = np.sqrt(covariance[2, 2] - back @ covariance[rest, 2])
    assert got[0, 0, 2] == pytest.approx(mean[2] + back @ (y[0, 0, rest] - mean[rest]) + spread, rel=1e-9)
    np.testing.assert_array_equal(got[0, 1], y[0, 1])


def test_a_visit_that_follows_from_others_is_left_out_of_the_regression():
    """Everybody has the same baseline: the mean of the next visit is all there is, as without it."""
    y = np.column_stack([np.full(9, 2.0), RNG.normal(size=9)])
    by = drawn(np.broadcast_to(y, (MANY, 9, 2)), np.full(9, 1), made(9), 1)
    assert np.isfinite(by.mean).all()
    at_two = by.level[:, 1] + 2.0 * by.slope[:, 1, 0]
    assert at_two.mean() == pytest.approx(y[:, 1].mean(), abs=4 * y[:, 1].std() / 3 / np.sqrt(MANY) * 1.3)


def test_gaps_begin_half_way():
    y = np.array([[1.0, nan, 3.0, nan, nan], [1.0, nan, nan, 5.0, 7.0], [1.0, nan, nan, nan, nan]])
    expected = [[1, 2, 3, nan, nan], [1, 3, 4, 5, 7], [1, nan, nan, nan, nan]]
    np.testing.assert_array_equal(filled(y, np.array([2, 4, 0])), expected)


def test_too_few_patients():
    """Four at a visit have a mean of their own and no predictor; three have nothing."""
    y = RNG.normal(size=(6, 3))
    y[4:, 2] = nan
    by = drawn(np.broadcast_to(y, (5, 6, 3)), np.array([2] * 4 + [1] * 2), made(6, 5), 1)
    assert (by.slope[:, 2] == 0).all() and (by.slope[:, 1, 0] != 0).all()
    y[3, 2] = nan
    with pytest.raises(TooFew):
        drawn(np.broadcast_to(y, (5, 6, 3)), np.array([2] * 3 + [1] * 3), made(6, 5), 1)


def test_rubins_rules_by_hand():
    """Estimates 1, 2, 3 with variances 0.5: between 1, times 4/3; total 11/6; df by Barnard and Rubin's formulae."""
    interval, p = pooled(np.array([[1.0, 2.0, 3.0]]), np.full((1, 3), 0.5), np.array([100.0]))
    total, share = 0.5 + 4 / 3, (4 / 3) / (0.5 + 4 / 3)
    old, seen = 2 / share**2, 101 / 103 * 100 * (1 - share)
    df = old * seen / (old + seen)
    assert interval.estimate[0] == 2.0
    assert interval.high[0] - 2.0 == pytest.approx(stats.t(df).ppf(0.975) * np.sqrt(total), rel=1e-12)
    assert p[0] == pytest.approx(2 * stats.t(df).sf(2 / np.sqrt(total)), rel=1e-12)


def test_without_a_missing_value_rubins_rules_are_the_plain_analysis():
    interval, p = pooled(np.full(4, 0.3), np.full(4, 0.01), 98.0)
    df = 99 / 101 * 98
    assert float(interval.low) == pytest.approx(0.3 - 0.1 * stats.t(df).ppf(0.975))
    assert float(p) == pytest.approx(2 * stats.t(df).sf(3))
    nothing = pooled(np.full(4, 0.0), np.zeros(4), 98.0)
    assert np.isnan([*nothing[0], nothing[1]]).all()


def patients(left=True):
    """Two arms of eight; the first of each left after week 3, and the second missed week 2."""
    said = []
    for arm in ("A", "B"):
        for k in range(8):
            counts = [20 + 3 * k + (7 * k * v) % 11 + 40 * (arm == "A") for v in range(10)]
            here = {"counts": counts, "arm": arm}
            if k == 0 and left:
                here = {"counts": [*counts[:3], *[None] * 7], "completed": False, "last_day": 25, "arm": arm}
            if k == 1 and left:
                here["counts"] = [counts[0], None, *counts[2:]]
            said.append(Patient(**here))
    return records(*said)


def imputed(of, how, delta=0.0, died=None, whole=False):
    died = np.full(of.n, nan) if died is None else died
    reference = of.arm_ids.index("B")
    many = draw(of, died, reference, 6, whole, lambda r, a, s: Made(6, (r, ord(a)), tuple(s.tolist())))
    return many.records_of(how, delta)


def test_complete_records_stay_as_they_are():
    of = patients(left=False)
    for one in imputed(of, "jump_to_reference", delta=1.0):
        np.testing.assert_array_equal(one.counts, of.counts)


def test_only_missing_counts_are_imputed_and_delta_moves_only_tails_of_other_arms():
    of = patients()
    missing = np.isnan(of.counts)
    plain, worse = (imputed(of, "missing_at_random", delta) for delta in (0.0, 0.7))
    for one, two in zip(plain, worse, strict=True):
        np.testing.assert_array_equal(one.counts[~missing], of.counts[~missing])
        assert not np.isnan(one.counts).any()
        np.testing.assert_array_equal(one.days[missing], np.broadcast_to(of.planned, missing.shape)[missing])
        np.testing.assert_allclose(two.counts[0, 3:], one.counts[0, 3:] * np.exp(-0.7))
        assert two.counts[1, 1] == one.counts[1, 1] and (two.counts[8:] == one.counts[8:]).all()
    jump = imputed(of, "jump_to_reference")
    assert all((one.counts[8:] == two.counts[8:]).all() for one, two in zip(plain, jump, strict=True))
    assert np.mean([one.counts[0, 3:] for one in jump]) < np.mean([one.counts[0, 3:] for one in plain])
    assert all((one.counts == np.rint(one.counts)).all() for one in imputed(of, "missing_at_random", whole=True))


def test_the_dead_get_no_counts_and_voided_counts_are_not_in_the_model():
    of = patients()
    died = np.where(np.arange(of.n) == 0, 25.0, nan)
    for one in imputed(of, "copy_increments", died=died):
        assert np.isnan(one.counts[0, 3:]).all() and not np.isnan(one.counts[1]).any()
    on_the_day = np.where(np.arange(of.n) == 0, float(of.planned[3]), nan)
    for one in imputed(of, "copy_increments", died=on_the_day):
        assert np.isnan(one.counts[0, 3:]).all() and not np.isnan(one.counts[0, :3]).any()
    rescued = replace(of, void_from=np.full_like(of.void_from, np.inf))
    rescued.void_from[2] = 15.0
    wild = replace(rescued, counts=rescued.counts.copy())
    wild.counts[2, 2:] = 900.0
    for one, two in zip(imputed(rescued, "missing_at_random"), imputed(wild, "missing_at_random"), strict=True):
        np.testing.assert_array_equal(one.counts[0], two.counts[0])
        assert (two.counts[2, 2:] == 900).all()


@pytest.mark.parametrize("how", ["missing_at_random", "jump_to_reference", "copy_increments"])
def test_draws_of_an_arm_know_nothing_of_the_place_of_others_and_of_their_gaps(how):
    """Arms in another order, one more before all, one of its patients with a gap and gone: B and C as they were."""
    one = dropouts_of("BCA")
    other = dropouts_of("ACB", patients_of_a=1)
    for who in ("B", "C"):
        same = [many[:, of.arm == of.arm_ids.index(who)] for of, many in (drawn_of(one, how), drawn_of(other, how))]
        np.testing.assert_array_equal(*same)
        assert len(np.unique(same[0][:, 0, 9])) > 1, "each imputation has its own"
    alone = dropouts_of("CB")
    of, many = drawn_of(alone, how)
    np.testing.assert_array_equal(many[:, of.arm == 1], drawn_of(one, how)[1][:, one.arm == 0])


def dropouts_of(arms, patients_of_a=3):
    """Nine a arm, numbered by arm whatever the order; two of each left, some missed visits."""
    said, numbers = [], []
    for arm in arms:
        for k in range(9):
            counts = [20 + 3 * k + (7 * k * v + ord(arm)) % 11 for v in range(10)]
            gap = (2, patients_of_a) if arm == "A" else (2,)
            counts = [None if k in gap and v == 3 else c for v, c in enumerate(counts)]
            left = {"completed": False, "last_day": 40} if k < 2 else {}
            said.append(Patient([*counts[:5], *[None] * 5] if k < 2 else counts, arm=arm, **left))
            numbers.append(100 * ord(arm) + k)
    of = records(*said)
    return replace(of, subject=np.array(numbers))


def drawn_of(of, how):
    """The records and their counts (M, n, V), by the engine's own streams."""
    keys = {"estimands": [{"id": "E"}], "imputation": {"imputations": 4, "deltas": [0]}}
    drawn = by_the_streams(of, pa.table({}), tiny(arms=of.arm_ids, reference_arm="B", **keys))
    return of, np.stack([one.counts for one in drawn.records_of(how)])


def test_an_arm_with_too_few_leaves_the_replicate_as_it_is():
    of = records(*(Patient([10, 20], arm=arm) for arm in ("A", "B", "B")))
    many = draw(of, np.full(3, nan), 1, 2, False, lambda r, a, s: Made(2, (r,), tuple(s.tolist())))
    assert np.isnan(many.possible).all()
    np.testing.assert_array_equal(many.records_of("missing_at_random")[0].counts, of.counts)
