"""What each assumed parameter does to the primary result: every one at half and at one and a half times its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints import endpoints_of
from analysis.evidence import sensitivity as pure
from analysis.evidence.sensitivity import Effect, Tried
from analysis.text import cells
from cohorts.sets import parameter_set
from cohorts.variants import Variant, nothing_to_halve, variants
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, Tell, silent, unseen
from trial.app.targets import Job, cut, job_values
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import Each, hands
from trial.study.study import Study

FILES = (pure.SENSITIVITY_FILE,)
ENOUGH = 20
"""Replicates of each trial, at most, unless more are asked for: differences are paired, so few tell much."""
Result = tuple[NDArray[np.float64], str]


def write_effects(
    study: Study,
    folder: Path,
    workers: int | None = None,
    most: int = ENOUGH,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> list[Effect]:
    """Try everything that is assumed and write sensitivity.parquet into ``folder``; says what cannot be tried.

    ``workers``: threads, None for one per core; ``dask``: a cluster to work on instead (``trial.jobs.cluster``).
    """
    if dask is not None:
        must_be_usable(dask, workers)
    idle = nothing_to_halve(parameter_set(study.parameter_set))
    if idle:
        say(f"sensitivity: {', '.join(idle)} is 0 or a switch and has nothing to halve")
    folder.mkdir(parents=True, exist_ok=True)
    with progress("sensitivity, patients") as tell:
        rows = effects_of(study, workers or cores(), min(most, study.replicates), tell, dask)
    pure.write(rows, folder)
    return rows


def must_be_many_at_once(**asked: bool) -> None:
    """Refused for options that one at a time has no use for."""
    for name in (name for name, given in asked.items() if given):
        raise Refused(f"--{name}: one number at a time has no use for it; allowed with --method morris or sobol")


def effects_of(study: Study, workers: int, replicates: int, tell: Tell, dask: str | None = None) -> list[Effect]:
    """The effect of every variant of the study's parameter set on the primary result, per arm."""
    tried = variants(parameter_set(study.parameter_set))
    endpoint = endpoints_of(study.analysis)[study.analysis.primary]
    jobs = cut(0, study.model_copy(update={"replicates": replicates}), (endpoint.code,))
    values = [{}, *({variant.assumed.name: variant.value} for variant in tried)]
    with hands(workers, dask) as ours:
        base, *others = _results(ours.each, values, jobs, tell)
    scale = 100.0 if endpoint.summary == "rate" else 1.0
    rows = [_tried(variant, scale, *found) for variant, found in zip(tried, others, strict=True)]
    if base[1]:
        raise ValueError(f"{study.id} cannot be simulated as it is: {base[1]}")
    return pure.effects(scale * base[0], rows, study.arm_ids, endpoint.code, endpoint.unit)


def _results(
    each: Each, values: Sequence[Mapping[str, float]], jobs: Sequence[tuple[Study, Job]], tell: Tell
) -> list[Result]:
    """The result with each of several ``values`` of the parameter set, its jobs joined."""
    patients = {job: study.subjects * len(job.replicates) for study, job in jobs}
    total, done, found = len(values) * sum(patients.values()), 0, {}
    every = ((study, (k, job)) for k in range(len(values)) for study, job in jobs)
    for (k, job), result in each(partial(_result, values), every, lambda one: f"{one[1]}, variant {one[0]}"):
        found[k, job] = result
        done += patients[job]
        tell(done, total)
    return [_joined([found[k, job] for _, job in jobs]) for k in range(len(values))]


def _result(values: Sequence[Mapping[str, float]], study: Study, one: tuple[int, Job]) -> Result:
    """The primary result per replicate and arm (R, A) of a job with the k-th values, or NaN and why there is none."""
    k, job = one
    try:
        return job_values(study, job, values[k])[job.codes[0]], ""
    except ValueError as error:
        return np.full((len(job.replicates), len(study.arm_ids)), np.nan), str(error).splitlines()[0]


def _joined(parts: Sequence[Result]) -> Result:
    """Results of some replicates as one, with the first reason there is."""
    return np.concatenate([part for part, _ in parts]), next((why for _, why in parts if why), "")


def _tried(variant: Variant, scale: float, result: NDArray[np.float64], why: str) -> Tried:
    number, limited = variant.assumed, "; ".join(text for text in (variant.limited, why) if text)
    return Tried(
        parameter=number.name,
        meaning=number.meaning,
        parameter_unit=number.unit,
        assumed=number.value,
        factor=variant.factor,
        value=variant.value,
        limited=limited,
        result=scale * result,
    )


def lines(rows: Sequence[Effect], arms: Sequence[str]) -> list[tuple[str, ...]]:
    """One line per assumed number and factor: number, value, times, then the change of each arm, as text."""
    found, by_arm = [], [pure.by_parameter(rows, arm) for arm in arms]
    for name in by_arm[0]:
        for k, row in enumerate(by_arm[0][name]):
            changes = [cells.change(of[name][k].effect, None, row.unit) for of in by_arm]
            first = (name, f"{row.assumed:.4g}") if k == 0 else ("", "")
            found.append((*first, f"{row.value / row.assumed:.3g}{'*' * bool(row.limited)}", *changes))
    return found


def notes(rows: Sequence[Effect], study: Study) -> list[str]:
    """What stands below the lines: why a number was not tried exactly, what changes, what matters most."""
    limited = dict.fromkeys(f"{row.parameter}: {row.limited}" for row in rows if row.limited)
    endpoint = endpoints_of(study.analysis)[study.analysis.primary]
    most = max(row.replicates for row in rows)
    return [
        *([f"* {'; '.join(limited)}"] if limited else []),
        f"\nChange of {endpoint.code}{pure.unit_word(endpoint.unit)}, mean of {most} replicates, same draws.",
        pure.headline(rows, endpoint.label.split(":")[0]),
    ]
