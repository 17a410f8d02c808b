"""Designs that were registered, or are made of stages, run small: what they must show whatever the numbers."""

import sys
from pathlib import Path

import numpy as np
import pytest

from trial.app.study_run import evaluate_tables
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study

CONFIGS, BENCHMARKS = (Path(__file__).parents[2] / name for name in ("configs", "tests/benchmarks"))


def found(name, *overrides):
    study = load_study(CONFIGS / f"{name}.yaml", overrides)
    tables = simulate_replicates(study, range(1))
    return study, {name: t.to_pandas() for name, t in {**tables, **evaluate_tables(study, tables)}.items()}


def test_a_crossover_has_a_profile_of_its_second_period_and_food_takes_nearly_all_of_it():
    """AUC by the trapezoid of the rows; Wang 2020: 98.7 % less with a high-fat breakfast."""
    _, got = found("hetrombopag_food_crossover", "patients=40")
    conc = (
        got["observations"]
        .query("PARAMCD == 'CONC' and AVISITN == 14")
        .pivot(index="SUBJID", columns="ATPT", values="AVAL")
    )
    by_hand = np.trapezoid(conc.to_numpy(), conc.columns, axis=1)
    mine = got["endpoints"].query("PARAMCD == 'AUCLST'").set_index("SUBJID").AVAL[conc.index]
    assert mine.to_numpy() == pytest.approx(by_hand, rel=0.08)
    arm = got["patients"].set_index("SUBJID").ARM[conc.index]
    ratio = np.exp(np.log(mine[arm == "FASTED-FED"]).mean() - np.log(mine[arm == "FED-FASTED"]).mean())
    assert 0.004 < ratio < 0.04
    assert got["doses"].groupby("SUBJID").NTAKEN.sum().eq(2).all()


def test_the_arm_that_stops_at_100_takes_nothing_after_it():
    _, got = found("hetrombopag_cit_nct07334093")
    plat = got["observations"].query("PARAMCD == 'PLAT' and AVISITN > 0 and AVAL >= 100")
    first, ledger = plat.groupby("SUBJID").ADY.min(), got["doses"]
    begun = ledger[ledger.DOSELEV > 0].groupby("SUBJID").AENDY.max()
    assert len(first) > 20 and (begun[first.index] <= first).all() and begun.max() == 14
    yes = got["endpoints"].query("AVAL == 1").groupby("PARAMCD").SUBJID.apply(set)
    rescued = set(got["events"].query("EVENT == 'RESCUE'").SUBJID)
    assert yes["RESP1"] - rescued <= yes["RISE50"]  # from below 50 a count of 100 is a rise of 50


def test_cycles_of_the_two_cycle_endpoint_wait_for_100():
    _, got = found("hetrombopag_cit_nct05261646")
    events = got["events"].query("EVENT == 'CHEMO'").sort_values(["SUBJID", "ADY"])
    assert (events.AVAL >= 100).all() and set(events.CYCLE) == {1, 2, 3}
    kept = events.groupby("SUBJID").agg(cycles=("CYCLE", "max"), share=("CHSHARE", "min"), days=("ADY", np.ptp))
    kept = kept[(kept.cycles == 3) & (kept.share == 1)]
    said = got["endpoints"].query("PARAMCD == 'CHEMO2' and AVAL == 1").SUBJID
    assert set(said) <= set(kept.index) and kept.days[said].max() < 42 + 2 * 7 and len(said) > 20


def test_doses_of_the_registered_rule_are_5_to_40_mg():
    _, got = found("avatrombopag_itp_302_registered")
    assert set(got["doses"].DOSELEV) <= {0, 5, 10, 20, 30, 40} and {10, 40} <= set(got["doses"].DOSELEV)


def test_everything_is_on_in_one_config_and_off_in_the_other(monkeypatch):
    """Each part leaves a trace in the tables of the one, and none in those of the other."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "everything", raising=False)
    import everything

    studies = (study.model_copy(update={"patients": 150}) for study in everything.both())
    on, off = ({name: t.to_pandas() for name, t in simulate_replicates(s, range(1)).items()} for s in studies)
    assert {"missed", "covariates"} <= set(on) and not {"missed", "covariates"} & set(off)
    events = set(on["events"].EVENT), set(on["events"].TERM)
    assert {"CHEMO", "DROPOUT", "RESCUE"} <= events[0] and "immunoglobulin" in events[1] and off["events"].empty
    assert {"increase", "interrupt"} <= set(on["doses"].ACTION) and set(off["doses"].ACTION) == {"start"}
    assert {"PLATLOC", "PLATFRST"} <= set(on["observations"].PARAMCD) and on["events"].CHSHARE.min() < 1
    assert on["covariates"].groupby(["IREP", "SUBJID"]).size().max() > 10
