"""What every parameter set must satisfy before it is used, whether it stands in the catalogue or in a user's file.

The gates that need the equations are in ``trial.models.behaviour``.
"""

from __future__ import annotations

from collections.abc import Iterator

from cohorts.citations import THIS_ENGINE
from cohorts.parameters import Correlation, CovariateEffect, Parameter, ParameterSet, RandomEffect
from cohorts.units import UNITS
from cohorts.variability import cholesky

STATUSES = ("published", "derived", "calibrated", "assumed")
BEYOND_STRUCTURE = {
    "FLUCT_SD": "1", "FLUCT_TAU": "d", "ASSAY_CV": "fraction", "CONC_CV": "fraction",
    "RESCUE_H0": "1/wk", "RESCUE_SCALE": "10^9/L", "RESCUE_DROP": "1", "RESCUE_TAU": "d",
    "BLEED_A": "1", "BLEED_B": "1", "BLEED_RHO": "fraction", "BLEED_C2": "1", "BLEED_C3": "1", "BLEED_C4": "1",
}  # fmt: skip
"""What the trial around the equations needs of every set, and the unit it is read in."""
SIGNED = ("BLEED_A",)
"""Parameters that may be negative."""
MAY_BE_ZERO = ("R0", "DESTRUCTION")
"""No target: linear disposition; no immune destruction."""
Sourced = RandomEffect | Correlation | CovariateEffect
CUTS = ("BLEED_C2", "BLEED_C3", "BLEED_C4")


def problems(chosen: ParameterSet) -> list[str]:
    """What is wrong with the numbers of a set, as "NAME: what was seen, what is allowed"; empty when nothing is."""
    found = [line for p in chosen.parameters for line in naked(p)]
    items: list[Sourced] = [*chosen.random_effects, *chosen.correlations, *chosen.covariate_effects]
    found += [line for item in items for line in _unsourced(item)]
    return [*found, *_values(chosen), *_beyond(chosen), *_covariance(chosen), *_citations(chosen)]


def naked(p: Parameter) -> Iterator[str]:
    """What a number lacks: a known unit, a source, a status, the scale it was reported on, or why it was assumed."""
    if p.unit not in UNITS:
        yield f"{p.name}: unit: seen {p.unit!r}; allowed: {', '.join(UNITS)}"
    yield from _origin(p.name, p)
    if p.status in ("published", "derived"):
        if p.source.citation == THIS_ENGINE:
            yield f"{p.name}: source: a {p.status} number needs a publication"
        if not (p.reported_as or "matched" in p.note):
            yield f"{p.name}: reported_as: say on which scale the {p.status} number was reported"
    if p.status == "assumed" and not (p.note or p.reported_as):
        yield f"{p.name}: note: say why it was assumed"


def _origin(name: str, item: Parameter | RandomEffect | Correlation | CovariateEffect) -> Iterator[str]:
    if not item.source.locator:
        yield f"{name}: source: no locator; say where in {item.source.citation.short} the number stands"
    if item.status not in STATUSES:
        yield f"{name}: status: seen {item.status!r}; allowed: {', '.join(STATUSES)}"


def _unsourced(item: Sourced) -> Iterator[str]:
    if isinstance(item, Correlation):
        name = f"correlation of {item.a} and {item.b}"
    elif isinstance(item, CovariateEffect):
        name = f"{item.covariate} on {item.parameter}"
    else:
        name = f"variance of {item.parameter}"
    yield from _origin(name, item)
    if isinstance(item, RandomEffect) and item.status == "published" and not item.reported_as:
        yield f"{name}: reported_as: say on which scale it was reported"


def _values(chosen: ParameterSet) -> Iterator[str]:
    zero = {*MAY_BE_ZERO, *(c.value for c in chosen.classes)}
    for p in chosen.parameters:
        if p.name not in SIGNED and (p.value < 0 or (p.value == 0 and p.name not in zero)):
            yield f"{p.name}: value: seen {p.value:g}; allowed: more than 0"
        if p.unit == "fraction" and p.value >= 1:
            yield f"{p.name}: value: seen {p.value:g}; a fraction must be below 1"
    given = {p.name: p.value for p in chosen.parameters}
    cuts = [given[name] for name in CUTS if name in given]
    if cuts != sorted(cuts):
        yield f"{', '.join(CUTS)}: seen {', '.join(f'{c:g}' for c in cuts)}; they must rise with the grade"


def _beyond(chosen: ParameterSet) -> Iterator[str]:
    given = {p.name: p.unit for p in chosen.parameters}
    for name, unit in BEYOND_STRUCTURE.items():
        if name not in given:
            yield f"{name}: not given; every set needs it, in {unit if unit != '1' else 'no unit'}"
        elif given[name] != unit:
            yield f"{name}: unit: seen {given[name]!r}; it is read in {unit!r}"


def _covariance(chosen: ParameterSet) -> Iterator[str]:
    for c in chosen.correlations:
        if not -1 < c.value < 1:
            yield f"correlation of {c.a} and {c.b}: seen {c.value:g}; allowed: between -1 and 1"
    try:
        cholesky(chosen)
    except ValueError as error:
        yield f"covariance of the random effects: {error}"


def _citations(chosen: ParameterSet) -> Iterator[str]:
    cited = chosen.citations
    for c in cited:
        if not (c.doi or c.pmid or c.pmcid or c.registry or c.note) or not (c.title and c.authors):
            yield f"citation {c.id}: cannot be found: title, authors and one of doi, pmid, pmcid, registry or note"
        if not 1950 < c.year < 2100:
            yield f"citation {c.id}: year: seen {c.year}"
    ids = [c.id for c in cited]
    for repeated in sorted({name for name in ids if ids.count(name) > 1}):
        yield f"citation {repeated}: two different citations have this id"
