"""What the laboratory reports of a true count."""

import numpy as np
import pytest

from trial.engine.laboratory import report_concentration, report_count
from trial.study.analytes import Laboratory
from trial.study.protocol import PKSampling


def reported(true, z=0.0, cv=0.0, **kept):
    shape = np.asarray(true, dtype=float)
    laboratory = Laboratory.model_validate(kept)
    return report_count(laboratory, shape, np.full(shape.shape, z), np.full(shape.shape, cv)).tolist()


def test_whole_numbers_are_the_nearest_and_halves_go_up():
    assert reported([12.4, 12.5, 12.6, 13.49, 13.5, 49.5, 49.499]) == [12, 13, 13, 13, 14, 50, 49]


def test_what_is_below_the_limit_is_reported_as_the_limit():
    assert reported([0.2, 1.4, 9.4, 9.6], lower_limit_1e9L=10) == [10, 10, 10, 10]
    assert reported([0.2, 1.5], lower_limit_1e9L=1) == [1, 2]


def test_without_whole_numbers_the_measured_value_stands():
    assert reported([12.4, 0.3], whole_numbers=False, lower_limit_1e9L=0) == [12.4, 0.3]


def test_no_count_stays_no_count():
    assert np.isnan(reported([np.nan])[0]) and np.isnan(reported([np.nan], lower_limit_1e9L=10)[0])


def test_a_concentration_at_the_limit_of_quantification_is_quantified():
    true, none = np.array([0.49, 0.5, 0.51]), np.zeros(3)
    sampling = PKSampling(visit_day=0, lloq_ng_mL=0.5)
    assert report_concentration(sampling, true, none, none).tolist() == pytest.approx([np.nan, 0.5, 0.51], nan_ok=True)
    assert report_concentration(None, true, none, none).tolist() == true.tolist()


@pytest.mark.parametrize("z", [-1.5, 0.5, 2.0])
def test_the_error_comes_before_the_rounding(z):
    """A CV of 10 % is an SD of sqrt(ln 1.01) on the log scale: 0.09975."""
    expected = np.round(100 * np.exp(0.0997513 * z))
    assert reported([100.0], z, 0.1) == [expected]
