"""The README of the configs against the code: columns of brought patients, the example file, the endpoints."""

from pathlib import Path

import pytest

from analysis.endpoints import catalogue
from cohorts.brought import OPTIONAL, REQUIRED, read_patients
from cohorts.covariates import CATEGORIES, LIMITS
from trial.app.schema import key_table
from trial.study.design_plan import DesignPlan
from trial.study.fit import Fit
from trial.study.keys import keys_of

README = (Path(__file__).parents[2] / "configs" / "README.md").read_text(encoding="utf-8")


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table_row(title, first):
    """The cells of the row whose first cell names ``first``."""
    (row,) = [line for line in section(title).splitlines() if line.startswith(f"| `{first}`")]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize("name", [*REQUIRED, *OPTIONAL])
def test_each_column_of_brought_patients_with_unit_and_limits(name):
    _, unit, allowed, needed = table_row("Your own patients", name)
    assert needed.split(";")[0] == ("optional" if name in OPTIONAL else "needed")
    if name in CATEGORIES:
        assert allowed == " or ".join(f"`{word}`" for word in CATEGORIES[name])
    elif name == "BLBLEED":
        low, high, _ = LIMITS[name]
        assert (allowed[0], allowed[-1]) == (f"{low:g}", f"{high:g}")
    else:
        low, high, expected = LIMITS[name]
        assert unit == expected and allowed.split(",")[0] == f"{low:g} to {high:g}"


def test_the_example_of_brought_patients_can_be_read(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text(section("Your own patients").split("```csv\n")[1].split("```")[0])
    assert read_patients(path).size == 1


def test_each_endpoint_is_listed_and_no_other():
    listed = [line.split("`")[1] for line in section("Endpoints").splitlines() if line.startswith("| `")]
    assert listed == list(catalogue(56))


@pytest.mark.parametrize("endpoint", catalogue(56).values(), ids=lambda e: e.code)
def test_each_endpoint_with_label_unit_and_direction(endpoint):
    assert table_row("Endpoints", endpoint.code)[1:] == [endpoint.label, endpoint.unit, endpoint.benefit]


def test_the_keys_of_a_calibration_are_listed():
    assert key_table(Fit) in section("Calibrations"), "write the table again: vtrial schema --calibration --table"
    assert all(key.field.description for key in keys_of(Fit))


def test_the_keys_of_a_design_are_listed():
    assert key_table(DesignPlan) in section("Designs"), "write the table again: vtrial schema --design --table"
    assert all(key.field.description for key in keys_of(DesignPlan))
