"""Treatment stopped for good by the dose rule: the course, the ledger, the log, the endpoints and the report."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hand_made import STUDY, unit
from tiny_trial import Patient, records, study

from analysis import endpoints
from analysis.endpoints import catalogue, chosen, study_problems
from analysis.text.cells import count as cell
from trial.cli import main
from trial.engine.apply_dose_rule import Action
from trial.engine.simulate import simulate_unit
from trial.jobs.replay import replay
from trial.study.load import load_study

CONFIG = Path(__file__).parents[2] / "configs" / "hetrombopag_itp_24_weeks_stop.yaml"
STOP = {"below_1e9L": 50, "action": "stop", "rung": "highest", "min_days_since_change": 28, "confirm_visits": 2}
LADDER = STUDY["dose_rules"]["ladder"]
STOPPING = {"dose_rules": {"ladder": LADDER | {"steps": [STOP, *LADDER["steps"]]}}}
LATE_RESCUE = {"RESCUE_H0": 0.1, "RESCUE_SCALE": 1e9, "EMAX": 1.0}
"""A rescue hazard of 0.1 per week whatever the count, and a drug that cannot raise a count of 13 above 26."""


def simulated(**study):
    clock = np.array([[0.75, 9, 9, 9]] * 2)
    return simulate_unit(unit(parameters=LATE_RESCUE, rescue_clock=clock, study=study))


def test_a_stop_is_the_end_of_the_drug_and_not_of_the_study():
    """Up to 7.5 mg on day 14, stopped 28 days later, sham too: bitwise the course of a treatment planned for 42 days.

    The visits go on, and the rescue that is due in week 8 is given.
    """
    stopped, short, whole = simulated(**STOPPING), simulated(treatment_days=42), simulated()
    for patient in (0, 1):
        made = [(d.day[patient], Action(d.action[patient]).name, d.dose_mg[patient]) for d in stopped.decisions]
        assert [m for m in made if m[1] != "KEEP"] == [(0, "START", 5), (14, "INCREASE", 7.5), (42, "STOP", 0)]
        assert [d.day[patient] for d in stopped.decisions if d.rescued[patient]] == [56]
    counts, same, other = (np.stack([v.count for v in r.visits], axis=1) for r in (stopped, short, whole))
    assert counts.shape == (2, 10) and not np.isnan(counts).any()
    assert (counts == same).all()
    assert (counts[0, 6:] < other[0, 6:]).all() and (counts[1] == other[1]).all()


def value(code: str, *patients: Patient) -> list[float]:
    settings = study(stops=True, treatment_days=70)
    return endpoints.evaluate(catalogue(56)[code], records(*patients), settings).value.tolist()


def stopped_in_week(week: int, **kwargs: object) -> Patient:
    """A patient with a count of 60 at every visit whose treatment was stopped in that week (5, 6, ...)."""
    return Patient([60.0], actions=("start", *("increase",) * (week - 5), "stop"), **kwargs)  # type: ignore[arg-type]


ALWAYS = Patient([60.0])


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("RESPW8", [1, 0, 0, 1]),
        ("RESP1", [1, 1, 1, 1]),
        ("RESP1RF", [1, 1, 1, 1]),
        ("RESP75", [1, 0, 1, 1]),
        ("MAXDUR", [49, 21, 42, 49]),
        ("TOTDUR", [49, 21, 42, 49]),
        ("CUMWK", [10, 4, 7, 8]),
        ("DURRESP", [1, 0, 0, 0]),
        ("RESCUE", [0, 0, 0, 0]),
        ("COMPL", [1, 1, 1, 1]),
        ("STOPPED", [0, 1, 1, 1]),
        ("REDUCE", [0, 0, 0, 0]),
    ],
)
def test_a_stop_is_non_response_from_its_day_on(code: str, values: list[float]) -> None:
    """Counts of 60 in all ten weeks: never stopped, stopped in week 5, in week 8, the week of assessment, in week 9.

    RESP75 needs 6 of the 8 weeks: four before week 5 are too few, seven before week 8 are enough.
    """
    assert value(code, ALWAYS, *(stopped_in_week(week) for week in (5, 8, 9))) == values


def test_a_stop_does_what_a_rescue_on_the_same_day_does() -> None:
    low_first = [20.0] * 5 + [60.0] * 5
    by_rule = Patient(low_first, actions=("start", "stop"))
    rescued = Patient(low_first, rescue_days=(35,))
    for code in ("RESPW8", "RESP1RF", "RESP75", "RESP2XRF", "CUMWK", "DURRESP"):
        assert value(code, by_rule) == value(code, rescued) == [0.0], code
    for code in ("RESP1", "RESP2X"):
        assert value(code, by_rule) == value(code, rescued) == [1.0], code
    assert value("RESCUE", by_rule, rescued) == [0, 1]


def test_the_earlier_of_rescue_and_stop_counts() -> None:
    made = records(
        ALWAYS, stopped_in_week(6), stopped_in_week(6, rescue_days=(21,)), Patient([60.0], rescue_days=(63,))
    )
    assert made.failed_day.tolist() == [np.inf, 42, 21, 63]
    assert made.stopped_day.tolist() == [np.inf, 42, 42, np.inf]


def test_response_after_chemotherapy_needs_no_stop_to_day_21() -> None:
    """Chemotherapy on day 21, read on day 42: a stop in week 6 is one by then, in week 7 after it."""
    patients = [Patient([120.0], chemo=((1, 21),), actions=("start", *more)) for more in ((), ("increase", "stop"))]
    patients.append(Patient([120.0], chemo=((1, 21),), actions=("start", "increase", "increase", "stop")))
    assert value("CITRESP", *patients) == [1, 0, 1]


def test_rebound_is_looked_for_after_a_stop_although_the_others_are_treated_to_the_end() -> None:
    falls = Patient([60.0] * 6 + [5.0], baseline=20.0, actions=("start", "stop"))
    settings = study(stops=True, treatment_days=70)
    found = endpoints.evaluate(catalogue(56)["REBOUND"], records(falls, ALWAYS), settings)
    assert found.value[0] == 1
    assert found.reason.tolist() == ["", "no visit planned after the end of treatment"]


def test_only_a_study_with_a_stop_has_the_endpoint() -> None:
    assert "STOPPED" not in chosen(study()) and "STOPPED" in chosen(study(stops=True))
    found = dict(study_problems(study(endpoints=["STOPPED"])))
    assert list(found) == [("analysis", "endpoints", 0)]
    assert "STOPPED needs a dose rule with action: stop" in found["analysis", "endpoints", 0]
    assert not list(study_problems(study(stops=True, endpoints=["STOPPED"])))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two replicates of 40 patients of the example."""
    folder = tmp_path_factory.mktemp("stop") / "run"
    chosen = ("--replicates", "2", "--set", "patients=40", "--workers", "1", "--out", str(folder))
    assert main(["run", str(CONFIG), *chosen]) == 0
    return folder


@pytest.fixture(scope="module")
def tables(run):
    """The tables of the run with one key per patient."""
    names = ("patients", "doses", "observations", "events", "endpoints")
    found = {name: pd.read_parquet(run / f"{name}.parquet") for name in names}
    return {name: t.assign(key=list(zip(t.IREP, t.SUBJID, strict=True))) for name, t in found.items()}


def test_after_the_stop_the_dose_is_0_to_the_end_and_visits_go_on(tables):
    doses, patients = tables["doses"], tables["patients"].set_index("key")
    last, stops = doses.groupby("key").tail(1).set_index("key"), doses[doses.ACTION == "stop"].set_index("key")
    assert len(stops) > 20 and stops.index.is_unique
    assert set(patients.loc[stops.index].ARM) == set(patients.ARM)
    mine = last.loc[stops.index]
    assert (mine.ACTION == "stop").all() and (mine[["EXDOSE", "DOSELEV", "NTAKEN"]] == 0).all(axis=None)
    assert (patients.loc[stops.index].EOSDY.clip(upper=168) == mine.AENDY).all()
    plat = tables["observations"].query("PARAMCD == 'PLAT' and AVISITN == 168 and AVAL.notna()")
    stayed = patients.loc[stops.index].EOSSTT == "COMPLETED"
    assert stayed.sum() > 15
    assert stops.index[stayed].isin(plat.key).sum() > 0.9 * stayed.sum()


def test_a_stop_follows_two_low_counts_28_days_or_more_after_the_last_change(tables):
    """Planned days from the actual ones: visits are up to 2 days early or late."""
    plat = tables["observations"].query("PARAMCD == 'PLAT' and AVAL.notna()")
    ledger = dict(list(tables["doses"].groupby("key")))
    for key in tables["doses"].query("ACTION == 'stop'").key:
        before, stop = ledger[key].iloc[-2:].itertuples()
        assert before.DOSELEV == 7.5 and stop.TRIGCNT < 50
        seen = plat[(plat.key == key) & (plat.ADY <= stop.ASTDY)]
        assert (seen.AVAL.iloc[-2:] < 50).all() and seen.ADY.iloc[-1] == stop.ASTDY
        assert stop.ASTDY - before.ASTDY >= 28 - 4


def test_the_endpoints_agree_with_the_tables(tables):
    """RESPW24 and STOPPED again, from counts, rescues and the ledger."""
    first = {
        "rescue": tables["events"].query("EVENT == 'RESCUE'").groupby("key").ADY.min(),
        "stop": tables["doses"].query("ACTION == 'stop'").groupby("key").ASTDY.min(),
    }
    last = tables["observations"].query("PARAMCD == 'PLAT' and AVISITN == 168").set_index("key")
    day = last.ADY.fillna(168)
    lost = sum((series.reindex(day.index).fillna(np.inf) <= day).astype(int) for series in first.values())
    wide = tables["endpoints"].pivot_table(index="key", columns="PARAMCD", values="AVAL", observed=True)
    assert (wide.RESPW24.reindex(day.index) == ((last.AVAL >= 50) & (lost == 0))).all()
    assert (wide.STOPPED.reindex(day.index) == day.index.isin(first["stop"].index)).all()


def test_the_report_counts_the_stopped_who_stayed(run, tables):
    page = re.sub(r"<(script|style).*?</\1>", "", (run / "report.html").read_text(encoding="utf-8"), flags=re.S)
    words = re.sub(r" ([.,;:)])", r"\1", " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split()))
    patients, doses = tables["patients"], tables["doses"]
    stopped = patients.key.isin(doses[doses.ACTION == "stop"].key)
    named = patients[patients.IREP == 0]
    arms = [named[arm == named.ARM] for arm in ("HETROM-2.5", "HETROM-5", "Placebo")]
    cells = [cell(int(stopped[group.index].sum()), len(group)) for group in (*arms, named)]
    assert f"Treatment stopped by the dose rule {' '.join(cells)} {100 * stopped.mean():.1f}" in words
    flow = re.findall(r"Treatment stopped by the dose rule, stayed in the study (\d+) mean", words)
    assert [int(n) for n in flow] == [int(stopped[group.index].sum()) for group in arms]
    assert "below 50, on the highest level stop for good (no dose, no restart)" in words
    assert (
        words.count("here a result says no rescue or before rescue, a stop of treatment by the dose rule counts") == 2
    )


def test_the_log_of_one_who_was_stopped(run, tables):
    replicate, subject = tables["doses"].query("ACTION == 'stop'").key.iloc[0]
    study = load_study(run / "config.resolved.yaml")
    log = replay(study, replicate, subject).decisions
    at = next(k for k, made in enumerate(log) if made.reason.startswith("stop"))
    since = "28 planned days or more after the last change"
    assert log[at].reason == f"stop: count below 50 at 2 visits, on the highest level, {since}"
    assert (log[at].dose_before_mg, log[at].dose_after_mg) == (7.5, 0)
    later = {made.why_same for made in log[at + 1 :] if made.count is not None and made.day < 168}
    assert later == {"treatment was stopped for good"}
    assert {made.dose_after_mg for made in log[at:]} == {0}
