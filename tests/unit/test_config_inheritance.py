"""extends, --set, resolved YAML, and the agreement of records, README and schema."""

import json
import re
from pathlib import Path

import pytest

from trial.app.schema import json_schema, key_table
from trial.errors import ConfigError
from trial.study.keys import keys_of
from trial.study.load import load_study, resolved_yaml
from trial.study.study import Study

CONFIGS = Path(__file__).parents[2] / "configs"
PHASE_3 = CONFIGS / "published" / "hetrombopag_itp_phase3.yaml"
NO_STUDY = re.compile(r"^(study|fitted):", re.M)
"""A design or a goal names its study; a calibration fits."""
STUDIES = [path for path in sorted(CONFIGS.rglob("*.yaml")) if not NO_STUDY.search(path.read_text())]


def child(tmp_path, text):
    path = tmp_path / "child.yaml"
    path.write_text(f"extends: {PHASE_3}\n{text}")
    return path


def error_of(path, **kwargs):
    with pytest.raises(ConfigError) as caught:
        load_study(path, **kwargs)
    return caught.value.messages


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_resolved_yaml_is_the_same_study(tmp_path, path):
    study = load_study(path)
    (tmp_path / "resolved.yaml").write_text(resolved_yaml(study), encoding="utf-8")
    assert load_study(tmp_path / "resolved.yaml") == study


def test_the_phase_3_study_is_the_published_one():
    """Mei 2021: 424 patients, 2:2:1, ladder 2.5 to 7.5 mg, 10 weeks; 8 weeks to the primary endpoint."""
    study = load_study(PHASE_3)
    assert study.patients == 424
    assert [arm.ratio for arm in study.arms] == [2, 2, 1]
    assert study.dose_rules["titration"].ladder_mg == (2.5, 3.75, 5, 7.5)
    assert (study.treatment_days, study.analysis.assessment_day) == (70, 56)


def test_dropout_hazards_give_the_published_counts_over_ten_weeks():
    """2/168, 2/171, 4/85 stopped for an adverse event (Table 4): p = 1 - exp(-10 h)."""
    hazards = load_study(PHASE_3).dropout[0].hazard_per_week
    expected = {"HETROM-2.5": 2 / 168, "HETROM-5": 2 / 171, "Placebo": 4 / 85}
    assert {arm: 1 - 2.718281828 ** (-10 * h) for arm, h in hazards.items()} == pytest.approx(expected, rel=0.005)


def test_fifth_centile_of_adherence():
    """Beta with the config's mean and SD has its 5th centile at 0.65 (scipy)."""
    from scipy.stats import beta

    adherence = load_study(PHASE_3).adherence
    size = adherence.mean * (1 - adherence.mean) / adherence.sd**2 - 1
    assert beta.ppf(0.05, adherence.mean * size, (1 - adherence.mean) * size) == pytest.approx(0.65, abs=0.001)


def test_mappings_merge_lists_and_values_are_replaced(tmp_path):
    study = load_study(
        child(
            tmp_path,
            "visits:\n  days: [7, 28, 56]\nassumptions: [one]\npk_sampling: null\nanalysis:\n  endpoints: []\n",
        )
    )
    parent = load_study(PHASE_3)
    assert study.visits.days == (7, 28, 56)
    assert study.visits.window_days == parent.visits.window_days
    assert study.assumptions == ("one",)
    assert study.pk_sampling is None
    assert study.published == parent.published


def test_an_error_in_the_parent_names_the_parent(tmp_path):
    (tmp_path / "parent.yaml").write_text(
        PHASE_3.read_text()
        .replace("patients: 424", "patients: -1")
        .replace("rows: het", f"rows: {PHASE_3.parent}/het")
        .replace("baseline: het", f"baseline: {PHASE_3.parent}/het")
    )
    (tmp_path / "child.yaml").write_text("extends: parent.yaml\nid: child\nreplicates: 0\n")
    first, second = error_of(tmp_path / "child.yaml")
    assert first.endswith("child.yaml:3: replicates: seen 0; allowed: 1 or more")
    line = PHASE_3.read_text().splitlines().index("patients: 424 # Mei 2021: 168 + 171 + 85 randomised") + 1
    assert second.endswith(f"parent.yaml:{line}: patients: seen -1; allowed: 1 or more")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: nowhere.yaml", "there is no file"),
        ("extends: [a.yaml]", "the name of one YAML file"),
        ("extends: child.yaml", "circle: child.yaml -> child.yaml"),
    ],
)
def test_bad_extends(tmp_path, text, words):
    (tmp_path / "child.yaml").write_text(f"id: x\n{text}\n")
    (message,) = error_of(tmp_path / "child.yaml")
    assert "child.yaml:2: extends: " in message and words in message


def test_a_longer_circle(tmp_path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {parent}.yaml\n")
    (message,) = error_of(tmp_path / "a.yaml")
    assert "c.yaml:1: extends: " in message and "a.yaml -> b.yaml -> c.yaml -> a.yaml" in message


def test_set():
    study = load_study(
        PHASE_3,
        [
            "arms.0.ratio=1",
            "arms.1.ratio=1",
            "dropout.0.hazard_per_week.HETROM-5=0.5",
            "laboratory.turnaround_days=1",
            "randomisation={block_size: 6}",
            "assumptions=[]",
        ],
        seed=7,
        replicates=3,
    )
    assert [arm.ratio for arm in study.arms] == [1, 1, 1]
    assert study.dropout[0].hazard_per_week["HETROM-5"] == 0.5
    assert study.laboratory.turnaround_days == 1
    assert study.randomisation.strata == ()
    assert (study.seed, study.replicates, study.assumptions) == (7, 3, ())


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("arms.0.ratio=0", ["--set arms.0.ratio=0: arms.0.ratio: seen 0; allowed: 1 or more"]),
        ("arms.3.ratio=1", ["--set arms.3.ratio=1: ", "seen '3'", "0 to 2"]),
        ("arms.first.ratio=1", ["seen 'first'", "0 to 2"]),
        ("patients.n=1", ["does not exist", "424"]),
        ("patient=1", ["--set patient=1: patient: unknown key; did you mean patients?"]),
        ("patients", ["--set patients: allowed: --set key=value"]),
        ("=1", ["allowed: --set key=value"]),
        ("arms=[", ["not a value in YAML"]),
        ("visits.days=[7, 7]", ["--set visits.days=[7, 7]: visits.days.1: 7 is given twice"]),
    ],
)
def test_bad_set(override, words):
    (message, *_) = error_of(PHASE_3, overrides=[override])
    assert all(word in message for word in words), message


def test_seed_option_is_named_in_its_error():
    assert error_of(PHASE_3, seed=-1, replicates=0) == (
        "--replicates 0: replicates: seen 0; allowed: 1 or more",
        "--seed -1: seed: seen -1; allowed: 0 or more",
    )


def test_every_key_is_explained_in_the_readme():
    readme = (CONFIGS / "README.md").read_text(encoding="utf-8")
    assert all(key.field.description for key in keys_of(Study))
    assert key_table() in readme, "write the table again: vtrial schema --table"


def test_the_minimal_study_of_the_readme_loads(tmp_path):
    text = (CONFIGS / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "study.yaml").write_text(text)
    assert load_study(tmp_path / "study.yaml").id == "two_doses"


def test_schema_is_json_and_knows_every_top_level_key():
    schema = json.loads(json.dumps(json_schema(), allow_nan=False))
    assert set(schema["properties"]) == {"extends", *Study.model_fields}
