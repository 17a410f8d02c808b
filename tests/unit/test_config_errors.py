"""Bad configs: every message names file, line and path, what was seen, what is allowed, and the nearest valid spelling.

Each case changes one line of a small valid study; the line number expected is that of the change.
"""

# ruff: noqa: E501

import re

import pytest

from trial.errors import ConfigError
from trial.study.load import load_config, load_study

GOOD = """\
id: small
title: A small study
seed: 1
replicates: 2
patients: 20
parameter_set: hetrombopag_wang_2022
population:
  id: chronic_itp_mei_2021
arms:
  - id: DRUG
    ratio: 3
    start_dose_mg: 5
    dose_rule: ladder
  - id: SHAM
    ratio: 1
    placebo: true
    start_dose_mg: 5
randomisation:
  block_size: 8
  strata:
    - covariate: BLPLAT
      cut: 10
treatment_days: 28
visits:
  days: [7, 14, 21, 28]
  window_days: 2
dose_rules:
  ladder:
    source: assumed
    ladder_mg: [2.5, 5]
    steps:
      - action: increase
        below_1e9L: 50
adherence:
  mean: 0.9
  sd: 0.1
dropout:
  - reason: withdrawal
    hazard_per_week: 0.01
analysis:
  assessment_day: 28
  reference_arm: SHAM
  primary: RESPW4
"""

CASES = [
    ("unknown key", "patients: 20", "patient: 20", "patient", ["unknown key", "did you mean patients?"]),
    ("micrograms", "    start_dose_mg: 5\n    dose", "    start_dose_ug: 5000\n    dose", "arms.0.start_dose_ug", ["did you mean start_dose_mg: 5?"]),
    ("grams", "    start_dose_mg: 5\n    dose", "    start_dose_g: 0.005\n    dose", "arms.0.start_dose_g", ["did you mean start_dose_mg: 5?"]),
    ("no unit", "    start_dose_mg: 5\n    dose", "    start_dose: 5\n    dose", "arms.0.start_dose", ["did you mean start_dose_mg?"]),
    ("cycle in weeks", "treatment_days: 28", "treatment_days: 28\nchemotherapy: {cycle_weeks: 3, cycles: 1, doses: [{day: 0}]}", "chemotherapy.cycle_weeks", ["did you mean cycle_days: 21?"]),
    ("weeks", "  window_days: 2", "  window_weeks: 1", "visits.window_weeks", ["did you mean window_days: 7?"]),
    ("wrong level", "treatment_days: 28", "block_size: 8", "block_size", ["it belongs at randomisation.block_size"]),
    ("unit in value", "    start_dose_mg: 5\n    dose", "    start_dose_mg: 5 mg\n    dose", "arms.0.start_dose_mg", ["seen '5 mg'", "a plain number in mg", "units are in the key name", "did you mean 5?"]),
    ("unit of another size", "    start_dose_mg: 5\n    dose", "    start_dose_mg: 5000 ug\n    dose", "arms.0.start_dose_mg", ["did you mean 5?"]),
    ("decimal comma", "  mean: 0.9", "  mean: 0,9", "adherence.mean", ["seen '0,9'", "a plain number", "did you mean 0.9?"]),
    ("percent", "  mean: 0.9", "  mean: 90 %", "adherence.mean", ["did you mean 0.9?"]),
    ("quoted number", "seed: 1", 'seed: "1"', "seed", ["seen '1'", "a plain whole number", "did you mean 1?"]),
    ("yes for a number", "patients: 20", "patients: true", "patients", ["seen true", "a plain whole number"]),
    ("not a number", "  sd: 0.1", "  sd: .nan", "adherence.sd", ["seen nan"]),
    ("part of a patient", "patients: 20", "patients: 20.5", "patients", ["seen 20.5", "whole number"]),
    ("nobody", "patients: 20", "patients: 0", "patients", ["seen 0", "1 or more"]),
    ("negative seed", "seed: 1", "seed: -1", "seed", ["seen -1", "0 or more"]),
    ("negative dose", "    start_dose_mg: 5\n    dose", "    start_dose_mg: -5\n    dose", "arms.0.start_dose_mg", ["seen -5", "0 or more (mg)"]),
    ("ratio 0", "    ratio: 3", "    ratio: 0", "arms.0.ratio", ["seen 0", "1 or more"]),
    ("probability", "  mean: 0.9", "  mean: 90", "adherence.mean", ["seen 90", "1 or less"]),
    ("impossible spread", "  sd: 0.1", "  sd: 0.4", "adherence.sd", ["seen 0.4", "below 0.3"]),
    ("visits given twice", "[7, 14, 21, 28]", "[7, 7, 21, 28]", "visits.days.1", ["7 is given twice", "must increase"]),
    ("visits out of order", "[7, 14, 21, 28]", "[7, 21, 14, 28]", "visits.days.2", ["14 comes after 21", "must increase"]),
    ("visit before treatment", "[7, 14, 21, 28]", "[0, 7, 14, 28]", "visits.days.0", ["seen 0", "1 or more (days)"]),
    ("no visits", "[7, 14, 21, 28]", "[]", "visits.days", ["seen no visits", "at least 1"]),
    ("not a list", "[7, 14, 21, 28]", "28", "visits.days", ["seen 28", "a list"]),
    ("window too wide", "  window_days: 2", "  window_days: 4", "visits.window_days", ["seen 4", "change order", "0 to 3"]),
    ("block size", "  block_size: 8", "  block_size: 6", "randomisation.block_size", ["seen 6", "3:1", "multiples of 4"]),
    ("unknown rule", "dose_rule: ladder", "dose_rule: lader", "arms.0.dose_rule", ["seen 'lader'", "did you mean ladder?"]),
    ("off the ladder", "    start_dose_mg: 5\n    dose", "    start_dose_mg: 4\n    dose", "arms.0.start_dose_mg", ["seen 4", "ladder", "2.5, 5"]),
    ("same id", "id: SHAM", "id: DRUG", "arms.1.id", ["seen 'DRUG'", "already the id of arms.0"]),
    ("strange id", "id: small", "id: a b", "id", ["seen 'a b'", "letters, digits"]),
    ("unknown parameter set", "hetrombopag_wang_2022", "hetrombopag_wong_2022", "parameter_set", ["did you mean hetrombopag_wang_2022?"]),
    ("unknown population", "chronic_itp_mei_2021", "chronic_itp", "population.id", ["seen 'chronic_itp'", "did you mean chronic_itp_mei_2021?"]),
    ("both kinds of patients", "  id: chronic_itp_mei_2021", "  {id: chronic_itp_mei_2021, file: x.csv}", "population", ["both are given"]),
    ("no file of patients", "  id: chronic_itp_mei_2021", "  file: nobody.csv", "population.file", ["there is no file", "nobody.csv"]),
    ("stratum", "covariate: BLPLAT", "covariate: PLATELETS", "randomisation.strata.0.covariate", ["seen 'PLATELETS'", "did you mean BLPLAT?"]),
    ("stratum without cut", "      cut: 10\n", "      cut: null\n", "randomisation.strata.0.covariate", ["continuous", "needs a cut"]),
    ("stratum with cut", "covariate: BLPLAT", "covariate: SEX", "randomisation.strata.0.cut", ["SEX is not a number"]),
    ("action", "action: increase", "action: raise", "dose_rules.ladder.steps.0.action", ["seen 'raise'", "increase, decrease, keep, interrupt"]),
    ("interrupt for good", "action: increase", "action: interrupt", "dose_rules.ladder.steps", ["needs a restart"]),
    ("ladder out of order", "ladder_mg: [2.5, 5]", "ladder_mg: [5, 2.5]", "dose_rules.ladder.ladder_mg.1", ["2.5 comes after 5"]),
    ("empty range", "below_1e9L: 50", "below_1e9L: 50\n        at_least_1e9L: 60", "dose_rules.ladder.steps.0.at_least_1e9L", ["at least 60 and below 50"]),
    ("hazard of some arms", "hazard_per_week: 0.01", "hazard_per_week: {DRUG: 0.1}", "dropout.0.hazard_per_week", ["no hazard for SHAM"]),
    ("hazard of an unknown arm", "hazard_per_week: 0.01", "hazard_per_week: {DRUG: 0.1, SHAMM: 0.1, SHAM: 0}", "dropout.0.hazard_per_week.SHAMM", ["did you mean SHAM?"]),
    ("reference arm", "reference_arm: SHAM", "reference_arm: Sham2", "analysis.reference_arm", ["seen 'Sham2'", "did you mean SHAM?"]),
    ("assessment day", "assessment_day: 28", "assessment_day: 27", "analysis.assessment_day", ["seen 27", "7, 14, 21, 28"]),
    ("replicate", "  primary: RESPW4", "  named_replicate: 2", "analysis.named_replicate", ["seen 2", "0 to 1"]),
    ("a value for a group", "visits:\n  days: [7, 14, 21, 28]\n  window_days: 2", "visits: weekly", "visits", ["seen 'weekly'", "days, window_days"]),
    ("a number for text", "title: A small study", "title: 5", "title", ["seen 5", "text"]),
    ("given twice", "seed: 1", "seed: 1\nseed: 2", "seed", ["given twice", "lines 3 and 4"]),
]  # fmt: skip


def messages(tmp_path, text, **kwargs):
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_study(path, **kwargs)
    return [message.replace(str(tmp_path) + "/", "") for message in caught.value.messages]


def test_the_small_study_is_good(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_config(path).warnings == ()


@pytest.mark.parametrize(("good", "bad", "path", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(tmp_path, good, bad, path, words):
    assert GOOD.count(good) == 1
    text = GOOD.replace(good, bad)
    changed = GOOD[: GOOD.index(good)].count("\n") + 1
    lines = range(changed - 1, changed + bad.count("\n") + 2)
    found = messages(tmp_path, text)
    hit = [m for m in found if re.match(rf"study\.yaml:\d+: {re.escape(path)}: ", m)]
    assert hit, found
    assert all(word in hit[0] for word in words), hit[0]
    line = int(hit[0].split(":")[1])
    assert line in lines
    last = path.split(".")[-1]
    assert last.isdecimal() or last in text.splitlines()[line - 1]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, ["empty"]),
        ("# only a comment\n", 1, ["empty"]),
        ("id: a\nvisits:\n\tdays: [7]\n", 3, ["tab", "spaces"]),
        ("id: a\ntitle: b: c\n", 2, ["not YAML", "title: b: c"]),
        ("id: a\ntitle: 'b\n", 2, ["not YAML", "opened and not closed"]),
        ("id: a\nvisits: [7,\n  14\nseed: 1\n", 2, ["not YAML", "the [ is not closed"]),
        ("id: a\n---\nid: b\n", 2, ["not YAML", "another document"]),
        ("- id: a\n", 1, ["seen a list"]),
        ("id: a\ntitle: !!python/object:os.x y\n", 2, ["title", "cannot read"]),
        ("id: a\nvisits: &v {days: *v}\n", 2, ["visits.days", "itself"]),
        ("id: a\n<<: {seed: 1}\n", 2, ["not a plain word", "extends"]),
    ],
)  # fmt: skip
def test_not_yaml(tmp_path, text, line, words):
    found = messages(tmp_path, text)
    assert found[0].startswith(f"study.yaml:{line}: ")
    assert all(word in found[0] for word in words), found[0]


def test_not_utf8(tmp_path):
    (tmp_path / "study.yaml").write_bytes(b"id: a\ntitle: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"study\.yaml:2: not UTF-8 text \(byte 0xE9\)"):
        load_study(tmp_path / "study.yaml")


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_study(path).patients == 20


def test_no_file_and_a_folder(tmp_path):
    (tmp_path / "other.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"study\.yaml: there is no such file; in that folder: other\.yaml"):
        load_study(tmp_path / "study.yaml")
    with pytest.raises(ConfigError, match="this is a folder"):
        load_study(tmp_path)


def test_no_arms(tmp_path):
    start, end = GOOD.index("arms:"), GOOD.index("randomisation:")
    text = GOOD[:start] + "arms: []\n" + GOOD[end:]
    assert messages(tmp_path, text) == ["study.yaml:9: arms: seen no arms; allowed: at least 1"]


def test_a_needed_key_is_missing(tmp_path):
    found = messages(tmp_path, GOOD.replace("treatment_days: 28\n", ""))
    assert len(found) == 1 and "treatment_days: this key is needed and missing" in found[0]


def test_a_misspelt_key_is_not_also_missing(tmp_path):
    assert len(messages(tmp_path, GOOD.replace("treatment_days: 28", "treatment_day: 28"))) == 1


def test_several_errors_at_once_in_the_order_of_the_lines(tmp_path):
    text = GOOD
    for good, bad in [
        ("seed: 1", "seed: x"),
        ("ratio: 3", "ratio: 0"),
        ("hetrombopag_wang_2022", "nothing"),
        ("  sd: 0.1", "  sdd: 0.1"),
    ]:
        text = text.replace(good, bad, 1)
    lines = [int(message.split(":")[1]) for message in messages(tmp_path, text)]
    assert lines == [3, 6, 11, 36]


def test_several_errors_between_fields_at_once(tmp_path):
    text = (
        GOOD.replace("block_size: 8", "block_size: 7")
        .replace("assessment_day: 28", "assessment_day: 29")
        .replace("dose_rule: ladder", "dose_rule: x")
    )
    assert [m.split(": ")[1] for m in messages(tmp_path, text)] == [
        "arms.0.dose_rule",
        "randomisation.block_size",
        "analysis.assessment_day",
    ]


def test_warnings_of_what_is_allowed_but_unusual(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(GOOD)
    loaded = load_config(
        path,
        [
            "dose_rules.ladder.ladder_mg=[5, 80]",
            "treatment_days=40",
            "dose_rules.spare={ladder_mg: [1], source: x, steps: [{action: keep}]}",
        ],
    )
    warned = " | ".join(loaded.warnings)
    assert "80" in warned and "extrapolated" in warned
    assert "no arm uses this dose rule" in warned
    assert "seen 40; the study ends at the last visit, on day 28" in warned


@pytest.mark.slow
def test_values_of_every_wrong_kind_are_errors_not_crashes(tmp_path):
    """Every key replaced by each kind of wrong value: messages with a place, never another exception."""
    path = tmp_path / "study.yaml"
    keys = [line.split(":")[0].strip(" -") for line in GOOD.splitlines()]
    for number, line in enumerate(GOOD.splitlines()):
        if line.endswith(":"):
            continue
        for value in ("[x]", "{x: y}", "null", "2021-01-01", "'text'", "-1.5", "true", "[[1]]"):
            lines = GOOD.splitlines()
            lines[number] = line.split(":")[0] + ": " + value
            path.write_text("\n".join(lines) + "\n")
            try:
                load_study(path)
            except ConfigError as error:
                assert all(re.match(r".*study\.yaml:\d+: .+", message) for message in error.messages), keys[number]
