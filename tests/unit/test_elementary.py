"""exp, log, log1p and power against 40 digits of decimal arithmetic, and with the CPU's vector code switched off."""

import hashlib
import os
import subprocess
import sys
from decimal import Decimal, getcontext

import numpy as np
import pytest

from cohorts import elementary

getcontext().prec = 40
RNG = np.random.default_rng(7)


def units(found, x, exact):
    """Distance from the exact value in units of the last place."""
    want = [exact(Decimal(float(v))) for v in x]
    return max(
        abs(Decimal(float(f)) - w) / Decimal(float(np.spacing(abs(float(w))))) for f, w in zip(found, want, strict=True)
    )


@pytest.mark.parametrize("span", [1e-9, 0.34, 3.0, 700.0])
def test_exp(span):
    x = RNG.uniform(-span, span, 2000)
    assert units(elementary.exp(x), x, Decimal.exp) < 1


@pytest.mark.parametrize(("low", "high"), [(0.7, 1.42), (1e-300, 1e-290), (1e-6, 1e6), (1.0 - 1e-9, 1.0 + 1e-9)])
def test_log(low, high):
    x = np.exp(RNG.uniform(np.log(low), np.log(high), 2000))
    assert units(elementary.log(x), x, Decimal.ln) < 1


def test_log1p():
    x = np.concatenate([RNG.uniform(-0.999, 3.0, 1000), RNG.uniform(-1e-8, 1e-8, 1000)])
    assert units(elementary.log1p(x), x, lambda v: (1 + v).ln()) < 2


def test_power():
    x, y = RNG.uniform(0.1, 10.0, 1000), 0.75
    assert units(elementary.power(x, y), x, lambda v: (Decimal(y) * v.ln()).exp()) < 3


def test_cholesky():
    matrix = np.array([[4.0, 1.2, -0.6], [1.2, 2.0, 0.3], [-0.6, 0.3, 1.5]])
    assert np.allclose(elementary.cholesky(matrix), np.linalg.cholesky(matrix), rtol=1e-14, atol=1e-16)


def test_edges():
    assert elementary.power([0.0, 0.0, 0.0, 3.0], [2.0, 0.0, -1.0, 0.0]).tolist() == [0.0, 1.0, np.inf, 1.0]
    assert elementary.exp([0.0, 1e4, -1e4, np.inf, -np.inf]).tolist() == [1.0, np.inf, 0.0, np.inf, 0.0]
    assert elementary.log([1.0, 0.0, np.inf]).tolist() == [0.0, -np.inf, np.inf]
    assert np.isnan([elementary.exp(np.nan), elementary.log(np.nan), elementary.log(-1.0)]).all()
    assert np.isfinite(elementary.log(5e-324)) and elementary.exp(-745.0) == 5e-324


def test_the_bits_are_these_on_every_machine():
    """Written down once: accuracy is held above, so only what moves a last bit can change this."""
    x = np.random.default_rng(1).uniform(0.01, 30.0, 10_000)
    found = elementary.exp(x), elementary.log(x), elementary.log1p(x), elementary.power(x, 0.7)
    assert hashlib.sha256(b"".join(f.tobytes() for f in found)).hexdigest() == BITS


BITS = "48f4aa971eebc4fe2eff38dc05a1713e3b77ff8c5de1535a1d022fc50adf6528"
SAME = """
import hashlib, numpy as np
from cohorts import elementary as e
x = np.random.default_rng(1).uniform(0.01, 30.0, 10_000)
found = e.exp(x), e.log(x), e.log1p(x), e.power(x, 0.7)
print(hashlib.sha256(b"".join(f.tobytes() for f in found)).hexdigest())
"""


def test_the_same_bits_without_the_vector_code_of_the_cpu():
    features = np._core._multiarray_umath.__cpu_features__
    dispatched = [name for name in np._core._multiarray_umath.__cpu_dispatch__ if features[name]]
    said = [
        subprocess.run(
            [sys.executable, "-c", SAME], env={**os.environ, **more}, capture_output=True, text=True, check=True
        )
        for more in ({}, {"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)})
    ]
    assert dispatched and {s.stdout.strip() for s in said} == {BITS}


def test_a_table_is_what_its_elements_are():
    """Worked through in pieces, of any order in memory, with odd numbers in one of them."""
    x = RNG.uniform(0.01, 30.0, (3, elementary.PIECE))
    x[1, 5:8] = np.inf, np.nan, 0.0
    for function in (elementary.exp, elementary.log):
        alone = np.array([function(v) for v in x.ravel()]).reshape(x.shape)
        assert function(x).tobytes() == alone.tobytes()
        assert np.ascontiguousarray(function(x.T).T).tobytes() == alone.tobytes()


def test_exp_is_the_same_on_both_sides_of_the_usual_range():
    """A number beyond it beside the others takes them another way, to the same bits."""
    x = RNG.uniform(-elementary.USUAL, elementary.USUAL, 1000)
    assert elementary.exp(np.append(x, 701.0))[:-1].tobytes() == elementary.exp(x).tobytes()
