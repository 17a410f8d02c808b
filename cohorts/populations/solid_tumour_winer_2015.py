"""Adults with an advanced solid tumour before gemcitabine (Winer 2015, NCT01147809).

The abstract gives counts of at most 300 before chemotherapy; a lowest count of 100 is assumed and stands in the study
file. The spread of counts is that of other patients with a tumour before oxaliplatin. Age and sex are assumed; height
and BMI are those of chronic_itp_bussel_2007.
"""

from cohorts.citations import THIS_ENGINE, Source
from cohorts.covariates import Population
from cohorts.parameters import Parameter
from cohorts.populations.chronic_itp_bussel_2007 import WESTERN_BUILD
from cohorts.references import PEREZ_RUIXO_2015

BEFORE_OXALIPLATIN = Source(PEREZ_RUIXO_2015, "parameter PLT0")
CHOICE = Source(THIS_ENGINE, "assumed")

_DEMOGRAPHY = (
    Parameter("AGE", 60.0, "y", CHOICE, "assumed", note="mean before truncation; advanced solid tumours"),
    Parameter("AGE_SD", 11.0, "y", CHOICE, "assumed", note="before truncation"),
    Parameter("AGE_LOW", 18.0, "y", CHOICE, "assumed", note="the trial enrolled adults"),
    Parameter("AGE_HIGH", 86.0, "y", CHOICE, "assumed", note="first age that does not occur"),
    Parameter("FEMALE", 0.5, "fraction", CHOICE, "assumed", note="tumours of both sexes treated with gemcitabine"),
)
_PLATELETS = (
    Parameter("PLT", 237.0, "10^9/L", BEFORE_OXALIPLATIN, "published", "typical value 237",
              note="median of all candidates; cut to 100 to 300 the median is 216"),
    Parameter("PLT_LOG_SD", 0.321, "1", BEFORE_OXALIPLATIN, "derived", "between-patient variability 32.9 %",
              note="sqrt(ln(1 + 0.329^2)); taken as the log SD of the measured count"),
)  # fmt: skip

SOLID_TUMOUR_WINER_2015 = Population(
    id="solid_tumour_winer_2015",
    title="Adults with an advanced solid tumour before gemcitabine",
    parameters=(*_DEMOGRAPHY, *WESTERN_BUILD, *_PLATELETS),
    disease="none",
)
