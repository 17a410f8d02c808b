"""What a user's own structure must be before it is solved: fields of their type, and a word on what changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from cohorts.parameters import ParameterSet, is_number, near
from cohorts.shape import shown
from trial.models import Days, State, Structure
from trial.solver.graph import needed
from trial.solver.kernel import STEPPERS, method_of, system_of
from trial.solver.structure import Limit

KNOWN = ("kill", "meal")
"""What a structure may take beside doses."""
TEXTS = ("id", "title")
NAMES = ("parameters", "inputs", "output_names", "reads", "takes", "drug", "restless")
RECORDS = {"states": State, "derived": State, "limits": Limit}
FUNCTIONS = ("rhs", "outputs", "steady_state", "daily_events", "individual")
MOVED = 1.1


def field_problems(model: Structure) -> list[str]:
    """Fields that are not of their type, repeat themselves or name what there is not, as "structure X: field: ..."."""
    return [f"structure {model.id}: {line}" for line in (*_types(model), *_words(model), *_strangers(model))]


def _types(model: Structure) -> Iterator[str]:
    for name in TEXTS:
        if not isinstance(getattr(model, name), str):
            yield f"{name}: seen {shown(getattr(model, name))}; allowed: text"
    for name in NAMES:
        said = getattr(model, name)
        if not isinstance(said, tuple) or not all(isinstance(one, str) for one in said):
            yield f"{name}: seen {shown(said)}; allowed: a tuple of names"
        elif len(set(said)) < len(said):
            yield f"{name}: seen {shown(said)}; allowed: each name once"
    for name, kind in RECORDS.items():
        said = getattr(model, name)
        if not isinstance(said, tuple) or not all(isinstance(one, kind) for one in said):
            yield f"{name}: seen {shown(said)}; allowed: a tuple of trial.models.{kind.__name__}"
        elif kind is State and len({one.name for one in said}) < len(said):
            yield f"{name}: seen {', '.join(one.name for one in said)}; allowed: each name once"
    for name in FUNCTIONS:
        if not callable(getattr(model, name)):
            yield f"{name}: seen {shown(getattr(model, name))}; allowed: a function"


def _words(model: Structure) -> Iterator[str]:
    states = len(model.states) if isinstance(model.states, tuple) else 0
    if isinstance(model.dose_state, bool) or model.dose_state not in range(states):
        yield f"dose_state: seen {shown(model.dose_state)}; allowed: the place of a state, 0 to {states - 1}"
    if model.method is not None and model.method not in STEPPERS:
        allowed = f"{', '.join(STEPPERS)}, or None{near(model.method, STEPPERS)}"
        yield f"method: seen {shown(model.method)}; allowed: {allowed}"
    if not _shares_of_states(model):
        allowed = "pairs of a state and its share, which sum to 1"
        yield f"transfused: seen {shown(model.transfused)}; allowed: {allowed}"
    if not _left_out(model):
        yield f"optional: seen {shown(model.optional)}; allowed: pairs of a parameter and the number that it then is"
    for word in model.takes if isinstance(model.takes, tuple) else ():
        if word not in KNOWN:
            yield f"takes: seen {shown(word)}; allowed: {', '.join(KNOWN)}{near(word, KNOWN)}"


def _left_out(model: Structure) -> bool:
    """Whether ``optional`` is empty, or pairs of a parameter and a number."""
    try:
        return all(name in model.parameters and is_number(value) for name, value in model.optional)
    except (TypeError, ValueError):
        return False


def _shares_of_states(model: Structure) -> bool:
    """Whether ``transfused`` is empty, or shares of states that sum to 1."""
    if model.transfused == ():
        return True
    try:
        names, shares = zip(*model.transfused, strict=True)
        known = {state.name for state in model.states}
        return set(names) <= known and min(shares) > 0 and abs(sum(shares) - 1.0) < 1e-9
    except (TypeError, ValueError, AttributeError):
        return False


def _strangers(model: Structure) -> Iterator[str]:
    """Parameters of the drug that are none of the equations, and of a start that moves that are always given."""
    if isinstance(model.drug, tuple) and isinstance(model.parameters, tuple):
        for name in model.drug:
            if name not in model.parameters:
                yield f"drug: seen {shown(name)}; allowed: parameters{near(str(name), model.parameters)}"
    if isinstance(model.restless, tuple) and _left_out(model):
        optional = dict(model.optional)
        for name in model.restless:
            if name not in optional:
                yield f"restless: seen {shown(name)}; allowed: parameters of optional{near(str(name), optional)}"


def method_problems(chosen: ParameterSet, model: Structure) -> Iterator[str]:
    """A method the equations do not allow, and occasion effects on what is read once."""
    wanted = method_of(replace(model, method=None))
    if model.method == "exact" != wanted:
        yield f"structure {model.id}: method: seen 'exact'; allowed: {wanted} (the equations are not linear)"
    weekly = [e.parameter for e in chosen.effects("occasion") if e.parameter in (*model.parameters, *model.reads)]
    now = read_every_day(chosen, model) if weekly else set()
    for name in weekly:
        if name not in now:
            yield f"variance of {name} between occasions: changes nothing: {name} is read once, when a patient is drawn"


def read_every_day(chosen: ParameterSet, model: Structure) -> set[str]:
    """Parameters that equations, outputs or events read themselves, not only the start or what follows from them."""
    typical = _individual({p.name: np.array([p.value]) for p in chosen.parameters}, model)
    n = len(model.parameters)
    p = np.tile(typical, (n + 1, 1))
    p[np.arange(n), np.arange(n)] /= MOVED
    acts = _acts(model, p, kill=1.0, meal_h=1.0)[:-1]
    acted = {name for k, name in enumerate(model.parameters) if not _same([a[k] for a in acts], [a[-1] for a in acts])}
    return acted | {model.parameters[k] for k in _read_by_equations(model)}


def _read_by_equations(model: Structure) -> list[int]:
    """Places of the parameters that stand in the equations or outputs."""
    system = system_of(model, outputs=True)
    return sorted({int(n.value) for n in needed([*system.derivatives, *system.outputs]) if n.op == "parameter"})


def idle(chosen: ParameterSet, model: Structure) -> list[str]:
    """Parameters of the structure that move no equation, output, event or start when they are a tenth smaller."""
    own = [p.name for p in chosen.parameters if p.name in (*model.parameters, *model.reads) and p.value > 0]
    values = {p.name: np.full(len(own) + 1, p.value) for p in chosen.parameters}
    for k, name in enumerate(own):
        values[name][k] /= MOVED
    p = _individual(values, model)
    acts = [p[:, _read_by_equations(model)], *_acts(model, p, kill=1.0, meal_h=1.0)]
    return [name for k, name in enumerate(own) if _same([a[k] for a in acts], [a[-1] for a in acts])]


def taken_without_effect(chosen: ParameterSet, model: Structure) -> list[str]:
    """What the structure says it takes, though its days are the same without."""
    typical = {p.name: np.array([p.value]) for p in chosen.parameters}
    p, given = _individual(typical, model), {"kill": {"kill": 1.0}, "meal": {"meal_h": 1.0}}
    return [word for word in model.takes if _same(_acts(model, p), _acts(model, p, **given[word]))]


def _individual(values: dict[str, np.ndarray], model: Structure) -> np.ndarray:
    """Parameters in the order of the structure, (n, P), from those of the set, (n,) each."""
    found = model.individual(values)
    return np.stack([found[name] for name in model.parameters], axis=1)


def _acts(model: Structure, p: np.ndarray, **more: Any) -> list[np.ndarray]:
    """Events of a day with a dose and one without, and the start."""
    start_h, dose_mg = (np.tile(day, (len(p), 1)) for day in ([0.0, 24.0], [5.0, 0.0]))
    events = model.daily_events(p, Days.of(start_h, dose_mg, **more))
    with np.errstate(all="ignore"):
        start = model.steady_state(p, events.inputs[:, 0])
    return [events.time_h, events.amount, events.inputs, np.asarray(start)]


def _same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    alike = (
        x.shape == y.shape and np.allclose(x, y, rtol=1e-9, atol=0.0, equal_nan=True) for x, y in zip(a, b, strict=True)
    )
    return all(alike)
