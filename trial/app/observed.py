"""A file of observed counts and concentrations: columns, rows that can be used, and why the others cannot."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trial.errors import Refused
from trial.study.protocol import did_you_mean, not_among
from trial.study.study import Study

PARAMETERS = {"PLAT": "platelet count, 10^9/L", "CONC": "concentration, ng/mL"}
COLUMNS = ("USUBJID", "ARM", "PARAMCD", "DAY", "TIME", "AVAL", "BLQ", *PARAMETERS)
YES, NO = ("1", "Y", "YES", "TRUE"), ("", "0", "N", "NO", "FALSE", ".")
MISSING = ("", ".", "NA", "NAN", "ND")
SHOWN = 20
"""Rows that cannot be used and are named; the others are counted."""


@dataclass(frozen=True)
class ObservedRow:
    """One value: of whom, in which arm ("" where the file has none), of what, when (days, or hours of a concentration),
    its value and whether it is below the limit of quantification.
    """

    patient: str
    arm: str
    parameter: str
    at: float
    value: float
    below: bool


@dataclass(frozen=True)
class Observed:
    """The rows that can be used, and what to know of the others."""

    rows: tuple[ObservedRow, ...]
    cautions: tuple[str, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """What was observed."""
        return tuple(name for name in PARAMETERS if any(row.parameter == name for row in self.rows))


def read_observed(path: Path, study: Study) -> Observed:
    """The file beside this study. Raises Refused for one that cannot be read, and where no row can be used."""
    heads, lines = _table(path)
    known, aside = _known_columns(heads, path)
    arms = {arm.id.lower(): arm.id for arm in study.arms} | {arm.name.lower(): arm.id for arm in study.arms}
    rows: list[ObservedRow] = []
    wrong: list[str] = []
    for number, line in lines:
        cells = {name: line[place].strip() if place < len(line) else "" for name, place in known.items()}
        for column, text, row in _rows(cells, arms, study):
            if row is None:
                wrong.append(f"{path}: row {number}, column {heads[known[column]]}: {text}")
            else:
                rows.append(row)
    if not rows:
        raise Refused("\n".join([*wrong[:SHOWN], f"{path}: no row can be used"]))
    more = [f"{path}: {len(wrong) - SHOWN} more rows cannot be used"] if len(wrong) > SHOWN else []
    left = [f"{path}: columns left aside: {', '.join(aside)}"] if aside else []
    return Observed(tuple(rows), (*left, *wrong[:SHOWN], *more))


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Heads, and lines with their numbers; commas, semicolons or tabs."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise Refused(f"{path}: cannot be read ({why})") from None
    first = text.split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    table = [(k, line) for k, line in enumerate(csv.reader(text.splitlines(), delimiter=mark), start=1) if any(line)]
    if len(table) < 2:
        raise Refused(f"{path}: no rows; needed: a line of heads and rows below it")
    return [head.strip() for head in table[0][1]], table[1:]


def _known_columns(heads: Sequence[str], path: Path) -> tuple[dict[str, int], list[str]]:
    """Place of every column that is known, and the heads that are not. Raises Refused for what lacks or is misspelt."""
    known: dict[str, int] = {}
    for place, head in enumerate(heads):
        name = head.upper()
        if name in known:
            raise Refused(f"{path}: column {head} is there twice")
        if name in COLUMNS:
            known[name] = place
    absent = [name for name in COLUMNS if name not in known]
    aside = [head for head in heads if head.upper() not in COLUMNS]
    near = [f"column {head} is not known{said}" for head in aside if (said := did_you_mean(head, absent))]
    values = [name for name in ("AVAL", *PARAMETERS) if name in known]
    missing = [
        *["needs USUBJID"] * ("USUBJID" not in known),
        *["needs AVAL, or PLAT or CONC"] * (not values),
        *["needs DAY or TIME"] * (not {"DAY", "TIME"} & set(known)),
        *["has AVAL beside a column of its own"] * ("AVAL" in values and len(values) > 1),
    ]
    if missing or near:
        said = "; ".join([*missing, *near])
        raise Refused(f"{path}: {said}; seen {', '.join(heads)}; allowed: {', '.join(COLUMNS)}")
    return known, aside


def _rows(
    cells: Mapping[str, str], arms: Mapping[str, str], study: Study
) -> Iterator[tuple[str, str, ObservedRow | None]]:
    """The values of a line, each with the column it is about: a row, or what is wrong with it."""
    wide = [name for name in PARAMETERS if name in cells]
    for name in wide or [cells.get("PARAMCD", "PLAT").upper() or "PLAT"]:
        column = name if wide else "AVAL"
        if name not in PARAMETERS:
            yield "PARAMCD", not_among(cells["PARAMCD"], PARAMETERS, "a parameter"), None
            continue
        if wide and cells[name].upper() in MISSING and not _flag(cells):
            continue
        if name == "CONC" and study.pk_sampling is None:
            yield (column, "a concentration, but the study takes none (pk_sampling)", None)
            continue
        yield _row(cells, arms, name, column)


def _flag(cells: Mapping[str, str]) -> bool:
    return cells.get("BLQ", "").upper() in YES


def _row(
    cells: Mapping[str, str], arms: Mapping[str, str], name: str, column: str
) -> tuple[str, str, ObservedRow | None]:
    """One value of a line."""
    if not cells["USUBJID"]:
        return "USUBJID", "empty", None
    if "ARM" in cells and cells["ARM"].lower() not in arms:
        return "ARM", not_among(cells["ARM"], dict.fromkeys(arms.values()), "an arm"), None
    if cells.get("BLQ", "").upper() not in (*YES, *NO):
        return "BLQ", f"seen {cells['BLQ']!r}; allowed: 1 or Y, 0 or N, or empty", None
    below = _flag(cells)
    when = "TIME" if (name == "CONC" and "TIME" in cells) or "DAY" not in cells else "DAY"
    if name == "CONC" and when == "DAY":
        return "DAY", "a concentration needs TIME, hours after the dose", None
    at = _number(cells[when])
    if at is None:
        return when, f"seen {cells[when]!r}; allowed: a number", None
    value = 0.0 if below else _number(cells[column])
    if value is None or value < 0:
        return (
            column,
            f"seen {cells[column]!r}; allowed: a number, 0 or more; BLQ says that it is below the limit",
            None,
        )
    at = at / 24 if when == "TIME" and name == "PLAT" else at
    arm = arms[cells["ARM"].lower()] if "ARM" in cells else ""
    return column, "", ObservedRow(cells["USUBJID"], arm, name, at, value, below)


def _number(text: str) -> float | None:
    """A finite number, with a decimal point or comma."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
