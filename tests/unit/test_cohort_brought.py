"""Patients the user brings: what is accepted, and what each mistake is told."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cohorts import brought
from cohorts.brought import BroughtPatients, PatientsError, read_patients
from cohorts.citations import THIS_ENGINE, Source
from cohorts.parameters import CovariateEffect
from cohorts.populations import population
from cohorts.sampler import sample_cohorts
from cohorts.sets import parameter_set
from cohorts.streams import Streams

SET = parameter_set("hetrombopag_wang_2022")
SCREENING = SimpleNamespace(
    platelets_at_least_1e9L=0.0,
    platelets_below_1e9L=30.0,
    itp_duration_at_least_y=0.5,
    age_at_least_y=18.0,
    age_at_most_y=120.0,
)
HEADER = "AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT"
GOOD = ("40,F,162,60,3.5,N,Y,12", "55,M,171,75,0.75,Y,Y,8", "30,F,158,51,0.3,N,N,20")


@pytest.fixture
def write(tmp_path):
    def make(*lines: str, header: str = HEADER, name: str = "mine.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return make


def problems_of(path) -> list[str]:
    with pytest.raises(PatientsError) as caught:
        read_patients(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def enrol(brought, n: int, replicate: int = 0):
    return sample_cohorts(SET, brought, n=n, replicates=(replicate,), streams=Streams(1), screening=SCREENING)


def test_brought_patients_are_screened_like_sampled_ones(write):
    cohort = enrol(read_patients(write(*GOOD)), 2)
    assert cohort.patients["AGE"].tolist() == [40, 55] and cohort.patients["BLPLAT"].tolist() == [12, 8]
    assert cohort.screened["screened"] == 2
    assert cohort.patients["BMI"].tolist() == pytest.approx([60 / 1.62**2, 75 / 1.71**2])


def test_too_few_eligible_patients(write):
    with pytest.raises(
        ValueError, match=r"mine.csv: only 2 of 3 candidates are eligible, 3 wanted.*less than 0.5 y: 1"
    ):
        enrol(read_patients(write(*GOOD)), 3)


def test_the_true_count_agrees_with_the_measured_one(write):
    cohort = enrol(read_patients(write(*GOOD)), 2)
    z = cohort.draws.normal("residual:platelets", 0)
    assert cohort.trueplat0 * np.exp(np.sqrt(np.log(1 + 0.08**2)) * z) == pytest.approx([12, 8])
    fluctuation = SET.value("FLUCT_SD") * cohort.draws.normal("fluctuation", 0)
    assert cohort.trueplat0 == pytest.approx(cohort.parameters["BASE"] * np.exp(-fluctuation))


def test_every_problem_is_told_at_once(write):
    path = write("40,F,162,-60,3.5,N,Y,12", "150,x,162,60,nan,N,Y,inf", ",M,171,75,2,y,Y,8")
    assert problems_of(path) == [
        "line 3: AGE: seen '150'; allowed: 0 to 120 y",
        "line 4: AGE: seen an empty cell; allowed: 0 to 120 y",
        "line 2: WEIGHT: seen '-60'; allowed: 2 to 400 kg",
        "line 3: ITPDUR: seen 'nan'; allowed: 0 to 100 y",
        "line 3: BLPLAT: seen 'inf'; allowed: 1 to 2000 10^9/L",
        "line 3: SEX: seen 'x'; allowed: F or M",
        "line 4: SPLENFL: seen 'y'; allowed: Y or N",
    ]


def test_a_limit_belongs_to_what_is_allowed(write):
    assert problems_of(write("40,F,250,160,3.5,N,Y,12", "40,F,251,160,3.5,N,Y,12", "40,F,250,160,3.5,N,Y,12")) == [
        "line 3: HEIGHT: seen '251'; allowed: 40 to 250 cm"
    ]


def test_columns(write):
    missing = problems_of(write("1", header="age"))
    assert missing.pop() == "vtrial patients mine.csv maps other headers, separators and units"
    assert missing[0] == "column AGE is missing; did you mean age?"
    assert missing[1] == "column HEIGHT is missing; seen: age"
    assert problems_of(write(GOOD[0], header=HEADER.replace("WEIGHT", "WEIGTH"))) == [
        "column WEIGHT is missing; did you mean WEIGTH?",
        "vtrial patients mine.csv maps other headers, separators and units",
    ]
    assert problems_of(write(GOOD[0] + ",1", header=HEADER + ",AGE")) == ["column AGE: given 2 times"]
    assert problems_of(write(GOOD[0] + ",1")) == ["line 2: 9 cells, but the header names 8 columns"]
    assert problems_of(write())[0] == "there are no patients in it"


def test_rows_that_are_impossible_as_a_whole(write):
    assert problems_of(write("40,F,60,162,3.5,N,Y,12", "20,M,171,75,33,N,Y,8")) == [
        "line 2: HEIGHT 60 cm with WEIGHT 162 kg is a BMI of 450.0; allowed: 8 to 100",
        "line 3: ITPDUR: seen 33 y; allowed: at most the AGE, 20 y",
    ]


def test_bleeding_may_be_brought(write):
    path = write(*(row + ",2" for row in GOOD), header=HEADER + ",BLBLEED")
    assert enrol(read_patients(path), 2).patients["BLBLEED"].tolist() == [2, 2]
    path = write(GOOD[0] + ",1.5", header=HEADER + ",BLBLEED")
    assert problems_of(path) == ["line 2: BLBLEED: seen '1.5'; allowed: 0 to 4, whole numbers"]


def test_other_columns_are_named_not_used(write):
    assert read_patients(write(GOOD[0] + ",site 3", header=HEADER + ",SITE")).ignored == ("SITE",)


@pytest.mark.parametrize(
    ("name", "said"), [("mine.txt", "seen a name ending in '.txt'"), ("mine.parquet", "cannot be read")]
)
def test_other_files(write, name, said):
    assert problems_of(write(GOOD[0], name=name))[0].startswith(said)


def test_a_file_that_is_not_there(tmp_path):
    assert problems_of(tmp_path / "none.csv")[0].startswith("cannot be read")


def test_long_lists_are_cut_in_the_message(write):
    path = write(*["40,F,162,-60,3.5,N,Y,12"] * 30)
    with pytest.raises(PatientsError, match="and 10 more problems") as caught:
        read_patients(path)
    assert len(caught.value.problems) == 30


def test_a_table_has_so_many_rows_and_columns_and_not_one_more(tmp_path, monkeypatch):
    monkeypatch.setattr(brought, "MOST_ROWS", 3)
    monkeypatch.setattr(brought, "MOST_COLUMNS", 2)
    path = tmp_path / "patients.parquet"
    for rows, columns in ((3, 2), (4, 2), (3, 3)):
        pd.DataFrame({f"X{k}": range(rows) for k in range(columns)}).to_parquet(path, index=False)
        if (rows, columns) == (3, 2):
            assert brought._parquet_columns(path) == {"X0": [0, 1, 2], "X1": [0, 1, 2]}
            continue
        with pytest.raises(PatientsError, match=f"seen {rows} rows and {columns} columns; allowed: at most 3 and 2"):
            brought._parquet_columns(path)


def test_a_sampled_cohort_can_be_brought_back(tmp_path):
    """Sampled patients pass the checks for brought ones, from Parquet, and come out as they went in."""
    streams = Streams(3)
    args = dict(replicates=(0,), streams=streams, screening=SCREENING)
    sampled = sample_cohorts(SET, population("chronic_itp_mei_2021"), n=300, **args)
    path = tmp_path / "patients.parquet"
    sampled.patients.to_parquet(path)
    again = sample_cohorts(SET, read_patients(path), n=300, **args)
    pd.testing.assert_frame_equal(
        again.patients.drop(columns="RESPCLS"), sampled.patients.drop(columns="RESPCLS"), check_dtype=False
    )


@pytest.mark.parametrize(
    ("weight", "duration", "said"),
    [
        (18.0, 3.5, ""), (17.9, 3.5, "allowed: 8 to 100"), (225.0, 3.5, ""), (226.0, 3.5, "allowed: 8 to 100"),
        (60.0, 41.0, ""), (60.0, 40.5, ""), (60.0, 41.1, "ITPDUR: seen 41.1 y; allowed: at most the AGE, 40 y"),
    ],
)  # fmt: skip
def test_the_edges_of_what_is_impossible_as_a_whole(write, weight, duration, said):
    """150 cm: a body mass index of 8 is 18 kg, one of 100 is 225 kg. Who is 40 may have been ill for 41 years."""
    path = write(f"40,F,150,{weight},{duration},N,N,12")
    if said:
        assert said in problems_of(path)[0]
    else:
        assert read_patients(path).size == 1


OWN = BroughtPatients(
    "mine", {"AGE": np.array([40.0, 50.0])}, {"DURATION": ["2", "0.5"], "DRUG": ["ivig", "none"], "NOTE": ["", "x"]}
)


def effect(covariate, form, reference):
    return CovariateEffect("CL", covariate, form, 0.5, reference, Source(THIS_ENGINE, "test"), "assumed")


def test_own_columns_are_read_by_the_form_of_their_effect():
    """A power needs numbers and no patient at its reference; a factor words, one of which is the reference."""
    found = OWN.own_columns([effect("DURATION", "power", 7.0), effect("DRUG", "factor", "none"),
                             effect("AGE", "power", 7.0), effect("ELSE", "factor", "a")])  # fmt: skip
    assert {name: values.tolist() for name, values in found.items()} == {
        "DURATION": [2.0, 0.5], "DRUG": ["ivig", "none"]
    }  # fmt: skip
    assert OWN.size == 2 and OWN.ignored == ("DURATION", "DRUG", "NOTE") and OWN.own_columns([]) == {}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (effect("DRUG", "factor", "nine"), "no patient is 'nine', the reference of DRUG on CL; seen: ivig, none; did"),
        (effect("DRUG", "power", 1.0), "row 1: DRUG: seen 'ivig'; allowed: a number above 0"),
        (effect("NOTE", "factor", "x"), "row 1: NOTE: seen an empty cell; allowed: a word"),
    ],
)
def test_own_columns_that_cannot_be_used(asked, said):
    with pytest.raises(PatientsError) as caught:
        OWN.own_columns([asked])
    assert said in str(caught.value)


@pytest.mark.parametrize(("problems", "rest"), [(20, []), (21, ["p.csv: and 1 more problems"])])
def test_twenty_problems_are_shown_with_the_line_of_the_file(problems, rest):
    error = PatientsError(Path("p.csv"), [f"row {k}: AGE: x" for k in range(1, problems + 1)], range(3, 40))
    told = [f"p.csv: line {k + 2}: AGE: x" for k in range(1, problems + 1)]
    assert list(error.problems) == told and str(error).splitlines() == told[:20] + rest
    assert PatientsError(Path("p.csv"), ["row 7: AGE: x"]).problems == ("p.csv: row 7: AGE: x",)
