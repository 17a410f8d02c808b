"""A config with a schedule of its own: what the table says in place of the config, and what the config may not say.

The table says doses, visits, the end of treatment and, where it has ids, who is in which arm. What a config leaves out
(null) is filled in from it; what says the same may stand, so that a resolved config loads again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cohorts.brought import ids_of, read_patients
from cohorts.files import is_regular
from trial.errors import cut
from trial.study.checks import EVERYBODY, MOST_BYTES
from trial.study.placed import Placed, as_tree, plain
from trial.study.protocol import Problem, not_among
from trial.study.schedule import SERIES
from trial.study.study import Study
from trial.study.timetable import HOURS, Timetable, TimetableError
from trial.study.timetable_rows import read_timetable

SAID = ("arms", "patients", "randomisation", "treatment_days", "visits")
"""Keys of a study that a schedule may say alone."""
ONE_ARM = "SCHEDULE"
MOST_NAMED = 20


def with_schedule(tree: Placed) -> tuple[Placed, list[Problem]]:
    """The tree of a study with what its schedule says filled in, and what is wrong with the schedule or beside it."""
    node = tree.value.get("schedule")
    if node is None or not isinstance(node.value, str) or not is_regular(Path(node.value), MOST_BYTES):
        return tree, []
    try:
        table = read_timetable(node.value)
    except TimetableError as error:
        return tree, [(("schedule",), line) for line in error.problems]
    found: list[Problem] = []
    filled = tree.value | _arms(tree.value, table, node, found)
    filled |= _filled(filled, "treatment_days", table.treatment_days, node, found)
    filled |= _inside(filled, "visits", {"days": list(table.visits)}, node, found)
    found += _series(tree.value.get("visits"))
    filled |= _randomisation(filled, table, node, found)
    if len(table.persons) > 1 and table.by_id and ("patients" not in filled or filled["patients"].value is None):
        filled["patients"] = as_tree(len(table.persons), node.place)
    return replace(tree, value=filled), found


def _filled(
    inside: Mapping[str, Placed], key: str, says: Any, node: Placed, found: list[Problem], path: tuple[Any, ...] = ()
) -> dict[str, Placed]:
    """The key as the schedule says it; a config that says otherwise is a problem."""
    given = inside.get(key)
    if given is None or given.value is None:
        return {key: as_tree(says, node.place)}
    if (seen := plain(given)) != says:
        told = f"{says:g}" if isinstance(says, float) else cut(str(says))
        text = f"seen {cut(str(seen))}; the schedule says {told}; leave it out (null)"
        found.append(((*path, key), text))
    return {}


def _inside(
    whole: Mapping[str, Placed], section: str, says: Mapping[str, Any], node: Placed, found: list[Problem]
) -> dict[str, Placed]:
    """As ``_filled``, for keys of a section, which is made where there is none."""
    given = whole.get(section)
    if given is None or given.value is None:
        return {section: as_tree(dict(says), node.place)}
    if not isinstance(given.value, dict):
        return {}
    value = dict(given.value)
    for key, told in says.items():
        value |= _filled(given.value, key, told, node, found, (section,))
    return {section: replace(given, value=value)}


def _series(visits: Placed | None) -> list[Problem]:
    """A series of visits, which would come beside those of the schedule."""
    value = visits.value if visits is not None and isinstance(visits.value, dict) else {}
    given = {key: plain(value[key]) for key in SERIES if key in value and value[key].value is not None}
    return [
        (("visits", key), f"seen {cut(str(seen))}; the schedule says when counts are measured; leave it out (null)")
        for key, seen in given.items()
    ]


def _arms(whole: Mapping[str, Placed], table: Timetable, node: Placed, found: list[Problem]) -> dict[str, Placed]:
    """The arms with their start doses, the first doses of the schedule; one for each that it names where there is none.

    An arm that the schedule does not know keeps what it says.
    """
    given = whole.get("arms")
    named = list(dict.fromkeys(arm for arm in table.arms if arm)) or [ONE_ARM]
    if given is None or given.value is None:
        return {"arms": as_tree([{"id": arm, "start_dose_mg": table.first_mg(arm)} for arm in named], node.place)}
    if not isinstance(given.value, list):
        return {}
    arms = []
    for k, arm in enumerate(given.value):
        name = plain(arm).get("id") if isinstance(arm.value, dict) else None
        if isinstance(name, str) and (name in table.arms or table.arms[0] == ""):
            extra = _filled(arm.value, "start_dose_mg", table.first_mg(name), node, found, ("arms", k))
            arm = replace(arm, value=arm.value | extra)
        arms.append(arm)
    return {"arms": replace(given, value=arms)}


def _randomisation(
    whole: Mapping[str, Placed], table: Timetable, node: Placed, found: list[Problem]
) -> dict[str, Placed]:
    """Where the schedule has ids nobody is randomised: blocks as large as the ratios ask, which say nothing."""
    arms = plain(whole["arms"])
    ratios = [arm.get("ratio", 1) if isinstance(arm, dict) else 1 for arm in arms] if isinstance(arms, list) else [1]
    one = [ratio if isinstance(ratio, int) and ratio > 0 else 1 for ratio in ratios]
    if table.by_id and len(table.persons) > 1:
        text = "seen {}; who is in which arm follows from the ids of the schedule; leave it out"
        found += [(("arms", k, "ratio"), text.format(ratio)) for k, ratio in enumerate(one) if ratio != 1]
    given = whole.get("randomisation")
    if given is None or given.value is None:
        return {"randomisation": as_tree({"block_size": sum(one)}, node.place)}
    if not (table.by_id and len(table.persons) > 1 and isinstance(given.value, dict)):
        return {}
    return _inside(whole, "randomisation", {"block_size": sum(one)}, node, found)


def schedule_problems(study: Study) -> Iterator[Problem]:
    """What a valid study and its schedule say against each other: arms, ids, covariates, profiles."""
    if study.schedule is None:
        return
    table = read_timetable(study.schedule)
    yield from _arm_problems(study, table)
    yield from ((("schedule",), f"{table.path.name}: {text}") for text in _some(_id_problems(study, table)))
    yield from ((("schedule",), f"{table.path.name}: {text}") for text in _some(_covariate_problems(study, table)))
    yield from _profile_problems(study, table)


def _some(texts: Iterator[str]) -> Iterator[str]:
    """The first of many, and how many more there are."""
    every = list(texts)
    yield from every[:MOST_NAMED]
    if len(every) > MOST_NAMED:
        yield f"and {len(every) - MOST_NAMED} more"


def _arm_problems(study: Study, table: Timetable) -> Iterator[Problem]:
    unarmed = table.arms[0] == ""
    if unarmed and table.by_id and len(study.arms) > 1 and not is_shared(study, table):
        yield (
            ("arms",),
            f"seen {len(study.arms)} arms; {table.path.name} has ids and no column ARM that says who is where",
        )
    if unarmed:
        return
    for arm in dict.fromkeys(table.arms):
        if arm not in study.arm_ids:
            place = table.places[table.arms.index(arm)]
            text = f"{place}: ARM: {not_among(arm, study.arm_ids, 'the id of an arm')}"
            yield ("schedule",), f"{table.path.name}: {text}"
    for k, arm_id in enumerate(study.arm_ids):
        if arm_id not in table.arms:
            yield ("arms", k, "id"), f"seen {arm_id!r}, an arm of which {table.path.name} has no row"


def is_shared(study: Study, table: Timetable) -> bool:
    """Whether a plan is that of an arm, or of everybody: no ids, or a single one for sampled patients."""
    return not table.by_id or (len(table.persons) == 1 and study.population.file is None)


def _id_problems(study: Study, table: Timetable) -> Iterator[str]:
    """Ids that the file of patients does not have, patients without a plan, and numbers that do not agree."""
    if is_shared(study, table):
        if study.population.file is not None:
            return
    elif study.paired:
        yield "column ID: a patient with a plan of his own cannot be under every arm; allowed: allocation: parallel"
    if not table.by_id:
        return
    if study.population.file is None:
        if not is_shared(study, table) and study.patients != len(table.persons):
            seen = f"seen {len(table.persons)} ids; the study has {study.patients} patients"
            yield f"column ID: {seen}; allowed: one id for each patient, or none for a plan for all"
        return
    ids, name = ids_of(study.population.file), Path(study.population.file).name
    if ids is None:
        yield f"column ID: {name} has no column ID, which would say whose plan it is"
        return
    known, planned = set(ids), set(table.persons)
    for who, place in zip(table.persons, table.places, strict=True):
        if who not in known:
            yield f"{place}: ID: seen {cut(repr(who))}, which is no ID of {name}"
    yield from (f"column ID: no row is of {cut(repr(who))}, a patient of {name}" for who in ids if who not in planned)


def _covariate_problems(study: Study, table: Timetable) -> Iterator[str]:
    """Columns of covariates, which are those of the patients: sampled ones have their own, and a file its own."""
    brought = read_patients(study.population.file) if study.population.file else None
    if brought is None:
        for name in table.covariates:
            if name in EVERYBODY:
                who = f"patients of {study.population.id} have their own; leave it out, or bring the patients"
                yield f"column {name}: {who} (population.file)"
        return
    ids = ids_of(brought.path)
    for name, rows in table.covariates.items():
        cells = brought.columns.get(name, brought.others.get(name))
        if cells is not None and ids is not None and table.by_id:
            own = {who: str(cell) for who, cell in zip(ids, cells, strict=True)}
            yield from changing(name, rows, own, brought.id)


def changing(name: str, rows: Sequence[tuple[str, str, str]], own: Mapping[str, str], file: str) -> Iterator[str]:
    """Cells of a covariate that are not that of the patient: what changes over time has a table of its own.

    ``rows``: person, place, cell; ``own``: of each person the value in ``file``.
    """
    for who, place, cell in rows:
        if cell and who in own and not _same(cell, own[who]):
            why = f"{who} has {own[who]} in {file}; values that change belong in population.by_day"
            yield f"{place}: {name}: seen {cut(repr(cell))}; allowed: {own[who]} or .: {why}"


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def _profile_problems(study: Study, table: Timetable) -> Iterator[Problem]:
    """A profile begins at hour 0 of its day, with a dose."""
    if study.pk_sampling is None:
        return
    begin = HOURS * study.pk_sampling.visit_day  # one stage: one profile
    for who, place, hours in zip(table.persons, table.places, table.dose_h, strict=True):
        inside = hours[(hours >= begin) & (hours < begin + HOURS)]
        if len(inside) and (len(inside) > 1 or inside[0] != begin):
            seen = f"the doses of {cut(who)} ({place}) on that day are at {', '.join(f'{hour:g}' for hour in inside)} h"
            text = f"a profile begins with the one dose of its day, at {begin:g} h; {seen}"
            yield ("pk_sampling", "visit_day"), f"seen {study.pk_sampling.visit_day}: {text}"
            return
