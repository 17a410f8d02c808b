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
