"""What a calibration file may say: limits, names, and what it finds of studies, sets and parameters."""

import pytest
from pydantic import ValidationError

from trial.study.fit import Fit, FittedParameter, Search, _unknown, load_fit, set_name

PRIOR = {"name": "CL", "median": 7.0, "log_sd": 0.5, "reason": "test"}
FIT = {
    "id": "mine", "parameter_set": "hetrombopag_wang_2022", "seed": 1, "replicates": 2, "studies": ["study.yaml"],
    "targets": "seen", "fitted": [PRIOR],
}  # fmt: skip


def accepted(record, data):
    try:
        record.model_validate(data)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("record", "base", "key", "good", "bad"),
    [
        (FittedParameter, PRIOR, "median", [0.1], [0, -1]),
        (FittedParameter, PRIOR, "log_sd", [0.1], [0, -1]),
        (Search, {}, "scan", [0, 100_000], [-1, 100_001]),
        (Search, {}, "evaluations", [0, 100_000], [-1, 100_001]),
        (Search, {}, "profile_evaluations", [0, 100_000], [-1, 100_001]),
        (Search, {}, "starts", [1, 100], [0, 101]),
        (Fit, FIT, "seed", [0, 2**63 - 1], [-1, 2**63]),
        (Fit, FIT, "replicates", [1, 10_000], [0, 10_001]),
        (Fit, FIT, "studies", [["a"]], [[]]),
        (Fit, FIT, "targets", ["seen", ["row"]], [[], "all"]),
        (Fit, FIT, "fitted", [[PRIOR, PRIOR | {"name": "VC"}]], [[], [PRIOR, PRIOR]]),
        (Fit, FIT, "profile", [[], ["CL"]], [["VC"]]),
    ],
    ids=str,
)
def test_limits(record, base, key, good, bad):
    assert all(accepted(record, base | {key: value}) for value in good)
    assert not any(accepted(record, base | {key: value}) for value in bad)


def test_what_is_not_said():
    said = Fit.model_validate(FIT)
    assert said.search.model_dump() == {
        "scan": 128,
        "starts": 3,
        "evaluations": 250,
        "profile_evaluations": 40,
        "method": "simplex",
    }
    assert said.profile == () and said.shift == "none"


def found(tmp_path, **changes):
    (tmp_path / "study.yaml").write_text("")
    return {".".join(map(str, path)): text for path, text in _unknown(FIT | changes, tmp_path)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, {}),
        ({"studies": None, "fitted": 5}, {}),
        ({"studies": [5, "study.yaml"]}, {}),
        ({"id": "hetrombopag_wang_2022"}, {"id": "seen 'hetrombopag_wang_2022', which is a parameter set of the cat"}),
        ({"parameter_set": 5, "fitted": [PRIOR | {"name": "XX"}]}, {}),
        ({"parameter_set": "hetrombopag_wang"}, {"parameter_set": "no parameter set"}),
        ({"fitted": [PRIOR | {"name": "CLL"}]}, {"fitted.0.name": "seen 'CLL', which is not a parameter of hetro"}),
        ({"fitted": [PRIOR | {"name": "OMEGA_CL"}, 5, PRIOR | {"name": 5}]}, {}),
        ({"fitted": [PRIOR | {"name": "NONRESP", "median": 1}]},
         {"fitted.0.median": "seen 1; NONRESP is a fraction; allowed: less than 1"}),
        ({"fitted": [PRIOR | {"name": "NONRESP", "median": 0.99}]}, {}),
        ({"fitted": [PRIOR | {"name": "NONRESP", "median": "x"}]}, {}),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_exist(tmp_path, changes, said):
    told = found(tmp_path, **changes)
    assert list(told) == list(said) and all(told[path].startswith(text) for path, text in said.items()), told


def test_a_study_that_is_not_there(tmp_path):
    told = found(tmp_path, studies=["study.yaml", "other.yaml"])
    assert told == {"studies.1": f"there is no file {tmp_path / 'other.yaml'}; names are relative to this file"}


def test_names_are_relative_to_the_file(tmp_path):
    assert set_name("hetrombopag_wang_2022", tmp_path) == "hetrombopag_wang_2022"
    assert set_name("own.json", tmp_path) == str((tmp_path / "own.json").resolve())
    (tmp_path / "study.yaml").write_text("")
    lines = [f"{key}: {value!r}" for key, value in (FIT | {"fitted": [PRIOR]}).items()]
    (tmp_path / "fit.yaml").write_text("\n".join(lines) + "\n")
    assert load_fit(tmp_path / "fit.yaml").studies == (str(tmp_path / "study.yaml"),)
