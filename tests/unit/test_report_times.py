"""Time to event in the report: the tables, the figure, and what stays out of a run without a report."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_run import make_run_folder, text_of, write_report
from test_report import Tables, numbers

from analysis.text import cells

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    return make_run_folder(tmp_path_factory.mktemp("run") / "made", failed=1)


@pytest.fixture(scope="module")
def html(run_dir) -> str:
    return write_report(run_dir).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(html) -> dict:
    return Tables(html).cells


def section(html: str, name: str) -> str:
    return html[html.index(f'<section class="item" id="{name}">') :].split("</section>")[0]


@pytest.mark.parametrize("arm", ["LOW", "HIGH", "Placebo"])
def test_rescues_by_an_independent_count(run_dir, shown, arm):
    """Everybody is rescued on day 21 or not at all: the events, and the share by week 4, counted from the tables."""
    patients = pq.read_table(run_dir / "patients.parquet").to_pandas()
    mine = patients[(patients.IREP == 1) & (arm == patients.ARM) & (patients.EOSSTT != "SOLVE FAILED")]
    events = pq.read_table(run_dir / "events.parquet").to_pandas()
    rescued = events[(events.IREP == 1) & (events.EVENT == "RESCUE")].SUBJID
    n, hit = len(mine), int(mine.SUBJID.isin(rescued).sum())
    row = f"TTRESC|{arm}"
    assert shown["T 14.2.5", row, "n"] == str(n)
    assert shown["T 14.2.5", row, "events"] == cells.count(hit, n)
    assert shown["T 14.2.5", row, "censored"] == str(n - hit)
    assert shown["T 14.2.5.1", row, "week2"] == "0.0"
    assert numbers(shown["T 14.2.5.1", row, "week4"])[0] == pytest.approx(100 * hit / n, abs=0.05)


def test_hazard_ratios_over_replicates(run_dir, shown):
    """Three replicates: geometric mean and range of the rows, printed as they stand; the reference arm has none."""
    rows = pq.read_table(run_dir / "estimates.parquet").to_pylist()
    chosen = (r for r in rows if (r["PARAMCD"], r["ARM"], r["STAT"]) == ("TTRESP", "HIGH", "hazard ratio"))
    (over,) = (r for r in chosen if r["SCOPE"] == "replicates")
    assert shown["T 14.2.5.2", "TTRESP|HIGH", "hr"] == cells.estimate_error(over["ESTIMATE"], over["MCSE"], 2)
    assert shown["T 14.2.5.2", "TTRESP|HIGH", "hr_range"] == cells.interval(over["RANGE_LOW"], over["RANGE_HIGH"], 2)
    assert shown["T 14.2.5.2", "TTRESP|Placebo", "hr"] == "–"
    assert over["RANGE_LOW"] <= over["ESTIMATE"] <= over["RANGE_HIGH"]


def test_reference_arm_and_loss_are_not_compared(shown):
    assert shown["T 14.2.5", "TTRESP|Placebo", "hr"] == shown["T 14.2.5", "TTRESP|Placebo", "p"] == "–"
    assert shown["T 14.2.5", "TTLOSS|HIGH", "hr"] == "–"
    assert re.fullmatch(r"(<0\.0001|0\.\d{4})", shown["T 14.2.5", "TTRESP|HIGH", "p"])


@pytest.mark.slow
def test_no_ratio_without_an_event_in_one_of_the_arms(tmp_path):
    """Nobody on placebo comes to 100 in the made-up run: its counts hardly rise."""
    analysis = {
        "assessment_day": 56,
        "response_threshold_1e9L": 100.0,
        "reference_arm": "Placebo",
        "named_replicate": 1,
    }
    shown = Tables(write_report(make_run_folder(tmp_path / "high", analysis=analysis)).read_text("utf-8")).cells
    assert shown["T 14.2.5", "TTRESP|Placebo", "events"] == "0"
    assert shown["T 14.2.5", "TTRESP|Placebo", "median"] == "NR"
    assert numbers(shown["T 14.2.5", "TTRESP|HIGH", "events"])[0] > 0
    assert shown["T 14.2.5", "TTRESP|HIGH", "hr"] == cells.NOT_ESTIMABLE
    assert shown["T 14.2.5", "TTRESP|HIGH", "p"] != cells.NOT_ESTIMABLE


def test_footnotes(html):
    said = section(html, "t-14-2-5")
    assert "stratified by the strata of the randomisation" in said
    assert "1 patient whose solve failed left out." in text_of(said) and "Threshold: 50 × 10⁹/L." in text_of(said)
    by_week = text_of(section(html, "t-14-2-5-1"))
    assert "day 7 × week + 2; for TTLOSS, which begins at a visit too, two windows" in by_week


def test_figure_has_numbers_at_risk(html):
    drawn = section(html, "f-14-2-5")
    rescue = drawn[drawn.index('aria-label="First rescue"') :].split("</svg>")[0]
    assert 'aria-label="First response"' in drawn and 'aria-label="Still in the study"' in drawn
    texts = re.findall(r">([^<>]+)</text>", rescue)
    assert "At risk" in texts
    at_start = texts[texts.index("At risk") + 1]
    assert at_start == "33", "three replicates of 12 patients, one of each failed"
    assert [name in texts for name in ("Drug, start 2.5 mg", "Drug, start 5 mg", "Placebo")] == [True] * 3


@pytest.mark.slow
def test_pairs_have_no_test(tmp_path):
    html = write_report(make_run_folder(tmp_path / "pairs", allocation="counterfactual")).read_text(encoding="utf-8")
    said = section(html, "t-14-2-5")
    assert "No test between arms: the same patients are under every arm" in said
    assert "Log-rank" not in said and "Hazard ratio" not in said


def test_no_table_without_response_and_rescue(tmp_path):
    analysis = {"assessment_day": 56, "primary": "COMPL", "endpoints": ["COMPL", "PLT250"], "named_replicate": 1}
    run_dir = make_run_folder(tmp_path / "none", analysis=analysis, published=False, rescue={"allowed": False})
    html = write_report(run_dir).read_text(encoding="utf-8")
    assert "T 14.2.5" not in html


@pytest.mark.slow
def test_all_solves_failed(tmp_path):
    html = write_report(make_run_folder(tmp_path / "failed", failed=30)).read_text(encoding="utf-8")
    assert "T 14.2.5" not in html


@pytest.mark.slow
def test_run_without_a_report_waits_for_no_statistics(tmp_path):
    program = (
        "import sys; from trial.cli import main; "
        f"sys.argv = ['vtrial', 'run', {str(SMOKE)!r}, '--no-report', '--replicates', '1', '--workers', '1', "
        f"'--out', {str(tmp_path / 'run')!r}]; code = main(); "
        "import analysis.report.page, analysis.statistics.sequential as looks; "
        "assert looks._rule.cache_info().currsize == 0; "
        "print(code, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, *loaded = done.stdout.splitlines()[-1].split()
    assert code == "0" and (tmp_path / "run" / "estimates.parquet").exists()
    assert not {name for name in loaded if name.startswith(("statsmodels", "scipy.stats", "matplotlib", "pandas"))}
