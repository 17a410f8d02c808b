"""What moves what: a chain drug -> signal -> cells, and a state beside it."""

from trial.solver.graph import trace
from trial.solver.reach import acting_on, reached, states_of


def derivatives():
    """Drug 0 moves 1, 1 moves 2, 2 moves 1 back; 3 is alone."""
    rhs = lambda y, p, u: (-y[0], y[0] - y[2], y[1] - y[2], -p[0] * y[3])  # noqa: E731
    return trace(rhs, 4, 1, 0)[0]


def test_what_a_state_moves_and_what_moves_it():
    chain = derivatives()
    assert [states_of([d]) for d in chain] == [{0}, {0, 2}, {1, 2}, {3}]
    assert [reached(chain, k) for k in range(4)] == [{0, 1, 2}, {1, 2}, {1, 2}, {3}]
    assert [acting_on(chain, k) for k in range(4)] == [{0}, {0, 1, 2}, {0, 1, 2}, {3}]
