"""Who is screened: people of the catalogue, with margins of the study's own, or those of a file."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from trial.study.changes import CovariateChange, list_problems
from trial.study.protocol import Positive, Probability, Problem, Record
from trial.study.texts import Line, Name


class Margins(Record):
    """What a Table 1 prints of the people who are enrolled, in place of what the population of the catalogue has."""

    age_median_y: Positive | None = Field(default=None, description="median age, in completed years")
    female_share: Probability | None = Field(default=None, description="share of women, of the candidates")
    platelets_median_1e9L: Positive | None = Field(default=None, description="median screening count of the eligible")
    splenectomised_share: Probability | None = Field(default=None, description="share without a spleen")

    @property
    def given(self) -> dict[str, float]:
        """Those that are given, by name."""
        return self.model_dump(exclude_none=True)


class PopulationChoice(Record):
    """Who is screened: a population of the catalogue (``id``) or the user's own patients (``file``, CSV or Parquet)."""

    id: Line | None = Field(default=None, description="a population of the catalogue")
    file: Name | None = Field(
        default=None, description="your own patients, CSV or Parquet, relative to the file this key stands in"
    )
    margins: Margins | None = Field(
        default=None,
        description="margins of your own for a population of the catalogue: one number of its law is moved for each",
    )

    by_day: Name | None = Field(
        default=None,
        description="a table ID, DAY and covariates beside file, CSV or Parquet: each value holds until the next",
    )
    changes: tuple[CovariateChange, ...] = Field(
        default=(), description="covariates that change during the trial; none: those of enrolment hold throughout"
    )

    @property
    def changing(self) -> bool:
        """Whether covariates may change during the trial."""
        return bool(self.changes or self.by_day)

    def problems(self) -> Iterator[Problem]:
        if self.by_day is not None and self.file is None:
            yield ("by_day",), "it names patients by the column ID of a file; allowed: with file, your own patients"
        yield from ((("changes", *path), text) for path, text in list_problems(self.changes))
        if (self.id is None) == (self.file is None):
            both = "both are given" if self.id else "neither is given"
            yield (), f"give either id (a population of the catalogue) or file (your own patients); {both}"
        if self.margins is not None and self.file is not None:
            yield ("margins",), "patients of a file have their own; allowed: with id, a population of the catalogue"
        if self.margins is not None and not self.margins.given:
            yield ("margins",), f"nothing is given; allowed: {', '.join(Margins.model_fields)}"
