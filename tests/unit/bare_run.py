"""A run of which only what a sentence or a table reads is there: a study, and rows made by hand."""

from __future__ import annotations

from pathlib import Path

from tiny_trial import study

from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import NAMED, OVER, Estimate
from trial.study.study import Study


def bare_run(of: Study | None = None, **said: object) -> RunFolder:
    """A run of this study; without one of two arms, drug and placebo, and 3 replicates."""
    empty = dict(path=Path("x"), manifest={}, tables={}, estimates=(), published={}, scores=(), absent={}, outside={})
    return RunFolder(study=of or study(), **(empty | said))  # type: ignore[arg-type]


def changed(**said: object) -> Study:
    """The study of two arms with some of its keys at another value."""
    return Study.model_validate(study().model_dump() | said)


def row(
    code: str, arm: str, stat: str, value: float | None = None, scope: str = NAMED, category: str = "", **said: object
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


__all__ = ["NAMED", "OVER", "bare_run", "changed", "row"]
