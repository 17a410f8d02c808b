"""The conduct of a study in words, and chemotherapy in the figures."""

import re
from functools import reduce
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_run import make_run_folder, read_run, study_of

from analysis.evidence.results import analyse
from analysis.report.conduct import chemotherapy, listed, meals, treatment
from analysis.report.number_origins import Number, plain_text
from analysis.report.page import render
from analysis.report.pictures import chemotherapy_weeks
from analysis.report.runfolder import ArmStyle
from trial.study.arms import Arm
from trial.study.cycle_plan import Chemotherapy
from trial.study.habits import Meals

ARMS = (
    Arm(id="A", start_dose_mg=5.0, until_chemotherapy=True),
    Arm(id="B", start_dose_mg=5.0, meal_after_dose_h=2.0),
)
DOSES = [{"day": 0, "intensity": 1}, {"day": 7, "intensity": 0.8}]


def cycles(**plan):
    return Chemotherapy.model_validate({"cycle_days": 21, "cycles": 2, "doses": DOSES, **plan})


def _entry(whole, name):
    return whole[name] if isinstance(name, int) else getattr(whole, name)


def run_of(**study):
    """As much of a run as the sentences look at: treatment for 28 days in two arms, and what is given."""
    arms = tuple(ArmStyle(arm.id, f"Arm {arm.id}", k, False, 5.0, 1, None) for k, arm in enumerate(ARMS))
    said = {"treatment_days": 28, "arms": ARMS, "chemotherapy": None, "meals": None, "schedule": None} | study
    made = SimpleNamespace(study=SimpleNamespace(**said), arms=arms, style={a.id: a for a in arms})
    made.config = lambda *path: Number(reduce(_entry, path, made.study), "config", "", str(path[-1]))
    return made


def test_names_with_commas_are_kept_apart():
    assert listed(["one"]) == "one"
    assert listed(["one", "two", "three"]) == "one, two and three"
    assert listed(["drug, 5 mg", "placebo"]) == "drug, 5 mg; and placebo"


def test_drug_days_and_the_arm_that_goes_on_with_placebo():
    said = plain_text(treatment(run_of(chemotherapy=cycles(drug_days=[-5, -4, -3, 2, 3, 9]))))
    assert "for 28 days" in said
    assert "days −5 to −3, 2, 3, 9 from the first day of each chemotherapy cycle" in said
    assert "placebo from the first day of chemotherapy: Arm A" in said
    assert plain_text(treatment(run_of(treatment_days=1))).startswith("a single dose")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"first_day": 3}, ["2 cycles of 21 days", "day 0 and day 7 (80 % of a full dose)", "begins on day 3"]),
        ({"start": {"at_least_1e9L": 100.0, "latest_day": 14}}, ["reports 100 × 10⁹/L or more", "up to day 14, never"]),
    ],
)
def test_chemotherapy_in_words(plan, words):
    said = plain_text(chemotherapy(run_of(chemotherapy=cycles(**plan))))
    assert all(word in said for word in words), said
    assert chemotherapy(run_of()) == ""


def test_meals_of_arms_and_of_habits():
    assert "Arm B: 2 h after the dose" in plain_text(meals(run_of()))
    said = plain_text(meals(run_of(meals=Meals(share_mean=0.1, share_sd=0.05, after_dose_h=0.0))))
    assert "on a mean 10 % (SD 5 %) of days with the dose" in said


def test_chemotherapy_days_are_medians_of_doses_half_were_given(tmp_path):
    """One arm of 10 patients: all have a first dose (days 0 to 9), six a second on day 21, four a third."""
    run = SimpleNamespace(
        records=SimpleNamespace(replicate=np.zeros(20, int), subject=np.arange(1, 21), arm=np.repeat([0, 1], 10))
    )
    rows = [(s, s - 1, "CHEMO") for s in range(1, 11)] + [(s, 21, "CHEMO") for s in range(1, 7)]
    rows += [(s, 28, "CHEMO") for s in range(1, 5)] + [(1, 3, "RESCUE"), (15, 5, "CHEMO")]
    columns = {name: np.array([row[k] for row in rows]) for k, name in enumerate(("SUBJID", "ADY", "EVENT"))}
    columns["IREP"] = np.zeros(len(rows), int)
    run.column = lambda table, name: columns[name].copy()
    assert chemotherapy_weeks(run, 0) == (4.5 / 7, 3.0)
    assert chemotherapy_weeks(run, 1) == ()


@pytest.mark.slow
def test_patients_without_itp_have_no_lines_of_it(tmp_path):
    folder = make_run_folder(tmp_path / "made")
    assert "Duration of ITP" in render(read_run(folder))
    patients = pq.read_table(folder / "patients.parquet")
    at = patients.schema.get_field_index("ITPDUR")
    none = patients.set_column(at, patients.schema.field(at), [np.zeros(patients.num_rows)])
    pq.write_table(none, folder / "patients.parquet")
    analyse(folder, study_of(folder))
    text = render(read_run(folder))
    assert "Duration of ITP" not in text and "Concomitant ITP drug" not in text
    assert re.search("Body mass index", text)
