"""The targets of a calibration: published rows of its studies, and their simulation at given parameter values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints import endpoints_of, evaluate, lacking
from analysis.endpoints.records import from_tables
from analysis.endpoints.stage_view import in_stage
from analysis.evidence.calibration import Measure, Target
from analysis.evidence.results import endpoint_values
from analysis.evidence.scorecard import JUDGED, STAT, Published, read_published
from analysis.statistics.summaries import LOCATION, Summary, of_records
from cohorts.files import is_regular
from cohorts.sets import parameter_set
from trial.errors import ConfigError
from trial.jobs.hands import Each
from trial.jobs.work import simulate_replicates
from trial.study.checks import MOST_BYTES
from trial.study.fingerprint import differs_from_published
from trial.study.fit import Fit, set_name
from trial.study.load import load_study
from trial.study.protocol import Problem, not_among
from trial.study.study import Study

CHUNK_PATIENTS = 8192
"""Patients simulated together, at most; more would only take memory."""
Results = dict[str, NDArray[np.float64]]
"""Endpoints by code, per replicate and arm (R, A); or targets by row id, per replicate (R,)."""


@dataclass(frozen=True)
class Wanted:
    """A published row as a target, and the study (its place in the list) in which it is simulated."""

    target: Target | Measure
    row: Published
    study: int

    @property
    def percent(self) -> float:
        """What a simulated result is multiplied by to stand beside the published one."""
        return 100.0 if self.row.statistic == "rate" else 1.0


@dataclass(frozen=True)
class Job:
    """Some replicates of a study (its place in the list), and the endpoints wanted of them."""

    study: int
    codes: tuple[str, ...]
    replicates: range

    def __str__(self) -> str:
        return f"replicates {self.replicates.start} to {self.replicates.stop - 1} of study {self.study + 1}"


def studies_of(fit: Fit) -> list[Study]:
    """The studies with the fitted set, the seed and the replicates of the calibration."""
    return [_study(Path(name), fit.parameter_set, fit.seed, fit.replicates) for name in fit.studies]


def _study(path: Path, parameter_set: str, seed: int, replicates: int) -> Study:
    settings = [f"parameter_set={parameter_set!r}", "analysis.named_replicate=0", "parameter_uncertainty=false"]
    return load_study(path, settings, seed=seed, replicates=replicates)


def wanted_of(fit: Fit, studies: Sequence[Study]) -> list[Wanted]:
    """Every target of a checked calibration, study after study."""
    rows = [(k, row) for k, study in enumerate(studies) for row in _chosen(fit.targets, _rows(study))]
    return [Wanted(_target(row), row, k) for k, row in rows]


def target_problems(data: Mapping[str, Any], base: Path) -> Iterator[Problem]:
    """Studies that cannot be loaded and targets that are not there or cannot be used; data may be wrong."""
    names, set_id, targets = data.get("studies"), data.get("parameter_set"), data.get("targets")
    if not (isinstance(names, list) and isinstance(set_id, str) and isinstance(targets, str | list)):
        return
    found: list[Published] = []
    for k, name in enumerate(names):
        if not (isinstance(name, str) and is_regular(base / name, MOST_BYTES)):
            return
        try:
            study = _study(base / name, set_name(set_id, base), 0, 1)
            mine = _rows(study)
        except (ConfigError, ValueError, KeyError) as error:
            yield from ((("studies", k), line) for line in str(error).splitlines())
            return
        found += mine
        wrong = [(row, text) for row in _chosen(targets, mine) for text in _unusable(row, study)]
        yield from ((_place(targets, row.row_id), f"{row.row_id}: {text}") for row, text in wrong)
    ids = [row.row_id for row in found]
    for name in dict.fromkeys(i for i in ids if ids.count(i) > 1):
        yield ("studies",), f"row {name} stands in two of the studies; the names of rows must differ"
    for k, name in enumerate(targets if isinstance(targets, list) else []):
        if isinstance(name, str) and name not in ids:
            yield ("targets", k), not_among(name, ids, "a published row of the studies")
    if targets == "seen" and not any(row.seen and row.counted for row in found):
        yield ("targets",), "no published row of the studies is marked seen and counted; give a list of row ids"


def _place(targets: Any, row_id: str) -> tuple[str | int, ...]:
    return ("targets", targets.index(row_id)) if isinstance(targets, list) else ("targets",)


def _rows(study: Study) -> list[Published]:
    return read_published(Path(study.published.rows)) if study.published else []


def _chosen(targets: Any, rows: Iterable[Published]) -> list[Published]:
    return [row for row in rows if (row.seen and row.counted if targets == "seen" else row.row_id in targets)]


def _unusable(row: Published, study: Study) -> Iterator[str]:
    """Why a row cannot be a target of this study."""
    known = endpoints_of(study.analysis)
    if differs_from_published(study):
        yield "the published rows of this study belong to another design"
    if row.arm not in study.arm_ids:
        yield not_among(row.arm, study.arm_ids, "an arm of the study")
    if row.endpoint not in known:
        yield not_among(row.endpoint, known, "an endpoint of the study")
        return
    endpoint = known[row.endpoint]
    given = "rate" if endpoint.summary == "rate" else LOCATION[endpoint.summary]
    if STAT[row.statistic] != given:
        yield f"seen statistic {row.statistic}; the endpoint {row.endpoint} is summarised as {given}"
    needed = lacking(endpoint, study) if endpoint.needs_profile else ""
    if needed:
        yield f"the endpoint {row.endpoint} needs {needed}, which the study does not have"
    if not _counts(row) and row.interval not in JUDGED:
        yield f"seen interval {row.interval}; a target needs n (of a rate) or one of {', '.join(JUDGED)}"


def _counts(row: Published) -> bool:
    """Whether the row is a rate with its counts, judged by them."""
    return row.statistic == "rate" and row.n is not None and row.interval != "tolerance"


def _target(row: Published) -> Target | Measure:
    if _counts(row):
        assert row.n is not None
        return Target(row.row_id, row.n * row.published / 100 if row.events is None else row.events, row.n)
    assert row.ci_low is not None and row.ci_high is not None
    scale, log = (0.01, False) if row.statistic == "rate" else (1.0, True)
    return Measure.of(row.row_id, scale * row.published, scale * row.ci_low, scale * row.ci_high, log)


def jobs_of(studies: Sequence[Study], wanted: Sequence[Wanted], workers: int) -> list[tuple[Study, Job]]:
    """What is simulated at each point, with its study, cut so that every worker has something to do."""
    codes = [tuple(dict.fromkeys(w.row.endpoint for w in wanted if w.study == k)) for k in range(len(studies))]
    return [job for k, study in enumerate(studies) if codes[k] for job in cut(k, study, codes[k], workers)]


def cut(place: int, study: Study, codes: tuple[str, ...], workers: int = 1) -> list[tuple[Study, Job]]:
    """The replicates of a study in at least as many jobs as workers; samples are taken only where an endpoint is."""
    known = endpoints_of(study.analysis)
    if not any(known[code].needs_profile for code in codes):
        study = study.model_copy(update={"pk_sampling": None})
    size = max(1, min(-(-study.replicates // workers), CHUNK_PATIENTS // study.subjects))
    starts = range(0, study.replicates, size)
    return [(study, Job(place, codes, range(s, min(s + size, study.replicates)))) for s in starts]


def simulate_targets(
    jobs: Sequence[tuple[Study, Job]], wanted: Sequence[Wanted], each: Each, values: Mapping[str, float]
) -> dict[str, float]:
    """Mean over replicates of every target at these parameter ``values``, by row id; rates as proportions."""
    every = simulate_each_replicate(jobs, wanted, each, values)
    return {name: float(np.nanmean(x)) if np.isfinite(x).any() else float("nan") for name, x in every.items()}


def simulate_each_replicate(
    jobs: Sequence[tuple[Study, Job]], wanted: Sequence[Wanted], each: Each, values: Mapping[str, float]
) -> Results:
    """Every target in every replicate of its study (R,) at these parameter ``values``, by row id; NaN: none."""
    parts = dict(each(partial(job_values, values=values), jobs))
    found: Results = {}
    for w in wanted:
        mine = [(study.arm_ids.index(w.row.arm), parts[job]) for study, job in jobs if job.study == w.study]
        found[w.row.row_id] = np.concatenate([part[w.row.endpoint][:, arm] for arm, part in mine])
    return found


def endpoint_summaries(study: Study, codes: Sequence[str]) -> dict[str, Summary]:
    """Endpoints of all replicates of a small study, simulated together, as the results of a run would count them."""
    records = from_tables(in_stage(simulate_replicates(study, range(study.replicates)), study), study.arm_ids)
    known = endpoints_of(study.analysis)
    return of_records(records, {code: evaluate(known[code], records, study.analysed) for code in codes}, study.analysed)


def job_values(study: Study, job: Job, values: Mapping[str, float]) -> Results:
    """The endpoints of a job with other ``values`` of its parameter set."""
    tables = simulate_replicates(study, job.replicates, parameter_set(study.parameter_set).with_values(values))
    return endpoint_values(from_tables(in_stage(tables, study), study.arm_ids), study.analysed, job.codes)
