"""A NONMEM-style table read as a ``Timetable``; what cannot be honoured is refused with row, column, value and what is
allowed.

Columns: TIME (h, or the unit that the header says: "TIME (d)"), AMT (mg), and as needed ID, ARM, EVID, MDV, II, ADDL,
SS, CMT, DVID, RATE, DUR, NOMDAY (the planned day of a count), and C for comments. ``.``, NA and an empty cell are
missing. Rows are sorted by ID, then TIME.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cohorts.brought import ID, PatientsError, read_columns
from trial.errors import cut
from trial.study.timetable import HOURS, STEADY_DAYS, Timetable, TimetableError, nearest_days
from trial.study.timetable_cells import CALENDAR, KNOWN, NOT_READ, NUMBER, TimetableCells

Array = NDArray[np.float64]
OBSERVED, TAKEN, OTHER = 0, 1, 2
UNITS = {"": 1.0, "h": 1.0, "hr": 1.0, "hrs": 1.0, "hour": 1.0, "hours": 1.0, "d": 24.0, "day": 24.0, "days": 24.0}
"""Hours of one unit of a time."""
ARM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
MOST_MG, LAST_DAY = 200.0, 3650
MOST_DOSES = 20_000
"""Of one person."""
MOST_IN_ALL = 20_000_000
"""Plans times the doses of the longest."""
MOST_PROBLEMS = 200
EVERYBODY = "everybody"
PLATELETS, CONCENTRATION = ("PLAT", "PLT", "PLATELETS"), ("CONC", "CP", "PK")
FROM_START = "h since the start of the study; days where the header says TIME (d)"


@dataclass(frozen=True)
class TimetableRow:
    """One record: its place and number in the file, whose it is, when, what it is, and what is taken how often."""

    place: str
    number: int
    who: str
    arm: str
    time_h: float
    kind: int
    mg: float = 0.0
    more: int = 0
    every_h: float = 0.0
    steady: bool = False
    measured: bool = False
    day: int | None = None

    @property
    def planned(self) -> int:
        """The planned day of a count: as the file says, or the nearest."""
        return int(nearest_days(np.array([self.time_h]))[0]) if self.day is None else self.day


def read_timetable(path: str | Path) -> Timetable:
    """The schedule of a CSV or Parquet file. TimetableError lists each problem with its row and column."""
    path = Path(path)
    try:
        seen = path.stat()
    except (OSError, ValueError):
        return _read(path)
    return _known(path, seen.st_mtime_ns, seen.st_size, seen.st_ino)


@lru_cache(maxsize=8)
def _known(path: Path, *_: int) -> Timetable:
    return _read(path)


def _read(path: Path) -> Timetable:
    try:
        columns, lines = read_columns(path)
    except PatientsError as error:
        raise TimetableError(path, [text.removeprefix(f"{path}: ") for text in error.problems]) from None
    cells = TimetableCells(columns, lines)
    cells.problems += _column_problems(cells, list(columns))
    rows = [] if cells.problems else list(_rows(cells))
    if not cells.problems:
        cells.problems += _order_problems(rows)
    found = None if cells.problems else _timetable(path, cells, rows)
    if cells.problems or found is None:
        raise TimetableError(path, cells.problems[:MOST_PROBLEMS])
    return found


def _column_problems(cells: TimetableCells, headers: Sequence[str]) -> Iterator[str]:
    """Columns that are needed and missing, that cannot be honoured, or have a unit that is not known."""
    if len(headers) == 1 and (apart := next((c for c in (";", "\t", " ") if c in headers[0].strip()), "")):
        what = {";": "semicolons", "\t": "tabs"}.get(apart, "spaces")
        yield f"header: seen {cut(headers[0])!r}: {what} between columns; allowed: commas"
        return
    for name in ("TIME", "AMT"):
        if name not in cells.columns:
            near = get_close_matches(name, headers, n=1, cutoff=0.6)
            hint = f"; did you mean {cut(near[0])}?" if near else f"; seen: {cut(', '.join(headers), 300)}"
            yield f"header: column {name} is missing{hint}"
    for name in CALENDAR:
        if name in cells.columns:
            yield f"header: column {name}: dates and clock times are not read; allowed: TIME in {FROM_START}"
    for name, unit in cells.units.items():
        if name in ("TIME", "II") and unit not in UNITS:
            yield f"header: column {name}: seen unit {cut(repr(unit))}; allowed: h or d"
        if name == "AMT" and unit not in ("", "mg"):
            yield f"header: column AMT: seen unit {cut(repr(unit))}; allowed: mg"
    if not cells.size:
        yield "header: there are no rows in it"


def _rows(cells: TimetableCells) -> Iterator[TimetableRow]:
    """The records that are no comments; what cannot be honoured goes to the problems."""
    hours = UNITS[cells.units["TIME"]]
    every = UNITS[cells.units.get("II", "")] if cells.units.get("II") else hours
    for row in range(cells.size):
        if len(cells.problems) > MOST_PROBLEMS:
            return
        if (comment := cells.at("C", row)) not in ("", "0"):
            if comment.upper() != "C":
                cells.wrong("C", row, "allowed: C for a comment, or nothing")
            continue
        known = len(cells.problems)
        made = _row(cells, row, hours, every)
        if len(cells.problems) == known:
            yield made


def _row(cells: TimetableCells, row: int, hours: float, every: float) -> TimetableRow:
    who, arm = cells.at(ID, row), cells.at("ARM", row)
    if ID in cells.columns and not who:
        cells.wrong(ID, row, "allowed: whose row it is")
    if "ARM" in cells.columns and not ARM_NAME.fullmatch(arm):
        cells.wrong("ARM", row, "allowed: the id of an arm")
    who = who if ID in cells.columns else arm or EVERYBODY
    most = LAST_DAY * HOURS / hours
    said = f"0 to {most:g} {FROM_START if hours == 1 else 'days since the start of the study'}"
    time = cells.number("TIME", row, said, lambda x: 0 <= x <= most, np.nan)
    if not cells.at("TIME", row):
        cells.wrong("TIME", row, f"allowed: {said}")
    for name in ("RATE", "DUR"):
        cells.number(name, row, "0 or .; an oral drug has no infusion", lambda x: x == 0)
    kind, no_value = _kind(cells, row)
    made = TimetableRow(cells.place(row), row, who, arm, time * hours, kind)
    if kind == TAKEN:
        return _dose(cells, row, made, every)
    for name in ("AMT", "II", "ADDL", "SS"):
        cells.number(name, row, f"0 or . on EVID {kind}; {name} is for EVID 1, a dose", lambda x: x == 0)
    if kind == OBSERVED:
        _must_be_count(cells, row)
    counted = kind == OBSERVED and not no_value
    return replace(made, measured=counted, day=_nominal(cells, row) if counted and made.time_h > 0 else None)


def _nominal(cells: TimetableCells, row: int) -> int | None:
    """The planned day that the file gives a count; None where it gives none."""
    if not cells.at("NOMDAY", row):
        return None
    whole = f"a whole day, 1 to {LAST_DAY}, as planned; or . for the nearest"
    day = cells.number("NOMDAY", row, whole, lambda x: 1 <= x <= LAST_DAY and x == int(x), np.nan)
    return None if np.isnan(day) else int(day)


def _kind(cells: TimetableCells, row: int) -> tuple[int, bool]:
    """EVID, or what AMT and MDV say where it is missing, and whether MDV says that there is no value."""
    reset = "a reset puts the patient back to the state without drug; give what follows an ID of its own"
    words = {OBSERVED: "observation", TAKEN: "dose", OTHER: "other"}
    seen = cells.code("EVID", row, words, {3: reset, 4: reset})
    no_value = cells.code("MDV", row, {0: "measured", 1: "no value"}, {})
    if seen is None:
        amount = cells.at("AMT", row)
        seen = TAKEN if amount and not re.fullmatch(r"[-+]?0*\.?0*", amount) else OTHER if no_value else OBSERVED
    if seen == TAKEN and no_value == 0:
        cells.wrong("MDV", row, "allowed: 1 or . on a dose, which is no measurement")
    return seen, no_value == 1


def _dose(cells: TimetableCells, row: int, made: TimetableRow, every: float) -> TimetableRow:
    """A record of doses."""
    mg = cells.number("AMT", row, f"0 to {MOST_MG:g} mg", lambda x: 0 <= x <= MOST_MG, np.nan)
    if not cells.at("AMT", row):
        cells.wrong("AMT", row, f"allowed: 0 to {MOST_MG:g} mg on EVID 1, a dose")
    cells.number("CMT", row, "1 or .: an oral dose goes to the depot", lambda x: x in (0, 1))
    whole = f"a whole number, 0 to {MOST_DOSES}"
    more = cells.number("ADDL", row, whole, lambda x: 0 <= x <= MOST_DOSES and x == int(x))
    other = "2 and 3 add to what is there, which no trial does"
    steady = cells.code("SS", row, {0: "no", 1: "steady state"}, {2: other, 3: other}) == 1
    interval = cells.number("II", row, "more than 0, at most a year", lambda x: 0 <= x * every <= 365 * HOURS) * every
    if (more > 0 or steady) and interval == 0:
        cells.wrong("II", row, f"allowed: more than 0 with {'ADDL' if more > 0 else 'SS'}: the time between doses")
    elif interval > 0 and more == 0 and not steady:
        cells.wrong("II", row, "allowed: 0 or . without ADDL or SS: it says nothing")
    elif interval > 0 and made.time_h + more * interval > LAST_DAY * HOURS:
        last = (made.time_h + more * interval) / HOURS
        cells.wrong("ADDL", row, f"allowed: a last dose by day {LAST_DAY}; this one is on day {last:.0f}")
    if steady and made.time_h < STEADY_DAYS * HOURS:
        why = f"{STEADY_DAYS} days of doses come before it; TIME {made.time_h:g} h leaves no room for them: add"
        cells.wrong("SS", row, f"allowed: 0 or .: {why} {STEADY_DAYS * HOURS:g} h to every TIME")
    if steady and interval > 0 and STEADY_DAYS * HOURS / interval > MOST_DOSES:
        cells.wrong("II", row, f"allowed: at most {MOST_DOSES} doses in {STEADY_DAYS} days")
    if cells.problems:
        return made
    return replace(made, mg=mg, more=int(more), every_h=interval, steady=steady)


def _must_be_count(cells: TimetableCells, row: int) -> None:
    """An observation is a platelet count; concentrations are refused."""
    kind, place = cells.at("DVID", row), cells.at("CMT", row)
    said = "allowed: PLAT (a platelet count), or ."
    conc = "; for concentrations say pk_sampling or output: dense in the config"
    if kind and kind.upper() not in PLATELETS:
        numbers = "; a number means another thing in every file" if NUMBER.fullmatch(kind) else ""
        cells.wrong("DVID", row, said + (conc if kind.upper() in CONCENTRATION else numbers))
    if not kind and place not in ("", "0"):
        cells.wrong("CMT", row, f"allowed: . on a count, or any with DVID PLAT; drug is in CMT 1 and 2{conc}")


def _order_problems(rows: Sequence[TimetableRow]) -> Iterator[str]:
    """Rows out of order, arms that change, what comes before an SS dose, two counts for one day."""
    last: dict[str, TimetableRow] = {}
    previous = ""
    days: dict[tuple[str, int], TimetableRow] = {}
    for row in rows:
        before = last.get(row.who)
        if before is not None and row.who != previous:
            yield f"{row.place}: {_whose(row)} again, after {cut(previous)}; allowed: the rows of each together"
        elif before is not None and row.time_h < before.time_h:
            seen = f"seen {row.time_h:g} h after {before.time_h:g} h ({before.place})"
            yield f"{row.place}: TIME: {seen}; allowed: in order"
        if before is not None and row.arm != before.arm:
            yield f"{row.place}: ARM: seen {row.arm!r}; {row.who} is in {before.arm} ({before.place}); allowed: one arm"
        if row.steady and before is not None:
            yield f"{row.place}: SS: seen 1 after other rows of {cut(row.who)}; allowed: on the first row of each"
        if row.measured and row.time_h > 0:
            yield from _measured_twice(row, days)
        last[row.who], previous = row, row.who


def _measured_twice(row: TimetableRow, days: dict[tuple[str, int], TimetableRow]) -> Iterator[str]:
    day, near = row.planned, int(nearest_days(np.array([row.time_h]))[0])
    latest = max((d for who, d in days if who == row.who), default=0)
    if near == 0:
        why = "a count at 0 is the baseline, and a visit belongs to the nearest day"
        yield f"{row.place}: TIME: seen {row.time_h:g} h on a count; allowed: 0, or 12 h or later: {why}"
    elif (first := days.setdefault((row.who, day), row)) is not row:
        seen = f"seen {row.time_h:g} h; {first.place} is a count of day {day} too"
        which = "nearest day" if row.day is None and first.day is None else "planned day"
        yield f"{row.place}: {'TIME' if row.day is None else 'NOMDAY'}: {seen}; allowed: one count for each {which}"
    elif day < latest:
        yield f"{row.place}: NOMDAY: seen day {day} after a count of day {latest}; allowed: in order of time"


def _remarks(rows: Sequence[TimetableRow]) -> Iterator[str]:
    """Doses that are taken while the doses of an earlier row go on, or at the same time: allowed, but hardly meant."""
    last: dict[str, tuple[float, str]] = {}
    for row in rows:
        if row.kind != TAKEN or row.mg == 0:
            continue
        until, place = last.get(row.who, (-1.0, ""))
        if row.time_h <= until:
            until_then = f"while those of {place} go on until {until:g} h: both are taken"
            yield f"{row.place}: a dose at {row.time_h:g} h, {until_then}"
        last[row.who] = max((until, place), (row.time_h + row.more * row.every_h, row.place))


def _whose(row: TimetableRow) -> str:
    return f"{ID}: seen {cut(repr(row.who))}"


def _timetable(path: Path, cells: TimetableCells, rows: Sequence[TimetableRow]) -> Timetable | None:
    """The plans of everybody; None where there is too much or too little, which then is a problem."""
    own: dict[str, list[TimetableRow]] = {}
    for row in rows:
        own.setdefault(row.who, []).append(row)
    for mine in own.values():
        many = sum(1 + row.more + _before(row) for row in mine if row.kind == TAKEN)
        if many > MOST_DOSES:
            place, name = mine[0].place, cut(repr(mine[0].who))
            cells.problems.append(f"{place}: ADDL: {many} doses of {name} in all; allowed: at most {MOST_DOSES}")
            return None
    doses = [_expanded(mine) for mine in own.values()]
    if (most := len(doses) * max((len(hours) for hours, _ in doses), default=0)) > MOST_IN_ALL:
        large = f"{len(doses)} plans of up to {most // len(doses)} doses"
        cells.problems.append(f"header: seen {large}; allowed: at most {MOST_IN_ALL} in all")
    counts = [[r for r in mine if r.measured and r.time_h > 0] for mine in own.values()]
    seen = tuple(np.array([r.time_h for r in mine]) for mine in counts)
    if not any(len(hours) for hours, _ in doses):
        cells.problems.append("header: no row is a dose (EVID 1, AMT above 0)")
    if not any(len(hours) for hours in seen):
        cells.problems.append("header: no row measures a count (EVID 0) after time 0")
    others = tuple(name for name in cells.columns if name not in KNOWN)
    return Timetable(
        path=path,
        by_id=ID in cells.columns,
        persons=tuple(own),
        arms=tuple(mine[0].arm for mine in own.values()),
        places=tuple(mine[0].place for mine in own.values()),
        dose_h=tuple(hours for hours, _ in doses),
        dose_mg=tuple(mg for _, mg in doses),
        seen_h=seen,
        seen_day=tuple(np.array([r.planned for r in mine], dtype=np.int64) for mine in counts),
        steady=sum(row.steady for row in rows),
        others=others,
        remarks=tuple(_remarks(rows)),
        idle=sum(row.kind == OTHER or (row.kind == OBSERVED and not row.measured) for row in rows),
        covariates={
            name: tuple((row.who, row.place, cells.at(name, row.number)) for row in rows)
            for name in others
            if name not in NOT_READ
        },
    )


def _before(row: TimetableRow) -> int:
    """How many doses come before an SS dose, so that it is at steady state."""
    return math.ceil(STEADY_DAYS * HOURS / row.every_h) if row.steady else 0


def _expanded(rows: Sequence[TimetableRow]) -> tuple[Array, Array]:
    """The doses above 0 mg of a person in order: hours and mg."""
    hours, amounts = [], []
    for row in rows:
        if row.kind == TAKEN and row.mg > 0:
            times = row.time_h + row.every_h * np.arange(-_before(row), row.more + 1)
            hours.append(times[times >= 0])
            amounts.append(np.full(len(hours[-1]), row.mg))
    hour, mg = (np.concatenate([np.empty(0), *parts]) for parts in (hours, amounts))
    order = np.argsort(hour, kind="stable")
    return hour[order], mg[order]
