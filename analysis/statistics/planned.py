"""The comparison with the reference arm as the protocol plans it: within strata, by its test, of several hypotheses.

Rows of every yes or no endpoint in the named replicate, the difference also over replicates; of the hypotheses also how
many replicates reject them. Strata in which an arm has nobody say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from analysis.endpoints import chosen
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Flags
from analysis.statistics import estimators, multiplicity, proportions
from analysis.statistics.estimates import (
    ALL,
    EITHER,
    PERCENT,
    POINTS,
    WON,
    Estimate,
    RepeatedTest,
    alone,
    over,
    rates,
    share_of,
    with_interval,
)
from analysis.statistics.estimators import Interval
from analysis.statistics.summaries import Summary, compares_arms
from trial.study.analysis_plan import ComparisonMethod, Hypothesis
from trial.study.study import Study

KIND, FAMILY = "planned", "FAMILY"
"""PARCAT1 of the rows; PARAMCD of the hypotheses together."""
DIFFERENCES: dict[str, Callable[..., Interval]] = {
    "miettinen_nurminen": proportions.stratified_rate_difference,
    "sato": proportions.sato_difference,
    "newcombe": proportions.newcombe_difference,
}
LIMITS = {"miettinen_nurminen": "Miettinen-Nurminen", "sato": "Sato", "newcombe": "Newcombe"}
TESTS = {
    "cmh": "Cochran-Mantel-Haenszel",
    "cmh_corrected": "Cochran-Mantel-Haenszel, corrected for continuity",
    "fisher": "Fisher's exact test",
    "boschloo": "Boschloo's exact test",
}
LEAST_P = 1e-300
ODDS = {
    "mantel_haenszel": "Mantel-Haenszel",
    "logistic": "logistic regression",
    "firth": "Firth's penalised logistic regression",
}
RATIOS = {
    "mantel_haenszel": proportions.common_odds_ratio,
    "logistic": proportions.logistic_odds_ratio,
    "firth": proportions.firth_odds_ratio,
}


@dataclass(frozen=True)
class Cells:
    """Counts (R, A, S) of A arms, each beside the reference arm, in S strata; of one replicate (A, S)."""

    x1: Array
    n1: Array
    x2: Array
    n2: Array

    @property
    def four(self) -> tuple[Array, Array, Array, Array]:
        """As the functions of ``proportions`` take them, all of one shape."""
        x1, n1, x2, n2 = np.broadcast_arrays(self.x1, self.n1, self.x2, self.n2)
        return x1, n1, x2, n2

    @property
    def crude(self) -> tuple[Array, Array, Array, Array]:
        """Without strata."""
        x1, n1, x2, n2 = (counts.sum(axis=-1) for counts in self.four)
        return x1, n1, x2, n2

    @property
    def told(self) -> Array:
        """How many strata have patients of both arms."""
        return ((self.n1 > 0) & (self.n2 > 0)).sum(axis=-1)

    def of(self, replicate: int) -> Cells:
        """One replicate."""
        return Cells(*(counts[replicate] for counts in (self.x1, self.n1, self.x2, self.n2)))

    def arm(self, k: int) -> Cells:
        """One arm, the strata on the last axis."""
        return Cells(*(counts[..., k, :] for counts in self.four))


def estimate_planned(summaries: Mapping[str, Summary], study: Study) -> list[Estimate]:
    """Every row of the planned comparison; none where arms of separate patients are not compared."""
    if not compares_arms(study):
        return []
    known = {code: endpoint for code, endpoint in chosen(study).items() if endpoint.summary == "rate"}
    cells = {code: _cells(summaries[code], study) for code in known}
    rows = [row for code in known for row in _rows(known[code], cells[code], summaries[code].named, study)]
    arms = compared_arms(study)
    family = tuple(h for h in study.analysis.family(study.arm_ids) if h.endpoint in known and h.arm in arms)
    return rows + (_hypothesis_rows(known, cells, summaries, family, study) if family else [])


def p_values(found: Summary, study: Study) -> Array:
    """Two-sided p (R, A) of the planned test of one endpoint, of every arm but the reference arm."""
    return _test(_cells(found, study), study.analysis.method)[0]


def compared(found: Summary, study: Study) -> tuple[Interval, Array]:
    """Difference with its limits, and two-sided p, (R, A) each, of the planned comparison of one endpoint, of every arm
    but the reference arm.
    """
    cells, method = _cells(found, study), study.analysis.method
    return DIFFERENCES[method.difference](*cells.four), _test(cells, method)[0]


def difference_and_variance(found: Summary, study: Study) -> tuple[Array, Array, Array]:
    """Common difference within strata, its variance by Sato, and patients of both arms, (R, A) each, of every arm but
    the reference arm.
    """
    cells = _cells(found, study)
    interval = proportions.sato_difference(*cells.four)
    error = (interval.high - interval.low) / (2 * estimators.Z95)
    return interval.estimate, error**2, cells.n1.sum(axis=-1) + cells.n2.sum(axis=-1)


def compared_arms(study: Study) -> list[str]:
    """The arms that are held against the reference arm."""
    return [arm for arm in study.arm_ids if arm != study.analysis.reference_arm]


def _cells(found: Summary, study: Study) -> Cells:
    """Counts within the strata, small ones pooled as the method says."""
    counts = found.stratified if found.stratified.shape[-1] else np.stack([found.events, found.sizes])[..., np.newaxis]
    events, sizes = counts.astype(np.float64)
    if study.analysis.method.pool_below:
        events, sizes = proportions.pooled_strata(events, sizes, study.analysis.method.pool_below)
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    others = [k for k in range(len(study.arm_ids)) if k != reference]
    return Cells(events[:, others], sizes[:, others], events[:, [reference]], sizes[:, [reference]])


def _test(cells: Cells, method: ComparisonMethod) -> tuple[Array, Flags]:
    """Two-sided p of every comparison, and where it is that of the exact test."""
    crude = cells.crude
    if method.test in ("fisher", "boschloo"):
        return proportions.exact_test(method.test, *crude), np.ones(crude[0].shape, dtype=bool)
    p = proportions.cmh_test(*cells.four, correction=method.test == "cmh_corrected").p
    few: Flags = np.asarray(proportions.smallest_expected(*crude) < method.exact_below)
    if few.any():
        p = np.array(p)
        p[few] = proportions.exact_test(method.exact, *(counts[few] for counts in crude))
    return p, few


def directed(cells: Cells, method: ComparisonMethod, better: int = 1, margin: float = 0.0) -> tuple[Array, Array]:
    """Z (...) of the planned test of one arm, positive where it is better, and the difference; NaN: cannot be tested.

    Z has the two-sided p of the test. With a ``margin`` by which the arm may be worse, the score of the difference.
    """
    common, (x1, n1, x2, n2) = proportions.common_difference(*cells.four), cells.crude
    difference = np.where(np.isnan(common), rates(x1, n1) - rates(x2, n2), common)
    if margin:
        return better * proportions.score_against(*cells.four, -better * margin), difference
    p = _test(cells, method)[0]
    return better * np.sign(difference) * -ndtri(np.maximum(p, LEAST_P) / 2), difference


def _blank(endpoint: Endpoint, study: Study, arm: str) -> Estimate:
    return Estimate(
        STUDYID=study.id, PARAMCD=endpoint.code, PARAM=endpoint.label, PARCAT1=KIND, ARM=arm,
        COMPARATOR=study.analysis.reference_arm, POPULATION="FAS", STAT="", UNIT="", SCOPE="replicate",
    )  # fmt: skip


def _rows(endpoint: Endpoint, cells: Cells, named: int, study: Study) -> Iterator[Estimate]:
    """Difference, p and odds ratio of one endpoint in every arm."""
    method, one = study.analysis.method, cells.of(named)
    interval, (p, exact) = DIFFERENCES[method.difference](*one.four), _test(one, method)
    common, n = proportions.common_difference(*cells.four), cells.n1.sum(axis=-1) + cells.n2.sum(axis=-1)
    for k, arm in enumerate(compared_arms(study)):
        row = replace(_blank(endpoint, study, arm), N=int(n[named, k]), NOTE=in_strata(int(one.told[k]), study))
        difference = replace(row, STAT="planned difference", UNIT=POINTS)
        yield with_interval(difference, interval.at(k), PERCENT, LIMITS[method.difference])
        yield over(difference, PERCENT * common[:, k], n[:, k])
        tested = TESTS[method.exact if exact[k] and method.exact_below else method.test]
        within = "not stratified" if exact[k] else row.NOTE
        yield alone(replace(row, STAT="planned p", NOTE=f"two-sided; {tested}; {within}"), p[k])
        ratio = with_interval(
            replace(row, STAT="planned odds ratio"), _odds(one.arm(k), method), 1.0, ODDS[method.odds_ratio]
        )
        yield ratio


def in_strata(told: int, study: Study) -> str:
    """Within how many strata the named replicate is compared."""
    if study.analysis.method.strata == "none" or not study.randomisation.strata:
        return "not stratified"
    pooled = ", small ones pooled" if study.analysis.method.pool_below else ""
    return f"within {told} strat{'um' if told == 1 else 'a'} of the randomisation{pooled}"


def _odds(cells: Cells, method: ComparisonMethod) -> Interval:
    """Odds ratio of one arm in one replicate."""
    return RATIOS[method.odds_ratio](*cells.four)


def _hypothesis_rows(
    known: Mapping[str, Endpoint],
    cells: Mapping[str, Cells],
    summaries: Mapping[str, Summary],
    family: tuple[Hypothesis, ...],
    study: Study,
) -> list[Estimate]:
    """How many replicates reject each hypothesis, at least one and all; with several, the adjusted p."""
    arms = compared_arms(study)
    tested = {h: _tested(cells[str(h.endpoint)].arm(arms.index(h.arm)), study.analysis.method) for h in family}
    p = adjusted(np.stack([test.p for test in tested.values()], axis=-1), family, study)
    rows, wins = [], []
    for k, (h, test) in enumerate(tested.items()):
        endpoint, named = known[str(h.endpoint)], summaries[str(h.endpoint)].named
        blank, said = _blank(endpoint, study, h.arm), "adjusted p" if study.analysis.multiplicity else "p"
        if study.analysis.multiplicity:
            note = f"two-sided; {study.analysis.multiplicity.procedure.replace('_', ' ')}, {len(family)} hypotheses"
            rows.append(alone(replace(blank, STAT="adjusted p", N=int(test.n[named]), NOTE=note), p[named, k]))
        wins.append(replace(test, p=p[:, k]).won(endpoint.benefit))
        row = replace(blank, STAT="rejected", N=round(float(test.n.mean())))
        row = share_of(row, wins[-1], ~np.isnan(p[:, k]))
        counted = f"{said} < 0.05; counted: {WON.get(endpoint.benefit, EITHER)}"
        rows.append(replace(row, NOTE="; ".join(filter(None, (counted, row.NOTE)))))
    return rows + (_together(np.stack(wins, axis=-1), ~np.isnan(p), study) if len(family) > 1 else [])


def _tested(cells: Cells, method: ComparisonMethod) -> RepeatedTest:
    """The test of one arm in every replicate."""
    x1, n1, x2, n2 = cells.crude
    common, crude = proportions.common_difference(*cells.four), rates(x1, n1) - rates(x2, n2)
    return RepeatedTest(np.where(np.isnan(common), crude, common), _test(cells, method)[0], n1 + n2, TESTS[method.test])


def adjusted(p: Array, family: tuple[Hypothesis, ...], study: Study) -> Array:
    """p (R, H) adjusted by the procedure of the study; unchanged without one."""
    plan = study.analysis.multiplicity
    if plan is None:
        return p
    if plan.procedure == "graphical":
        names = [h.name for h in family]
        weights = [plan.weights.get(name, 0.0) for name in names]
        graph = [[plan.transitions.get(name, {}).get(to, 0.0) for to in names] for name in names]
        return multiplicity.graphical(p, weights, graph)
    rules = {
        "holm": multiplicity.holm,
        "hochberg": multiplicity.hochberg,
        "fixed_sequence": multiplicity.fixed_sequence,
    }
    return rules[plan.procedure](p)


def _together(wins: Flags, known: Flags, study: Study) -> list[Estimate]:
    """In how many replicates with a test at least one hypothesis is rejected, and in how many all; both (R, H)."""
    row = Estimate(
        STUDYID=study.id, PARAMCD=FAMILY, PARAM="Hypotheses together", PARCAT1=KIND, ARM=ALL,
        COMPARATOR=study.analysis.reference_arm, POPULATION="FAS", STAT="rejected", UNIT="%", SCOPE="replicates",
    )  # fmt: skip
    found = {"at least one": np.asarray(wins.any(axis=-1)), "all": np.asarray(wins.all(axis=-1))}
    some = np.asarray(known.any(axis=-1))
    return [share_of(replace(row, CATEGORY=which), yes, some) for which, yes in found.items()]
