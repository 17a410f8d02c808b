"""Pools whose truth is known: independent patients with given rates in given strata."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from analysis.designs.plan import Claim, Trials
from analysis.designs.pool import Pool
from analysis.statistics import proportions
from analysis.statistics.sequential import Bounds
from cohorts.streams import Streams

ONE_LOOK = Bounds(np.ones(1), np.array([1.9599639845]), np.array([-np.inf]))


def uniforms(seed):
    """A source of named uniforms, as a command makes it."""
    streams = Streams(seed)
    return lambda name, group, number, many: streams.uniforms(f"design:{name}", group, number, first=many)


def pool(seed, rates, patients=40_000, groups=20, strata=((1.0, 0.0),), arms=None):
    """``rates`` (A,) of yes; ``strata``: share of the patients and what is added to the rates there."""
    rng = np.random.default_rng(seed)
    each = patients // groups
    shares, shifts = np.array(strata).T
    stratum = rng.choice(len(shares), size=(groups, each), p=shares)
    chance = np.array(rates)[None, :, None] + shifts[stratum][:, None, :]
    outcome = (rng.random((groups, len(rates), each)) < chance).astype(float)
    names = arms or tuple(f"A{k}" for k in range(len(rates)))
    return Pool(names, {"E": outcome}, stratum, tuple(f"s{k}" for k in range(len(shares))), 56)


def fixed(size, arms=2, ratio=None, **more):
    """The last arm is the reference; every other is held against it."""
    ratio = ratio or (1,) * arms
    claims = tuple(Claim(f"A{k}", "E", k) for k in range(arms - 1))
    return Trials(arms - 1, ratio, 2, claims, (size,), ONE_LOOK, **more)


def exact_power(n1, p1, n2, p2):
    """Probability that the CMH test of one table rejects in favour of the first group, by adding up all tables."""
    x, y = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
    p = proportions.cmh_test(*(v[..., None] for v in (x, np.full_like(x, n1), y, np.full_like(y, n2)))).p
    wins = (p < 0.05) & (x / n1 > y / n2)
    return float((binom.pmf(x, n1, p1) * binom.pmf(y, n2, p2) * wins).sum())
