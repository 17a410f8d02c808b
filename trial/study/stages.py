"""The stages of a trial, one after another: how long, who enters, and what each arm gets in them.

The first stage is the randomised one: its treatment is that of the arms. One stage of ``treatment_days`` is the
default. Whoever is in a stage passes to the next at a visit: the one on its last planned day, or the first at which its
``until`` is met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from trial.study.arms import Arm, StartLine
from trial.study.dose_level import DoseLevel
from trial.study.dose_rule import DoseRule
from trial.study.protocol import (
    AfterDose,
    Dose,
    Identifier,
    NonNegative,
    Problem,
    Record,
    Whole,
    not_among,
)
from trial.study.rule_library import no_rule
from trial.study.schedule import Visits
from trial.study.texts import Line, Name

LEAVES = "leaves"
UNTOLD_DAYS = 1
"""Days of treatment of a config whose stages are refused anyway, so that nothing is asked that they would say."""


class Condition(Record):
    """What is asked of a patient at a visit; every part that is given must hold. The counts are reported ones."""

    at_least_1e9L: NonNegative = Field(default=0.0, description="the last reported counts are at least this")
    below_1e9L: Annotated[float, Field(strict=True, gt=0)] = Field(default=float("inf"), description="and below this")
    visits: Annotated[Whole, Field(ge=1, le=10)] = Field(
        default=1, description="how many of the last reported counts, all of this stage, the limits are asked of"
    )
    drug: Literal["any", "on", "off"] = Field(
        default="any", description="on: a dose above 0 is prescribed, sham included; off: none, held or stopped or left"
    )
    no_rescue_days: Annotated[Whole, Field(ge=0, le=3650)] = Field(
        default=0, description="so many days since the last rescue, or none at all; 0: it is not asked"
    )

    @property
    def asks_count(self) -> bool:
        """Whether a count is needed."""
        return self.at_least_1e9L > 0 or self.below_1e9L < float("inf")

    @property
    def in_words(self) -> str:
        """What is asked, for a sentence."""
        low, high = self.at_least_1e9L, self.below_1e9L
        limits = " and ".join([f"at least {low:g}"] * (low > 0) + [f"below {high:g}"] * (high < float("inf")))
        last = "the last count is" if self.visits == 1 else f"the last {self.visits} counts are"
        parts = [f"{last} {limits} x 10^9/L"] * self.asks_count
        parts += [f"{'a' if self.drug == 'on' else 'no'} dose is prescribed"] * (self.drug != "any")
        parts += [f"no rescue for {self.no_rescue_days} days"] * bool(self.no_rescue_days)
        return " and ".join(parts)

    def problems(self) -> Iterator[Problem]:
        if self.at_least_1e9L >= self.below_1e9L:
            yield ("at_least_1e9L",), f"no count is at least {self.at_least_1e9L:g} and below {self.below_1e9L:g}"
        if self.visits > 1 and not self.asks_count:
            yield ("visits",), f"seen {self.visits}; without at_least_1e9L or below_1e9L no count is asked for"
        if not (self.asks_count or self.drug != "any" or self.no_rescue_days):
            yield (), "nothing is asked; allowed: at_least_1e9L, below_1e9L, drug, no_rescue_days"


class Treatment(Record):
    """What an arm gets from a stage on; what is left out stays as in the stage before."""

    start_dose_mg: Dose | None = Field(
        default=None, description="dose level from the first day of the stage; none: the level on which each one stands"
    )
    start_dose_by: tuple[StartLine, ...] = Field(
        default=(), description="other start doses by covariate, beside a start_dose_mg; the first that holds is taken"
    )
    placebo: bool | None = Field(default=None, description="dose levels are titrated but no drug is given")
    dose_rule: str | None = Field(default=None, description="name of an entry of dose_rules; null: the dose is fixed")
    meal_after_dose_h: AfterDose | None = Field(
        default=None, description="a meal that binds drug comes so long after every dose taken; null: no meal"
    )
    parameter_set: Name | None = Field(
        default=None,
        description="another drug: the set whose numbers of drug, and of nothing else, hold from this stage on",
    )

    @model_serializer(mode="wrap")
    def _as_given(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what was given: a null that is written out says something else than a key that is left out."""
        return {name: value for name, value in whole(self).items() if name in self.model_fields_set}

    @property
    def in_words(self) -> str:
        """What changes, for a sentence."""
        words = {
            "placebo": "placebo" if self.placebo else "active drug",
            "start_dose_mg": f"start dose {self.start_dose_mg:g} mg" if self.start_dose_mg is not None else "",
            "start_dose_by": ", ".join(map(str, self.start_dose_by)),
            "parameter_set": f"parameter set {self.parameter_set}" if self.parameter_set else "",
            "dose_rule": f"by rule {self.dose_rule}" if self.dose_rule else "fixed dose",
            "meal_after_dose_h": "no meal"
            if self.meal_after_dose_h is None
            else f"a meal {self.meal_after_dose_h:g} h after each dose",
        }
        return ", ".join(words[name] for name in words if name in self.model_fields_set and words[name])

    def problems(self) -> Iterator[Problem]:
        if self.start_dose_by and self.start_dose_mg is None:
            yield ("start_dose_by",), "without start_dose_mg, the dose of everybody else"


class Stage(Record):
    """A part of the trial of so many ``days``; the next one begins at the visit of its last planned day."""

    id: Identifier = Field(description="name of the stage in all tables")
    label: Line = Field(default="", description="name of the stage in the report")
    days: Annotated[Whole, Field(ge=1, le=3650)] = Field(description="how long it lasts, at most if it has an until")
    drug: bool = Field(default=True, description="false: no study drug is given in it, as in a withdrawal")
    arms: dict[Line, Treatment] = Field(
        default={}, description="what changes for an arm, by its id; arms that are not named go on as before"
    )
    enters: Condition | None = Field(default=None, description="what is asked of who enters; none: everybody enters")
    otherwise: Line = Field(
        default=LEAVES,
        description="where those go who do not enter: leaves, out of the study, or the id of a later stage",
    )
    until: Condition | None = Field(
        default=None, description="whoever meets it at a visit passes on to the next stage then; none: after its days"
    )
    visits: Visits | None = Field(
        default=None, exclude=True, description="visits of the stage in days from its start, added to visits.days"
    )

    @property
    def name(self) -> str:
        """The label, or the id."""
        return self.label or self.id

    def in_words(self, begin: int) -> str:
        """The stage in a sentence; ``begin`` is its planned first day."""
        parts = [f"days {begin} to {begin + self.days - 1}"]
        if self.until is not None:
            parts.append(f"or until {self.until.in_words}")
        if self.enters is not None:
            where = "the others leave" if self.otherwise == LEAVES else f"the others go on to {self.otherwise}"
            parts.append(f"for who enters ({self.enters.in_words}); {where}")
        changes = [f"{arm}: {changed.in_words}" for arm, changed in self.arms.items()]
        goes_on = [] if begin == 0 or not self.drug else ["treatment goes on as before"]
        what = "; ".join(changes or goes_on) if self.drug else "no study drug"
        return "; ".join([" ".join(parts), *([what] if what else [])])


def starts(stages: Sequence[Stage]) -> tuple[int, ...]:
    """Planned first day of each stage."""
    return (0, *accumulate(stage.days for stage in stages[:-1])) if stages else ()


@dataclass(frozen=True)
class Given:
    """What patients get from a visit on: as an ``arm``; ``fresh``: at its start dose, not on the level on which they
    stand; ``parameter_set``: of another drug than the study's, None: of that.
    """

    arm: Arm
    fresh: bool = True
    parameter_set: str | None = None

    def then(self, changed: Treatment) -> Given:
        """What follows in a stage that changes this treatment."""
        said = {name: getattr(changed, name) for name in changed.model_fields_set}
        other = said.pop("parameter_set", None) or self.parameter_set
        lasting = ("start_dose_mg", "placebo")
        update = {name: value for name, value in said.items() if value is not None or name not in lasting}
        if "start_dose_mg" in update:
            update = {"start_dose_by": ()} | update
        return Given(self.arm.model_copy(update=update), "start_dose_mg" in update, other)

    @property
    def without_drug(self) -> Given:
        """No dose, in a stage without study drug."""
        return Given(
            self.arm.model_copy(update={"start_dose_mg": 0.0, "start_dose_by": (), "dose_rule": None}),
            True,
            self.parameter_set,
        )


def treatments(stages: Sequence[Stage], arms: Sequence[Arm]) -> tuple[tuple[Given, ...], tuple[tuple[int, ...], ...]]:
    """Every treatment of the trial, those of the arms first, and the place of each arm's in each stage: (S, A).

    After a stage without drug a change is one of the treatment before it.
    """
    found, now = [Given(arm) for arm in arms], list(range(len(arms)))
    places, last = [tuple(now)], list(found)
    for stage, before in zip(stages[1:], stages, strict=False):
        for k, arm in enumerate(arms):
            if changed := stage.arms.get(arm.id):
                last[k] = last[k].then(changed)
            if changed or stage.drug != before.drug:
                found.append(last[k] if stage.drug else last[k].without_drug)
                now[k] = len(found) - 1
        places.append(tuple(now))
    return tuple(found), tuple(places)


def rules_in_use(stages: Sequence[Stage], arms: Sequence[Arm]) -> dict[str, tuple[str, ...]]:
    """Every dose rule that an arm has in some stage, with the ids of those arms."""
    given, places = treatments(stages, arms)
    found: dict[str, dict[str, None]] = {}
    for row in places:
        for arm, place in zip(arms, row, strict=True):
            if name := given[place].arm.dose_rule:
                found.setdefault(name, {})[arm.id] = None
    return {name: tuple(ids) for name, ids in found.items()}


def spelt_out(data: Mapping[str, Any]) -> dict[str, Any]:
    """A config whose stages say when visits are and how long the drug is given, with ``visits`` and ``treatment_days``.

    Data may be wrong in any way; what cannot be read is left for the records to refuse.
    """
    stages, out = data.get("stages"), dict(data)
    if not isinstance(stages, list | tuple) or not stages or not all(isinstance(s, Mapping) for s in stages):
        return out
    days = [stage.get("days") for stage in stages]
    if not all(isinstance(d, int) and not isinstance(d, bool) and d > 0 for d in days):
        out["treatment_days"] = out.get("treatment_days") or UNTOLD_DAYS
        return out
    begins = [0, *accumulate(days[:-1])]
    given = [begin + d for begin, d, stage in zip(begins, days, stages, strict=True) if stage.get("drug", True)]
    if given:
        out["treatment_days"] = max(given) if out.get("treatment_days") is None else out["treatment_days"]
    visits = dict(out["visits"]) if isinstance(out.get("visits"), Mapping) else {}
    listed = visits.get("days") or ()
    if visits.get("every") is None and isinstance(listed, list | tuple) and all(isinstance(day, int) for day in listed):
        own = {begin + day for begin, stage in zip(begins, stages, strict=True) for day in _days_of(stage)}
        if own:
            out["visits"] = visits | {"days": sorted({*listed, *own})}
            out["stages"] = [
                {key: value for key, value in stage.items() if key != "visits" or not _days_of(stage)}
                for stage in stages
            ]
    return out


def _days_of(stage: Mapping[str, Any]) -> tuple[int, ...]:
    """The visits of a stage in its own days; none where they cannot be read, which its record refuses."""
    try:
        return Visits.model_validate(stage["visits"]).days if isinstance(stage.get("visits"), Mapping) else ()
    except ValueError:
        return ()


def problems(stages: Sequence[Stage], arms: Sequence[Arm], visits: Sequence[int]) -> Iterator[Problem]:
    """What is wrong between the stages of a trial, its arms and its visits; not the doses of a treatment."""
    if not stages:
        return
    ids, begins = [stage.id for stage in stages], starts(stages)
    for name in ("arms", "enters"):
        if getattr(stages[0], name):
            yield ("stages", 0, name), "the first stage is the randomised one: its treatment is that of arms"
    if not stages[0].drug:
        yield ("stages", 0, "drug"), "seen false; the first stage is the randomised one, with the treatment of arms"
    for k, stage in enumerate(stages):
        if stage.id in ids[:k]:
            yield ("stages", k, "id"), f"seen {stage.id!r}, which is already the id of stages.{ids.index(stage.id)}"
        later = [LEAVES, *ids[k + 1 :]]
        if stage.otherwise not in later:
            yield ("stages", k, "otherwise"), not_among(stage.otherwise, later, "leaves or the id of a later stage")
        elif stage.otherwise != LEAVES and stage.enters is None:
            yield ("stages", k, "otherwise"), f"seen {stage.otherwise!r}; without enters everybody enters {stage.id}"
        if k and begins[k] not in visits:
            near = min(visits, key=lambda day: abs(day - begins[k]))
            yield ("stages", k), f"begins on day {begins[k]}, which is no visit day; the nearest is day {near}"
        yield from ((("stages", k, *path), text) for path, text in _arm_problems(stage, [arm.id for arm in arms]))
    yield from _gaps(begins, visits)


def _arm_problems(stage: Stage, arms: Sequence[str]) -> Iterator[Problem]:
    for arm, changed in stage.arms.items():
        if arm not in arms:
            yield ("arms", arm), not_among(arm, arms, "the id of an arm")
        if not changed.model_fields_set:
            yield ("arms", arm), f"nothing changes; allowed: {', '.join(Treatment.model_fields)}"
        if not stage.drug:
            yield ("arms", arm), "no study drug is given in this stage (drug: false)"


def _gaps(begins: Sequence[int], visits: Sequence[int]) -> Iterator[Problem]:
    """Stages without a visit after their first day, in which nothing is seen."""
    for k, (begin, end) in enumerate(pairwise((*begins, visits[-1]))):
        if not any(begin < day <= end for day in visits):
            yield ("stages", k), f"no visit falls on days {begin + 1} to {max(end, begin + 1)}"


def treatment_problems(
    stages: Sequence[Stage], arms: Sequence[Arm], rules: Mapping[str, DoseRule]
) -> Iterator[Problem]:
    """Doses that are not on the ladder of the rule that holds from a stage on, and drugs that would mix."""
    given, places = treatments(stages, arms)
    for k, stage in enumerate(stages[1:], start=1):
        for a, arm in enumerate(arms):
            now, before, path = given[places[k][a]], given[places[k - 1][a]], ("stages", k, "arms", arm.id)
            changed = stage.arms.get(arm.id)
            given_dose = changed is not None and changed.start_dose_mg is not None
            if stage.drug and not stages[k - 1].drug and not given_dose:
                yield path[:3], f"{arm.id} has no dose before this stage; give arms.{arm.id}.start_dose_mg"
            if changed is None:
                continue
            yield from (((*path, *p), text) for p, text in _ladder_problems(now, before, rules))
            if changed.parameter_set and any(_active(given[places[j][a]], stages[j]) for j in range(k)):
                yield (
                    (*path, "parameter_set"),
                    f"seen {changed.parameter_set!r}; {arm.id} has had active drug before, and two drugs at once are "
                    "not followed; allowed: for an arm that had placebo so far",
                )


def _active(given: Given, stage: Stage) -> bool:
    return stage.drug and not given.arm.placebo and given.arm.start_dose_mg > 0


def _ladder_problems(now: Given, before: Given, rules: Mapping[str, DoseRule]) -> Iterator[Problem]:
    name = now.arm.dose_rule
    if name is None:
        return
    if name not in rules:
        yield ("dose_rule",), no_rule(name, rules)
        return
    rule = rules[name]
    if now.fresh:
        yield from now.arm.off_ladder(rule)
    ruled = rules.get(before.arm.dose_rule or "")
    stood = ruled.levels if ruled else tuple(DoseLevel(dose_mg=dose) for dose in (before.arm.start_dose_mg,) if dose)
    lost = [str(level) for level in stood if level.cycle_mg not in [known.cycle_mg for known in rule.levels]]
    if not now.fresh and lost:
        said = ", ".join(text.removesuffix(" mg") for text in lost)
        yield ("dose_rule",), f"{name} has no level {said}, on which patients stand; give start_dose_mg"
