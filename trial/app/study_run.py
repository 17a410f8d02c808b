"""One study into one folder: inputs, tables, results, manifest, report. What may interrupt it is in ``attempt``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from analysis.evidence.results import Analysed, analyse, evaluate_tables
from cohorts.believed import together
from cohorts.brought import ID, ids_of
from cohorts.citations import Citation
from cohorts.own import digest, is_file_name
from cohorts.populations import population
from cohorts.references import CITATIONS
from cohorts.sets import parameter_set, rows
from cohorts.streams import BLOCK
from trial.app.folder import CONFIG, with_inputs
from trial.app.model_file import write_model
from trial.app.talk import Say, Tell, patience, silent
from trial.jobs.one_unit import Evaluate
from trial.jobs.provenance import write_manifest
from trial.jobs.runner import RunSummary
from trial.jobs.runner import run as simulate
from trial.jobs.shards import WHOLE, Shard
from trial.jobs.work import UNIT_PATIENTS, enrolment
from trial.study.load import load_study, resolved_yaml
from trial.study.study import Study

SUBJECTS = "subjects.csv"
POSTERIORS = "posteriors"
"""Key of the manifest, and of an identity."""


def execute(
    study: Study,
    folder: Path,
    workers: int = 1,
    tell: Tell | None = None,
    backend: str | None = None,
    keep_units: bool = False,
    shard: Shard = WHOLE,
    dask: str | None = None,
) -> RunSummary:
    """Write the resolved config, copies of its files, the model and the trial tables into ``folder``.

    Units that are in ``folder`` already are not simulated again; with ``keep_units`` they stay beside the tables. Of a
    ``shard`` there are its units, and no tables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    standalone = with_inputs(study, folder)
    (folder / CONFIG).write_text(resolved_yaml(standalone), encoding="utf-8")
    if is_file_name(study.parameter_set):
        study = study.model_copy(update={"parameter_set": str((folder / standalone.parameter_set).resolve())})
    write_model(folder, parameter_set(study.parameter_set))
    _write_ids(study, folder)
    return simulate(
        study,
        folder,
        evaluator(study),
        workers=workers,
        backend=backend,
        progress=tell,
        keep_units=keep_units,
        shard=shard,
        dask=dask,
    )


def _write_ids(study: Study, folder: Path) -> None:
    """``subjects.csv``: of the user's own patients with ids, which subject of every replicate is whom."""
    ids = ids_of(study.population.file) if study.population.file else None
    if ids is None:
        return
    enrolled = enrolment(study, 0)
    who = enrolled.cohort.draws.candidate
    with (folder / SUBJECTS).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("SUBJID", ID))
        writer.writerows((int(number), ids[int(k)]) for number, k in zip(enrolled.subject, who, strict=True))


def evaluator(study: Study) -> Evaluate:
    """Endpoints and times of the study as a function of the tables of a unit."""
    return partial(evaluate_tables, study)


def conclude(
    folder: Path, summary: RunSummary, warnings: Sequence[str], volatile: dict[str, Any], say: Say = silent
) -> tuple[Analysed, Study]:
    """Write results and manifest; the results, and the study as it was resolved."""
    study = load_study(folder / CONFIG)
    with patience(say, f"{study.id}: estimates of {summary.n_patients} patients ..."):
        analysed = analyse(folder, study)
    sign(folder, study, summary, {"warnings": list(warnings)}, volatile)
    return analysed, study


def sign(folder: Path, study: Study, summary: RunSummary, facts: dict[str, Any], volatile: dict[str, Any]) -> None:
    """Write the manifest of what is in ``folder``, with these further ``facts``."""
    counted = {"patients_simulated": summary.n_patients, "patients_failed": summary.n_failed}
    config = (folder / CONFIG).read_text(encoding="utf-8")
    write_manifest(folder, config, facts_of(study) | facts | counted, volatile)


def facts_of(study: Study) -> dict[str, Any]:
    """What the manifest says of the study and of the catalogue entries it used."""
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
        **({POSTERIORS: drawn_from} if (drawn_from := posteriors(study)) else {}),
        "structure": chosen.structure,
        "population": study.population.id or Path(str(study.population.file)).name,
        **({"population_margins": margins.given} if (margins := study.population.margins) else {}),
        "parameters": rows(chosen),
        "assumptions": list(study.assumptions),
        "citations": [*(citation.text for citation in citations(study)), *_own_citation(study)],
        "references": [asdict(citation) for citation in citations(study)],
    }


def posteriors(study: Study) -> dict[str, str]:
    """sha256 of every file of draws that the replicates of a study take numbers from, by parameter set."""
    given = (a.parameter_set for stage in study.stages for a in stage.arms.values())
    names = dict.fromkeys([study.parameter_set, *(name for name in given if name)])
    found = {one.id: together(one, study.parameter_uncertainty)[0] for one in map(parameter_set, names)}
    return {name: draws.sha256 for name, draws in found.items() if draws}


def citations(study: Study) -> list[Citation]:
    """The distinct citations of the parameter set, the population, adverse events and the trial that is replicated, in
    order of first use.
    """
    used = [*parameter_set(study.parameter_set).citations]
    if study.population.id:
        used += population(study.population.id).citations
    if study.tolerability:
        used += [prior.source.citation for p in study.tolerability.chosen for prior in p.named_priors.values()]
    if study.citation in CITATIONS:
        used.append(CITATIONS[study.citation])
    return list(dict.fromkeys(used))


def _own_citation(study: Study) -> list[str]:
    """The citation of the trial that is replicated in the user's own words, if the catalogue does not have it."""
    return [study.citation] if study.citation.strip() and study.citation not in CITATIONS else []


def cores() -> int:
    """Cores of this machine, the default number of workers."""
    return int(joblib.cpu_count())
