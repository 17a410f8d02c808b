"""``parameter_uncertainty`` of a study: which numbers of its parameter set every replicate draws anew."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from cohorts.believed import Believed, together, without_error
from cohorts.parameters import ParameterSet, near
from cohorts.posterior import PosteriorError
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


def moved_in_words(chosen: ParameterSet, what: Believed) -> str:
    """What every replicate draws anew, and what it does not. Raises PosteriorError."""
    found, names = together(chosen, what)
    drawn = f"takes {', '.join(names)} together from a draw of the posterior ({found.in_words})" if found else ""
    alone = without_error(chosen, names)
    joint = [name for block in alone.uncertainty for name in block.names]
    fitted = f" ({', '.join(joint)} together, with errors of a calibration, which are too small)"
    status = {p.name: p.status for p in chosen.parameters} | {e.name: e.status for e in chosen.random_effects}
    assumed = [name for name in alone.rse_percent if status[name] == "assumed"]
    taken = f"; assumed in this set, and moved by the errors of where they come from: {', '.join(assumed)}"
    with_error = f"{', '.join(alone.rse_percent)}, which have a standard error{fitted if joint else ''}"
    tail = f"the spread of replicates then includes it{taken if assumed else ''}"
    if what != "all":
        return f"{drawn or f'moves only {with_error}'}; {tail}"
    moved = f"moves {with_error if alone.rse_percent else 'nothing by a standard error'}; {_priors(chosen, names)}"
    return f"{drawn}{'; ' if drawn else ''}{moved}; {tail}"


def draws_problem(chosen: ParameterSet, what: Believed) -> str:
    """Why the draws that are asked for cannot be used; "" where they can, or none are."""
    try:
        together(chosen, what)
    except PosteriorError as error:
        return f"the posterior of {chosen.id}: {error}"
    return ""


def posterior_in_words(chosen: ParameterSet, what: Believed) -> list[str]:
    """The draws that are used, where some are."""
    found, names = together(chosen, what)
    return [f"posterior {found.in_words}; used: {', '.join(names)}"] if found else []


def _priors(chosen: ParameterSet, drawn: tuple[str, ...]) -> str:
    """What is moved by a prior, by its SD, and what stays; without what is ``drawn`` from a posterior."""
    found = {name: width for name, width in widths(chosen).items() if name not in drawn}
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
