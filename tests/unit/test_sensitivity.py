"""Sensitivity to assumptions: what is tried, and effects of a fake simulator whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_run import text_of

import trial.app.sensitivity
from analysis.evidence import sensitivity as pure
from analysis.evidence.sensitivity import Tried, effects, headline, strengths
from cohorts.parameters import RandomEffect
from cohorts.sets import parameter_set
from cohorts.variants import OCCASION, assumed, nothing_to_halve, variants
from trial.app.sensitivity import effects_of
from trial.cli import main
from trial.study.load import load_study

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
SET = parameter_set("hetrombopag_wang_2022")
MECHANISM = parameter_set(load_study(SMOKE).parameter_set)
BASE = np.array([[60.0, 5.0], [62.0, 7.0], [64.0, 3.0]])


def tried(name, factor, result):
    return Tried(name, "typical value", "h", 2.0, factor, 2.0 * factor, "", result)


def test_everything_assumed_is_tried_and_nothing_else():
    names = {a.name for a in assumed(SET)}
    assert {"Q", "NONRESP", "OMEGA_MTT", "RESCUE_TAU"} <= names
    assert not names & {"CL", "EC50", "OMEGA_EC50", "OMEGA_CL", "BASE", "BLEED_A", OCCASION + "F"}
    assert nothing_to_halve(SET) == ("EMAX_NONRESP",)
    made = variants(SET)
    assert len(made) == 2 * (len(names) - 1)
    for v in made:
        others = {p.name: p.value for p in SET.parameters if p.name != v.assumed.name}
        assert others == {p.name: p.value for p in v.parameter_set.parameters if p.name != v.assumed.name}
        assert v.limited or v.value == v.factor * v.assumed.value


def test_a_fraction_stays_below_one_and_times_stay_in_order():
    found = {(v.assumed.name, v.factor): v for v in variants(SET)}
    rho = found["BLEED_RHO", 1.5]
    assert (rho.value, rho.parameter_set.value("BLEED_RHO")) == (0.99, 0.99) and "fraction" in rho.limited
    late = {(v.assumed.name, v.factor): v for v in variants(SET.with_values({"LAG": 3.0}))}
    assert late["LAG", 1.5].value == 3.28 and late["LAG", 1.5].limited == "not after TSWITCH"
    assert late["TSWITCH", 0.5].value == 3.0 and late["TSWITCH", 0.5].limited == "not before LAG"


def test_shares_of_one_whole_stay_below_it():
    """FP 0.5 and FM 0.49 of the clearance of TPO: one and a half times either would leave less than nothing."""
    found = {(v.assumed.name, v.factor): v for v in variants(MECHANISM)}
    assert found["FP", 1.5].value == pytest.approx(0.99 - 0.49) and "FM" in found["FP", 1.5].limited
    assert found["FM", 0.5].value == 0.245 and not found["FM", 0.5].limited


def test_a_variance_between_occasions_can_be_tried():
    source = SET.effects("occasion")[0].source
    effect = RandomEffect("F", 0.4, "", source, "assumed", "occasion")
    changed = replace(SET, random_effects=(*SET.effects("patient"), effect))
    assert [v.value for v in variants(changed) if v.assumed.name == "OCCASION_F"] == pytest.approx([0.2, 0.6])
    assert changed.with_values({"OCCASION_F": 0.1}).effects("occasion")[0].variance == 0.1
    assert changed.with_values({"OMEGA_MTT": 0.2}).variances["OMEGA_MTT"] == 0.2


def test_effects_are_paired_by_replicate():
    """Changes 1, 2 and 3 points in the first arm: mean 2, error 1 / sqrt(3); a constant change has no error."""
    rows = effects(
        BASE, [tried("X", 1.5, np.add(BASE, [[1, -4], [2, -4], [3, -4]]))], ["drug", "placebo"], "RESPW8", "%"
    )
    assert [(r.arm, r.base, r.effect) for r in rows] == [("drug", 62.0, 2.0), ("placebo", 5.0, -4.0)]
    assert [r.mcse for r in rows] == pytest.approx([1 / np.sqrt(3), 0.0])


def test_the_strongest_comes_first_and_is_named():
    results = [
        tried("WEAK", 0.5, BASE + 1),
        tried("STRONG", 0.5, BASE - 0.5),
        tried("STRONG", 1.5, np.add(BASE, [[0.0, -3.0]])),
    ]
    rows = effects(BASE, results, ["drug", "placebo"], "RESPW8", "%")
    assert list(strengths(rows)) == ["STRONG", "WEAK"]
    line = headline(rows, "Response at week 8")
    assert "STRONG (typical value): at 1.5 times its value the primary result of placebo" in line
    assert "changes by -3.0 ± 0.0 points, from 5.0" in line and "Monte Carlo error" not in line
    none = effects(BASE, [tried("X", 0.5, BASE)], ["drug", "placebo"], "RESPW8", "%")
    assert "No assumed number moves" in headline(none, "x")


def test_replicates_without_a_result_are_left_out():
    result = BASE + 2.0
    result[0, 0] = np.nan
    rows = effects(BASE, [tried("X", 0.5, result), tried("Y", 0.5, np.full_like(BASE, np.nan))], ["a", "b"], "M", "d")
    assert [(r.effect, r.replicates) for r in rows[:2]] == [(2.0, 2), (2.0, 3)]
    assert np.isnan(rows[2].effect) and strengths(rows)["Y"] == 0.0


def test_an_effect_within_its_error_says_so():
    rows = effects(BASE, [tried("X", 0.5, np.add(BASE, [[-3.0, 0], [0.0, 0], [6.0, 0]]))], ["a", "b"], "RESPW8", "%")
    assert headline(rows, "x").endswith("within the Monte Carlo error.")


def test_an_effect_of_one_replicate_has_no_error_to_lie_within():
    (row, _) = effects(BASE[:1], [tried("X", 0.5, BASE[:1] + 0.1)], ["a", "b"], "RESPW8", "%")
    assert row.mcse is None and "Monte Carlo error" not in headline([row], "x")


@pytest.mark.parametrize(("effect", "within"), [(1.9, True), (-1.9, True), (pure.Z95, False), (-2.0, False)])
def test_an_effect_of_its_own_limit_is_not_within_it(effect, within):
    (row, _) = effects(BASE, [tried("X", 0.5, BASE + 1)], ["a", "b"], "RESPW8", "%")
    assert ("within" in pure.caution(replace(row, effect=effect, mcse=1.0))) == within


def fake(study, job, values):
    """Per replicate r and arm a: 0.1 (r + a) + LOWPROD: only LOWPROD (0.42) matters."""
    r = np.array(list(job.replicates))[:, None]
    return {job.codes[0]: 0.1 * (r + np.arange(3)[None, :]) + values.get("LOWPROD", MECHANISM.value("LOWPROD"))}


def test_the_whole_way_with_a_fake_simulator(monkeypatch):
    monkeypatch.setattr(trial.app.sensitivity, "job_values", fake)
    told = []
    rows = effects_of(load_study(SMOKE, replicates=4), 2, 4, lambda done, total: told.append((done, total)))
    assert rows[0].parameter == "LOWPROD" and rows[0].unit == "%"
    assert [r.effect for r in rows[:6]] == pytest.approx([-21.0] * 3 + [21.0] * 3)
    assert rows[0].base == pytest.approx(100 * (0.1 * 1.5 + 0.42)) and rows[0].mcse == pytest.approx(0, abs=1e-9)
    assert all(r.effect == 0 for r in rows[6:])
    assert told[-1][0] == told[-1][1]


def test_a_variant_that_cannot_be_simulated_is_said_and_the_others_are_not_lost(monkeypatch):
    def failing(study, job, values):
        if "Q" in values:
            raise ValueError("nobody is eligible")
        return fake(study, job, values)

    monkeypatch.setattr(trial.app.sensitivity, "job_values", failing)
    rows = effects_of(load_study(SMOKE, replicates=2), 1, 2, lambda done, total: None)
    lost = [r for r in rows if r.parameter == "Q"]
    assert all(np.isnan(r.effect) and r.limited == "nobody is eligible" for r in lost) and len(lost) == 6
    assert rows[0].parameter == "LOWPROD"


@pytest.mark.slow
def test_the_report_shows_the_tornado(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trial.app.sensitivity, "job_values", fake)
    folder = tmp_path / "run"
    arguments = ["--set", "patients=10", "--workers", "1", "--out", str(folder), "--sensitivity"]
    assert main(["run", str(SMOKE), *arguments]) == 0
    page = (folder / "report.html").read_text()
    assert "F 14.5.1" in page and "The assumption that matters most is LOWPROD" in text_of(page)
    assert "No effect at all: Q, VP, LAG" in page
    assert '<tr data-row="LOWPROD|HETROM-5"' in page
    assert len(pure.read(folder)) == 3 * len(variants(MECHANISM))
    assert main(["sensitivity", str(SMOKE), "--out", str(tmp_path / "s"), "--replicates", "2"]) == 0
    out = capsys.readouterr().out
    assert "LOWPROD" in out and "matters most" in out
    assert pure.read(tmp_path / "s")[0].replicates == 2
    assert pure.read(tmp_path) == []
