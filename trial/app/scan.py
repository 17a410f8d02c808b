"""``vtrial scan``: a grid over keys of a study, each point simulated once with the same patients and draws."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.endpoints import chosen
from analysis.endpoints.contract import Endpoint
from analysis.evidence.design_points import PointRow, Simulated, point_rows, said, write_long, write_wide
from analysis.figures.trade_off import Design, trade_off
from analysis.report.decision import Chart, Sheet, Sheets, legend_of, write_page
from analysis.report.number_origins import Number, Text, shown
from analysis.text import cells
from cohorts.files import absolute
from trial.app import folder as folders
from trial.app.grid_points import OTHER_SIZES, SAME_PATIENTS, PointStudy
from trial.app.points import POINTS, DesignPoint, is_there, kept_points, point_of, simulate_points, values_of
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.errors import Refused, Stopped
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.provenance import manifest_problem
from trial.jobs.shards import WHOLE, Shard
from trial.study.protocol import not_among

LONG, WIDE, PAGE = "scan.parquet", "scan.csv", "scan.html"
SECOND = ("PLT250", "RESCUE")
"""What the primary endpoint is drawn against, the first that the study has."""


@dataclass(frozen=True)
class HowScanned:
    """How a grid is worked on; none of it changes a number. ``shard``: every n-th point, and no tables."""

    overwrite: bool = False
    resume: bool = False
    workers: int | None = None
    dask: str | None = None
    shard: Shard = WHOLE
    figure: str = ""


def scan(
    points: Sequence[PointStudy], folder: Path, how: HowScanned, say: Say = silent, progress: Progress = unseen
) -> list[PointRow]:
    """Simulate the points that are not in ``folder`` yet, and write the tables, the figure and the page of all.

    The first point is the study as it stands. Of a shard its points alone are simulated, and nothing is written beside
    them. Raises Refused before anything is simulated.
    """
    if how.dask is not None:
        must_be_usable(how.dask, how.workers)
    base = points[0].study
    known, pair = known_of(points), pair_of(points, how.figure)
    keyed = {(point := point_of(one.study, tuple(chosen(one.study)))).key: point for one in points}
    keys = list(keyed)
    with folders.locked(folder):
        ready(folder, how.overwrite, how.resume, (LONG, WIDE, PAGE))
        mine = dict(list(keyed.items())[how.shard.number - 1 :: how.shard.of])
        run_points(mine, folder, how.workers, how.dask, "scan, patients", say, progress)
        if not how.shard.is_whole:
            return []
        found = [_simulated(folder, key, keyed[key]) for key in keys]
        rows = point_rows(base.id, found, known)
        settings = [one.settings for one in points]
        write_long(rows, settings, folder / LONG)
        write_wide(rows, settings, folder / WIDE)
        write_page(page_of(points, rows, known, pair), folder / PAGE)
    return rows


def run_points(
    points: Mapping[str, DesignPoint], folder: Path, workers: int | None, dask: str | None, title: str, say: Say,
    progress: Progress,
) -> None:  # fmt: skip
    """Simulate what is missing of the points, by whoever works; what stops on the way is said with how to go on."""
    there = sum(is_there(folder, key) for key in points)
    say(f"{len(points)} points, {there} of them there" if there else f"{len(points)} points")
    if there == len(points):
        return
    try:
        with progress(title) as tell, hands(workers or cores(), dask) as ours:
            simulate_points(points, folder, ours.each, tell)
    except OSError as error:
        raise Stopped(
            f"{error.filename or folder}: cannot be written ({error.strerror or error}); {kept_points(folder)} points "
            "are kept; the same command goes on with them"
        ) from error
    except KeyboardInterrupt:
        say(f"{folder}: {kept_points(folder)} points are kept; the same command goes on with them")
        raise


def ready(folder: Path, overwrite: bool, resume: bool, names: Sequence[str]) -> None:
    """Make ``folder`` ready for points and the files ``names``: it may hold points, and those files.

    Raises Refused for the folder of a run or of something else, and to resume what is not there. ``overwrite``: the
    points and files that are there go.
    """
    folders.must_be_usable(folder)
    target = absolute(folder)
    if not manifest_problem(target):
        raise Refused(f"{folder}: this is the folder of a run, which stays as it is; give another one with --out")
    kept = kept_points(folder)
    others = sorted({p.name for p in target.iterdir()} - {POINTS, *names}) if target.is_dir() else []
    if others:
        raise Refused(f"{folder}: this folder holds something else: {', '.join(others[:3])}; give another with --out")
    if resume and not kept:
        raise Refused(f"{folder}: there is no point to go on with; leave --resume out, or give the folder with --out")
    if overwrite:
        shutil.rmtree(target / POINTS, ignore_errors=True)
        for name in names:
            (target / name).unlink(missing_ok=True)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from None


def _simulated(folder: Path, key: str, point: DesignPoint) -> Simulated:
    return Simulated(key, point.study.arm_ids, values_of(folder, key, point))


def known_of(points: Sequence[PointStudy]) -> dict[str, Endpoint]:
    """The endpoints of these points, those of the study as it stands first; a point need not have all of them."""
    known: dict[str, Endpoint] = {}
    for point in points:
        known = known | {code: one for code, one in chosen(point.study).items() if code not in known}
    return known


def pair_of(points: Sequence[PointStudy], asked: str) -> tuple[str, str]:
    """The endpoints of the figure of these points, across and up. Raises Refused."""
    base = points[0].study
    return figure_of(asked, known_of(points), base.analysis.primary)


def figure_of(asked: str, known: Mapping[str, Endpoint], primary: str) -> tuple[str, str]:
    """The two endpoints of the figure, by default the primary and another one. Raises Refused for unknown ones."""
    if not asked:
        second = next((c for c in (*SECOND, *known) if c in known and c != primary), primary)
        return second, primary
    names = [part.strip() for part in asked.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise Refused(f"--figure: seen {asked!r}; allowed: two endpoints, across and up, as in --figure PLT250,RESPW8")
    for name in names:
        if name not in known:
            raise Refused(f"--figure: {not_among(name, known, 'an endpoint of this study')}")
    return names[0], names[1]


def page_of(
    points: Sequence[PointStudy], rows: Sequence[PointRow], known: Mapping[str, Endpoint], pair: tuple[str, str]
) -> Sheets:
    """The page of a scan: the figure, then a table for each endpoint."""
    base = points[0].study
    colours = legend_of([(arm.id, arm.placebo) for arm in base.arms])
    shape = f"{base.replicates} replicates of {base.patients} patients, seed {base.seed}"
    varied = ", ".join(points[0].settings)
    sameness = (
        OTHER_SIZES
        if other_sizes(points)
        else (
            f"{SAME_PATIENTS}, so that a change from the study as it stands (marked) has the error of its differences "
            "replicate by replicate"
        )
    )
    return Sheets(
        title=f"Scan of {base.title}",
        subtitle=f"Study {base.id}",
        lead=f"{len(points)} design points over {varied}; {shape}. {sameness}.",
        parts=(
            _figure(points, rows, known, pair, colours),
            *(_sheet(points, rows, endpoint, base.arm_ids) for endpoint in known.values()),
        ),
        footer=f"{LONG} and {WIDE} hold every number; each point's config is in {POINTS}/.",
    )


def _figure(
    points: Sequence[PointStudy], rows: Sequence[PointRow], known: Mapping[str, Endpoint], pair: tuple[str, str],
    colours: Mapping[str, int],
) -> Chart:  # fmt: skip
    """Two endpoints against each other, a dot per point and arm, the study as it stands a diamond."""
    at = {(row.point, row.arm, row.endpoint): row for row in rows}
    designs = []
    for k in range(len(points)):
        for arm in points[k].study.arm_ids:
            x, y = (at.get((k, arm, code)) for code in pair)
            if x and y and x.estimate is not None and y.estimate is not None and arm in colours:
                errors = x.mcse or 0.0, y.mcse or 0.0
                designs.append(Design(x.estimate, y.estimate, *errors, colours[arm], k == 0, name=str(k) if k else ""))
    labels = [f"{code}{unit_in_words(known[code].unit)}" for code in pair]
    svg = trade_off("trade-off", "", labels[0], labels[1], designs)
    legend = tuple((colours[arm], arm) for arm in colours)
    notes = ("Diamond: the study as it stands. Numbers are those of the points; bars are Monte Carlo errors.",)
    return Chart(f"{pair[1]} against {pair[0]}", svg, legend, notes)


def unit_in_words(unit: str) -> str:
    """The unit of an axis, after its label."""
    return f", {cells.units(unit)}" if unit else ""


def _sheet(points: Sequence[PointStudy], rows: Sequence[PointRow], endpoint: Endpoint, arms: Sequence[str]) -> Sheet:
    """An endpoint at every point: each arm with its change from the study as it stands."""
    mine = {(row.point, row.arm): row for row in rows if row.endpoint == endpoint.code}
    heads = ("point", *points[0].settings, *(head for arm in arms for head in (arm, "change")))
    lines = []
    for k, point in enumerate(points):
        line: list[Text] = [str(k), *point.settings.values()]
        for arm in arms:
            line += _cells(mine.get((k, arm)), k)
        lines.append(tuple(line))
    title = f"{endpoint.code}: {endpoint.label}{unit_in_words(endpoint.unit)}"
    notes = (
        "Mean over replicates ± Monte Carlo error; change from point 0 ± the error of the differences, "
        "replicate by replicate; NE: the point does not have it.",
    )
    return Sheet(title, heads, tuple(lines), 1 + len(points[0].settings), (0,), notes)


def _cells(row: PointRow | None, k: int) -> tuple[Text, Text]:
    if row is None:
        return _nothing(k)
    of = [Number(getattr(row, name), "scan", row.key, name) for name in ("estimate", "mcse")]
    by = [Number(getattr(row, name), "scan", row.key, name) for name in ("difference", "difference_mcse")]
    return shown(cells.amount_error, *of, unit=row.unit), shown(cells.change, *by, unit=row.unit) if row.point else ""


def _nothing(k: int) -> tuple[str, str]:
    """Estimate and change where a point does not have the endpoint, or not the arm."""
    return cells.NOT_ESTIMABLE, cells.NOT_ESTIMABLE if k else ""


def other_sizes(points: Sequence[PointStudy]) -> bool:
    """Whether the number of patients differs between points."""
    return len({point.study.patients for point in points}) > 1


def lines(points: Sequence[PointStudy], rows: Sequence[PointRow], pair: tuple[str, str]) -> list[tuple[str, ...]]:
    """One line per point and arm: point, arm, both endpoints of the figure with their changes, as text."""
    at = {(row.point, row.arm, row.endpoint): row for row in rows}
    found = []
    for k, point in enumerate(points):
        for place, arm in enumerate(point.study.arm_ids):
            rows_of = [at.get((k, arm, code)) for code in reversed(pair)]
            texts = [text for row in rows_of for text in (said(row) if row else _nothing(k))]
            found.append((str(k) if place == 0 else "", arm, *texts))
    return found


def notes(points: Sequence[PointStudy]) -> list[str]:
    """What the points are, a line each, and what their changes are."""
    return [
        *(f"{k}  {', '.join(f'{key}={value}' for key, value in one.settings.items())}" for k, one in enumerate(points)),
        f"Mean over replicates ± Monte Carlo error; change from point 0{'' if other_sizes(points) else ', paired'}.",
        *([f"{OTHER_SIZES}."] if other_sizes(points) else []),
    ]
