"""Laws of the cohort functions that hold for every input."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorts.covariates import itp_duration, truncated_normal
from cohorts.noise import assay, bleeding_grade
from cohorts.parameters import cv_to_variance, variance_to_cv
from cohorts.populations import population
from cohorts.screening import ELIGIBLE, exclusions, first_reason, flow, report
from cohorts.streams import Streams, to_uniform
from cohorts.units import UNITS, convert

LAW = {p.name: p.value for p in population("chronic_itp_mei_2021").parameters}
shares = st.floats(1e-12, 1 - 1e-12)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_any_bits_give_a_uniform_inside_0_and_1(raw):
    u = to_uniform(np.array(raw, dtype=np.uint64))
    assert u.min() > 0 and u.max() < 1


@given(
    st.integers(0, 2**63 - 1), st.text(max_size=30), st.integers(0, 10**6), st.integers(0, 1000), st.integers(0, 3650)
)
def test_a_key_always_gives_the_same_numbers(seed, name, replicate, block, day):
    first = Streams(seed).uniforms(name, replicate, block, day)
    assert np.array_equal(first, Streams(seed).uniforms(name, replicate, block, day))


@given(
    st.lists(shares, min_size=2, max_size=20),
    st.floats(-50, 50),
    st.floats(0.1, 30),
    st.floats(-60, 0),
    st.floats(1, 90),
)
def test_truncated_normal_stays_inside_and_rises(u, mean, sd, low, width):
    x = truncated_normal(np.sort(u), mean, sd, low, low + width)
    assert (x >= low).all() and (x <= low + width).all()
    assert (np.diff(x) >= -1e-9).all()


@given(st.lists(shares, min_size=2, max_size=30), st.floats(17, 75))
def test_duration_rises_with_its_quantile_and_fits_into_life(u, age):
    duration = itp_duration(np.sort(u), np.full(len(u), age), LAW)
    assert (np.diff(duration) >= 0).all()
    assert duration.min() >= LAW["ITPDUR_LOW"] and duration.max() <= max(age - 1.0, 6.0) + 1e-9


@given(st.floats(0.01, 1000), st.floats(1.01, 10), st.floats(-4, 4), st.floats(-4, 4))
def test_more_platelets_never_mean_worse_bleeding(count, factor, u, e):
    p = {"BLEED_A": 0.2, "BLEED_B": 0.5, "BLEED_RHO": 0.8, "BLEED_C2": 1.6, "BLEED_C3": 3.1, "BLEED_C4": 3.3}
    p = {name: np.array([value]) for name, value in p.items()}
    low, high = (bleeding_grade(np.array([c]), np.array([u]), np.array([e]), p)[0] for c in (count, count * factor))
    assert 0 <= high <= low <= 4


@given(st.floats(0.1, 1000), st.floats(-6, 6), st.floats(0, 1))
def test_measured_counts_are_positive_and_reported_as_whole_numbers(true, z, cv):
    measured = assay(true, z, cv)
    assert measured > 0 and np.sign(np.log(measured / true)) in (0, np.sign(z))
    assert report(measured) >= 1 and report(measured) == np.floor(report(measured))


@given(st.floats(0.1, 300))
def test_cv_and_variance_undo_each_other(cv):
    assert variance_to_cv(cv_to_variance(cv)) == pytest.approx(cv, rel=1e-9)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(1e-6, 1e6))
def test_conversion_goes_there_and_back_or_is_refused(unit, to, value):
    if UNITS[unit][0] == UNITS[to][0]:
        assert convert(convert(value, unit, to), to, unit) == pytest.approx(value)
    else:
        with pytest.raises(ValueError, match="no conversion"):
            convert(value, unit, to)


candidate = st.tuples(st.floats(0, 100), st.floats(0, 40), st.integers(1, 400))


@given(
    st.lists(candidate, min_size=1, max_size=40),
    st.floats(0, 60),
    st.floats(61, 120),
    st.floats(0, 5),
    st.floats(1, 100),
    st.floats(0, 20),
)
def test_every_candidate_is_counted_once(people, youngest, oldest, longest, count, least):
    age, duration, platelets = (np.array(column, dtype=float) for column in zip(*people, strict=True))
    criteria = SimpleNamespace(
        platelets_at_least_1e9L=least, platelets_below_1e9L=count, itp_duration_at_least_y=longest,
        age_at_least_y=youngest, age_at_most_y=oldest,
    )  # fmt: skip
    excluded = exclusions(criteria, {"AGE": age, "ITPDUR": duration, "BLPLAT": platelets})
    code = first_reason(excluded)
    screened, *lost, eligible = flow(list(excluded), code).values()
    assert screened == len(people) == sum(lost) + eligible
    fits = (age >= youngest) & ((age <= oldest) | (oldest >= 120)) & (duration >= longest) & (platelets < count)
    fits &= platelets >= least
    assert np.array_equal(code == ELIGIBLE, fits)
