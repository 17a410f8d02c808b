"""Days, pieces of weeks and events carried over from one interval to the next; by hand."""

import numpy as np
from hand_made import unit

from trial.engine.dosing import day_of, days_of, joined, later, spans_of, untreated_day
from trial.engine.visit_decisions import start_course
from trial.solver import Events

INF = np.inf


def events(*rows):
    """Rows of (time, amount) pairs; the one input is ten times the time."""
    time_h = np.array([[t for t, _ in row] for row in rows], dtype=float)
    return Events(time_h, np.array([[a for _, a in row] for row in rows], dtype=float), 10.0 * time_h[:, :, None])


def listed(found):
    return [list(zip(t, a, strict=True)) for t, a in zip(found.time_h.tolist(), found.amount.tolist(), strict=True)]


def test_the_end_of_a_day_belongs_to_it():
    assert day_of([0, 0.5, 24, 24.5, 48, 49]).tolist() == [0, 0, 0, 1, 1, 2]


def test_days_from_the_first_to_before_the_last():
    assert days_of(np.array([[3, 5], [0, 3], [2, 2]])).tolist() == [[3, 4, -1], [0, 1, 2], [-1, -1, -1]]


def test_pieces_are_whole_unless_parameters_change_by_the_week():
    days = np.array([[5, 15], [7, 14], [0, 6]])
    assert [p.tolist() for p in spans_of(unit(), days)] == [days.tolist()]


def test_pieces_of_weeks(monkeypatch):
    """Days 5 to 14 are 5 and 6, then the second week, then day 14; who is not there has a piece of no length."""
    monkeypatch.setattr(type(unit()), "weekly", {"X": np.ones((2, 3))})
    pieces = spans_of(unit(), np.array([[5, 15], [7, 14]]))
    assert [p.tolist() for p in pieces] == [[[5, 7], [7, 7]], [[7, 14], [7, 14]], [[14, 15], [14, 14]]]
    assert [p.tolist() for p in spans_of(unit(), np.array([[0, 7]] * 2))] == [[[0, 7]] * 2]
    assert [p.tolist() for p in spans_of(unit(), np.array([[22, 23], [22, 24]]))] == [[[22, 23], [22, 24]]]


def test_events_of_two_times_are_in_order_for_each_patient_and_the_earlier_part_comes_first():
    late, fresh = events([(30, 1), (50, 2)], [(24, 3), (INF, 0)]), events([(24, 4), (48, 5)], [(24, 6), (48, 7)])
    found = joined(late, fresh)
    assert listed(found) == [[(24, 4), (30, 1), (48, 5), (50, 2)], [(24, 3), (24, 6), (48, 7), (INF, 0)]]
    assert found.inputs[0, :, 0].tolist() == [240, 300, 480, 500]
    nothing = Events(np.empty((2, 0)), np.empty((2, 0)), np.empty((2, 0, 1)))
    assert joined(nothing, fresh) is fresh


def test_what_a_solve_leaves_out_is_kept_for_the_next():
    """To 24 h and 48 h: what comes later, and drug at the end itself; an empty event there does nothing."""
    given = events([(0, 1), (24, 0), (30, 2), (INF, 0)], [(47, 1), (48, 3), (50, 0), (72, 4)])
    found = later(given, np.array([24.0, 48.0]))
    assert listed(found) == [[(30, 2), (INF, 0), (INF, 0)], [(48, 3), (50, 0), (72, 4)]]
    assert found.inputs[1, :, 0].tolist() == [480, 500, 720]
    none = later(given, np.array([31.0, 73.0]))
    assert none.time_h.shape == none.amount.shape == (2, 0) and none.inputs.shape == (2, 0, 1)


def test_the_steady_state_is_of_a_day_without_drug():
    u = unit(log_loss=np.full((2, 70), 0.3))
    found = untreated_day(u, start_course(u)[0])
    assert (found.time_h[:, 0] == 0).all() and not found.amount.any()
    assert np.isclose(found.inputs, np.exp(0.3)).any(axis=2).all()
