"""Every assumed number of a parameter set at half and at one and a half times its value, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from cohorts.gates import AT_LEAST, AT_MOST, IN_ORDER, LARGEST_FRACTION, SHARES, SWITCHES
from cohorts.parameters import LARGEST_VARIANCE, OCCASION, OMEGA, ParameterSet

FACTORS = (0.5, 1.5)


@dataclass(frozen=True)
class Assumed:
    """An assumed number: a parameter, OMEGA_<parameter> (variance between patients) or OCCASION_<parameter>."""

    name: str
    value: float
    unit: str

    @property
    def meaning(self) -> str:
        """What kind of number it is."""
        if self.name.startswith(OMEGA):
            return "variance between patients"
        return "variance between occasions" if self.name.startswith(OCCASION) else "typical value"


@dataclass(frozen=True)
class Variant:
    """The set with one assumed number changed; ``limited`` says why it is not exactly ``factor`` times as large."""

    assumed: Assumed
    factor: float
    value: float
    limited: str
    parameter_set: ParameterSet


def assumed(parameter_set: ParameterSet) -> tuple[Assumed, ...]:
    """Every typical value and variance with status "assumed", in the order of the set."""
    typical = [Assumed(p.name, p.value, p.unit) for p in parameter_set.parameters if p.status == "assumed"]
    varying = [e for e in parameter_set.random_effects if e.status == "assumed"]
    return (*typical, *(Assumed(e.name, e.variance, f"{e.scale}-scale variance") for e in varying))


def variants(parameter_set: ParameterSet) -> tuple[Variant, ...]:
    """Two for each assumed number; none for a number that is 0 and for a switch, which have nothing to halve."""
    none = nothing_to_halve(parameter_set)
    moved = [a for a in assumed(parameter_set) if a.name not in none]
    return tuple(_variant(parameter_set, a, factor) for a in moved for factor in FACTORS)


def nothing_to_halve(parameter_set: ParameterSet) -> tuple[str, ...]:
    """Names of the assumed numbers that are 0, and of the switches."""
    return tuple(a.name for a in assumed(parameter_set) if not a.value or a.name in SWITCHES)


def _variant(parameter_set: ParameterSet, number: Assumed, factor: float) -> Variant:
    value, limited = factor * number.value, ""
    if number.unit == "fraction" and value > LARGEST_FRACTION:
        value, limited = LARGEST_FRACTION, f"a fraction, at most {LARGEST_FRACTION:g}"
    if number.name in parameter_set.variances and value > LARGEST_VARIANCE:
        value, limited = LARGEST_VARIANCE, f"a variance, at most {LARGEST_VARIANCE:g}"
    named = {p.name: p.value for p in parameter_set.parameters}
    for first, second in IN_ORDER:
        if number.name == first and second in named and value > named[second]:
            value, limited = named[second], f"not after {second}"
        if number.name == second and first in named and value < named[first]:
            value, limited = named[first], f"not before {first}"
    if value > AT_MOST.get(number.name, value):
        value, limited = AT_MOST[number.name], f"at most {AT_MOST[number.name]:g}"
    if value < AT_LEAST.get(number.name, value):
        value, limited = AT_LEAST[number.name], f"at least {AT_LEAST[number.name]:g}"
    for shares in SHARES:
        rest = sum(named[other] for other in shares if other != number.name and other in named)
        if number.name in shares and value > LARGEST_FRACTION - rest:
            others = " and ".join(other for other in shares if other != number.name)
            value, limited = LARGEST_FRACTION - rest, f"with {others} at most {LARGEST_FRACTION:g}"
    return Variant(number, factor, value, limited, parameter_set.with_values({number.name: value}))
