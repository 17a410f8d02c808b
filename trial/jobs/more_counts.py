"""Rows of counts beside those that the endpoints read: of the second laboratory, and those that a re-test replaced."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trial.engine.draws import Unit
from trial.engine.simulate import UnitResult
from trial.jobs.rows import Keys, coded, table
from trial.tables import OBSERVATIONS

FIRST = "PLATFRST"
LACKS = ("sample lost", "platelets clumped")
"""Why a sample that was taken has no value, of a study in which that happens."""


def more_codes(unit: Unit) -> tuple[str, ...]:
    """Codes of these rows that a study has."""
    laboratory = unit.study.laboratory
    return (*([laboratory.other] if laboratory.other else []), *([FIRST] if laboratory.retest else []))


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
                none = np.full(len(who), np.nan)
                found.append(
                    table(
                        OBSERVATIONS,
                        **keys.rows(who),
                        PARAMCD=coded(np.full(len(who), words.index(code)), words),
                        AVISITN=np.full(len(who), unit.study.visits.days[visit - 1]),
                        ADY=on[who],
                        ATPT=np.zeros(len(who)),
                        AVAL=value[who],
                        TRUEVAL=none,
                        AVALREAS=coded(np.zeros(len(who)), ("",)),
                    )
                )
    return found
