"""Morris and Sobol against closed forms, what of a study moves and how far, and an analysis that goes on."""

import builtins
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import trial.app.global_sensitivity as app
from analysis.evidence import global_sensitivity as pure
from analysis.evidence.global_sensitivity import MORRIS, SOBOL, Factor, analyse, indices, sample, shares
from cohorts.files import DrawsFile
from cohorts.sets import parameter_set
from cohorts.spans import moved_to, spans
from trial.cli import main
from trial.errors import Refused
from trial.study.levers import LEVERS, levers_of, odds_times, pulled
from trial.study.load import load_study

CONFIGS = Path(__file__).parents[2] / "configs"
SMOKE = CONFIGS / "smoke.yaml"
A, B = 7.0, 0.1


def factors(*groups):
    return tuple(Factor(f"x{k + 1}", "", group) for k, group in enumerate(groups))


def ishigami(u):
    x = -np.pi + 2 * np.pi * u
    return np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])


def test_sobol_finds_the_indices_of_the_ishigami_function():
    """Closed form (Ishigami and Homma 1990), within four bootstrap errors, which are small."""
    v1, v2, v13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, 8 * B**2 * np.pi**8 / 225
    whole = v1 + v2 + v13
    known = {"x1": (v1 / whole, (v1 + v13) / whole), "x2": (v2 / whole, v2 / whole), "x3": (0.0, v13 / whole)}
    of = factors("a", "b", "c")
    points = sample(SOBOL, of, 1024, 1)
    found, counted = analyse(SOBOL, of, points, ishigami(shares(SOBOL, points)), 1)
    assert counted == 5 * 1024
    for name, index, value, error in found:
        place = dict(zip("abc", known, strict=True))[name]
        wanted = known[place][index == "total"]
        assert 0 < error < 0.06 and abs(value - wanted) < 4 * error, (name, index)


def test_morris_finds_the_effects_of_the_ishigami_function_on_its_grid():
    """sin^2 of x2 is 0, 3/4, 3/4, 0 on the four levels, so that every effect over 2/3 is 7 * (3/4) / (2/3)."""
    of = factors("a", "b", "c")
    points = sample(MORRIS, of, 40, 2)
    found = {(name, index): value for name, index, value, _ in analyse(MORRIS, of, points, ishigami(points), 2)[0]}
    assert found["x2", "mu_star"] == pytest.approx(7.875) and found["x2", "sigma"] > 7
    assert found["x3", "mu_star"] > 0


def test_an_additive_toy():
    """2 x1 + x2 in one group, 3 x3 in another: variances 4 + 1 and 9, first = total; Morris has the slopes, sigma 0."""
    toy = lambda u: u @ np.array([2.0, 1.0, 3.0])  # noqa: E731
    of = factors("a", "a", "b")
    points = sample(SOBOL, of, 512, 3)
    for name, _, value, error in analyse(SOBOL, of, points, toy(points), 3)[0]:
        assert abs(value - {"a": 5 / 14, "b": 9 / 14}[name]) < max(4 * error, 0.01)
    points = sample(MORRIS, of, 4, 3)
    found = {
        (name, index): value for name, index, value, _ in analyse(MORRIS, of, points, toy(shares(MORRIS, points)), 3)[0]
    }
    assert [found[f"x{k}", "mu_star"] for k in (1, 2, 3)] == pytest.approx([0.95 * c for c in (2, 1, 3)])
    assert [found[f"x{k}", "sigma"] for k in (1, 2, 3)] == pytest.approx([0, 0, 0], abs=1e-6)


def test_what_is_missing_goes_with_its_trajectory_and_what_is_still_has_no_index():
    of = factors("a", "b")
    points = sample(MORRIS, of, 4, 4)
    result = points @ np.array([1.0, 2.0])
    result[4] = np.nan
    found, counted = analyse(MORRIS, of, points, result, 4)
    assert counted == 9 and found[0][2] == pytest.approx(1.0)
    values = np.stack([np.stack([result, np.zeros(12)], axis=1)] * 2, axis=1)
    rows = indices(MORRIS, of, points, values, ("LOW", "Placebo"), "Placebo", "RESPW8", "%", 4)
    assert {(row.arm, row.versus) for row in rows} == {("LOW", ""), ("Placebo", ""), ("LOW", "Placebo")}
    assert all(row.estimate is None for row in rows if row.arm == "Placebo") and rows[0].factor == "x2"
    assert rows[0].points == 9 and rows[0].replicates == 2
    assert "x2 (LOW)" in pure.headline(rows) and "2.0 ± " in pure.headline(rows)


def test_a_share_of_hardly_any_variance_is_not_the_strongest():
    """0.9 of a variance of 0.1 squared is less than 0.5 of 10 squared."""
    row = pure.GlobalIndex(
        SOBOL, "noise", "", "noise", "RESPW8", "Placebo", "", "total", 0.9, 0.1, 1.0, 0.1, 8, 1, "1", "%"
    )
    drug = replace(row, factor="biology", arm="LOW", estimate=0.5, sd=10.0)
    assert pure.strongest([row, drug]) == drug and pure.strongest([replace(row, estimate=None)]) is None
    assert pure.strengths([row, drug]) == pytest.approx({"noise": 0.009, "biology": 50.0})


def test_how_far_a_number_reaches(tmp_path):
    """One SD up is exp(log SD) times by a prior, the RSE for a fitted one; draws by their quantiles."""
    chosen = parameter_set("hetrombopag_itp_mei_2021")
    table = pa.table({"LS": np.linspace(100.0, 300.0, 201)})
    pq.write_table(table, tmp_path / "x.posterior.parquet")
    drawn = replace(chosen, draws=DrawsFile(str(tmp_path / "x.posterior.parquet")))
    known = {span.name: span for span in spans(drawn)}
    up = 0.8413447460685429
    assert known["LS"].at(0.25) == {"LS": pytest.approx(150.0)} and known["LS"].origin == "posterior draws"
    assert known["TPR"].at(up)["TPR"] == pytest.approx(chosen.value("TPR") * np.exp(0.2))
    odds = lambda x: x / (1 - x)  # noqa: E731
    assert odds(known["LOWPROD"].at(up)["LOWPROD"]) == pytest.approx(odds(chosen.value("LOWPROD")) * np.exp(0.4))
    cv = chosen.rse_percent["EC50"] / 100
    assert known["EC50"].at(up)["EC50"] == pytest.approx(chosen.value("EC50") * np.exp(np.sqrt(np.log1p(cv**2))))
    assert "HEP" not in known and "BASE" not in known
    held = moved_to(drawn, {name: 0.999 for name in known}, tuple(known.values()))
    assert held["FP"] + held["FM"] == pytest.approx(0.99) and held["ASSAY_CV"] <= 3 * chosen.value("ASSAY_CV")
    assert held["W_JS"] + held["W_ERK"] + held["W_AKT"] == pytest.approx(1.0)


def test_what_a_posterior_knows_together_moves_as_whole_draws(tmp_path):
    """LS and EC50 in lock step: a share of one thing; every draw has its even part of the shares; Morris takes each."""
    chosen = parameter_set("hetrombopag_itp_mei_2021")
    table = pa.table({"LS": np.linspace(300.0, 100.0, 101), "EC50": np.linspace(15.0, 25.0, 101)})
    pq.write_table(table, tmp_path / "x.posterior.parquet")
    drawn = replace(chosen, draws=DrawsFile(str(tmp_path / "x.posterior.parquet")))
    first, *rest = spans(drawn, together=True)
    assert (first.name, first.origin) == ("posterior", "101 draws of 2 numbers")
    assert not {"LS", "EC50"} & {span.name for span in rest} and "TPR" in {span.name for span in rest}
    found = [first.at((k + 0.5) / 101) for k in range(101)]
    assert [row["LS"] for row in found] == pytest.approx(np.linspace(100.0, 300.0, 101))
    assert all(row["EC50"] == pytest.approx(15 + (300 - row["LS"]) / 20) for row in found)
    assert first.at(1 - 1e-6)["LS"] == 300.0
    moved = moved_to(drawn, {"posterior": 0.0}, (first,))
    assert moved == {"LS": pytest.approx(100.0), "EC50": pytest.approx(25.0)}
    of = {factor.name: factor.group for factor in app.factors_of(drawn, (first, *rest), ())}
    assert next(iter(of.items())) == ("posterior", "posterior") and of["TPR"] == "biology"
    assert spans(chosen, together=True)[0].name == "posterior" and len(spans(drawn)) == len(rest) + 2


def test_what_of_a_trial_moves():
    study = load_study(
        CONFIGS / "published" / "hetrombopag_itp_phase3.yaml", ["meals={share_mean: 0.1, after_dose_h: 0}"]
    )
    assert odds_times(0.1, 2.0) == pytest.approx(2 / 11)
    known = levers_of(study)
    assert {lever.id for lever in known} >= {"thresholds", "dropout", "meals"}
    still = pulled(study, {lever.id: 0.5 for lever in known}, known)
    rule = next(iter(study.dose_rules))
    bounds = [step.below_1e9L for step in study.dose_rules[rule].steps]
    assert [step.below_1e9L for step in still.dose_rules[rule].steps] == pytest.approx(bounds)
    up = pulled(study, {lever.id: 0.8413447460685429 for lever in known}, known)
    assert [s.below_1e9L for s in up.dose_rules[rule].steps] == pytest.approx([b * np.exp(0.2) for b in bounds])
    assert up.meals.share_mean == pytest.approx(odds_times(0.1, np.exp(0.4)))
    assert 1 - up.adherence.mean == pytest.approx(odds_times(1 - study.adherence.mean, np.exp(0.4)))
    assert not {lever.id for lever in LEVERS if lever.moved(load_study(SMOKE), 2.0) == load_study(SMOKE)} & {
        "thresholds"
    }


@pytest.fixture
def toy(monkeypatch):
    """The study with a result that is EC50 over its value in every arm but the last; counts what is simulated."""
    seen = []
    ec50 = parameter_set(load_study(SMOKE).parameter_set).value("EC50")

    def result(study, job, values):
        seen.append(values)
        if len(seen) == toy.stop:
            raise KeyboardInterrupt
        row = [values["EC50"] / ec50] * (len(study.arm_ids) - 1) + [0.0]
        return {job.codes[0]: np.array([row] * len(job.replicates))}

    toy.stop = 0
    monkeypatch.setattr(app, "job_values", result)
    monkeypatch.setattr(app, "EVERY_S", 0.0)
    return seen


def test_an_unfinished_analysis_goes_on_and_only_the_same(toy, tmp_path, capsys):
    """Stopped at the 30th point: 29 are there, the rest is simulated once, and the numbers are those of a whole one."""
    study, more = load_study(SMOKE), {"most": 1, "workers": 1}
    with pytest.raises(Refused, match="no unfinished point"):
        app.write_indices(study, tmp_path / "a", MORRIS, 3, resume=True, **more)
    whole = app.write_indices(study, tmp_path / "a", MORRIS, 3, **more)
    many = len(toy)
    assert many == 3 * (len(app.planned_of(study, MORRIS, 3).factors) + 1) and whole[0].factor == "EC50"
    assert {r.estimate for r in whole if r.factor != "EC50" and r.arm != "Placebo"} <= {0.0}
    toy.clear()
    globals()["toy"].stop = 30
    with pytest.raises(KeyboardInterrupt):
        app.write_indices(study, tmp_path / "b", MORRIS, 3, **more)
    globals()["toy"].stop = 0
    assert (tmp_path / "b" / app.KEPT).is_file()
    with pytest.raises(Refused, match="no unfinished point"):
        app.write_indices(study, tmp_path / "b", MORRIS, 4, resume=True, **more)
    toy.clear()
    assert app.write_indices(study, tmp_path / "b", MORRIS, 3, resume=True, **more) == whole
    assert len(toy) == many - 29 and not (tmp_path / "b" / app.KEPT).exists()
    assert pure.read(tmp_path / "b") == whole


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--method", "sobel"], "did you mean sobol"),
        (["--method", "sobol", "--size", "100"], "--size: seen 100; allowed with sobol: a power of 2"),
        (["--method", "morris", "--size", "1"], "--size: seen 1; allowed: 2 to 16,384"),
        (["--size", "8"], "--size: one number at a time has no use for it; allowed with --method morris or sobol"),
        (["--resume"], "--resume: one number at a time has no use for it"),
    ],
)
def test_what_is_refused(given, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sensitivity", str(SMOKE), *given]) == 2
    out, err = capsys.readouterr()
    assert said in " ".join((out + err).split()) and "Traceback" not in out + err


def test_without_its_library_one_line_says_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("SALib"):
            raise ImportError(name="SALib")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Refused, match=r"SALib.*virtual-trial\[sensitivity\]"):
        app.planned_of(load_study(SMOKE), MORRIS, None)


def test_morris_of_two_factors_by_hand():
    """0 + u1 + 3 u1 u2: the effect of u1 is 1 + 3 u2 wherever u2 stands, from the trajectories themselves; the error of
    sigma is that of a normal SD, sigma / sqrt(2 (n - 1)).
    """
    of, size = factors("a", "b"), 6
    points = sample(MORRIS, of, size, 5)
    result = points[:, 0] * (1 + 3 * points[:, 1])
    found = {(name, index): (value, error) for name, index, value, error in analyse(MORRIS, of, points, result, 5)[0]}
    paths = points.reshape(size, 3, 2)
    for k, name in enumerate(("x1", "x2")):
        effects = []
        for path, y in zip(paths, result.reshape(size, 3), strict=True):
            step = next(s for s in range(2) if path[s + 1, k] != path[s, k])
            effects.append((y[step + 1] - y[step]) / (path[step + 1, k] - path[step, k]))
        assert found[name, "mu_star"][0] == pytest.approx(np.abs(effects).mean())
        sigma, error = found[name, "sigma"]
        assert sigma == pytest.approx(np.std(effects, ddof=1)) and error == pytest.approx(sigma / np.sqrt(2 * 5))


def test_results_of_replicates_and_arms_are_put_together():
    """Three replicates of which one lacks a value at one point; the reference stands between the two others."""
    of = factors("a", "b")
    points = sample(MORRIS, of, 4, 6)
    slope = np.array([1.0, 2.0, 5.0])
    values = points[:, :1, None] * slope + 10 * np.arange(3)[None, :, None] * np.ones((1, 1, 3))
    values = np.broadcast_to(values, (12, 3, 3)).copy()
    values[3, 2, :] = np.nan
    rows = indices(MORRIS, of, points, values, ("A", "P", "B"), "P", "PLTW8", "10^9/L", 6)
    assert [(r.arm, r.versus) for r in rows if r.factor == "x2" and r.index == "sigma"] == [
        ("A", ""), ("P", ""), ("B", ""), ("A", "P"), ("B", "P"),
    ]  # fmt: skip
    shown = {(r.arm, r.versus, r.factor): r for r in rows if r.index == "mu_star"}
    at_3 = points[3, 0] * slope + 5.0
    for arm, k in (("A", 0), ("B", 2)):
        mean = points[:, 0] * slope[k] + 10.0
        mean[3] = at_3[k]
        row = shown[arm, "", "x1"]
        assert (row.mean, row.sd) == pytest.approx((mean.mean(), mean.std())) and (row.points, row.replicates) == (
            12,
            3,
        )
        assert row.unit == "10^9/L" == row.result_unit
        gap = shown[arm, "P", "x1"]
        wanted = points[:, 0] * (slope[k] - slope[1])
        assert gap.mean == pytest.approx(wanted.mean()) and gap.estimate == pytest.approx(abs(slope[k] - slope[1]))
    assert rows[0].factor == "x1", "the stronger one first"
