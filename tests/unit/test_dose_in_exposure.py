"""Relative bioavailability that grows with the dose: (dose / F_REF)^F_EXP, and nothing where a set has no F_EXP."""

import numpy as np
import pytest

from cohorts.parameters import ParameterSet
from cohorts.sets import parameter_set
from trial.models import TPO_MECHANISM, Days, tpo_mechanism


def entered(exponent: float, dose_mg: float, available: float = 1.0) -> float:
    """What enters the gut, ug."""
    values = dict.fromkeys(TPO_MECHANISM.parameters, 1.0) | {"LAG": 0.5, "F_EXP": exponent, "F_REF": 50.0}
    p = np.array([list(values.values())])
    days = Days.of(np.array([[0.0]]), np.array([[dose_mg]]), available)
    return float(tpo_mechanism.daily_events(p, days).amount.sum())


@pytest.mark.parametrize(
    ("exponent", "dose_mg", "ug"),
    [(0.0, 30.0, 30_000.0), (0.4, 50.0, 50_000.0), (0.4, 0.0, 0.0), (1.0, 25.0, 12_500.0), (0.5, 200.0, 400_000.0)],
)
def test_what_enters(exponent, dose_mg, ug):
    assert entered(exponent, dose_mg) == pytest.approx(ug, rel=1e-12)
    assert entered(exponent, dose_mg, 0.5) == pytest.approx(ug / 2, rel=1e-12)


def test_the_exponent_is_the_slope_of_what_is_printed():
    """AUC 47, 108, 168 ug h/mL at 30, 50, 75 mg (US label): slope of ln(AUC / dose) on ln dose by least squares."""
    dose, auc = np.array([30.0, 50.0, 75.0]), np.array([47.0, 108.0, 168.0])
    slope = np.polyfit(np.log(dose), np.log(auc / dose), 1)[0]
    chosen: ParameterSet = parameter_set("eltrombopag_itp_bussel_2007")
    assert chosen.value("F_EXP") == pytest.approx(slope, abs=0.005) and chosen.value("F_REF") == 50.0


@pytest.mark.parametrize("name", ["eltrombopag_itp_yang_2016", "avatrombopag_itp_jurczak_2018"])
def test_sets_that_build_on_it_are_proportional(name):
    assert not {"F_EXP", "F_REF"} & {p.name for p in parameter_set(name).parameters}
