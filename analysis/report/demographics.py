"""The baseline table: the simulated patients beside the published ones, from the rows of estimates.parquet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.evidence.scorecard import Published
from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    everybody,
    heading,
    published_head,
    replicate_name,
    simulated_over,
    texts,
)
from analysis.report.number_origins import Text, number, numbers, said, shown
from analysis.report.people import arm_head
from analysis.report.runfolder import RunFolder
from analysis.statistics.baseline import ITEMS, Item
from analysis.statistics.estimates import ALL, Estimate
from analysis.text import cells

Pick = Callable[[str], Estimate | None]
"""The row of a statistic of one item and one set of patients."""


def baseline_table(run: RunFolder) -> Table:
    """T 14.1.3: the patients at baseline beside the published table."""
    held = any(key[0].startswith("BASE:") for key in run.published)
    columns = [Column("what", "")]
    for arm in run.arms:
        group = arm_head(run, arm.id, arm.label)
        columns.append(Column(f"simulated-{arm.id}", said("Simulated, {}", replicate_name(run)), group))
        if held:
            columns.append(Column(f"published-{arm.id}", published_head(run), group))
    columns.append(Column("mean", simulated_over(run), "All arms"))
    rows: list[Row] = []
    for item in _items(run):
        if item.group and heading(item.group) not in rows:
            rows.append(heading(item.group))
        rows += _share_rows(run, item, held) if item.unit == "%" else _measured_rows(run, item, held)
    notes = ("n (%) for categories; SD with n - 1. " + _tests(run), *_means(run))
    notes += ("Published age, weight, height, BMI and counts are medians with the range over patients.",) * held
    return Table("T 14.1.3", "Demographics and baseline", everybody(run), tuple(columns), tuple(rows), notes)


def _tests(run: RunFolder) -> str:
    if run.study.paired:
        return "The patients of all arms are the same."
    return "No tests between arms: differences at baseline are chance."


def _means(run: RunFolder) -> tuple[str, ...]:
    """What the last column is; with one replicate it is that one."""
    return ("All arms: each statistic of a replicate, averaged over replicates.",) * (run.n_replicates > 1)


def _items(run: RunFolder) -> list[Item]:
    """The lines of the baseline table; those of ITP only where a patient has it."""
    known = {e.PARAMCD for e in run.estimates}
    return [item for item in ITEMS if f"BASE:{item.code}" in known]


def _sets(run: RunFolder, item: Item) -> list[Pick]:
    """How to find a statistic: of each arm in the named replicate, and of all arms over replicates."""
    code = f"BASE:{item.code}"
    named: list[Pick] = [lambda stat, arm=arm: run.one(code, arm, stat) for arm in run.study.arm_ids]  # type: ignore[misc]
    return [*named, lambda stat: run.over(code, ALL, stat)]


def _printed(run: RunFolder, item: Item, statistic: str) -> list[Published | None]:
    return [run.published.get((f"BASE:{item.code}", statistic, arm)) for arm in run.study.arm_ids]


def _row(name: str, key: str, simulated: Sequence[Text], published: Sequence[Text], held: bool) -> Row:
    """Simulated and published side by side; the last of ``simulated`` is of all arms."""
    *arms, everyone = simulated
    pairs = [text for pair in zip(arms, published, strict=True) for text in pair] if held else arms
    return Row((Cell(name, "label"), *texts(*pairs, everyone)), key)


def _share_rows(run: RunFolder, item: Item, held: bool) -> list[Row]:
    *arms, everyone = (pick("rate") for pick in _sets(run, item))
    simulated: list[Text] = [shown(cells.count, *numbers(e, "N_EVENT", "N")) if e else NONE for e in arms]
    known = everyone is not None and everyone.ESTIMATE is not None
    simulated.append(
        shown(cells.quantity, number(everyone, "ESTIMATE"), decimals=1, unit="%") if everyone and known else NONE
    )
    published = [
        shown(cells.count, *numbers(p, "events", "n")) if p and p.events is not None and p.n else NONE
        for p in _printed(run, item, "rate")
    ]
    name = ("  " if item.group else "") + item.label
    return [_row(name, item.code, simulated, published, held), *_missing(run, item, held)]


def _measured_rows(run: RunFolder, item: Item, held: bool) -> list[Row]:
    printed = _printed(run, item, "median")
    blank: list[Text] = [NONE] * len(printed)
    medians = [shown(cells.rounded, number(p, "published"), decimals=item.printed) if p else NONE for p in printed]
    limits = [
        shown(cells.minimum_maximum, *numbers(p, "ci_low", "ci_high"), raw_decimals=item.printed)
        if p and p.interval == "range"
        else NONE
        for p in printed
    ]
    said_of = {"n": blank, "mean (SD)": blank, "median": medians, "min, max": limits}
    rows = [heading(f"{item.label}, {item.unit}")]
    for line, published in said_of.items():
        simulated = [_statistic(pick, line, item.printed) for pick in _sets(run, item)]
        rows.append(_row(f"  {line}", f"{item.code}|{line}", simulated, published, held))
    return [*rows, *_missing(run, item, held)]


def _statistic(pick: Pick, line: str, printed: int) -> Text:
    """One line of a measured item for one set of patients."""
    mean, sd, median, low, high = map(pick, ("mean", "SD", "median", "minimum", "maximum"))
    if mean is None or sd is None or median is None or low is None or high is None:
        return NONE
    if line == "n":
        return shown(cells.whole, number(mean, "N"))
    if line == "mean (SD)":
        return shown(cells.mean_sd, number(mean, "ESTIMATE"), number(sd, "ESTIMATE"), raw_decimals=0)
    if line == "median":
        return shown(cells.median, number(median, "ESTIMATE"), raw_decimals=0)
    return shown(cells.minimum_maximum, number(low, "ESTIMATE"), number(high, "ESTIMATE"), raw_decimals=printed)


def _missing(run: RunFolder, item: Item, held: bool) -> list[Row]:
    """How many patients have no value, where some have none."""
    *arms, everyone = (pick("missing") for pick in _sets(run, item))
    if everyone is None:
        return []
    counts: list[Text] = [shown(cells.whole, number(e, "ESTIMATE")) if e else NONE for e in arms]
    mean = shown(cells.rounded, number(everyone, "ESTIMATE"), decimals=1)
    return [_row("  missing", f"{item.code}|missing", [*counts, mean], [NONE] * len(arms), held)]
