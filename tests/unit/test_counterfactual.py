"""Counterfactual allocation: every patient under every arm."""

import html
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.endpoint import Settings
from analysis.estimates import estimate
from analysis.results import evaluate_tables
from analysis.summaries import of_file
from trial.cli import main
from trial.configfile import load_study
from trial.protocol import Arm
from trial.units import simulate_replicates, work_units

CONFIG = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
PERSON = ("AGE", "SEX", "WEIGHT", "BLPLAT", "ADHER", "CL", "EC50", "STRATUM", "RESPCLASS")


@pytest.fixture(scope="module")
def study():
    loaded = load_study(CONFIG, replicates=2)
    return loaded.model_copy(update={"patients": 30, "allocation": "counterfactual", "dropout": ()})


@pytest.fixture(scope="module")
def tables(study):
    return simulate_replicates(study, range(2))


def of_arm(tables, name, arm_table, arm):
    keys = {(r["REPLICATE"], r["SUBJID"]) for r in arm_table.to_pylist() if r["ARM"] == arm}
    return [row for row in tables[name].to_pylist() if (row["REPLICATE"], row["SUBJID"]) in keys]


def test_every_patient_comes_once_under_every_arm(study, tables):
    patients = tables["patients"].to_pandas()
    assert patients.groupby(["REPLICATE", "ARM"], observed=True).size().tolist() == [30] * 2 * len(study.arms)
    assert not patients[["REPLICATE", "SUBJID"]].duplicated().any()
    for _, replicate in patients.groupby("REPLICATE"):
        arms = [group[list(PERSON)].to_numpy() for _, group in replicate.groupby("ARM", observed=True)]
        assert all((arm == arms[0]).all() for arm in arms)
    assert sum(unit.n_patients for unit in work_units(study)) == len(patients)


def test_counts_differ_between_the_arms_only_by_the_drug(study, tables):
    observations, patients = tables["observations"].to_pandas(), tables["patients"].to_pandas()
    baseline = observations[(observations.PARAMCD == "PLAT") & (observations.AVISITN == 0)]
    joined = baseline.merge(patients[["REPLICATE", "SUBJID", "ARM"]], on=["REPLICATE", "SUBJID"])
    by_arm = [group.AVAL.to_numpy() for _, group in joined.groupby("ARM", observed=True)]
    assert all(np.array_equal(values, by_arm[0]) for values in by_arm)


def test_one_more_arm_keeps_the_others(study, tables):
    extra = Arm(id="EXTRA", label="one more", start_dose_mg=7.5, dose_rule=None)
    more = study.model_copy(update={"arms": (*study.arms, extra)})
    first = simulate_replicates(more, range(2))
    kept = {(r, s) for r in range(2) for s in range(1, 30 * len(study.arms) + 1)}
    for name in ("patients", "doses", "observations", "events", "solves"):
        rows = [row for row in first[name].to_pylist() if (row["REPLICATE"], row["SUBJID"]) in kept]
        assert rows == tables[name].to_pylist(), name


def test_differences_between_arms_have_no_interval_of_independent_arms(study, tables, tmp_path):
    settings = Settings.of(study.model_dump(mode="json"))
    pq.write_table(evaluate_tables(settings, tables), tmp_path / "endpoints.parquet")
    rows = estimate(of_file(tmp_path / "endpoints.parquet", settings), settings)
    compared = [row for row in rows if row.COMPARATOR]
    assert {row.STAT for row in compared} == {"difference"}
    assert all(row.CI_LOW is None and "same patients" in row.NOTE for row in compared)
    named = [row for row in compared if (settings.primary, "replicate") == (row.PARAMCD, row.SCOPE)]
    endpoints = pq.read_table(tmp_path / "endpoints.parquet").to_pandas().query("PARAMCD == @settings.primary")
    rate = 100 * endpoints[endpoints.REPLICATE == 0].groupby("ARM", observed=True).AVAL.mean()
    for row in named:
        assert pytest.approx(rate[row.ARM] - rate[row.COMPARATOR]) == row.ESTIMATE


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
