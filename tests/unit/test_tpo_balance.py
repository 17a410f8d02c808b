"""The root of a rising function: the bits of plain halving, from fewer calls."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trial.models.tpo_balance import BISECTIONS, bisect


def halved(rising, low, high):
    """Asked at every middle."""
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        above = rising(middle) > 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def growing(root, rate):
    """exp(rate x) - exp(rate root), without a root where that is NaN or beyond the limits."""
    return lambda x: np.exp(rate * x) - np.exp(rate * root)


roots = st.lists(st.one_of(st.floats(-12.0, 12.0), st.just(np.nan), st.just(0.0)), min_size=1, max_size=8)


@given(roots=roots, rate=st.floats(0.1, 3.0))
@settings(max_examples=60, deadline=None)
def test_the_bits_of_plain_halving(roots, rate):
    root = np.array(roots)
    rising, edge = growing(root, rate), np.full(root.shape, 9.2)
    found = bisect(rising, -edge, edge)
    assert found.tobytes() == halved(rising, -edge, edge).tobytes()
    inside = np.abs(root) < 9.0
    assert np.allclose(found[inside], root[inside], atol=1e-12)


def test_less_than_half_of_the_calls():
    calls = []
    root = np.random.default_rng(3).uniform(0.2, 1.0, 4000)

    def rising(x):
        calls.append(len(x))
        return growing(root, 1.0)(x)

    edge = np.full(root.shape, 9.2)
    assert np.allclose(bisect(rising, -edge, edge), root, atol=1e-13)
    assert len(calls) < BISECTIONS // 2
