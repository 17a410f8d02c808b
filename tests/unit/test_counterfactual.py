"""Counterfactual allocation: every patient under every arm."""

import html
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_trial

from analysis.endpoints import ENDPOINTS_SCHEMA
from analysis.evidence.results import evaluate_tables
from analysis.statistics.estimates import estimate
from analysis.statistics.estimators import paired_rate_difference
from analysis.statistics.summaries import of_file
from trial.cli import main
from trial.jobs.work import simulate_replicates, work_units
from trial.study.arms import Arm
from trial.study.load import load_study

CONFIG = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
PERSON = ("AGE", "SEX", "WEIGHT", "BLPLAT", "ADHER", "STRATUM", "RESPCLS")


@pytest.fixture(scope="module")
def study():
    loaded = load_study(CONFIG, replicates=2)
    return loaded.model_copy(update={"patients": 30, "allocation": "counterfactual", "dropout": ()})


@pytest.fixture(scope="module")
def tables(study):
    return simulate_replicates(study, range(2))


def of_arm(tables, name, arm_table, arm):
    keys = {(r["IREP"], r["SUBJID"]) for r in arm_table.to_pylist() if r["ARM"] == arm}
    return [row for row in tables[name].to_pylist() if (row["IREP"], row["SUBJID"]) in keys]


def test_every_patient_comes_once_under_every_arm(study, tables):
    patients = tables["patients"].to_pandas()
    assert patients.groupby(["IREP", "ARM"], observed=True).size().tolist() == [30] * 2 * len(study.arms)
    assert not patients[["IREP", "SUBJID"]].duplicated().any()
    for _, replicate in patients.groupby("IREP"):
        arms = [group[list(PERSON)].to_numpy() for _, group in replicate.groupby("ARM", observed=True)]
        assert all((arm == arms[0]).all() for arm in arms)
    assert sum(unit.n_patients for unit in work_units(study)) == len(patients)


def test_counts_differ_between_the_arms_only_by_the_drug(study, tables):
    observations, patients = tables["observations"].to_pandas(), tables["patients"].to_pandas()
    baseline = observations[(observations.PARAMCD == "PLAT") & (observations.AVISITN == 0)]
    joined = baseline.merge(patients[["IREP", "SUBJID", "ARM"]], on=["IREP", "SUBJID"])
    by_arm = [group.AVAL.to_numpy() for _, group in joined.groupby("ARM", observed=True)]
    assert all(np.array_equal(values, by_arm[0]) for values in by_arm)


def test_one_more_arm_keeps_the_others(study, tables):
    extra = Arm(id="EXTRA", label="one more", start_dose_mg=7.5, dose_rule=None)
    more = study.model_copy(update={"arms": (*study.arms, extra)})
    first = simulate_replicates(more, range(2))
    kept = {(r, s) for r in range(2) for s in range(1, 30 * len(study.arms) + 1)}
    for name in ("patients", "doses", "observations", "events", "solves"):
        rows = [row for row in first[name].to_pylist() if (row["IREP"], row["SUBJID"]) in kept]
        assert rows == tables[name].to_pylist(), name


def test_differences_between_arms_are_those_of_pairs(study, tables, tmp_path):
    """Counted pair by pair in pandas: patient k of arm a is subject 30 a + k."""
    pq.write_table(evaluate_tables(study, tables)["endpoints"], tmp_path / "endpoints.parquet")
    rows = estimate(of_file(tmp_path / "endpoints.parquet", study), study)
    compared = [row for row in rows if row.COMPARATOR]
    assert {row.STAT for row in compared} == {"difference", "power"}
    named = [r for r in compared if (r.SCOPE, r.STAT) == ("replicate", "difference")]
    assert len({r.PARAMCD for r in named}) > 10 and all("same patients" in r.NOTE for r in named)
    endpoints = pq.read_table(tmp_path / "endpoints.parquet").to_pandas()
    endpoints["PERSON"] = (endpoints.SUBJID - 1) % 30
    for row in named:
        mine = endpoints[(endpoints.PARAMCD == row.PARAMCD) & (endpoints.IREP == 0)]
        both = mine.pivot(index="PERSON", columns="ARM", values="AVAL")[[row.ARM, row.COMPARATOR]].dropna()
        b, c = ((both[x] > both[y]).sum() for x, y in ((row.ARM, row.COMPARATOR), (row.COMPARATOR, row.ARM)))
        wanted = [100 * float(value) for value in paired_rate_difference(b, c, len(both))]
        assert len(both) == row.N and row.CI_METHOD == "Tango"
        assert pytest.approx(wanted) == [row.ESTIMATE, row.CI_LOW, row.CI_HIGH]


def rows_of_pairs(pairs, folder):
    """Estimates of RESPW8 for replicates of (arm, reference) values of the same patients; None is not evaluable."""
    rows = []
    for r, people in enumerate(pairs):
        courses = [(arm, person[a]) for a, arm in enumerate(("drug", "placebo")) for person in people]
        for subject, (arm, value) in enumerate(courses, start=1):
            key = {"IREP": r, "SUBJID": subject, "ARM": arm, "PARAMCD": "RESPW8", "AVAL": value}
            rows.append(key | {"EVALFL": "N", "REASON": "made up"} if value is None else key | {"REASON": ""})
    pq.write_table(pa.Table.from_pylist(rows, schema=ENDPOINTS_SCHEMA), folder / "endpoints.parquet")
    pair = tiny_trial.study(endpoints=("RESPW8",), paired=True)
    return estimate(of_file(folder / "endpoints.parquet", pair), pair)


def test_power_of_pairs_counts_replicates_won_by_mcnemar(tmp_path):
    """Replicate 0: 6 to 0 discordant pairs, p = 0.014; 1: 3 to 1, p = 0.32; 2: 0 to 6 is lost, whatever p."""
    alike = [(1, 1)] * 5 + [(0, 0)] * 5
    pairs = [[(1, 0)] * 6 + alike, [(1, 0)] * 3 + [(0, 1)] + alike + [(0, 0)] * 2, [(0, 1)] * 6 + alike]
    rows = {(row.STAT, row.SCOPE): row for row in rows_of_pairs(pairs, tmp_path) if row.COMPARATOR}
    power = rows["power", "replicates"]
    assert pytest.approx(100 / 3) == power.ESTIMATE and power.R == 3 and "McNemar" in power.NOTE
    assert pytest.approx(100 * (2 / 9 / 3) ** 0.5) == power.MCSE
    mean = 100 * (6 + 2 - 6) / 16 / 3
    assert pytest.approx(mean) == rows["difference", "replicates"].ESTIMATE


def test_a_pair_without_one_value_does_not_count(tmp_path):
    rows = rows_of_pairs([[(1, 0), (1, None), (None, 0), (0, 0), (1, 1)]], tmp_path)
    found = [r for r in rows if r.STAT == "difference" and r.SCOPE == "replicate"]
    assert [(r.N, r.ESTIMATE) for r in found] == [(3, pytest.approx(100 / 3))]


def test_arms_that_cannot_have_the_same_patients_are_refused(tmp_path):
    with pytest.raises(ValueError, match="arms have 1 to 2 patients"):
        rows_of_pairs([[(1, 0), (1, 1)], [(1, 0)]], tmp_path)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """What a reader sees of the report of ten patients under three arms, without the config's own assumptions."""
    folder = tmp_path_factory.mktemp("report") / "x"
    chosen = ["allocation=counterfactual", "patients=10", "assumptions=[]", "published=null"]
    few = [part for text in chosen for part in ("--set", text)]
    assert main(["run", "configs/smoke.yaml", *few, "--replicates", "2", "--workers", "1", "--out", str(folder)]) == 0
    page = re.sub(r"<(script|style).*?</\1>", "", (folder / "report.html").read_text(encoding="utf-8"), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_report_calls_nobody_randomised(words):
    assert "randomised" not in words.lower() and "Allocated" not in words
    assert "Patients, each simulated under every arm 10 mean 10.0" in words
    assert words.count("Simulated under this arm 10 mean 10.0") == 3


def test_the_disposition_counts_courses(words):
    table = words[words.index("T 14.1.1 Disposition All patients, each simulated under every arm") :]
    assert "All courses (N=30)" in table[:600] and "Share of all courses, %" in table[:600]
    assert "The patients of all arms are the same." in words


def test_the_report_gives_the_interval_of_pairs(words):
    table = words[words.index("T 14.2.2 Differences from Placebo Full") :][:3000]
    assert "interval of pairs by Tango" in table and "McNemar test of pairs" in table
    assert "Odds ratio" not in table and "Miettinen" not in table
