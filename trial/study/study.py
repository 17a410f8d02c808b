"""The Study: everything a config file can say, as one frozen record. ``trial.study.load`` reads it from YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from cohorts.streams import Streams
from trial.study import stages as staged
from trial.study.analysis_plan import Analysis, longitudinal_problems, plan_problems
from trial.study.analytes import Laboratory
from trial.study.arms import Arm, arm_problems
from trial.study.attrition import dropout_problems, hazards
from trial.study.crossover_plan import crossover_problems
from trial.study.cycle_plan import Chemotherapy, chemotherapy_problems
from trial.study.dose_rule import DoseRule
from trial.study.doubt import Uncertain
from trial.study.estimand import estimand_problems, lacking_for_estimands
from trial.study.habits import Adherence, Meals
from trial.study.leaving import Dropout
from trial.study.profiles import profile_problems
from trial.study.protocol import (
    Allocation,
    Identifier,
    KeptTable,
    Output,
    PKSampling,
    Problem,
    PublishedRows,
    Randomisation,
    Record,
    Screening,
    SolverSettings,
    Whole,
    not_among,
    twice,
)
from trial.study.rescue_agents import Rescue
from trial.study.response_definition import HeldAgainst, definition_problems
from trial.study.schedule import Visits
from trial.study.screened import PopulationChoice
from trial.study.stages import Stage
from trial.study.texts import Line, Name, Prose
from trial.study.together import conduct_problems
from trial.study.tolerability import Tolerability

MANY_REPLICATES, KEPT_REPLICATES = 50, 10


class Study(Record):
    """A virtual trial, fully resolved."""

    id: Identifier = Field(description="name of the study; the results go to runs/<id>/")
    title: Line = Field(description="printed on the report")
    citation: Line = Field(
        default="", description="the trial this study replicates, cited: an id of the catalogue, or a text of your own"
    )
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = Field(description="same config and same seed give the same numbers")
    replicates: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        default=20, description="how many times the whole trial is simulated"
    )
    patients: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        description="randomised patients per replicate, all arms"
    )
    parameter_set: Name = Field(
        description="id of a parameter set of the catalogue, or your own file of one (.json, .py) beside this file"
    )
    parameter_uncertainty: Uncertain = Field(
        default=False,
        description="every replicate draws its own population parameters: fitted (or true): what has a standard error; "
        "all: what is assumed too, by its prior, and what stands in the posterior of the set by one of its draws; none "
        "(or false): no number is moved",
    )
    typical_patient: bool = Field(
        default=False,
        description="every random number at its median: all are the typical patient of the population, or of their row "
        "of the file, with no difference between or within them; with patients: 1 and allocation: counterfactual, one "
        "course per arm",
    )
    population: PopulationChoice = Field(description="who is screened")
    screening: Screening = Field(default=Screening(), description="who is eligible")
    allocation: Allocation = Field(
        default="parallel", description="parallel: every patient is in one arm; counterfactual: under every arm"
    )
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)] = Field(description="treatment arms")
    randomisation: Randomisation = Field(description="how patients are allocated to arms")
    treatment_days: Annotated[Whole, Field(ge=1, le=3650)] = Field(
        description="doses are given on days 0 to this minus 1; with stages the end of the last with drug"
    )
    stages: tuple[Stage, ...] = Field(
        default=(), description="parts of the trial, one after another; none: one, of treatment_days"
    )
    visits: Visits = Field(description="when counts are measured and doses decided")
    schedule: Name | None = Field(
        default=None,
        description="your own schedule, a NONMEM-style table (CSV or Parquet) relative to the file this key stands in: "
        "its doses and visits replace arms' doses, dose_rules, stages, treatment_days and visits.days",
    )
    laboratory: Laboratory = Field(default=Laboratory(), description="how counts are reported")
    dose_rules: dict[Line, DoseRule] = Field(default={}, description="dose rules by name; arms refer to them")
    adherence: Adherence = Field(default=Adherence(), description="how regularly doses are taken")
    meals: Meals | None = Field(default=None, description="how often a meal comes too early; none: never")
    chemotherapy: Chemotherapy | None = Field(default=None, description="cycles of chemotherapy; none: none is given")
    rescue: Rescue = Field(default=Rescue(), description="rescue therapy")
    dropout: tuple[Dropout, ...] = Field(default=(), description="competing reasons to leave the study early")
    tolerability: Tolerability | None = Field(
        default=None, description="adverse events drawn as proxies; none: no adverse events"
    )
    pk_sampling: PKSampling | None = Field(
        default=None, description="concentration profile on a named day; none: no samples"
    )
    solver: SolverSettings = Field(default=SolverSettings(), description="error control of the ODE solver")
    analysis: Analysis = Field(description="what is called a response, and when")
    published: PublishedRows | None = Field(
        default=None, description="published results to show beside the simulated ones"
    )
    output: Output | None = Field(
        default=None,
        description="endpoints: every patient's endpoints, all tables of the first 10 replicates; visits: all tables; "
        "dense: all tables and every patient's hourly course; none: visits up to 50 replicates, else endpoints",
    )
    kept_tables: tuple[KeptTable, ...] = Field(
        default=(),
        description="tables of patients that are kept of every replicate when output keeps only the first, beside "
        "patients, solves, stages, endpoints and times: parameters, doses, observations, events, adverse, missed, "
        "covariates",
    )
    assumptions: tuple[Prose, ...] = Field(default=(), description="printed in the report as they stand")

    @model_validator(mode="before")
    @classmethod
    def _spelt_out(cls, data: Any) -> Any:
        return staged.spelt_out(data) if isinstance(data, Mapping) else data

    def problems(self) -> Iterator[Problem]:
        if self.typical_patient and self.parameter_uncertainty:
            said = "true" if self.parameter_uncertainty is True else self.parameter_uncertainty
            yield ("parameter_uncertainty",), f"seen {said}; with typical_patient: true nothing is drawn"
        yield from arm_problems(self.arms, self.dose_rules)
        yield from self._stage_problems()
        yield from self._schedule_problems()
        yield from self._allocation_problems()
        yield from self._day_problems()
        if self.pk_sampling:
            changing = any(arm.dose_rule for arm in self.arms) or bool(self.chemotherapy and self.chemotherapy.start)
            when = self.visits, self.treatment_days, staged.starts(self.plan)
            yield from profile_problems(self.pk_sampling, *when, changing)
        yield from chemotherapy_problems(self.chemotherapy, self.arms, self.visits.days, self.treatment_days)
        yield from twice(self.analysis.endpoints, ("analysis", "endpoints"))
        for path, text in plan_problems(self.analysis, self.arm_ids, self.paired, bool(self.randomisation.strata)):
            yield ("analysis", *path), text
        for path, text in crossover_problems(self.analysis.crossover, self.stages, self.arm_ids, self.pk_sampling):
            yield ("analysis", "crossover", *path), text
        yield from self._estimand_problems()
        own = self._held_against
        for path, text in (
            *definition_problems(self.analysis.definitions, own),
            *longitudinal_problems(self.analysis, self.paired, max(own.visits, default=0), bool(self.reasons_to_leave)),
        ):
            yield ("analysis", *path), text
        yield from twice(self.kept_tables, ("kept_tables",))

    @property
    def arm_ids(self) -> tuple[str, ...]:
        """Arm ids in the order of the config."""
        return tuple(arm.id for arm in self.arms)

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The stages; of a trial without any, the one that it is."""
        return self.stages or (Stage(id="TREATMENT", label="Treatment", days=self.treatment_days),)

    @property
    def analysed_stage(self) -> int:
        """The place in ``plan`` of the stage whose endpoints are reported; the first where none is named."""
        return next((k for k, stage in enumerate(self.plan) if stage.id == self.analysis.stage), 0)

    @property
    def rules_in_use(self) -> dict[str, tuple[str, ...]]:
        """Every dose rule that an arm has in some stage, with the ids of those arms."""
        return staged.rules_in_use(self.plan, self.arms)

    def days_before(self, stage: int) -> int:
        """Planned days before a stage of the plan."""
        return staged.starts(self.plan)[stage]

    @property
    def analysed(self) -> Study:
        """The stage whose endpoints are reported as a study of its own, on the days since it began; not validated.

        A later one begins at a visit, so that the days of its visits are off by two windows at most.
        """
        if not self.stages:
            return self
        k = self.analysed_stage
        stage, begin = self.stages[k], self.days_before(k)
        given, places = staged.treatments(self.stages, self.arms)
        days = tuple(day - begin for day in self.visits.days if begin < day <= begin + stage.days)
        update = {
            "stages": (),
            "treatment_days": stage.days,
            "arms": tuple(given[place].arm for place in places[k]),
            "visits": self.visits.model_copy(
                update={"days": days, "window_days": self.visits.window_days * (1 + (k > 0))}
            ),
            "pk_sampling": self.pk_sampling.of_days(begin, begin + stage.days) if self.pk_sampling else None,
        }
        return self.model_copy(update=update)

    @property
    def streams(self) -> Streams:
        """Every random number of the study."""
        return Streams(self.seed, self.typical_patient)

    @property
    def placebo_arms(self) -> tuple[str, ...]:
        """Ids of the arms that never take active drug, in no stage."""
        given, places = staged.treatments(self.plan, self.arms)
        return tuple(arm.id for k, arm in enumerate(self.arms) if all(given[row[k]].arm.placebo for row in places))

    @property
    def paired(self) -> bool:
        """Whether every patient is under every arm."""
        return self.allocation == "counterfactual"

    @property
    def start_covariates(self) -> dict[str, bool]:
        """Covariates that start doses ask for, and whether for words."""
        lines = [line for arm in self.arms for line in arm.start_dose_by]
        lines += [line for stage in self.stages for given in stage.arms.values() for line in given.start_dose_by]
        return {name: bool(asked.one_of) for line in lines for name, asked in line.if_.items()}

    @property
    def can_stop(self) -> bool:
        """Whether a dose rule can stop treatment for good."""
        return any(step.action == "stop" for rule in self.dose_rules.values() for step in rule.steps)

    @property
    def proxies(self) -> tuple[str, ...]:
        """Codes of the simulated adverse events, in the order of the catalogue; none without ``tolerability``."""
        return tuple(p.code for p in self.tolerability.chosen) if self.tolerability else ()

    @property
    def reasons_to_leave(self) -> tuple[str, ...]:
        """Why a patient may leave: the reasons of dropout, then the stages that not everybody enters."""
        refused = [f"did not enter: {stage.name}" for stage in self.stages if stage.enters]
        return (*(item.reason for item in self.dropout), *refused)

    @property
    def deaths(self) -> tuple[str, ...]:
        """The reasons of dropout that are death."""
        return tuple(item.reason for item in self.dropout if item.death)

    def hazards(self, arm: str) -> tuple[float, ...]:
        """Hazard per week of leaving an arm for each reason of ``dropout``, which may be told as a share by the end."""
        return hazards(self.dropout, arm, self.visits.days[-1])

    @property
    def subjects(self) -> int:
        """Simulated courses per replicate: one per patient, or, with counterfactual allocation, one per arm."""
        return self.patients * (len(self.arms) if self.paired else 1)

    @property
    def kept(self) -> list[int]:
        """Replicates of which every table is kept: all, or the first few and the named one; see ``output``."""
        many = self.replicates > MANY_REPLICATES
        if (self.output or ("endpoints" if many else "visits")) != "endpoints":
            return list(range(self.replicates))
        return sorted({*range(min(KEPT_REPLICATES, self.replicates)), self.analysis.named_replicate})

    def lives(self, table: str) -> bool:
        """Whether a table of patients is kept of every replicate; see ``kept_tables``."""
        return table in ("patients", "solves", "stages", *self.kept_tables) or len(self.kept) == self.replicates

    @property
    def dense(self) -> bool:
        """Whether the hourly course of every patient is kept; see ``output``."""
        return self.output == "dense"

    @property
    def _held_against(self) -> HeldAgainst:
        """What the definitions of endpoints are held against."""
        stage, plan = self.analysed, self.analysis
        return HeldAgainst(
            visits=stage.visits.days,
            window_days=stage.visits.window_days,
            treatment_days=stage.treatment_days,
            earliest_end=stage.visits.days[0] if self.can_stop else stage.treatment_days,
            assessment_day=plan.assessment_day,
            threshold=plan.response_threshold_1e9L,
            stage=min(self.analysed_stage, 1) if self.stages else None,
        )

    def _estimand_problems(self) -> Iterator[Problem]:
        plan = self.analysis
        happens = {"rescue": self.rescue.allowed, "stop": self.can_stop, "leaving": bool(self.dropout)}
        found = estimand_problems(plan.estimands, plan.estimators, plan.imputation, happens, self.deaths)
        yield from ((("analysis", *path), text) for path, text in found)
        arms = self.paired, len(self.arms) - 1, plan.reference_arm
        why = lacking_for_estimands(self.stages, self.analysed_stage, self.schedule is not None, *arms)
        if plan.estimands and why:
            yield ("analysis", "estimands"), why
        for name in ("estimators", "imputation", "verdict"):
            if not plan.estimands and getattr(plan, name) != Analysis.model_fields[name].default:
                yield ("analysis", name), "no effect without analysis.estimands"

    def _stage_problems(self) -> Iterator[Problem]:
        found = list(staged.problems(self.stages, self.arms, self.visits.days))
        yield from found
        if self.stages and not found:
            yield from staged.treatment_problems(self.stages, self.arms, self.dose_rules)
        early = [stage.id for stage in self.stages[: self.analysed_stage] if stage.until] if not found else []
        if early:
            seen = f"seen {self.analysis.stage!r}, which does not begin for all on one day: {early[0]} has an until"
            yield ("analysis", "stage"), f"{seen}; allowed: {', '.join(self._on_one_day)}"
        ends = [begin + s.days for begin, s in zip(staged.starts(self.stages), self.stages, strict=False) if s.drug]
        if self.stages and self.treatment_days != max(ends):
            yield (
                ("treatment_days",),
                f"seen {self.treatment_days}; the last stage with drug ends on day {max(ends)}; leave it out (null)",
            )

    def _schedule_problems(self) -> Iterator[Problem]:
        """What a schedule of one's own takes the place of, or would be against it."""
        if self.schedule is None:
            return
        says = "the schedule says what is taken, and when"
        for k, arm in enumerate(self.arms):
            for key in ("dose_rule", "start_dose_by", "until_chemotherapy"):
                if seen := getattr(arm, key):
                    shown = repr(seen) if isinstance(seen, str) else "true" if seen is True else f"{len(seen)} lines"
                    yield ("arms", k, key), f"seen {shown}; {says}: leave it out (null)"
        if self.stages:
            yield ("stages",), f"seen {len(self.stages)} stages; {says}: leave them out"
        if self.visits.window_days:
            seen = self.visits.window_days
            yield ("visits", "window_days"), f"seen {seen}; the schedule says when counts are measured; allowed: 0"
        if self.laboratory.retest:
            yield ("laboratory", "retest"), "the schedule says when counts are measured; leave it out (null)"
        if self.chemotherapy and self.chemotherapy.drug_days:
            yield ("chemotherapy", "drug_days"), f"{says}: leave them out"

    @property
    def _on_one_day(self) -> list[str]:
        """Ids of the stages that begin for everybody on the same planned day."""
        until = [k for k, stage in enumerate(self.stages) if stage.until]
        return [stage.id for stage in self.stages[: until[0] + 1 if until else None]]

    def _allocation_problems(self) -> Iterator[Problem]:
        ratio = [arm.ratio for arm in self.arms]
        if self.randomisation.block_size % sum(ratio):
            yield (
                ("randomisation", "block_size"),
                f"seen {self.randomisation.block_size}, which cannot hold the ratio {':'.join(map(str, ratio))}; "
                f"allowed: multiples of {sum(ratio)}",
            )
        ids = [stage.id for stage in self.stages]
        yield from dropout_problems(self.dropout, self.arm_ids, self.visits.days[-1], ids, self.proxies)
        reference = self.analysis.reference_arm
        if reference is not None and reference not in self.arm_ids:
            yield ("analysis", "reference_arm"), not_among(reference, self.arm_ids, "the id of an arm")

    def _day_problems(self) -> Iterator[Problem]:
        names, named = [stage.id for stage in self.stages], self.analysis.stage
        if named is not None and named not in names:
            known = names or ["none, in a study without stages"]
            yield ("analysis", "stage"), not_among(named, known, "the id of a stage")
            return
        visits = self.analysed.visits.days
        if self.analysis.assessment_day not in visits:
            seen, days = self.analysis.assessment_day, ", ".join(map(str, visits))
            week = f"; did you mean {7 * seen}, the day of week {seen}?" if 7 * seen in visits else ""
            of = f" of stage {self.plan[self.analysed_stage].id}, from its start" if self.stages else ""
            yield ("analysis", "assessment_day"), f"seen {seen}, which is not a visit day{of}; allowed: {days}{week}"
        habits, plan = (self.adherence, self.meals), (self.dose_rules, self.arms, self.stages, self.schedule)
        yield from conduct_problems(self.laboratory, habits, self.visits, plan)
        if self.analysis.named_replicate >= self.replicates:
            seen, last = self.analysis.named_replicate, self.replicates - 1
            yield ("analysis", "named_replicate"), f"seen {seen}; with {last + 1} replicates allowed: 0 to {last}"
