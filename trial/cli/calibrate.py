"""``vtrial calibrate``: fit named parameters of a set to named published results."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.app.calibration_record import NOTE, record_of, short, show, write
from trial.cli.console import Refused, progress, say

if TYPE_CHECKING:
    from analysis.evidence.calibration import Fitted, Point
    from trial.app.targets import Wanted
    from trial.study.fit import Fit

SUFFIX = ".calibration.json"
NEWS = 0.99
"""A better point is told when it is better by 1 %."""
Tick = Callable[["Point"], None]


def calibrate(
    config: Annotated[Path, typer.Argument(help="A calibration as YAML.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where <id>.calibration.json goes.")] = Path(
        "runs/calibration"
    ),
    into_catalogue: Annotated[
        bool, typer.Option("--into-catalogue", help="Write the calibration file of the fitted set instead.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result in that folder.")] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")] = None,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty/--no-uncertainty", help="Standard errors and identifiability.")
    ] = True,
) -> None:
    """Fit parameters to published results; writes a parameter-set file with the targets it saw.

    Example: vtrial calibrate configs/calibration/hetrombopag_wang_2022.yaml
    """
    from cohorts.sets import calibration_file, is_file_name
    from trial.app.targets import studies_of, target_problems, wanted_of
    from trial.cli.run import cores
    from trial.study.fit import load_fit

    fit = load_fit(config, lambda data: target_problems(data, config.parent))
    if into_catalogue and is_file_name(fit.parameter_set):
        raise Refused(f"--into-catalogue: {fit.parameter_set} is not a set of the catalogue; give a folder with --out")
    path = calibration_file(fit.parameter_set) if into_catalogue else out / f"{fit.id}{SUFFIX}"
    if path.exists() and not (overwrite or into_catalogue):
        raise Refused(f"{path}: a result is already there; --overwrite replaces it, --out DIR writes elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    studies = studies_of(fit)
    wanted = wanted_of(fit, studies)
    say(f"{fit.id}: {len(fit.fitted)} parameters of {fit.parameter_set}, {len(wanted)} targets")
    record = _fitted_record(fit, studies, wanted, path, config, workers or cores(), uncertainty)
    write(path, record)
    show(record, path)


def _fitted_record(
    fit: Fit, studies: Sequence[Any], wanted: Sequence[Wanted], path: Path, config: Path, workers: int, uncertain: bool
) -> dict[str, Any]:
    """Search, look around the best point, and say it all; the best point so far is on disk meanwhile."""
    from functools import partial

    from joblib import Parallel

    from analysis.evidence.calibration import calibrate as search
    from analysis.evidence.calibration import objective
    from cohorts.sets import parameter_set
    from trial.app.targets import jobs_of, simulate_targets

    chosen, targets, begun = parameter_set(fit.parameter_set), [w.target for w in wanted], time.perf_counter()
    fitted = _fitted(fit)
    say_of = partial(record_of, fit, wanted, config, _extends(fit, path))
    with _kept(path, say_of) as keep, Parallel(n_jobs=workers, prefer="threads") as pool:
        simulate = partial(simulate_targets, jobs_of(studies, wanted, workers), wanted, pool, chosen)
        most = 1 + fit.search.scan + fit.search.starts * fit.search.evaluations
        with _ticking("points, at most", most, keep) as tell:
            limits = {"scan": fit.search.scan, "starts": fit.search.starts, "evaluations": fit.search.evaluations}
            points = search(targets, fitted, simulate, **limits, tell=tell)
        best, found = points[0], {}
        if uncertain:
            at = partial(objective, targets, fitted, simulate)
            found = _uncertainty(fit, fitted, at, best)
        return say_of(best, len(points), time.perf_counter() - begun) | found


def _extends(fit: Fit, path: Path) -> str:
    """The fitted set as the file at ``path`` names it: an id, or the user's own file relative to it."""
    from cohorts.sets import is_file_name

    own_file = is_file_name(fit.parameter_set)
    return os.path.relpath(fit.parameter_set, path.parent.resolve()) if own_file else fit.parameter_set


def _fitted(fit: Fit) -> list[Fitted]:
    """The parameters to fit, as the search knows them."""
    from analysis.evidence.calibration import Fitted
    from cohorts.sets import parameter_set
    from trial.study.fit import FRACTION

    shares = [p.name for p in parameter_set(fit.parameter_set).parameters if p.unit == FRACTION]
    return [Fitted(p.name, p.median, p.log_sd, p.reason, p.name in shares) for p in fit.fitted]


@contextmanager
def _kept(path: Path, say_of: Callable[[Point, int, float], dict[str, Any]]) -> Iterator[Tick]:
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
def _ticking(title: str, total: int, hear: Tick = lambda point: None) -> Iterator[Tick]:
    """Progress over points; each is also handed to ``hear``."""
    done = 0
    with progress(title) as tell:

        def tick(point: Point) -> None:
            nonlocal done
            done += 1
            hear(point)
            tell(min(done, total), total)

        yield tick


def _uncertainty(fit: Fit, fitted: Sequence[Fitted], at: Callable[..., Any], best: Point) -> dict[str, Any]:
    """Standard errors, correlation, identifiability and profiles around the best point."""
    import numpy as np

    from analysis.evidence import identifiability as ident

    optimum, k, names = np.array([f.z(best.values[f.name]) for f in fitted]), len(fitted), [f.name for f in fitted]
    with _ticking("points around the best", 1 + 4 * k + k * (k - 1)) as tell:
        point = at(tell=tell)
        found = ident.curvature(lambda z: float(point(z).distance), optimum)
    profiles = {}
    for name in fit.profile:
        evaluations = fit.search.profile_evaluations
        with _ticking(f"points of the profile of {name}, at most", 4 * (evaluations + 1)) as tell:
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
