"""The scorecard: what counts, what is inside, and the committed published rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.endpoints import catalogue
from analysis.evidence import scorecard
from analysis.evidence.results import short_table
from analysis.evidence.scorecard import Published
from analysis.statistics.estimates import Estimate
from analysis.statistics.estimators import clopper_pearson

CONFIGS = Path(__file__).parents[2] / "configs" / "published"
PHASE_3 = CONFIGS / "hetrombopag_itp_phase3_results.csv"
FIRST_IN_PATIENT = CONFIGS / "hetrombopag_itp_first_in_patient_results.csv"

ROW = Published(
    "a", "S", "drug", "RESPW8", "rate", "week 8", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, True, "", ""
)
OVER = Estimate("S", "RESPW8", "", "drug", None, "FAS", "rate", "%", "replicates", ESTIMATE=60.0, MCSE=0.5, R=20)
NAMED = replace(OVER, SCOPE="replicate", ESTIMATE=99.0)


def inside(row: Published, simulated: float | None) -> str:
    return scorecard.score([row], [NAMED, replace(OVER, ESTIMATE=simulated)])[0].inside


def test_a_counted_row_is_judged_on_the_mean_over_replicates_limits_included() -> None:
    assert [inside(ROW, x) for x in (51.0, 51.1, 60.0, 66.4, 66.5)] == ["no", "yes", "yes", "yes", "no"]


def test_what_does_not_count_stays_blank() -> None:
    assert inside(replace(ROW, counted=False), 60) == ""
    assert inside(replace(ROW, interval="range"), 60) == ""
    assert inside(replace(ROW, interval="none", ci_low=None, ci_high=None), 60) == ""
    assert inside(replace(ROW, arm="other"), 60) == ""
    assert inside(ROW, None) == ""


def test_no_verdict_with_fewer_than_ten_replicates() -> None:
    verdicts = [scorecard.score([ROW], [replace(OVER, R=r)])[0].inside for r in (9, 10)]
    assert verdicts == ["", "yes"]


def test_the_file_has_exactly_these_columns(tmp_path: Path) -> None:
    scorecard.write(scorecard.score([ROW, replace(ROW, row_id="b", arm="x", seen=False)], [OVER]), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text().splitlines() == [
        "row_id,study,arm,endpoint,timepoint,unit,simulated,mcse,published,ci_low,ci_high,interval,inside,seen",
        "a,S,drug,RESPW8,week 8,%,60.0,0.5,58.9,51.1,66.4,cp95,yes,yes",
        "b,S,x,RESPW8,week 8,%,,,58.9,51.1,66.4,cp95,,no",
    ]


def test_impossible_rows_are_named_with_file_line_and_column(tmp_path: Path) -> None:
    head, first, *_ = PHASE_3.read_text().splitlines()
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([head, first, first.replace("cp95", "ci"), first.replace("58.9286", "many")]) + "\n")
    with pytest.raises(ValueError) as caught:
        scorecard.read_published(path)
    message = str(caught.value)
    assert "rows.csv:3: interval: seen 'ci', allowed printed95, cp95, tolerance, range, none" in message
    assert "rows.csv:4: published: seen 'many', expected a number" in message
    assert "appears twice" in message
    path.write_text("row_id,study\n")
    with pytest.raises(ValueError, match=r"rows.csv:1: missing columns arm"):
        scorecard.read_published(path)


def test_unknown_arms_and_endpoints_get_a_hint() -> None:
    messages = scorecard.problems([replace(ROW, arm="drugs", endpoint="RESPW9")], ["drug"], list(catalogue(56)))
    assert "did you mean drug?" in messages[0]
    assert "did you mean RESPW8?" in messages[1]


@pytest.mark.parametrize("path", [PHASE_3, FIRST_IN_PATIENT])
def test_the_computed_limits_of_the_committed_rows_are_clopper_pearson(path: Path) -> None:
    for row in scorecard.read_published(path):
        if row.statistic == "rate":
            assert row.n is not None and row.events is not None
            assert row.published == pytest.approx(100 * row.events / row.n, abs=0.00005)
        if row.interval in ("cp95", "printed95"):
            _, low, high = (100 * float(limit) for limit in clopper_pearson(row.events, row.n))  # type: ignore[arg-type]
            tolerance = 0.000051 if row.interval == "cp95" else 0.0501
            assert [row.ci_low, row.ci_high] == pytest.approx([low, high], abs=tolerance)


def test_the_committed_rows_that_count_are_those_fixed_before_calibration() -> None:
    counted = [r for r in scorecard.read_published(PHASE_3) if r.counted]
    cells = {r.endpoint: sum(c.endpoint == r.endpoint for c in counted) for r in counted}
    assert cells == {"RESPW8": 3, "RESP1": 3, "RESP75": 3, "RESP2X": 3, "RESCUE": 3, "BLEED": 2, "BLEED2": 2}
    assert all(r.seen != r.endpoint.startswith("BLEED") for r in counted)
    early = scorecard.read_published(FIRST_IN_PATIENT)
    assert [r.endpoint for r in early if r.counted] == ["RESPW4"] * 3
    assert not any(r.seen for r in early)


def test_the_committed_rows_name_known_endpoints() -> None:
    arms = ["HETROM-2.5", "HETROM-5", "HETROM-7.5", "Placebo"]
    assert scorecard.problems(scorecard.read_published(PHASE_3), arms, list(catalogue(56))) == []
    assert scorecard.problems(scorecard.read_published(FIRST_IN_PATIENT), arms, list(catalogue(28))) == []


def test_the_short_table_says_unit_and_kind_of_limits_and_shows_measured_endpoints() -> None:
    area = replace(ROW, row_id="b", endpoint="AUCTAU", statistic="geomean", unit="ng*h/mL", published=56000.0,
                   ci_low=47600.0, ci_high=64400.0, interval="tolerance")  # fmt: skip
    over = replace(OVER, PARAMCD="AUCTAU", STAT="geometric mean", UNIT="ng*h/mL", ESTIMATE=55077.51, MCSE=1495.2)
    rate, exposure = short_table([OVER, over], scorecard.score([ROW, area], [OVER, over]))
    assert (rate.simulated, rate.unit, rate.limits) == ("60.0 ± 0.5", "%", "95 % CI")
    assert (exposure.simulated, exposure.unit, exposure.limits) == ("55078 ± 1495", "ng*h/mL", "tolerance")
    assert exposure.published == "56000 (47600, 64400)"
    alone = short_table([OVER, NAMED, over], [])
    assert [(line.endpoint, line.unit) for line in alone] == [("RESPW8", "%"), ("AUCTAU", "ng*h/mL")]


def test_rows_over_replicates_of_an_endpoint_without_a_comparator_are_compared() -> None:
    """Neither a difference between arms, nor a baseline, nor another statistic is the result of the row."""
    decoys = [replace(OVER, COMPARATOR="x", ESTIMATE=1.0), replace(OVER, PARCAT1="baseline", ESTIMATE=2.0),
              replace(OVER, STAT="median", ESTIMATE=3.0), NAMED]  # fmt: skip
    assert scorecard.score([ROW], [OVER, *decoys])[0].simulated == 60.0
    assert scorecard.score([ROW], decoys)[0].simulated is None
    assert scorecard.score([ROW], [replace(OVER, R=None)])[0].inside == ""


def test_numbers_are_read_as_numbers_and_empty_cells_as_none(tmp_path: Path) -> None:
    head = ",".join(scorecard.PUBLISHED_COLUMNS)
    path = tmp_path / "rows.csv"
    first = "a,S,drug,RESPW8,rate,week 8,%,58.9,168,99,51.1,66.4,cp95,yes,no,,"
    path.write_text(f"{head}\n{first}\nb,S,x,y,median,,d,5,,,,,none,no,yes,,\n")
    one, other = scorecard.read_published(path)
    assert (one.published, one.n, one.events, one.ci_low, one.ci_high, one.counted, one.seen) == (
        58.9,
        168,
        99,
        51.1,
        66.4,
        True,
        False,
    )
    assert (other.n, other.ci_low, other.counted, other.seen) == (None, None, False, True)
    for wrong, said in (("b,S,x,y,median,,d,,,,,,none,no,yes,,", "published: seen ''"),
                        ("b,S,x,y,median,,d,5,,,1,,cp95,no,yes,,", "interval cp95 needs"),
                        ("b,S,x,y,median,,d,5,x,,,,none,no,yes,,", "n: seen 'x'")):  # fmt: skip
        path.write_text(f"{head}\n{wrong}\n")
        with pytest.raises(ValueError, match=f"rows.csv:2: {said}"):
            scorecard.read_published(path)


def test_scores_come_back_from_the_table_beside_the_file(tmp_path: Path) -> None:
    scores = scorecard.score([ROW, replace(ROW, row_id="b", arm="x")], [OVER])
    scorecard.write(scores, tmp_path / "s.csv")
    assert scorecard.read_scores(tmp_path / "s.parquet") == tuple(scores)
    assert scorecard.read_scores(tmp_path / "none.parquet") == ()
    units = {f.name: f.metadata.get(b"unit") for f in scorecard.SCORES_SCHEMA}
    assert units["simulated"] == b"see unit" and not units["arm"]


def test_kinds_of_lines_of_the_short_table() -> None:
    lines = short_table(
        [OVER], scorecard.score([ROW, replace(ROW, row_id="b", seen=False, interval="printed95")], [OVER])
    )
    assert [(line.kind, line.limits) for line in lines] == [("fitted", "95 % CI"), ("predicted", "95 % CI")]
    (unknown,) = short_table([], scorecard.score([ROW], []))
    assert (unknown.label, unknown.simulated) == ("Not in this study", "NE")
    others = [replace(OVER, PARCAT1="baseline"), replace(OVER, STAT="difference"), NAMED]
    assert len(short_table([OVER, *others], [])) == 1
