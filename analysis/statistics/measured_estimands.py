"""What analyses find of a measured estimand in trials: a difference of means, or shift, of counts at a visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from scipy.special import stdtrit

from analysis.endpoints.columns import distinct
from analysis.endpoints.records import Array, Codes, Records
from analysis.endpoints.strategies import as_observed, measured_value, scaled
from analysis.statistics import longitudinal
from analysis.statistics.estimators import Interval
from analysis.statistics.imputation import pooled
from analysis.statistics.imputed_counts import ImputedCounts
from analysis.statistics.least_squares import Contrast, adjusted_difference
from analysis.statistics.measured_comparison import People, compared
from analysis.statistics.planned import compared_arms
from trial.study.estimand import Estimand
from trial.study.study import Study

NOTHING = (float("nan"),) * 4
Found = tuple[float, float, float, float]
"""Estimate, limits and two-sided p."""


def found(one: Estimand, estimator: str, records: Records, study: Study) -> Array:
    """(R, A - 1, 4) estimate, limits and p of every arm but the reference arm, in the order of the replicates."""
    seen = as_observed(records, estimator)
    if estimator == "mmrm":
        return _of_each(seen, partial(_by_model, one=one, study=study))
    people = _people(one, seen, study)
    how = study.analysis.method if estimator == "planned" else study.analysis.method.model_copy(update=ANCOVA)
    plan = study.model_copy(update={"analysis": study.analysis.model_copy(update={"method": how})})
    return np.array([[_four(it.interval, it.p) for it in compared(who, plan).values()] for who in people])


ANCOVA = {"measured": "ancova"}


def imputed(one: Estimand, imputations: Sequence[Records], of: ImputedCounts, study: Study) -> Array:
    """(R, A - 1, 4) the same of imputed records (M): analysis of covariance, by Rubin's rules."""
    each = np.array([[_contrasts(who, study) for who in _people(one, seen, study)] for seen in imputations])
    estimate, error, df = np.moveaxis(each, 0, -1).transpose(2, 0, 1, 3)
    interval, p = pooled(estimate, error**2, df[..., 0])
    return np.stack([*interval, p], axis=-1) * of.possible[:, None, None]


def _contrasts(people: People, study: Study) -> list[tuple[float, float, float]]:
    """Difference, standard error and degrees of freedom of every arm but the reference arm."""
    return [_parts(_adjusted(people, arm, study)) for arm in compared_arms(study)]


def _adjusted(people: People, arm: str, study: Study) -> Contrast:
    pair = study.arm_ids.index(arm), study.arm_ids.index(str(study.analysis.reference_arm))
    return adjusted_difference(people.value, people.arm, pair, people.baseline, people.stratum)


def _parts(of: Contrast) -> tuple[float, float, float]:
    error = float(of.interval.high - of.interval.low) / (2 * float(stdtrit(of.df, 0.975)))
    return float(of.interval.estimate), error, of.df


def _people(one: Estimand, records: Records, study: Study) -> Iterator[People]:
    """The patients of every replicate who have a value, their baseline on its scale."""
    value = measured_value(records, one, one.day or study.analysis.assessment_day)
    baseline, known = scaled(records.baseline, one), ~np.isnan(value)
    stratum = _strata(records, study)
    for replicate in dict.fromkeys(records.replicate.tolist()):
        who = known & (records.replicate == replicate)
        yield People(value[who], records.arm[who], stratum[who], baseline[who])


def _strata(records: Records, study: Study) -> Codes:
    """(n,) codes; of no strata 0."""
    if study.analysis.method.strata == "none":
        return np.zeros(records.n, dtype=np.int64)
    return distinct([records.stratum])[1]


def _of_each(records: Records, rule: Callable[[Records], list[Found]]) -> Array:
    solved = records.unsolved == ""
    numbers = dict.fromkeys(records.replicate.tolist())
    return np.array([rule(longitudinal.only(records, solved & (records.replicate == r))) for r in numbers])


def _by_model(records: Records, one: Estimand, study: Study) -> list[Found]:
    """By the mixed model, at the visit of the estimand; nothing where none can be fitted."""
    visit = int(np.flatnonzero(records.planned == (one.day or study.analysis.assessment_day))[0])
    seen = longitudinal.NamedPatients(records, np.full(records.n, ""), _strata(records, study), np.zeros(records.n))
    model = longitudinal.mixed_model(seen, study, logs=one.variable == "log_change")
    rows, reference = [], study.arm_ids.index(str(study.analysis.reference_arm))
    for arm in compared_arms(study):
        cells = (study.arm_ids.index(arm), visit), (reference, visit)
        if model.fit is None or not all(cell in model.cells for cell in cells):
            rows.append(NOTHING)
            continue
        place = np.zeros(len(model.fit.coefficients))
        place[[model.cells[cell] for cell in cells]] = 1.0, -1.0
        contrast = model.fit.contrast(place, study.analysis.longitudinal.degrees_of_freedom)
        rows.append(_four(contrast.interval, contrast.p))
    return rows


def _four(interval: Interval, p: float) -> Found:
    estimate, low, high = (float(part) for part in interval)
    return estimate, low, high, p
