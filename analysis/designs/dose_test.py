"""Trials that ask whether there is a response by dose: the test of MCP-Mod over the doses of the arms."""

from __future__ import annotations

import numpy as np

from analysis.designs.plan import DoseTest
from analysis.designs.seen import CountsSeen, Seen
from analysis.endpoints.records import Array, Flags
from analysis.statistics import dose_trials


def by_dose(seen: Seen, test: DoseTest) -> tuple[Array, Flags, Flags]:
    """t and signal (T, M) of every shape, and where there is no test (T,). Strata are put together, and arms of one
    dose.
    """
    many = len(test.doses)
    if isinstance(seen, CountsSeen):
        group = (test.of_arm[:, None] == np.arange(many)).astype(np.float64)
        events, sizes = (each.sum(axis=2) @ group for each in (seen.events, seen.sizes))
        mean, variance = dose_trials.dose_logits(events, sizes)
        df = np.full(len(mean), np.inf)
    else:
        mean, variance, df = dose_trials.dose_averages(seen.value, test.of_arm[seen.arm], many)
    told: Flags = np.asarray(~np.isnan(mean + variance).any(axis=1))
    t = np.full((len(mean), len(test.shapes)), np.nan)
    signal = np.zeros(t.shape, dtype=bool)
    t[told], correlation = dose_trials.contrasts_of(test.sign * mean[told], variance[told], test.doses, test.shapes)
    signal[told] = dose_trials.signals(t[told], correlation, df[told], test.level)
    return t, signal, ~told
