"""What analyses of imputed counts find in trials, with the draws of the engine's streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis import endpoints
from analysis.endpoints import endpoints_of
from analysis.endpoints.records import Codes, Records
from analysis.statistics import measured_estimands, planned, summaries
from analysis.statistics.imputation import pooled
from analysis.statistics.imputed_counts import ImputedCounts, draw
from cohorts.streams import Draws, Streams
from trial.study.estimand import Estimand
from trial.study.study import Study

Array = NDArray[np.float64]
STREAM = "imputation"


@dataclass(frozen=True)
class OfArm:
    """The uniforms of an arm's imputations: of a regression one stream by the arm's id, imputation and nominal ``days``
    (W,) of the visit; of the patients one by their number, as of everything that is drawn for them. Block: of the
    regression the round.
    """

    draws: Draws
    replicate: int
    arm: str
    many: int
    days: Sequence[int]

    def of_arm(self, round: int, visit: int, k: int) -> Array:
        """(M, k) of the regression of a visit."""
        return np.stack([self._of_arm(m, round, visit, k) for m in range(self.many)])

    def _of_arm(self, m: int, round: int, visit: int, k: int) -> Array:
        name = f"{STREAM}:{self.arm}:{m}"
        return self.draws.streams.uniforms(name, self.replicate, round, self.days[visit], k)

    def of_patients(self, round: int, visit: int) -> Array:
        """(M, n) of the patients' values at a visit."""
        names = (f"{STREAM} of a count:{m}:{round}" for m in range(self.many))
        return np.stack([self.draws.uniform(name, self.days[visit]) for name in names])


def drawn(records: Records, patients: pa.Table, study: Study) -> ImputedCounts:
    """The imputations of the counts of trials, whose table of ``patients`` says who died."""
    plan = study.analysis
    streams = Streams(study.seed if plan.imputation.seed is None else plan.imputation.seed)
    many = plan.imputation.imputations

    def uniform(replicate: int, arm: str, subjects: Codes) -> OfArm:
        theirs = Draws(streams, np.full(len(subjects), replicate), subjects - 1)
        return OfArm(theirs, replicate, arm, many, (0, *records.planned.tolist()))

    died = np.full(records.n, np.nan)
    if study.deaths:
        died = patients["DTHADY"].cast(pa.float64()).to_numpy()
    reference = study.arm_ids.index(str(plan.reference_arm))
    return draw(records, died, reference, many, study.laboratory.whole_numbers, uniform)


def found(one: Estimand, how: str, of: ImputedCounts, study: Study) -> Array:
    """(R, A - 1, 4) estimate, limits and p of the difference of an estimand, by Rubin's rules."""
    if one.measured:
        return measured_estimands.imputed(one, of.records_of(how), of, study)
    return shares(one.variable or study.analysis.primary, how, of, study)


def shares(code: str, how: str, of: ImputedCounts, study: Study, delta: float = 0.0) -> Array:
    """(R, A - 1, 4) the same of the shares of an endpoint, what is imputed worsened by ``delta``."""
    first = {"named_replicate": int(of.records.replicate[0])}
    of_these = study.model_copy(update={"analysis": study.analysis.model_copy(update=first)})
    endpoint = endpoints_of(study.analysis)[code]
    parts = []
    for seen in of.records_of(how, delta):
        result = endpoints.evaluate(endpoint, seen, study)
        parts.append(planned.difference_and_variance(summaries.of_records(seen, {code: result}, of_these)[code], study))
    estimate, variance, sizes = (np.stack(part, axis=-1) for part in zip(*parts, strict=True))
    interval, p = pooled(estimate, variance, sizes[..., 0] - 2)
    return np.stack([*interval, p], axis=-1) * of.possible[:, None, None]


def tipped(of: ImputedCounts, study: Study) -> Array:
    """(R, A - 1, D, 4) the same of the primary endpoint at every delta of the study."""
    plan = study.analysis
    return np.stack(
        [shares(plan.primary, plan.imputation.tipping, of, study, delta) for delta in plan.imputation.deltas], axis=2
    )
