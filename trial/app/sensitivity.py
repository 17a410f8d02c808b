"""What each assumed parameter does to the primary result: every one at half and at one and a half times its value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from analysis.endpoints import catalogue
from analysis.evidence import sensitivity as pure
from analysis.evidence.sensitivity import Effect, Tried
from analysis.text import cells
from cohorts.parameters import ParameterSet
from cohorts.sets import parameter_set
from cohorts.variants import Variant, nothing_to_halve, variants
from trial.app.talk import Progress, Say, Tell, silent, unseen
from trial.app.targets import Job, cut, job_values
from trial.study.study import Study

FILES = (pure.SENSITIVITY_FILE,)
ENOUGH = 20
"""Replicates of each trial, at most, unless more are asked for: differences are paired, so few tell much."""
Result = tuple[NDArray[np.float64], str]


def write_effects(
    study: Study, folder: Path, workers: int, most: int = ENOUGH, say: Say = silent, progress: Progress = unseen
) -> list[Effect]:
    """Try everything that is assumed and write sensitivity.parquet into ``folder``; says what cannot be tried."""
    idle = nothing_to_halve(parameter_set(study.parameter_set))
    if idle:
        say(f"sensitivity: {', '.join(idle)} is 0 or a switch and has nothing to halve")
    folder.mkdir(parents=True, exist_ok=True)
    with progress("sensitivity, patients") as tell:
        rows = effects_of(study, workers, min(most, study.replicates), tell)
    pure.write(rows, folder)
    return rows


def effects_of(study: Study, workers: int, replicates: int, tell: Tell) -> list[Effect]:
    """The effect of every variant of the study's parameter set on the primary result, per arm."""
    chosen = parameter_set(study.parameter_set)
    tried = variants(chosen)
    endpoint = catalogue(study.analysis.assessment_day)[study.analysis.primary]
    jobs = cut(0, study.model_copy(update={"replicates": replicates}), (endpoint.code,))
    sets = [chosen, *(variant.parameter_set for variant in tried)]
    pool = Parallel(n_jobs=workers, prefer="threads", return_as="generator")
    results = pool(delayed(_result)(job, which) for which in sets for job in jobs)
    base, *others = _whole(results, len(sets), len(jobs), study.subjects * replicates, tell)
    scale = 100.0 if endpoint.summary == "rate" else 1.0
    rows = [_tried(variant, scale, *found) for variant, found in zip(tried, others, strict=True)]
    if base[1]:
        raise ValueError(f"{study.id} cannot be simulated as it is: {base[1]}")
    return pure.effects(scale * base[0], rows, study.arm_ids, endpoint.code, endpoint.unit)


def _result(job: Job, chosen: ParameterSet) -> Result:
    """The primary result per replicate and arm (R, A) of a job, or NaN and why there is none."""
    try:
        return job_values(job, chosen)[job.codes[0]], ""
    except ValueError as error:
        return np.full((len(job.replicates), len(job.design.arm_ids)), np.nan), str(error).splitlines()[0]


def _whole(results: Iterator[Result], sets: int, jobs: int, patients: int, tell: Tell) -> list[Result]:
    """The results of each set, its jobs joined."""
    joined = []
    for k in range(sets):
        parts = [next(results) for _ in range(jobs)]
        joined.append((np.concatenate([part for part, _ in parts]), next((why for _, why in parts if why), "")))
        tell((k + 1) * patients, sets * patients)
    return joined


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
    endpoint = catalogue(study.analysis.assessment_day)[study.analysis.primary]
    most = max(row.replicates for row in rows)
    return [
        *([f"* {'; '.join(limited)}"] if limited else []),
        f"\nChange of {endpoint.code}{pure.unit_word(endpoint.unit)}, mean of {most} replicates, same draws.",
        pure.headline(rows, endpoint.label.split(":")[0]),
    ]
