"""Levels that are taken on days of their own: which days, in which order, and what the ledger says of them."""

import numpy as np
import pytest
from hand_made import people, unit
from pydantic import ValidationError

from trial.engine.dosing import dose_mg
from trial.engine.prescribed import Prescribed, days_apart, planned_mg
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.jobs.collect import collect
from trial.study.dose_level import DoseLevel
from trial.study.dose_rule import DoseRule
from trial.tables import DOSES, doses_schema

KEEP = [{"action": "keep"}]
UP = {"below_1e9L": 50, "action": "increase", "min_days_since_change": 14}
OTHER = {"dose_mg": 2.5, "every_days": 2}
THRICE = {"dose_mg": 5, "days_of_week": [0, 2, 4]}


def ladder(*levels, steps=(UP,), **more):
    return DoseRule.model_validate({"ladder": list(levels), "steps": list(steps), "source": "test", **more})


def study(*levels, start=2.5, steps=(UP,), **more):
    rule = {"ladder": list(levels), "steps": list(steps), "source": "test"}
    arms = [
        {"id": "DRUG", "start_dose_mg": start, "dose_rule": "r"},
        {"id": "SHAM", "start_dose_mg": start, "dose_rule": "r", "placebo": True},
    ]
    return {"arms": arms, "dose_rules": {"r": rule}, "randomisation": {"block_size": 2}} | more


def test_a_level_every_other_day_and_one_three_times_a_week_by_the_calendar():
    """A fortnight: 7 of 14 days; 6 of 14 days, 0, 2 and 4 of each week."""
    apart, thrice = (DoseLevel.model_validate(level) for level in (OTHER, THRICE))
    days = np.arange(14)[None, :]
    for place, wanted in ((1, [2.5, 0] * 7), (2, [5, 0, 5, 0, 5, 0, 0] * 2)):
        level = Prescribed(np.array([max(wanted)]), np.array([place]), np.array([0]))
        assert level.on(days, (apart, thrice))[0].tolist() == wanted
    assert (apart.weekly_mg, thrice.weekly_mg) == (8.75, 15)


def test_the_other_days_have_their_dose_and_days_count_from_the_start_of_the_level():
    """40 mg on days 0, 2 and 4 of the level's week and 20 mg on the others: 200 mg a week; begun on day 10."""
    level = DoseLevel.model_validate({"dose_mg": 40, "days_of_week": [0, 2, 4], "otherwise_mg": 20})
    assert level.weekly_mg == 3 * 40 + 4 * 20
    begun = Prescribed(np.array([40.0]), np.array([1]), np.array([10]))
    assert begun.on(np.arange(10, 17)[None, :], (level,))[0].tolist() == [40, 20, 40, 20, 40, 20, 20]


@pytest.mark.parametrize(("given", "words"), [
    (2.5, "2.5 mg"), (OTHER, "2.5 mg every other day"), ({"dose_mg": 20, "every_days": 3}, "20 mg every 3 days"),
    (THRICE, "5 mg three times a week (days 0, 2, 4 of the level's week)"),
    ({"dose_mg": 40, "days_of_week": [3]}, "40 mg once a week (day 3 of the level's week)"),
    ({"dose_mg": 2, "days_of_week": [0, 1, 2, 3, 4, 5, 6]}, "2 mg"),
])  # fmt: skip
def test_a_level_in_words(given, words):
    assert str(DoseLevel.model_validate(given)) == words


def test_a_ladder_of_numbers_is_a_ladder_in_mg():
    """The same levels, moves and days."""
    rule = ladder(2.5, 5)
    old = DoseRule.model_validate({"ladder_mg": [2.5, 5], "steps": [UP], "source": "test"})
    assert rule.levels == old.levels and rule.daily and rule.rung_at(5) == old.rung_at(5) == 1


@pytest.mark.parametrize(("levels", "said"), [
    ([5, THRICE], "5 mg three times a week (days 0, 2, 4 of the level's week) (15 mg a week) comes after 5 mg (35 mg"),
    ([5, 5], "5 mg (35 mg a week) comes after 5 mg"),
    ([{"dose_mg": 40, "days_of_week": [0]}, {"dose_mg": 20, "days_of_week": [0, 3]}], "the weekly dose must increase"),
    ([{**OTHER, "days_of_week": [0]}], "seen 2 beside days_of_week; give one of the two"),
    ([{"dose_mg": 2, "otherwise_mg": 1}], "seen 1 without days_of_week: there are no other days"),
    ([{**THRICE, "otherwise_mg": 5}], "seen 5, which is dose_mg: give the number alone"),
    ([{"dose_mg": 2, "days_of_week": [4, 2]}], "out of order: 2 comes after 4"),
    ([{"dose_mg": 2, "days_of_week": [7]}], "less than or equal to 6"),
    ([{"dose_mg": 0}], "greater than 0"), ([True], "valid"), (["5"], "valid"),
    ([{"dose_mg": 2, "name": "same"}], "a restart calls another level so"),
    ([{**OTHER, "name": "a"}, {**THRICE, "name": "a"}], "seen 'a', which is already the name of level 0"),
    ([], "seen no doses; allowed: ladder_mg (daily doses) or ladder"),
])  # fmt: skip
def test_what_a_ladder_cannot_be(levels, said):
    with pytest.raises(ValidationError) as caught:
        ladder(*levels, steps=KEEP)
    assert said in str(caught.value)


def test_both_spellings_of_a_ladder_are_refused():
    with pytest.raises(ValidationError, match="seen both ladder_mg and ladder"):
        ladder(5, steps=KEEP, ladder_mg=[5])


def test_a_start_dose_is_the_daily_level_or_the_only_one():
    rule = ladder({"dose_mg": 5, "days_of_week": [0]}, THRICE, 5, {"dose_mg": 20, "every_days": 2})
    assert (rule.rung_at(5), rule.rung_at(20), rule.rung_at(7)) == (2, 3, None)
    assert ladder({"dose_mg": 5, "days_of_week": [0]}, THRICE).rung_at(5) is None


def test_doses_are_given_on_their_days_and_a_new_level_begins_its_days_anew():
    """Every other day from day 0; up on day 15, a day after its visit, to days 0, 2, 4 of that week."""
    u = unit(study=study(OTHER, THRICE, laboratory={"turnaround_days": 1}))
    course, _ = start_course(u)
    low = np.array([20.0, 20.0])
    days = np.tile(np.arange(7, 28), (2, 1))
    course, _ = apply_rules(u, course, low, 1)
    course, made = apply_rules(u, course, low, 2)
    assert made.day.tolist() == [15, 15] and made.dose_mg.tolist() == [5, 5]
    drug, sham = dose_mg(u, course, days)
    before = [0, 2.5, 0, 2.5, 0, 2.5, 0, 2.5]
    assert drug.tolist() == [*before, 5, 0, 5, 0, 5, 0, 0, 5, 0, 5, 0, 5, 0] and not sham.any()


def test_a_level_that_is_kept_keeps_its_days():
    """Every other day goes on over visits on days 7, 14, ...: the even days, not anew from each visit."""
    u = unit(study=study(OTHER, THRICE, steps=KEEP))
    course, begin = start_course(u)
    steps = [(begin.day, begin.after)]
    for visit in range(1, 5):
        course, made = apply_rules(u, course, np.array([20.0, 20.0]), visit)
        steps.append((made.day, made.after))
    planned = planned_mg(steps, 35, days_apart(u.study))
    assert (planned > 0).tolist() == [[day % 2 == 0 for day in range(35)]] * 2


def test_the_ledger_says_level_interval_and_the_days_taken():
    """28 days every other day with day 2 missed: 13 of 14; then 5 mg three times a week for 42 days: 18 of 18."""
    taken = np.ones((2, 70), bool)
    taken[:, 2] = False
    up = UP | {"min_days_since_change": 28}
    u = unit(study=study(OTHER, THRICE, steps=[up]), taken=taken, parameters={"EMAX": 0.0})
    result = simulate_unit(u)
    table = collect(u, result, people(2), np.array([1, 2]), np.array(["", ""]), {})["doses"]
    assert table.schema.equals(doses_schema(True)) and table.schema.names[: len(DOSES)] == DOSES.names
    rows = [r for r in table.to_pylist() if r["SUBJID"] == 1]
    assert [(r["ASTDY"], r["AENDY"], r["DOSELEV"], r["NTAKEN"], r["NDUE"]) for r in rows] == [
        (0, 28, 2.5, 13, 14), (28, 70, 5, 18, 18),
    ]  # fmt: skip
    assert [r["EXINTVL"] for r in rows] == [str(level).partition("mg ")[2] for level in u.study.dose_rules["r"].levels]
    daily = collect(unit(), simulate_unit(unit()), people(2), np.array([1, 2]), np.array(["", ""]), {})["doses"]
    assert daily.schema.equals(DOSES), "studies without such levels have the columns they had"
