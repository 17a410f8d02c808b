"""The planned comparison of measured endpoints on hand-made patients; the methods have tests of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny_trial import Patient, study, tables

from analysis import endpoints
from analysis.evidence.results import evaluate_tables
from analysis.statistics.estimates import Estimate
from analysis.statistics.least_squares import adjusted_difference
from analysis.statistics.measured_comparison import estimate_measured
from analysis.statistics.ranks import hodges_lehmann, van_elteren
from trial.study.study import Study

RNG = np.random.default_rng(7)
ARM = np.tile(["drug", "drug", "placebo"], 16)
STRATUM = RNG.choice(["A", "B"], 48)
BASELINE = RNG.integers(2, 29, 48).astype(float)
COUNT = np.round(RNG.normal(40, 12, (3, 48)) + np.where(ARM == "drug", 12, 0) + BASELINE)
COUNT[:, 3] = 1.0
"""Three replicates of 48 patients, at every visit the same count; one is below baseline."""


def planned(**said: object) -> Study:
    few = {"endpoints": ["PLTW8", "CHGW8", "RESPW8"], "primary": "PLTW8"}
    return study(arms=("drug", "placebo"), strata=("SPLENFL",), **few | said)  # type: ignore[arg-type]


def rows(folder: Path, settings: Study, missing: tuple[int, ...] = ()) -> dict[tuple[str, str, str], Estimate]:
    """By endpoint, statistic and scope; the patients of places ``missing`` have no count in week 8."""
    made = [
        Patient(
            [None if v == 7 and k in missing else COUNT[r, k] for v in range(10)],
            arm=str(ARM[k]), replicate=r, baseline=float(BASELINE[k]), stratum=str(STRATUM[k]),
        )
        for r in range(3) for k in range(48)
    ]  # fmt: skip
    whole = tables(made)
    pq.write_table(whole["patients"], folder / "patients.parquet")
    pq.write_table(evaluate_tables(settings, whole)["endpoints"], folder / "endpoints.parquet")
    found = estimate_measured(folder / "endpoints.parquet", folder / "patients.parquet", settings)
    assert {e.ARM for e in found} <= {"drug"}
    return {(e.PARAMCD, e.STAT, e.SCOPE): e for e in found}


def three(e: Estimate) -> list[float | None]:
    return [e.ESTIMATE, e.CI_LOW, e.CI_HIGH]


def test_shift_of_ranks_and_the_test_within_strata(tmp_path: Path) -> None:
    of = rows(tmp_path, planned(method={"measured": "hodges_lehmann"}), missing=(0,))
    use, drug = np.arange(48) > 0, ARM == "drug"
    wanted = hodges_lehmann(COUNT[0, use & drug], COUNT[0, use & ~drug])
    shift, p = of["PLTW8", "planned shift", "replicate"], of["PLTW8", "planned p", "replicate"]
    assert three(shift) == pytest.approx([float(v) for v in wanted.interval])
    assert (shift.N, shift.UNIT) == (47, "10^9/L")
    assert (
        pytest.approx(van_elteren(COUNT[0, use], drug[use], np.unique(STRATUM[use], return_inverse=True)[1]))
        == p.ESTIMATE
    )
    each = [float(hodges_lehmann(COUNT[r, use & drug], COUNT[r, use & ~drug]).interval.estimate) for r in range(3)]
    assert pytest.approx(np.mean(each)) == of["PLTW8", "planned shift", "replicates"].ESTIMATE
    crude = rows(tmp_path, planned(method={"measured": "hodges_lehmann", "strata": "none"}), missing=(0,))
    zero = np.zeros(47, dtype=int)
    assert (
        pytest.approx(van_elteren(COUNT[0, use], drug[use], zero)) == crude["PLTW8", "planned p", "replicate"].ESTIMATE
    )


@pytest.mark.parametrize(("kind", "stat"), [("ancova", "difference"), ("ancova_log", "ratio")])
def test_means_adjusted_for_baseline_and_stratum(tmp_path: Path, kind: str, stat: str) -> None:
    of = rows(tmp_path, planned(method={"measured": kind}))
    log, back = (np.log, np.exp) if kind == "ancova_log" else (np.array, np.array)
    codes = [np.unique(x, return_inverse=True)[1] for x in (ARM, STRATUM)]
    each = [adjusted_difference(log(COUNT[r]), codes[0], (0, 1), log(BASELINE), codes[1]) for r in range(3)]
    one = of["PLTW8", f"planned adjusted {stat}", "replicate"]
    assert three(one) == pytest.approx([float(back(v)) for v in each[0].interval])
    assert pytest.approx(each[0].p) == of["PLTW8", "planned p", "replicate"].ESTIMATE
    over = of["PLTW8", f"planned adjusted {stat}", "replicates"]
    assert pytest.approx(np.mean([back(c.interval.estimate) for c in each])) == over.ESTIMATE
    won = [c.p < 0.05 and c.interval.estimate > 0 for c in each]
    rejected = of["PLTW8", "rejected", "replicates"]
    assert (pytest.approx(100 * np.mean(won)), 3) == (rejected.ESTIMATE, rejected.R)
    assert "differ, in either direction" in rejected.NOTE or "higher" in rejected.NOTE


def test_logarithms_of_what_is_not_positive_are_none(tmp_path: Path) -> None:
    """A change from baseline may be negative."""
    e = rows(tmp_path, planned(method={"measured": "ancova_log"}))["CHGW8", "planned adjusted ratio", "replicate"]
    assert three(e) == [None] * 3 and e.NOTE == "a value is not positive"


def test_nothing_where_it_is_not_asked_for_or_has_no_effect(tmp_path: Path) -> None:
    assert rows(tmp_path, planned()) == {}
    only = planned(endpoints=["RESPW8"], primary="RESPW8", method={"measured": "ancova"})
    assert any("no endpoint is measured" in text for _, text in endpoints.study_problems(only))
    assert not any("measured" in text for _, text in endpoints.study_problems(planned(method={"measured": "ancova"})))
