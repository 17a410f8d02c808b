"""What is believed of parameters after the targets: an emulator of the simulated results and a walk over its posterior.

Parameters are standardised as in a calibration: z (K,), in prior SDs from the prior medians. Results are on a scale on
which chance is near normal: 2 asin sqrt of a rate (Anscombe 1948: of x in n, 2 asin sqrt((x + 3/8) / (n + 3/4)) with
variance 1 / (n + 1/2)), the logarithm of what is positive. Targets of the same patients are correlated as their
simulated replicates are, so a trial counts once, not once per endpoint. The results of the design points are
interpolated by one Gaussian process per target (a straight line and a smooth rest; Rasmussen and Williams 2006), the
affine-invariant sampler of Goodman and Weare (2010) walks over prior times likelihood. The covariance of the likelihood
holds the chance of the published trial, that of the simulated replicates, and the error of the interpolation.

A first wave of points covers the prior, later ones lie where the posterior of the wave before is. Libraries:
scikit-learn and emcee, imported here alone and late.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from analysis.evidence.calibration import Fitted, Measure, Target

Array = NDArray[np.float64]
Results = Callable[[Array], Array]
"""Simulated results (n, T) at standardised parameters (n, K), on the scales of the targets; NaN: there is none."""
COVERED = 0.02
"""The first wave covers the prior from this quantile to that of the other side."""
BLOCK_STEPS, MOST_BLOCKS, TIMES_TAU = 500, 24, 50
"""The sampler walks in blocks until it has gone so many autocorrelation times, or for so many blocks."""
MOST_ALIKE = 0.98
"""Correlations of chance are multiplied by it, so that two targets that are nearly one still have an inverse."""
LEAST_USABLE = 0.5
"""Of the design points of a target must give a result."""


@dataclass(frozen=True)
class Aims:
    """Targets on their scales: ids, observed (T,), and the covariance (T, T) of their chance."""

    row_ids: tuple[str, ...]
    observed: Array
    covariance: Array

    @property
    def sd(self) -> Array:
        """Standard error of each target, (T,)."""
        return np.sqrt(np.diag(self.covariance))


def scaled(target: Target | Measure, result: Array) -> Array:
    """A simulated result (rates as proportions) on the scale of its target; NaN where it has no place there."""
    if isinstance(target, Target):
        return np.asarray(2.0 * np.arcsin(np.sqrt(result)))
    if not target.log:
        return result
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(result > 0, np.log(result), np.nan)


def aims_of(targets: Sequence[Target | Measure], replicates: Array) -> Aims:
    """The targets with the correlation of their simulated ``replicates`` (R, T), results as proportions or values.

    A target that does not vary, or has no value in some replicate, stands alone.
    """
    observed, sd = zip(*map(_observed, targets), strict=True)
    chance = np.stack([scaled(t, x) for t, x in zip(targets, replicates.T, strict=True)])
    spread = chance.std(axis=1)
    told = np.isfinite(spread) & (spread > 0)
    correlation = np.eye(len(targets))
    if told.sum() > 1:
        alike = MOST_ALIKE * np.corrcoef(chance[told])
        correlation[np.ix_(told, told)] = alike + (1.0 - MOST_ALIKE) * np.eye(int(told.sum()))
    return Aims(tuple(t.row_id for t in targets), np.array(observed), np.outer(sd, sd) * correlation)


def _observed(target: Target | Measure) -> tuple[float, float]:
    """A target on its scale, and its standard error there."""
    if isinstance(target, Target):
        x, n = target.events, target.n
        return float(2.0 * np.arcsin(np.sqrt((x + 0.375) / (n + 0.75)))), float(1.0 / np.sqrt(n + 0.5))
    return (float(np.log(target.value)) if target.log else target.value), target.sd


@dataclass(frozen=True)
class Emulator:
    """One Gaussian process per target: ``lines`` (K+1, T) straight parts; of the rest at the ``points`` (n, K), by
    target, ``lengths`` (T, K) and ``weights`` (T, n), 0 at points without a result.
    """

    lines: Array
    points: Array
    lengths: Array
    weights: Array
    left_out: Array
    """(n, T) error of every point predicted from the others, on the scale of the target; NaN: no result."""
    surprise: Array
    """(n, T) the same in SDs of the process."""

    def __call__(self, z: Array) -> Array:
        """Results (n, T) at standardised parameters (n, K)."""
        found = np.column_stack([np.ones(len(z)), z]) @ self.lines
        for k, (lengths, weights) in enumerate(zip(self.lengths, self.weights, strict=True)):
            here, there = z / lengths, self.points / lengths
            apart = (here**2).sum(axis=1)[:, None] + (there**2).sum(axis=1) - 2.0 * here @ there.T
            found[:, k] += np.exp(-0.5 * apart) @ weights
        return found


def emulate(z: Array, results: Array, row_ids: Sequence[str]) -> Emulator:
    """The emulator of ``results`` (n, T) at the points ``z`` (n, K). Raises ValueError naming a target that most of the
    points have no result of.
    """
    n, targets = results.shape
    lines, lengths = np.empty((z.shape[1] + 1, targets)), np.empty((targets, z.shape[1]))
    weights, left_out, surprise = np.zeros((targets, n)), np.full((n, targets), np.nan), np.full((n, targets), np.nan)
    for k, row_id in enumerate(row_ids):
        known = np.isfinite(results[:, k])
        if known.mean() < LEAST_USABLE:
            raise ValueError(f"{row_id}: {100 * known.mean():.0f} % of the points give a result; it cannot be a target")
        design = np.column_stack([np.ones(known.sum()), z[known]])
        lines[:, k] = np.linalg.lstsq(design, results[known, k], rcond=None)[0]
        rest = results[known, k] - design @ lines[:, k]
        scale = rest.std() or 1.0
        kernel = _kernel(z[known], rest / scale)
        inverse = np.linalg.inv(kernel(z[known]))
        lengths[k] = kernel.k1.k2.length_scale
        weights[k, known] = scale * kernel.k1.k1.constant_value * (inverse @ (rest / scale))
        spread = 1.0 / np.diag(inverse)
        left_out[known, k] = inverse @ rest * spread
        surprise[known, k] = left_out[known, k] / (scale * np.sqrt(spread))
    return Emulator(lines, z, lengths, weights, left_out, surprise)


def _kernel(z: Array, rest: Array) -> Any:
    """The kernel of a Gaussian process, a length per parameter and white noise, most likely for a ``rest`` of SD 1."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from threadpoolctl import threadpool_limits

    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(np.full(z.shape[1], 3.0), (0.3, 100.0))
    process = GaussianProcessRegressor(kernel + WhiteKernel(1e-2, (1e-6, 1.0)))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter that moves nothing is at the end of its range
        return process.fit(z, rest).kernel_


@dataclass(frozen=True)
class Posterior:
    """``draws`` (D, K) of the standardised parameters, evenly from the walk; how it went: ``steps`` of each of
    ``walkers``, longest ``tau`` (autocorrelation time in steps), ``accepted`` share; the last ``emulator`` and the SD
    of its ``error`` (T,) where it was asked.
    """

    draws: Array
    walkers: int
    steps: int
    tau: float
    accepted: float
    emulator: Emulator
    error: Array

    @property
    def effective(self) -> float:
        """Independent draws that the walk was worth."""
        return self.walkers * self.steps / self.tau


def log_posterior(aims: Aims, results: Results, error: Array, extra: float, z: Array) -> Array:
    """(n,) log density at ``z`` (n, K), but for a constant: standard normal prior, normal likelihood of ``results``;
    ``error`` (T,): SD of the interpolation; ``extra``: chance of the simulation as a share of that of the trial.
    """
    covariance = (1.0 + extra) * aims.covariance + np.diag(error**2)
    gap = np.linalg.solve(np.linalg.cholesky(covariance), (aims.observed - results(z)).T)
    return np.asarray(-0.5 * (gap**2).sum(axis=0) - 0.5 * (z**2).sum(axis=1))


def posterior_of(
    aims: Aims,
    simulate: Results,
    fitted: Sequence[Fitted],
    random_state: Any,
    *,
    points: int,
    waves: int,
    extra: float,
    draws: int,
) -> Posterior:
    """The posterior after ``waves`` of ``points`` each; ``random_state``: a state of the sampler's own generator."""
    k = len(fitted)
    z = ndtri(COVERED + (1 - 2 * COVERED) * _even(points, k))
    seen, results, walked = np.empty((0, k)), np.empty((0, len(aims.row_ids))), None
    for _ in range(waves):
        results, seen = np.vstack([results, simulate(z)]), np.vstack([seen, z])
        emulator = emulate(seen, results, aims.row_ids)
        error = np.sqrt(np.nanmean(emulator.left_out[-len(z) :] ** 2, axis=0))
        density = partial(log_posterior, aims, emulator, error, extra)
        walked = _walk(density, seen, random_state)
        z = _thinned(walked.get_chain(flat=True), points)
    assert walked is not None
    chain = walked.get_chain(flat=True)
    tau = float(np.max(walked.get_autocorr_time(tol=0)))
    accepted = float(np.mean(walked.acceptance_fraction))
    walkers, steps = walked.get_chain().shape[1], walked.get_chain().shape[0]
    return Posterior(_thinned(chain, draws), walkers, steps, tau, accepted, emulator, error)


def _even(n: int, k: int) -> Array:
    """(n, k) points that fill the unit cube evenly; the first, a corner, is its middle here."""
    drawn = qmc.Sobol(k, scramble=False).random_base2(int(np.ceil(np.log2(max(n, 2)))))[:n]
    return np.where(np.arange(n)[:, None] == 0, 0.5, drawn)


def _thinned(chain: Array, n: int) -> Array:
    """``n`` draws of a chain, from all of its length alike."""
    return np.asarray(chain[np.linspace(0, len(chain) - 1, n).astype(int)])


def _walk(density: Callable[[Array], Array], seen: Array, random_state: Any) -> Any:
    """The sampler after its walk from around the best of the points ``seen``, the first block thrown away."""
    import emcee

    k = seen.shape[1]
    walkers = max(32, 4 * k)
    best = seen[np.argmax(density(seen))]
    start = best + 0.3 * ndtri(COVERED + (1 - 2 * COVERED) * _even(walkers, k))
    sampler = emcee.EnsembleSampler(walkers, k, density, vectorize=True)
    state = sampler.run_mcmc(emcee.State(start, random_state=random_state), BLOCK_STEPS)
    sampler.reset()
    for _ in range(MOST_BLOCKS):
        state = sampler.run_mcmc(state, BLOCK_STEPS)
        if sampler.iteration >= TIMES_TAU * np.max(sampler.get_autocorr_time(tol=0)):
            break
    return sampler
