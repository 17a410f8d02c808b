"""Published rows that no other table shows, and remarks of those that are not judged; scores made by hand."""

from dataclasses import replace

from bare_run import bare_run, row, shown

from analysis.evidence.scorecard import Published, Score
from analysis.report import rates, scored
from analysis.report.grid import remarks
from analysis.report.number_origins import plain_text

HIT = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")
OTHER = Score("b", "S", "HIGH", "AUC", "day 28", "ng*h/mL", 55077.5, 1495.2, 56000.0, None, None, "none", "", "no",
              "not counted")  # fmt: skip
ALL = replace(HIT, row_id="c", arm="ALL", simulated=None, mcse=None, inside="no")
PRINTED = Published(
    "b", "S", "drug", "AUC", "geomean", "d", "", 5.0, None, None, None, None, "none", False, False, "", "see text"
)


def test_rows_without_a_simulated_value_and_the_second_of_two_have_a_table():
    """HIT stands in T 14.2.1; another row of the same endpoint and arm, and an endpoint that is not run, do not."""
    printed = replace(PRINTED, row_id="a", endpoint="RESPW8", statistic="rate")
    run = bare_run(
        scores=(HIT, replace(HIT, row_id="d", inside="no"), OTHER, ALL),
        published={("RESPW8", "rate", "drug"): printed},
        estimates=(row("RESPW8", "drug", "rate", PARAM="Response"),
                   row("RESPW8", "drug", "rate", scope="replicates", PARAM="Response")),
    )  # fmt: skip
    table = scored.elsewhere(run)
    assert shown(table) == {
        "RESPW8": ["Response [RESPW8]"], "AUC": ["Not in this study [AUC]"],
        "d": ["drug", "week 8", "60.0 ± 0.5 %", "58.9 %", "(51.1, 66.4)", "cp95", "outside"],
        "b": ["HIGH", "day 28", "55078 ± 1495 ng·h/mL", "56000 ng·h/mL", "–", "none", "not counted"],
        "c": ["All arms", "week 8", "–", "58.9 %", "(51.1, 66.4)", "cp95", "outside"],
    }  # fmt: skip
    assert [line.hue for line in table.rows if not line.heading] == [1, None, None]
    assert scored.elsewhere(bare_run()) is None


def test_why_nothing_is_judged():
    assert rates.unjudged(bare_run()) == () == rates.unjudged(bare_run(scores=(HIT,)))
    assert rates.unjudged(bare_run(scores=(OTHER,))) == ("No row is judged: none of them is counted.",)
    counted = {("AUC", "geomean", "drug"): replace(PRINTED, counted=True)}
    (said,) = rates.unjudged(bare_run(scores=(OTHER,), published=counted))
    assert said.startswith("No verdict with fewer than 10")


def test_remarks_of_rows_that_do_not_count_once_each():
    rows = (PRINTED, replace(PRINTED, row_id="c", endpoint="CMAX"), replace(PRINTED, row_id="d", endpoint="AUC"),
            replace(PRINTED, row_id="e", counted=True, note="counts"), replace(PRINTED, row_id="f", note=""),
            replace(PRINTED, row_id="g", endpoint="BASE:AGE", note="baseline"))  # fmt: skip
    run = bare_run(scores=(HIT,), published={(p.row_id, "", ""): p for p in rows})
    assert [plain_text(note) for note in remarks(run, ("AUC", "CMAX"))] == ["AUC, CMAX: see text."]
    assert remarks(run, ("RESPW8",)) == ()
