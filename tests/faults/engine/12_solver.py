"""trial.solver.solve: NaN in an input, `==` in equations, very fast linear systems. Run from the engine's folder."""
import math

import numpy as np

from trial.solver.structure import State, Structure
from trial.solver import Events, Status, solve


def model(name, n, parameters, rhs):
    states = tuple(State(f"y{i}", "1", "amount") for i in range(n))
    return Structure(name, name, states, parameters, ("U",), 0, ("CONC", "PLT"), rhs, lambda y, p, u: [y[0], y[-1]],
                     lambda p, u: np.zeros((len(p), n)), lambda p, d: None)


def run(m, p, y, events, times, **more):
    t, a, u = zip(*events, strict=True)
    e = Events(np.array([t], float), np.array([a], float), np.array(u, float)[None, :, None])
    out, status, _ = solve(m, np.array([p], float), np.array([y], float), e, np.array([times], float), **more)
    return out[0, :, -1], Status(int(status[0])).name


bolus = model("bolus", 1, ("K",), lambda y, p, u: [-p[0] * u[0] * y[0]])
for method in ("exact", "taylor", "pair"):
    print("input NaN from 1 h,", method, *run(bolus, [0.1], [100], [(0, 0, 1), (1, 0, math.nan)], [0, 0.5, 2, 3], method=method))
branch = model("branch", 1, ("K",), lambda y, p, u: [-0.1 * y[0] if p[0] == 0 else -0.5 * y[0]])
print("K is 0, so 0.1 /h is meant:", *run(branch, [0.0], [100], [(0, 0, 1)], [0, 1]), "right", 100 * math.exp(-0.1))
oral = model("oral", 2, ("KA", "K"), lambda y, p, u: [-p[0] * y[0], p[0] * y[0] - p[1] * y[1]])
for ka in (1e6, 1e8, 1e10, 1e12, 1e13):
    value, status = run(oral, [ka, 0.1], [0, 0], [(0, 100, 1)], [0, 24])
    right = 100 * ka / (ka - 0.1) * math.exp(-2.4)
    print(f"exact method, KA {ka:g}: relative error {abs(value[0] / right - 1):.1e} {status}")
