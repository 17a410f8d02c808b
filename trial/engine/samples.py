"""What happens to the samples of the visits: lost, clumped, measured again or in a second laboratory. Drawn before the
simulation; what a study does not have is not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cohorts.streams import Draws
from trial.study.analytes import CONCENTRATION, PLATELETS
from trial.study.study import Study

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """For every planned visit, (n, V+1): lost, clumped and noticed of the local count; the error and the clumping of a
    re-test; the error and the loss of the central count. lost_conc (n, T) of the profile. None: never, or not measured.
    """

    lost: Flags | None = None
    clumped: Flags | None = None
    noticed: Flags | None = None
    again_z: Array | None = None
    again_clumped: Flags | None = None
    central_z: Array | None = None
    central_lost: Flags | None = None
    lost_conc: Flags | None = None


def draw_samples(study: Study, draws: Draws) -> Samples:
    """The samples of everybody; each of these has a stream of its own, by nominal day."""
    days, laboratory = (0, *study.visits.days), study.laboratory
    name, clump, central = PLATELETS.stream, laboratory.clumping, laboratory.central

    def happens(stream: str, share: float) -> Flags | None:
        return np.stack([draws.uniform(stream, day) < share for day in days], axis=1) if share > 0 else None

    def errors(stream: str, wanted: bool) -> Array | None:
        return np.stack([draws.normal(stream, day) for day in days], axis=1) if wanted else None

    share = clump.probability if clump else 0.0
    return Samples(
        lost=happens(f"lost:{name}", laboratory.lost_probability),
        clumped=happens("clumping", share),
        noticed=happens("clumping:noticed", clump.noticed if clump and share else 0.0),
        again_z=errors(f"residual:{name}:retest", laboratory.retest is not None),
        again_clumped=happens("clumping:retest", share if laboratory.retest else 0.0),
        central_z=errors(f"residual:{name}:central", central is not None),
        central_lost=happens(f"lost:{name}:central", central.lost_probability if central else 0.0),
        lost_conc=_lost_of_profile(study, draws),
    )


def _lost_of_profile(study: Study, draws: Draws) -> Flags | None:
    sampling = study.pk_sampling
    if sampling is None or not sampling.lost_probability:
        return None
    name, share = f"lost:{CONCENTRATION.stream}", sampling.lost_probability
    return np.stack([draws.uniform(f"{name}:{hour:g}h", day) < share for day, hour in sampling.samples], axis=1)
