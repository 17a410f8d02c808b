"""The tables of participants: flow, disposition and who cannot be evaluated, from the rows of estimates.parquet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis.report.grid import (
    Cell,
    Column,
    Row,
    Table,
    counted_replicates,
    courses,
    everybody,
    named_alone,
    texts,
)
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.runfolder import RunFolder
from analysis.statistics.estimates import ALL, Estimate
from analysis.statistics.participants import DIED
from analysis.statistics.passages import AFTER, ENTERED, LEFT
from analysis.text import cells
from trial.tables import STAGE_ENDS

DISPOSITION, SCREENING = "DISP", "SCREEN"
STOPPED = "Treatment stopped by the dose rule"
NOBODY = ("screened", "randomised", "excluded")
"""Categories of screening that are no reason of exclusion."""


@dataclass(frozen=True)
class Step:
    """One number of the flow: in the named replicate, and its mean over replicates; ``inside``: a part of the one
    above.
    """

    label: str
    n: Text
    mean: Text
    inside: bool = False


@dataclass(frozen=True)
class ArmFlow:
    """One arm of the flow: label, hue, allocated, those who left by reason (in each stage, where there are any),
    completed, solves failed, analysed.
    """

    label: str
    hue: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Flow:
    """The flow of participants; ``screened`` is None and ``excluded`` empty when screening was not recorded."""

    screened: Step | None
    excluded: tuple[Step, ...]
    out: Step | None
    randomised: Step | None
    arms: tuple[ArmFlow, ...]


def flow(run: RunFolder) -> Flow:
    """Screened, excluded, randomised, and what became of each arm."""
    reasons = [e.CATEGORY for e in run.estimates if e.PARAMCD == SCREENING and e.CATEGORY not in NOBODY]
    excluded = [_step(run, why, SCREENING, ALL, why) for why in dict.fromkeys(reasons)]
    paired = ("Patients, each simulated under every arm", run.arms[0].id)
    line, who = paired if run.study.paired else ("Randomised", ALL)
    return Flow(
        _step(run, "Screened", SCREENING, ALL, "screened"),
        tuple(step for step in excluded if step),
        _step(run, "Excluded", SCREENING, ALL, "excluded"),
        _step(run, line, DISPOSITION, who, "randomised"),
        tuple(ArmFlow(arm.label, arm.hue, tuple(_arm_steps(run, arm.id))) for arm in run.arms),
    )


def _step(run: RunFolder, line: str, code: str, arm: str, category: str) -> Step | None:
    """A count of the named replicate and its mean; None when it was not recorded."""
    one, over = (pick(code, arm, "count", category=category) for pick in (run.one, run.over))
    if one is None or over is None:
        return None
    n = shown(cells.whole, number(one, "ESTIMATE"))
    return Step(line, n, shown(cells.rounded, number(over, "ESTIMATE"), decimals=1))


def _arm_steps(run: RunFolder, arm: str) -> list[Step]:
    lines = [("Simulated under this arm" if run.study.paired else "Allocated", "randomised")]
    lines += [(f"{STOPPED}, stayed in the study", "stopped by the dose rule")] * run.study.can_stop
    if not run.study.stages:
        lines += [(f"{_left(run, why)}: {why}", f"left: {why}") for why in _reasons(run)]
    after = [("Completed", "completed")]
    after += [("Solve failed", "solve failed")] * _any(run, arm, "solve failed")
    after += [("Analysed", "analysed")]
    steps = [_step(run, line, DISPOSITION, arm, category) for line, category in lines]
    steps += [step for k in range(len(run.study.stages)) for step in _stage_steps(run, arm, k)]
    steps += [_step(run, "Left after the last stage", AFTER, arm, LEFT)]
    steps += [_step(run, line, DISPOSITION, arm, category) for line, category in after]
    return [step for step in steps if step]


def _stage_steps(run: RunFolder, arm: str, stage: int) -> list[Step | None]:
    """A stage in the flow of an arm: entered, left for each reason, completed, went on."""
    steps: list[Step | None] = []
    for line, category in stage_lines(run, stage):
        if category in (LEFT, DIED, *STAGE_ENDS):
            continue
        left = f"{_left(run, category)}: {category}" if category in run.study.reasons_to_leave else ""
        line = left or line.strip()
        step = _step(run, line[0].upper() + line[1:], f"STAGE:{run.study.stages[stage].id}", arm, category)
        steps.append(replace(step, inside=category != ENTERED) if step else None)
    return steps


def stage_lines(run: RunFolder, stage: int) -> list[tuple[str, str]]:
    """What is said of a stage of the plan, as line and category: entered, left and why, deaths apart, completed, went
    on.
    """
    code, name = f"STAGE:{run.study.stages[stage].id}", run.study.stages[stage].name
    found = list(dict.fromkeys(e.CATEGORY for e in run.estimates if code == e.PARAMCD))
    lines = []
    for category in found:
        if category == ENTERED:
            lines.append((f"{name}: {category}", category))
        elif category in run.study.reasons_to_leave or category in STAGE_ENDS:
            lines.append((f"    {category}", category))
        else:
            lines.append((f"  {category}", category))
    return lines


def _left(run: RunFolder, reason: str) -> str:
    """How leaving for a reason is called."""
    return "Died" if reason in run.study.deaths else "Left"


def _reasons(run: RunFolder) -> list[str]:
    """Why patients left the study, in the order of the config; death last."""
    reasons = list(dict.fromkeys(run.study.reasons_to_leave))
    return sorted(reasons, key=lambda reason: reason in run.study.deaths)


def _any(run: RunFolder, arm: str, category: str) -> bool:
    over = run.over(DISPOSITION, arm, "count", category=category)
    return bool(over and over.ESTIMATE)


def disposition_table(run: RunFolder) -> Table:
    """T 14.1.1: who completed, who left and why; named replicate per arm, and the mean over replicates."""
    columns = counted_columns(run, f"Share of all {courses(run)}, %")
    lines = [("Completed", "completed"), ("Discontinued", "discontinued")]
    lines += [(f"  {why}", f"left: {why}") for why in _reasons(run) if why not in run.study.deaths]
    lines += death_lines(run)
    lines += [("Solve failed", "solve failed")]
    lines += [(STOPPED, "stopped by the dose rule")] * run.study.can_stop
    rows = [counted_row(run, DISPOSITION, line, category) for line, category in lines]
    notes: tuple[Text, ...] = (f"{STOPPED}: they stayed in the study and are among the lines above too.",)
    notes = notes * run.study.can_stop
    printed = run.published.get(("COMPL", "rate", ALL))
    if printed and printed.events is not None and printed.n:
        count, n = shown(cells.count, *numbers(printed, "events", "n")), shown(cells.whole, number(printed, "n"))
        notes += (said("Published, {}: {} of {} completed.", label(printed.study), count, n),)
    return Table("T 14.1.1", "Disposition", everybody(run), columns, tuple(rows), notes)


def death_lines(run: RunFolder) -> list[tuple[str, str]]:
    """All deaths and each cause, as line and category; none in a study in which nobody can die."""
    causes = [(f"    {why}", f"left: {why}") for why in run.study.deaths]
    return [("  Died", DIED), *causes] if causes else []


def deaths_table(run: RunFolder) -> Table | None:
    """T 14.3.2.1: who died, by cause; None in a study in which nobody can die."""
    rows = [counted_row(run, DISPOSITION, line.removeprefix("  "), category) for line, category in death_lines(run)]
    if not rows:
        return None
    notes = ("Deaths by the hazards of the config, up to the last visit; nothing is predicted, nothing follows death.",)
    columns = counted_columns(run, f"Share of all {courses(run)}, %")
    return Table("T 14.3.2.1", "Deaths", everybody(run), columns, tuple(rows), notes)


def arm_head(run: RunFolder, arm: str, name: str) -> Text:
    """Head of the column of an arm with its size in the named replicate."""
    found = run.one(DISPOSITION, arm, "count", category="randomised")
    return shown(cells.column_head, number(found, "N"), label=name) if found else name


def counted_columns(run: RunFolder, share: str) -> tuple[Column, ...]:
    """A line's name, its count in every arm and in all of the named replicate, and its mean ``share`` of all arms."""
    all_arms = f"All {courses(run)}" if run.study.paired else "All arms"
    heads = [*((arm.id, arm.id, arm.label) for arm in run.arms), ("all", ALL, all_arms)]
    counts = [
        Column(name, arm_head(run, arm, title), said("{}, n (%)", named_alone(run))) for name, arm, title in heads
    ]
    return (Column("what", ""), *counts, Column("mean", share, said("{}, mean", counted_replicates(run))))


def counted_row(run: RunFolder, code: str, name: str, category: str) -> Row:
    """A line of ``counted_columns``: a category of rows of counts and shares."""
    found = [run.one(code, arm, "count", category=category) for arm in (*run.study.arm_ids, ALL)]
    over = run.over(code, ALL, "share", category=category)
    counts = [shown(cells.count, *numbers(e, "N_EVENT", "N")) for e in found if e]
    share = [shown(cells.rounded, number(over, "ESTIMATE"), decimals=1)] if over else []
    return Row((Cell(name, "label"), *texts(*counts, *share)), name)


def not_evaluable(run: RunFolder) -> Table:
    """T 14.1.2: patients without a value per endpoint, with the reason, over all replicates."""
    alike: dict[tuple[str, float | None, float | None], list[Estimate]] = {}
    for e in run.not_evaluable:
        share = run.over(e.PARAMCD, ALL, "not evaluable share", category=e.CATEGORY)
        alike.setdefault((e.CATEGORY, e.ESTIMATE, share.ESTIMATE if share else None), []).append(e)
    rows = [_absent_row(run, same) for same in alike.values()]
    columns = (
        Column("endpoint", "Endpoints"),
        Column("reason", "Reason"),
        Column("n", courses(run, capital=True), counted_replicates(run)),
        Column("share", "%", counted_replicates(run)),
    )
    n = shown(cells.whole, run.fact("patients_simulated"))
    everyone = said("Every one of the {} {} has a value for every endpoint.", n, courses(run))
    title = "Patients who cannot be evaluated"
    return Table("T 14.1.2", title, everybody(run), columns, tuple(rows), () if rows else (everyone,))


def _absent_row(run: RunFolder, same: list[Estimate]) -> Row:
    """Endpoints with the same reason and the same counts; the key is of the first of them."""
    first, names = same[0], ", ".join(e.PARAMCD for e in same)
    share = run.over(first.PARAMCD, ALL, "not evaluable share", category=first.CATEGORY)
    n = shown(cells.alike, *(number(e, "ESTIMATE") for e in same))
    percent = shown(cells.rounded, number(share, "ESTIMATE"), decimals=1) if share else "–"
    return Row((*texts(names, run.in_words(first.CATEGORY), kind="label"), *texts(n, percent)), first.PARAMCD)
