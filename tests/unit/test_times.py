"""Time to event in the report, from rows made by hand: cells, decimals, what is compared and what is said."""

import pytest
from bare_run import OVER, bare_run, both, changed, row, shown
from tiny_trial import study

from analysis.report import times
from analysis.report.number_origins import plain_text

TIME = {"PARCAT1": "time", "UNIT": "d"}
COMPARED = study(reference_arm="placebo", replicates=3)


def watched(code="TTRESC", arm="drug", n=9, hits=3):
    limits = {"CI_LOW": 14.0, "CI_HIGH": 22.0, "NOTE": ""}
    return [
        *both(code, arm, "event rate", 33.3, 35.04, N=n, N_EVENT=hits, **TIME),
        row(code, arm, "median time", 15.0, **limits, **TIME),
    ]


def ratio(value=0.5211, arm="drug", code="TTRESC"):
    said = {"COMPARATOR": "placebo", "CI_LOW": value * 0.6, "CI_HIGH": value * 1.7, **TIME}
    spread = {"MCSE": 0.0312, "RANGE_LOW": 0.4, "RANGE_HIGH": 0.7}
    p = row(code, arm, "log-rank p", 0.0208, COMPARATOR="placebo", **TIME)
    over = row(code, arm, "hazard ratio", value, OVER, **{**said, **spread})
    return [row(code, arm, "hazard ratio", value, **said), over, p]


def notes(table):
    return [plain_text(note) for note in table.notes]


def test_events_median_ratio_and_p():
    run = bare_run(COMPARED, estimates=(*watched(), *watched(arm="placebo", hits=6), *ratio()))
    table = times.table(run)
    assert shown(table) == {
        "TTRESC": ["Time to first rescue [TTRESC]"],
        "TTRESC|drug": ["drug", "9", "3 (33.3)", "6", "15.0 (14.0, 22.0)", "0.52 (0.31, 0.89)", "0.0208"],
        "TTRESC|placebo": ["placebo", "9", "6 (66.7)", "3", "15.0 (14.0, 22.0)", "–", "–"],
    }  # fmt: skip
    assert [plain_text(c.group) for c in table.columns[-2:]] == ["Against placebo"] * 2
    assert any("not stratified, no correction" in note for note in notes(table))
    assert not any("Threshold" in note for note in notes(table)), "rescue has no threshold"


def test_a_small_ratio_has_three_decimals():
    run = bare_run(COMPARED, estimates=(*watched(), *ratio(0.0521)))
    assert shown(times.table(run))["TTRESC|drug"][5] == "0.052 (0.031, 0.089)"
    assert shown(times.replicates(run))["TTRESC|drug"][3] == "0.052 ± 0.031"
    exact = bare_run(COMPARED, estimates=(*watched(), *ratio(0.1)))
    assert shown(times.replicates(exact))["TTRESC|drug"][3] == "0.10 ± 0.03"


def test_over_replicates():
    run = bare_run(COMPARED, estimates=(*watched(), *watched(arm="placebo"), *ratio()))
    table = times.replicates(run)
    assert shown(table)["TTRESC|drug"] == ["drug", "35.0 ± 0.3", "(30.0, 40.0)", "0.52 ± 0.03", "(0.40, 0.70)"]
    assert shown(table)["TTRESC|placebo"][3:] == ["–", "–"] and len(table.columns) == 5
    assert plain_text(table.population).endswith("; mean of 3 replicates") and "geometric mean" in notes(table)[0]
    assert times.replicates(bare_run(study(replicates=1), estimates=tuple(watched()))) is None
    assert times.replicates(bare_run(study())) is None


@pytest.mark.parametrize("of", [study(paired=True, reference_arm="placebo"), study(reference_arm=None)])
def test_without_a_comparison_there_are_five_columns(of):
    run = bare_run(of, estimates=(*watched(), *watched(arm="placebo")))
    table = times.table(run)
    assert len(table.columns) == len(shown(table)["TTRESC|drug"]) == 5 and len(times.replicates(run).columns) == 3
    assert any("No test between arms" in note for note in notes(table)) == of.paired
    assert not any("Cox model" in note for note in notes(table))


def test_response_has_a_threshold_and_strata_are_said():
    run = bare_run(
        changed(randomisation={"block_size": 2, "strata": [{"covariate": "SEX"}]}), estimates=tuple(watched("TTRESP"))
    )
    assert "Threshold: 50 × 10⁹/L." in notes(times.table(run))
    assert any("stratified by the strata" in note for note in notes(times.table(run)))


def test_nobody_watched_is_no_table():
    for rows in ([], watched(n=0)):
        run = bare_run(COMPARED, estimates=tuple(rows))
        assert times.table(run) is times.shares(run) is times.replicates(run) is None
    part = bare_run(COMPARED, estimates=tuple(watched()))
    assert shown(times.table(part))["TTRESC|placebo"][1:5] == ["–"] * 4


def week(k, value, arm="drug", **limits):
    return row("TTRESC", arm, "share by week", value, category=str(k), **limits, **TIME)


@pytest.mark.parametrize(("window", "late"), [(0, ""), (2, ", the last day of its visit window: day 7 × week + 2")])
def test_shares_by_week(window, late):
    rows = [*watched(), week(2, 0.0), week(4, 33.333, CI_LOW=10.04, CI_HIGH=60.06)]
    table = times.shares(bare_run(study(window_days=window), estimates=tuple(rows)))
    assert shown(table)["TTRESC|drug"] == ["drug", "9", "0.0", "33.3 (10.0, 60.1)"]
    assert shown(table)["TTRESC|placebo"] == ["placebo", "–", "–", "–"] and len(table.columns) == 4
    assert notes(table) == [f"Kaplan-Meier, limits log-log. By the end of the week{late}. Definitions: T 14.2.5."]
    assert times.shares(bare_run(estimates=tuple(watched()))) is None


@pytest.mark.parametrize(("n", "said"), [(0.0, None), (1.0, "1 patient whose"), (2.0, "2 patients whose")])
def test_solves_that_failed_are_said(n, said):
    failed = row("DISP", "ALL", "count", n, category="solve failed")
    found = notes(times.table(bare_run(COMPARED, estimates=(*watched(), failed))))
    assert any(said is not None and note.startswith(said) for note in found) == (said is not None)
    assert any("left out" in note for note in found) == (said is not None)
