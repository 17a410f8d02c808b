"""Everything that is assumed or fitted moved at once: bars per arm and their table, of a run that has the indices."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from analysis.evidence import global_sensitivity
from analysis.evidence.global_sensitivity import MORRIS, SHOWN, SOBOL, GlobalIndex
from analysis.evidence.sensitivity import Z95, unit_word
from analysis.figures import charts as figures
from analysis.figures import palette
from analysis.figures.charts import Lever
from analysis.report.grid import Cell, Column, Row, Table, arm_name, heading, listed, texts
from analysis.report.number_origins import Text, label, number, numbers, said, shown
from analysis.report.pictures import Figure, LegendKey, chosen, not_drawn
from analysis.report.runfolder import RunFolder
from analysis.text import cells

TITLES = {MORRIS: "Everything moved at once: a Morris screen", SOBOL: "Everything moved at once: Sobol indices"}
DRAWN = 15
"""Factors in a figure, at most; the table has all."""
NAMES = {
    "mu_star": "mean size of the change (μ*)", "sigma": "SD of the change (σ)",
    "total": "alone and with others (total)", "first": "alone (first)",
}  # fmt: skip
METHODS = {
    MORRIS: "Each number goes over the central 95 % of its width (prior, standard error or posterior), from many "
    "places of the others; σ beside μ* says how much it depends on where the others are.",
    SOBOL: "All numbers are drawn from their widths (prior, standard error or posterior), independently; a group's "
    "share of the variance of the result alone, and with all it does together with others.",
}
WHAT_MOVES = (
    "The assumed and fitted numbers of the parameter set; by widths that are assumed: odds of missed doses, early "
    "meals, leaving and missing samples, and the thresholds of the dose rules, all together."
)


def figure(run: RunFolder) -> Figure | None:
    """F 14.5.7: the two indices of each arm."""
    rows = global_sensitivity.read(run.path)
    if not rows:
        return None
    method, by_whom = rows[0].method, global_sensitivity.by_whom(rows)
    drawn = [(k, arm, _levers(by_whom[arm.id, ""])) for k, arm in chosen(run)]
    most = 1.05 * max((size + half for _, _, ls in drawn for x in ls for size, half in (x.low, x.high)), default=1.0)
    panels = [
        figures.shares(f"indices{k}", "\n".join(wrap(arm.label, 30)), levers, arm.hue, _axis(rows[0]), most or 1.0)
        for k, arm, levers in drawn
        if any(size for lever in levers for size, _ in (lever.low, lever.high))
    ]
    still = [arm.label for _, arm, levers in drawn if not any(x.low[0] or x.high[0] for x in levers)]
    first, second = SHOWN[method]
    notes = (
        _headline(rows),
        METHODS[method],
        WHAT_MOVES,
        said(
            "{} points, replicates at each: {}, the same patients and draws; thin lines: Monte Carlo 95 % interval of "
            "the design; what another sample of patients would change is not in it.",
            shown(cells.whole, number(rows[0], "points")),
            shown(cells.whole, number(rows[0], "replicates")),
        ),
        *(said("Nothing changes the result of {}.", listed([label(name) for name in still])),) * bool(still),
        *("Only the strongest are drawn.",) * (len(global_sensitivity.strengths(rows)) > DRAWN),
        *not_drawn(run),
    )
    keys = (
        LegendKey(palette.tint(1, 0.4), f"pale: {NAMES[first]}"),
        LegendKey(palette.hue(1), f"dark: {NAMES[second]}"),
    )
    return Figure(
        "F 14.5.7", TITLES[method], said("Primary result, {}", label(_label(run))), tuple(panels), notes, keys
    )


def table(run: RunFolder) -> Table | None:
    """T 14.5.8: every factor by arm, and by arm against the reference."""
    rows = global_sensitivity.read(run.path)
    if not rows:
        return None
    method = rows[0].method
    columns = (
        Column("factor", "Number" if method == MORRIS else "Group"),
        Column("what", "What it is" if method == MORRIS else "What is in it"),
        *(Column(index, f"{NAMES[index][0].upper()}{NAMES[index][1:]}") for index in SHOWN[method]),
    )
    lines: list[Row] = []
    for (arm, versus), mine in global_sensitivity.by_whom(rows).items():
        name, hue = arm_name(run, arm)
        whom = said("{} against {}", label(name), label(arm_name(run, versus)[0])) if versus else label(name)
        one = next(iter(next(iter(mine.values())).values()))
        over = (shown(cells.amount, number(one, part), unit=one.result_unit) for part in ("mean", "sd"))
        lines.append(heading(said("{}: mean {}, SD {} over the points", whom, *over), f"{arm}|{versus}"))
        lines += [_line(of, hue) for of in mine.values()]
    unit = "Shares of the variance" if method == SOBOL else f"Change{unit_word(rows[0].unit)}"
    notes = (f"{unit}, ± Monte Carlo error of the design; the strongest first.", METHODS[method], WHAT_MOVES)
    return Table(
        "T 14.5.8", TITLES[method], said("Primary result: {}", label(_label(run))), columns, tuple(lines), notes
    )


def _levers(mine: dict[str, dict[str, GlobalIndex]]) -> list[Lever]:
    """The bars of one arm, the strongest first."""
    return [
        Lever(name, *(_end(of[index]) for index in SHOWN[next(iter(of.values())).method]))
        for name, of in list(mine.items())[:DRAWN]
    ]


def _end(row: GlobalIndex) -> tuple[float, float]:
    return row.estimate or 0.0, Z95 * (row.mcse or 0.0)


def _axis(row: GlobalIndex) -> str:
    return "Share of the variance" if row.method == SOBOL else f"Change,{unit_word(row.unit)}"


def _line(of: dict[str, GlobalIndex], hue: int | None) -> Row:
    first = next(iter(of.values()))
    sizes = (_size(of[index]) for index in SHOWN[first.method])
    what = f"{first.group}; {first.label}" if first.method == MORRIS else first.label
    name = f"{first.factor}|{first.arm}|{first.versus}"
    return Row((Cell(first.factor, "text"), Cell(what, "text"), *texts(*sizes)), name, hue)


def _size(row: GlobalIndex) -> Text:
    return shown(cells.index, *numbers(row, "estimate", "mcse"), unit=row.unit)


def _headline(rows: Sequence[GlobalIndex]) -> Text:
    """What moves the primary result most, and by how much."""
    top = global_sensitivity.strongest(rows)
    if top is None:
        return global_sensitivity.headline(rows)
    unit = "" if top.unit == "1" else unit_word(top.unit)
    whom = label(global_sensitivity.whom(top))
    return said(global_sensitivity.HEADLINES[top.method], label(top.factor), whom, _size(top), unit)


def _label(run: RunFolder) -> str:
    return run.labels.get(run.study.analysis.primary, run.study.analysis.primary).split(":")[0]
