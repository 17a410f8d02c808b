"""The library of dose rules: every file is sound and says where it is from; a study names one."""

import tomllib
from pathlib import Path

import pytest

from trial.app.echo import in_words
from trial.cli import main
from trial.errors import ConfigError
from trial.study.load import load_study, load_text, resolved_yaml
from trial.study.rule_library import FOLDER, library_names, library_rule

SMOKE = "configs/smoke.yaml"
WANTED = {
    "hetrombopag_phase3_assumed", "hetrombopag_nct06478537", "eltrombopag_us", "eltrombopag_eu", "eltrombopag_china",
    "avatrombopag_us",
}  # fmt: skip


@pytest.mark.parametrize("name", library_names())
def test_each_rule_has_a_citation_a_confidence_and_a_status_of_every_line(name):
    rule = library_rule(name)
    assert len(rule.citation) > 20 and rule.confidence and rule.source
    parts = [*rule.ladder, *rule.steps, *([rule.restart] if rule.restart else [])]
    assert all(part.status in ("read", "assumed") for part in parts)
    if any(part.status == "assumed" for part in parts):
        assert "assumed" in rule.source.lower()


def test_the_rules_that_are_promised_are_there_and_in_the_folder_of_configs():
    assert set(library_names()) >= WANTED
    assert {path.stem for path in Path("configs/rules").glob("*.yaml")} == set(library_names())


def test_what_is_installed_has_the_files():
    """They lie inside the package, and the build names them."""
    assert FOLDER.parent.name == "study" and FOLDER.is_dir()
    built = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert built["trial"] == ["study/library/*.yaml", "study/responses.yaml"]


def test_the_rule_of_phase_iii_is_that_of_the_published_study():
    """The same levels and lines; only the statuses are new."""
    ours, study = (
        library_rule("hetrombopag_phase3_assumed"),
        load_study("configs/published/hetrombopag_itp_phase3.yaml"),
    )
    theirs = study.dose_rules["titration"]
    assert [level.dose_mg for level in ours.levels] == list(theirs.ladder_mg) and ours.daily
    assert [step.model_copy(update={"status": None}) for step in ours.steps] == list(theirs.steps)
    assert ours.restart.model_copy(update={"status": None}) == theirs.restart and ours.at_floor == theirs.at_floor


@pytest.mark.parametrize(("name", "count", "wanted"), [
    ("eltrombopag_us", [200, 400, 401, 50, 49], ["decrease", "decrease", "interrupt", "keep", "increase"]),
    ("eltrombopag_china", [151, 250, 251, 150, 49], ["decrease", "decrease", "interrupt", "keep", "increase"]),
    ("eltrombopag_eu", [150, 250, 251, 149, 49], ["decrease", "decrease", "interrupt", "keep", "increase"]),
    ("avatrombopag_us", [200, 400, 401, 50, 49], ["decrease", "decrease", "interrupt", "keep", "increase"]),
    ("hetrombopag_nct06478537", [601, 600, 300, 299], ["decrease", "keep", "keep", "increase"]),
])  # fmt: skip
def test_the_counts_of_the_labels_on_a_middle_level(name, count, wanted):
    """As the citation says them, 14 days after a change."""
    steps = [s for s in library_rule(name).steps if s.rung == "any"]
    found = [next(s.action for s in steps if s.at_least_1e9L <= x < s.below_1e9L) for x in count]
    assert found == wanted


def test_a_study_names_a_rule_and_its_resolved_config_holds_it():
    study = load_study(SMOKE, [f"arms.{k}.dose_rule=hetrombopag_nct06478537" for k in range(3)])
    rule = study.dose_rules["hetrombopag_nct06478537"]
    assert rule == library_rule("hetrombopag_nct06478537") and load_text(resolved_yaml(study), "again") == study
    (said,) = [line for line in in_words(study) if line.startswith("dose rule hetrombopag_nct06478537")]
    assert "2.5 mg every other day -> 2.5 mg daily -> 5 mg daily" in said
    assert "decrease at 601 or more (2 visits in a row)" in said and "NCT06478537" in said and "confidence A" in said
    assert "not read there, assumed: level 2.5 mg every other day" in said


def test_a_rule_of_ones_own_of_that_name_comes_first():
    own = "dose_rules.eltrombopag_us={ladder_mg: [2.5, 5], steps: [{action: keep}], source: mine}"
    study = load_study(SMOKE, [own, "arms.0.dose_rule=eltrombopag_us"])
    assert study.dose_rules["eltrombopag_us"].source == "mine"


def test_one_number_of_a_library_rule_may_be_set(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(
        f"extends: {Path(SMOKE).resolve()}\ndose_rules: null\nrandomisation: {{block_size: 2}}\ndropout: []\n"
        "arms:\n- {id: A, start_dose_mg: 5, dose_rule: hetrombopag_phase3_assumed}\n"
        "- {id: Placebo, placebo: true, start_dose_mg: 5, dose_rule: hetrombopag_phase3_assumed}\n"
    )
    study = load_study(path, ["dose_rules.hetrombopag_phase3_assumed.steps.0.at_least_1e9L=400"])
    rule = study.dose_rules["hetrombopag_phase3_assumed"]
    assert rule.steps[0].at_least_1e9L == 400 and "changed here" in rule.source.lower()


def test_an_unknown_rule_is_answered_with_the_nearest():
    with pytest.raises(ConfigError) as caught:
        load_study(SMOKE, ["arms.0.dose_rule=eltrombopag_usa"])
    text = str(caught.value)
    assert "seen 'eltrombopag_usa', which is not an entry of dose_rules, nor of the library" in text
    assert "allowed: titration, avatrombopag_us" in text and "did you mean eltrombopag_us?" in text


def test_a_start_dose_off_the_ladder_of_a_library_rule_is_refused():
    with pytest.raises(ConfigError, match=r"seen 2.5, which is not on the ladder of eltrombopag_us; allowed: 12.5, 25"):
        load_study(SMOKE, ["arms.0.dose_rule=eltrombopag_us"])


def test_the_catalogue_lists_and_shows_them(capsys):
    assert main(["catalogue"]) == 0
    assert "Dose rules" in (out := capsys.readouterr().out) and "  avatrombopag_us\n" in out
    assert main(["catalogue", "avatrombopag_us"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "level 3: 20 mg (read)" in out and "steps.5: increase below 50 (14 days after a change) (read)" in out
