"""Coverage and error, by simulation, of what is analysed over the visits and of measured endpoints; for ``validate``.

Two equal arms for the error of a test, a known difference for the coverage of an interval; what is found is a flag of
every trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from analysis.statistics import mmrm
from analysis.statistics.competing import cumulative_incidence
from analysis.statistics.estimators import Z95, Interval
from analysis.statistics.imputation import Array, arm_drawn, pooled, tails_drawn
from analysis.statistics.least_squares import adjusted_difference
from analysis.statistics.proportions import sato_difference
from analysis.statistics.ranks import hodges_lehmann, van_elteren
from analysis.statistics.recurrent import rate_ratios
from analysis.statistics.repeated_response import odds_ratios
from analysis.statistics.survival import by_day, restricted_mean

TRIALS = 2_000
Found = tuple[str, np.ndarray, str]
"""What, whether in each trial, wanted."""


def holds(interval: Interval, truth: float) -> bool:
    """Whether limits, in one trial, are on both sides of the truth; not where there are none."""
    return bool(interval.low <= truth <= interval.high)


def visits(trials: int = TRIALS) -> Iterator[Found]:
    """Every method in its turn."""
    rng = np.random.default_rng(20261130)
    for part in (_ranks, _adjusted, _model, _responses, _means, _incidence, _rates, _imputed):
        yield from part(rng, trials)


def _ranks(rng: np.random.Generator, trials: int) -> Iterator[Found]:
    """Exact limits of 12 and 9; asymptotic ones of 60 and 50 with ties; strata of 25, 12 and 8."""
    small = [hodges_lehmann(rng.standard_t(3, 12) + 1, rng.standard_t(3, 9)).interval for _ in range(trials)]
    yield "Hodges-Lehmann, exact, 12 and 9", np.array([holds(i, 1.0) for i in small]), "95 % or more"
    large = [
        hodges_lehmann(np.round(rng.normal(20, 10, 60)) + 5, np.round(rng.normal(20, 10, 50))).interval
        for _ in range(trials)
    ]
    yield "Hodges-Lehmann, 60 and 50, whole numbers", np.array([holds(i, 5.0) for i in large]), "95 % or more, for ties"
    stratum = np.repeat([0, 1, 2], [25, 12, 8])
    level = np.array([0.0, 5.0, 12.0])[stratum]
    p = [van_elteren(np.round(rng.normal(level, 4)), rng.permutation(45) % 2 == 0, stratum) for _ in range(trials)]
    yield "van Elteren's test, 45 in three strata, ties", np.array(p) < 0.05, "about 5 %"


def _adjusted(rng: np.random.Generator, trials: int) -> Iterator[Found]:
    held, rejected = [], []
    for _ in range(trials):
        arm, stratum, base = rng.permutation(24) % 3, rng.integers(0, 3, 24), rng.normal(size=24)
        value = rng.normal(size=24) + 0.8 * base + 0.5 * stratum + 0.7 * (arm == 1)
        held.append(holds(adjusted_difference(value, arm, (1, 0), base, stratum).interval, 0.7))
        rejected.append(adjusted_difference(value, arm, (2, 0), base, stratum).p < 0.05)
    yield "analysis of covariance, 8 an arm", np.array(held), "about 95 %"
    yield "analysis of covariance, equal arms", np.array(rejected), "about 5 %"


def _model(rng: np.random.Generator, trials: int, size: int = 20) -> Iterator[Found]:
    """Four visits; who is low is more likely to leave, which is at random given what was seen. Difference 0.5 at the
    last visit under arm 1 of one set of trials, 0 in the other.
    """
    root = np.linalg.cholesky(0.5 + 0.5 * np.eye(4)) * np.array([1.0, 1.2, 1.4, 1.6])[:, None]
    arm = np.arange(2 * size) % 2
    x = np.zeros((2 * size, 4, 8))
    for v in range(4):
        x[arm == 0, v, v], x[arm == 1, v, 4 + v] = 1.0, 1.0
    last = np.eye(8)[7] - np.eye(8)[3]
    for difference in (0.5, 0.0):
        kept: dict[str, list[bool]] = {"kenward_roger": [], "satterthwaite": []}
        fallen = []
        for _ in range(trials):
            y = rng.normal(size=(2 * size, 4)) @ root.T + difference * arm[:, None] * np.array([0.2, 0.6, 0.9, 1.0])
            for v in range(1, 4):
                y[(y[:, v - 1] < -0.5) & (rng.random(2 * size) < 0.35) | np.isnan(y[:, v - 1]), v] = np.nan
            found = mmrm.fit(y, x)
            fallen.append(found.structure != "unstructured")
            for freedom in kept:
                contrast = found.contrast(last, freedom)  # type: ignore[arg-type]
                kept[freedom].append(contrast.p < 0.05 if difference == 0 else holds(contrast.interval, difference))
        what, wanted = ("equal arms", "about 5 %") if difference == 0 else ("coverage", "about 95 %")
        yield f"mixed model, {size} an arm, Kenward-Roger: {what}", np.array(kept["kenward_roger"]), wanted
        yield f"mixed model, {size} an arm, Satterthwaite: {what}", np.array(kept["satterthwaite"]), wanted
    yield "mixed model: another structure than the unstructured", np.array(fallen), "seldom"


def _responses(rng: np.random.Generator, trials: int, size: int = 60) -> Iterator[Found]:
    """Three visits, answers of a patient correlated through a latent normal; odds ratio 3 of arm 1, 1 of arm 2."""
    arm, none = np.arange(3 * size) % 3, np.zeros(3 * size, dtype=np.int64)
    cut = np.array([0.3, 0.3, 0.3])
    cut[1] = 3 * 0.3 / 0.7 / (1 + 3 * 0.3 / 0.7)
    held, rejected = [], []
    for _ in range(trials):
        latent = np.sqrt(0.5) * (rng.normal(size=(3 * size, 1)) + rng.normal(size=(3 * size, 3)))
        answer = (ndtr(latent) < cut[arm][:, None]).astype(float)
        answer[rng.random(answer.shape) < 0.1] = np.nan
        found = odds_ratios(answer, arm, 0, none)
        held.append(holds(found.average[1].interval, 3.0))
        rejected.append(found.average[2].p < 0.05)
    yield f"response at every visit, GEE, {size} an arm, odds ratio 3", np.array(held), "about 95 %"
    yield "response at every visit, GEE, equal arms", np.array(rejected), "about 5 %"


def _means(rng: np.random.Generator, trials: int, size: int = 50) -> Iterator[Found]:
    """Hazard 1 in 20 days, censored up to day 40; mean of the first 28 days, and of two such arms the difference."""
    shape = (2, trials)
    day = np.ceil(rng.exponential(20.0, (2, trials, size))).astype(np.int64)
    away = rng.integers(15, 60, day.shape)
    group = np.broadcast_to(np.arange(2 * trials).reshape(2, trials, 1), day.shape)
    counts = by_day(group.ravel(), shape, np.minimum(day, away).ravel(), (day <= away).ravel())
    mean, error = restricted_mean(counts, 28)
    truth = float(np.exp(-np.arange(28) / 20.0).sum())
    known = np.isfinite(mean).all(axis=0)
    yield f"restricted mean, {size} patients", (np.abs(mean[0] - truth) <= Z95 * error[0])[known], "about 95 %"
    z = np.abs(mean[0] - mean[1]) / np.hypot(*error)
    yield f"restricted means, equal arms of {size}", (z > Z95)[known], "about 5 %"


def _incidence(rng: np.random.Generator, trials: int, size: int = 60) -> Iterator[Found]:
    """Two events of hazards 1 in 30 and 1 in 60 days, censored; share with the first by day 28."""
    first, second = (np.ceil(rng.exponential(mean, (trials, size))) for mean in (30.0, 60.0))
    day = np.minimum(np.minimum(first, second), away := rng.integers(10, 70, (trials, size))).astype(np.int64)
    kind = np.where(day == np.minimum(first, away), np.where(first <= away, 0, 2), np.where(second <= away, 1, 2))
    group = np.repeat(np.arange(trials), size)
    counts = [by_day(group, (trials,), day.ravel(), (kind == k).ravel()) for k in (0, 1)]
    found = cumulative_incidence(np.stack([c.events for c in counts], axis=1), counts[0].at_risk)
    stay = np.exp(-np.arange(28) * (1 / 30 + 1 / 60))
    truth = float((stay * (1 - np.exp(-1 / 30))).sum())
    low, high = found.low[:, 0, 28], found.high[:, 0, 28]
    yield f"cumulative incidence, {size} patients", (low <= truth) & (truth <= high), "about 95 %"


def _imputed(rng: np.random.Generator, trials: int, size: int = 60) -> Iterator[Found]:
    """Baseline and four visits of normal log counts; who is low leaves, at random given what was seen. A yes is a value
    of 1 or more at the last visit. After leaving arm 1 goes on as it was, or as the reference arm in the law of jump to
    reference; arm 0 is the reference arm, and arm 2 has its law.
    """
    root = np.linalg.cholesky(0.3 + 0.7 * np.eye(5))
    gain = np.array([0.0, 0.4, 0.8, 0.9, 1.0])
    laws = {"missing_at_random": 0.0, "jump_to_reference": 1.0}
    held: dict[str, list[bool]] = {how: [] for how in laws}
    rejected: dict[str, list[bool]] = {how: [] for how in (*laws, "copy_increments")}
    truths = {how: _share_of_yes(root, gain, jumps) - _share_of_yes(root, 0 * gain, 0.0) for how, jumps in laws.items()}
    for _ in range(trials):
        arms = []
        for k in range(3):
            y = rng.normal(size=(size, 5)) @ root.T + gain * (k == 1)
            arms.append(arm_drawn(_left(y, rng.random(y.shape)), 10, AnyUniforms(rng, 10, size)))
        for how, found in rejected.items():
            yes = [(tails_drawn(arm, arms[0], how)[..., -1] >= 1.0).sum(axis=1) for arm in arms]
            for k in (1, 2):
                sato = sato_difference(*(np.stack([x], axis=-1) for x in (yes[k], size, yes[0], size)))
                variance = ((sato.high - sato.low) / (2 * Z95)) ** 2
                interval, p = pooled(sato.estimate, np.broadcast_to(variance, sato.estimate.shape), 2 * size - 2)
                if k == 1 and how in laws:
                    held[how].append(holds(interval, truths[how]))
                elif k == 2:
                    found.append(bool(p < 0.05))
    for how, flags in held.items():
        yield f"multiple imputation, {how.replace('_', ' ')}, {size} an arm", np.array(flags), WANTED[how]
    for how, flags in rejected.items():
        yield f"multiple imputation, {how.replace('_', ' ')}, equal arms", np.array(flags), ERROR[how]


@dataclass(frozen=True)
class AnyUniforms:
    """Uniforms of M imputations of n patients, as they come."""

    rng: np.random.Generator
    many: int
    n: int

    def of_arm(self, round: int, visit: int, k: int) -> Array:
        """(M, k)."""
        return self.rng.random((self.many, k))

    def of_patients(self, round: int, visit: int) -> Array:
        """(M, n)."""
        return self.rng.random((self.many, self.n))


WANTED = {"missing_at_random": "about 95 %", "jump_to_reference": "95 % or more: Rubin's variance is too large there"}
ERROR = {
    "missing_at_random": "5 % or less: counts are imputed by a model that knows more than the share of yes (Meng 1994)",
    "jump_to_reference": "5 % or less: Rubin's variance is too large there",
    "copy_increments": "5 % or less: Rubin's variance is too large there",
}


def _left(y: Array, u: Array) -> Array:
    """Values (n, 5), NaN from the visit before which a patient left: of those below -0.5 at a visit 35 % leave."""
    low = (y[:, 1:-1] < -0.5) & (u[:, 1:-1] < 0.35)
    gone = np.logical_or.accumulate(low, axis=1)
    return np.column_stack([y[:, :2], np.where(gone, np.nan, y[:, 2:])])


def _share_of_yes(root: Array, gain: Array, jumps: float) -> float:
    """The share of 1,000,000 patients with a yes, of whom those who left lose ``jumps`` of the gain after their last
    value, beyond what their earlier values predict.
    """
    rng = np.random.default_rng(7)
    y = rng.normal(size=(1_000_000, 5)) @ root.T
    left = np.isnan(_left(y + gain, rng.random(y.shape)))
    lost = np.where(left[:, -1], jumps * gain[-1], 0.0)
    return float((y[:, -1] + gain[-1] - lost >= 1.0).mean())


def _rates(rng: np.random.Generator, trials: int, size: int = 50) -> Iterator[Found]:
    """Patients whose own rates vary (dispersion 1): 2 a year, 1 a year under arm 1; watched for 0.1 to 0.5 years."""
    arm, none = np.arange(3 * size) % 3, np.zeros(3 * size, dtype=np.int64)
    held, rejected = [], []
    for _ in range(trials):
        time = rng.uniform(0.1, 0.5, 3 * size)
        events = rng.poisson(time * np.array([2.0, 1.0, 2.0])[arm] * rng.gamma(1.0, 1.0, 3 * size)).astype(float)
        found = rate_ratios(events, time, arm, 0, none)
        held.append(holds(found[1].interval, 0.5))
        rejected.append(found[2].p < 0.05)
    yield f"negative binomial rate ratio, {size} an arm", np.array(held), "about 95 %"
    yield "negative binomial rate ratio, equal arms", np.array(rejected), "about 5 %"
