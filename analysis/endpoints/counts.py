"""What the counts themselves say: count and change at a visit, counts within limits, the largest rise and its day.

All as observed: counts after rescue are kept. A patient without the count is not evaluable.
"""

from __future__ import annotations

import numpy as np

from analysis.endpoints.contract import Endpoint, Evaluated, measured, no_count, yes_no
from analysis.endpoints.records import Array, Records, Texts
from trial.study.study import Study

CHINA = "eltrombopag in Chinese ITP, Clin Ther 2015;37:1382, abstract"
RAISE = "RAISE, eltrombopag, Cheng 2011, Lancet, abstract: at least one count of 50 to 400"
LOW_1E9L, TARGET_1E9L, HIGH_1E9L, RAISE_1E9L = 50.0, 150.0, 250.0, 400.0


def _at_assessment(records: Records, study: Study) -> tuple[Array, Texts]:
    """Count at the assessment visit (n,), and the reason where there is none."""
    visit = np.flatnonzero(records.planned == study.analysis.assessment_day)
    count = records.counts[:, visit[0]] if visit.size else np.full(records.n, np.nan)
    return count, np.where(np.isnan(count), "no count at the assessment visit", "")


def count_at_assessment(records: Records, study: Study) -> Evaluated:
    """Reported count at the assessment visit (10^9/L)."""
    return measured(*_at_assessment(records, study))


PLT = Endpoint(
    code="PLT{when}",
    label="Count at {long}, as observed",
    unit="10^9/L",
    benefit="higher",
    source="the reported count; no definition needed",
    summary="median",
    evaluate=count_at_assessment,
)


def change_at_assessment(records: Records, study: Study) -> Evaluated:
    """Percent change of the count from baseline at the assessment visit; a fall is negative."""
    count, reason = _at_assessment(records, study)
    change = 100.0 * (count / np.where(records.baseline > 0, records.baseline, np.nan) - 1.0)
    return measured(change, np.where((reason == "") & ~(records.baseline > 0), "baseline count of 0", reason))


CHG = Endpoint(
    code="CHG{when}",
    label="Change of the count from baseline at {long}",
    unit="%",
    benefit="higher",
    source="the reported counts; no definition needed",
    summary="mean",
    evaluate=change_at_assessment,
)


def in_band(records: Records, study: Study) -> Evaluated:
    """Count of 50 to 150 x 10^9/L, limits included, at the assessment visit."""
    count, reason = _at_assessment(records, study)
    return yes_no((count >= LOW_1E9L) & (count <= TARGET_1E9L), reason)


BAND = Endpoint(
    code="BAND{when}",
    label="Count of 50 to 150 at {long}, as observed",
    unit="%",
    benefit="higher",
    source=f"{CHINA}: share with 50 to 150 by dose; a missing visit as not evaluable: assumed",
    summary="rate",
    evaluate=in_band,
)


def over_250(records: Records, study: Study) -> Evaluated:
    """Count above 250 x 10^9/L at the assessment visit."""
    count, reason = _at_assessment(records, study)
    return yes_no(count > HIGH_1E9L, reason)


OVER250 = Endpoint(
    code="OVER250{when}",
    label="Count above 250 at {long}, as observed",
    unit="%",
    benefit="lower",
    source=f"{CHINA}: share above 250 by dose; a missing visit as not evaluable: assumed",
    summary="rate",
    evaluate=over_250,
)


def ever_50_to_400(records: Records, study: Study) -> Evaluated:
    """A count of 50 to 400 x 10^9/L, limits included, at least once to the assessment day, as observed."""
    counts = records.counts[:, records.planned <= study.analysis.assessment_day]
    return yes_no(((counts >= LOW_1E9L) & (counts <= RAISE_1E9L)).any(axis=1))


RESP400 = Endpoint(
    code="RESP400",
    label="Count of 50 to 400 at least once, as observed",
    unit="%",
    benefit="higher",
    source=RAISE,
    summary="rate",
    evaluate=ever_50_to_400,
)


def largest_rise(records: Records, study: Study) -> Evaluated:
    """Largest percent rise of the count over baseline at any visit of the study; negative when every count is lower."""
    rise = 100.0 * (
        np.fmax.reduce(records.counts, axis=1) / np.where(records.baseline > 0, records.baseline, np.nan) - 1
    )
    return measured(rise, np.where(records.baseline > 0, no_count(records), "baseline count of 0"))


MAXRISE = Endpoint(
    code="MAXRISE",
    label="Largest rise of the count over baseline",
    unit="%",
    benefit="higher",
    source="the reported counts at the visits, whole study",
    summary="mean",
    evaluate=largest_rise,
)


def day_of_peak(records: Records, study: Study) -> Evaluated:
    """Actual day of the largest count after baseline, the first one of equals."""
    peak = np.where(np.isnan(records.counts), -np.inf, records.counts).argmax(axis=1)
    return measured(np.take_along_axis(records.days, peak[:, None], axis=1)[:, 0], no_count(records))


PEAKDAY = Endpoint(
    code="PEAKDAY",
    label="Day of the largest count",
    unit="d",
    benefit="none",
    source="the reported counts at the visits, whole study",
    summary="median",
    evaluate=day_of_peak,
)

COUNT_ENDPOINTS: tuple[Endpoint, ...] = (PLT, CHG, BAND, OVER250, RESP400, MAXRISE, PEAKDAY)
