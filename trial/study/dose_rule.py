"""Dose rules as data: a ladder of levels and the steps that move along it. The engine's
``apply_dose_rule`` applies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field

from trial.study.dose_level import DoseLevel, Status, in_order, level_text
from trial.study.liver_tests import AltLines
from trial.study.protocol import (
    Day,
    Increasing,
    NonNegative,
    Positive,
    Problem,
    Record,
    Whole,
    not_among,
)
from trial.study.texts import Line, Prose

LevelName = Annotated[Line, BeforeValidator(level_text)]


class DoseStep(Record):
    """One line of a dose rule: when the last ``confirm_visits`` reported counts all lie in [at_least, below), do this.

    ``min_days_since_change`` counts from the start of treatment or the last change of dose, in the days that the rule
    counts, and so do ``from_day`` and ``until_day`` from the start of the study. "stop" ends the study drug,
    not the study: visits, rescue and chemotherapy go on (ICH E9(R1) tells discontinuing treatment from leaving).
    "taper" asks for no count, not even one that is reported: at every visit ``min_days_since_change`` or more days
    after the last change a level down, and no drug ever again after the lowest; in between it keeps the dose. Its
    end is no stop for the endpoints: who is without drug then goes on to be judged by his counts.
    """

    at_least_1e9L: NonNegative = Field(default=0.0, description="the step applies to reported counts from here on")
    below_1e9L: Annotated[float, Field(strict=True, gt=0)] = Field(default=float("inf"), description="and below here")
    action: Literal["increase", "decrease", "keep", "interrupt", "stop", "move", "taper"] = Field(
        description="levels up, levels down, same dose, no dose until the restart, no dose ever again, to the level "
        "to_level, or a level down every min_days_since_change whatever the count, after the lowest no dose ever again"
    )
    levels: Annotated[Whole, Field(ge=1, le=20)] = Field(
        default=1, description="how many levels an increase or decrease moves, as far as there are any"
    )
    to_level: LevelName | None = Field(
        default=None, description="of a move: the name of the level, or the dose of a daily one"
    )
    rung: Literal["any", "highest", "lowest"] = Field(
        default="any", description="the step applies only to patients on this rung"
    )
    min_days_since_change: Annotated[Whole, Field(ge=0, le=365)] = Field(
        default=0,
        description="the step applies so long after the start or the last change of dose, counted in day_count: as a "
        "rule planned days, which a visit early in its window does not shorten",
    )
    confirm_visits: Annotated[Whole, Field(ge=1, le=10)] = Field(
        default=1,
        description="reported counts in a row that must agree; a change of dose does not restart the count of visits",
    )
    never_at_least_1e9L: Positive | None = Field(
        default=None,
        description="the step applies only to patients without a reported count from here on since the start or the "
        "last change of dose, this visit's included",
    )
    from_day: Day = Field(default=0, description="first day, counted in day_count, on which the step applies")
    until_day: Day | None = Field(default=None, description="last day on which the step applies; none: to the end")
    status: Status | None = Field(default=None, description="of a library: read in the source, or assumed")

    @property
    def shift(self) -> int:
        """Levels up (positive) or down that the step moves; 0 where it does not count in levels."""
        return {"increase": self.levels, "decrease": -self.levels, "taper": -1}.get(self.action, 0)

    def problems(self) -> Iterator[Problem]:
        if self.at_least_1e9L >= self.below_1e9L:
            yield ("at_least_1e9L",), f"no count is at least {self.at_least_1e9L:g} and below {self.below_1e9L:g}"
        if self.until_day is not None and self.until_day < self.from_day:
            yield ("until_day",), f"seen {self.until_day}; the step applies from day {self.from_day} on; allowed: later"
        if self.levels > 1 and self.action not in ("increase", "decrease"):
            yield ("levels",), f"seen {self.levels}; {self.action} moves no number of levels: for increase and decrease"
        if (self.to_level is None) == (self.action == "move"):
            needed = "a move needs it: the name of a level, or the dose of a daily one"
            yield ("to_level",), needed if self.action == "move" else f"seen {self.to_level!r}; only a move goes there"
        if self.never_at_least_1e9L is not None and self.never_at_least_1e9L <= self.at_least_1e9L:
            seen = f"seen {self.never_at_least_1e9L:g}; the step asks for counts of {self.at_least_1e9L:g} or more"
            yield ("never_at_least_1e9L",), f"{seen}, so it never applies"
        if self.action == "taper":
            yield from self._taper_problems()

    def _taper_problems(self) -> Iterator[Problem]:
        """A taper goes down by days alone."""
        if not self.min_days_since_change:
            yield ("min_days_since_change",), "a taper needs it: a level down every so many days"
        for name in ("at_least_1e9L", "below_1e9L", "confirm_visits", "never_at_least_1e9L"):
            if getattr(self, name) != type(self).model_fields[name].default:
                yield (name,), "a taper goes down whatever the count; by counts use action: decrease"


class Restart(Record):
    """After an interruption: restart once the reported count is below this, at the same dose, one level lower, or at a
    level by its name.
    """

    below_1e9L: Positive = Field(description="restart once the reported count is below this")
    level: LevelName = Field(
        default="lower", description="restart at the same dose (same), one rung lower (lower), or the name of a level"
    )
    status: Status | None = Field(default=None, description="of a library: read in the source, or assumed")


def _either(schema: dict[str, Any]) -> None:
    """In JSON Schema: a ladder in one of its two spellings."""
    schema["anyOf"] = [{"required": ["ladder_mg"]}, {"required": ["ladder"]}]


class DoseRule(Record):
    """A ladder of levels and the steps that move along it; the first step that applies is taken.

    ``ladder_mg`` are daily doses, ``ladder`` levels that may have days. ``at_floor``: what "decrease" means on the
    lowest rung ("keep" = same dose, "interrupt" = no dose).
    "increase" on the highest rung keeps the dose. ``day_count``: planned days do not hold back a patient whose visit is
    early in its window; the ledger then shows fewer days between two changes than ``min_days_since_change``.
    """

    model_config = ConfigDict(json_schema_extra=_either)

    ladder_mg: Annotated[tuple[Positive, ...], Increasing] = Field(
        default=(), description="the dose levels, lowest first, each taken daily"
    )
    ladder: tuple[DoseLevel, ...] = Field(
        default=(),
        description="in place of ladder_mg: levels that may have days, least a week first, each a number (mg daily) "
        "or keys",
    )
    steps: Annotated[tuple[DoseStep, ...], Field(min_length=1)] = Field(
        description="the first step that applies is taken"
    )
    restart: Restart | None = Field(
        default=None, description="how an interruption ends; needed if a step can interrupt"
    )
    alt: AltLines | None = Field(
        default=None, description="what is done about ALT, before the steps; needs laboratory.alt; none: nothing"
    )
    at_floor: Literal["keep", "interrupt"] = Field(
        default="keep", description='what "decrease" means on the lowest rung'
    )
    day_count: Literal["planned", "actual"] = Field(
        default="planned",
        description="what min_days_since_change counts: planned days of the visits, or actual days from one change to "
        "the next in the dose ledger",
    )
    source: Prose = Field(description="where the thresholds come from, or that they are assumed")
    citation: Line = Field(default="", description="of a library: the label or registry entry the rule is of")
    confidence: Literal["A", "B", "C"] | None = Field(
        default=None,
        description="of a library: A read in the source, B quoted by others, C inferred or from memory",
    )

    @property
    def levels(self) -> tuple[DoseLevel, ...]:
        """The levels, lowest first."""
        return self.ladder or tuple(DoseLevel(dose_mg=dose) for dose in self.ladder_mg)

    @property
    def daily(self) -> bool:
        """Whether every level is taken daily."""
        return all(level.daily for level in self.ladder)

    @property
    def top(self) -> int:
        """The highest rung, from 0."""
        return len(self.ladder or self.ladder_mg) - 1

    def rung_of(self, name: str) -> int | None:
        """The place of the level of that name; None where there is none."""
        return next((k for k, level in enumerate(self.levels) if name in level.names), None)

    def rung_at(self, dose_mg: float) -> int | None:
        """The place of the level that starts with a dose: the daily one, or the only one; None where there is none."""
        found = [k for k, level in enumerate(self.levels) if level.dose_mg == dose_mg]
        daily = [k for k in found if self.levels[k].daily]
        return (daily or found)[0] if daily or len(found) == 1 else None

    def no_start(self, dose_mg: float, name: str) -> str:
        """The sentence for a start dose that is none of the ladder's, or that of several levels, none of them daily."""
        if several := [str(level) for level in self.levels if level.dose_mg == dose_mg]:
            return f"seen {dose_mg:g}, which {name} has as {' and '.join(several)}; one of them must be daily"
        starts = {f"{level.dose_mg:g}": None for level in self.levels if self.rung_at(level.dose_mg) is not None}
        return f"seen {dose_mg:g}, which is not on the ladder of {name}; allowed: {', '.join(starts)}"

    def rungs_like(self, per_day_mg: NDArray[np.float64]) -> NDArray[np.int64]:
        """The rungs whose doses of a day on average (mg) are nearest, which tell the levels of a ladder apart."""
        known = np.array([level.per_day_mg for level in self.levels])
        return np.abs(known - per_day_mg[:, None]).argmin(axis=1)

    def problems(self) -> Iterator[Problem]:
        interrupts = self.at_floor == "interrupt" or any(s.action == "interrupt" for s in self.steps)
        if interrupts and self.restart is None:
            yield (
                ("steps",),
                "a rule that can interrupt needs a restart entry; to end the drug for good use action: stop",
            )
        if bool(self.ladder_mg) == bool(self.ladder):
            both = "seen both ladder_mg and ladder" if self.ladder else "seen no doses"
            yield ("ladder_mg",), f"{both}; allowed: ladder_mg (daily doses) or ladder (levels that may have days)"
        for path, text in in_order(self.ladder):
            yield ("ladder", *path), text
        yield from self._named_levels()

    def _named_levels(self) -> Iterator[Problem]:
        """Levels that a step or the restart names and the ladder does not have."""
        known = [name for level in self.levels for name in level.names]
        for k, step in enumerate(self.steps):
            if step.to_level is not None and step.to_level not in known:
                yield ("steps", k, "to_level"), not_among(step.to_level, known, "a level of the ladder")
        if self.restart and self.restart.level not in ("same", "lower", *known):
            what = "same, lower or a level of the ladder"
            yield ("restart", "level"), not_among(self.restart.level, ("same", "lower", *known), what)
