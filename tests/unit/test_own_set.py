"""A user's own parameter set, JSON and Python, from the command line; refusals with the file, the name and why."""

import json
import shutil
from pathlib import Path

import pytest

from cohorts import own
from cohorts.parameters import cv_to_variance
from cohorts.sets import parameter_set
from trial.app.study_run import execute
from trial.cli import main
from trial.jobs.provenance import file_hash
from trial.study.load import load_study

RECORD = {
    "id": "mine",
    "extends": "hetrombopag_wang_2022",
    "values": {"EMAX": 12.0, "OMEGA_EC50": 0.3},
    "rse_percent": {"EMAX": 20.0},
    "targets": [],
    "note": "to see what follows",
    "by": "a key of my own",
}
STUDY = """\
id: tiny
title: A tiny study
seed: 1
patients: 8
replicates: 2
parameter_set: {}
population: {{id: chronic_itp_mei_2021}}
arms:
  - {{id: LOW, start_dose_mg: 2.5}}
  - {{id: HIGH, start_dose_mg: 7.5}}
randomisation: {{block_size: 4}}
treatment_days: 14
visits: {{days: [7, 14]}}
analysis: {{assessment_day: 14, primary: RESPW2}}
"""
PYTHON = '''\
"""The catalogue's set with equations of its own: platelets are lost twice as fast, and made twice as fast."""
from dataclasses import replace

from cohorts.sets import parameter_set
from trial.models import structure

ORIGINAL = structure("tmdd_lifespan")


def rhs(y, p, u):
    *others, plt = ORIGINAL.rhs(y, p, u)
    return [*others, 2 * plt]


STRUCTURE = replace(ORIGINAL, id="twice", rhs=rhs)
PARAMETER_SET = replace(parameter_set("hetrombopag_wang_2022"), id="twice_set", structure="twice")
'''


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def outcome(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def study(name="sets/mine.json", content=None, text=None):
    """A study in the current folder with its own set in a folder beside it."""
    Path("sets").mkdir(exist_ok=True)
    Path(name).write_text(text if text is not None else json.dumps(content or RECORD))
    Path("tiny.yaml").write_text(STUDY.format(name))
    return "tiny.yaml"


def run(capsys, *more):
    return outcome(capsys, "run", "tiny.yaml", "--workers", "1", "--no-report", *more)


def manifest(folder):
    return json.loads((Path(folder) / "manifest.json").read_text())


def test_values_status_source_and_error_of_a_json_set():
    study()
    mine, base = parameter_set("sets/mine.json"), parameter_set("hetrombopag_wang_2022")
    assert (mine.id, mine.value("EMAX"), mine.variances["OMEGA_EC50"]) == ("mine", 12.0, 0.3)
    emax = mine.parameter("EMAX")
    assert (emax.status, emax.rse_percent, emax.source.text) == ("assumed", 20.0, "own file, mine: to see what follows")
    assert mine.parameter("CL") == base.parameter("CL")
    study(content=RECORD | {"targets": ["my row"]})
    assert parameter_set("sets/mine.json").parameter("EMAX").status == "calibrated"


def test_a_set_may_extend_another_file():
    study()
    Path("child.json").write_text(
        json.dumps(RECORD | {"id": "child", "extends": "sets/mine.json", "values": {"KIN": 2.0}, "rse_percent": {}})
    )
    child = parameter_set("child.json")
    assert (child.id, child.value("KIN"), child.value("EMAX")) == ("child", 2.0, 12.0)
    Path("copies").mkdir()
    assert own.copied(Path("child.json"), Path("copies"), "own_set") == "own_set.json"
    assert sorted(path.name for path in Path("copies").iterdir()) == ["own_set.json", "own_set_2.json"]
    assert parameter_set("copies/own_set.json") == child
    before = own.digest(Path("child.json"))
    assert own.digest(Path("copies/own_set.json")) == before
    study(content=RECORD | {"values": {"EMAX": 13.0}})
    assert own.digest(Path("child.json")) != before


@pytest.mark.slow
def test_a_json_set_runs_and_the_run_folder_stands_alone(capsys):
    study()
    code, out, _ = outcome(capsys, "check", "tiny.yaml")
    assert code == 0 and "parameter set mine (mine.json), structure tmdd_lifespan" in out
    assert run(capsys)[0] == 0
    made = manifest("runs/tiny")
    assert made["parameter_set"] == "mine" and made["parameter_set_sha256"] == file_hash(Path("sets/mine.json"))
    assert next(p["value"] for p in made["parameters"] if p["name"] == "EMAX") == "12"
    shutil.rmtree("sets")
    again = ("--out", "again", "--workers", "1", "--no-report")
    assert outcome(capsys, "run", "runs/tiny/config.resolved.yaml", *again)[0] == 0
    assert manifest("again")["files"] == made["files"]
    code, out, _ = outcome(capsys, "replay", "runs/tiny", "--replicate", "1", "--patient", "3")
    assert code == 0 and "identical to the stored rows" in out
    assert outcome(capsys, "report", "runs/tiny")[0] == 0
    assert "KIN * (1 + EMAX * free / (EC50 + free)) - ktr * T1" in Path("runs/tiny/report.html").read_text()


@pytest.mark.slow
def test_the_same_values_under_another_id_give_the_same_patients(capsys):
    study(content=RECORD | {"values": {"EMAX": parameter_set("hetrombopag_wang_2022").value("EMAX")}})
    assert run(capsys)[0] == 0
    assert run(capsys, "--out", "plain", "--set", "parameter_set=hetrombopag_wang_2022")[0] == 0
    assert file_hash(Path("runs/tiny/observations.parquet")) == file_hash(Path("plain/observations.parquet"))
    code, out, _ = outcome(capsys, "compare", "runs/tiny", "plain")
    assert code == 0
    row = next(line.split() for line in out.splitlines() if line.startswith("RESPW2"))
    assert row[3:6] == row[6:9] and row[9] == "0.0"


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_python_set_with_equations_of_its_own_in_processes_too(capsys, monkeypatch, workers):
    """Units of one replicate, so that two processes have one each."""
    monkeypatch.setattr("trial.jobs.work.UNIT_PATIENTS", 8)
    study("sets/twice.py", text=PYTHON.replace("[*others, 2 * plt]", "[*others, plt]"))
    command = ("run", "tiny.yaml", "--workers", workers, "--backend", "loky", "--no-report")
    assert outcome(capsys, *command)[0] == 0
    assert outcome(capsys, *command, "--overwrite")[0] == 0, "a run folder with own_set.py may be replaced"
    assert manifest("runs/tiny")["structure"] == "twice"
    assert json.loads(Path("runs/tiny/model.json").read_text())["structure"] == "twice"
    assert run(capsys, "--out", "plain", "--set", "parameter_set=hetrombopag_wang_2022")[0] == 0
    assert file_hash(Path("plain/observations.parquet")) == file_hash(Path("runs/tiny/observations.parquet"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("[*others, plt + 0.1]", "twice.py: PLT: moves without drug, from 13 to "),
        ("[*others[:3], 0 * y[1], *others[4:], plt]", "twice.py: RTOT: 2.5 mg a day do not move it, though it lies"),
        ("[*others, -plt]", "twice.py: "),
    ],
)
def test_equations_that_misbehave_are_refused_with_the_state(capsys, changed, words):
    study("sets/twice.py", text=PYTHON.replace("[*others, 2 * plt]", changed))
    code, _, err = outcome(capsys, "check", "tiny.yaml")
    assert code == 2 and f"tiny.yaml:6: parameter_set: {words}" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"values": {"EMAXX": 1.0}}, "mine.json: no parameter in hetrombopag_wang_2022: 'EMAXX'; did you mean EMAX"),
        (
            {"values": {"OMEGA_EC50": -1.0}},
            "mine.json: variance of EC50: seen -1.0; allowed: a finite number, 0 or more",
        ),
        ({"values": {"CL": -1.0}}, "mine.json: CL: value: seen -1; allowed: more than 0"),
        ({"values": {"ASSAY_CV": 1.5}}, "mine.json: ASSAY_CV: value: seen 1.5; a fraction must be below 1"),
        ({"values": {"CL": "7"}}, "mine.json: values.CL: seen '7'; allowed: a finite number"),
        ({"values": {"CL": float("nan")}}, "mine.json: values.CL: seen nan"),
        ({"rse_percent": {"VC": 10.0}}, "mine.json: rse_percent.VC: give the value too"),
        ({"note": None}, "mine.json: note: seen nothing; needed: text"),
        ({"extends": "hetrombopag_wong_2022"}, "did you mean hetrombopag_wang_2022"),
        ({"extends": "mine.json"}, "files extend each other in a circle"),
        ({"extends": "none.json"}, "mine.json: extends: there is no file"),
        ({"id": "hetrombopag_wang_2022"}, "mine.json: id: hetrombopag_wang_2022 is a set of the catalogue"),
        ({"id": "two words"}, "mine.json: id: seen 'two words'"),
    ],
    ids=lambda x: str(x)[:40],
)
def test_a_json_set_that_cannot_be_used(capsys, change, words):
    study(content={**RECORD, "rse_percent": {}, **change})
    for command in (["check", "tiny.yaml"], ["run", "tiny.yaml"]):
        code, _, err = outcome(capsys, *command)
        assert code == 2 and words in err, err
        assert err.startswith("tiny.yaml:6: parameter_set: "), err


@pytest.mark.parametrize(("takes", "refused"), [("()", True), ('("kill",)', False)])
def test_chemotherapy_is_for_a_set_whose_own_structure_knows_it(capsys, takes, refused):
    good = PYTHON.replace("[*others, 2 * plt]", "[*others, plt]")
    study("sets/twice.py", text=good.replace("rhs=rhs)", f"rhs=rhs, takes={takes})"))
    with Path("tiny.yaml").open("a") as file:
        file.write("chemotherapy: {first_day: 3, cycle_days: 21, cycles: 1, doses: [{day: 0}]}\n")
    code, _, err = outcome(capsys, "check", "tiny.yaml")
    told = "chemotherapy: parameter set twice_set has structure twice, which does not know chemotherapy"
    assert (code, told in err) == ((2, True) if refused else (0, False)), err


EDITED = """\
from dataclasses import replace
from cohorts.sets import parameter_set
S = parameter_set("hetrombopag_wang_2022")
def but(name, **change):
    return tuple(replace(p, **change) if p.name == name else p for p in S.parameters)
def without(name):
    return tuple(p for p in S.parameters if p.name != name)
def more(name):
    return (*S.parameters, replace(S.parameters[0], name=name))
PARAMETER_SET = replace(S, id="edited", {})
"""
MECHANISM = EDITED.replace("hetrombopag_wang_2022", "hetrombopag_itp_mei_2021").format("parameters={}")
BROKEN = {
    "PARAMETER_SET = (": "broken.py:1: not Python: ",
    "x = 1\ny = 1 / 0\n": "broken.py:2: ZeroDivisionError: division by zero",
    "import sys\nsys.exit(3)\n": "broken.py:2: SystemExit: 3",
    "import no_such_module_at_all": "broken.py:1: ModuleNotFoundError: No module named",
    "PARAMETER_SET = 5": "broken.py: PARAMETER_SET: seen 5",
    PYTHON + "STRUCTURE = 4\n": "broken.py: STRUCTURE: seen int",
    PYTHON.replace('id="twice", rhs', 'id="thrice", rhs'): "broken.py: structure: no structure 'twice'; known:",
    PYTHON.replace("2 * plt", "plt if y[0] > 1 else 0"): "broken.py: structure twice: its equations cannot be",
    EDITED.format('parameters=without("KINT")'): "broken.py: KINT: not given; structure tmdd_lifespan needs it",
    EDITED.format('parameters=without("FLUCT_SD")'): "broken.py: FLUCT_SD: not given; every set needs it",
    EDITED.format('parameters=but("Q", unit="L/d")'): "broken.py: Q: unit: seen 'L/d'; structure tmdd_lifespan takes",
    EDITED.format('parameters=but("Q", unit="furlong")'): "broken.py:5: ValueError: unit 'furlong' is not known",
    EDITED.format('parameters=but("Q", unit="")'): "broken.py:5: ValueError: unit '' is not known",
    EDITED.format('parameters=but("FLUCT_TAU", unit="h")'): "broken.py: FLUCT_TAU: unit: seen 'h'; it is read in 'd'",
    EDITED.format('parameters=but("VC", reported_as="")'): "broken.py: VC: reported_as: say on which scale",
    EDITED.format('parameters=but("Q", note="")'): "broken.py: Q: note: say why it was assumed",
    EDITED.format('parameters=more("MORE")'): "MORE: neither structure",
    MECHANISM.format('without("LS")'): "broken.py: LS: not given; structure tpo_mechanism needs it",
    MECHANISM.format('without("DESTRUCTION")'): "broken.py: DESTRUCTION: not given; structure tpo_mechanism needs it",
    MECHANISM.format('more("LIFE")'): "broken.py: LIFE: neither structure tpo_mechanism nor the trial",
    MECHANISM.format('more("KAB")'): "broken.py: KAB: given, but structure tpo_mechanism derives it",
    EDITED.format("correlations=(replace(S.correlations[0], value=1.0),)"): "covariance of the random effects",
    EDITED.format(
        "random_effects=(replace(S.random_effects[0], variance=-0.1),)"
    ): "variance of CL: seen -0.1; allowed: a finite",
}


@pytest.mark.parametrize(("text", "words"), BROKEN.items(), ids=lambda x: x[-50:])
def test_a_python_set_that_cannot_be_used_is_a_line_with_its_place(capsys, text, words):
    study("sets/broken.py", text=text)
    code, _, err = outcome(capsys, "check", "tiny.yaml")
    assert code == 2 and words in err, err
    assert "broken.py" in err


def test_a_file_changed_between_two_sittings_is_refused(capsys):
    study()
    folder = Path(".work.unfinished")
    tiny = load_study("tiny.yaml")
    from trial.app.attempt import identity
    from trial.app.folder import IDENTITY, begin

    assert begin(Path("work"), False, False, identity(tiny)) == folder.resolve()
    execute(tiny, folder, keep_units=True)
    study(content=RECORD | {"values": {"EMAX": 11.0}})
    code, _, err = run(capsys, "--out", "work", "--resume")
    assert code == 2 and "parameter_set was a file with sha256 " in err
    assert (folder / IDENTITY).is_file()
    study()
    assert run(capsys, "--out", "work", "--resume")[0] == 0


def test_catalogue_prints_a_set_of_a_file_in_80_columns(capsys):
    study()
    code, out, _ = outcome(capsys, "catalogue", "sets/mine.json")
    assert code == 0 and max(map(len, out.splitlines())) <= 80
    assert "OMEGA_EC50 = 0.3 (assumed, between patients 59.1 %)" in out
    assert "class nonresponder: 11 % of patients (NONRESP); EMAX is EMAX_NONRESP = 0" in out
    assert cv_to_variance(59.1) == pytest.approx(0.3, abs=1e-3)
    code, _, err = outcome(capsys, "catalogue", "sets/none.json")
    assert code == 2 and "there is no file" in err


@pytest.mark.slow
def test_runs_with_other_arms_or_endpoints_are_compared_in_what_they_share(capsys):
    study()
    assert run(capsys)[0] == 0
    assert run(capsys, "--out", "other", "--set", "arms.1.start_dose_mg=5")[0] == 0
    code, out, err = outcome(capsys, "compare", "runs/tiny", "other")
    assert code == 0 and "arm HIGH: start_dose_mg is 7.5 in runs/tiny, 5" in err and "the designs differ" in err
    assert "RESPW2" in out
    assert run(capsys, "--out", "fewer", "--set", "analysis.endpoints=[RESPW2]")[0] == 0
    code, out, err = outcome(capsys, "compare", "runs/tiny", "fewer")
    assert code == 0 and "left out, only in runs/tiny: endpoints " in err
    assert {line.split()[0] for line in out.splitlines() if line.startswith(("RESP", "COMPL"))} == {"RESPW2"}
