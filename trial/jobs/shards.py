"""Shards: the units of a run dealt out to processes or machines that do not see one another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trial.errors import Refused
from trial.jobs.work import WorkUnit


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``of``, counted from 1: every ``of``-th unit from the ``number``-th on."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def read(cls, text: str) -> Shard:
        """The shard of "2/4". Raises Refused."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
        number, of = (int(part) for part in found.groups()) if found else (0, 0)
        if not 1 <= number <= of:
            raise Refused(f"--shard: seen {text!r}; allowed: i/n with i from 1 to n, as 1/4, 2/4, 3/4 and 4/4")
        return cls(number, of)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole run."""
        return self.of == 1

    def among(self, units: Sequence[WorkUnit]) -> list[WorkUnit]:
        """Its units of all the ``units`` of a run."""
        return list(units[self.number - 1 :: self.of])


WHOLE = Shard()
