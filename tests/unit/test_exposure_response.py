"""Response by exposure: curves in closed form, a bias made by hand, and the titrated trial of the engine."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_run import read_run

import trial.app.exposure_response as app
from analysis.evidence.exposure_response import (
    FEWEST,
    AtExposure,
    OfTrial,
    fit_curve,
    keep,
    quartiles_of,
    read,
    read_kept,
    replicates_of,
    rows_of,
    separated,
    without_curve,
)
from analysis.report import exposure_response
from analysis.report.number_origins import plain_text
from trial.app.exposure_response import fixed_levels, mean_dose, on_level, start_doses, write_curves
from trial.app.loading import load_checked
from trial.app.sap import plan_in_words
from trial.app.talk import silent, unseen
from trial.cli import main
from trial.engine.prescribed import days_apart
from trial.errors import Refused
from trial.jobs.work import enrolment, simulate_enrolled
from trial.study.dose_level import DoseLevel
from trial.study.study import Study

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "configs" / "smoke.yaml"
PHASE_3 = ROOT / "configs" / "published" / "hetrombopag_itp_phase3.yaml"


TRUTH = {
    (0.0, "no drug"): (0.0, 0.05), (2.5, "2.5 mg"): (1.0, 0.3), (5.0, "5 mg"): (3.0, 0.6), (9.0, "9 mg"): (9.0, 0.9),
}  # fmt: skip


def test_a_line_of_the_table_rounds_as_its_columns():
    row = AtExposure(
        "auc", "fixed dose", "RESPW8", 5.0, "5 mg", 512.34, 61.26, 1.04, 58.24, 64.37, 66.66, 0.55, -5.41, 1.16, 37.4,
        20, 0, "%",
    )  # fmt: skip
    cells = [plain_text(cell.text) for cell in exposure_response._row(row).cells]
    assert cells == ["5 mg", "512", "61.3 ± 1.0", "(58.2, 64.4)", "66.7 ± 0.6", "-5.4 ± 1.2", "37"]
    quartile = replace(row, kind="quartile 1", level="", true=None, true_mcse=None, bias=None, bias_mcse=None)
    assert [plain_text(cell.text) for cell in exposure_response._row(quartile).cells][4:] == ["–"] * 3


def test_a_line_of_the_terminal_rounds_as_the_table():
    row = AtExposure(
        "dose", "fixed dose", "RESPW8", 5.0, "5 mg", 5.04, 61.26, 1.04, 58.24, 64.37, 66.66, 0.55, -5.41, 1.16, 37.4,
        20, 0, "mg/d",
    )  # fmt: skip
    found = ("61.3 ± 1.0", "(58.2, 64.4)", "66.7 ± 0.6", "-5.4 ± 1.2", "37")
    assert exposure_response._line(row) == ("dose", "fixed dose", "5 mg", "5.04 mg/d", *found)
    assert exposure_response._line(replace(row, true=None, bias=None))[6:] == ("", "", "")


def people(of: dict[float, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Exposures and responses: at each exposure so many yes of so many."""
    x = np.concatenate([[at] * n for at, (_, n) in of.items()])
    yes = np.concatenate([[1.0] * k + [0.0] * (n - k) for k, n in of.values()])
    return x, yes


def test_curves_with_as_many_numbers_as_exposures_go_through_the_rates() -> None:
    """Two rates tell a logistic curve, three an Emax curve: logit 20/50 at 1, 35/50 at 3; at 2 their mean logit."""
    logistic = fit_curve("logistic", *people({1.0: (20, 50), 3.0: (35, 50)}))
    assert logistic and logistic.at(np.array([1, 3.0])) == pytest.approx([0.4, 0.7], abs=1e-6)
    middle = (np.log(0.4 / 0.6) + np.log(0.7 / 0.3)) / 2
    assert logistic.at(np.array([2.0])) == pytest.approx([1 / (1 + np.exp(-middle))], abs=1e-6)
    emax = fit_curve("emax", *people({0.0: (10, 100), 1.0: (40, 100), 4.0: (60, 100)}))
    assert emax and emax.at(np.array([0, 1, 4.0])) == pytest.approx([0.1, 0.4, 0.6], abs=2e-4)


def test_a_curve_that_nothing_tells_is_none() -> None:
    assert fit_curve("logistic", *people({1.0: (20, 50)})) is None
    assert fit_curve("emax", *people({1.0: (50, 50), 2.0: (50, 50)})) is None
    assert fit_curve("logistic", *people({1.0: (1, 3), 2.0: (2, 3)})) is None


def test_quartiles_by_hand() -> None:
    x, rate = quartiles_of(np.arange(1.0, 9), np.array([0, 0, 0, 1, 1, 0, 1, 1.0]))
    assert x.tolist() == [1.5, 3.5, 5.5, 7.5] and rate.tolist() == [0, 0.5, 0.5, 1]


@pytest.mark.parametrize("n", [8, 9, 23, 30])
def test_quartiles_are_those_of_the_ranked_exposures(n: int) -> None:
    """Cut where numpy's quartiles are, what lies on a cut below it; the order of the patients is nothing."""
    rng = np.random.default_rng(n)
    x, yes = rng.choice(30, n, replace=False).astype(float), rng.integers(0, 2, n).astype(float)
    cuts = [-np.inf, *np.percentile(x, [25, 50, 75]), np.inf]
    groups = [[k for k in range(n) if a < x[k] <= b] for a, b in pairwise(cuts)]
    found = quartiles_of(x, yes)
    assert sum(map(len, groups)) == n and found[0] == pytest.approx([x[g].mean() for g in groups])
    assert found[1] == pytest.approx([yes[g].mean() for g in groups])
    assert np.isnan(quartiles_of(np.empty(0), np.empty(0))).all()
    same = quartiles_of(np.full(4, 2.0), np.array([1.0, 0, 0, 0]))
    assert [part[0] for part in same] == [2.0, 0.25] and np.isnan(same[0][1:]).all()


def test_who_is_separated_and_how_many_are_needed() -> None:
    yes = np.array([0, 1, 0, 1.0])
    for x, apart in (([1, 2, 2, 3], True), ([3, 2, 2, 1], True), ([1, 2, 3, 2.5], False), ([3, 2, 1, 2.5], False)):
        assert separated(np.array(x, float), yes) == apart
    few = people({1.0: (2, 4), 2.0: (3, FEWEST - 5)})
    assert len(few[0]) == FEWEST - 1 and fit_curve("logistic", *few) is None
    assert fit_curve("logistic", *people({1.0: (2, 4), 2.0: (3, FEWEST - 4)}))


def test_errors_and_ranges_over_replicates_by_hand() -> None:
    """Three trials of two exposures, through whose rates the curve goes: 80, 60, 40 % at 1 and 20, 30, 70 % at 3."""
    yes, truths = ((40, 10), (30, 15), (20, 35)), (TRUTH, TRUTH | {(2.5, "2.5 mg"): (1.0, 0.4)}, TRUTH)
    trials = [OfTrial(*people({1.0: (a, 50), 3.0: (b, 50)}), t) for (a, b), t in zip(yes, truths, strict=True)]
    low, high = (row for row in rows_of("dose", "mg", "RESPW8", trials) if row.kind == "logistic")
    naive, true = np.array([80.0, 60, 40]), np.array([30.0, 40, 30])
    assert (low.exposure, low.dose, low.level, high.exposure) == (1, 2.5, "2.5 mg", 3)
    assert low.naive == pytest.approx(60, abs=1e-4) and low.naive_mcse == pytest.approx(20 / np.sqrt(3), abs=1e-4)
    assert (low.naive_low, low.naive_high) == pytest.approx((41, 79), abs=1e-4), "a twentieth of the way from the ends"
    assert (low.true, low.true_mcse) == pytest.approx((true.mean(), true.std(ddof=1) / np.sqrt(3)))
    assert low.bias == pytest.approx((naive - true).mean(), abs=1e-4)
    assert low.bias_mcse == pytest.approx((naive - true).std(ddof=1) / np.sqrt(3), abs=1e-4)
    assert low.falls == pytest.approx(200 / 3) and (low.replicates, low.without) == (3, 0)
    assert (high.naive, high.bias) == pytest.approx((40, -20), abs=1e-4)
    quarter = next(row for row in rows_of("dose", "mg", "RESPW8", trials) if row.kind == "quartile 1")
    assert (quarter.naive, quarter.naive_mcse) == pytest.approx((60, 20 / np.sqrt(3)))
    assert (quarter.naive_low, quarter.naive_high, quarter.exposure, quarter.replicates) == pytest.approx(
        (41, 79, 1, 3)
    )
    assert quarter.true is None and replicates_of([low, quarter]) == 3 and replicates_of([]) == 0


def test_one_trial_has_no_error_and_a_quartile_of_nobody_is_left_out() -> None:
    one = OfTrial(*people({1.0: (40, 50), 3.0: (10, 50)}), TRUTH)
    rows = rows_of("dose", "mg", "RESPW8", [one])
    assert {row.naive_mcse for row in rows} == {None} == {row.bias_mcse for row in rows}
    assert [row.kind for row in rows if row.kind.startswith("quartile")] == ["quartile 1", "quartile 3"]
    nobody = OfTrial(np.empty(0), np.empty(0), TRUTH)
    both = [row for row in rows_of("dose", "mg", "RESPW8", [one, nobody]) if row.kind == "quartile 1"]
    assert [(row.replicates, row.without, row.naive) for row in both] == [(1, 1, 80.0)]
    assert replicates_of(both) == 2


def test_what_is_kept_of_a_replicate_is_read_again(tmp_path: Path) -> None:
    one = OfTrial(*people({1.0: (1, 2), 3.0: (1, 1)}), TRUTH)
    for k in (0, 2):
        keep({"dose": one}, tmp_path / "kept", k)
    (tmp_path / "kept" / "1.json").write_text("[]", encoding="utf-8")
    found = read_kept(tmp_path / "kept", 3)
    assert set(found) == {0, 2} and set(read_kept(tmp_path / "kept", 2)) == {0}
    again = found[2]["dose"]
    assert (again.exposure == one.exposure).all() and (again.yes == one.yes).all() and dict(again.truth) == TRUTH


def test_a_bias_by_hand_where_responders_are_kept_low() -> None:
    """40 of 50 respond at 1, 10 of 50 at 3, though the truth is 30 % and 60 %: naive less true +50 and -40 points."""
    x, yes = people({1.0: (40, 50), 3.0: (10, 50)})
    made = OfTrial(x, yes, TRUTH)
    rows = rows_of("mean_dose", "mg/d", "RESPW8", [made, made])
    logistic = [row for row in rows if row.kind == "logistic"]
    assert [row.dose for row in logistic] == [2.5, 5.0]  # no curve beyond the exposures of the trial
    assert [row.naive for row in logistic] == pytest.approx([80, 20], abs=1e-4)
    assert [row.true for row in logistic] == pytest.approx([30, 60])
    assert [row.bias for row in logistic] == pytest.approx([50, -40], abs=1e-4)
    assert {(row.falls, row.replicates) for row in logistic} == {(100.0, 2)}


def test_the_mean_dose_by_hand() -> None:
    """Until day 20: 10 days on 2 mg of which 5 were taken, 10 of 20 days on 4 mg, all taken: (10 + 40)/20; one who left
    after 5 days on 3 mg; days on placebo are 0.
    """
    patients = pa.table({"IREP": [0, 0, 0], "SUBJID": [1, 2, 3]})
    doses = pa.table(
        {
            "IREP": [0, 0, 0, 0], "SUBJID": [1, 1, 2, 3], "ASTDY": [0, 10, 0, 0], "AENDY": [10, 30, 5, 30],
            "EXDOSE": [2.0, 4.0, 3.0, 0.0], "NTAKEN": [5, 20, 5, 30],
        }
    )  # fmt: skip
    assert mean_dose(doses, patients, 20).tolist() == [2.5, 3.0, 0.0]


def test_fixed_levels_are_those_of_the_rules_and_the_doses_of_arms_without_one() -> None:
    study = load_checked(PHASE_3).study
    assert [str(level) for level in fixed_levels(study)] == ["2.5 mg", "3.75 mg", "5 mg", "7.5 mg"]
    fixed = on_level(study, DoseLevel(dose_mg=5.0)).arms
    assert {(arm.start_dose_mg, arm.dose_rule, arm.placebo) for arm in fixed} == {(5.0, None, False)}
    assert all(arm.placebo for arm in on_level(study, None).arms)


@pytest.fixture(scope="module")
def apart() -> Study:
    """A ladder of levels with days: 2.5 mg every other day, 5 mg on 3 days and 2.5 mg on 4, 7.5 mg daily; who is 45 or
    older starts on the highest.
    """
    week = {"dose_mg": 5.0, "days_of_week": [0, 2, 4], "otherwise_mg": 2.5}
    ladder = [{"dose_mg": 2.5, "every_days": 2}, week, 7.5]
    study = load_checked(PHASE_3, ["patients=30"], replicates=1).study
    rules = {name: {"ladder": ladder, "steps": [{"action": "keep"}], "source": "made"} for name in study.dose_rules}
    lines = [{"if": {"AGE": {"at_least": 45.0}}, "dose_mg": 7.5}, {"dose_mg": 2.5}]
    arms = [
        {"id": arm.id, "start_dose_mg": lines if k == 0 else 2.5, "placebo": arm.placebo, "dose_rule": arm.dose_rule,
         "ratio": arm.ratio}
        for k, arm in enumerate(study.arms)
    ]  # fmt: skip
    changed = study.model_dump(by_alias=True, exclude_unset=True) | {"arms": arms, "dose_rules": rules}
    return Study.model_validate(changed)


def test_each_patient_has_the_dose_on_which_he_was_put(apart: Study) -> None:
    """By the first row of the dose ledger and its days: 2.5 mg every other day are 1.25 mg a day."""
    patients = enrolment(apart, range(1))
    doses = simulate_enrolled(apart, patients)["doses"]
    first = np.unique(doses["SUBJID"].to_numpy(), return_index=True)[1]
    a_day = {"daily": 1.0, "every other day": 0.5, "no dose": 0.0}
    said = doses["EXINTVL"].cast(pa.string()).to_pylist()
    seen = [doses["EXDOSE"][k].as_py() * a_day[said[k]] for k in first.tolist()]
    assert start_doses(apart, patients).tolist() == seen and {1.25, 7.5} <= set(seen)


def test_levels_are_simulated_on_their_days(apart: Study) -> None:
    """30 patients, all on one level: 1.25 mg, (3 x 5 + 4 x 2.5)/7 mg and 7.5 mg a day, less what was not taken."""
    levels = fixed_levels(apart)
    assert [level.per_day_mg for level in levels] == pytest.approx([1.25, 25 / 7, 7.5])
    for level, due in zip(levels, (0.5, 1.0, 1.0), strict=True):
        study = on_level(apart, level)
        tables = simulate_enrolled(study, enrolment(study, range(1)))
        doses = tables["doses"]
        days = doses["AENDY"].to_numpy() - doses["ASTDY"].to_numpy()
        assert set(doses["EXDOSE"].to_pylist()) == {level.dose_mg}
        assert doses["NDUE"].to_numpy().sum() / days.sum() == pytest.approx(due, abs=0.02)
        reached = mean_dose(doses, tables["patients"], 56, days_apart(study)).mean()
        taken = doses["NTAKEN"].to_numpy().sum() / doses["NDUE"].to_numpy().sum()
        assert reached == pytest.approx(level.per_day_mg * taken, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_a_curve_of_separated_responses_is_none_and_such_replicates_are_counted() -> None:
    """Nobody below 4 and everybody from there on; and where those at 1 and no others are all without a response."""
    whole = people({1.0: (0, 10), 3.0: (0, 10), 4.0: (10, 10)})
    for model in ("logistic", "emax"):
        assert fit_curve(model, *whole) is None
        assert fit_curve(model, *people({1.0: (0, 10), 3.0: (5, 10)})) is None
        assert fit_curve(model, *people({1.0: (1, 10), 3.0: (5, 10)}))
    made = [OfTrial(*people({1.0: (40, 50), 3.0: (10, 50)}), TRUTH), OfTrial(*whole, TRUTH)]
    rows = rows_of("auc", "ng*h/mL", "RESPW8", made)
    assert {(row.replicates, row.without) for row in rows if row.kind == "logistic"} == {(1, 1)}
    said = list(without_curve(rows))
    assert len(said) == 2 and said[0].startswith("auc: 1 of 2 replicates without a logistic curve left out")
    none = list(without_curve(rows_of("auc", "ng*h/mL", "RESPW8", [OfTrial(*whole, TRUTH)])))
    assert [line[:24] for line in none] == ["auc: no logistic curve: ", "auc: no emax curve: none"]


@pytest.mark.slow
def test_under_titration_the_response_falls_with_the_achieved_dose_though_it_rises_with_the_dose(
    tmp_path: Path,
) -> None:
    study = load_checked(PHASE_3, ["patients=200"], replicates=2).study
    rows = write_curves(study, tmp_path, workers=1)
    assert read(tmp_path) == rows and (tmp_path / "exposure_response.html").read_text().count("<svg") == 6
    by_mean = [row for row in rows if (row.by, row.kind) == ("mean_dose", "logistic")]
    true, naive = [row.true for row in by_mean], [row.naive for row in by_mean]
    assert len(by_mean) >= 3 and true == sorted(true) and naive == sorted(naive, reverse=True)
    assert naive[0] - true[0] > 10 and naive[-1] - true[-1] < -10
    by_dose = [row for row in rows if (row.by, row.kind) == ("dose", "logistic")]
    assert {row.falls for row in by_dose} == {0.0}


def test_what_has_no_curve_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    study = load_checked(PHASE_3, replicates=1).study
    with pytest.raises(Refused, match="did you mean RESPW8"):
        write_curves(study, tmp_path, "RESPW9")
    one = study.model_copy(update={"arms": (study.arms[0].model_copy(update={"dose_rule": None}),)})
    with pytest.raises(Refused, match="seen 1 dose beside none; allowed: two or more"):
        fixed_levels(one)
    staged = ROOT / "configs" / "hetrombopag_itp_phase3_stages.yaml"
    assert main(["exposure", str(staged), "--out", str(tmp_path / "e"), "--replicates", "1"]) == 2
    assert "stages or a schedule" in capsys.readouterr().err


ASKED = ["patients=30", "analysis.exposure_response={replicates: 2}", "randomisation.strata=[]"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two replicates that asks for the curves."""
    folder = tmp_path_factory.mktemp("asked") / "run"
    words = [word for change in ASKED for word in ("--set", change)]
    run = ["run", str(SMOKE), "--out", str(folder), "--replicates", "2", "--workers", "1", "--no-report", *words]
    assert main(run) == 0
    return folder


@pytest.mark.slow
def test_a_run_that_asks_for_the_curves_has_the_numbers_of_the_command(asked: Path, tmp_path: Path) -> None:
    study = load_checked(SMOKE, ASKED, replicates=2).study
    rows = write_curves(study, tmp_path, workers=1)
    assert read(asked) == rows and {row.by for row in rows} == {"dose", "mean_dose", "auc"}
    assert not (asked / "units").exists()
    assert "exposure_response.parquet" in (asked / "manifest.json").read_text(encoding="utf-8")
    assert main(["report", str(asked)]) == 0
    page = (asked / "report.html").read_text(encoding="utf-8")
    assert 'id="t-14-4-4"' in page and 'id="f-14-4-4"' in page and "Titration bias" in page
    table = exposure_response.table(read_run(asked), rows)
    assert len([row for row in table.rows if not row.heading]) == len(rows)


def test_an_interrupted_run_goes_on_with_the_replicates_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the second replicate; then the first is not simulated again, a damaged one is; the same numbers."""
    study, kept = load_checked(SMOKE, ASKED, replicates=2).study, tmp_path / "units" / "exposure"
    made = [{"dose": OfTrial(*people({1.0: (20 + k, 50), 9.0: (30 + k, 50)}), TRUTH)} for k in range(2)]
    seen, stop = [], [True]

    def replicate(_code: str, _levels: object, _study: Study, k: int) -> dict[str, OfTrial]:
        seen.append(k)
        if k == 1 and stop:
            raise KeyboardInterrupt
        return made[k]

    monkeypatch.setattr(app, "_replicate", replicate)
    with pytest.raises(KeyboardInterrupt):
        app.write_asked(study, tmp_path, 1, silent, unseen)
    assert [path.name for path in kept.iterdir()] == ["0.json"]
    stop.clear()
    app.write_asked(study, tmp_path, 1, silent, unseen)
    whole = rows_of("dose", "mg/d", "RESPW8", [one["dose"] for one in made])
    assert seen == [0, 1, 1] and read(tmp_path) == whole
    (kept / "0.json").write_text("{", encoding="utf-8")
    app.write_asked(study, tmp_path, 1, silent, unseen)
    assert seen == [0, 1, 1, 0] and read(tmp_path) == whole


def test_what_it_costs_is_said_and_what_has_no_curve_refused(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    words = [word for change in ASKED for word in ("--set", change)]
    assert main(["check", str(SMOKE), *words]) == 0
    said = " ".join(capsys.readouterr().out.split())
    levels = len(fixed_levels(load_checked(SMOKE, ASKED).study))
    assert f"and no drug, for which 2 replicates are simulated {levels + 2} times more" in said
    assert "Response by exposure: RESPW8 by randomised start dose" in plan_in_words(load_checked(SMOKE, ASKED).study)
    staged = ROOT / "configs" / "hetrombopag_itp_phase3_stages.yaml"
    assert main(["check", str(staged), "--set", "analysis.exposure_response={}"]) == 2
    assert "analysis.exposure_response: of studies with stages" in " ".join(capsys.readouterr().err.split())
    assert main(["check", str(SMOKE), "--set", "analysis.exposure_response={endpoint: MAXDUR}"]) == 2
    assert "a yes or no of this study" in capsys.readouterr().err
