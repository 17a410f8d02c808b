"""A page for each miss of the scorecard: what was simulated, how the row stands, and what is known of its cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.evidence.coverage import LEVELS, RowStanding
from analysis.evidence.scoring import MISSES_FILE, UNEXPLAINED, Miss, held_against, value

PAGES = "misses.md"
NO_EXPERIMENT = f"No experiment is on record for this row (nothing in {MISSES_FILE})."


def pages(misses: Iterable[Miss], standings: Sequence[RowStanding]) -> str:
    """All pages as Markdown, in the order of the misses; what is not on record is said to be so, and not made up."""
    by_row = {row.row_id: row for row in standings}
    return "\n".join(["# Misses of the scorecard\n", *(_page(miss, by_row.get(miss.score.row_id)) for miss in misses)])


def _page(miss: Miss, row: RowStanding | None) -> str:
    s = miss.score
    why = miss.explanation
    known = NO_EXPERIMENT if why == UNEXPLAINED else f"{why[0].upper()}{why[1:]}."
    lines = [
        f"## {s.row_id}\n",
        f"- Study: {miss.study}, {s.endpoint} of {s.arm}, {s.timepoint}",
        f"- Simulated {value(s)}, published {held_against(s)}, unit {s.unit}",
    ]
    if row is not None:
        lines.append(f"- Stands as: {row.status}{f' ({row.seen_by})' if row.seen_by else ''}; role: {row.role}")
        if row.pit is not None:
            held = [f"{level} % {'yes' if row.held(level) else 'no'}" for level in LEVELS]
            lines.append(f"- Held by the predictive interval of {', '.join(held)} (PIT {row.pit:.3f})")
    return "\n".join([*lines, f"\n**What shows the cause.** {known}\n"])
