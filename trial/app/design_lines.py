"""What designs came to, as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.designs.assurance import Assured
from analysis.designs.measures import AS_SIMULATED, Operating
from analysis.designs.variance_parts import blocks
from analysis.designs.verdicts import PASS, Kept, judge, smallest
from analysis.report.operating import DesignPage, write_page
from analysis.text import cells
from trial.app.design_family import endpoint_of, family_of, is_measured
from trial.app.designing import Posed, cautions, in_design, unadjusted
from trial.app.unknowns import BEHAVIOUR, Unknown
from trial.app.versions import engine_version
from trial.study.assurance_plan import AssurancePlan

KINDS = {
    "obrien_fleming": "spending of O'Brien-Fleming type (Lan-DeMets)",
    "pocock": "spending of Pocock type (Lan-DeMets)",
    "hwang_shih_decani": "Hwang-Shih-DeCani spending",
    "kim_demets": "Kim-DeMets spending",
    "obrien_fleming_exact": "O'Brien-Fleming bounds",
    "pocock_exact": "Pocock bounds",
    "wang_tsiatis": "Wang-Tsiatis bounds",
    "conditional_power": "a conditional power that is too low",
    "z": "a Z that is too low",
}
"""Bounds in words, by ``kind``."""
HEADS = ("scenario", "patients", "power", "type I", "mean size", "verdict")


def lines(rows: Sequence[Operating], asked: Posed) -> Iterator[tuple[str, ...]]:
    """One line per scenario and size."""
    kept = judge(rows, asked.criteria)
    for scenario, size in dict.fromkeys((row.scenario, row.patients) for row in rows):
        mine = [row for row in rows if (row.scenario, row.patients) == (scenario, size)]
        simulated = {row.measure: row for row in mine if row.truth == AS_SIMULATED}
        wrong = max((row for row in mine if row.measure == "type1"), key=lambda row: row.value, default=None)
        verdicts = [one for one in kept if (one.row.scenario, one.row.patients) == (scenario, size)]
        yield (
            scenario, str(size), percent(simulated["power"]), percent(wrong) if wrong else cells.NOT_ESTIMABLE,
            cells.rounded(simulated["expected_n"].value, 1), _said(verdicts),
        )  # fmt: skip


def percent(row: Operating | Assured) -> str:
    """A share with its error, in percent; with its limits where it is 0 or 1."""
    return cells.share_error(row.value, row.error, row.low, row.high, 2 if row.measure == "type1" else 1)


def _said(kept: Sequence[Kept]) -> str:
    """PASS, or what does not."""
    less = [str(one) for one in kept if one.verdict != PASS]
    return ", ".join(less) if less else PASS if kept else ""


def notes(rows: Sequence[Operating], asked: Posed) -> Iterator[str]:
    """What stands below the lines."""
    plan = asked.plan
    yield (
        f"Power: share of all trials ({rows[0].trials} of each size) that reject at least one hypothesis, one-sided "
        f"level {100 * plan.level:g} %; ± is the error of the pool and of the drawing. Type I: the largest over the "
        "null hypotheses, % of trials."
    )
    for text in dict.fromkeys(unadjusted(plan, study) for _, study in asked.studies):
        if text:
            yield f"{text[0].upper()}{text[1:]}."
    yield from dict.fromkeys(text for _, study in asked.studies for text in cautions(plan, study))
    over = [row for row in rows if row.measure == "type1" and row.low > plan.level]
    for row in over:
        yield f"The error of {row.patients} patients under '{row.truth}' is above the level: {percent(row)} %."
    untested = [row for row in rows if row.measure == "untested" and row.value > 0]
    for row in untested:
        where = f"{row.scenario}, {row.patients} patients"
        yield f"{where}: {percent(row)} % of trials had a hypothesis that cannot be tested."
    kept = judge(rows, asked.criteria)
    if kept:
        found = smallest(kept)
        passes = f"{found} patients" if found else "none of the sizes that were tried"
        yield f"Smallest size that passes every criterion in every scenario: {passes}."


def assurance_notes(rows: Sequence[Assured], plan: AssurancePlan | None) -> Iterator[str]:
    """Assurance of each size in a sentence, and what was drawn."""
    if plan is None or not rows:
        return
    for scenario, size in dict.fromkeys((row.scenario, row.patients) for row in rows):
        at = {(r.measure, r.about): r for r in rows if (r.scenario, r.patients) == (scenario, size)}
        chance = f"power >= {plan.target:g}"
        low, high = (cells.rounded(100 * at["quantile", q].value, 0) for q in ("0.05", "0.95"))
        shares = [
            f"{about} {cells.estimate_error(100 * r.value, 100 * r.error, 0)}"
            for (measure, about), r in at.items()
            if measure == "share"
        ]
        yield (
            f"Assurance, {scenario}, {size} patients: {percent(at['assurance', ''])} % (power at the point "
            f"{percent(at['point', ''])} %); in 5 to 95 % of the draws {low} to {high} %; power is at least "
            f"{100 * plan.target:g} % with a chance of {percent(at['chance', chance])} %. Of the variance of power, %: "
            f"{', '.join(shares)}."
        )
        for (measure, about), r in at.items():
            if measure == "given":
                count = cells.rounded(at["given_draws", about].value, 0)
                yield f"Of the next trial, given {about}: {percent(r)} %, by {count} draws that count."


def drawn_in_words(plan: AssurancePlan, unknown: Unknown, largest: float) -> str:
    """What assurance draws, and how much of it."""
    moved = [f"{one.key} (SD {one.sd:g} on the {one.scale} scale: {one.reason})" for one in plan.behaviour]
    said = [name for name in unknown.sources if name != BEHAVIOUR] + moved
    if len(unknown.sets) > 1:
        pairs = zip(unknown.sets, unknown.weights, strict=True)
        said.append(f"structure ({', '.join(f'{name} {weight:.2f}' for name, weight in pairs)})")
    many = len(blocks(len(unknown.sources))) * len(unknown.sets)
    return (
        f"{plan.draws} draws of {', '.join(said)}; {many} small pools of {plan.of_a_draw(largest)} patients a draw, "
        f"each under every arm; {plan.trials} trials of each size in each; drugs of later stages stay as they are"
    )


def report(rows: Sequence[Operating], posed: Posed, folder: Path, assured: Sequence[Assured] = ()) -> Path:
    """Write design.html; its path."""
    plan = posed.plan
    seed = posed.studies[0][1].seed if plan.pool.seed is None else plan.pool.seed
    made = f"vtrial {engine_version()}, design {plan.id}, seed {seed}"
    page = DesignPage(
        plan.id, plan.title or plan.id, posed.studies[0][1].id, plan.level, posed.criteria, made, facts(posed)
    )
    return write_page(folder, rows, page, assured)


def facts(posed: Posed) -> tuple[tuple[str, str], ...]:
    """What the design is, as label and text."""
    plan, study = posed.plan, posed.studies[0][1]
    looks, adapt = plan.looks, plan.adapt
    said = [
        ("Pool", f"{plan.pool.patients} patients, each under every arm"),
        ("Endpoint", ", ".join(dict.fromkeys(str(h.endpoint) for h in family_of(plan, in_design(plan, study))))),
        ("Arms", ", ".join(plan.arms or study.arm_ids)),
        ("Level", f"{100 * plan.level:g} %, one-sided"),
    ]
    if text := unadjusted(plan, study):
        said.append(("Hypotheses", text))
    if plan.test == "mcp_mod" and study.analysis.dose_response:
        shapes = ", ".join(one.name for one in study.analysis.dose_response.shapes)
        said.append(("Hypotheses", f"MCP-Mod: a response by dose, one hypothesis a shape: {shapes}"))
    if plan.margin:
        measured = is_measured(study, endpoint_of(plan, study))
        said.append(("Margin", f"{plan.margin:g}, in the unit" if measured else f"{100 * plan.margin:g} points"))
    if looks:
        stops = looks.futility
        lower = f"; futility: {KINDS[stops.kind]}, {'binding' if stops.binding else 'not binding'}" if stops else ""
        upper = KINDS[looks.efficacy.kind]
        said.append(("Looks", f"at {', '.join(f'{t:g}' for t in looks.information)} of the patients; {upper}{lower}"))
    if adapt:
        said.append(("Adapted", adapt.kind.replace("_", " ")))
    if plan.accrual:
        said.append(
            ("Accrual", f"{plan.accrual.per_month:g} a month after {plan.accrual.ramp_months:g} months of rise")
        )
    if plan.assurance:
        said += [("Assurance", drawn_in_words(plan.assurance, one, plan.largest)) for one in posed.unknown.values()]
    said += [("Note", text) for text in cautions(plan, study)]
    return tuple(said)
