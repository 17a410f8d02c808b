"""From a run to what the charts are given, against counts of our own from its tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bare_run import with_tables
from made_run import make_run_folder, read_run
from statsmodels.duration.survfunc import SurvfuncRight

from analysis.evidence.scorecard import Score
from analysis.report import pictures, runfolder
from analysis.report.number_origins import plain_text

ARMS = ("LOW", "HIGH", "Placebo")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run_folder(tmp_path_factory.mktemp("run") / "made", failed=1)


@pytest.fixture(scope="module")
def run(folder):
    return read_run(folder)


@pytest.fixture(scope="module")
def tables(folder):
    return {
        name: pq.read_table(folder / f"{name}.parquet").to_pandas()
        for name in ("patients", "observations", "doses", "events")
    }


@pytest.fixture
def given(monkeypatch):
    """What the charts were asked to draw, by their name."""
    asked = {}

    def keep(name):
        def chart(*arguments, **named):
            asked.setdefault(name, []).append((*arguments, *named.values()))
            return f"<{name}>" if name == "shares_over_time" else [f"<{name}>"]

        monkeypatch.setattr(pictures.figures, name, chart)

    for name in ("platelets", "dose_levels", "shares_over_time", "forest"):
        keep(name)
    return asked


def with_study(run, **changed):
    return replace(run, study=run.study.model_copy(update=changed))


def with_rows(run, table, keep):
    """The run with only those rows of a table that a mask keeps."""
    tables = whole(run)
    return with_tables(run, {**tables, table: tables[table].filter(pa.array(keep))})


def whole(run):
    """Every column of the tables that are drawn."""
    return {name: pq.read_table(run.path / f"{name}.parquet") for name in runfolder.TABLES}


def test_quartiles_of_the_counts_from_the_baseline_on(run, tables, given):
    figure = pictures.platelets(run)
    ((curves, lines),) = given["platelets"]
    assert lines == (50.0, 250.0) and figure.number == "F 14.2.11"
    counts = tables["observations"].query("PARAMCD == 'PLAT'").merge(tables["patients"][["IREP", "SUBJID", "ARM"]])
    for arm, curve in zip(ARMS, curves, strict=True):
        mine = counts[arm == counts.ARM]
        assert curve.weeks.tolist() == list(range(11)) and curve.marks == ()
        for week, quartiles in enumerate(curve.quartiles.T):
            seen = mine[7 * week == mine.AVISITN].AVAL.dropna()
            assert quartiles == pytest.approx(np.quantile(seen, [0.25, 0.5, 0.75])), (arm, week)
    assert [curve.hue for curve in curves] == [1, 2, 0] and len(figure.notes) == 2


def test_chemotherapy_is_marked_and_said_where_there_is_some(run, given, monkeypatch):
    monkeypatch.setattr(pictures, "chemotherapy_weeks", lambda run, arm: (1.0,) * (arm == 1))
    figure = pictures.platelets(run)
    ((curves, _),) = given["platelets"]
    assert [curve.marks for curve in curves] == [(), (1.0,), ()]
    assert len(figure.notes) == 3 and plain_text(figure.notes[2]).startswith("Triangles: doses of chemotherapy")
    assert plain_text(figure.notes[0]).startswith("Line: median")


@pytest.mark.parametrize(
    ("kept", "replicates", "said"),
    [
        ((0, 1, 2), 3, "All randomised, 3 replicates together"),
        ((0, 1), 3, "All randomised, 2 replicates together (of 3; those kept in full)"),
        ((1,), 3, "All randomised, one replicate (of 3; those kept in full)"),
        ((1,), 1, "All randomised, one replicate"),
    ],
)
def test_who_is_pooled(run, kept, replicates, said):
    few = with_study(run, replicates=replicates)
    for name, table in whole(run).items():
        few = with_rows(few, name, np.isin(table["IREP"].to_numpy(), kept))
    assert plain_text(pictures.everyone(few)) == said


def test_shares_on_each_dose_level_by_an_independent_count(run, tables, given):
    figure = pictures.dose_levels(run)
    ((drawn,),) = given["dose_levels"]
    doses = tables["doses"].merge(tables["patients"][["IREP", "SUBJID", "ARM"]])
    rungs = sorted({0.0, *doses.DOSELEV})
    assert drawn[0].names == ("interrupted", *(f"{dose:g} mg" for dose in rungs[1:]))
    for arm, shown in zip(ARMS, drawn, strict=True):
        n, mine = (arm == tables["patients"].ARM).sum(), doses[arm == doses.ARM]
        assert shown.shares.shape == (len(rungs), 70)
        for day in (0, 13, 14, 27, 28, 69):
            on = mine[(day >= mine.ASTDY) & (day < mine.AENDY)]
            expected = [(dose == on.DOSELEV).sum() / n for dose in rungs]
            assert shown.shares[:, day] == pytest.approx(expected), (arm, day)
    assert [key.text for key in figure.keys] == list(drawn[0].names)
    assert [key.colour for key in figure.keys] == pictures.figures.rung_colours(1, len(rungs))


def test_without_an_interruption_the_legend_has_no_such_level(run, given):
    doses = run.tables["doses"]
    figure = pictures.dose_levels(with_rows(run, "doses", doses["DOSELEV"].to_numpy() > 0))
    assert next(key.text for key in figure.keys) == "2.5 mg" and "interrupted" not in plain_text(figure.notes[0])
    assert [shown.names[0] for ((drawn),) in given["dose_levels"] for shown in drawn] == ["interrupted"] * 3
    assert pictures.dose_levels(with_study(run, treatment_days=1)) is None
    assert pictures.dose_levels(with_study(run, treatment_days=2)) is not None


def test_the_legend_has_the_hue_of_the_first_active_arm(run, given):
    turned = with_study(run, arms=run.study.arms[::-1])
    figure = pictures.dose_levels(turned)
    assert figure.keys[-1].colour == pictures.figures.rung_colours(1, len(figure.keys))[-1]
    sham = with_study(run, arms=tuple(arm.model_copy(update={"placebo": True}) for arm in run.study.arms))
    figure = pictures.dose_levels(sham)
    assert figure.keys[-1].colour == pictures.figures.rung_colours(0, len(figure.keys))[-1]
    assert any("sham levels" in plain_text(note) for note in figure.notes)


def test_rows_of_other_tables_find_their_patient(run, tables):
    """Also where replicates have the same subjects, in any order."""
    rows = pictures.patient_rows(run, "events")
    found = tables["patients"].iloc[rows]
    assert (
        found.IREP.tolist() == tables["events"].IREP.tolist()
        and found.SUBJID.tolist() == tables["events"].SUBJID.tolist()
    )


def test_who_is_still_in_the_study(run, tables, given):
    figure = pictures.over_time(run)
    solved = tables["patients"][tables["patients"].EOSSTT != "SOLVE FAILED"]
    (name, title, traces, top) = given["shares_over_time"][-1]
    assert (name, title, top) == ("staying", "Still in the study", 100.0) and len(figure.panels) == 3
    for arm, trace in zip(ARMS, traces, strict=True):
        mine = solved[arm == solved.ARM]
        last = np.where(mine.EOSSTT == "COMPLETED", np.inf, mine.EOSDY)
        assert trace.weeks == pytest.approx(np.arange(73) / 7), "the last visit may be two days late"
        for day in (0, 34, 35, 72):
            assert trace.share[day] == pytest.approx((last > day).mean()), (arm, day)
    assert plain_text(figure.notes[-1]) == "Of all randomised, those whose solve failed left out."


def test_rescue_over_time_is_the_survival_function_of_statsmodels(run, tables, given):
    pictures.over_time(run)
    _name, title, traces = next(asked for asked in given["shares_over_time"] if asked[0] == "ttresc")
    assert title == "First rescue"
    solved = tables["patients"][tables["patients"].EOSSTT != "SOLVE FAILED"]
    rescued = tables["events"][tables["events"].EVENT == "RESCUE"][["IREP", "SUBJID", "ADY"]]
    for arm, trace in zip(ARMS, traces, strict=True):
        mine = solved[arm == solved.ARM].merge(rescued, how="left")
        hit = mine.ADY.notna()
        fitted = SurvfuncRight(np.where(hit, mine.ADY, 10**6), hit.astype(int))
        assert trace.share[[20, 21, 72]] == pytest.approx([0, *[1 - fitted.surv_prob[0] if hit.any() else 0] * 2])
        assert trace.at_risk[0] == len(mine) and trace.weeks[7] == pytest.approx(1.0)


def everybody_stays(run):
    """The run without the patients who left or failed, and without any event."""
    patients = whole(run)["patients"]
    stay = np.array(patients["EOSSTT"].to_pylist()) == "COMPLETED"
    kept = {
        (r, s)
        for r, s, yes in zip(patients["IREP"].to_pylist(), patients["SUBJID"].to_pylist(), stay, strict=True)
        if yes
    }
    tables = {}
    for name in ("patients", "doses", "observations", "events", "solves"):
        table = whole(run)[name]
        mask = [key in kept for key in zip(table["IREP"].to_pylist(), table["SUBJID"].to_pylist(), strict=True)]
        tables[name] = table.filter(pa.array(mask))
    tables["events"] = tables["events"].slice(0, 0)
    return with_tables(run, tables)


def test_nothing_over_time_where_nothing_happens(run, given):
    quiet = everybody_stays(run)
    analysis = quiet.study.analysis.model_copy(update={"response_threshold_1e9L": 1e6})
    assert pictures.over_time(with_study(quiet, analysis=analysis)) is None
    assert pictures.over_time(quiet) is not None, "they respond"
    leaving = pictures.over_time(
        with_study(run, analysis=run.study.analysis.model_copy(update={"response_threshold_1e9L": 1e6}))
    )
    assert leaving is not None
    figure = pictures.over_time(quiet)
    assert plain_text(figure.notes[-1]) == "Of all randomised."


HIT = Score("a", "S", "LOW", "RESPW8", "week 8", "%", 60.0, 0.5, 58.9, 51.1, 66.4, "cp95", "yes", "yes")


def test_the_forest_has_the_judged_rates_with_the_range_of_replicates(run, given):
    shown = [HIT, replace(HIT, row_id="all", arm="ALL", endpoint="COMPL", inside="no"),
             replace(HIT, row_id="p", arm="Placebo", interval="printed95")]  # fmt: skip
    not_shown = [
        replace(HIT, inside=""),
        replace(HIT, interval="tolerance"),
        replace(HIT, unit="d"),
        replace(HIT, simulated=None),
    ]
    figure = pictures.forest(replace(run, scores=(*shown, *not_shown)))
    ((groups,),) = given["forest"]
    assert [len(rows) for _, rows in groups] == [2, 1]
    (low, placebo), (pooled,) = (rows for _, rows in groups)
    over = run.over("RESPW8", "LOW", "rate")
    assert (low.label, low.hue, low.inside) == ("LOW", 1, True) and (placebo.label, placebo.hue) == ("Placebo", 0)
    assert (low.published, low.low, low.high, low.simulated) == (58.9, 51.1, 66.4, 60.0)
    assert (low.range_low, low.range_high) == (over.RANGE_LOW, over.RANGE_HIGH)
    assert (pooled.label, pooled.hue, pooled.inside) == ("All arms", 0, False)
    assert figure.panels == ("<forest>",)
    assert pictures.forest(replace(run, scores=tuple(not_shown))) is None


def test_without_a_range_the_line_is_the_dot(run, given):
    pictures.forest(replace(run, scores=(replace(HIT, endpoint="NONE"),)))
    ((groups,),) = given["forest"]
    assert (groups[0][1][0].range_low, groups[0][1][0].range_high) == (60.0, 60.0) and groups[0][0] == "NONE"


def test_short_labels():
    assert pictures._short("Response at week 8: count at or above") == "Response at week 8"
    assert pictures._short("Responded at least once, as observed") == "Responded at least once"
    assert pictures._short("a" * 20 + " " + "b" * 20) == "a" * 20 + "\n" + "b" * 20
