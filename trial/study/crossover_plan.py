"""The comparison within patients of a crossover of two periods: which treatment an arm has in which period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from trial.study.protocol import Identifier, Increasing, PKSampling, Positive, Problem, Record, not_among
from trial.study.stages import Stage, starts
from trial.study.texts import Line

Pair = Annotated[tuple[Line, ...], Field(min_length=2, max_length=2)]


class Crossover(Record):
    """Two periods, two sequences: each arm has both treatments, in either order."""

    periods: Annotated[tuple[Identifier, ...], Field(min_length=2, max_length=2)] = Field(
        description="ids of the two stages, the first period first"
    )
    treatments: dict[Identifier, Pair] = Field(
        description="by arm, the name of what is given in the first and in the second period"
    )
    reference: Line = Field(description="the treatment that the other is divided by")
    endpoints: Annotated[tuple[Identifier, ...], Field(min_length=1)] = Field(
        default=("AUCLST", "CMAX"), description="ids of endpoints with a geometric mean, of a profile in either period"
    )
    limits: Annotated[tuple[Positive, ...], Field(min_length=2, max_length=2), Increasing] = Field(
        default=(0.8, 1.25), description="a trial whose 90 % interval lies within them shows equivalence"
    )

    @property
    def test(self) -> str:
        """The treatment that is not the reference."""
        return next(name for pair in self.treatments.values() for name in pair if name != self.reference)

    def problems(self) -> Iterator[Problem]:
        pairs = list(self.treatments.values())
        orders = {pair for pair in pairs if pair[0] != pair[1]}
        if len(pairs) != 2 or orders != {pairs[0], pairs[0][::-1]}:
            seen = "; ".join(f"{arm}: {', '.join(pair)}" for arm, pair in self.treatments.items())
            yield (
                ("treatments",),
                f"seen {seen or 'none'}; allowed: two arms, the same two treatments in either order",
            )
        elif self.reference not in pairs[0]:
            yield ("reference",), not_among(self.reference, pairs[0], "a treatment")


def within_patients(said: Crossover | None) -> Iterator[str]:
    """A line for the words of a protocol."""
    if said is not None:
        low, high = said.limits
        yield (
            f"crossover: {', '.join(said.endpoints)}, {said.test} over {said.reference}, {' and '.join(said.periods)}; "
            f"ratio of geometric means with 90 % limits; equivalence within {low:g} to {high:g}"
        )


def crossover_problems(
    said: Crossover | None, stages: Sequence[Stage], arms: Sequence[str], sampling: PKSampling | None
) -> Iterator[Problem]:
    """What a crossover needs of the trial: its stages, its arms, and a profile in both periods; paths inside it."""
    if said is None:
        return
    known = [stage.id for stage in stages]
    for k, name in enumerate(said.periods):
        if name not in known:
            yield ("periods", k), not_among(name, known, "a stage")
            return
    first, second = (known.index(name) for name in said.periods)
    if first >= second:
        yield ("periods",), f"seen {', '.join(said.periods)}; allowed: two stages, the earlier one first"
        return
    if set(said.treatments) != set(arms):
        seen = ", ".join(said.treatments)
        yield ("treatments",), f"seen {seen}; allowed: every arm of the study, {', '.join(arms)}, and it has two"
    begin = starts(stages)
    for k, place in enumerate((first, second)):
        days = sampling.days if sampling else ()
        if not any(begin[place] <= day < begin[place] + stages[place].days for day in days):
            seen = f"profiles on day {', '.join(map(str, days))}" if days else "no pk_sampling"
            yield ("periods", k), f"seen {seen}; needed: a profile in {stages[place].id} (pk_sampling.more_days)"
