"""Simulated adverse events on hand-made patients, and as part of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from tiny_trial import STUDY, Patient, study, tables

from analysis import endpoints
from analysis.endpoints import catalogue, chosen
from analysis.endpoints.records import from_tables
from analysis.endpoints.time_to_event import times_table
from analysis.statistics.estimators import poisson_rate
from analysis.statistics.event_times import estimate_times
from cohorts.adverse_events import DAYS_PER_YEAR, PROXIES, proxy
from cohorts.streams import Streams
from trial.cli import main
from trial.engine.adverse import adverse_table
from trial.jobs.work import simulate_replicates
from trial.study.tolerability import Tolerability
from trial.tables import ADVERSE

SMOKE = "configs/smoke.yaml"


@dataclass(frozen=True)
class Clocks:
    """Draws whose clock (cumulative hazard of the first event) is the same number for every patient."""

    clock: float
    replicate: np.ndarray
    streams: Streams = field(default=Streams(3))

    def __len__(self) -> int:
        return len(self.replicate)

    def uniform(self, name: str) -> np.ndarray:
        assert name.startswith("ae:")
        return np.full(len(self), np.exp(-self.clock))


def simulated(code: str, clock: float, *patients: Patient, uncertain: bool = False) -> pa.Table:
    study = SimpleNamespace(tolerability=Tolerability(proxies=(code,)), parameter_uncertainty=uncertain)
    made = tables(patients)
    return adverse_table(study, made, Clocks(clock, made["patients"]["IREP"].to_numpy()))


def days(code: str, clock: float, *patients: Patient) -> dict[int, int]:
    found = simulated(code, clock, *patients)
    return dict(zip(found["SUBJID"].to_pylist(), found["ADY"].to_pylist(), strict=True))


def daily(rate_per_y: float) -> float:
    return rate_per_y / DAYS_PER_YEAR


URTI, TE = proxy("URTI"), proxy("TE")


def test_the_first_event_is_on_the_day_on_which_the_hazard_reaches_the_clock() -> None:
    """Half a day after day 10 of drug; on placebo the clock runs at the background rate, which is faster here."""
    clock = 10.5 * daily(URTI.on_drug.value)
    faster = int(clock / daily(URTI.background.value))
    assert days("URTI", clock, Patient([20.0]), Patient([20.0], arm="placebo")) == {1: 10, 2: faster}
    assert faster == 7


def test_off_drug_the_background_holds() -> None:
    """On drug on days 0 to 34, then interrupted: 35 days of one rate, 5 of the other."""
    clock = 35 * daily(URTI.on_drug.value) + 5.5 * daily(URTI.background.value)
    interrupted = Patient([20.0], actions=("start", "interrupt"))
    assert days("URTI", clock, interrupted) == {1: 40}


@pytest.mark.parametrize(
    ("patient", "expected"),
    [(Patient([20.0], last_day=10), {}), (Patient([20.0], last_day=11), {1: 10}),
     (Patient([20.0], status="STEP_LIMIT"), {})],
)  # fmt: skip
def test_nothing_happens_from_the_last_day_on_or_after_a_failed_solve(patient: Patient, expected: dict) -> None:
    """Beside a patient who stays to the end and has the event on day 10."""
    assert days("URTI", 10.5 * daily(URTI.on_drug.value), patient, Patient([20.0])) == expected | {2: 10}


@pytest.mark.parametrize(("count", "doublings"), [(20.0, 0), (150.0, 0), (300.0, 1), (1200.0, 3)])
def test_thromboembolism_depends_on_the_count_above_150(count: float, doublings: int) -> None:
    rate = TE.background.value * TE.ratio.value * TE.doubling.value**doublings
    steady = Patient([count], baseline=count)
    assert days("TE", 30.5 * daily(rate), steady) == {1: 30}


def test_a_rising_count_is_joined_by_log_lines_between_visits() -> None:
    """From 150 at baseline to 600 on day 7: on day 3.5 the line is at 300, so day k is at 2 k / 7 doublings."""
    rate = daily(TE.background.value * TE.ratio.value)
    hazard = [rate * TE.doubling.value ** (2 * k / 7) for k in range(7)]
    assert days("TE", sum(hazard[:6]) - 1e-12, Patient([600.0], baseline=150.0)) == {1: 5}
    assert days("TE", sum(hazard[:6]) + 1e-12, Patient([600.0], baseline=150.0)) == {1: 6}


def test_rows_are_marked_as_simulated() -> None:
    found = simulated("TE", 1e-9, Patient([20.0]), Patient([20.0], replicate=4))
    assert found.schema.equals(ADVERSE)
    assert found.to_pylist()[1] == {
        "IREP": 4, "SUBJID": 1, "USUBJID": "tiny-4-1", "AECD": "TE", "ADY": 0, "AESIMFL": "Y",
        "TERM": "SIMULATED: Thromboembolic event",
    }  # fmt: skip


def test_uncertain_rates_are_drawn_once_per_replicate() -> None:
    """The clock needs 20 days at the median: two patients of a replicate agree, replicates differ."""
    patients = [Patient([20.0], replicate=r) for r in range(6) for _ in range(2)]
    clock = 20.5 * daily(URTI.on_drug.value)
    sure = simulated("URTI", clock, *patients)["ADY"].to_pylist()
    unsure = simulated("URTI", clock, *patients, uncertain=True).to_pandas()
    assert sure == [20] * 12
    assert (unsure.groupby("IREP").ADY.nunique() == 1).all()
    assert unsure.ADY.nunique() > 2


def test_uncertain_rates_come_from_the_first_numbers_of_their_own_stream() -> None:
    """So a run made again, or with other endpoints, has the same ones."""
    clock = 20.5 * daily(URTI.on_drug.value)
    found = simulated("URTI", clock, *(Patient([20.0], replicate=r) for r in range(6)), uncertain=True)
    z = ndtri(np.stack([Streams(3).uniforms("uncertainty:ae:URTI", r, 0)[:4] for r in range(6)], axis=1))
    hazard = URTI.rates(z).daily(np.ones((6, 1), bool), np.full((6, 1), 20.0))[:, 0]
    reached = {
        r: day for r, day in enumerate((clock // hazard).astype(int).tolist()) if day <= max(found["ADY"].to_pylist())
    }
    assert dict(zip(found["IREP"].to_pylist(), found["ADY"].to_pylist(), strict=True)) == reached and len(reached) > 2


@given(st.sampled_from(PROXIES), st.lists(st.floats(1, 3000), min_size=2, max_size=2), st.booleans())
def test_laws_of_the_hazard(found, counts: list[float], drug: bool) -> None:
    """Positive; never lower at a higher count with the median priors; off drug the background at low counts."""
    rates = found.rates(np.zeros((4, 1)))
    low, high = rates.daily(np.full((1, 2), drug), np.sort(np.array([counts])))[0]
    assert 0 < low <= high * (1 + 1e-12)
    assert rates.daily(np.array([[False]]), np.array([[100.0]]))[0, 0] == pytest.approx(daily(found.background.value))


@pytest.mark.parametrize("found", PROXIES, ids=lambda p: p.code)
def test_every_proxy_has_sources_units_and_a_prior_width(found) -> None:
    assert len({p.code for p in PROXIES}) == len(PROXIES) and len(f"AE_{found.code}") <= 8
    for prior in found.named_priors.values():
        assert prior.unit in ("1/y", "1") and prior.source.locator and prior.log_sd > 0
        assert prior.status in ("derived", "assumed") and (prior.status != "assumed" or prior.note)
    assert "95 % prior range" in catalogue(56)[f"AE_{found.code}"].source
    assert "proxy" in catalogue(56)[f"AE_{found.code}"].label


@pytest.mark.parametrize(("code", "printed"), [("ALT3", (1.09, 0.68, 1.74)), ("TE", (1.76, 0.78, 4.00))])
def test_the_prior_of_a_ratio_has_the_printed_interval(code: str, printed: tuple[float, float, float]) -> None:
    """The printed limits are symmetric on the log scale about the printed ratio up to rounding."""
    assert proxy(code).drug_ratio == pytest.approx(printed, rel=0.01)


WITH = study(adverse=("TE", "URTI"))


def evaluated(code: str, events: list[tuple[str, int, int]], settings=WITH):
    """Three patients on drug; events are (code, subject, day)."""
    made = tables([Patient([20.0]), Patient([20.0], last_day=35), Patient([20.0], status="STEP_LIMIT")])
    rows = [{"IREP": 0, "SUBJID": who, "AECD": what, "ADY": day} for what, who, day in events]
    records = from_tables(made | {"adverse": pa.Table.from_pylist(rows, schema=ADVERSE)}, STUDY.arm_ids)
    return records, endpoints.evaluate(catalogue(56)[code], records, settings)


def test_the_endpoint_counts_patients_with_an_event() -> None:
    records, found = evaluated("AE_TE", [("TE", 2, 30), ("URTI", 1, 3)])
    assert found.value[:2].tolist() == [0, 1]
    assert found.reason.tolist() == ["", "", "solver: STEP_LIMIT"]
    assert evaluated("AE_HEAD", [])[1].reason[0] == "not simulated in this study"
    assert endpoints.evaluate(catalogue(56)["AE_URTI"], records, WITH).value[:2].tolist() == [1, 0]


def test_incidence_is_first_events_over_time_at_risk(tmp_path) -> None:
    """70 days without an event and 31 days up to and with the one on day 30; the failed solve is left out."""
    records, _ = evaluated("AE_TE", [("TE", 2, 30)])
    pq.write_table(times_table(records, endpoints.times_of(records, WITH)), tmp_path / "times.parquet")
    rows = estimate_times(tmp_path / "times.parquet", WITH)
    found = {(r.ARM, r.STAT): r for r in rows if (r.PARAMCD, r.SCOPE) == ("AE_TE", "replicate")}
    drug, placebo = found["drug", "incidence"], found["placebo", "incidence"]
    assert (drug.N, drug.N_EVENT, placebo.N, placebo.N_EVENT) == (2, 1, 0, 0)
    assert pytest.approx((70 + 31) / 365.25) == found["drug", "patient-years"].ESTIMATE
    assert pytest.approx(100 * 365.25 / 101) == drug.ESTIMATE and placebo.ESTIMATE is None
    exact = [100 * 365.25 / 101 * limit for limit in (0.025318, 5.571643)]
    assert pytest.approx(exact, rel=1e-4) == (drug.CI_LOW, drug.CI_HIGH)


@pytest.mark.parametrize(("events", "limits"), [(0, (0, 3.6889)), (1, (0.0253, 5.5716)), (10, (4.7954, 18.3904))])
def test_exact_poisson_limits_as_tabulated(events: int, limits: tuple[float, float]) -> None:
    """Garwood, Biometrika 1936;28:437: 95 % limits of a Poisson mean."""
    found = poisson_rate(events, 1.0)
    assert (float(found.low), float(found.high)) == pytest.approx(limits, abs=5e-5)
    assert float(poisson_rate(events, 4.0).high) == pytest.approx(limits[1] / 4, abs=5e-5)


def test_only_the_simulated_events_are_endpoints_of_a_study_that_names_none() -> None:
    assert {code for code in chosen(WITH) if code.startswith("AE_")} == {"AE_TE", "AE_URTI"}
    assert not any(code.startswith("AE_") for code in chosen(STUDY))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["tolerability.proxies=[TEE]"], "tolerability.proxies.0: seen 'TEE', which is not a tolerability proxy"),
        (["tolerability.proxies=none"], "tolerability.proxies"),
        (["analysis.endpoints=[AE_TE]"], "endpoint AE_TE needs TE in tolerability.proxies"),
        (["analysis.endpoints=[AE_TE]", "tolerability.proxies=[ALT]"], "endpoint AE_TE needs TE"),
    ],
)
def test_a_config_that_cannot_be_is_refused(changes: list[str], said: str, capsys) -> None:
    assert main(["check", SMOKE, *(part for change in changes for part in ("--set", change))]) == 2
    assert said in capsys.readouterr().err


def test_rates_of_another_drug_are_a_caution(capsys) -> None:
    changes = ["--set", "tolerability.proxies=[URTI, TE]", "--set", "parameter_set=eltrombopag_itp_bussel_2007"]
    assert main(["check", SMOKE, *changes]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "tolerability.proxies: URTI: rates seen with hetrombopag, used here for eltrombopag" in said
    assert main(["check", SMOKE, *changes[:2]]) == 0
    assert "rates seen with" not in capsys.readouterr().err


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    out = tmp_path_factory.mktemp("adverse") / "run"
    chosen = ["--set", "tolerability.proxies=all", "--set", "analysis.endpoints=[RESPW8, AE_URTI, AE_TE]"]
    assert main(["run", SMOKE, *chosen, "--workers", "1", "--out", str(out)]) == 0
    return out


def test_a_run_with_proxies_reports_them_with_sources_and_can_be_replayed(run_dir, capsys) -> None:
    html = (run_dir / "report.html").read_text()
    for words in ("T 14.3.1.3", "T 14.3.1.5", "T 14.3.1.6", "95 % prior range", "Shen 2024", "10.3892/br.2024.1732"):
        assert words in html, words
    assert "Adverse events are not simulated" not in html
    assert main(["replay", str(run_dir), "--replicate", "1", "--patient", "7"]) == 0
    assert "identical to the stored rows" in capsys.readouterr().out


def test_proxies_change_no_other_table() -> None:
    from trial.study.load import load_study

    study = load_study(SMOKE)
    without = simulate_replicates(study, range(1))
    with_them = simulate_replicates(study.model_copy(update={"tolerability": Tolerability()}), range(1))
    assert set(with_them) - set(without) == {"adverse"}
    for name, table in without.items():
        assert table.equals(with_them[name]), name
