"""Points of a search: who is on the front, who is confirmed, who wins, and what the sampler is told."""

from dataclasses import replace

import pytest

from analysis.evidence import search
from analysis.evidence.design_points import PointRow
from analysis.evidence.search import BROKEN, KEPT, REFUSED, SEARCHED, WORST, SearchRow
from trial.study.goal import Goal

GOAL = Goal.model_validate({
    "id": "g", "study": "s.yaml", "points": 9, "replicates": 2, "seed": 1,
    "keys": [{"key": "k", "low": 0, "high": 9, "step": 1}],
    "objectives": [
        {"endpoint": "RESPW8", "arm": "A", "aim": "max"},
        {"endpoint": "PLT250", "arm": "A", "aim": "min"},
    ],
    "limits": [{"endpoint": "RESCUE", "arm": "A", "at_most": 15.0}],
    "confirm": {"seed": 2, "replicates": 2, "most": 2},
})  # fmt: skip


def result(endpoint, value):
    return PointRow("s", 0, "", "A", endpoint, endpoint, "%", 2, value, 1.0, None, None)


def tried(number, response, high, rescue=10.0, **more):
    values = {"RESPW8": response, "PLT250": high, "RESCUE": rescue}
    rows = {f"{name}|A": result(name, value) for name, value in values.items()}
    return search.judged(SearchRow(SEARCHED, number, {"k": str(number)}, rows, **more), GOAL)


def test_the_front_is_what_nobody_beats():
    """By hand: 3 is beaten by 1 (equal response, fewer high), 4 breaks the limit, 5 has the settings of 1 again."""
    rows = [tried(1, 60, 20), tried(2, 70, 30), tried(3, 60, 25), tried(4, 90, 1, rescue=15.1)]
    rows += [replace(rows[0], number=5), SearchRow(SEARCHED, 6, {"k": "6"}, {}, REFUSED, "no")]
    found = search.with_front(rows, GOAL)
    assert [row.number for row in found if row.front] == [1, 2]
    assert found[3].status == BROKEN and found[3].why == "RESCUE in A at most 15"
    assert [row.number for row in search.candidates(found, GOAL)] == [2, 1], "best in the first objective first"


def test_of_equal_objectives_the_first_is_on_the_front_and_repeats_are_counted():
    """By hand: 2 has the objectives of 1 with another setting, 3 is 1 again, 5 is the refused 4 again."""
    rows = [tried(1, 60, 20), tried(2, 60, 20, rescue=3.0), replace(tried(3, 60, 20), settings={"k": "1"})]
    rows += [SearchRow(SEARCHED, number, {"k": "4"}, {}, REFUSED, "no") for number in (4, 5)]
    found = search.with_front(rows, GOAL)
    assert [row.number for row in found if row.front] == [1]
    assert search.repeats(found) == 2 and search.ties(found, GOAL) == 1
    same = [replace(row, folder="abc") for row in rows[:2]]
    assert search.repeats(same) == 1, "two texts of the same study"


def test_of_a_long_front_some_are_confirmed_evenly_with_both_ends():
    rows = search.with_front([tried(k, 50 + k, 10 + k) for k in range(5)], GOAL)
    assert sum(row.front for row in rows) == 5
    assert [row.number for row in search.candidates(rows, GOAL)] == [4, 0]


def test_the_winner_keeps_to_the_limits():
    assert search.winner([tried(1, 60, 20), tried(2, 90, 20, rescue=16)], GOAL).number == 1
    assert search.winner([tried(2, 90, 20, rescue=16)], GOAL) is None


def test_the_sampler_is_told_results_and_limits_or_the_worst():
    assert search.told(tried(1, 60, 20, rescue=17.5), GOAL) == ([60, 20], [2.5, 0.0])
    assert search.told(tried(1, 60, 20), GOAL) == ([60, 20], [-5.0, 0.0])
    worst = ([-WORST, WORST], [WORST, WORST])
    assert search.told(SearchRow(SEARCHED, 6, {"k": "6"}, {}, REFUSED, "no"), GOAL) == worst
    assert search.told(tried(1, None, 20), GOAL) == worst and tried(1, None, 20).status == BROKEN
    assert tried(1, 60, 20).status == KEPT


@pytest.mark.parametrize("value, excess", [(4.0, 1.0), (5.0, 0.0), (8.0, 0.0), (10.0, 2.0)])
def test_a_limit_on_both_sides(value, excess):
    limit = GOAL.limits[0].model_copy(update={"at_least": 5.0, "at_most": 8.0})
    assert max(limit.excess(value), 0.0) == excess
    assert str(limit) == "RESCUE in A at least 5 and at most 8"
