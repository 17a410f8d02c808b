"""A run of which only what a sentence or a table reads is there: a study, and rows made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tiny_trial import study

from analysis.report.grid import Table
from analysis.report.number_origins import plain_text
from analysis.report.runfolder import HELD, RunFolder
from analysis.statistics.estimates import NAMED, OVER, Estimate
from trial.study.study import Study


def bare_run(of: Study | None = None, **said: object) -> RunFolder:
    """A run of this study; without one of two arms, drug and placebo, and 3 replicates."""
    empty = dict(path=Path("x"), manifest={}, tables={}, estimates=(), published={}, scores=(), absent={}, outside={})
    return RunFolder(study=of or study(), **(empty | said))  # type: ignore[arg-type]


FOLDERS: list[TemporaryDirectory] = []
"""Gone with the process."""


def with_tables(run: RunFolder, tables: dict[str, pa.Table]) -> RunFolder:
    """The run with these tables, in a folder of their own."""
    FOLDERS.append(TemporaryDirectory())
    folder = Path(FOLDERS[-1].name)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return replace(run, path=folder, tables={name: tables[name].select(held) for name, held in HELD.items()})


def changed(**said: object) -> Study:
    """The study of two arms with some of its keys at another value."""
    return Study.model_validate(study().model_dump() | said)


def row(
    code: str, arm: str, stat: str, value: float | None = None, scope: str = NAMED, category: str = "", **said: Any
) -> Estimate:
    """One row of the estimates."""
    kind = said.pop("PARCAT1", "endpoint")
    against, unit, label = said.pop("COMPARATOR", None), said.pop("UNIT", "%"), said.pop("PARAM", f"{code}: in words")
    return Estimate(
        "S",
        code,
        label,
        arm,
        against,
        "FAS",
        stat,
        unit,
        scope,
        ESTIMATE=value,
        PARCAT1=kind,
        CATEGORY=category,
        **said,
    )  # type: ignore[arg-type]


def shown(table: Table) -> dict[str, list[str]]:
    """The texts of each line of a table by its key."""
    return {line.key: [plain_text(cell.text) for cell in line.cells] for line in table.rows}


def both(code: str, arm: str, stat: str, one: float, over: float, **said: Any) -> list[Estimate]:
    """A row of the named replicate and the one over replicates, with an error of 0.25 and a range of 5 either way."""
    spread = {"MCSE": 0.25, "RANGE_LOW": over - 5, "RANGE_HIGH": over + 5, "R": 3}
    return [row(code, arm, stat, one, **said), row(code, arm, stat, over, OVER, **(spread | said))]


__all__ = ["NAMED", "OVER", "bare_run", "both", "changed", "row", "shown"]
