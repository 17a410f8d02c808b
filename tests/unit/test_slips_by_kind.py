"""Slips that a second reader typed: each is answered on its line, with the cure that was meant and no other."""

# ruff: noqa: E501

import pytest
from test_config_errors import GOOD, messages

YAML = [
    ("seed: 1", "seed:\t1", 0, "a tab in the line; type a space in its place"),
    ("patients: 20", "patients: 20\t# all", 0, "a tab in the line; type a space in its place"),
    ("  window_days: 2", "\u00a0\u00a0window_days: 2\n  missed_probability: 0.1", 0, "the space of a word processor at the start of the line"),
    ("patients: 20", "% all arms\npatients: 20", 0, "a comment begins with #"),
    ("    - covariate: BLPLAT", "    -covariate: SEX\n    - covariate: BLPLAT", 0, "a space belongs after the dash: - covariate: SEX"),
    ("  - id: DRUG\n    ratio", "    id: DRUG\n    ratio", 0, "no dash before this entry of a list, the next one has it: - id: DRUG"),
    ("randomisation:", "randomisation", 0, "no colon in the line; a key ends with a colon and a space"),
    ("analysis:", "---\nanalysis:", 0, "a second study begins here (---); one file holds one study"),
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
