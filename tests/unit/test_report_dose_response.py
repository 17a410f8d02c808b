"""T 14.2.17 from rows made by hand: which number stands in which cell, of one replicate and of all."""

from bare_run import NAMED, OVER, bare_run, changed, row

from analysis.report import dose_response as chapter
from analysis.report.number_origins import plain_text
from analysis.statistics.dose_finding import KIND
from analysis.statistics.estimates import ALL

ASKED = {"shapes": [{"shape": "linear"}, {"shape": "emax", "ed50": 2.0}], "target": 20.0}
STUDY = changed(
    arms=[{"id": f"D{dose:g}", "start_dose_mg": dose} for dose in (2.5, 5.0)]
    + [{"id": "placebo", "start_dose_mg": 2.5, "placebo": True}],
    randomisation={"block_size": 3},
    dose_rules={},
    analysis={"assessment_day": 56, "reference_arm": "placebo", "dose_response": ASKED},
)


def of(stat: str, value: float | None, scope: str = NAMED, category: str = "", **said: object):
    return row("RESPW8", ALL, stat, value, scope, category, PARCAT1=KIND, **said)


def made(*more):
    over = [
        of("signal", 91.0, OVER, MCSE=2.0), of("target dose found", 85.0, OVER, MCSE=3.0),
        of("target dose", 4.25, OVER, UNIT="mg", MCSE=0.5, RANGE_LOW=2.75, RANGE_HIGH=7.5),
        of("signal", 80.0, OVER, "linear", MCSE=4.0), of("chosen model", 30.0, OVER, "linear", MCSE=5.0),
        of("signal", 90.0, OVER, "emax (ed50 2)", MCSE=1.0), of("chosen model", 60.0, OVER, "emax (ed50 2)", MCSE=6.0),
    ]  # fmt: skip
    one = [
        of("t", 2.6404, category="linear"), of("adjusted p", 0.00848, category="linear"),
        of("gAIC", 12.345, category="linear"), of("t", 3.2084, category="emax (ed50 2)"),
        of("adjusted p", 0.00128, category="emax (ed50 2)"), of("gAIC", 11.2, category="emax (ed50 2)"),
        of("chosen model", 1.0, category="emax (ed50 2)", NOTE="by gAIC"), of("at dose", 40.0, category="2.5"),
    ]  # fmt: skip
    run = bare_run(STUDY, estimates=(*over, *one, *more))
    return [[plain_text(cell.text) for cell in line.cells] for line in chapter.table(run, asked_of(run)).rows]


def asked_of(run):
    return run.study.analysis.dose_response


def test_every_number_stands_in_its_cell():
    found = made(of("target dose", 3.5, UNIT="mg", CI_LOW=2.25, CI_HIGH=5.75))
    assert found[0] == ["linear", "80.0 ± 4.0", "30.0 ± 5.0", "2.640", "0.0085", "12.35"]
    assert found[1] == ["emax (ed50 2) *", "90.0 ± 1.0", "60.0 ± 6.0", "3.208", "0.0013", "11.20"]
    assert found[2] == ["Any of them", "91.0 ± 2.0", *["–"] * 4]
    assert found[3][0] == (
        "Dose with an effect of 20 points over no drug: 3.50 mg (2.25, 5.75) in replicate 0; over replicates mean "
        "4.25 ± 0.50 mg (2.75, 7.50), found in 85.0 ± 3.0 %"
    )


def test_a_dose_that_is_not_found_is_none():
    assert ": none in replicate 0; over replicates" in made()[3][0]
