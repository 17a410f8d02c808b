"""Slips that a second reader typed: each is answered on its line, with the cure that was meant and no other."""

# ruff: noqa: E501

import pytest
from test_config_errors import GOOD, messages

from analysis import endpoints
from trial.app.loading import load_checked
from trial.errors import ConfigError
from trial.study import slips
from trial.study.load import load_config
from trial.study.protocol import not_among

YAML = [
    ("seed: 1", "seed:\t1", 0, "a tab in the line; type a space in its place"),
    ("patients: 20", "patients: 20\t# all", 0, "a tab in the line; type a space in its place"),
    ("  window_days: 2", "\u00a0\u00a0window_days: 2\n  missed_probability: 0.1", 0, "the space of a word processor at the start of the line"),
    ("patients: 20", "% all arms\npatients: 20", 0, "a comment begins with #"),
    ("    - covariate: BLPLAT", "    -covariate: SEX\n    - covariate: BLPLAT", 0, "a space belongs after the dash: - covariate: SEX"),
    ("  - id: DRUG\n    ratio", "    id: DRUG\n    ratio", 0, "no dash before this entry of a list, the next one has it: - id: DRUG"),
    ("randomisation:", "randomisation", 0, "no colon in the line; a key ends with a colon and a space"),
    ("analysis:", "---\nanalysis:", 0, "another document begins here (---); one file holds one study"),
    ("dose_rule: ladder", "dose_rule: *rule", 0, "no anchor &rule stands above it"),
    ("title: A small study", 'title: "C:\\data"', 0, "a backslash inside double quotes; put the text, such as a path, in single quotes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "typed", "below", "answer"), YAML, ids=[typed.strip()[:40] for _, typed, _, _ in YAML]
)
def test_the_answer_names_the_slip_and_its_line(tmp_path, good, typed, below, answer):
    found = messages(tmp_path, GOOD.replace(good, typed, 1))
    assert answer in found[0], found
    assert int(found[0].split(":")[1]) == GOOD[: GOOD.index(good)].count("\n") + 1 + below


DOSE, DAYS, STEP = "    start_dose_mg: 5\n    dose", "[7, 14, 21, 28]", "action: increase"
VALUES = [
    # numbers out of order are decimals only where a comma has no space
    (DAYS, "[7, 7]", "days.1: 7 is given twice; the values must increase"),
    (DAYS, "[7, 21, 14, 28]", "days.2: out of order: 14 comes after 21; the values must increase"),
    ("ladder_mg: [2.5, 5]", "ladder_mg: [2,5, 3,75, 5, 7,5]", "decimal points, no commas: did you mean [2.5, 3.75, 5, 7.5]?"),
    ("patients: 20", "patients: 1.000", "seen 1.000; allowed: a plain whole number; a point begins decimals: did you mean 1000?"),
    # beyond a limit
    ("  mean: 0.9", "  mean: 88", "allowed: 1 or less; did you mean 0.88, for 88 %?"),
    ("hazard_per_week: 0.01", "share_by_end: 15", "did you mean 0.15, for 15 %?"),
    (DOSE, "    start_dose_mg: 5000\n    dose", "allowed: 200 or less (mg); did you mean 5, for 5000 µg?"),
    ("patients: 20", "patients: 100000000", "allowed: 1000000 or less"),
    # one number where there are two, or words
    ("  mean: 0.9", "  mean: 88/100", "a fraction: did you mean 0.88?"),
    ("  mean: 0.9", "  mean: 0.9 ± 0.1", "one number; a spread has a key of its own: did you mean 0.9?"),
    ("ratio: 3", "ratio: 3:1", "a ratio; one number, every arm has its own"),
    ("patients: 20", "patients: 20 // all arms", "a comment begins with a space and #: did you mean 20?"),
    ("patients: 20", "patients: 20 (10 per arm)", "nothing after the number: did you mean 20?"),
    ("patients: 20", "patients: 20\u200b", "did you mean 20?"),
    ("patients: 20", "patients: [20]", "without the brackets: did you mean 20?"),
    (DAYS, "[week 1, week 4]", "days.1: seen 'week 4'; allowed: a plain whole number in days (units are in the key name); did you mean 28?"),
    ("  window_days: 2", "  every: weekly\n  to: 56", "in days: did you mean 7?"),
    ("treatment_days: 28", "pk_sampling: {visit_day: 0, times_h: [0:30, 24]}\ntreatment_days: 28", "a time of the clock; in hours: did you mean 0.5?"),
    ("treatment_days: 28", "pk_sampling: {visit_day: 0, lloq_ng_mL: 0.5 µg/mL}\ntreatment_days: 28", "did you mean 500?"),
    # lists
    (DAYS, "56", "did you mean [56]?"),
    (DAYS, "7–28", "a range; give every number"),
    ("  primary: RESPW4", "  primary: RESPW4\n  endpoints: RESPW4, RESCUE", "did you mean [RESPW4, RESCUE]?"),
    ("analysis:", "assumptions: All is taken.\nanalysis:", "with a dash before it: - All is taken."),
    ("analysis:", "assumptions:\n  - Source: a paper\nanalysis:", 'a text with a colon in quotes: "Source: a paper"'),
    ("  - reason: withdrawal\n    hazard", "  reason: withdrawal\n  hazard", "a dash before the first key of each entry: - reason: withdrawal"),
    ("    - covariate: BLPLAT\n      cut: 10", "    - SEX", "did you mean {covariate: SEX}?"),
    ("population:\n  id: chronic_itp_mei_2021", "population: chronic_itp_mei_2021", "did you mean {id: chronic_itp_mei_2021}?"),
    ("hazard_per_week: 0.01", "hazard_per_week: 0.01\n    reason: b\n    hazard_per_week: 0.1", "the next entry of a list begins with a dash"),
    ("parameter_set: hetrombopag_wang_2022", "parameter_set: [hetrombopag_wang_2022]", "without the brackets: did you mean hetrombopag_wang_2022?"),
    ("analysis:", "tolerability: {proxies: ALT LDH}\nanalysis:", "a list of codes: did you mean [ALT, LDH]?"),
    # names
    (DOSE, "    dose: 5\n    dose", "unknown key; did you mean start_dose_mg?"),
    ("treatment_days: 28", "treatmentDays: 28", "unknown key; did you mean treatment_days: 28?"),
    ("  days: [7", "  day: [7", "visits.day: unknown key; did you mean days?"),
    ("patients: 20", "sample_size: 20", "did you mean patients?"),
    ("  primary: RESPW4", "  primary_endpoint: RESPW4", "did you mean primary?"),
    ("hazard_per_week: 0.01", "hazard_per_month: 0.02", "did you mean hazard_per_week: 0.0046?"),
    ("patients: 20", "patients: 20\nadherence.mean: 0.9", "a key of adherence stands on a line below it, indented: mean: 0.9"),
    (STEP, "action: up", "did you mean increase?"),
    (STEP, "action: discontinue", "did you mean stop?"),
    ("placebo: true", "placebo: ture", "did you mean true?"),
    ("id: small", "id: my trial", "did you mean my_trial?"),
    ("id: DRUG", "id: DRUG\n    label: Dose #1", 'a space and # begin a comment, so the text ends before it; in quotes: "Dose #1"'),
    ("analysis:", "pk_sampling: none\nanalysis:", "for nothing write null"),
    ("parameter_set: hetrombopag_wang_2022", "parameter_set: avatrombopag", "; a drug; its sets: avatrombopag_itp_jurczak_2018"),
    ("population:\n  id: chronic_itp_mei_2021", "population: {file: C:\\data.csv}", "folders are separated by / here"),
    ("assessment_day: 28", "assessment_day: 4", "allowed: 7, 14, 21, 28; did you mean 28, the day of week 4?"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "typed", "answer"), VALUES, ids=[typed.strip()[:40] for _, typed, _ in VALUES])
def test_the_answer_says_what_was_meant(tmp_path, good, typed, answer):
    found = messages(tmp_path, GOOD.replace(good, typed, 1))
    assert good in GOOD and any(answer in message for message in found), found


def test_a_limit_that_is_no_percentage_gets_no_guess(tmp_path):
    assert messages(tmp_path, GOOD.replace("mean: 0.9", "mean: 300"))[0].endswith("allowed: 1 or less")


ENDPOINTS = [
    ("RESPW12", "did you mean RESPW4? RESPW12 needs analysis.assessment_day: 84"),
    ("RESP1 RESCUE", "commas between the entries: did you mean [RESP1, RESCUE]?"),
    ("response at week 4", "did you mean RESPW4?"),
]


@pytest.mark.parametrize(("typed", "answer"), ENDPOINTS)
def test_endpoints(typed, answer):
    (said,) = endpoints.problems([typed], 28)
    assert said.endswith(f"; {answer}"), said


def test_a_wrong_day_is_said_once(tmp_path):
    """The endpoints are right on the day that was meant."""
    config = tmp_path / "study.yaml"
    config.write_text(GOOD.replace("assessment_day: 28", "assessment_day: 4"))
    with pytest.raises(ConfigError) as caught:
        load_checked(config)
    assert len(caught.value.messages) == 1 and "did you mean 28, the day of week 4?" in str(caught.value)


def test_people_and_parameter_set_that_do_not_belong_together(tmp_path):
    config = tmp_path / "study.yaml"
    text = GOOD.replace("hetrombopag_wang_2022", "hetrombopag_itp_mei_2021").replace(
        "chronic_itp_mei_2021", "healthy_zheng_2017"
    )
    config.write_text(text + "screening: {itp_duration_at_least_y: 0, platelets_below_1e9L: 400}\n")
    with pytest.raises(
        ConfigError, match=r"population: seen healthy_zheng_2017; parameter set .* is for adults with chronic ITP"
    ):
        load_checked(config)


def test_a_file_to_extend_that_is_misspelt_or_no_yaml(tmp_path):
    (tmp_path / "base_study.yaml").write_text(GOOD)
    (tmp_path / "rows.csv").write_text("a,b\n")
    assert "did you mean base_study.yaml?" in messages(tmp_path, "extends: base_stdy.yaml\n")[0]
    assert messages(tmp_path, "extends: rows.csv\n")[0].endswith("rows.csv; allowed: the name of one YAML file")


def test_a_restart_where_the_rule_interrupts_is_worth_a_word(tmp_path):
    config = tmp_path / "study.yaml"
    rule = "      - {action: interrupt, at_least_1e9L: 250}\n    restart: {below_1e9L: 300}\n"
    config.write_text(GOOD.replace("        below_1e9L: 50\n", f"        below_1e9L: 50\n{rule}"))
    warned = [line for line in load_config(config).warnings if "restart.below" in line]
    assert len(warned) == 1 and "seen 300; steps.1 interrupts from 250" in warned[0]
    config.write_text(config.read_text().replace("300", "250"))
    assert not [line for line in load_config(config).warnings if "restart.below" in line], "at the same count it may"


def test_what_is_meant_by_a_long_text_is_cut():
    long = "x" * 100_000
    for said in (
        slips.key_meant(f"days:{long}"),
        slips.key_meant(f"days={long}"),
        slips.key_meant(f"“{long}”"),
        slips.text_meant(f"a b{long}"),
        slips.codes_meant(long.upper()),
        slips.decimals_meant(f"1,{'5' * 9999}"),
    ):
        assert 100 < len(said) < 300 and "..." in said  # fmt: skip
    assert not_among("x", ["a\nevil: 1", long], "y") == f"seen 'x', which is not y; allowed: a evil: 1, {'x' * 57}..."
