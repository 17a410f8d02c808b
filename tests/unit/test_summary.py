"""The first page in sentences, from scores and rows made by hand."""

from dataclasses import replace

import pytest
from bare_run import OVER, bare_run, both, changed, row
from tiny_trial import study

from analysis.evidence.scorecard import Published, Score
from analysis.report import summary
from analysis.report.number_origins import Number, plain_text
from analysis.report.runfolder import BASELINE_FILE

HIT = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")
MISS, NEW = replace(HIT, row_id="b", inside="no", seen="no"), replace(HIT, row_id="c", seen="no")
TARGET = replace(NEW, row_id="d", interval="tolerance")
UNJUDGED = replace(HIT, row_id="e", inside="")
PRINTED = Published(
    "a", "Made 1999", "drug", "RESPW8", "rate", "week 8", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, True, "", ""
)
FACTS = {"patients_simulated": 1200, "patients_failed": 0}


def met(counted, limits):
    return f"For {counted} named for comparison before calibration, the simulated mean lies inside {limits}."


def said(run):
    return plain_text(summary.summary(run))


def test_what_was_simulated():
    run = bare_run(study(replicates=20), manifest=FACTS)
    assert said(run).startswith(
        "This report describes 20 virtual trials of 7 patients each (140 patients in all), "
        "randomised 1:1 to drug and placebo."
    )
    one = bare_run(study(replicates=1, arms=("drug",), reference_arm=None), manifest=FACTS)
    assert said(one).startswith("This report describes 1 virtual trial of 7 patients, all in one arm, drug.")
    paired = bare_run(study(paired=True), manifest=FACTS)
    assert "every one under drug and placebo." in said(paired)
    assert "All 1,200 solves of the model succeeded." in said(run)
    assert "Every patient is evaluable for the primary endpoint (RESPW8)." in said(run)


def test_failures_and_who_is_not_evaluable():
    absent = [
        row("RESPW8", "ALL", "not evaluable", n, OVER, why) for n, why in ((2.0, "solver: STEP_LIMIT"), (1.0, "missed"))
    ]
    absent += [row("MAXDUR", "ALL", "not evaluable", 9.0, OVER, "no response")]
    run = bare_run(manifest=FACTS | {"patients_failed": 2}, estimates=tuple(absent))
    assert "2 of 1,200 solves of the model failed; those patients are not evaluable and are counted as such." in said(
        run
    )
    assert "3 patients are not evaluable for the primary endpoint (RESPW8)." in said(run)
    single = bare_run(study(paired=True), manifest=FACTS, estimates=(absent[1],))
    assert "1 course is not evaluable for the primary endpoint" in said(single)


@pytest.mark.parametrize(("failed", "said_first"), [(60, False), (61, True), (1200, True), (0, False)])
def test_above_5_percent_the_failures_are_said_before_anything_else(failed, said_first):
    """5 % of 1,200 are 60."""
    text = plain_text(summary.lost(bare_run(manifest=FACTS | {"patients_failed": failed})))
    wanted = f"{failed:,} of 1,200 solves of the model failed: every result is of the others alone."
    assert text == (wanted if said_first else "")


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ((), []),
        ((UNJUDGED,), ["Simulated and published results are shown side by side without a verdict."]),
        (
            (NEW,),
            [met("1 of 1 published result", "the published 95 % interval")],
        ),
        (
            (HIT, HIT),
            [
                met("2 of 2 published results", "the published 95 % interval"),
                "The model was calibrated on all of them, so that agreement is a fit and no prediction.",
            ],
        ),
        (
            (HIT, MISS, NEW, UNJUDGED),
            [
                met("2 of 3 published results", "the published 95 % interval"),
                "The model was calibrated on 1 of them: there agreement is a fit. Predictions: 1 of 2 inside.",
            ],
        ),
        (
            (TARGET,),
            [met("1 of 1 published result", "a tolerance set in advance")],
        ),
        (
            (NEW, TARGET),
            [met("2 of 2 published results", "the published 95 % interval or, for 1, a tolerance set in advance")],
        ),
    ],
)
def test_how_many_published_results_are_met(scores, words):
    assert [plain_text(text) for text in summary._score(bare_run(scores=scores))] == words


def test_key_results():
    rows = [*both("RESPW8", "drug", "rate", 57.0, 58.93), *both("RESPW8", "placebo", "rate", 4.0, 5.06)]
    run = bare_run(estimates=tuple(rows), published={("RESPW8", "rate", "drug"): PRINTED}, scores=(HIT,))
    drug, placebo = summary.key_results(run)
    assert (drug.label, drug.hue, plain_text(drug.simulated), plain_text(drug.range)) == (
        "drug",
        1,
        "58.9 ± 0.3 %",
        "(53.9, 63.9)",
    )
    assert (plain_text(drug.published), drug.inside, drug.fitted) == ("58.9 % (51.1, 66.4)", "inside", True)
    assert (placebo.published, placebo.inside, placebo.fitted) == ("", "", False)
    unseen = replace(HIT, seen="no", inside="no")
    (first, _) = summary.key_results(
        bare_run(estimates=tuple(rows), published={("RESPW8", "rate", "drug"): PRINTED}, scores=(unseen,))
    )
    assert (first.inside, first.fitted) == ("outside", False)
    plain = replace(PRINTED, interval="range")
    assert plain_text(summary._printed(plain, 1)) == "58.9 %"


def warned(run):
    return [plain_text(text) for text in summary.warnings(run)]


def few(n, kept=None):
    run = bare_run(study(replicates=n))
    run.__dict__["kept"] = tuple(range(n if kept is None else kept))
    return run


@pytest.mark.parametrize(
    ("n", "words"), [(1, "One replicate only"), (2, "2 replicates are few"), (39, "39 replicates are few"), (40, "")]
)
def test_few_replicates(n, words):
    found = [text for text in warned(few(n)) if "replicate" in text]
    assert len(found) == bool(words) and all(text.startswith(words) for text in found)


def test_what_to_beware_of_in_order():
    run = few(40, kept=10)
    absent = [
        row("RESPW8", "ALL", "not evaluable", n, OVER, why)
        for n, why in ((1.0, "solver: NON_FINITE"), (3.0, "solver: STEP_LIMIT"), (9.0, "missed"))
    ]
    absent += [row("MAXDUR", "ALL", "not evaluable", 5.0, OVER, "solver: STEP_LIMIT")]
    outside = {"AGE": Number(1, "patients", "", "rows"), "WEIGHT": Number(4, "patients", "", "rows")}
    run = bare_run(
        study(replicates=40),
        manifest={"warnings": ["one", "two"]},
        estimates=tuple(absent),
        outside=outside,
        absent={"screening.parquet": "no flow", "published.csv": "no rows", BASELINE_FILE: "no baseline"},
    )
    run.__dict__["kept"], run.__dict__["failures"] = tuple(range(10)), {"STEP_LIMIT": "more steps than allowed"}
    assert warned(run) == [
        "one",
        "two",
        "Results are over all 40 replicates; what is drawn patient by patient is of the 10 replicates whose tables "
        "were kept (output: endpoints).",
        "3 solves failed: more steps than allowed.",
        "1 solve failed: non finite.",
        "1 patient lies outside the validity domain of the parameter set: AGE.",
        "4 patients lie outside the validity domain of the parameter set: WEIGHT.",
        "screening.parquet is not there: no flow.",
    ]


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (None, [True, False, False]),
        ({"rows": "a"}, [True, True, False]),
        ({"rows": "a", "baseline": "b"}, [True, True, True]),
    ],
)
def test_files_that_a_study_should_have(published, expected):
    run = bare_run(changed(published=published))
    assert [summary._expected(run, name) for name in ("screening.parquet", "published.csv", BASELINE_FILE)] == expected


def test_kinds_of_uncertainty():
    one, error, spread = (plain_text(text) for _, text in summary.kinds_of_uncertainty(bare_run()))
    assert (
        one.startswith("What the paper of one trial would print: 7 patients, replicate 0,")
        and "The mean result of 3 replicates" in error
    )
    assert "when the model is right" in spread
    drawn = bare_run(changed(parameter_uncertainty=True))
    assert "population parameters, those drawn ones too" in plain_text(summary.kinds_of_uncertainty(drawn)[2][1])
    everything = bare_run(changed(parameter_uncertainty="all"), manifest={"posteriors": ["x"]})
    assert (
        "population parameters, assumed ones by their prior, those of its posterior by one of its draws, those drawn"
        in plain_text(summary.kinds_of_uncertainty(everything)[2][1])
    )
    alone = [plain_text(text) for _, text in summary.kinds_of_uncertainty(bare_run(study(replicates=1)))]
    assert alone[1] == alone[2] == "Not known: this run has one replicate." != alone[0]


def test_the_command_and_the_label():
    assert summary.reproduce(bare_run(manifest={"command": "vtrial run x"})) == "vtrial run x"
    assert summary.reproduce(bare_run()) == "vtrial run config.resolved.yaml --out another_folder"
    assert summary.primary_label(bare_run()) == "RESPW8"
    assert summary.primary_label(bare_run(estimates=(row("RESPW8", "drug", "rate", PARAM="Response"),))) == "Response"
