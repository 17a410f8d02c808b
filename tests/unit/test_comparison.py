"""Two runs side by side: what is shared, what is left out, and the error of paired replicates, by hand."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny_trial import study

from analysis.evidence import comparison
from analysis.evidence.comparison import Difference, Side, compared, left_out, paired
from analysis.evidence.pairs import Paired
from analysis.statistics.estimates import ALL, Estimate, over, read_estimates
from analysis.statistics.summaries import Summary
from trial.app.comparison import _caution, compare_runs
from trial.cli import main
from trial.cli.compare import _table
from trial.errors import Refused

STAGES = Path(__file__).parents[2] / "configs/hetrombopag_itp_phase3_stages.yaml"
RATES = {"a": (75.0, 50.0, 100.0), "b": (50.0, 50.0, 75.0)}
"""Of 4 patients on drug in three replicates."""
MEANS = {"a": (10.0, 12.0, 14.0), "b": (11.0, 13.0, 15.0)}


def summary(rates: tuple[float, ...], location: tuple[float, ...] = ()) -> Summary:
    """Arms drug and placebo; nobody responds on placebo."""
    n = len(rates)
    sizes, nothing = np.full((n, 2), 4.0), np.zeros((n, 2))
    events = np.column_stack([4 * np.array(rates) / 100, np.zeros(n)])
    where = np.column_stack([location, location]) if location else nothing
    nothing = np.empty((2, *events.shape, 0), dtype=np.int32)
    return Summary(events, sizes, where, np.empty((n, 0, 3)), nothing, (), (), Counter(), 0)


def side(name: str, seed: int = 1, replicates: int = 3, codes: tuple[str, ...] = ("RESPW8", "CHGW8")) -> Side:
    settings = study(replicates=replicates).model_copy(update={"seed": seed})
    found = {
        code: summary(RATES[name][:replicates], MEANS[name][:replicates] if code == "CHGW8" else ()) for code in codes
    }
    rows = [row for code in codes for row in rows_of(code, found[code])]
    return Side(Path(name), settings, {}, tuple(rows), found)


def rows_of(code: str, found: Summary) -> list[Estimate]:
    blank = Estimate("tiny", code, "", "drug", None, "FAS", "rate", "%", "replicates")
    if code == "CHGW8":
        return [over(Estimate(**(vars(blank) | {"STAT": "mean"})), found.location[:, 0], found.sizes[:, 0])]
    both = Estimate(**(vars(blank) | {"ARM": ALL}))
    return [
        over(blank, 100 * found.events[:, 0] / 4, found.sizes[:, 0]),
        over(both, 100 * found.events.sum(axis=1) / 8, found.sizes.sum(axis=1)),
    ]


def test_a_side_is_read_from_the_files_of_its_folder(monkeypatch) -> None:
    monkeypatch.setattr(comparison.summaries, "of_file", lambda path, of: ("endpoints", path, of))
    monkeypatch.setattr(comparison, "read_manifest", lambda path: ("manifest", path))
    monkeypatch.setattr(comparison, "read_estimates", lambda path: ("estimates", path))
    folder, of = Path("a"), study()
    found = ("endpoints", folder / "endpoints.parquet", of)
    made = comparison.read_side(folder, of)
    assert made == Side(folder, of, ("manifest", folder), ("estimates", folder / "estimates.parquet"), found)


def test_with_one_seed_the_error_is_that_of_the_paired_differences() -> None:
    """Differences -25, 0, -25; means +1 in every replicate, so that nothing is left to chance."""
    rate, together, mean = compared(side("a"), side("b"))
    assert (rate.difference, rate.mcse) == (pytest.approx(-50 / 3), pytest.approx(25 / 3))
    assert (together.arm, together.difference) == (ALL, pytest.approx(-25 / 3))
    assert (mean.stat, mean.a, mean.b, mean.difference, mean.mcse) == ("mean", 12.0, 13.0, 1.0, 0.0)


def test_with_two_seeds_the_runs_are_independent() -> None:
    rate, *_ = compared(side("a"), side("b", seed=2))
    error = math.hypot(25 / math.sqrt(3), np.std([50, 50, 75], ddof=1) / math.sqrt(3))
    assert rate.mcse == pytest.approx(error) and not paired(side("a"), side("b", seed=2))


def test_replicates_of_one_run_alone_are_left_out_and_named() -> None:
    """The first two replicates are those of both."""
    rate, *_ = compared(side("a"), side("b", replicates=2))
    assert (rate.a, rate.b, rate.difference) == (62.5, 50.0, -12.5)
    assert "left out, only in a: replicates 2 to 2" in left_out(side("a"), side("b", replicates=2))


def test_endpoints_and_arms_of_one_run_alone_are_left_out_and_named() -> None:
    fewer = side("b", codes=("RESPW8",))
    assert [row.endpoint for row in compared(side("a"), fewer)] == ["RESPW8", "RESPW8"]
    assert left_out(side("a"), fewer) == ["left out, only in a: endpoints CHGW8"]
    other = Side(Path("c"), study(arms=("more", "placebo")), {}, fewer.estimates, fewer.summaries)
    assert left_out(fewer, other) == ["left out, only in b: arms drug", "left out, only in c: arms more"]


ROW = Estimate("S", "RESPW8", "", "drug", None, "FAS", "rate", "%", "replicates", ESTIMATE=60.0, MCSE=0.3, R=20)


def apart(rows: list[Estimate], others: list[Estimate]) -> list[Difference]:
    """Differences of runs of two seeds that have these rows."""
    made = [
        Side(Path(name), study().model_copy(update={"seed": seed}), {}, tuple(of), {})
        for seed, (name, of) in enumerate((("a", rows), ("b", others)))
    ]
    return compared(*made)


def test_a_difference_is_the_second_less_the_first_with_the_error_of_both():
    (row,) = apart([ROW], [replace(ROW, ESTIMATE=55.0, MCSE=0.4)])
    assert (row.a, row.b, row.difference, row.mcse) == (60.0, 55.0, -5.0, pytest.approx(0.5))
    assert (row.endpoint, row.arm, row.stat, row.unit) == ("RESPW8", "drug", "rate", "%")
    assert (row.a_mcse, row.b_mcse) == (0.3, 0.4)


@pytest.mark.parametrize("side_without", [0, 1])
def test_what_is_not_estimable_on_one_side_has_no_difference(side_without):
    for name in ("ESTIMATE", "MCSE"):
        both = [ROW, ROW]
        both[side_without] = replace(ROW, **{name: None})
        (row,) = apart([both[0]], [both[1]])
        assert row.mcse is None and (row.difference is None) == (name == "ESTIMATE")


def test_summaries_over_replicates_of_endpoints_in_the_order_of_the_first():
    rows = [replace(ROW, PARAMCD=code) for code in ("B", "A")]
    decoys = [replace(ROW, SCOPE="replicate"), replace(ROW, PARCAT1="baseline"), replace(ROW, STAT="difference")]
    assert [r.endpoint for r in apart([*rows, *decoys], [*decoys, *reversed(rows)])] == ["B", "A"]
    assert apart([ROW], [replace(ROW, SCOPE="replicate")]) == apart([ROW], [replace(ROW, PARCAT1="x")]) == []
    for stat in ("rate", "median", "mean", "geometric mean"):
        assert len(apart([replace(ROW, STAT=stat)], [replace(ROW, STAT=stat)])) == 1


def test_arms_of_one_name_that_are_treated_differently_are_named():
    other = side("b")
    arms = tuple(arm.model_copy(update={"start_dose_mg": 2.5, "dose_rule": None}) for arm in other.study.arms[:1])
    changed = replace(other, study=other.study.model_copy(update={"arms": arms}))
    assert left_out(side("a"), changed) == [
        "left out, only in a: arms placebo",
        "arm drug: start_dose_mg is 5.0 in a, 2.5 in b",
        "arm drug: dose_rule is ladder in a, None in b",
    ]


def test_a_caution_only_where_the_designs_differ(monkeypatch):
    monkeypatch.setattr("trial.app.comparison.fingerprint", lambda study: study.seed)
    assert _caution(side("a"), side("b")) == []
    (said,) = _caution(side("a"), side("b", seed=2))
    assert said.startswith("the designs differ (1, 2)")


def test_an_endpoint_is_named_once_in_the_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    rows = [replace(ROW, ARM=arm, PARAMCD=code) for code in ("RESPW8", "COMPL") for arm in ("drug", "sham")]
    _table(apart(rows, [replace(row, ESTIMATE=61.06) for row in rows]))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [line[0] for line in lines] == ["endpoint", "RESPW8", "sham", "COMPL", "sham"]
    assert lines[1] == ["RESPW8", "drug", "%", "60.0", "±", "0.3", "61.1", "±", "0.3", "+1.1", "±", "0.4"]


def test_two_runs_with_nothing_in_common_are_refused_with_what_each_has(monkeypatch):
    sides = {"a": side("a", codes=("RESPW8",)), "b": side("b", codes=("CHGW8",))}
    monkeypatch.setattr("trial.app.comparison.opened", lambda folder: SimpleNamespace(folder=folder, study=None))
    monkeypatch.setattr("trial.app.comparison.pure.read_side", lambda folder, study: sides[folder.name])
    monkeypatch.setattr("trial.app.comparison.in_pairs", lambda *_: Paired((), ("none",)))
    with pytest.raises(Refused) as caught:
        compare_runs(Path("a"), Path("b"))
    first, *rest = str(caught.value).splitlines()
    assert first == "compare: the runs have nothing in common"
    assert rest == [f"compare: left out, only in {a}: endpoints {c}" for a, c in (("a", "RESPW8"), ("b", "CHGW8"))]
    found = compare_runs(Path("a"), Path("a"))
    assert found.paired and [row.difference for row in found.rows] == [0, 0] and found.cautions == ()
    assert found.patients.said == ("none",)


def test_an_arm_of_one_side_beside_another_arm_of_the_other():
    """Drug of a (75, 50, 100 %) beside placebo of b, where nobody responds; nothing is said of arms that were named."""
    one, other = side("a", codes=("RESPW8",)), side("b", codes=("RESPW8",))
    sham = replace(other.estimates[0], ARM="placebo", ESTIMATE=0.0)
    found = compared(one, replace(other, estimates=(*other.estimates, sham)), [("drug", "placebo")])
    (row,) = found
    assert (row.arm, row.a, row.b, row.difference) == ("drug / placebo", 75.0, 0.0, -75.0)
    assert row.mcse == pytest.approx(25 / math.sqrt(3))
    fewer = Side(Path("c"), study(arms=("more", "placebo")), {}, other.estimates, other.summaries)
    assert left_out(one, fewer, [("drug", "more")]) == []


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, "one run: --arms A,B names two of its arms"),
        ({"arms": "drug"}, "--arms: seen 'drug'; allowed: two names"),
        ({"arms": "drug,"}, "--arms: seen 'drug,'"),
        ({"arms": "drug,drug"}, "nothing to compare: both sides are the same"),
        ({"stages": "A,A"}, "nothing to compare"),
        ({"arms": "drug,plcebo"}, "did you mean placebo"),
        ({"stages": "A,B"}, "--stages: seen 'A', which is not a stage of a; allowed: none, in a study without stages"),
        ({"arms": "drug,placebo", "day": 28}, "--day: seen 28; allowed: with --stages"),
    ],
)
def test_sides_that_are_none_are_refused_before_anything_is_compared(monkeypatch, how, why):
    one = side("a")
    of = SimpleNamespace(folder=Path("a"), study=one.study)
    monkeypatch.setattr("trial.app.comparison.opened", lambda folder: of)
    monkeypatch.setattr("trial.app.comparison.pure.read_side", lambda folder, study: one)
    with pytest.raises(Refused, match=re.escape(why)):
        compare_runs(Path("a"), **how)


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> Path:
    """Two stages, the first reported."""
    folder = tmp_path_factory.mktemp("compare") / "run"
    changes = ("patients=10", "replicates=2", "analysis.endpoints=[RESPW8, MAXDUR, PLTW8]")
    settings = [word for change in changes for word in ("--set", change)]
    assert main(["run", str(STAGES), "--out", str(folder), "--workers", "1", "--no-report", *settings]) == 0
    return folder


@pytest.mark.slow
def test_two_stages_of_one_run_and_the_patients_who_were_in_both(staged, capsys):
    """The first is what the run reports itself; pairs are those who entered the second."""
    found = compare_runs(staged, stages="DB,OL")
    own = {(e.PARAMCD, e.ARM): e.ESTIMATE for e in read_estimates(staged / "estimates.parquet")
           if e.SCOPE == "replicates" and e.STAT in ("rate", "median") and e.PARCAT1 == "endpoint"}  # fmt: skip
    mine = {(row.endpoint, row.arm): row.a for row in found.rows}
    assert {key: mine[key] for key in own if key in mine} == {key: own[key] for key in own if key in mine} != {}
    table = pq.read_table(staged / "stages.parquet").to_pylist()
    arm = {(r["IREP"], r["SUBJID"]): r["ARM"] for r in table if r["STAGEN"] == 2}
    n = {row.arm: row.patients for row in found.patients.rows if row.endpoint == "RESPW8"}
    assert n == {name: list(arm.values()).count(name) / 2 for name in set(arm.values())}
    assert main(["compare", str(staged), "--stages", "DB,OL", "--day", "28"]) == 0
    said = capsys.readouterr().out
    assert "stage OL:" in said and "RESPW4" in said and "Both are of one run" in said
    with pytest.raises(Refused, match=r"assessment_day.*not a visit day of stage OL.*--day D names"):
        compare_runs(staged, stages="DB,OL", day=7)
    with pytest.raises(Refused, match="EXT"):
        compare_runs(staged, stages="DB,EXT")


def test_endpoints_that_both_define_in_another_way_are_named_alone():
    """One is defined alike, one otherwise, one on each side alone."""

    def defining(name, **thresholds):
        of = [{"id": code, "label": code, "at_least_1e9L": value, "visits": 1} for code, value in thresholds.items()]
        return SimpleNamespace(path=Path(name), name=name, study=SimpleNamespace(analysis=SimpleNamespace(
            definitions=[SimpleNamespace(**one) for one in of])))  # fmt: skip

    one, other = defining("a", SAME=50, MOVED=50, MINE=1), defining("b", SAME=50, MOVED=75, YOURS=1)
    assert comparison._other_definitions(one, other) == ["MOVED"]


def test_summaries_by_replicate_are_those_of_the_arm():
    """Of an arm that is not the first, and of all arms together; a median of the arm alone."""
    found = Summary(np.array([[1.0, 3.0], [0.0, 2.0]]), np.array([[4.0, 4.0], [2.0, 4.0]]),
                    np.array([[10.0, 20.0], [30.0, 40.0]]), np.empty((2, 0, 3)), np.empty((2, 2, 2, 0), dtype=np.int32),
                    (), (), Counter(), 0)  # fmt: skip
    one = Side(Path("a"), study(replicates=2), {}, (), {"X": found})
    for arm, wanted in (("drug", [25, 0]), ("placebo", [75, 50]), (ALL, [50, 100 * 2 / 6])):
        row = replace(ROW, PARAMCD="X", ARM=arm)
        assert comparison._by_replicate(row, one).tolist() == pytest.approx(wanted)
    assert comparison._by_replicate(replace(ROW, PARAMCD="X", ARM="placebo", STAT="median"), one).tolist() == [20, 40]
