"""The lines of the baseline table: what each picks from the patients table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.generic]
Columns = Mapping[str, Column]


@dataclass(frozen=True)
class Item:
    """One line of the baseline table.

    ``code`` is what published rows call it, without their prefix "BASE:". ``value`` picks a number or, when ``unit`` is
    "%", a yes or no as 1, 0 or NaN. ``printed`` decimals have range and published values; mean and median have one and
    the SD two decimals. ``group`` heads lines that belong together.
    """

    code: str
    label: str
    unit: str
    value: Callable[[Columns], NDArray[np.float64]]
    printed: int = 0
    group: str = ""


def _number(name: str) -> Callable[[Columns], NDArray[np.float64]]:
    return lambda patients: np.asarray(patients[name], dtype=np.float64)


def _between(name: str, low: float, high: float) -> Callable[[Columns], NDArray[np.float64]]:
    """1 where ``low <= value < high``, NaN where the value is not known."""

    def judge(patients: Columns) -> NDArray[np.float64]:
        values = np.asarray(patients[name], dtype=np.float64)
        return np.where(np.isnan(values), np.nan, (values >= low) & (values < high))

    return judge


def _above(name: str, low: float) -> Callable[[Columns], NDArray[np.float64]]:
    return _between(name, float(np.nextafter(low, np.inf)), np.inf)


def _is(name: str, word: str) -> Callable[[Columns], NDArray[np.float64]]:
    """1 where the text equals ``word``, NaN where it is empty."""

    def judge(patients: Columns) -> NDArray[np.float64]:
        texts = np.asarray(patients[name], dtype=str)
        return np.where((texts == "") | (texts == "None"), np.nan, texts == word)

    return judge


DURATION = "Duration of ITP"
ITEMS: tuple[Item, ...] = (
    Item("AGE", "Age", "y", _number("AGE")),
    Item("AGE65", "Older than 65 y", "%", _above("AGE", 65)),
    Item("FEMALE", "Female", "%", _is("SEX", "F")),
    Item("WEIGHT", "Weight", "kg", _number("WEIGHT"), printed=1),
    Item("HEIGHT", "Height", "cm", _number("HEIGHT"), printed=1),
    Item("BMI", "Body mass index", "kg/m2", _number("BMI"), printed=1),
    Item("ITPDUR_0.5", "0.5 to below 1 y", "%", _between("ITPDUR", 0.5, 1), group=DURATION),
    Item("ITPDUR_1", "1 to below 3 y", "%", _between("ITPDUR", 1, 3), group=DURATION),
    Item("ITPDUR_3", "3 to below 5 y", "%", _between("ITPDUR", 3, 5), group=DURATION),
    Item("ITPDUR_5", "5 y or more", "%", _between("ITPDUR", 5, np.inf), group=DURATION),
    Item("SPLENFL", "Splenectomy", "%", _is("SPLENFL", "Y")),
    Item("BLBLEED", "Bleeding, WHO grade 1 to 4", "%", _above("BLBLEED", 0)),
    Item("CONITPFL", "Concomitant ITP drug", "%", _is("CONITPFL", "Y")),
    Item("BLPLAT", "Platelet count", "10^9/L", _number("BLPLAT")),
    Item("BLPLAT_LT10", "Platelet count below 10", "%", _between("BLPLAT", 0, 10)),
)
COLUMNS = ("AGE", "SEX", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "SPLENFL", "CONITPFL", "BLBLEED", "BLPLAT")
"""What the lines are made of, columns of the patients table."""
ITP = (*(item.code for item in ITEMS if item.group == DURATION), "SPLENFL", "CONITPFL")
"""Lines that only patients with immune thrombocytopenia have."""
