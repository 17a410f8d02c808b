"""The short result table of the terminal, wide and narrow, from lines made by hand."""

from types import SimpleNamespace

import pytest

from analysis.evidence.results import Line
from trial.cli.results import show


def line(endpoint, arm, simulated, published="", inside="", kind="", unit="%", limits=""):
    return Line(endpoint, f"{endpoint} in words", arm, simulated, published, inside, kind, unit, limits)


JUDGED = [
    line("RESPW8", "LOW", "59.0 ± 0.4", "58.9 (51.1, 66.4)", "yes", "fitted", limits="95 % CI"),
    line("RESPW8", "HIGH", "80.0 ± 0.3", "64.3 (56.7, 71.5)", "no", "predicted", limits="95 % CI"),
    line("COMPL", "LOW", "93.0 ± 0.1", "93.2 (90.3, 95.4)", "yes", "predicted", limits="95 % CI"),
]


@pytest.fixture
def shown(capsys, monkeypatch):
    def screen(lines, columns=100, replicates=20):
        monkeypatch.setenv("COLUMNS", str(columns))
        show(lines, SimpleNamespace(replicates=replicates))
        return [text.rstrip() for text in capsys.readouterr().out.splitlines()]

    return screen


def test_simulated_beside_published_with_the_verdict(shown):
    assert shown(JUDGED) == [
        "",
        "endpoint  arm   simulated %  published % (95 % CI)  inside  was",
        "RESPW8    LOW    59.0 ± 0.4      58.9 (51.1, 66.4)  yes     fitted",
        "          HIGH   80.0 ± 0.3      64.3 (56.7, 71.5)  no      predicted",
        "COMPL     LOW    93.0 ± 0.1      93.2 (90.3, 95.4)  yes     predicted",
        "",
        "Mean of 20 replicates ± Monte Carlo error.",
        "Inside the published interval: fitted 1 of 1, predicted 1 of 2.",
        "Simulated subjects. Not clinical data.",
        "",
    ]


def test_of_many_arms_the_first_are_shown_and_the_others_counted(shown):
    """Two hundred arms of twenty endpoints were four thousand lines; what has a published result is always shown."""
    many = [line(code, f"D{k}", "50.0 ± 0.4") for code in ("COMPL", "RESCUE") for k in range(1, 14)]
    found = shown([*many, line("COMPL", "ALL", "50.0 ± 0.4"), line("RESPW8", "D13", "1.0", "2.0")])
    arms = [text.split()[-4] for text in found if text.endswith("50.0 ± 0.4")]
    assert arms == [f"D{k}" for k in range(1, 13)] * 2 + ["ALL"]
    assert "12 of 13 arms; estimates.parquet has all." in found and any("D13" in text for text in found)
    assert not any("13 arms" in text for text in shown([text for text in many if text.arm != "D13"]))


def test_a_narrow_terminal_drops_the_error_and_who_was_fitted(shown):
    found = shown(JUDGED, columns=77)
    assert found[1].split() == ["endpoint", "arm", "simulated", "%", "published", "%", "(CI)", "inside"]
    assert found[2].split() == ["RESPW8", "LOW", "59.0", "58.9", "(51.1,", "66.4)", "yes"]
    assert "Mean of 20 replicates." in found
    assert "95 % CI" in shown(JUDGED, columns=78)[1]


def test_units_that_differ_stand_in_the_lines(shown):
    """One unit of more than a sign goes below the heading; two kinds go behind the numbers."""
    days = [line("MAXDUR", "LOW", "22.0 ± 0.5", "22 (6, 53)", unit="d")]
    found = shown(days)
    assert found[1].split() == ["endpoint", "arm", "simulated", "d", "published", "d", "(limits)", "inside", "was"]
    long = shown([line("CMAX", "LOW", "30.1 ± 0.5", "33 (20, 41)", unit="ng/mL")])
    assert long[1].split() == ["simulated", "published"] and long[2].count("ng/mL") == 2, "below the heading"
    both = shown([*JUDGED[:1], *days])
    assert both[2].split()[2:6] == ["59.0", "±", "0.4", "%"] and both[3].split()[2:6] == ["22.0", "±", "0.5", "d"]


def test_without_published_rows_there_are_three_columns(shown):
    found = shown([line("RESPW8", "LOW", "59.0 ± 0.4"), line("RESPW8", "HIGH", "64.0 ± 0.4")])
    assert found[1].split() == ["endpoint", "arm", "simulated", "%"]
    assert [text.split() for text in found[2:4]] == [
        ["RESPW8", "LOW", "59.0", "±", "0.4"],
        ["HIGH", "64.0", "±", "0.4"],
    ]
    assert found[5] == "Mean of 20 replicates ± Monte Carlo error."
    assert found[6] == "Simulated subjects. Not clinical data."


def test_what_too_few_replicates_say(shown):
    unjudged = [line("RESPW8", "LOW", "59.0", "58.9 (51.1, 66.4)")]
    found = shown(unjudged, replicates=1)
    assert "One replicate." in found and "Too few replicates for a verdict; 10 are needed." in found
    assert "Mean of 2 replicates ± Monte Carlo error." in shown(unjudged, replicates=2)
    assert not any("Too few" in text for text in shown(JUDGED))


def test_tolerances_are_no_published_intervals(shown):
    held = [line("CMAX", "LOW", "30.1 ± 0.5", "33 (20, 41)", "yes", "predicted", "%", "tolerance")]
    assert "Inside the tolerance: predicted 1 of 1." in shown(held)
    assert "(tolerance)" in " ".join(shown(held)[1:3])
