"""The few units allowed, and conversion at the border."""

from __future__ import annotations

DAYS_PER_YEAR = 365.25
UNITS: dict[str, tuple[str, float]] = {
    "1": ("pure number", 1.0),
    "fraction": ("pure number", 1.0),
    "%": ("pure number", 0.01),
    "h": ("time", 1.0),
    "d": ("time", 24.0),
    "wk": ("time", 168.0),
    "y": ("time", 8766.0),
    "1/h": ("rate", 1.0),
    "1/d": ("rate", 1.0 / 24.0),
    "1/wk": ("rate", 1.0 / 168.0),
    "1/y": ("rate", 1.0 / 8766.0),
    "L": ("volume", 1.0),
    "mL": ("volume", 1e-3),
    "L/h": ("clearance", 1.0),
    "L/d": ("clearance", 1.0 / 24.0),
    "mg": ("mass of drug", 1.0),
    "ug": ("mass of drug", 1e-3),
    "ng/mL": ("concentration", 1.0),
    "ug/mL": ("concentration", 1e3),
    "pM": ("molar concentration", 1.0),
    "nM": ("molar concentration", 1e3),
    "mL/ng/h": ("association rate", 1.0),
    "10^9/L": ("count", 1.0),
    "10^9/L/h": ("production", 1.0),
    "10^9/L/d": ("production", 1.0 / 24.0),
    "kg": ("body mass", 1.0),
    "g": ("body mass", 1e-3),
    "cm": ("length", 1.0),
    "m": ("length", 100.0),
    "kg/m2": ("body mass index", 1.0),
}
"""Unit -> (dimension, size in the first unit listed of that dimension)."""


def check_unit(unit: str) -> str:
    """The unit itself if it is allowed; ValueError otherwise."""
    if unit not in UNITS:
        raise ValueError(f"unit {unit!r} is not known; allowed: {', '.join(UNITS)}")
    return unit


def convert(value: float, unit: str, to: str) -> float:
    """``value`` in ``unit`` expressed in ``to``; ValueError when the dimensions differ."""
    (dimension, size), (wanted, target) = UNITS[check_unit(unit)], UNITS[check_unit(to)]
    if dimension != wanted:
        raise ValueError(f"{unit!r} is a {dimension}, {to!r} a {wanted}; there is no conversion between them")
    return value * size / target
