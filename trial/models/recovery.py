"""Recovery by itself after chemotherapy before day 0: a low production of which a part comes back, without any drug.

The count on day 0 says how low the production of platelets is (``tpo_balance``): G < 1 of health. Of this shortfall the
share RECOVERS, on the log scale, is of stem cells that chemotherapy has killed, S0 = G^RECOVERS; the rest stays low,
GPROD = G^(1 - RECOVERS). The stem cells regrow as they do after every cycle, S' = RS S (1 - S), and what follows them
too, so that the count goes from that of day 0 to that which GPROD keeps: P0 where all of it recovers.

    S(t) = S0 / (S0 + (1 - S0) exp(-RS t))

AHEAD (h) says how long the stem cells have been regrowing on day 0, while the platelets are still those of S0: on day 0
the cells of a stage are at S(AHEAD less the time from stem cell to that stage). With RECOVERS 0 nothing recovers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cohorts.elementary import exp, power
from trial.models.tpo_balance import N_STAGES, Parameters, steady_cells

Array = NDArray[np.float64]
STEM, PROGENITORS = 4, 5
"""Places of S and PR in what ``steady_cells`` gives; the megakaryocytes follow."""


def kept_low(production: Array, recovers: Array) -> Array:
    """GPROD (n,) without the part that comes back, from the ``production`` that explains the count on day 0."""
    return np.where(production < 1.0, power(np.minimum(production, 1.0), 1.0 - recovers), production)


def stem_cells(low: Array, rate: Array, hours: Array) -> Array:
    """S after so many ``hours`` of regrowth from ``low`` (n,), relative to health."""
    return low / (low + (1.0 - low) * exp(-rate * hours))


def on_the_way(q: Parameters, loss_factor: Array) -> list[Array]:
    """TPO, JS, ERK, AKT, S, PR, M1..4, P1..5 on day 0: as ``steady_cells`` of the count of that day, with the early
    cells ``AHEAD`` of it.
    """
    low = power(np.minimum(q["GPROD"], 1.0), q["RECOVERS"] / (1.0 - q["RECOVERS"]))
    cells = steady_cells({**q, "GPROD": q["GPROD"] * low}, loss_factor)
    delays = [0.0 * q["TPR"], *(q["TPR"] + k * q["MMT"] / N_STAGES for k in range(N_STAGES + 1))]
    risen = [stem_cells(low, q["RS"], np.maximum(q["AHEAD"] - delay, 0.0)) for delay in delays]
    cells[STEM] = risen[0]
    for k, now in enumerate(risen[1:]):
        cells[PROGENITORS + k] = cells[PROGENITORS + k] * now / low
    return cells
