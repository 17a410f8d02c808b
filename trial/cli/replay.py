"""``vtrial replay``: one patient of a run again, with the decision log."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.cli.console import Refused, Stopped, columns, say

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
) -> int:
    """Simulate one patient of a run again and show every decision.

    Example: vtrial replay runs/smoke --replicate 0 --patient 17
    """
    from trial.app.folder import CONFIG
    from trial.cli.report import is_run_folder
    from trial.cli.run import evaluator
    from trial.jobs.provenance import read_manifest
    from trial.jobs.replay import replay as again
    from trial.study.load import load_study

    is_run_folder(run_dir)
    if out is not None and out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise Refused(f"{out}: there is something already; give a new or an empty folder with --out")
    study = load_study(run_dir / CONFIG)
    _warn_of_changes(read_manifest(run_dir))
    try:
        course = again(study, replicate, patient)
    except ValueError as error:
        raise Refused(f"{run_dir}: {error}") from None
    course = replace(course, tables={**course.tables, **evaluator(study)(course.tables)})
    _show(course, study)
    if out is not None:
        _write(course, study, out)
    return _compared(course, study, run_dir)


def _write(course: Replay, study: Study, out: Path) -> None:
    from trial.jobs.replay import write
    from trial.jobs.runner import origin

    try:
        write(course, out, origin(study))
    except OSError as error:
        raise Stopped(f"{out}: cannot be written ({error.strerror or error})") from None
    _print(f"written to {out}: the tables of this patient, the decisions and the hourly course, as Parquet and CSV")


def _warn_of_changes(manifest: Mapping[str, Any]) -> None:
    """Say when this is not the engine that made the run: the values may differ then."""
    from importlib.metadata import version

    from trial.jobs.provenance import engine_version

    made_by = manifest["engine"]["version"]
    changed = [f"engine {made_by} then, {engine_version()} now"] if made_by != engine_version() else []
    changed += [
        f"{name} {then} then, {version(name)} now"
        for name, then in manifest["packages"].items()
        if then != version(name)
    ]
    if changed:
        say(f"warning: {'; '.join(changed)}: values may differ in the last digits")


def _width() -> int:
    from rich.console import Console

    return Console().width


def _print(text: str) -> None:
    """A line for people, folded between words."""
    print(textwrap.fill(text, max(_width(), 20), break_on_hyphens=False))


def _show(course: Replay, study: Study) -> None:
    person = course.patient
    arm = next(arm for arm in study.arms if arm.id == person["ARM"])
    _print(f"{person['USUBJID']}, {arm.label or arm.id}")
    _print(
        f"{person['AGE']:.0f} y, {person['SEX']}, {person['WEIGHT']:.1f} kg, baseline {person['BLPLAT']:g} x 10^9/L, "
        f"stratum {person['STRATUM']}"
    )
    if arm.placebo:
        _print("placebo: the doses below are sham levels without drug")
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
    said = ["rescue therapy"] * made.rescued + [made.reason or made.why_same]
    return "; ".join(said)


def _compared(course: Replay, study: Study, run_dir: Path) -> int:
    """Compare with what the run stored of this patient; 1 when it differs."""
    import pyarrow.parquet as pq

    from trial.jobs.replay import COMPARED, differences
    from trial.tables import more_tables

    replicate, subject = course.patient["IREP"], course.patient["SUBJID"]
    tables = (*COMPARED, *more_tables(study.dense, bool(study.tolerability)))
    kept = tables if replicate in study.kept else ()
    mine = [("IREP", "==", replicate), ("SUBJID", "==", subject)]
    stored = {name: pq.read_table(run_dir / f"{name}.parquet", filters=mine) for name in (*kept, "endpoints")}
    if not kept:
        _print(f"of replicate {replicate} the run kept the endpoints only (output: endpoints): they alone are compared")
    found = differences(course, stored)
    for line in found:
        say(f"differs from the stored rows: {line}")
    if not found:
        rows = "rows" if kept else f"{stored['endpoints'].num_rows} endpoints"
        _print(f"identical to the stored {rows}, bit for bit")
    return 1 if found else 0
