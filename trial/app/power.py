"""Power at a size, or the size for a power, of the planned analysis of a study: the short form of a design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

from analysis.designs.assurance import Assured, write_assured
from analysis.designs.draw import Uniforms
from analysis.designs.measures import AS_SIMULATED, Operating, power_rows, write_operating
from analysis.designs.pool import Pool
from analysis.designs.tried import conducted
from analysis.statistics.measured_comparison import NAMES
from analysis.text import cells
from cohorts.stand_ins import other_set
from trial.app.attempt import How
from trial.app.design_family import is_measured
from trial.app.design_lines import percent
from trial.app.design_pool import uniforms_of
from trial.app.design_run import assured_of
from trial.app.designing import Posed, design_problems, pool_of, rows_of, trials_of, unadjusted
from trial.app.loading import check_again
from trial.app.structures import refuse_unusable_pair
from trial.app.talk import Progress, Say, silent, unseen
from trial.app.unknowns import unknown_of
from trial.errors import Refused
from trial.study.assurance_plan import AssurancePlan
from trial.study.design_plan import GROUPS, DesignPlan, PoolPlan
from trial.study.study import Study

CURVE = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5)
"""Sizes of the curve, as shares of the one that is asked about."""
LEAST = 4
UPWARD = 6
"""Sizes above the one that halving finds which must keep the power too: it goes up and down with the blocks."""
HEADS = ("patients", "to recruit", "power", "type I")


@dataclass(frozen=True)
class Wish:
    """What is asked: a ``target`` power or a size ``n``; ``dropout``: share of the recruited who are not evaluable
    beyond what the study simulates; ``ratio``: patients of each arm in a block, as ARM=K; ``draws`` of what is not
    known, for assurance, 0: not asked.
    """

    target: float | None = None
    n: int | None = None
    dropout: float = 0.0
    ratio: tuple[str, ...] = ()
    patients: int = 40_000
    trials: int = 10_000
    draws: int = 0


def asked_of(study: Study, wish: Wish) -> Posed:
    """The wish as a design. Raises Refused for what cannot be asked."""
    if (wish.target is None) == (wish.n is None):
        raise Refused("give either --target, the power that is wanted, or --n, the number of patients")
    if wish.target is not None and not 0 < wish.target < 1:
        raise Refused(f"--target: seen {wish.target:g}; allowed: between 0 and 1, as in 0.9")
    if not 0 <= wish.dropout < 1:
        raise Refused(f"--dropout: seen {wish.dropout:g}; allowed: from 0 to below 1, as in 0.1")
    ratio = dict(_ratio(text, study) for text in wish.ratio)
    each = -(-wish.patients // GROUPS)
    if wish.n is not None and not LEAST <= wish.n <= each:
        raise Refused(f"--n: seen {wish.n}; allowed: {LEAST} to {each}, a {GROUPS}th of the pool (--pool)")
    name = study.id[:50] + "_power"
    plan = DesignPlan(
        id=name, study=Path(study.id).name, ratio=ratio, sizes=(wish.n or LEAST,),
        pool=PoolPlan(patients=wish.patients), trials=wish.trials,
    )  # fmt: skip
    if wish.draws and study.parameter_uncertainty:
        raise Refused("--assurance draws the parameters; allowed with it: parameter_uncertainty: none")
    wrong = [f"{'.'.join(map(str, place))}: {text}" for place, text in design_problems(plan, study)]
    if wrong:
        raise Refused("; ".join(wrong))
    return Posed(plan, (("planned", study),))


def _ratio(text: str, study: Study) -> tuple[str, int]:
    arm, _, many = text.partition("=")
    if arm not in study.arm_ids or not many.isdigit() or not 1 <= int(many) <= 20:
        raise Refused(f"--ratio: seen {text!r}; allowed: ARM=K, ARM one of {', '.join(study.arm_ids)}, K from 1 to 20")
    return arm, int(many)


def write_power(
    study: Study, wish: Wish, folder: Path, how: How, say: Say = silent, progress: Progress = unseen
) -> tuple[list[Operating], int | None, list[Assured]]:
    """The rows of a curve around the size, written into ``folder``, and the size: that which was asked about, or the
    smallest with the target; None where the pool is too small for it. Where it is asked for, the assurance of the size.
    """
    asked = asked_of(study, wish)
    pool, changed = pool_of(asked.plan, study, folder, how, say, progress)
    uniforms = uniforms_of(study.seed)
    size = wish.n or _smallest(asked.plan, changed, pool, uniforms, float(wish.target or 0))
    middle = size or pool.per_group
    sizes = sorted({max(LEAST, min(round(share * middle), pool.per_group)) for share in CURVE})
    rows: list[Operating] = []
    with progress("power curve") as tell:
        for k, n in enumerate(sizes):
            design = trials_of(asked.plan, changed, n, pool.known_after)
            rows += rows_of(asked.plan, "planned", pool, design, changed, uniforms)
            tell(k + 1, len(sizes))
    assured: list[Assured] = []
    if wish.draws and size:
        plan = asked.plan.model_copy(update={"sizes": (size,), "assurance": all_unknown(study, wish)})
        unknown = unknown_of(plan.assurance or AssurancePlan(), Path(), (), check_again(study))
        assured, beside = assured_of(plan, unknown, study, rows, folder, how, say, progress)
        rows += beside
        write_assured(assured, folder)
    write_operating(rows, folder)
    return rows, size, assured


def all_unknown(study: Study, wish: Wish) -> AssurancePlan:
    """All parameters, and both structures where the study can be simulated under both."""
    both = other_set(study.parameter_set) is not None
    try:
        refuse_unusable_pair(study) if both else None
    except Refused:
        both = False
    target = wish.target or AssurancePlan.model_fields["target"].default
    return AssurancePlan(structures="both" if both else "own", draws=wish.draws, target=target)


def _smallest(plan: DesignPlan, study: Study, pool: Pool, uniforms: Uniforms, target: float) -> int | None:
    """The smallest size with the target at that size and every larger one that is tried; None: not in this pool."""

    def power_at(n: int) -> float:
        design = trials_of(plan, study, n, pool.known_after)
        found = conducted(pool, design, study.analysis.method, plan.trials, uniforms, estimated=False)
        blank = Operating(plan.id, "", AS_SIMULATED, n, "", "", 0.0, 0.0, 0.0, 0.0, 0, "share")
        return next(power_rows(blank, found, design)).value

    return smallest_with(power_at, target, pool.per_group)


def smallest_with(power_at: Callable[[int], float], target: float, most: int) -> int | None:
    """By halving between sizes that fail and that pass, with the same random numbers, then upward until the sizes just
    above and those of the curve pass as well; None: not up to ``most``.
    """

    @cache
    def passes(n: int) -> bool:
        return power_at(n) >= target

    low, high = LEAST, min(LEAST, most)
    while not passes(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    while high <= most:
        larger = {*range(high, high + UPWARD + 1), *(round(share * high) for share in CURVE if share > 1)}
        fails = [n for n in larger if n <= most and not passes(n)]
        if not fails:
            return high
        high = max(fails) + 1
    return None


def lines(rows: Sequence[Operating], wish: Wish) -> list[tuple[str, ...]]:
    """One line per size."""
    found: list[tuple[str, ...]] = []
    for size in dict.fromkeys(row.patients for row in rows):
        mine = [row for row in rows if row.patients == size]
        power = next(row for row in mine if row.measure == "power")
        wrong = max((row for row in mine if row.measure == "type1"), key=lambda row: row.value)
        found.append((str(size), str(recruited(size, wish.dropout)), percent(power), percent(wrong)))
    return found


def recruited(size: int, dropout: float) -> int:
    """Patients to recruit so that ``size`` are left."""
    return ceil(size / (1 - dropout) - 1e-9)


def notes(rows: Sequence[Operating], size: int | None, study: Study, wish: Wish) -> list[str]:
    """What stands below the lines."""
    said = []
    if wish.target is not None and size is None:
        largest = max(row.patients for row in rows)
        said.append(f"Not even {largest} patients have a power of {100 * wish.target:g} %; --pool makes room for more.")
    elif wish.target is not None:
        said.append(
            f"Smallest size with a power of {100 * wish.target:g} %: {size} patients"
            + (f", {recruited(int(size or 0), wish.dropout)} to recruit" if wish.dropout else "")
            + f"; {_reached(rows, int(size or 0))}."
        )
    said.append(
        f"Test: {_test_in_words(study)}, "
        f"one-sided 2.5 %, {study.analysis.primary}; at least one hypothesis; {rows[0].trials} trials of a pool; ± is "
        "the error of the pool and of the drawing. Type I: the largest over the null hypotheses, in %."
    )
    if text := unadjusted(asked_of(study, wish).plan, study):
        said.append(f"{text[0].upper()}{text[1:]}.")
    said += [
        f"The error of {row.patients} patients under '{row.truth}' is above 2.5 %: {percent(row)} %."
        for row in rows
        if row.measure == "type1" and row.low > 0.025
    ]
    untested = [row for row in rows if row.measure == "untested" and row.value > 0]
    share = "{} patients: {} % of trials had a hypothesis that cannot be tested."
    said += [share.format(row.patients, cells.rounded(100 * row.value, 2)) for row in untested]
    return said


def _test_in_words(study: Study) -> str:
    """The planned test of the primary endpoint, and whether it is within the strata."""
    method, measured = study.analysis.method, is_measured(study, study.analysis.primary)
    within = study.randomisation.strata and method.strata != "none" and (measured or method.test.startswith("cmh"))
    test = NAMES[method.measured] if measured else method.test
    return f"{test}, {'within the strata of the randomisation' if within else 'without strata'}"


def _reached(rows: Sequence[Operating], size: int) -> str:
    """The power of the smallest size, and what it rests on."""
    row = next(row for row in rows if (row.measure, row.patients) == ("power", size))
    value, low, high = (cells.rounded(100 * share, 1) for share in (row.value, row.low, row.high))
    return (
        f"power {value} % (95 % interval {low} to {high}). It rests on the point estimate, which reaches the target "
        "here and at every larger size tried; vtrial design demands the whole interval"
    )
