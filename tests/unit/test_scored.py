"""The scorecard as a table, from scores made by hand."""

from dataclasses import replace

from bare_run import bare_run, row, shown

from analysis.evidence.scorecard import Published, Score
from analysis.report import scored
from analysis.report.keyed import plain_text

HIT = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")
OTHER = Score("b", "S", "HIGH", "AUC", "day 28", "ng*h/mL", 55077.5, 1495.2, 56000.0, None, None, "none", "", "no")
ALL = replace(HIT, row_id="c", arm="ALL", simulated=None, mcse=None, inside="no")
PRINTED = Published(
    "b", "S", "drug", "AUC", "geomean", "d", "", 5.0, None, None, None, None, "none", False, False, "", "see text"
)


def notes(table):
    return [plain_text(note) for note in table.notes]


def test_every_row_beside_its_simulation():
    table = scored.scorecard(
        bare_run(scores=(HIT, OTHER, ALL), estimates=(row("RESPW8", "drug", "rate", PARAM="Response"),))
    )
    assert shown(table) == {
        "RESPW8": ["Response [RESPW8]"], "AUC": ["Not in this study [AUC]"],
        "a": ["drug", "week 8", "60.0 ± 0.5 %", "58.9 %", "(51.1, 66.4)", "cp95", "inside", "yes"],
        "b": ["HIGH", "day 28", "55078 ± 1495 ng·h/mL", "56000 ng·h/mL", "–", "none", "–", "no"],
        "c": ["All arms", "week 8", "–", "58.9 %", "(51.1, 66.4)", "cp95", "outside", "yes"],
    }  # fmt: skip
    assert [line.key for line in table.rows] == ["RESPW8", "a", "c", "AUC", "b"] and len(table.notes) == 2
    assert [line.hue for line in table.rows if not line.heading] == [1, None, None]


def test_why_nothing_is_judged():
    assert scored.scorecard(bare_run()) is None
    none = scored.scorecard(bare_run(scores=(OTHER,)))
    assert notes(none)[2] == "No row is judged: none of them is counted."
    counted = {("AUC", "geomean", "drug"): replace(PRINTED, counted=True)}
    assert notes(scored.scorecard(bare_run(scores=(OTHER,), published=counted)))[2].startswith(
        "No verdict with fewer than 10"
    )


def test_remarks_of_rows_that_do_not_count_once_each():
    rows = (PRINTED, replace(PRINTED, row_id="c", endpoint="CMAX"), replace(PRINTED, row_id="d", endpoint="AUC"),
            replace(PRINTED, row_id="e", counted=True, note="counts"), replace(PRINTED, row_id="f", note=""),
            replace(PRINTED, row_id="g", endpoint="BASE:AGE", note="baseline"))  # fmt: skip
    run = bare_run(scores=(HIT,), published={(p.row_id, "", ""): p for p in rows})
    assert notes(scored.scorecard(run))[2:] == ["AUC, CMAX: see text."]
