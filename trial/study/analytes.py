"""How the laboratory reports what it measures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trial.study.protocol import Number, Record, Whole


class Laboratory(Record):
    """How counts are reported: whole numbers not below ``lower_limit_1e9L``, ``turnaround_days`` after the visit."""

    turnaround_days: Annotated[Whole, Field(ge=0, le=7)] = Field(
        default=0,
        description="a count is reported so long after the visit: a dose change starts, a rescue is given then",
    )
    lower_limit_1e9L: Annotated[Number, Field(ge=0, le=20)] = Field(
        default=1.0, description="lower counts are reported as this, the screening count too"
    )
    whole_numbers: bool = Field(default=True, description="counts are reported as whole numbers")
