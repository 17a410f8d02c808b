"""A crossover of two periods: profiles in both, ratios within patients against least squares, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from bare_run import NAMED, OVER, bare_run, row
from scipy.stats import t as student

from analysis.endpoints.stage_view import in_stage
from analysis.evidence.results import evaluate_tables
from analysis.report import ratios_within as chapter
from analysis.report.number_origins import plain_text
from analysis.statistics.crossover import KIND, estimate_crossover, two_by_two
from analysis.statistics.estimates import ALL
from trial.app.echo import in_words
from trial.app.loading import load_checked
from trial.app.sap import plan_in_words
from trial.errors import ConfigError
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study

CONFIG = Path(__file__).parents[2] / "configs" / "hetrombopag_food_crossover.yaml"


def study(*changes: str, **said):
    return load_study(CONFIG, changes, **said)


@pytest.fixture(scope="module")
def one():
    small = study("patients=8", replicates=2)
    return small, simulate_replicates(small, range(2))


def test_the_ratio_is_that_of_least_squares_with_period_and_patient():
    """Sequences of 5 and 7: log value on patient, period and treatment, by the normal equations; t with n - 2."""
    rng = np.random.default_rng(5)
    n, sequence = 12, np.array([0] * 5 + [1] * 7)
    first, second = np.exp(rng.normal(3, 0.5, n)), np.exp(rng.normal(3.3, 0.5, n))
    tested = np.concatenate([sequence == 0, sequence == 1]).astype(float)
    design = np.zeros((2 * n, n + 2))
    design[np.arange(2 * n), np.tile(np.arange(n), 2)] = 1
    design[n:, n], design[:, n + 1] = 1, tested
    y = np.log(np.concatenate([first, second]))
    beta, residual, *_ = np.linalg.lstsq(design, y, rcond=None)
    variance = residual[0] / (n - 2)
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[-1, -1])
    half = student.ppf(0.95, n - 2) * error
    found = two_by_two(first, second, sequence, 0)
    assert [float(x) for x in found.ratio] == pytest.approx(np.exp([beta[-1], beta[-1] - half, beta[-1] + half]))
    assert found.cv == pytest.approx(100 * np.sqrt(np.expm1(variance)))
    assert found.period == pytest.approx(np.exp(beta[n])) and found.n == (5, 7)
    other = two_by_two(first, second, 1 - sequence, 1)
    assert [float(x) for x in other.ratio] == pytest.approx([float(x) for x in found.ratio]) and other.n == (7, 5)
    alone = two_by_two(first[:6], second[:6], sequence[:6], 0)
    assert np.isnan(float(alone.ratio.estimate)) and alone.n == (5, 1)


def test_each_period_has_its_own_profile_and_the_first_is_what_it_is_alone(one):
    """Samples of day 0 are the same without those of day 14; the second begins with what the first has left."""
    _, tables = one
    seen = tables["observations"].to_pandas().query("PARAMCD == 'CONC'")
    alone = simulate_replicates(
        study("patients=8", "pk_sampling.more_days=[]", "analysis.stage=P1", "analysis.crossover=null", replicates=2),
        range(2),
    )["observations"].to_pandas()
    alone = alone.query("PARAMCD == 'CONC'")
    assert sorted(seen.AVISITN.unique()) == [0, 14] and len(seen) == 2 * len(alone) == 2 * 16 * 17
    first = seen[seen.AVISITN == 0]
    assert first.AVAL.tolist() == alone.AVAL.tolist() and (first.ADY == 0).all()
    before = seen[(seen.AVISITN == 14) & (seen.ATPT == 0)]
    assert (before.AVAL > 0).all() and (before.AVAL < 1).all() and (before.ADY == 14).all()
    assert not np.allclose(before.AVAL, seen[(seen.AVISITN == 14) & (seen.ATPT == 24)].AVAL)


def test_the_table_of_periods_says_who_had_what(one):
    both, tables = one
    periods = evaluate_tables(both, tables)["periods"].to_pandas()
    assert len(periods) == 2 * 2 * 16
    who = periods.groupby(["ARM", "APERIOD"], observed=True).TRTA.first().to_dict()
    assert who == {("FASTED-FED", 1): "fasting", ("FASTED-FED", 2): "with a meal",
                   ("FED-FASTED", 1): "with a meal", ("FED-FASTED", 2): "fasting"}  # fmt: skip
    conc = tables["observations"].to_pandas().query("PARAMCD == 'CONC'")
    largest = conc.groupby(["IREP", "SUBJID", "AVISITN"]).AVAL.max()
    mine = periods[periods.PARAMCD == "CMAX"].set_index(["IREP", "SUBJID", "APERIOD"]).AVAL
    for (replicate, subject, period), value in mine.items():
        assert value == largest[replicate, subject, 14 * (period - 1)]


def test_a_period_is_a_trial_of_its_own_days(one):
    both, tables = one
    for period in ("P1", "P2"):
        own = both.model_copy(update={"analysis": both.analysis.model_copy(update={"stage": period})})
        seen = in_stage(tables, own)
        assert set(seen["patients"]["EOSDY"].to_pylist()) == {14}
        plat = seen["observations"].to_pandas().query("PARAMCD == 'PLAT'")
        assert sorted(plat.AVISITN.unique()) == [0, 5, 10, 14]


def test_ratios_of_each_trial_and_over_all(one, tmp_path):
    """By hand from the table: of replicate 0 with limits, over both the geometric mean."""
    both, tables = one
    made = evaluate_tables(both, tables)["periods"]
    pq.write_table(made, tmp_path / "periods.parquet")
    found = {(e.PARAMCD, e.STAT, e.SCOPE): e for e in estimate_crossover(tmp_path / "periods.parquet", both)}
    rows = made.to_pandas()
    ratios = []
    for r in range(2):
        wide = rows[(r == rows.IREP) & (rows.PARAMCD == "AUCLST")].pivot(index="SUBJID", columns="TRTA", values="AVAL")
        arm = rows[(r == rows.IREP) & (rows.APERIOD == 1)].drop_duplicates("SUBJID").set_index("SUBJID").ARM
        change = np.log(wide["with a meal"] / wide["fasting"])
        ratios.append(np.exp(change.groupby(arm.astype(str)).mean().mean()))
    named, over = found["AUCLST", "geometric mean ratio", NAMED], found["AUCLST", "geometric mean ratio", OVER]
    assert pytest.approx(ratios[0]) == named.ESTIMATE and named.CI_LOW < ratios[0] < named.CI_HIGH
    assert named.NOTE == "FASTED-FED 4, FED-FASTED 4" and named.N == 8 and "90 %" in named.CI_METHOD
    assert pytest.approx(np.sqrt(ratios[0] * ratios[1])) == over.ESTIMATE and over.R == 2
    assert pytest.approx(over.ESTIMATE * abs(np.log(ratios[0] / ratios[1])) / 2) == over.MCSE
    assert found["CMAX", "equivalence", OVER].ESTIMATE == 0.0
    assert estimate_crossover(tmp_path / "none", study("analysis.crossover=null", "pk_sampling.more_days=[]")) == []


def test_who_lacks_a_period_is_left_out(one, tmp_path):
    both, tables = one
    made = evaluate_tables(both, tables)["periods"].to_pandas()
    lost = (made.IREP == 0) & (made.SUBJID == 1) & (made.APERIOD == 2)
    made.loc[lost, "AVAL"] = np.nan
    made.to_parquet(tmp_path / "periods.parquet")
    found = estimate_crossover(tmp_path / "periods.parquet", both)
    assert {e.N for e in found if e.SCOPE == NAMED} == {7}


def test_a_line_of_the_table():
    said = {"COMPARATOR": "fasting", "PARCAT1": KIND, "UNIT": ""}
    rows = []
    for code in ("AUCLST", "CMAX"):

        def of(stat, value, scope=NAMED, code=code, **more):
            return row(code, ALL, stat, value, scope, "with a meal", **said, PARAM="Area", **more)

        rows += [
            of("geometric mean ratio", 0.01529, CI_LOW=0.00402, CI_HIGH=0.05817, N=12),
            of("geometric mean ratio", 0.013074, OVER, MCSE=0.000778, RANGE_LOW=0.004366, RANGE_HIGH=0.044474),
            of("equivalence", 2.5, OVER, MCSE=1.5), of("within-subject CV", 270.96), of("period ratio", 1.2157),
        ]  # fmt: skip
    table = chapter.table(bare_run(study(), estimates=tuple(rows)))
    assert table is not None and table.number == "T 14.4.5"
    assert [plain_text(cell.text) for cell in table.rows[0].cells] == [
        "Area [AUCLST]", "0.0131 ± 0.00078", "(0.00437, 0.0445)", "2.5 ± 1.5", "12", "0.0153 (0.00402, 0.0582)",
        "271.0", "1.22",
    ]  # fmt: skip
    assert plain_text(table.notes[0]) == "with a meal divided by fasting, of the patients with both."
    assert chapter.table(bare_run(study("analysis.crossover=null", "pk_sampling.more_days=[]"))) is None


def test_it_is_said_in_words():
    assert (
        "crossover: AUCLST, CMAX, with a meal over fasting, P1 and P2; ratio of geometric means with 90 % limits; "
        "equivalence within 0.8 to 1.25"
    ) in in_words(study())
    text = plan_in_words(study())
    assert "Crossover of the periods P1 and P2 (FASTED-FED: fasting, then with a meal;" in text
    assert "profile on day 0 and 14" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["pk_sampling.more_days=[]", "analysis.stage=P1"], "seen profiles on day 0; needed: a profile in P2"),
        (["pk_sampling.more_days=[5]"], "more_days.0: seen 5, in one stage with 0; allowed: one profile a stage"),
        (["pk_sampling.more_days=[13]"], "pk_sampling.more_days.0: seen 13, which is not a visit day"),
        (["pk_sampling.more_days=[28]"], "no dose is given on day 28"),
        (["pk_sampling={visit_day: 14, more_days: [14]}"], "seen 14; allowed: days after visit_day, 14"),
        (["analysis.crossover.periods=[P2, P1]"], "seen P2, P1; allowed: two stages, the earlier one first"),
        (["analysis.crossover.periods=[P1, P3]"], "seen 'P3', which is not a stage; allowed: P1, P2"),
        (["analysis.crossover.reference=fed"], "seen 'fed', which is not a treatment; allowed: fasting, with a meal"),
        (["analysis.crossover.treatments={FASTED-FED: [a, b], FED-FASTED: [a, b]}"], "two treatments in either order"),
        (["analysis.crossover.treatments={FASTED-FED: [a, b], OTHER: [b, a]}", "analysis.crossover.reference=a"],
         "allowed: every arm of the study, FASTED-FED, FED-FASTED"),
        (["analysis.crossover.periods=[P1]"], "analysis.crossover.periods: too few entries; allowed: at least 2"),
        (["analysis.crossover.limits=[0.8]"], "analysis.crossover.limits: too few entries; allowed: at least 2"),
        (["analysis.crossover.treatments={FASTED-FED: [a], FED-FASTED: [a, b]}"],
         "treatments.FASTED-FED: too few entries; allowed: at least 2"),
        (["analysis.crossover.endpoints=[CHGD5]"], "'CHGD5', which is not an endpoint of a profile"),
    ],
)  # fmt: skip
def test_what_is_no_crossover_is_refused(changes, words):
    with pytest.raises(ConfigError) as told:
        load_checked(CONFIG, changes)
    assert words in str(told.value)
