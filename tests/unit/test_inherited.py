"""Labels follow the dose; free text that was written for other values is marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from trial.cli import main
from trial.errors import ConfigError
from trial.study.load import load_config, load_study, resolved_yaml

PHASE_3 = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"


def child(folder: Path, text: str, parent: Path = PHASE_3, name: str = "child") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"extends: {parent}\nid: {name}\n{text}")
    return path


def test_a_label_follows_the_dose():
    arms = load_study(PHASE_3, ["arms.1.start_dose_mg=3.75"]).arms
    assert [arm.name for arm in arms] == ["Hetrombopag, start 2.5 mg", "Hetrombopag, start 3.75 mg", "Placebo"]


def test_a_label_that_says_another_dose_is_set_right_and_warned_of(tmp_path, capsys):
    arms = (
        "arms:\n  - {id: A, label: drug 5 mg, start_dose_mg: 7.5}\n  - {id: B, label: 'B, 5,0 mg', start_dose_mg: 5}\n"
    )
    path = child(tmp_path, arms + "dropout: []\npublished: null\nanalysis: {reference_arm: null}\n")
    assert [arm.name for arm in load_study(path).arms] == ["drug 5 mg [start 7.5 mg]", "B, 5,0 mg"]
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().err
    assert "arms.0.label: seen 'drug 5 mg', but the start dose is 7.5 mg" in said and "arms.1.label" not in said


def test_an_unknown_word_in_a_label_is_refused():
    with pytest.raises(ConfigError) as caught:
        load_study(PHASE_3, ["arms.0.label='start {dose_mg}'"])
    assert "arms.0.label: seen '{dose_mg}'" in str(caught.value) and "{start_dose_mg}" in str(caught.value)


def test_assumptions_that_are_inherited_say_so_and_what_is_changed(tmp_path):
    study = load_study(child(tmp_path, "adherence: {mean: 0.5, sd: 0.1}\n"))
    first, *others = study.assumptions
    assert first.endswith(
        "stand in hetrombopag_itp_phase3.yaml and were written for it. Changed here: adherence.mean, adherence.sd."
    )
    assert all(text.startswith("[inherited] ") for text in others) and any("88 %" in text for text in others)
    assert study.title.endswith(
        "[inherited from hetrombopag_itp_phase3.yaml; changed here: adherence.mean, adherence.sd]"
    )
    path = tmp_path / "resolved.yaml"
    path.write_text(resolved_yaml(study))
    assert load_study(path).assumptions == study.assumptions, "marked once"


@pytest.mark.parametrize("text", ["", "title: My own\nseed: 3\nreplicates: 4\npatients: 10\n"])
def test_what_is_only_named_or_sized_anew_is_not_marked(tmp_path, text):
    study = load_study(child(tmp_path, text))
    assert study.assumptions == load_study(PHASE_3).assumptions
    assert study.title in ("My own", load_study(PHASE_3).title)


def test_text_of_ones_own_is_not_marked_by_what_stands_above_it(tmp_path):
    """A grandchild marks what it inherits; the child's own assumptions speak of the child's own values."""
    middle = child(tmp_path, "adherence: {mean: 0.5}\nassumptions: [half of the doses]\n", name="middle")
    assert load_study(middle).assumptions == ("half of the doses",)
    last = load_study(child(tmp_path, "treatment_days: 60\n", parent=middle, name="last"))
    assert last.assumptions[0].endswith("middle.yaml and were written for it. Changed here: treatment_days.")
    assert last.assumptions[1] == "[inherited] half of the doses"


def test_a_change_on_the_command_line_marks_too():
    study = load_study(PHASE_3, ["adherence.mean=0.5", "assumptions.0=mine"])
    assert study.assumptions[1:3] == (
        "mine",
        "[inherited] No rule stops treatment for lack of effect in the 10-week stage.",
    )
    assert "adherence.mean" in study.assumptions[0]


def test_the_source_of_a_dose_rule_is_marked_when_the_rule_is_changed(tmp_path):
    study = load_study(child(tmp_path, "dose_rules: {titration: {ladder_mg: [2.5, 5]}}\n"))
    assert study.dose_rules["titration"].source.endswith("changed here: ladder_mg]")
    assert "inherited" not in load_study(child(tmp_path, "treatment_days: 60\n")).dose_rules["titration"].source


def test_arms_that_their_doses_tell_apart_are_not_called_alike():
    assert not any("cannot tell" in line for line in load_config(PHASE_3).warnings)
    alike = load_config(PHASE_3, ["arms.1.start_dose_mg=2.5"]).warnings
    assert any("'Hetrombopag, start 2.5 mg', which also names the arm HETROM-2.5" in line for line in alike)


@pytest.mark.parametrize(
    "text", ["adherence: {mean: 0.88, sd: 0.1124}\n", "visits: {days: [7, 14, 21, 28, 35, 42, 49, 56, 63, 70]}\n"]
)
def test_what_is_written_again_unchanged_is_no_change(tmp_path, text):
    study = load_study(child(tmp_path, text))
    assert (study.title, study.assumptions) == (load_study(PHASE_3).title, load_study(PHASE_3).assumptions)
    changed = child(tmp_path, "adherence: {mean: 0.5}\n", name="changed")
    assert load_study(changed, ["adherence.mean=0.88"]).title == study.title, "set back to what the text speaks of"


def test_null_takes_away_what_is_inherited_and_nothing_else(tmp_path):
    """A misspelt rule that is null would leave the rule in force without a word."""
    text = "dose_rules: {titraton: null}\n"
    with pytest.raises(ConfigError) as caught:
        load_study(child(tmp_path, text))
    assert "child.yaml:3: dose_rules.titraton: seen nothing; null takes an inherited rule away" in str(caught.value)
    assert str(caught.value).endswith("allowed: titration; did you mean titration?")
    arms = "".join(f"  - {{id: {name}, start_dose_mg: 5}}\n" for name in ("HETROM-2.5", "HETROM-5", "Placebo"))
    fixed = load_study(child(tmp_path, f"dose_rules: null\nrandomisation: {{block_size: 3}}\narms:\n{arms}"))
    assert fixed.dose_rules == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dose_rules: {titration: null}\n", "3: dose_rules.titration: null takes the inherited rule away"),
        ("dose_rules: null\n", "3: dose_rules: null takes the inherited rules away; inherited keys"),
        ("arms:\n  - {id: HETROM-5, start_dose_mg: 5}\n", "keys still name HETROM-2.5, Placebo"),
        ("visits: {days: [7, 14, 28]}\n", "3: visits.days: this list takes the place of the inherited one; inherited"),
    ],
)  # fmt: skip
def test_what_was_taken_away_is_named_where_it_was(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        load_study(child(tmp_path, text))
    assert said in str(caught.value) and "did you mean" not in str(caught.value)
