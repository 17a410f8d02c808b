"""sample_cohorts: screen candidates until enough are eligible, then give each patient individual parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cohorts.believed import Believed, believed
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
from cohorts.variability import individual_parameters, on_first_day

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
PATIENT_COLUMNS = (
    "AGE", "SEX", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "SPLENFL", "CONITPFL", "BLBLEED", "BLPLAT",
    "RESPCLS", "OUTDOM",
)  # fmt: skip
PATIENCE_BLOCKS = 20
LEAST_ELIGIBLE_SHARE = 0.02


class PatientSource(Protocol):
    """Where candidates come from: a population of the catalogue, or patients the user brought (``size`` of them), who
    have ``kept`` columns of their own.
    """

    @property
    def id(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def kept(self) -> tuple[str, ...]: ...
    def candidates(self, draws: Draws, parameter_set: ParameterSet) -> Columns: ...


@dataclass(frozen=True, eq=False)
class Cohort:
    """The enrolled patients, replicate after replicate, in order of screening.

    columns: PATIENT_COLUMNS by name, (n,) each. parameters: individual values by name, (n,) each, those without
    variability repeated. flows: of each replicate counts for a CONSORT diagram, first "screened", last "randomised".
    draws: their random streams. trueplat0: true platelet count at baseline (10^9/L), (n,).
    """

    columns: Columns
    parameters: dict[str, Array]
    flows: dict[int, dict[str, int]]
    draws: Draws
    trueplat0: Array

    @property
    def patients(self) -> pd.DataFrame:
        """The columns as a table, one row each."""
        import pandas as pd

        return pd.DataFrame(self.columns)

    @property
    def screened(self) -> dict[str, int]:
        """The flow of all replicates together."""
        flows = list(self.flows.values())
        return {reason: sum(each[reason] for each in flows) for reason in flows[0]} if flows else {}

    def take(self, index: NDArray[np.int64]) -> Cohort:
        """Some of the patients; the counts of the screening stay those of the whole replicates."""
        parameters = {name: values[index] for name, values in self.parameters.items()}
        columns = {name: values[index] for name, values in self.columns.items()}
        return Cohort(columns, parameters, self.flows, self.draws.take(index), self.trueplat0[index])


def sample_cohorts(
    parameter_set: ParameterSet,
    population: PatientSource,
    *,
    n: int,
    replicates: Sequence[int],
    streams: Streams,
    screening: Criteria,
    parameter_uncertainty: Believed = False,
    laboratory: Reporting = USUAL,
) -> Cohort:
    """The first ``n`` eligible candidates of each of some replicates, with individual parameters.

    The screening count, which is the baseline, comes from the ``laboratory`` of the visits, that of a file too.
    The same seed and replicate give the same first patients for any ``n`` and whatever else is sampled with them.
    ``parameter_uncertainty`` moves the typical values once per replicate (``cohorts.believed``). ValueError if too
    few candidates are eligible.
    """
    if n < 1:
        raise ValueError(f"n is {n}; at least 1 patient is needed")
    alike = [[replicate] for replicate in replicates] if parameter_uncertainty else [list(replicates)]
    sets = [believed(parameter_set, streams, few[0], parameter_uncertainty) for few in alike]
    several = zip(sets, alike, strict=True)
    return concatenate([_sampled(own, population, n, few, streams, screening, laboratory) for own, few in several])


def _sampled(
    parameter_set: ParameterSet,
    population: PatientSource,
    n: int,
    replicates: Sequence[int],
    streams: Streams,
    screening: Criteria,
    laboratory: Reporting,
) -> Cohort:
    """The cohort of replicates that share their typical values."""
    chosen, draws, flows = _enrol(parameter_set, population, n, replicates, streams, screening, laboratory)
    values, responder = individual_parameters(parameter_set, draws, chosen)
    if "BLBLEED" not in chosen:
        u, e = draws.normal("bleeding:propensity"), draws.normal("bleeding:visit", 0)
        chosen["BLBLEED"] = bleeding_grade(chosen["TRUEPLAT0"], u, e, on_first_day(parameter_set, draws, values))
    chosen["RESPCLS"] = np.where(responder, "responder", "non-responder")
    chosen["OUTDOM"] = outside_domain(parameter_set.validity, chosen)
    kept = {name: chosen[name] for name in (*PATIENT_COLUMNS, *population.kept)}
    return Cohort(kept, values, flows, draws, chosen["TRUEPLAT0"])


def _enrol(
    parameter_set: ParameterSet,
    population: PatientSource,
    n: int,
    replicates: Sequence[int],
    streams: Streams,
    criteria: Criteria,
    laboratory: Reporting,
) -> tuple[Columns, Draws, dict[int, dict[str, int]]]:
    """Screen until ``n`` are eligible in every replicate, twice as many first, then block after block where some are
    lacking: their columns, their draws, and the flow of each replicate up to its last.
    """
    parts: list[Columns] = []
    which, candidate, code = (np.empty(0, dtype=np.int64) for _ in range(3))
    lacking, first = np.arange(len(replicates)), 0
    while len(lacking):
        last = min(2 * n, BLOCK) if first == 0 else BLOCK * (first // BLOCK + 1)
        last = last if population.size is None else min(last, population.size)
        which = np.append(which, np.repeat(lacking, last - first))
        candidate = np.append(candidate, np.tile(np.arange(first, last), len(lacking)))
        new = slice(len(code), None)
        draws = Draws(streams, np.asarray(replicates)[which[new]], candidate[new])
        columns = population.candidates(draws, parameter_set)
        columns["BLPLAT"] = report(columns.pop("MEASURED", columns["BLPLAT"]), laboratory)
        excluded = exclusions(criteria, columns)
        parts.append(columns)
        code = np.append(code, first_reason(excluded))
        eligible = np.bincount(which[code == ELIGIBLE], minlength=len(replicates))
        lacking, first = np.flatnonzero(eligible < n), last
        if len(lacking):
            _check_supply(population, n, last, flow(list(excluded), code[which == lacking[0]]))
    order = np.lexsort((candidate, which))
    enrolled = order[code[order] == ELIGIBLE]
    enrolled = enrolled[_rank(which[enrolled]) < n]
    final = candidate[enrolled[n - 1 :: n]]
    flows = {
        int(replicate): flow(list(excluded), code[(which == k) & (candidate <= final[k])])
        for k, replicate in enumerate(replicates)
    }
    everybody = {name: np.concatenate([part[name] for part in parts])[enrolled] for name in parts[0]}
    return everybody, Draws(streams, np.repeat(replicates, n), candidate[enrolled]), flows


def _rank(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each member in its group, from 0; groups one after another."""
    begins = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    return np.arange(len(group)) - np.repeat(begins, np.diff(np.append(begins, len(group))))


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
    """One cohort from several (the replicates of a work unit), in order."""
    if len(cohorts) == 1:
        return cohorts[0]

    def joined(parts: Sequence[Columns]) -> Columns:
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return Cohort(
        columns=joined([c.columns for c in cohorts]),
        parameters=joined([c.parameters for c in cohorts]),
        flows={replicate: flow for c in cohorts for replicate, flow in c.flows.items()},
        draws=Draws.concatenate([c.draws for c in cohorts]),
        trueplat0=np.concatenate([c.trueplat0 for c in cohorts]),
    )
