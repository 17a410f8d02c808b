"""Schedules of the user's own, row by row: what is read and expanded, and what is refused with line and column."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from trial.engine.brought_plan import _visits
from trial.study.timetable import STEADY_DAYS, TimetableError
from trial.study.timetable_rows import read_timetable

HEADER = "ID,TIME,AMT,EVID,II,ADDL,SS,CMT,MDV,RATE,DVID,C"
DOSE = "1,0,5,1,24,6,.,1,1,0,.,."
COUNT = "1,168.5,.,0,.,.,.,.,0,.,PLAT,."
READ = (HEADER, DOSE, COUNT)


def read(tmp_path, *lines, name="plan.csv"):
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_timetable(tmp_path / name)


def refused(tmp_path, *lines):
    with pytest.raises(TimetableError) as caught:
        read(tmp_path, *lines)
    return caught.value.problems


def test_doses_and_counts_at_their_hours(tmp_path):
    found = read(
        tmp_path, *READ, "2,0,2.5,1,.,.,.,.,.,.,.,.", "2,8.25,7.5,1,12,1,.,.,.,.,.,.", "2,336,.,0,.,.,.,.,.,.,.,."
    )
    assert found.persons == ("1", "2") and found.by_id and found.arms == ("", "")
    assert found.dose_h[0].tolist() == [0, 24, 48, 72, 96, 120, 144] and set(found.dose_mg[0]) == {5.0}
    assert found.dose_h[1].tolist() == [0, 8.25, 20.25] and found.dose_mg[1].tolist() == [2.5, 7.5, 7.5]
    assert found.visits == (7, 14) and found.treatment_days == 7 and found.places == ("line 2", "line 4")
    np.testing.assert_array_equal(found.measured_h, [[168.5, np.nan], [np.nan, 336]])
    hours, mg = found.doses
    assert hours[1].tolist() == [0, 8.25, 20.25, *[np.inf] * 4] and mg[1].tolist() == [2.5, 7.5, 7.5, 0, 0, 0, 0]
    assert found.daily_mg(2).tolist() == [[5, 5], [17.5, 0]]


def test_more_doses_are_the_rows_spelt_out(tmp_path):
    spelt = [f"1,{24 * k},5,1,.,.,.,1,1,0,.,." for k in range(7)]
    short, long = read(tmp_path, *READ), read(tmp_path, HEADER, *spelt, COUNT, name="long.csv")
    assert short.dose_h[0].tobytes() == long.dose_h[0].tobytes() and short.digest == long.digest


def test_steady_state_is_doses_before_it_as_far_as_they_go(tmp_path):
    first = 24 * STEADY_DAYS
    found = read(tmp_path, HEADER, f"1,{first},5,1,24,2,1,.,.,.,.,.", f"1,{first + 72},.,0,.,.,.,.,.,.,.,.")
    assert found.dose_h[0].tolist() == [24 * k for k in range(STEADY_DAYS + 3)] and found.steady == 1
    odd = read(
        tmp_path, HEADER, f"1,{first},5,1,36,0,1,.,.,.,.,.", f"1,{first + 72},.,0,.,.,.,.,.,.,.,.", name="odd.csv"
    )
    assert odd.dose_h[0].tolist() == [36 * k for k in range(57)]
    assert "1 SS dose, each after 84 days of doses" in found.in_words()


def test_what_is_left_out_is_told_from_the_rest(tmp_path):
    """No EVID: an amount is a dose, MDV 1 without one is neither; days by the header; comments; no id is one plan."""
    found = read(
        tmp_path, "time [d],AMT,MDV,ADDL,II,C,SITE", "0,5,.,2,0.5,,x", "1,9,.,,,C,x", "2,0,1,,,,x", "7.02,NA,0,,,.,x"
    )
    assert found.persons == ("everybody",) and not found.by_id
    assert found.dose_h[0].tolist() == [0, 12, 24] and found.seen_h[0].tolist() == [7.02 * 24] and found.idle == 1
    said = found.in_words()
    assert "one plan for everybody; 3 doses from 0 h to 24 h (day 1); 1 count measured from 168.48 h" in said
    assert "1 row on which nothing happens; columns that change nothing: SITE" in said


def test_plans_of_arms(tmp_path):
    found = read(tmp_path, "ARM,TIME,AMT", "A,0,5", "A,168,0", "B,0,0", "B,24,2.5", "B,24.0,2.5", "B,168,.")
    assert found.persons == found.arms == ("A", "B") and found.first_mg("A") == 5 and found.first_mg("B") == 2.5
    assert found.dose_h[1].tolist() == [24, 24] and found.daily_mg(3)[1].tolist() == [0, 5, 0]
    assert "one plan for each patient of A, B" in found.in_words() and found.first_mg("C") == 0


def test_parquet_says_the_same_and_names_rows(tmp_path):
    text = read(tmp_path, *READ)
    table = pyarrow.csv.read_csv(
        tmp_path / "plan.csv", convert_options=pyarrow.csv.ConvertOptions(null_values=["."], strings_can_be_null=True)
    )
    pq.write_table(table, tmp_path / "plan.parquet")
    assert read_timetable(tmp_path / "plan.parquet").digest == text.digest
    pq.write_table(table.set_column(1, "TIME", pa.array([0.0, -1.0])), tmp_path / "plan.parquet")
    with pytest.raises(TimetableError, match=r"^plan\.parquet: row 2: TIME: seen '-1'; allowed: 0 to 87600 h"):
        read_timetable(tmp_path / "plan.parquet")


def test_the_hash_is_of_what_is_simulated(tmp_path):
    first = read(tmp_path, *READ).digest
    assert len(first) == 12 and set(first) <= set("0123456789abcdef")
    assert read(tmp_path, *READ, "1,700,.,2,.,.,.,.,.,.,.,.", name="b.csv").digest == first
    assert read(tmp_path, HEADER, DOSE.replace(",5,", ",7.5,"), COUNT, name="c.csv").digest != first
    assert read(tmp_path, HEADER, DOSE, COUNT.replace("168.5", "168.25"), name="d.csv").digest != first
    assert read(tmp_path, *(line.replace("1,", "2,", 1) for line in READ), name="e.csv").digest != first


def test_doses_while_others_go_on_are_remarked(tmp_path):
    found = read(
        tmp_path, "ID,TIME,AMT,II,ADDL", "1,0,5,24,6", "1,145,5,0,0", "1,145,2.5,0,0", "1,168,0,0,0", "2,24,5,0,0"
    )
    assert found.remarks == ("line 4: a dose at 145 h, while those of line 3 go on until 145 h: both are taken",)
    again = read(tmp_path, "ID,TIME,AMT,II,ADDL", "1,0,5,24,6", "1,144,5,0,0", "1,168,0,0,0", name="again.csv")
    assert again.remarks == ("line 3: a dose at 144 h, while those of line 2 go on until 144 h: both are taken",)
    assert len(again.dose_h[0]) == 8 and again.daily_mg(7)[0, 6] == 10


def test_a_file_that_changes_is_read_again(tmp_path):
    first = read(tmp_path, *READ)
    assert read_timetable(tmp_path / "plan.csv") is first
    assert read(tmp_path, HEADER, DOSE, COUNT, COUNT.replace("168.5", "336.25")).visits == (7, 14)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,170,.,0,.,.,.,.,.,.,.,.", "line 4: TIME: seen 170 h; line 3 is a count of day 7 too; allowed: one count"),
        ("1,100,.,0,.,.,.,.,.,.,.,.", "line 4: TIME: seen 100 h after 168.5 h (line 3); allowed: in order"),
        ("1,soon,.,0,.,.,.,.,.,.,.,.", "line 4: TIME: seen 'soon'; allowed: 0 to 87600 h since the start of the study"),
        ("1,8:15,.,0,.,.,.,.,.,.,.,.", "line 4: TIME: seen '8:15'; allowed: 0 to 87600 h"),
        ('1,"200,5",.,0,.,.,.,.,.,.,.,.', "did you mean 200.5?"),
        ("1,200,5,1,24,.,.,.,.,.,.,.", "line 4: II: seen '24'; allowed: 0 or . without ADDL or SS: it says nothing"),
        ("1,200,5,1,.,3,.,.,.,.,.,.", "line 4: II: seen '.'; allowed: more than 0 with ADDL"),
        ("1,200,5,1,24,2.5,.,.,.,.,.,.", "line 4: ADDL: seen '2.5'; allowed: a whole number, 0 to 20000"),
        ("1,200,5,1,24,9000,.,.,.,.,.,.", "allowed: a last dose by day 3650; this one is on day 9008"),
        ("1,200,5,1,0.1,19999,.,.,.,.,.,.", "line 2: ADDL: 20007 doses of '1' in all; allowed: at most 20000"),
        ("1,2016,5,1,24,.,1,.,.,.,.,.", "line 4: SS: seen 1 after other rows of 1; allowed: on the first row of each"),
        ("2,24,5,1,24,.,1,.,.,.,.,.", "line 4: SS: seen '1'; allowed: 0 or .: 84 days of doses come before it"),
        ("1,200,5,1,24,.,2,.,.,.,.,.", "line 4: SS: seen '2'; allowed: 0 no, 1 steady state or .: 2 and 3 add to what"),
        ("1,200,201,1,.,.,.,.,.,.,.,.", "line 4: AMT: seen '201'; allowed: 0 to 200 mg"),
        ("1,200,.,1,.,.,.,.,.,.,.,.", "line 4: AMT: seen '.'; allowed: 0 to 200 mg on EVID 1, a dose"),
        ("1,200,5,0,.,.,.,.,.,.,.,.", "line 4: AMT: seen '5'; allowed: 0 or . on EVID 0; AMT is for EVID 1, a dose"),
        ("1,200,.,3,.,.,.,.,.,.,.,.", "line 4: EVID: seen '3'; allowed: 0 observation, 1 dose, 2 other or .: a reset"),
        ("1,200,5,4,.,.,.,.,.,.,.,.", "line 4: EVID: seen '4'; allowed: 0 observation, 1 dose, 2 other or .: a reset"),
        ("1,200,5,1,.,.,.,2,.,.,.,.", "line 4: CMT: seen '2'; allowed: 1 or .: an oral dose goes to the depot"),
        ("1,200,.,0,.,.,.,2,.,.,.,.", "line 4: CMT: seen '2'; allowed: . on a count, or any with DVID PLAT"),
        ("1,200,.,0,.,.,.,2,.,.,CONC,.", "line 4: DVID: seen 'CONC'; allowed: PLAT (a platelet count), or .; for conc"),
        ("1,200,.,0,.,.,.,2,.,.,2,.", "line 4: DVID: seen '2'; allowed: PLAT (a platelet count), or .; a number means"),
        ("1,200,5,1,.,.,.,.,0,.,.,.", "line 4: MDV: seen '0'; allowed: 1 or . on a dose, which is no measurement"),
        ("1,200,5,1,.,.,.,.,x,.,.,.", "line 4: MDV: seen 'x'; allowed: 0 measured, 1 no value or ."),
        ("1,200,5,1,.,.,.,.,.,10,.,.", "line 4: RATE: seen '10'; allowed: 0 or .; an oral drug has no infusion"),
        (".,200,5,1,.,.,.,.,.,.,.,.", "line 4: ID: seen '.'; allowed: whose row it is"),
        ("2,11,.,0,.,.,.,.,.,.,.,.", "line 4: TIME: seen 11 h on a count; allowed: 0, or 12 h or later"),
        ("1,200,5,1,.,.,.,.,.,.,.,x", "line 4: C: seen 'x'; allowed: C for a comment, or nothing"),
        ("1,200,5,1", "line 4: 4 cells, but the header names 12 columns"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_honoured(tmp_path, line, said):
    assert any(f"plan.csv: {said}" in text or said in text for text in refused(tmp_path, *READ, line))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("ID,TMIE,AMT", "header: column TIME is missing; did you mean TMIE?"),
        ("ID,TIME,DOSE", "header: column AMT is missing; seen: ID, TIME, DOSE"),
        (
            "DATE,TIME,AMT",
            "header: column DATE: dates and clock times are not read; allowed: TIME in h since the start",
        ),
        ("ID,TIME (week),AMT", "header: column TIME: seen unit 'week'; allowed: h or d"),
        ("ID,TIME,AMT (g)", "header: column AMT: seen unit 'g'; allowed: mg"),
        ("Time,TIME,AMT", "header: column TIME: given as 'Time' and as 'TIME'"),
        ("TIME,TIME,AMT", "column TIME: given 2 times"),
    ],
)
def test_a_header_that_cannot_be_honoured(tmp_path, header, said):
    assert f"plan.csv: {said}" in "\n".join(refused(tmp_path, header, "1,0,5", "1,24,0"))


def test_files_that_say_too_little_or_cannot_be_read(tmp_path):
    assert refused(tmp_path, "TIME,AMT", "24,0") == ("plan.csv: header: no row is a dose (EVID 1, AMT above 0)",)
    assert refused(tmp_path, "TIME,AMT", "0,5") == ("plan.csv: header: no row measures a count (EVID 0) after time 0",)
    assert refused(tmp_path, "TIME;AMT", "0;5")[0].endswith("semicolons between columns; allowed: commas")
    assert refused(tmp_path, "ID,TIME,AMT", "1,0,5", "2,0,5", "1,24,0")[0] == (
        "plan.csv: line 4: ID: seen '1' again, after 2; allowed: the rows of each together"
    )
    assert refused(tmp_path, "ARM,ID,TIME,AMT", "A,1,0,5", "B,1,24,0")[0].endswith(
        "1 is in A (line 2); allowed: one arm"
    )
    (tmp_path / "plan.txt").write_text("TIME,AMT\n")
    with pytest.raises(TimetableError, match=r"plan\.txt: seen a name ending in '\.txt'; allowed: \.csv or \.parquet"):
        read_timetable(tmp_path / "plan.txt")
    with pytest.raises(TimetableError, match=r"none\.csv: cannot be read: there is no such file"):
        read_timetable(tmp_path / "none.csv")


def test_a_planned_day_of_its_own_is_the_visit_whenever_it_was(tmp_path):
    """Without it the nearest day; the hour stays that of the row, and a file that says the nearest is the same plan."""
    rows = ["ID,TIME,AMT,EVID,NOMDAY", "1,0,5,1,1", "1,168.5,.,0,7", "1,800,.,0,28", "1,1000,.,0,."]
    found = read(tmp_path, *rows, "2,0,5,1,.", "2,720,.,0,.", "2,850,.,0,35")
    assert found.visits == (7, 28, 30, 35, 42) and not found.others
    nan = np.nan
    np.testing.assert_array_equal(found.measured_h, [[168.5, 800, nan, nan, 1000], [nan, nan, 720, 850, nan]])
    hours, absent = _visits(found, np.array([0, 1]))
    assert hours.tolist() == [[0, 168.5, 800, 800, 840, 1000], [0, 168, 672, 720, 850, 1008]]
    assert absent[:, 1:].tolist() == np.isnan(found.measured_h).tolist()
    plain = read(tmp_path, HEADER, DOSE, COUNT, name="plain.csv")
    same = read(tmp_path, f"{HEADER},NOMDAY", f"{DOSE},.", f"{COUNT},7", name="same.csv")
    other = read(tmp_path, f"{HEADER},NOMDAY", f"{DOSE},.", f"{COUNT},8", name="other.csv")
    assert plain.digest == same.digest != other.digest and other.visits == (8,)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["1,168,.,0,7.5"], "NOMDAY: seen '7.5'; allowed: a whole day, 1 to 3650, as planned; or . for the nearest"),
        (["1,168,.,0,0"], "NOMDAY: seen '0'"),
        (["1,168,.,0,14", "1,336,.,0,14"], "line 4: NOMDAY: seen 336 h; line 3 is a count of day 14 too"),
        (["1,168,.,0,14", "1,336,.,0,7"], "line 4: NOMDAY: seen day 7 after a count of day 14; allowed: in order"),
        (["1,168,.,0,14", "1,192,.,0,."], "line 4: NOMDAY: seen day 8 after a count of day 14"),
    ],
)
def test_planned_days_that_cannot_be(tmp_path, rows, words):
    assert any(words in line for line in refused(tmp_path, "ID,TIME,AMT,EVID,NOMDAY", "1,0,5,1,.", *rows))
