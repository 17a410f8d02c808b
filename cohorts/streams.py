"""Keyed random streams: the only module that may create a generator.

The contract. Every random quantity has a name ("covariate:age", "eta:CL", "residual:platelets" ...). Its numbers are
fixed by (study seed, name, replicate, block, day): numpy's Philox 4x64-10 with key = BLAKE2b-128 of "seed:name" and
counter = (0, block, replicate, day), one block being 1,024 patients. Adding a name, a day or an arm changes no other
number, and growing a cohort keeps the first patients. 53 random bits k become the uniform (k + 0.5) / 2^53, never 0
or 1; laws are reached by inverse CDF, so a quantity takes exactly one number per patient. A golden test guards the
numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]
BLOCK = 1024
LARGEST = 1.0 - 2.0**-53
_EMPTY_BUFFER = np.zeros(4, dtype=np.uint64)
_THREAD = threading.local()


def to_uniform(raw: NDArray[np.uint64]) -> Array:
    """Uniforms (k + 0.5) / 2^53 from the upper 53 bits k; the largest k, which would round to 1, gives LARGEST."""
    return np.minimum(((raw >> np.uint64(11)) + 0.5) * 2.0**-53, LARGEST)


@lru_cache(maxsize=4096)
def _key(seed: int, name: str) -> NDArray[np.uint64]:
    digest = blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


def _philox() -> np.random.Philox:
    """The generator of this thread, whose state every use sets anew."""
    if not hasattr(_THREAD, "philox"):
        _THREAD.philox = np.random.Philox(0)
    return _THREAD.philox


@dataclass(frozen=True)
class Streams:
    """All random streams of a study, from its seed (a whole number, 0 or more).

    ``median``: every uniform is 1/2 and every normal 0, which makes everybody the typical patient.
    """

    seed: int
    median: bool = False

    def __post_init__(self) -> None:
        if self.seed != int(self.seed) or self.seed < 0:
            raise ValueError(f"seed {self.seed!r} is not allowed; a whole number, 0 or more, is needed")

    def uniforms(self, name: str, replicate: int, block: int, day: int = 0, first: int = BLOCK) -> Array:
        """The ``first`` of the 1,024 uniforms in (0, 1) of one block; of what is drawn for a trial as a whole, with
        blocks of its own, also more.
        """
        return np.full(first, 0.5) if self.median else to_uniform(self.bits(name, replicate, block, day, first))

    def bits(self, name: str, replicate: int, block: int, day: int = 0, first: int = BLOCK) -> NDArray[np.uint64]:
        """What the uniforms of one block are made of: the ``first`` of its 1,024 words of 64 bits."""
        if min(replicate, block, day) < 0:
            raise ValueError(
                f"stream {name!r}: replicate {replicate}, block {block} and day {day} must not be negative"
            )
        philox = _philox()
        philox.state = {
            "bit_generator": "Philox",
            "state": {"counter": np.array([0, block, replicate, day], dtype=np.uint64), "key": _key(self.seed, name)},
            "buffer": _EMPTY_BUFFER,
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }
        return philox.random_raw(first)


def mersenne_state(seed: int) -> tuple[str, NDArray[np.uint32], int, int, float]:
    """A state for the generator of a library that has its own (Mersenne twister), from a study's seed; no stream of a
    patient comes from it.
    """
    name, key, place, gauss, cached = np.random.RandomState(seed % 2**32).get_state(legacy=True)
    return str(name), np.asarray(key, dtype=np.uint32), int(place), int(gauss), float(cached)


@dataclass(frozen=True, eq=False)
class Draws:
    """The streams as seen by some patients: ``replicate`` (n,) and ``candidate`` (n,), the number in the list of
    candidates.

    Patient i has element candidate % 1024 of block candidate // 1024. Simulation code gets this, never a seed.
    """

    streams: Streams
    replicate: NDArray[np.int64]
    candidate: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.candidate)

    @cached_property
    def _words(self) -> tuple[list[tuple[int, int, int]], NDArray[np.int64]]:
        """(replicate, block, words needed) of every block in use, and where each patient's word is, (n,), when the
        words of all blocks are laid end to end.
        """
        block, element = np.divmod(self.candidate, BLOCK)
        blocks = int(block.max(initial=0)) + 1
        used, which = np.unique(self.replicate * blocks + block, return_inverse=True)
        needed = np.zeros(len(used), dtype=np.int64)
        np.maximum.at(needed, which, element + 1)
        place = (np.cumsum(needed) - needed)[which] + element
        return list(zip((used // blocks).tolist(), (used % blocks).tolist(), needed.tolist(), strict=True)), place

    def uniform(self, name: str, day: int = 0) -> Array:
        """(n,) uniforms in (0, 1) of a named quantity, on a nominal day where it has one."""
        if self.streams.median or not len(self):
            return np.full(len(self), 0.5)
        blocks, place = self._words
        bits = [self.streams.bits(name, replicate, block, day, first) for replicate, block, first in blocks]
        return to_uniform(np.concatenate(bits)[place])

    def normal(self, name: str, day: int = 0) -> Array:
        """(n,) standard normal numbers: the inverse CDF of ``uniform``."""
        return ndtri(self.uniform(name, day))

    def take(self, index: NDArray[np.int64]) -> Draws:
        """The draws of some of the patients."""
        return Draws(self.streams, self.replicate[index], self.candidate[index])

    @staticmethod
    def concatenate(draws: Sequence[Draws]) -> Draws:
        """The patients of several Draws of the same study, in order."""
        if any(d.streams != draws[0].streams for d in draws):
            raise ValueError(f"draws of different seeds cannot be joined: {sorted({d.streams.seed for d in draws})}")
        replicate = np.concatenate([d.replicate for d in draws])
        return Draws(draws[0].streams, replicate, np.concatenate([d.candidate for d in draws]))
