"""Patient populations: one per file, <population>_<author>_<year>.py; the file name is the id."""

from cohorts.covariates import Population
from cohorts.parameters import unknown_name
from cohorts.populations.chronic_itp_mei_2021 import CHRONIC_ITP_MEI_2021

POPULATIONS: tuple[Population, ...] = (CHRONIC_ITP_MEI_2021,)


def population(population_id: str) -> Population:
    """The population of that id; KeyError lists near names."""
    for candidate in POPULATIONS:
        if candidate.id == population_id:
            return candidate
    raise unknown_name("population", population_id, [p.id for p in POPULATIONS])


__all__ = ["POPULATIONS", "Population", "population"]
