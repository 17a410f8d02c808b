"""The posterior reaches the runs: a joint row of its draws per replicate, priors beside it, nothing twice."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cohorts.posterior
from cohorts.believed import believed
from cohorts.files import DrawsFile
from cohorts.own import copied
from cohorts.posterior import PosteriorError, beside, joint_draws
from cohorts.sets import parameter_set
from cohorts.streams import Draws, Streams
from cohorts.widths import widths
from trial.app.catalogue import entry
from trial.app.echo import in_words
from trial.app.study_run import facts_of
from trial.study.checks import cautions
from trial.study.load import ConfigError, load_study

MEI = replace(parameter_set("hetrombopag_itp_mei_2021"), root="hetrombopag_itp_mei_2021")
"""Without the posterior of the catalogue."""
STREAMS = Streams(11)
D = 200
PUBLISHED = Path(__file__).parents[2] / "configs/published/hetrombopag_itp_phase3.yaml"
RECORD = {"fitted": ["EC50", "KAPPA"], "date": "2026-12-01", "targets": ["a", "b"]}


def columns():
    """Draws that tell their row: EC50 and KAPPA rise together, W_JS is assumed."""
    k = np.arange(D)
    return {"EC50": 10 + k / D, "KAPPA": 30 + k / D, "W_JS": 0.3 + 0.2 * k / D}


def write(path, table=None, record=RECORD):
    made = pa.table(columns() if table is None else table)
    pq.write_table(made.replace_schema_metadata({b"posterior": json.dumps(record)} if record else None), path)
    return path


def own_file(tmp_path, name="mine.json", **more):
    record = {"id": "mine", "extends": MEI.id, "values": {}, "targets": [], "note": "test"}
    path = tmp_path / name
    path.write_text(json.dumps(record | more))
    return path


@pytest.fixture
def drawn(tmp_path):
    """The set of phase III with draws of two fitted numbers and an assumed one."""
    return replace(MEI, draws=DrawsFile(str(write(tmp_path / "x.posterior.parquet"))))


def values(chosen):
    return {p.name: p.value for p in chosen.parameters} | chosen.variances


def test_a_replicate_takes_one_joint_row_and_nothing_twice(drawn):
    """All three columns are of the row that the stream names; what is not in the file moves as without it."""
    for replicate in range(20):
        found = values(believed(drawn, STREAMS, replicate, "all"))
        u = float(Draws(STREAMS, np.array([replicate]), np.array([0])).uniform("posterior")[0])
        row = int(D * u)
        assert [found[n] for n in ("EC50", "KAPPA", "W_JS")] == pytest.approx([v[row] for v in columns().values()])
        before = values(believed(MEI, STREAMS, replicate, "all"))
        apart = {name for name in before if before[name] != found[name]}
        together = {n for block in MEI.uncertainty for n in block.names}
        assert apart <= {"EC50", "KAPPA", "W_JS", "W_ERK", "W_AKT"} | together
        assert found["W_ERK"] + found["W_AKT"] == pytest.approx(MEI.value("W_ERK") + MEI.value("W_AKT"))


def test_every_draw_is_as_likely(drawn):
    """Mean and SD of 400 replicates are those of the column, 0.5 and 1 / sqrt(12), within 4 errors."""
    ec50 = np.array([joint_draws(drawn).row(STREAMS, r, ("EC50",))["EC50"] for r in range(400)]) - 10
    assert abs(ec50.mean() - 0.4975) < 4 * 0.2887 / 20 and abs(ec50.std() - 0.2887) < 4 * 0.2887 / 56


def test_a_column_more_leaves_the_others_where_they_were(drawn, tmp_path):
    more = replace(
        MEI, draws=DrawsFile(str(write(tmp_path / "y.posterior.parquet", columns() | {"MMT": np.full(D, 5.0)})))
    )
    one, other = (values(believed(chosen, STREAMS, 3, "all")) for chosen in (drawn, more))
    together = {n for block in MEI.uncertainty for n in block.names}
    assert {name for name in one if one[name] != other[name]} <= {"MMT"} | (together - {"EC50", "KAPPA"})
    assert other["MMT"] == 5.0 and one["EC50"] == other["EC50"] and one["LS"] == other["LS"]


def test_fitted_is_the_covariance_unless_there_is_none(drawn):
    """With standard errors the file changes nothing; without them the fitted columns are drawn, not the assumed one."""
    assert believed(drawn, STREAMS, 5, True) == believed(MEI, STREAMS, 5, True)
    bare = replace(drawn, uncertainty=(), parameters=tuple(replace(p, rse_percent=None) for p in MEI.parameters))
    found, at = values(believed(bare, STREAMS, 5, True)), values(MEI)
    assert {name for name in at if found[name] != at[name]} == {"EC50", "KAPPA"}
    with pytest.raises(ValueError, match="no parameter has a standard error"):
        believed(replace(bare, draws=None, home="x.py"), STREAMS, 5, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"EC5O": np.ones(D)}, "column EC5O: no parameter of hetrombopag_itp_mei_2021; did you mean EC50"),
        ({"EC50": np.r_[1.0, np.nan, np.ones(D - 2)]}, "column EC50, row 1: seen nan; allowed: a finite number"),
        ({"EC50": np.zeros(D)}, "column EC50, row 0: seen 0; allowed: more than 0"),
        ({"NONRESP": np.full(D, 1.0)}, "column NONRESP, row 0: seen 1; allowed: more than 0, less than 1"),
        ({"ETA": np.full(D, 1.2)}, "column ETA, row 0: seen 1.2; allowed: more than 0, at most 1"),
        ({"OMEGA_EC50": np.full(D, 11.0)}, "column OMEGA_EC50, row 0: seen 11; allowed: more than 0, at most 10"),
        ({"DESTRUCTION": np.ones(D)}, "column DESTRUCTION: a switch"),
        ({"EC50": ["a"] * D}, "no Parquet table of numbers"),
        (None, "seen 5 draws; needed: 100 or more"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, change, said):
    table = {"EC50": np.ones(5)} if change is None else change
    chosen = replace(MEI, draws=DrawsFile(str(write(tmp_path / "z.posterior.parquet", table))))
    with pytest.raises(PosteriorError) as error:
        joint_draws(chosen)
    assert (
        "\n" not in str(error.value)
        and str(error.value).startswith("z.posterior.parquet: ")
        and said in str(error.value)
    )


def test_draws_beside_an_own_file_and_of_the_set_it_extends(tmp_path, monkeypatch):
    """The nearest file holds; of the draws of the set that is extended a number given anew is no part."""
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    monkeypatch.setattr(cohorts.posterior, "calibration_file", lambda name: catalogue / f"{name}.calibration.json")
    write(catalogue / f"{MEI.id}.posterior.parquet")
    path = own_file(tmp_path, values={"EC50": 12.0})
    assert joint_draws(parameter_set(MEI.id)).names == ("EC50", "KAPPA", "W_JS")
    assert joint_draws(parameter_set(str(path))).names == ("KAPPA", "W_JS")
    write(tmp_path / "mine.posterior.parquet", {"MMT": np.full(D, 4.0)})
    assert joint_draws(parameter_set(str(path))).names == ("MMT",)
    assert beside(Path("runs/small.calibration.json")) == Path("runs/small.posterior.parquet")
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / copied(path, tmp_path / "copy", "parameter_set")
    assert joint_draws(parameter_set(str(copy))).sha256 == joint_draws(parameter_set(str(path))).sha256


@pytest.fixture
def study_file(tmp_path):
    own_file(tmp_path)
    write(tmp_path / "mine.posterior.parquet")
    text = f"extends: {PUBLISHED}\nparameter_set: mine.json\nparameter_uncertainty: all\npatients: 8\nreplicates: 2\n"
    (tmp_path / "study.yaml").write_text(text)
    return tmp_path / "study.yaml"


def test_check_explain_and_catalogue_say_what_stands_there(study_file, tmp_path):
    study = load_study(study_file)
    said = next(text for path, text in cautions(study) if path == ("parameter_uncertainty",))
    assert "takes EC50, KAPPA, W_JS together from a draw of the posterior (mine.posterior.parquet: 200 draws" in said
    assert "2026-12-01" in said and "2 targets: a, b" in said and " EC50, " not in said.split("; moves ")[1]
    widened = sum(bool(w.log_sd) for w in widths(parameter_set(study.parameter_set)).values())
    assert f"and {widened - 1} assumed numbers by a prior" in said
    assert any("posterior mine.posterior.parquet: 200 draws" in line for line in entry(study.parameter_set).remarks)
    assert any(line.startswith("posterior mine.posterior.parquet: 200 draws") for line in in_words(study))
    write(tmp_path / "mine.posterior.parquet", {"EC5O": np.ones(D)})
    with pytest.raises(ConfigError, match=r"parameter_uncertainty: seen 'all'; the posterior of mine: .*EC5O"):
        load_study(study_file)
    assert load_study(study_file, ["parameter_uncertainty=fitted"])


def test_a_changed_file_resumes_no_run(study_file, tmp_path):
    """The checksum is of the run's identity and in its manifest; with fitted the file is no part of the run."""
    from trial.app.attempt import How, identity, is_finished, run_study

    study = load_study(study_file)
    out = tmp_path / "out"
    run_study(study, out, How(workers=1, with_report=False))
    made = json.loads((out / "manifest.json").read_text())
    assert made["posteriors"] == {"mine": facts_of(study)["posteriors"]["mine"]}
    assert "own_set.posterior.parquet" in made["files"]
    assert is_finished(study, out)
    before = identity(study)
    write(tmp_path / "mine.posterior.parquet", columns() | {"EC50": np.full(D, 9.0)})
    after = identity(study)
    assert {k for k in before if before[k] != after[k]} == {"posteriors.mine"} and not is_finished(study, out)
    assert "posteriors" not in facts_of(load_study(study_file, ["parameter_uncertainty=fitted"]))
