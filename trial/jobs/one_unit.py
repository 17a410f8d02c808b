"""One unit from its patients to its files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from trial.jobs.parts import unit_files, write_unit
from trial.jobs.provenance import STATEMENT, engine_version
from trial.jobs.work import Enrolment, WorkUnit, enrolment, of_replicates, simulate_by_hours
from trial.study.study import Study

Evaluate = Callable[[Mapping[str, pa.Table]], Mapping[str, pa.Table]]
"""From the tables of a unit to what is evaluated of it, by name: endpoints, times."""
Job = tuple[WorkUnit, Enrolment | None]


def simulate_into(study: Study, job: Job, parts: Path, evaluate: Evaluate) -> WorkUnit:
    """Simulate one unit, evaluate its endpoints, and write what the study keeps."""
    unit, enrolled = job
    patients = enrolled or enrolment(study, [span.replicate for span in unit.spans])
    tables, hours = simulate_by_hours(study, patients)
    evaluated = evaluate(tables)
    failed = unit.n_patients - pc.sum(pc.equal(tables["solves"]["STATUS"].cast(pa.string()), "OK")).as_py()
    whole = {name: table for name, table in tables.items() if name == "screening" or study.lives(name)}
    few = {name: table for name, table in tables.items() if name not in whole}
    kept = {**whole, **of_replicates(few, study.kept), **evaluated}
    said = origin(study)
    labelled = {name: table.replace_schema_metadata(said) for name, table in kept.items()}
    dense = {"courses": (piece.replace_schema_metadata(said) for piece in hours)} if study.dense else {}
    write_unit(parts, unit.number, labelled | dense, {"patients": unit.n_patients, "failed": failed})
    return unit


def simulate_afar(study: Study, job: Job, evaluate: Evaluate) -> dict[str, bytes]:
    """The files of the unit, name to content, of which nothing stays here."""
    with tempfile.TemporaryDirectory(prefix="vtrial-") as folder:
        return unit_files(Path(folder), simulate_into(study, job, Path(folder), evaluate).number)


def origin(study: Study) -> dict[str, str]:
    """What every file of patients says about itself."""
    return {"statement": STATEMENT, "study": study.id, "seed": str(study.seed), "engine": engine_version()}
