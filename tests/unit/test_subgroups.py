"""Subgroups on hand-made patients: counts, differences, interaction and signs by hand; what is refused is said."""

# ruff: noqa: SIM300

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from scipy import optimize, stats
from tiny_trial import Patient, study, tables

from analysis import endpoints
from analysis.evidence.results import evaluate_tables
from analysis.figures.effects import EffectRow, effects
from analysis.statistics.estimates import Estimate
from analysis.statistics.estimators import clopper_pearson, rate_difference
from analysis.statistics.proportions import common_difference, homogeneity_test, stratified_rate_difference
from analysis.statistics.subgroups import estimate_subgroups
from trial.study.study import Study
from trial.study.subgroups import in_subgroups
from trial.study.unusual import unusual

SEXES = [{"covariate": "SEX"}]
COUNTS = (
    {("drug", "F"): (8, 10), ("placebo", "F"): (1, 10), ("drug", "M"): (3, 6), ("placebo", "M"): (2, 5)},
    {("drug", "F"): (7, 10), ("placebo", "F"): (2, 10), ("drug", "M"): (1, 6), ("placebo", "M"): (3, 5)},
    {("drug", "F"): (9, 10), ("placebo", "F"): (0, 10), ("drug", "M"): (2, 4), ("placebo", "M"): (0, 0)},
)
"""By replicate: (responders, patients) by arm and sex; in the third no man is on placebo."""


def with_columns(patients: pa.Table, **columns: list) -> pa.Table:
    """The patients table with other columns."""
    for name, values in columns.items():
        k, field = patients.schema.get_field_index(name), patients.schema.field(name)
        coded = pa.array(values).dictionary_encode() if pa.types.is_dictionary(field.type) else None
        patients = patients.set_column(k, name, coded if coded is not None else pa.array(values, field.type))
    return patients


def files(folder: Path, counts=COUNTS, ages: tuple[float, float] = (30.0, 70.0)) -> tuple[Path, Path]:
    """Endpoints and patients of these people; women are of the first age, men of the second."""
    people, sex = [], []
    for replicate, cells in enumerate(counts):
        for (arm, who), (yes, n) in cells.items():
            people += [Patient([60.0 if k < yes else 20.0], arm=arm, replicate=replicate) for k in range(n)]
            sex += [who] * n
    made = tables(people)
    age = [ages["FM".index(who)] for who in sex]
    grade = [0 if who == "F" else 2 for who in sex]
    patients = with_columns(made["patients"], SEX=sex, AGE=age, BLBLEED=grade)
    pq.write_table(patients, folder / "patients.parquet")
    settings = asked(SEXES, replicates=len(counts))
    pq.write_table(evaluate_tables(settings, made)["endpoints"], folder / "endpoints.parquet")
    return folder / "endpoints.parquet", folder / "patients.parquet"


def asked(subgroups: list[dict], **analysis: object) -> Study:
    return study(**{"endpoints": ["RESPW8", "RESP1", "MAXDUR"], "subgroups": subgroups} | analysis)  # type: ignore[arg-type]


def rows(folder: Path, settings: Study, **how: object) -> dict[tuple[str, str, str, str], Estimate]:
    found = estimate_subgroups(*files(folder, **how), settings)  # type: ignore[arg-type]
    return {(e.ARM, e.STAT, e.CATEGORY, e.SCOPE): e for e in found}


def test_rates_and_differences_are_those_of_the_patients_of_the_subgroup(tmp_path: Path) -> None:
    found = rows(tmp_path, asked(SEXES))
    rate = found["drug", "subgroup rate", "SEX=F", "replicate"]
    assert (rate.N_EVENT, rate.N, rate.ESTIMATE) == (8, 10, 80.0)
    assert (rate.CI_LOW, rate.CI_HIGH) == pytest.approx(tuple(100 * np.array(clopper_pearson(8, 10))[1:]))
    assert found["drug", "subgroup rate", "SEX=F", "replicates"].ESTIMATE == pytest.approx(80)
    for sex, four in (("F", (8, 10, 1, 10)), ("M", (3, 6, 2, 5))):
        e = found["drug", "subgroup difference", f"SEX={sex}", "replicate"]
        assert (e.ESTIMATE, e.CI_LOW, e.CI_HIGH) == pytest.approx(tuple(100 * np.array(rate_difference(*four))))
    over = found["drug", "subgroup difference", "SEX=M", "replicates"]
    assert (over.ESTIMATE, over.R) == (pytest.approx(100 * np.mean([3 / 6 - 2 / 5, 1 / 6 - 3 / 5])), 2)


def test_an_arm_with_nobody_in_a_subgroup_is_not_estimable_and_says_so(tmp_path: Path) -> None:
    found = rows(tmp_path, asked(SEXES, named_replicate=2))
    men = found["drug", "subgroup difference", "SEX=M", "replicate"]
    assert (men.ESTIMATE, men.CI_LOW, men.CI_METHOD) == (None, None, "")
    assert men.NOTE == "not estimable: nobody evaluable in placebo"
    test = found["drug", "interaction p", "SEX", "replicate"]
    assert test.ESTIMATE is None and test.NOTE.startswith("not estimable: fewer than two subgroups")
    rejected = found["drug", "interaction rejected", "SEX", "replicates"]
    assert rejected.R == 2 and rejected.NOTE == "p < 0.05; 1 of 3 replicates without a difference left out"


def test_consistency_counts_the_replicates_with_the_sign_of_all_patients(tmp_path: Path) -> None:
    """Men: up in the first, down in the second, without a difference in the third; all patients up in all three."""
    found = rows(tmp_path, asked(SEXES))
    women, men = (found["drug", "same sign", f"SEX={sex}", "replicates"] for sex in "FM")
    assert (women.ESTIMATE, women.R) == (100.0, 3)
    assert (men.ESTIMATE, men.R, men.NOTE) == (50.0, 2, "1 of 3 replicates without a difference left out")


def test_the_interaction_is_the_homogeneity_of_the_differences(tmp_path: Path) -> None:
    found = rows(tmp_path, asked(SEXES))
    p = [float(homogeneity_test(*four).p) for four in (([[8], [3]], [[10], [6]], [[1], [2]], [[10], [5]]),
                                                       ([[7], [1]], [[10], [6]], [[2], [3]], [[10], [5]]))]  # fmt: skip
    assert found["drug", "interaction p", "SEX", "replicate"].ESTIMATE == pytest.approx(p[0])
    rejected = found["drug", "interaction rejected", "SEX", "replicates"]
    assert p[1] < 0.05 < p[0] and (rejected.ESTIMATE, rejected.R) == (50.0, 2)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ({"covariate": "AGE", "cut": 70}, ("AGE<70", "AGE>=70")),
        ({"covariate": "BLBLEED"}, ("BLBLEED=0", "BLBLEED=2")),
        ({"covariate": "BLBLEED", "cut": 1}, ("BLBLEED<1", "BLBLEED>=1")),
    ],
)
def test_a_cut_belongs_to_the_upper_subgroup_and_words_are_subgroups(tmp_path: Path, by: dict, names) -> None:
    found = rows(tmp_path, asked([by]))
    for name, n in zip(names, (10, 6), strict=True):
        assert found["drug", "subgroup rate", name, "replicate"].N == n


def test_who_has_no_value_is_in_no_subgroup_and_an_empty_side_is_shown(tmp_path: Path) -> None:
    found = rows(tmp_path, asked([{"covariate": "AGE", "cut": 100}]), ages=(30.0, float("nan")))
    assert found["drug", "subgroup rate", "AGE<100", "replicate"].N == 10
    assert found["drug", "subgroup rate", "AGE>=100", "replicate"].N == 0


def test_hypotheses_on_other_endpoints_have_subgroups_too_and_measured_ones_have_none(tmp_path: Path) -> None:
    several = {"procedure": "holm", "hypotheses": ["drug", "RESP1:drug"]}
    found = estimate_subgroups(*files(tmp_path), asked(SEXES, multiplicity=several))
    assert {e.PARAMCD for e in found} == {"RESPW8", "RESP1"}
    assert {e.PARAMCD for e in estimate_subgroups(*files(tmp_path), asked(SEXES))} == {"RESPW8"}


def test_replicates_that_do_not_have_an_endpoint_have_nobody_of_it(tmp_path: Path) -> None:
    """The table is of RESP1 alone: every subgroup of RESPW8 is empty."""
    path, patients = files(tmp_path)
    table = pq.read_table(path)
    only = np.array(table["PARAMCD"].to_pylist()) == "RESP1"
    table = table.filter(pa.array(only))
    code = pa.array(table["PARAMCD"].to_pylist()).dictionary_encode().cast(table.schema.field("PARAMCD").type)
    pq.write_table(table.set_column(table.schema.get_field_index("PARAMCD"), table.schema.field("PARAMCD"), code), path)
    found = estimate_subgroups(path, patients, asked(SEXES))
    assert found and all(not e.N for e in found)


def test_without_a_reference_arm_there_are_rates_alone_and_without_subgroups_nothing(tmp_path: Path) -> None:
    alone = rows(tmp_path, asked(SEXES, reference_arm=None))
    assert {stat for _, stat, _, _ in alone} == {"subgroup rate"}
    assert rows(tmp_path, asked([])) == {}
    assert list(in_subgroups(())) == []
    said = asked([*SEXES, {"covariate": "AGE", "cut": 65}])
    assert list(in_subgroups(said.analysis.subgroups)) == ["subgroups: SEX; AGE, cut at 65"]


def test_within_the_strata_of_the_randomisation_and_with_small_ones_pooled(tmp_path: Path) -> None:
    """Women of two strata: 6 of 7 and 1 of 3 on drug, 1 of 4 and 2 of 6 on placebo."""
    cells = (("A", "drug", 6, 7), ("B", "drug", 1, 3), ("A", "placebo", 1, 4), ("B", "placebo", 2, 6))
    people = [
        Patient([60.0 if k < yes else 20.0], arm=arm, stratum=stratum)
        for stratum, arm, yes, n in cells
        for k in range(n)
    ]
    made = tables(people)
    patients = with_columns(made["patients"], SEX=["F"] * len(people))
    pq.write_table(patients, tmp_path / "patients.parquet")
    for below, tabled in ((0, ([6, 1], [7, 3], [1, 2], [4, 6])), (4, ([7], [10], [3], [10]))):
        settings = asked(SEXES, strata=("SPLENFL",), method={"pool_below": below}, replicates=1)
        pq.write_table(evaluate_tables(settings, made)["endpoints"], tmp_path / "e.parquet")
        made_rows = estimate_subgroups(tmp_path / "e.parquet", tmp_path / "patients.parquet", settings)
        e = next(e for e in made_rows if (e.STAT, e.SCOPE) == ("subgroup difference", "replicate"))
        wanted = 100 * np.array(stratified_rate_difference(*tabled))
        assert (e.ESTIMATE, e.CI_LOW, e.CI_HIGH) == pytest.approx(tuple(wanted))
    strata = asked([{"covariate": "STRATUM"}], strata=("SPLENFL",), replicates=1)
    found = estimate_subgroups(tmp_path / "e.parquet", tmp_path / "patients.parquet", strata)
    assert {e.CATEGORY for e in found if e.STAT == "subgroup rate"} == {"STRATUM: A", "STRATUM: B"}


def constrained(a: int, m: int, b: int, n: int, d: float) -> float:
    """Variance under a true difference, rates by search of the likelihood."""

    def loss(q: float) -> float:
        return -sum(
            k * np.log(max(r, 1e-300)) for k, r in ((a, q + d), (m - a, 1 - q - d), (b, q), (n - b, 1 - q)) if k
        )

    ends = max(0.0, -d), min(1.0, 1 - d)
    q = min(
        (*ends, optimize.minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-13}).x), key=loss
    )
    p = q + d
    return (p * (1 - p) / m + q * (1 - q) / n) * (m + n) / (m + n - 1)


def test_q_by_another_way() -> None:
    """Three subgroups, in one nobody responds on placebo; rates by search, the common difference by Brent's method."""
    groups = [(12, 20, 3, 22), (7, 15, 0, 9), (4, 18, 5, 17)]
    d = [a / m - b / n for a, m, b, n in groups]
    common = optimize.brentq(
        lambda c: sum((x - c) / constrained(*g, c) for x, g in zip(d, groups, strict=True)), -0.05, 0.46
    )
    q = sum((x - common) ** 2 / constrained(*g, common) for x, g in zip(d, groups, strict=True))
    found = homogeneity_test(*np.array(groups, float).T[..., None])
    assert (float(found.q), float(found.common)) == (pytest.approx(q, rel=1e-6), pytest.approx(common, abs=1e-6))
    assert found.df == 2 and float(found.p) == pytest.approx(stats.chi2.sf(q, 2), rel=1e-6)


def test_equal_differences_have_q_0_and_an_empty_subgroup_does_not_count() -> None:
    same = homogeneity_test([[5], [5], [0]], [[10], [10], [0]], [[2], [2], [0]], [[10], [10], [4]])
    assert (float(same.q), int(same.df), float(same.p)) == (pytest.approx(0, abs=1e-20), 1, 1.0)
    nobody = homogeneity_test([[0], [0]], [[10], [10]], [[0], [0]], [[10], [10]])
    assert float(nobody.p) == 1.0
    assert np.isnan(homogeneity_test([[5]], [[10]], [[2]], [[10]]).p)
    assert float(common_difference([5], [10], [2], [10])) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("n1", "n2", "rates", "least"),
    [
        ((120, 48), (61, 24), (0.59, 0.06), 0.05),
        ((50, 50), (50, 50), (0.5, 0.3), 0.05),
        ((155, 13), (79, 6), (0.59, 0.06), 0.02),
    ],
)
def test_the_test_of_interaction_rejects_as_often_as_it_says_or_less_in_small_subgroups(n1, n2, rates, least) -> None:
    """4,000 trials of two subgroups with one difference: 5 % within four Monte Carlo errors, below that with 19."""
    rng, (n, m) = np.random.Generator(np.random.Philox(5)), (np.array(n1), np.array(n2))
    x1, x2 = rng.binomial(n, rates[0], (4000, 2)), rng.binomial(m, rates[1], (4000, 2))
    p = homogeneity_test(x1[..., None], n[:, None], x2[..., None], m[:, None]).p
    error = 4 * np.sqrt(0.05 * 0.95 / 4000)
    assert least - error < (p < 0.05).mean() < 0.05 + error


REFUSED = [
    ([{"covariate": "sex"}], "did you mean SEX"),
    ([{"covariate": "CENTRE"}], "not a covariate of subgroups.*own file of patients is not in the patients table"),
    ([{"covariate": "AGE"}], "AGE is continuous: it needs a cut"),
    ([{"covariate": "SEX", "cut": 1}], "SEX is not a number and cannot be cut"),
    ([{"covariate": "STRATUM", "cut": 1}], "STRATUM is not a number"),
    ([{"covariate": "STRATUM"}], "the randomisation has no strata"),
    ([{"covariate": "AGE", "cut": 65}, {"covariate": "AGE", "cut": 65.0}], "AGE, cut at 65, which is already"),
]


@pytest.mark.parametrize(("said", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_cannot_be_a_subgroup_is_refused(said: list[dict], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        asked(said)


def test_pairs_and_measured_primaries_have_no_subgroups() -> None:
    with pytest.raises(ValidationError, match="every patient is in every arm"):
        study(paired=True, subgroups=SEXES)
    found = [text for path, text in endpoints.study_problems(asked(SEXES, primary="MAXDUR")) if path[1] == "subgroups"]
    assert found == ["no effect: MAXDUR is measured; subgroups are of a yes or no primary"]


def test_a_cut_with_everybody_on_one_side_is_said() -> None:
    said = {path: text for path, text in unusual(asked([{"covariate": "BLPLAT", "cut": 40}]))}
    assert said["analysis", "subgroups", 0, "cut"].endswith("so everybody is below it")


def test_the_forest_says_what_is_not_estimable_and_shows_the_rest() -> None:
    rows_ = [EffectRow("All patients", (50.0, 40.0, 60.0), 51.0, (45.0, 57.0)), EffectRow("SEX", heading=True)]
    whole = effects("a", "Drug", [*rows_, EffectRow("F", (52.0, 35.0, 66.0), 53.0, (40.0, 65.0))], 1)
    lacking = effects("a", "Drug", [*rows_, EffectRow("F")], 1)
    assert ">NE<" in lacking and ">NE<" not in whole
    assert all(f">{name}<" in whole for name in ("All patients", "SEX", "F", "Difference, percentage points"))
