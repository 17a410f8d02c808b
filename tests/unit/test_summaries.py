"""Summaries of endpoints against loops over patients: arms, strata, replicates, pairs, reasons; records and files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_trial import Patient, study, tables

from analysis.endpoints import endpoints_of
from analysis.endpoints import table as endpoints_table
from analysis.endpoints.contract import Evaluated
from analysis.endpoints.records import Records, from_tables
from analysis.statistics.summaries import STATISTICS, Summary, compares_arms, of_file, of_records, within_strata
from trial.study.study import Study

ARMS = ("low", "high", "placebo")
STRATA = ("f", "m")
PER_CELL = {0: (5, 4, 6), 1: (3, 7, 2), 2: (6, 6, 5), 3: (2, 3, 4)}
WHY = ("never dosed", "no count")


def asked(paired: bool = False, **more: object) -> Study:
    strata = () if paired else ("SEX",)
    return study(arms=ARMS, strata=strata, paired=paired, replicates=4, named_replicate=2, **more)  # type: ignore[arg-type]


def people(paired: bool = False) -> Records:
    """Three arms in four replicates, not as large as each other, in two strata."""
    return from_tables(tables([
        Patient([60.0], arm=arm, replicate=r, stratum=STRATA[(k + r) % 3 > 0])
        for r, sizes in PER_CELL.items() for arm, n in zip(ARMS, sizes, strict=True) for k in range(4 if paired else n)
    ]), ARMS)  # fmt: skip


def drawn(of: Records) -> dict[str, Evaluated]:
    """A rate and two medians; some without a value, and nobody on ``high`` has one in replicate 3."""
    rng = np.random.default_rng(11)
    found = {}
    for code in ("RESPW8", "PLTW8", "MAXDUR"):
        value = rng.integers(0, 2, of.n).astype(float) if code == "RESPW8" else rng.lognormal(3, 1, of.n)
        none = (rng.random(of.n) < 0.15) | ((of.replicate == 3) & (of.arm == 1))
        value[none] = np.nan
        found[code] = Evaluated(value, np.where(none, np.array(WHY)[rng.integers(0, 2, of.n)], ""))
    return found


def cells(of: Records, values: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """The values of each replicate and arm, patients in order."""
    return {(r, a): values[(of.replicate == r) & (of.arm == a)] for r in PER_CELL for a in range(len(ARMS))}


def check(found: Summary, of: Records, given: Evaluated, summary: str) -> None:
    """Against one replicate and arm after the other."""
    for (r, a), values in cells(of, given.value).items():
        known = values[~np.isnan(values)]
        assert found.sizes[r, a] == len(known)
        assert found.events[r, a] == pytest.approx(known.sum())
        want = {"rate": np.nan, "median": np.median(known) if len(known) else np.nan,
                "mean": known.mean() if len(known) else np.nan}  # fmt: skip
        assert found.location[r, a] == pytest.approx(want[summary], nan_ok=True)
    assert found.named == 2
    words = cells(of, given.reason)
    for a in range(len(ARMS)):
        mine = cells(of, given.value)[2, a]
        np.testing.assert_array_equal(found.values[a], mine[~np.isnan(mine)])
        assert found.absent[a] == Counter(word for word in words[2, a].tolist() if word)
    assert found.reasons == Counter(word for word in given.reason.tolist() if word)


def test_summaries_are_those_of_loops_over_patients() -> None:
    of, settings = people(), asked()
    given = drawn(of)
    found = of_records(of, given, settings)
    known = endpoints_of(settings.analysis)
    assert {known[code].summary for code in given} == {"rate", "median"}
    for code, summary in found.items():
        check(summary, of, given[code], known[code].summary)
        assert summary.pairs.shape == (4, 0, 3)
    stratified = found["RESPW8"].stratified
    assert stratified.shape == (2, 4, 3, 2) and found["PLTW8"].stratified.shape == (2, 4, 3, 0)
    for k, name in enumerate(STRATA):
        for (r, a), values in cells(of, np.where(of.stratum == name, given["RESPW8"].value, np.nan)).items():
            known_here = values[~np.isnan(values)]
            assert stratified[:, r, a, k].tolist() == [known_here.sum(), len(known_here)]


@pytest.mark.parametrize("cut", [(4,), (1, 1, 1, 1), (1, 3)])
def test_a_file_says_the_same_in_any_pieces(tmp_path: Path, cut: tuple[int, ...]) -> None:
    """The last replicate has a stratum of its own name, which the pieces before do not know."""
    of, settings = people(), asked()
    of.stratum[of.replicate == 3] = "x"
    given = drawn(of)
    direct = of_records(of, given, settings)
    whole = endpoints_table(of, given)
    with pq.ParquetWriter(tmp_path / "e.parquet", whole.schema) as writer:
        first = 0
        for n in cut:
            writer.write_table(whole.filter(np.isin(whole["IREP"].to_numpy(), range(first, first + n))))
            first += n
    found = of_file(tmp_path / "e.parquet", study(
        arms=ARMS, strata=("SEX",), replicates=4, named_replicate=2, endpoints=list(given)))  # fmt: skip
    assert set(found) == set(given)
    for code, summary in found.items():
        for name in ("events", "sizes", "location", "stratified"):
            np.testing.assert_array_equal(getattr(summary, name), getattr(direct[code], name), err_msg=name)
        assert (summary.absent, summary.reasons, summary.named) == (direct[code].absent, direct[code].reasons, 2)
    assert direct["RESPW8"].stratified.shape[-1] == 3


def test_pairs_are_counted_patient_by_patient() -> None:
    """The same patients in every arm, placebo as the reference, which stands last."""
    of, settings = people(paired=True), asked(paired=True)
    given = drawn(of)
    pairs = of_records(of, given, settings)["RESPW8"].pairs
    each = cells(of, given["RESPW8"].value)
    for r in PER_CELL:
        for a in range(len(ARMS)):
            both = [(x, y) for x, y in zip(each[r, a], each[r, 2], strict=True) if not np.isnan(x + y)]
            assert pairs[r, a].tolist() == [sum(x > y for x, y in both), sum(x < y for x, y in both), len(both)]
    assert of_records(of, given, settings)["PLTW8"].pairs.shape == (4, 0, 3)
    alone = asked(paired=True, reference_arm=None)
    assert of_records(of, given, alone)["RESPW8"].pairs.shape == (4, 0, 3)
    with pytest.raises(ValueError, match="but arms have 2 to 7 patients"):
        of_records(people(), drawn(people()), settings)


def test_when_arms_are_compared_and_when_within_strata() -> None:
    none = {"method": {"strata": "none"}}
    assert [compares_arms(s) for s in (asked(), asked(reference_arm=None), asked(paired=True))] == [True, False, False]
    within = [asked(), asked(**none), asked(reference_arm=None), study(arms=ARMS, replicates=4)]
    assert [within_strata(s) for s in within] == [True, False, False, False]
    of = people()
    assert of_records(of, drawn(of), asked(**none))["RESPW8"].stratified.shape == (2, 4, 3, 0)


def test_statistics_of_one_value_and_of_two() -> None:
    one, two = np.array([4.0]), np.array([4.0, 9.0])
    assert {name: f(two) for name, f in STATISTICS.items() if name not in ("geometric CV",)} == pytest.approx({
        "mean": 6.5, "SD": 5 / np.sqrt(2), "geometric mean": 6, "median": 6.5, "minimum": 4, "maximum": 9,
    })  # fmt: skip
    with np.errstate(all="raise"):
        assert np.isnan(STATISTICS["SD"](one)) and STATISTICS["median"](one) == 4


def test_columns_are_read_word_by_word() -> None:
    from analysis.statistics.summaries import decoded, indexed, values

    texts = pa.chunked_array([pa.array(["b", None, "a"]).dictionary_encode(), pa.array(["c", "b"]).dictionary_encode()])
    assert decoded(texts).tolist() == ["b", "", "a", "c", "b"] and values(texts) == ["b", None, "a", "c", "b"]
    full = pa.chunked_array([pa.array(["b", "a"]).dictionary_encode(), pa.array(["a", "b"]).dictionary_encode()])
    assert decoded(full).tolist() == ["b", "a", "a", "b"]
    codes, words = indexed(full)
    assert [words[k] for k in codes] == ["b", "a", "a", "b"]
    assert decoded(full.slice(0, 0)).size == 0 and values(pa.chunked_array([[1.5, None]])) == [1.5, None]
