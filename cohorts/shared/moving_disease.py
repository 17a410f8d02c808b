"""Typical values of the laws of ``cohorts.episodes``, and of recovery after chemotherapy (``trial.models.recovery``),
for a set that switches them on; no set of the catalogue does.

None is fitted and none was read in a paper: they are where a calibration may begin. A set has a law by having its
parameters.
"""

from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import Parameter

CHOICE = Source(THIS_ENGINE, "assumed")
REMISSION = (
    Parameter("REM_RATE", 0.2, "1/y", CHOICE, "assumed",
              note="remissions per year of chronic ITP; spontaneous ones are rare, how rare was not read in print"),
    Parameter("REM_MEAN", 180.0, "d", CHOICE, "assumed", note="mean length; destruction falls for months"),
    Parameter("REM_DROP", 2.0, "1", CHOICE, "assumed",
              note="log-reduction of platelet loss meanwhile: a count of 13 rises to 96 where all loss falls with it"),
)  # fmt: skip
LOST_RESPONSE = (
    Parameter("LOR_RATE", 0.2, "1/y", CHOICE, "assumed",
              note="losses of response per year; long trials of the class lose some, nobody did here"),
    Parameter("LOR_MEAN", 90.0, "d", CHOICE, "assumed", note="mean length"),
    Parameter("LOR_RISE", 1.5, "1", CHOICE, "assumed", note="log-rise of EC50 meanwhile, 4.5 times"),
)  # fmt: skip
REFRACTORY = (
    Parameter("REFR_SHARE", 0.1, "fraction", CHOICE, "assumed",
              note="share of patients in whom the drug loses effect with the days on it; antibodies, say"),
    Parameter("REFR_RISE", 1.0, "1/y", CHOICE, "assumed", note="log-rise of EC50 per year on drug, 2.7 times"),
)  # fmt: skip
RECOVERY = (
    Parameter("RECOVERS", 0.8, "fraction", CHOICE, "assumed",
              note="share of the log-shortfall of production on day 0 that is of the chemotherapy before it and comes "
              "back; the rest, of many cycles, stays. 0.8: from a count of 60 to 168 or so"),
    Parameter("AHEAD", 96.0, "h", CHOICE, "assumed",
              note="the stem cells have been regrowing for 4 days when the count is taken: cycles are late by a week "
              "or more when patients enter, and the count lags its stem cells by 9 days"),
)  # fmt: skip
