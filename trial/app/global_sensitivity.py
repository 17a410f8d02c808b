"""Everything that is assumed or fitted moved at once: the design of Morris or Sobol, its trials, its indices.

What moves: every number of the parameter set that has a width (``cohorts.spans``), and of the trial what people and
sites do and where the dose rules draw their lines (``trial.study.levers``). Sobol's shares need groups that are
independent: the numbers of a posterior are a group of their own, moved by whole draws; Morris moves each alone. All
points have the same patients and draws. A finished point is kept until the whole is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints import endpoints_of
from analysis.evidence import global_sensitivity as pure
from analysis.evidence.global_sensitivity import MORRIS, SHOWN, SIZES, SOBOL, Factor, GlobalIndex
from analysis.evidence.sensitivity import unit_word
from cohorts.parameters import OCCASION, OMEGA, ParameterSet
from cohorts.posterior import PosteriorError
from cohorts.sets import parameter_set
from cohorts.spans import TOGETHER, Reach, moved_to, spans
from trial.app.identity import identity
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.app.targets import Job, cut, job_values
from trial.errors import Refused, not_installed
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.provenance import put, text_hash
from trial.models import structure_of
from trial.study.levers import BEHAVIOUR, LABORATORY, StudyLever, levers_of, pulled
from trial.study.protocol import not_among
from trial.study.study import Study

FILES = (pure.GLOBAL_FILE,)
METHODS = (MORRIS, SOBOL)
KEPT = "global_sensitivity.unfinished.json"
ENOUGH = 4
"""Replicates at each point, at most, unless more are asked for: the same in all."""
EVERY_S = 5.0
"""Finished points are written so often."""
LARGEST = 16_384
BIOLOGY, KINETICS = "biology", "kinetics"
NO_KINETICS = ("EC50", "EMAX", "ETA", "HILL")
"""Parameters of a drug that say what it does, not where it is."""
OF_LABORATORY, OF_BEHAVIOUR = ("ASSAY_CV", "CONC_CV"), ("RESCUE_H0", "RESCUE_SCALE")
"""Parameters of a set that are of the laboratory, and of who gives rescue."""
Result = tuple[list[list[float | None]], str]


@dataclass(frozen=True)
class Plan:
    """A design: how it is made, what it moves, and its points as shares of the distributions (P, K)."""

    method: str
    size: int
    known: tuple[Reach, ...]
    levers: tuple[StudyLever, ...]
    factors: tuple[Factor, ...]
    points: NDArray[np.float64] = field(repr=False)

    def at(self, study: Study, place: int) -> tuple[Study, dict[str, float]]:
        """The study and the values of its set at a point."""
        row = pure.shares(self.method, self.points[place])
        shares = dict(zip([f.name for f in self.factors], map(float, row), strict=True))
        return pulled(study, shares, self.levers), moved_to(parameter_set(study.parameter_set), shares, self.known)


def planned_of(study: Study, method: str, size: int | None) -> Plan:
    """The design. Raises Refused for a method or size that is none, a library that is missing, nothing to move."""
    if method not in METHODS:
        raise Refused(f"--method: {not_among(method, METHODS, 'a method of many at once')}")
    many = SIZES[method] if size is None else size
    if method == SOBOL and (many < 2 or many & (many - 1)):
        raise Refused(f"--size: seen {many}; allowed with sobol: a power of 2, as 64 or 128")
    if not 2 <= many <= LARGEST:
        raise Refused(f"--size: seen {many}; allowed: 2 to {LARGEST:,}")
    try:
        import SALib  # noqa: F401
    except ImportError as error:
        raise Refused(f"--method {method}: {not_installed(str(error.name), 'sensitivity')}") from None
    try:
        known, levers = spans(parameter_set(study.parameter_set), together=method == SOBOL), levers_of(study)
    except PosteriorError as error:
        raise Refused(f"{study.id}: {error}") from None
    factors = factors_of(parameter_set(study.parameter_set), known, levers)
    if not factors:
        raise Refused(f"{study.id}: nothing of {study.parameter_set} or of the trial has a width")
    return Plan(method, many, known, levers, factors, pure.sample(method, factors, many, _seed(study)))


def _seed(study: Study) -> int:
    """Of the design, which is no stream of a patient."""
    return study.seed % 2**32


def factors_of(chosen: ParameterSet, known: Sequence[Reach], levers: Sequence[StudyLever]) -> tuple[Factor, ...]:
    """All that moves, group by group."""
    of_drug = set(structure_of(chosen).drug) - set(NO_KINETICS)
    made = [Factor(s.name, _label(s), TOGETHER if s.name == TOGETHER else _group(s.of, of_drug)) for s in known]
    made += [Factor(lever.id, lever.label, lever.group) for lever in levers]
    order = [TOGETHER, BIOLOGY, KINETICS, BEHAVIOUR, LABORATORY]
    return tuple(sorted(made, key=lambda f: order.index(f.group) if f.group in order else len(order)))


def _label(span: Reach) -> str:
    kind = "typical value"
    if span.name == TOGETHER:
        return f"what the data inform together, {span.origin}"
    if span.name.startswith(OMEGA):
        kind = "variance between patients"
    elif span.name.startswith(OCCASION):
        kind = "variance between occasions"
    return f"{kind}, {span.origin}"


def _group(name: str, of_drug: set[str]) -> str:
    if name in OF_LABORATORY:
        return LABORATORY
    if name in OF_BEHAVIOUR:
        return BEHAVIOUR
    return KINETICS if name in of_drug or name == "F" else BIOLOGY


def write_indices(
    study: Study,
    folder: Path,
    method: str,
    size: int | None = None,
    workers: int | None = None,
    most: int = ENOUGH,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
    resume: bool = False,
    anew: bool = False,
) -> list[GlobalIndex]:
    """Simulate the design and write global_sensitivity.parquet into ``folder``; goes on with points that are there.

    ``resume``: only then, and Refused where there are none; ``anew``: every point again. ``workers``, ``dask``: as of
    ``write_effects``.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    plan = planned_of(study, method, size)
    study = study.model_copy(update={"replicates": min(most, study.replicates), "parameter_uncertainty": False})
    folder.mkdir(parents=True, exist_ok=True)
    kept = KeptPoints.of(folder / KEPT, text_hash(json.dumps(_said(study, plan), sort_keys=True)))
    if anew:
        kept.done.clear()
    if resume and not kept.done:
        raise Refused(f"{folder}: --resume: no unfinished point of this very analysis is there")
    groups = ", ".join(f"{name} {len(members)}" for name, members in pure.groups_of(plan.factors).items())
    there = f", {len(kept.done)} are there" if kept.done else ""
    say(f"sensitivity, {method}: {len(plan.points)} points of {len(plan.factors)} numbers ({groups}){there}")
    values = _values(study, plan, kept, workers or cores(), dask, say, progress)
    endpoint = endpoints_of(study.analysis)[study.analysis.primary]
    scale = 100.0 if endpoint.summary == "rate" else 1.0
    rows = pure.indices(
        method, plan.factors, plan.points, scale * values, study.arm_ids, study.analysis.reference_arm, endpoint.code,
        endpoint.unit, _seed(study),
    )  # fmt: skip
    pure.write(rows, folder)
    kept.path.unlink(missing_ok=True)
    return rows


def _said(study: Study, plan: Plan) -> dict[str, Any]:
    """All that makes the numbers of the points."""
    factors = [vars(factor) for factor in plan.factors]
    design = {"design": plan.points.tolist(), "widths": [span.at(0.9) for span in plan.known]}
    return identity(study) | {"method": plan.method, "factors": factors} | design


@dataclass
class KeptPoints:
    """Finished points on disk, of one analysis: the result of a job (R, A) by "point|job"."""

    path: Path
    key: str
    done: dict[str, Result]
    written: float = 0.0

    @classmethod
    def of(cls, path: Path, key: str) -> KeptPoints:
        """What is there of this very analysis; nothing of another one."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            done = {name: (values, str(why)) for name, (values, why) in found["done"].items()}
            return cls(path, key, done if found["key"] == key else {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(path, key, {})

    def keep(self, name: str, result: Result, now: bool = False) -> None:
        """One more, on disk with the next writing."""
        self.done[name] = result
        if now or time.monotonic() - self.written > EVERY_S:
            self.write()

    def write(self) -> None:
        """All that is done, whole."""
        put(self.path, json.dumps({"key": self.key, "done": self.done}))
        self.written = time.monotonic()


def _values(
    study: Study, plan: Plan, kept: KeptPoints, workers: int, dask: str | None, say: Say, progress: Progress
) -> NDArray[np.float64]:
    """The primary result (P, R, A) at every point; NaN where there is none."""
    jobs = [job for _, job in cut(0, study, (study.analysis.primary,))]
    patients = {job: study.subjects * len(job.replicates) for job in jobs}
    total = len(plan.points) * sum(patients.values())
    done = sum(patients[job] for k in range(len(plan.points)) for job in jobs if _name((k, job)) in kept.done)
    try:
        with progress("sensitivity, patients") as tell, hands(workers, dask) as ours:
            tell(done, total)
            work = partial(_result, plan)
            for one, result in ours.each(work, _every(study, len(plan.points), jobs, kept.done), _name):
                kept.keep(_name(one), result)
                done += patients[one[1]]
                tell(done, total)
    finally:
        kept.write()
    why = next((text for _, text in kept.done.values() if text), "")
    if why:
        lost = len({name.partition("|")[0] for name, (_, text) in kept.done.items() if text})
        say(f"sensitivity: {lost} of {len(plan.points)} points cannot be simulated and are left out: {why}")
    found = [np.concatenate([_array(kept.done[_name((k, job))]) for job in jobs]) for k in range(len(plan.points))]
    return np.array(found)


def _array(result: Result) -> NDArray[np.float64]:
    return np.array([[np.nan if x is None else x for x in row] for row in result[0]])


def _every(
    study: Study, points: int, jobs: Sequence[Job], done: Mapping[str, Result]
) -> Iterator[tuple[Study, tuple[int, Job]]]:
    return ((study, (k, job)) for k in range(points) for job in jobs if _name((k, job)) not in done)


def _name(one: tuple[int, Job]) -> str:
    return f"point {one[0]}|{one[1].replicates.start}"


def _result(plan: Plan, study: Study, one: tuple[int, Job]) -> Result:
    """The primary result per replicate and arm of a job at a point, or none and why."""
    place, job = one
    try:
        changed, values = plan.at(study, place)
        found = job_values(changed, job, values)[job.codes[0]]
        return [[float(x) if np.isfinite(x) else None for x in row] for row in found], ""
    except ValueError as error:
        return [[None] * len(study.arm_ids) for _ in job.replicates], str(error).splitlines()[0]


def lines(rows: Sequence[GlobalIndex]) -> list[tuple[str, ...]]:
    """One line per arm and factor: whom, factor, group or members, then the indices of the method."""
    found = []
    for mine in pure.by_whom(rows).values():
        for k, (name, of) in enumerate(mine.items()):
            first = next(iter(of.values()))
            texts = (pure.size_of(of[index]) for index in SHOWN[first.method])
            found.append(
                (pure.whom(first) if k == 0 else "", name, first.group if first.method == MORRIS else "", *texts)
            )
    return found


def notes(rows: Sequence[GlobalIndex]) -> list[str]:
    """What stands below the lines: how it was made, what the indices are, what matters most."""
    first = rows[0]
    change = f"the change, in{unit_word(first.unit)}, over the central 95 % of a width"
    what = {
        MORRIS: f"mu_star and sigma: mean size and SD of {change}.",
        SOBOL: "total and first: shares of the variance of the result, with and without what a group does with others.",
    }
    made = f"{first.points} points, replicates at each {first.replicates}, same patients and draws"
    return [
        f"\n{first.endpoint}: {made}; ± Monte Carlo error of the design.",
        what[first.method],
        pure.headline(rows),
    ]
