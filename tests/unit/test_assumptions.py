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


def test_the_jobs_of_each_variant_are_joined_in_order_and_told(monkeypatch):
    """Two variants in two jobs each, of 3 arms and 30 patients a replicate, that finish in any order: the first reason
    of a variant is kept.
    """
    study, told = load_study(SMOKE, ["patients=30"], replicates=3), []
    jobs = [(study, Job(0, ("RESPW8",), which)) for which in (range(1), range(1, 3))]

    def work(study, job, values):
        if values and job.replicates.start:
            raise ValueError("nobody is eligible\nmore")
        return {"RESPW8": np.full((len(job.replicates), 3), job.replicates.start + values.get("X", 0.0))}

    each = lambda call, every, name: [(one, call(study, one)) for _, one in sorted(every, key=str, reverse=True)]  # noqa: E731
    monkeypatch.setattr(app, "job_values", work)
    (base, none), (other, why) = app._results(each, [{}, {"X": 4.0}], jobs, lambda *both: told.append(both))
    assert base.tolist() == [[0] * 3, [1] * 3, [1] * 3] and none == ""
    assert other[0].tolist() == [4] * 3 and np.isnan(other[1:]).all() and why == "nobody is eligible"
    assert [total for _, total in told] == [180] * 4 and sorted(done for done, _ in told)[-1] == 180


def test_a_job_is_worked_on_with_the_values_of_its_number(monkeypatch):
    monkeypatch.setattr(app, "job_values", lambda study, job, values: {"X": 1, "RESPW8": values["A"]})
    job = Job(0, ("RESPW8", "X"), range(3))
    assert app._result([{"A": 2}, {"A": 5}], load_study(SMOKE), (1, job)) == (5, "")


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
    base = parameter_set(study.parameter_set).value("LOWPROD")
    change = lambda values: 0.5 + values.get("LOWPROD", base) - base  # noqa: E731
    fake = lambda _, job, values: {primary: np.full((len(job.replicates), 3), change(values))}  # noqa: E731
    monkeypatch.setattr(app, "job_values", fake)
    rows = app.effects_of(study, 1, 2, lambda done, total: None)
    assert rows[0].parameter == "LOWPROD" and rows[0].base == pytest.approx(0.5 * scale)
    assert abs(rows[0].effect) == pytest.approx(scale * base / 2) and rows[0].replicates == 2
    monkeypatch.setattr(app, "job_values", lambda *_: (_ for _ in ()).throw(ValueError("no")))
    with pytest.raises(ValueError, match="smoke cannot be simulated as it is: no"):
        app.effects_of(study, 1, 2, lambda done, total: None)


def test_at_most_twenty_replicates_unless_more_are_asked_for(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        app, "effects_of", lambda study, workers, replicates, tell, dask: asked.append(replicates) or []
    )
    monkeypatch.setattr(app, "nothing_to_halve", lambda chosen: ("ZERO",))
    study, said = load_study(SMOKE, replicates=50), []
    for most in ({}, {"most": 30}, {"most": 80}):
        app.write_effects(study, tmp_path / "a" / "b", 1, **most, say=said.append)
    assert asked == [20, 30, 50] and (tmp_path / "a" / "b" / "sensitivity.parquet").exists()
    assert said == ["sensitivity: ZERO is 0 or a switch and has nothing to halve"] * 3
