from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# log-normal variability of a fraction: 41 % of patients get BLEED_RHO above 1, sqrt(1 - rho) is NaN, they never bleed
EFFECT = RandomEffect("BLEED_RHO", 1.0, "log variance", SRC, "assumed")
PARAMETER_SET = replace(S, id="fraction_omega", random_effects=(*S.random_effects, EFFECT))
