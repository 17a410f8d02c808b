"""The same study under both structures: the set of the config and the one that stands in for it, the same seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.endpoints import endpoints_of
from analysis.evidence import stacking
from analysis.evidence.coverage import log_score
from analysis.evidence.roles import PREDICTED, ROLES_FILE, read_roles
from analysis.evidence.scorecard import Published, read_published
from analysis.evidence.stacking import StructureRow
from cohorts.sets import parameter_set
from cohorts.stand_ins import STAND_INS, WEIGHTS_FILE, StandIn, behind_weights, other_set, weights_of
from cohorts.streams import Streams
from trial.app.loading import check_again
from trial.app.standings import of_row
from trial.app.study_run import cores
from trial.app.talk import Say
from trial.app.targets import Job, cut, endpoint_summaries, job_values
from trial.errors import ConfigError, Refused
from trial.jobs.hands import hands
from trial.jobs.provenance import put
from trial.study.load import load_study
from trial.study.stages import Treatment
from trial.study.study import Study

WEIGHTS_SEED, DRAWS = 20261201, 4000
"""Of the Bayesian bootstrap of trials behind the weights."""
WEIGHED = 50
"""Replicates behind them, unless others are asked for."""
Values = dict[str, NDArray[np.float64]]


def pair_of(study: Study) -> tuple[str, str]:
    """The set of the study and its stand-in. Raises Refused where none is known."""
    other = other_set(study.parameter_set)
    if other is None:
        known = "; ".join(f"{one.mechanism} and {one.empirical}" for one in STAND_INS)
        raise Refused(
            f"--structures both: no set stands in for {study.parameter_set} in the other structure; pairs are {known}"
        )
    return study.parameter_set, other


def studies_of(study: Study) -> dict[str, Study]:
    """The study by set: as it is, and under its stand-in, drugs of its stages included. Raises Refused."""
    own, other = pair_of(study)
    stages = tuple(
        stage.model_copy(update={"arms": {arm: _other_drug(given) for arm, given in stage.arms.items()}})
        for stage in study.stages
    )
    return {own: study, other: study.model_copy(update={"parameter_set": other, "stages": stages})}


def _other_drug(given: Treatment) -> Treatment:
    """What an arm gets in a stage, in the other structure where it is a drug of its own."""
    name = given.parameter_set
    if name is None:
        return given
    if other_set(name) is None:
        raise Refused(f"both structures: no set stands in for {name}, which a stage gives, in the other structure")
    return given.model_copy(update={"parameter_set": other_set(name)})


def refuse_unusable_pair(study: Study) -> dict[str, Study]:
    """The studies of both sets, the swapped one with every check of a config. Raises Refused with the first problem."""
    studies = studies_of(study)
    own, other = studies
    try:
        check_again(studies[other])
    except ConfigError as error:
        more = f" (and {len(error.messages) - 1} more)" if len(error.messages) > 1 else ""
        raise Refused(
            f"both structures: {study.id} cannot be simulated under {other}, which stands in for {own}: "
            f"{error.messages[0]}{more}"
        ) from None
    return studies


def write_structures(
    study: Study, folder: Path, workers: int | None = None, dask: str | None = None
) -> list[StructureRow]:
    """Simulate the study under both sets and write structures.parquet into ``folder``; ``dask``: a cluster to work on
    instead of threads.
    """
    studies = studies_of(study)
    drawn = {name: drawn_of(one, workers or cores(), dask) for name, one in studies.items()}
    weights, known = weights_of(study.parameter_set), endpoints_of(study.analysis)
    behind = behind_weights(study.parameter_set)
    rows: list[StructureRow] = []
    for code in drawn[study.parameter_set]:
        endpoint = known[code]
        scale = 100.0 if endpoint.summary == "rate" else 1.0
        for k, arm in enumerate(study.arm_ids):
            by_set = {name: scale * values[code][:, k] for name, values in drawn.items()}
            rows += stacking.stack(by_set, weights, code, endpoint.label, arm, endpoint.unit, behind)
    folder.mkdir(parents=True, exist_ok=True)
    stacking.write(rows, folder)
    return rows


def drawn_of(study: Study, workers: int, dask: str | None = None) -> Values:
    """Every endpoint of the study, by replicate and arm (R, A)."""
    codes = tuple(dict.fromkeys((study.analysis.primary, *study.analysis.endpoints)))
    jobs = cut(0, study, codes, workers)
    with hands(workers, dask) as ours:
        found = dict(ours.each(_values, jobs))
    return {code: np.concatenate([found[job][code] for _, job in jobs]) for code in codes}


def _values(study: Study, job: Job) -> Mapping[str, NDArray[np.float64]]:
    return job_values(study, job, {})


def weigh(pair: StandIn, configs: Path, replicates: int) -> dict[str, float | str | int]:
    """Pseudo-BMA+ weights of a pair, from the rows of ``configs`` that are predicted and that neither set has seen.

    What is assumed moves too (parameter_uncertainty: all). Rows of one trial have the same patients and count together.
    """
    roles = read_roles(configs / ROLES_FILE)
    names = (pair.mechanism, pair.empirical)
    seen = {row for name in names for row in parameter_set(name).targets}
    trials, rows = [], 0
    for path in sorted(configs.glob("*.yaml")):
        study = load_study(path, ["parameter_uncertainty=all"], replicates=replicates)
        if study.published is None or study.parameter_set not in names:
            continue
        asked = [r for r in read_published(Path(study.published.rows)) if r.row_id in roles]
        asked = [r for r in asked if roles[r.row_id].role == PREDICTED and r.row_id not in seen]
        scored = scores_of(study, names, asked)
        if scored:
            trials.append(np.sum(scored, axis=0))
            rows += len(scored)
    scores = {name: [float(trial[k]) for trial in trials] for k, name in enumerate(names)}
    uniforms = Streams(WEIGHTS_SEED).uniforms(f"trials:{pair.mechanism}", 0, 0, first=DRAWS * len(trials))
    weights = stacking.pseudo_bma_plus(scores, uniforms.reshape(DRAWS, -1) if trials else uniforms)
    return {**weights, "rows": rows, "trials": len(trials), "replicates": replicates}


def weights_file(out: Path, overwrite: bool, weights: bool, into_catalogue: bool) -> Path:
    """Where weights go: the catalogue, or the folder ``out``. Raises Refused."""
    if not weights:
        raise Refused("--into-catalogue: of the scorecard only weights go there; give --weights too")
    path = WEIGHTS_FILE if into_catalogue else out / WEIGHTS_FILE.name
    if path.exists() and not (overwrite or into_catalogue):
        raise Refused(f"{path}: weights are already there; --overwrite replaces them, --out DIR writes elsewhere")
    return path


def write_weights(configs: Path, path: Path, replicates: int, say: Say) -> dict[str, dict[str, float | str | int]]:
    """The weights of every pair, as of today, into the JSON file ``path``: whole or not at all.

    A pair of which no row is predicted by both keeps what stands in the catalogue, and that is said.
    """
    before = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    found = {}
    for pair in STAND_INS:
        say(f"weights of {pair.mechanism} and {pair.empirical}: {replicates} replicates of each study of {configs}")
        try:
            found[pair.mechanism] = weigh(pair, configs, replicates) | {"date": date.today().isoformat()}
        except ValueError as error:
            say(f"{pair.mechanism}: {error}; the weights stay as they are")
            found[pair.mechanism] = before.get(pair.mechanism, {})
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, json.dumps(found, indent=1) + "\n")
    return found


def scores_of(study: Study, names: Sequence[str], rows: Sequence[Published]) -> list[tuple[float, ...]]:
    """The log scores of each row under each set; not of rows that some set cannot be scored by."""
    by_set = []
    for name in names if rows else ():
        found = endpoint_summaries(study.model_copy(update={"parameter_set": name}), [r.endpoint for r in rows])
        by_set.append([log_score(row, of_row(found, row, study)) for row in rows])
    scored = zip(*by_set, strict=True)
    return [tuple(s for s in each if s is not None) for each in scored if None not in each]
