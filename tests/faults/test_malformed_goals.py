"""Malformed goals and --vary arguments: each is refused with its place and a sentence, without a traceback."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from malformed_goals import GOAL, malformed_goals, malformed_grids
from sizes import size

from analysis.evidence.design_points import PointRow
from analysis.evidence.search import SearchRow
from trial.app.goals import load_aim
from trial.app.grid_points import grid, varied_of
from trial.app.optimum_page import page_of, prices_of
from trial.cli import main
from trial.errors import ConfigError, TrialError

STUDY = Path("configs/smoke.yaml").resolve()
PLACED = re.compile(r"odd\.yaml:[1-9]\d*: \S.*\S")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "study.yaml").write_text(f"extends: {STUDY}\nid: odd\npatients: 4\n", encoding="utf-8")
    return tmp_path


def goal(home, text):
    (home / "odd.yaml").write_text(text, encoding="utf-8")
    return home / "odd.yaml"


@pytest.mark.slow
def test_each_malformed_goal_is_refused_with_file_line_and_a_sentence(home):
    load_aim(goal(home, GOAL))
    for k, text in enumerate(malformed_goals(size(50, 150))):
        with pytest.raises(ConfigError) as caught:
            load_aim(goal(home, text))
            raise AssertionError(f"{k}: accepted:\n{text}")
        for line in caught.value.messages:
            assert PLACED.search(line) and "\n" not in line and "Traceback" not in line, (text, line)


@pytest.mark.slow
def test_each_malformed_grid_is_refused_with_the_option_or_makes_sound_points(home):
    refused = 0
    for text in malformed_grids(many := size(40, 100)):
        try:
            grid(home / "study.yaml", varied_of([text]))
        except TrialError as error:
            refused += 1
            assert "--vary" in str(error) or "point " in str(error), (text, error)
    assert refused > 0.8 * many


def test_a_few_of_them_on_the_command_line(home, capsys):
    for text in malformed_goals(3, seed=5):
        assert main(["optimise", str(goal(home, text)), "--out", str(home / "out")]) == 2, text
        said = capsys.readouterr().err
        assert re.search(r"odd\.yaml:\d+", said) and "Traceback" not in said, (text, said)
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("confirm: {seed: 1", "confirm: {seed: 20210225", 23, "seen 20210225, which is the seed of the study"),
        ("key: visits.days", "key: seed", 9, "seen seed; every point has the draws of the study"),
        ("key: visits.days", "key: visits.days\n    also: [replicates]", 10, "seen replicates; every point has"),
    ],
)  # fmt: skip
def test_draws_that_are_those_of_the_search_and_keys_that_all_points_share_are_refused(home, old, new, line, said):
    with pytest.raises(ConfigError) as caught:
        load_aim(goal(home, GOAL.replace(old, new)))
    assert [one for one in caught.value.messages if f"odd.yaml:{line}: " in one and said in one], caught.value.messages


def test_patients_may_be_searched_and_it_is_said_that_changes_are_not_paired(home):
    searched = GOAL.replace("visits.days\n    choices:", "patients\n    choices: [4, 6]\n#")
    aim = load_aim(goal(home, re.sub(r"\n#\n(      - .*\n)+", "\n", searched)))
    assert aim.sizes and "not paired patient by patient" in aim.base.warnings[-1]
    assert not load_aim(goal(home, GOAL)).sizes


def test_a_key_is_changed_where_its_value_is_not_where_its_text_is(home):
    """The study says RESPW8 in no quotes; the key beside a threshold counts too."""
    text = GOAL.replace("key: visits.days\n", "key: analysis.primary\n")
    text = re.sub(r"choices:\n(      - .*\n)+", "choices: [RESPW8, RESP1]\n", text)
    aim = load_aim(goal(home, text))
    day = "dose_rules.titration.steps.3.below_1e9L"
    stands = aim.values[day]
    assert aim.changed({day: f"{stands:.10g}", "analysis.primary": '"RESPW8"'}) == {}
    assert aim.changed({day: f"{stands + 1:.10g}", "analysis.primary": '"RESP1"'}) == {
        day: f"{stands + 1:.10g}", "analysis.primary": '"RESP1"',
    }  # fmt: skip
    beside = dataclasses.replace(aim, values=aim.values | {"dose_rules.titration.steps.2.at_least_1e9L": stands + 9})
    assert list(beside.changed({day: f"{stands:.10g}", "analysis.primary": '"RESPW8"'})) == [day]


def test_the_page_prices_changed_keys_alone_and_says_what_luck_is_left(home):
    """The winner has the visits of the study and another threshold: one price, and the rest of its luck in words."""
    aim = load_aim(goal(home, GOAL))
    day, visits = (one.key for one in aim.goal.keys)
    settings = {day: "80", visits: json.dumps(aim.values[visits])}
    results = {
        name: PointRow("odd", 0, "", "HETROM-5", name.partition("|")[0], "", "%", 2, 9.0, 1.0, 1.0, 1.0)
        for name in aim.names
    }
    rows = [
        SearchRow(kind, k, settings, results, draws=draws, front=kind == "searched" and k == 1)
        for kind, k, draws in (
            ("published", 0, "search"), ("searched", 1, "search"), ("searched", 2, "search"), ("published", 0, "new"),
            ("confirmed", 1, "new"), ("price", 0, "new"),
        )
    ]  # fmt: skip
    assert [key for key, _ in prices_of(aim, rows)] == [day]
    lead = page_of(aim, rows).lead
    assert "1 were asked for before" in lead and "in the same new draws: its numbers are still a little lucky" in lead
