"""Concentrations by nominal time of the named replicate, active arms.

What is below the limit of quantification is 0 before the first quantifiable sample of a patient and missing after it,
and missing in geometric summaries; a mean stands only where two thirds of the samples or more are quantifiable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.endpoints import nca
from analysis.endpoints.records import Array, from_tables
from analysis.statistics.estimates import Estimate, alone
from analysis.statistics.longitudinal import named_tables
from analysis.statistics.summaries import STATISTICS
from trial.study.study import Study

KIND = "concentration"
"""PARCAT1 of the rows; CATEGORY is the nominal time, h."""
ENOUGH = 2 / 3
"""Share of quantifiable samples from which on a mean stands."""
SAMPLED, QUANTIFIED = "n", "n quantifiable"
MEANS = ("mean", "SD", "CV")
GEOMETRIC = ("geometric mean", "geometric CV")
RANKS = ("median", "Q1", "Q3", "minimum", "maximum")
OF: dict[str, Callable[[Array], float]] = {
    **STATISTICS,
    "CV": lambda x: float(100 * x.std(ddof=1) / x.mean()) if x.size > 1 and x.mean() > 0 else float("nan"),
    "Q1": lambda x: float(np.quantile(x, 0.25)),
    "Q3": lambda x: float(np.quantile(x, 0.75)),
}


def estimate_concentrations(folder: Path, study: Study) -> list[Estimate]:
    """Every row, from the tables of a run; none where they are not asked for."""
    if not study.analysis.concentrations:
        return []
    records = from_tables(named_tables(folder, study), study.arm_ids)
    if records.profile is None:
        return []
    rows: list[Estimate] = []
    for k, arm in enumerate(study.arm_ids):
        if arm in study.placebo_arms:
            continue
        mine = records.arm == k
        for t, hours in enumerate(records.profile.times.tolist()):
            blank = Estimate(
                STUDYID=study.id, PARAMCD="CONC", PARAM="Concentration", PARCAT1=KIND, ARM=arm, COMPARATOR=None,
                POPULATION="PKS", STAT="", UNIT="ng/mL", SCOPE="replicate", CATEGORY=f"{hours:g}",
            )  # fmt: skip
            rows += summary_rows(blank, records.profile.values[mine], t)
    return rows


def summary_rows(blank: Estimate, values: Array, t: int) -> Iterator[Estimate]:
    """Rows of one time of profiles (n, T), ng/mL: 0 below the limit, NaN where there is no sample."""
    sampled, kept = values[~np.isnan(values[:, t]), t], nca.below_lloq(values)[:, t]
    kept = kept[~np.isnan(kept)]
    n, quantified = len(sampled), int((sampled > 0).sum())
    blank = replace(blank, N=n)
    yield alone(replace(blank, STAT=SAMPLED, UNIT="subjects"), float(n))
    yield alone(replace(blank, STAT=QUANTIFIED, UNIT="subjects"), float(quantified))
    means = MEANS if quantified >= ENOUGH * n else ()
    for stats, of in (((*means, *RANKS), kept), (GEOMETRIC, kept[kept > 0])):
        for stat in stats:
            unit = "%" if stat.endswith("CV") else blank.UNIT
            yield alone(replace(blank, STAT=stat, UNIT=unit), OF[stat](of) if len(of) else np.nan)
