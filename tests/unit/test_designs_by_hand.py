"""Trials of a design one by one: entries, counts, looks, what each measure comes to; expected values by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import norm

from analysis.designs import draw
from analysis.designs.measures import AS_SIMULATED, Operating, conduct_rows, measured_over, power_rows
from analysis.designs.nulls import named, nulls
from analysis.designs.plan import Accrual, Claim, Trials, sequential_p
from analysis.designs.pool import Pool, at_margin, read_pool
from analysis.designs.seen import alike
from analysis.designs.tried import Outcomes, _judged, _Standing, _timed
from analysis.designs.verdicts import Criterion, judge, smallest
from analysis.statistics.planned import Cells
from analysis.statistics.sequential import HIGHEST, Bounds
from trial.study.analysis_plan import ComparisonMethod

BLANK = Operating("d", "s", AS_SIMULATED, 30, "", "", 0.0, 0.0, 0.0, 0.0, 0, "")
CLAIMS = (Claim("A", "E", 0), Claim("B", "E", 1))
EVERY_MONTH = np.exp(-np.ones((2, 6)))
"""Uniforms of which one patient comes after the other by a month."""


def trials(claims=CLAIMS, sizes=(10, 30), **more):
    efficacy, futility = np.array([3.0, 2.0]), np.array([0.5, -np.inf])
    return Trials(2, (1, 1, 1), 1, claims, sizes, Bounds(np.array([0.5, 1.0]), efficacy, futility), **more)


@pytest.mark.parametrize(
    ("ramp", "months"), [(0.0, [1, 2, 3, 4, 5, 6]), (4.0, [np.sqrt(8), 4, 5, 6, 7, 8])], ids=["at once", "ramp"]
)
def test_months_until_a_patient_enters(ramp, months):
    """One a month; on a ramp of four months a rate of t / 4, so that t^2 / 8 have come by t, two by its end."""
    accrual = Accrual(1.0, ramp, 2 * draw.DAYS_PER_MONTH)
    entry = draw.entries(EVERY_MONTH, accrual)
    np.testing.assert_allclose(entry, [months] * 2)
    np.testing.assert_allclose(draw.known(entry, accrual), np.add([months] * 2, 2))


def test_counts_of_a_trial_by_look_arm_and_stratum():
    """The fourth patient is of no look, the fifth not evaluable."""
    outcome = np.array([[1, 0, 0, 1, np.nan], [1, 1, 0, 1, 1]])
    who, arm, stratum = np.arange(5)[None], np.array([[0, 1, 1, 0, 0]]), np.array([[0, 0, 1, 0, 0]])
    events, sizes = draw.counted_at(outcome, who, arm, stratum, np.array([0, 1, 1, 2, 0]), (2, 2, 2))
    assert events[0].tolist() == [[[1, 0], [0, 0]], [[0, 0], [1, 0]]]
    assert sizes[0].tolist() == [[[1, 0], [0, 0]], [[0, 0], [1, 1]]]


@pytest.mark.parametrize(
    ("z", "stop_on", "stopped", "futile", "rejected", "out"),
    [
        ((3.0, 1.0), "any", 1, 0, (1, 0), (0, 0)),
        ((2.9, 1.0), "any", 0, 0, (0, 0), (0, 0)),
        ((0.4, 0.4), "any", 1, 1, (0, 0), (1, 1)),
        ((0.5, 0.4), "any", 0, 0, (0, 0), (0, 1)),
        ((3.0, 1.0), "all", 0, 0, (1, 0), (0, 0)),
        ((3.0, 0.4), "all", 1, 0, (1, 0), (0, 1)),
        ((0.4, 0.4), "all", 1, 1, (0, 0), (1, 1)),
        ((np.nan, 0.4), "any", 0, 0, (0, 0), (0, 1)),
    ],
)
def test_a_first_look(z, stop_on, stopped, futile, rejected, out):
    """Bounds 3 and 0.5: on the upper one is rejected, on the lower one is not out."""
    tested = np.array([z]), np.array([z]), np.isnan([z])
    found = _judged(_Standing.begun(1, 2), trials(stop_on=stop_on), 0, tested, None)
    assert (found.stopped[0], found.futile[0], found.look[0]) == (stopped, futile, 0)
    assert tuple(found.rejected[0]) == rejected and tuple(found.out[0]) == out


def test_a_last_look():
    """The first trial rejects on the bound of 2, the second was out in B, the third had stopped."""
    first = np.array([[1.0, 1.0], [1.0, 0.4], [0.4, 0.4]])
    begun = _judged(_Standing.begun(3, 2), trials(), 0, (first, first, np.isnan(first)), None)
    last = np.array([[2.0, 1.9], [1.9, 9.0], [9.0, 9.0]])
    found = _judged(begun, trials(), 1, (last, last, np.isnan(last)), None)
    assert found.rejected.tolist() == [[True, False], [False, False], [False, False]]
    assert (found.look.tolist(), found.futile.tolist()) == ([1, 1, 0], [False, False, True])
    assert found.z.tolist() == [[2.0, 1.9], [1.9, 0.4], [0.4, 0.4]] and found.stopped.all()


def outcomes(**more):
    flags, share = np.zeros((4, 2), dtype=bool), np.zeros((4, 2))
    zero, nan = np.zeros(4, dtype=np.int64), np.full(4, np.nan)
    return replace(
        Outcomes(np.array([0, 0, 1, 1]), flags, zero, flags[:, 0], zero, flags, share, share, nan, nan), **more
    )


def test_the_overrun_of_an_early_stop():
    """Known a month after entry. At 2 patients, month 3, the third has just come; after the last look none does."""
    design = trials(sizes=(2, 4), adapt="sample_size", most=6, accrual=Accrual(1.0, 0.0, draw.DAYS_PER_MONTH))
    two = outcomes(look=np.array([0, 1]), size=np.array([2, 4]))
    found = _timed(two, design, lambda name, many: EVERY_MONTH.ravel()[:many])
    assert (found.months.tolist(), found.entered.tolist()) == ([3, 5], [3, 4])
    assert np.isnan(_timed(outcomes(), trials(), None).months).all()


ALL_NO, ALL_YES, MIXED, ONE_ARM, OTHER_ARM = (0, 5, 0, 5), (5, 5, 5, 5), (1, 5, 0, 5), (3, 5, 0, 0), (0, 0, 3, 5)


@pytest.mark.parametrize(
    ("strata", "stratified", "exact"),
    [
        ([ALL_NO], True, True), ([ALL_YES], True, True), ([MIXED], False, False), ([ONE_ARM], True, True),
        ([OTHER_ARM], True, True), ([ALL_NO, ALL_YES], True, False), ([ALL_NO, MIXED], False, False),
    ],
)  # fmt: skip
def test_one_outcome_alone(strata, stratified, exact):
    """In every stratum; an exact test puts them together."""
    cells = Cells(*(np.array([x], dtype=float) for x in zip(*strata, strict=True)))
    assert alike(cells, ComparisonMethod()).tolist() == [stratified]
    assert alike(cells, ComparisonMethod(test="fisher", strata="none")).tolist() == [exact]


T_1 = 12.7062047364
"""97.5 % point of the t law of one degree of freedom."""


@pytest.mark.parametrize(
    ("value", "rate", "expected"),
    [
        ([1, 0, 1, 1], False, (0.75, 0.25, 0.75 - T_1 / 4, 0.75 + T_1 / 4)),
        ([1, 0, 1, 1], True, (0.75, 0.25, 0, 1)),
        ([1, 0, 1, np.nan], False, (2 / 3, 0.25, 2 / 3 - T_1 / 4, 2 / 3 + T_1 / 4)),
        ([1, 1, 1, 1], True, (1, 0, 0.025**0.25, 1)),
        ([0, 0, 0, np.nan], True, (0, 0, 0, 1 - 0.025 ** (1 / 3))),
        ([0, 0, 0, 0], False, (0, 0, 0, 0)),
        ([1, 0, np.nan, np.nan], True, (0.5, np.nan, np.nan, np.nan)),
        ([np.nan] * 4, True, (np.nan,) * 4),
    ],
)
def test_a_measure_over_two_sub_pools(value, rate, expected):
    found = measured_over(np.array(value, dtype=float), np.array([0, 0, 1, 1]), rate)
    assert found == pytest.approx(expected, nan_ok=True, rel=1e-9)


def told(rows):
    return [(row.measure, row.about, row.value) for row in rows]


def test_rows_of_power():
    rejected = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], dtype=bool)
    found = outcomes(rejected=rejected, untested=np.array([[1, 0], [0, 0], [0, 0], [0, 1]], dtype=bool))
    assert told(power_rows(BLANK, found, trials())) == [
        ("power", "", 0.75), ("power_all", "", 0.25), ("power_of", "A", 0.75), ("power_of", "B", 0.25),
        ("untested", "", 0.5),
    ]  # fmt: skip
    assert told(power_rows(BLANK, found, trials(), [1])) == [("type1", "", 0.25)]
    one = replace(found, rejected=rejected[:, 1:])
    assert [row.measure for row in power_rows(BLANK, one, trials(CLAIMS[1:]))] == ["power", "untested"]


def test_rows_of_conduct():
    found = outcomes(
        look=np.array([0, 1, 2, 0]), rejected=np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=bool),
        futile=np.array([0, 0, 0, 1], dtype=bool), size=np.array([10, 20, 25, 10]),
        months=np.array([1.0, 2, 3, 2]), entered=np.array([12.0, 22, 25, 10]),
    )  # fmt: skip
    bounds = Bounds(np.array([1, 2, 3]) / 3, np.array([HIGHEST, 2.5, 2.0]), np.array([-np.inf, 0.25, -np.inf]))
    rows = list(conduct_rows(BLANK, found, replace(trials(sizes=(10, 20, 30), accrual=Accrual(1.0)), bounds=bounds)))
    p = [float(norm.sf(z)) for z in (2.5, 2.0)]
    assert [row for row in told(rows) if row[0] != "bound_p"] == [
        ("expected_n", "", 16.25), ("maximal_n", "", 30), ("largest_seen", "", 25),
        ("looked_at", "1", 10), ("looked_at", "2", 20), ("bound", "2", 2.5), ("bound_futility", "2", 0.25),
        ("looked_at", "3", 30), ("bound", "3", 2.0),
        ("stop_efficacy", "1", 0.25), ("stop_futility", "1", 0.25), ("stop_efficacy", "2", 0.25),
        ("stop_futility", "2", 0), ("stop_efficacy", "3", 0), ("duration", "", 2), ("overrun", "", 1),
    ]  # fmt: skip
    assert [row.value for row in rows if row.measure == "bound_p"] == pytest.approx(p)
    assert (rows[1].low, rows[1].high, rows[1].error, rows[1].trials) == (30, 30, 0, 4)
    assert (rows[3].low, rows[3].high, rows[3].trials, rows[3].unit) == (10, 10, 4, "patients")
    alone = conduct_rows(BLANK, found, trials(sizes=(30,)))
    assert [row.measure for row in alone] == ["expected_n", "maximal_n", "largest_seen"]


@pytest.mark.parametrize(
    ("sign", "low", "high", "verdict"),
    [
        (">=", 0.9, 0.95, "PASS"), (">=", 0.89, 0.9, "RISK"), (">=", 0.8, 0.89, "FAIL"),
        ("<=", 0.8, 0.9, "PASS"), ("<=", 0.9, 0.95, "RISK"), ("<=", 0.91, 0.95, "FAIL"),
        (">=", np.nan, np.nan, "PASS"),
    ],
)  # fmt: skip
def test_an_interval_that_ends_on_the_limit(sign, low, high, verdict):
    """The limit is 0.9; without an interval the value, 0.92, is held against it."""
    measured = replace(BLANK, measure="power", value=0.92, low=low, high=high)
    assert [one.verdict for one in judge([measured], [Criterion("power", sign, 0.9)])] == [verdict]
    unknown = replace(measured, value=np.nan)
    assert [one.verdict for one in judge([unknown], [Criterion("power", sign, 0.9)])] == ["RISK"]


def test_the_smallest_size_passes_in_every_scenario():
    sure, unsure = (replace(BLANK, measure="power", value=0.92, low=low, high=0.95) for low in (0.91, 0.89))
    rows = [replace(sure, patients=20), replace(unsure, patients=20, scenario="t")]
    rows += [replace(sure, patients=n, scenario=s) for n in (40, 30) for s in "st"]
    assert smallest(judge(rows, [Criterion("power", ">=", 0.9)])) == 30


def test_sets_of_hypotheses_that_may_be_true():
    """Of four arms every set, the largest first; of five all together and each alone."""
    assert [len(one) for one in nulls(4)] == [4, *[3] * 4, *[2] * 6, *[1] * 4]
    assert list(nulls(5)) == [(0, 1, 2, 3, 4), (0,), (1,), (2,), (3,), (4,)]
    margin = [replace(CLAIMS[0], margin=0.1)]
    assert [named(one, [0]) for one in (CLAIMS[:1], margin)] == ["no difference", "worse by the margin"]
    assert named(CLAIMS, [1]) == "no difference in B"


@pytest.mark.parametrize(
    ("change", "uniform", "moved"),
    [
        (-0.25, [0.4, 0.5, 0.4, 0.4], [0, 1, 0, 0]),
        (0.25, [0.4, 0.4, 0.4, 0.5], [1, 1, 1, 0]),
        (0.5, [0.9, 0.9, 0.9, 0.9], [1, 1, 1, 1]),
        (0.51, [0.9, 0.9, 0.9, 0.9], None),
        (-0.5, [0.9, 0.9, 0.9, 0.9], [0, 0, 0, 0]),
    ],
)
def test_a_rate_of_a_half_is_moved(change, uniform, moved):
    """A quarter more: half of those without; each whose uniform is below 0.5."""
    ours = Pool(("A", "P"), {"E": np.array([[[0, 0, 0, 0], [1, 1, 0, 0]]], dtype=float)}, np.zeros((1, 4), int), ("",))
    found = at_margin(ours, ["A"], "P", "E", change, lambda _: np.array(uniform))
    assert (None if found is None else found.outcomes["E"][0].tolist()) == (moved and [moved, [1, 1, 0, 0]])


def test_the_level_of_z_at_one_look():
    """The tail of the normal law at levels of the grid; below the bound of 0.5, and of NaN, 1."""
    p = sequential_p(lambda level: np.array([norm.isf(level)]), (0.025, 0.1))
    z = np.array([1.9599639845, 1.2815515655, 0.0, -1e-6, np.nan])
    np.testing.assert_allclose(p(z, 0), [0.025, 0.1, 0.5, 1, 1], rtol=1e-9)


def test_a_pool_is_read_back_by_replicate_arm_patient_and_endpoint(tmp_path):
    """Two sub-pools of two patients under two arms; two endpoints in one table; subjects are numbered arm after arm."""
    rows = [(r, s + 1, "AB"[s // 2], "xy"[(s + r) % 2], code, 10 * r + s + shift)
            for code, shift in (("E", 0.0), ("F", 100.0)) for r in range(2) for s in range(4)]  # fmt: skip
    names = ("IREP", "SUBJID", "ARM", "STRATUM", "PARAMCD", "AVAL")
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    texts = {name: pa.array(columns[name]).dictionary_encode() for name in ("ARM", "STRATUM", "PARAMCD")}
    pq.write_table(pa.table(columns | texts), tmp_path / "endpoints.parquet")
    made = read_pool(tmp_path / "endpoints.parquet", ["A", "B"], ["E", "F"], 7)
    assert made.outcomes["E"].tolist() == [[[0, 1], [2, 3]], [[10, 11], [12, 13]]]
    assert (made.outcomes["F"] == made.outcomes["E"] + 100).all()
    assert made.stratum.tolist() == [[0, 1], [1, 0]] and made.strata == ("x", "y")


def test_a_month_is_a_twelfth_of_a_year():
    assert draw.DAYS_PER_MONTH == 30.4375
