"""What an endpoint is: a pure function of the records with its registration, and the settings it may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import getdoc
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints.records import Array, Flags, Records, Texts
from cohorts.adverse_events import PROXIES
from trial.study.protocol import Analysis, Arm

Summary = Literal["rate", "median", "mean", "geomean"]


@dataclass(frozen=True)
class Settings:
    """What the analysis needs to know of the study.

    ``threshold`` in 10^9/L; ``assessment_day`` is a nominal day; ``endpoints`` empty means all that the study can give;
    ``paired``: every patient is in every arm. ``treatment_days``: doses are planned on days 0 to this minus 1; None:
    not known. ``adverse``: codes of the simulated adverse events of the study. ``stops``: a dose rule can stop
    treatment.
    """

    assessment_day: int
    threshold: float = 50.0
    study_id: str = ""
    arm_ids: tuple[str, ...] = ()
    placebo_arms: tuple[str, ...] = ()
    reference_arm: str | None = None
    primary: str = "RESPW8"
    endpoints: tuple[str, ...] = ()
    named_replicate: int = 0
    pk_sampling: bool = False
    paired: bool = False
    treatment_days: int | None = None
    adverse: tuple[str, ...] = ()
    chemotherapy: bool = False
    stops: bool = False

    @classmethod
    def of(cls, study: Mapping[str, Any]) -> Settings:
        """Settings of a study given as a mapping (a resolved config, or ``Study.model_dump()``)."""
        analysis = Analysis.model_validate(study["analysis"])
        arms = [Arm.model_validate(arm) for arm in study["arms"]]
        return cls(
            assessment_day=analysis.assessment_day,
            threshold=analysis.response_threshold_1e9L,
            study_id=study["id"],
            arm_ids=tuple(arm.id for arm in arms),
            placebo_arms=tuple(arm.id for arm in arms if arm.placebo),
            reference_arm=analysis.reference_arm,
            primary=analysis.primary,
            endpoints=analysis.endpoints,
            named_replicate=analysis.named_replicate,
            pk_sampling=study.get("pk_sampling") is not None,
            paired=study.get("allocation") == "counterfactual",
            treatment_days=study.get("treatment_days"),
            adverse=proxies_of(study),
            chemotherapy=study.get("chemotherapy") is not None,
            stops=can_stop(study),
        )


def proxies_of(study: Mapping[str, Any]) -> tuple[str, ...]:
    """Codes of the adverse events a study simulates; none without a ``tolerability`` section."""
    section = study.get("tolerability")
    if not isinstance(section, Mapping):
        return ()
    named = section.get("proxies", "all")
    return tuple(p.code for p in PROXIES if named == "all" or p.code in named)


def can_stop(study: Mapping[str, Any]) -> bool:
    """Whether a dose rule of the study can stop treatment for good; ``study`` may be wrong in any way."""
    rules = study.get("dose_rules")
    named = rules.values() if isinstance(rules, Mapping) else ()
    listed = [rule.get("steps") for rule in named if isinstance(rule, Mapping)]
    steps = [step for steps in listed if isinstance(steps, Sequence) for step in steps]
    return any(isinstance(step, Mapping) and step.get("action") == "stop" for step in steps)


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
    ``pooled``: also shown over all arms together; ``needs_profile``: only for a study with PK sampling;
    ``needs_chemotherapy``: only for a study with chemotherapy; ``needs_stop``: only for a study whose dose rules can
    stop treatment; ``proxy``: the simulated adverse event it counts.
    """

    code: str
    label: str
    unit: str
    benefit: Literal["higher", "lower", "none"]
    source: str
    summary: Summary
    evaluate: Callable[[Records, Settings], Evaluated]
    pooled: bool = False
    needs_profile: bool = False
    needs_chemotherapy: bool = False
    needs_stop: bool = False
    proxy: str = ""

    @property
    def definition(self) -> str:
        """What is computed, in the words of the function that does it."""
        return getdoc(self.evaluate.func if isinstance(self.evaluate, partial) else self.evaluate) or ""


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
