"""The posterior of a calibration: simulate its studies at many points, walk, write the draws."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.linalg import block_diag

from analysis.evidence.calibration import Array, Fitted, Simulate
from analysis.evidence.posterior import Aims, Posterior, aims_of, posterior_of, scaled
from cohorts.believed import possible
from cohorts.sets import parameter_set
from cohorts.streams import mersenne_state
from cohorts.widths import widths
from trial.app.calibration import extended, path_of, standardised
from trial.app.calibration_record import short
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, counted, silent, unseen
from trial.app.targets import (
    Wanted,
    jobs_of,
    simulate_each_replicate,
    simulate_targets,
    studies_of,
    target_problems,
    wanted_of,
)
from trial.errors import Refused, not_installed
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import Each, hands
from trial.jobs.provenance import engine_version
from trial.study.fit import Fit, FittedParameter, load_fit, value_in
from trial.study.study import Study

SUFFIX = ".posterior.parquet"
RECORD = b"posterior"
NOTE = (
    "normal likelihood of the targets on scales on which chance is near normal, correlated as their simulated "
    "replicates are; log-normal priors; results between the simulated points by an emulator"
)


def posterior(
    config: Path,
    out: Path | None,
    overwrite: bool = False,
    workers: int | None = None,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> tuple[dict[str, Any], Path]:
    """Find it and write its draws into the folder ``out``, or (None) beside the fitted set; the record and the path.

    Raises ConfigError for the config, and Refused before anything is lost.
    """
    _must_have_libraries()
    if dask is not None:
        must_be_usable(dask, workers)
    fit = load_fit(config, lambda data: target_problems(data, config.parent))
    path = path_of(fit, out, SUFFIX)
    if path.exists() and not overwrite:
        raise Refused(f"{path}: a result is already there; --overwrite replaces it, --out DIR writes elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    studies = studies_of(fit)
    wanted = wanted_of(fit, studies)
    moved = standardised(fit, (*fit.fitted, *fit.posterior.assumed, *carried(fit)))
    say(f"{fit.id}: {len(moved)} parameters of {fit.parameter_set}, {len(wanted)} targets")
    with hands(workers or cores(), dask) as ours:
        found, record = _found(fit, studies, wanted, moved, ours.each, ours.many, progress)
    record |= {"made_by": f"vtrial posterior {config.name}", "extends": extended(fit, path)}
    _write(path, moved, _table(fit, moved, found.draws), record)
    return record, path


def _must_have_libraries() -> None:
    try:
        import emcee  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise Refused(f"vtrial posterior: {not_installed(str(error.name), 'calibrate')}") from None


def carried(fit: Fit) -> list[FittedParameter]:
    """The assumed parameters of the set that move too, each about its value by the width of how far it was carried."""
    chosen = parameter_set(fit.parameter_set)
    known = widths(chosen)
    return [
        FittedParameter(name=name, median=value_in(chosen, name), log_sd=known[name].log_sd, reason=known[name].reason)
        for name in fit.posterior.carried
    ]


def _found(
    fit: Fit,
    studies: Sequence[Study],
    wanted: Sequence[Wanted],
    moved: Sequence[Fitted],
    each: Each,
    many: int,
    progress: Progress,
) -> tuple[Posterior, dict[str, Any]]:
    """The posterior, and what is to be said of it."""
    plan = fit.posterior
    aims = _aims(fit, studies, wanted, each, many)
    jobs = jobs_of(studies, wanted, many)
    total = plan.points * plan.waves + plan.checks
    with counted(progress, "points", total) as tick:

        def simulate(z: Array) -> Array:
            at = partial(simulate_targets, jobs, wanted, each)
            return np.stack([_results(values, wanted, at, tick) for values in _values(fit, moved, z)])

        try:
            found = posterior_of(
                aims,
                simulate,
                moved,
                mersenne_state(fit.seed),
                points=plan.points,
                waves=plan.waves,
                extra=1.0 / fit.replicates,
                draws=plan.draws,
            )
        except ValueError as error:
            raise Refused(f"{fit.id}: {error}") from None
        again = found.draws[np.linspace(0, len(found.draws) - 1, plan.checks).astype(int)]
        miss = np.sqrt(np.nanmean((simulate(again) - found.emulator(again)) ** 2, axis=0))
    return found, _record(fit, moved, aims, found, miss)


def _results(
    values: Mapping[str, float], wanted: Sequence[Wanted], simulate: Simulate, tick: Callable[[], None]
) -> Array:
    """The targets (T,) at one point, on their scales."""
    results = simulate(values)
    tick()
    return np.array([float(scaled(w.target, np.array(results[w.row.row_id]))) for w in wanted])


def _aims(fit: Fit, studies: Sequence[Study], wanted: Sequence[Wanted], each: Each, many: int) -> Aims:
    """The targets with the covariance of their chance: within a study as its replicates go together at the values of
    the set, none between studies.
    """
    several = [study.model_copy(update={"replicates": fit.posterior.replicates}) for study in studies]
    every = simulate_each_replicate(jobs_of(several, wanted, many), wanted, each, {})
    parts = []
    for k in dict.fromkeys(w.study for w in wanted):
        mine = [w for w in wanted if w.study == k]
        parts.append(aims_of([w.target for w in mine], np.stack([every[w.row.row_id] for w in mine], axis=1)))
    ids = tuple(name for part in parts for name in part.row_ids)
    return Aims(ids, np.concatenate([p.observed for p in parts]), block_diag(*(p.covariance for p in parts)))


def _record(fit: Fit, moved: Sequence[Fitted], aims: Aims, found: Posterior, miss: Array) -> dict[str, Any]:
    """What was done and how well it went; errors in standard errors of the targets."""
    values = _table(fit, moved, found.draws)
    low, middle, high = np.quantile(values, (0.025, 0.5, 0.975), axis=0)
    spread = found.draws.std(axis=0)
    surprise = found.emulator.surprise[-fit.posterior.points :]
    return {
        "id": fit.id,
        "targets": list(aims.row_ids),
        "fitted": [f.name for f in fit.fitted],
        "priors": {f.name: {"median": f.prior_median, "log_sd": f.prior_log_sd, "reason": f.reason} for f in moved},
        "parameters": {
            f.name: {
                "median": short(middle[k]),
                "limits": [short(low[k]), short(high[k])],
                "posterior_over_prior_sd": round(float(spread[k]), 3),
            }
            for k, f in enumerate(moved)
        },
        "correlation": np.round(np.corrcoef(found.draws.T), 3).tolist() if len(moved) > 1 else [[1.0]],
        "emulator": {
            name: {"left_out": round(float(e), 3), "simulated_again": round(float(m), 3)}
            for name, e, m in zip(aims.row_ids, found.error / aims.sd, miss / aims.sd, strict=True)
        },
        "left_out_within_1.96_sds": round(float(np.nanmean(np.abs(surprise) < 1.96)), 3),
        "walk": {
            "walkers": found.walkers,
            "steps": found.steps,
            "autocorrelation_steps": round(found.tau, 1),
            "accepted": round(found.accepted, 3),
            "independent_draws": int(found.effective),
        },
        "points": len(found.emulator.points),
        "seed": fit.seed,
        "replicates": fit.replicates,
        "studies": [Path(name).name for name in fit.studies],
        "engine_version": engine_version(),
        "date": date.today().isoformat(),
        "note": NOTE,
    }


def _values(fit: Fit, moved: Sequence[Fitted], draws: Array) -> list[dict[str, float]]:
    """Draws (D, K) in the units of the parameters, as they can be beside each other and the rest of the set."""
    chosen = parameter_set(fit.parameter_set)
    return [possible(chosen, {f.name: f.value(x) for f, x in zip(moved, z, strict=True)}) for z in draws]


def _table(fit: Fit, moved: Sequence[Fitted], draws: Array) -> Array:
    """The same (D, K)."""
    return np.array([[values[f.name] for f in moved] for values in _values(fit, moved, draws)])


def _write(path: Path, moved: Sequence[Fitted], values: Array, record: Mapping[str, Any]) -> None:
    """A row per draw, a column per parameter in its unit; the record as metadata. Whole or not at all."""
    table = pa.table(dict(zip([f.name for f in moved], values.T, strict=True)))
    temporary = path.with_suffix(".tmp")
    pq.write_table(table.replace_schema_metadata({RECORD: json.dumps(record, ensure_ascii=False)}), temporary)
    temporary.replace(path)
