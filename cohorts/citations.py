"""Who said it, and where: Citation, and Source (a citation with a locator inside it)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """One published thing. ``id`` is author_year; doi, pmid, pmcid, registry or note say how to find it."""

    id: str
    authors: str
    title: str
    journal: str
    year: int
    doi: str = ""
    pmid: str = ""
    pmcid: str = ""
    registry: str = ""
    note: str = ""
    label: str = ""

    @property
    def short(self) -> str:
        """For a table: the label, or first author and year ("Mei 2021")."""
        return self.label or f"{self.authors.split()[0].rstrip(',')} {self.year}"

    @property
    def text(self) -> str:
        """One line with everything needed to find it."""
        handles = [
            f"doi:{self.doi}" if self.doi else "",
            f"PMID {self.pmid}" if self.pmid else "",
            self.pmcid,
            self.registry,
            self.note,
        ]
        found = "; ".join(handle for handle in handles if handle)
        return f"{self.authors}. {self.title}. {self.journal} {self.year}. {found}".strip()


@dataclass(frozen=True)
class Source:
    """Where a number stands: the citation and the place inside it ("Table 1", "abstract")."""

    citation: Citation
    locator: str

    @property
    def text(self) -> str:
        """For a table: "Mei 2021, Table 1"."""
        return f"{self.citation.short}, {self.locator}"


def merge(sources: Iterable[Source]) -> tuple[Citation, ...]:
    """The distinct citations of some sources, in order of first use."""
    return tuple(dict.fromkeys(source.citation for source in sources))


THIS_ENGINE = Citation(
    id="virtual_trial_2026",
    authors="Virtual-trial authors",
    title="Choices made in this engine, stated beside each number",
    journal="this repository",
    year=2026,
    note="not a publication: no source was found",
    label="this engine",
)
