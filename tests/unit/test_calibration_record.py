"""The record of a calibration: what it keeps of a point, and how it is written."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.evidence.calibration import Point, Target
from analysis.evidence.scorecard import Published
from trial.app.calibration_record import _held, record_of, short, write
from trial.app.targets import Wanted

ROW = Published("r", "S", "drug", "RESPW8", "rate", "week 8", "%", 50.0, 10, 5, 40.0, 60.0, "cp95", True, True, "", "")


def held(simulated, **said):
    return _held(Wanted(Target("r", 5, 10), replace(ROW, **said), 0), simulated)


@pytest.mark.parametrize(
    ("simulated", "inside"), [(0.4, "yes"), (0.6, "yes"), (0.5, "yes"), (0.399, "no"), (0.601, "no")]
)
def test_a_rate_stands_in_percent_beside_its_limits(simulated, inside):
    found = held(simulated)
    assert (found["simulated"], found["inside"], found["limits"]) == (pytest.approx(100 * simulated), inside, [40, 60])


def test_what_has_no_limits_to_be_judged_by_is_not_judged():
    assert (
        held(0.5, interval="range")["inside"]
        == held(0.5, ci_low=None)["inside"]
        == held(0.5, ci_high=None)["inside"]
        == ""
    )
    missing = held(float("nan"))
    assert (missing["simulated"], missing["inside"]) == (None, "")
    assert held(45.0, statistic="median", interval="tolerance") == {
        "row_id": "r", "published": 50.0, "limits": [40.0, 60.0], "simulated": 45.0, "unit": "%", "inside": "yes",
    }  # fmt: skip


def test_a_record_is_rounded_and_names_what_made_it():
    prior = SimpleNamespace(name="EC50", median=30.0, log_sd=1.0, reason="weak")
    fit = SimpleNamespace(id="x", fitted=[prior], seed=3, replicates=20, studies=["/a/one.yaml"])
    point = Point({"EC50": 12.345678}, 4.56789, {"r": 0.5})
    made = record_of(fit, [Wanted(Target("r", 5, 10), ROW, 0)], Path("/b/fit.yaml"), "set", point, 7, 63.0 * 60)
    assert (made["distance"], made["points"], made["minutes"]) == (4.568, 7, 63.0)
    slow = record_of(fit, [], Path("/b/fit.yaml"), "set", point, 7, 34 * 6.0)
    assert slow["minutes"] == 3.4 and slow["fit"] == []
    assert made["values"] == {"EC50": 12.346} and made["targets"] == ["r"] and made["studies"] == ["one.yaml"]
    assert made["priors"] == {"EC50": {"median": 30.0, "log_sd": 1.0, "reason": "weak"}}


def test_five_figures_and_lists_of_numbers_on_one_line(tmp_path):
    assert short(123456.0) == 123460.0 and short(0.000123456) == 0.00012346
    write(tmp_path / "r.json", {"limits": [1.5, -2], "names": ["µ", "b"], "rows": [[1, 2], [3, 4]]})
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    assert '"limits": [1.5, -2]' in text and "µ" in text and "[3, 4]" in text and text.endswith("}\n")
    assert json.loads(text)["rows"] == [[1, 2], [3, 4]] and [p.name for p in tmp_path.iterdir()] == ["r.json"]
