"""``vtrial replay``: one patient of a run again, with the decision log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.cli.console import Refused, say

if TYPE_CHECKING:
    from trial.config import Study
    from trial.replay import Decision, Replay


def replay(
    run_dir: Annotated[Path, typer.Argument(help="A run folder, such as runs/smoke.")],
    replicate: Annotated[int, typer.Option("--replicate", metavar="R", help="Replicate, from 0.")],
    patient: Annotated[int, typer.Option("--patient", metavar="P", help="Patient, from 1.")],
) -> int:
    """Simulate one patient of a run again and show every decision.

    Example: vtrial replay runs/smoke --replicate 0 --patient 17
    """
    from trial.cli.folder import CONFIG
    from trial.cli.report import is_run_folder
    from trial.configfile import load_study
    from trial.provenance import read_manifest
    from trial.replay import replay as again

    is_run_folder(run_dir)
    study = load_study(run_dir / CONFIG)
    _warn_of_changes(read_manifest(run_dir))
    try:
        course = again(study, replicate, patient)
    except ValueError as error:
        raise Refused(f"{run_dir}: {error}") from None
    _show(course, study)
    return _compared(course, study, run_dir, replicate)


def _warn_of_changes(manifest: Mapping[str, Any]) -> None:
    """Say when this is not the engine that made the run: the values may differ then."""
    from importlib.metadata import version

    from trial.provenance import engine_version

    made_by = manifest["engine"]["version"]
    changed = [f"engine {made_by} then, {engine_version()} now"] if made_by != engine_version() else []
    changed += [
        f"{name} {then} then, {version(name)} now"
        for name, then in manifest["packages"].items()
        if then != version(name)
    ]
    if changed:
        say(f"warning: {'; '.join(changed)}: values may differ in the last digits")


def _show(course: Replay, study: Study) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    person = course.patient
    label = next(arm.label or arm.id for arm in study.arms if arm.id == person["ARM"])
    print(f"{person['USUBJID']}, {label}")
    print(
        f"{person['AGE']:.0f} y, {person['SEX']}, {person['WEIGHT']:.1f} kg, baseline {person['BLPLAT']:g} x 10^9/L, "
        f"stratum {person['STRATUM']}"
    )
    if next(arm.placebo for arm in study.arms if arm.id == person["ARM"]):
        print("placebo: the doses below are sham levels without drug")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("day", "planned", "count", "dose mg", "what and why"):
        table.add_column(head, justify="left" if head == "what and why" else "right", overflow="fold")
    for made in course.decisions:
        table.add_row(str(made.day), str(made.planned_day), _count(made), _dose(made), _what(made))
    console.print(table)
    left = f", {person['DCSREAS']}" if person["DCSREAS"] else ""
    print(f"end: {person['EOSSTT'].lower()} on day {person['EOSDY']}{left}")


def _count(made: Decision) -> str:
    return "-" if made.count is None else f"{made.count:g}"


def _dose(made: Decision) -> str:
    same = made.dose_after_mg == made.dose_before_mg
    return f"{made.dose_after_mg:g}" if same else f"{made.dose_before_mg:g} > {made.dose_after_mg:g}"


def _what(made: Decision) -> str:
    if made.count is None and made.planned_day:
        return made.why_none
    said = ["rescue therapy"] * made.rescued + [made.reason] * bool(made.reason)
    return "; ".join(said) or "no change"


def _compared(course: Replay, study: Study, run_dir: Path, replicate: int) -> int:
    """Compare with the stored rows, where the run kept them; 1 when they differ."""
    import pyarrow.parquet as pq

    from trial.replay import COMPARED, differences

    if replicate not in study.kept:
        print("the tables of this replicate were not kept (output: endpoints): nothing to compare with")
        return 0
    names = (*COMPARED, *("adverse",) * (study.tolerability is not None))
    stored = {
        name: pq.read_table(run_dir / f"{name}.parquet", filters=[("REPLICATE", "==", replicate)]) for name in names
    }
    found = differences(course, stored)
    for line in found:
        say(f"differs from the stored rows: {line}")
    if not found:
        print("identical to the stored rows, bit for bit")
    return 1 if found else 0
