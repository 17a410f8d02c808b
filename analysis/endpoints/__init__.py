"""All endpoints, by their code in a study, evaluated and written as the endpoints table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.endpoints.adverse import ADVERSE_ENDPOINTS, ADVERSE_TIMES
from analysis.endpoints.chemotherapy import CHEMOTHERAPY_ENDPOINTS
from analysis.endpoints.columns import coded, distinct
from analysis.endpoints.contract import Endpoint, Evaluated, when
from analysis.endpoints.count_proxies import TOLERABILITY_ENDPOINTS
from analysis.endpoints.counts import COUNT_ENDPOINTS
from analysis.endpoints.defined import defined
from analysis.endpoints.durable import DURABLE_ENDPOINTS
from analysis.endpoints.exposure import EXPOSURE_ENDPOINTS, last_interval
from analysis.endpoints.off_drug import RELAPSE_TIMES
from analysis.endpoints.records import Records, patient_columns
from analysis.endpoints.response import RESPONSE_ENDPOINTS
from analysis.endpoints.time_to_event import TIMES, TTRESC, Times, TimeTo
from trial.study.analysis_plan import Analysis
from trial.study.dose_response import dose_response_problems
from trial.study.estimand import MEASURED
from trial.study.exposure_response import lacking_for_curves
from trial.study.protocol import Problem, not_among
from trial.study.study import Study
from trial.tables import KEY, TEXT, field

ENDPOINTS: tuple[Endpoint, ...] = (
    *RESPONSE_ENDPOINTS,
    *COUNT_ENDPOINTS,
    *DURABLE_ENDPOINTS,
    *CHEMOTHERAPY_ENDPOINTS,
    *TOLERABILITY_ENDPOINTS,
    *ADVERSE_ENDPOINTS,
    *EXPOSURE_ENDPOINTS,
)

COUNT_TIMES: tuple[TimeTo, ...] = (*TIMES, *RELAPSE_TIMES)
"""Times that follow from counts and rescue."""
EVENT_TIMES: tuple[TimeTo, ...] = (*COUNT_TIMES, *ADVERSE_TIMES)

NOT_OF_COUNTS = ("COMPL", "CITRESP", "CHEMOPL", "CHEMO2")
"""Yes or no endpoints that depend on more than counts, of which a truth after leaving is not simulated."""
DEFAULT_PRIMARY: str = Analysis.model_fields["primary"].default

ENDPOINTS_SCHEMA = pa.schema(
    [
        *KEY,
        field("ARM", TEXT, "Treatment arm"),
        field("STRATUM", TEXT, "Randomisation stratum"),
        field("PARAMCD", TEXT, "Endpoint"),
        field("AVAL", pa.float64(), "Value; 1 and 0 for yes and no", "see the unit of the endpoint"),
        field("EVALFL", TEXT, "Evaluable, Y or N"),
        field("REASON", TEXT, "Why not evaluable"),
    ]
)


def catalogue(assessment_day: int) -> dict[str, Endpoint]:
    """Every endpoint by its code in a study assessed on this day (RESPW8 for day 56), labels filled in."""
    return {e.code: e for e in _named(assessment_day)}


@lru_cache(maxsize=32)
def _named(assessment_day: int) -> tuple[Endpoint, ...]:
    short, long = when(assessment_day)
    return tuple(
        replace(e, code=e.code.format(when=short), label=e.label.format(when=short, long=long)) for e in ENDPOINTS
    )


def endpoints_of(plan: Analysis) -> dict[str, Endpoint]:
    """Every endpoint by its code that a study may name: those of the catalogue, and those that it defines."""
    known = catalogue(plan.assessment_day)
    return known | defined(plan.definitions, known, plan.response_threshold_1e9L, plan.assessment_day)


def problems(codes: Iterable[str], assessment_day: int, own: Sequence[str] = ()) -> list[str]:
    """One sentence per code that neither the catalogue has nor is the study's ``own``: what was seen, what is allowed,
    and the nearest known code.
    """
    known = (*catalogue(assessment_day), *own)
    what = f"an endpoint assessed on day {assessment_day}"
    return [not_among(code, known, what, _meant(code, assessment_day)) for code in codes if code not in known]


def _meant(seen: str, assessment_day: int) -> str:
    """What is meant by several codes in one text, by the words of an endpoint, or by a code of another day."""
    known, parts = catalogue(assessment_day), re.split(r"[\s;,/|]+", seen)
    if len(parts) > 1 and all(part in known for part in parts):
        return f"; commas between the entries: did you mean [{', '.join(dict.fromkeys(parts))}]?"
    words = seen.strip().lower()
    named = [code for code, e in known.items() if " " in words and e.label.lower().startswith(words)]
    here, day = of_another_day(seen, assessment_day)
    if here:
        return f"; did you mean {here}? {seen} needs analysis.assessment_day: {day}"
    return f"; did you mean {named[0]}?" if named else ""


def of_another_day(code: str, assessment_day: int) -> tuple[str, int]:
    """The same endpoint on this day, of a code of another day, and that day: RESPW12 on day 56 is RESPW8 and 84."""
    match = re.fullmatch(r"(.+?)([WD])(\d{1,4})", code)
    here = match[1] + when(assessment_day)[0] if match else ""
    if not match or here == code or here not in catalogue(assessment_day):
        return "", 0
    return here, int(match[3]) * (7 if match[2] == "W" else 1)


def config_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Endpoints a config names that do not exist; data may be wrong."""
    analysis = data.get("analysis")
    day = analysis.get("assessment_day") if isinstance(analysis, Mapping) else None
    if not isinstance(analysis, Mapping) or not isinstance(day, int):
        return
    named = analysis.get("endpoints")
    listed = named if isinstance(named, Sequence) and not isinstance(named, str) else ()
    places = [(("analysis", "endpoints", k), code) for k, code in enumerate(listed)]
    known = (*catalogue(day), *own_codes(analysis.get("definitions")))
    visits = data.get("visits")
    days = visits.get("days") if isinstance(visits, Mapping) and not visits.get("every") else None
    no_visit = isinstance(days, list) and day not in days
    for path, code in [(("analysis", "primary"), analysis.get("primary", DEFAULT_PRIMARY)), *places]:
        if not isinstance(code, str) or (no_visit and of_another_day(code, day)[0]):
            continue
        if code not in known:
            yield path, problems([code], day, known)[0]


def own_codes(definitions: Any) -> list[str]:
    """The codes of the definitions of a config, which may be wrong."""
    listed = definitions if isinstance(definitions, Sequence) and not isinstance(definitions, str) else ()
    found = [one.get("id") if isinstance(one, Mapping) else one for one in listed]
    return [code for code in found if isinstance(code, str)]


def study_problems(study: Study) -> Iterator[Problem]:
    """Endpoints a study names that need what it, or the stage that it reports, does not have."""
    yield from _exposure_problems(study)
    study = study.analysed
    known = endpoints_of(study.analysis)
    yield from _definition_problems(study)
    yield from _estimand_problems(study)
    places = [(("analysis", "endpoints", k), code) for k, code in enumerate(study.analysis.endpoints)]
    for path, code in [(("analysis", "primary"), study.analysis.primary), *places]:
        needed = lacking(known[code], study) if code in known else ""
        if needed:
            yield path, f"endpoint {code} needs {needed}, which this study does not have"
    yield from _planned_problems(study)
    yield from _subgroup_problems(study)
    yield from _dose_response_problems(study)
    yield from _crossover_problems(study)


def _crossover_problems(study: Study) -> Iterator[Problem]:
    """Endpoints of a crossover that are no geometric means of a profile."""
    said = study.analysis.crossover
    known = endpoints_of(study.analysis)
    ratios = [code for code, e in known.items() if e.needs_profile and e.summary == "geomean"]
    for k, code in enumerate(said.endpoints if said else ()):
        if code not in ratios:
            what = "an endpoint of a profile with a geometric mean"
            yield ("analysis", "crossover", "endpoints", k), not_among(code, ratios, what)
        elif needed := lacking(known[code], study):
            yield (
                ("analysis", "crossover", "endpoints", k),
                f"endpoint {code} needs {needed}, which this study does not have",
            )


def _subgroup_problems(study: Study) -> Iterator[Problem]:
    """Subgroups of a primary endpoint that is measured: no comparison of such endpoints is planned."""
    plan = study.analysis
    primary = endpoints_of(plan).get(plan.primary)
    if plan.subgroups and primary is not None and primary.summary != "rate":
        yield ("analysis", "subgroups"), f"no effect: {plan.primary} is measured; subgroups are of a yes or no primary"


def _dose_response_problems(study: Study) -> Iterator[Problem]:
    """A response by dose of an endpoint that this study does not report, or of arms that are no doses."""
    plan = study.analysis
    if plan.concentrations and study.pk_sampling is None:
        yield ("analysis", "concentrations"), "no effect: the study takes no concentrations (pk_sampling)"
    unknown = _unknown(plan)
    said = plan.dose_response
    for path, text in dose_response_problems(said, study.arms, study.paired, study.schedule is not None):
        yield ("analysis", *path), text
    if said is None or said.endpoint is None or unknown:
        return
    mine = chosen(study)
    if said.endpoint not in mine:
        text = not_among(said.endpoint, list(mine), "an endpoint of this study")
        yield ("analysis", "dose_response", "endpoint"), text


def _unknown(plan: Analysis) -> list[str]:
    """Sentences about endpoints that nobody knows, which stand elsewhere; what is about the others cannot be told."""
    return problems((plan.primary, *plan.endpoints), plan.assessment_day, [one.id for one in plan.definitions])


def _exposure_problems(study: Study) -> Iterator[Problem]:
    """A response by exposure of a study, with its stages, of which there is no true curve, or of no yes or no."""
    said, plan = study.analysis.exposure_response, study.analysis
    if said is None or _unknown(plan):
        return
    if why := lacking_for_curves(bool(study.stages), study.schedule is not None, study.arms, study.dose_rules):
        yield ("analysis", "exposure_response"), why
        return
    code, rates = said.endpoint or plan.primary, [name for name, e in chosen(study).items() if e.summary == "rate"]
    if code not in rates:
        yield ("analysis", "exposure_response", "endpoint"), not_among(code, rates, "a yes or no of this study")


def _definition_problems(study: Study) -> Iterator[Problem]:
    """Codes that are those of other endpoints or times, and an ``unless`` that is no yes or no known by then."""
    known = catalogue(study.analysis.assessment_day)
    taken, earlier = {*known, *(kind.code for kind in EVENT_TIMES)}, endpoints_of(study.analysis)
    rates = [code for code, e in known.items() if e.summary == "rate" and not lacking(e, study)]
    for k, one in enumerate(study.analysis.definitions):
        if one.id in taken:
            yield ("analysis", "definitions", k, "id"), f"seen {one.id!r}, which is an endpoint already"
        if one.unless is not None and one.unless not in rates:
            text = not_among(one.unless, rates, "a yes or no that this study has, or that it defined before")
            yield ("analysis", "definitions", k, "unless"), text
        rates += [one.id] if earlier[one.id].summary == "rate" else []


def _estimand_problems(study: Study) -> Iterator[Problem]:
    """Variables of estimands that this study does not have, or endpoints that are measured; visits that are none."""
    yield from _measured_problems(study)
    mine = chosen(study) if study.analysis.estimands else {}
    bled = [one.id for one in study.analysis.definitions if one.bleeding_below is not None]
    rates = [code for code, e in mine.items() if e.summary == "rate" and e.benefit == "higher"]
    rates = [code for code in rates if code not in (*NOT_OF_COUNTS, *bled)]
    for k, one in enumerate(study.analysis.estimands):
        code = one.variable or study.analysis.primary
        if code not in rates and not one.measured:
            of = f"a yes or no of the counts alone: {', '.join(rates)}; or {', '.join(MEASURED)} at a visit"
            measured = f"seen {code}; allowed: {of}"
            text = measured if code in mine else not_among(code, rates, "a yes or no of analysis.endpoints")
            yield ("analysis", "estimands", k, *(("variable",) if one.variable else ())), text


def _measured_problems(study: Study) -> Iterator[Problem]:
    """Measured estimands at visits that do not exist, beside a plan that gives a ratio, or none, of what is measured;
    a tipping point of a primary endpoint that is measured.
    """
    plan, days, found = study.analysis, study.visits.days, [one for one in study.analysis.estimands if one.measured]
    for k, one in enumerate(plan.estimands):
        if one.measured and one.day is not None and one.day not in days:
            text = f"seen {one.day}; allowed: a visit: {', '.join(map(str, days))}"
            yield ("analysis", "estimands", k, "day"), text
    if found and plan.method.measured in ("none", "ancova_log") and "planned" in plan.estimators:
        seen = f"seen {plan.method.measured!r}, by which 'planned' finds no difference of {found[0].variable}"
        yield ("analysis", "method", "measured"), f"{seen}; allowed beside it: hodges_lehmann, ancova"
    primary = endpoints_of(plan).get(plan.primary)
    if plan.estimands and plan.imputation.deltas and primary is not None and primary.summary != "rate":
        text = f"no effect: {plan.primary} is measured; a tipping point is of a yes or no"
        yield ("analysis", "imputation", "deltas"), text


def _planned_problems(study: Study) -> Iterator[Problem]:
    """Hypotheses on endpoints that this study does not have or that are measured; a method that compares nothing."""
    plan = study.analysis
    if _unknown(plan):
        return
    mine = chosen(study)
    rates = [code for code, e in mine.items() if e.summary == "rate"]
    method = plan.method.model_copy(update={"measured": "none"})
    if not rates and method != Analysis.model_fields["method"].default:
        yield ("analysis", "method"), f"no effect: no endpoint is a yes or no; seen {', '.join(mine)}"
    in_estimands = any(one.measured for one in plan.estimands)
    if plan.method.measured != "none" and not measured_in_all(study) and not in_estimands:
        yield ("analysis", "method", "measured"), f"no effect: no endpoint is measured; seen {', '.join(mine)}"
    if plan.longitudinal.restricted_mean_day is not None and not any(not k.proxy for k in chosen_times(study).values()):
        yield ("analysis", "longitudinal", "restricted_mean_day"), "no effect: no time to event is compared"
    if plan.multiplicity is None:
        return
    for k, one in enumerate(plan.family(study.arm_ids)):
        path = ("analysis", "multiplicity", *(("hypotheses", k) if plan.multiplicity.hypotheses else ()))
        if one.endpoint in mine and one.endpoint not in rates:
            yield path, f"seen {one.endpoint}, which is measured; allowed: yes or no: {', '.join(rates) or 'none here'}"
        elif one.endpoint not in rates:
            allowed = "a yes or no of analysis.endpoints"
            yield path, not_among(str(one.endpoint), rates, allowed)


def measured_in_all(study: Study) -> dict[str, Endpoint]:
    """The measured endpoints that every arm can have, which those of a concentration profile are not."""
    return {code: e for code, e in chosen(study).items() if e.summary != "rate" and not e.needs_profile}


def lacking(endpoint: Endpoint, study: Study) -> str:
    """What an endpoint needs and the study does not have; "" when it has everything."""
    if endpoint.needs_profile and study.pk_sampling is None:
        return "pk_sampling"
    if endpoint.needs_first_dose and study.pk_sampling and study.pk_sampling.visit_day != 0:
        return "a profile of the first dose (pk_sampling.visit_day: 0)"
    if endpoint.needs_partial and study.pk_sampling and study.pk_sampling.partial_auc_h is None:
        return "pk_sampling.partial_auc_h"
    if endpoint.needs_last_interval and last_interval(study) is None:
        return "a profile from the first dose (pk_sampling.visit_day: 0) over a whole later interval, as 96 to 120 h"
    if endpoint.needs_chemotherapy and study.chemotherapy is None:
        return "chemotherapy"
    if endpoint.needs_waiting and not (study.chemotherapy and study.chemotherapy.next_cycle):
        return "chemotherapy.next_cycle"
    if endpoint.needs_stop and not study.can_stop:
        return "a dose rule with action: stop"
    if endpoint.proxy and endpoint.proxy not in study.proxies:
        return f"{endpoint.proxy} in tolerability.proxies"
    return ""


def chosen(study: Study) -> dict[str, Endpoint]:
    """The endpoints of a study: those it names and its primary, or all it can give when it names none.

    What a study defines is always evaluated; one whose dose rule can stop treatment says how often it did (STOPPED).
    """
    plan = study.analysis
    known = endpoints_of(plan)
    if not plan.endpoints:
        return {code: e for code, e in known.items() if not lacking(e, study)}
    always = ("STOPPED",) if study.can_stop else ()
    own = [one.id for one in plan.definitions]
    wanted = dict.fromkeys((plan.primary, *plan.endpoints, *own, *always))
    wrong = problems(wanted, plan.assessment_day, own)
    if wrong:
        raise KeyError("; ".join(wrong))
    return {code: known[code] for code in wanted}


def evaluate(endpoint: Endpoint, records: Records, study: Study) -> Evaluated:
    """One endpoint for every patient; a patient whose solve failed is not evaluable, whatever the endpoint."""
    result = endpoint.evaluate(records, study)
    failed = records.unsolved != ""
    reason = np.where(failed, records.unsolved, result.reason) if failed.any() else result.reason
    return Evaluated(np.where(reason == "", result.value, np.nan), reason)


def evaluate_all(records: Records, study: Study) -> dict[str, Evaluated]:
    """Every chosen endpoint by code."""
    return {code: evaluate(e, records, study) for code, e in chosen(study).items()}


def chosen_times(study: Study) -> dict[str, TimeTo]:
    """The times to event of a study: to rescue where it is allowed, those of response with an endpoint of response,
    those of relapse where it defines an endpoint of days off drug, and to the first of every simulated adverse event.
    """
    responds = any(code.startswith("RESP") for code in chosen(study))
    goes_on = any(one.off_drug_days is not None for one in study.analysis.definitions)

    def has(kind: TimeTo) -> bool:
        if kind in RELAPSE_TIMES:
            return goes_on
        return kind.proxy in study.proxies if kind.proxy else study.rescue.allowed if kind is TTRESC else responds

    return {kind.code: kind for kind in EVENT_TIMES if has(kind)}


def times_of(records: Records, study: Study) -> dict[str, Times]:
    """Every chosen time to event by code."""
    return {code: kind.times(records, study) for code, kind in chosen_times(study).items()}


def table(records: Records, evaluated: Mapping[str, Evaluated]) -> pa.Table:
    """The endpoints table: endpoint after endpoint, patients in order."""
    n, value = len(evaluated), np.concatenate([result.value for result in evaluated.values()])
    reasons, why = distinct([result.reason for result in evaluated.values()])
    strata, stratum = distinct([records.stratum])
    code, who = np.repeat(np.arange(n), records.n), np.tile(np.arange(records.n), n)
    columns = [
        *patient_columns(records, who),
        coded(stratum[who], strata),
        coded(code, list(evaluated)),
        pa.array(value, mask=np.isnan(value)),
        coded(np.array([word == "" for word in reasons])[why], ["N", "Y"]),
        coded(why, reasons),
    ]
    return pa.table(columns, schema=ENDPOINTS_SCHEMA)
