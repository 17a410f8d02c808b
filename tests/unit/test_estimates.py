"""The estimates table and the run folder, on a tiny trial of three replicates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest
from tiny_trial import Patient, study, tables

from analysis import endpoints
from analysis.endpoints.records import from_tables, load
from analysis.evidence.results import analyse, endpoint_values, evaluate_tables
from analysis.statistics import estimators, summaries
from analysis.statistics.estimates import (
    ESTIMATES_SCHEMA,
    Estimate,
    RepeatedTest,
    _power_row,
    estimate,
    over,
    read_estimates,
    to_table,
)

YES, NO = Patient([60.0]), Patient([20.0])
RESPONDERS = {"drug": (3, 2, 4), "placebo": (0, 1, 0)}
SIZE = {"drug": 4, "placebo": 3}


def trial() -> list[Patient]:
    """Three replicates of 4 on drug and 3 on placebo, with RESPONDERS of each."""
    return [
        replace(YES if k < RESPONDERS[arm][r] else NO, arm=arm, replicate=r, profile=(2.0, 8.0, 2.0 + 2 * k))
        for r in range(3)
        for arm in ("drug", "placebo")
        for k in range(SIZE[arm])
    ]


def frame(**changes: object) -> pd.DataFrame:
    settings = study(**{"pk_sampling": True, "named_replicate": 1} | changes)  # type: ignore[arg-type]
    records = from_tables(tables(trial()), ("drug", "placebo"))
    rows = estimate(summaries.of_records(records, endpoints.evaluate_all(records, settings), settings), settings)
    return pd.DataFrame(to_table(rows).to_pylist())


def one(table: pd.DataFrame, code: str, arm: str, stat: str, scope: str) -> pd.Series:
    found = table[
        (table["PARAMCD"] == code) & (table["ARM"] == arm) & (table["STAT"] == stat) & (table["SCOPE"] == scope)
    ]
    assert len(found) == 1, found
    return found.iloc[0]


def test_the_named_replicate_has_its_clopper_pearson_interval_and_nothing_else() -> None:
    row = one(frame(), "RESPW8", "drug", "rate", "replicate")
    assert (row["N"], row["N_EVENT"], row["ESTIMATE"], row["CI_METHOD"]) == (4, 2, 50, "Clopper-Pearson")
    interval = estimators.clopper_pearson(2, 4)
    assert (row["CI_LOW"], row["CI_HIGH"]) == pytest.approx((100 * interval.low, 100 * interval.high))
    assert row[["MCSE", "RANGE_LOW", "RANGE_HIGH", "R"]].isna().all()


def test_over_replicates_there_is_an_error_and_a_range_and_no_interval() -> None:
    row = one(frame(), "RESPW8", "drug", "rate", "replicates")
    rates = np.array([75.0, 50.0, 100.0])
    assert row["ESTIMATE"] == pytest.approx(75)
    assert row["MCSE"] == pytest.approx(rates.std(ddof=1) / np.sqrt(3))
    assert (row["RANGE_LOW"], row["RANGE_HIGH"]) == pytest.approx(tuple(np.quantile(rates, [0.025, 0.975])))
    assert row["R"] == 3
    assert row[["CI_LOW", "CI_HIGH", "N_EVENT"]].isna().all()


def test_the_difference_is_against_the_reference_arm() -> None:
    table = frame()
    row = one(table, "RESPW8", "drug", "difference", "replicate")
    expected = estimators.rate_difference(2, 4, 1, 3)
    assert (row["COMPARATOR"], row["CI_METHOD"]) == ("placebo", "Miettinen-Nurminen")
    assert (row["ESTIMATE"], row["CI_LOW"], row["CI_HIGH"]) == pytest.approx(tuple(100 * np.array(expected)))
    assert one(table, "RESPW8", "drug", "difference", "replicates")["ESTIMATE"] == pytest.approx(75 - 100 / 9)
    assert table[(table["STAT"] == "difference") & (table["ARM"] == "placebo")].empty


def test_power_is_the_share_of_replicates_won_with_its_binomial_error() -> None:
    table = frame()
    won = estimators.score_test([3, 2, 4], [4] * 3, [0, 1, 0], [3] * 3) < 0.05
    row = one(table, "RESPW8", "drug", "power", "replicates")
    assert row["ESTIMATE"] == pytest.approx(100 * won.mean())
    assert row["MCSE"] == pytest.approx(100 * np.sqrt(won.mean() * (1 - won.mean()) / 3))
    assert set(table[table["STAT"] == "power"]["PARAMCD"]) == {"RESPW8"}


def powered(trials: list[Patient], **changes: object) -> pd.Series:
    """The row of power of the primary endpoint."""
    settings = study(**changes)  # type: ignore[arg-type]
    records = from_tables(tables(trials), ("drug", "placebo"))
    found = summaries.of_records(records, endpoints.evaluate_all(records, settings), settings)
    return one(pd.DataFrame(to_table(estimate(found, settings)).to_pylist()), settings.analysis.primary, "drug",
               "power", "replicates")  # fmt: skip


def groups(responders: list[tuple[int, int]], failed: int = 0) -> list[Patient]:
    """A replicate of 30 on each arm for each (drug, placebo); in the first ``failed`` ones placebo cannot be solved."""
    return [
        replace(YES if k < n else NO, arm=arm, replicate=r, status="STEP_LIMIT" if r < failed and k_arm else "OK")
        for r, both in enumerate(responders)
        for k_arm, (arm, n) in enumerate(zip(("drug", "placebo"), both, strict=True))
        for k in range(30)
    ]


def test_power_is_of_the_replicates_that_can_be_tested() -> None:
    """Four replicates, of which one without placebo: of three tested two are won."""
    row = powered(groups([(25, 2), (25, 2), (3, 2), (25, 2)], failed=1), replicates=4)
    assert row["ESTIMATE"] == pytest.approx(200 / 3) and row["R"] == 3
    assert row["MCSE"] == pytest.approx(100 * np.sqrt(2 / 3 * (1 / 3) / 3))
    assert "1 of 4 replicates have an arm without an evaluable subject and are not tested" in row["NOTE"]


def test_power_of_nothing_that_can_be_tested_is_not_estimable() -> None:
    row = powered(groups([(25, 2)] * 3, failed=3))
    assert np.isnan(row["ESTIMATE"]) and row["R"] == 0 and row[["MCSE", "CI_LOW", "CI_HIGH"]].isna().all()


@pytest.mark.parametrize(
    ("drug", "power", "limits"), [(28, 100.0, (0.025 ** (1 / 5), 1.0)), (2, 0.0, (0.0, 1 - 0.025 ** (1 / 5)))]
)
def test_power_at_its_ends_has_exact_limits_and_no_error(drug: int, power: float, limits: tuple[float, float]) -> None:
    """Five of five, none of five: closed forms of Clopper and Pearson."""
    row = powered(groups([(drug, 2)] * 5), replicates=5)
    assert row["ESTIMATE"] == power and np.isnan(row["MCSE"])
    assert (row["CI_LOW"], row["CI_HIGH"]) == pytest.approx(tuple(100 * x for x in limits))


def test_a_primary_without_a_direction_counts_both_and_says_so() -> None:
    """A reduction of dose is neither good nor bad: two replicates with more, one with fewer, one equal."""
    people = groups([(25, 2), (25, 2), (2, 25), (5, 5)])
    reduced = [replace(p, actions=("start", "decrease")) if p.counts == YES.counts else p for p in people]
    row = powered(reduced, replicates=4, primary="REDUCE")
    assert row["ESTIMATE"] == 75 and "counted: the arms differ, in either direction" in row["NOTE"]
    assert "which is better" in powered(people, replicates=4)["NOTE"]


def test_losing_to_the_reference_is_not_power() -> None:
    table = frame(reference_arm="drug")
    assert one(table, "RESPW8", "placebo", "power", "replicates")["ESTIMATE"] == 0


def test_an_odds_ratio_with_a_zero_cell_is_null() -> None:
    row = one(frame(named_replicate=0), "RESPW8", "drug", "odds ratio", "replicate")
    assert np.isnan(row["ESTIMATE"])
    assert row["CI_METHOD"] == ""


def test_durations_are_medians_of_the_evaluable_who_are_counted() -> None:
    table = frame()
    row = one(table, "MAXDUR", "drug", "median", "replicate")
    assert (row["N"], row["ESTIMATE"], row["UNIT"]) == (2, 49, "d")
    assert row["NOTE"] == "not evaluable: 2 no response"
    nobody = one(table, "MAXDUR", "placebo", "median", "replicates")
    assert (nobody["R"], nobody["ESTIMATE"]) == (1, 49)
    assert "2 replicates without an evaluable subject" in nobody["NOTE"]


def test_means_have_a_standard_deviation_and_the_error_over_replicates() -> None:
    """Week 8 change from 10 to 60 (+500 %) of the responders, to 20 (+100 %) of the others."""
    table = frame()
    row = one(table, "CHGW8", "drug", "mean", "replicate")
    assert (row["N"], row["ESTIMATE"], row["UNIT"]) == (4, 300, "%")
    assert one(table, "CHGW8", "drug", "SD", "replicate")["ESTIMATE"] == pytest.approx(
        np.std([5, 5, 1, 1], ddof=1) * 100
    )
    over = one(table, "CHGW8", "drug", "mean", "replicates")
    means = np.array([400.0, 300.0, 500.0])
    assert over["ESTIMATE"] == pytest.approx(400)
    assert over["MCSE"] == pytest.approx(means.std(ddof=1) / np.sqrt(3))
    assert set(table[table["PARAMCD"] == "CHGW8"]["STAT"]) == {"mean", "SD", "minimum", "maximum"}


def test_exposure_has_geometric_statistics_on_the_pk_set_and_none_on_placebo() -> None:
    table = frame()
    row = one(table, "CTROUGH", "drug", "geometric mean", "replicate")
    assert (row["N"], row["POPULATION"]) == (4, "PKS")
    assert row["ESTIMATE"] == pytest.approx((2 * 4 * 6 * 8) ** 0.25)
    assert one(table, "CTROUGH", "drug", "median", "replicate")["ESTIMATE"] == 5
    placebo = one(table, "CTROUGH", "placebo", "median", "replicate")
    assert (placebo["N"], placebo["NOTE"]) == (0, "not evaluable: 3 placebo: no drug")


def test_completion_is_also_shown_over_all_arms() -> None:
    assert one(frame(), "COMPL", "ALL", "rate", "replicate")["N"] == 7


def test_without_a_reference_arm_nothing_is_compared() -> None:
    assert frame(reference_arm=None)["COMPARATOR"].isna().all()


def test_a_named_replicate_that_was_not_simulated_is_refused() -> None:
    with pytest.raises(ValueError, match="named_replicate 7 is not among the 3"):
        frame(named_replicate=7, replicates=8)


def test_rates_in_memory_are_proportions_by_replicate_and_arm() -> None:
    records = from_tables(tables(trial()))
    found = endpoint_values(records, study(), ["RESPW8", "RESP1"])
    assert records.arm_ids == ("drug", "placebo")
    assert found["RESPW8"] == pytest.approx(np.array([[3 / 4, 0], [2 / 4, 1 / 3], [1, 0]]))


STUDY = study(arms=("placebo", "drug"), named_replicate=1, pk_sampling=True)
PUBLISHED = """\
row_id,study,arm,endpoint,statistic,timepoint,unit,published,n,events,ci_low,ci_high,interval,counted,seen,source,note
one,S,drug,RESPW8,rate,week 8,%,70,10,7,34.8,93.3,cp95,yes,no,,
"""


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3,), (2, 1), (1, 2)])
def test_a_file_in_any_pieces_gives_what_the_records_give(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Row groups of whole replicates, however many; equal bit for bit to the summary of all records at once."""
    settings = study(pk_sampling=True, named_replicate=1)
    records = from_tables(tables(trial()), settings.arm_ids)
    direct = estimate(summaries.of_records(records, endpoints.evaluate_all(records, settings), settings), settings)
    whole = evaluate_tables(settings, tables(trial()))["endpoints"]
    first = 0
    with pq.ParquetWriter(tmp_path / "e.parquet", whole.schema) as writer:
        for size in sizes:
            writer.write_table(whole.filter(np.isin(whole["IREP"].to_numpy(), range(first, first + size))))
            first += size
    assert estimate(summaries.of_file(tmp_path / "e.parquet", settings), settings) == direct


def test_a_replicate_in_several_pieces_is_put_together(tmp_path: Path) -> None:
    settings = study(pk_sampling=True, named_replicate=1)
    whole = evaluate_tables(settings, tables(trial()))["endpoints"]
    replicate, subject = (whole[name].to_numpy() for name in ("IREP", "SUBJID"))
    with pq.ParquetWriter(tmp_path / "e.parquet", whole.schema) as writer:
        for r in range(3):
            for part in (subject <= 2, (subject > 2) & (subject <= 6), subject > 6):
                writer.write_table(whole.filter((replicate == r) & part))
    pieces = [
        table["IREP"].to_numpy() for table in summaries.whole_replicates(tmp_path / "e.parquet", whole.column_names)
    ]
    assert [sorted(set(piece.tolist())) for piece in pieces] == [[0], [1], [2]]
    records = from_tables(tables(trial()), settings.arm_ids)
    direct = estimate(summaries.of_records(records, endpoints.evaluate_all(records, settings), settings), settings)
    assert estimate(summaries.of_file(tmp_path / "e.parquet", settings), settings) == direct


@pytest.mark.slow
def test_memory_does_not_grow_with_the_replicates(tmp_path: Path) -> None:
    """Arrow's memory while a file of 60 row groups is read: never more than three of them at once."""
    whole = evaluate_tables(study(pk_sampling=True), tables(trial()))["endpoints"]
    many = pa.concat_tables([whole] * 50).unify_dictionaries().combine_chunks()
    with pq.ParquetWriter(tmp_path / "e.parquet", many.schema) as writer:
        for k in range(60):
            writer.write_table(many.set_column(0, many.schema.field(0), pa.array([k] * len(many), type=pa.int32())))
    before = pa.total_allocated_bytes()
    held, size = [], 0
    for table in summaries.whole_replicates(tmp_path / "e.parquet", whole.column_names):
        held.append(pa.total_allocated_bytes() - before)
        size = table.nbytes
    assert len(held) == 60
    assert max(held) < 3 * size + 2**20 < 60 * size / 4


def test_counts_of_a_file_are_those_of_a_group_by(tmp_path: Path) -> None:
    """Events, evaluable subjects and medians per replicate and arm, against pandas."""
    settings = study(pk_sampling=True, named_replicate=1)
    whole = evaluate_tables(settings, tables(trial()))["endpoints"]
    pq.write_table(whole, tmp_path / "e.parquet")
    groups = whole.to_pandas().groupby(["PARAMCD", "IREP", "ARM"], observed=False).AVAL
    found = summaries.of_file(tmp_path / "e.parquet", settings)
    assert set(found) == set(whole["PARAMCD"].unique().to_pylist())
    for code, summary in found.items():
        for statistic, array in (("sum", summary.events), ("count", summary.sizes)):
            table = getattr(groups, statistic)().loc[code].unstack("ARM")[list(settings.arm_ids)]
            assert array == pytest.approx(table.to_numpy()), (code, statistic)
    medians = groups.median().loc["MAXDUR"].unstack("ARM")[list(settings.arm_ids)]
    assert found["MAXDUR"].location == pytest.approx(medians.to_numpy(), nan_ok=True)


def run_folder(path: Path, published: bool) -> Path:
    for name, table in tables(trial()).items():
        pq.write_table(table, path / f"{name}.parquet")
    for name, table in evaluate_tables(STUDY, tables(trial())).items():
        pq.write_table(table, path / f"{name}.parquet")
    if published:
        (path / "published.csv").write_text(PUBLISHED)
    return path


def test_analyse_writes_endpoints_estimates_and_scorecard(tmp_path: Path) -> None:
    found = analyse(run_folder(tmp_path, published=True), STUDY)
    assert [(s.simulated, s.inside) for s in found.scores] == [(75, "")]  # two replicates: no verdict
    assert [(line.arm, line.published, line.inside) for line in found.lines] == [("drug", "70.0 (34.8, 93.3)", "")]
    written = pq.read_table(tmp_path / "estimates.parquet")
    assert written.schema.equals(ESTIMATES_SCHEMA)
    assert written.schema.field("MCSE").metadata[b"label"] == b"Monte Carlo error of the estimate"
    assert written.num_rows == len(found.estimates)
    table = pq.read_table(tmp_path / "endpoints.parquet")
    special = [
        e
        for e in endpoints.ENDPOINTS
        if e.needs_first_dose
        or e.needs_partial
        or e.needs_chemotherapy
        or e.needs_stop
        or e.proxy
        or e.needs_last_interval
    ]
    assert table.num_rows == 21 * (len(endpoints.ENDPOINTS) - len(special))
    assert table.schema.equals(endpoints.ENDPOINTS_SCHEMA)
    assert (tmp_path / "scorecard.csv").exists()


def test_arms_keep_the_order_of_the_config_and_without_published_rows_rates_are_shown(tmp_path: Path) -> None:
    found = analyse(run_folder(tmp_path, published=False), STUDY)
    assert [line.arm for line in found.lines if line.endpoint == "RESPW8"] == ["placebo", "drug"]
    assert found.lines[1].simulated == "75.0 ± 14.4"
    assert not (tmp_path / "scorecard.csv").exists()


def test_an_arm_that_the_config_does_not_have_is_named(tmp_path: Path) -> None:
    run_folder(tmp_path, published=False)
    with pytest.raises(ValueError, match="arm drug is not one of placebo, other"):
        load(tmp_path, ("placebo", "other"))


def test_parts_with_dictionaries_of_their_own_are_joined() -> None:
    halves = [tables([p for p in trial() if p.replicate in r]) for r in ((0,), (1, 2))]
    joined = {name: pa.concat_tables([half[name] for half in halves]) for name in halves[0]}
    assert from_tables(joined).counts.shape == (21, 10)


@pytest.mark.parametrize(("benefit", "won"), [("higher", 2), ("lower", 1), ("none", 3)])
def test_a_replicate_is_won_below_5_percent_and_in_the_right_direction(benefit: str, won: int) -> None:
    """Two wins, one loss, p at and just above 0.05, and one replicate without a test; limits of Clopper and Pearson."""
    pair = Estimate("S", "RESPW8", "Response", "drug", "placebo", "FAS", "rate", "%", "replicate")
    p = np.array([0.049, 0.001, 0.01, 0.05, 0.052, np.nan])
    gain = np.array([0.3, 0.4, -0.4, 0.3, 0.3, 0.0])
    row = _power_row(pair, RepeatedTest(gain, p, np.array([80.0, 82, 84, 82, 82, 82]), "a test"), benefit)
    exact = binomtest(won, 5).proportion_ci(method="exact")
    assert (row.STAT, row.UNIT, row.SCOPE, row.N, row.R) == ("power", "%", "replicates", 82, 5)
    assert pytest.approx(20 * won) == row.ESTIMATE
    assert pytest.approx((100 * exact.low, 100 * exact.high), abs=1e-6) == (row.CI_LOW, row.CI_HIGH)
    assert row.MCSE is not None and row.MCSE > 0
    assert row.NOTE.startswith("a test, two-sided 0.05, no correction for several comparisons; counted: the arm")
    assert row.NOTE.endswith("; 1 of 6 replicates have an arm without an evaluable subject and are not tested")
    whole = _power_row(pair, RepeatedTest(gain[:3], np.full(3, 0.01), np.full(3, 80.0), "a test"), "none")
    assert whole.ESTIMATE == 100 and whole.MCSE is None and "not tested" not in whole.NOTE


@pytest.mark.parametrize(("n", "few"), [(1, False), (2, True), (39, True), (40, False)])
def test_a_range_over_few_replicates_says_so_and_one_has_none(n: int, few: bool) -> None:
    row = over(
        Estimate("S", "X", "", "drug", None, "FAS", "rate", "%", "replicate"), np.arange(n, dtype=float), np.ones(n)
    )
    assert ("few replicates" in row.NOTE) == few and "left out" not in row.NOTE


def test_estimates_are_read_back_as_they_were_written(tmp_path):
    """Words of two row groups have dictionaries of their own; null is None, also where a word is."""
    row = Estimate("S", "RESPW8", "Response", "LOW", None, "FAS", "rate", "%", "replicate", N=3, ESTIMATE=0.1 + 0.2)
    rows = [row, replace(row, ARM="HIGH", COMPARATOR="LOW", STAT="difference"), replace(row, ESTIMATE=None, N=None)]
    with pq.ParquetWriter(tmp_path / "e.parquet", ESTIMATES_SCHEMA) as file:
        for part in (rows[:2], rows[2:]):
            file.write_table(to_table(part))
    assert read_estimates(tmp_path / "e.parquet") == tuple(rows)


def test_pairs_of_equal_outcomes_count_for_neither_arm() -> None:
    """Of five patients in two arms two differ, both better in the first; one is not evaluable in one of them."""
    first, second = [1, 1, 0, 1, np.nan], [0, 0, 0, 1, 1]
    pairs = summaries._pairs(np.array(first + second, dtype=float), np.repeat([0, 1], 5), (1, 2), 1)
    assert pairs.tolist() == [[[2, 0, 4], [0, 0, 5]]]
