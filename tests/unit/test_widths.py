"""The width of what is assumed: every number has its rung, priors have their SD, fitted ones stay as they were."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cohorts.believed import believed, by_priors
from cohorts.gates import problems
from cohorts.sets import PARAMETER_SETS, parameter_set
from cohorts.streams import Streams
from cohorts.variability import uncertain
from cohorts.variants import assumed
from cohorts.widths import FURTHEST, SCALE, WIDTHS, Width, width_of, widths
from trial.jobs.work import simulate_replicates
from trial.study.checks import cautions
from trial.study.load import ConfigError, load_study

MEI = replace(parameter_set("hetrombopag_itp_mei_2021"), root="hetrombopag_itp_mei_2021")
"""Without its posterior."""
WANG = parameter_set("hetrombopag_wang_2022")
STREAMS = Streams(11)
N = 120


@pytest.mark.parametrize("chosen", PARAMETER_SETS, ids=lambda s: s.id)
def test_no_assumed_number_of_the_catalogue_is_without_a_rung(chosen):
    """Each has a row with a reason, and so has each row a number."""
    found = widths(chosen)
    assert set(found) == {number.name for number in assumed(chosen)}
    for name, width in found.items():
        assert width.reason and width.reason != FURTHEST, name
        assert width.log_sd in (0.0, *SCALE) and (width.fixed or width.borders or width.log_sd == 0.2)


def test_the_width_follows_where_a_set_comes_from_not_its_name(tmp_path):
    """A changed set keeps the rungs of the set it changes; one that changes none has the furthest, whatever its id."""
    base = parameter_set("eltrombopag_healthy_jscpt_2011")
    changed = tmp_path / "hetrombopag_mine.json"
    record = {"extends": base.id, "id": "hetrombopag_mine", "values": {}, "targets": [], "note": "", "source": "test"}
    changed.write_text(json.dumps(record))
    assert widths(parameter_set(str(changed))) == widths(base)
    own = widths(replace(base, home="own.py"))
    assert {w.reason for name, w in own.items() if not w.fixed} == {FURTHEST} and own["HEP"].fixed


def test_every_row_of_the_table_is_of_some_number():
    used = {id(width_of(chosen.id, name)) for chosen in PARAMETER_SETS for name in widths(chosen)}
    assert [width.names for width in WIDTHS if id(width) not in used] == []


@pytest.mark.parametrize(
    ("borders", "log_sd"),
    [((), 0.2), (("drug",), 0.4), (("species", "assay"), 0.7), (("unread",), 0.7), (("a", "b", "c"), 0.7)],
)
def test_the_scale_counts_borders(borders, log_sd):
    assert Width(("X",), borders, "test").log_sd == log_sd
    assert Width(("X",), borders, "test", fixed=True).log_sd == 0.0


@pytest.fixture(scope="module")
def moved():
    """Every assumed number of the set of phase III in 120 replicates, over its own value."""
    return [by_priors(MEI, STREAMS, r) for r in range(N)]


@pytest.mark.parametrize(("name", "log_sd"), [("LS", 0.2), ("LOWPROD", 0.4), ("OMEGA_MMT", 0.4), ("TAUX", 0.7)])
def test_a_number_is_moved_by_its_rung(moved, name, log_sd):
    """Median 1; SD of the logarithm, of a share of its log odds."""
    at = [s.variances[name] if name in s.variances else s.value(name) for s in (MEI, *moved)]
    scale = (lambda x: np.log(x / (1 - x))) if name == "LOWPROD" else np.log
    off = scale(np.array(at[1:])) - scale(at[0])
    assert off.mean() == pytest.approx(0, abs=4.5 * log_sd / np.sqrt(N))
    assert off.std() == pytest.approx(log_sd, rel=4.5 / np.sqrt(2 * N))


def test_each_for_itself_and_what_is_fixed_or_not_assumed_stays(moved):
    table = np.array([[np.log(s.value(name)) for name in ("LS", "TAUX", "W_JS", "R0")] for s in moved])
    off = np.corrcoef(table.T) - np.eye(4)
    assert np.abs(off).max() < 4.5 / np.sqrt(N)
    for name in ("ETA", "DESTRUCTION", "HEP", "CL", "EC50", "KAPPA"):
        assert {s.value(name) for s in moved} == {MEI.value(name)}


def test_shares_of_one_whole_stay_one(moved):
    """FP 0.5 and FM 0.49 may not pass 0.99 together; half of the draws would."""
    total = np.array([s.value("FP") + s.value("FM") for s in moved])
    assert total.max() == pytest.approx(0.99) and 0.3 < (total > 0.99 - 1e-9).mean() < 0.7


@pytest.mark.parametrize("chosen", PARAMETER_SETS, ids=lambda s: s.id)
def test_a_set_that_was_moved_is_a_set(chosen):
    for replicate in range(8):
        assert problems(believed(chosen, STREAMS, replicate, "all")) == []


def test_the_exponents_of_the_arms_keep_their_sum(moved):
    """0.5, 0.2 and 0.3: in another ratio each time."""
    arms = np.array([[s.value(name) for name in ("W_JS", "W_ERK", "W_AKT")] for s in moved])
    assert arms.sum(axis=1) == pytest.approx(1.0, rel=1e-12) and len(set(arms[:, 0] / arms[:, 1])) == N


def test_a_time_after_another_stays_after_it():
    steep = replace(WANG, parameters=tuple(replace(p, value=3.2) if p.name == "LAG" else p for p in WANG.parameters))
    sets = [by_priors(steep, STREAMS, r) for r in range(40)]
    assert all(s.value("LAG") <= s.value("TSWITCH") for s in sets)
    assert any(s.value("LAG") == s.value("TSWITCH") for s in sets)


def test_fitted_and_none_are_as_they_were():
    """And what is fitted has the same draws beside the priors."""
    assert believed(MEI, STREAMS, 3, False) is MEI
    fitted, everything = uncertain(MEI, STREAMS, 3), believed(MEI, STREAMS, 3, "all")
    assert believed(MEI, STREAMS, 3, True) == fitted
    assert everything.value("KAPPA") == fitted.value("KAPPA") != MEI.value("KAPPA")
    assert everything.variances["OMEGA_EC50"] == fitted.variances["OMEGA_EC50"]
    assert everything.value("LS") != fitted.value("LS") == MEI.value("LS")


def small(*overrides):
    return load_study("configs/smoke.yaml", ["patients=4", "replicates=2", *overrides])


def test_replicates_are_the_same_alone_and_together():
    study = small("parameter_uncertainty=all")
    both, one = simulate_replicates(study, range(2)), simulate_replicates(study, range(1, 2))
    mine, alone = (made["parameters"].to_pandas().drop(columns="USUBJID").query("IREP == 1") for made in (both, one))
    assert len(alone) == 4 and (mine.to_numpy() == alone.to_numpy()).all()
    assert both["parameters"].to_pandas().groupby("IREP").LS.nunique().tolist() == [1, 1]
    assert both["parameters"].to_pandas().LS.nunique() == 2


def test_words_for_what_is_moved():
    said = [
        small(f"parameter_uncertainty={word}").parameter_uncertainty for word in ("true", "fitted", "none", "false")
    ]
    assert said == [True, True, False, False]
    with pytest.raises(
        ConfigError, match="seen 'alle'; allowed: none, fitted or all; true means fitted, false none; did you mean all"
    ):
        small("parameter_uncertainty=alle")
    (line,) = [
        text for path, text in cautions(small("parameter_uncertainty=all")) if path == ("parameter_uncertainty",)
    ]
    assert "FLUCT_TAU, REM_RATE" in line and "1000 draws of 24 numbers together" in line and "from 15 targets)" in line
    assert "23 assumed numbers by a prior" in line and "4 with a log SD of 0.2, 1 with a log SD of 0.4, 18" in line
    assert "ETA, " in line and "correlations and covariate effects" in line
