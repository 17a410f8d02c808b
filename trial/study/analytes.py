"""How the laboratory reports what it measures: the analytes, delays, lost samples, clumps, re-tests, a second
laboratory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from trial.study.liver_tests import AltLines, MeasuredALT, alt_problems
from trial.study.protocol import Number, Positive, Probability, Problem, Record, Whole
from trial.study.schedule import Visits

Turnaround = Annotated[Whole, Field(ge=0, le=60)]


@dataclass(frozen=True)
class Analyte:
    """What is measured: its code in the tables, the parameter that is its coefficient of variation, and the name of its
    random streams.
    """

    code: str
    cv: str
    stream: str


PLATELETS = Analyte("PLAT", "ASSAY_CV", "platelets")
CONCENTRATION = Analyte("CONC", "CONC_CV", "concentration")
ALT = Analyte("ALT", "", "alt")
"""Its coefficients of variation are those of ``laboratory.alt``, not of a parameter set."""
ANALYTES = (PLATELETS, CONCENTRATION, ALT)


class Clumping(Record):
    """Platelets of some samples clump, and the analyser counts too few: pseudothrombocytopenia."""

    probability: Probability = Field(description="share of the local laboratory's samples in which platelets clump")
    factor: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="what is counted of the platelets of such a sample"
    )
    noticed: Probability = Field(
        default=0.0, description="share of these that the laboratory sees: no count is reported"
    )


class Retest(Record):
    """An unscheduled visit after a count that is very low or very high, or a sample that gave none: its count stands
    for that of the visit, which is kept beside it. Not after the last visit.
    """

    below_1e9L: Positive | None = Field(default=None, description="asked for after a reported count below this")
    at_least_1e9L: Positive | None = Field(default=None, description="asked for after a reported count of this or more")
    after_days: Annotated[Whole, Field(ge=0, le=28)] = Field(
        default=2, description="it comes so long after the day on which the first count is reported"
    )

    def problems(self) -> Iterator[Problem]:
        low, high = self.below_1e9L, self.at_least_1e9L
        if low is not None and high is not None and low >= high:
            yield ("below_1e9L",), f"seen {low:g}: every count is below it, or at least {high:g}"


class CentralLaboratory(Record):
    """A second laboratory, which gets a part of each sample."""

    turnaround_days: Turnaround = Field(default=7, description="a count is reported so long after the visit")
    assay_cv: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        default=None, description="coefficient of variation of its counts; none: ASSAY_CV of the parameter set"
    )
    lost_probability: Probability = Field(default=0.0, description="share of its samples that give no count")
    decides: bool = Field(
        default=False, description="dose rules, rescue, stages and chemotherapy see its counts, not the local ones"
    )
    analysed: bool = Field(default=True, description="the endpoints read its counts (PLAT), not the local ones")

    def problems(self) -> Iterator[Problem]:
        if not (self.decides or self.analysed):
            yield (), "nothing reads its counts; allowed: decides: true, analysed: true, or no central laboratory"


class Laboratory(Record):
    """How counts are reported: whole numbers not below ``lower_limit_1e9L``, ``turnaround_days`` after the visit."""

    turnaround_days: Turnaround = Field(
        default=0,
        description="a count is reported so long after the visit: a dose change starts, a rescue is given then",
    )
    lower_limit_1e9L: Annotated[Number, Field(ge=0, le=20)] = Field(
        default=1.0, description="lower counts are reported as this, the screening count too"
    )
    whole_numbers: bool = Field(default=True, description="counts are reported as whole numbers")
    lost_probability: Probability = Field(
        default=0.0, description="share of the samples of visits that give no count, beside missed visits"
    )
    clumping: Clumping | None = Field(default=None, description="samples in which platelets clump; none: no sample")
    retest: Retest | None = Field(
        default=None, description="a second sample after an extreme count, or after none; none: no re-test"
    )
    central: CentralLaboratory | None = Field(default=None, description="a second laboratory; none: there is one")
    alt: MeasuredALT | None = Field(
        default=None,
        description="alanine aminotransferase of every visit, with the adverse event ALT3; none: not measured",
    )

    def problems(self) -> Iterator[Problem]:
        again, lost = self.retest, self.lost_probability > 0 or bool(self.clumping and self.clumping.noticed)
        if again and again.below_1e9L is None and again.at_least_1e9L is None and not lost:
            allowed = "allowed: below_1e9L, at_least_1e9L, or samples that give no count (lost_probability)"
            yield ("retest",), f"nothing asks for it; {allowed}"
        if self.central and self.central.decides and self.central.analysed:
            for name in ("turnaround_days", "lost_probability"):
                if value := getattr(self, name):
                    yield (name,), f"seen {value:g}; the central laboratory decides and is analysed: nothing reads it"
            if self.clumping:
                yield ("clumping",), "the central laboratory decides and is analysed: nothing reads local counts"
        if self.central and self.central.decides and again:
            yield ("retest",), "the central laboratory decides, and nobody waits for a local count"

    @property
    def known_after_days(self) -> int:
        """Days from a visit until the count that decides is reported."""
        return self.central.turnaround_days if self.central and self.central.decides else self.turnaround_days

    @property
    def retest_days(self) -> int:
        """Days from a visit to the re-test."""
        return self.turnaround_days + self.retest.after_days if self.retest else 0

    @property
    def other(self) -> str:
        """Code of the counts that the endpoints do not read; "" without a second laboratory."""
        return "" if self.central is None else "PLATLOC" if self.central.analysed else "PLATCENT"


def laboratory_problems(
    laboratory: Laboratory, visits: Visits, staged: bool, rules: Mapping[str, AltLines | None]
) -> Iterator[Problem]:
    """A re-test comes before the next visit; with stages the count of a visit is known at the next; rules that act on
    ALT (by name what they say of it) need one.
    """
    yield from alt_problems(laboratory.alt, rules, visits)
    shortest = visits.nearest
    late, central = laboratory.known_after_days, laboratory.central
    if staged and late > shortest:
        where = ("central", "turnaround_days") if central and central.decides else ("turnaround_days",)
        text = f"seen {late}; visits may be {shortest} days apart; with stages allowed: at most that"
        yield ("laboratory", *where), text
    if laboratory.retest and laboratory.retest_days >= shortest:
        seen = f"a re-test comes {laboratory.retest_days} days after its visit"
        text = f"{seen} (turnaround_days and this); visits may be {shortest} days apart; allowed: fewer"
        yield ("laboratory", "retest", "after_days"), text
