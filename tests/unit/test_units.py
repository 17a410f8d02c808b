"""The table of units, worked out again from the powers of ten and the calendar; conversions by hand."""

import pytest

from cohorts.units import UNITS, check_unit, convert

SIZES = {
    "pure number": {"1": 1, "fraction": 1, "%": 1 / 100},
    "time": {"h": 1, "d": 24, "wk": 7 * 24, "y": 365.25 * 24},
    "rate": {"1/h": 1, "1/d": 1 / 24, "1/wk": 1 / 168, "1/y": 1 / (365.25 * 24)},
    "volume": {"L": 1, "mL": 1 / 1000},
    "clearance": {"L/h": 1, "L/d": 1 / 24},
    "mass of drug": {"mg": 1, "ug": 1 / 1000},
    "concentration": {"ng/mL": 1, "ug/mL": 1000},
    "molar concentration": {"pM": 1, "nM": 1000},
    "association rate": {"mL/ng/h": 1},
    "count": {"10^9/L": 1},
    "production": {"10^9/L/h": 1, "10^9/L/d": 1 / 24},
    "body mass": {"kg": 1, "g": 1 / 1000},
    "length": {"cm": 1, "m": 100},
    "body mass index": {"kg/m2": 1},
}


@pytest.mark.parametrize("dimension", SIZES)
def test_every_unit_has_its_size(dimension):
    found = {unit: size for unit, (its, size) in UNITS.items() if its == dimension}
    assert found == pytest.approx(SIZES[dimension], rel=1e-12)


def test_no_unit_is_left_out():
    assert set(UNITS) == {unit for sizes in SIZES.values() for unit in sizes}
    assert [check_unit(unit) for unit in UNITS] == list(UNITS)


def test_from_one_unit_to_another():
    assert convert(0.5, "y", "d") == pytest.approx(182.625) and convert(50.0, "%", "fraction") == 0.5
    assert convert(2.0, "m", "cm") == 200.0 and convert(24.0, "1/d", "1/h") == 1.0


@pytest.mark.parametrize(("unit", "to", "said"), [("mg", "ng/mL", "'mg' is a mass of drug"), ("x", "h", "'x' is not")])
def test_nonsense_is_refused(unit, to, said):
    with pytest.raises(ValueError, match=said):
        convert(1.0, unit, to)
