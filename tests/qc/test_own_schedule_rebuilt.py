"""Schedules of the user's own against the independent rebuilds in scipy: doses at hours, twice a day and across
midnight, counts at their hours.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rebuilt_tmdd_lifespan
import rebuilt_tpo_mechanism

from trial.app.loading import load_checked
from trial.engine.draws import Occasions
from trial.engine.simulate import simulate_unit
from trial.jobs.work import enrolment, unit_of

AGREE = 1e-6
CONFIG = """\
id: qc
title: qc
seed: 3
replicates: 1
patients: 2
parameter_set: {set}
population: {{id: chronic_itp_mei_2021}}
arms: [{{id: A{more}}}]
rescue: {{allowed: false}}
solver: {{rtol: 1.0e-10, atol: 1.0e-13}}
schedule: plan.csv
analysis: {{assessment_day: 14, primary: PLTW2, endpoints: [PLTW2]}}
"""
DOSES = [(0.0, 5.0), (8.25, 2.5), (24.5, 5.0), (46.9, 5.0), (70.5, 7.5), (94.0, 5.0), (117.5, 5.0), (118.25, 0.75),
         (141.0, 5.0), (167.25, 5.0), (190.0, 5.0), (213.5, 2.5), (237.0, 5.0), (260.0, 5.0)]  # fmt: skip
"""Hours and mg: two a day, one 45 minutes after another, some so late that they enter on the next day or in the next
week.
"""
SEEN_H = [71.0, 167.5, 240.0, 300.25, 341.5]


def table(doses, seen, more=""):
    rows = [(hour, f"{hour},{mg},1{more}") for hour, mg in doses] + [(hour, f"{hour},.,0") for hour in seen]
    return "\n".join(["TIME,AMT,EVID", *(text for _, text in sorted(rows, key=lambda row: row[0]))])


def unit_in(folder: Path, text: str, name: str, more: str = ""):
    (folder / "plan.csv").write_text(text)
    (folder / "qc.yaml").write_text(CONFIG.format(set=name, more=more))
    study = load_checked(folder / "qc.yaml").study
    return unit_of(study, enrolment(study, 0))


def changes_of_chain(p, drawn, k, lag_by_week=(1.0, 1.0, 1.0)):
    """(h, what, value), read off the table: KA1 between entry and switch of the last dose that was taken, KA2 else.

    ``lag_by_week``: what multiplies LAG of doses of each week, whenever they enter.
    """
    found = [(24.0 * day, "LOSS_FACTOR", float(loss)) for day, loss in enumerate(np.exp(drawn.log_loss[k]))]
    for j, (hour, mg) in enumerate(DOSES):
        following = DOSES[j + 1][0] if j + 1 < len(DOSES) else np.inf
        ug = 1000.0 * mg * drawn.bioavailability[k, int(hour // 24)]
        enters = hour + p["LAG"] * lag_by_week[int(hour // 168)]
        changed = ((enters, "KA1"), (max(enters, hour + p["TSWITCH"]), "KA2"))
        found += [(hour, "KA", p["KA2"]), (enters, "DEPOT", ug)]
        found += [(time, "KA", p[ka]) for time, ka in changed if time < following]
    return sorted(found, key=lambda change: change[0])


def changes_of_mechanism(p, drawn, k, meal_h):
    """As above: a meal so long after every dose binds until the next dose, which comes within a day, or for a day."""
    found = [(24.0 * day, {"LOSS_FACTOR": float(loss)}) for day, loss in enumerate(np.exp(drawn.log_loss[k]))]
    for j, (hour, mg) in enumerate(DOSES):
        following = DOSES[j + 1][0] if j + 1 < len(DOSES) else np.inf
        fasting, meal = {"KD_NOW": p["KD"], "KBIND_NOW": 0.0}, {"KD_NOW": p["KD"] * p["MEAL_KD"]}
        found += [(hour, fasting), (hour + p["LAG"], {"D1": 1000.0 * mg * drawn.bioavailability[k, int(hour // 24)]})]
        if hour + meal_h < following:
            found.append((hour + meal_h, meal | {"KBIND_NOW": p["MEAL_BIND"]}))
        if hour + 24.0 < following:
            found.append((hour + 24.0, fasting))
    return sorted(found, key=lambda change: change[0])


@pytest.mark.parametrize("name", ["hetrombopag_wang_2022", "hetrombopag_itp_mei_2021"])
def test_counts_at_the_hours_of_a_schedule(name, tmp_path, monkeypatch):
    chain = name == "hetrombopag_wang_2022"
    rebuilt = rebuilt_tmdd_lifespan if chain else rebuilt_tpo_mechanism
    unit = unit_in(tmp_path, table(DOSES, SEEN_H), name, "" if chain else ", meal_after_dose_h: 3")
    result = simulate_unit(unit)
    ours = np.stack([visit.true_count for visit in result.visits], axis=1)
    assert unit.drawn.n == 2 and ours.shape == (2, len(SEEN_H))
    for k in range(unit.drawn.n):
        p = {key: float(values[k]) for key, values in unit.parameters.items()}
        made = changes_of_chain(p, unit.drawn, k) if chain else changes_of_mechanism(p, unit.drawn, k, 3.0)
        monkeypatch.setattr(rebuilt, "events", lambda p, days, made=made: made)
        days = [rebuilt.Day(dose_mg=7.5, loss_factor=float(np.exp(unit.drawn.log_loss[k, 0])))]
        theirs = rebuilt.simulate(p, days, SEEN_H)["PLT"]
        np.testing.assert_allclose(ours[k], theirs, rtol=AGREE)


def test_a_dose_that_enters_in_the_next_week_has_the_lag_of_its_own(tmp_path, monkeypatch):
    unit = unit_in(tmp_path, table(DOSES, SEEN_H), "hetrombopag_wang_2022")
    weeks = (1.0, 0.3, 2.0)
    drawn = replace(unit.drawn, occasions={"LAG": Occasions(np.tile(weeks, (2, 1)), "log")})
    ours = np.stack([visit.true_count for visit in simulate_unit(replace(unit, drawn=drawn)).visits], axis=1)
    p = {key: float(values[0]) for key, values in unit.parameters.items()}
    monkeypatch.setattr(rebuilt_tmdd_lifespan, "events", lambda p, days: changes_of_chain(p, drawn, 0, weeks))
    days = [rebuilt_tmdd_lifespan.Day(dose_mg=7.5, loss_factor=float(np.exp(drawn.log_loss[0, 0])))]
    np.testing.assert_allclose(ours[0], rebuilt_tmdd_lifespan.simulate(p, days, SEEN_H)["PLT"], rtol=AGREE)
