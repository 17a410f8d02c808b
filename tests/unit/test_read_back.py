"""A resolved config read back by its sections is what the whole text gives, refusals and their lines too."""

import pytest

from trial.errors import ConfigError
from trial.study.load import load_study, load_text, read_back, resolved_yaml

SMOKE = "configs/smoke.yaml"


@pytest.fixture(scope="module")
def study():
    return load_study(SMOKE)


def test_another_title_is_read_and_not_the_one_known_before(study):
    for title in ("A: [b]", "- {c} # d", '"e'):
        other = study.model_copy(update={"title": title})
        assert read_back(other, "x.yaml").title == load_text(resolved_yaml(other), "x.yaml").title == title
    assert read_back(study, "x.yaml") == study


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_numbers_that_are_equal_but_written_otherwise_are_written_otherwise(study):
    """7, 7.0 are equal and one key of a dictionary; the text of each is its own."""
    texts = [resolved_yaml(study.model_copy(update={"replicates": value})) for value in (7, 7.0)]
    assert ["\nreplicates: 7\n" in text for text in texts] == [True, False]
    assert "\nreplicates: 7.0\n" in texts[1]


def test_what_cannot_be_read_back_is_told_with_the_lines_of_the_whole(study):
    bad = study.model_copy(update={"patients": -1})
    with pytest.raises(ConfigError) as whole:
        load_text(resolved_yaml(bad), "x.yaml")
    with pytest.raises(ConfigError) as sections:
        read_back(bad, "x.yaml")
    line = next(k for k, x in enumerate(resolved_yaml(bad).splitlines(), 1) if x.startswith("patients"))
    assert sections.value.messages == whole.value.messages
    assert sections.value.messages[0].startswith(f"x.yaml:{line}: patients: seen -1")
