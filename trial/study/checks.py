"""What a config may name in the catalogue of patients and drugs, and what is allowed but unusual."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cohorts.brought import PatientsError, read_patients
from cohorts.covariates import EVERYBODY
from cohorts.files import MIB, is_regular
from cohorts.gates import problems
from cohorts.margins import MarginError, with_margins
from cohorts.own import left_alone
from cohorts.parameters import LARGE_VARIANCE, ParameterSet, near, variance_to_cv
from cohorts.populations import POPULATIONS, population
from cohorts.references import CITATIONS
from cohorts.sets import PARAMETER_SETS, SetError, is_file_name, parameter_set
from trial.errors import cut
from trial.models import structure_of
from trial.models.behaviour import structure_problems
from trial.models.wellformed import idle, taken_without_effect
from trial.study.acting import change_cautions
from trial.study.changes import given_before
from trial.study.doubt import draws_problem, moved_in_words
from trial.study.fingerprint import differs_from_published
from trial.study.protocol import Problem, did_you_mean, not_among
from trial.study.stages import Given, treatments
from trial.study.study import Study
from trial.study.timetable_rows import read_timetable
from trial.study.unusual import unusual

MOST_BYTES = 16 * MIB
"""Of a file that a config names: about 400,000 patients."""
MOST_REMARKS = 5
"""On doses of a schedule."""
KNOWN_AS = {"kill": "chemotherapy", "meal": "meals"}


def value_at(data: Any, *path: str) -> Any:
    """The value at ``path`` in plain data that may be wrong in any way; None where there is none."""
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def unknown_ids(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Parameter sets and populations that the catalogue does not have."""
    known = {
        ("parameter_set",): (
            [s.id for s in PARAMETER_SETS],
            "a parameter set of the catalogue, nor a file of your own (.json, .py)",
        ),
        ("population", "id"): ([p.id for p in POPULATIONS], "a population of the catalogue"),
    }
    for path, (ids, what) in known.items():
        seen = value_at(data, *path)
        own = path == ("parameter_set",) and isinstance(seen, str) and is_file_name(seen)
        if isinstance(seen, str) and seen not in ids and not own:
            yield path, not_among(seen, ids, what, _sets_of(seen) if path == ("parameter_set",) else "")


def _sets_of(seen: str) -> str:
    """For a drug where one of its parameter sets belongs, also misspelt."""
    drugs = dict.fromkeys(s.drug for s in PARAMETER_SETS)
    if named := get_close_matches(seen.lower(), drugs, n=1, cutoff=0.85):
        return f"; a drug; its sets: {', '.join(s.id for s in PARAMETER_SETS if s.drug == named[0])}"
    return ""


def unusable_set(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the user's own parameter set, if the config names a file of one that exists."""
    name = value_at(data, "parameter_set")
    if isinstance(name, str) and is_file_name(name) and is_regular(Path(name), MOST_BYTES):
        try:
            chosen = parameter_set(name)
            lines = [f"{Path(name).name}: {line}" for line in (*problems(chosen), *structure_problems(chosen))]
        except SetError as error:
            lines = str(error).splitlines()
        yield from ((("parameter_set",), line) for line in lines)


def unusable_posterior(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the draws beside the parameter set, if the config asks for them."""
    chosen, what = _set_of(data), value_at(data, "parameter_uncertainty")
    if chosen and what in (True, "all", "fitted") and (wrong := draws_problem(chosen, what)):
        yield ("parameter_uncertainty",), f"seen {what!r}; {wrong}"


def unusable_patients(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the user's own patients, if the config names a file of them that exists."""
    name = value_at(data, "population", "file")
    if isinstance(name, str) and is_regular(Path(name), MOST_BYTES):
        try:
            patients = read_patients(name)
            chosen = _set_of(data)
            own = patients.own_columns(chosen.covariate_effects) if chosen else {}
        except (PatientsError, OSError) as error:
            yield from ((("population", "file"), line) for line in str(error).splitlines())
            return
        for line in _unknown_columns(chosen, [*patients.columns, *own, *_own_covariates(data)], list(patients.others)):
            yield ("population", "file"), f"{Path(name).name}: {line}"


def unknown_covariates(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Covariates of the parameter set that the patients of a population of the catalogue do not have."""
    chosen, population = _set_of(data), value_at(data, "population", "id")
    if isinstance(population, str):
        for line in _unknown_columns(chosen, [*EVERYBODY, *_own_covariates(data)], []):
            text = f"{line}; {population} has {', '.join(EVERYBODY)}; others are columns of your own population.file"
            yield ("parameter_set",), text


def _own_covariates(data: Mapping[str, Any]) -> list[str]:
    """Covariates of the study's own, which everybody has alike at enrolment (``population.changes``)."""
    changes = value_at(data, "population", "changes")
    entries = changes if isinstance(changes, list | tuple) else ()
    return [str(value_at(x, "covariate")) for x in entries if value_at(x, "before") is not None]


def unknown_start_covariates(study: Study) -> Iterator[Problem]:
    """Covariates that a start dose asks for and the population or file of patients does not have."""
    asked = [
        (("arms", k, "start_dose_by", j, "if", name), name, line.if_[name])
        for k, arm in enumerate(study.arms)
        for j, line in enumerate(arm.start_dose_by)
        for name in line.if_
    ] + [
        (("stages", k, "arms", arm, "start_dose_by", j, "if", name), name, line.if_[name])
        for k, stage in enumerate(study.stages)
        for arm, changed in stage.arms.items()
        for j, line in enumerate(changed.start_dose_by)
        for name in line.if_
    ]
    if not asked:
        return
    own = read_patients(study.population.file) if study.population.file else None
    given = list(given_before(study.population.changes))
    known = [*own.columns, *own.others, *given] if own else [*EVERYBODY, *given]
    for path, name, what in asked:
        if bool(what.one_of) != study.start_covariates[name]:
            yield path, f"{name} is asked as a number in one line and as a word in another; give one of the two"
        elif name not in known:
            where = Path(own.path).name if own else study.population.id
            yield path, not_among(name, known, f"a covariate of {where}")
        elif own and name in own.others:
            yield from ((path, text) for text in own.unfit(name, words=bool(what.one_of)))


def _unknown_columns(chosen: ParameterSet | None, columns: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    if chosen:
        for x in chosen.covariate_effects:
            if x.covariate not in columns:
                needed = f"{x.covariate} on {x.parameter} of {chosen.id} needs it"
                yield f"column {x.covariate} is missing: {needed}{near(x.covariate, [*columns, *others])}"


def _set_of(data: Mapping[str, Any]) -> ParameterSet | None:
    """The parameter set of the config; None where there is none that can be read."""
    try:
        return parameter_set(str(value_at(data, "parameter_set")))
    except (KeyError, SetError):
        return None


def not_taken(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Chemotherapy and meals that the structure of the parameter set does not know."""
    name = value_at(data, "parameter_set")
    try:
        chosen = parameter_set(str(name))
        model = structure_of(chosen)
    except (KeyError, SetError):
        return
    arms = value_at(data, "arms")
    asked: list[tuple[tuple[str | int, ...], str]] = [(("chemotherapy",), "kill"), (("meals",), "meal")]
    asked += [(("arms", k, "meal_after_dose_h"), "meal") for k in range(len(arms) if isinstance(arms, list) else 0)]
    for path, what in asked:
        if what in model.takes or _said(data, path) is None:
            continue
        able = ", ".join(s.id for s in PARAMETER_SETS if what in structure_of(s).takes) or "none in the catalogue"
        yield (
            path,
            f"parameter set {chosen.id} has structure {model.id}, which does not know {KNOWN_AS[what]}; "
            f"parameter sets that do: {able}",
        )


def not_transfused(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Agents of rescue that add platelets, where the structure of the parameter set does not say to which states."""
    given = value_at(data, "rescue", "agents")
    told = enumerate(given if isinstance(given, list) else ())
    agents = [k for k, agent in told if value_at(agent, "kind") == "platelets"]
    chosen = _set_of(data) if agents else None
    if chosen is None:
        return
    try:
        if structure_problems(chosen) or structure_of(chosen).transfused:
            return
    except SetError:
        return
    for k in agents:
        text = f"parameter set {chosen.id} has structure {chosen.structure}, which says no states for platelets"
        yield ("rescue", "agents", k, "kind"), f"seen 'platelets'; {text} (transfused)"


def _said(data: Any, path: tuple[str | int, ...]) -> Any:
    """The value at a path that may go through lists; None where there is none."""
    for part in path:
        data = data[part] if isinstance(part, int) else value_at(data, part)
    return data


def impossible_margins(study: Study) -> Iterator[Problem]:
    """Margins of the study's own that no eligible patient of the population can have."""
    chosen = study.population
    if chosen.id is not None and chosen.margins is not None:
        for name, value in chosen.margins.given.items():
            try:
                with_margins(population(chosen.id), {name: value}, study.screening)
            except MarginError as error:
                yield ("population", "margins", error.margin), error.why


def cautions(study: Study) -> Iterator[Problem]:
    """What is allowed, but probably not meant: doses outside the validity domain, rules and days without effect."""
    yield from _doses(study)
    yield from _own_set(study)
    if study.population.margins:
        said = ", ".join(f"{name} {value:g}" for name, value in study.population.margins.given.items())
        yield ("population", "margins"), f"{said}: the study's own, not those of {study.population.id}"
    if study.citation.strip() and study.citation not in CITATIONS:
        near = did_you_mean(study.citation, CITATIONS)
        yield (
            ("citation",),
            f"seen {cut(repr(study.citation))}: no citation of the catalogue, printed as it stands{near}",
        )
    yield from _not_predicted(study)
    yield from _other_drugs_rates(study)
    yield from _other_people(study)
    yield from unusual(study)
    yield from change_cautions(study)
    for k, arm in enumerate(study.arms):
        if arm.says_another_dose:
            seen = f"seen {arm.label!r}, but the start dose is {arm.says_start} mg"
            yield ("arms", k, "label"), f"{seen}; {{start_dose_mg}} in a label follows the dose"
    for name in study.dose_rules:
        if name not in study.rules_in_use:
            yield ("dose_rules", name), "no arm uses this dose rule"
    if differs_from_published(study):
        yield (
            ("published", "design"),
            "the published rows belong to another design (arms, dose rules, days, eligibility, conduct or response "
            "definition differ): shown, not judged",
        )
    if study.parameter_uncertainty:
        said = moved_in_words(parameter_set(study.parameter_set), study.parameter_uncertainty)
        yield ("parameter_uncertainty",), said
    last, chemotherapy = study.visits.days[-1], study.chemotherapy
    if chemotherapy and chemotherapy.first_day + (chemotherapy.cycles - 1) * chemotherapy.cycle_days >= last:
        begun = -(-(last - chemotherapy.first_day) // chemotherapy.cycle_days)
        yield (
            ("chemotherapy", "cycles"),
            f"seen {chemotherapy.cycles}; at most {begun} begin before the last visit, on day {last}",
        )
    if study.treatment_days > last:
        yield ("treatment_days",), f"seen {study.treatment_days}; the study ends at the last visit, on day {last}"


def _not_predicted(study: Study) -> Iterator[Problem]:
    """Rows that the parameter set knows although their file calls them predictions: it was made for another set."""
    if study.published is None:
        return
    chosen = parameter_set(study.parameter_set)
    with Path(study.published.rows).open(encoding="utf-8", newline="") as stream:
        known = [r["row_id"] for r in csv.DictReader(stream) if r.get("seen") == "no" and r["row_id"] in chosen.targets]
    if known:
        yield (
            ("published", "rows"),
            f"{chosen.id} was fitted on or matched to {', '.join(known)}: of this set they are no predictions, "
            "whatever the report calls them",
        )


def _other_drugs_rates(study: Study) -> Iterator[Problem]:
    """Adverse events whose rates were seen with another drug than that of the parameter set."""
    drug, proxies = parameter_set(study.parameter_set).drug, study.tolerability.chosen if study.tolerability else ()
    other = [p for p in proxies if p.drug not in ("", drug)]
    if other:
        codes, seen = ", ".join(p.code for p in other), ", ".join(dict.fromkeys(p.drug for p in other))
        yield ("tolerability", "proxies"), f"{codes}: rates seen with {seen}, used here for {drug}"


def _own_set(study: Study) -> Iterator[Problem]:
    """What the user's own set says without effect on this study, and variances that are probably not meant."""
    if is_file_name(study.parameter_set):
        path, chosen = Path(study.parameter_set), parameter_set(study.parameter_set)
        lines = [*_idle(chosen), *_large(chosen), *(f"{key}: no key of a set, left alone" for key in left_alone(path))]
        yield from ((("parameter_set",), f"{path.name}: {line}") for line in lines)


def _idle(chosen: ParameterSet) -> Iterator[str]:
    """Values that differ from those of the catalogue, and effects, where nothing in a study reads the parameter."""
    model = structure_of(chosen)
    try:
        unread, taken = idle(chosen, model), taken_without_effect(chosen, model)
    except Exception:
        return  # what cannot be computed is refused by the gates that solve
    usual = [{p.name: p.value for p in s.parameters} for s in PARAMETER_SETS if s.structure == chosen.structure]
    own = [name for name in unread if chosen.value(name) not in [values.get(name) for values in usual]]
    if own:
        yield f"{', '.join(own)}: changes nothing in a study: nothing in structure {model.id} reads it here"
    if chosen.value("BASE") not in [s.value("BASE") for s in PARAMETER_SETS]:
        yield (
            f"BASE: seen {chosen.value('BASE'):g}; changes nothing in a study: every patient has a count of the "
            "population; this is the typical count of `vtrial solve`"
        )
    for name in dict.fromkeys(name for name in _moved(chosen) if name in unread):
        yield f"effects on {name}: change nothing: nothing in structure {model.id} reads it here"
    for word in taken:
        yield f"structure {model.id}: takes: {word}: changes nothing: the days of the structure are the same without"


def _moved(chosen: ParameterSet) -> list[str]:
    return [*(e.parameter for e in chosen.random_effects), *(x.parameter for x in chosen.covariate_effects)]


def _large(chosen: ParameterSet) -> Iterator[str]:
    for e in chosen.random_effects:
        if e.variance > LARGE_VARIANCE:
            cv = f"a CV of {variance_to_cv(e.variance):.0f} %" if e.scale == "log" else "on the log odds"
            yield f"{e.name}: seen {e.variance:g}, {cv}; probably not meant"


def _other_people(study: Study) -> Iterator[Problem]:
    """Eligibility that lets in nobody, or also others, than the people the parameter set is for."""
    chosen, rules = parameter_set(study.parameter_set), study.screening
    asked = {
        "AGE": ("age_at_least_y", rules.age_at_least_y, rules.age_at_most_y),
        "BLPLAT": ("platelets_below_1e9L", rules.platelets_at_least_1e9L, rules.platelets_below_1e9L),
    }
    for limit in chosen.validity.ranges:
        key, low, high = asked.get(limit.covariate, ("", limit.low, limit.high))
        domain = f"{chosen.id} is for {chosen.validity.population}, {limit.covariate} {limit.low:g} to {limit.high:g}"
        if high <= limit.low or low >= limit.high:
            yield ("screening", key), f"{low:g} to {high:g} is eligible, and nobody of them in the domain: {domain}"
        elif limit.covariate == "AGE" and low < limit.low:
            yield ("screening", key), f"seen {low:g}; {domain}; the results for others are extrapolated"


def _doses(study: Study) -> Iterator[Problem]:
    """Doses outside the validity domain of the set of their drug."""
    if study.schedule is not None:
        yield from _scheduled(study, study.schedule)
        return
    for k, arm in enumerate(study.arms):
        yield from _outside(study, Given(arm), ("arms", k, "start_dose_mg"))
    for k, stage in enumerate(study.stages):
        given, places = treatments(study.stages, study.arms)
        for a, arm in enumerate(study.arms):
            if arm.id in stage.arms:
                yield from _outside(study, given[places[k][a]], ("stages", k, "arms", arm.id))


def _scheduled(study: Study, schedule: str) -> Iterator[Problem]:
    """What is hardly meant in a schedule of the user's own, and days whose doses add up to what lies outside."""
    table, valid = read_timetable(schedule), parameter_set(study.parameter_set).validity
    shown, more = table.remarks[:MOST_REMARKS], len(table.remarks) - MOST_REMARKS
    yield from ((("schedule",), f"{table.path.name}: {remark}") for remark in shown)
    if more > 0:
        yield ("schedule",), f"{table.path.name}: and {more} more such doses"
    daily = {float(mg) for mg in table.daily_mg(table.treatment_days).ravel()} - {0.0}
    if outside := sorted(mg for mg in daily if not valid.dose_low_mg <= mg <= valid.dose_high_mg):
        said = f"days with {', '.join(f'{mg:g}' for mg in outside[:5])}{' ...' * (len(outside) > 5)} mg in all"
        domain = f"the validity domain of {parameter_set(study.parameter_set).id} is {valid.dose_low_mg:g} to"
        yield ("schedule",), f"{said}; {domain} {valid.dose_high_mg:g} mg; the results are extrapolated"


def _outside(study: Study, given: Given, path: tuple[str | int, ...]) -> Iterator[Problem]:
    arm, chosen = given.arm, parameter_set(given.parameter_set or study.parameter_set)
    low, high = chosen.validity.dose_low_mg, chosen.validity.dose_high_mg
    domain = f"the validity domain of {chosen.id} is {low:g} to {high:g} mg; the results are extrapolated"
    if arm.placebo:
        return
    if arm.dose_rule is None:
        outside = [f"{dose:g}" for dose in arm.start_doses_mg if dose > 0 and not low <= dose <= high]
        if outside:
            yield path, f"seen {', '.join(outside)}; {domain}"
        return
    rule = study.dose_rules[arm.dose_rule]
    outside = [str(level) for level in rule.levels if not low <= level.per_day_mg <= high]
    if outside:
        unit = [text.removesuffix(" mg") for text in outside] if rule.ladder_mg else outside
        key = "ladder_mg" if rule.ladder_mg else "ladder"
        yield ("dose_rules", arm.dose_rule, key), f"seen {', '.join(unit)}; {domain}"
