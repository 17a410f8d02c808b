"""Treatment arms, and the dose on which each of their patients starts: one for all, or by lines of covariates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_serializer, model_validator

from cohorts.covariates import CATEGORIES, LIMITS
from trial.study.dose_rule import DoseRule
from trial.study.protocol import AfterDose, Dose, Identifier, Number, Problem, Problems, Record, Whole, not_among
from trial.study.rule_library import no_rule
from trial.study.texts import Line

FILLED_IN = re.compile(r"\{([A-Za-z_]\w*)\}")
DOSE_IN_MG = re.compile(r"(\d+(?:[.,]\d+)?) ?mg\b")


class Asked(Record):
    """What a line asks of a covariate: numbers from ``at_least`` to ``below``, or a word, or one of several."""

    at_least: Number | None = Field(default=None, description="the covariate is at least this, in its own unit")
    below: Number | None = Field(default=None, description="and below this")
    one_of: tuple[Line, ...] = Field(
        default=(), description="or it is one of these words; a word or list in place of these keys means that"
    )

    @model_validator(mode="before")
    @classmethod
    def _words(cls, data: Any) -> Any:
        words = [data] if isinstance(data, str) else data
        return {"one_of": words} if isinstance(words, list | tuple) else data

    def problems(self) -> Iterator[Problem]:
        if (self.at_least is None and self.below is None) == (not self.one_of):
            both = "seen both limits and words" if self.one_of else "nothing is asked"
            yield (), f"{both}; allowed: at_least and below (a number), or one_of (words)"
        elif self.at_least is not None and self.below is not None and self.at_least >= self.below:
            yield ("at_least",), f"no number is at least {self.at_least:g} and below {self.below:g}"

    def holds(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """For whom (n,) it holds."""
        if self.one_of:
            return np.isin(values, self.one_of)
        low, high = (np.inf * sign if x is None else x for x, sign in ((self.at_least, -1), (self.below, 1)))
        return np.asarray((values >= low) & (values < high))

    def __str__(self) -> str:
        if self.one_of:
            return " or ".join(self.one_of)
        low = [] if self.at_least is None else [f"{self.at_least:g} or more"]
        return " and ".join(low if self.below is None else [*low, f"below {self.below:g}"])


def asked_problems(lines: Mapping[str, Asked]) -> Iterator[Problem]:
    """Limits of words, words of numbers, and categories that there are not."""
    for name, asked in lines.items():
        if name in LIMITS and asked.one_of:
            yield (name,), f"{name} is a number; allowed: at_least and below"
        for word in asked.one_of if name in CATEGORIES else ():
            if word not in CATEGORIES[name]:
                yield (name,), not_among(word, CATEGORIES[name], f"a category of {name}")
        if name in CATEGORIES and not asked.one_of:
            yield (name,), f"{name} is no number; allowed: {' or '.join(CATEGORIES[name])}"


class StartLine(Record):
    """A start dose for those of whom everything under ``if`` holds; the first line that does is taken."""

    if_: dict[Identifier, Asked] = Field(
        alias="if", min_length=1, description="what is asked of covariates; all of it must hold"
    )
    dose_mg: Dose = Field(description="start dose of those, in place of start_dose_mg")

    @model_serializer
    def _by_key(self) -> dict[str, Any]:
        return {"if": {name: asked.model_dump() for name, asked in self.if_.items()}, "dose_mg": self.dose_mg}

    def problems(self) -> Iterator[Problem]:
        yield from ((("if", *path), text) for path, text in asked_problems(self.if_))

    def holds(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """For whom (n,) all of it holds."""
        return np.logical_and.reduce([asked.holds(columns[name]) for name, asked in self.if_.items()])

    @property
    def asks(self) -> str:
        """What is asked, in words."""
        return " and ".join(f"{name} {asked}" for name, asked in self.if_.items())

    def __str__(self) -> str:
        return f"{self.dose_mg:g} mg if {self.asks}"


class Arm(Record):
    """One treatment arm. ``placebo`` titrates the dose level like any arm but gives no drug (sham titration)."""

    id: Identifier = Field(description="name of the arm in all tables")
    label: Line = Field(
        default="", description="name of the arm in the report; {start_dose_mg} in it becomes the start dose"
    )
    ratio: Annotated[Whole, Field(ge=1, le=100)] = Field(default=1, description="share of the allocation, as in 2:2:1")
    start_dose_mg: Dose = Field(
        description="dose level on day 0; of a placebo arm the sham level. Or a list of lines as in start_dose_by, of "
        "which the last has no if"
    )
    start_dose_by: tuple[StartLine, ...] = Field(
        default=(), description="other start doses by covariate; the first line that holds is taken"
    )
    placebo: bool = Field(default=False, description="dose levels are titrated but no drug is given")
    dose_rule: str | None = Field(
        default=None,
        description="name of an entry of dose_rules, or of the library (configs/rules); none: the dose is fixed",
    )
    until_chemotherapy: bool = Field(
        default=False,
        description="active drug only until the patient's cycle 1 of chemotherapy, placebo from that day on",
    )
    meal_after_dose_h: AfterDose | None = Field(
        default=None,
        description="a meal that binds drug comes so long after every dose taken; 0: with it; none: no meal",
    )

    @model_validator(mode="before")
    @classmethod
    def _lines(cls, data: Any) -> Any:
        """A list of lines as ``start_dose_mg``: the last one, which has no ``if``, is for everybody else."""
        lines = data.get("start_dose_mg") if isinstance(data, Mapping) else None
        if not lines or not isinstance(lines, list | tuple) or not all(isinstance(line, Mapping) for line in lines):
            return data
        if data.get("start_dose_by"):
            raise Problems([(("start_dose_mg",), "seen a list beside start_dose_by; give one of the two")])
        found: list[Problem] = [
            (
                ("start_dose_mg", k),
                f"seen {dict(line)}; allowed: lines with if and dose_mg, and dose_mg alone at the end",
            )
            for k, line in enumerate(lines)
            if (set(line) != {"dose_mg"} if k == len(lines) - 1 else "if" not in line)
        ]
        if found:
            raise Problems(found)
        *others, last = lines
        return {**data, "start_dose_mg": last["dose_mg"], "start_dose_by": others}

    def problems(self) -> Iterator[Problem]:
        if self.placebo and self.until_chemotherapy:
            yield ("until_chemotherapy",), "seen true; an arm with placebo: true has no active drug to end"
        for name in FILLED_IN.findall(self.label):
            if name != "start_dose_mg":
                yield ("label",), not_among(f"{{{name}}}", ["{start_dose_mg}"], "filled in")

    @property
    def start_doses_mg(self) -> tuple[float, ...]:
        """Every start dose that a patient of the arm may have, that of everybody else first."""
        return tuple(dict.fromkeys((self.start_dose_mg, *(line.dose_mg for line in self.start_dose_by))))

    def off_ladder(self, rule: DoseRule) -> Iterator[Problem]:
        """Start doses that are no level of the rule."""
        doses: dict[tuple[str | int, ...], float] = {("start_dose_mg",): self.start_dose_mg}
        doses |= {("start_dose_by", k, "dose_mg"): line.dose_mg for k, line in enumerate(self.start_dose_by)}
        for path, dose in doses.items():
            if rule.rung_at(dose) is None:
                yield path, rule.no_start(dose, str(self.dose_rule))

    @property
    def says_start(self) -> str:
        """The start doses (mg) in words."""
        return " or ".join(f"{dose:g}" for dose in self.start_doses_mg)

    def starts_mg(self, columns: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.float64]:
        """The start dose (n,) of patients with these covariates."""
        dose = np.full(n, self.start_dose_mg)
        for line in reversed(self.start_dose_by):
            dose = np.where(line.holds(columns), line.dose_mg, dose)
        return dose

    @property
    def name(self) -> str:
        """The label with the start dose filled in, or the id; a label that says another dose is set right."""
        dose = self.says_start
        text = (self.label or self.id).replace("{start_dose_mg}", dose)
        return f"{text} [start {dose} mg]" if self.says_another_dose else text

    @property
    def says_another_dose(self) -> bool:
        """Whether the label names doses in mg, and the start dose is none of them."""
        said = [float(dose.replace(",", ".")) for dose in DOSE_IN_MG.findall(self.label)]
        return bool(said) and not self.placebo and not set(self.start_doses_mg) & set(said)


def arm_problems(arms: Sequence[Arm], rules: Mapping[str, DoseRule]) -> Iterator[Problem]:
    """Ids given twice, dose rules that are not there, and start doses that are not on their ladder."""
    ids = [arm.id for arm in arms]
    for k, arm in enumerate(arms):
        if arm.id == "ALL":
            yield ("arms", k, "id"), "seen 'ALL', which is the name of all arms together"
        first = ids.index(arm.id)
        if first < k:
            yield ("arms", k, "id"), f"seen {arm.id!r}, which is already the id of arms.{first}; ids must differ"
        if arm.dose_rule is None:
            continue
        rule = rules.get(arm.dose_rule)
        if rule is None:
            yield ("arms", k, "dose_rule"), no_rule(arm.dose_rule, rules)
        else:
            yield from ((("arms", k, *path), said) for path, said in arm.off_ladder(rule))
