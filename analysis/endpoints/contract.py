"""What an endpoint is: a pure function of the records with its registration, and the study it may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import getdoc
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints.records import Array, Flags, Records, Texts
from trial.study.study import Study

Summary = Literal["rate", "median", "mean", "geomean"]


@dataclass(frozen=True)
class Evaluated:
    """One endpoint for every patient: ``value`` (n,), NaN when not evaluable, and then ``reason`` (n,) says why."""

    value: Array
    reason: Texts

    @property
    def evaluable(self) -> Flags:
        """(n,) patients who have a value."""
        return self.reason == ""


@dataclass(frozen=True)
class Endpoint:
    """Registration of an endpoint. ``code`` may hold "{when}", filled from the assessment day (RESPW8, RESPD10).

    ``unit`` is "%" for yes or no; ``benefit`` the better direction; ``source`` where the definition comes from;
    ``pooled``: also shown over all arms together; ``needs_profile``: only for a study with PK sampling,
    ``needs_first_dose``: of the first dose, ``needs_partial``: with the two times of a partial AUC,
    ``needs_last_interval``: of a profile from the first dose to the end of a later dosing interval;
    ``needs_chemotherapy``: only for a study with chemotherapy, ``needs_waiting``: whose later cycles wait;
    ``needs_stop``: only for a study whose dose rules can stop treatment; ``proxy``: the simulated adverse event it
    counts; ``words``: what is computed, of one that a study defines.
    """

    code: str
    label: str
    unit: str
    benefit: Literal["higher", "lower", "none"]
    source: str
    summary: Summary
    evaluate: Callable[[Records, Study], Evaluated]
    pooled: bool = False
    needs_profile: bool = False
    needs_first_dose: bool = False
    needs_partial: bool = False
    needs_last_interval: bool = False
    needs_chemotherapy: bool = False
    needs_waiting: bool = False
    needs_stop: bool = False
    proxy: str = ""
    words: str = ""

    @property
    def definition(self) -> str:
        """What is computed, in the words of the study or of the function that does it."""
        return self.words or getdoc(self.evaluate.func if isinstance(self.evaluate, partial) else self.evaluate) or ""


def when(assessment_day: int) -> tuple[str, str]:
    """Short and long name of the assessment day: ("W8", "week 8") for day 56, ("D10", "day 10") for day 10."""
    if assessment_day % 7 == 0:
        return f"W{assessment_day // 7}", f"week {assessment_day // 7}"
    return f"D{assessment_day}", f"day {assessment_day}"


def yes_no(yes: NDArray[np.bool_] | np.bool_, not_evaluable: Texts | str = "") -> Evaluated:
    """1 for yes, 0 for no, NaN where ``not_evaluable`` gives a reason."""
    reason = np.broadcast_to(np.asarray(not_evaluable, dtype=str), np.shape(yes))
    return Evaluated(np.where(reason == "", yes.astype(np.float64), np.nan), reason)


def measured(value: Array, not_evaluable: Texts) -> Evaluated:
    """A measured value, NaN where ``not_evaluable`` gives a reason."""
    return Evaluated(np.where(not_evaluable == "", value, np.nan), not_evaluable)


def no_count(records: Records) -> Texts:
    """(n,) why a patient has no count at all after baseline; "" for one who has."""
    return np.where(np.isnan(records.counts).all(axis=1), "no count after baseline", "")
