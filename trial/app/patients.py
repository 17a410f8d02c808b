"""A hospital's export made into a file of patients: mapped, converted, checked, with the file's own ids."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cohorts.brought import ID, BroughtPatients, PatientsError, patients_of
from cohorts.exports import SEPARATORS, Export, Mapped, mapped, read_export
from trial.errors import Refused, Stopped


@dataclass(frozen=True)
class Prepared:
    """The export, what became of it, and its patients as a study will see them."""

    export: Export
    mapped: Mapped
    patients: BroughtPatients

    def in_words(self) -> list[str]:
        """What was found, and what was done to it."""
        found, made = self.export, self.mapped
        columns = self.patients.columns
        middle = {name: np.median(columns[name]) for name in ("AGE", "WEIGHT", "ITPDUR", "BLPLAT")}
        others = [name for name in made.columns if name not in {ID, *columns}]
        return [
            f"{len(found.lines)} patients; {SEPARATORS[found.separator]} between columns, {found.encoding}",
            *(f"{name} is column {header!r}" for name, header in made.sources.items() if name != header),
            *made.changes,
            f"ids: column {made.sources[ID]!r}" if ID in made.sources else "ids: none; results are numbered by row",
            *([f"other columns, kept: {', '.join(others)}"] if others else []),
            f"median age {middle['AGE']:.0f} y, weight {middle['WEIGHT']:.0f} kg, ITP for {middle['ITPDUR']:.1f} y, "
            f"platelets {middle['BLPLAT']:.0f} x 10^9/L; {100 * np.mean(columns['SEX'] == 'F'):.0f} % women",
        ]


def prepare(path: Path, given: Sequence[str] = (), values: Sequence[str] = ()) -> Prepared:
    """Read, map, convert and check an export. Raises Refused with every problem, each with its line of the file."""
    try:
        export = read_export(path)
        made = mapped(export, _pairs("--map", given), _pairs("--value", values))
        return Prepared(export, made, patients_of(path, made.columns, export.lines))
    except PatientsError as error:
        raise Refused(str(error)) from None


def _pairs(option: str, texts: Sequence[str]) -> Mapping[str, str]:
    wrong = [text for text in texts if not text.partition("=")[2]]
    if wrong:
        raise Refused(f"{option}: seen {wrong[0]!r}; allowed: NAME=..., for example {option} BLPLAT=...")
    parts = [text.partition("=") for text in texts]
    return {name.strip().upper(): value.strip() for name, _, value in parts}


def write(prepared: Prepared, out: Path, overwrite: bool = False) -> None:
    """The patients as CSV, for ``population: {file: ...}``. Raises Refused for a file that is there, Stopped."""
    if out.exists() and not overwrite:
        raise Refused(f"{out}: there is something already; --overwrite replaces it")
    columns = prepared.mapped.columns
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    except OSError as error:
        raise Stopped(f"{out}: cannot be written ({error.strerror})") from None
