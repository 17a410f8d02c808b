"""The Study: everything a config file can say, as one frozen record. ``trial.configfile`` reads it from YAML."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trial.protocol import (
    Adherence,
    Allocation,
    Analysis,
    Arm,
    Dropout,
    Identifier,
    Laboratory,
    PKSampling,
    Published,
    Randomisation,
    Record,
    Rescue,
    Screening,
    SolverSettings,
    Visits,
)
from trial.titration import DoseRule


class PopulationChoice(Record):
    """Who is screened: a population of the catalogue (``id``) or the user's own patients (``file``, CSV or Parquet)."""

    id: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.id is None) == (self.file is None):
            raise ValueError("give either id (a population of the catalogue) or file (your own patients), not both")
        return self


class Study(Record):
    """A virtual trial, fully resolved."""

    id: Identifier
    title: str
    citation: str = Field("", description="id of the citation of the trial this study replicates")
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    replicates: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    patients: Annotated[int, Field(ge=1, le=1_000_000)]
    parameter_set: str
    parameter_uncertainty: bool = False
    population: PopulationChoice
    screening: Screening = Screening()
    allocation: Allocation = "parallel"
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    randomisation: Randomisation
    treatment_days: Annotated[int, Field(ge=1, le=3650)]
    visits: Visits
    laboratory: Laboratory = Laboratory()
    dose_rules: dict[str, DoseRule] = {}
    adherence: Adherence = Adherence()
    rescue: Rescue = Rescue()
    dropout: tuple[Dropout, ...] = ()
    pk_sampling: PKSampling | None = None
    solver: SolverSettings = SolverSettings()
    analysis: Analysis
    published: Published | None = None
    assumptions: tuple[str, ...] = Field((), description="printed in the report as they stand")

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        ids = [arm.id for arm in self.arms]
        problems = []
        if len(set(ids)) < len(ids):
            problems.append(f"arms: two arms share an id, seen {ids}")
        for arm in self.arms:
            if arm.dose_rule is not None and arm.dose_rule not in self.dose_rules:
                problems.append(f"arms: dose_rule {arm.dose_rule!r} of arm {arm.id!r} is not in dose_rules {sorted(self.dose_rules)}")
            elif arm.dose_rule is not None and arm.start_dose_mg not in self.dose_rules[arm.dose_rule].ladder_mg:
                ladder = list(self.dose_rules[arm.dose_rule].ladder_mg)
                problems.append(f"arms: start_dose_mg {arm.start_dose_mg} of arm {arm.id!r} is not on the ladder {ladder}")
        if self.randomisation.block_size % sum(arm.ratio for arm in self.arms):
            ratios = ":".join(str(arm.ratio) for arm in self.arms)
            problems.append(f"randomisation: block_size {self.randomisation.block_size} cannot hold the ratio {ratios}")
        for item in self.dropout:
            if isinstance(item.hazard_per_week, dict) and set(item.hazard_per_week) != set(ids):
                problems.append(f"dropout: hazard_per_week of {item.reason!r} must name the arms {ids}, seen {list(item.hazard_per_week)}")
        if self.analysis.reference_arm is not None and self.analysis.reference_arm not in ids:
            problems.append(f"analysis: reference_arm {self.analysis.reference_arm!r} is not an arm; arms are {ids}")
        if self.analysis.assessment_day not in self.visits.days:
            problems.append(f"analysis: assessment_day {self.analysis.assessment_day} is not a visit day of {list(self.visits.days)}")
        if self.pk_sampling and self.pk_sampling.visit_day not in self.visits.days:
            problems.append(f"pk_sampling: visit_day {self.pk_sampling.visit_day} is not a visit day of {list(self.visits.days)}")
        if self.analysis.named_replicate >= self.replicates:
            problems.append(f"analysis: named_replicate {self.analysis.named_replicate} does not exist with {self.replicates} replicates")
        if problems:
            raise ValueError("; ".join(problems))
        return self
