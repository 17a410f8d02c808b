"""What flows between the states of a structure, found in its equations.

Every derivative is multiplied out into terms: a sign, factors that depend on states, factors that do not. A term that
takes from one state what the same term, at the same rate, gives to another is a flow. The volumes may differ, and what
arrives may be multiplied by other states on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trial.models import Structure
from trial.models.equations import shared_terms
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
    pairs = {pair for pair, matches in found.items() if matches}
    lost = [{loss for (a, _), m in found.items() if a == k for loss, _ in m} for k in range(len(terms))]
    gained = [{gain for (_, b), m in found.items() if b == k for _, gain in m} for k in range(len(terms))]
    influences = {
        (s, k)
        for k, own in enumerate(terms)
        for t in own
        for s in _beyond(t, k, found)
        if s != k and (s, k) not in pairs
    }
    return Flows(
        tuple(sorted(pairs)),
        tuple(sorted(influences - _reagents(found))),
        tuple(k for k, own in enumerate(terms) if any(t.sign > 0 and t not in gained[k] for t in own)),
        tuple(k for k, own in enumerate(terms) if any(t.sign < 0 and t not in lost[k] for t in own)),
    )


Found = Mapping[tuple[int, int], list[tuple[Term, Term]]]


def _beyond(term: Term, state: int, found: Found) -> set[int]:
    """The states a term of a derivative depends on; of a gain only those that are not in the loss it comes from."""
    losses = [loss for (_, b), matches in found.items() if b == state for loss, gain in matches if gain == term]
    known = {node for loss in losses for node, _ in loss.moving}
    return states_of([node for node, _ in term.moving if node not in known])


def _reagents(found: Found) -> set[tuple[int, int]]:
    """Pairs of states that together become a third (drug and target a complex): the two flows say it already."""
    gains = {pair: {gain for _, gain in matches} for pair, matches in found.items()}
    return {(a, c) for (a, b), one in gains.items() for (c, d), other in gains.items() if b == d and one & other}


def _passes(source: int, loss: Term, gain: Term) -> bool:
    """Whether what one state loses is what another gains: at a rate in common, with the same moving factors.

    The gain may have more moving factors: what arrives is multiplied on the way.
    """
    if not (loss.sign < 0 < gain.sign and loss.moving <= gain.moving and source in loss.states):
        return False
    same = loss.moving == gain.moving
    return bool(loss.rates & gain.rates or not loss.rates or (same and not gain.rates))


Monomial = tuple[int, Counter[Node]]


def _terms(derivative: Node, shared: set[Node]) -> list[Term]:
    made = []
    for sign, factors in _Expansion(shared, {}).of(derivative, top=True):
        moving = Counter({n: k for n, k in factors.items() if n.level == Level.STATE and k})
        slow = [(n, k) for n, k in factors.items() if Level.CONSTANT < n.level < Level.STATE]
        rates = [n for n, k in slow if k > 0] or [n for n, k in slow if k < 0]
        made.append(Term(sign, frozenset(moving.items()), frozenset(rates)))
    return made


@dataclass(frozen=True, eq=False)
class _Expansion:
    """Nodes as sums of signed products; a shared product that moves with the states stays one factor.

    ``known``: what was multiplied out already, by node.
    """

    shared: set[Node]
    known: dict[Node, list[Monomial]]

    def of(self, node: Node, top: bool = False) -> list[Monomial]:
        if node in self.shared and not top and node.op not in ("add", "sub") and node.level == Level.STATE:
            return _whole(node)
        if node not in self.known:
            made = self._made(node)
            self.known[node] = made if len(made) <= MOST_TERMS else _whole(node)
        return self.known[node]

    def _made(self, node: Node) -> list[Monomial]:
        if node.op == "const":
            return [(-1 if node.value < 0 else 1, Counter())]
        if node.op == "neg":
            return _negative(self.of(node.args[0]))
        if node.op in ("add", "sub"):
            first, second = (self.of(a) for a in node.args)
            return first + (second if node.op == "add" else _negative(second))
        if node.op == "mul":
            return _multiplied(*(self.of(a) for a in node.args)) or _whole(node)
        if node.op == "div":
            return _multiplied(self.of(node.args[0]), [(1, Counter({node.args[1]: -1}))]) or _whole(node)
        return _whole(node)


def _whole(node: Node) -> list[Monomial]:
    return [(1, Counter({node: 1}))]


def _negative(terms: list[Monomial]) -> list[Monomial]:
    return [(-sign, factors) for sign, factors in terms]


def _multiplied(one: list[Monomial], other: list[Monomial]) -> list[Monomial]:
    """Every term of one times every term of the other; empty when they are too many."""
    if len(one) * len(other) > MOST_TERMS:
        return []
    return [(s * t, _together(f, g)) for s, f in one for t, g in other]


def _together(f: Counter[Node], g: Counter[Node]) -> Counter[Node]:
    both = Counter(f)
    for node, exponent in g.items():
        both[node] += exponent
    return both
