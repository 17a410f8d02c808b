"""Permuted blocks: balance, independence of later patients, and the allocation law."""

import numpy as np

from cohorts.streams import Streams
from trial.engine.randomisation import randomise, strata_labels
from trial.study.arms import Arm
from trial.study.protocol import Randomisation

ARMS = [Arm(id=name, ratio=ratio, start_dose_mg=1) for name, ratio in (("A", 2), ("B", 2), ("P", 1))]
PLAN = Randomisation(block_size=5)


def allocate(stratum, replicate=0, seed=7):
    return randomise(ARMS, PLAN, np.asarray(stratum), Streams(seed), replicate)


def test_every_complete_block_holds_the_ratio_in_every_stratum():
    stratum = np.where(np.arange(3000) % 3 == 0, "x", "y")
    arm = allocate(stratum)
    for name in ("x", "y"):
        blocks = arm[stratum == name].reshape(-1, 5)
        assert (np.sort(blocks, axis=1) == [0, 0, 1, 1, 2]).all()


def test_a_block_of_twice_the_ratio_holds_every_arm_twice():
    """Ten patients per block: four, four and two; the halves of a block are not blocks of their own."""
    arm = randomise(ARMS, Randomisation(block_size=10), np.full(3000, "s"), Streams(7), 0).reshape(-1, 10)
    assert (np.sort(arm, axis=1) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]).all()
    assert (np.sort(arm[:, :5], axis=1) != [0, 0, 1, 1, 2]).any(axis=1).mean() > 0.3


def test_enrolling_more_patients_keeps_the_first_allocations():
    assert (allocate(["s"] * 3000)[:424] == allocate(["s"] * 424)).all()


def test_blocks_are_permuted_uniformly():
    """30 distinct orders of AABBP; chi-square with 29 df stays below its 0.9999 quantile (64.6)."""
    blocks = np.concatenate([allocate(["s"] * 5000, replicate=r).reshape(-1, 5) for r in range(6)])
    _, counts = np.unique(blocks, axis=0, return_counts=True)
    expected = len(blocks) / 30
    assert len(counts) == 30
    assert ((counts - expected) ** 2 / expected).sum() < 64.6


def test_strata_labels():
    plan = Randomisation.model_validate(
        {"block_size": 5, "strata": [{"covariate": "SPLENFL"}, {"covariate": "BLPLAT", "cut": 10}]}
    )
    labels = strata_labels(plan, {"SPLENFL": np.array(["Y", "N"]), "BLPLAT": np.array([9.0, 10.0])})
    assert labels.tolist() == ["SPLENFL=Y, BLPLAT<10", "SPLENFL=N, BLPLAT>=10"]


def test_replicates_allocated_together_are_those_allocated_alone():
    """Of sizes, strata and an order of their own; lists longer than the 204 blocks of one draw among them."""
    rng = np.random.default_rng(5)
    replicate = rng.permutation(np.repeat([3, 0, 7], [1500, 40, 1]))
    stratum = rng.choice(["x", "y"], size=len(replicate), p=[0.9, 0.1])
    together = randomise(ARMS, PLAN, stratum, Streams(7), replicate)
    for r in (0, 3, 7):
        assert (together[replicate == r] == allocate(stratum[replicate == r], replicate=r)).all()
