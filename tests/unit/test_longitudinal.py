"""What is analysed over the visits, on hand-made patients; the methods are held against R in tests of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from scipy import stats
from tiny_trial import WEEKS, Patient, study, tables

from analysis.statistics.estimates import Estimate
from analysis.statistics.longitudinal import episodes, estimate_longitudinal
from cohorts.adverse_events import DAYS_PER_YEAR
from trial.tables import PATIENTS

RNG = np.random.default_rng(12)
COUNTS = {
    arm: np.round(np.exp(RNG.normal(mean, 0.6, (n, 10)))) for arm, mean, n in (("drug", 4, 18), ("placebo", 3, 15))
}
"""Every patient of two arms at ten visits, none missed."""


def people(**first: object) -> list[Patient]:
    """These patients; the first one of the drug is told more."""
    made = [Patient(row.tolist(), arm=arm) for arm, rows in COUNTS.items() for row in rows]
    return [Patient(made[0].counts, **first), *made[1:]]  # type: ignore[arg-type]


def rows(folder: Path, patients: list[Patient], left: dict[int, str] | None = None, **said: object) -> list[Estimate]:
    """The rows of these patients; ``left``: why the patients of these places left."""
    for name, table in tables(patients).items():
        if name == "patients":
            why = [(left or {}).get(k, "") for k in range(len(patients))]
            place = PATIENTS.get_field_index("DCSREAS")
            table = table.set_column(place, PATIENTS.field("DCSREAS"), pa.array(why).dictionary_encode())
        pq.write_table(table, folder / f"{name}.parquet")
    return estimate_longitudinal(folder, study(reasons=("adverse event", "withdrawal"), longitudinal=said))


def found(estimates: list[Estimate]) -> dict[tuple[str, str, str, str], Estimate]:
    return {(e.PARAMCD, e.ARM, e.STAT, e.CATEGORY): e for e in estimates}


def test_of_complete_counts_the_mixed_model_is_the_t_test_of_logarithms_at_every_visit(tmp_path: Path) -> None:
    """One baseline, no strata: nothing to adjust for. 33 patients, 31 degrees of freedom."""
    of = found(rows(tmp_path, people(), mmrm=True))
    for v, day in enumerate(WEEKS):
        drug, placebo = (np.log(COUNTS[arm][:, v]) for arm in ("drug", "placebo"))
        ratio, p = (of["LOGPLT", "drug", f"MMRM {what}", str(day)] for what in ("ratio", "p"))
        wanted = stats.ttest_ind(drug, placebo)
        limits = wanted.confidence_interval()
        assert pytest.approx(np.exp(drug.mean() - placebo.mean()), rel=1e-7) == ratio.ESTIMATE
        assert pytest.approx((np.exp(limits.low), np.exp(limits.high)), rel=1e-6) == (ratio.CI_LOW, ratio.CI_HIGH)
        assert pytest.approx(wanted.pvalue, rel=1e-5) == p.ESTIMATE
        assert pytest.approx(31, abs=1e-5) == of["LOGPLT", "drug", "MMRM df", str(day)].ESTIMATE
        assert pytest.approx(np.exp(placebo.mean())) == of["LOGPLT", "placebo", "MMRM mean", str(day)].ESTIMATE
        assert (ratio.N, of["LOGPLT", "drug", "MMRM mean", str(day)].N) == (33, 18)
    assert of["LOGPLT", "ALL", "MMRM deviance", ""].NOTE == "unstructured"
    assert ("LOGPLT", "placebo", "MMRM ratio", "7") not in of


@pytest.mark.parametrize(("said", "n"), [("left_out", 17), ("kept", 18)])
def test_counts_that_a_rescue_voids_are_left_out_or_kept(tmp_path: Path, said: str, n: int) -> None:
    of = found(rows(tmp_path, people(rescue_days=(30,)), mmrm=True, after_rescue=said))
    assert of["LOGPLT", "drug", "MMRM mean", "28"].N == 18
    assert n == of["LOGPLT", "drug", "MMRM mean", "35"].N


def test_the_first_structure_and_the_degrees_of_freedom_are_those_of_the_study(tmp_path: Path) -> None:
    start = found(rows(tmp_path, people(), mmrm=True, covariance="compound_symmetry"))
    assert start["LOGPLT", "ALL", "MMRM deviance", ""].NOTE == "compound symmetry"
    few = people()[:4] + people()[-4:]
    less = found(rows(tmp_path, few, mmrm=True))["LOGPLT", "ALL", "MMRM deviance", ""]
    assert less.NOTE.partition(";")[0] != "unstructured" and "not unstructured: " in less.NOTE
    holes = [
        Patient([None if k % 3 == v % 3 else c for v, c in enumerate(p.counts)], arm=p.arm) for k, p in enumerate(few)
    ]
    one, other = (
        found(rows(tmp_path, holes, mmrm=True, covariance="compound_symmetry", degrees_of_freedom=kind))
        for kind in ("kenward_roger", "satterthwaite")
    )
    key = ("LOGPLT", "drug", "MMRM ratio", "70")
    assert one[key].ESTIMATE == other[key].ESTIMATE and one[key].CI_HIGH > other[key].CI_HIGH  # type: ignore[operator]
    assert (one[key].CI_METHOD, other[key].CI_METHOD) == ("Kenward-Roger", "Satterthwaite")


def test_odds_ratios_of_complete_visits_are_crude(tmp_path: Path) -> None:
    of = found(rows(tmp_path, people(), gee=True, working_correlation="independence"))
    logs = []
    for v, day in enumerate(WEEKS):
        yes = {arm: int((COUNTS[arm][:, v] >= 50).sum()) for arm in COUNTS}
        crude = yes["drug"] * (15 - yes["placebo"]) / ((18 - yes["drug"]) * max(yes["placebo"], 1))
        odds = of["RESPVIS", "drug", "GEE odds ratio", str(day)].ESTIMATE
        if yes["placebo"]:
            assert odds == pytest.approx(crude, rel=1e-6)
            logs.append(np.log(crude))
        else:
            assert odds is None
    assert 0 < len(logs) < 10
    assert pytest.approx(np.exp(np.mean(logs)), rel=1e-6) == of["RESPVIS", "drug", "GEE odds ratio", "average"].ESTIMATE
    exchangeable = found(rows(tmp_path, people(), gee=True))
    assert -0.2 < exchangeable["RESPVIS", "ALL", "GEE correlation", ""].ESTIMATE < 0.2  # type: ignore[operator]
    assert ("RESPVIS", "ALL", "GEE correlation", "") not in of


def test_shares_that_left_for_a_reason_and_that_responded(tmp_path: Path) -> None:
    """Five on the drug: one leaves on day 20 with an adverse event, one withdraws on day 40 after a response on day 7,
    one responds in week 5; nobody is censored before the end: the shares are plain.
    """
    low, last = [20.0], {"completed": False}
    made = [
        Patient([20.0, 20.0, None], last_day=20, **last),  # type: ignore[arg-type]
        Patient([60.0, 60.0, 60.0, 60.0, 60.0, None], last_day=40, **last),  # type: ignore[arg-type]
        Patient([20.0, 20.0, 20.0, 20.0, 70.0]),
        Patient(low), Patient(low), Patient(low, arm="placebo"),
    ]  # fmt: skip
    of = found(rows(tmp_path, made, {0: "adverse event", 1: "withdrawal"}, competing=True))
    share = lambda code, name: of[code, "drug", "cumulative incidence", name].ESTIMATE  # noqa: E731
    assert share("LEFT", "adverse event, day 14") == 0
    assert share("LEFT", "adverse event, day 28") == share("LEFT", "withdrawal, day 56") == pytest.approx(20)
    assert share("TTRESP", "response, day 7") == share("TTRESP", "left first, day 28") == pytest.approx(20)
    assert share("TTRESP", "response, day 56") == pytest.approx(40)
    assert share("TTRESP", "left first, day 70") == pytest.approx(20)
    assert of["TTRESP", "placebo", "cumulative incidence", "response, day 70"].ESTIMATE == 0


def test_rates_count_every_rescue_and_runs_of_bleeding(tmp_path: Path) -> None:
    made = [
        Patient([20.0], rescue_days=(10, 45), bleeding=[1, 2, 0, 1, None, 1, 0]),
        Patient([20.0], completed=False, last_day=30, bleeding=[0]),
        Patient([20.0], arm="placebo", rescue_days=(14,), bleeding=[1]),
    ]
    of = found(rows(tmp_path, made, recurrent=True))
    years = 100 / DAYS_PER_YEAR
    rescues, bleeds = (of[code, "drug", "events per patient-year", ""] for code in ("RESCUES", "BLEEDS"))
    assert (rescues.N_EVENT, bleeds.N_EVENT, rescues.N) == (2, 2, 2)
    assert pytest.approx(2 / years) == rescues.ESTIMATE
    assert pytest.approx(stats.chi2.ppf(0.975, 6) / 2 / years) == rescues.CI_HIGH
    assert pytest.approx(years) == of["RESCUES", "drug", "recurrent patient-years", ""].ESTIMATE
    ratio = of["RESCUES", "drug", "rate ratio", ""]
    assert pytest.approx(2 / 100 / (1 / 70), rel=1e-6) == ratio.ESTIMATE
    assert pytest.approx(0, abs=1e-4) == of["RESCUES", "drug", "dispersion", ""].ESTIMATE


def test_a_visit_without_a_grade_ends_no_run() -> None:
    grades = np.array([[1, np.nan, 2, 0, 1], [0, 0, np.nan, 0, 0], [np.nan, 3, np.nan, np.nan, 3]])
    assert episodes(grades).tolist() == [2, 0, 1]


def test_who_was_not_solved_is_in_none_and_what_is_not_asked_for_is_not_there(tmp_path: Path) -> None:
    of = found(rows(tmp_path, people(status="FAILED"), mmrm=True, recurrent=True, competing=True))
    assert of["LOGPLT", "drug", "MMRM mean", "7"].N == of["BLEEDS", "drug", "events per patient-year", ""].N == 17
    assert rows(tmp_path, people()) == []


@pytest.mark.parametrize(
    ("more", "said", "why"),
    [
        ({}, {"covariance": "toeplitz"}, "mmrm is false"),
        ({}, {"working_correlation": "independence"}, "gee is false"),
        ({}, {"mmrm": True, "after_rescue": "no"}, "left_out"),
        ({"paired": True}, {"mmrm": True}, "every patient is in every arm"),
        ({"reference_arm": None}, {"gee": True}, "nothing is compared without"),
        ({}, {"restricted_mean_day": 77}, "allowed: 1 to 70"),
        ({}, {"competing": True}, "nobody leaves"),
    ],
    ids=str,
)
def test_what_has_no_effect_is_refused(more: dict, said: dict, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        study(longitudinal=said, **more)
