"""Assurance against a case in closed form, shares of an additive toy, and the command on small pools."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from design_pools import exact_power, fixed, uniforms
from keyed_page import Page
from scipy.stats import binom

from analysis.designs.assurance import Assured, Powers, SeenArm, assured_rows, read_assured
from analysis.designs.measures import read_operating
from analysis.designs.pool import Pool
from analysis.designs.tried import conducted
from analysis.designs.variance_parts import blocks, parts_of
from cohorts.believed import believed
from cohorts.sets import parameter_set
from cohorts.streams import Streams
from cohorts.widths import widths
from trial.app.unknowns import drawn_set
from trial.cli import main
from trial.errors import ConfigError
from trial.study.analysis_plan import ComparisonMethod
from trial.study.assurance_plan import AssurancePlan

ROOT = Path(__file__).parents[2]
BLANK = Assured("d", "planned", 80, "", "", 0.0, 0.0, 0.0, 0.0, 0, "share")
CENTRE, WIDTH, BASE = 0.2, 0.6, 0.3
SEEN = {"seen": (SeenArm(0, 14, 20),)}


def rate(x):
    return 1 / (1 + np.exp(-(CENTRE + WIDTH * x)))


@pytest.fixture(scope="module")
def normal_prior():
    """Log odds of response normal (0.2, SD 0.6) in one arm, 0.3 in the other: 150 draws, two small pools of each."""
    rng, draws = np.random.default_rng(11), 150
    x = np.repeat(rng.normal(size=draws), 2)
    chance = np.stack([rate(x), np.full(2 * draws, BASE)], axis=1)[:, :, None]
    outcome = (rng.random((2 * draws, 2, 400)) < chance).astype(float)
    pool = Pool(("A0", "A1"), {"E": outcome}, np.zeros((2 * draws, 400), dtype=np.int64), ("s",))
    found = conducted(pool, fixed(80), ComparisonMethod(), 2 * draws * 100, uniforms(2))
    power = found.rejected[:, 0].reshape(draws, 2, 100).mean(axis=2).T[None]
    yes = outcome.sum(axis=2).reshape(draws, 2, 2).swapaxes(0, 1)[None]
    powers = Powers(power, blocks(1), ("prior",), ("own",), np.ones(1), np.stack([yes, np.full_like(yes, 400)]))
    return {(row.measure, row.about): row for row in assured_rows(BLANK, powers, 0.8, SEEN, uniforms(3))}


def test_assurance_of_a_normal_prior_is_that_of_quadrature(normal_prior):
    """Power of 80 patients is summed over all tables at 60 Gauss-Hermite points; every measure within 3 errors."""
    x, weight = np.polynomial.hermite_e.hermegauss(60)
    keep = weight > 1e-12
    x, weight = x[keep], weight[keep] / weight[keep].sum()
    power = np.array([exact_power(40, p, 40, BASE) for p in rate(x)])
    likely = weight * binom.pmf(14, 20, rate(x))
    mean, square = weight @ power, weight @ power**2
    cut = np.interp(0.8, power, x)  # power rises with x
    expected = {
        ("assurance", ""): mean,
        ("power_sd", ""): np.sqrt(square - mean**2),
        ("after_success", ""): square / mean,
        ("after_failure", ""): (mean - square) / (1 - mean),
        ("given", "seen"): likely @ power / likely.sum(),
        ("chance", "power >= 0.8"): 1 - _normal(cut),
        ("verdict_chance", ""): 1 - (square - mean**2) / (mean * (1 - mean)),
    }
    for key, value in expected.items():
        row = normal_prior[key]
        assert 0 < row.error < 0.1, key
        assert abs(row.value - value) < 3 * row.error, (key, row.value, row.error, value)
    for q, z in (("0.25", -0.6745), ("0.5", 0.0), ("0.75", 0.6745)):
        row = normal_prior["quantile", q]
        assert abs(row.value - exact_power(40, rate(z), 40, BASE)) < 3 * row.error + 0.02
    assert normal_prior["share", "prior"].value == pytest.approx(1)
    chance = binom.pmf(14, 20, rate(x))
    counted, row = 150 * (weight @ chance) ** 2 / (weight @ chance**2), normal_prior["given_draws", "seen"]
    assert abs(row.value - counted) < 3 * row.error, "draws that count, each by its chance (Kish)"


def _normal(z: float) -> float:
    from scipy.stats import norm

    return float(norm.cdf(z))


def test_shares_of_an_additive_toy_are_its_variances():
    """Power 0.5 + 0.10 f + 0.06 a + 0.03 b, a structure 0.08 apart, noise of SD 0.1 in every small pool."""
    rng, draws, kept = np.random.default_rng(5), 400, blocks(3)
    factor, first = np.array([0.10, 0.06, 0.03]), rng.normal(size=(3, draws))
    power = np.empty((2, len(kept), draws))
    for b, keeps in enumerate(kept):
        x = np.stack([first[k] if k in keeps else rng.normal(size=draws) for k in range(3)])
        power[:, b] = 0.5 + factor @ x + np.array([[-0.04], [0.04]]) + rng.normal(0, 0.1, (2, draws))
    powers = Powers(power, kept, ("f", "a", "b"), ("m", "e"), np.full(2, 0.5), np.zeros((2, 2, 8, draws, 1)))
    rows = {(row.measure, row.about): row for row in assured_rows(BLANK, powers, 0.8, {}, uniforms(1))}
    variance = {"f": 0.01, "a": 0.0036, "b": 0.0009, "structure": 0.0016}
    for name, one in variance.items():
        for measure in ("share", "alone"):
            row = rows[measure, name]
            assert row.error < 0.08
            assert abs(row.value - one / 0.0161) < 3 * row.error, (measure, name)
    assert sum(rows["share", name].value for name in variance) == pytest.approx(1)
    total = rows["power_sd", ""]
    assert abs(total.value - np.sqrt(0.0161)) < 3 * total.error


def test_what_sources_do_together_is_divided_evenly():
    """Power f a: no source does anything alone, each has half of the variance."""
    rng, draws, kept = np.random.default_rng(7), 3000, blocks(2)
    first = rng.normal(size=(2, draws))
    value = [np.prod([first[k] if k in keeps else rng.normal(size=draws) for k in range(2)], axis=0) for keeps in kept]
    parts = parts_of(np.array(value)[None], np.ones(1), kept)
    assert parts.shares == pytest.approx((0.5, 0.5), abs=0.06)
    assert parts.alone == pytest.approx((0, 0), abs=0.12)
    assert parts.total == pytest.approx(1, abs=0.15)


def test_powers_that_do_not_differ_have_no_shares():
    parts = parts_of(np.ones((1, 2, 10)), np.ones(1), blocks(1))
    assert parts.total == 0 and np.isnan(parts.shares).all()


@pytest.mark.parametrize(("what", "said"), [("fitted", True), ("all", "all")])
def test_numbers_of_one_draw_are_those_of_a_replicate(what, said):
    """As parameter_uncertainty moves them; assumed ones of another draw leave the fitted ones as they are."""
    name, streams, plan = "hetrombopag_itp_mei_2021", Streams(3), AssurancePlan(parameters=what)
    own, other = drawn_set(name, streams, plan, 4, 4), drawn_set(name, streams, plan, 4, 5)
    assert own == believed(parameter_set(name), streams, 4, said)
    moved = {p.name for p, q in zip(own.parameters, other.parameters, strict=True) if p.value != q.value}
    assert moved <= set(widths(own)) and bool(moved) == (what == "all")


DESIGN = f"""\
id: tiny
study: {ROOT / "configs/published/hetrombopag_itp_phase3.yaml"}
pool: {{patients: 200}}
trials: 40
arms: [HETROM-2.5, Placebo]
sizes: [10]
assurance:
  parameters: fitted
  draws: 10
  patients: 50
  trials: 20
  given:
    - id: phase_2
      arms: [{{arm: HETROM-2.5, events: 12, patients: 20}}]
criteria: [assurance >= 0.1]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A design of ten patients with assurance, and the file it came from."""
    home = tmp_path_factory.mktemp("assurance")
    (home / "tiny.yaml").write_text(DESIGN)
    assert main(["design", str(home / "tiny.yaml"), "--out", str(home / "out"), "--workers", "1"]) == 0
    return home


def test_the_command_writes_tables_and_a_page_with_keys(made, capsys):
    rows = {(row.measure, row.about): row for row in read_assured(made / "out")}
    power = {row.measure: row for row in read_operating(made / "out") if row.truth == "as simulated"}
    assert rows["point", ""].value == power["power"].value
    assert rows["assurance", ""].value == power["assurance"].value
    assert rows["share", "fitted parameters"].value == pytest.approx(1, nan_ok=True)
    assert rows["given", "phase_2"].draws == 10
    read = Page((made / "out" / "design.html").read_text(encoding="utf-8"))
    shown = {
        e.attributes["data-key"].split("/")[1]: e.text for e in read.keyed if "assurance/" in e.attributes["data-key"]
    }
    assert shown["planned|10|assurance|"].startswith(f"{100 * rows['assurance', ''].value:.1f}")
    assert len(shown) >= len(rows)


def test_a_small_pool_that_is_lost_is_made_again_to_the_same_bytes(made):
    """The others are not touched; more draws leave those that are there as they are."""
    before = (made / "out" / "assurance.parquet").read_bytes()
    (units,) = (made / "out").glob("draws-*/units")
    lost = units / "0000007" / "outcomes.parquet"
    lost.write_bytes(b"damaged")
    times = {path: path.stat().st_mtime_ns for path in units.glob("*/outcomes.parquet") if path != lost}
    command = ["design", str(made / "tiny.yaml"), "--out", str(made / "out"), "--overwrite", "--workers", "2"]
    assert main(command) == 0
    assert (made / "out" / "assurance.parquet").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (made / "tiny.yaml").write_text(DESIGN.replace("draws: 10", "draws: 11"))
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert len(list(units.glob("0*"))) == 22


def behaviour(key, scale="log"):
    return f"patients: 50\n  behaviour:\n    - {{key: {key}, scale: {scale}, sd: 1, reason: x}}"


TWICE = behaviour("adherence.mean", "logit") + "\n    - {key: adherence.mean, scale: logit, sd: 1, reason: x}"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("parameters: fitted", "parameters: none", 7, "nothing is left open"),
        ("parameters: fitted", "parameters: some", 8, "parameters"),
        ("patients: 50", behaviour("adherence.maen"), 12, "unknown key"),
        ("patients: 50", behaviour("treatment_days"), 12, "3 SDs below the study"),
        ("patients: 50", behaviour("analysis.primary"), 12, "a key with a number"),
        ("patients: 50", behaviour("dropout.0.hazard_per_week"), 12, "a key with a number"),
        ("patients: 50", behaviour("adherence.mean"), 12, "3 SDs above the study"),
        ("patients: 50", behaviour("visits.window_days", "logit"), 12, "a number between 0 and 1"),
        ("patients: 50", behaviour("laboratory.turnaround_days"), 12, "scale: log: a number above 0"),
        ("patients: 50", TWICE, 13, "moved already"),
        ("arm: HETROM-2.5, events: 12", "arm: HETROM-5, events: 12", 14, "an arm of the design"),
        ("events: 12", "events: 21", 14, "seen 21 of 20"),
        ("patients: 50", "patients: 5", 10, "50"),
        ("sizes: [10]\n", "sizes: [10]\nsettings: [parameter_uncertainty=all]\n", 8, "parameter_uncertainty"),
        ("trials: 20\n", "trials: 20\n  draw: 3\n", 12, "did you mean"),
        ("criteria: [assurance >= 0.1]", "criteria: [assurance >= 80]", 15, "did you mean 0.8"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_line(tmp_path, old, new, line, words):
    from trial.app.designing import load_design

    path = tmp_path / "design.yaml"
    path.write_text(DESIGN.replace(old, new))
    with pytest.raises(ConfigError) as error:
        load_design(path)
    assert re.search(rf"design\.yaml:{line}: .*{re.escape(words)}", str(error.value)), str(error.value)
