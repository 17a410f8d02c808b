"""Every endpoint and time to event a second time, patient by patient, from the words of its definition.

Sixty patients with counts at and beside every limit; each is also evaluated alone, which must not change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from math import inf, log, nan

import numpy as np
import pyarrow as pa
import pytest
from tiny_trial import PK_HOURS, WEEKS, Patient, records, study, tables

from analysis import endpoints
from analysis.endpoints import catalogue, chosen, chosen_times
from analysis.endpoints.records import from_tables

STUDY = study(treatment_days=56, stops=True, chemotherapy=True, pk_sampling=True, window_days=1)
LIMITS = (5, 9, 10, 20, 29, 30, 49, 50, 60, 74, 75, 99, 100, 150, 151, 250, 251, 400, 401, 1000, 1001)
RNG = np.random.default_rng(20)


def one(values, missing=0.0):
    return None if RNG.random() < missing else values[RNG.integers(len(values))]


def drawn(k: int) -> Patient:
    """A patient with counts at the limits; the first few are low or high throughout, so that nothing is rare."""
    levels = LIMITS[7:9] if k % 5 == 0 else LIMITS[:9] if k % 5 == 1 else LIMITS
    last = one([one(["start", "increase"]), "decrease", "interrupt", "stop"])
    early = int(RNG.integers(-1, 9))
    return Patient(
        counts=[None] * 10 if k == 7 else [one(levels, 0.12) for _ in WEEKS],
        arm=one(["drug", "drug", "placebo"]),
        baseline=float(one((0, 1, 9, 10, 15, 20, 29, 40))),
        days=[week + int(RNG.integers(-1, 2)) for week in WEEKS],
        rescue_days=() if k % 3 else (int(RNG.integers(7, 71)),),
        bleeding=[None] * 10 if k == 9 else [one((0,) * 12 + (1, 2), 0.1) for _ in WEEKS],
        completed=bool(k % 4),
        actions=("start", one(["increase", "decrease", "interrupt"]), last)[: 1 + k % 3],
        status="STEP_LIMIT" if k == 11 else "OK",
        profile=tuple(one((0.0, 2.0, 8.0, 5.0), 0.1) for _ in PK_HOURS),
        chemo=[(c + 1, 14 + early + 21 * c + d) for c in range(int(RNG.integers(0, 4))) for d in (0, 7)],
        treated_days=56,
        last_day=int(RNG.integers(30, 71)),
    )  # fmt: skip


@dataclass
class Seen:
    """What is known of a patient: known counts as (planned, day, count)."""

    patient: Patient

    def __post_init__(self):
        p = self.patient
        self.visits = [(w, d, c) for w, d, c in zip(WEEKS, p.days, p.counts, strict=True) if c is not None]
        cuts = [0, *[28 + 7 * k for k in range(1, len(p.actions))], 56]
        self.periods = [(a, b, act) for (a, b), act in zip(pairwise(cuts), p.actions, strict=True)]
        self.rescue = min(p.rescue_days, default=inf)
        self.stopped = next((a for a, _, act in self.periods if act == "stop"), inf)
        self.failed = min(self.rescue, self.stopped)
        self.last_dose_end = max(b for _, b, act in self.periods if act not in ("interrupt", "stop"))
        self.at_8 = next(((d, c) for w, d, c in self.visits if w == 56), (56, None))
        self.to_8 = [(d, c) for w, d, c in self.visits if w <= 56]

    def runs(self):
        """Lengths in days of the runs of consecutive planned visits with a response before failure."""
        by_week = {w: (d, c) for w, d, c in self.visits}
        yes = [
            (w, by_week[w][0]) if w in by_week and by_week[w][1] >= 50 and by_week[w][0] < self.failed else None
            for w in WEEKS[:8]
        ]
        groups = [[day for _, day in part] for known, part in groupby(yes, lambda v: v is not None) if known]
        return [g[-1] - g[0] for g in groups], any(yes)


def above(s: Seen, limit: float) -> float:
    """Days above a limit on a fine grid, log counts joined by straight lines; a count below 1 is taken as 1."""
    day = [0, *[d for _, d, _ in s.visits]]
    height = np.log(np.maximum([s.patient.baseline, *[c for *_, c in s.visits]], 1))
    grid = np.arange(0.0005, day[-1], 0.001)
    return float((np.interp(grid, day, height) > log(limit) + 1e-12).mean() * day[-1])


def nadirs(s: Seen) -> list[float | None]:
    first = {c: min(d for k, d in s.patient.chemo if k == c) for c, _ in s.patient.chemo}
    ends = [*[first[c] for c in sorted(first)], inf][1:]
    return [
        min((c for _, d, c in s.visits if begin < d <= end), default=None)
        for begin, end in zip([first[c] for c in sorted(first)], ends, strict=True)
    ]


def cit_response(s: Seen) -> bool:
    if not s.patient.chemo:
        return False
    begin = min(d for _, d in s.patient.chemo)
    day_21 = [(d, c) for _, d, c in s.visits if 21 <= d - begin <= 25]
    early = any(c >= 100 and d <= 14 for _, d, c in s.visits)
    return early and bool(day_21) and day_21[0][1] >= 75 and s.failed > day_21[0][0]


def nadir(s: Seen) -> float:
    later = [c for c in nadirs(s)[1:] if c is not None]
    return float(np.mean(later)) if later else nan


def rebound(s: Seen, low) -> float:
    after = [c for _, d, c in s.visits if 0 < d - s.last_dose_end <= 28]
    return float(any(map(low, after))) if after else nan


def exposure(s: Seen, of) -> float:
    """On active drug on day 28 with every sample."""
    p = s.patient
    level = next(act for a, b, act in s.periods if a <= 28 < b)
    whole = all(v is not None for v in p.profile) and p.arm == "drug" and level not in ("interrupt", "stop")
    return of(p.profile) if whole else nan


def positive(value: float) -> float:
    """A result of concentrations that are not above 0 is none."""
    return value if value > 0 else nan


def area(values) -> float:
    """Linear up, logarithmic down, to the last sample above 0; zeros after the first one are not quantifiable."""
    begun = np.cumsum(np.array(values) > 0) > 0
    samples = [(t, c) for t, c, after in zip(PK_HOURS, values, begun, strict=True) if c > 0 or not after]
    total = 0.0
    for (t, a), (u, b) in pairwise(samples):
        total += (u - t) * ((a - b) / log(a / b) if 0 < b < a else (a + b) / 2)
    return positive(total)


def area_of_interval(values) -> float:
    """To 24 h; three samples have no terminal phase to go on with after the last one above 0."""
    return area(values) if values[-1] > 0 else nan


def bleeding(s: Seen, grade: int) -> float:
    grades = [g for g in s.patient.bleeding[:8] if g is not None]
    return float(max(grades) >= grade) if grades else nan


def at_8(s: Seen, of) -> float:
    return nan if s.at_8[1] is None else float(of(s.at_8[1]))


def highest(s: Seen, of) -> float:
    return float(of([c for *_, c in s.visits])) if s.visits else nan


def run_length(s: Seen, of) -> float:
    lengths, _ = s.runs()
    return float(of(lengths)) if lengths and max(lengths) > 0 else nan


BY_DEFINITION = {
    "RESPW8": lambda s: (s.at_8[1] or 0) >= 50 and s.failed > s.at_8[0],
    "RESP1": lambda s: any(c >= 50 for _, c in s.to_8),
    "RESP1RF": lambda s: any(c >= 50 and d < s.failed for d, c in s.to_8),
    "RESP75": lambda s: sum(c >= 50 and d < s.failed for d, c in s.to_8) >= 6,
    "RESP2X": lambda s: any(c >= 30 and c >= 2 * s.patient.baseline for _, c in s.to_8),
    "RESP2XRF": lambda s: any(c >= 30 and c >= 2 * s.patient.baseline and d < s.failed for d, c in s.to_8),
    "MAXDUR": lambda s: run_length(s, max),
    "TOTDUR": lambda s: run_length(s, sum),
    "RESCUE": lambda s: s.rescue <= s.at_8[0],
    "BLEED": lambda s: bleeding(s, 1),
    "BLEED2": lambda s: bleeding(s, 2),
    "COMPL": lambda s: s.patient.completed,
    "STOPPED": lambda s: s.stopped < inf,
    "PLTW8": lambda s: at_8(s, float),
    "CHGW8": lambda s: at_8(s, lambda c: 100 * (c / s.patient.baseline - 1)) if s.patient.baseline else nan,
    "BANDW8": lambda s: at_8(s, lambda c: 50 <= c <= 150),
    "OVER250W8": lambda s: at_8(s, lambda c: c > 250),
    "RESP400": lambda s: any(50 <= c <= 400 for _, c in s.to_8),
    "MAXRISE": lambda s: highest(s, lambda c: 100 * (max(c) / s.patient.baseline - 1)) if s.patient.baseline else nan,
    "PEAKDAY": lambda s: highest(s, lambda c: next(d for _, d, count in s.visits if count == max(c))),
    "CUMWK": lambda s: sum(c >= 50 and d < s.failed for _, d, c in s.visits),
    "DURRESP": lambda s: sum(c >= 50 for _, c in s.to_8) >= 6 and s.failed > max(56, *[d for d, _ in s.to_8], 0),
    "NADIR": nadir,
    "CITRESP": cit_response,
    **{f"PLT{n}": (lambda s, n=n: highest(s, lambda c: max(c) > n)) for n in (250, 400, 1000)},
    **{f"DAYS{n}": (lambda s, n=n: above(s, n) if s.visits else nan) for n in (250, 400, 1000)},
    "REBOUND": lambda s: rebound(s, lambda c: c < 10 and c <= s.patient.baseline - 10),
    "REBOUND2": lambda s: rebound(s, lambda c: c < 0.75 * s.patient.baseline),
    "REDUCE": lambda s: "decrease" in s.patient.actions,
    "INTERRUPT": lambda s: "interrupt" in s.patient.actions,
    "CMAX": lambda s: exposure(s, lambda values: positive(max(values))),
    "CTROUGH": lambda s: exposure(s, lambda values: positive(values[-1])),
    "AUCTAU": lambda s: exposure(s, area_of_interval),
    "AUCLST": lambda s: exposure(s, area),
    "TMAX": lambda s: exposure(s, lambda values: PK_HOURS[values.index(max(values))] if max(values) > 0 else nan),
    "LAMZHL": lambda s: nan,
    "CMAXD": lambda s: exposure(s, lambda values: positive(max(values)) / 5),
    "AUCTAUD": lambda s: exposure(s, area_of_interval) / 5,
    "AUCLSTD": lambda s: exposure(s, area) / 5,
}  # fmt: skip


def time_to_response(s: Seen) -> tuple[float, bool]:
    first = next((d for _, d, c in s.visits if c >= 50 and d < s.failed), None)
    if first is not None:
        return first, True
    return (71 if s.failed < inf or s.patient.completed else s.patient.last_day), False


def time_to_loss(s: Seen) -> tuple[float, bool]:
    start, responded = time_to_response(s)
    if not responded:
        return nan, False
    lost = min([*[d for _, d, c in s.visits if c < 50 and d > start], s.failed])
    end = 71 if s.patient.completed else s.patient.last_day
    return (lost - start, True) if lost < inf else (end - start, False)


def time_to_rescue(s: Seen) -> tuple[float, bool]:
    if s.rescue < inf:
        return s.rescue, True
    return (71 if s.patient.completed else s.patient.last_day), False


TIMES = {"TTRESP": time_to_response, "TTRESC": time_to_rescue, "TTLOSS": time_to_loss}
PATIENTS = [drawn(k) for k in range(60)]


@pytest.fixture(scope="module")
def made():
    return records(*PATIENTS)


@pytest.fixture(scope="module")
def alone():
    return [records(patient) for patient in PATIENTS[:25]]


def test_every_endpoint_is_here_a_second_time():
    assert set(BY_DEFINITION) == set(chosen(STUDY)) and set(TIMES) == set(chosen_times(STUDY))


@pytest.mark.parametrize("code", BY_DEFINITION)
def test_an_endpoint_is_what_its_definition_says(made, code):
    found = endpoints.evaluate(chosen(STUDY)[code], made, STUDY)
    expected = [nan if p.status != "OK" else float(BY_DEFINITION[code](Seen(p))) for p in PATIENTS]
    tolerance = 0.03 if code.startswith("DAYS") else 1e-9
    np.testing.assert_allclose(found.value, expected, rtol=1e-9, atol=tolerance)
    assert np.isnan(found.value).tolist() == [why != "" for why in found.reason]
    several = len({x for x in expected if x == x}) > 1
    assert several or code == "LAMZHL", "an endpoint that is the same for all says nothing"


@pytest.mark.parametrize("code", TIMES)
def test_a_time_to_event_is_what_its_definition_says(made, code):
    found = chosen_times(STUDY)[code].times(made, STUDY)
    expected = [(nan, False) if p.status != "OK" else TIMES[code](Seen(p)) for p in PATIENTS]
    np.testing.assert_array_equal(found.day, [day for day, _ in expected])
    assert found.event.tolist() == [event for _, event in expected]


@pytest.mark.parametrize("code", BY_DEFINITION)
def test_nobody_else_matters(made, alone, code):
    endpoint = chosen(STUDY)[code]
    together = endpoints.evaluate(endpoint, made, STUDY)
    for k, single in enumerate(alone):
        found = endpoints.evaluate(endpoint, single, STUDY)
        np.testing.assert_array_equal(found.value, together.value[[k]])
        assert found.reason[0] == together.reason[k]


def test_what_an_endpoint_needs_and_which_one_is_pooled():
    """Named by hand: all others can be had of any study, per arm only."""
    known = catalogue(56)
    needs = {
        "needs_profile": {"CMAX", "CTROUGH", "AUCTAU", "AUCLST", "AUCIFO", "AUCINT", "TMAX", "LAMZHL",
                          "CMAXD", "AUCTAUD", "AUCLSTD", "AUCIFOD", "ARAUC", "ARCMAX", "ARTROUGH"},
        "needs_last_interval": {"ARAUC", "ARCMAX", "ARTROUGH"},
        "needs_chemotherapy": {"NADIR", "CITRESP", "CHEMOPL", "CHEMO2"},
        "needs_waiting": {"CHEMOPL", "CHEMO2"},
        "needs_stop": {"STOPPED"}, "pooled": {"COMPL"},
    }  # fmt: skip
    for what, codes in needs.items():
        assert {code for code, endpoint in known.items() if getattr(endpoint, what)} == codes, what
    lower = {"RESCUE", "BLEED", "BLEED2", "OVER250W8", "STOPPED", "REBOUND", "REBOUND2"}
    lower |= {f"{kind}{n}" for kind in ("PLT", "DAYS") for n in (250, 400, 1000)}
    assert lower <= {code for code, endpoint in known.items() if endpoint.benefit == "lower"}
    assert {kind.code for kind in chosen_times(STUDY).values() if not kind.compared} == {"TTLOSS"}


@pytest.mark.parametrize("coded", [True, False])
def test_arms_are_in_the_order_of_their_dictionary_or_as_they_come(coded):
    made = tables([Patient([20.0], arm="placebo"), Patient([20.0], arm="drug"), Patient([20.0], arm="placebo")])
    words = pa.array(["drug", "placebo", "nobody"]) if coded else None
    column = (
        pa.DictionaryArray.from_arrays(pa.array([1, 0, 1], pa.int32()), words)
        if coded
        else pa.array(["placebo", "drug", "placebo"])
    )
    place = made["patients"].schema.get_field_index("ARM")
    patients = made["patients"].set_column(place, "ARM", pa.chunked_array([column]))
    found = from_tables(made | {"patients": patients})
    assert found.arm_ids == (("drug", "placebo", "nobody") if coded else ("placebo", "drug"))
    assert found.arm.tolist() == ([1, 0, 1] if coded else [0, 1, 0])
