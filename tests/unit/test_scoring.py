"""All scores together: shares, misses and explanations, table, lines of the forest; the command on bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from matplotlib.axes import Axes

from analysis.evidence import scoring
from analysis.evidence.scorecard import Published, Score, read_published, score, write
from analysis.evidence.scoring import ScoredStudy
from analysis.figures.scores import forest, panels
from analysis.statistics.estimates import Estimate
from trial.app.scorecard import lines
from trial.cli import main

CONFIGS = Path(__file__).parents[2] / "configs"
HIT = Score("a", "S", "drug", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")
MISS = replace(HIT, row_id="b", simulated=70.0, inside="no", seen="no")
SHOWN = replace(HIT, row_id="c", inside="", interval="range")
DAYS = replace(HIT, row_id="d", endpoint="MAXDUR", unit="d", simulated=26.0, published=20.0, ci_low=16.0, ci_high=25.0)
STUDIES = [ScoredStudy("one", (HIT, SHOWN)), ScoredStudy("two", (MISS, replace(HIT, row_id="e", seen="no")))]


def test_targets_and_predictions_are_counted_apart_and_rows_without_a_verdict_not_at_all():
    assert scoring.tally(STUDIES) == scoring.Tally((1, 1), (1, 2))
    assert scoring.tally(STUDIES).lines() == [
        "Calibration targets: 1 of 1 inside (100 %), 0 missed.",
        "Predicted: 1 of 2 inside (50 %), 1 missed.",
    ]
    assert scoring.tally([ScoredStudy("x", (SHOWN,))]).lines()[1] == "Predicted: none is scored."


def test_a_target_that_nothing_was_fitted_to_yet_is_no_prediction():
    assert scoring.tally(STUDIES, ["b"]) == scoring.Tally((1, 1), (1, 1))
    said = scoring.summary(STUDIES, {}, [], later=["b"])
    assert said[1] == "Predicted: 1 of 1 inside (100 %), 0 missed." and "MISS b (target, not fitted yet)" in said[2]


def test_a_miss_is_explained_or_said_not_to_be_and_idle_explanations_are_named():
    said = scoring.summary(STUDIES, {"b": "too strong", "a": "was wrong once"}, ["e", "a"])[2:]
    assert said == [
        "MISS b (predicted): simulated 70.0 ± 0.5, published 58.9 (51.1, 66.4). Why: too strong",
        "stale: a is explained in misses.csv, but is no miss",
        "WRONG e: the parameter set was fitted on this row, but its file says it was not seen",
    ]
    assert scoring.summary(STUDIES, {}, [])[2].endswith("Why: not explained")


def test_too_few_replicates_are_said_and_make_no_explanation_stale():
    """Two replicates: the row is counted, so that its explanation waits for a verdict."""
    row = Published("b", "S", "drug", "RESPW8", "rate", "week 8", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", True, False,
                    "", "")  # fmt: skip
    found = Estimate("S", "RESPW8", "", "drug", None, "FAS", "rate", "%", "replicates", ESTIMATE=80.0, MCSE=1, R=2)
    shown, other = replace(row, row_id="c", counted=False), replace(row, row_id="d", interval="range")
    scores = tuple(score([row, shown, other], [found]))
    assert [s.unjudged for s in scores] == ["too few replicates to judge", "not counted", "no limits to judge by"]
    said = scoring.summary([ScoredStudy("one", scores)], {"b": "why", "c": "idle", "x": "gone"}, [])
    assert said[2:] == [
        "1 counted row: too few replicates to judge (10 are needed).",
        "stale: c is explained in misses.csv, but is no miss",
        "stale: x is explained in misses.csv, but is no miss",
    ]
    assert next(line[5] for line in lines(ScoredStudy("one", scores))) == "too few replicates to judge"
    partly = scoring.summary([ScoredStudy("one", scores)], {"x": "of a study that could not be run"}, [], whole=False)
    assert not any("stale" in line for line in partly)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,why\n", "misses.csv:1: seen columns row, why"),
        ("row_id,explanation\na,\n", "misses.csv:2: a row needs row_id and explanation"),
        ("row_id,explanation\na,x\na,y\n", "row_id 'a' appears twice"),
    ],
)
def test_a_bad_file_of_explanations(tmp_path, text, message):
    (tmp_path / "misses.csv").write_text(text)
    with pytest.raises(ValueError) as caught:
        scoring.read_explanations(tmp_path / "misses.csv")
    assert message in str(caught.value)


def test_the_committed_explanations_name_counted_rows():
    counted = {
        r.row_id for path in (CONFIGS / "published").glob("*_results.csv") for r in read_published(path) if r.counted
    }
    assert set(scoring.read_explanations(CONFIGS / "published" / "misses.csv")) <= counted
    assert scoring.read_explanations(CONFIGS / "nothing.csv") == {}


def test_the_table_keeps_numbers_and_carries_labels(tmp_path):
    write([s for study in STUDIES for s in study.scores], tmp_path / "s.csv")
    read = pq.read_table(tmp_path / "s.parquet")
    assert read["row_id"].to_pylist() == ["a", "c", "b", "e"]
    assert read["simulated"].to_pylist()[2] == 70.0
    assert all(f.metadata[b"label"] for f in read.schema)


def test_rates_are_drawn_in_percent_and_the_rest_as_a_ratio_to_the_published_value():
    rates, ratios = panels([*STUDIES, ScoredStudy("three", (replace(DAYS, inside="no"),))])
    assert [title for title, _ in rates.groups] == ["one", "two"]
    mark = ratios.groups[0][1][0]
    assert (mark.published, mark.low, mark.high, mark.simulated) == pytest.approx((1.0, 0.8, 1.25, 1.3))
    assert mark.simulated_high - mark.simulated == pytest.approx(1.96 * 0.5 / 20, rel=1e-3)
    assert not mark.inside


def test_the_forest_is_written_the_same_twice_and_says_each_miss(tmp_path, monkeypatch):
    written = []
    annotate = Axes.annotate
    monkeypatch.setattr(
        Axes, "annotate", lambda axes, text, *a, **k: (written.append(text), annotate(axes, text, *a, **k))
    )
    forest(panels(STUDIES), "note", [tmp_path / "f.png", tmp_path / "f.svg"])
    assert written.count("miss") == 1, "one of the three scored rows is missed"
    first = (tmp_path / "f.svg").read_bytes()
    assert (tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    forest(panels(STUDIES), "note", [tmp_path / "f.svg"])
    assert first == (tmp_path / "f.svg").read_bytes()


def test_means_geometric_means_and_tolerances_are_judged():
    row = Published("m", "S", "drug", "CMAX", "geomean", "day 28", "ng/mL", 10, None, None, 8, 12.5, "tolerance", True,
                    False, "", "")  # fmt: skip
    found = Estimate("S", "CMAX", "", "drug", None, "PKS", "geometric mean", "ng/mL", "replicates", ESTIMATE=9, R=20)
    assert score([row], [found])[0].inside == "yes"
    assert score([row], [replace(found, ESTIMATE=7.9)])[0].inside == "no"
    mean = replace(found, STAT="mean", ESTIMATE=13)
    assert [s.inside for s in score([row, replace(row, statistic="mean")], [found, mean])] == ["yes", "no"]


def test_one_bad_study_does_not_lose_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    configs = tmp_path / "configs"
    configs.mkdir()
    base = CONFIGS / "published" / "hetrombopag_itp_first_in_patient.yaml"
    (configs / "a_bad.yaml").write_text(f"extends: {base}\npatientz: 8\n")
    (configs / "b_good.yaml").write_text(f"extends: {base}\nid: good\npatients: 16\nreplicates: 10\n")
    (configs / "c_silent.yaml").write_text(f"extends: {base}\nid: silent\npublished: null\n")
    assert main(["scorecard", "--configs", str(configs), "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert "patientz: unknown key; did you mean patients?" in err and "a_bad.yaml: this study could not be run" in err
    assert "Predicted: " in out and "Calibration targets: none is scored." in out
    out_dir = tmp_path / "runs" / "scorecard"
    assert sorted(p.name for p in out_dir.iterdir() if p.is_dir()) == ["good"]
    single = (out_dir / "good" / "scorecard.csv").read_text()
    assert (out_dir / "scorecard.csv").read_text() == single
    assert main(["scorecard", "--configs", str(tmp_path / "nowhere")]) == 2


def test_values_and_limits_as_text():
    """Percent to one decimal, the rest to three figures; r and t mark what is no confidence interval."""
    assert scoring.value(HIT) == "60.0 ± 0.5" and scoring.value(replace(HIT, mcse=None)) == "60.0"
    days = replace(HIT, unit="d", simulated=1234.5, mcse=12.34)
    assert scoring.value(days) == "1230 ± 12" and scoring.value(replace(days, mcse=None)) == "1230"
    assert (
        scoring.value(replace(days, simulated=None)) == scoring.value(replace(HIT, simulated=None, mcse=None)) == "NE"
    )
    assert scoring.held_against(HIT) == "58.9 (51.1, 66.4)"
    assert scoring.held_against(replace(HIT, interval="range")) == "58.9 (51.1, 66.4) r"
    assert scoring.held_against(replace(HIT, ci_low=None, ci_high=None)) == "58.9"
    assert scoring.held_against(replace(DAYS, interval="tolerance")) == "20.0 (16.0, 25.0) t"
    assert scoring.held_against(replace(DAYS, ci_low=None, ci_high=None)) == "20.0"
    small = {"published": 5.94, "ci_low": 0.66, "ci_high": 100.0}
    assert scoring.held_against(replace(HIT, **small)) == "5.9 (0.7, 100.0)", "percent to one decimal"
    assert scoring.held_against(replace(DAYS, **small)) == "5.94 (0.660, 100)", "others to three figures"


def test_misses_in_order_and_what_is_stale_or_wrongly_called_unseen():
    other = replace(MISS, row_id="z")
    studies = [ScoredStudy("one", (HIT, other)), ScoredStudy("two", (MISS,))]
    assert [(m.study, m.score.row_id, m.explanation) for m in scoring.misses(studies, {"b": "why"})] == [
        ("one", "z", "not explained"), ("two", "b", "why"),
    ]  # fmt: skip
    assert scoring.stale(studies, {"b": "x", "a": "y", "none": "z"}) == ["a", "none"]
    assert scoring.unseen(studies, ["a", "b", "none"]) == ["b"], "a was seen and says so"


def test_shares_are_rounded_and_misses_counted():
    many = ScoredStudy("s", (HIT, HIT, replace(MISS, seen="yes")))
    assert scoring.tally([many]).lines()[0] == "Calibration targets: 2 of 3 inside (67 %), 1 missed."
    kinds = [line.split(":")[0] for line in scoring.summary([many], {}, [])]
    assert (
        kinds[:2] == ["Calibration targets", "Predicted"]
        and "(calibration target)" in scoring.summary([many], {}, [])[2]
    )


def test_every_fault_of_a_file_of_explanations_has_its_line(tmp_path):
    (tmp_path / "misses.csv").write_text("row_id,explanation\na,x\n,y\nb,\na,z\n")
    with pytest.raises(ValueError) as caught:
        scoring.read_explanations(tmp_path / "misses.csv")
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["3", "4", " row_id 'a' appears twice"]
    (tmp_path / "misses.csv").write_text("row_id,explanation\na,x\nb,y\n")
    assert scoring.read_explanations(tmp_path / "misses.csv") == {"a": "x", "b": "y"}
