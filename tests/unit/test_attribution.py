"""What moves the result: Shapley values against games with known answers, departures one by one, and a whole study."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_run import make_run_folder, read_run

import trial.app.attribution as app
from analysis.evidence import attribution as pure
from analysis.evidence.attribution import contributions, shapley, subsets
from analysis.report import attribution as chapter
from analysis.report.number_origins import plain_text
from cohorts.sets import parameter_set
from trial.app.targets import Job, cut, job_values
from trial.cli import main
from trial.errors import Refused
from trial.study.ideal import DEPARTURES, without
from trial.study.load import load_study
from trial.study.stages import Treatment

CONFIGS = Path(__file__).parents[2] / "configs"
SMOKE = CONFIGS / "smoke.yaml"
CONDUCT = CONFIGS / "hetrombopag_itp_phase3_conduct.yaml"
STAGES = CONFIGS / "hetrombopag_itp_phase3_stages.yaml"
BY_ID = {departure.id: departure for departure in DEPARTURES}


def by_orders(values):
    """The definition: the mean over all orders of what each adds when it comes in."""
    k = len(values).bit_length() - 1
    added = np.zeros((k, *values.shape[1:]))
    orders = list(permutations(range(k)))
    for order in orders:
        place = 0
        for i in order:
            added[i] += values[place + 2**i] - values[place]
            place += 2**i
    return added / len(orders)


def test_the_glove_game():
    """Two left gloves and one right: a pair is worth 1; 1/6, 1/6 and 2/3 (Shapley 1953; every textbook since)."""
    worth = np.array([float(right and (a or b)) for a, b, right in subsets(3)])
    assert shapley(worth) == pytest.approx([1 / 6, 1 / 6, 2 / 3], abs=1e-15)


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_it_is_the_mean_over_orders_and_adds_up(k, seed):
    values = np.random.default_rng(seed).normal(size=(2**k, 3, 2))
    found = shapley(values)
    assert found == pytest.approx(by_orders(values), abs=1e-12)
    assert found.sum(axis=0) == pytest.approx(values[-1] - values[0], abs=1e-12)


def test_rows_are_paired_by_replicate():
    """Two departures, three replicates: A adds 1, 2, 3 alone and 3, 4, 5 last; B adds 10 alone and 12 last."""
    base, a = np.array([50.0, 60.0, 70.0]), np.array([1.0, 2.0, 3.0])
    arm = np.stack([base, base + a, base + 10, base + 12 + a])
    values = np.stack([arm, np.zeros_like(arm)], axis=2)
    rows = contributions(values, [("A", "a"), ("B", "b")], ("drug", "placebo"), "placebo", "RESPW8", "%")
    assert [(r.departure, r.arm, r.versus) for r in rows][:3] == [
        ("B", "drug", ""), ("B", "placebo", ""), ("B", "drug", "placebo")]  # fmt: skip
    of_a = next(r for r in rows if (r.departure, r.arm, r.versus) == ("A", "drug", ""))
    assert (of_a.alone, of_a.last, of_a.share) == (2.0, 4.0, 3.0) and of_a.replicates == 3
    assert of_a.share_mcse == of_a.alone_mcse == of_a.last_mcse == pytest.approx(1 / np.sqrt(3))
    assert (rows[0].alone, rows[0].last, rows[0].share, rows[0].share_mcse) == (10.0, 12.0, 11.0, 0.0)
    assert (of_a.ideal, of_a.planned) == (60.0, 74.0)
    assert "b (drug): +11.0 ± 0.0 points, of the way from 60.0 in the ideal trial to 74.0" in pure.headline(rows)


def test_a_replicate_without_a_result_somewhere_is_left_out_of_that_arm():
    values = np.arange(12.0).reshape(2, 3, 2)
    values[1, 0, 1] = np.nan
    one, other = contributions(values, [("A", "a")], ("x", "y"), None, "RESPW8", "%")
    assert (one.replicates, other.replicates) == (3, 2) and one.share == other.share == 6.0
    values[0, :, 1] = np.nan
    lost = contributions(values, [("A", "a")], ("x", "y"), None, "RESPW8", "%")[1]
    assert lost.replicates == 0 and np.isnan(lost.share) and lost.share_mcse is None
    assert pure.headline([lost]) == "No departure from the ideal trial could be tried."


@pytest.mark.parametrize("path", [CONDUCT, STAGES, SMOKE], ids=lambda path: path.stem)
def test_what_is_taken_out_is_gone_and_nothing_else(path):
    """Taking out all leaves nothing to take out; taking out one leaves the others, but for what acts through it."""
    study = load_study(path)
    zero = {"ASSAY_CV": 0.0}
    found = [d for d in DEPARTURES if d.is_in(study, {"ASSAY_CV": 0.1})]
    assert [d for d in DEPARTURES if d.is_in(without(study, found), zero)] == []
    for departure in found:
        left = [d.id for d in found if d.is_in(without(study, [departure]), {"ASSAY_CV": 0.1})]
        assert left == [d.id for d in found if d is not departure or d.parameters]


def test_each_departure_says_what_it_takes_out():
    study = load_study(CONDUCT)
    assert without(study, [BY_ID["adherence"]]).adherence.mean == 1.0
    assert without(study, [BY_ID["rescue"]]).rescue.allowed is False
    assert without(study, [BY_ID["dropout"]]).dropout == ()
    assert without(study, [BY_ID["food"]]).meals is None
    delay = without(study, [BY_ID["delay"]])
    assert delay.laboratory.known_after_days == 0 and delay.laboratory.clumping == study.laboratory.clumping
    visits = without(study, [BY_ID["visits"]])
    assert (visits.visits.missed_probability, visits.visits.window_days, visits.laboratory.lost_probability) == (
        0,
        0,
        0,
    )
    assert not without(study, [BY_ID["assay"]]).laboratory.whole_numbers
    for rule in without(study, [BY_ID["titration"]]).dose_rules.values():
        assert [step.action for step in rule.steps] == ["keep"]


def test_meals_of_arms_and_stages_are_food_too():
    study = load_study(SMOKE, ["arms.0.meal_after_dose_h=1"])
    assert BY_ID["food"].is_in(study, {}) and not BY_ID["food"].is_in(load_study(SMOKE), {})
    assert without(study, [BY_ID["food"]]).arms == load_study(SMOKE).arms
    staged = load_study(STAGES)
    changed = Treatment.model_validate({"meal_after_dose_h": 2.0})
    stage = staged.stages[1].model_copy(update={"arms": {"Placebo": changed}})
    fed = staged.model_copy(update={"stages": (staged.stages[0], stage, *staged.stages[2:])})
    assert BY_ID["food"].without(fed).stages[1].arms["Placebo"].meal_after_dose_h is None


SMALL = ["patients=20", "randomisation.strata=[]"]


def test_with_everything_it_is_the_trial_as_planned_and_without_anything_an_ideal_one():
    study = load_study(SMOKE, SMALL, replicates=2)
    found = app.departures_of(study)
    names, (of_jobs, job) = [d.id for d in found], cut(0, study, (study.analysis.primary,))[0]
    whole = app._result(names, of_jobs, (2 ** len(found) - 1, job))
    assert np.array_equal(whole, job_values(study, job, {})[study.analysis.primary], equal_nan=True)
    seen = {}
    simulate = app.simulate_enrolled

    def spied(changed, patients):
        seen["tables"] = simulate(changed, patients)
        return seen["tables"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "simulate_enrolled", spied)
        app._result(names, of_jobs, (0, job))
    tables = {name: table.to_pandas() for name, table in seen["tables"].items()}
    plat = tables["observations"].query("PARAMCD == 'PLAT' and AVISITN > 0")
    assert plat["AVAL"].notna().all() and np.allclose(plat["AVAL"].clip(lower=1), plat["TRUEVAL"].clip(lower=1))
    assert (plat["ADY"] == plat["AVISITN"]).all() and (tables["patients"]["EOSSTT"] == "COMPLETED").all()
    assert set(tables["doses"]["ACTION"]) == {"start"} and not (tables["events"]["EVENT"] == "RESCUE").any()


def test_the_command_writes_what_the_report_shows(tmp_path, capsys):
    words = [word for key in (*SMALL, "adherence={}", "rescue.allowed=false", "dropout=[]") for word in ("--set", key)]
    folder = tmp_path / "out"
    assert main(["attribute", str(SMOKE), "--out", str(folder), "--replicates", "2", "--workers", "1", *words]) == 0
    out, err = capsys.readouterr()
    rows = pure.read(folder)
    assert {row.departure for row in rows} == {"titration", "assay", "visits"} and len(rows) == 3 * 5
    assert "8 trials of 3 departures" in err and "alone" in out and "HETROM-5 - Placebo" in " ".join(out.split())
    for mine in pure.by_arm(rows).values():
        assert sum(row.share for row in mine) == pytest.approx(mine[0].planned - mine[0].ideal, abs=1e-9)
    assert main(["attribute", str(SMOKE), "--out", str(folder), *words]) == 2
    assert "--overwrite replaces them" in capsys.readouterr().err


def test_an_ideal_trial_has_nothing_to_take_out(tmp_path, monkeypatch):
    ideal = without(load_study(SMOKE), DEPARTURES)
    monkeypatch.setattr(app, "departures_of", lambda study: [])
    with pytest.raises(Refused, match="smoke has nothing to take out: it has none of titration, adherence"):
        app.write_contributions(ideal, tmp_path)


def test_a_job_that_is_of_no_departure_keeps_the_patients():
    """The same patients are treated, whether or not the laboratory errs: they come in by the study as it is."""
    study = load_study(SMOKE, SMALL, replicates=1)
    assert parameter_set(study.parameter_set).value("ASSAY_CV") > 0
    names, seen = ["assay"], []
    with pytest.MonkeyPatch.context() as patch:
        simulate = app.simulate_enrolled
        patch.setattr(app, "simulate_enrolled", lambda s, p: seen.append(p.cohort) or simulate(s, p))
        for place in (0, 1):
            app._result(names, study, (place, Job(0, ("RESPW8",), range(1))))
    without_error, usual = seen
    assert np.array_equal(without_error.columns["BLPLAT"], usual.columns["BLPLAT"])
    assert (without_error.parameters["ASSAY_CV"] == 0).all() and (usual.parameters["ASSAY_CV"] > 0).all()


def part(departure, arm, share, versus="", mcse=0.25, unit="%"):
    return pure.Contribution(
        departure,
        f"All of {departure}",
        "RESPW8",
        arm,
        versus,
        60.0,
        60.0 + share,
        1.5,
        0.5,
        2.5,
        mcse,
        share,
        mcse,
        10,
        unit,
    )


def test_the_chapter(tmp_path, monkeypatch):
    rows = [
        part("rescue", arm, size, versus)
        for arm, size, versus in (
            ("LOW", -3.0, ""),
            ("HIGH", 4.0, ""),
            ("Placebo", 0.0, ""),
            ("LOW", -3.0, "Placebo"),
            ("HIGH", 4.0, "Placebo"),
        )
    ]
    folder = make_run_folder(tmp_path / "made", pk=False)
    assert chapter.figure(read_run(folder)) is None and chapter.table(read_run(folder)) is None
    pure.write(rows, folder)
    drawn, run = [], read_run(folder)
    monkeypatch.setattr(chapter.figures, "waterfall", lambda *given: drawn.append(given) or "<svg>")
    figure, table = chapter.figure(run), chapter.table(run)
    assert [(given[2], [(s.label, s.change) for s in given[3]]) for given in drawn] == [
        ((60.0, 57.0), [("rescue", -3.0)]), ((60.0, 64.0), [("rescue", 4.0)]), ((60.0, 60.0), [("rescue", 0.0)]),
    ]  # fmt: skip
    assert [given[-1] for given in drawn] == pytest.approx([1.05 * (64 + 1.959964 * 0.25)] * 3)
    assert plain_text(figure.notes[0]) == (
        "What moves the primary result most is all of rescue (HIGH): +4.0 ± 0.3 points, of the way from 60.0 in the "
        "ideal trial to 64.0 as planned."
    )
    texts = [[plain_text(cell.text) for cell in row.cells] for row in table.rows]
    assert texts[1] == ["All of rescue", "+1.5 ± 0.5", "+2.5 ± 0.3", "-3.0 ± 0.3"] and len(texts) == 10
    assert "against" in texts[6][0] and texts[6][0].endswith("60.0 in the ideal trial, 57.0 as planned")
    doubtful = [part("rescue", "LOW", 0.3), part("rescue", "HIGH", 0.1), part("rescue", "Placebo", 0.0)]
    assert pure.headline(doubtful).endswith("as planned; that is within the Monte Carlo error.")
