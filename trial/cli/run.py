"""``vtrial run``: one config to tables, results, report and manifest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.cli.console import Progress, progress, say, warn

if TYPE_CHECKING:
    from trial.config import Study
    from trial.runner import RunSummary


def run(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the results go [default: runs/<study id>].")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in that folder.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Instead of the config's seed.")] = None,
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of the config's replicates.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes [default: one per core].")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> int:
    """Simulate a study and write its report.

    Example: vtrial run configs/smoke.yaml --replicates 5
    """
    from trial.cli.checks import load_checked
    from trial.cli.folder import checked, replacing

    begun = time.perf_counter()
    loaded = load_checked(config, set_, seed, replicates)
    study = loaded.study
    warn(loaded.warnings)
    folder = checked(out or Path("runs") / study.id, overwrite, config)
    workers = workers or _cores()
    say(f"{study.id}: {study.replicates} x {study.patients} patients, {workers} worker{'s' if workers > 1 else ''}")
    with replacing(folder) as beside, progress("patients") as tell:
        summary = execute(study, config.parent, beside, workers, tell)
    volatile = {"seconds": round(time.perf_counter() - begun, 1), "workers": workers}
    return _finish(folder, summary, loaded.warnings, volatile)


def execute(study: Study, base: Path, folder: Path, workers: int = 1, tell: Progress | None = None) -> RunSummary:
    """Write the resolved config, copies of the published results and the trial tables into ``folder``.

    File names in ``study`` are relative to ``base``.
    """
    from trial.cli.folder import CONFIG, with_inputs
    from trial.configfile import resolved_yaml
    from trial.runner import run as simulate

    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(resolved_yaml(with_inputs(study, base, folder)), encoding="utf-8")
    return simulate(study, folder, workers, tell)


def _finish(folder: Path, summary: RunSummary, warnings: Sequence[str], volatile: dict[str, Any]) -> int:
    """Results, manifest, report, and what the terminal shows; the exit code."""
    from analysis.report import write_report
    from analysis.results import analyse
    from trial.cli.folder import CONFIG
    from trial.cli.results import show
    from trial.configfile import load_study
    from trial.provenance import write_manifest

    study = load_study(folder / CONFIG)
    analysed = analyse(folder)
    facts = facts_of(study) | {
        "warnings": list(warnings),
        "patients_simulated": summary.n_patients,
        "patients_failed": summary.n_failed,
    }
    write_manifest(folder, (folder / CONFIG).read_text(encoding="utf-8"), facts, volatile)
    show(analysed.lines, study)
    page = write_report(folder)
    if summary.n_failed:
        say(f"{summary.n_failed} of {summary.n_patients} patients failed; solves.parquet and the report say why")
    print(f"report: {page}")
    return 3 if summary.n_failed else 0


def facts_of(study: Study) -> dict[str, Any]:
    """What the manifest says of the study and of the catalogue entries it used."""
    from cohorts.catalogue import parameter_set, rows
    from cohorts.streams import BLOCK
    from trial.units import UNIT_PATIENTS

    chosen = parameter_set(study.parameter_set)
    return {
        "study": study.id,
        "title": study.title,
        "seed": study.seed,
        "replicates": study.replicates,
        "patients": study.patients,
        "block_patients": BLOCK,
        "unit_patients": UNIT_PATIENTS,
        "parameter_set": chosen.id,
        "structure": chosen.structure,
        "population": study.population.id or Path(str(study.population.file)).name,
        "parameters": rows(chosen),
        "assumptions": list(study.assumptions),
        "citations": _citations(study),
    }


def _citations(study: Study) -> list[str]:
    from cohorts.catalogue import parameter_set
    from cohorts.populations import population
    from trial.provenance import citations_used

    used = [*parameter_set(study.parameter_set).citations]
    if study.population.id:
        used += population(study.population.id).citations
    return citations_used([citation.text for citation in used])


def _cores() -> int:
    import joblib

    return int(joblib.cpu_count())
