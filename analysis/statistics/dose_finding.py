"""Rows of the response by dose: MCP-Mod of the named replicate and over replicates.

Yes or no: logits at each dose with their variances, the generalised MCP-Mod; where a dose has none or all, half an
event and half a non-event are added at every dose. The logit is then Firth's estimate; the variance is 1/((n + 1)pq),
with the halves in it, where that usual with Firth's is 1/(npq), so that it is smaller by n/(n + 1). Measured: means at
each dose, one variance, Student's t.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.endpoints import chosen
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Flags
from analysis.statistics import dose_models, dose_response
from analysis.statistics.dose_models import DoseCurve, Scale, TargetDose
from analysis.statistics.dose_response import DoseMeans, Shape
from analysis.statistics.estimates import ALL, PERCENT, Estimate, alone, over, share_of, with_interval
from analysis.statistics.estimators import Interval, clopper_pearson
from analysis.statistics.participants import arms_of
from analysis.statistics.summaries import Summary, whole_replicates
from cohorts import elementary
from trial.study.arms import Arm
from trial.study.dose_response import BIAS, CandidateShape, DoseResponse, dose_of, doses_of
from trial.study.study import Study

KIND = "dose response"
"""PARCAT1 of the rows; CATEGORY is a shape, or a dose in mg."""
DRAWN = 24
"""Steps of dose at which the curve stands in the rows."""
DELTA = "delta method"


@dataclass(frozen=True)
class DoseFound:
    """Of one replicate: t (M,) of the shapes, which of them have a signal (M,), criterion of those (M,), NaN else, the
    chosen one (None: no signal), its curve and the target dose.
    """

    t: Array
    signal: Flags
    gaic: Array
    chosen: int | None
    curve: DoseCurve | None
    target: TargetDose


def estimate_dose_response(path: Path, found: Mapping[str, Summary], study: Study) -> list[Estimate]:
    """Every row, from the endpoints table at ``path`` and its summaries; none where it is not asked for."""
    said = study.analysis.dose_response
    if said is None:
        return []
    endpoint = chosen(study)[said.endpoint or study.analysis.primary]
    rate = endpoint.summary == "rate"
    each = _logits(found[endpoint.code], study) if rate else _means(path, endpoint.code, study)
    sign = -1.0 if endpoint.benefit == "lower" else 1.0
    scale: Scale = "logit" if rate else "value"
    search = partial(_search, said=said, sign=sign, scale=scale)
    every = [search(means) if means else None for means in each]
    blank = Estimate(
        STUDYID=study.id, PARAMCD=endpoint.code, PARAM=endpoint.label, PARCAT1=KIND, ARM=ALL, COMPARATOR=None,
        POPULATION="FAS", STAT="", UNIT="%" if rate else endpoint.unit, SCOPE="replicate",
    )  # fmt: skip
    named = study.analysis.named_replicate
    people = found[endpoint.code].sizes.sum(axis=1)
    blank = replace(blank, N=int(people[named]))
    one, means = every[named], each[named]
    rows = [*_observed(blank, found[endpoint.code], study)]
    if one and means:
        rows += _named(blank, said, one, means, endpoint, sign)
    return rows + list(_over(blank, said, every, people, study))


def flat_shapes(said: DoseResponse, arms: Sequence[Arm]) -> list[int]:
    """The places of the shapes that are flat over the doses of the arms, or beyond what a number can say."""
    doses = np.array(doses_of(arms))
    return [k for k, one in enumerate(said.shapes) if not dose_response.rises(shape_of(one), doses)]


def shape_of(said: CandidateShape) -> Shape:
    """The shape with its guesses."""
    of: dict[str, Callable[[], Shape]] = {
        "linear": dose_response.linear,
        "log_linear": lambda: dose_response.log_linear(said.offset or 1.0),
        "quadratic": lambda: dose_response.quadratic(said.delta or 0.0),
        "exponential": lambda: dose_response.exponential(said.delta or 1.0),
        "emax": lambda: dose_response.emax(said.ed50 or 1.0),
        "sigmoid_emax": lambda: dose_response.emax(said.ed50 or 1.0, said.hill or 1.0),
        "logistic": lambda: dose_response.logistic(said.ed50 or 1.0, said.delta or 1.0),
    }
    return of[said.shape]()


def logit_means(events: Array, sizes: Array, doses: Array) -> DoseMeans | None:
    """Logits (D,) with their variances; None where a dose has nobody."""
    if not (sizes > 0).all():
        return None
    half = 0.5 if ((events == 0) | (events == sizes)).any() else 0.0
    yes, no = events + half, sizes - events + half
    return DoseMeans(doses, elementary.log(yes / no), np.diag(1 / yes + 1 / no))


def _logits(found: Summary, study: Study) -> list[DoseMeans | None]:
    """Of every replicate; arms of one dose are one group."""
    doses, group = _groups(study)
    events, sizes = (counts @ group for counts in (found.events, found.sizes))
    return [logit_means(x, n, doses) for x, n in zip(events, sizes, strict=True)]


def _groups(study: Study) -> tuple[Array, Array]:
    """Doses (D,) rising, and which arm has which (A, D)."""
    doses = np.array(doses_of(study.arms))
    return doses, np.array([[float(dose_of(arm) == dose) for dose in doses] for arm in study.arms])


def _means(path: Path, code: str, study: Study) -> list[DoseMeans | None]:
    """Of a measured endpoint in every replicate, patients with a value."""
    dose = np.array([dose_of(arm) for arm in study.arms])
    found: list[DoseMeans | None] = [None] * study.replicates
    for table in whole_replicates(path, ["IREP", "ARM", "PARAMCD", "AVAL"]):
        here = pc.and_(pc.equal(table["PARAMCD"].cast(pa.string()), code), pc.is_valid(table["AVAL"]))
        mine = table.filter(here)
        replicate, value, given = mine["IREP"].to_numpy(), mine["AVAL"].to_numpy(), dose[arms_of(mine, study)]
        for r in np.unique(replicate).tolist():
            who = replicate == r
            whole = len(np.unique(given[who])) == len(doses_of(study.arms)) < who.sum()
            found[r] = dose_response.dose_means(value[who], given[who]) if whole and np.ptp(value[who]) else None
    return found


def _search(means: DoseMeans, said: DoseResponse, sign: float, scale: Scale) -> DoseFound:
    """Test, choice and target of one replicate."""
    shapes = {one.name: shape_of(one) for one in said.shapes}
    rising = replace(means, mean=sign * means.mean)
    _, t, correlation = dose_response.contrast_tests(rising, shapes)
    signal = dose_response.below_level(t, correlation, means.df, said.level)
    gaic, curves = np.full(len(t), np.nan), {}
    for k in np.flatnonzero(signal).tolist():
        form = dose_models.forms(said.shapes[k].offset or 1.0)[said.shapes[k].shape]
        curves[k] = dose_models.fit(form, means, scale)
        gaic[k] = curves[k].gaic
    if not curves:
        return DoseFound(t, signal, gaic, None, None, dose_models.NO_TARGET)
    k = min(curves, key=lambda k: gaic[k] if said.select == "aic" else -t[k])
    effect = sign * (said.target or 0.0) / (PERCENT if scale == "logit" else 1.0)
    target = dose_models.target_dose(curves[k], effect, float(means.doses.max())) if effect else dose_models.NO_TARGET
    return DoseFound(t, signal, gaic, k, curves[k], target)


def _observed(row: Estimate, found: Summary, study: Study) -> Iterator[Estimate]:
    """What was seen at every dose of the named replicate: a rate, or a mean with its t limits."""
    doses, group = _groups(study)
    row = replace(row, STAT="at dose")
    if row.UNIT == "%" and not any(len(v) for v in found.values):
        events, sizes = (counts[found.named] @ group for counts in (found.events, found.sizes))
        limits = clopper_pearson(events, sizes)
        for k, dose in enumerate(doses.tolist()):
            one = replace(row, CATEGORY=f"{dose:g}", N=int(sizes[k]), N_EVENT=int(events[k]))
            yield with_interval(one, limits.at(k), PERCENT, "Clopper-Pearson")
        return
    from scipy.special import stdtrit

    for k, dose in enumerate(doses.tolist()):
        value = np.concatenate([v for v, mine in zip(found.values, group[:, k], strict=True) if mine])
        n, mean = len(value), value.mean() if len(value) else np.nan
        half = stdtrit(n - 1, 0.975) * value.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        yield with_interval(
            replace(row, CATEGORY=f"{dose:g}", N=n),
            Interval(*map(np.asarray, (mean, mean - half, mean + half))),
            1.0,
            "t",
        )


def _named(
    row: Estimate, said: DoseResponse, one: DoseFound, means: DoseMeans, endpoint: Endpoint, sign: float
) -> Iterator[Estimate]:
    """Tests, criteria, the chosen model, its curve and the target dose of the named replicate."""
    shapes = {shape.name: shape_of(shape) for shape in said.shapes}
    test = dose_response.mcp(replace(means, mean=sign * means.mean), shapes)
    bias = BIAS if said.titrated == "start_dose" else ""
    for k, name in enumerate(shapes):
        mine = replace(row, CATEGORY=name, UNIT="", NOTE=bias)
        yield alone(replace(mine, STAT="t"), test.t[k])
        yield alone(replace(mine, STAT="adjusted p", NOTE="one-sided, adjusted for all shapes"), test.adjusted[k])
        yield alone(replace(mine, STAT="gAIC"), one.gaic[k])
    if one.chosen is None or one.curve is None:
        return
    name, percent = list(shapes)[one.chosen], PERCENT if one.curve.scale == "logit" else 1.0
    bound = bound_note(one.curve, means)
    yield replace(row, STAT="chosen model", CATEGORY=name, UNIT="", ESTIMATE=1.0, NOTE=bound)
    if said.target:
        found = Interval(*(np.asarray(value) for value in (one.target.dose, one.target.low, one.target.high)))
        why = bound if np.isfinite(one.target.dose) else "no dose up to the largest has this effect"
        yield with_interval(
            replace(row, STAT="target dose", UNIT="mg", NOTE=why), found, 1.0, f"{DELTA}, log of dose, {name}"
        )
    doses = curve_doses(means.doses)
    low, high = one.curve.band(doses)
    for k, dose in enumerate(doses.tolist()):
        at = Interval(*(np.asarray(x) for x in (one.curve.response(doses)[k], low[k], high[k])))
        yield with_interval(replace(row, STAT="curve", CATEGORY=f"{dose:.6g}", NOTE=bound), at, percent, DELTA)


def bound_note(curve: DoseCurve, means: DoseMeans) -> str:
    """That something of a curve lies at its bound, so that its limits are too narrow or none; else nothing."""
    names = curve.at_bounds(float(means.doses.max()))
    return f"{' and '.join(names)} at its bound: limits are not to be trusted" if names else ""


def curve_doses(doses: Array) -> Array:
    """Doses at which the curve stands in the rows, from the lowest to the largest."""
    return np.linspace(float(doses.min()), float(doses.max()), DRAWN + 1)


def _over(
    row: Estimate, said: DoseResponse, every: Sequence[DoseFound | None], people: Array, study: Study
) -> Iterator[Estimate]:
    """How often there is a signal, which model is chosen, where the target dose lies, and the chosen curves."""
    known = np.array([one is not None for one in every])
    row = replace(row, N=round(float(people.mean())))

    def share(stat: str, category: str, yes: Callable[[DoseFound], bool], of: Array) -> Estimate:
        told = np.array([one is not None and yes(one) for one in every])
        return share_of(replace(row, STAT=stat, CATEGORY=category), told, np.asarray(of, dtype=bool))

    yield share("signal", "", lambda one: bool(one.signal.any()), known)
    for k, shape in enumerate(said.shapes):
        yield share("signal", shape.name, lambda one, k=k: bool(one.signal[k]), known)  # type: ignore[misc]
        yield share("chosen model", shape.name, lambda one, k=k: one.chosen == k, known)  # type: ignore[misc]
    if said.target:
        yield share("target dose found", "", lambda one: bool(np.isfinite(one.target.dose)), known)
        doses = np.array([one.target.dose if one else np.nan for one in every])
        found = over(replace(row, STAT="target dose", UNIT="mg"), doses, people)
        left = int(np.isnan(doses).sum())
        yield replace(found, NOTE=f"{left} of {len(doses)} replicates without such a dose left out" if left else "")
    models = [one.curve for one in every if one is not None and one.curve is not None]
    if not models:
        return
    grid = curve_doses(np.array(doses_of(study.arms)))
    curves = np.array([model.response(grid) for model in models]) * (PERCENT if models[0].scale == "logit" else 1.0)
    for k, dose in enumerate(grid.tolist()):
        at = over(replace(row, STAT="curve", CATEGORY=f"{dose:.6g}"), curves[:, k], people)
        left = len(every) - len(models)
        yield replace(at, NOTE=f"{left} of {len(every)} replicates without a signal left out" if left else "")
