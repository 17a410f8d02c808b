"""``parameter_uncertainty`` of a study: which numbers of its parameter set every replicate draws anew."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from cohorts.parameters import ParameterSet, near
from cohorts.widths import FURTHEST, widths
from trial.study import slips

WORDS: dict[str, bool | str] = {"fitted": True, "none": False, "all": "all"}


def _word(value: Any) -> Any:
    """False, True (fitted) or "all"."""
    if isinstance(value, bool) or value == "all":
        return value
    if isinstance(value, str) and value in WORDS:
        return WORDS[value]
    meant = near(value, WORDS) or slips.truth_meant(value)
    raise ValueError(f"allowed: none, fitted or all; true means fitted, false none{meant}")


Uncertain = Annotated[bool | Literal["all", "fitted", "none"], BeforeValidator(_word)]


def moved_in_words(chosen: ParameterSet, what: bool | str) -> str:
    """What every replicate draws anew, and what it does not."""
    together = [name for block in chosen.uncertainty for name in block.names]
    fitted = f" ({', '.join(together)} together, with errors of a calibration, which are too small)"
    status = {p.name: p.status for p in chosen.parameters} | {e.name: e.status for e in chosen.random_effects}
    assumed = [name for name in chosen.rse_percent if status[name] == "assumed"]
    taken = f"; assumed in this set, and moved by the errors of where they come from: {', '.join(assumed)}"
    with_error = f"{', '.join(chosen.rse_percent)}, which have a standard error{fitted if together else ''}"
    tail = f"the spread of replicates then includes it{taken if assumed else ''}"
    if what != "all":
        return f"moves only {with_error}; {tail}"
    return f"moves {with_error if chosen.rse_percent else 'nothing by a standard error'}; {_priors(chosen)}; {tail}"


def _priors(chosen: ParameterSet) -> str:
    """What is moved by a prior, by its SD, and what stays."""
    found = widths(chosen)
    rungs = Counter(width.log_sd for width in found.values())
    how = ", ".join(f"{rungs[sd]} with a log SD of {sd:g}" for sd in sorted(rungs) if sd)
    strange = [name for name, width in found.items() if width.reason == FURTHEST]
    own = f" ({', '.join(strange)}: {FURTHEST})" if strange else ""
    still = [name for name, width in found.items() if not width.log_sd]
    stay = f"{', '.join(still)} stay, and so do " if still else "still stay "
    return (
        f"and {sum(map(bool, (w.log_sd for w in found.values())))} assumed numbers by a prior of how far they were "
        f"carried, each for itself: {how}{own}; shares of one whole, orders and limits are kept, which narrows some "
        f"(FP and FM, say); {stay}published and derived numbers without an error, correlations and covariate effects"
    )
