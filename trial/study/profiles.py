"""Profiles of concentrations within a study: their days, and the doses while they last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from trial.study.protocol import PKSampling, Problem
from trial.study.schedule import Visits


def profile_problems(
    sampling: PKSampling, visits: Visits, treatment_days: int, starts: Sequence[int], changing: bool
) -> Iterator[Problem]:
    """A profile needs a dose at its visit, doses that nobody changes while it lasts, and a stage of its own.

    ``starts``: first days of the stages; ``changing``: whether a visit may change doses.
    """
    for k, day in enumerate(sampling.days):
        path = ("pk_sampling", "more_days", k - 1) if k else ("pk_sampling", "visit_day")
        if day not in (0, *visits.days):
            yield path, f"seen {day}, which is not a visit day; allowed: 0, {', '.join(map(str, visits.days))}"
        elif day >= treatment_days:
            yield path, f"no dose is given on day {day}: treatment ends before it"
        moved = visits.window_days * (2 if day else 1)
        inside = [v for v in visits.days if v > day and v - day - moved < sampling.times_h[-1] / 24]
        if inside and changing:
            seen, longest = f"seen {sampling.times_h[-1]:g}", 24 * (inside[0] - day - moved)
            text = f"{seen}; the visit of day {inside[0]} may change doses; allowed: to {longest}"
            yield ("pk_sampling", "times_h"), text
    stages = [sum(start <= day for start in starts) for day in sampling.days]
    for k, (one, other) in enumerate(pairwise(stages)):
        if one == other:
            text = f"seen {sampling.days[k + 1]}, in one stage with {sampling.days[k]}; allowed: one profile a stage"
            yield ("pk_sampling", "more_days", k), text
