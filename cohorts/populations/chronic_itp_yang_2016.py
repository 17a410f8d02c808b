"""Chinese adults with chronic ITP as screened for the phase III trial of eltrombopag (Yang 2016).

Its baseline table was not readable. The same country, the same count (below 30) and the same lines of therapy: the
patients are those of chronic_itp_mei_2021. The trial asked for ITP of 12 months, which its study file says.
"""

from dataclasses import replace

from cohorts.populations.chronic_itp_mei_2021 import CHRONIC_ITP_MEI_2021

CHRONIC_ITP_YANG_2016 = replace(
    CHRONIC_ITP_MEI_2021,
    id="chronic_itp_yang_2016",
    title="Chinese adults with chronic ITP, eltrombopag phase III; the numbers of chronic_itp_mei_2021, assumed",
)
