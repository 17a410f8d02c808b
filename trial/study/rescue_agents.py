"""Rescue therapy as data: which agents there are, when each is given, what it does and how long it voids a response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from cohorts import references as cite
from cohorts.citations import Source
from trial.study.protocol import Identifier, Positive, Problem, Record, Whole, twice
from trial.study.texts import Line

KindName = Literal["platelets", "immunoglobulin", "steroid"]


@dataclass(frozen=True)
class AgentKind:
    """What an agent does where a config does not say: ``adds_1e9L`` platelets, or a fall of the logarithm of platelet
    loss (None: RESCUE_DROP of the patient) that begins ``onset_days`` after the day on which it is given and fades with
    ``fades_days`` (None: RESCUE_TAU of the patient). All assumed for a trial; ``source`` says from what.
    """

    id: KindName
    source: Source
    note: str
    onset_days: int
    adds_1e9L: float | None = None
    fades_days: float | None = None


KINDS = (
    AgentKind(
        "platelets",
        Source(cite.NOROL_1998, "abstract: rise by 33 x 10^9/L after 4 to 6 x 10^11 platelets"),
        "adults with cancer of the blood, whose platelets nothing destroys but the disease: assumed in ITP",
        onset_days=0,
        adds_1e9L=33.0,
    ),
    AgentKind(
        "immunoglobulin",
        Source(cite.RODEGHIERO_2009, "first response after 1 to 3 days"),
        "size and fading are RESCUE_DROP and RESCUE_TAU of the parameter set: assumed",
        onset_days=1,
    ),
    AgentKind(
        "steroid",
        Source(cite.RODEGHIERO_2009, "first response to prednisone after 4 to 14 days"),
        "size as that of immunoglobulin, and a course of four weeks: assumed",
        onset_days=4,
        fades_days=28.0,
    ),
)


class RescueAgent(Record):
    """One agent: given at a visit when its trigger says so, on the day on which what it needs is known.

    A trigger is a reported count, a bleeding grade that is seen at the visit (either is enough), or the clinical
    decision: the hazard of rescue of the parameter set. Several agents may be given on one day.
    """

    id: Identifier = Field(description="name of the agent in the tables")
    label: Line = Field(default="", description="name of the agent in words; none: its id")
    kind: KindName = Field(description="platelets add to the count; the others lower platelet loss for weeks")
    below_1e9L: Positive | None = Field(default=None, description="given when a count below this is reported")
    bleeding_at_least: Annotated[Whole, Field(ge=1, le=4)] | None = Field(
        default=None, description="given when a WHO bleeding grade of this or more is seen at a visit, that day"
    )
    clinical: bool = Field(
        default=False,
        description="given when the hazard of rescue of the parameter set decides, rescue.min_days_between apart",
    )
    min_days_between: Annotated[Whole, Field(ge=0, le=365)] | None = Field(
        default=None,
        description="shortest time between two of this agent, not with clinical; none: rescue.min_days_between",
    )
    onset_days: Annotated[Whole, Field(ge=0, le=56)] | None = Field(
        default=None,
        description="from the day it is given to that of its effect; none: platelets 0, immunoglobulin 1, steroid 4",
    )
    adds_1e9L: Annotated[float, Field(strict=True, gt=0, le=500)] | None = Field(
        default=None, description="platelets only: the count rises by this; none: 33"
    )
    log_drop: Annotated[float, Field(strict=True, gt=0, le=10)] | None = Field(
        default=None,
        description="not platelets: fall of the logarithm of platelet loss; none: RESCUE_DROP of each patient",
    )
    fades_days: Annotated[float, Field(strict=True, gt=0, le=365)] | None = Field(
        default=None,
        description="not platelets: that fall is so many days later 1/e of it; none: RESCUE_TAU of each patient, "
        "steroid 28",
    )
    voids_days: Annotated[Whole, Field(ge=0, le=3650)] | None = Field(
        default=56, description="counts of so many days from the day it is given are no response; null: all later ones"
    )

    def problems(self) -> Iterator[Problem]:
        seen = self.below_1e9L is not None or self.bleeding_at_least is not None
        if not seen and not self.clinical:
            yield (), "nothing triggers it; give below_1e9L, bleeding_at_least or clinical: true"
        if seen and self.clinical:
            yield ("clinical",), "seen true; the hazard takes no count or grade beside it: give one or the other"
        if self.clinical and self.min_days_between is not None:
            yield (
                ("min_days_between",),
                f"seen {self.min_days_between}; a clinical decision keeps to rescue.min_days_between: give it there",
            )
        useless = ("log_drop", "fades_days") if self.adds else ("adds_1e9L",)
        for name in useless:
            if (value := getattr(self, name)) is not None:
                why = "platelets live as long as the patient's own" if self.adds else f"{self.kind} lowers loss"
                yield (name,), f"seen {value:g}; {why}, so it says nothing here"

    @property
    def _kind(self) -> AgentKind:
        return next(kind for kind in KINDS if kind.id == self.kind)

    @property
    def adds(self) -> float:
        """Platelets it adds (10^9/L), 0 of one that lowers loss."""
        usual = self._kind.adds_1e9L
        return 0.0 if usual is None else self.adds_1e9L or usual

    @property
    def onset(self) -> int:
        """Days from the day it is given to that of its effect."""
        return self._kind.onset_days if self.onset_days is None else self.onset_days

    @property
    def fades(self) -> float | None:
        """Days after which the fall of loss is 1/e of it; None: RESCUE_TAU of each patient."""
        return self.fades_days or self._kind.fades_days

    @property
    def term(self) -> str:
        """Its name in the events table."""
        return self.label or self.id


STANDARD = RescueAgent(
    id="rescue", label="rescue therapy", kind="immunoglobulin", clinical=True, onset_days=0, voids_days=None
)
"""The one agent of a study that names none."""


class Rescue(Record):
    """Rescue therapy: the hazard of a clinical decision is in the parameter set; the protocol says when it may be given
    and with what.
    """

    allowed: bool = Field(default=True, description="whether rescue therapy may be given")
    min_days_between: Annotated[Whole, Field(ge=0, le=365)] = Field(
        default=28, description="shortest time between two rescues; until then the hazard of the next one stands still"
    )
    agents: tuple[RescueAgent, ...] = Field(
        default=(),
        description="what is given; none: one that lowers loss at once by the clinical hazard and voids a response for "
        "good",
    )

    def problems(self) -> Iterator[Problem]:
        yield from twice([agent.id for agent in self.agents], ("agents",))
        if self.agents and not self.allowed:
            yield ("agents",), "no rescue is allowed (rescue.allowed: false), so none of them is ever given"

    @property
    def given(self) -> tuple[RescueAgent, ...]:
        """Every agent that may be given."""
        return self.agents or (STANDARD,)

    def apart(self, agent: RescueAgent) -> int:
        """Shortest time between two of an agent (days)."""
        return self.min_days_between if agent.min_days_between is None else agent.min_days_between

    @property
    def adds_platelets(self) -> bool:
        """Whether an agent adds to the count."""
        return any(agent.adds for agent in self.agents)
