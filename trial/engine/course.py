"""Where the patients of a unit stand between two visits, and what was decided at each. Records only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trial.engine.apply_dose_rule import DoseState
from trial.engine.cycles import Cycles
from trial.engine.giving_up import Patience
from trial.engine.passage import Position
from trial.engine.prescribed import Prescribed
from trial.engine.rescue import Dosage, Rescues

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Exits:
    """How near everybody is to leaving for each of K conditional reasons; arrays over patients.

    hazard (n, K): cumulative so far. recent (n, R): the last reported counts, latest first. met (n, K): the condition
    of each reason is met as reported; waiting: days (n,) of later reports, and whom they make meet it, oldest first.
    events (n, E): cumulative hazard of each adverse event that a reason waits for; onset (n, E): its day, NEVER: none.
    on_drug (n,): days with active drug so far.
    """

    hazard: Array
    recent: Array
    met: Flags
    events: Array
    onset: Ints
    on_drug: Ints
    waiting: tuple[tuple[Ints, Flags], ...] = ()


@dataclass(frozen=True)
class Liver:
    """The ALT of everybody, (n,) each: the ``day`` up to which it is known; hazard so far of a rise, and onset, its
    day, NEVER: none; days on drug, and days without since the onset; held: the drug by ALT, and by_count: by counts
    before that. true and reported (U/L): at the last visit, NaN without one.
    """

    day: Ints
    hazard: Array
    onset: Ints
    on_drug: Ints
    off: Ints
    held: Flags
    by_count: Flags
    true: Array
    reported: Array


@dataclass(frozen=True)
class Earlier:
    """What was in force until a day (n,): that on which the last decision takes effect, or, where a report takes longer
    than an interval between visits, an earlier one that is still ahead at the last visit.
    """

    until_day: NDArray[np.int64]
    treatment: NDArray[np.int64]
    level: Prescribed


@dataclass(frozen=True)
class Course:
    """Where every patient of a unit stands; arrays over patients.

    ladders: one DoseState per dose rule, for the patients whose treatment has it, and members: their places in the
    unit, in the order of ``_deciding``. treatment: index into ``unit.treatments``; it and now, the level, hold when
    nothing ``earlier`` does any more, the oldest first. place: where everybody stands in the plan. rescues: every
    rescue so far. patience: who has given up. cycles: those of chemotherapy. exits: how near everybody is to leaving
    for a reason that depends on his course; None: the study has none. liver: of a study that measures ALT.
    """

    ladders: tuple[DoseState, ...]
    members: tuple[NDArray[np.int64], ...]
    treatment: NDArray[np.int64]
    now: Prescribed
    place: Position
    rescues: Rescues
    cycles: Cycles
    patience: Patience
    earlier: tuple[Earlier, ...] = ()
    exits: Exits | None = None
    liver: Liver | None = None


@dataclass(frozen=True)
class Decisions:
    """What was decided at one visit; arrays over patients (Action, index of the step, of a STAGE that of the stage,
    level, treatment and stage after), what rescue was given, and the ALT of the visit, of a study that measures it.
    """

    day: NDArray[np.int64]
    count: Array
    action: NDArray[np.int8]
    step: NDArray[np.int16]
    after: Prescribed
    treatment: NDArray[np.int64]
    stage: NDArray[np.int64]
    given: tuple[Dosage, ...] = ()
    liver: Liver | None = None

    @property
    def rescued(self) -> NDArray[np.bool_]:
        """(n,) who is given any agent of rescue."""
        return np.isin(np.arange(len(self.day)), [i for dosage in self.given for i in dosage.who.tolist()])

    @property
    def dose_mg(self) -> Array:
        """Dose of the level after the visit, on its days (mg)."""
        return self.after.dose_mg
