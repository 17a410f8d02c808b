"""Patients the solver cannot follow, among others that it can: they are counted, and touch nobody."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trial.jobs.work
from trial.cli import main
from trial.solver import REASON, Status

CONFIG = "configs/published/hetrombopag_itp_phase3.yaml"
FEW = (
    "run",
    CONFIG,
    "--workers",
    "1",
    "--set",
    "parameter_set=hetrombopag_wang_2022",
    "--set",
    "patients=50",
    "--set",
    "published=null",
    "--set",
    "output=dense",
)
WILD = {
    3: ("KSS", np.nan, Status.NON_FINITE),
    4: ("EC50", np.inf, Status.NON_FINITE),
    17: ("CL", 1e12, Status.STEP_LIMIT),
    18: ("MTT", 1e-9, Status.STEP_LIMIT),
    19: ("EMAX", 1e308, Status.NON_FINITE),
    50: ("FLUCT_SD", 1e6, Status.NON_FINITE),
}
"""Subject: parameter, what the draw came to, and what must become of the solve."""


def wild(enrolment):
    """The enrolment of replicate 1 with some draws gone wrong."""

    def enrol(study, replicates, chosen=None):
        drawn = enrolment(study, replicates, chosen)
        places = np.flatnonzero(drawn.cohort.draws.replicate == 1)
        if not len(places):
            return drawn
        parameters = {name: values.copy() for name, values in drawn.cohort.parameters.items()}
        for subject, (name, value, _) in WILD.items():
            parameters[name][places[subject - 1]] = value
        return replace(drawn, cohort=replace(drawn.cohort, parameters=parameters))

    return enrol


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wild")
    assert main([*FEW, "--replicates", "3", "--no-report", "--out", str(folder / "tame")]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trial.jobs.one_unit.enrolment", wild(trial.jobs.work.enrolment))
        assert main([*FEW, "--replicates", "3", "--out", str(folder / "wild")]) == 3
    return folder / "tame", folder / "wild"


def rows(folder, name: str, ours: bool) -> pa.Table:
    """Rows of a table, of the patients with wild draws or of all others."""
    table = pq.read_table(folder / f"{name}.parquet")
    mine = (table["IREP"].to_numpy() == 1) & np.isin(table["SUBJID"].to_numpy(), list(WILD))
    return table.filter(pa.array(mine == ours))


FASTEST = {17: ": CTOT at ", 18: ": T1 at 4e+09 /h"}
"""Who ran out of steps: CL over VC, his own; 4 over MTT."""


def test_wild_draws_end_with_a_status_and_a_reason_that_names_the_fastest_state(runs):
    found = {r["SUBJID"]: (r["STATUS"], r["REASON"]) for r in rows(runs[1], "solves", ours=True).to_pylist()}
    for subject, (_, _, status) in WILD.items():
        name, reason = found.pop(subject)
        assert name == status.name and reason.startswith(REASON[status] + FASTEST.get(subject, ""))
        assert subject in FASTEST or reason == REASON[status]
    assert not found


@pytest.mark.parametrize("name", ["patients", "doses", "observations", "events", "solves", "endpoints", "courses"])
def test_everybody_else_is_bitwise_the_same(runs, name):
    tame, with_wild = (rows(folder, name, ours=False) for folder in runs)
    assert tame.num_rows > 0
    for column in tame.column_names:
        first, second = (t[column].to_pylist() for t in (tame, with_wild))
        assert first == second, column


def test_no_value_after_the_failure_and_a_reason_for_its_absence(runs):
    seen = [r for r in rows(runs[1], "observations", ours=True).to_pylist() if r["AVISITN"] > 0]
    assert len(seen) > 100 and all(r["AVAL"] is None and r["TRUEVAL"] is None for r in seen)
    assert {r["AVALREAS"] for r in seen} <= {
        "missed visit", "discontinued", *(f"solver: {REASON[s]}" for s in Status if s), "no active dose"
    }  # fmt: skip
    ended = rows(runs[1], "patients", ours=True)
    assert set(ended["EOSSTT"].to_pylist()) == {"SOLVE FAILED"}
    courses = rows(runs[1], "courses", ours=True)
    assert courses.num_rows == 0 or courses["AHOUR"].to_numpy().max() < 7 * 24


def test_the_first_page_of_the_report_counts_them(runs):
    html = (runs[1] / "report.html").read_text(encoding="utf-8")
    first_page = re.sub(r"<[^>]+>", "", html[: html.index('id="design"')])
    assert f"{len(WILD)} of 150 solves of the model failed" in first_page
