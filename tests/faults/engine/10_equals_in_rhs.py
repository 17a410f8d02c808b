from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# `==` on a parameter is never true while the equations are traced; `<`, `>` and truth are refused, `==` `!=` `in` are not
from trial.models import structure

O = structure("tmdd_lifespan")


def rhs(y, p, u):
    d = O.rhs(y, p[:17], u)
    scale = 1.0 if p[17] == 0 else 3.0  # FORM 0: tablet; 1: solution, absorbed three times as fast
    absorbed = u[0] * y[0]
    d[0], d[1] = -scale * absorbed, d[1] + (scale - 1.0) * absorbed / p[1]
    return d


STRUCTURE = replace(
    O, id="equals", rhs=rhs, parameters=(*O.parameters, "FORM"),
    steady_state=lambda p, u: O.steady_state(p[:, :17], u),
    daily_events=lambda p, d: O.daily_events(p[:, :17], d),
    outputs=lambda y, p, u: O.outputs(y, p[:17], u),
)  # fmt: skip
FORM = replace(S.parameters[0], name="FORM", value=1.0, unit="1")
MORE = (FORM, replace(FORM, name="FORM_T", value=0.0), replace(FORM, name="SHARE_T", value=0.9999999, unit="fraction"))
PARAMETER_SET = replace(
    S, id="equals_in_rhs", structure="equals", parameters=(*S.parameters, *MORE),
    classes=(*S.classes, PatientClass("tablet", "SHARE_T", "FORM", "FORM_T")),
)  # fmt: skip
