"""The report of a run of which not every replicate was kept in full: which numbers are of which replicates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_run import CONFIG, make_run_folder, read_run, text_of, write_report

import trial.study.study
from analysis.report import runfolder
from analysis.report.runfolder import ranges
from analysis.text import cells

KEPT = (0, 1, 3)


@pytest.fixture(scope="module", autouse=True)
def two_replicates_are_kept():
    """Beside the named one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial.study.study, "KEPT_REPLICATES", 2)
        yield


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six replicates of 30 patients, one failed solve in each; tables of three of them."""
    analysis = CONFIG["analysis"] | {"named_replicate": 3}
    folder = tmp_path_factory.mktemp("run") / "few"
    return make_run_folder(folder, failed=1, replicates=6, kept=KEPT, output="endpoints", analysis=analysis)


@pytest.fixture(scope="module")
def html(run_dir: Path) -> str:
    return write_report(run_dir, [(3, 2)]).read_text(encoding="utf-8")


def test_only_the_kept_replicates_are_read(run_dir: Path) -> None:
    run = read_run(run_dir)
    assert (run.kept, run.n_kept, run.n_replicates) == (KEPT, 3, 6)
    for name in ("patients", "doses"):
        assert sorted(set(run.column(name, "IREP").tolist())) == list(KEPT), name
    assert sorted(set(run.records.replicate.tolist())) == list(KEPT)


def test_patients_and_failures_are_counted_in_all_replicates(run_dir: Path, html: str) -> None:
    """By a count of our own: endpoints.parquet holds everybody."""
    everybody = pd.read_parquet(run_dir / "endpoints.parquet").query("PARAMCD == 'RESPW8'")
    assert (len(everybody), (everybody.EVALFL == "N").sum()) == (180, 6)
    first_page = html[: html.index('id="design"')]
    assert "6 virtual trials of 30 patients each (180 patients in all)" in text_of(first_page)
    assert "6 of 180 solves of the model failed" in text_of(first_page)
    assert "6 patients are not evaluable for the primary endpoint" in text_of(first_page)
    assert "6 solves failed: more steps than allowed." in text_of(first_page)


def test_reasons_are_those_of_a_count_of_our_own(run_dir: Path) -> None:
    """Of all six replicates, whatever was kept of the other tables."""
    table = pd.read_parquet(run_dir / "endpoints.parquet").query("PARAMCD == 'MAXDUR' and REASON != ''")
    found = {e.CATEGORY: e.ESTIMATE for e in read_run(run_dir).not_evaluable if e.PARAMCD == "MAXDUR"}
    assert found == table.groupby("REASON", observed=True).size().to_dict() and len(found) > 1


def test_rates_are_over_all_replicates(run_dir: Path, html: str) -> None:
    table = pd.read_parquet(run_dir / "endpoints.parquet").query("PARAMCD == 'RESPW8' and ARM == 'LOW'")
    rates = 100 * table.groupby("IREP").AVAL.mean()
    over = read_run(run_dir).over("RESPW8", "LOW", "rate")
    assert over is not None and over.R == len(rates) == 6
    assert pytest.approx(rates.mean()) == over.ESTIMATE
    assert cells.rounded(rates.mean(), 1) in html


def test_what_is_of_the_kept_replicates_says_so(html: str) -> None:
    for item in ("t-14-1-1", "t-14-1-2"):
        assert "All 6 replicates" in text_of(_item(html, item)), item
    assert "mean of 6 replicates" in text_of(_item(html, "f-14-1-1"))
    assert "3 replicates together (of 6; those kept in full)" in text_of(_item(html, "f-14-2-11"))
    assert "6 replicates together" not in text_of(html)


def _item(html: str, name: str) -> str:
    return html[html.index(f'id="{name}"') :].split("</section>")[0]


def test_baseline_is_of_all_replicates(run_dir: Path, html: str) -> None:
    """The mean of the medians of age in six replicates, all arms together."""
    assert "Simulated, mean of 6 replicates" in text_of(_item(html, "t-14-1-3"))
    ages = pd.read_parquet(run_dir / "patients.parquet").groupby("IREP").AGE.median()
    assert len(ages) == 6
    row = _item(html, "t-14-1-3")
    line = row[row.index('data-row="AGE|median"') :].split("</tr>")[0]
    assert text_of(line).endswith(cells.rounded(ages.mean(), 1))


def test_a_patient_of_a_replicate_that_was_not_kept(run_dir: Path) -> None:
    said = "patient 2:1 is not in this run; allowed: replicate 0 to 1 or 3, subject 1 to 30; .* vtrial replay"
    with pytest.raises(ValueError, match=said):
        write_report(run_dir, [(2, 1)])


def test_numbers_in_words() -> None:
    assert ranges([0]) == "0"
    assert ranges([*range(10), 17]) == "0 to 9 or 17"


def test_the_same_patients_in_every_arm_are_counted_once(tmp_path: Path) -> None:
    """30 courses per replicate in three arms are ten patients."""
    folder = make_run_folder(tmp_path / "pairs", allocation="counterfactual", patients=10)
    html = write_report(folder).read_text(encoding="utf-8")
    assert "3 virtual trials of 10 patients each (30 patients in all), every one under" in text_of(html)
    assert "All 90 solves of the model succeeded" in text_of(html)


def test_a_fit_is_only_named_where_there_is_a_verdict(html: str, tmp_path: Path) -> None:
    cards = html[html.index('class="cards"') : html.index("<h3>Warnings")]
    assert "not judged" in cards and "(a fit)" not in cards
    judged = write_report(make_run_folder(tmp_path / "ten", replicates=10)).read_text(encoding="utf-8")
    assert "(a fit)" in judged[judged.index('class="cards"') : judged.index("<h3>Warnings")]


def test_patients_read_in_batches_are_those_read_at_once(run_dir: Path, monkeypatch) -> None:
    """Batches of a part of a replicate, and of several replicates: the same arrays, the same page."""
    whole = read_run(run_dir).records
    for size in (7, 65):
        monkeypatch.setattr(runfolder, "BATCH", size)
        parts = read_run(run_dir).records
        for name in (
            "replicate",
            "subject",
            "arm",
            "counts",
            "days",
            "baseline",
            "rescue_day",
            "completed",
            "unsolved",
        ):
            assert np.array_equal(getattr(parts, name), getattr(whole, name), equal_nan=name in ("counts", "days"))
    assert whole.n == 30 * len(KEPT)


def test_patients_with_fewer_rescues_than_others_have_days_that_never_come():
    """As wide as the widest: two patients without, one with two rescues."""
    none, two = np.empty((2, 0)), np.array([[9.0, 30.0]])
    wide = runfolder._as_wide([none, two])
    assert np.concatenate(wide).tolist() == [[np.inf, np.inf], [np.inf, np.inf], [9.0, 30.0]]
    assert runfolder._as_wide([two, two])[0] is two
