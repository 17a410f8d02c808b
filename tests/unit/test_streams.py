"""The randomness contract: what fixes a number, and what may not change it."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cohorts.streams import BLOCK, Draws, Streams, to_uniform

SEED = 20210226
MASK = 2**64 - 1


def philox_4x64_10(counter: list[int], key: list[int]) -> list[int]:
    """Philox 4x64, 10 rounds, written from Salmon et al. 2011 (SC11), independent of numpy."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(p1 >> 64) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 64) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


def test_philox_reference_gives_the_known_answer():
    """Known-answer vector of Random123 for an all-zero counter and key."""
    assert philox_4x64_10([0, 0, 0, 0], [0, 0])[0] == 0x16554D9ECA36314C


def test_uniforms_are_philox_with_the_key_and_counter_of_the_contract():
    name, replicate, block, day = "eta:CL", 3, 2, 70
    digest = hashlib.blake2b(f"{SEED}:{name}".encode(), digest_size=16).digest()
    key = [int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")]
    words = [w for k in (1, 2, 3) for w in philox_4x64_10([k, block, replicate, day], key)]
    expected = [((w >> 11) + 0.5) / 2.0**53 for w in words]
    assert Streams(SEED).uniforms(name, replicate, block, day)[:12].tolist() == expected


def test_golden_hash():
    """Guards the numbers themselves: changing it means that every published result changes."""
    keys = [("covariate:age", 0, 0, 0), ("eta:CL", 3, 1, 0), ("fluctuation", 7, 2, 69)]
    streams = Streams(SEED)
    numbers = b"".join(streams.uniforms(*key).astype("<f8").tobytes() for key in keys)
    assert hashlib.sha256(numbers).hexdigest() == "edd39f9b2b29656e9ef94ac846c5d01b6177a8429622e1304266841dd478544d"


def test_order_and_other_names_change_nothing():
    alone = Streams(SEED).uniforms("eta:CL", 1, 0)
    busy = Streams(SEED)
    for name in ("eta:NEW", "covariate:age", "eta:CL"):
        busy.uniforms(name, 0, 5, 9)
    assert np.array_equal(busy.uniforms("eta:CL", 1, 0), alone)


@pytest.mark.parametrize("other", [("eta:VC", 1, 2, 3), ("eta:CL", 2, 2, 3), ("eta:CL", 1, 3, 3), ("eta:CL", 1, 2, 4)])
def test_every_part_of_the_key_matters(other):
    streams = Streams(SEED)
    first, second = streams.uniforms("eta:CL", 1, 2, 3), streams.uniforms(*other)
    assert not np.intersect1d(first, second).size
    assert not np.intersect1d(first, Streams(SEED + 1).uniforms("eta:CL", 1, 2, 3)).size


def test_uniforms_never_reach_0_or_1():
    extreme = to_uniform(np.array([0, 2**64 - 1, 2**64 - 2**12], dtype=np.uint64))
    assert extreme[0] == 2.0**-54
    assert extreme.min() > 0 and extreme.max() < 1


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_impossible_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="whole number, 0 or more"):
        Streams(seed)


@pytest.mark.parametrize("key", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_negative_keys_are_refused(key):
    with pytest.raises(ValueError, match="must not be negative"):
        Streams(SEED).uniforms("eta:CL", *key)


def test_a_patient_has_the_element_of_the_block():
    candidate = np.array([5, BLOCK + 7, 3, 2 * BLOCK])
    replicate = np.array([0, 0, 4, 4])
    streams = Streams(SEED)
    expected = [streams.uniforms("x", r, c // BLOCK, 6)[c % BLOCK] for r, c in zip(replicate, candidate, strict=True)]
    draws = Draws(streams, replicate, candidate)
    assert draws.uniform("x", 6).tolist() == expected
    assert draws.take(np.array([2, 0])).uniform("x", 6).tolist() == [expected[2], expected[0]]


def test_concatenation_changes_no_number():
    parts = [Draws(Streams(SEED), np.full(3, r), np.arange(3) + 1000 * r) for r in range(4)]
    joined = Draws.concatenate(parts)
    assert np.array_equal(joined.normal("x", 2), np.concatenate([part.normal("x", 2) for part in parts]))
    with pytest.raises(ValueError, match="different seeds"):
        Draws.concatenate([parts[0], Draws(Streams(1), np.zeros(1, int), np.zeros(1, int))])


def test_threads_share_the_streams_of_a_study():
    """The generator is reset for every use, so each thread needs its own."""
    streams = Streams(7)
    names = [f"quantity {k}" for k in range(200)]
    alone = [streams.uniforms(name, 0, 0) for name in names]
    with ThreadPoolExecutor(8) as pool:
        for together in pool.map(lambda _: [streams.uniforms(name, 0, 0) for name in names], range(16)):
            assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
