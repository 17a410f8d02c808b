"""``vtrial replay``: one patient of a run again, with the decision log."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import columns, say, warn

if TYPE_CHECKING:
    from trial.jobs.replay import Decision, Replay
    from trial.study.study import Study

NARROW = 70
"""Columns below which the decisions are a list instead of a table."""


def replay(
    run_dir: Annotated[Path, typer.Argument(help="A run folder, such as runs/smoke.")],
    replicate: Annotated[int, typer.Option("--replicate", metavar="R", help="Replicate, from 0.")],
    patient: Annotated[int, typer.Option("--patient", metavar="P", help="Patient, from 1.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the tables and the hourly course there.")
    ] = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Once more with the doses that the rules gave as a fixed plan.")
    ] = False,
) -> int:
    """Simulate one patient of a run again and show every decision.

    Example: vtrial replay runs/smoke --replicate 0 --patient 17
    """
    from trial.app import one_patient
    from trial.app.talk import patience

    if out is not None:
        one_patient.must_be_empty(out)
    with patience(say, f"{run_dir}: comparing checksums, simulating the patient again ..."):
        again = one_patient.simulate_again(run_dir, replicate, patient, frozen)
    if again.changes:
        warn([f"{'; '.join(again.changes)}: values may differ in the last digits"])
    _show(again.course, again.study)
    if out is not None:
        one_patient.write_course(again, out)
        _print(f"written to {out}: the tables of this patient, the decisions and the hourly course, as Parquet and CSV")
    if not again.all_kept:
        _print(f"of replicate {replicate} the run kept the endpoints only (output: endpoints): they alone are compared")
    found, endpoints = one_patient.differing(again, run_dir)
    for line in found:
        say(f"differs from the stored rows: {line}")
    if not found:
        rows = "rows" if again.all_kept else f"{endpoints} endpoints"
        how = "with the doses as a fixed plan: " if frozen else ""
        _print(f"{how}identical to the stored {rows}, bit for bit")
    return 1 if found else 0


def _width() -> int:
    from rich.console import Console

    return Console().width


def _print(text: str) -> None:
    """A line for people, folded between words."""
    print(textwrap.fill(text, max(_width(), 20), break_on_hyphens=False))


def _show(course: Replay, study: Study) -> None:
    person = course.patient
    arm = next(arm for arm in study.arms if arm.id == person["ARM"])
    _print(f"{person['USUBJID']}, {arm.name}")
    _print(
        f"{person['AGE']:.0f} y, {person['SEX']}, {person['WEIGHT']:.1f} kg, baseline {person['BLPLAT']:g} x 10^9/L, "
        f"stratum {person['STRATUM']}"
    )
    if arm.placebo:
        later = "" if arm.id in study.placebo_arms else ", until a stage gives the arm active drug"
        _print(f"placebo: the doses below are sham levels without drug{later}")
    if _width() < NARROW:
        _list(course.decisions)
    else:
        _table(course.decisions)
    left = f", {person['DCSREAS']}" if person["DCSREAS"] else ""
    _print(f"end: {person['EOSSTT'].lower()} on day {person['EOSDY']}{left}")


def _list(decisions: tuple[Decision, ...]) -> None:
    """Two lines or more per visit: what was seen, and below it, indented, what was done and why."""
    width = max(_width(), 20)
    for made in decisions:
        planned = "" if made.planned_day == made.day else f" (planned {made.planned_day})"
        print(textwrap.fill(f"day {made.day}{planned}: count {_count(made)}, dose {_dose(made)} mg", width))
        print(textwrap.fill(_what(made), width, initial_indent="  ", subsequent_indent="  "))


def _table(decisions: tuple[Decision, ...]) -> None:
    from rich.console import Console

    table = columns(("day", "planned", "count", "dose mg", "what and why"), left=("what and why",))
    for made in decisions:
        table.add_row(str(made.day), str(made.planned_day), _count(made), _dose(made), _what(made))
    Console(highlight=False, markup=False).print(table)


def _count(made: Decision) -> str:
    return "-" if made.count is None else f"{made.count:g}"


def _dose(made: Decision) -> str:
    same = made.dose_after_mg == made.dose_before_mg
    return f"{made.dose_after_mg:g}" if same else f"{made.dose_before_mg:g} > {made.dose_after_mg:g}"


def _what(made: Decision) -> str:
    if made.count is None and made.planned_day:
        return made.why_none
    said = [made.rescue] * bool(made.rescue) + [made.reason or made.why_same]
    return "; ".join(said)
