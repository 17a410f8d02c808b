"""What each published row is for: every row has one role, and what was predicted once is never fitted."""

import csv
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from analysis.evidence.roles import ROLES_FILE, read_roles
from analysis.evidence.scorecard import JUDGED, read_published
from cohorts.calibration import calibration_file
from cohorts.sets import PARAMETER_SETS, read_calibration

CONFIGS = Path(__file__).parents[2] / "configs"
FOLDER = CONFIGS / "published"
ROLES = read_roles(FOLDER / ROLES_FILE)
ROWS = {row.row_id: (path, row) for path in FOLDER.glob("*_results.csv") for row in read_published(path)}
PREDICTED_FIRST = {
    "avatrombopag_itp_302": "study302_respw1_avatrom study302_respw1_placebo study302_durresp_avatrom "
    "study302_durresp_placebo",
    "winer": "winer2015_plt400_a_eltrom winer2015_plt400_b_eltrom",
    "china_doses": "clinther2015_bandw12_eltrom-12.5 clinther2015_bandw12_eltrom-25 clinther2015_bandw12_eltrom-50 "
    "clinther2015_bandw12_eltrom-75 clinther2015_over250w12_eltrom-12.5 clinther2015_over250w12_eltrom-25 "
    "clinther2015_over250w12_eltrom-50 clinther2015_over250w12_eltrom-75",
    "china_phase3": "yang2016_respw6_eltrom yang2016_respw6_placebo",
    "raise": "raise_resp400_eltrom raise_resp400_placebo",
    "first_in_patient": "wang2020_respw4_hetrom-2.5 wang2020_respw4_hetrom-5 wang2020_respw4_hetrom-7.5",
    "phase3": "mei2021_bleed_hetrom-2.5 mei2021_bleed_hetrom-5 mei2021_bleed2_hetrom-2.5 mei2021_bleed2_hetrom-5",
}
"""The 25 rows that were predicted when the roles were written."""
PREDICTED_SINCE = ["bussel2014_rise20_placebo", "bussel2007_respw1_placebo", "bussel2007_respw1_eltrom-50"]
MATCHED_BEFORE = {"eltrombopag_itp_hayes_2011"}
"""Matched to the published dose simulation by hand before the roles were written; no study here uses it."""
TARGETS = 15 + 8 + 4 + 2 + 6
"""Cells of phase III, TRA100773A (rates, medians), avatrombopag phase II, nadirs on placebo, kinetic rows."""


def test_every_row_of_every_file_has_one_role_and_no_role_is_of_no_row():
    assert set(ROLES) == set(ROWS)
    for role in ROLES.values():
        assert ROWS[role.row][0].name == f"{role.study}_results.csv"


def test_what_was_predicted_stays_predicted():
    first = " ".join(PREDICTED_FIRST.values()).split()
    assert len(first) == 25
    assert {r.row for r in ROLES.values() if r.role == "predicted"} == {*first, *PREDICTED_SINCE}
    assert sum(r.role == "target" for r in ROLES.values()) == TARGETS


def test_a_prediction_has_limits_and_no_flag_of_a_target():
    for role in ROLES.values():
        row = ROWS[role.row][1]
        if role.role == "predicted":
            assert row.counted and row.interval in JUDGED and not row.seen, role.row
        if role.role == "shown":
            assert not row.counted, role.row


def test_no_set_of_the_catalogue_was_fitted_on_a_prediction():
    """Neither by the targets its numbers name, nor by its calibration record."""
    predicted = {r.row for r in ROLES.values() if r.role == "predicted"}
    assert {chosen.id for chosen in PARAMETER_SETS if predicted & set(chosen.targets)} == MATCHED_BEFORE
    assert not any(name in path.read_text() for path in FOLDER.glob("*.yaml") for name in MATCHED_BEFORE)
    for chosen in PARAMETER_SETS:
        if calibration_file(chosen.id).exists():
            assert set(read_calibration(chosen.id)["targets"]) <= set(ROLES) - predicted


def test_no_calibration_asks_for_a_prediction():
    for path in (CONFIGS / "calibration").glob("*.yaml"):
        said = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        asked = said["targets"]
        if asked == "seen":
            names = [Path(name).stem for name in said["studies"]]
            asked = [i for i, (p, row) in ROWS.items()
                     if p.name in {f"{n}_results.csv" for n in names} and row.seen and row.counted]  # fmt: skip
        assert asked and {ROLES[i].role for i in asked} == {"target"}, path.name


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("s,b,target,,2026-12-01", "roles.csv:3: reason is empty"),
        ("s,b,predict,why,2026-12-01", "role: seen 'predict'"),
        ("s,b,predict,why,2026-12-01", "did you mean predicted?"),
        ("s,b,shown,why,1st of May", "date: seen '1st of May'"),
        ("s,a,predicted,why,2026-12-01", "roles.csv:3: row 'a' has a role already"),
    ],
)
def test_an_impossible_role_is_named_with_its_line(tmp_path, line, said):
    path = tmp_path / "roles.csv"
    path.write_text(f"study,row,role,reason,date\ns,a,target,why,2026-12-01\n{line}\n")
    with pytest.raises(ValueError) as caught:
        read_roles(path)
    assert said in str(caught.value)


def test_other_columns_are_refused_and_no_file_is_no_role(tmp_path):
    (tmp_path / "roles.csv").write_text("row,role\n")
    with pytest.raises(ValueError, match=r"roles\.csv:1: seen columns row, role"):
        read_roles(tmp_path / "roles.csv")
    assert read_roles(tmp_path / "none.csv") == {}


def test_the_readme_says_how_many():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    with (FOLDER / ROLES_FILE).open(encoding="utf-8", newline="") as stream:
        roles = [row["role"] for row in csv.DictReader(stream)]
    for role in ("target", "predicted", "shown"):
        assert f"{roles.count(role)} {role}" in text
