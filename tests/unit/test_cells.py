"""One test per rule of the cell conventions; the format of published trial tables (Mei 2021) and CSR tables."""

from __future__ import annotations

import pytest

from analysis.text import cells


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(12.5, 0, "13"), (12.25, 1, "12.3"), (-12.5, 0, "-13"), (2.675, 2, "2.68"), (-0.04, 1, "0.0"), (5, 2, "5.00")],
)
def test_rounding_is_half_away_from_zero(value: float, decimals: int, text: str) -> None:
    assert cells.rounded(value, decimals) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_no_number_is_not_estimable(value: float | None) -> None:
    assert cells.rounded(value, 1) == cells.significant(value) == cells.ratio(value) == cells.p_value(value) == "NE"


@pytest.mark.parametrize(
    ("n", "total", "text"),
    [(99, 168, "99 (58.9)"), (0, 168, "0"), (168, 168, "168 (100.0)"), (1, 16, "1 (6.3)"), (0, 0, "0")],
)
def test_a_count_has_a_percentage_with_one_decimal_and_zero_has_none(n: int, total: int, text: str) -> None:
    assert cells.count(n, total) == text


def test_column_head() -> None:
    assert cells.column_head(171, "HETROM 5 mg") == "HETROM 5 mg (N=171)"


def test_limits_have_a_comma_and_the_decimals_of_the_estimate() -> None:
    assert cells.with_interval(8.93, -3.26, 19.33, 1) == "8.9 (-3.3, 19.3)"
    assert cells.with_interval(None, None, None, 1) == "NE"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.00001, "<0.0001"), (0.99995, ">0.9999"), (0.0208, "0.0208"), (0.05, "0.0500"), (0.0001, "0.0001")],
)
def test_p_values_have_four_decimals_and_never_read_zero(p: float, text: str) -> None:
    assert cells.p_value(p) == text


@pytest.mark.parametrize(("value", "text"), [(22.9565, "22.96"), (0.0456, "0.046"), (0.1, "0.10"), (1.005, "1.01")])
def test_ratios_have_two_decimals_and_three_below_a_tenth(value: float, text: str) -> None:
    assert cells.ratio(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.0, "1230"),
        (0.045678, "0.0457"),
        (99.95, "100"),
        (12.34, "12.3"),
        (0.0, "0"),
        (653.0, "653"),
        (7.0, "7.00"),
    ],
)
def test_pk_has_three_significant_figures(value: float, text: str) -> None:
    assert cells.significant(value) == text


def test_continuous_summaries_add_decimals_to_those_of_the_data() -> None:
    assert cells.mean_sd(13.35, 6.205, 0) == "13.4 (6.21)"
    assert cells.median(22, 0) == "22.0"
    assert cells.minimum_maximum(6, 53, 0) == "6, 53"


def test_a_mean_over_replicates_shows_its_error_when_it_is_known() -> None:
    assert cells.estimate_error(58.93, 0.27, 1) == "58.9 ± 0.3"
    assert cells.estimate_error(58.93, None, 1) == "58.9"


@pytest.mark.parametrize(
    ("value", "error", "unit", "text"),
    [
        (3.14, 0.42, "%", "+3.1 ± 0.4"),
        (-0.04, 0.42, "%", "0.0 ± 0.4"),
        (-3.14, None, "%", "-3.1"),
        (1234.0, 12.0, "d", "+1230 ± 12.0"),
        (None, 0.4, "%", "NE"),
    ],
)
def test_a_change_has_its_sign_and_its_error(value, error, unit, text):
    assert cells.change(value, error, unit) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (100 * (51 / 80), 1, "63.8"),
        (100 * (70 / 80 - 19 / 80), 1, "63.8"),
        (100 * (52 / 80 - 63 / 80), 1, "-13.8"),
        ((2.64 - 3.20 - 2.88 + 2.95) / 4, 3, "-0.123"),
        ((92.1 + 53.8 + 44.6 + 115.3) / 4, 1, "76.5"),
        (63.7499, 1, "63.7"),
        (63.74999999, 1, "63.7"),
        (1234567890123.44, 1, "1234567890123.4"),
        (1e30, 1, "1000000000000000000000000000000.0"),
        (123456789.12345, 5, "123456789.12345"),
    ],
)
def test_an_exact_half_is_one_whatever_binary_arithmetic_makes_of_it(value, decimals, text):
    """By hand: 51/80, 70/80 - 19/80 are the halves 63.75; the sum of four numbers over 4 is -0.1225, and 76.45."""
    assert cells.rounded(value, decimals) == text


def test_every_exact_half_of_a_difference_of_rates_is_rounded_as_the_fractions_are():
    """All differences of two rates of 80, against whole-number arithmetic."""
    for first in range(81):
        for second in range(81):
            tenths = abs(first - second) * 1000 * 2 + 80
            whole = tenths // 160
            sign = "-" if first < second and whole else ""
            text = cells.rounded(100 * (first / 80 - second / 80), 1)
            assert text == f"{sign}{whole // 10}.{whole % 10}", (first, second)


@pytest.mark.parametrize(
    ("n", "total", "text"),
    [(2999, 3000, "2999 (>99.9)"), (1, 3000, "1 (<0.1)"), (3000, 3000, "3000 (100.0)"), (1999, 2000, "1999 (>99.9)"),
     (1998, 2000, "1998 (99.9)"), (1, 2000, "1 (0.1)")],
)  # fmt: skip
def test_all_is_all_and_some_is_not_nobody(n: int, total: int, text: str) -> None:
    assert cells.count(n, total) == text
    assert cells.events(n, total) == text.replace(" ", f"/{total} ")


def test_a_small_ratio_is_not_zero():
    assert cells.ratio(1e-6) == "<0.001" and cells.ratio(0.00049) == "<0.001" and cells.ratio(0.0005) == "0.001"
    assert cells.ratio_interval(0.0021, 0.0001, 0.05) == "0.002 (<0.001, 0.050)"
    assert cells.ratio_range(0.0001, 2.5) == "(<0.001, 2.50)"
    assert cells.ratio_error(0.523, 0.031) == "0.52 ± 0.03" and cells.ratio_error(None, None) == "NE"
    assert cells.ratio_error(None, 0.031) == "NE" and cells.ratio_error(0.523, None) == "0.52"


def test_of_nobody_there_is_one_ne():
    assert cells.mean_sd(None, None, 0) == cells.geometric(None, None) == cells.minimum_maximum(None, None, 0) == "NE"
    assert cells.interval(None, None, 1) == cells.significant_range(None, None, None) == "NE"
    assert cells.significant_error(None, 0.3) == "NE" and cells.interval(7.0, None, 1) == "(7.0, NE)"


def test_whole_numbers_of_a_mean_are_rounded_away_from_zero():
    assert cells.whole(2.5) == "3" and cells.whole(1250) == "1,250" and cells.plural(1, "solve") == "1 solve"


@pytest.mark.parametrize(
    ("power", "text"),
    [
        ((83.0, 3.8, 74.2, 89.8, 100, 100), "83.0 ± 3.8"),
        ((100.0, None, 83.16, 100.0, 20, 20), "100.0 (83.2, 100.0)"),
        ((0.0, None, 0.0, 60.24, 4, 12), "0.0 (0.0, 60.2), 4 of 12"),
        ((60.0, 21.91, 14.7, 94.7, 5, 12), "60.0 ± 21.9, 5 of 12"),
        ((None, None, None, None, 0, 3), "NE"),
    ],
)
def test_power_says_its_error_and_how_many_could_be_tested(power, text):
    assert cells.power(*power) == text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (cells.units("5 x 10^9/L, kg/m2, ng*h/mL, 10^9"), "5 × 10⁹/L, kg/m², ng·h/mL, 10⁹"),
        (cells.whole(1249.6), "1,250"), (cells.as_is(2.50), "2.5"),
        (cells.plural(1, "solve"), "1 solve"), (cells.plural(2, "solve"), "2 solves"),
        (cells.plural(0, "solve"), "0 solves"), (cells.plural(1200, "one lies", "they lie"), "1,200 they lie"),
        (cells.product(20, 30, 2), "1,200"),
        (cells.total(1, 2, one="patient is", many="patients are"), "3 patients are"),
        (cells.total(1, 0, one="patient is", many="patients are"), "1 patient is"),
        (cells.how_many("a", "b", "c"), "3"), (cells.how_many("abc", one="result"), "1 result"),
        (cells.how_many([1, 2]), "2"), (cells.how_many((1, 2, 3), one="result"), "3 results"),
        (cells.how_many([1], [2]), "2"), (cells.how_many(), "0"),
        (cells.yeses("yes", "no", "yes"), "2"), (cells.general(2.5), "2.5"), (cells.general(50.0), "50"),
        (cells.general(1.2345678), "1.23457"), (cells.general(1.2345678, 3), "1.23"), (cells.times(3.0, 2.0), "1.5"),
        (cells.listing([7.0, 14.5]), "7, 14.5"), (cells.percent(0.05), "5"), (cells.percent(0.012345678), "1.23457"),
        (cells.percent(1 / 3, 3), "33.3"), (cells.events(99, 168), "99/168 (58.9)"), (cells.events(0, 168), "0/168"),
        (cells.events(0, 0), "0/0"), (cells.events_per(12, 81.34, 1), "12/81.3"), (cells.censored(3, 10), "7"),
        (cells.alike(1250, 3), "1,250"), (cells.interval(-3.3, 19.3, 1, " p"), "(-3.3, 19.3) p"),
        (cells.with_limits(0.0, None, None, 1), "0.0"), (cells.with_limits(5, 1, 9, 1), "5.0 (1.0, 9.0)"),
        (cells.median_time(15, 14, 22, ""), "15.0 (14.0, 22.0)"),
        (cells.median_time(None, None, None, "not reached"), "NR"),
        (cells.median_time(None, 14, None, "not reached"), "NR (14.0, NE)"),
        (cells.median_time(None, None, None, ""), "NE"),
        (cells.median_time(15, None, None, "upper limit not reached"), "15.0"),
        (cells.ratio(0.0), "0.00"), (cells.ratio(-0.05), "-0.05"), (cells.ratio(0.0999), "0.100"),
        (cells.ratio_interval(0.52, 0.0311, 0.874), "0.52 (0.031, 0.87)"), (cells.ratio_interval(None, 1, 2), "NE"),
        (cells.median_range(22, 6, 53, 0), "22.0 (6, 53)"), (cells.median_range(None, 6, 53, 0), "NE"),
        (cells.estimate_error(58.93, 0.27, 1, "%"), "58.9 ± 0.3 %"),
        (cells.estimate_error(None, 0.27, 1, "%"), "NE"),
        (cells.estimate_error(None, None, 1, "%"), "NE"), (cells.estimate_error(5, float("nan"), 1), "5.0"),
        (cells.quantity(58.93, 1, "%"), "58.9 %"), (cells.significant_error(653.4, 12.34), "653 ± 12"),
        (cells.significant_error(653.4, None), "653"), (cells.significant_interval(512.3, 833, " t"), "(512, 833) t"),
        (cells.significant_range(653, 512, 833), "653 (512, 833)"), (cells.geometric(653, 38.24), "653 (38.2)"),
        (cells.amount(12.34, "%"), "12.3"), (cells.amount(12.345, "d"), "12.3"), (cells.amount(1234.0, "%"), "1234.0"),
        (cells.change(0.0, None, "d"), "0"), (cells.period(0, 14), "0 to 13"), (cells.taken(13, 14, 28), "13 of 14"),
        (cells.yes_no(1.0), "yes"), (cells.yes_no(0.0), "no"),
        (cells.with_range((0.12, 0.051, 0.28), 100), "12 (5.1 to 28)"),
        (cells.with_range((1.5, 0.92, 2.4)), "1.5 (0.92 to 2.4)"),
        (cells.prior((1.55, 0.9231, 2.444)), "1.55 (0.92 to 2.4)"),
    ],
)  # fmt: skip
def test_every_other_form_by_its_words(shown: str, text: str) -> None:
    assert shown == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ([-5, -4, -3, 2, 3, 4], "−5 to −3, 2 to 4"), ([3, 1, 2], "1 to 3"), ([1, 2], "1, 2"), ([5], "5"), ([], ""),
        ([1, 3, 5], "1, 3, 5"), ([1, 2, 4, 5, 6], "1, 2, 4 to 6"),
    ],
)  # fmt: skip
def test_neighbouring_days_are_joined(days: list[int], text: str) -> None:
    assert cells.runs_of_days(days) == text


def test_thousands_have_no_decimals() -> None:
    assert [cells.decimals(value) for value in (999.9, 1000.0, -1000.0, None)] == [1, 0, 0, 1]
    assert cells.decimals(1.0, None, 2000.0) == 0


def test_p_at_its_limits() -> None:
    assert cells.p_value(0.9999) == "0.9999" and cells.p_value(0.00009999) == "<0.0001"
    assert cells.significant(12345.0, 2) == "12000" and cells.significant(-0.0456) == "-0.0456"


def test_a_result_of_any_kind_with_its_error():
    """Percent to one decimal, others to three figures."""
    assert cells.amount_error(58.94, 0.26, "%") == "58.9 ± 0.3"
    assert cells.amount_error(653.2, 12.1, "ng*h/mL") == "653 ± 12"


def test_a_share_with_its_limits_is_in_percent():
    assert cells.share_limits(0.948, 0.921, 0.968) == "94.8 (92.1, 96.8)"
