"""From the tables of a run to its results: endpoints.parquet, estimates.parquet and scorecard.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from ruamel.yaml import YAML

from analysis import cells, endpoints, scorecard
from analysis.endpoint import Settings
from analysis.estimates import OVER, Estimate, estimate, events_and_sizes, groups, rates, to_table
from analysis.records import Array, Records, load
from analysis.scorecard import Score
from trial.protocol import Analysis

CONFIG_FILE = "config.resolved.yaml"
PUBLISHED_FILE = "published.csv"
ENDPOINTS_FILE = "endpoints.parquet"
ESTIMATES_FILE = "estimates.parquet"
SCORECARD_FILE = "scorecard.csv"


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


@dataclass(frozen=True)
class Analysed:
    """The results of a run: all estimates, the scorecard (empty without published rows), and the short table."""

    estimates: list[Estimate]
    scores: list[Score]
    lines: list[Line]


def analyse(out_dir: Path) -> Analysed:
    """Read a run folder, write its endpoints, estimates and (with published rows) scorecard, return what they say.

    Reads ``config.resolved.yaml``, the tables, and ``published.csv`` when the folder has one.
    """
    settings = Settings.of(YAML(typ="safe").load((out_dir / CONFIG_FILE).read_text(encoding="utf-8")))
    records = load(out_dir, settings.arm_ids)
    evaluated = endpoints.evaluate_all(records, settings)
    estimates = estimate(records, evaluated, settings)
    pq.write_table(endpoints.table(records, evaluated), out_dir / ENDPOINTS_FILE, compression="zstd")
    pq.write_table(to_table(estimates), out_dir / ESTIMATES_FILE, compression="zstd")
    scores: list[Score] = []
    counted: set[str] = set()
    if (out_dir / PUBLISHED_FILE).exists():
        published = scorecard.read_published(out_dir / PUBLISHED_FILE)
        scores = scorecard.score(published, estimates)
        counted = {row.row_id for row in published if row.counted}
        scorecard.write(scores, out_dir / SCORECARD_FILE)
    return Analysed(estimates, scores, short_table(estimates, [s for s in scores if s.row_id in counted]))


def short_table(estimates: Sequence[Estimate], counted: Sequence[Score]) -> list[Line]:
    """The counted published rows beside their simulation; without any, every rate over replicates."""
    labels = {e.PARAMCD: e.PARAM for e in estimates}
    if counted:
        return [_scored_line(s, labels[s.endpoint]) for s in counted]
    shown = [e for e in estimates if e.STAT == "rate" and e.SCOPE == OVER]
    return [Line(e.PARAMCD, e.PARAM, e.ARM, cells.estimate_error(e.ESTIMATE, e.MCSE, 1), "", "", "") for e in shown]


def _scored_line(score: Score, label: str) -> Line:
    return Line(
        endpoint=score.endpoint,
        label=label,
        arm=score.arm,
        simulated=cells.estimate_error(score.simulated, score.mcse, 1),
        published=cells.with_interval(score.published, score.ci_low, score.ci_high, 1),
        inside=score.inside,
        kind="fitted" if score.seen == "yes" else "predicted",
    )


def endpoint_rates(records: Records, analysis: Analysis, codes: Sequence[str]) -> dict[str, Array]:
    """Proportions (not percent) of the rate endpoints ``codes``, per replicate and arm (R, A), in memory.

    Arms are in the order of ``records.arm_ids``; NaN where nobody is evaluable. Raises KeyError for an unknown code and
    ValueError for an endpoint that is not a yes or no.
    """
    settings = Settings(analysis.assessment_day, analysis.response_threshold_1e9L)
    wrong = endpoints.problems(codes, settings.assessment_day)
    if wrong:
        raise KeyError("; ".join(wrong))
    known, by = endpoints.catalogue(settings.assessment_day), groups(records)
    measured = [code for code in codes if known[code].summary != "rate"]
    if measured:
        raise ValueError(f"{', '.join(measured)}: not a rate")
    evaluated = {code: endpoints.evaluate(known[code], records, settings) for code in codes}
    return {code: rates(*events_and_sizes(result, by)) for code, result in evaluated.items()}
