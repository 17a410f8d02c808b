"""Bring your own patients: a CSV or Parquet file with one row per candidate, checked like sampled ones.

Columns AGE (y), SEX (F or M), HEIGHT (cm), WEIGHT (kg), ITPDUR (y), SPLENFL, CONITPFL (Y or N), BLPLAT (measured
screening count, 10^9/L); optional BLBLEED (WHO grade at baseline, otherwise drawn). Any other column may be a covariate
of a parameter set (numbers above 0 for a power, words for a factor); one that no effect names is left alone
(``others``). Candidates are screened in the order of the file, the same ones in every replicate.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cohorts import elementary
from cohorts.covariates import CATEGORIES, LIMITS, day_0_fluctuation, within_values
from cohorts.files import MIB, UnreadableError, contents, must_be_regular
from cohorts.noise import assay
from cohorts.parameters import CovariateEffect, ParameterSet, near
from cohorts.shape import shown
from cohorts.streams import Draws

ID = "ID"
"""The file's own names of its patients; they go to ``subjects.csv`` of a run."""
MOST_BYTES = 16 * MIB
MOST_ROWS = 1_000_000
MOST_COLUMNS = 1000
OPTIONAL = ("BLBLEED",)
REQUIRED = tuple(name for name in (*LIMITS, *CATEGORIES) if name not in OPTIONAL)
MOST_SHOWN = 20
Cells = Mapping[str, Sequence[Any]]


class PatientsError(ValueError):
    """Everything wrong with a file of patients, one problem a line; ``problems`` holds all of them.

    ``lines``: of the file, one per row; problems then name them instead of the row.
    """

    def __init__(self, path: Path, problems: Sequence[str], lines: Sequence[int] = ()) -> None:
        placed = [
            re.sub(r"^row (\d+):", lambda m: f"line {lines[int(m[1]) - 1]}:", p) if lines else p for p in problems
        ]
        self.problems = tuple(f"{path}: {problem}" for problem in placed)
        more = len(problems) - MOST_SHOWN
        shown = [*self.problems[:MOST_SHOWN], *([f"{path}: and {more} more problems"] if more > 0 else [])]
        super().__init__("\n".join(shown))


@dataclass(frozen=True, eq=False)
class BroughtPatients:
    """Candidates from a file; takes the place of a population. ``kept``: columns of its own that patients keep;
    ``size``: how many there are.
    """

    id: str
    columns: dict[str, NDArray[Any]]
    others: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    path: Path = Path()
    lines: Sequence[int] = ()
    kept: tuple[str, ...] = ()
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", len(self.columns["AGE"]))

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are no covariate of every patient."""
        return tuple(self.others)

    def own_columns(self, effects: Iterable[CovariateEffect]) -> dict[str, NDArray[Any]]:
        """The other columns that ``effects`` name; PatientsError lists each cell that cannot be used."""
        problems: list[str] = []
        found = {
            x.covariate: _own_column(x, self.others[x.covariate], problems)
            for x in {x.covariate: x for x in effects if x.covariate in self.others}.values()
        }
        for x in effects:
            if x.covariate in found and x.form == "factor" and x.reference not in found[x.covariate]:
                problems.append(_no_reference(x, found[x.covariate]))
        if problems:
            raise PatientsError(self.path, problems, self.lines)
        return found

    def unfit(self, name: str, words: bool) -> list[str]:
        """What is wrong with another column where numbers, or ``words``, are needed; empty: nothing."""
        cells = self.others[name]
        if words:
            bad = [cell is None or not str(cell) for cell in cells]
        else:
            bad = [not np.isfinite(as_number(cell)) for cell in cells]
        rows = [k for k, wrong in enumerate(bad) if wrong]
        what = "a word" if words else "a number"
        place = {k: f"line {self.lines[k]}" if self.lines else f"row {k + 1}" for k in rows}
        found = [f"{self.id}: {place[k]}: {name}: seen {said_of(cells[k])}; allowed: {what}" for k in rows]
        return [*found[:MOST_SHOWN], *[f"{self.id}: and {len(found) - MOST_SHOWN} more"] * (len(found) > MOST_SHOWN)]

    def also_with(self, names: Mapping[str, bool]) -> BroughtPatients:
        """These patients with other columns as covariates: numbers, or words where ``names`` says True."""
        made = {
            name: np.array([str(cell) if words else as_number(cell) for cell in self.others[name]])
            for name, words in names.items()
            if name in self.others
        }
        return replace(self, columns=self.columns | made, kept=tuple(made))

    def with_given(self, values: Mapping[str, float | str]) -> BroughtPatients:
        """These patients with more covariates, of which everybody has the same value."""
        made = {name: np.full(self.size, value) for name, value in values.items()}
        return replace(self, columns=self.columns | made, kept=(*self.kept, *made))

    def candidates(self, draws: Draws, parameter_set: ParameterSet) -> dict[str, NDArray[Any]]:
        """The covariates of the candidates, and a true count that agrees with the measured one of the file.

        The assay error and the fluctuation of the day are drawn as for sampled patients and taken off the measured
        count: TRUEPLAT0 = BLPLAT / error, BASE = TRUEPLAT0 x exp(fluctuation). The measured count is the median guess
        of each patient's own level: no shrinkage towards a population.
        """
        columns = self.columns | self.own_columns(parameter_set.covariate_effects)
        taken = {name: values[draws.candidate] for name, values in columns.items()}
        own = within_values(draws, parameter_set, taken)
        error = assay(1.0, draws.normal("residual:platelets"), own["ASSAY_CV"])
        true = taken["BLPLAT"] / error
        return taken | {"TRUEPLAT0": true, "BASE": true * elementary.exp(day_0_fluctuation(draws, own))}


def read_patients(path: str | Path) -> BroughtPatients:
    """The patients of a CSV or Parquet file. PatientsError lists each problem: row, column, value, what is allowed."""
    path = Path(path)
    cells, lines = read_columns(path)
    return patients_of(path, cells, lines)


def patients_of(path: Path, cells: Cells, lines: Sequence[int] = ()) -> BroughtPatients:
    """The patients of columns that were read from ``path``. PatientsError lists each problem, with its line."""
    problems = list(_column_problems(cells))
    if problems:
        raise PatientsError(path, [*problems, f"vtrial patients {path.name} maps other headers, separators and units"])
    problems += repeated_ids(cells.get(ID, ()), lines)
    used = [name for name in (*REQUIRED, *OPTIONAL) if name in cells]
    columns: dict[str, NDArray[Any]] = {n: _numbers(n, cells[n], problems) for n in used if n in LIMITS}
    columns |= {name: _words(name, cells[name], problems) for name in used if name in CATEGORIES}
    if not problems:
        problems.extend(_row_problems(columns))
    if problems:
        raise PatientsError(path, problems, lines)
    columns["BMI"] = columns["WEIGHT"] / (columns["HEIGHT"] / 100.0) ** 2
    return BroughtPatients(path.name, columns, {n: c for n, c in cells.items() if n not in used}, path, lines)


def ids_of(path: str | Path) -> list[str] | None:
    """The file's own name of each of its patients, in order; None where it has no column ID."""
    cells, _ = read_columns(Path(path))
    return [str(cell) for cell in cells[ID]] if ID in cells else None


def read_columns(path: Path) -> tuple[Cells, list[int]]:
    """Columns of raw cells, texts from CSV, values or None from Parquet; of CSV the line of the file of each row."""
    try:
        must_be_regular(path, MOST_BYTES)
        if path.suffix.lower() == ".csv":
            return csv_columns(path, contents(path, MOST_BYTES).decode("utf-8-sig"))
        if path.suffix.lower() == ".parquet":
            return _parquet_columns(path), []
    except UnreadableError as problem:
        said = str(problem)
        raise PatientsError(path, [said if said.startswith("cannot") else f"cannot be read: {said}"]) from problem
    except (OSError, UnicodeDecodeError, ValueError, NotImplementedError, pa.ArrowException) as problem:
        if isinstance(problem, PatientsError):
            raise
        raise PatientsError(path, [f"cannot be read: {str(problem)[:200]}"]) from problem
    raise PatientsError(path, [f"seen a name ending in {path.suffix[:20]!r}; allowed: .csv or .parquet"])


def _parquet_columns(path: Path) -> Cells:
    said = pq.read_metadata(path)
    if said.num_rows > MOST_ROWS or said.num_columns > MOST_COLUMNS:
        seen = f"seen {said.num_rows} rows and {said.num_columns} columns"
        raise PatientsError(path, [f"{seen}; allowed: at most {MOST_ROWS} and {MOST_COLUMNS}"])
    table = pq.read_table(path)
    repeated = [f"column {name[:60]}: given {k} times" for name, k in Counter(table.column_names).items() if k > 1]
    if repeated:
        raise PatientsError(path, repeated)
    return {name: table[name].to_pylist() for name in table.column_names}


def csv_columns(path: Path, text: str, separator: str = ",") -> tuple[dict[str, list[str]], list[int]]:
    """Columns of stripped cells of a delimited text, and the line of each row; empty lines count, but are no rows.

    Raises PatientsError with every column that is given twice, and every row of another length.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows, before = [], 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((before + 1, [cell.strip() for cell in row]))
            before = reader.line_num
    except csv.Error as error:
        raise PatientsError(path, [f"line {reader.line_num}: {error}"]) from None
    header = rows[0][1] if rows else []
    problems = [f"column {name[:60]}: given {k} times" for name, k in Counter(header).items() if k > 1]
    for line, row in rows[1:]:
        if len(row) != len(header):
            problems.append(f"line {line}: {len(row)} cells, but the header names {len(header)} columns")
    if problems:
        raise PatientsError(path, problems)
    return {name: [row[k] for _, row in rows[1:]] for k, name in enumerate(header)}, [line for line, _ in rows[1:]]


def repeated_ids(ids: Iterable[Any], lines: Sequence[int] = ()) -> Iterator[str]:
    """Ids that are given twice, or not at all, by the line of the file, or the row where it has none."""
    first: dict[str, str] = {}
    for row, cell in enumerate(ids):
        place, name = f"line {lines[row]}" if lines else f"row {row + 1}", "" if cell is None else str(cell).strip()
        if not name:
            yield f"{place}: {ID}: an empty cell; every patient needs an id"
        elif name in first:
            yield f"{place}: {ID}: seen {name[:60]!r}, which is already that of {first[name]}"
        else:
            first[name] = place


def _column_problems(cells: Cells) -> Iterator[str]:
    for name in REQUIRED:
        if name not in cells:
            near = get_close_matches(name, [c for c in cells if c not in REQUIRED], n=1, cutoff=0.6) or [
                c for c in cells if c.upper() == name
            ]
            yield f"column {name} is missing" + (
                f"; did you mean {near[0][:60]}?" if near else f"; seen: {', '.join(name[:60] for name in cells)[:300]}"
            )
    if not any(len(values) for values in cells.values()):
        yield "there are no patients in it"


def _numbers(name: str, cells: Sequence[Any], problems: list[str]) -> NDArray[np.float64]:
    """A column as finite numbers within its limits; problems are added to the list."""
    low, high, unit = LIMITS[name]
    allowed = f"allowed: {low:g} to {high:g}" + (f" {unit}" if unit != "1" else "")
    values = np.empty(len(cells))
    for row, cell in enumerate(cells, start=1):
        value = as_number(cell)
        whole = name != "BLBLEED" or value == np.floor(value)
        if not (low <= value <= high and whole):
            problems.append(
                f"row {row}: {name}: seen {said_of(cell)}; {allowed}" + ("" if whole else ", whole numbers")
            )
        values[row - 1] = value
    return values


def as_number(cell: Any) -> float:
    """The number in a cell; NaN for anything that is none."""
    try:
        return np.nan if cell is None or isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError):
        return np.nan


def said_of(cell: Any) -> str:
    return "an empty cell" if cell is None or cell == "" else shown(cell)


def _words(name: str, cells: Sequence[Any], problems: list[str]) -> NDArray[np.str_]:
    allowed = CATEGORIES[name]
    for row, cell in enumerate(cells, start=1):
        if cell not in allowed:
            problems.append(f"row {row}: {name}: seen {said_of(cell)}; allowed: {' or '.join(allowed)}")
    return np.array([str(cell) for cell in cells])


def _own_column(effect: CovariateEffect, cells: Sequence[Any], problems: list[str]) -> NDArray[Any]:
    """A column of the user's own as numbers above 0 (power) or words (factor); problems are added to the list."""
    name = effect.covariate
    if effect.form == "power":
        values = np.array([as_number(cell) for cell in cells])
        bad = ~(np.isfinite(values) & (values > 0))
        allowed = f"a number above 0 (for the power of {name} on {effect.parameter})"
    else:
        values = np.array(["" if cell is None else str(cell) for cell in cells])
        bad, allowed = values == "", f"a word (a category for {name} on {effect.parameter})"
    problems += [
        f"row {row + 1}: {name}: seen {said_of(cells[row])}; allowed: {allowed}" for row in np.flatnonzero(bad).tolist()
    ]
    return values


def _no_reference(effect: CovariateEffect, column: NDArray[Any]) -> str:
    seen = [str(word) for word in dict.fromkeys(column.tolist())]
    text = f"no patient is {effect.reference!r}, the reference of {effect.covariate} on {effect.parameter}"
    return f"column {effect.covariate}: {text}; seen: {', '.join(seen[:MOST_SHOWN])}{near(effect.reference, seen)}"


def _row_problems(columns: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """What is wrong with a row as a whole though each cell is possible."""
    bmi = columns["WEIGHT"] / (columns["HEIGHT"] / 100.0) ** 2
    for i in np.flatnonzero((bmi < 8.0) | (bmi > 100.0)):
        height, weight = columns["HEIGHT"][i], columns["WEIGHT"][i]
        yield f"row {i + 1}: HEIGHT {height:g} cm with WEIGHT {weight:g} kg is a BMI of {bmi[i]:.1f}; allowed: 8 to 100"
    for i in np.flatnonzero(columns["ITPDUR"] > columns["AGE"] + 1.0):
        yield f"row {i + 1}: ITPDUR: seen {columns['ITPDUR'][i]:g} y; allowed: at most the AGE, {columns['AGE'][i]:g} y"
