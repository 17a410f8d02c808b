"""What a person types into a config: each slip is answered on its line, by its name and with what was meant."""

# ruff: noqa: E501

import pytest
from test_config_errors import GOOD, messages

from trial.study import slips

DOSE, BELOW, DAYS, MEAN = "    start_dose_mg: 5\n    dose", "        below_1e9L: 50", "[7, 14, 21, 28]", "  mean: 0.9"
LEAVE = "  - reason: withdrawal\n    hazard_per_week: 0.01"
SLIPS = [
    # tabs, colons, equals signs, spaces
    ("  days: [7", "\tdays: [7", "a tab at the start of the line"),
    ("  - id: SHAM", "\t- id: SHAM", "a tab at the start of the line"),
    ("title: A small study", "title: Trial: 24 weeks", 'a second colon in the line; a text with a colon in quotes: title: "Trial: 24 weeks"'),
    ("patients: 20", "patients:20", "a space belongs after the colon: patients: 20"),
    ("  primary: RESPW4", "  primary:RESPW4", "a space belongs after the colon: primary: RESPW4"),
    (LEAVE, "  - {reason: w, hazard_per_week:0.01}", "a space belongs after the colon: hazard_per_week: 0.01"),
    ("patients: 20", "patients = 20", "a colon and a space instead of the sign: patients: 20"),
    ("patients: 20", "patients=20", "a colon and a space instead of the sign: patients: 20"),
    ("  mean: 0.9\n  sd: 0.1", "  mean = 0.9", "a colon and a space instead of the sign: mean: 0.9"),
    ("patients: 20", "patients -> 20", "a colon and a space instead of the sign: patients: 20"),
    ("patients: 20", "patients 20", "a colon and a space belong between key and value: patients: 20"),
    ("patients: 20", "patients：20", "this colon is not the one of YAML: patients: 20"),
    ("patients: 20", "patients:\u00a020", "the space of a word processor; type it anew: patients: 20"),
    # signs before and after numbers
    (BELOW, "        below_1e9L: <50", "without the sign, the key says how it is compared: did you mean 50?"),
    (BELOW, "        below_1e9L: ≤ 50", "did you mean 50?"),
    (BELOW, "        below_1e9L: > 50", "give the number without it: below_1e9L: 50"),
    (BELOW, "        below_1e9L: >=50", "give the number without it: below_1e9L: 50"),
    (MEAN, "  mean: ~0.9", "one exact number: did you mean 0.9?"),
    ("patients: 20", "patients: 20;", "nothing after the number: did you mean 20?"),
    ("patients: 20", "patients: 20,", "nothing after the number: did you mean 20?"),
    ("patients: 20", "patients: 20#many", "a comment begins with a space and #: did you mean 20?"),
    ("seed: 1", "seed: −1", "did you mean -1?"),
    # commas
    ("ladder_mg: [2.5, 5]", "ladder_mg: [1,25, 2,5]", "decimal points, no commas: did you mean [1.25, 2.5]?"),
    (DOSE, "    start_dose_mg: 2,5\n    dose", "did you mean 2.5?"),
    (MEAN, "  mean: [0,9]", "a decimal point, no comma and no brackets: did you mean 0.9?"),
    ("patients: 20", "patients: 1,000", "did you mean 1000?"),
    ("patients: 20", "patients: 1 000", "nothing between the digits: did you mean 1000?"),
    ("patients: 20", "patients: 1'000", "nothing between the digits: did you mean 1000?"),
    # units
    (DOSE, "    start_dose_mg: 5mg\n    dose", "(units are in the key name); did you mean 5?"),
    (DOSE, "    start_dose_mg: 5 mg/day\n    dose", "did you mean 5?"),
    (DOSE, "    start_dose_mg: 5000 µg\n    dose", "did you mean 5?"),
    ("treatment_days: 28", "treatment_days: 4 weeks", "did you mean 28?"),
    ("treatment_days: 28", "treatment_days: 4wk", "did you mean 28?"),
    ("treatment_days: 28", "treatment_days: 2 months", "did you mean 61?"),
    (BELOW, "        below_1e9L: 50 x 10^9/L", "did you mean 50?"),
    (BELOW, "        below_1e9L: 50 G/L", "did you mean 50?"),
    (BELOW, "        below_1e9L: 50000/µL", "did you mean 50?"),
    # per cent
    (MEAN, "  mean: 90%", "did you mean 0.9?"),
    (MEAN, "  mean: 90 percent", "did you mean 0.9?"),
    (MEAN, "  mean: %90", 'a text that begins with % in quotes: mean: "%90"'),
    ("hazard_per_week: 0.01", "hazard_per_week: 1%/week", "did you mean 0.01?"),
    # quotes
    ("patients: 20", 'patients: "20"', "a plain whole number; did you mean 20?"),
    ("title: A small study", 'title: "A small study', 'the quote " is opened and not closed'),
    ("title: A small study", "title: 'Peter's study'", "an apostrophe ends the text; put the text in double quotes"),
    ("title: A small study", 'title: "A "small" study"', "a quote inside the text ends it"),
    ("id: small", "id: “small”", "did you mean small?"),
    ("patients: 20", "“patients”: 20", "did you mean patients?"),
    ("title: A small study", "title: @home", 'a text that begins with @ in quotes: title: "@home"'),
    # dates, words
    ("treatment_days: 28", "treatment_days: 2024-01-28", "days are counted from the first dose, which is on day 0"),
    ("treatment_days: 28", "treatment_days: 28/01/2024", "days are counted from the first dose, which is on day 0"),
    ("title: A small study", "title: 2024-13-45", "which YAML cannot read; put text in quotes"),
    ("patients: 20", "patients: twenty", "a number is written in digits"),
    ("patients: 20", "patients: 2O", "a letter among the digits: did you mean 20?"),
    ("patients: 20", "patients: 20-40", "a range; give one number"),
    ("patients: 20", "patients: 20.0", "did you mean 20?"),
    ("dose_rule: ladder", "dose_rule: none", "for nothing write null"),
    ("reference_arm: SHAM", "reference_arm: None", "for nothing write null"),
    # lists
    (DAYS, "7, 14, 21, 28", "did you mean [7, 14, 21, 28]?"),
    (DAYS, "[7 14 21 28]", "commas between the entries: did you mean [7, 14, 21, 28]?"),
    (DAYS, "[7; 14; 21; 28]", "commas between the entries: did you mean [7, 14, 21, 28]?"),
    (DAYS, "(7, 14, 21, 28)", "did you mean [7, 14, 21, 28]?"),
    (DAYS, "[7, 14, 21, 28", "the [ is not closed by ]"),
    (DAYS, "[7,, 14, 21, 28]", "two commas with nothing between them"),
    ("  days: [7, 14, 21, 28]", "  days:\n    -7\n    -14\n    -28", "with a space after the dash: - 7"),
    ("arms:\n  - id: DRUG", "arms: - id: DRUG", "a list begins on the line below its key, each entry after a dash"),
    (LEAVE, "  - reason: withdrawal hazard_per_week: 0.01", "a key on its own line"),
    (LEAVE, "  - {reason: w, hazard_per_week: 0.01", "the { is not closed by }"),
    ("  - id: SHAM", "  • id: SHAM", "an entry of a list begins with a dash and a space"),
    ("  - id: SHAM", "  * id: SHAM", "an entry of a list begins with a dash and a space"),
    # indentation, keys, comments
    ("patients: 20", "  patients: 20", "indented deeper than the one above, which has its value already"),
    ("  window_days: 2", "   window_days: 2", "the indentation fits no line above"),
    ("  sd: 0.1", "sd: 0.1", "it belongs at adherence.sd"),
    ("patients: 20", "Patients: 20", "did you mean patients?"),
    ("treatment_days: 28", "treatment-days: 28", "did you mean treatment_days"),
    ("patients: 20", "// many\npatients: 20", "a comment begins with #"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "typed", "answer"), SLIPS, ids=[typed.strip()[:40] for _, typed, _ in SLIPS])
def test_the_answer_names_the_slip_and_its_line(tmp_path, good, typed, answer):
    assert good in GOOD
    first = GOOD[: GOOD.index(good)].count("\n") + 1
    found = messages(tmp_path, GOOD.replace(good, typed, 1))
    named = [message for message in found if answer in message]
    assert named, found
    assert first - 1 <= int(named[0].split(":")[1]) <= first + typed.count("\n")
    assert max(map(len, found)) < 700


def test_there_are_sixty():
    assert len(SLIPS) >= 60


@pytest.mark.parametrize(
    ("number", "unit", "wanted", "meant"),
    [
        (5000, "ug", "mg", 5), (5000, "mcg", "mg", 5), (5000, "µg", "mg", 5), (5000, "μg", "mg", 5), (2, "g", "mg", 2000),
        (2, "weeks", "days", 14), (4, "months", "days", 121.75), (36, "hours", "days", 1.5), (18, "months", "years", 1.5),
        (365.25, "weeks", "years", 7), (1461, "days", "years", 4), (2, "years", "days", 730.5), (2, "days", "hours", 48),
        (90, "min", "hours", 1.5), (5e10, "/L", "10^9/L", 50), (50000, "/uL", "10^9/L", 50), (5, "%", "", 0.05),
        (5, "%", "per week", 0.05), (1461, "months", "per week", 336), (5, "%", "0 to 1", 0.05), (5, "MG/DAY", "mg", 5), (3, "Wk", "days", 21),
        (5, "kg", "mg", None), (True, "g", "mg", None), ("5", "g", "mg", None), (7, "mg", "mg", 7),
    ],
)  # fmt: skip
def test_a_number_in_another_unit(number, unit, wanted, meant):
    assert slips.converted(number, unit, wanted) == meant


@pytest.mark.parametrize(
    ("seen", "meant"),
    [("7, 14", "[7, 14]"), ("7;14|21", "[7, 14, 21]"), ("7 and 14", "[7, 14]"), ("(1.5 -2)", "[1.5, -2]"),
     ("1 " * 149 + "10", "[" + "1, " * 149 + "10]"), ("1 " * 149 + "100", None), ("7 x", None), (7, None), ("", None)],
)  # fmt: skip
def test_a_list_without_its_brackets_up_to_300_characters(seen, meant):
    assert slips.list_meant(seen) == (f"; did you mean {meant}?" if meant else "")


@pytest.mark.parametrize(
    ("seen", "said"),
    [("PLT", "; did you mean [PLT]?"), ("(PLT, AUC)", "; did you mean [PLT, AUC]?"),
     ("all is taken", "; with a dash before it: - all is taken"), ("PLT; 3 of them", "; with a dash before it: - PLT; 3 of them"),
     ("--", "")],
)  # fmt: skip
def test_one_name_or_several_with_signs_between_them_are_a_list_and_a_sentence_is_an_entry(seen, said):
    assert slips.list_meant(seen, "texts") == said


def test_texts_longer_than_a_value_are_not_guessed_at():
    assert slips.number_meant("5" + " " * 57 + "mg", "mg", False) and not slips.number_meant(
        "5" + " " * 58 + "mg", "mg", False
    )
    assert [slips.number_meant(f, "", True) for f in (3.0, 3.5, 1e15)] == ["; did you mean 3?", "", ""]
    assert slips.number_meant([2, 5], "mg", False).endswith("did you mean 2.5?")
    assert not any("did you mean" in slips.number_meant(f, "", False) for f in ([2, -1], [2, 5, 1], [2.0, 5]))
    assert slips.number_meant("zero", "", True) == "; in digits: 0" and slips.number_meant("twelve", "", True).endswith(
        "12"
    )


def test_units_are_converted_by_what_they_are():
    """1 mg/L is 1 µg/mL, a thousand ng/mL; a year has 365.25 days and 12 months."""
    one = {("ug", "mg"): 1 / 1000, ("g", "mg"): 1000, ("ug/mL", "ng/mL"): 1000, ("mg/L", "ng/mL"): 1000, ("ug/L", "ng/mL"): 1,
           ("pg/mL", "ng/mL"): 1 / 1000, ("weeks", "days"): 7, ("hours", "days"): 1 / 24, ("months", "years"): 1 / 12,
           ("days", "hours"): 24, ("min", "hours"): 1 / 60, ("/uL", "10^9/L"): 1 / 1000, ("/L", "10^9/L"): 1e-9}  # fmt: skip
    assert {pair: slips.FACTORS[pair] for pair in one} == pytest.approx(one)
