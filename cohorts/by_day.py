"""Covariates by day of the user's own patients: a long table ID, DAY and a column for each covariate that changes.

A value holds from its day on until the next (last observation carried forward), an empty cell says nothing new, and
before the first row of a patient the values of the file of patients hold, which are those of day 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cohorts.brought import ID, BroughtPatients, PatientsError, as_number, read_columns, said_of
from cohorts.covariates import CATEGORIES, LIMITS
from cohorts.parameters import near

Ints = NDArray[np.int64]
DAY = "DAY"
LAST_DAY = 3650
FIXED = ("BLPLAT", "BLBLEED", "AGE", "SEX", "HEIGHT", "ITPDUR")
"""What is read at screening, or does not change from one day of a trial to another."""


@dataclass(frozen=True, eq=False)
class ByDay:
    """Values (patients of the file, G) of each covariate on ``days`` (G,), the first of which is 0; ``ignored``:
    columns that nothing reads.
    """

    days: Ints
    columns: Mapping[str, NDArray[Any]]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Table:
    """The cells of a file by column, and the line of each row (of Parquet: none)."""

    path: Path
    cells: Mapping[str, Sequence[Any]]
    lines: Sequence[int]

    def place(self, row: int) -> str:
        return f"line {self.lines[row]}" if self.lines else f"row {row + 1}"


def read_by_day(path: str | Path, patients: BroughtPatients, kinds: Mapping[str, bool]) -> ByDay:
    """The values by day of a CSV or Parquet file; ``kinds``: the covariates that something reads, and whether they are
    words. PatientsError lists each problem: line, column, value, what is allowed.
    """
    cells, lines = read_columns(Path(path))
    table = _Table(Path(path), cells, lines)
    problems = list(_of_columns(table, patients, kinds))
    if not problems:
        problems = list(_of_rows(table, patients))
    read = [name for name in cells if name in kinds and name not in FIXED]
    if not problems:
        problems = [line for name in read for line in _of_cells(table, name, kinds[name])]
    if problems:
        raise PatientsError(table.path, problems)
    days = np.unique([0, *map(_day, cells[DAY])])
    found = {name: _carried(table, name, kinds[name], days, patients) for name in read}
    if lines_off := [line for name in read for line in _day_zero(table, name, kinds[name], patients)]:
        raise PatientsError(table.path, lines_off)
    return ByDay(days, found, tuple(name for name in cells if name not in (ID, DAY, *read)))


def _of_columns(table: _Table, patients: BroughtPatients, kinds: Mapping[str, bool]) -> Iterator[str]:
    """Columns that are missing, or that no patient can have by day."""
    names = list(table.cells)
    for name in (ID, DAY):
        if name not in names:
            yield f"column {name} is missing{near(name, names)}"
    for name in names:
        if name in FIXED:
            yield f"column {name}: it does not change from day to day; leave it to the file of patients"
        elif name in kinds and name not in {**patients.columns, **patients.others}:
            yield f"column {name}: {patients.id} has no such column, so there is no value on day 0"
    able = [name for name in kinds if name not in FIXED]
    if not set(names) & set(able):
        others = [name for name in names if name not in (ID, DAY)]
        seen = f"seen {', '.join(name[:60] for name in others)[:300] or 'no column beside ID and DAY'}"
        hints = "".join(dict.fromkeys(near(name, able) for name in others))
        yield f"changes nothing: {seen}; covariates that act here: {', '.join(able) or 'none'}{hints}"
    if ID not in patients.others:
        yield f"{patients.id} has no column {ID}, which says whose values these are"


def _of_rows(table: _Table, patients: BroughtPatients) -> Iterator[str]:
    """Patients who are not in the file of patients, days that are none, and days that are given twice."""
    ids, first = {str(cell).strip(): None for cell in patients.others[ID]}, dict[tuple[str, int], int]()
    if not len(table.cells[ID]):
        yield "there are no rows in it"
    for row, (cell, day) in enumerate(zip(table.cells[ID], table.cells[DAY], strict=True)):
        name, number = "" if cell is None else str(cell).strip(), as_number(day)
        if name not in ids:
            yield f"{table.place(row)}: {ID}: seen {said_of(cell)}; {patients.id} has no such patient{near(name, ids)}"
        if not (0 <= number <= LAST_DAY and number == np.floor(number)):
            yield f"{table.place(row)}: {DAY}: seen {said_of(day)}; allowed: whole days 0 to {LAST_DAY}"
            continue
        if (before := first.setdefault((name, int(number)), row)) != row:
            yield f"{table.place(row)}: {ID} {name[:60]}, {DAY} {number:g}: already given on {table.place(before)}"


def _of_cells(table: _Table, name: str, words: bool) -> Iterator[str]:
    """Cells that are no value of the covariate; empty ones say nothing."""
    low, high, unit = LIMITS.get(name, (0.0, np.inf, "1"))
    allowed = f"{low:g} to {high:g}" if name in LIMITS else "a number above 0"
    for row, cell in enumerate(table.cells[name]):
        if _empty(cell):
            continue
        if words and name in CATEGORIES and str(cell) not in CATEGORIES[name]:
            yield f"{table.place(row)}: {name}: seen {said_of(cell)}; allowed: {' or '.join(CATEGORIES[name])}"
        elif not words and not (low <= as_number(cell) <= high and 0 < as_number(cell) < np.inf):
            units = f" {unit}" if unit != "1" else ""
            yield f"{table.place(row)}: {name}: seen {said_of(cell)}; allowed: {allowed}{units}"


def _carried(table: _Table, name: str, words: bool, days: Ints, patients: BroughtPatients) -> NDArray[Any]:
    """Values (patients, G) on ``days``, each carried forward."""
    first = _first(name, words, patients)
    cells = [(row, cell) for row, cell in enumerate(table.cells[name]) if not _empty(cell)]
    given = np.array([str(cell) if words else as_number(cell) for _, cell in cells], dtype=str if words else float)
    rows = {str(cell).strip(): k for k, cell in enumerate(patients.others[ID])}
    who = np.array([rows[str(table.cells[ID][row]).strip()] for row, _ in cells], dtype=np.int64)
    when = np.searchsorted(days, [_day(table.cells[DAY][row]) for row, _ in cells])
    latest = np.zeros((len(first), len(days)), dtype=np.int64)
    latest[who, when] = 1 + np.arange(len(cells))
    column = np.maximum.accumulate(np.where(latest > 0, np.arange(len(days)), 0), axis=1)
    latest = np.take_along_axis(latest, column, axis=1)
    known = given[latest - 1] if len(given) else np.broadcast_to(first[:, None], latest.shape)
    return np.where(latest > 0, known, first[:, None])


def _first(name: str, words: bool, patients: BroughtPatients) -> NDArray[Any]:
    """The values (n,) of the file of patients."""
    if name in patients.columns:
        return patients.columns[name]
    return np.array([str(cell) if words else as_number(cell) for cell in patients.others[name]])


def _day_zero(table: _Table, name: str, words: bool, patients: BroughtPatients) -> Iterator[str]:
    """Values of day 0 that are others than those of the file of patients."""
    first, rows = _first(name, words, patients), {str(cell).strip(): k for k, cell in enumerate(patients.others[ID])}
    for row, cell in enumerate(table.cells[name]):
        if _empty(cell) or _day(table.cells[DAY][row]) > 0:
            continue
        there = first[rows[str(table.cells[ID][row]).strip()]]
        if (str(cell) if words else as_number(cell)) != there:
            yield f"{table.place(row)}: {name}: seen {said_of(cell)} on day 0; {patients.id} says {there}"


def _empty(cell: Any) -> bool:
    return cell is None or str(cell).strip() == "" or cell != cell


def _day(cell: Any) -> int:
    return int(as_number(cell))
