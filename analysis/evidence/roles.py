"""What each published row is for: a target of calibrations, a prediction, or only shown; fixed before any is scored."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from trial.study.protocol import not_among

ROLES_FILE = "roles.csv"
TARGET, PREDICTED, SHOWN = "target", "predicted", "shown"
ROLES = (TARGET, PREDICTED, SHOWN)


@dataclass(frozen=True)
class Role:
    """What a row of a study is for, why, and since when. A target may be fitted, a prediction never."""

    study: str
    row: str
    role: str
    reason: str
    date: str


COLUMNS = tuple(f.name for f in fields(Role))


def rows_of(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with the number of their last line; ValueError unless it has exactly these columns."""
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != columns:
            seen = ", ".join(reader.fieldnames or ())
            raise ValueError(f"{path.name}:1: seen columns {seen}; allowed: {', '.join(columns)}")
        return [(reader.line_num, row) for row in reader]


def read_roles(path: Path) -> dict[str, Role]:
    """The roles by row id; none without a file. ValueError naming file, line and column for every impossible value."""
    if not path.exists():
        return {}
    lines = rows_of(path, COLUMNS)
    wrong = [f"{path.name}:{line}: {text}" for line, row in lines for text in _wrong(row)]
    found: dict[str, Role] = {}
    for line, row in lines:
        if row["row"] in found:
            wrong.append(f"{path.name}:{line}: row {row['row']!r} has a role already; a row has one")
        found[row["row"]] = Role(**{name: row[name] for name in COLUMNS})
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


def _wrong(row: Mapping[str, str | None]) -> Iterator[str]:
    for name in COLUMNS:
        if not row[name]:
            yield f"{name} is empty"
    if row["role"] and row["role"] not in ROLES:
        yield f"role: {not_among(row['role'], ROLES, 'a role')}"
    try:
        date.fromisoformat(row["date"] or "2026-12-01")
    except ValueError:
        yield f"date: seen {row['date']!r}; allowed: a day as in 2026-12-01"
