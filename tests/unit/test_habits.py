"""Habits of intake: holidays of the asked share and length beside chance, giving up, what was taken and what missed."""

from dataclasses import fields

import numpy as np
import pytest
from hand_made import FOUR_WEEKLY, people, unit
from pydantic import ValidationError

from cohorts.streams import Draws, Streams
from trial.engine.draws import Drawn
from trial.engine.giving_up import full_patience, gives_up
from trial.engine.holidays import by_chance, on_holiday
from trial.engine.passage import NEVER
from trial.engine.simulate import simulate_unit
from trial.jobs.collect import collect
from trial.jobs.work import enrolment, simulate_replicates, unit_of
from trial.study.habits import Adherence, Holidays
from trial.study.load import load_study

N, DAYS = 2000, 100


def drawn_for(adherence, mean_days, share_of_missed=1.0):
    draws = Draws(Streams(3), np.zeros(N, dtype=np.int64), np.arange(N))
    p, said = np.full(N, adherence), Holidays(mean_days=mean_days, share_of_missed=share_of_missed)
    away = on_holiday(draws, p, said, DAYS)
    u = np.stack([draws.uniform("adherence", day) for day in range(DAYS)], axis=1)
    return away, (u < by_chance(p, said)[:, None]) & ~away


@pytest.mark.parametrize(
    ("adherence", "mean_days", "of_missed"), [(0.9, 5, 1), (0.8, 3, 0.5), (0.6, 10, 0.25), (0.3, 7, 1)]
)
def test_the_share_of_days_is_the_asked_one(adherence, mean_days, of_missed):
    """A chain of two states: days are correlated, so that the variance of a patient's share is at most 2 L / DAYS times
    that of independent days.
    """
    away, taken = drawn_for(adherence, mean_days, of_missed)
    error = np.sqrt(2 * mean_days * 0.25 / (N * DAYS))
    assert abs(taken.mean() - adherence) < 4 * error
    assert abs(away.mean() - of_missed * (1 - adherence)) < 4 * error
    for day in (0, 1, DAYS - 1):  # in the long run from the first day on
        assert abs(away[:, day].mean() - of_missed * (1 - adherence)) < 4 * np.sqrt(0.25 / N)


@pytest.mark.parametrize("mean_days", [1, 4, 12])
def test_holidays_have_the_mean_length_and_are_geometric(mean_days):
    """Lengths of those that begin early enough to be seen to the end: mean L, SD sqrt(L (L - 1))."""
    away, _ = drawn_for(0.85, mean_days)
    begins = np.argwhere(away[:, 1:61] & ~away[:, :60])
    lengths = np.array([np.argmin(np.append(away[i, d + 1 :], False)) for i, d in begins])
    assert len(lengths) > 1000
    assert abs(lengths.mean() - mean_days) < 4 * np.sqrt(max(mean_days * (mean_days - 1), 0.01) / len(lengths)) + 1e-3
    assert abs((lengths == 1).mean() - 1 / mean_days) < 4 * np.sqrt(0.25 / len(lengths))


def test_who_misses_nearly_all_has_longer_holidays():
    """A share of 0.9 in holidays cannot be made of holidays of 2 days: at least one day between two, L = 9."""
    away, taken = drawn_for(0.1, 2)
    assert abs(away.mean() - 0.9) < 0.01 and abs(taken.mean() - 0.1) < 0.01
    assert not drawn_for(0.0, 2)[1].any() and drawn_for(0.0, 2)[0].all()


def small(*settings, patients=40):
    fixed = ["published=null", "pk_sampling=null", f"patients={patients}"]
    return load_study("configs/smoke.yaml", [*fixed, *settings], replicates=1)


HABITS = ["adherence={mean: 0.8, sd: 0.1, holidays: {mean_days: 5}, gives_up: {below_1e9L: 30, hazard_per_week: 0.1}}"]


def test_holidays_and_giving_up_change_no_other_draw():
    one, two = (unit_of(s, enrolment(s, 0)).drawn for s in (small("adherence={mean: 0.8, sd: 0.1}"), small(*HABITS)))
    for field in fields(Drawn):
        if field.name not in ("taken", "holiday", "patience", "occasions", "samples"):
            assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name
    assert (one.taken != two.taken).any() and not (two.taken & two.holiday).any()


def test_the_study_s_mean_and_spread_stay_what_they_are_with_holidays():
    """Adherence of each patient is the Beta draw it was; what is taken of 70 days differs from it by chance alone."""
    drawn = unit_of(
        s := small("adherence={mean: 0.8, sd: 0.1, holidays: {mean_days: 3}}", patients=400), enrolment(s, 0)
    ).drawn
    gap = drawn.taken.mean(axis=1) - drawn.adherence
    assert abs(gap.mean()) < 4 * gap.std() / 20 and gap.std() < np.sqrt(2 * 3 * 0.25 / 70)


@pytest.mark.parametrize(("drift", "sd"), [(-0.4, 0.0), (0.3, 0.0), (-0.4, 0.1)])
def test_a_habit_that_drifts_moves_the_odds_of_everybody_and_no_other_draw(drift, sd):
    """Odds of 0.8 : 0.2 times exp(drift t / 28): closed form where everybody is alike; day 0 and the streams stay."""
    said = f"{{mean: 0.8, sd: {sd}}}", f"{{mean: 0.8, sd: {sd}, log_odds_per_28_days: {drift}}}"
    studies = [small(f"adherence={x}", patients=1000) for x in said]
    one, two = (unit_of(s, enrolment(s, 0)).drawn for s in studies)
    for field in fields(Drawn):
        if field.name not in ("taken", "occasions", "samples"):
            assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name
    assert np.array_equal(one.taken[:, 0], two.taken[:, 0])
    day, odds = np.arange(two.taken.shape[1]), two.adherence / (1 - two.adherence)
    grown = odds[:, None] * np.exp(drift * day / 28)
    wanted, days = (grown / (1 + grown)).mean(axis=0), slice(56, 70)
    error = np.sqrt((wanted[days] * (1 - wanted[days])).sum() / 1000) / 14
    assert abs(two.taken[:, days].mean() - wanted[days].mean()) < 4 * error
    assert ((one.taken <= two.taken) if drift > 0 else (one.taken >= two.taken)).all()


def test_meals_that_come_too_early_more_and_more_often():
    """Odds of 1 : 4 doubled every 28 days: 1 : 1 after 56."""
    meals = "meals={share_mean: 0.2, after_dose_h: 0, log_odds_per_28_days: 0.6931471805599453}"
    drawn = unit_of(s := small(meals, patients=1000), enrolment(s, 0)).drawn
    assert abs(drawn.early_meal[:, 0].mean() - 0.2) < 4 * 0.4 / np.sqrt(1000)
    assert abs(drawn.early_meal[:, 56].mean() - 0.5) < 4 * 0.5 / np.sqrt(1000)
    assert (drawn.meal_share == 0.2).all()


# Giving up.


def courses(said, counts, known=None, **drawn):
    """Day (n,) on which each gives up, of visits every 28 days with these counts (n, visits)."""
    counts = np.array(counts, float)
    u = unit(arm=(0,) * len(counts), study=FOUR_WEEKLY | {"adherence": {"gives_up": said}}, **drawn)
    found = full_patience(u)
    for k, count in enumerate(counts.T, start=1):
        found = gives_up(u, found, count, np.full(len(counts), 28 * k if known is None else known[k - 1]))
    return found


def test_so_many_low_counts_in_a_row_and_everybody_gives_up():
    """Two in a row below 30: a missed visit interrupts nothing, a count of 30 does; nobody before day 60."""
    counts = [[20, 20, 50, 50], [20, 30, 20, 20], [20, np.nan, 20, 50], [50, 50, 50, 20]]
    said = {"below_1e9L": 30, "visits": 2, "after_days": 0}
    assert courses(said, counts).gone_day.tolist() == [56, 112, 84, NEVER]
    assert courses(said | {"after_days": 60}, counts).gone_day.tolist() == [NEVER, 112, 84, NEVER]


def test_the_hazard_runs_while_the_last_count_is_low():
    """1/4 a week: one unit per four weeks that follow a low count, from after_days on. By hand."""
    said, counts = {"below_1e9L": 30, "hazard_per_week": 0.25, "after_days": 0}, [[20, 50, 20, 20], [50, 50, 50, 50]]
    found = courses(said, counts, patience=np.array([1.5, 0.0]))
    assert found.hazard.tolist() == [2.0, 0.0] and found.gone_day.tolist() == [112, 28]
    late = courses(said | {"after_days": 98}, counts, patience=np.array([0.5, 9.0]))
    assert late.hazard.tolist() == [0.5, 0.0] and late.gone_day.tolist() == [112, NEVER]


def test_a_hazard_of_h_per_week_makes_so_many_give_up():
    """Everybody low from day 7 on: a share 1 - exp(-h weeks) by each visit, in 600 patients on no drug."""
    arms = ["arms=[{id: A, start_dose_mg: 5, placebo: true}]", "randomisation={block_size: 1}", "dose_rules=null"]
    more = ["analysis.reference_arm=null", "dropout=[]", "visits={days: [7, 14, 21, 28, 56]}", "rescue.allowed=false"]
    said = "adherence={gives_up: {below_1e9L: 5000, after_days: 0, hazard_per_week: 0.1}}"
    study = small(*arms, *more, said, "treatment_days=56", patients=600)
    gone = simulate_replicates(study, range(1))["events"].to_pandas().query("EVENT == 'GAVEUP'")
    for weeks, by in ((1, 14), (3, 28)):
        share = 1 - np.exp(-0.1 * weeks)
        told = gone.ADY.le(by).sum() / 600
        assert abs(told - share) < 4 * np.sqrt(share * (1 - share) / 600)


# Tables.


def collected(study, **drawn):
    u = unit(arm=(0, 1), study=study, **drawn)
    cohort = people(2)
    return {
        n: t.to_pandas()
        for n, t in collect(u, simulate_unit(u), cohort, np.array([1, 2]), np.array(["", ""]), {}).items()
    }


def test_what_was_taken_and_what_was_missed_is_told():
    """Patient 1 misses days 3, 4 on holiday and day 20 by chance, of 56; patient 2 leaves on day 10, misses day 9."""
    taken, holiday = np.ones((2, 70), bool), np.zeros((2, 70), bool)
    taken[0, [3, 4, 20, 60]], taken[1, [9, 10, 30]], holiday[0, [3, 4]] = False, False, True
    study = {"adherence": {"mean": 0.9, "missed_days": True}, "treatment_days": 56}
    found = collected(study, taken=taken, holiday=holiday, leave_day=np.array([NEVER, 10]))
    assert found["missed"][["SUBJID", "ADY", "REASON"]].values.tolist() == [
        [1, 3, "holiday"], [1, 4, "holiday"], [1, 20, "by chance"], [2, 9, "by chance"],
    ]  # fmt: skip
    assert found["patients"].TAKENSH.tolist() == [53 / 56, 9 / 10]
    assert found["doses"].groupby("SUBJID").NTAKEN.sum().tolist() == [53, 9]


def test_who_has_given_up_takes_nothing_more_and_is_seen_on():
    """Counts stay at 13: two in a row below 30, on days 7 and 14; from that day on nothing is taken."""
    said = {"adherence": {"gives_up": {"below_1e9L": 30, "visits": 2, "after_days": 14}, "missed_days": True}}
    found = collected(said, parameters={"EMAX": 0.0})
    gone = found["events"].query("EVENT == 'GAVEUP'")
    assert gone[["ADY", "TERM", "AVAL"]].values.tolist()[0][:2] == [14, "takes no more of the drug: no effect"]
    assert (found["missed"].REASON == "gave up").all() and found["missed"].ADY.min() == 14
    assert found["patients"].TAKENSH.tolist() == [14 / 70, 14 / 70]
    assert found["observations"].query("PARAMCD == 'PLAT'").AVAL.notna().all()


def test_a_study_that_says_no_more_than_a_mean_has_the_tables_it_had():
    plain = simulate_replicates(small(patients=6), range(1))
    assert "missed" not in plain and "TAKENSH" not in plain["patients"].column_names
    told = simulate_replicates(small("adherence={mean: 0.9, missed_days: true}", patients=6), range(1))
    assert "missed" in told and told["patients"]["TAKENSH"].null_count == 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"holidays": {"mean_days": 5}}, "every dose is taken"),
        ({"mean": 0, "holidays": {"mean_days": 5}}, "no dose is ever taken"),
        ({"mean": 0.5, "holidays": {"mean_days": 0.5}}, "mean_days"),
        ({"mean": 0.5, "holidays": {"mean_days": 5, "share_of_missed": 0}}, "share_of_missed"),
        ({"log_odds_per_28_days": -0.1}, "no odds that could drift"),
        ({"mean": 0.5, "log_odds_per_28_days": 3}, "log_odds_per_28_days"),
        ({"mean": 0.5, "holidays": {"mean_days": 5}, "log_odds_per_28_days": 0.1}, "holidays keep their share"),
        ({"gives_up": {"below_1e9L": 30}}, "neither is given"),
        ({"gives_up": {"below_1e9L": 30, "visits": 2, "hazard_per_week": 1}}, "both are given"),
        ({"gives_up": {"visits": 2}}, "below_1e9L"),
    ],
)
def test_what_has_no_effect_is_refused(said, words):
    with pytest.raises(ValidationError, match=words):
        Adherence.model_validate(said)


def test_only_the_days_of_a_level_are_prescribed():
    """5 mg every other day for 56 days: 28 doses; missed are day 2, which is one of them, and not day 3."""
    taken = np.ones((2, 70), bool)
    taken[0, [2, 3]] = False
    rule = {"ladder": [{"dose_mg": 5, "every_days": 2}], "steps": [{"action": "keep"}], "source": "test"}
    arms = [{"id": "DRUG", "start_dose_mg": 5, "dose_rule": "r"}, {"id": "SHAM", "start_dose_mg": 5, "placebo": True}]
    study = {
        "arms": arms,
        "dose_rules": {"r": rule},
        "treatment_days": 56,
        "adherence": {"mean": 0.9, "missed_days": True},
    }
    found = collected(study, taken=taken)
    assert found["missed"][["SUBJID", "ADY"]].values.tolist() == [[1, 2]]
    assert found["patients"].TAKENSH.tolist() == [27 / 28, 1.0]
