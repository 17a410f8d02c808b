"""The numbers of the catalogue a second time, in numbers.csv: a number changes there too, or not at all.

Calibrated numbers stand in the calibration files and are not repeated. A new set may come without rows here.
"""

import csv
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cohorts import references
from cohorts.adverse_events import PROXIES
from cohorts.citations import Citation
from cohorts.parameters import CovariateEffect, Parameter, ParameterSet, RandomEffect
from cohorts.populations import POPULATIONS
from cohorts.sets import PARAMETER_SETS

Numbers = Iterator[tuple[str, float]]
SHARED = ("thrombopoiesis", "within_patient", "moving_disease", "hetrombopag_pk", "eltrombopag_pk")
with (Path(__file__).parent / "numbers.csv").open(encoding="utf-8", newline="") as stream:
    ROWS = [(row["where"], row["name"], float(row["value"])) for row in csv.DictReader(stream)]


def of_set(chosen: ParameterSet) -> Numbers:
    """Every number of a set by a name of its own."""
    fitted = {p.name for p in chosen.parameters if p.status == "calibrated"}
    yield from ((p.name, p.value) for p in chosen.parameters if p.name not in fitted)
    yield from ((f"{p.name} rse", p.rse_percent) for p in chosen.parameters if p.rse_percent is not None)
    effects = [e for e in chosen.random_effects if e.status != "calibrated"]
    yield from ((f"{e.parameter} variance by {e.level}", e.variance) for e in effects)
    yield from ((f"{c.a} with {c.b}", c.value) for c in chosen.correlations)
    for effect in chosen.covariate_effects:
        yield f"{effect.parameter} by {effect.covariate}", effect.value
        if isinstance(effect.reference, float):
            yield f"{effect.parameter} by {effect.covariate} at", effect.reference
    for limits in chosen.validity.ranges:
        yield from ((f"{limits.covariate} from", limits.low), (f"{limits.covariate} to", limits.high))
    yield from (("dose from", chosen.validity.dose_low_mg), ("dose to", chosen.validity.dose_high_mg))


def of_shared(name: str) -> Numbers:
    """Every number of a file of cohorts/shared, also where a calibration replaces it in every set."""
    for group in vars(import_module(f"cohorts.shared.{name}")).values():
        for item in group if isinstance(group, tuple) else ():
            if isinstance(item, Parameter):
                yield item.name, item.value
            elif isinstance(item, RandomEffect):
                yield f"{item.parameter} variance by {item.level}", item.variance
            elif isinstance(item, CovariateEffect):
                yield f"{item.parameter} by {item.covariate}", item.value


def numbers() -> dict[tuple[str, str], float]:
    """All of the catalogue, by where it stands and its name."""
    found = {(s.id, name): value for s in PARAMETER_SETS for name, value in of_set(s)}
    found |= {(f"shared/{name}", number): value for name in SHARED for number, value in of_shared(name)}
    found |= {(p.id, x.name): x.value for p in POPULATIONS for x in p.parameters}
    for proxy in PROXIES:
        for name, prior in proxy.named_priors.items():
            found |= {(proxy.code, name): prior.value, (proxy.code, f"{name} log SD"): prior.log_sd}
    return found


NUMBERS = numbers()


@pytest.mark.parametrize("where", dict.fromkeys(where for where, *_ in ROWS))
def test_every_number_is_the_one_written_down(where):
    expected = {name: value for there, name, value in ROWS if there == where}
    found = {name: value for (there, name), value in NUMBERS.items() if there == where}
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_publication_carries_its_year_in_its_id():
    cited = [c for c in vars(references).values() if isinstance(c, Citation)]
    assert len(cited) > 20
    labels = {"eltrombopag_label": 2023, "avatrombopag_label": 2021}
    assert {c.id: c.year for c in cited} == {c.id: labels.get(c.id) or int(c.id[-4:]) for c in cited}
