"""From the tables of a run to its results: endpoints.parquet, estimates.parquet and the scorecard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis import endpoints
from analysis.endpoints.periods import periods_table
from analysis.endpoints.records import Array, Records, from_tables
from analysis.endpoints.stage_view import in_stage
from analysis.endpoints.time_to_event import times_table
from analysis.evidence import scorecard
from analysis.evidence.scorecard import Score
from analysis.statistics import summaries
from analysis.statistics.concentrations import estimate_concentrations
from analysis.statistics.crossover import estimate_crossover
from analysis.statistics.dose_finding import estimate_dose_response
from analysis.statistics.estimates import OVER, Estimate, estimate, rates, to_table
from analysis.statistics.event_times import estimate_times
from analysis.statistics.longitudinal import estimate_longitudinal
from analysis.statistics.measured_comparison import estimate_measured
from analysis.statistics.participants import estimate_participants
from analysis.statistics.passages import estimate_passages
from analysis.statistics.planned import estimate_planned
from analysis.statistics.subgroups import estimate_subgroups
from analysis.text import cells
from trial.study.study import Study

CONFIG_FILE = "config.resolved.yaml"
PUBLISHED_FILE = "published.csv"
ENDPOINTS_FILE = "endpoints.parquet"
TIMES_FILE = "times.parquet"
PERIODS_FILE = "periods.parquet"
PATIENTS_FILE = "patients.parquet"
ESTIMATES_FILE = "estimates.parquet"
SCORECARD_FILE = "scorecard.csv"
SCORES_FILE = "scorecard.parquet"


MOST_FAILED = 0.05
"""Share of patients whose solve failed above which no rate is shown without it."""


@dataclass(frozen=True)
class Line:
    """One line of the short result table of the terminal; every field is text for people."""

    endpoint: str
    label: str
    arm: str
    simulated: str
    published: str
    inside: str
    kind: str
    """"fitted" for a calibration target, "predicted" otherwise; "" when it is not judged."""
    unit: str = "%"
    """Of ``simulated`` and ``published``."""
    limits: str = ""
    """What stands in brackets in ``published``: "95 % CI" or "tolerance"."""


@dataclass(frozen=True)
class Analysed:
    """The results of a run: all estimates, the scorecard (empty without published rows), and the short table."""

    estimates: list[Estimate]
    scores: list[Score]
    lines: list[Line]


def analyse(out_dir: Path, study: Study) -> Analysed:
    """From the endpoints in a run folder write estimates and (with published rows) scorecard; what they say.

    Reads endpoints, times and patients piece by piece, and ``published.csv`` when there is one.
    """
    reported = study.analysed
    found = summaries.of_file(out_dir / ENDPOINTS_FILE, reported)
    estimates = [
        *estimate(found, reported),
        *estimate_planned(found, reported),
        *estimate_subgroups(out_dir / ENDPOINTS_FILE, out_dir / PATIENTS_FILE, reported),
        *estimate_measured(out_dir / ENDPOINTS_FILE, out_dir / PATIENTS_FILE, reported),
        *estimate_dose_response(out_dir / ENDPOINTS_FILE, found, reported),
        *estimate_times(out_dir / TIMES_FILE, reported),
        *estimate_longitudinal(out_dir, study),
        *estimate_concentrations(out_dir, study),
        *estimate_crossover(out_dir / PERIODS_FILE, study),
        *estimate_participants(out_dir, study, found),
        *estimate_passages(out_dir, study),
    ]
    pq.write_table(to_table(estimates), out_dir / ESTIMATES_FILE, compression="zstd")
    scores: list[Score] = []
    counted: set[str] = set()
    if (out_dir / PUBLISHED_FILE).exists():
        published = scorecard.read_published(out_dir / PUBLISHED_FILE)
        scores = scorecard.score(published, estimates)
        counted = {row.row_id for row in published if row.counted}
        scorecard.write(scores, out_dir / SCORECARD_FILE)
    return Analysed(estimates, scores, short_table(estimates, scores, counted, study.analysis.endpoints))


def evaluate_tables(study: Study, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables ``endpoints`` and ``times`` of some patients, from their tables, of the stage that is reported; and of
    a crossover ``periods``.
    """
    records, reported = from_tables(in_stage(tables, study), study.arm_ids), study.analysed
    made = {
        "endpoints": endpoints.table(records, endpoints.evaluate_all(records, reported)),
        "times": times_table(records, endpoints.times_of(records, reported)),
    }
    return made | ({"periods": periods_table(study, tables)} if study.analysis.crossover else {})


def short_table(
    estimates: Sequence[Estimate], scores: Sequence[Score], counted: Collection[str], named: Collection[str]
) -> list[Line]:
    """The ``counted`` published rows (ids) beside their simulation, then the endpoints that the study names (``named``)
    and that have no published row; where none is counted, every endpoint over replicates.
    """
    labels = {e.PARAMCD: e.PARAM for e in estimates}
    stats = scorecard.STAT.values()
    over = [e for e in estimates if e.PARCAT1 == "endpoint" and e.STAT in stats and e.SCOPE == OVER]
    chosen = [s for s in scores if s.row_id in counted]
    if not chosen:
        return [_line(e) for e in over]
    alone = set(named) - {s.endpoint for s in scores}
    return [
        *(_scored_line(s, labels.get(s.endpoint, "Not in this study")) for s in chosen),
        *(_line(e) for e in over if e.PARAMCD in alone),
    ]


def _line(e: Estimate) -> Line:
    simulated = cells.estimate_error(e.ESTIMATE, e.MCSE, cells.decimals(e.ESTIMATE))
    return Line(e.PARAMCD, e.PARAM, e.ARM, simulated, "", "", "", e.UNIT)


def _scored_line(score: Score, label: str) -> Line:
    decimals = cells.decimals(score.simulated, score.published, score.ci_high)
    return Line(
        endpoint=score.endpoint,
        label=label,
        arm=score.arm,
        simulated=cells.estimate_error(score.simulated, score.mcse, decimals),
        published=cells.with_interval(score.published, score.ci_low, score.ci_high, decimals),
        inside=score.inside,
        kind="fitted" if score.seen == "yes" else "predicted",
        unit=score.unit,
        limits="95 % CI" if score.interval in scorecard.CONFIDENCE else score.interval,
    )


def endpoint_values(records: Records, study: Study, codes: Sequence[str]) -> dict[str, Array]:
    """The endpoints ``codes`` per replicate and arm (R, A), in memory: proportions of a rate, else median or mean.

    Arms are in the order of ``records.arm_ids``; NaN where nobody is evaluable. Raises KeyError for an unknown code.
    """
    known = endpoints.endpoints_of(study.analysis)
    first = {"named_replicate": int(records.replicate[0])}
    study = study.model_copy(update={"analysis": study.analysis.model_copy(update=first)})
    evaluated = {code: endpoints.evaluate(known[code], records, study) for code in codes}
    found = summaries.of_records(records, evaluated, study)
    return {
        code: rates(summary.events, summary.sizes) if known[code].summary == "rate" else summary.location
        for code, summary in found.items()
    }
