"""``vtrial posterior``: draws beside a record, the same again; what is missing or wrong is one line."""

import builtins
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.evidence import posterior
from trial.app.calibration import standardised
from trial.app.posterior import _values, carried
from trial.cli import main
from trial.study.fit import load_fit

EARLY = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_first_in_patient.yaml"
GOOD = """\
id: small
parameter_set: hetrombopag_wang_2022
seed: 1
replicates: 1
studies: [study.yaml]
targets: [wang2020_respw4_hetrom-5, wang2020_respw4_hetrom-7.5]
fitted:
  - {name: EC50, median: 30, log_sd: 1, reason: none}
posterior:
  points: 16
  waves: 1
  replicates: 20
  checks: 2
  draws: 50
  assumed:
    - {name: NONRESP, median: 0.11, log_sd: 0.5, reason: a fraction}
"""

CARRIED = "  carried: [W_JS, W_ERK, W_AKT, FP, FM]\n  points: 16"


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(posterior, "BLOCK_STEPS", 40)
    monkeypatch.setattr(posterior, "MOST_BLOCKS", 1)
    (tmp_path / "study.yaml").write_text(f"extends: {EARLY}\npatients: 16\n")
    (tmp_path / "fit.yaml").write_text(GOOD)


def run(capsys, *arguments):
    code = main(["posterior", *arguments, "--workers", "1"])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def test_draws_beside_what_was_done(capsys, tmp_path):
    """Two targets, two parameters: draws in their units, the record as metadata; again, and bit by bit the same."""
    code, out, _ = run(capsys, "fit.yaml")
    path = tmp_path / "runs/calibration/small.posterior.parquet"
    table = pq.read_table(path)
    record = json.loads(table.schema.metadata[b"posterior"])
    assert code == 0 and "EC50" in out and "16 points" in out and "written: " in out
    assert table.column_names == ["EC50", "NONRESP"] and table.num_rows == 50
    values = {name: table[name].to_numpy() for name in table.column_names}
    assert (values["EC50"] > 0).all() and ((values["NONRESP"] > 0) & (values["NONRESP"] < 1)).all()
    assert record["parameters"]["EC50"]["median"] == pytest.approx(np.median(values["EC50"]), rel=1e-4)
    assert record["targets"] == ["wang2020_respw4_hetrom-5", "wang2020_respw4_hetrom-7.5"]
    assert record["fitted"] == ["EC50"] and record["extends"] == "hetrombopag_wang_2022"
    assert set(record["emulator"]) == set(record["targets"]) and record["points"] == 16
    assert run(capsys, "fit.yaml")[0] == 2, "a result is there"
    before = path.read_bytes()
    assert run(capsys, "fit.yaml", "--overwrite")[0] == 0 and path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: NONRESP", "name: NONRSP", "posterior.assumed.0.name: seen 'NONRSP'"),
        ("name: NONRESP", "name: EC50", "posterior.assumed.0.name: seen 'EC50', which is fitted already"),
        ("median: 0.11", "median: 1.1", "NONRESP is a fraction"),
        ("points: 16", "points: 4", "posterior.points: seen 4"),
        (
            "points: 16",
            "points: 16\n  carried: [CL]",
            "posterior.carried.0: seen 'CL', which is not an assumed parameter",
        ),
        (
            "points: 16",
            "points: 16\n  carried: [NONRESP]",
            "posterior.carried.0: seen 'NONRESP', which is named already",
        ),
        ("draws: 50", "drows: 50", "did you mean draws"),
    ],
)
def test_what_is_wrong_has_its_place(capsys, tmp_path, old, new, told):
    (tmp_path / "fit.yaml").write_text(GOOD.replace(old, new))
    code, _, err = run(capsys, "fit.yaml")
    assert code == 2 and told in " ".join(err.split()) and "fit.yaml:" in err


def test_carried_numbers_move_by_their_width_and_stay_possible(tmp_path):
    """About their values; the exponents of the arms (0.5, 0.2, 0.3) keep their sum and FP and FM stay below one."""
    text = GOOD.replace("hetrombopag_wang_2022", "hetrombopag_itp_mei_2021").replace("  points: 16", CARRIED)
    (tmp_path / "fit.yaml").write_text(text)
    fit = load_fit(tmp_path / "fit.yaml")
    found = carried(fit)
    assert [(prior.name, prior.median, prior.log_sd) for prior in found] == [
        ("W_JS", 0.5, 0.7), ("W_ERK", 0.2, 0.7), ("W_AKT", 0.3, 0.7), ("FP", 0.5, 0.7), ("FM", 0.49, 0.7)
    ]  # fmt: skip
    (one,) = _values(fit, standardised(fit, found), np.array([[1.0, 0.0, 0.0, 1.0, 0.0]]))
    whole = 0.5 * np.exp(0.7) + 0.2 + 0.3
    assert [one["W_JS"], one["W_ERK"]] == pytest.approx([0.5 * np.exp(0.7) / whole, 0.2 / whole])
    assert one["FP"] + one["FM"] == pytest.approx(0.99)


def test_without_the_libraries_it_says_which_extra_has_them(capsys, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "emcee":
            raise ImportError("no", name="emcee")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    code, _, err = run(capsys, "fit.yaml")
    assert code == 2 and "pip install 'virtual-trial[calibrate]'" in " ".join(err.split())


def test_a_place_in_the_catalogue_is_only_for_its_sets(capsys, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(
        json.dumps({"extends": "hetrombopag_wang_2022", "id": "own", "values": {}, "targets": [], "note": ""})
    )
    (tmp_path / "fit.yaml").write_text(GOOD.replace("hetrombopag_wang_2022", "own.json"))
    code, _, err = run(capsys, "fit.yaml", "--into-catalogue")
    assert code == 2 and "is not a set of the catalogue" in " ".join(err.split())
