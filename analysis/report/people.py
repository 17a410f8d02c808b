"""The tables of participants: flow, disposition, who cannot be evaluated, and the baseline table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.report.grid import (
    NONE,
    Cell,
    Column,
    Row,
    Table,
    counted_replicates,
    courses,
    everybody,
    heading,
    plural,
    published_name,
    replicate_name,
    texts,
)
from analysis.report.runfolder import RunFolder, plain
from analysis.statistics import baseline
from analysis.statistics.baseline import Continuous, Item
from analysis.statistics.disposition import Disposition, disposition
from analysis.statistics.estimates import ALL
from analysis.text import cells

Flags = NDArray[np.bool_]
STOPPED = "Treatment stopped by the dose rule"


@dataclass(frozen=True)
class Step:
    """One number of the flow: in the named replicate, and its mean over replicates as text."""

    label: str
    n: int
    mean: str


@dataclass(frozen=True)
class ArmFlow:
    """One arm of the flow: label, hue, allocated, those who left by reason, completed, solves failed, analysed."""

    label: str
    hue: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Flow:
    """The flow of participants; ``screened`` is None and ``excluded`` empty when screening was not recorded."""

    screened: Step | None
    excluded: tuple[Step, ...]
    out: Step | None
    randomised: Step
    arms: tuple[ArmFlow, ...]


def dispositions(run: RunFolder, patients: Flags) -> list[Disposition]:
    """Disposition of each arm among these patients, then of all arms."""
    records, reason = run.records, run.column("patients", "DCSREAS")
    reasons = [item.reason for item in run.study.dropout]
    chosen = [patients & (records.arm == k) for k in range(len(run.arms))] + [patients]
    stopped = np.isfinite(records.stopped_day)
    return [
        disposition(records.completed[c], reason[c], records.unsolved[c] != "", reasons, stopped[c]) for c in chosen
    ]


def flow(run: RunFolder) -> Flow:
    """Screened, excluded, randomised, and what became of each arm."""
    one, every = dispositions(run, run.named), dispositions(run, np.ones(run.records.n, dtype=bool))
    steps = [Step(label, n, mean) for label, n, mean in _screening(run)]
    arms = tuple(
        ArmFlow(f"{arm.label}", arm.hue, tuple(_arm_steps(a, b, run)))
        for arm, a, b in zip(run.arms, one, every, strict=False)
    )
    excluded = tuple(s for s in steps if s.label not in ("screened", "randomised"))
    screened = next((s for s in steps if s.label == "screened"), None)
    out = _excluded(run, excluded)
    paired = run.study.paired
    label, who = ("Patients, each simulated under every arm", 0) if paired else ("Randomised", -1)
    total = Step(label, one[who].randomised, _mean(every[who].randomised, run.n_kept))
    return Flow(screened, excluded, out, total, arms)


def _excluded(run: RunFolder, reasons: Sequence[Step]) -> Step | None:
    """Everybody who was screened and not randomised."""
    if not reasons:
        return None
    table = run.tables["screening"]
    chosen = np.isin(plain(table["REASON"]), [s.label for s in reasons])
    total = int(plain(table["N"])[chosen].sum())
    return Step("excluded", sum(s.n for s in reasons), _mean(total, run.n_kept))


def _screening(run: RunFolder) -> list[tuple[str, int, str]]:
    if "screening" not in run.tables:
        return []
    table = run.tables["screening"]
    replicate, reason, n = (plain(table[name]) for name in ("IREP", "REASON", "N"))
    named = replicate == run.study.analysis.named_replicate
    return [
        (label, int(n[named & (reason == label)].sum()), _mean(int(n[reason == label].sum()), run.n_kept))
        for label in dict.fromkeys(reason.tolist())
    ]


def _arm_steps(one: Disposition, every: Disposition, run: RunFolder) -> list[Step]:
    r = run.n_kept
    steps = [
        Step(
            "Simulated under this arm" if run.study.paired else "Allocated",
            one.randomised,
            _mean(every.randomised, r),
        )
    ]
    if run.study.can_stop:
        steps.append(Step(f"{STOPPED}, stayed in the study", one.stopped, _mean(every.stopped, r)))
    steps += [Step(f"Left: {why}", n, _mean(dict(every.left)[why], r)) for why, n in _reasons(one, every)]
    steps.append(Step("Completed", one.completed, _mean(every.completed, r)))
    if every.unsolved:
        steps.append(Step("Solve failed", one.unsolved, _mean(every.unsolved, r)))
    steps.append(Step("Analysed", one.randomised - one.unsolved, _mean(every.randomised - every.unsolved, r)))
    return steps


def _reasons(one: Disposition, every: Disposition) -> list[tuple[str, int]]:
    counted = dict(one.left)
    return [(why, counted.get(why, 0)) for why, _ in every.left]


def _mean(total: int, replicates: int) -> str:
    return cells.rounded(total / replicates, 1)


def disposition_table(run: RunFolder) -> Table:
    """T 14.1.1: who completed, who left and why; named replicate per arm, and the mean over replicates."""
    one, every = dispositions(run, run.named), dispositions(run, np.ones(run.records.n, dtype=bool))
    group = f"Simulated, {replicate_name(run)} alone, n (%)"
    columns = [Column("what", "")]
    columns += [
        Column(arm.id, cells.column_head(arm.label, d.randomised), group) for arm, d in zip(run.arms, one, strict=False)
    ]
    columns.append(
        Column(
            "all",
            cells.column_head(f"All {courses(run)}" if run.study.paired else "All arms", one[-1].randomised),
            group,
        )
    )
    columns.append(Column("mean", f"Share of all {courses(run)}, %", counted_replicates(run)))
    lines: list[tuple[str, list[int], int]] = [
        ("Completed", [d.completed for d in one], every[-1].completed),
        ("Discontinued", [d.discontinued for d in one], every[-1].discontinued),
    ]
    for why, _ in every[-1].left:
        lines.append((f"  {why}", [dict(d.left).get(why, 0) for d in one], dict(every[-1].left)[why]))
    lines.append(("Solve failed", [d.unsolved for d in one], every[-1].unsolved))
    if run.study.can_stop:
        lines.append((STOPPED, [d.stopped for d in one], every[-1].stopped))
    rows = [
        Row(
            (
                Cell(label, "text"),
                *(Cell(cells.count(n, d.randomised)) for n, d in zip(counts, one, strict=True)),
                Cell(cells.rounded(100 * total / every[-1].randomised, 1)),
            ),
            label,
        )
        for label, counts, total in lines
    ]
    notes = (f"{STOPPED}: they stayed in the study and are among the lines above too.",) * run.study.can_stop
    printed = run.published.get(("COMPL", "rate", ALL))
    if printed and printed.events is not None and printed.n:
        notes += (f"Published, {printed.study}: {cells.count(printed.events, printed.n)} of {printed.n} completed.",)
    return Table("T 14.1.1", "Disposition", everybody(run), tuple(columns), tuple(rows), notes)


def not_evaluable(run: RunFolder) -> Table:
    """T 14.1.2: patients without a value per endpoint, with the reason, over all replicates."""
    table = run.tables["endpoints"]
    code, flag, reason = (plain(table[name]) for name in ("PARAMCD", "EVALFL", "REASON"))
    absent = flag == "N"
    counted = Counter(zip(code[absent].tolist(), reason[absent].tolist(), strict=True))
    sizes = Counter(code.tolist())
    alike: dict[tuple[str, int, int], list[str]] = {}
    for c in sizes:
        for (k, why), n in counted.most_common():
            if k == c:
                alike.setdefault((why, n, sizes[c]), []).append(c)
    rows = [
        Row(
            texts(", ".join(same), run.in_words(why), kind="text") + texts(f"{n:,}", cells.rounded(100 * n / of, 1)),
            same[0],
        )
        for (why, n, of), same in alike.items()
    ]
    columns = (
        Column("endpoint", "Endpoints"),
        Column("reason", "Reason"),
        Column("n", courses(run, capital=True), counted_replicates(run)),
        Column("share", "%", counted_replicates(run)),
    )
    everyone = f"Every one of the {run.records.n:,} {courses(run)} has a value for every endpoint."
    return Table(
        "T 14.1.2", "Patients who cannot be evaluated", everybody(run), columns, tuple(rows),
        () if rows else (everyone,),
    )  # fmt: skip


def baseline_table(run: RunFolder) -> Table:
    """T 14.1.3: the patients at baseline beside the published table."""
    held = any(key[0].startswith("BASE:") for key in run.published)
    sets = [run.named & (run.records.arm == k) for k in range(len(run.arms))]
    columns = [Column("what", "")]
    for arm, chosen in zip(run.arms, sets, strict=True):
        group = cells.column_head(arm.label, int(chosen.sum()))
        columns.append(Column(f"simulated-{arm.id}", f"Simulated, {replicate_name(run)}", group))
        if held:
            columns.append(Column(f"published-{arm.id}", f"Published, {published_name(run)}", group))
    columns.append(Column("pooled", f"Simulated, {plural(run.n_kept, 'replicate')}", "All arms"))
    rows: list[Row] = []
    for item in _items(run):
        if item.group and heading(item.group) not in rows:
            rows.append(heading(item.group))
        rows += _item_rows(run, item, sets, held)
    notes: tuple[str, ...] = (
        "n (%) for categories; SD with n - 1. "
        + (
            "The patients of all arms are the same."
            if run.study.paired
            else "No tests between arms: differences at baseline are chance."
        ),
    )
    if held:
        notes += ("Published age, weight, height, BMI and counts are medians with the range over patients.",)
    return Table("T 14.1.3", "Demographics and baseline", everybody(run), tuple(columns), tuple(rows), notes)


def _items(run: RunFolder) -> list[Item]:
    """The lines of the baseline table; without those of ITP where no patient has it."""
    itp = bool((run.column("patients", "ITPDUR") > 0).any())
    return [item for item in baseline.ITEMS if itp or item.code not in baseline.ITP]


def _item_rows(run: RunFolder, item: Item, sets: Sequence[Flags], held: bool) -> list[Row]:
    columns = {name: plain(run.tables["patients"][name]) for name in PATIENT_COLUMNS}
    found = [baseline.summary(item, {k: v[chosen] for k, v in columns.items()}) for chosen in sets]
    pooled = baseline.summary(item, columns)
    statistic = "rate" if item.unit == "%" else "median"
    printed = [run.published.get((f"BASE:{item.code}", statistic, arm.id)) for arm in run.arms]

    def row(label: str, simulated: list[str], published: list[str], everyone: str, key: str) -> Row:
        pairs = [v for pair in zip(simulated, published, strict=True) for v in pair] if held else simulated
        return Row((Cell(label, "text"), *texts(*pairs, everyone)), key)

    if isinstance(pooled, baseline.Share):
        text = [cells.count(s.yes, s.n) for s in found if isinstance(s, baseline.Share)]
        said = [NONE if p is None or p.events is None or not p.n else cells.count(p.events, p.n) for p in printed]
        share = cells.rounded(100 * pooled.yes / pooled.n, 1) + " %" if pooled.n else NONE
        lines = [row(("  " if item.group else "") + item.label, text, said, share, item.code)]
        missing = [s.missing for s in found]
    else:
        lines = [heading(f"{item.label}, {item.unit}")]
        measured = [s for s in found if isinstance(s, Continuous)]
        blank = [NONE] * len(printed)
        medians = [NONE if p is None else cells.rounded(p.published, item.printed) for p in printed]
        ranges = [
            NONE if p is None or p.interval != "range" else cells.minimum_maximum(p.ci_low, p.ci_high, item.printed)
            for p in printed
        ]
        texts_of = [_statistics(s, item.printed) for s in (*measured, pooled)]
        for label, said in (("n", blank), ("mean (SD)", blank), ("median", medians), ("min, max", ranges)):
            values = [t[label] for t in texts_of]
            lines.append(row(f"  {label}", values[:-1], said, values[-1], f"{item.code}|{label}"))
        missing = [s.missing for s in measured]
    if pooled.missing:
        lines.append(
            row("  missing", [str(n) for n in missing], [NONE] * len(missing), f"{pooled.missing:,}", "missing")
        )
    return lines


def _statistics(s: Continuous, printed: int) -> dict[str, str]:
    return {
        "n": f"{s.n:,}",
        "mean (SD)": cells.mean_sd(s.mean, s.sd, 0),
        "median": cells.median(s.median, 0),
        "min, max": cells.minimum_maximum(s.low, s.high, printed),
    }


PATIENT_COLUMNS = (
    "AGE", "SEX", "HEIGHT", "WEIGHT", "BMI", "ITPDUR", "SPLENFL", "CONITPFL", "BLBLEED", "BLPLAT",
)  # fmt: skip
