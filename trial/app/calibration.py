"""Fit named parameters of a set to named published results: search, look around the best point, and say it all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from analysis.evidence import identifiability as ident
from analysis.evidence.calibration import Fitted, Point, Simulate, objective
from analysis.evidence.calibration import calibrate as search
from cohorts.sets import calibration_file, is_file_name, parameter_set
from trial.app.calibration_record import NOTE, record_of, short, write
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, counted, silent, unseen
from trial.app.targets import Wanted, jobs_of, simulate_targets, studies_of, target_problems, wanted_of
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.study.fit import FRACTION, Fit, FittedParameter, load_fit

SUFFIX = ".calibration.json"
NEWS = 0.99
"""A better point is told when it is better by 1 %."""
Tick = Callable[[Point], None]


def calibrate(
    config: Path,
    out: Path | None,
    overwrite: bool = False,
    workers: int | None = None,
    uncertainty: bool = True,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> tuple[dict[str, Any], Path]:
    """Fit, and write the record into the folder ``out``, or (None) over that of the fitted set; record and its path.

    The best point so far is on disk meanwhile. ``dask``: a cluster to work on (``trial.jobs.cluster``). Raises
    ConfigError for the config, and Refused before anything is lost.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    fit = load_fit(config, lambda data: target_problems(data, config.parent))
    path = path_of(fit, out)
    if path.exists() and not (overwrite or out is None):
        raise Refused(f"{path}: a result is already there; --overwrite replaces it, --out DIR writes elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    studies = studies_of(fit)
    wanted = wanted_of(fit, studies)
    say(f"{fit.id}: {len(fit.fitted)} parameters of {fit.parameter_set}, {len(wanted)} targets")
    say_of = partial(record_of, fit, wanted, config, extended(fit, path))
    with _kept(path, say_of, say) as keep, hands(workers or cores(), dask) as ours:
        simulate = partial(simulate_targets, jobs_of(studies, wanted, ours.many), wanted, ours.each)
        record = _fitted_record(fit, wanted, simulate, uncertainty, say_of, keep, progress)
    write(path, record)
    return record, path


def path_of(fit: Fit, out: Path | None, suffix: str = SUFFIX) -> Path:
    """The file of a result: in the folder ``out``, or (None) beside the fitted set of the catalogue. Raises Refused."""
    if out is not None:
        return out / f"{fit.id}{suffix}"
    if is_file_name(fit.parameter_set):
        raise Refused(f"--into-catalogue: {fit.parameter_set} is not a set of the catalogue; give a folder with --out")
    return calibration_file(fit.parameter_set).with_name(f"{fit.parameter_set}{suffix}")


def _fitted_record(
    fit: Fit,
    wanted: Sequence[Wanted],
    simulate: Simulate,
    uncertain: bool,
    say_of: Callable[[Point, int, float], dict[str, Any]],
    keep: Tick,
    progress: Progress,
) -> dict[str, Any]:
    """Search, then look around the best point."""
    targets, fitted, begun = [w.target for w in wanted], _fitted(fit), time.perf_counter()
    most = 1 + fit.search.scan + fit.search.starts * fit.search.evaluations
    with _ticking(progress, "points, at most", most, keep) as tell:
        limits = {"scan": fit.search.scan, "starts": fit.search.starts, "evaluations": fit.search.evaluations}
        points = search(targets, fitted, simulate, **limits, method=fit.search.method, tell=tell)
    best, found = points[0], {}
    if uncertain:
        at = partial(objective, targets, fitted, simulate)
        found = _uncertainty(fit, fitted, at, best, progress)
    return say_of(best, len(points), time.perf_counter() - begun) | found


def extended(fit: Fit, path: Path) -> str:
    """The fitted set as the file at ``path`` names it: an id, or the user's own file relative to it."""
    own_file = is_file_name(fit.parameter_set)
    return os.path.relpath(fit.parameter_set, path.parent.resolve()) if own_file else fit.parameter_set


def _fitted(fit: Fit) -> list[Fitted]:
    """The parameters to fit, as the search knows them."""
    return standardised(fit, fit.fitted)


def standardised(fit: Fit, priors: Sequence[FittedParameter]) -> list[Fitted]:
    """Parameters of the fitted set with their priors, on the scale on which they are searched."""
    shares = [p.name for p in parameter_set(fit.parameter_set).parameters if p.unit == FRACTION]
    return [Fitted(p.name, p.middle, p.log_sd, p.reason, p.name in shares) for p in priors]


@contextmanager
def _kept(path: Path, say_of: Callable[[Point, int, float], dict[str, Any]], say: Say) -> Iterator[Tick]:
    """Hears of every point and keeps the best on disk until the work is done; says where it is when interrupted."""
    partial_file = path.with_name(path.name.replace(SUFFIX, f".unfinished{SUFFIX}"))
    begun, seen, best = time.perf_counter(), 0, float("inf")

    def keep(point: Point) -> None:
        nonlocal seen, best
        seen += 1
        if point.distance < best:
            if point.distance < NEWS * best:
                values = "  ".join(f"{name} {value:.3g}" for name, value in point.values.items())
                say(f"point {seen}: distance {point.distance:.2f}  {values}")
            best = point.distance
            note = {"note": f"unfinished: the best of the first {seen} points; {NOTE}"}
            write(partial_file, say_of(point, seen, time.perf_counter() - begun) | note)

    try:
        yield keep
    except KeyboardInterrupt:
        if seen:
            say(f"the best of {seen} points, distance {best:.2f}, is in {partial_file}")
        raise
    partial_file.unlink(missing_ok=True)


@contextmanager
def _ticking(progress: Progress, title: str, total: int, hear: Tick = lambda point: None) -> Iterator[Tick]:
    """Progress over points; each is also handed to ``hear``."""
    with counted(progress, title, total) as step:

        def tick(point: Point) -> None:
            hear(point)
            step()

        yield tick


def _uncertainty(
    fit: Fit, fitted: Sequence[Fitted], at: Callable[..., Any], best: Point, progress: Progress
) -> dict[str, Any]:
    """Standard errors, correlation, identifiability and profiles around the best point."""
    optimum, k, names = np.array([f.z(best.values[f.name]) for f in fitted]), len(fitted), [f.name for f in fitted]
    with _ticking(progress, "points around the best", 1 + 4 * k + k * (k - 1)) as tell:
        point = at(tell=tell)
        found = ident.curvature(lambda z: float(point(z).distance), optimum)
    profiles = {}
    for name in fit.profile:
        evaluations = fit.search.profile_evaluations
        with _ticking(progress, f"points of the profile of {name}, at most", 4 * (evaluations + 1)) as tell:
            held = ident.profile(at(tell=tell), fitted, best, found, names.index(name), evaluations)
        profiles[name] = [{"value": short(h.value), "rise": round(h.rise, 3)} for h in held]
    ratio = dict(zip(names, found.sd, strict=True))
    return {
        "uncertainty": {
            "rse_percent": {f.name: short(ident.rse_percent(f, best.values[f.name], ratio[f.name])) for f in fitted},
            "names": names,
            "correlation": np.round(found.correlation, 3).tolist(),
            "eigenvalues": np.round(found.eigenvalues, 3).tolist(),
            "eigenvalues_counted_as_1": found.lifted,
            "steps_prior_sds": np.round(found.steps, 3).tolist(),
            "caveat": ident.CAVEAT,
        },
        "identifiability": {
            name: {"posterior_over_prior_sd": round(float(r), 3), "verdict": ident.verdict(float(r))}
            for name, r in ratio.items()
        },
        "profile": profiles,
    }
