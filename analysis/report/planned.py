"""T 14.2.1.1: the comparison with the reference arm as the protocol plans it, and how often it succeeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from analysis.report.differences import replicates_won
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    full_set,
    heading,
    mean_over,
    named_alone,
    range_note,
    range_over,
    simulated_over,
    texts,
    with_error,
)
from analysis.report.number_origins import Text, joined, label, number, numbers, said, shown
from analysis.report.rates import PROXIES
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, NAMED, OVER, Estimate
from analysis.statistics.measured_comparison import STATS
from analysis.statistics.planned import FAMILY, LIMITS, ODDS, TESTS
from analysis.text import cells

PROCEDURES = {
    "holm": "Holm's procedure",
    "hochberg": "Hochberg's procedure",
    "fixed_sequence": "a fixed sequence",
    "graphical": "the graph of the design",
}
MEASURED = {"hodges_lehmann": "Shift", "ancova": "Difference", "ancova_log": "Ratio"}
HOW = {
    "hodges_lehmann": (
        "Shift of Hodges and Lehmann, limits exact in small arms without ties, else asymptotic; van Elteren's test",
        " within the strata of the randomisation",
    ),
    "ancova": ("Analysis of covariance, all arms in one model, adjusted for baseline count", " and stratum"),
    "ancova_log": (
        "Analysis of covariance of logarithms, all arms in one model, adjusted for log baseline count",
        " and stratum",
    ),
}
"""How measured endpoints are compared, and what is added with strata."""
TOGETHER = {"at least one": "At least one rejected", "all": "All rejected"}


def planned(run: RunFolder) -> Table | None:
    """Every yes or no endpoint of efficacy, the primary first, and what else is a hypothesis."""
    rows = tuple(row for code in _codes(run) for row in _rows(run, code))
    if not rows:
        return None
    over, one = simulated_over(run), named_alone(run)
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Difference") + ", points", over),
        Column("range", "Range", over),
        Column("rejected", "Rejected, %", over),
        Column("named", "Difference (95 % CI), points", one),
        Column("p", "p", one),
        *(Column("adjusted", "Adjusted p", one),) * _adjusts(run),
        Column("odds", "Odds ratio (95 % CI)", one),
    )
    title = f"Planned analysis: differences from {arm_name(run, str(run.study.analysis.reference_arm))[0]}"
    notes = (*method_notes(run), *_notes(run), *range_note(run))
    return Table("T 14.2.1.1", title, full_set(run), columns, (*rows, *_together(run)), notes)


def planned_measured(run: RunFolder) -> Table | None:
    """T 14.2.1.2: every measured endpoint as ``analysis.method.measured`` compares it, the primary first."""
    found = [e for e in run.estimates if e.STAT in STATS.values() and e.SCOPE == NAMED]
    if not found:
        return None
    method, primary = run.study.analysis.method.measured, run.study.analysis.primary
    over, one = simulated_over(run), named_alone(run)
    several = any(e.STAT in STATS.values() and e.SCOPE == OVER for e in run.estimates)
    columns = (
        Column("arm", "Arm"),
        *(
            Column("mean", with_error(run, MEASURED[method]), over),
            Column("range", "Range", over),
            Column("rejected", "Rejected, %", over),
        )
        * several,
        Column("n", "n", one),
        Column("named", f"{MEASURED[method]} (95 % CI)", one),
        Column("p", "p", one),
    )
    codes = sorted(dict.fromkeys(e.PARAMCD for e in found), key=lambda code: code != primary)
    rows = tuple(row for code in codes for row in _measured_rows(run, code, several))
    title = f"Planned analysis: measured endpoints against {arm_name(run, str(run.study.analysis.reference_arm))[0]}"
    strata = bool(run.study.randomisation.strata) and run.study.analysis.method.strata == "randomisation"
    how, within = HOW[method]
    notes = (
        f"{how}{within * strata}.",
        "Patients without a value are left out; p two-sided, nominal but for the primary endpoint.",
        *("Over replicates: the primary endpoint alone.",) * several,
        *range_note(run) * several,
    )
    return Table("T 14.2.1.2", title, full_set(run), columns, rows, notes)


def _measured_rows(run: RunFolder, code: str, several: bool) -> Iterator[Row]:
    stat, reference = STATS[run.study.analysis.method.measured], str(run.study.analysis.reference_arm)
    first = next(e for e in run.estimates if stat == e.STAT and code == e.PARAMCD)
    yield heading(f"{run.labels[code]}{f', {first.UNIT}' * bool(first.UNIT)} [{code}]", f"{code}|measured")
    for arm in run.study.arm_ids:
        one, p = (run.one(code, arm, name, reference) for name in (stat, "planned p"))
        if one is None or p is None:
            continue
        name, hue = arm_name(run, arm)
        many = run.over(code, arm, stat, reference)
        form: Callable[..., str] = cells.ratio_interval if stat == STATS["ancova_log"] else cells.with_limits
        how = {} if stat == STATS["ancova_log"] else {"decimals": 1}
        values = (
            *(mean_over(many, 2), range_over(many, 2), replicates_won(run, run.over(code, arm, "rejected", reference)))
            * several,
            shown(cells.whole, number(one, "N")),
            _interval(one, form, **how),
            _p(p),
        )
        yield Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}|measured", hue)


def _adjusts(run: RunFolder) -> bool:
    return run.study.analysis.multiplicity is not None


def _codes(run: RunFolder) -> list[str]:
    """Endpoints that are compared as planned."""
    primary, tested = run.study.analysis.primary, {e.PARAMCD for e in run.estimates if e.STAT == "rejected"}
    compared = dict.fromkeys(e.PARAMCD for e in run.estimates if e.STAT == "planned difference")
    shown_here = [code for code in compared if code not in PROXIES or code in tested]
    return sorted(shown_here, key=lambda code: code != primary)


def _rows(run: RunFolder, code: str) -> Iterator[Row]:
    yield heading(f"{run.labels[code]} [{code}]", code)
    reference = str(run.study.analysis.reference_arm)
    for arm in run.study.arm_ids:
        one, over = (partial(pick, code, arm, comparator=reference) for pick in (run.one, run.over))
        if one(stat="planned difference") is None:
            continue
        name, hue = arm_name(run, arm)
        difference = over(stat="planned difference")
        values = (
            mean_over(difference),
            range_over(difference),
            replicates_won(run, over(stat="rejected")),
            _interval(one(stat="planned difference"), cells.with_interval, decimals=1),
            _p(one(stat="planned p")),
            *(_p(one(stat="adjusted p")),) * _adjusts(run),
            _interval(one(stat="planned odds ratio"), cells.ratio_interval),
        )
        yield Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}", hue)


def _together(run: RunFolder) -> Iterator[Row]:
    """In how many replicates at least one hypothesis is rejected, and all."""
    reference = run.study.analysis.reference_arm
    found = {which: run.over(FAMILY, ALL, "rejected", reference, which) for which in TOGETHER}
    if any(found.values()):
        yield heading("Hypotheses together", FAMILY)
    for which, e in found.items():
        if e:
            values = (NONE, NONE, replicates_won(run, e), *(NONE,) * (3 + _adjusts(run)))
            yield Row((Cell(TOGETHER[which], "arm"), *texts(*values)), f"{FAMILY}|{ALL}|{which}")


def _interval(e: Estimate | None, form: Callable[..., str], **how: int) -> Text:
    return NONE if e is None else shown(form, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"), **how)


def _p(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.p_value, number(e, "ESTIMATE"))


def method_notes(run: RunFolder) -> tuple[Text, ...]:
    """How the arms are compared, as the study has it: a sentence each."""
    method = run.study.analysis.method
    strata = method.strata == "randomisation" and bool(run.study.randomisation.strata)
    within = " within the strata of the randomisation, weights of Mantel and Haenszel" * strata
    exact = method.test in ("fisher", "boschloo")
    notes: list[Text] = [
        f"Difference{within}; limits by {LIMITS[method.difference]}; p by {TESTS[method.test]}"
        f"{', without strata' * (exact and strata)}, two-sided; odds ratio by {ODDS[method.odds_ratio]}."
    ]
    at = partial(run.config, "analysis", "method")
    if method.pool_below:
        few = shown(cells.whole, at("pool_below"))
        notes.append(
            said("A stratum with fewer than {} evaluable patients in an arm joins the smallest of the others.", few)
        )
    if method.exact_below:
        few = shown(cells.general, at("exact_below"))
        notes.append(said("Where the smallest expected count is below {}: {}.", few, label(TESTS[method.exact])))
    return tuple(notes)


def family_note(run: RunFolder) -> Text:
    """The hypotheses that share one error, and how; "" when every p stands alone."""
    plan = run.study.analysis.multiplicity
    if plan is None:
        return ""
    names = joined(", ", [label(f"{h.endpoint} in {h.arm}") for h in run.study.analysis.family(run.study.arm_ids)])
    return said("Adjusted p by {} over: {}.", PROCEDURES[plan.procedure], names)


def _notes(run: RunFolder) -> Iterator[Text]:
    if _adjusts(run):
        yield family_note(run)
    p = "adjusted p" if _adjusts(run) else "p"
    yield (
        f"Rejected: replicates in which {p} < 0.05 and the arm is better (without a better direction: differs); error "
        "as in T 14.2.2. Other endpoints are no hypothesis, and their p is nominal."
    )
