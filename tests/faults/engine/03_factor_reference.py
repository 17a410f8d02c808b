from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# the categories are F and M: with reference "female" everybody gets the factor, CL is halved for all
EFFECT = CovariateEffect("CL", "SEX", "factor", 0.5, "female", SRC, "assumed")
PARAMETER_SET = replace(S, id="factor_reference", covariate_effects=(*S.covariate_effects, EFFECT))
