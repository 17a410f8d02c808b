"""What flows between the states of a structure, found in its equations.

Every derivative is multiplied out into terms: a sign, factors that depend on states, factors that do not. A term that
takes from one state what the same term, at the same rate, gives to another is a flow. The volumes may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trial.equations import shared_terms
from trial.models import Structure
from trial.solver.graph import Level, Node, needed, trace
from trial.solver.reach import states_of

MOST_TERMS = 64
"""A derivative with more terms than that is not multiplied out any further."""


@dataclass(frozen=True)
class Flows:
    """Pairs of states (from, to) by index, and the states with a source or a loss that goes to no other state.

    ``influences``: the first changes the rate of the second, without a flow between them that says so.
    """

    flows: tuple[tuple[int, int], ...]
    influences: tuple[tuple[int, int], ...]
    sources: tuple[int, ...]
    losses: tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """One term of a derivative: its sign, the factors with states (with exponents), and those that set its rate.

    The rate factors are the numerators among the factors without states; where there is none, the denominators (a rate
    may be written as 4 / MTT).
    """

    sign: int
    moving: frozenset[tuple[Node, int]]
    rates: frozenset[Node]

    @property
    def states(self) -> set[int]:
        """The states the term depends on."""
        return states_of([node for node, _ in self.moving])


def flows(structure: Structure) -> Flows:
    """Flows, influences, sources and losses of a structure."""
    sizes = len(structure.states), len(structure.parameters), len(structure.inputs)
    derivatives, _ = trace(structure.rhs, *sizes)
    shared = shared_terms(needed(derivatives), derivatives)
    terms = [_terms(d, shared) for d in derivatives]
    found = {
        (a, b): [(loss, gain) for loss in terms[a] for gain in terms[b] if _passes(a, loss, gain)]
        for a in range(len(terms))
        for b in range(len(terms))
        if a != b
    }
    pairs = sorted(pair for pair, matches in found.items() if matches)
    gained = [{gain for (_, b), m in found.items() if b == k for _, gain in m} for k in range(len(terms))]
    lost = [{loss for (a, _), m in found.items() if a == k for loss, _ in m} for k in range(len(terms))]
    influences = {(s, k) for k, own in enumerate(terms) for t in own if t not in gained[k] for s in t.states if s != k}
    return Flows(
        tuple(pairs),
        tuple(sorted(influences)),
        tuple(k for k, own in enumerate(terms) if any(t.sign > 0 and t not in gained[k] for t in own)),
        tuple(k for k, own in enumerate(terms) if any(t.sign < 0 and t not in lost[k] for t in own)),
    )


def _passes(source: int, loss: Term, gain: Term) -> bool:
    """Whether what one state loses is what another gains: the same moving factors, and a rate in common."""
    same = loss.sign < 0 < gain.sign and loss.moving == gain.moving and source in loss.states
    return same and bool(loss.rates & gain.rates or not loss.rates or not gain.rates)


def _terms(derivative: Node, shared: set[Node]) -> list[Term]:
    expanded = _expanded(derivative, shared, top=True)
    made = []
    for sign, factors in expanded:
        moving = Counter({n: k for n, k in factors.items() if n.level == Level.STATE and k})
        slow = [(n, k) for n, k in factors.items() if Level.CONSTANT < n.level < Level.STATE]
        rates = [n for n, k in slow if k > 0] or [n for n, k in slow if k < 0]
        made.append(Term(sign, frozenset(moving.items()), frozenset(rates)))
    return made


Monomial = tuple[int, Counter[Node]]


def _expanded(node: Node, shared: set[Node], top: bool = False) -> list[Monomial]:
    """The node as a sum of signed products; a shared term that moves with the states stays one factor."""
    whole = [(1, Counter({node: 1}))]
    if node in shared and not top and node.op not in ("add", "sub") and node.level == Level.STATE:
        return whole
    if node.op == "const":
        return [(-1 if node.value < 0 else 1, Counter())]
    if node.op in ("add", "sub", "neg"):
        parts = [_expanded(a, shared) for a in node.args]
        last = parts[-1] if node.op == "add" else [(-sign, factors) for sign, factors in parts[-1]]
        return last if len(parts) == 1 else parts[0] + last
    if node.op == "mul":
        return _multiplied([_expanded(a, shared) for a in node.args], whole)
    if node.op == "div":
        below: list[Monomial] = [(1, Counter({node.args[1]: -1}))]
        return _multiplied([_expanded(node.args[0], shared), below], whole)
    return whole


def _multiplied(parts: Sequence[list[Monomial]], whole: list[Monomial]) -> list[Monomial]:
    product: list[Monomial] = [(1, Counter())]
    for part in parts:
        if len(product) * len(part) > MOST_TERMS:
            return whole
        product = [(s * t, _together(f, g)) for s, f in product for t, g in part]
    return product


def _together(f: Counter[Node], g: Counter[Node]) -> Counter[Node]:
    both = Counter(f)
    for node, exponent in g.items():
        both[node] += exponent
    return both
