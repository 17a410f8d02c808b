from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# there is no form "linear": it is taken for a factor, CL is 0.01 of its value for all who do not weigh exactly 62 kg
EFFECT = CovariateEffect("CL", "WEIGHT", "linear", 0.01, 62.0, SRC, "assumed")
PARAMETER_SET = replace(S, id="form_linear", covariate_effects=(EFFECT,))
