"""One trial after another, many at once: draw, allocate, look, stop or go on, adapt, reject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.designs import draw
from analysis.designs.dose_test import by_dose
from analysis.designs.draw import Uniforms
from analysis.designs.plan import Claim, DoseTest, Trials, sequential_p
from analysis.designs.pool import Codes, Pool
from analysis.designs.seen import CountsSeen, Seen, Tested, ValuesSeen
from analysis.endpoints.records import Array, Flags
from analysis.statistics import combination
from trial.study.analysis_plan import ComparisonMethod

MOST_SLOTS = 400_000
"""Patients that are drawn together."""
NEVER = 10**9


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What became of T trials of H hypotheses: sub-pool (T,), ``rejected`` (T, H), ``look`` (T,) of the stop, from 0;
    whether it was for futility; ``size``: patients whose endpoint is known then; ``untested`` (T, H): nobody in
    an arm, or one outcome alone; ``z`` and ``difference`` (T, H) as last seen; ``months`` until then and patients who
    had ``entered``, NaN without accrual.
    """

    group: Codes
    rejected: Flags
    look: Codes
    futile: Flags
    size: Codes
    untested: Flags
    z: Array
    difference: Array
    months: Array
    entered: Array


def conducted(
    pool: Pool, design: Trials, method: ComparisonMethod, trials: int, uniforms: Uniforms, estimated: bool = True
) -> Outcomes:
    """At least ``trials`` trials, as many from every sub-pool. ``estimated``: differences are wanted, which of ranks
    take long.
    """
    shares = [design.level / k for k in range(1, len(design.claims) + 1)]
    p = sequential_p(design.levels, shares) if design.levels else None
    each = -(-trials // pool.groups)
    together = max(1, MOST_SLOTS // design.largest)
    parts = []
    for group in range(pool.groups):
        for number, first in enumerate(range(0, each, together)):
            few = min(together, each - first)
            uniform = partial(_piece, uniforms, group, number)
            parts.append(_some(pool, design, method, group, few, uniform, p, estimated))
    return Outcomes(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Outcomes)))


def _piece(uniforms: Uniforms, group: int, number: int, name: str, many: int) -> Array:
    return uniforms(name, group, number, many)


def _some(
    pool: Pool,
    design: Trials,
    method: ComparisonMethod,
    group: int,
    trials: int,
    uniform: Callable[[str, int], Array],
    p: Callable[[Array, int], Array] | None,
    estimated: bool,
) -> Outcomes:
    """Trials of one sub-pool."""
    n, people = design.largest, pool.per_group
    rounds = -(-trials // (people // n))
    who = draw.patients(uniform("patients", rounds * people).reshape(rounds, people), n)[:trials]
    stratum = pool.stratum[group][who]
    held = _Held(pool, design, method, group, who, stratum, uniform, estimated)
    if design.dose:
        return _timed(_by_dose(held, design.dose), design, uniform)
    found = {
        "none": lambda: _looks(held, p), "drop_arms": lambda: _looks(held, p), "select": lambda: _selected(held),
        "sample_size": lambda: _resized(held),
    }[design.adapt]()  # fmt: skip
    return _timed(found, design, uniform)


@dataclass(frozen=True, eq=False)
class _Held:
    """What the trials of a piece share."""

    pool: Pool
    design: Trials
    method: ComparisonMethod
    group: int
    who: Codes
    stratum: Codes
    uniform: Callable[[str, int], Array]
    estimated: bool

    @property
    def count(self) -> int:
        return len(self.who)

    def everybody(self) -> Flags:
        return np.ones((self.count, len(self.design.ratio)), dtype=bool)

    def arms(self, first: int, last: int, active: Flags, name: str) -> Codes:
        """Arms (T, n) of patients ``first`` to ``last`` - 1."""
        d = self.design
        within = self.stratum if d.stratified else np.zeros_like(self.stratum)
        return draw.allocated(within[:, first:last], d.ratio, d.repeats, active, partial(self.uniform, name))

    def seen(self, arm: Codes, first: int = 0, look: Codes | None = None) -> dict[str, Seen]:
        """What is known of the patients from ``first`` on, by endpoint; ``look`` (T, n): 0, or NEVER of those who are
        left out.
        """
        last = first + arm.shape[1]
        code_of = self.stratum[:, first:last]
        strata = len(self.pool.strata) if self.method.strata == "randomisation" else 1
        code_of = code_of if strata > 1 else np.zeros_like(code_of)
        who, now = self.who[:, first:last], np.zeros(1, dtype=np.int64) if look is None else look
        found: dict[str, Seen] = {}
        for claim in {claim.endpoint: claim for claim in self.design.claims}.values():
            outcome = self.pool.outcomes[claim.endpoint][self.group]
            if claim.measured:
                value = np.where(now == 0, outcome[arm, who], np.nan)
                baseline = np.zeros_like(value) if self.pool.baseline is None else self.pool.baseline[self.group][who]
                arms = len(self.design.ratio)
                found[claim.endpoint] = ValuesSeen(value, arm, code_of, baseline, arms, self.estimated)
            else:
                shape = 1, len(self.design.ratio), strata
                events, sizes = draw.counted_at(outcome, who, arm, code_of, now, shape)
                found[claim.endpoint] = CountsSeen(events[:, 0], sizes[:, 0])
        return found

    def tested(self, seen: Mapping[str, Seen]) -> Tested:
        """Of every hypothesis, from what is known by endpoint."""
        claims = self.design.claims
        found: dict[Claim, Tested] = {}
        for code, one in seen.items():
            mine = [claim for claim in claims if claim.endpoint == code]
            found |= zip(mine, one.compared(mine, self.design.reference, self.method), strict=True)
        return Tested(*(np.stack(each, axis=1) for each in zip(*(found[c] for c in claims), strict=True)))


def _both(one: Mapping[str, Seen], other: Mapping[str, Seen]) -> dict[str, Seen]:
    """What two parts of a trial say together."""
    return {code: seen.with_more(other[code]) for code, seen in one.items()}  # type: ignore[arg-type]


def _looks(held: _Held, p: Callable[[Array, int], Array] | None) -> Outcomes:
    """Looks with bounds; of a hypothesis below the lower one the arm is dropped, or only its test."""
    d, n = held.design, held.design.largest
    active, drops = held.everybody(), held.design.adapt == "drop_arms"
    whole = None if drops else held.arms(0, n, active, "arms")
    state = _Standing.begun(held.count, len(d.claims))
    total: dict[str, Seen] = {}
    for k in range(d.looks):
        first, last = (d.sizes[k - 1] if k else 0), d.sizes[k]
        arm = held.arms(first, last, active, f"arms {k}") if whole is None else whole[:, first:last]
        here = held.seen(arm, first)
        total = _both(total, here) if k else here
        state = _judged(state, d, k, held.tested(total), p)
        if drops:
            for h, claim in enumerate(d.claims):
                active[:, claim.arm] &= ~state.out[:, h]
    return state.outcomes(held.group, d)


@dataclass(frozen=True, eq=False)
class _Standing:
    """Trials on their way: (T,) whether they stopped, when, why; (T, H) what is rejected, out, and was seen."""

    stopped: Flags
    futile: Flags
    look: Codes
    rejected: Flags
    out: Flags
    z: Array
    difference: Array
    untested: Flags
    least: Array

    @staticmethod
    def begun(trials: int, claims: int) -> _Standing:
        none, no = np.zeros((trials, claims), dtype=bool), np.zeros(trials, dtype=bool)
        nan = np.full((trials, claims), np.nan)
        one = np.ones((trials, claims))
        return _Standing(no, no, np.zeros(trials, dtype=np.int64), none, none, nan, nan, ~none, one)

    def outcomes(self, group: int, d: Trials) -> Outcomes:
        n = len(self.look)
        nan = np.full(n, np.nan)
        return Outcomes(
            np.full(n, group), self.rejected, self.look, self.futile, np.array(d.sizes)[self.look],
            self.untested & ~self.rejected, self.z, self.difference, nan, nan,
        )  # fmt: skip


def _judged(
    s: _Standing, d: Trials, k: int, tested: tuple[Array, Array, Flags], p: Callable[[Array, int], Array] | None
) -> _Standing:
    """The trials that go on after look ``k``, in which this was ``tested``: Z, difference, untested (T, H)."""
    going, z = ~s.stopped[:, None] & ~s.out, tested[0]
    before = s.z, s.difference, s.untested
    seen_z, difference, untested = (np.where(going, now, then) for now, then in zip(tested, before, strict=True))
    least = s.least
    if p is None and d.adjust is None:
        hit = going & (z >= d.bounds.efficacy[k])
        rejected = s.rejected | hit
    else:
        now = p(z, k) if p else ndtr(-np.where(np.isnan(z), -np.inf, z))
        least = np.where(going, np.minimum(s.least, now), s.least)
        ours = least if d.adjust is None else d.adjust(least)
        rejected = np.where(s.stopped[:, None], s.rejected, s.rejected | (ours <= d.level))
    out = s.out | (going & ~rejected & (z < d.bounds.futility[k])) if k < d.looks - 1 else s.out
    won = rejected.any(axis=1) if d.stop_on == "any" else (rejected | out).all(axis=1) & rejected.any(axis=1)
    lost = (out & ~rejected).all(axis=1)
    now_stops = ~s.stopped & (won | lost | (k == d.looks - 1))
    futile = s.futile | (now_stops & lost & ~won)
    look = np.where(now_stops, k, s.look)
    return _Standing(s.stopped | now_stops, futile, look, rejected, out, seen_z, difference, untested, least)


def _by_dose(held: _Held, test: DoseTest) -> Outcomes:
    """One analysis at the end, in which a claim is a shape with a signal; Z is its t."""
    d, n = held.design, held.design.largest
    seen = held.seen(held.arms(0, n, held.everybody(), "arms"))
    t, signal, untested = by_dose(seen[d.claims[0].endpoint], test)
    none, size = np.zeros(held.count, dtype=bool), np.full(held.count, n)
    each = np.repeat(untested[:, None], t.shape[1], axis=1)
    return replace(_staged(held, signal, none, size, t, np.full(t.shape, np.nan), each), look=np.zeros_like(size))


def _selected(held: _Held) -> Outcomes:
    """The best arms of the first stage go on with the reference arm; closed tests over both stages. The difference is
    that of the arms that went on.
    """
    d = held.design
    first, n = d.sizes[0], d.sizes[-1]
    arm = held.arms(0, first, held.everybody(), "arms 0")
    one = held.seen(arm)
    z1, _, first_untested = held.tested(one)
    order = np.argsort(-np.where(np.isnan(z1), -np.inf, z1), axis=1, kind="stable")
    took = np.zeros(z1.shape, dtype=bool)
    np.put_along_axis(took, order[:, : d.keep], True, axis=1)
    best, limit = np.where(took, z1, -np.inf).max(axis=1), d.bounds.futility[0]
    futile = np.isnan(best) | ((best <= limit) & (limit > -np.inf))
    active = held.everybody()
    for h, claim in enumerate(d.claims):
        active[:, claim.arm] = took[:, h]
    second = held.arms(first, n, active, "arms 1")
    two = held.seen(second, first)
    z2, _, _ = held.tested(two)
    _, difference, last_untested = held.tested(_both(one, two))
    p1, p2 = (np.where(np.isnan(z), 1.0, ndtr(-np.where(np.isnan(z), 0.0, z))) for z in (z1, z2))
    rejected = combination.closed(p1, p2, took, first / n, d.level, d.rule) & ~futile[:, None]
    combined = -ndtri(combination.inverse_normal(p1, p2, first / n))
    size, z = np.where(futile, first, n), np.where(took, combined, np.nan)
    untested = np.isnan(z1) | np.where(took & ~futile[:, None], last_untested, first_untested)
    return _staged(held, rejected, futile, size, z, np.where(took, difference, np.nan), untested)


def _resized(held: _Held) -> Outcomes:
    """More patients where the first look is promising; both stages combined with the weights planned."""
    d = held.design
    first, planned = d.sizes[0], d.sizes[-1]
    arm = held.arms(0, d.largest, held.everybody(), "arms")
    place = np.arange(d.largest)
    one = held.seen(arm[:, :first])
    z1, _, first_untested = held.tested(one)
    limit = d.bounds.futility[0]
    futile = (np.where(np.isnan(z1[:, 0]), -np.inf, z1[:, 0]) <= limit) & (limit > -np.inf)
    last = float(ndtri(1 - d.level))
    size = combination.new_size(z1[:, 0], first, planned, d.most, last, d.promising, d.wanted).astype(np.int64)
    look = np.where((place >= first) & (place < size[:, None]), 0, NEVER)[:, first:]
    two = held.seen(arm[:, first:], first, look)
    z2, _, _ = held.tested(two)
    _, difference, last_untested = held.tested(_both(one, two))
    weight = first / planned
    z = np.sqrt(weight) * np.nan_to_num(z1) + np.sqrt(1 - weight) * np.nan_to_num(z2)
    rejected = (z >= last) & ~futile[:, None]
    untested = np.isnan(z1) | np.where(futile[:, None], first_untested, last_untested)
    return _staged(held, rejected, futile, np.where(futile, first, size), z, difference, untested)


def _staged(
    held: _Held, rejected: Flags, futile: Flags, size: Codes, z: Array, difference: Array, untested: Flags
) -> Outcomes:
    nan = np.full(held.count, np.nan)
    look = np.where(futile, 0, 1)
    group = np.full(held.count, held.group)
    return Outcomes(group, rejected, look, futile, size, untested & ~rejected, z, difference, nan, nan)


def _timed(found: Outcomes, d: Trials, uniform: Callable[[str, int], Array]) -> Outcomes:
    """With the months until the stop, and who had entered by then: those beyond ``size`` are the overrun."""
    if d.accrual is None:
        return found
    count, n = len(found.size), d.largest
    entry = draw.entries(uniform("entry", count * n).reshape(count, n), d.accrual)
    known = draw.known(entry, d.accrual)
    months = known[np.arange(count), found.size - 1]
    early = found.look < d.looks - 1
    entered = np.where(early, (entry <= months[:, None]).sum(axis=1), found.size)
    return replace(found, months=months, entered=np.minimum(entered, n).astype(np.float64))
