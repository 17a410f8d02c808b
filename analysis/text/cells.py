"""Text of a table cell, one function per rule: half away from zero, rounded once, from full precision."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

NOT_ESTIMABLE = "NE"


def rounded(value: float | None, decimals: int) -> str:
    """Fixed decimals, half away from zero ("12.25", 1 -> "12.3"); never "-0.0"; "NE" when there is no number."""
    if value is None or not math.isfinite(value):
        return NOT_ESTIMABLE
    step = Decimal(1).scaleb(-decimals)
    result = Decimal(repr(float(value))).quantize(step, rounding=ROUND_HALF_UP)
    return f"{abs(result) if result == 0 else result:f}"


def significant(value: float | None, figures: int = 3) -> str:
    """Significant figures, for concentrations and areas ("1234" -> "1230", "0.045678" -> "0.0457")."""
    if value is None or not math.isfinite(value):
        return NOT_ESTIMABLE
    if value == 0:
        return "0"
    result = Decimal(repr(float(value)))
    for _ in range(2):
        result = result.quantize(Decimal(1).scaleb(result.adjusted() - figures + 1), rounding=ROUND_HALF_UP)
    return f"{result:f}"


def column_head(label: str, n: int) -> str:
    """Head of an arm's column: "HETROM 5 mg (N=171)"."""
    return f"{label} (N={n})"


def count(n: int, total: int) -> str:
    """Count and percent of ``total``: "99 (58.9)", "168 (100.0)"; zero is "0", without a percentage."""
    return f"{n} ({rounded(100 * n / total, 1)})" if n and total else str(n)


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """Limits with a comma, so that negative ones can be read: "(-3.3, 19.3)"."""
    return f"({rounded(low, decimals)}, {rounded(high, decimals)})"


def with_interval(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """Estimate and limits with the same decimals: "53.0 (43.1, 61.3)"; "NE" alone when there is no estimate."""
    text = rounded(value, decimals)
    return text if text == NOT_ESTIMABLE else f"{text} {interval(low, high, decimals)}"


def decimals(*values: float | None) -> int:
    """Decimals that numbers shown together need: 1, or 0 when one of them is 1000 or more."""
    return 0 if any(value is not None and abs(value) >= 1000 for value in values) else 1


def p_value(p: float | None) -> str:
    """Four decimals, "<0.0001" or ">0.9999" outside them; never "0.0000"."""
    if p is None or not math.isfinite(p):
        return NOT_ESTIMABLE
    if p < 0.0001:
        return "<0.0001"
    return ">0.9999" if p > 0.9999 else rounded(p, 4)


def ratio(value: float | None) -> str:
    """Odds, hazard or risk ratio: two decimals, three below 0.1; "NE" when not estimable."""
    return rounded(value, 3 if value is not None and 0 < value < 0.1 else 2)


def mean_sd(mean: float | None, sd: float | None, raw_decimals: int) -> str:
    """Mean with one and SD with two decimals more than the data: "13.4 (6.21)" for whole numbers."""
    return f"{rounded(mean, raw_decimals + 1)} ({rounded(sd, raw_decimals + 2)})"


def median(value: float | None, raw_decimals: int) -> str:
    """Median or quartile, with one decimal more than the data."""
    return rounded(value, raw_decimals + 1)


def minimum_maximum(low: float | None, high: float | None, raw_decimals: int) -> str:
    """Smallest and largest value, with the decimals of the data: "6, 53"."""
    return f"{rounded(low, raw_decimals)}, {rounded(high, raw_decimals)}"


def estimate_error(value: float | None, error: float | None, decimals: int) -> str:
    """A mean over replicates and its Monte Carlo error: "58.9 ± 0.3"; the error is left out when it is not known."""
    known = error is not None and math.isfinite(error)
    return f"{rounded(value, decimals)} ± {rounded(error, decimals)}" if known else rounded(value, decimals)
