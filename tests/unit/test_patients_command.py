"""A hospital's export: separators, decimal commas, other headers, units in cells, ids; and what becomes of the ids."""

# ruff: noqa: E501

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cohorts.brought import read_patients
from trial.app.patients import prepare
from trial.cli import main
from trial.errors import Refused

HEADER = "Pat-Nr;Alter;Geschlecht;Größe;Gewicht (kg);ITP duration (months);Splenectomy;PLT (G/l);Ward"
ROWS = (
    "A-17;43,5;w;1,62 m;61,5 kg;18;nein;12;3",
    "B-02;60;M;171 cm;75;8 y;Ja;8000 /µL;4",
    "C-9;30;f;158;112 lb;12;no;12.000/µl;4",
)
FILL = ["CONITPFL=N"]


@pytest.fixture
def export(tmp_path):
    def make(*rows, header=HEADER, encoding="utf-8", name="export.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
        return path

    return make


def test_the_values_of_an_export(export):
    """By hand: 18 months are 1.5 y, 1.62 m are 162 cm, 8000 /µL are 8 x 10^9/L, 112 lb are 50.8023 kg."""
    found = prepare(export(*ROWS), values=FILL)
    columns = found.patients.columns
    assert columns["AGE"].tolist() == [43.5, 60, 30] and columns["SEX"].tolist() == ["F", "M", "F"]
    assert columns["HEIGHT"].tolist() == [162, 171, 158] and columns["BLPLAT"].tolist() == [12, 8, 12]
    assert columns["WEIGHT"].tolist() == pytest.approx([61.5, 75, 50.80234544])
    assert columns["ITPDUR"].tolist() == pytest.approx([1.5, 8, 1]) and columns["SPLENFL"].tolist() == ["N", "Y", "N"]
    assert found.mapped.columns["ID"] == ["A-17", "B-02", "C-9"] and found.mapped.columns["Ward"] == ["3", "4", "4"]
    said = " | ".join(found.in_words())
    for words in (
        "3 patients; semicolon between columns, UTF-8", "BLPLAT is column 'PLT (G/l)'", "ids: column 'Pat-Nr'",
        "HEIGHT: m as cm in 1 rows", "ITPDUR: months as y in 2 rows", "WEIGHT: decimal comma in 1 rows",
        "BLPLAT: /ul as 10^9/L in 2 rows", "SEX: f as F, w as F", "CONITPFL: N for every patient, as asked",
        "other columns, kept: Ward",
    ):  # fmt: skip
        assert words in said, (words, said)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_other_encodings(export, encoding):
    rows = [row.replace("µ", "u") for row in ROWS]
    assert prepare(export(*rows, encoding=encoding), values=FILL).patients.size == 3


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(export, separator):
    rows = [row.replace(";", separator) for row in ROWS]
    assert prepare(export(*rows, header=HEADER.replace(";", separator)), values=FILL).patients.size == 3


@pytest.mark.parametrize(
    ("rows", "given", "values", "said"),
    [
        (("", ROWS[0].replace("43,5", "old")), [], FILL, "line 3: Alter: seen 'old'; this is no number"),
        ((ROWS[0], ROWS[1].replace("75", "75 stone")), [], FILL, "line 3: Gewicht (kg): seen '75 stone'; unknown unit 'stone'"),
        ((ROWS[0], ROWS[0]), [], FILL, "line 3: ID: seen 'A-17', which is already that of line 2"),
        ((ROWS[0], ROWS[1].replace("B-02", "")), [], FILL, "line 3: ID: an empty cell"),
        ((ROWS[0], ROWS[1].replace("60", "160")), [], FILL, "line 3: AGE: seen '160'; allowed: 0 to 120 y"),
        ((ROWS[0], ROWS[1] + ";1"), [], FILL, "line 3: 10 cells, but the header names 9 columns"),
        ((ROWS[0].replace("12;3", "<5;3"),), [], FILL, "line 2: PLT (G/l): seen '<5'; this is no number"),
        (ROWS, [], [], "column CONITPFL is missing"),
        (ROWS, ["BLPLAT=Count"], FILL, "BLPLAT: the file has no column 'Count'; it has: Pat-Nr, Alter"),
        (ROWS, ["PLATES=Ward"], FILL, "PLATES: no column of patients; allowed: ID, AGE"),
        (ROWS, ["BLPLAT"], FILL, "--map: seen 'BLPLAT'; allowed: NAME=..."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_line_of_the_file(export, rows, given, values, said):
    with pytest.raises(Refused) as caught:
        prepare(export(*rows), given, values)
    assert said in str(caught.value), str(caught.value)


def test_a_mapping_and_two_columns_that_fit(export):
    header, row = HEADER.replace("Ward", "Platelets"), ROWS[0]
    with pytest.raises(Refused, match=r"BLPLAT: could be any of .PLT .G.l.., .Platelets.; say which with --map"):
        prepare(export(row, header=header), values=FILL)
    found = prepare(export(row, header=header), ["BLPLAT=Platelets"], FILL)
    assert found.patients.columns["BLPLAT"].tolist() == [3]


def test_line_numbers_count_blank_lines_and_broken_cells(tmp_path):
    path = tmp_path / "p.csv"
    good = "40,F,162,60,3.5,N,Y,12"
    path.write_text(
        f'AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT,NOTE\n{good},"two\nlines"\n\n{good[1:]},x\n500{good[2:]},x\n'
    )
    with pytest.raises(ValueError, match=r"line 6: AGE: seen '500'"):
        read_patients(path)


def test_the_file_s_ids_go_to_the_results(export, tmp_path, capsys, monkeypatch):
    """Candidate B is not eligible (30 or more), so subjects 1 and 2 are A and C, in every replicate."""
    path = export(ROWS[0], ROWS[1].replace("8000", "80000"), ROWS[2])
    out = tmp_path / "mine.csv"
    assert main(["patients", str(path), "--value", "CONITPFL=N", "--out", str(out)]) == 0
    assert "no problems found" in capsys.readouterr().out
    assert main(["patients", str(path), "--value", "CONITPFL=N", "--out", str(out)]) == 2
    config = Path("configs/smoke.yaml").resolve()
    monkeypatch.chdir(tmp_path)
    arms = "arms=[{id: A, start_dose_mg: 5}]"
    text = ["population={file: mine.csv}", "patients=2", arms, "dropout=[]", "published=null", "dose_rules={}"]
    sets = [part for setting in (*text, "analysis.reference_arm=null") for part in ("--set", setting)]
    assert main(["run", str(config), *sets, "--workers", "1", "--no-report", "--out", "x"]) == 0
    with Path("x/subjects.csv").open() as stream:
        assert list(csv.reader(stream)) == [["SUBJID", "ID"], ["1", "A-17"], ["2", "C-9"]]
    ages = pq.read_table("x/patients.parquet").to_pylist()
    assert {(r["SUBJID"], r["AGE"]) for r in ages} == {(1, 43.5), (2, 30.0)}


def test_a_file_that_is_too_large_or_no_file_is_refused_at_once(tmp_path):
    large = tmp_path / "large.csv"
    with large.open("wb") as stream:
        stream.truncate(154_000_000)
    for read in (read_patients, prepare):
        with pytest.raises(
            ValueError if read is read_patients else Refused, match=r"seen 146.9 MiB; allowed: at most 16.0 MiB"
        ):
            read(large)
        with pytest.raises(ValueError if read is read_patients else Refused, match="regular file"):
            read(Path("/dev/zero"))
