"""Is this still the trial whose results are published? A fingerprint of everything that makes the design."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from trial.study.study import Study
from trial.study.timetable_rows import read_timetable

PARTS = (
    "arms", "dose_rules", "treatment_days", "visits", "screening", "laboratory", "rescue", "dropout", "adherence",
    "chemotherapy", "meals", "typical_patient", "stages",
)  # fmt: skip
SILENT: dict[str, Any] = {
    "until_chemotherapy": False,
    "meal_after_dose_h": None,
    "rung": "any",
    "day_count": "planned",
    "share_by_end": None,
    "platelets_at_least_1e9L": 0.0,
    "chemotherapy": None,
    "meals": None,
    "typical_patient": False,
    "start_dose_by": [],
    "ladder": [],
    "levels": 1,
    "to_level": None,
    "never_at_least_1e9L": None,
    "from_day": 0,
    "until_day": None,
    "stages": [],
    "agents": [],
    "lost_probability": 0.0,
    "clumping": None,
    "retest": None,
    "central": None,
    "holidays": None,
    "gives_up": None,
    "missed_days": False,
    "log_odds_per_28_days": 0.0,
    "next_cycle": None,
    "between_cycles_cv": 0.0,
    "accumulates": 0.0,
    "at_once": False,
    "death": False,
    "changes": [],
    "when": None,
    "after_adverse_event": None,
    "alt": None,
    "time_of_day": None,
}
"""Keys that say nothing at this value and then do not enter, so that a key that is new leaves older designs alone."""


def fingerprint(study: Study) -> str:
    """Twelve hexadecimal digits of a hash over arms, dose rules, days, eligibility, conduct and response definition.

    Conduct includes chemotherapy and meals. A key at its value in ``SILENT`` does not enter; of a schedule what it
    says enters, not how its file is written.
    Names for people, the number of patients and replicates, the seed, the parameter set and the solver do not enter.
    """
    said = _spoken(study.model_dump(mode="json", include=set(PARTS)))
    said["arms"] = [_spoken(arm) for arm in said["arms"]]
    for part in ("screening", "rescue", "laboratory", "adherence"):
        said[part] = _spoken(said[part])
    said["dropout"] = [_spoken(item) for item in said["dropout"]]
    if study.meals:
        said["meals"] = _spoken(said["meals"])
    if study.chemotherapy:
        said["chemotherapy"] = _spoken(said["chemotherapy"])
    for arm in said["arms"]:
        del arm["label"]
    said["dose_rules"] = {name: _spoken(rule) for name, rule in said["dose_rules"].items()}
    for rule in said["dose_rules"].values():
        rule["steps"] = [_spoken(step) for step in rule["steps"]]
        for told in ("source", "citation", "confidence"):
            del rule[told]
        for part in (*rule["steps"], *rule.get("ladder", ()), *filter(None, [rule["restart"]])):
            del part["status"]
    said["population"] = study.population.id
    if study.population.margins:
        said["margins"] = study.population.margins.given
    if study.population.changes:
        said["changes"] = [change.model_dump(mode="json") for change in study.population.changes]
    if study.schedule is not None:
        said["schedule"] = read_timetable(study.schedule).digest
    said["response"] = [study.analysis.response_threshold_1e9L, study.analysis.assessment_day]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _spoken(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key not in SILENT or value != SILENT[key]}


def differs_from_published(study: Study) -> bool:
    """Whether the published rows belong to another design; False when the config does not say which."""
    return bool(study.published and study.published.design and study.published.design != fingerprint(study))
