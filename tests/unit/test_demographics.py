"""The baseline table from rows made by hand: shares and measured items, simulated beside published."""

from bare_run import OVER, bare_run, both, changed, row, shown
from tiny_trial import study

from analysis.evidence.scorecard import Published
from analysis.report import demographics
from analysis.report.number_origins import plain_text

AGE = Published(
    "g",
    "Made 1999",
    "drug",
    "BASE:AGE",
    "median",
    "day 0",
    "y",
    38.0,
    168,
    None,
    19.0,
    70.0,
    "range",
    False,
    False,
    "",
    "",
)
WOMEN = Published(
    "h",
    "Made 1999",
    "drug",
    "BASE:FEMALE",
    "rate",
    "day 0",
    "%",
    72.6,
    168,
    122,
    65.2,
    79.2,
    "cp95",
    False,
    False,
    "",
    "",
)


def published(*rows):
    return {(p.endpoint, p.statistic, p.arm): p for p in rows}


def measured(code, arm):
    values = {"mean": 40.25, "SD": 12.346, "median": 38.5, "minimum": 18.0, "maximum": 74.0}
    return [row(f"BASE:{code}", arm, stat, v, N=7, PARCAT1="baseline") for stat, v in values.items()] + [
        row(f"BASE:{code}", "ALL", stat, v + 1, OVER, N=7, PARCAT1="baseline") for stat, v in values.items()
    ]


def share(code, arm, n=5):
    return both(f"BASE:{code}", arm, "rate", 100 * n / 7, 72.65, N=7, N_EVENT=n, PARCAT1="baseline")


ROWS = [e for arm in ("drug", "placebo") for code in ("AGE", "WEIGHT") for e in measured(code, arm)]
ROWS += [
    e for arm in ("drug", "placebo", "ALL") for code in ("FEMALE", "ITPDUR_1", "ITPDUR_3") for e in share(code, arm)
]


def test_simulated_beside_published():
    table = demographics.baseline_table(bare_run(estimates=tuple(ROWS), published=published(AGE, WOMEN)))
    found = shown(table)
    assert found["FEMALE"][1:] == ["5 (71.4)", "122 (72.6)", "5 (71.4)", "–", "72.7 %"]
    assert found["AGE|n"][1:] == ["7", "–", "7", "–", "7"]
    assert found["AGE|mean (SD)"][1:] == ["40.3 (12.35)", "–", "40.3 (12.35)", "–", "41.3 (13.35)"]
    assert found["AGE|median"][1:] == ["38.5", "38", "38.5", "–", "39.5"]
    assert found["AGE|min, max"][1:] == ["18, 74", "19, 70", "18, 74", "–", "19, 75"]
    assert len(table.columns) == 6 and len(table.notes) == 3
    headings = [plain_text(line.cells[0].text) for line in table.rows if line.heading]
    assert headings.count("Duration of ITP") == 1 and plain_text(table.rows[0].cells[0].text) == "Age, y"
    assert [line.key for line in table.rows if line.key.startswith("ITPDUR")] == ["ITPDUR_1", "ITPDUR_3"]
    assert found["ITPDUR_1"][0].startswith("  ") and not found["FEMALE"][0].startswith(" ")


def test_alone_and_with_one_replicate():
    table = demographics.baseline_table(bare_run(changed(replicates=1), estimates=tuple(ROWS)))
    assert len(table.columns) == 4 and shown(table)["AGE|median"][1:] == ["38.5", "38.5", "39.5"]
    assert len(table.notes) == 1 and "No tests between arms" in plain_text(table.notes[0])
    paired = demographics.baseline_table(bare_run(study(paired=True), estimates=tuple(ROWS)))
    assert "The patients of all arms are the same." in plain_text(paired.notes[0]) and len(paired.notes) == 2


def test_a_published_row_that_says_less_has_less():
    """A rate without its counts, a median without a range."""
    for missing in ({"events": None}, {"n": None}):
        rows = published(Published(**{**vars(WOMEN), **missing}))
        table = demographics.baseline_table(bare_run(estimates=tuple(ROWS), published=rows))
        assert shown(table)["FEMALE"][2] == "–"
    plain = published(Published(**{**vars(AGE), "interval": "cp95"}))
    found = shown(demographics.baseline_table(bare_run(estimates=tuple(ROWS), published=plain)))
    assert found["AGE|min, max"][2] == "–" and found["AGE|median"][2] == "38"


def test_a_statistic_that_is_not_there_is_a_dash():
    for stat in ("mean", "SD", "median", "minimum", "maximum"):
        fewer = [e for e in ROWS if stat != e.STAT]
        found = shown(demographics.baseline_table(bare_run(estimates=tuple(fewer))))
        assert {found[f"AGE|{line}"][1] for line in ("n", "mean (SD)", "median", "min, max")} == {"–"}, stat
    unknown = [e for e in ROWS if not (e.PARAMCD == "BASE:FEMALE" and e.SCOPE == OVER)]
    assert shown(demographics.baseline_table(bare_run(estimates=tuple(unknown))))["FEMALE"][-1] == "–"
    nobody = [*unknown, row("BASE:FEMALE", "ALL", "rate", None, OVER)]
    assert shown(demographics.baseline_table(bare_run(estimates=tuple(nobody))))["FEMALE"][-1] == "–"


def test_missing_values_are_counted_where_there_are_some():
    absent = [*both("BASE:AGE", "ALL", "missing", 2.0, 1.26), row("BASE:AGE", "drug", "missing", 2.0)]
    found = shown(demographics.baseline_table(bare_run(estimates=(*ROWS, *absent))))
    assert found["AGE|missing"] == ["  missing", "2", "–", "1.3"] and "WEIGHT|missing" not in found
