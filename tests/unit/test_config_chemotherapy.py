"""What a config may say about chemotherapy, meals, longer profiles and people without ITP, and what it is told."""

# ruff: noqa: E501

import re
from pathlib import Path

import numpy as np
import pytest
from hand_made import taking
from test_config_errors import GOOD

import trial.study.checks
from cohorts.screening import exclusions
from trial.errors import ConfigError
from trial.study.dose_rule import DoseStep
from trial.study.fingerprint import fingerprint
from trial.study.load import load_config, load_study
from trial.study.protocol import Screening
from trial.study.study import Study

PUBLISHED = sorted((Path(__file__).parents[2] / "configs" / "published").glob("*.yaml"))
(PHASE_3,) = (path for path in PUBLISHED if path.stem == "hetrombopag_itp_phase3")
CHEMO = """\
chemotherapy:
  first_day: 5
  cycle_days: 21
  cycles: 1
  doses: [{day: 0}, {day: 7, intensity: 0.8}]
  start: {at_least_1e9L: 100, latest_day: 14}
  drug_days: [-5, -1, 2]
meals:
  share_mean: 0.2
  share_sd: 0.1
  after_dose_h: 1
pk_sampling:
  visit_day: 0
  times_h: [0, 12, 24, 96]
"""
WHOLE = GOOD.replace("    ratio: 3\n", "    ratio: 3\n    until_chemotherapy: true\n    meal_after_dose_h: 0\n") + CHEMO

CASES = [
    ("unknown key", "  cycles: 1", "  cycle: 1", "chemotherapy.cycle", ["did you mean cycles?"]),
    ("no doses", "[{day: 0}, {day: 7, intensity: 0.8}]", "[]", "chemotherapy.doses", ["at least 1"]),
    ("no intensity", "intensity: 0.8", "intensity: 0", "chemotherapy.doses.1.intensity", ["seen 0", "more than 0"]),
    ("dose after the cycle", "{day: 7,", "{day: 21,", "chemotherapy.doses.1.day", ["seen 21", "days 0 to 20"]),
    ("doses out of order", "[{day: 0}", "[{day: 9}", "chemotherapy.doses.1.day", ["7 comes after 9"]),
    ("drug days out of order", "[-5, -1, 2]", "[-1, -5, 2]", "chemotherapy.drug_days.1", ["-5 comes after -1"]),
    ("latest before first", "latest_day: 14", "latest_day: 4", "chemotherapy.start.latest_day", ["seen 4", "5 or later"]),
    ("latest before visits", "latest_day: 14", "latest_day: 6", "chemotherapy.start.latest_day", ["seen 6", "on day 7"]),
    ("share in percent", "  share_mean: 0.2", "  share_mean: 20 %", "meals.share_mean", ["did you mean 0.2?"]),
    ("impossible spread", "  share_sd: 0.1", "  share_sd: 0.4", "meals.share_sd", ["seen 0.4", "below 0.4"]),
    ("meal next day", "    meal_after_dose_h: 0", "    meal_after_dose_h: 24", "arms.0.meal_after_dose_h", ["less than 24"]),
    ("placebo already", "    placebo: true", "    placebo: true\n    until_chemotherapy: true", "arms.1.until_chemotherapy", ["no active drug"]),
    ("not a visit", "  visit_day: 0", "  visit_day: 3", "pk_sampling.visit_day", ["seen 3", "allowed: 0, 7, 14"]),
    ("without 24 h", "[0, 12, 24, 96]", "[0, 12, 96]", "pk_sampling.times_h", ["seen 0 to 96, without 24", "24 among them"]),
    ("less than a day", "[0, 12, 24, 96]", "[0, 6, 12]", "pk_sampling.times_h", ["seen 0 to 12", "0 to 24"]),
    ("doses may change", "[0, 12, 24, 96]", "[0, 12, 24, 144]", "pk_sampling.times_h", ["seen 144", "visit of day 7", "to 120"]),
]  # fmt: skip
LATER_CASES = [
    ("one cycle", "  next_cycle: {at_least_1e9L: 75}", "chemotherapy.next_cycle", ["there is one cycle"]),
    ("nothing lowers", "  next_cycle: {at_least_1e9L: 75, reduction: {factor: 0.5}}", "chemotherapy.next_cycle.reduction", ["nothing lowers a dose"]),
    ("no factor", "  next_cycle: {at_least_1e9L: 75, reduction: {factor: 75 %, delayed_days: 7}}", "chemotherapy.next_cycle.reduction.factor", ["did you mean 0.75"]),
    ("accumulates in one", "  accumulates: 0.1", "chemotherapy.accumulates", ["there is one cycle"]),
    ("misspelt", "  between_cycle_cv: 0.1", "chemotherapy.between_cycle_cv", ["did you mean between_cycles_cv?"]),
]  # fmt: skip


@pytest.fixture
def known(monkeypatch):
    """As if the structure of every parameter set took chemotherapy and meals."""
    monkeypatch.setattr(trial.study.checks, "structure_of", lambda _: taking([]))


def load(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return load_config(path)


def messages(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return [message.replace(str(tmp_path) + "/", "") for message in caught.value.messages]


def test_the_whole_is_good(tmp_path, known):
    loaded = load(tmp_path, WHOLE)
    assert loaded.warnings == ()
    assert loaded.study.chemotherapy.days_of_drug == (-5, -1, 2)


@pytest.mark.parametrize(("good", "bad", "path", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(tmp_path, known, good, bad, path, words):
    assert WHOLE.count(good) == 1
    found = messages(tmp_path, WHOLE.replace(good, bad))
    hit = [m for m in found if re.match(rf"study\.yaml:\d+: {re.escape(path)}: ", m)]
    assert hit and all(word in hit[0] for word in words), found


def test_a_structure_that_does_not_know_them_is_refused_at_each_place(tmp_path):
    found = messages(tmp_path, WHOLE)
    assert [m.split(": ")[1] for m in found] == ["arms.0.meal_after_dose_h", "chemotherapy", "meals"]
    assert all("has structure tmdd_lifespan, which does not know" in m for m in found)
    assert "chemotherapy; parameter sets that do: " in found[1]


def test_an_arm_cannot_wait_for_chemotherapy_that_is_not_there(tmp_path):
    text = GOOD.replace("    ratio: 3\n", "    ratio: 3\n    until_chemotherapy: true\n")
    assert messages(tmp_path, text) == [
        "study.yaml:12: arms.0.until_chemotherapy: seen true; the study has no chemotherapy"
    ]


def test_drug_days_and_cycles_that_never_come(tmp_path, known):
    text = WHOLE.replace("  start: {at_least_1e9L: 100, latest_day: 14}\n", "")
    found = messages(tmp_path, text.replace("[-5, -1, 2]", "[-9, -6]"))
    assert len(found) == 1 and "drug_days: none of them falls on days 0 to 27" in found[0]
    found = messages(tmp_path, text.replace("first_day: 5", "first_day: 28"))
    assert len(found) == 1 and "chemotherapy.first_day: seen 28" in found[0] and "allowed: 0 to 27" in found[0]


def test_cycles_after_the_last_visit_are_a_caution(tmp_path, known):
    """From day 5 every 21 days: day 5, 26, 47, 68; the last visit is on day 28."""
    (warning,) = load(tmp_path, WHOLE.replace("  cycles: 1", "  cycles: 4")).warnings
    assert "chemotherapy.cycles: seen 4; at most 2 begin before the last visit, on day 28" in warning
    assert load(tmp_path, WHOLE.replace("  cycles: 1", "  cycles: 2")).warnings == ()


def test_the_day_of_the_last_visit_is_a_day_too_late(tmp_path, known):
    """First day 7: the second cycle would begin on day 28, when the study ends."""
    text = WHOLE.replace("  first_day: 5", "  first_day: 7").replace("  cycles: 1", "  cycles: 2")
    assert "at most 1 begin" in load(tmp_path, text).warnings[0]


def study(**changes):
    data = load_study(PHASE_3).model_dump()
    data["arms"] = [arm | changes.pop("arm", {}) if k == 0 else arm for k, arm in enumerate(data["arms"])]
    data["screening"] |= changes.pop("screening", {})
    return Study.model_validate(data | {"published": None} | changes)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda p: p.stem)
def test_the_designs_written_in_the_configs_still_hold(path):
    loaded = load_study(path)
    assert loaded.published is None or loaded.published.design == fingerprint(loaded)


def rule_with_first_step(**changes):
    """The rule of the phase III study with its first step changed."""
    rule = study().model_dump()["dose_rules"]["titration"]
    first, *others = rule["steps"]
    return rule | {"steps": (first | changes, *others)}


def test_the_fingerprint_sees_every_new_key_and_not_its_silence():
    plain = {"cycle_days": 21, "cycles": 3, "doses": [{"day": 0}]}
    designs = [
        study(),
        study(chemotherapy=plain),
        study(chemotherapy=plain | {"cycles": 4}),
        study(chemotherapy=plain | {"drug_days": [1, 2]}),
        study(chemotherapy=plain, arm={"until_chemotherapy": True}),
        study(meals={"share_mean": 0.2, "after_dose_h": 1}),
        study(meals={"share_mean": 0.2, "after_dose_h": 2}),
        study(arm={"meal_after_dose_h": 0}),
        study(screening={"platelets_at_least_1e9L": 10}),
        study(dose_rules={"titration": rule_with_first_step(rung="highest")}),
        study(dose_rules={"titration": rule_with_first_step(action="stop")}),
    ]
    assert len({fingerprint(s) for s in designs}) == len(designs)
    silent = {"until_chemotherapy": False, "meal_after_dose_h": None}
    said = study(
        arm=silent,
        screening={"platelets_at_least_1e9L": 0.0},
        chemotherapy=None,
        meals=None,
        dose_rules={"titration": rule_with_first_step(rung="any")},
    )
    assert fingerprint(said) == fingerprint(study()) == "474e0446c98d"


def test_healthy_people_are_not_asked_for_itp_and_have_a_lowest_count():
    """Counts 149, 150, 349, 350 with limits of 150 and 350; no duration of ITP is needed."""
    healthy = Screening(platelets_at_least_1e9L=150, platelets_below_1e9L=350, itp_duration_at_least_y=0)
    asked = exclusions(healthy, {"AGE": np.full(4, 30.0), "BLPLAT": np.array([149.0, 150, 349, 350])})
    assert list(asked) == ["age below 18 y", "platelets below 150 x 10^9/L", "platelets of 350 x 10^9/L or more"]
    assert [flags.tolist() for flags in asked.values()][1:] == [
        [True, False, False, False],
        [False, False, False, True],
    ]
    with_itp = exclusions(Screening(), {"AGE": np.array([30.0]), "BLPLAT": np.array([9.0]), "ITPDUR": np.array([0.4])})
    assert [bool(flags[0]) for flags in with_itp.values()] == [False, True, False]


def test_a_lowest_count_above_the_highest_is_refused(tmp_path):
    found = messages(tmp_path, GOOD + "screening: {platelets_at_least_1e9L: 40}\n")
    assert len(found) == 1 and "seen 40: no count is at least 40 and below 30" in found[0]


def test_an_empty_range_of_counts_is_refused_at_its_edge():
    """No count is at least 50 and below 50."""
    with pytest.raises(ValueError, match="no count is at least 50 and below 50"):
        DoseStep(action="keep", at_least_1e9L=50.0, below_1e9L=50.0)


@pytest.mark.parametrize(("name", "line", "path", "words"), LATER_CASES, ids=[c[0] for c in LATER_CASES])
def test_what_is_wrong_with_later_cycles_is_told(tmp_path, monkeypatch, name, line, path, words):
    """Of a study with one cycle."""
    monkeypatch.setattr(trial.study.checks, "structure_of", lambda _: taking([]))
    file = tmp_path / "study.yaml"
    file.write_text(WHOLE.replace("  cycles: 1\n", f"  cycles: 1\n{line}\n"))
    with pytest.raises(ConfigError) as raised:
        load_study(file)
    told = next((m for m in raised.value.messages if f"{path}: " in m), "")
    assert told and all(word in told for word in words), raised.value.messages


def test_a_design_that_does_not_wait_is_the_design_it_was():
    """The keys of later cycles at their defaults do not enter the fingerprint; next_cycle does."""
    (path,) = (p for p in PUBLISHED if p.stem == "eltrombopag_cit_winer")
    loaded = load_study(path)
    assert fingerprint(loaded) == loaded.published.design
    waits = loaded.model_dump()
    waits["chemotherapy"] |= {"next_cycle": {"at_least_1e9L": 75.0}}
    assert fingerprint(Study.model_validate(waits)) != fingerprint(loaded)
