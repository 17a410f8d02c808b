"""The pool of a design: the study with every patient under every arm, run like any study and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from analysis.designs.draw import Uniforms
from analysis.designs.pool import Pool, read_pool
from analysis.evidence.results import ENDPOINTS_FILE, PATIENTS_FILE
from cohorts.streams import Streams
from trial.app.attempt import How, identity, run_study
from trial.app.loading import check_again
from trial.app.pool_parts import part_folder, take_parts
from trial.app.talk import Progress, Say, silent, unseen
from trial.study.analysis_plan import Analysis
from trial.study.design_plan import GROUPS
from trial.study.study import Study

PLAIN = ("method", "multiplicity", "dose_response", "subgroups", "longitudinal", "estimands", "estimators", "verdict")
"""What the analysis of a pool does not need: it compares nothing."""


def pool_study(study: Study, codes: Sequence[str], patients: int, seed: int | None) -> Study:
    """The study as a pool: sub-pools as replicates, every patient under every arm, these endpoints alone."""
    default = {name: field.default for name, field in Analysis.model_fields.items() if name in PLAIN}
    plan = study.analysis.model_copy(update={**default, "endpoints": tuple(codes), "named_replicate": 0})
    given = {"analysis": plan, "allocation": "counterfactual", "replicates": GROUPS, "patients": -(-patients // GROUPS)}
    without = {"published": None, "pk_sampling": None, "output": "endpoints", "kept_tables": ()}
    seeds = {} if seed is None else {"seed": seed}
    return study.model_copy(update={**given, **without, **seeds, "title": f"Pool: {study.title}"})


def pooled(
    study: Study, codes: Sequence[str], folder: Path, how: How, say: Say = silent, progress: Progress = unseen
) -> Pool:
    """The pool of a study made by ``pool_study``; it is simulated unless it lies in ``folder`` by its fingerprint.

    An interrupted one goes on where it stood, and parts of it that lie in ``folder`` are taken.
    """
    check_again(study)
    place = folder / name_of(study)
    take_parts(study, place, say)
    say(f"pool: {study.patients * study.replicates} patients under {len(study.arms)} arms, {place.name}")
    _run(study, place, how, say, progress)
    table, people = place / ENDPOINTS_FILE, place / PATIENTS_FILE
    return read_pool(table, study.arm_ids, list(codes), study.analysis.assessment_day, people)


def simulate_part(study: Study, folder: Path, how: How, say: Say, progress: Progress) -> Path:
    """Simulate the shard of a pool that ``how`` asks for, unless it is there; where it is."""
    check_again(study)
    place = part_folder(folder / name_of(study), how.shard)
    say(f"pool: {study.patients * study.replicates} patients under {len(study.arms)} arms, {place.name}")
    _run(study, place, how, say, progress)
    return place


def _run(study: Study, place: Path, how: How, say: Say, progress: Progress) -> None:
    plain = replace(how, resume=True, with_report=False, overwrite=False)
    run_study(study, place, plain, (), _quiet(say), progress)


def name_of(study: Study) -> str:
    """The name of the folder of a pool."""
    return f"pool-{fingerprint_of(study)}"


def _quiet(say: Say) -> Say:
    """Without what a run says of itself when it finds nothing, or all, there."""
    return lambda text: None if "nothing" in text else say(text)


def fingerprint_of(study: Study) -> str:
    """Twelve letters that are the same when the pool is."""
    text = "\n".join(f"{key}={value}" for key, value in sorted(identity(study).items()))
    return blake2b(text.encode(), digest_size=6).hexdigest()


def uniforms_of(seed: int) -> Uniforms:
    """The uniforms of the trials: by name, sub-pool and number of the piece."""
    streams = Streams(seed)
    return lambda name, group, number, many: streams.uniforms(f"design:{name}", group, number, first=many)
