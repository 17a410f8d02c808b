"""T 14.2.9 and F 14.2.9: the primary result by subgroup. Every number is a row of estimates.parquet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.figures.charts import over_panel
from analysis.figures.effects import EffectRow, effects
from analysis.report.differences import replicates_won
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    events,
    full_set,
    heading,
    mean_over,
    named_alone,
    range_note,
    range_over,
    replicate_name,
    simulated_over,
    texts,
    with_error,
)
from analysis.report.number_origins import Text, number, numbers, said, shown
from analysis.report.pictures import Figure, chosen, not_drawn
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import Estimate
from analysis.statistics.planned import LIMITS
from analysis.statistics.subgroups import KIND
from analysis.text import cells
from trial.study.subgroups import Subgroup


def parts(run: RunFolder) -> tuple[Table | None, Figure | None]:
    """Table and figure."""
    return table(run), forest(run)


def table(run: RunFolder) -> Table | None:
    """T 14.2.9: rates and differences in every subgroup, tests of interaction; None where no subgroup is asked for."""
    found = [e for e in run.estimates if e.PARCAT1 == KIND]
    if not found:
        return None
    codes = dict.fromkeys(e.PARAMCD for e in found)
    compared = any(e.COMPARATOR for e in found)
    over, one = simulated_over(run), named_alone(run)
    columns = (
        Column("group", "Subgroup"),
        Column("arm", "Arm"),
        *(
            Column("mean", with_error(run, "Difference") + ", points", over),
            Column("range", "Range", over),
            Column("same", "Same sign, %", over),
            Column("rejected", "Interaction rejected, %", over),
        )
        * compared,
        Column("events", "n/N (%)", one),
        *(Column("named", "Difference (95 % CI), points", one), Column("p", "Interaction p", one)) * compared,
    )
    rows = tuple(row for code in codes for row in _endpoint(run, code, compared))
    reference = run.study.analysis.reference_arm
    versus = f": differences from {arm_name(run, reference)[0]}" if compared and reference else ""
    return Table("T 14.2.9", f"Subgroups{versus}", full_set(run), columns, rows, tuple(_notes(run, compared)))


def _endpoint(run: RunFolder, code: str, compared: bool) -> Iterator[Row]:
    yield heading(f"{run.labels[code]} [{code}]", code)
    for by in run.study.analysis.subgroups:
        for word in _words(run, code, by):
            yield from (_line(run, code, word, arm, compared) for arm in run.study.arm_ids)
        tests = (_tested(run, code, by, arm) for arm in run.study.arm_ids)
        yield from (row for row in tests if row)


def _words(run: RunFolder, code: str, by: Subgroup) -> list[str]:
    """Names of the subgroups by one covariate, in the order of the estimates."""
    mine = (e.CATEGORY for e in run.estimates if e.STAT == "subgroup rate" and code == e.PARAMCD)
    return [word for word in dict.fromkeys(mine) if by.has(word)]


def _line(run: RunFolder, code: str, word: str, arm: str, compared: bool) -> Row:
    """An arm in a subgroup; of the reference arm the rate alone."""
    name, hue = arm_name(run, arm)
    versus = run.study.analysis.reference_arm
    over, one = (partial(pick, code, arm, comparator=versus, category=word) for pick in (run.over, run.one))
    of_many: tuple[Text, ...] = ()
    of_one: tuple[Text, ...] = ()
    if compared:
        mean = over("subgroup difference")
        of_many = (mean_over(mean), range_over(mean), replicates_won(run, over("same sign")), NONE)
        of_one = (_limits(one("subgroup difference")), NONE)
    cells_ = (*texts(*of_many), *texts(events(run.one(code, arm, "subgroup rate", category=word)), *of_one))
    return Row((Cell(word, "label"), Cell(name, "arm"), *cells_), f"{code}|{word}|{arm}", hue)


def _limits(e: Estimate | None) -> Text:
    return NONE if e is None else shown(cells.with_interval, *numbers(e, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=1)


def _tested(run: RunFolder, code: str, by: Subgroup, arm: str) -> Row | None:
    """The test of one difference in all subgroups by a covariate; None of the reference arm."""
    versus = run.study.analysis.reference_arm
    one = run.one(code, arm, "interaction p", versus, by.name)
    if one is None:
        return None
    name, hue = arm_name(run, arm)
    rejected = replicates_won(run, run.over(code, arm, "interaction rejected", versus, by.name))
    values = (NONE, NONE, NONE, rejected, NONE, NONE, shown(cells.p_value, number(one, "ESTIMATE")))
    return Row(
        (Cell(f"Interaction: {by.name}", "label"), Cell(name, "arm"), *texts(*values)), f"{code}|{by.name}|{arm}", hue
    )


def _notes(run: RunFolder, compared: bool) -> Iterator[Text]:
    yield "n/N (%): evaluable patients of the subgroup; NE: not estimable, an arm has nobody in the subgroup."
    if compared:
        limits = LIMITS[run.study.analysis.method.difference]
        yield (
            f"Difference in each subgroup as in all patients (T 14.2.1.1), limits by {limits}, not corrected for "
            "several comparisons. Interaction: Cochran's Q of the differences of the subgroups, variances of Miettinen "
            "and Nurminen under one common difference; rejected: share of replicates with p < 0.05."
        )
        yield (
            "Same sign: share of replicates in which the difference of the subgroup has the sign of that of all "
            "patients; replicates without a difference are left out; error as in T 14.2.2."
        )
        yield from range_note(run)


def forest(run: RunFolder) -> Figure | None:
    """F 14.2.9: differences of the primary endpoint in all patients and in every subgroup, a panel per arm."""
    plan = run.study.analysis
    arms = [arm for _, arm in chosen(run) if run.one(plan.primary, arm.id, "planned difference", plan.reference_arm)]
    if not arms or not any(e.STAT == "subgroup difference" for e in run.estimates):
        return None
    panels = [
        effects(f"subgroups{k}", over_panel(arm.label), tuple(_effects(run, arm.id)), arm.hue)
        for k, arm in enumerate(arms)
    ]
    notes: tuple[Text, ...] = (
        said(
            "Bar: 95 % limits in {}, its difference a tick. Dot: mean of replicates with the 2.5 to 97.5 % range of "
            "replicates as a thin line; dashed: mean of all patients. NE: not estimable. Numbers: T 14.2.9.",
            replicate_name(run),
        ),
        *not_drawn(run),
    )
    return Figure("F 14.2.9", f"Subgroups: {plan.primary}", full_set(run), tuple(panels), notes)


def _effects(run: RunFolder, arm: str) -> Iterator[EffectRow]:
    plan = run.study.analysis
    yield _effect(run, arm, "All patients", "planned difference", "")
    for by in plan.subgroups:
        yield EffectRow(by.name, heading=True)
        for word in _words(run, plan.primary, by):
            yield _effect(run, arm, _short(word, by), "subgroup difference", word)


def _short(word: str, by: Subgroup) -> str:
    """A subgroup under the heading of its covariate."""
    return word.removeprefix(by.begins if by.cut is None else by.covariate)


def _effect(run: RunFolder, arm: str, name: str, stat: str, category: str) -> EffectRow:
    plan = run.study.analysis
    one, over = (pick(plan.primary, arm, stat, plan.reference_arm, category=category) for pick in (run.one, run.over))
    limits = (one.ESTIMATE, one.CI_LOW, one.CI_HIGH) if one else (None, None, None)
    known = tuple(value for value in limits if value is not None)
    spread = (over.RANGE_LOW, over.RANGE_HIGH) if over else (None, None)
    ends = tuple(value for value in spread if value is not None)
    return EffectRow(
        name,
        (known[0], known[1], known[2]) if len(known) == 3 else None,
        over.ESTIMATE if over else None,
        (ends[0], ends[1]) if len(ends) == 2 else None,
    )
