"""The report of a made-up run: what it must hold, and that every number in it is the one in the results."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_run import make_run_folder, read_run, study_of, text_of, write_report

from analysis.evidence.results import analyse
from analysis.statistics.baseline import ITEMS
from analysis.text import cells
from trial.jobs.provenance import STATEMENT


class Tables(HTMLParser):
    """Cells of the numbered tables: (table, row, column) -> text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: dict[tuple[str, str, str], str] = {}
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.table = self.row = ""
        self.place: tuple[str, str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "table":
            self.table = found.get("data-table", "")
        elif tag == "tr":
            self.row = found.get("data-row", "")
        elif tag == "td" and "data-col" in found:
            self.place = (self.table, self.row, found["data-col"])
        if tag != "a":
            self.loads += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "srcset") and v]

    def handle_endtag(self, tag):
        if tag == "td":
            self.place = None

    def handle_data(self, data):
        if self.place:
            self.cells[self.place] = self.cells.get(self.place, "") + data


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    return make_run_folder(tmp_path_factory.mktemp("run") / "made", failed=1)


@pytest.fixture(scope="module")
def html(run_dir) -> str:
    return write_report(run_dir, [(1, 3), (0, 1)]).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def judged_html(tmp_path_factory) -> str:
    """With replicates enough for a verdict."""
    return write_report(make_run_folder(tmp_path_factory.mktemp("run") / "ten", replicates=10)).read_text("utf-8")


@pytest.fixture(scope="module")
def tables(html) -> Tables:
    return Tables(html)


def numbers(text: str) -> list[float]:
    """Every number of a cell, "(-3.3, 19.3)" -> [-3.3, 19.3]."""
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", " "))]


def test_statement_stands_at_the_top_and_below_every_table_and_figure(html):
    assert html.index(STATEMENT) < html.index("Key result")
    items = re.findall(r'<section class="item".*?</section>', html, flags=re.S)
    assert len(items) > 12
    for item in items:
        assert STATEMENT in item and "seed 7" in item and "config 0123456789ab" in item and "0.1.0" in item


def test_nothing_is_loaded_from_elsewhere(html, tables):
    assert "script" not in tables.tags
    assert all(load == "data:," or load.startswith("#") for load in tables.loads), tables.loads
    assert "@import" not in html and not re.search(r"url\((?!#)", html)


def test_title_is_escaped(html):
    assert "A made-up &lt;trial&gt; &amp; its report" in html
    assert "<trial>" not in html


def test_anchors_and_ids(html):
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    targets = {t for t in re.findall(r'href="#([^"]+)"', html)}
    assert targets <= set(ids)


RATES = {"mean": ("replicates", "ESTIMATE", "MCSE"), "range": ("replicates", "RANGE_LOW", "RANGE_HIGH"),
         "named": ("replicate", "N_EVENT", "N", "ESTIMATE"), "ci": ("replicate", "CI_LOW", "CI_HIGH")}  # fmt: skip
MEASURED = {"mean": RATES["mean"], "range": RATES["range"], "n": ("replicate", "N")}
DIFFERENCES = RATES | {"named": ("replicate", "ESTIMATE", "CI_LOW", "CI_HIGH")}


@pytest.mark.parametrize(
    ("number", "stat", "columns", "among"),
    [
        ("T 14.2.1", "rate", RATES, ("RESPW8", "RESP1", "RESCUE", "BLEED", "COMPL")),
        ("T 14.3.4", "rate", RATES, ("PLT250", "PLT400", "REDUCE", "INTERRUPT")),
        ("T 14.2.2", "difference", DIFFERENCES, ("RESPW8", "RESP75", "RESCUE")),
        ("T 14.3.5", "difference", DIFFERENCES, ("PLT250", "INTERRUPT")),
        ("T 14.4.2", "geometric mean", {"n": ("replicate", "N")}, ("CMAX", "AUCTAU")),
        ("T 14.2.7", "median", MEASURED, ("PLTW8", "PEAKDAY", "CUMWK")),
        ("T 14.2.7", "mean", MEASURED, ("CHGW8", "MAXRISE")),
        ("T 14.3.6", "mean", MEASURED, ("DAYS250", "DAYS400")),
    ],
)
def test_numbers_are_those_of_the_estimates(run_dir, tables, number, stat, columns, among):
    """Each shown number is the estimate rounded to what is shown: at most half a unit of the last decimal away."""
    compared = 0
    for row in pq.read_table(run_dir / "estimates.parquet").to_pylist():
        if row["STAT"] != stat or row["PARAMCD"] not in among:
            continue
        for column, (scope, *fields) in columns.items():
            shown = tables.cells.get((number, f"{row['PARAMCD']}|{row['ARM']}", column))
            if scope != row["SCOPE"] or shown is None:
                continue
            expected = [row[f] for f in fields if row[f] is not None]
            found = numbers(shown)
            if column == "named" and row["N_EVENT"] == 0:
                expected = expected[:2]
            if not expected:
                assert shown in ("–", cells.NOT_ESTIMABLE)
                continue
            assert found == pytest.approx(expected, abs=0.0500001), (number, row["PARAMCD"], row["ARM"], column)
            compared += 1
    assert compared >= 2 * len(among)


def test_every_rate_of_the_estimates_is_shown(run_dir, tables):
    rows = pq.read_table(run_dir / "estimates.parquet").to_pylist()
    wanted = {f"{r['PARAMCD']}|{r['ARM']}" for r in rows if r["STAT"] == "rate" and r["PARCAT1"] == "endpoint"}
    shown = {row for number, row, _ in tables.cells if number in ("T 14.2.1", "T 14.3.4")}
    assert shown == wanted


def test_every_median_and_mean_is_shown_once(run_dir, tables):
    rows = pq.read_table(run_dir / "estimates.parquet").to_pylist()
    wanted = [f"{r['PARAMCD']}|{r['ARM']}" for r in rows
              if r["STAT"] in ("median", "mean")
              and (r["SCOPE"], r["PARCAT1"]) == ("replicates", "endpoint")
              and (r["N"] or r["PARAMCD"] != "TMAX")]  # fmt: skip
    shown = [
        row
        for number, row, column in tables.cells
        if (number in ("T 14.2.4", "T 14.2.7", "T 14.3.6") or row.startswith("TMAX|")) and column == "mean"
    ]
    assert sorted(shown) == sorted(wanted)


def test_exposure_to_three_figures(run_dir, tables):
    run = read_run(run_dir)
    one, cv = run.one("CMAX", "HIGH", "geometric mean"), run.one("CMAX", "HIGH", "geometric CV")
    shown = tables.cells["T 14.4.2", "CMAX|HIGH", "named"]
    assert shown == f"{cells.significant(one.ESTIMATE)} ({cells.rounded(cv.ESTIMATE, 1)})"
    assert numbers(shown)[0] == pytest.approx(one.ESTIMATE, rel=0.006)


def test_published_values_stand_beside(tables):
    assert tables.cells["T 14.2.1", "RESPW8|LOW", "published"] == "99/168 (58.9)"
    assert tables.cells["T 14.2.1", "RESPW8|LOW", "published_ci"] == "(51.1, 66.4)"
    assert tables.cells["T 14.2.4", "MAXDUR|LOW", "published"] == "22.0 (6, 53)"
    assert tables.cells["T 14.1.3", "FEMALE", "published-LOW"] == "122 (72.6)"
    assert tables.cells["T 14.1.3", "AGE|min, max", "published-LOW"] == "19, 70"


def test_every_published_row_stands_once_beside_its_simulation_with_its_verdict(judged_html, tmp_path):
    """T 14.2.1 says what the scorecard says, and which verdict is a fit; no second table repeats it."""
    run_dir = make_run_folder(tmp_path / "ten", replicates=10)
    shown, run = Tables(judged_html).cells, read_run(run_dir)
    assert {s.inside for s in run.scores} >= {"yes", ""}
    for score in run.scores:
        if score.unit == "%" and score.endpoint != "PLT250":
            fit = " (fit)" if score.seen == "yes" else ""
            verdict = {"yes": f"inside{fit}", "no": f"outside{fit}", "": "–"}[score.inside]
            assert shown["T 14.2.1", f"{score.endpoint}|{score.arm}", "inside"] == verdict
    assert not any(number == "T 14.2.15" for number, *_ in shown)


@pytest.mark.slow
def test_a_published_row_without_a_simulated_value_has_a_table_of_its_own(tmp_path):
    run_dir = make_run_folder(tmp_path / "other")
    rows = (run_dir / "published.csv").read_text().splitlines()
    other = rows[1].replace("RESPW8", "CITRESP").replace("a,", "z,", 1)
    (run_dir / "published.csv").write_text("\n".join([*rows, other]) + "\n")
    analyse(run_dir, study_of(run_dir))
    shown = Tables(write_report(run_dir).read_text(encoding="utf-8")).cells
    assert {row for number, row, _ in shown if number == "T 14.2.15"} == {"z"}
    assert shown["T 14.2.15", "z", "published"] == "58.9 %" and shown["T 14.2.15", "z", "why"] == "not in this run"


def test_baseline_counts_by_an_independent_count(run_dir, tables):
    patients = pq.read_table(run_dir / "patients.parquet").to_pandas()
    low = patients[(patients.IREP == 1) & (patients.ARM == "LOW")]
    female = (low.SEX == "F").sum()
    assert tables.cells["T 14.1.3", "FEMALE", "simulated-LOW"] == cells.count(int(female), len(low))
    assert numbers(tables.cells["T 14.1.3", "AGE|mean (SD)", "simulated-LOW"]) == pytest.approx(
        [low.AGE.mean(), low.AGE.std()], abs=0.05
    )
    assert {row.split("|")[0] for number, row, _ in tables.cells if number == "T 14.1.3"} == {i.code for i in ITEMS}


def test_failed_solves_are_counted_on_the_first_page(html):
    first_page = html[: html.index('id="design"')]
    assert "3 of 90 solves of the model failed" in text_of(first_page)
    assert "3 patients are not evaluable for the primary endpoint" in text_of(first_page)
    assert "more steps than allowed" in text_of(first_page)


def test_fits_and_predictions_are_told_apart(judged_html):
    """Three of the four judged rows were calibrated on (see made_run)."""
    first_page = judged_html[: judged_html.index('id="design"')]
    assert "The model was calibrated on 3 of them: there agreement is a fit. Predictions: " in text_of(first_page)


def test_patient_page_has_the_ledger_with_reasons(run_dir, tables):
    doses = pq.read_table(run_dir / "doses.parquet").to_pandas()
    mine = doses[(doses.IREP == 1) & (doses.SUBJID == 3)]
    for period in mine.itertuples():
        key = ("L 16.2.5 (1:3)", str(period.ASTDY))
        assert tables.cells[*key, "reason"] == period.REASON
        assert float(tables.cells[*key, "level"]) == period.DOSELEV


def test_patient_visits_say_why_a_count_is_missing(tables):
    assert tables.cells["L 16.2.6 (0:1)", "56", "count"] == "–"
    assert tables.cells["L 16.2.6 (0:1)", "56", "remark"] == "solve failed: more steps than allowed"


def test_patient_whose_solve_failed_has_a_page(html):
    page = html[html.index('id="patient-0-1"') :]
    assert "not evaluable: solve failed: more steps than allowed" in page
    assert "<dt>End of study</dt><dd>solve failed</dd>" in page
    assert "STEP_LIMIT" not in text_of(html)


def test_disposition_counts_everybody_once(run_dir, tables, html):
    """Patient 1 of every replicate fails; completed, discontinued and failed make up the arm, by a count of our own."""
    patients = pq.read_table(run_dir / "patients.parquet").to_pandas()
    low = patients[(patients.IREP == 1) & (patients.ARM == "LOW")]
    counted = low.EOSSTT.value_counts()
    named = {"Completed": "COMPLETED", "Discontinued": "DISCONTINUED", "Solve failed": "SOLVE FAILED"}
    for label, code in named.items():
        assert tables.cells["T 14.1.1", label, "LOW"] == cells.count(int(counted.get(code, 0)), len(low)), label
    shares = [float(tables.cells["T 14.1.1", label, "mean"]) for label in named]
    assert sum(shares) == pytest.approx(100, abs=0.15)
    assert counted["SOLVE FAILED"] == 1 and "Solve failed" in html[html.index('id="f-14-1-1"') :]


def test_durations_say_who_is_left_out(run_dir, html):
    endpoints = pq.read_table(run_dir / "endpoints.parquet").to_pandas()
    single = "no two consecutive visits with a response"
    n = int(((endpoints.PARAMCD == "MAXDUR") & (single == endpoints.REASON)).sum())
    shown = html[html.index('<section class="item" id="t-14-2-4">') :].split("</section>")[0]
    assert n > 1
    assert "Patients with responses at two consecutive visits or more, before rescue" in shown
    said = f"All 3 replicates: {n} patients who ever responded before rescue are left out, with {single}."
    assert said in text_of(shown)


def test_too_few_replicates_for_a_verdict(html, judged_html):
    said = "Simulated and published results are shown side by side without a verdict."
    note = "No verdict with fewer than 10 replicates, or when the design differs from the published one (see warnings)."
    assert html.count(said) == 1 and html.count(note) == 1
    assert said not in judged_html and note not in judged_html
    assert "lies inside the published 95 % interval" in judged_html


@pytest.mark.slow
def test_one_replicate_has_no_error_and_no_range(tmp_path):
    arm = {"id": "LOW", "label": "Drug", "start_dose_mg": 5.0}
    analysis = {"assessment_day": 56, "primary": "RESPW8", "named_replicate": 0}
    run_dir = make_run_folder(tmp_path / "one", replicates=1, arms=[arm], one_arm=True, published=False,
                              analysis=analysis)  # fmt: skip
    html = write_report(run_dir).read_text(encoding="utf-8")
    assert "1 virtual trial of 30 patients, all in one arm, Drug." in text_of(html)
    cards = html[html.index('class="cards"') : html.index("<h3>Warnings")]
    assert "one replicate" in cards and "±" not in cards and "Monte Carlo" not in cards
    assert "1 replicates" not in html and "MC error" not in html


def test_conduct_in_words(tmp_path):
    laboratory = {"turnaround_days": 2, "lower_limit_1e9L": 1.0, "whole_numbers": True}
    html = write_report(make_run_folder(tmp_path / "lab", laboratory=laboratory)).read_text(encoding="utf-8")
    assert "counts reported as whole numbers not below 1 × 10⁹/L; results 2 days after the visit" in text_of(html)
    assert "A change takes effect 2 days after the visit." in text_of(html)
    assert "day 28; 0, 8, 24 h after the dose of that day" in text_of(html)


def test_patient_who_does_not_exist(run_dir):
    with pytest.raises(ValueError, match="patient 9:1 is not in this run; allowed: replicate 0 to 2, subject 1 to 30"):
        write_report(run_dir, [(9, 1)])


def test_parameters_with_their_status(html):
    assert '<span class="status status-published">published</span>' in html
    assert '<span class="status status-assumed">assumed</span>' in html
    assert "Wang 2022, abstract" in text_of(html) and "J Hematol Oncol 2021" in html


def test_design_in_words(html):
    for text in ("250 or more", "below 50", "14 days or more after the last change", "made up for a test", "2:2:1"):
        assert text in text_of(html)


def test_same_run_gives_the_same_bytes(run_dir, html):
    assert write_report(run_dir, [(1, 3), (0, 1)]).read_text(encoding="utf-8") == html


def test_without_published_results_and_profile(tmp_path):
    run_dir = make_run_folder(tmp_path / "bare", pk=False, published=False)
    (run_dir / "screening.parquet").unlink()
    page = Tables(html := write_report(run_dir).read_text(encoding="utf-8"))
    assert (
        "published.csv is not there" in (warned := text_of(html[: html.index('id="design"')]))
        and "scorecard.parquet is not" in warned
    )
    assert "screening.parquet is not there" in text_of(html)
    assert "This study takes no concentration samples" in text_of(html)
    assert not any(number in ("T 14.4.2", "T 14.2.15") for number, *_ in page.cells)
    assert not any(column.startswith("published") for *_, column in page.cells)
    assert "Every patient is evaluable" in text_of(html)
    assert "Adverse events are not simulated." in text_of(html) and "nearest printed row" not in html


def test_one_arm_without_a_rule_or_a_reference(tmp_path):
    """A config may leave out most things."""
    run_dir = make_run_folder(
        tmp_path / "plain",
        dose_rules={},
        dropout=[],
        assumptions=[],
        randomisation={"block_size": 3},
        arms=[{"id": name, "start_dose_mg": 5.0} for name in ("LOW", "HIGH", "Placebo")],
        analysis={"assessment_day": 56, "primary": "RESPW8", "named_replicate": 0},
    )
    html = write_report(run_dir).read_text(encoding="utf-8")
    assert "fixed dose" in text_of(html) and "T 14.2.2" not in text_of(html)
    assert "Leaving earlynobody" in text_of(html)


def test_not_a_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config\.resolved\.yaml, manifest\.json"):
        write_report(tmp_path)


def test_size_and_kinds_of_uncertainty(html):
    assert len(html) < 2_000_000
    for text in ("Interval of one replicate", "Monte Carlo error", "Range of replicates"):
        assert text in text_of(html)
    assert not np.any(["Traceback" in html, "None" in re.sub(r"<[^>]+>", "", html).replace("None.", "")])


@pytest.mark.slow
def test_all_solves_failed(tmp_path):
    """A run in which nobody can be evaluated still has a report, and it says so."""
    html = write_report(make_run_folder(tmp_path / "failed", failed=30), [(0, 1)]).read_text(encoding="utf-8")
    assert "90 of 90 solves of the model failed" in text_of(html)
    assert "NE %" not in html
    assert "90 patients are not evaluable for the primary endpoint" in text_of(html)
    assert Tables(html).cells["T 14.2.1", "RESPW8|LOW", "mean"] == cells.NOT_ESTIMABLE
