"""Counts that recover by themselves after chemotherapy: the logistic law, its limits, and nothing where it is off."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cohorts.gates import problems
from cohorts.parameters import Parameter
from cohorts.sets import parameter_set
from cohorts.shared.moving_disease import CHOICE, RECOVERY
from trial.app.echo import in_words
from trial.jobs.work import simulate_replicates
from trial.models import TPO_MECHANISM as MODEL
from trial.models import Days
from trial.models.behaviour import behaviour_problems, structure_problems
from trial.models.wellformed import idle, read_every_day
from trial.solver import Status, solve
from trial.study.load import load_study

SET = parameter_set("hetrombopag_cit_qin_2024")
UNITS = {"RECOVERS": "fraction", "AHEAD": "h"}
S, PLT = [s.name for s in MODEL.states].index("S"), slice(-5, None)
FOLLOWING = [[s.name for s in MODEL.states].index(name) for name in ("PR", "M1", "M2", "M3", "M4")]


def with_recovery(chosen=SET, **values):
    more = [Parameter(name, value, UNITS[name], CHOICE, "assumed", note="test") for name, value in values.items()]
    return replace(chosen, parameters=(*chosen.parameters, *more))


def left_alone(days, base=60.0, kill=None, chosen=SET):
    """Parameters by name, the start, and the states of the typical patient at the end of ``days`` without drug."""
    values = {p.name: np.array([base if p.name == "BASE" else p.value]) for p in chosen.parameters}
    found = MODEL.individual(values)
    p = np.stack([found[name] for name in MODEL.parameters], axis=1)
    day = np.arange(max(days))[None, :]
    events = MODEL.daily_events(p, Days.of(24.0 * day, 0.0, kill=np.zeros(day.shape) if kill is None else kill(day)))
    start = MODEL.steady_state(p, events.inputs[:, 0])
    states, status, _ = solve(MODEL, p, start, events, np.array([[0.0, *(24.0 * d for d in days)]]))
    assert status[0] == Status.OK
    return {name: value[0] for name, value in found.items()}, start[0], states[0]


def logistic(start, rate, days):
    """S' = rate S (1 - S) after so many days."""
    return start / (start + (1 - start) * np.exp(-24 * rate * np.asarray(days)))


def test_stem_cells_regrow_by_the_logistic_law_before_and_after_a_cycle():
    """On a day of a full dose S' = S (RS - k - RS S), k = KS / 24: a logistic law of its own, with another limit."""
    days = (1, 3, 7, 8, 10, 20)
    q, start, states = left_alone(days, kill=lambda day: 1.0 * (day == 7), chosen=with_recovery(RECOVERS=0.7))
    plain = left_alone((1,))[0]
    assert start[S] == pytest.approx(plain["GPROD"] ** 0.7, rel=1e-12) and start[S] < 0.5
    assert q["GPROD"] == pytest.approx(plain["GPROD"] ** 0.3, rel=1e-12)
    before = logistic(start[S], q["RS"], 7)
    net, k = q["RS"] - q["KS"] / 24, q["RS"]
    grown = np.exp(24 * net)
    after = net * before * grown / (net + k * before * (grown - 1))
    expected = [*logistic(start[S], q["RS"], (1, 3, 7)), after, *logistic(after, q["RS"], (2, 12))]
    np.testing.assert_allclose(states[:, S], expected, rtol=1e-5)


@pytest.mark.parametrize("ahead", [0.0, 96.0, 200.0])
def test_the_count_of_day_0_is_the_screening_count_and_goes_to_what_production_keeps(ahead):
    """All but a 1e-6 recovers: to P0, the count of health, from 60 and from 20 alike. Without recovery it stays."""
    for base in (20.0, 60.0):
        chosen = with_recovery(RECOVERS=1 - 1e-6, **({"AHEAD": ahead} if ahead else {}))
        q, start, states = left_alone((7, 14, 300), base, chosen=chosen)
        assert start[PLT].sum() == pytest.approx(base, rel=1e-8)
        counts = states[:, PLT].sum(axis=1)
        assert base < counts[0] < counts[1] and counts[-1] == pytest.approx(q["P0"], rel=1e-4)
    _, start, states = left_alone((7, 300))
    np.testing.assert_allclose(states[:, PLT].sum(axis=1), 60.0, rtol=1e-4)


def test_the_later_a_cell_the_nearer_it_is_to_day_0():
    """60 h as progenitor and 38.3 h in each of four stages: at 120 h of regrowth the second stage has not begun."""
    low = with_recovery(RECOVERS=0.7)
    q, start, _ = left_alone((1,), chosen=low)
    early = left_alone((1,), chosen=with_recovery(RECOVERS=0.7, AHEAD=120.0))[1]
    hours = np.array([60.0, 60.0 - q["MMT"] / 4, 0.0, 0.0, 0.0])
    assert early[S] == pytest.approx(logistic(start[S], q["RS"], 5), rel=1e-12)
    assert q["TPR"] == 60.0 and 30 < q["MMT"] / 4 < 60
    np.testing.assert_allclose(
        early[FOLLOWING] / start[FOLLOWING], logistic(start[S], q["RS"], hours / 24) / start[S], rtol=1e-12
    )


def test_a_count_above_health_has_nothing_to_recover():
    q, start, _ = left_alone((1,), 300.0, chosen=with_recovery(RECOVERS=0.7, AHEAD=96.0))
    plain, same, _ = left_alone((1,), 300.0)
    np.testing.assert_allclose(start, same, rtol=1e-12)
    assert q["GPROD"] == plain["GPROD"] > 1


def test_what_it_asks_of_a_set():
    own = replace(SET, parameters=(*SET.parameters, *RECOVERY))
    assert [*problems(own), *structure_problems(own), *behaviour_problems(own)] == []
    assert not {"RECOVERS", "AHEAD"} & read_every_day(own, MODEL), "the start alone reads them"
    assert idle(with_recovery(AHEAD=96.0), MODEL)[-1] == "AHEAD", "of nothing that recovers"
    days = replace(own, parameters=(*SET.parameters, RECOVERY[0], replace(RECOVERY[1], unit="d")))
    assert problems(days) == ["AHEAD: unit: seen 'd'; it is read in 'h'"]
    late = with_recovery(RECOVERS=0.5, AHEAD=300.0)
    assert structure_problems(late) == [
        "AHEAD: value: seen 300; allowed: at most TPR + MMT, so that no platelet of day 0 is of regrown cells "
        "(structure tpo_mechanism)"
    ]
    itp = with_recovery(parameter_set("hetrombopag_itp_mei_2021"), RECOVERS=0.5)
    assert structure_problems(itp) == [
        "RECOVERS and DESTRUCTION: value: seen 0.5 and 1; allowed: one of them 0; what recovers is production "
        "(structure tpo_mechanism)"
    ]


def test_placebo_recovers_in_a_study_whose_set_says_so(tmp_path):
    """A set that leaves it out is as it was; the check says it."""
    file = tmp_path / "mine.json"
    record = {"extends": SET.id, "id": "mine", "values": {}, "targets": [], "source": "test", "note": "tried"}
    own = [{"name": p.name, "value": p.value, "unit": p.unit} for p in RECOVERY]
    file.write_text(json.dumps(record | {"parameters": own}))
    small = ["patients=60", "replicates=1", "published=null"]
    found = []
    for name in (SET.id, str(file)):
        study = load_study("configs/published/hetrombopag_cit_nct05864014.yaml", [*small, f"parameter_set={name}"])
        tables = {key: table.to_pandas() for key, table in simulate_replicates(study, range(1)).items()}
        seen = tables["observations"].query("PARAMCD == 'PLAT' and 0 < AVISITN <= 14")
        placebo = tables["patients"].query("ARM == 'Placebo'").SUBJID
        best = seen[seen.SUBJID.isin(placebo)].groupby("SUBJID").AVAL.max()
        found.append((best >= 100).mean())
        assert ("RECOVERS" in tables["parameters"].columns) == (name != SET.id)
    assert found[0] == 0 and found[1] > 0.3
    assert any(
        line.startswith("recovery by itself: 80 % (log scale) of the production") and "96 h on their way" in line
        for line in in_words(study)
    )
