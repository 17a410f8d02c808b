"""What a user's own set may not say: file, name, what was seen and what is allowed, JSON and Python alike."""

import json
from pathlib import Path

import pytest

from cohorts.brought import PatientsError, read_patients
from cohorts.own import LARGEST_BYTES
from cohorts.parameters import LARGEST_VARIANCE
from cohorts.sets import SetError, parameter_set
from trial.study.checks import unknown_covariates, unusable_patients, unusable_set

CASES = Path(__file__).parents[1] / "faults" / "engine"
FUZZ = Path(__file__).parents[1] / "faults" / "fuzz" / "inputs"
HEAD = """\
from dataclasses import replace
from cohorts.parameters import Correlation, CovariateEffect, PatientClass, RandomEffect, Range
from cohorts.sets import parameter_set
S = parameter_set("hetrombopag_wang_2022")
SRC = S.parameters[0].source
def but(name, **change):
    return tuple(replace(p, **change) if p.name == name else p for p in S.parameters)
def cov(*a, **more):
    return (*S.covariate_effects, CovariateEffect(*a, SRC, "assumed", note="n", **more))
def eff(*a, **more):
    return (*S.random_effects, RandomEffect(*a, "test", SRC, "assumed", **more))
"""
RECORD = {"id": "mine", "extends": "hetrombopag_wang_2022", "values": {}, "targets": [], "note": "n"}


def said(path: Path) -> str:
    return "\n".join(text for _, text in unusable_set({"parameter_set": str(path)}))


def python(tmp_path, change):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + f'PARAMETER_SET = replace(S, id="mine", {change})\n')
    return said(path)


def of_json(tmp_path, change):
    path = tmp_path / "mine.json"
    path.write_text(change if isinstance(change, str) else json.dumps(RECORD | change))
    return said(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("02_level_typo.py", "variance of CL: level: seen 'id'; allowed: patient, occasion"),
        ("03_factor_reference.py", "SEX on CL: reference: seen 'female'; allowed: F, M; did you mean F?"),
        ("04_form_linear.py", "WEIGHT on CL: form: seen 'linear'; allowed: power, factor"),
        ("07_correlation_twice.py", "correlation of VC and CL: seen 0.9 and -0.9; allowed: one value for a pair"),
        ("08_lag_30h.json", "LAG: value: seen 30; allowed: at most 23 h"),
        ("10_equals_in_rhs.py", "a right-hand side must not branch on a value (if, <, ==, !=, in)"),
        ("13_fraction_omega.py", "variance of BLEED_RHO: scale: seen 'log'; allowed: logit (BLEED_RHO lies between"),
        ("18_omega_1000.json", "variance of CL: seen 1000.0; allowed: a finite number, 0 or more, at most 10"),
    ],
)
def test_the_cases_are_refused_with_the_place(name, words):
    assert words in said(CASES / name) and said(CASES / name).startswith(name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('random_effects=eff("CLL", 0.1, level="occasion")', "no parameter in mine: 'CLL'; did you mean CL"),
        ('random_effects=eff("Q", 0.1, level="Patient")', "level: seen 'Patient'; allowed: patient, occasion; did you"),
        ('random_effects=eff("Q", 0.1, scale="log10")', "scale: seen 'log10'; allowed: log, logit; did you mean log"),
        ('random_effects=eff("Q", 60.0)', "variance of Q: seen 60.0; allowed: a finite number, 0 or more, at most 10"),
        ('random_effects=eff("Q", 60.0)', "(a CV of 60 % is 0.307)"),
        ('random_effects=eff("Q", "0.1")', "variance of Q: seen 0.1; allowed: a finite number"),
        ('random_effects=eff("Q", 0.1, scale="logit")', "scale: seen 'logit'; allowed: log (Q has no upper end)"),
        ('random_effects=eff("NONRESP", 0.1, scale="logit", level="occasion")', "patients are in class nonresponder"),
        ('random_effects=eff("EMAX_NONRESP", 0.1)', "variance of EMAX_NONRESP: changes nothing: EMAX_NONRESP is 0"),
        ('random_effects=eff("BASE", 0.1)', "variance of BASE: changes nothing: the patient's own count"),
        ('covariate_effects=cov("BASE", "SEX", "factor", 0.5, "M")', "SEX on BASE: changes nothing"),
        ('covariate_effects=cov("CL", "SEX", "factor", 0.0, "M")', "SEX on CL: value: seen 0.0; allowed: more than 0"),
        ('covariate_effects=cov("CL", "SEX", "factor", -1.0, "M")', "SEX on CL: value: seen -1.0; allowed: more than"),
        ('covariate_effects=cov("CL", "SEX", "factor", float("nan"), "M")', "SEX on CL: value: seen nan; allowed: a f"),
        ('covariate_effects=cov("CL", "AGE", "power", 1.0, 0.0)', "AGE on CL: reference: seen 0.0; allowed: a number"),
        ('covariate_effects=cov("CL", "AGE", "power", 1.0, "F")', "AGE on CL: reference: seen 'F'; allowed: a number"),
        ('covariate_effects=cov("CL", "SEX", "power", 1.0, 2.0)', "SEX on CL: form: seen 'power'; allowed: factor"),
        ('covariate_effects=cov("CL", "AGE", "factor", 2.0, "65")', "AGE on CL: form: seen 'factor'; allowed: power"),
        ('covariate_effects=cov("CL", "SEX", "factor", 2.0, "M", category="W")', "category: seen 'W'; allowed: F, M"),
        ('covariate_effects=cov("CL", "SEX", "factor", 2.0, "M", category="M")', "category: seen 'M'; allowed: anoth"),
        ('covariate_effects=cov("BLEED_RHO", "SEX", "factor", 2.0, "M")', "SEX on BLEED_RHO: scale: seen 'log'; allow"),
        ('covariate_effects=cov("CL", "WEIGHT", "power", 1.0, 70.0)', "listed more than once: WEIGHT on CL"),
        ('parameters=but("CL", rse_percent=-10.0)', "CL: rse_percent: seen -10.0; allowed: more than 0 (%), or none"),
        ('parameters=but("BASE", rse_percent=10.0)', "BASE: rse_percent: changes nothing"),
        ('parameters=but("CL", value="7")', "CL: value: seen 7; allowed: a finite number"),
        ('parameters=but("CL", reported_as=5)', "parameters.CL.reported_as: seen 5; allowed: text"),
        ('parameters=but("CL", targets="abc")', "parameters.CL.targets: seen 'abc'; allowed: a list"),
        ('parameters=but("CL", status="guessed")', "parameters.CL.status: seen 'guessed'; allowed: published, derived"),
        ('parameters=but("TSWITCH", value=30.0)', "TSWITCH: value: seen 30; allowed: at most 23.5 h"),
        ('parameters=but("LAG", value=4.0)', "LAG: value: seen 4; allowed: at most TSWITCH, 3.28"),
        ('title=5', "title: seen 5; allowed: text"),
        ('validity=replace(S.validity, dose_low_mg=50.0)', "validity: dose_low_mg: seen 50; allowed: more than 0, at"),
        ('validity=replace(S.validity, ranges=(Range("AGEE", 1.0, 2.0, "y", SRC),))', "ranges: seen 'AGEE'; allowed:"),
        ('validity=replace(S.validity, ranges=(Range("AGE", 20.0, 2.0, "y", SRC),))', "AGE: seen 20 to 2; allowed:"),
        ('validity=replace(S.validity, ranges=(Range("AGE", 2.0, 20.0, "d", SRC),))', "AGE: unit: seen 'd'; it is"),
        ('classes=(PatientClass("a", "EMAX", "KIN", "EMAX_NONRESP"),)', "class a: share: EMAX is in '1'; a fraction"),
    ],
)  # fmt: skip
def test_a_python_set_is_refused(tmp_path, change, words):
    assert words in python(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"values": 5.0}, "values: seen 5.0; allowed: names with values"),
        ({"values": {"CL": True}}, "values.CL: seen True; allowed: a finite number"),
        ({"values": {"CL": 10**400}}, "values.CL: seen inf; allowed: a finite number"),
        ({"values": {"OMEGA_CL": 60.0}}, "variance of CL: seen 60.0"),
        ({"values": {"CL": 7.0}, "rse_percent": {"CL": -10.0}}, "CL: rse_percent: seen -10.0; allowed: more than 0"),
        ({"rse_percents": {"CL": 1.0}}, "rse_percents: unknown key; did you mean rse_percent?"),
        ({"structure": "tpo_mechanism"}, "structure: unknown key"),
        ({"targets": [1]}, "targets.0: seen 1; allowed: text"),
        ({"uncertainty": "x"}, "uncertainty: seen 'x'; allowed: names with values"),
        ({"uncertainty": {"names": ["CL"]}}, "uncertainty.rse_percent: seen nothing; needed"),
        ({"id": "x" * 1000}, "id: seen 'xxx"),
        ({"extends": "\0.json"}, "no file can have that name"),
        ({"title": 5}, "title: seen 5; allowed: text"),
        ({"validity": {"dose_low_mg": "5"}}, "validity.dose_low_mg: seen '5'; allowed: a finite number"),
        ({"validity": {"doselow_mg": 5.0}}, "validity.doselow_mg: unknown key; did you mean dose_low_mg?"),
        ({"random_effects": [{"parameter": "Q", "variance": 0.1, "level": "id"}]},
         "random_effects.Q.level: seen 'id'; allowed: patient, occasion"),
        ({"random_effects": [{"parameter": "Q", "varience": 0.1}]}, "random_effects.Q.varience: unknown key"),
        ({"random_effects": [{"parameter": "QQ", "variance": 0.1}]}, "no parameter in hetrombopag_wang_2022: 'QQ'"),
        ({"covariate_effects": [{"parameter": "CL", "covariate": "SEX", "form": "factor", "value": 2.0,
                                 "reference": "male"}]}, "SEX on CL: reference: seen 'male'; allowed: F, M; did you"),
        ({"correlations": [{"a": "CL", "b": "VC", "value": 2.0}]}, "correlation of CL and VC: seen 2; allowed: betwe"),
        ('{"id": "a", "id": "b"}', "id: seen the key twice; allowed: once"),
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "seen [1]; needed: keys id, extends"),
    ],
    ids=lambda x: str(x)[:50],
)  # fmt: skip
def test_a_json_set_is_refused(tmp_path, change, words):
    found = of_json(tmp_path, change)
    assert words in found and found.startswith("mine.json: "), found


@pytest.mark.parametrize("path", sorted(FUZZ.glob("set_*.json")), ids=lambda p: p.stem)
def test_inputs_of_the_fuzzer_are_refused_by_name(path):
    assert said(path).startswith(path.name)


def test_only_regular_files_of_a_decent_size_are_read(tmp_path):
    (tmp_path / "big.json").write_bytes(b" " * (LARGEST_BYTES + 1))
    (tmp_path / "child.json").write_text(json.dumps(RECORD | {"extends": "big.json"}))
    assert "allowed: at most 10.0 MiB" in said(tmp_path / "child.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    with pytest.raises(SetError, match="no regular file"):
        parameter_set(str(tmp_path / "zero.json"))


def test_a_json_set_may_say_all_that_a_python_set_may(tmp_path):
    """Title, drug, validity, effects, correlations, classes; what it does not say is its parent's."""
    change = {
        "values": {"EC50": 40.0, "OMEGA_EC50": 0.5},
        "drug": "inventapag",
        "validity": {"population": "children", "dose_high_mg": 5.0,
                     "ranges": [{"covariate": "AGE", "low": 6.0, "high": 17.0, "unit": "y"}]},
        "random_effects": [{"parameter": "Q", "variance": 0.2, "level": "occasion"},
                           {"parameter": "CL", "variance": 0.3}],
        "covariate_effects": [{"parameter": "CL", "covariate": "SEX", "form": "factor", "value": 0.8, "reference": "M"},
                              {"parameter": "BLEED_RHO", "covariate": "SEX", "form": "factor", "value": 2.0,
                               "reference": "M", "scale": "logit"}],
        "correlations": [{"a": "CL", "b": "VC", "value": 0.2}],
    }  # fmt: skip
    assert of_json(tmp_path, change) == ""
    mine, base = parameter_set(str(tmp_path / "mine.json")), parameter_set("hetrombopag_wang_2022")
    assert (mine.drug, mine.validity.population, mine.validity.dose_low_mg) == ("inventapag", "children", 2.5)
    assert [(r.covariate, r.low, r.high) for r in mine.validity.ranges] == [("AGE", 6.0, 17.0)]
    assert mine.title == "Changed from hetrombopag_wang_2022: EC50, OMEGA_EC50, Q, CL, CL VC, SEX CL and 1 more"
    assert mine.variances == base.variances | {"OMEGA_CL": 0.3, "OMEGA_EC50": 0.5, "OCCASION_Q": 0.2}
    assert [c.value for c in mine.correlations] == [0.2] and len(mine.covariate_effects) == 4
    assert mine.random_effects[0].status == "assumed" and "own file" in mine.random_effects[0].source.text
    of_json(tmp_path, {"title": "Inventapag in children"})
    assert parameter_set(str(tmp_path / "mine.json")).title == "Inventapag in children"


def test_both_values_of_a_calibration_may_be_replaced(tmp_path):
    """Four values of eltrombopag_itp_bussel_2007 are off together: with all replaced that is gone."""
    four = {"EC50": 5.0, "OMEGA_EC50": 0.5, "KAPPA": 50.0, "NONRESP": 0.2}
    change = {"extends": "eltrombopag_itp_bussel_2007", "values": four}
    assert of_json(tmp_path, change) == ""
    assert parameter_set(str(tmp_path / "mine.json")).uncertainty == ()
    of_json(tmp_path, change | {"values": {"EC50": 5.0}})
    assert parameter_set(str(tmp_path / "mine.json")).uncertainty[0].names == ("OMEGA_EC50", "KAPPA", "NONRESP")


OWN = "AGE,SEX,HEIGHT,WEIGHT,ITPDUR,SPLENFL,CONITPFL,BLPLAT,ALB,GENE\n45,F,162,60.5,3.5,N,Y,14,{},{}\n"


@pytest.mark.parametrize(
    ("cells", "effect", "words"),
    [
        (("", "CC"), ("ALB", "power", 40.0), "line 2: ALB: seen an empty cell; allowed: a number above 0"),
        (("low", "CC"), ("ALB", "power", 40.0), "line 2: ALB: seen 'low'; allowed: a number above 0"),
        (("-3", "CC"), ("ALB", "power", 40.0), "line 2: ALB: seen '-3'; allowed: a number above 0"),
        (("3", ""), ("GENE", "factor", "CC"), "line 2: GENE: seen an empty cell; allowed: a word"),
        (
            ("3", "TT"),
            ("GENE", "factor", "CC"),
            "column GENE: no patient is 'CC', the reference of GENE on CL; seen: TT",
        ),
        (
            ("3", "CC"),
            ("ALBU", "power", 40.0),
            "column ALBU is missing: ALBU on CL of mine needs it; did you mean ALB?",
        ),
    ],
)
def test_own_columns_that_cannot_be_covariates(tmp_path, cells, effect, words):
    (tmp_path / "people.csv").write_text(OWN.format(*cells))
    name, form, reference = effect
    entry = {"parameter": "CL", "covariate": name, "form": form, "value": 0.5, "reference": reference}
    of_json(tmp_path, {"covariate_effects": [entry]})
    data = {"parameter_set": str(tmp_path / "mine.json"), "population": {"file": str(tmp_path / "people.csv")}}
    assert any(words in text for _, text in unusable_patients(data))
    data["population"] = {"id": "chronic_itp_mei_2021"}
    found = [text for _, text in unknown_covariates(data)]
    assert found and f"column {name} is missing" in found[0] and "population.file" in found[0]


def test_an_own_column_without_effect_is_left_alone(tmp_path):
    (tmp_path / "people.csv").write_text(OWN.format("", ""))
    assert read_patients(tmp_path / "people.csv").ignored == ("ALB", "GENE")
    with pytest.raises(PatientsError):
        read_patients(tmp_path / "none.csv")


def test_a_python_set_that_needs_the_files_beside_it_is_refused_before_it_is_copied(tmp_path):
    (tmp_path / "mine.py").write_text("from pathlib import Path\nA = Path(__file__).with_name('x.csv')\n")
    assert said(tmp_path / "mine.py").startswith("mine.py:2: NameError: a set must stand alone")


def test_the_largest_variance_is_no_typed_in_percentage():
    assert LARGEST_VARIANCE < 15
