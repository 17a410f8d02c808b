"""Response by exposure as a trial shows it, beside the true curve of the same patients on fixed doses. Pure.

Naive curves are fitted to the patients of a trial, each at the exposure that he reached: logistic (logit straight in
exposure, statsmodels) and Emax (logit E0 + Emax x / (EC50 + x), scipy). Under titration by response, exposure is an
outcome: who responds is kept low or titrated down, who does not is titrated up, so that the response falls with
achieved exposure though it rises with the dose. The true curve is the response of all patients on each fixed dose, at
the mean exposure which that dose gives.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.endpoints.records import Array
from analysis.evidence.record_table import read_records, schema_of, write_records
from trial.jobs.provenance import put

KEPT = "exposure"
"""Folder of the replicates of an unfinished run."""
WORDS = {
    "dose": "randomised start dose",
    "mean_dose": "mean dose taken to the assessment",
    "auc": "AUC of the sampled dosing interval",
}
"""What each exposure is."""
EXPOSURE_FILE = "exposure_response.parquet"
MODELS = ("logistic", "emax")
QUARTILES = 4
FEWEST = 10
"""Patients to whom a curve is fitted, at least."""
LABELS = {
    "by": ("Exposure: dose, mean_dose or auc", ""),
    "kind": ("logistic, emax, or quartile 1 to 4", ""),
    "endpoint": ("Yes or no endpoint", ""),
    "dose": ("Mean dose a day of the fixed level", "mg"),
    "level": ("Fixed level of the true curve", ""),
    "exposure": ("Mean exposure there, or of the quartile", "see unit"),
    "naive": ("Response of the naive curve or quartile", "%"),
    "naive_mcse": ("Monte Carlo error of it", "%"),
    "naive_low": ("2.5 % of replicates", "%"),
    "naive_high": ("97.5 % of replicates", "%"),
    "true": ("True response on that fixed dose", "%"),
    "true_mcse": ("Monte Carlo error of it", "%"),
    "bias": ("Naive less true", "percentage points"),
    "bias_mcse": ("Monte Carlo error of it, paired", "percentage points"),
    "falls": ("Replicates whose naive curve falls", "%"),
    "replicates": ("Replicates with a curve", ""),
    "without": ("Replicates without a curve", ""),
    "unit": ("Unit of the exposure", ""),
}


@dataclass(frozen=True)
class AtExposure:
    """A naive curve at the exposure of a fixed dose, with the truth; or what a quartile of exposure shows."""

    by: str
    kind: str
    endpoint: str
    dose: float | None
    level: str
    exposure: float
    naive: float
    naive_mcse: float | None
    naive_low: float
    naive_high: float
    true: float | None
    true_mcse: float | None
    bias: float | None
    bias_mcse: float | None
    falls: float
    replicates: int
    without: int
    unit: str


EXPOSURE_SCHEMA = schema_of(AtExposure, LABELS)


@dataclass(frozen=True)
class Naive:
    """A fitted curve: probability at exposures (N,)."""

    model: str
    parameters: Array

    def at(self, exposure: Array) -> Array:
        """Probability at exposures (N,)."""
        return 1 / (1 + np.exp(-_logit(self.model, self.parameters, exposure)))


def _logit(model: str, p: Array, x: Array) -> Array:
    return p[0] + p[1] * (x if model == "logistic" else x / (np.exp(p[2]) + x))


def fit_curve(model: str, exposure: Array, yes: Array) -> Naive | None:
    """The curve of a model through patients (n,); None for few of them, one exposure, or all the same response, where
    an exposure separates yes from no, so that no slope is the likeliest, and where the search does not end.
    """
    if len(yes) < FEWEST or np.ptp(exposure) == 0 or np.ptp(yes) == 0 or separated(exposure, yes):
        return None
    return _logistic(exposure, yes) if model == "logistic" else _emax(exposure, yes)


def separated(exposure: Array, yes: Array) -> bool:
    """Whether every yes lies at or above every no, or at or below (Albert & Anderson, Biometrika 1984;71:1-10)."""
    of_yes, of_no = exposure[yes == 1], exposure[yes == 0]
    return bool(of_yes.min() >= of_no.max() or of_yes.max() <= of_no.min())


def _logistic(exposure: Array, yes: Array) -> Naive | None:
    from statsmodels.discrete.discrete_model import Logit

    scale = exposure.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say is asked below
        found = Logit(yes, np.column_stack([np.ones_like(exposure), exposure / scale])).fit(disp=0, maxiter=100)
    if not (found.mle_retvals["converged"] and np.isfinite(found.params).all()):
        return None
    return Naive("logistic", found.params / np.array([1, scale]))


def _emax(exposure: Array, yes: Array) -> Naive | None:
    from scipy.optimize import minimize

    def loss(p: Array) -> float:
        z = _logit("emax", p, exposure)
        return float(np.logaddexp(0, z).sum() - yes @ z)

    largest = exposure.max()
    bounds = [(-20, 20), (-40, 40), (np.log(0.001 * largest), np.log(1.5 * largest))]
    rate = np.log(yes.mean() / (1 - yes.mean()))
    starts = [(rate, sign, np.log(share * largest)) for sign in (1, -1) for share in (0.05, 0.3, 1.0)]
    best = min((minimize(loss, start, bounds=bounds) for start in starts), key=lambda one: one.fun)
    return Naive("emax", best.x) if np.isfinite(best.fun) else None


def quartiles_of(exposure: Array, yes: Array) -> tuple[Array, Array]:
    """Mean exposure and response rate (4,) in the quartiles of exposure; NaN where nobody is."""
    place = np.searchsorted(np.quantile(exposure, (0.25, 0.5, 0.75)), exposure, side="left") if len(yes) else yes
    found = [(exposure[place == k].mean(), yes[place == k].mean()) if (place == k).any() else (np.nan,) * 2
             for k in range(QUARTILES)]  # fmt: skip
    return np.array(found).T[0], np.array(found).T[1]


@dataclass(frozen=True)
class OfTrial:
    """Patients (n,) of a replicate of the trial: exposure, response. ``truth`` by fixed level (mean dose a day, words):
    mean exposure, rate.
    """

    exposure: Array
    yes: Array
    truth: Mapping[tuple[float, str], tuple[float, float]]


def rows_of(by: str, unit: str, endpoint: str, replicates: Sequence[OfTrial]) -> list[AtExposure]:
    """Quartiles, and every model at the exposure of every fixed level that lies among those of the trial."""
    rows = _quartile_rows(by, unit, endpoint, replicates)
    for model in MODELS:
        curves = [fit_curve(model, one.exposure, one.yes) for one in replicates]
        pairs = [(curve, one) for curve, one in zip(curves, replicates, strict=True) if curve]
        if not pairs:
            continue
        falls = [
            bool(curve.at(np.array([one.exposure.max()])) < curve.at(np.array([one.exposure.min()])))
            for curve, one in pairs
        ]
        low, high = (np.mean([end(one.exposure) for _, one in pairs]) for end in (np.min, np.max))
        for level in sorted(pairs[0][1].truth):
            x = float(np.mean([one.truth[level][0] for _, one in pairs]))
            if not low <= x <= high:
                continue
            naive = 100 * np.array([float(curve.at(np.array([x]))[0]) for curve, _ in pairs])
            true = 100 * np.array([one.truth[level][1] for _, one in pairs])
            ends = np.percentile(naive, (2.5, 97.5))
            rows.append(
                AtExposure(
                    by, model, endpoint, *level, x, float(naive.mean()), _error(naive), float(ends[0]), float(ends[1]),
                    float(true.mean()), _error(true), float((naive - true).mean()), _error(naive - true),
                    100 * float(np.mean(falls)), len(pairs),
                    len(replicates) - len(pairs), unit,
                )
            )  # fmt: skip
    return rows


def _quartile_rows(by: str, unit: str, endpoint: str, replicates: Sequence[OfTrial]) -> list[AtExposure]:
    found = np.array([quartiles_of(one.exposure, one.yes) for one in replicates])
    rows = []
    for k in range(QUARTILES):
        known = ~np.isnan(found[:, 1, k])
        if not known.any():
            continue
        rate, x = 100 * found[known, 1, k], float(found[known, 0, k].mean())
        ends = np.percentile(rate, (2.5, 97.5))
        rows.append(
            AtExposure(by, f"quartile {k + 1}", endpoint, None, "", x, float(rate.mean()), _error(rate), float(ends[0]),
                       float(ends[1]), None, None, None, None, 0.0, int(known.sum()),
                       int((~known).sum()), unit)
        )  # fmt: skip
    return rows


def replicates_of(rows: Sequence[AtExposure]) -> int:
    """How many replicates the rows are of, those without a curve among them."""
    return max((row.replicates + row.without for row in rows), default=0)


def without_curve(rows: Sequence[AtExposure]) -> Iterator[str]:
    """In how many replicates there is no curve, or that there is none at all, in a sentence each."""
    for by in dict.fromkeys(row.by for row in rows):
        for model in MODELS:
            one = next((row for row in rows if (row.by, row.kind) == (by, model)), None)
            if one is None:
                yield (
                    f"{by}: no {model} curve: none could be fitted, or no fixed level gives an exposure among those of "
                    "the trial"
                )
            elif one.without:
                yield (
                    f"{by}: {one.without} of {one.without + one.replicates} replicates without a {model} curve left "
                    "out: few patients, one response, separated by exposure, or not converged"
                )


def _error(values: Array) -> float | None:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def keep(found: Mapping[str, OfTrial], folder: Path, replicate: int) -> None:
    """Write what one replicate found, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        by: {"exposure": one.exposure.tolist(), "yes": one.yes.tolist(),
             "truth": [[*level, *at] for level, at in one.truth.items()]}
        for by, one in found.items()
    }  # fmt: skip
    put(folder / f"{replicate}.json", json.dumps(said))


def read_kept(folder: Path, replicates: int) -> dict[int, Mapping[str, OfTrial]]:
    """What is kept of the first so many replicates, by number; a damaged file is none."""
    found: dict[int, Mapping[str, OfTrial]] = {}
    for k in range(replicates):
        try:
            said = json.loads((folder / f"{k}.json").read_text(encoding="utf-8"))
            found[k] = {by: _of_trial(**one) for by, one in said.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return found


def _of_trial(exposure: list[float], yes: list[float], truth: list[tuple[float, str, float, float]]) -> OfTrial:
    return OfTrial(np.array(exposure), np.array(yes), {(dose, words): (x, rate) for dose, words, x, rate in truth})


def write(rows: Sequence[AtExposure], folder: Path) -> Path:
    """Write exposure_response.parquet into ``folder``; its path."""
    return write_records(rows, folder / EXPOSURE_FILE, EXPOSURE_SCHEMA)


def read(folder: Path) -> list[AtExposure]:
    """The rows of exposure_response.parquet; none when there is no such file."""
    return read_records(folder / EXPOSURE_FILE, AtExposure)
