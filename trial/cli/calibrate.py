"""``vtrial calibrate``: fit named parameters of a set to named published results."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.cli.console import Refused, progress, say

if TYPE_CHECKING:
    from analysis.calibration import Fitted, Point
    from trial.cli.targets import Wanted
    from trial.fitting import Fit

SUFFIX = ".calibration.json"
NEWS = 0.99
"""A better point is told when it is better by 1 %."""
NOTE = (
    "penalised composite likelihood: published counts as if independent, common random numbers, best of several "
    "starts; other values fit nearly as well"
)
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
    from cohorts.catalogue import calibration_file
    from trial.cli.run import cores
    from trial.cli.targets import studies_of, target_problems, wanted_of
    from trial.fitting import load_fit

    fit = load_fit(config, lambda data: target_problems(data, config.parent))
    path = calibration_file(fit.parameter_set) if into_catalogue else out / f"{fit.id}{SUFFIX}"
    if path.exists() and not (overwrite or into_catalogue):
        raise Refused(f"{path}: a result is already there; --overwrite replaces it, --out DIR writes elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    studies = studies_of(fit)
    wanted = wanted_of(fit, studies)
    say(f"{fit.id}: {len(fit.fitted)} parameters of {fit.parameter_set}, {len(wanted)} targets")
    record = _fitted_record(fit, studies, wanted, path, config, workers or cores(), uncertainty)
    _write(path, record)
    _show(record, path)


def _fitted_record(
    fit: Fit, studies: Sequence[Any], wanted: Sequence[Wanted], path: Path, config: Path, workers: int, uncertain: bool
) -> dict[str, Any]:
    """Search, look around the best point, and say it all; the best point so far is on disk meanwhile."""
    from functools import partial

    from joblib import Parallel

    from analysis.calibration import calibrate as search
    from analysis.calibration import objective
    from cohorts.catalogue import parameter_set
    from trial.cli.targets import jobs_of, simulate_targets

    chosen, targets, begun = parameter_set(fit.parameter_set), [w.target for w in wanted], time.perf_counter()
    fitted = _fitted(fit)
    content = partial(_content, fit, wanted, config)
    with _kept(path, content) as keep, Parallel(n_jobs=workers, prefer="threads") as pool:
        simulate = partial(simulate_targets, jobs_of(studies, wanted, workers), wanted, pool, chosen)
        most = 1 + fit.search.scan + fit.search.starts * fit.search.evaluations
        with _ticking("points, at most", most, keep) as tell:
            limits = {"scan": fit.search.scan, "starts": fit.search.starts, "evaluations": fit.search.evaluations}
            points = search(targets, fitted, simulate, **limits, tell=tell)
        best, found = points[0], {}
        if uncertain:
            at = partial(objective, targets, fitted, simulate)
            found = _uncertainty(fit, fitted, at, best)
        return content(best, len(points), time.perf_counter() - begun) | found


def _fitted(fit: Fit) -> list[Fitted]:
    """The parameters to fit, as the search knows them."""
    from analysis.calibration import Fitted
    from cohorts.catalogue import parameter_set
    from trial.fitting import FRACTION

    shares = [p.name for p in parameter_set(fit.parameter_set).parameters if p.unit == FRACTION]
    return [Fitted(p.name, p.median, p.log_sd, p.reason, p.name in shares) for p in fit.fitted]


@contextmanager
def _kept(path: Path, content: Callable[[Point, int, float], dict[str, Any]]) -> Iterator[Tick]:
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
            _write(partial_file, content(point, seen, time.perf_counter() - begun) | note)

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

    from analysis import identifiability as ident

    optimum, k, names = np.array([f.z(best.values[f.name]) for f in fitted]), len(fitted), [f.name for f in fitted]
    with _ticking("points around the best", 1 + 4 * k + k * (k - 1)) as tell:
        point = at(tell=tell)
        found = ident.curvature(lambda z: float(point(z).distance), optimum)
    profiles = {}
    for name in fit.profile:
        evaluations = fit.search.profile_evaluations
        with _ticking(f"points of the profile of {name}, at most", 4 * (evaluations + 1)) as tell:
            held = ident.profile(at(tell=tell), fitted, best, found, names.index(name), evaluations)
        profiles[name] = [{"value": _short(h.value), "rise": round(h.rise, 3)} for h in held]
    ratio = dict(zip(names, found.sd, strict=True))
    return {
        "uncertainty": {
            "rse_percent": {f.name: _short(ident.rse_percent(f, best.values[f.name], ratio[f.name])) for f in fitted},
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


def _content(
    fit: Fit, wanted: Sequence[Wanted], config: Path, best: Point, points: int, seconds: float
) -> dict[str, Any]:
    """The calibration record of a point."""
    from datetime import date

    from trial.provenance import engine_version

    return {
        "id": fit.id,
        "extends": fit.parameter_set,
        "values": {name: _short(value) for name, value in best.values.items()},
        "targets": [w.row.row_id for w in wanted],
        "fit": [_held(w, best.simulated[w.row.row_id]) for w in wanted],
        "priors": {p.name: {"median": p.median, "log_sd": p.log_sd, "reason": p.reason} for p in fit.fitted},
        "distance": round(best.distance, 3),
        "points": points,
        "seed": fit.seed,
        "replicates": fit.replicates,
        "studies": [Path(name).name for name in fit.studies],
        "engine_version": engine_version(),
        "made_by": f"vtrial calibrate {config.name}",
        "date": date.today().isoformat(),
        "minutes": round(seconds / 60, 1),
        "note": NOTE,
    }


def _held(w: Wanted, simulated: float) -> dict[str, Any]:
    """A target beside its simulation, in the unit of the published row."""
    from analysis.scorecard import JUDGED

    row, value = w.row, w.percent * simulated
    inside = ""
    if row.interval in JUDGED and row.ci_low is not None and row.ci_high is not None and isfinite(value):
        inside = "yes" if row.ci_low <= value <= row.ci_high else "no"
    return {
        "row_id": row.row_id,
        "published": row.published,
        "limits": [row.ci_low, row.ci_high],
        "simulated": _short(value) if isfinite(value) else None,
        "unit": row.unit,
        "inside": inside,
    }


def _short(value: float) -> float:
    """Five significant figures."""
    return float(f"{value:.5g}")


def _write(path: Path, record: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    text = json.dumps(record, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s*(-?[\d.][^\[\]{}\"]*?)\s*\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)


def _show(record: Mapping[str, Any], path: Path) -> None:
    """The fit and the parameters, as two tables."""
    from trial.cli.results import console

    fit, ident = record["fit"], record.get("identifiability", {})
    rse = record.get("uncertainty", {}).get("rse_percent", {})
    lines = [(f["row_id"], f"{f['published']:.4g}", _limits(f), _number(f["simulated"]), f["inside"]) for f in fit]
    _table(("target", "published", "limits", "simulated", "inside"), lines)
    parameters = [
        (name, f"{value:.4g}", f"{record['priors'][name]['median']:g}")
        + ((f"{rse[name]:.0f}", ident[name]["verdict"]) if ident else ("", ""))
        for name, value in record["values"].items()
    ]
    _table(("parameter", "fitted", "prior", "RSE %", "decided by"), parameters)
    judged = [f["inside"] for f in fit if f["inside"]]
    print(f"{judged.count('yes')} of {len(judged)} targets inside their limits: a fit, not a prediction.")
    print(f"Distance {record['distance']:.2f} after {record['points']} points in {record['minutes']} min.")
    if ident:
        console().print(record["uncertainty"]["caveat"])
    print(f"written: {path}")


def _limits(held: Mapping[str, Any]) -> str:
    low, high = held["limits"]
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    from trial.cli.results import console

    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in heads:
        text = head in ("target", "parameter", "decided by", "inside")
        table.add_column(head, justify="left" if text else "right", overflow="fold")
    for line in lines:
        table.add_row(*line)
    console().print(table)
    print()
