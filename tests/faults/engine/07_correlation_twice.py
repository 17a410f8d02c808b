from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# one pair, two values: the last one silently wins (realised -0.9)
PAIR = (Correlation("CL", "VC", 0.9, SRC, "assumed"), Correlation("VC", "CL", -0.9, SRC, "assumed"))
PARAMETER_SET = replace(S, id="correlation_twice", correlations=PAIR)
