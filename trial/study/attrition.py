"""How many leave, as far as the config alone tells: hazards that give the shares by the end, and who stays.

A day counts whole: a hazard that is constant on day d acts from time d to d + 1, and a visit on day T sees whoever has
not left by time T.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cohorts.adverse_events import proxy
from trial.study.leaving import Dropout
from trial.study.protocol import Problem, not_among

Array = NDArray[np.float64]
Path = tuple[str | int, ...]
DAYS = 7.0
CLOSE = 1e-9
"""How near to its share a solved hazard must bring those who leave, relative to it."""


def shares(dropout: Sequence[Dropout], arm: str) -> tuple[float, ...]:
    """Share of an arm that leaves for each reason by the end, 0 of a reason that is told as a hazard."""
    return tuple(item.of_arm("share_by_end", arm) for item in dropout)


def hazards(dropout: Sequence[Dropout], arm: str, days: int) -> tuple[float, ...]:
    """Hazard per week of every reason in an arm of a study of so many ``days``, where it runs and its factor is 1; of a
    conditional one as it is told. NaN where no hazard brings a share.

    With constant hazards of the sum H the share who leave for a reason by the end T is (h / H) (1 - exp(-H T)); H
    follows from the hazards that are given and the sum of the shares, which must stay below 1. Hazards that differ from
    day to day are solved for together. Shares are those without the conditional reasons.
    """
    told, by_end = [item.of_arm("hazard_per_week", arm) for item in dropout], shares(dropout, arm)
    known = [k for k, item in enumerate(dropout) if not item.conditional]
    if any(by_end) and not all(dropout[k].always for k in known if told[k] or by_end[k]):
        factors = np.array([dropout[k].factors(days) for k in known])
        found = _hazards_of_shares(np.array(told)[known], np.array(by_end)[known], factors)
        return tuple(float(found[known.index(k)]) if k in known else told[k] for k in range(len(dropout)))
    factor = _hazard_of_a_share(sum(told[k] for k in known), sum(by_end), days / DAYS) if any(by_end) else 0.0
    return tuple(hazard + share * factor for hazard, share in zip(told, by_end, strict=True))


def _hazard_of_a_share(given: float, leaving: float, weeks: float) -> float:
    """H / (1 - exp(-H T)): what a share is multiplied with to be a hazard; H is the sum of all hazards per week.

    ``given``: sum of the hazards that are told, ``leaving``: sum of the shares; H is the first plus the second times
    this.
    """
    from scipy.optimize import brentq

    def factor(total: float) -> float:
        return float(total / -np.expm1(-total * weeks))

    least = -np.log1p(-leaving) / weeks
    most = least + given
    while most - leaving * factor(most) < given:
        most *= 2.0
    if given == 0:
        return factor(least)
    return factor(brentq(lambda total: total - leaving * factor(total) - given, least, most, xtol=1e-15, rtol=1e-14))


def leaving(rates: Array, factors: Array) -> Array:
    """Share (K,) that leaves for each competing reason, with ``rates`` (K,) per week and ``factors`` (K, D) by day."""
    daily = rates[:, None] * factors / DAYS
    total = daily.sum(axis=0)
    there = np.exp(-np.concatenate([[0.0], np.cumsum(total)[:-1]]))
    part = np.divide(-np.expm1(-total), total, out=np.ones_like(total), where=total > 0)
    return np.asarray((daily * part * there).sum(axis=1))


def _hazards_of_shares(told: Array, by_end: Array, factors: Array) -> Array:
    """Hazards per week (K,): those ``told`` and, for the reasons with a share ``by_end``, those that bring it; NaN
    where none do.
    """
    from scipy.optimize import root

    asked = by_end > 0
    if not factors[asked].any(axis=1).all():
        return np.where(asked, np.nan, told)

    def rates(logs: Array) -> Array:
        found = told.copy()
        found[asked] = np.exp(np.minimum(logs, 50.0))
        return found

    def off(logs: Array) -> Array:
        return np.asarray(leaving(rates(logs), factors)[asked] / by_end[asked] - 1.0)

    first = np.log(by_end[asked] * DAYS / factors[asked].sum(axis=1))
    for _ in range(20):  # from below: each share as if nobody left for the others
        first = first - np.log(np.maximum(off(first) + 1.0, 0.5))
    solved = root(off, first, options={"xtol": 1e-14})
    return np.where(asked, rates(solved.x) if np.abs(off(solved.x)).max() < CLOSE else np.nan, told)


def completing(dropout: Sequence[Dropout], arm: str, days: int) -> float:
    """Share of an arm that is expected to stay to the last planned visit; the conditional reasons do not count."""
    rates = hazards(dropout, arm, days)
    if all(item.always for item in dropout):
        return float(np.exp(-sum(rates) * days / DAYS))
    known = [(item, rate) for item, rate in zip(dropout, rates, strict=True) if not item.conditional]
    return float(np.exp(-sum(rate * item.factors(days).sum() / DAYS for item, rate in known)))


def dropout_problems(
    dropout: Sequence[Dropout], arms: Sequence[str], days: int, stages: Sequence[str], proxies: Sequence[str]
) -> Iterator[Problem]:
    """A reason twice, which would be one clock; arms, ``stages`` and ``proxies`` that the study does not name; more
    leaving than there are in so many ``days``.
    """
    reasons = [item.reason for item in dropout]
    for k, item in enumerate(dropout):
        first = reasons.index(item.reason)
        if first < k:
            seen = f"seen {item.reason!r}, which is already the reason of dropout.{first}"
            yield ("dropout", k, "reason"), f"{seen}; reasons must differ"
        for name in ("hazard_per_week", "share_by_end"):
            if isinstance(by_arm := getattr(item, name), dict):
                yield from _by_arm_problems(("dropout", k, name), list(by_arm), arms)
        for j, stage in enumerate(item.stages):
            if stage not in stages:
                known = stages or ["none, in a study without stages"]
                yield ("dropout", k, "stages", j), not_among(stage, known, "the id of a stage")
        yield from _event_problems(("dropout", k, "after_adverse_event", "codes"), item, proxies)
    for arm in arms:
        total = sum(shares(dropout, arm))
        if total >= 1:
            yield ("dropout",), f"the shares by the end of arm {arm} sum to {total:g}; allowed: less than 1"
            return
    yield from _too_many(dropout, arms, days)


def _too_many(dropout: Sequence[Dropout], arms: Sequence[str], days: int) -> Iterator[Problem]:
    """Shares that no hazard on their days brings: the days are over, or too few are left by then."""
    if all(item.always or item.conditional for item in dropout):
        return
    for arm in arms:
        rates = hazards(dropout, arm, days)
        for k in (k for k, rate in enumerate(rates) if np.isnan(rate)):
            seen = f"seen {dropout[k].of_arm('share_by_end', arm):g} of arm {arm}"
            never = not dropout[k].factors(days).any()
            why = f"the hazard runs on no day before the last visit, day {days}" if never else "too few are left then"
            yield ("dropout", k, "share_by_end"), f"{seen}; no hazard on its days brings that: {why}"
            return


def _event_problems(path: Path, item: Dropout, proxies: Sequence[str]) -> Iterator[Problem]:
    if item.after_adverse_event is None:
        return
    steady = [code for code in proxies if proxy(code).doubling is None]
    known = steady or ["none, in a study without tolerability"]
    for j, code in enumerate(item.after_adverse_event.codes):
        if code in proxies and code not in steady:
            seen = f"seen {code!r}, whose rate follows the counts of later visits"
            yield (*path, j), f"{seen}, so that nobody can know of it on its day; allowed: {', '.join(known)}"
        elif code not in steady:
            yield (*path, j), not_among(code, known, "an adverse event of the study (tolerability.proxies)")


def _by_arm_problems(path: Path, named: Sequence[str], arms: Sequence[str]) -> Iterator[Problem]:
    for name in named:
        if name not in arms:
            yield (*path, name), not_among(name, arms, "the id of an arm")
    missing = [name for name in arms if name not in named]
    if missing:
        what = "share" if path[-1] == "share_by_end" else "hazard"
        yield path, f"no {what} for {', '.join(missing)}; give one number for all arms or one for each arm"
