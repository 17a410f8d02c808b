"""What there is to choose from: parameter sets, populations, endpoints and structures, and every number of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.endpoints import endpoints_of
from analysis.endpoints.contract import Endpoint
from cohorts.own import SetError, is_file_name
from cohorts.parameters import ParameterSet
from cohorts.populations import POPULATIONS, Population
from cohorts.posterior import PosteriorError, joint_draws
from cohorts.sets import PARAMETER_SETS, parameter_set, rows
from trial.app.echo import restart_in_words, step_in_words
from trial.errors import Refused
from trial.models import STRUCTURES, Structure, structure_of
from trial.study.analysis_plan import Analysis
from trial.study.protocol import not_among
from trial.study.response_library import library_codes
from trial.study.rule_library import library_names, library_rule

ASSESSMENT_DAY = 56
"""Of the study whose endpoints are listed: their codes contain the week."""
SHARED = {"assessment_day": ASSESSMENT_DAY, "definitions": library_codes()}
"""And the definitions of the library, which a study names."""
SUMMARIES = {
    "rate": "share of the evaluable patients",
    "median": "median of the evaluable patients",
    "mean": "mean of the evaluable patients",
    "geomean": "geometric mean of the evaluable patients",
}


@dataclass(frozen=True)
class Entry:
    """One of the catalogue, in texts. ``kind`` is a key of ``listed()``.

    ``rows``: of a set and a population one per number, of an endpoint a single one, of a structure one per state and
    derived parameter, of a dose rule one per level and step. ``remarks``: what else is to know, of a parameter set its
    structure, what that derives, and classes of patients.
    """

    kind: str
    id: str
    title: str
    rows: list[dict[str, str]]
    remarks: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()


def listed() -> dict[str, dict[str, str]]:
    """Titles by id, by kind: "parameter sets", "populations", "endpoints" (of SHARED), "structures",
    "dose rules" (of the library).
    """
    return {
        "parameter sets": {s.id: s.title for s in PARAMETER_SETS},
        "populations": {p.id: p.title for p in POPULATIONS},
        "endpoints": {code: e.label for code, e in _endpoints().items()},
        "structures": {s.id: s.title for s in STRUCTURES},
        "dose rules": {name: library_rule(name).citation for name in library_names()},
    }


def _endpoints() -> dict[str, Endpoint]:
    """The endpoints of the catalogue, and those of the library of definitions."""
    return endpoints_of(Analysis.model_validate(SHARED))


def chosen_set(name: str) -> ParameterSet:
    """The parameter set of the catalogue, or of the user's own file. Raises Refused."""
    try:
        return parameter_set(name)
    except SetError as error:
        raise Refused(str(error)) from None
    except KeyError as error:
        raise Refused(str(error.args[0])) from None


def entry(name: str) -> Entry:
    """The entry of that id, or the parameter set of a user's own file. Raises Refused with what is allowed."""
    if is_file_name(name):
        return _of_set(chosen_set(name))
    known: dict[str, ParameterSet | Population | Endpoint] = {
        **{s.id: s for s in PARAMETER_SETS},
        **{p.id: p for p in POPULATIONS},
        **_endpoints(),
    }
    found = known.get(name) or next((s for s in STRUCTURES if s.id == name), None)
    if isinstance(found, ParameterSet):
        return _of_set(found)
    if isinstance(found, Population):
        return _of_population(found)
    if isinstance(found, Endpoint):
        return _of_endpoint(found)
    if isinstance(found, Structure):
        return _of_structure(found)
    if name in library_names():
        return _of_rule(name)
    raise Refused(f"catalogue: {not_among(name, [*known, *library_names()], 'in the catalogue')}")


def _of_rule(name: str) -> Entry:
    """A dose rule of the library: each level and step in words, and whether it was read."""
    rule = library_rule(name)
    parts = [(f"level {k}", str(level), level.status) for k, level in enumerate(rule.levels)]
    parts += [(f"steps.{k}", step_in_words(step), step.status) for k, step in enumerate(rule.steps)]
    if rule.restart:
        said = f"below {rule.restart.below_1e9L:g} at {restart_in_words(rule.restart.level)}"
        parts.append(("restart", said, rule.restart.status))
    lines = [{"part": part, "what": what, "status": status or "no status"} for part, what, status in parts]
    sure = f"Confidence {rule.confidence}. " if rule.confidence else ""
    return Entry("dose rules", name, rule.citation, lines, (f"{sure}{' '.join(rule.source.split())}",))


def _of_set(chosen: ParameterSet) -> Entry:
    cited = tuple(citation.text for citation in chosen.citations)
    said = (*_structure_in_words(chosen), *_posterior_in_words(chosen))
    return Entry("parameter sets", chosen.id, chosen.title, rows(chosen), said, cited)


def _posterior_in_words(chosen: ParameterSet) -> Iterator[str]:
    """The draws beside the set, where there are some. Raises Refused for a file that cannot be used."""
    try:
        found = joint_draws(chosen)
    except PosteriorError as error:
        raise Refused(f"the posterior of {chosen.id}: {error}") from None
    if found:
        yield f"posterior {found.in_words} (parameter_uncertainty: all)"


def _structure_in_words(chosen: ParameterSet) -> Iterator[str]:
    try:
        model = structure_of(chosen)
    except KeyError as error:
        yield f"Structure {chosen.structure}: {error.args[0]}"
        return
    yield f"Structure {model.id}: {model.title}"
    for made in model.derived:
        unit = "" if made.unit == "1" else f", {made.unit}"
        yield f"derived: {made.name}{unit}, {made.meaning}"
    for c in chosen.classes:
        share, value = chosen.parameter(c.share), chosen.parameter(c.value)
        said = f"{c.parameter} is {c.value} = {value.value:g} {'' if value.unit == '1' else value.unit}".rstrip()
        yield f"class {c.name}: {100 * share.value:.3g} % of patients ({c.share}); {said}"


def _of_population(found: Population) -> Entry:
    numbers = [
        {"name": p.name, "value": f"{p.value:.4g}", "unit": p.unit, "status": p.status, "source": p.source.text}
        | {"reported_as": p.reported_as, "note": p.note}
        for p in found.parameters
    ]
    return Entry("populations", found.id, found.title, numbers, (), tuple(c.text for c in found.citations))


def _of_endpoint(found: Endpoint) -> Entry:
    said = {
        "definition": found.definition,
        "unit": "%, of yes or no" if found.summary == "rate" else found.unit,
        "better": "neither" if found.benefit == "none" else found.benefit,
        "summary": SUMMARIES[found.summary],
        "source": found.source,
    }
    needs = {
        "pk_sampling": found.needs_profile,
        "pk_sampling.visit_day: 0": found.needs_first_dose,
        "pk_sampling.partial_auc_h": found.needs_partial,
        "pk_sampling over a later interval": found.needs_last_interval,
        "chemotherapy": found.needs_chemotherapy,
        f"{found.proxy} in tolerability.proxies": bool(found.proxy),
    }
    needs[f"{found.code} in analysis.definitions"] = bool(found.words)
    remarks = tuple(f"Only of a study with {what}." for what, needed in needs.items() if needed)
    return Entry("endpoints", found.code, found.label, [said], remarks)


def _of_structure(found: Structure) -> Entry:
    kinds = {"state": found.states, "derived": found.derived}
    said = [{"kind": kind, "name": s.name, "unit": s.unit, "meaning": s.meaning} for kind in kinds for s in kinds[kind]]
    return Entry("structures", found.id, found.title, said)
