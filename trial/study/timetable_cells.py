"""The cells of a schedule's file, column by column, and what is wrong with one: its row, column and value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cohorts.brought import ID
from cohorts.covariates import CATEGORIES, LIMITS
from trial.errors import cut

KNOWN = (ID, "ARM", "TIME", "AMT", "EVID", "MDV", "II", "ADDL", "SS", "CMT", "DVID", "RATE", "DUR", "C", "NOMDAY")
NOT_READ = ("DV",)
CALENDAR = ("DATE", "DAT1", "DAT2", "DAT3", "DATETIME", "CLOCK", "DTTM")
HEADER = re.compile(r"([A-Za-z0-9]+)\s*[\[(]\s*([^\])]*?)\s*[\])]")
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
MISSING = ("", ".", "NA")


class TimetableCells:
    """The cells of a file by column, as texts, "" where missing; ``problems`` hear what is wrong with one."""

    def __init__(self, columns: Mapping[str, Sequence[Any]], lines: Sequence[int]) -> None:
        self.problems: list[str] = []
        self.lines = lines
        self.units: dict[str, str] = {}
        self.columns = dict(self._named(columns))
        self.size = len(next(iter(self.columns.values()), ()))

    def _named(self, columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, list[str]]]:
        seen: dict[str, str] = {}
        for header, cells in columns.items():
            said = HEADER.fullmatch(header.strip())
            name, unit = (said[1].upper(), said[2].strip().lower()) if said else (header.strip().upper(), "")
            if name not in (*KNOWN, *NOT_READ, *LIMITS, *CATEGORIES, *CALENDAR):
                name = header.strip()
            elif name in seen:
                self.problems.append(f"header: column {name}: given as {seen[name]!r} and as {cut(header)!r}")
                continue
            seen[name] = cut(header)
            self.units[name] = unit
            yield name, [_text(cell) for cell in cells]

    def place(self, row: int) -> str:
        """Where a row stands: its line, or its number where the file has no lines."""
        return f"line {self.lines[row]}" if self.lines else f"row {row + 1}"

    def at(self, name: str, row: int) -> str:
        """The cell of a column; "" where it is missing or there is no such column."""
        cells = self.columns.get(name)
        return "" if cells is None or cells[row] in MISSING else cells[row]

    def wrong(self, name: str, row: int, allowed: str, seen: str | None = None) -> None:
        """Say that a cell cannot be used."""
        cell = self.columns[name][row] if seen is None and name in self.columns else seen or ""
        shown = cut(repr(cell)) if cell else "an empty cell"
        self.problems.append(f"{self.place(row)}: {name}: seen {shown}; {allowed}")

    def number(self, name: str, row: int, allowed: str, fits: Callable[[float], bool], missing: float = 0.0) -> float:
        """A number; ``missing`` where there is none. What does not fit is a problem, and then NaN."""
        cell = self.at(name, row)
        if not cell:
            return missing
        value = float(cell) if NUMBER.fullmatch(cell) else np.nan
        if np.isfinite(value) and fits(value):
            return value
        self.wrong(name, row, f"allowed: {allowed}{_hint(cell)}")
        return np.nan

    def code(self, name: str, row: int, allowed: Mapping[int, str], refused: Mapping[int, str]) -> int | None:
        """A whole number of those ``allowed``; None where there is none or it is refused, for a reason that is told."""
        cell = self.at(name, row)
        if not cell:
            return None
        value = float(cell) if NUMBER.fullmatch(cell) else np.nan
        if value in allowed:
            return int(value)
        why = f": {refused[int(value)]}" if value in refused else ""
        self.wrong(name, row, f"allowed: {', '.join(f'{k} {word}' for k, word in allowed.items())} or .{why}")
        return None


def _text(cell: Any) -> str:
    """A cell as text; a whole number of Parquet without its point."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _hint(cell: str) -> str:
    """What a cell that is no number may have been meant as."""
    if ":" in cell or re.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*", cell):
        return "; clock times and dates are not read: give the hours since the first dose"
    if re.fullmatch(r"[-+]?\d+,\d+", cell):
        return f"; with a point: did you mean {cell.replace(',', '.')}?"
    return ""
