"""How many problems are shown, how the rest is counted, and how long a value may be; by hand."""

import pytest

from trial.errors import ConfigError, cut


@pytest.mark.parametrize(
    ("problems", "rest"),
    [
        (1, []),
        (20, []),
        (21, ["a.yaml:21: and 1 more problem from here on"]),
        (22, ["a.yaml:21: and 2 more problems from here on"]),
    ],
)
def test_twenty_problems_are_shown_and_the_rest_is_counted_with_its_place(problems, rest):
    lines = [f"a.yaml:{k}: key{k}: seen {k}" for k in range(1, problems + 1)]
    error = ConfigError(lines)
    assert error.messages == (*lines[:20], *rest) and str(error) == "\n".join(error.messages)


def test_a_value_is_shown_up_to_sixty_characters():
    assert cut("x" * 60) == "x" * 60 and cut("x" * 61) == "x" * 57 + "..."
    assert cut("abcdef", 6) == "abcdef" and cut("abcdefg", 6) == "abc..."
