from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# level "id" is no level: the between-patient variance of CL is dropped without a word
EFFECTS = tuple(replace(e, level="id") if e.parameter == "CL" else e for e in S.random_effects)
PARAMETER_SET = replace(S, id="level_typo", random_effects=EFFECTS, correlations=())
