"""Every published study run again and held against its publication."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.evidence import coverage, scoring
from analysis.evidence.coverage import STANDING_FILE, RowStanding
from analysis.evidence.pages import PAGES, pages
from analysis.evidence.roles import ROLES_FILE, Role, read_roles
from analysis.evidence.scorecard import FEWEST, NOT_COUNTED, write
from analysis.evidence.scoring import ScoredStudy
from analysis.figures import scores as figures_scores
from cohorts.posterior import draws_file
from cohorts.sets import parameter_set
from trial.app.folder import begin, checked, finish, locked, ready
from trial.app.loading import load_checked
from trial.app.standings import standings
from trial.app.study_run import conclude, cores, execute
from trial.app.talk import Progress, Say, silent, unseen
from trial.errors import ConfigError, Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.provenance import MANIFEST, STATEMENT, engine_version
from trial.study.protocol import not_among

FOREST = ("forest.png", "forest.svg")
SUMMARY = "summary.txt"
KINDS = ("none", "fitted", "all")
"""Of parameter uncertainty."""
FILES = ("scorecard.csv", "scorecard.parquet", STANDING_FILE, PAGES, *FOREST)


@dataclass(frozen=True)
class Scorecard:
    """The studies with their scores, the lines of the summary, and the configs that could not be run."""

    studies: tuple[ScoredStudy, ...]
    summary: tuple[str, ...]
    failed: tuple[Path, ...]
    standing: tuple[RowStanding, ...] = ()


def run_scorecard(
    configs: Path,
    out: Path,
    replicates: int | None = None,
    workers: int | None = None,
    say: Say = silent,
    progress: Progress = unseen,
    overwrite: bool = False,
    dask: str | None = None,
    uncertainty: str | None = None,
) -> Scorecard:
    """Run every study of the folder ``configs`` that has published rows; FILES and a folder per study go to ``out``.

    Raises Refused when there is no study, when the explanations of misses cannot be read, or when there are results in
    ``out`` that may not be replaced. ``dask``: a cluster to work on (``trial.jobs.cluster``). ``uncertainty``: in place
    of the ``parameter_uncertainty`` of each study.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    paths = sorted(configs.glob("*.yaml"))
    if not paths:
        raise Refused(f"{configs}: no study (*.yaml) is in this folder; give another one with --configs")
    try:
        explained = scoring.read_explanations(configs / scoring.MISSES_FILE)
        roles = read_roles(configs / ROLES_FILE)
    except ValueError as error:
        raise Refused(f"{configs}: {error}") from None
    ready(out, (*FILES, SUMMARY, *(made.parent.name for made in out.glob(f"*/{MANIFEST}"))), overwrite)
    if replicates is not None and replicates < FEWEST:
        say(f"fewer than {FEWEST} replicates: no row gets a verdict")
    studies, standing, fitted_on, failed = [], [], [], []
    for path in paths:
        try:
            hands = 1 if dask else workers or cores()
            found = _one(path, out, replicates, hands, dask, roles, say, progress, uncertainty)
        except (ConfigError, Refused, ValueError, KeyError, OSError) as error:
            for line in str(error).splitlines():
                say(line)
            failed.append(path)
            continue
        if found is not None:
            studies.append(found[0])
            standing += found[1]
            fitted_on += found[2]
    later = {row.row_id for row in standing if row.status == scoring.NOT_YET}
    summary = scoring.summary(studies, explained, fitted_on, whole=not failed, later=later) if studies else []
    if studies:
        summary += coverage.lines(standing)
        _write(studies, out, summary)
        coverage.write(standing, out)
        (out / PAGES).write_text(pages(scoring.misses(studies, explained), standing), encoding="utf-8")
    return Scorecard(tuple(studies), tuple(summary), tuple(failed), tuple(standing))


def run_beside(configs: Path, out: Path, kinds: Sequence[str], say: Say, **how: Any) -> dict[str, Scorecard]:
    """The scorecard under several kinds of parameter uncertainty, each into a folder of ``out`` named after it.

    Raises Refused for a kind that is none, or twice; ``how`` as of ``run_scorecard``.
    """
    kinds_must_be(kinds)
    found = {}
    for kind in kinds:
        say(f"parameter_uncertainty: {kind}")
        found[kind] = run_scorecard(configs, out / kind, say=say, uncertainty=kind, **how)
    return found


def kinds_must_be(kinds: Sequence[str]) -> None:
    """Raises Refused for a kind of parameter uncertainty that is none, or that stands there twice."""
    for k, kind in enumerate(kinds):
        if kind not in KINDS:
            raise Refused(f"--parameter-uncertainty: {not_among(kind, KINDS, 'a kind of it')}")
        if kind in kinds[:k]:
            raise Refused(f"--parameter-uncertainty: seen {kind} twice; each kind once")


def _settings(path: Path, kind: str | None, say: Say) -> list[str]:
    """The kind as a setting; a set that has nothing fitted moves nothing, and that is said."""
    if kind is None:
        return []
    study = load_checked(path, replicates=1).study
    chosen = parameter_set(study.parameter_set)
    if kind == "fitted" and not (chosen.rse_percent or draws_file(chosen)):
        say(f"{study.id}: nothing of {chosen.id} has a standard error; no number is moved")
        kind = "none"
    return [f"parameter_uncertainty={kind}"]


def _one(
    path: Path,
    out: Path,
    replicates: int | None,
    workers: int,
    dask: str | None,
    roles: Mapping[str, Role],
    say: Say,
    progress: Progress,
    uncertainty: str | None = None,
) -> tuple[ScoredStudy, list[RowStanding], list[str]] | None:
    """Run one study into its folder: its scores, how its rows stand, and the row ids its set was fitted on.

    None when it has no published rows.
    """
    loaded = load_checked(path, _settings(path, uncertainty, say), replicates=replicates)
    study = loaded.study
    if study.published is None:
        return None
    for line in loaded.warnings:
        say(f"warning: {line}")
    folder, begun = out / study.id, time.perf_counter()
    with locked(folder):
        beside = begin(checked(folder, overwrite=True, config=path), overwrite=True, resume=False, identity={})
        with progress(f"{study.id}, patients") as tell:
            done = execute(study, beside, workers, tell, dask=dask)
        if done.n_failed:
            say(f"{study.id}: {done.n_failed} of {done.n_patients} patients failed; solves.parquet there says why")
        volatile = {"seconds": round(time.perf_counter() - begun, 1), "workers": workers}
        analysed, _ = conclude(beside, done, loaded.warnings, volatile, say)
        finish(folder, beside)
    rows = standings(folder, study, analysed.scores, roles)
    return ScoredStudy(study.id, tuple(analysed.scores)), rows, list(parameter_set(study.parameter_set).targets)


def _write(studies: Sequence[ScoredStudy], out: Path, summary: Sequence[str]) -> None:
    write([s for study in studies for s in study.scores], out / "scorecard.csv")
    (out / SUMMARY).write_text("\n".join(summary) + "\n", encoding="utf-8")
    note = f"{'  '.join(summary[:2])}\n{STATEMENT} virtual-trial {engine_version()}."
    figures_scores.forest(figures_scores.panels(studies), note, [out / name for name in FOREST])


def lines(study: ScoredStudy) -> list[tuple[str, ...]]:
    """Every row as text: endpoint, arm, simulated, published, inside, was; "–" and why where there is no verdict."""
    found: list[tuple[str, ...]] = []
    before = ""
    for s in study.scores:
        name = s.endpoint if s.unit == "%" else f"{s.endpoint}, {s.unit}"
        verdict = {"yes": "yes", "no": "MISS"}.get(s.inside, "–")
        was = ("fitted" if s.seen == "yes" else "predicted") if s.inside else s.unjudged or NOT_COUNTED
        shown = name if name != before else ""
        found.append((shown, s.arm, scoring.value(s), scoring.held_against(s), verdict, was))
        before = name
    return found
