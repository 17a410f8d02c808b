"""Rows beside those that the endpoints read: of the second laboratory, counts that a re-test replaced, and ALT."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.rows import Keys, coded, table
from trial.study.analytes import ALT
from trial.tables import OBSERVATIONS

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FIRST = "PLATFRST"
LACKS = ("sample lost", "platelets clumped")
"""Why a sample that was taken has no value, of a study in which that happens."""


def more_codes(unit: Unit) -> tuple[str, ...]:
    """Codes of these rows that a study has."""
    laboratory = unit.study.laboratory
    counts = (*([laboratory.other] if laboratory.other else []), *([FIRST] if laboratory.retest else []))
    return (*counts, *([ALT.code] if laboratory.alt else []))


def loses(unit: Unit) -> bool:
    """Whether a sample that was taken may have no value."""
    samples = unit.drawn.samples
    return any(x is not None for x in (samples.lost, samples.noticed, samples.central_lost, samples.lost_conc))


def more_counts(unit: Unit, result: UnitResult, keys: Keys, words: tuple[str, ...]) -> list[pa.Table]:
    """The rows of each of ``more_codes``, visit after visit, of those who have such a count; ``words``: all codes."""
    laboratory, found = unit.study.laboratory, []
    for visit, seen in enumerate(result.visits, start=1):
        counts, day = seen.counts, unit.drawn.visit_day[:, visit]
        local_day = counts.known - laboratory.turnaround_days if laboratory.retest else day
        rows = ((laboratory.other, counts.other, local_day if laboratory.other == "PLATLOC" else day),)
        for code, value, on in (*rows, (FIRST, counts.first, day)):
            who = np.flatnonzero(~np.isnan(value))
            if len(who):
                none = np.full(len(value), np.nan)
                found.append(_rows(keys, words, code, who, unit.study.visits.days[visit - 1], (on, value, none)))
    return [*found, *_alt(unit, result, keys, words)]


def _alt(unit: Unit, result: UnitResult, keys: Keys, words: tuple[str, ...]) -> Iterator[pa.Table]:
    """ALT of day 0 and of every visit, of those who came."""
    for visit, made in enumerate(result.decisions):
        if made.liver is not None and len(who := np.flatnonzero(~np.isnan(made.liver.reported))):
            values = unit.drawn.visit_day[:, visit], made.liver.reported, made.liver.true
            yield _rows(keys, words, ALT.code, who, (0, *unit.study.visits.days)[visit], values)


def _rows(
    keys: Keys, words: tuple[str, ...], code: str, who: Ints, nominal: int, values: tuple[NDArray, Array, Array]
) -> pa.Table:
    """Rows of a code of the patients ``who`` at one visit: day, value, true value (n,)."""
    day, value, true = values
    return table(
        OBSERVATIONS,
        **keys.rows(who),
        PARAMCD=coded(np.full(len(who), words.index(code)), words),
        AVISITN=np.full(len(who), nominal),
        ADY=day[who],
        ATPT=np.zeros(len(who)),
        AVAL=value[who],
        TRUEVAL=true[who],
        AVALREAS=coded(np.zeros(len(who)), ("",)),
    )
