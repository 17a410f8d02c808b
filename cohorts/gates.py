"""What every parameter set must satisfy before it is used, whether it stands in the catalogue or in a user's file.

The gates that need the equations are in ``trial.models.behaviour``.
"""

from __future__ import annotations

from collections.abc import Iterator

from cohorts.citations import THIS_ENGINE
from cohorts.covariates import CATEGORIES, LIMITS
from cohorts.episodes import FOR_LIFE, LAWS
from cohorts.parameters import (
    Correlation,
    CovariateEffect,
    Parameter,
    ParameterSet,
    RandomEffect,
    near,
)
from cohorts.units import UNITS
from cohorts.variability import cholesky

STATUSES = ("published", "derived", "calibrated", "assumed")
BEYOND_STRUCTURE = {
    "FLUCT_SD": "1", "FLUCT_TAU": "d", "ASSAY_CV": "fraction", "CONC_CV": "fraction",
    "RESCUE_H0": "1/wk", "RESCUE_SCALE": "10^9/L", "RESCUE_DROP": "1", "RESCUE_TAU": "d",
    "BLEED_A": "1", "BLEED_B": "1", "BLEED_RHO": "fraction", "BLEED_C2": "1", "BLEED_C3": "1", "BLEED_C4": "1",
}  # fmt: skip
"""What the trial around the equations needs of every set, and the unit it is read in."""
BASE = "BASE"
NUMBERS = ("AGE", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "BLPLAT", "BLBLEED")
"""Columns of every patient that are numbers."""
SIGNED = ("BLEED_A",)
"""Parameters that may be negative."""
MAY_BE_ZERO = ("R0", "DESTRUCTION")
"""No target: linear disposition; no immune destruction."""
LARGEST_FRACTION = 0.99
IN_ORDER = (("LAG", "TSWITCH"),)
"""Parameters of which the first may not pass the second: times after a dose."""
SHARES = (("FP", "FM"),)
"""Shares of one whole: together at most LARGEST_FRACTION."""
AT_MOST, AT_LEAST = {"ETA": 1.0, "HILL": 2.0}, {"HILL": 1.0}
"""Largest and smallest possible values: of an occupancy, and of an exponent that is made of 1 and 2."""
UNITS_LEFT_OUT = {"HILL": "1", "RECOVERS": "fraction", "AHEAD": "h"}
"""Units of parameters that no set of the catalogue gives: there is no other set to compare with."""
SWITCHES = ("DESTRUCTION",)
"""0 or 1, nothing between."""
Sourced = RandomEffect | Correlation | CovariateEffect
CUTS = ("BLEED_C2", "BLEED_C3", "BLEED_C4")


def problems(chosen: ParameterSet) -> list[str]:
    """What is wrong with the numbers of a set, as "NAME: what was seen, what is allowed"; empty when nothing is."""
    found = [line for p in chosen.parameters for line in naked(p)]
    items: list[Sourced] = [*chosen.random_effects, *chosen.correlations, *chosen.covariate_effects]
    found += [line for item in items for line in _unsourced(item)]
    found += [*_values(chosen), *_together(chosen), *_beyond(chosen), *_laws(chosen), *_covariance(chosen)]
    found += _domain(chosen)
    return [*found, *_uncertain(chosen), *_effects(chosen), *_covariates(chosen), *_idle(chosen), *_citations(chosen)]


def _uncertain(chosen: ParameterSet) -> Iterator[str]:
    """Standard errors of numbers that the set does not have, as one that was made from another set may, or that have
    two.
    """
    known = [*(p.name for p in chosen.parameters), *chosen.variances]
    together = [name for block in chosen.uncertainty for name in block.names]
    for p in chosen.parameters:
        if p.rse_percent is not None and p.name in together:
            yield f"{p.name}: rse_percent: seen {p.rse_percent:g}; allowed: none, as uncertainty has its standard error"
    for name in together:
        if name not in known and name not in BEYOND_STRUCTURE:
            yield f"uncertainty: {name}: no number of this set; allowed: one that it has, or none{near(name, known)}"


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
    name = _name(item)
    yield from _origin(name, item)
    if isinstance(item, RandomEffect) and item.status == "published" and not item.reported_as:
        yield f"{name}: reported_as: say on which scale it was reported"


def _name(item: Sourced) -> str:
    if isinstance(item, Correlation):
        return f"correlation of {item.a} and {item.b}"
    if isinstance(item, CovariateEffect):
        return f"{item.covariate} on {item.parameter}"
    return f"variance of {item.parameter}{' between occasions' if item.level == 'occasion' else ''}"


def may_be_zero(chosen: ParameterSet) -> set[str]:
    """Parameters of the set for which 0 makes sense."""
    return {*MAY_BE_ZERO, *(c.value for c in chosen.classes)} & {p.name for p in chosen.parameters}


def _values(chosen: ParameterSet) -> Iterator[str]:
    zero = may_be_zero(chosen)
    for p in chosen.parameters:
        if p.name not in SIGNED and (p.value < 0 or (p.value == 0 and p.name not in zero)):
            yield f"{p.name}: value: seen {p.value:g}; allowed: more than 0"
        if p.unit == "fraction" and p.value >= 1:
            yield f"{p.name}: value: seen {p.value:g}; a fraction must be below 1"
    given = {p.name: p.value for p in chosen.parameters}
    cuts = [given[name] for name in CUTS if name in given]
    if cuts != sorted(cuts):
        yield f"{', '.join(CUTS)}: seen {', '.join(f'{c:g}' for c in cuts)}; they must rise with the grade"


def _together(chosen: ParameterSet) -> Iterator[str]:
    """Values that do not fit each other, or the thing they stand for."""
    given = {p.name: p.value for p in chosen.parameters}
    for first, second in IN_ORDER:
        if first in given and second in given and given[first] > given[second]:
            yield f"{first}: value: seen {given[first]:g}; allowed: at most {second}, {given[second]:g}"
    for shares in SHARES:
        total = sum(given.get(name, 0.0) for name in shares)
        if total > LARGEST_FRACTION + 1e-9:
            yield f"{' and '.join(shares)}: seen {total:g} together; allowed: at most {LARGEST_FRACTION:g}"
    for name, most in AT_MOST.items():
        if given.get(name, most) > most:
            yield f"{name}: value: seen {given[name]:g}; allowed: at most {most:g}"
    for name, least in AT_LEAST.items():
        if given.get(name, least) < least:
            yield f"{name}: value: seen {given[name]:g}; allowed: at least {least:g}"
    for c in chosen.classes:
        if chosen.parameter(c.share).unit != "fraction":
            yield f"class {c.name}: share: {c.share} is in {chosen.unit(c.share)!r}; a fraction is needed"
        units = chosen.unit(c.value), chosen.unit(c.parameter)
        if units[0] != units[1]:
            yield f"class {c.name}: {c.value} is in {units[0]!r}, {c.parameter} in {units[1]!r}"


def _domain(chosen: ParameterSet) -> Iterator[str]:
    """A validity domain that no patient or dose can be in."""
    domain = chosen.validity
    if not 0 < domain.dose_low_mg <= domain.dose_high_mg:
        allowed = f"more than 0, at most dose_high_mg, {domain.dose_high_mg:g}"
        yield f"validity: dose_low_mg: seen {domain.dose_low_mg:g}; allowed: {allowed}"
    for r in domain.ranges:
        if r.covariate not in NUMBERS:
            yield f"validity: ranges: seen {r.covariate!r}; allowed: {', '.join(NUMBERS)}{near(r.covariate, NUMBERS)}"
        elif not r.low < r.high:
            yield f"validity: ranges: {r.covariate}: seen {r.low:g} to {r.high:g}; allowed: the lower end first"
        elif r.covariate in LIMITS and r.unit != LIMITS[r.covariate][2]:
            yield f"validity: ranges: {r.covariate}: unit: seen {r.unit!r}; it is in {LIMITS[r.covariate][2]!r}"


def _moving(chosen: ParameterSet) -> tuple[RandomEffect | CovariateEffect, ...]:
    return (*chosen.random_effects, *chosen.covariate_effects)


def _effects(chosen: ParameterSet) -> Iterator[str]:
    """The scale of every effect: logit for what lies between 0 and 1, log for the rest."""
    for item in _moving(chosen):
        named = [p for p in chosen.parameters if p.name == item.parameter]
        wanted = "logit" if any(p.bounded for p in named) else "log"
        if item.scale != wanted:
            why = "lies between 0 and 1" if wanted == "logit" else "has no upper end"
            yield f"{_name(item)}: scale: seen {item.scale!r}; allowed: {wanted} ({item.parameter} {why})"


def _covariates(chosen: ParameterSet) -> Iterator[str]:
    """Forms and categories against what the columns of every patient hold; columns of a user's file are seen there."""
    for x in chosen.covariate_effects:
        words = CATEGORIES.get(x.covariate)
        if len({other.form for other in chosen.covariate_effects if other.covariate == x.covariate}) > 1:
            yield f"{_name(x)}: form: {x.covariate} is a number (power) in one effect, a category (factor) in another"
        if x.covariate in NUMBERS and x.form != "power":
            yield f"{_name(x)}: form: seen {x.form!r}; allowed: power ({x.covariate} is a number)"
        if words and x.form != "factor":
            yield f"{_name(x)}: form: seen {x.form!r}; allowed: factor ({x.covariate} is one of {', '.join(words)})"
        elif words:
            for key, seen in (("reference", x.reference), ("category", x.category)):
                if seen and seen not in words:
                    yield f"{_name(x)}: {key}: seen {seen!r}; allowed: {', '.join(words)}{near(seen, words)}"


def _idle(chosen: ParameterSet) -> Iterator[str]:
    """Effects and errors that would change nothing."""
    classes = {name: c.name for c in chosen.classes for name in (c.share, c.value)}
    zero = {name for name in may_be_zero(chosen) if chosen.value(name) == 0}
    for item in _moving(chosen):
        weekly = isinstance(item, RandomEffect) and item.level == "occasion"
        if item.parameter in zero:
            yield f"{_name(item)}: changes nothing: {item.parameter} is 0"
        if item.parameter == BASE and not weekly:
            yield f"{_name(item)}: changes nothing: the patient's own count takes the place of {BASE}"
        if weekly and item.parameter in FOR_LIFE:
            yield f"{_name(item)}: changes nothing: it is read once, when a patient is drawn; allowed: level patient"
        if weekly and item.parameter in classes:
            who = classes[item.parameter]
            yield f"{_name(item)}: changes nothing: patients are in class {who} for life; allowed: level patient"
    for name in chosen.rse_percent:
        if name in zero:
            yield f"{name}: rse_percent: changes nothing: {name} is 0"
        if name == BASE:
            yield f"{name}: rse_percent: changes nothing: the patient's own count takes the place of {BASE}"


def _beyond(chosen: ParameterSet) -> Iterator[str]:
    given = {p.name: p.unit for p in chosen.parameters}
    for name, unit in BEYOND_STRUCTURE.items():
        if name not in given:
            yield f"{name}: not given; every set needs it, in {unit if unit != '1' else 'no unit'}"
        elif given[name] != unit:
            yield f"{name}: unit: seen {given[name]!r}; it is read in {unit!r}"


def _laws(chosen: ParameterSet) -> Iterator[str]:
    """Laws of which a set gives a part only, and their units; those of what a set may leave out."""
    given = {p.name: p.unit for p in chosen.parameters}
    for name, unit in UNITS_LEFT_OUT.items():
        if given.get(name, unit) != unit:
            yield f"{name}: unit: seen {given[name]!r}; it is read in {unit!r}"
    for law, needed in LAWS.items():
        for name, unit in needed.items():
            if name in given and given[name] != unit:
                yield f"{name}: unit: seen {given[name]!r}; it is read in {unit!r}"
            elif name not in given and (others := [one for one in needed if one in given]):
                in_unit = f"in {unit if unit != '1' else 'no unit'}"
                yield f"{name}: not given; {law} ({', '.join(others)}) needs it, {in_unit}"


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
