"""Healthy Japanese men as in the studies of eltrombopag (Jpn J Clin Pharmacol Ther 2011;42:11, read as abstract).

The abstract says healthy adult males and no more. Age and build are those of the Chinese volunteers, as both were young
men enrolled by phase I units; counts follow the reference limits reported for Kobe.
"""

from cohorts.citations import Source
from cohorts.covariates import Population
from cohorts.parameters import Parameter
from cohorts.populations.healthy_zheng_2017 import DEMOGRAPHY
from cohorts.references import RUAN_2002

KOBE = Source(RUAN_2002, "abstract, Kobe")
_PLATELETS = (
    Parameter("PLT", 245.0, "10^9/L", KOBE, "derived", "reference interval within 150 to 350",
              note="read as mean 250 and SD 51 (mean +- 1.96 SD); median of the log-normal law with these two"),
    Parameter("PLT_LOG_SD", 0.202, "1", KOBE, "derived", "reference interval within 150 to 350",
              note="coefficient of variation 51/250; log SD of the measured count, fluctuation and assay included"),
)  # fmt: skip

HEALTHY_JAPANESE_JSCPT_2011 = Population(
    id="healthy_japanese_jscpt_2011",
    title="Healthy Japanese men; age and build of the Chinese volunteers, assumed",
    parameters=(*DEMOGRAPHY, *_PLATELETS),
    disease="none",
)
