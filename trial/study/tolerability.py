"""Which simulated adverse events a study has: the ``tolerability`` section of a config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from cohorts.adverse_events import PROXIES, Proxy, proxy
from trial.study.protocol import Problem, Record, not_among, twice

CODES = tuple(p.code for p in PROXIES)


def _form(value: Any) -> str:
    return "all" if isinstance(value, str) else "codes"


Choice = Annotated[
    Annotated[Literal["all"], Tag("all")] | Annotated[tuple[str, ...], Tag("codes")], Discriminator(_form)
]


class Tolerability(Record):
    """Adverse events drawn as proxies: background and drug rates, not predictions."""

    proxies: Choice = Field(default="all", description=f"all, or codes among {', '.join(CODES)}")

    def problems(self) -> Iterator[Problem]:
        if self.proxies == "all":
            return
        for k, code in enumerate(self.proxies):
            if code not in CODES:
                yield ("proxies", k), not_among(code, CODES, "a tolerability proxy")
        yield from twice(self.proxies, ("proxies",))

    @property
    def chosen(self) -> tuple[Proxy, ...]:
        """The proxies in the order of the catalogue."""
        return tuple(proxy(code) for code in CODES if self.proxies == "all" or code in self.proxies)
