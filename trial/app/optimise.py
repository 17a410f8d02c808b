"""``vtrial optimise``: a search over keys of a study, its front simulated again with new draws, and what each costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.evidence import search as pure
from analysis.evidence.design_points import PointRow, Simulated, point_row
from analysis.evidence.search import CONFIRMED, PRICE, PUBLISHED, REFUSED, SEARCHED, SearchRow
from analysis.report.decision import write_page
from analysis.text import cells
from trial.app import folder as folders
from trial.app.goals import Aim, variant
from trial.app.grid_points import PointStudy
from trial.app.optimum_page import CHOSEN_ON_NEW, NEW, again_of, page_of, prices_of
from trial.app.points import DesignPoint, is_there, kept_points, point_of, simulate_points, values_of
from trial.app.sampling import Sampler, must_be_there
from trial.app.scan import ready
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.errors import ConfigError, Refused, Stopped
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import Each, hands

TABLE, PAGE = "optimise.parquet", "optimise.html"


@dataclass(frozen=True)
class HowSearched:
    """How a search is worked on; none of it changes a number."""

    overwrite: bool = False
    resume: bool = False
    workers: int | None = None
    dask: str | None = None


@dataclass(frozen=True)
class Room:
    """Where points are simulated: the folder, who works, and the aim."""

    aim: Aim
    folder: Path
    each: Each

    def simulated(self, studies: Sequence[PointStudy]) -> list[Simulated]:
        """The results of these studies; those that are there are not simulated again."""
        points = [point_of(one.study, self.aim.codes) for one in studies]
        keyed: dict[str, DesignPoint] = {point.key: point for point in points}
        missing = {key: point for key, point in keyed.items() if not is_there(self.folder, key)}
        simulate_points(missing, self.folder, self.each, lambda done, total: None)
        return [Simulated(point.key, point.study.arm_ids, values_of(self.folder, point.key, point)) for point in points]

    def results(self, one: Simulated, base: Simulated) -> dict[str, PointRow]:
        """Every objective and limit of a point, with its change from the study as it stands."""
        known, study = self.aim.known, self.aim.base.study.id
        split = [name.partition("|") for name in self.aim.names]
        return {
            f"{code}|{arm}": point_row(study, 0, one, base, arm, known[code])
            for code, _, arm in split
            if arm in one.arms
        }


def optimise(
    aim: Aim, folder: Path, how: HowSearched, say: Say = silent, progress: Progress = unseen
) -> list[SearchRow]:
    """Search, confirm and price; optimise.parquet, the figure and the page into ``folder``. Every point, in order.

    What is there is not simulated again: the sampler is asked and told the same once more. Raises Refused before
    anything is simulated, and where no point is a valid study.
    """
    must_be_there()
    if how.dask is not None:
        must_be_usable(how.dask, how.workers)
    with folders.locked(folder):
        ready(folder, how.overwrite, how.resume, (TABLE, PAGE))
        if kept := kept_points(folder):
            say(f"{kept} points are there; those that this search asks for are not simulated again")
        try:
            with hands(how.workers or cores(), how.dask) as ours:
                rows = _searched(Room(aim, folder, ours.each), say, progress)
        except OSError as error:
            why = f"cannot be written ({error.strerror or error}); {kept_points(folder)} points are kept"
            raise Stopped(f"{error.filename or folder}: {why}; the same command goes on with them") from error
        except KeyboardInterrupt:
            say(f"{folder}: {kept_points(folder)} points are kept; the same command goes on with them")
            raise
        write_page(page_of(aim, rows), folder / PAGE)
    return rows


def _searched(room: Room, say: Say, progress: Progress) -> list[SearchRow]:
    """Every row: the study as it stands, the search, the front again, the price of each key."""
    aim, goal = room.aim, room.aim.goal
    units = {name: aim.known[name.partition("|")[0]].unit for name in aim.names}

    def keep(rows: Sequence[SearchRow]) -> None:
        pure.write_search(rows, aim.names, units, room.folder / TABLE)

    start = variant(goal, {}, replicates=goal.replicates)
    base = room.simulated([start])[0]
    first = _row(room, PUBLISHED, 0, aim.base.settings, base, base)
    rows = _search(room, base, first, keep, progress)
    refused = sum(row.status == REFUSED for row in rows)
    if refused:
        say(f"{refused} of {goal.points} points are no valid study; optimise.parquet says why")
    if refused == goal.points:
        keep(rows)
        raise Refused(f"{goal.id}: no point is a valid study; the first: {rows[1].why}")
    rows = pure.with_front(rows, goal)
    chosen = pure.candidates(rows, goal)
    if many := pure.repeats(rows):
        say(f"{many} of {goal.points} points were asked for before; {goal.points - many} are different")
    tied = f" ({pure.ties(rows, goal)} more points have the same objectives)" if pure.ties(rows, goal) else ""
    front = sum(row.front for row in rows)
    say(f"front: {front} points{tied}, {len(chosen)} of them again with seed {goal.confirm.seed}")
    rows += _confirmed(room, chosen)
    keep(rows)
    return rows


def _search(
    room: Room, base: Simulated, first: SearchRow, keep: Callable[[Sequence[SearchRow]], None], progress: Progress
) -> list[SearchRow]:
    """The search in batches: ask, simulate, tell; every batch is written."""
    goal, rows = room.aim.goal, [first]
    sampler = Sampler(goal)
    with progress("search, points") as tell:
        while len(rows) <= goal.points:
            asked = sampler.ask(min(goal.batch, goal.points + 1 - len(rows)))
            batch = _tried(room, SEARCHED, len(rows), asked, base)
            sampler.tell([pure.told(one, goal) for one in batch])
            rows += batch
            keep(rows)
            tell(len(rows) - 1, goal.points)
    return rows


def _tried(
    room: Room, kind: str, number: int, asked: Sequence[Mapping[str, str]], base: Simulated, again: bool = False
) -> list[SearchRow]:
    """A row for each of several settings, those that are no valid study among them; numbered from ``number``."""
    goal, stands = room.aim.goal, room.aim.base.settings
    seed, replicates = (goal.confirm.seed, goal.confirm.replicates) if again else (None, goal.replicates)
    studies: dict[int, PointStudy] = {}
    refused: dict[int, str] = {}
    for k, settings in enumerate(asked):
        try:
            studies[k] = variant(goal, settings, seed, replicates)
        except ConfigError as error:
            refused[k] = error.messages[0]
    found = dict(zip(studies, room.simulated(list(studies.values())), strict=True))
    draws = NEW if again else "search"
    return [
        SearchRow(kind, number + k, dict(stands) | dict(settings), {}, REFUSED, refused[k], draws=draws)
        if k in refused
        else replace(_row(room, kind, number + k, dict(stands) | dict(settings), found[k], base), draws=draws)
        for k, settings in enumerate(asked)
    ]


def _row(room: Room, kind: str, number: int, settings: Mapping[str, str], one: Simulated, base: Simulated) -> SearchRow:
    row = SearchRow(kind, number, dict(settings), room.results(one, base), folder=one.folder)
    return pure.judged(row, room.aim.goal)


def _confirmed(room: Room, chosen: Sequence[SearchRow]) -> list[SearchRow]:
    """The study as it stands and the candidates with new draws; then each key of the winner alone."""
    goal, stands = room.aim.goal, room.aim.base.settings
    seed, replicates = goal.confirm.seed, goal.confirm.replicates
    base = room.simulated([variant(goal, {}, seed, replicates)])[0]
    first = replace(_row(room, PUBLISHED, 0, stands, base, base), draws=NEW)
    again = _tried(room, CONFIRMED, 0, [row.settings for row in chosen], base, True)
    again = [replace(row, number=was.number) for row, was in zip(again, chosen, strict=True)]
    best = pure.winner(again, goal)
    alone = [{key: value} for key, value in room.aim.changed(best.settings).items()] if best else []
    return [first, *again, *_tried(room, PRICE, 0, alone, base, True)]


def lines(aim: Aim, rows: Sequence[SearchRow]) -> list[tuple[str, ...]]:
    """A line per result of the study as it stands and each candidate: as the search found it, and with new draws."""

    def text(row: SearchRow | None, name: str) -> str:
        found = row.results.get(name) if row else None
        return cells.amount_error(found.estimate, found.mcse, found.unit) if found else ""

    found: list[tuple[str, ...]] = []
    for was, row in again_of(rows):
        name = "as it stands" if row.kind == PUBLISHED else f"point {row.number}"
        for k, result in enumerate(aim.names):
            first = (name, row.why) if k == 0 else ("", "")
            found.append((first[0], result.replace("|", " "), text(was, result), text(row, result), first[1]))
    return found


def notes(aim: Aim, rows: Sequence[SearchRow]) -> list[str]:
    """What stands below: the settings of the candidates, and what each key of the winner does alone."""
    said = []
    for row in rows:
        if row.kind == CONFIRMED:
            changed = ", ".join(f"{key}={value}" for key, value in aim.changed(row.settings).items())
            said.append(f"point {row.number}: {changed or 'as it stands'}")
    best = pure.winner([row for row in rows if row.kind == CONFIRMED], aim.goal)
    if best is None:
        return [*said, "No candidate keeps to the limits with new draws."]
    said.append(f"{CHOSEN_ON_NEW}.")
    if aim.changed(best.settings):
        said.append(f"Each key of point {best.number} alone, change from the study as it stands:")
    for key, row in prices_of(aim, rows):
        results = (
            f"{n.replace('|', ' ')} {cells.change(r.difference, r.difference_mcse, r.unit)}"
            for n, r in row.results.items()
        )
        said.append(f"{key}={row.settings[key]}: {'; '.join(results) or row.why}")
    return said
