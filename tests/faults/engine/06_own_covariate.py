from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# ALB is a column of patients_alb.csv; both commands end with "failed: KeyError: 'ALB'"
EFFECT = CovariateEffect("CL", "ALB", "power", -1.0, 40.0, SRC, "assumed")
PARAMETER_SET = replace(S, id="own_covariate", covariate_effects=(*S.covariate_effects, EFFECT))
