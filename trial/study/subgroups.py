"""Subgroups of the patients: by a covariate at baseline, or by the strata of the randomisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from trial.study.protocol import CATEGORICAL, CONTINUOUS, STRATIFIERS, Number, Problem, Record, not_among, twice

STRATA = "STRATUM"
FACTORS = (*STRATIFIERS, STRATA)
OWN = "; a column of your own file of patients is not in the patients table"


class Subgroup(Record):
    """Subgroups by one covariate: its words, or below a cut and from it on."""

    covariate: str = Field(
        description=f"column of the patients table: {', '.join(STRATIFIERS)}; or {STRATA}: the strata of the "
        "randomisation"
    )
    cut: Number | None = Field(
        default=None, description="two subgroups: below it, and at or above it; in the covariate's own unit"
    )

    def problems(self) -> Iterator[Problem]:
        name = self.covariate
        if name not in FACTORS:
            said = not_among(name, FACTORS, "a covariate of subgroups")
            yield ("covariate",), said if "did you mean" in said else said + OWN
        elif name in CONTINUOUS and self.cut is None:
            yield ("covariate",), f"{name} is continuous: it needs a cut, for example cut: 10"
        elif name in (*CATEGORICAL, STRATA) and self.cut is not None:
            yield ("cut",), f"{name} is not a number and cannot be cut; leave cut out"

    @property
    def name(self) -> str:
        """What tells these subgroups from others: the covariate, and where it is cut."""
        return self.covariate if self.cut is None else f"{self.covariate}, cut at {self.cut:g}"

    @property
    def two(self) -> tuple[str, str]:
        """Names of the subgroups below a cut and from it on."""
        return f"{self.covariate}<{self.cut:g}", f"{self.covariate}>={self.cut:g}"

    @property
    def begins(self) -> str:
        """How the names of subgroups that are words begin."""
        return f"{STRATA}: " if self.covariate == STRATA else f"{self.covariate}="

    def has(self, word: str) -> bool:
        """Whether a name is that of one of these subgroups."""
        return word.startswith(self.begins) if self.cut is None else word in self.two


def in_subgroups(asked: Sequence[Subgroup]) -> Iterator[str]:
    """By what the result is also reported, as ``vtrial check`` says it."""
    if asked:
        yield f"subgroups: {'; '.join(one.name for one in asked)}"


def subgroup_problems(asked: Sequence[Subgroup], paired: bool, stratified: bool) -> Iterator[Problem]:
    """Subgroups that are asked for twice or that this study cannot have; paths inside ``analysis``."""
    yield from twice([one.name for one in asked], ("subgroups",), str)
    if asked and paired:
        yield ("subgroups",), "no effect: every patient is in every arm; subgroups are compared between arms of others"
    for k, one in enumerate(asked):
        if one.covariate == STRATA and not stratified:
            yield ("subgroups", k, "covariate"), f"seen {STRATA}, but the randomisation has no strata"
