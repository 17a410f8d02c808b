"""Two runs, arms or stages side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.endpoints import endpoints_of
from analysis.endpoints.contract import when
from analysis.evidence import comparison as pure
from analysis.evidence.comparison import Arms, Difference, Side
from analysis.evidence.pairs import Paired, in_pairs
from analysis.evidence.results import evaluate_tables
from analysis.report.runfolder import Filters, batches
from analysis.statistics import summaries
from analysis.statistics.estimates import estimate
from trial.app.door import Opened, opened
from trial.errors import ConfigError, Refused
from trial.study.analysis_plan import Analysis
from trial.study.fingerprint import fingerprint
from trial.study.load import config_of
from trial.study.protocol import not_among
from trial.study.study import Study

TABLES = ("patients", "doses", "observations", "events", "solves", "stages", "adverse")
OF_ONE = "one run: --arms A,B names two of its arms, --stages S,T two of its stages"


@dataclass(frozen=True)
class Comparison:
    """The two sides, every difference, whether replicates are paired, and what to know first: what is left out of the
    comparison, and that more than the parameters may make the difference; then the patients who are on both sides.
    """

    sides: tuple[Side, Side]
    rows: Sequence[Difference]
    paired: bool
    cautions: tuple[str, ...]
    patients: Paired


def compare_runs(
    run_a: Path, run_b: Path | None = None, arms: str = "", stages: str = "", day: int | None = None
) -> Comparison:
    """Two runs, or one with two ``arms`` ("A,B") or ``stages`` ("S,T"); of two runs the first name is of the first.

    ``day``: the assessment day of the stages, from their start; None: that of the study. Raises Refused unless the
    folders hold finished runs and the sides differ and have an arm and an endpoint in common.
    """
    named, staged = _two(arms, "--arms"), _two(stages, "--stages")
    first = opened(run_a)
    second = first if run_b is None else opened(run_b)
    _must_differ(run_b is None, named, staged, day)
    with TemporaryDirectory() as scratch:
        a, b = (
            _staged(run, stage, day, Path(scratch) / f"{k}.parquet") if stage else pure.read_side(run.folder, run.study)
            for k, (run, stage) in enumerate(zip((first, second), staged or ("", ""), strict=True))
        )
        pairs = _arms(a, b, named)
        rows, cautions = pure.compared(a, b, pairs), (*pure.left_out(a, b, pairs), *_caution(a, b))
        if not rows:
            raise Refused("\n".join(f"compare: {line}" for line in ("the runs have nothing in common", *cautions)))
        known = endpoints_of(a.study.analysis)
        patients = in_pairs(a, b, pairs or pure.same_arms(a, b), known)
    return Comparison((a, b), rows, pure.paired(a, b), cautions, patients)


def _two(text: str, option: str) -> tuple[str, ...]:
    """The two names of an option; none where it is not given."""
    if not text:
        return ()
    parts = tuple(part.strip() for part in text.split(","))
    if len(parts) != 2 or not all(parts):
        raise Refused(f"{option}: seen {text!r}; allowed: two names with a comma between them, as in {option} A,B")
    return parts


def _must_differ(one_run: bool, arms: Sequence[str], stages: Sequence[str], day: int | None) -> None:
    """Refused for one run without two sides, and for a day without stages."""
    if day is not None and not stages:
        raise Refused(f"--day: seen {day}; allowed: with --stages, whose endpoints are evaluated on that day")
    if one_run and not arms and not stages:
        raise Refused(OF_ONE)
    if one_run and len(set(arms)) < 2 and len(set(stages)) < 2:
        raise Refused(f"nothing to compare: both sides are the same; {OF_ONE}")


def _arms(a: Side, b: Side, named: Sequence[str]) -> Arms:
    """The arms that are named. Raises Refused for one that a side does not have."""
    for arm, side in zip(named, (a, b), strict=False):
        if arm not in side.study.arm_ids:
            raise Refused(f"--arms: {not_among(arm, side.study.arm_ids, f'an arm of {side.path}')}")
    return [(named[0], named[1])] if named else ()


def _staged(run: Opened, stage: str, day: int | None, path: Path) -> Side:
    """One stage of a run, its endpoints evaluated into ``path``. Raises Refused where that cannot be."""
    study = run.study
    known = [one.id for one in study.stages]
    if stage not in known:
        where = f"a stage of {run.folder}"
        raise Refused(f"--stages: {not_among(stage, known or ['none, in a study without stages'], where)}")
    if len(study.kept) < study.replicates:
        raise Refused(
            f"{run.folder}: the tables of {len(study.kept)} of {study.replicates} replicates were kept; stages are "
            "compared from the tables of all: run the study with output: visits"
        )
    asked = _reporting(study, stage, day, run.folder)
    with pq.ParquetWriter(path, _evaluated(run, asked, next(batches(study))).schema) as writer:
        for which in batches(study):
            writer.write_table(_evaluated(run, asked, which))
    found = summaries.of_file(path, asked.analysed)
    rows = tuple(estimate(found, asked.analysed))
    return Side(run.folder, asked, run.manifest, rows, found, stage, path)


def _reporting(study: Study, stage: str, day: int | None, folder: Path) -> Study:
    """The study, reporting every endpoint of a stage."""
    plan = study.analysis
    day = plan.assessment_day if day is None else day
    asked = Analysis(
        response_threshold_1e9L=plan.response_threshold_1e9L, stage=stage, assessment_day=day,
        reference_arm=plan.reference_arm, primary=f"RESP{when(day)[0]}", named_replicate=plan.named_replicate,
        definitions=plan.definitions,
    )  # fmt: skip
    try:
        return config_of(study.model_copy(update={"analysis": asked})).study
    except ConfigError as error:
        hint = "; --day D names a visit of both stages" if "assessment_day" in str(error) else ""
        raise Refused("\n".join(f"{folder}, stage {stage}: {line}{hint}" for line in error.messages)) from None


def _evaluated(run: Opened, study: Study, which: Filters) -> pa.Table:
    """The endpoints table of some patients."""
    there = [name for name in TABLES if (run.folder / f"{name}.parquet").exists()]
    tables = {name: pq.read_table(run.folder / f"{name}.parquet", filters=which) for name in there}
    return evaluate_tables(study, tables)["endpoints"]


def _caution(a: Side, b: Side) -> list[str]:
    """When the runs are of different designs, what differs may be the design."""
    if a.path == b.path:
        return []
    one, other = (fingerprint(side.study) for side in (a, b))
    said = f"the designs differ ({one}, {other}): not only the parameters may make the difference"
    return [said] * (one != other)
