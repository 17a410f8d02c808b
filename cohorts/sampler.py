"""sample_cohort: screen candidates until enough are eligible, then give each patient individual parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cohorts.noise import bleeding_grade
from cohorts.parameters import ParameterSet
from cohorts.screening import (
    ELIGIBLE,
    USUAL,
    Criteria,
    Reporting,
    exclusions,
    first_reason,
    flow,
    outside_domain,
    report,
)
from cohorts.streams import BLOCK, Draws, Streams
from cohorts.variability import individual_parameters, on_first_day, uncertain

Array = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
PATIENT_COLUMNS = (
    "AGE", "SEX", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "SPLENFL", "CONITPFL", "BLBLEED", "BLPLAT",
    "RESPCLS", "OUTDOM",
)  # fmt: skip
PATIENCE_BLOCKS = 20
LEAST_ELIGIBLE_SHARE = 0.02


class PatientSource(Protocol):
    """Where candidates come from: a population of the catalogue, or patients the user brought (``size`` of them)."""

    @property
    def id(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    def candidates(self, draws: Draws, parameter_set: ParameterSet) -> Columns: ...


@dataclass(frozen=True, eq=False)
class Cohort:
    """The enrolled patients, in order of screening.

    patients: PATIENT_COLUMNS, one row each. parameters: individual values by name, (n,) each, those without variability
    repeated. screened: counts for a CONSORT diagram, first "screened", last "randomised". draws: their random
    streams. trueplat0: true platelet count at baseline (10^9/L), (n,).
    """

    patients: pd.DataFrame
    parameters: dict[str, Array]
    screened: dict[str, int]
    draws: Draws
    trueplat0: Array

    def take(self, index: NDArray[np.int64]) -> Cohort:
        """Some of the patients; the counts of the screening stay those of the whole replicate."""
        parameters = {name: values[index] for name, values in self.parameters.items()}
        patients = self.patients.iloc[index].reset_index(drop=True)
        return Cohort(patients, parameters, self.screened, self.draws.take(index), self.trueplat0[index])


def sample_cohort(
    parameter_set: ParameterSet,
    population: PatientSource,
    *,
    n: int,
    replicate: int,
    streams: Streams,
    screening: Criteria,
    parameter_uncertainty: bool = False,
    laboratory: Reporting = USUAL,
) -> Cohort:
    """The first ``n`` eligible candidates of a replicate, with individual parameters.

    The screening count, which is the baseline, comes from the ``laboratory`` of the visits, that of a file too.
    The same seed and replicate give the same first patients for any ``n``. ``parameter_uncertainty`` moves the
    typical values by their standard errors, once per replicate. ValueError if too few candidates are eligible.
    """
    if n < 1:
        raise ValueError(f"n is {n}; at least 1 patient is needed")
    if parameter_uncertainty:
        parameter_set = uncertain(parameter_set, streams, replicate)
    chosen, draws, screened = _enrol(parameter_set, population, n, replicate, streams, screening, laboratory)
    values, responder = individual_parameters(parameter_set, draws, chosen)
    if "BLBLEED" not in chosen:
        u, e = draws.normal("bleeding:propensity"), draws.normal("bleeding:visit", 0)
        chosen["BLBLEED"] = bleeding_grade(chosen["TRUEPLAT0"], u, e, on_first_day(parameter_set, draws, values))
    chosen["RESPCLS"] = np.where(responder, "responder", "non-responder")
    chosen["OUTDOM"] = outside_domain(parameter_set.validity, chosen)
    patients = pd.DataFrame({name: chosen[name] for name in PATIENT_COLUMNS})
    return Cohort(patients, values, screened, draws, chosen["TRUEPLAT0"])


def _enrol(
    parameter_set: ParameterSet,
    population: PatientSource,
    n: int,
    replicate: int,
    streams: Streams,
    criteria: Criteria,
    laboratory: Reporting,
) -> tuple[Columns, Draws, dict[str, int]]:
    """Screen until ``n`` are eligible, twice as many first, then block after block: their columns, their draws, and the
    flow up to the last.
    """
    parts: list[Columns] = []
    codes = np.empty(0, dtype=np.int64)
    while True:
        first = len(codes)
        last = min(2 * n, BLOCK) if first == 0 else BLOCK * (first // BLOCK + 1)
        last = last if population.size is None else min(last, population.size)
        draws = _draws(streams, replicate, np.arange(first, last))
        columns = population.candidates(draws, parameter_set)
        columns["BLPLAT"] = report(columns.pop("MEASURED", columns["BLPLAT"]), laboratory)
        excluded = exclusions(criteria, columns)
        parts.append(columns)
        codes = np.append(codes, first_reason(excluded))
        eligible = np.flatnonzero(codes == ELIGIBLE)
        if len(eligible) >= n:
            break
        _check_supply(population, n, last, flow(list(excluded), codes))
    eligible = eligible[:n]
    everybody = {name: np.concatenate([part[name] for part in parts])[eligible] for name in parts[0]}
    return everybody, _draws(streams, replicate, eligible), flow(list(excluded), codes[: eligible[-1] + 1])


def _draws(streams: Streams, replicate: int, candidate: NDArray[np.int64]) -> Draws:
    return Draws(streams, np.full(len(candidate), replicate), candidate)


def _check_supply(population: PatientSource, n: int, last: int, seen: Mapping[str, int]) -> None:
    """Refuse to go on when the candidates are used up, or when almost none is eligible."""
    *_, eligible = seen.values()
    used_up = population.size is not None and last >= population.size
    hopeless = last >= PATIENCE_BLOCKS * BLOCK and eligible < LEAST_ELIGIBLE_SHARE * last
    if used_up or hopeless:
        lost = ", ".join(f"{reason}: {count}" for reason, count in list(seen.items())[1:-1])
        allowed = "more candidates are needed" if used_up else f"at least {LEAST_ELIGIBLE_SHARE:.0%} must be"
        raise ValueError(
            f"{population.id}: only {eligible} of {last} candidates are eligible, {n} wanted; {allowed}. "
            f"Excluded: {lost}"
        )


def concatenate(cohorts: Sequence[Cohort]) -> Cohort:
    """One cohort from several (the replicates of a work unit), in order; the counts of the flow are added."""
    first = cohorts[0]
    return Cohort(
        patients=pd.concat([c.patients for c in cohorts], ignore_index=True),
        parameters={name: np.concatenate([c.parameters[name] for c in cohorts]) for name in first.parameters},
        screened={reason: sum(c.screened[reason] for c in cohorts) for reason in first.screened},
        draws=Draws.concatenate([c.draws for c in cohorts]),
        trueplat0=np.concatenate([c.trueplat0 for c in cohorts]),
    )
