"""What may be true of a pool: as it was simulated, or no difference in some of the arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from analysis.designs.draw import Uniforms
from analysis.designs.plan import Claim
from analysis.designs.pool import Pool, at_margin, without_difference

MOST_ARMS = 4
"""Arms up to which every set of them is a null hypothesis; of more, all together and each alone."""


def nulls(arms: int, together: bool = False) -> Iterator[tuple[int, ...]]:
    """Sets of hypotheses (places) that may be true, the largest first; ``together``: all or none."""
    yield tuple(range(arms))
    if together:
        return
    if arms > MOST_ARMS:
        yield from ((k,) for k in range(arms))
        return
    for size in range(arms - 1, 0, -1):
        yield from combinations(range(arms), size)


def under_null(pool: Pool, true: Sequence[Claim], reference: int, uniforms: Uniforms) -> Pool | None:
    """The pool in which these hypotheses are true; None where the margin leaves no room."""
    first = true[0]
    change = -first.better * first.margin
    if first.measured or not first.margin:
        return without_difference(pool, [(claim.endpoint, claim.arm) for claim in true], reference, change)
    arms, base = [pool.arms[claim.arm] for claim in true], pool.arms[reference]

    def turns(group: int) -> object:
        return uniforms("margin", group, 0, pool.per_group)

    return at_margin(pool, arms, base, first.endpoint, change, turns)  # type: ignore[arg-type]


def named(claims: Sequence[Claim], true: Sequence[int]) -> str:
    """The null in words."""
    if len(true) == len(claims):
        return "no difference" if not claims[0].margin else "worse by the margin"
    return f"no difference in {', '.join(claims[k].name for k in true)}"
