"""A file of one kind given to a command that reads another: one sentence, with what it is and who reads it."""

from pathlib import Path

import pytest

from trial.app.designing import load_design
from trial.errors import ConfigError
from trial.study.file_kinds import KINDS, mistaken
from trial.study.fit import load_fit
from trial.study.goal import load_goal
from trial.study.load import load_study

CONFIGS = Path(__file__).parents[2] / "configs"
READ = {
    "a study": load_study, "a design": load_design, "a goal": load_goal,
    "a calibration": lambda path: load_fit(path, lambda data: ()),
}  # fmt: skip
FILES = {
    "a study": ["smoke.yaml", "published/hetrombopag_itp_phase3.yaml", "hetrombopag_food_crossover.yaml"],
    "a design": [f"designs/{path.name}" for path in CONFIGS.glob("designs/*.yaml") if "_study" not in path.name],
    "a goal": ["goals/hetrombopag_titration.yaml"],
    "a calibration": ["calibration/hetrombopag_itp_mei_2021.yaml"],
}  # fmt: skip


@pytest.mark.parametrize(("asked", "given"), [(a, g) for a in READ for g in FILES if a != g])
def test_a_file_of_another_kind_is_told_in_one_sentence(asked, given):
    command = next(kind.command for kind in KINDS if kind.name == given)
    for name in FILES[given]:
        with pytest.raises(ConfigError) as error:
            READ[asked](CONFIGS / name)
        (said,) = error.value.messages
        assert f": this is {given}, which '{command}' reads; needed here: {asked}, as configs/" in said
        assert ".yaml:" in said


def test_a_file_with_a_key_of_its_kind_is_read_as_it():
    """Faults of it are told one by one."""
    assert mistaken({"sizes": [3], "population": {}, "visits": {}}, "DesignPlan") == ""
    assert mistaken({"id": "x", "population": {}}, "DesignPlan") == ""
    assert "this is a study" in mistaken({"id": "x", "population": {}, "visits": {}}, "DesignPlan")
    assert mistaken({"population": {}, "visits": {}}, "AnotherRecord") == ""
    assert mistaken("a text", "Study") == ""


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_of_their_kind(kind):
    assert (CONFIGS.parent / kind.example).is_file()
    assert any(kind.example.endswith(name) for name in FILES[kind.name])
