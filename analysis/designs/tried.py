"""One trial after another, many at once: draw, allocate, look, stop or go on, adapt, reject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.designs import draw
from analysis.designs.draw import Counts, Uniforms
from analysis.designs.plan import Trials, sequential_p
from analysis.designs.pool import Codes, Pool
from analysis.endpoints.records import Array, Flags
from analysis.statistics import combination, proportions
from analysis.statistics.planned import Cells, directed
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


def conducted(pool: Pool, design: Trials, method: ComparisonMethod, trials: int, uniforms: Uniforms) -> Outcomes:
    """At least ``trials`` trials, as many from every sub-pool."""
    shares = [design.level / k for k in range(1, len(design.claims) + 1)]
    p = sequential_p(design.levels, shares) if design.levels else None
    each = -(-trials // pool.groups)
    together = max(1, MOST_SLOTS // design.largest)
    parts = []
    for group in range(pool.groups):
        for number, first in enumerate(range(0, each, together)):
            few = min(together, each - first)
            parts.append(_some(pool, design, method, group, few, partial(_piece, uniforms, group, number), p))
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
) -> Outcomes:
    """Trials of one sub-pool."""
    n, people = design.largest, pool.per_group
    rounds = -(-trials // (people // n))
    who = draw.patients(uniform("patients", rounds * people).reshape(rounds, people), n)[:trials]
    stratum = pool.stratum[group][who]
    held = _Held(pool, design, method, group, who, stratum, uniform)
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

    def counts(self, code: str, arm: Codes, look: Codes, looks: int, first: int = 0) -> tuple[Counts, Counts]:
        """Events and sizes (T, looks, A, S) of the patients from ``first`` on, small strata not pooled yet."""
        strata = len(self.pool.strata) if self.method.strata == "randomisation" else 1
        last = first + arm.shape[1]
        code_of = self.stratum[:, first:last] if strata > 1 else np.zeros_like(self.stratum[:, first:last])
        shape = looks, len(self.design.ratio), strata
        return draw.counted_at(self.pool.outcomes[code][self.group], self.who[:, first:last], arm, code_of, look, shape)

    def tested(self, counts: dict[str, tuple[Counts, Counts]]) -> tuple[Array, Array, Flags]:
        """Z and difference (T, H) of every hypothesis, and whether it cannot be tested, from counts (T, A, S) by
        endpoint.
        """
        found, d = [], self.design
        for claim in d.claims:
            events, sizes = counts[claim.endpoint]
            if self.method.pool_below:
                events, sizes = proportions.pooled_strata(events, sizes, self.method.pool_below)
            arm, base = ((events[:, k], sizes[:, k]) for k in (claim.arm, d.reference))
            cells = Cells(*arm, *base)
            z, difference = directed(cells, self.method, claim.better, claim.margin)
            found.append((z, difference, np.isnan(z) | (alike(cells, self.method) & (z == 0) & (not claim.margin))))
        z, difference, untested = (np.stack(each, axis=1) for each in zip(*found, strict=True))
        return z, difference, untested


def alike(cells: Cells, method: ComparisonMethod) -> Flags:
    """Whether all patients (T,) who are compared have one outcome: in every stratum, of an exact test together."""
    x1, n1, x2, n2 = cells.crude if method.test in ("fisher", "boschloo") else cells.four
    events, size = x1 + x2, n1 + n2
    same = (n1 == 0) | (n2 == 0) | (events == 0) | (events == size)
    return np.asarray(same if same.ndim == 1 else same.all(axis=-1))


def _looks(held: _Held, p: Callable[[Array, int], Array] | None) -> Outcomes:
    """Looks with bounds; of a hypothesis below the lower one the arm is dropped, or only its test."""
    d, n = held.design, held.design.largest
    active, drops = held.everybody(), held.design.adapt == "drop_arms"
    whole = None if drops else held.arms(0, n, active, "arms")
    state = _Standing.begun(held.count, len(d.claims))
    total: dict[str, tuple[Counts, Counts]] = {}
    for k in range(d.looks):
        first, last = (d.sizes[k - 1] if k else 0), d.sizes[k]
        arm = held.arms(first, last, active, f"arms {k}") if whole is None else whole[:, first:last]
        for code in dict.fromkeys(claim.endpoint for claim in d.claims):
            here = held.counts(code, arm, np.zeros(last - first, dtype=np.int64), 1, first)
            before = total.get(code, (0.0, 0.0))
            total[code] = before[0] + here[0][:, 0], before[1] + here[1][:, 0]
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


def _selected(held: _Held) -> Outcomes:
    """The best arms of the first stage go on with the reference arm; closed tests over both stages. The difference is
    that of the arms that went on.
    """
    d = held.design
    first, n = d.sizes[0], d.sizes[-1]
    arm = held.arms(0, first, held.everybody(), "arms 0")
    now = np.zeros(1, dtype=np.int64)
    codes = dict.fromkeys(claim.endpoint for claim in d.claims)
    one = {code: tuple(c[:, 0] for c in held.counts(code, arm, now, 1)) for code in codes}
    z1, _, first_untested = held.tested(one)  # type: ignore[arg-type]
    order = np.argsort(-np.where(np.isnan(z1), -np.inf, z1), axis=1, kind="stable")
    took = np.zeros(z1.shape, dtype=bool)
    np.put_along_axis(took, order[:, : d.keep], True, axis=1)
    best, limit = np.where(took, z1, -np.inf).max(axis=1), d.bounds.futility[0]
    futile = np.isnan(best) | ((best <= limit) & (limit > -np.inf))
    active = held.everybody()
    for h, claim in enumerate(d.claims):
        active[:, claim.arm] = took[:, h]
    second = held.arms(first, n, active, "arms 1")
    two = {code: tuple(c[:, 0] for c in held.counts(code, second, now, 1, first)) for code in codes}
    z2, _, _ = held.tested(two)  # type: ignore[arg-type]
    both = {code: (one[code][0] + two[code][0], one[code][1] + two[code][1]) for code in codes}
    _, difference, last_untested = held.tested(both)
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
    place, zero = np.arange(d.largest), np.zeros(1, dtype=np.int64)
    code = d.claims[0].endpoint
    one = {code: tuple(c[:, 0] for c in held.counts(code, arm[:, :first], zero, 1))}
    z1, _, first_untested = held.tested(one)  # type: ignore[arg-type]
    limit = d.bounds.futility[0]
    futile = (np.where(np.isnan(z1[:, 0]), -np.inf, z1[:, 0]) <= limit) & (limit > -np.inf)
    last = float(ndtri(1 - d.level))
    size = combination.new_size(z1[:, 0], first, planned, d.most, last, d.promising, d.wanted).astype(np.int64)
    look = np.where((place >= first) & (place < size[:, None]), 0, NEVER)[:, first:]
    two = {code: tuple(c[:, 0] for c in held.counts(code, arm[:, first:], look, 1, first))}
    z2, _, _ = held.tested(two)  # type: ignore[arg-type]
    both = {code: (one[code][0] + two[code][0], one[code][1] + two[code][1])}
    _, difference, last_untested = held.tested(both)  # type: ignore[arg-type]
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
