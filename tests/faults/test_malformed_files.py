"""200 malformed schedules, dose rules and stages: each is refused with file, line and sentence, without a traceback."""

import re

import pytest
from malformed import malformed, sound

from trial.app.loading import load_checked
from trial.cli import main
from trial.errors import ConfigError

MANY, FEW = 200, 6
IN_CONFIG = re.compile(r"odd\.yaml:[1-9]\d*: \S.*\S")
IN_PLAN = re.compile(r"plan\.csv: (line [1-9]\d*|header|column \w+|cannot be read)\b.* \S+")


def test_what_they_are_made_from_is_sound(tmp_path):
    for one in sound():
        load_checked(one.written(tmp_path))


def refusals(files, folder):
    """What each is refused with; a file that is accepted, or another exception, fails here."""
    for k, one in enumerate(files):
        with pytest.raises(ConfigError) as caught:
            load_checked(one.written(folder))
            raise AssertionError(f"{k}: {one.what}: accepted")
        yield one, caught.value.messages


@pytest.mark.slow
def test_each_of_200_is_refused_with_file_line_and_a_sentence(tmp_path):
    files = malformed(MANY)
    assert len({(one.config, one.plan) for one in files}) > 150
    for one, messages in refusals(files, tmp_path):
        for text in messages:
            assert IN_CONFIG.search(text) and "\n" not in text and "Traceback" not in text, (one.what, text)
            if ": schedule: " in text and "plan.csv: " in text:
                assert IN_PLAN.search(text), (one.what, text)


def test_a_few_of_them_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for one in malformed(FEW, seed=5):
        one.written(tmp_path)
        assert main(["check", "odd.yaml"]) == 2, one.what
        said = capsys.readouterr().err
        assert re.search(r"odd\.yaml:\d+", said) and "Traceback" not in said, (one.what, said)
