"""The page of a search: its front with the study as it stands on it, both numbers of candidates, prices of keys."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evidence.search import (
    CONFIRMED,
    KEPT,
    PRICE,
    PUBLISHED,
    REFUSED,
    SEARCHED,
    SearchRow,
    repeats,
    ties,
    winner,
)
from analysis.figures.trade_off import Design, trade_off
from analysis.report.decision import Chart, Sheet, Sheets, legend_of
from analysis.report.number_origins import Number, Text, shown
from analysis.text import cells
from trial.app.goals import Aim
from trial.app.grid_points import OTHER_SIZES, SAME_PATIENTS

NEW = "new"
"""Draws of another seed than those of the search."""
CHOSEN_ON_NEW = (
    "The winner is chosen among the candidates, and its keys are priced, in the same new draws: its numbers are still "
    "a little lucky; a run of it with a third seed has none of that"
)


def page_of(aim: Aim, rows: Sequence[SearchRow]) -> Sheets:
    """The page as text and figures."""
    goal, base = aim.goal, aim.base.study
    refused = sum(row.status == REFUSED for row in rows if row.kind == SEARCHED)
    broken = sum(row.status not in (KEPT, REFUSED) for row in rows if row.kind == SEARCHED)
    aims = "; ".join(f"{one.endpoint} in {one.arm} {one.aim}imal" for one in goal.objectives)
    limits = f" Limits: {'; '.join(map(str, goal.limits))}." if goal.limits else ""
    return Sheets(
        title=f"Search of {base.title}",
        subtitle=f"Goal {goal.id}, study {base.id}",
        lead=f"{goal.points} points over {len(goal.keys)} keys, by {goal.sampler}, seed {goal.seed}: {aims}.{limits} "
        f"{refused} points are no valid study, {broken} break a limit, {repeats(rows)} were asked for before (nothing "
        f"new is simulated for them); {ties(rows, goal)} others have the objectives of an earlier one on the front, "
        f"which stands for them. {OTHER_SIZES if aim.sizes else SAME_PATIENTS} "
        f"({goal.replicates} replicates). The winner of a search is lucky: candidates were simulated again with "
        f"seed {goal.confirm.seed} ({goal.confirm.replicates} replicates). {CHOSEN_ON_NEW}.",
        parts=(
            _figure(aim, rows, "search", "The front, in the draws of the search"),
            _figure(aim, rows, NEW, "Candidates with new draws"),
            _both(aim, rows),
            _settings(aim, rows),
            _prices(aim, rows),
        ),
        footer="optimise.parquet holds every point; each point's config is in points/.",
    )


def _figure(aim: Aim, rows: Sequence[SearchRow], draws: str, title: str) -> Chart:
    """The first objective against the second (with one alone, against the number of the point)."""
    up, *others = aim.goal.objectives
    across = others[0] if others else None
    colours = legend_of([(arm.id, arm.placebo) for arm in aim.base.study.arms])
    designs = []
    for row in rows:
        y = row.results.get(up.name)
        x = row.results.get(across.name) if across else None
        if row.draws != draws or row.kind == PRICE or not y or y.estimate is None or (across and not x):
            continue
        at = float(row.number) if x is None else x.estimate
        if at is None:
            continue
        front = row.front or row.kind == CONFIRMED
        name = "as it stands" if row.kind == PUBLISHED else str(row.number) if front else ""
        errors = (x.mcse or 0.0) if x else 0.0, y.mcse or 0.0
        shown_errors = errors if front or row.kind == PUBLISHED else (0.0, 0.0)
        designs.append(
            Design(at, y.estimate, *shown_errors, colours[up.arm], row.kind == PUBLISHED, front, name)
        )  # fmt: skip
    label = f"{across.endpoint} in {across.arm}{_unit(aim, across.endpoint)}" if across else "Number of the point"
    svg = trade_off(f"front-{draws}", "", label, f"{up.endpoint} in {up.arm}{_unit(aim, up.endpoint)}", designs)
    notes = (
        "Diamond: the study as it stands; coloured: candidates; grey: the other points. Bars: Monte Carlo errors.",
    )
    return Chart(title, svg, (), notes)


def _unit(aim: Aim, endpoint: str) -> str:
    unit = aim.known[endpoint].unit
    return f", {cells.units(unit)}" if unit else ""


def _key(row: SearchRow) -> str:
    return f"{row.kind}|{row.number}|{row.draws}"


def _result(row: SearchRow | None, name: str) -> Text:
    found = row.results.get(name) if row else None
    if row is None or found is None:
        return ""
    values = [Number(getattr(found, c), "optimise", _key(row), f"{name}|{c}") for c in ("estimate", "mcse")]
    return shown(cells.amount_error, *values, unit=found.unit)


def _change(row: SearchRow, name: str) -> Text:
    found = row.results.get(name)
    if found is None:
        return ""
    values = [
        Number(getattr(found, c), "optimise", _key(row), f"{name}|{c}") for c in ("difference", "difference_mcse")
    ]
    return shown(cells.change, *values, unit=found.unit)


def again_of(rows: Sequence[SearchRow]) -> list[tuple[SearchRow | None, SearchRow]]:
    """The study as it stands and every candidate: as the search found it, and with new draws."""
    of_search = {(row.kind, row.number): row for row in rows if row.draws != NEW}
    return [
        (of_search.get((SEARCHED if row.kind == CONFIRMED else row.kind, row.number)), row)
        for row in rows
        if row.draws == NEW and row.kind != PRICE
    ]


def _both(aim: Aim, rows: Sequence[SearchRow]) -> Sheet:
    """Both numbers of every candidate, and its change with new draws."""
    heads = ["point", *(h for n in aim.names for h in (f"{n.replace('|', ' ')}, search", "new draws", "change"))]
    lines = []
    for was, row in again_of(rows):
        line: list[Text] = ["as it stands" if row.kind == PUBLISHED else f"{row.number}"]
        for name in aim.names:
            line += [_result(was, name), _result(row, name), "" if row.kind == PUBLISHED else _change(row, name)]
        lines.append((*line, row.why))
    notes = (
        "Mean over replicates ± Monte Carlo error; change from the study as it stands, paired, with new draws. Rates "
        "in %; a last column names limits that are broken with new draws.",
    )
    return Sheet("Candidates, both numbers", (*heads, "limit"), tuple(lines), 1, (0,), notes)


def _settings(aim: Aim, rows: Sequence[SearchRow]) -> Sheet:
    """What the candidates are."""
    lines = [
        ("as it stands" if row.kind == PUBLISHED else str(row.number), *row.settings.values())
        for _, row in again_of(rows)
    ]
    return Sheet(
        "Candidates, their rules", ("point", *aim.base.settings), tuple(lines), 1 + len(aim.base.settings), (0,)
    )


def prices_of(aim: Aim, rows: Sequence[SearchRow]) -> list[tuple[str, SearchRow]]:
    """Each key of the winner that is another one than in the study as it stands, with the point of this key alone."""
    best = winner([row for row in rows if row.kind == CONFIRMED], aim.goal)
    alone = [row for row in rows if row.kind == PRICE]
    return list(zip(aim.changed(best.settings), alone, strict=True)) if best else []


def _prices(aim: Aim, rows: Sequence[SearchRow]) -> Sheet:
    """Each key of the winner alone in the study as it stands."""
    stands = aim.base.settings
    lines = [
        (key, stands[key], row.settings[key], *(_change(row, name) for name in aim.names), row.why)
        for key, row in prices_of(aim, rows)
    ]
    heads = ("key", "as it stands", "winner's value", *(name.replace("|", " ") for name in aim.names), "remark")
    notes = (
        "The winner is the candidate that keeps to the limits with new draws and is best in the first objective. "
        "Change from the study as it stands, paired, with new draws.",
    )
    return Sheet("The price of each rule: one key of the winner alone", heads, tuple(lines), 3, (), notes)
