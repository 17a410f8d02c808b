"""Text of a table cell, one function per rule: half away from zero, rounded once, from full precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

NOT_ESTIMABLE = "NE"
DIGITS = 12
"""Significant digits kept before rounding: noise of binary arithmetic lies below them, no printed digit does."""
SNAP, WIDE = Context(prec=DIGITS, rounding=ROUND_HALF_UP), Context(prec=400, rounding=ROUND_HALF_UP)
NOT_REACHED, NOTE_NOT_REACHED = "NR", "not reached"
"""A median that is not reached: in a cell, and in the note of its row."""


def units(text: str) -> str:
    """Units as they are written in print: 10^9/L, kg/m2 and ng*h/mL with raised figures and a dot."""
    for plain, printed in (("x 10^9", "× 10⁹"), ("10^9", "10⁹"), ("kg/m2", "kg/m²"), ("ng*h", "ng·h")):
        text = text.replace(plain, printed)
    return text


def as_is(value: object) -> str:
    """What stands in the file, as it stands."""
    return str(value)


def whole(n: float) -> str:
    """Whole number with its thousands apart: "1,250"."""
    return f"{int(_at(n, 0)):,}"


def plural(n: float, one: str, many: str = "") -> str:
    """ "1 solve", "2 solves"; ``many`` where an s is not enough."""
    return f"{whole(n)} {one if n == 1 else many or one + 's'}"


def product(*n: int) -> str:
    """Whole numbers multiplied: 20 replicates of 30 patients are "600"."""
    return f"{math.prod(n):,}"


def total(*n: float, one: str, many: str) -> str:
    """Counts added up, and what was counted: "3 patients are"."""
    return plural(round(sum(n)), one, many)


def how_many(*values: object, one: str = "") -> str:
    """How many values there are: "4", or of ``one`` "4 results"; of a single list, how many entries it has."""
    n = len(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple) else len(values)
    return plural(n, one) if one else whole(n)


def yeses(*verdicts: str) -> str:
    """How many verdicts are "yes"."""
    return whole(sum(verdict == "yes" for verdict in verdicts))


def general(value: float, figures: int = 6) -> str:
    """A number of the study as it was written: 2.5 -> "2.5", 50.0 -> "50"; at most ``figures`` figures."""
    return f"{value:.{figures}g}"


def times(value: float, assumed: float) -> str:
    """How many times the assumed value another one is: "1.5"."""
    return f"{value / assumed:g}"


def listing(values: Sequence[float]) -> str:
    """Numbers of the study in a row: "7, 14, 21"."""
    return ", ".join(f"{value:g}" for value in values)


def runs_of_days(days: Sequence[int]) -> str:
    """Whole numbers, neighbours joined: [-5, -4, -3, 2, 3, 4] -> "−5 to −3, 2 to 4"."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    texts = [f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(map(str, r)) for r in runs]
    return ", ".join(texts).replace("-", "−")


def percent(share: float, figures: int = 6) -> str:
    """A share in percent, without the sign: 0.05 -> "5"."""
    return f"{100 * share:.{figures}g}"


def _at(value: float, place: int) -> Decimal:
    """``value`` rounded to 10^place, half away from zero.

    First to DIGITS significant digits, unless finer ones are asked for: 100 * (70 / 80 - 19 / 80) is the exact half
    63.75, which binary arithmetic gives as 63.74999999999999.
    """
    number = Decimal(repr(value if isinstance(value, int) else float(value)))
    if number.adjusted() - place < DIGITS - 1:
        number = SNAP.plus(number)
    return number.quantize(Decimal(1).scaleb(place), context=WIDE)


def rounded(value: float | None, decimals: int) -> str:
    """Fixed decimals, half away from zero ("12.25", 1 -> "12.3"); never "-0.0"; "NE" when there is no number."""
    if value is None or not math.isfinite(value):
        return NOT_ESTIMABLE
    result = _at(value, -decimals)
    return f"{abs(result) if result == 0 else result:f}"


def not_nothing(value: float | None, decimals: int) -> str:
    """As ``rounded``, but what is above 0 never reads as 0: "<0.1"."""
    text = rounded(value, decimals)
    return f"<{Decimal(1).scaleb(-decimals)}" if value and value > 0 and text == rounded(0.0, decimals) else text


def significant(value: float | None, figures: int = 3) -> str:
    """Significant figures, for concentrations and areas ("1234" -> "1230", "0.045678" -> "0.0457")."""
    if value is None or not math.isfinite(value):
        return NOT_ESTIMABLE
    if value == 0:
        return "0"
    result = Decimal(repr(float(value)))
    for _ in range(2):
        result = _at(float(result), result.adjusted() - figures + 1)
    return f"{result:f}"


def column_head(n: int, label: str) -> str:
    """Head of an arm's column: "HETROM 5 mg (N=171)"."""
    return f"{label} (N={n})"


def share(n: int, total: int) -> str:
    """Percent of ``total``: "58.9"; "100.0" is all of them and nothing less: 2999 of 3000 is ">99.9"."""
    text = not_nothing(100 * n / total, 1)
    return ">99.9" if n < total and text == "100.0" else text


def count(n: int, total: int) -> str:
    """Count and percent of ``total``: "99 (58.9)", "168 (100.0)"; zero is "0", without a percentage."""
    return f"{n} ({share(n, total)})" if n and total else str(n)


def events(n_event: int, n: int) -> str:
    """Events of evaluable subjects: "99/168 (58.9)"; zero has no percentage."""
    return f"{n_event}/{n} ({share(n_event, n)})" if n_event and n else f"{n_event}/{n}"


def events_per(n_event: int, size: float, decimals: int) -> str:
    """Events and what they are divided by: "12/81.3"."""
    return f"{n_event}/{rounded(size, decimals)}"


def censored(n_event: int, n: int) -> str:
    """How many of the watched had no event."""
    return f"{n - n_event}"


def alike(*counts: float) -> str:
    """A count that several rows share."""
    return whole(counts[0])


def _limits(low: str, high: str) -> str:
    """ "(6, 53)"; "NE" when neither is known."""
    return NOT_ESTIMABLE if low == high == NOT_ESTIMABLE else f"({low}, {high})"


def interval(low: float | None, high: float | None, decimals: int, mark: str = "") -> str:
    """Limits with a comma, so that negative ones can be read: "(-3.3, 19.3)"; ``mark`` says what they are."""
    return _limits(rounded(low, decimals), rounded(high, decimals)) + mark


def with_interval(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """Estimate and limits with the same decimals: "53.0 (43.1, 61.3)"; "NE" alone when there is no estimate."""
    text = rounded(value, decimals)
    return text if text == NOT_ESTIMABLE else f"{text} {interval(low, high, decimals)}"


def with_limits(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """As ``with_interval``, without limits where there are none: "0.0"."""
    return rounded(value, decimals) if low is None else with_interval(value, low, high, decimals)


def median_time(value: float | None, low: float | None, high: float | None, note: str) -> str:
    """A median of Kaplan-Meier and its limits: "15.0 (14.0, 22.0)"; "NR" when it is not reached."""
    limits = "" if low is None else f" {interval(low, high, 1)}"
    return (NOT_REACHED if value is None and NOTE_NOT_REACHED in note else rounded(value, 1)) + limits


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
    """Odds, hazard or risk ratio: two decimals, three below 0.1, "<0.001" below that; "NE" when not estimable."""
    return not_nothing(value, 3 if value is not None and 0 < value < 0.1 else 2)


def ratio_interval(value: float | None, low: float | None, high: float | None) -> str:
    """A ratio and its limits, each as ``ratio``: "0.52 (0.31, 0.87)"; "NE" alone when there is no estimate."""
    text = ratio(value)
    return text if text == NOT_ESTIMABLE else f"{text} ({ratio(low)}, {ratio(high)})"


def ratio_range(low: float | None, high: float | None) -> str:
    """Smallest and largest of a ratio, each as ``ratio``: "(0.31, 0.87)"."""
    return _limits(ratio(low), ratio(high))


def ratio_error(value: float | None, error: float | None) -> str:
    """A ratio and its Monte Carlo error, with the decimals of the ratio: "0.52 ± 0.03"."""
    text = ratio(value)
    known = text != NOT_ESTIMABLE and error is not None and math.isfinite(error)
    return f"{text} ± {rounded(error, len(text.partition('.')[2]))}" if known else text


def mean_sd(mean: float | None, sd: float | None, raw_decimals: int) -> str:
    """Mean with one and SD with two decimals more than the data: "13.4 (6.21)" for whole numbers; "NE" of nobody."""
    text = rounded(mean, raw_decimals + 1)
    return text if text == NOT_ESTIMABLE else f"{text} ({rounded(sd, raw_decimals + 2)})"


def median(value: float | None, raw_decimals: int) -> str:
    """Median or quartile, with one decimal more than the data."""
    return rounded(value, raw_decimals + 1)


def minimum_maximum(low: float | None, high: float | None, raw_decimals: int) -> str:
    """Smallest and largest value, with the decimals of the data: "6, 53"; "NE" when there is none."""
    texts = rounded(low, raw_decimals), rounded(high, raw_decimals)
    return NOT_ESTIMABLE if set(texts) == {NOT_ESTIMABLE} else ", ".join(texts)


def median_range(value: float | None, low: float | None, high: float | None, raw_decimals: int) -> str:
    """Median with smallest and largest value: "22.0 (6, 53)"; "NE" alone when there is no median."""
    limits = f" ({minimum_maximum(low, high, raw_decimals)})"
    return NOT_ESTIMABLE if value is None else median(value, raw_decimals) + limits


def rounded_range(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """A median with smallest and largest value, all with the same decimals: "2.00 (1.00, 6.00)"."""
    return f"{rounded(value, decimals)} {interval(low, high, decimals)}"


def estimate_error(value: float | None, error: float | None, decimals: int, unit: str = "") -> str:
    """A mean over replicates and its Monte Carlo error: "58.9 ± 0.3 %"; the error is left out when it is not known."""
    text = rounded(value, decimals)
    if text == NOT_ESTIMABLE:
        return text
    known = error is not None and math.isfinite(error)
    return " ".join(filter(None, (text, f"± {rounded(error, decimals)}" if known else "", unit)))


def power(
    value: float | None, error: float | None, low: float | None, high: float | None, tested: int, replicates: int
) -> str:
    """A power and its Monte Carlo error: "83.0 ± 3.8"; without one (at 0 and 100 %) its limits.

    When not all replicates could be tested, how many: "60.0 ± 21.9, 5 of 12"; "NE" when none could.
    """
    text = with_interval(value, low, high, 1) if error is None else estimate_error(value, error, 1)
    return text if text == NOT_ESTIMABLE else text + f", {tested} of {replicates}" * (tested < replicates)


def quantity(value: float | None, decimals: int, unit: str) -> str:
    """A number and its unit: "58.9 %"; "NE" alone when there is no number."""
    return estimate_error(value, None, decimals, unit)


def significant_error(value: float | None, error: float | None) -> str:
    """Three figures, and two of the Monte Carlo error when it is known: "653 ± 12"; "NE" when there is no number."""
    text = significant(value)
    return text + (f" ± {significant(error, 2)}" if error is not None and text != NOT_ESTIMABLE else "")


def significant_interval(low: float | None, high: float | None, mark: str = "") -> str:
    """Limits to three figures: "(512, 833)"."""
    return _limits(significant(low), significant(high)) + mark


def significant_range(value: float | None, low: float | None, high: float | None) -> str:
    """A median to three figures with smallest and largest value: "653 (512, 833)"; "NE" when there is none."""
    text = significant(value)
    return text if text == NOT_ESTIMABLE else f"{text} {significant_interval(low, high)}"


def geometric(mean: float | None, cv: float | None) -> str:
    """Geometric mean to three figures and geometric coefficient of variation, %: "653 (38.2)"; "NE" without one."""
    text = significant(mean)
    return text if text == NOT_ESTIMABLE else f"{text} ({rounded(cv, 1)})"


def amount(value: float | None, unit: str) -> str:
    """A number of a result of any kind: percent to one decimal, others to three figures."""
    return rounded(value, 1) if unit == "%" else significant(value)


def amount_error(value: float | None, error: float | None, unit: str) -> str:
    """``amount`` as a mean over replicates with its Monte Carlo error: "58.9 ± 0.3", "653 ± 12"."""
    return estimate_error(value, error, 1) if unit == "%" else significant_error(value, error)


def index(value: float | None, error: float | None, unit: str) -> str:
    """An index of a sensitivity analysis with its Monte Carlo error: of a share of variance (unit 1) two decimals."""
    return estimate_error(value, error, 2) if unit == "1" else amount_error(value, error, unit)


def change(value: float | None, error: float | None, unit: str) -> str:
    """A change with its sign and Monte Carlo error: "+3.1 ± 0.4"."""
    text = amount(value, unit)
    if text == NOT_ESTIMABLE:
        return text
    sign = "" if text.startswith("-") or float(text) == 0 else "+"
    known = "" if error is None else amount(error, unit)
    return f"{sign}{text} ± {known}" if known else sign + text


def share_limits(value: float | None, low: float | None, high: float | None) -> str:
    """A share with its limits, in %: "94.8 (92.1, 96.8)"."""
    share, lower, upper = (None if part is None else 100.0 * part for part in (value, low, high))
    return with_interval(share, lower, upper, 1)


def period(first: int, after: int) -> str:
    """Days from the first to the last, given the day after the last: "0 to 13"."""
    return f"{first} to {after - 1}"


def taken(doses: int, first: int, after: int) -> str:
    """Doses taken of the days of a period: "13 of 14"."""
    return f"{doses} of {after - first}"


def yes_no(value: float) -> str:
    """A yes or no that is kept as 1 or 0."""
    return "yes" if value else "no"


def with_range(prior: Sequence[float], scale: float = 1.0) -> str:
    """Value and range of a prior to two figures: "12 (5.1 to 28)"; ``scale`` turns its unit into the printed one."""
    value, low, high = (significant(scale * x, 2) for x in prior)
    return f"{value} ({low} to {high})"


def prior(prior: Sequence[float]) -> str:
    """A prior as it was written, and its range to two figures: "1.5 (0.92 to 2.4)"."""
    value, low, high = prior
    return f"{value:g} ({low:.2g} to {high:.2g})"


def share_error(value: float | None, error: float | None, low: float, high: float, decimals: int) -> str:
    """A share in % with its error: "97.3 ± 0.4"; with its limits where it has none: "0.0 (0.0, 0.2)"; or alone."""
    whole, spread, lower, upper = (None if v is None else 100.0 * v for v in (value, error, low, high))
    if spread:
        return estimate_error(whole, spread, decimals)
    return with_interval(whole, lower, upper, decimals)
