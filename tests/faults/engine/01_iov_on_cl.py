from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# occasion variance on CL (CV 732 %): expected to change concentrations from week to week; nothing changes
IOV = RandomEffect("CL", 4.0, "log variance", SRC, "assumed", "occasion")
PARAMETER_SET = replace(S, id="iov_on_cl", random_effects=(*S.random_effects, IOV))
