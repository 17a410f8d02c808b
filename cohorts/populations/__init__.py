"""Patient populations: one per file; the file name is the id.

<population>_<author>_<year>, or <population>_nct<number> for a trial known by its registration only.
"""

from cohorts.covariates import Population
from cohorts.parameters import unknown_name
from cohorts.populations.chronic_itp_bussel_2007 import CHRONIC_ITP_BUSSEL_2007
from cohorts.populations.chronic_itp_mei_2021 import CHRONIC_ITP_MEI_2021
from cohorts.populations.chronic_itp_yang_2016 import CHRONIC_ITP_YANG_2016
from cohorts.populations.healthy_japanese_jscpt_2011 import HEALTHY_JAPANESE_JSCPT_2011
from cohorts.populations.healthy_zheng_2017 import HEALTHY_ZHENG_2017
from cohorts.populations.solid_tumour_cit_nct05864014 import SOLID_TUMOUR_CIT_NCT05864014
from cohorts.populations.solid_tumour_winer_2015 import SOLID_TUMOUR_WINER_2015

POPULATIONS: tuple[Population, ...] = (
    CHRONIC_ITP_MEI_2021,
    CHRONIC_ITP_YANG_2016,
    CHRONIC_ITP_BUSSEL_2007,
    HEALTHY_ZHENG_2017,
    HEALTHY_JAPANESE_JSCPT_2011,
    SOLID_TUMOUR_CIT_NCT05864014,
    SOLID_TUMOUR_WINER_2015,
)


def population(population_id: str) -> Population:
    """The population of that id; KeyError lists near names."""
    for candidate in POPULATIONS:
        if candidate.id == population_id:
            return candidate
    raise unknown_name("population", population_id, [p.id for p in POPULATIONS])


__all__ = ["POPULATIONS", "Population", "population"]
