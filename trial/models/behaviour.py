"""What a parameter set must do in its structure: every parameter given, rest holds without drug, a dose acts.

The gates that need only the numbers are in ``cohorts.gates``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cohorts.episodes import EC50, LAWS, NEEDS_EC50, OF_LAWS
from cohorts.gates import BEYOND_STRUCTURE
from cohorts.own import SetError
from cohorts.parameters import ParameterSet
from cohorts.sets import PARAMETER_SETS
from trial.models import Structure, structure_of
from trial.models.typical import course
from trial.models.wellformed import field_problems, method_problems
from trial.solver.kernel import system_of
from trial.solver.reach import reached

OUTPUTS = ("CONC", "PLT")
CURES = {
    "NON_FINITE": "method='pair' may solve what has no series where it starts",
    "STEP_LIMIT": "method='rosenbrock' is for rates far above those that are to be seen",
}
KINDRED = {"tmdd_full": ("tmdd_lifespan", {"KON": "mL/ng/h", "KDISS": "ng/mL"})}
"""A structure without a set in the catalogue: the one whose sets have its units, and the units of what is its own."""
DAYS = 70
DRIFT = 1e-6
MOVED = 1e-4
"""Least change by a dose that counts, relative to the largest value of the state: far above the solver's error."""


def structure_problems(chosen: ParameterSet) -> list[str]:
    """What the structure of a set lacks or does not know, as "NAME: ..."; no solving. Raises SetError."""
    try:
        model = structure_of(chosen)
    except KeyError as error:
        return [f"structure: {error.args[0]}"]
    if ill := field_problems(model):
        return ill
    try:
        system_of(model, outputs=True)
    except Exception as error:
        return [f"structure {model.id}: its equations cannot be read: {type(error).__name__}: {error}"]
    missing = [name for name in OUTPUTS if name not in model.output_names]
    found = [f"structure {model.id}: output {name}: not given; every structure needs it" for name in missing]
    return [*found, *_given(chosen, model), *_units(chosen)]


def _given(chosen: ParameterSet, model: Structure) -> Iterator[str]:
    given = [p.name for p in chosen.parameters]
    derived = {d.name for d in model.derived} - set(model.reads)
    read = dict.fromkeys(name for name in (*model.parameters, *model.reads) if name not in derived)
    missing = [name for name in read if name not in given and name not in dict(model.optional)]
    for name in missing:
        yield f"{name}: not given; structure {model.id} needs it"
    classes = {name for c in chosen.classes for name in (c.share, c.value)}
    for name in given:
        if name in derived:
            yield f"{name}: given, but structure {model.id} derives it"
        elif name not in {*read, *classes, *BEYOND_STRUCTURE, *OF_LAWS}:
            yield f"{name}: neither structure {model.id} nor the trial around it reads it"
    for law in NEEDS_EC50:
        if EC50 not in model.parameters and (those := [name for name in LAWS[law] if name in given]):
            yield f"{those[0]}: {law} raises {EC50}, which structure {model.id} does not have"
    if not missing:
        yield from _underived(chosen, model)
        yield from _beyond_limits(chosen, model)
        yield from method_problems(chosen, model)


def _beyond_limits(chosen: ParameterSet, model: Structure) -> Iterator[str]:
    """Typical values that the equations cannot take."""
    values = {name: np.array([value]) for name, value in model.optional}
    values |= {p.name: np.array([p.value]) for p in chosen.parameters}
    for limit in model.limits:
        try:
            kept = bool(limit.holds(values)[0])
        except Exception as error:
            yield f"structure {model.id}: limit {limit.says!r} cannot be read: {type(error).__name__}: {error}"
            continue
        if not kept:
            names = limit.says.partition(":")[0].split(" and ")
            seen = " and ".join(f"{values[name][0]:g}" for name in names if name in values)
            yield f"{limit.says.replace(':', f': value: seen {seen}; allowed:', 1)} (structure {model.id})"


def _underived(chosen: ParameterSet, model: Structure) -> Iterator[str]:
    """What ``individual`` does not compute."""
    try:
        known = model.individual({p.name: np.array([p.value]) for p in chosen.parameters})
    except Exception as error:
        yield f"structure {model.id}: derived parameters cannot be computed: {type(error).__name__}: {error}"
        return
    for name in model.parameters:
        if name not in known:
            yield f"{name}: derived by structure {model.id}, but not computed"


def _units(chosen: ParameterSet) -> Iterator[str]:
    """Units against the catalogue: equations have no units of their own, so a set must use those of its siblings."""
    kin, more = KINDRED.get(chosen.structure, (chosen.structure, {}))
    for sibling in PARAMETER_SETS:
        if sibling.structure == kin:
            units = {p.name: p.unit for p in sibling.parameters} | more
            for p in chosen.parameters:
                if units.get(p.name, p.unit) != p.unit:
                    yield f"{p.name}: unit: seen {p.unit!r}; structure {chosen.structure} takes {units[p.name]!r}"


def behaviour_problems(chosen: ParameterSet) -> list[str]:
    """What the typical man does wrong in 70 days without drug and on the lowest and highest dose of the domain."""
    low, high = chosen.validity.dose_low_mg, chosen.validity.dose_high_mg
    try:
        none, little, much = (course(chosen, dose, DAYS) for dose in (0.0, low, high))
    except SetError:
        raise
    except Exception as error:
        said = str(error).splitlines() or [""]
        cure = next((f" ({words})" for status, words in CURES.items() if status in said[0]), "")
        return [f"structure {chosen.structure}: cannot be solved: {type(error).__name__}: {said[0]}{cure}"]
    return [
        *_drift(_at_rest(chosen, none)),
        *_unmoved(chosen, none, little, low),
        *_direction(none, little, much, low, high),
    ]


def _at_rest(chosen: ParameterSet, none: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The course without drug of a set without what lets its start move."""
    restless = structure_of(chosen).restless
    kept = tuple(p for p in chosen.parameters if p.name not in restless)
    return none if len(kept) == len(chosen.parameters) else course(replace(chosen, parameters=kept), 0.0, DAYS)


def _drift(none: dict[str, np.ndarray]) -> Iterator[str]:
    for name, values in none.items():
        change = np.abs(values - values[0]).max()
        if not change <= DRIFT * abs(values[0]) + 1e-9:
            yield (
                f"{name}: moves without drug, from {values[0]:.6g} to {values[-1]:.6g} in {len(values) - 1} days; "
                "steady_state must be at rest"
            )


def _unmoved(
    chosen: ParameterSet, none: dict[str, np.ndarray], little: dict[str, np.ndarray], dose: float
) -> Iterator[str]:
    model = structure_of(chosen)
    downstream = [model.states[k].name for k in sorted(reached(system_of(model).derivatives, model.dose_state))]
    for name in dict.fromkeys([*downstream, *model.output_names]):
        largest = max(np.abs(none[name]).max(), np.abs(little[name]).max())
        if not np.abs(little[name] - none[name]).max() > MOVED * largest:
            yield f"{name}: {dose:g} mg a day do not move it, though it lies downstream of the dose"


def _direction(
    none: dict[str, np.ndarray], little: dict[str, np.ndarray], much: dict[str, np.ndarray], low: float, high: float
) -> Iterator[str]:
    counts = [float(values["PLT"][-1]) for values in (none, little, much)]
    if not counts[0] < counts[1] < counts[2]:
        said = ", ".join(f"{c:.4g}" for c in counts)
        yield f"PLT: seen {said} x 10^9/L after {DAYS} days of 0, {low:g} and {high:g} mg; it must rise with the dose"
