"""exp, log, log1p, power and the Cholesky factor with the same bits on every CPU.

numpy chooses its code for these by the CPU (AVX2, AVX-512, neither), and the last bits differ. Here they are made of
what IEEE 754 rounds in one way only: sums, products, quotients and exact shifts of the exponent. Reduction and series
as in W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980); at most 1 unit in the last place
from the exact value for exp and log, 2 for log1p; power is exp of the rounded y log x. Two to three times slower than
numpy's: for draws and daily courses, not for the solver, which has its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts; the first has 32 bits, so that its product with an exponent is exact."""
LIMIT = 800.0
"""exp of more is inf, of less than -LIMIT 0."""
USUAL = 700.0
"""Up to here, on both sides of 0, exp is a normal number: the power of 2 is written as its bits."""
EXPONENT_OF_1, MANTISSA_BITS = 1023.0, 52
PIECE = 4096
"""Elements at once: temporary arrays of 32 KiB; tables of days without it take twice as long."""
_EXP = tuple(1.0 / math.factorial(k) for k in range(13, 1, -1))
_LOG = tuple(2.0 / (2 * k + 1) for k in range(12, 0, -1))


def exp(x: ArrayLike) -> Any:
    """e to the power of ``x``; NaN stays NaN."""
    return _in_pieces(_exp, x)


def log(x: ArrayLike) -> Any:
    """Natural logarithm; -inf of 0, NaN below."""
    return _in_pieces(_log, x)


def _in_pieces(function: Callable[[Array], Any], x: ArrayLike) -> Any:
    """``function`` of every element, so many at once that what is needed on the way stays in the cache of the CPU."""
    x = np.asarray(x, dtype=np.float64)
    if x.size <= PIECE:
        return function(x)
    flat, found = x.reshape(-1), np.empty(x.size)
    for k in range(0, x.size, PIECE):
        found[k : k + PIECE] = function(flat[k : k + PIECE])
    return found.reshape(x.shape)


def _exp(x: Array) -> Any:
    usual = np.fmax.reduce(np.abs(x), axis=None, initial=0.0) < USUAL
    x = x if usual else np.clip(x, -LIMIT, LIMIT)
    k = np.rint(x * (1.0 / math.log(2.0)))
    r = x - k * LN2_HIGH
    r -= k * LN2_LOW
    series = _polynomial(r, _EXP)
    series *= r * r
    series += r
    series += 1.0
    if not usual:
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(series, np.nan_to_num(k).astype(np.int32))
    k += EXPONENT_OF_1
    with np.errstate(invalid="ignore"):  # of NaN, whose series is NaN
        series *= (k.astype(np.int64) << MANTISSA_BITS).view(np.float64)
    return series


def _log(x: Array) -> Any:
    m, exponent = np.frexp(x)
    low = m < math.sqrt(0.5)
    e = exponent - low.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = m + m * low
        f -= 1.0
        s = f / (2.0 + f)
        z = s * s
        z *= _polynomial(z, _LOG)
        found = e * LN2_HIGH
        found += f - (s * (f - z) - e * LN2_LOW)
    if x.size == 0 or (x.min() > 0.0 and x.max() < np.inf):
        return found
    odd = ~((x > 0.0) & (x < np.inf))
    return np.where(odd, np.where(x == 0.0, -np.inf, np.where(x > 0.0, x, np.nan)), found)[()]


def log1p(x: ArrayLike) -> Any:
    """log(1 + x), exact also for small ``x`` above -1."""
    x = np.asarray(x, dtype=np.float64)
    u = 1.0 + x
    return log(u) - ((u - 1.0) - x) / u


def power(x: ArrayLike, y: ArrayLike) -> Any:
    """``x`` to the power of ``y``, for ``x`` above 0; of 0 the limit: 0, 1 or inf."""
    y, zero = np.asarray(y, dtype=np.float64), np.asarray(x) == 0.0
    with np.errstate(invalid="ignore"):
        found = exp(y * log(x))
    return np.where(zero & (y == 0.0), 1.0, found)[()] if zero.any() else found


def cholesky(matrix: ArrayLike) -> Any:
    """Lower factor of a positive definite matrix, row by row; LAPACK's last bits depend on the CPU."""
    a = np.asarray(matrix, dtype=np.float64)
    lower = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = a[i, j] - sum((lower[i, k] * lower[j, k] for k in range(j)), 0.0)
            lower[i, j] = math.sqrt(rest) if i == j else rest / lower[j, j]
    return lower


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """Horner's rule, highest coefficient first."""
    total = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        total += coefficient
        total *= x
    return total + coefficients[-1]
