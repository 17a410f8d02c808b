"""Designs as files become trials: bounds, hypotheses, nulls; the commands on a small pool; what the page shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from design_pools import fixed, pool, uniforms
from keyed_page import Page

from analysis.designs.measures import Operating, conduct_rows, estimate_rows, measured_over, read_operating
from analysis.designs.nulls import nulls, under_null
from analysis.designs.plan import Claim, sequential_p
from analysis.designs.tried import conducted
from analysis.designs.verdicts import Criterion, judge, smallest
from analysis.report.operating import DesignPage, _words, write_page
from analysis.statistics import multiplicity
from analysis.statistics.planned import Cells, directed
from analysis.text import cells
from trial.app.design_lines import facts
from trial.app.design_lines import notes as design_notes
from trial.app.designing import Posed, in_design, trials_of
from trial.app.power import Wish, lines, notes, smallest_with
from trial.cli import main
from trial.study.analysis_plan import ComparisonMethod
from trial.study.design_plan import DesignPlan
from trial.study.load import load_study

ROOT = Path(__file__).parents[2]
CMH = ComparisonMethod()
PHASE_3 = load_study(ROOT / "configs" / "published" / "hetrombopag_itp_phase3.yaml")


def plan(**more) -> DesignPlan:
    return DesignPlan.model_validate({"id": "d", "study": "s.yaml", "sizes": [300]} | more)


def made(said: DesignPlan):
    study = in_design(said, PHASE_3)
    return trials_of(said, study, said.sizes[0], 56)


def test_a_file_becomes_bounds_and_hypotheses():
    """O'Brien-Fleming type bounds as in rpact; an arm given up below a conditional power of 0.1, by hand."""
    looks = {"information": [1 / 3, 2 / 3, 1], "futility": {"kind": "conditional_power", "below": [0.1]}}
    design = made(plan(looks=looks))
    assert design.sizes == (100, 200, 300)
    np.testing.assert_allclose(design.bounds.efficacy, [3.710303, 2.511427, 1.993047], atol=2e-6)
    z, t = design.bounds.futility[0], 1 / 3  # Z sqrt t + Z (1 - t) / sqrt t = 1.993 - 1.2816 sqrt(1 - t)
    assert z / np.sqrt(t) == pytest.approx(1.993047 - 1.281552 * np.sqrt(1 - t), abs=1e-5)
    assert [claim.name for claim in design.claims] == ["HETROM-2.5", "HETROM-5"]
    assert (design.ratio, design.repeats, design.reference) == ((2, 2, 1), 2, 2)


def test_arms_and_reference_of_the_design_not_of_the_study():
    design = made(plan(arms=["HETROM-2.5", "HETROM-5"], reference_arm="HETROM-5", margin=0.1, ratio={"HETROM-5": 1}))
    assert (design.ratio, design.reference, design.claims) == (
        (2, 1), 1, (Claim("HETROM-2.5", "RESPW8", 0, 1, 0.1),)
    )  # fmt: skip


GRAPH = {
    "procedure": "graphical", "weights": {"HETROM-5": 1.0},
    "transitions": {"HETROM-5": {"HETROM-2.5": 1.0}},
}  # fmt: skip


@pytest.mark.parametrize("said", [{"procedure": "holm"}, GRAPH])
def test_the_procedure_inside_a_design_is_that_of_one_trial(said):
    """Two-sided p of one trial adjusted by ``multiplicity``, against the rejections of the design."""
    design = made(plan(multiplicity=said))
    ours = pool(9, (0.40, 0.36, 0.2), 20_000, arms=PHASE_3.arm_ids)
    ours = replace(ours, outcomes={"RESPW8": ours.outcomes["E"]})
    found = conducted(ours, design, CMH, 200, uniforms(3))
    two_sided = np.minimum(2 * np.array([[1 - _normal(z) for z in row] for row in found.z]), 1)
    expected = (
        multiplicity.holm(two_sided)
        if said["procedure"] == "holm"
        else multiplicity.graphical(two_sided, [0.0, 1.0], [[0, 0], [1.0, 0]])
    )
    np.testing.assert_array_equal(found.rejected, expected <= 0.05)
    assert 0.1 < found.rejected.mean() < 0.95


def _normal(z: float) -> float:
    from scipy.stats import norm

    return float(norm.cdf(z))


def test_z_is_that_of_the_planned_test_with_its_direction():
    """Chi-square of Cochran, Mantel and Haenszel 5.6571 of R's rabbits (no correction); worse is negative."""
    cured = Cells(*(np.array(v, float) for v in ([0, 3, 6, 5, 2], [6, 6, 6, 6, 2], [0, 0, 2, 6, 5], [5, 6, 6, 6, 5])))
    swapped = Cells(cured.x2, cured.n2, cured.x1, cured.n1)
    z, difference = directed(cured, CMH)
    assert z == pytest.approx(np.sqrt(5.6571), abs=1e-4)
    assert difference > 0
    assert directed(swapped, CMH)[0] == pytest.approx(-z)
    assert directed(cured, CMH, better=-1)[0] == pytest.approx(-z)


def test_nulls_are_what_they_say():
    ours = pool(4, (0.6, 0.5, 0.3), 4_000)
    claims = fixed(30, 3).claims
    assert list(nulls(2)) == [(0, 1), (0,), (1,)]
    partly = under_null(ours, claims[1:], 2, uniforms(1))
    np.testing.assert_array_equal(partly.outcomes["E"][:, 1], ours.outcomes["E"][:, 2])
    np.testing.assert_array_equal(partly.outcomes["E"][:, 0], ours.outcomes["E"][:, 0])
    margin = [replace(claim, margin=0.1) for claim in claims]
    moved = under_null(ours, margin[:1], 2, uniforms(1))
    assert moved.rates("E")[0] == pytest.approx(ours.rates("E")[2] - 0.1, abs=3 * np.sqrt(0.1 / 4000))
    assert under_null(ours, [replace(claims[0], margin=0.5)], 2, uniforms(1)) is None


@pytest.mark.slow
def test_dose_selection_keeps_the_level_and_finds_the_best_dose():
    design = replace(fixed(200, 4), sizes=(100, 200), adapt="select", keep=1)
    design = replace(design, bounds=replace(design.bounds, futility=np.array([-np.inf, -np.inf])))
    null = conducted(pool(1, (0.3,) * 4, 60_000), design, CMH, 6_000, uniforms(5))
    mean, error, _, _ = measured_over(null.rejected.any(axis=1).astype(float), null.group, True)
    assert mean < 0.025 + 3 * error
    found = conducted(pool(2, (0.3, 0.45, 0.6, 0.3), 20_000), design, CMH, 2_000, uniforms(6))
    assert found.rejected[:, 2].mean() > 0.7 > 0.2 > found.rejected[:, 1].mean()
    assert (found.rejected.sum(axis=1) <= 1).all()


def row(measure, value, low, high, patients=60, truth="as simulated"):
    return Operating("d", "planned", truth, patients, measure, "", value, 0.01, low, high, 1000, "share")


def test_verdicts_are_those_of_the_whole_interval():
    rows = [row("power", 0.93, 0.91, 0.95), row("type1", 0.02, 0.015, 0.024, truth="one"),
            row("type1", 0.025, 0.02, 0.03, truth="other"), row("power", 0.8, 0.78, 0.82, 40)]  # fmt: skip
    kept = judge(rows, [Criterion("power", ">=", 0.9), Criterion("type1", "<=", 0.025)])
    assert [(one.criterion.measure, one.row.patients, one.verdict) for one in kept] == [
        ("power", 60, "PASS"), ("type1", 60, "RISK"), ("power", 40, "FAIL"),
        ("type1", 40, "RISK"),
    ]  # fmt: skip
    assert smallest(kept) is None
    assert smallest([one for one in kept if one.criterion.measure == "power"]) == 60


def test_what_was_not_measured_is_a_risk(tmp_path):
    """The margin may leave no room for a null hypothesis: then nothing is known of the type I error."""
    criteria = (Criterion("power", ">=", 0.9), Criterion("type1", "<=", 0.025))
    rows = [row("power", 0.93, 0.91, 0.95)]
    kept = judge(rows, criteria)
    assert [one.verdict for one in kept] == ["PASS", "RISK"]
    assert "RISK type1 <= 0.025 (not measured" in str(kept[1])
    assert smallest(kept) is None
    page = DesignPage("d", "A design", "s", 0.025, criteria, "vtrial")
    assert "not measured: the margin leaves no room" in write_page(tmp_path, rows, page).read_text(encoding="utf-8")


def test_the_most_a_design_can_take_is_not_what_was_seen():
    """Of 60 patients doubled in the promising zone: 120, though all trials under no difference stop at 30."""
    adapt = {"kind": "sample_size", "at": 0.5, "promising": [0.3, 0.9], "most": 2, "wanted": 0.9, "futility_z": 9}
    design = made(plan(arms=["HETROM-5", "Placebo"], adapt=adapt, sizes=[60]))
    ours = pool(4, (0.3, 0.3), 4_000)
    ours = replace(ours, outcomes={"RESPW8": ours.outcomes["E"]})
    rows = conduct_rows(row("", 0, 0, 0), conducted(ours, design, CMH, 40, uniforms(1)), design)
    values = {one.measure: one.value for one in rows}
    assert (values["maximal_n"], values["largest_seen"]) == (120, 30)


def test_the_bounds_of_the_looks_stand_beside_what_they_do(tmp_path):
    """O'Brien-Fleming type spending, two looks, one-sided 2.5 %: 2.9626 and 1.9686 (Lan-DeMets; rpact), p 0.0015 and
    0.0245; futile below Z 0.5 at the first look; nothing of a design that selects at its look without a bound.
    """
    looks = {"information": [0.5, 1], "futility": {"kind": "z", "below": [0.5]}}
    said = plan(arms=["HETROM-5", "Placebo"], ratio={"HETROM-5": 1, "Placebo": 1}, looks=looks, sizes=[60])
    ours = pool(4, (0.45, 0.3), 4_000)
    ours = replace(ours, outcomes={"RESPW8": ours.outcomes["E"]})
    rows = list(conduct_rows(row("", 0, 0, 0), conducted(ours, made(said), CMH, 40, uniforms(1)), made(said)))
    known = {(one.measure, one.about): one.value for one in rows}
    assert (known["looked_at", "1"], known["looked_at", "2"]) == (30, 60)
    assert [known["bound", k] for k in "12"] == pytest.approx([2.9626, 1.9686], abs=5e-5)
    assert [known["bound_p", k] for k in "12"] == pytest.approx([0.001525, 0.024499], abs=2e-6)
    assert known["bound_futility", "1"] == 0.5 and ("bound_futility", "2") not in known
    text = write_page(tmp_path, [row("power", 0.9, 0.8, 1), *rows], DesignPage("d", "t", "s", 0.025, (), "m"))
    shown = {e.text.strip() for e in Page(text.read_text("utf-8")).keyed}
    assert {"2.9626", "1.9686", "0.0015", "0.0245", "0.5000", "30"} <= shown
    assert "spending of O'Brien-Fleming type" in str(facts(Posed(said, (("planned", PHASE_3),))))
    adapt = {"kind": "sample_size", "at": 0.5, "promising": [0.3, 0.9], "most": 2, "wanted": 0.9, "futility_z": 9}
    design = made(plan(arms=["HETROM-5", "Placebo"], adapt=adapt, sizes=[60]))
    measures = {
        one.measure: one.about
        for one in conduct_rows(row("", 0, 0, 0), conducted(ours, design, CMH, 40, uniforms(1)), design)
    }
    assert measures["bound"] == "2" and measures["bound_futility"] == "1"


def looked(level: float, trials: int):
    """Trials of two looks at 30 and 60 patients, and their estimates by measure."""
    said = plan(arms=["HETROM-5", "Placebo"], ratio={"HETROM-5": 1, "Placebo": 1}, looks={"information": [0.5, 1]},
                level=level, sizes=[60])  # fmt: skip
    ours = pool(4, (0.45, 0.3), 4_000)
    ours = replace(ours, outcomes={"RESPW8": ours.outcomes["E"]})
    design = made(said)
    found = conducted(ours, design, CMH, trials, uniforms(1))
    each = ours.differences("RESPW8", 0, 1)[:, None]
    return found, {one.measure: one for one in estimate_rows(row("", 0, 0, 0), found, design, each)}


def test_limits_have_the_level_of_the_design():
    """Of a one-sided level of 10 % both kinds are 80 % limits, and the page says so."""
    _, rows = looked(0.1, 2_000)
    assert rows["coverage_adjusted"].value == pytest.approx(0.8, abs=0.05)
    assert rows["coverage_repeated"].value < 0.93
    assert _words("coverage_adjusted", "", "as simulated", 0.1).startswith("Coverage of the 80 % limits")


def test_the_error_of_a_bias_is_that_of_the_trials():
    """SD of the differences over the root of their number, not the spread of the sub-pools about their mean."""
    found, rows = looked(0.025, 2_000)
    alone = found.difference[:, 0].std() / np.sqrt(2_000)
    assert rows["bias_naive"].error < 1.6 * alone


def test_a_bias_is_judged_by_its_size():
    """-5 ± 1 points is no bias of at most 1 point; an interval over 0 has 0 as its lower limit."""
    rows = [row("bias_naive", -0.05, -0.06, -0.04), row("bias_naive", 0.0, -0.02, 0.005, 40)]
    assert [k.verdict for k in judge(rows, [Criterion("bias_naive", "<=", 0.01)])] == ["FAIL", "RISK"]
    assert [k.verdict for k in judge(rows, [Criterion("bias_naive", "<=", 0.03)])] == ["FAIL", "PASS"]


def test_the_sequential_p_is_the_level_in_use_at_its_bound():
    """At the bounds of 2.5 and 1.25 % of two looks, without interpolation."""
    design = made(plan(multiplicity={"procedure": "holm"}, looks={"information": [0.5, 1]}))
    p = sequential_p(design.levels, (0.025, 0.0125))
    for level in (0.025, 0.0125):
        for k, bound in enumerate(design.levels(level)):
            assert float(p(np.array([bound]), k)[0]) == pytest.approx(level, rel=1e-9)


WITHOUT = PHASE_3.model_copy(update={"analysis": PHASE_3.analysis.model_copy(update={"multiplicity": None})})
FULL = "o multiplicity: each of 2 hypotheses at the full level; the type I error of the family may be up to 2 times it"


def test_several_hypotheses_without_multiplicity_are_said():
    """In the notes and facts of a design and below a power; not with a procedure, a closed test or one arm."""
    rows = [row("power", 0.93, 0.91, 0.95)]
    posed = Posed(plan(), (("planned", WITHOUT),))
    assert f"N{FULL}." in list(design_notes(rows, posed))
    assert ("Hypotheses", f"n{FULL}") in facts(posed)
    assert f"N{FULL}." in notes(rows, 60, WITHOUT, Wish(n=60))
    for more in ({"multiplicity": {"procedure": "holm"}}, {"arms": ["HETROM-5", "Placebo"]},
                 {"adapt": {"kind": "select", "at": 0.5, "keep": 1}}):  # fmt: skip
        assert "no multiplicity" not in str(facts(Posed(plan(**more), (("planned", WITHOUT),))))


def test_the_page_shows_every_number_with_its_key(tmp_path):
    rows = [row("power", 0.93, 0.91, 0.95), row("type1", 0.0, 0.0, 0.002, truth="no difference")]
    rows[1] = replace(rows[1], error=0.0)
    page = DesignPage("d", "A design", "s", 0.025, (Criterion("power", ">=", 0.9),), "vtrial")
    text = write_page(tmp_path, rows, page).read_text(encoding="utf-8")
    read = Page(text)
    by_key = {(row.truth, row.measure): row for row in rows}
    values = [e for e in read.keyed if e.attributes["data-form"] == "share_error"]
    for element in values:
        _, truth, _, measure, _ = element.attributes["data-key"].removeprefix("designs/").split("/")[0].split("|")
        one = by_key[truth, measure]
        decimals = 2 if measure == "type1" else 1
        assert element.text.strip() == cells.share_error(one.value, one.error, one.low, one.high, decimals)
    assert {element.text.strip() for element in values} == {"93.0 ± 1.0", "0.00 (0.00, 0.20)"}
    assert "Smallest size that passes every criterion" in text


@pytest.mark.slow
def test_power_from_the_command_line_is_the_same_again_and_in_threads(tmp_path, capsys):
    """A pool of 400 patients, kept and used again; without it the same bytes."""
    study = str(ROOT / "configs" / "smoke.yaml")
    said = ["power", study, "--n", "16", "--pool", "400", "--trials", "40", "--ratio", "Placebo=2", "--dropout", "0.2"]
    assert main([*said, "--out", str(tmp_path / "a"), "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert " 16 " in shown and " 20 " in shown  # 16 / (1 - 0.2)
    again = [*said, "--out", str(tmp_path / "a"), "--overwrite"]
    pools = {p: p.stat().st_mtime_ns for p in tmp_path.glob("a/pool-*/endpoints.parquet")}
    assert main(again) == 0
    assert pools == {p: p.stat().st_mtime_ns for p in tmp_path.glob("a/pool-*/endpoints.parquet")}
    assert len(pools) == 1
    rows = read_operating(tmp_path / "a")
    assert {row.patients for row in rows} >= {16, 20}
    assert pq.read_table(next(iter(pools)))["PARAMCD"].unique().to_pylist() == ["RESPW8"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "either --target"), (["--n", "60", "--target", "0.9"], "either --target"), (["--target", "90"], "0.9"),
        (["--n", "60", "--ratio", "Plcebo=2"], "ARM one of"), (["--n", "6000"], "--pool"),
        (["--n", "60", "--dropout", "1"], "below 1"),
    ],
)  # fmt: skip
def test_what_power_refuses(tmp_path, capsys, monkeypatch, said, words):
    monkeypatch.setattr("trial.cli.power.study_and_folder", lambda *given: (PHASE_3, tmp_path))
    assert main(["power", "c.yaml", *said]) == 2
    assert words in capsys.readouterr().err


def test_what_durations_leave_out_is_said():
    """Arms that leave while patients come in, and an endpoint of the whole period; of neither nothing is said."""
    accrual, select = {"per_month": 20}, {"kind": "select", "at": 0.5, "keep": 1}
    said = Posed(plan(accrual=accrual, adapt=select, endpoint="COMPL"), (("planned", PHASE_3),))
    for words in ("as if the look were known at once", "COMPL counts as known on the assessment day"):
        assert words in str(facts(said))
        assert words in str(list(design_notes([row("power", 0.93, 0.91, 0.95)], said)))
    assert "Note" not in dict(facts(Posed(plan(accrual=accrual), (("planned", PHASE_3),))))


def test_the_smallest_size_holds_for_the_larger_ones_too():
    """A power that goes up and down: 0.9 is reached at 39, lost at 40 and 42, and kept from 43 on."""
    powers = {39: 0.905, 40: 0.895, 41: 0.905, 42: 0.895}

    def power_at(n: int) -> float:
        return powers.get(n, 0.8 if n < 39 else 0.92)

    assert smallest_with(power_at, 0.9, 100) == 43
    assert smallest_with(lambda n: 0.89, 0.9, 100) is None
    assert smallest_with(lambda n: n / 100, 0.9, 100) == 90


def test_a_line_of_each_size_has_its_power_and_the_largest_wrong_rejection():
    rows = [
        row("untested", 0.5, 0.4, 0.6), row("power", 0.903, 0.892, 0.914), row("type1", 0.01, 0.005, 0.015, truth="a"),
        row("type1", 0.02, 0.015, 0.025, truth="b"), row("power", 0.8, 0.79, 0.81, 40),
        row("type1", 0.0125, 0.01, 0.015, 40),
    ]  # fmt: skip
    found = lines(rows, Wish(dropout=0.2))
    assert [one[:2] for one in found] == [("60", "75"), ("40", "50")]
    assert [one[2].split(" ")[0] for one in found] == ["90.3", "80.0"]
    assert [one[3].split(" ")[0] for one in found] == ["2.00", "1.25"]


def test_the_sentence_of_a_target_has_its_power_and_interval():
    said = notes([row("power", 0.903, 0.892, 0.914)], 60, PHASE_3, Wish(target=0.9))[0]
    assert "60 patients; power 90.3 % (95 % interval 89.2 to 91.4). It rests on the point estimate" in said
    assert "vtrial design demands the whole interval" in said


def test_power_names_the_key_that_is_wrong(tmp_path, capsys, monkeypatch):
    plan = PHASE_3.analysis.model_copy(update={"reference_arm": None, "multiplicity": None})
    alone = PHASE_3.model_copy(update={"analysis": plan})
    monkeypatch.setattr("trial.cli.power.study_and_folder", lambda *given: (alone, tmp_path))
    assert main(["power", "c.yaml", "--n", "60"]) == 2
    assert "reference_arm: needed: one of HETROM-2.5" in " ".join(capsys.readouterr().err.split())
