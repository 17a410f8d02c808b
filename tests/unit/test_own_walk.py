"""Every field of a parameter set, one at a time: changed, it changes a table, is refused, or is named."""

from __future__ import annotations

import copy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cohorts.gates import problems
from cohorts.listing import rows
from cohorts.parameters import ParameterSet
from cohorts.sets import parameter_set
from cohorts.shape import plain, read
from trial.jobs.work import simulate_replicates
from trial.models.behaviour import structure_problems
from trial.study.checks import _idle
from trial.study.load import load_study

STUDY = Path(__file__).parents[1] / "faults" / "engine" / "study.yaml"
SHORT = ("patients=90", "treatment_days=14", "visits.days=[7,14]", "pk_sampling.visit_day=7",
         "analysis.assessment_day=14", "analysis.primary=RESPW2", "arms.0.placebo=true")  # fmt: skip
OFTEN = {"RESCUE_H0": 9.0, "RESCUE_SCALE": 30.0, "BLEED_C2": 0.5, "BLEED_C3": 0.8, "BLEED_C4": 1.1}
"""Rescue and bleeding of every grade often enough to be seen in two weeks."""
REMITS = {"REM_RATE": 20.0, "REM_MEAN": 5.0}
"""Remission, where a set has it, as well."""
MECHANISM = ("meals={share_mean: 0.5, after_dose_h: 1}",
             "chemotherapy={first_day: 2, cycle_days: 21, cycles: 1, doses: [{day: 0}]}")  # fmt: skip
OTHER_WORD = {"patient": "occasion", "occasion": "patient", "log": "logit", "power": "factor", "factor": "power",
              "published": "assumed", "derived": "assumed", "assumed": "published"}  # fmt: skip
ONCE_A_KIND = ("source", "note", "reported_as", "status", "targets", "unit", "level", "scale", "form", "category")
"""Fields that mean the same in every record of a list: one record of each list stands for all."""


def leaves(data: Any, path: tuple = ()) -> list[tuple]:
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in leaves(value, (*path, key))]
    if isinstance(data, list | tuple) and data and isinstance(data[0], dict):
        return [leaf for k, value in enumerate(data) for leaf in leaves(value, (*path, k))]
    return [path]


def walked(data: dict) -> list[tuple]:
    """Every leaf, of fields that mean the same in every record only the first; the file it came from is no field."""
    seen, found = set(), []
    for path in leaves(data):
        kind = tuple(part for part in path if not isinstance(part, int))
        if (set(kind) & set(ONCE_A_KIND) and kind in seen) or path in (("home",), ("root",)):
            continue
        seen.add(kind)
        found.append(path)
    return found


def other(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return 300.0
    if isinstance(value, int | float):
        return 0.5 * value or 1.0
    if isinstance(value, tuple | list):
        return [*value, "another row"]
    return OTHER_WORD.get(value, f"{value}x")


def changed(data: dict, path: tuple) -> dict:
    new = copy.deepcopy(data)
    *way, last = path
    there = new
    for part in way:
        there[part] = list(there[part]) if isinstance(there[part], tuple) else there[part]
        there = there[part]
    there[last] = other(there[last])
    return new


def told(chosen: ParameterSet) -> list:
    """What people read of a set: its listing, its citations, its name."""
    cited = [(c.id, c.text) for c in chosen.citations]
    return [rows(chosen), cited, chosen.id, chosen.title, chosen.drug, chosen.structure]


class Walk:
    """The set with everything that two weeks can show, and what it gives unchanged."""

    def __init__(self, name: str, *more: str) -> None:
        chosen = parameter_set(name)
        remits = {key: value for key, value in REMITS.items() if key in {p.name for p in chosen.parameters}}
        self.chosen = chosen.with_values(OFTEN | remits)
        self.study = load_study(STUDY, [*SHORT, "parameter_uncertainty=true", f"parameter_set={name}", *more])
        self.data, self.tables, self.told = plain(self.chosen), self.run(self.chosen), told(self.chosen)

    def run(self, chosen: ParameterSet) -> dict:
        return simulate_replicates(self.study, range(1), chosen)

    def outcome(self, path: tuple) -> str:
        """What becomes of a change: refused, listed (text that people read), named, a table, or nothing."""
        try:
            new, wrong = read(ParameterSet, changed(self.data, path))
            if wrong or problems(new) or structure_problems(new):
                return "refused"
            listed = told(new) != self.told
            if path[-1] not in NUMBERS and listed:
                return "listed"
        except (KeyError, ValueError):
            return "refused"
        if set(_idle(new)) - set(_idle(self.chosen)):
            return "named"
        after = self.run(new)
        if any(not after[name].equals(table) for name, table in self.tables.items()):
            return "table"
        return "listed" if path[0] == "validity" and listed else "nothing"


NUMBERS = ("value", "variance", "reference", "low", "high", "dose_low_mg", "dose_high_mg", "rse_percent", "share")


def label(path: tuple) -> str:
    return ".".join(str(part) for part in path)


@pytest.fixture(scope="module")
def walk():
    return Walk("hetrombopag_wang_2022")


PATHS = walked(plain(parameter_set("hetrombopag_wang_2022")))


@pytest.mark.parametrize("path", [p for p in PATHS if p[-1] not in NUMBERS], ids=label)
def test_no_text_changes_nothing_without_a_word(walk, path):
    assert walk.outcome(path) != "nothing"


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in PATHS if p[-1] in NUMBERS], ids=label)
def test_no_number_changes_nothing_without_a_word(walk, path):
    assert walk.outcome(path) != "nothing"


@pytest.mark.slow
def test_no_number_of_the_mechanism_changes_nothing_without_a_word():
    walk = Walk("hetrombopag_itp_mei_2021", "patients=16", *MECHANISM)
    paths = [path for path in walked(walk.data) if path[-1] in ("value", "variance")]
    assert [label(path) for path in paths if walk.outcome(path) == "nothing"] == []


def test_the_walk_goes_over_every_field():
    seen = {path[0] for path in PATHS}
    assert seen == {f.name for f in fields(ParameterSet)} - {"home", "root"}
