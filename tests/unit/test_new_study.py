"""vtrial new: typed answers become a study that passes every check and runs."""

import io

import pytest

from trial.cli import main
from trial.study.load import load_study

TYPED = ["", "", "2.5 and 5", "5, placebo", "", "8", "14", "", "", "RESPW7", "RESPW8", "0", "12", "1", "7"]


@pytest.fixture
def typed(monkeypatch):
    def type_(lines):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type_


def test_typed_answers_become_a_study_that_runs(tmp_path, typed, capsys):
    path = tmp_path / "mine.yaml"
    typed(TYPED)
    assert main(["new", str(path)]) == 0
    asked = capsys.readouterr().err
    assert "[2.5, 5, placebo]" in asked, "defaults stand in brackets"
    assert "arms: seen '2.5 and 5'; allowed: doses in mg between commas" in asked
    assert "day 49 is no visit; allowed: RESPW2, RESPW4, RESPW6, RESPW8" in asked
    assert "patients: seen '0'; allowed: a whole number from 1" in asked
    study = load_study(path)
    assert (study.patients, study.replicates, study.seed, study.treatment_days) == (12, 1, 7, 56)
    assert study.arm_ids == ("DOSE-5", "Placebo") and study.visits.days == (14, 28, 42, 56)
    assert study.analysis.primary == "RESPW8" and study.rescue.allowed
    assert main(["check", str(path)]) == 0
    assert main(["run", str(path), "--no-report", "--workers", "1", "--out", str(tmp_path / "run")]) == 0
    assert "# the same seed and config give the same numbers" in path.read_text(encoding="utf-8")


def test_without_a_terminal_options_and_defaults_are_enough_and_nothing_is_overwritten(tmp_path, typed, capsys):
    path = tmp_path / "mine.yaml"
    typed([])
    options = ["--arms", "2.5, 5", "--rule", "fixed", "--rescue", "no", "--design", "counterfactual", "--seed", "3"]
    assert main(["new", str(path), *options]) == 0
    study = load_study(path)
    assert study.allocation == "counterfactual" and not study.rescue.allowed and study.seed == 3
    assert all(arm.dose_rule is None for arm in study.arms) and study.patients == 100
    before = path.read_bytes()
    typed([])
    assert main(["new", str(path)]) == 2 and path.read_bytes() == before
    assert "--overwrite replaces" in capsys.readouterr().err
    typed([])
    assert main(["new", str(path), "--overwrite", "--weeks", "4"]) == 0 and path.read_bytes() != before


def test_the_levels_of_an_own_rule_end_at_one_and_a_half_times_the_highest_dose(tmp_path, typed):
    typed([])
    assert main(["new", str(tmp_path / "s.yaml"), "--arms", "5, 2.5, placebo", "--weeks", "500"]) == 0
    rule = load_study(tmp_path / "s.yaml").dose_rules["titration"]
    assert list(rule.ladder_mg) == [2.5, 5, 7.5]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--drug", "hetrombopag_itp_mei"], "--drug: seen 'hetrombopag_itp_mei'"),
        (["--weeks", "ten"], "--weeks: seen 'ten'; allowed: a whole number from 1 to 500"),
        (["--arms", "placebo"], "--arms: seen no dose"),
        (["--arms", "5, 5"], "--arms: seen '5' twice"),
        (["--rule", "eltrombopag_eu"], "has no level of 2.5 mg"),
        (["--population", "healthy_zheng_2017"], "these answers make no study: population: "),
    ],
)
def test_wrong_answers_are_refused_and_nothing_is_written(options, said, tmp_path, typed, capsys):
    typed([])
    assert main(["new", str(tmp_path / "mine.yaml"), *options]) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_the_name_becomes_the_id(tmp_path, typed, capsys):
    for name in ("study", "1st.yaml", "a b.yaml"):
        typed([])
        assert main(["new", str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err
