"""``vtrial run``: one config to tables, results, report and manifest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.cli.console import Progress, Refused, Stopped, progress, say, warn

if TYPE_CHECKING:
    from analysis.evidence.results import Analysed
    from cohorts.citations import Citation
    from trial.jobs.runner import Evaluate, RunSummary
    from trial.study.study import Study

LARGE_RUN = 50_000
"""Patients from which a run is probed before it starts."""


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
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    backend: Annotated[
        str | None, typer.Option("--backend", help="loky (processes) or threading [default: by length].")
    ] = None,
    with_report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    with_sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Also try every assumed parameter at half and one and a half.")
    ] = False,
) -> int:
    """Simulate a study and write its report.

    Example: vtrial run configs/smoke.yaml --replicates 5
    """
    from trial.app.checked import load_checked
    from trial.app.folder import begin, checked, finish, locked, units_kept
    from trial.cli.results import show

    begun = time.perf_counter()
    loaded = load_checked(config, set_, seed, replicates)
    study = loaded.study
    warn(loaded.warnings)
    folder = out or Path("runs") / study.id
    if backend not in (None, "loky", "threading"):
        raise Refused(f"--backend: seen {backend!r}; allowed: loky, threading")
    with locked(folder):
        kept = units_kept(folder)
        if resume and not kept:
            if _is_finished(study, config.parent, folder):
                say(f"{folder}: this run is finished; nothing to do")
                return 0
            say(f"{folder}: nothing unfinished is there; a new run begins")
        workers = workers or cores()
        if not kept:
            _refuse_too_large(study, folder, workers)
        checked(folder, overwrite or (resume and kept > 0), config)
        beside = begin(folder, overwrite, resume, identity(study, config.parent))
        with _kept(folder, beside, study):
            _announce(study, beside, workers)
            with progress("patients") as tell:
                summary = execute(study, config.parent, beside, workers, tell, backend, keep_units=True)
            if with_sensitivity:
                from trial.cli.sensitivity import write_effects

                write_effects(study, beside, workers)
            volatile = {"seconds": round(time.perf_counter() - begun, 1), "workers": workers}
            analysed, resolved = conclude(beside, summary, loaded.warnings, volatile, with_report)
            finish(folder, beside)
    show(analysed.lines, resolved)
    if summary.n_failed:
        say(f"{summary.n_failed} of {summary.n_patients} patients failed; solves.parquet and the report say why")
    if with_report:
        print(f"report: {folder / 'report.html'}")
    return 3 if summary.n_failed else 0


def _refuse_too_large(study: Study, folder: Path, workers: int) -> None:
    """Before a large run: Refused when the disk or the memory will not do."""
    from trial.jobs.forecast import forecast, problem

    if study.subjects * study.replicates >= LARGE_RUN:
        refused = problem(forecast(study, workers, evaluator(study)), folder)
        if refused:
            raise Refused(refused)


def identity(study: Study, base: Path) -> dict[str, str]:
    """What must be the same for an interrupted run to go on: engine, packages, every key of the config.

    Files the config names (relative to ``base``) count by what they hold, not by where they are.
    """
    from importlib.metadata import version

    from cohorts.own import digest
    from trial.jobs.provenance import PACKAGES, engine_version, file_hash
    from trial.study.load import FILES, PARAMETER_SET, file_keys

    found = {"engine": engine_version(), **{name: version(name) for name in PACKAGES}}
    keys = dict(_leaves(study.model_dump(mode="json"), ""))
    for path in map(".".join, FILES):
        name = keys.get(path, "None")
        keys[path] = "None" if name == "None" else f"a file with sha256 {file_hash(base / name)[:12]}"
    if PARAMETER_SET in file_keys(study.model_dump()):
        keys["parameter_set"] = f"a file with sha256 {digest(base / study.parameter_set)[:12]}"
    return found | keys


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every value of nested dicts and lists by its dotted name, as in arms.0.ratio."""
    if isinstance(value, dict | list) and value:
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(entry, f"{name}.{key}" if name else str(key))
    else:
        yield name, str(value)


def _is_finished(study: Study, base: Path, folder: Path) -> bool:
    """Whether ``folder`` holds a finished run of this very study; its published rows are not part of the run."""
    from trial.app.folder import CONFIG, MARKS
    from trial.study.load import load_study

    if not all((folder / mark).is_file() for mark in MARKS):
        return False
    there, wanted = identity(load_study(folder / CONFIG), folder), identity(study, base)
    return all(there.get(key) == wanted.get(key) for key in {*there, *wanted} if not key.startswith("published"))


def _announce(study: Study, beside: Path, workers: int) -> None:
    from trial.jobs.runner import standing

    say(f"{study.id}: {study.replicates} x {study.patients} patients, {workers} worker{'s' if workers > 1 else ''}")
    now = standing(study, beside)
    if now.done:
        say(f"{len(now.done)} of {len(now.done) + len(now.to_do)} units are there and verified")
    if now.damaged:
        say(f"unit {', '.join(map(str, now.damaged))}: damaged, simulated again")


@contextmanager
def _kept(folder: Path, beside: Path, study: Study) -> Iterator[None]:
    """When the work stops: say what is kept and how to go on; without a finished unit nothing is kept."""
    from trial.app.folder import units_kept
    from trial.jobs.work import work_units

    try:
        yield
    except BaseException as error:
        units = units_kept(folder)
        kept = f"{units} of {len(work_units(study))} units are kept; the same command with --resume goes on"
        if not units:
            shutil.rmtree(beside, ignore_errors=True)
            kept = "no unit was finished; an earlier run is as it was"
        if isinstance(error, OSError):
            where, free = error.filename or folder, shutil.disk_usage(folder.resolve().parent).free / 2**30
            why = f"cannot be written ({error.strerror or error}; {free:.1f} GiB free)"
            raise Stopped(f"{where}: {why}; {kept}") from error
        if units or isinstance(error, KeyboardInterrupt):
            say(f"{folder}: {kept}")
        raise


def execute(
    study: Study,
    base: Path,
    folder: Path,
    workers: int = 1,
    tell: Progress | None = None,
    backend: str | None = None,
    keep_units: bool = False,
) -> RunSummary:
    """Write the resolved config, copies of its files, the model and the trial tables into ``folder``.

    File names in ``study`` are relative to ``base``. Units that are in ``folder`` already are not simulated again;
    with ``keep_units`` they stay beside the tables.
    """
    from cohorts.sets import is_file_name, parameter_set
    from trial.app.folder import CONFIG, with_inputs
    from trial.app.model_file import write_model
    from trial.jobs.runner import run as simulate
    from trial.study.load import resolved_yaml

    folder.mkdir(parents=True, exist_ok=True)
    standalone = with_inputs(study, base, folder)
    (folder / CONFIG).write_text(resolved_yaml(standalone), encoding="utf-8")
    if is_file_name(study.parameter_set):
        study = study.model_copy(update={"parameter_set": str((folder / standalone.parameter_set).resolve())})
    write_model(folder, parameter_set(study.parameter_set))
    return simulate(
        study, folder, evaluator(study), workers=workers, backend=backend, progress=tell, keep_units=keep_units
    )


def evaluator(study: Study) -> Evaluate:
    """The endpoints of the study as a function of the tables of a unit."""
    from analysis.evidence.results import evaluate_tables

    return partial(evaluate_tables, study)


def conclude(
    folder: Path, summary: RunSummary, warnings: Sequence[str], volatile: dict[str, Any], with_report: bool
) -> tuple[Analysed, Study]:
    """Write results, manifest and report; the results, and the study as it was resolved."""
    from analysis.evidence.results import analyse
    from trial.app.folder import CONFIG
    from trial.jobs.provenance import write_manifest
    from trial.study.load import load_study

    study = load_study(folder / CONFIG)
    analysed = analyse(folder, study)
    facts = facts_of(study) | {
        "warnings": list(warnings),
        "patients_simulated": summary.n_patients,
        "patients_failed": summary.n_failed,
    }
    write_manifest(folder, (folder / CONFIG).read_text(encoding="utf-8"), facts, volatile)
    if with_report:
        from analysis.report.page import write_report

        write_report(folder, study)
    return analysed, study


def facts_of(study: Study) -> dict[str, Any]:
    """What the manifest says of the study and of the catalogue entries it used."""
    from cohorts.own import digest
    from cohorts.sets import is_file_name, parameter_set, rows
    from cohorts.streams import BLOCK
    from trial.jobs.work import UNIT_PATIENTS

    chosen = parameter_set(study.parameter_set)
    own = is_file_name(study.parameter_set)
    return {
        "study": study.id,
        "title": study.title,
        "seed": study.seed,
        "replicates": study.replicates,
        "patients": study.patients,
        "block_patients": BLOCK,
        "unit_patients": UNIT_PATIENTS,
        "parameter_set": chosen.id,
        **({"parameter_set_sha256": digest(Path(study.parameter_set))} if own else {}),
        "structure": chosen.structure,
        "population": study.population.id or Path(str(study.population.file)).name,
        "parameters": rows(chosen),
        "assumptions": list(study.assumptions),
        "citations": [citation.text for citation in citations(study)],
        "references": [asdict(citation) for citation in citations(study)],
    }


def citations(study: Study) -> list[Citation]:
    """The distinct citations of the parameter set and the population, in order of first use."""
    from cohorts.populations import population
    from cohorts.sets import parameter_set

    used = [*parameter_set(study.parameter_set).citations]
    if study.population.id:
        used += population(study.population.id).citations
    if study.tolerability:
        used += [prior.source.citation for p in study.tolerability.chosen for prior in p.named_priors.values()]
    return list(dict.fromkeys(used))


def cores() -> int:
    """Cores of this machine, the default number of workers."""
    import joblib

    return int(joblib.cpu_count())
