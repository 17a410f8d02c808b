from dataclasses import replace

from cohorts.sets import parameter_set
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect

S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
# an own structure whose dose enters 30 h after it is taken: what falls on or after the next visit is lost
import numpy as np

from trial.models import structure
from trial.solver.events import Events

LAG_H = 30.0
ORIGINAL = structure("tmdd_lifespan")


def daily_events(p, days):
    n, d = days.dose_mg.shape
    time_h = np.concatenate([days.start_h, days.start_h + LAG_H], axis=1)
    amount = np.concatenate([np.zeros((n, d)), 1000.0 * days.dose_mg * days.bioavailability], axis=1)
    inputs = np.empty((n, 2 * d, 2))
    inputs[:, :, 0], inputs[:, :, 1] = p[:, 5:6], np.tile(days.loss_factor, 2)
    order = np.argsort(time_h, axis=1, kind="stable")
    take = np.take_along_axis
    return Events(take(time_h, order, 1), take(amount, order, 1), take(inputs, order[:, :, None], 1))


STRUCTURE = replace(ORIGINAL, id="late", daily_events=daily_events)
PARAMETER_SET = replace(S, id="late_event", structure="late")
