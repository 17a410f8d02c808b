"""``vtrial sensitivity`` as lines of text, and what is tried around the simulator, on effects made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

import trial.app.sensitivity as app
from analysis.evidence.sensitivity import Effect
from cohorts.sets import parameter_set
from trial.app.targets import Job
from trial.study.load import load_study

SMOKE = "configs/smoke.yaml"


def effect(name, factor, arm, size, limited="", unit="%", replicates=10):
    return Effect(
        name, "typical value", "h", 2.0, factor, 2.0 * factor, limited, "RESPW8", arm, 50.0, size, 0.5, replicates, unit
    )


LIMITED = {("RHO", 1.5): "at most 3"}
ROWS = [
    effect(name, f, arm, size * (f - 1) * (arm == "a"), LIMITED.get((name, f), ""))
    for name, size in (("EC50", -8.0), ("RHO", 2.0))
    for f in (0.5, 1.5)
    for arm in ("a", "b")
]


def test_a_line_for_each_value_with_the_change_of_each_arm():
    assert app.lines(ROWS, ("a", "b")) == [
        ("EC50", "2", "0.5", "+4.0", "0.0"), ("", "", "1.5", "-4.0", "0.0"),
        ("RHO", "2", "0.5", "-1.0", "0.0"), ("", "", "1.5*", "+1.0", "0.0"),
    ]  # fmt: skip


def test_what_stands_below_the_lines():
    limited, change, strongest = app.notes(ROWS, load_study(SMOKE))
    assert limited == "* RHO: at most 3" and change == "\nChange of RESPW8 points, mean of 10 replicates, same draws."
    assert strongest.startswith("The assumption that matters most is EC50 ") and "(Response at week 8)" in strongest
    plain = app.notes([effect("EC50", 0.5, "a", 1.0), effect("EC50", 1.5, "a", 1.0, replicates=12)], load_study(SMOKE))
    assert len(plain) == 2 and "12 replicates" in plain[0]


def test_the_parts_of_each_set_are_joined_and_told():
    """Two sets in two jobs each, of 30 patients: the first error of a set is kept."""
    results = iter(
        [(np.ones((1, 2)), ""), (np.zeros((2, 2)), ""), (np.ones((1, 2)), "why"), (np.ones((2, 2)), "other")]
    )
    told = []
    whole = app._whole(results, 2, 2, 30, lambda done, total: told.append((done, total)))
    assert [part[0].tolist() for part in whole] == [[[1, 1], [0, 0], [0, 0]], [[1, 1]] * 3]
    assert [why for _, why in whole] == ["", "why"] and told == [(30, 60), (60, 60)]


def test_a_set_that_cannot_be_simulated_has_no_result_and_a_reason(monkeypatch):
    def refuse(*_):
        raise ValueError("nobody is eligible\nmore")

    design = load_study(SMOKE)
    monkeypatch.setattr(app, "job_values", refuse)
    values, why = app._result(Job(0, design, ("RESPW8",), range(3)), None)
    assert values.shape == (3, 3) and np.isnan(values).all() and why == "nobody is eligible"
    monkeypatch.setattr(app, "job_values", lambda job, chosen: {"X": 1, "RESPW8": 2})
    assert app._result(Job(0, design, ("RESPW8", "X"), range(3)), None) == (2, "")


def test_a_variant_keeps_its_reasons_and_is_scaled():
    number = SimpleNamespace(name="RHO", meaning="typical value", unit="1", value=0.8)
    variant = SimpleNamespace(assumed=number, factor=1.5, value=0.99, limited="a fraction")
    tried = app._tried(variant, 100.0, np.array([[0.25]]), "nobody")
    assert (tried.limited, tried.result.tolist(), tried.factor, tried.value, tried.assumed) == (
        "a fraction; nobody",
        [[25.0]],
        1.5,
        0.99,
        0.8,
    )
    assert app._tried(variant, 1.0, np.array([[0.25]]), "").limited == "a fraction"


@pytest.mark.parametrize(("primary", "scale"), [("RESPW8", 100.0), ("PLTW8", 1.0)])
def test_rates_are_told_in_points_and_the_rest_in_its_unit(monkeypatch, primary, scale):
    study = load_study(SMOKE, [f"analysis.primary={primary}", "analysis.endpoints=[]"])
    base = parameter_set(study.parameter_set).value("NONRESP")
    change = lambda job, chosen: {primary: np.full((len(job.replicates), 3), 0.5 + chosen.value("NONRESP") - base)}  # noqa: E731
    monkeypatch.setattr(app, "job_values", change)
    rows = app.effects_of(study, 1, 2, lambda done, total: None)
    assert rows[0].parameter == "NONRESP" and rows[0].base == pytest.approx(0.5 * scale)
    assert abs(rows[0].effect) == pytest.approx(scale * base / 2) and rows[0].replicates == 2
    monkeypatch.setattr(app, "job_values", lambda *_: (_ for _ in ()).throw(ValueError("no")))
    with pytest.raises(ValueError, match="smoke cannot be simulated as it is: no"):
        app.effects_of(study, 1, 2, lambda done, total: None)


def test_at_most_twenty_replicates_unless_more_are_asked_for(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(app, "effects_of", lambda study, workers, replicates, tell: asked.append(replicates) or [])
    monkeypatch.setattr(app, "nothing_to_halve", lambda chosen: ("ZERO",))
    study, said = load_study(SMOKE, replicates=50), []
    for most in ({}, {"most": 30}, {"most": 80}):
        app.write_effects(study, tmp_path / "a" / "b", 1, **most, say=said.append)
    assert asked == [20, 30, 50] and (tmp_path / "a" / "b" / "sensitivity.parquet").exists()
    assert said == ["sensitivity: ZERO is 0 and has nothing to halve"] * 3
