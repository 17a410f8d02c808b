from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# sigmoid Emax, gamma 1.5, of a concentration that starts at 0: refused as "cannot be solved: ... NON_FINITE" without the remedy
from trial.models import structure
from trial.models.tmdd_lifespan import binding

O = structure("tmdd_lifespan")


def rhs(y, p, u):
    d = O.rhs(y, p[:17], u)
    free, _ = binding(y[1], y[3], p[10])
    d[4] = p[12] * (1.0 + p[15] * free ** p[17] / (p[16] ** p[17] + free ** p[17])) - 4.0 / p[14] * y[4]
    return d


STRUCTURE = replace(  # with method="pair" it runs
    O, id="hill", rhs=rhs, parameters=(*O.parameters, "GAM"),
    steady_state=lambda p, u: O.steady_state(p[:, :17], u),
    daily_events=lambda p, d: O.daily_events(p[:, :17], d),
    outputs=lambda y, p, u: O.outputs(y, p[:17], u),
)  # fmt: skip
GAM = replace(S.parameters[0], name="GAM", value=1.5, unit="1")
PARAMETER_SET = replace(S, id="hill_set", structure="hill", parameters=(*S.parameters, GAM))
