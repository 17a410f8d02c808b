"""The protocol in words, and what check looks at before it says that nothing is wrong."""

import json
import math

import pytest
from test_config_errors import GOOD

from trial.app.echo import completion, in_words
from trial.app.loading import load_checked
from trial.cli import main
from trial.errors import ConfigError
from trial.study.load import load_study, load_text, resolved_yaml

SMOKE = "configs/smoke.yaml"


@pytest.fixture
def small(tmp_path):
    def of(*overrides):
        path = tmp_path / "small.yaml"
        path.write_text(GOOD)
        return load_study(path, overrides)

    return of


def test_every_part_of_the_protocol_is_said(small):
    said = in_words(small())
    assert said[:8] == [
        "20 patients, 2 replicates; each patient in one arm, 3:1 in blocks of 8 within BLPLAT below 10",
        "arm DRUG: 5 mg once daily, then by rule ladder",
        "arm SHAM: placebo, sham level 5 mg, fixed",
        "dose rule ladder: 2.5, 5 mg; increase below 50",
        "visits: 4, every 7 days from day 7 to 28, up to 2 days early or late",
        "treatment: days 0 to 27",
        "screening: platelets below 30 x 10^9/L, ITP for 0.5 y or more, age 18 y or more",
        "adherence: 90 % of doses are taken (SD between patients 10 %)",
    ]
    assert "rescue: allowed, at least 28 days apart" in said


def test_the_completion_to_expect_is_that_of_constant_hazards(small):
    """exp(-0.01 x 4 weeks) = 0.9608; two reasons compete: exp(-(0.01 + 0.04) x 4) = 0.8187."""
    assert completion(small()) == pytest.approx({"DRUG": 0.9607894, "SHAM": 0.9607894})
    assert any("withdrawal; expected to stay until day 28: 96.1 %" in line for line in in_words(small()))
    two = small("dropout=[{reason: a, hazard_per_week: 0.01}, {reason: b, hazard_per_week: {DRUG: 0.04, SHAM: 0}}]")
    assert completion(two) == pytest.approx({"DRUG": math.exp(-0.2), "SHAM": math.exp(-0.04)})
    assert any("a and b; expected to stay until day 28: DRUG 81.9 %, SHAM 96.1 %" in line for line in in_words(two))
    assert "dropout: nobody leaves before day 28" in in_words(small("dropout=[]"))
    idle = small("dropout=[{reason: a, hazard_per_week: 0}]")
    assert "dropout: nobody leaves before day 28" in in_words(idle)


def test_other_forms_are_said(small):
    said = in_words(
        small("visits.days=[5, 12, 28]", "screening.platelets_at_least_1e9L=5", "screening.age_at_most_y=65")
    )
    assert "visits: 3, days 5, 12, 28, up to 2 days early or late" in said
    assert "screening: platelets 5 or more and below 30 x 10^9/L, ITP for 0.5 y or more, age 18 to 65 y" in said
    step = "{action: decrease, at_least_1e9L: 150, confirm_visits: 2, rung: highest, min_days_since_change: 7}"
    rule = f"dose_rules.ladder={{ladder_mg: [2.5, 5], source: x, steps: [{step}]}}"
    assert (
        "dose rule ladder: 2.5, 5 mg; decrease at 150 or more (on the highest dose, 2 visits in a row and 7 days after "
        "a change)" in in_words(small(rule))
    )


def test_check_prints_it_in_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["check", "configs/published/hetrombopag_cit_nct05864014.yaml"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "chemotherapy: 1 cycle of 21 days" in out and "result: CITRESP on day 14, against Placebo" in out


def test_null_removes_an_inherited_dose_rule(capsys):
    arms = "arms=[{id: A, start_dose_mg: 5}]"
    fixed = ["--set", "dose_rules.titration=null", "--set", "analysis.reference_arm=null", "--set", "published=null"]
    assert main(["check", SMOKE, "--set", arms, "--set", "dropout=[]", *fixed]) == 0
    assert "dose rule" not in capsys.readouterr().out
    assert main(["check", SMOKE, "--set", "dose_rules.titration=null"]) == 2
    assert "seen 'titration', which is not an entry of dose_rules, nor of the library" in capsys.readouterr().err


@pytest.mark.parametrize("title", ["a\\nevil: 1", "a\\0b", "a\\x85b", "a\\u2028b", "a\\eb", "a\\rb", "\\ud83d"])
def test_a_title_that_no_page_prints_is_refused_with_its_place(tmp_path, title):
    path = tmp_path / "x.yaml"
    path.write_text(GOOD.replace("title: A small study", f'title: "{title}"'))
    with pytest.raises(ConfigError, match=r"x\.yaml:2: "):
        load_study(path)


@pytest.mark.parametrize("title", ["ünïcödé 漢 😀", "'quoted' \\\"twice\\\"", "a: b # c", "%x", "- y", "{z}", "=1+1"])
def test_any_other_title_is_written_and_read_back(tmp_path, title):
    path = tmp_path / "x.yaml"
    path.write_text(GOOD.replace("title: A small study", f'title: "{title}"'), encoding="utf-8")
    study = load_study(path)
    assert load_text(resolved_yaml(study), "again") == study


def test_a_baseline_that_the_report_cannot_read_is_refused(tmp_path):
    (tmp_path / "b.csv").write_bytes(b"garbage\n \xff\n")
    (tmp_path / "c.csv").write_text("row_id,arm\n1,A\n")
    for name, said in (("b.csv", "b.csv: "), ("c.csv", "c.csv:1: missing columns")):
        (tmp_path / "x.yaml").write_text(GOOD + f"published: {{rows: {name}, baseline: {name}}}\n")
        with pytest.raises(ConfigError) as caught:
            load_checked(tmp_path / "x.yaml")
        assert any("published.baseline: " in line and said in line for line in caught.value.messages)


@pytest.mark.parametrize("name", ["a'b\"c", "a\nb", "a: b", "{}", "%s", "ü漢😀"])
def test_a_folder_of_any_name_may_hold_the_run(tmp_path, monkeypatch, name):
    """Names of files go into the config as values, not as YAML."""
    import shutil

    monkeypatch.setattr("trial.study.load.Path.cwd", lambda: tmp_path)
    folder = tmp_path / name
    shutil.copytree("configs", folder)
    study = load_study(folder / "smoke.yaml")
    assert study.published.rows == str(folder.resolve() / "published" / "hetrombopag_itp_phase3_results.csv")


def test_an_exponent_and_a_saturation_of_its_own_are_said(small, tmp_path):
    record = {"extends": "hetrombopag_itp_mei_2021", "id": "mine", "values": {}, "targets": [], "source": "test"}
    own = [{"name": "HILL", "value": 1.2, "unit": "1"}, {"name": "PSAT", "value": 60, "unit": "10^9/L"}]
    (tmp_path / "mine.json").write_text(json.dumps(record | {"note": "tried", "parameters": own}))
    said = in_words(small(f"parameter_set={tmp_path / 'mine.json'}"))
    assert "exponent of the drug 1.2 at its half effect" in said
    assert "destruction that saturates: half of its most at a count of 60" in said


def test_rescue_agents_laboratory_and_habits_are_said(small):
    """Every sentence from the values of the config."""
    agents = (
        "rescue.agents=[{id: P, kind: platelets, below_1e9L: 5, bleeding_at_least: 3, min_days_between: 1}, "
        "{id: I, label: globulin, kind: immunoglobulin, clinical: true, voids_days: null}, "
        "{id: S, kind: steroid, below_1e9L: 10, log_drop: 1.2, onset_days: 0}]"
    )
    lab = "{turnaround_days: 1, lost_probability: 0.02, retest: {below_1e9L: 10, after_days: 1}, central: {}}"
    habits = "{mean: 0.9, holidays: {mean_days: 4}, gives_up: {below_1e9L: 30, visits: 3}}"
    clump = "laboratory.clumping={probability: 0.01, factor: 0.3, noticed: 0.5}"
    said = in_words(small(agents, f"laboratory={lab}", clump, f"adherence={habits}", "visits.window_days=0"))
    assert (
        "rescue: P (platelets) at a count below 5 or at bleeding of grade 3 or more, 1 day apart: adds 33 x 10^9/L, "
        "voids a response for 56 days; globulin (immunoglobulin) by clinical decision, 28 days apart: from 1 day later "
        "on lowers loss as RESCUE_DROP, fading with RESCUE_TAU, voids a response for good; S (steroid) at a count "
        "below 10, 28 days apart: lowers loss by exp(-1.2), fading with 28 days, voids a response for 56 days"
    ) in said
    assert (
        "laboratory: 2 % of samples are lost; platelets clump in 1 % of samples, to 0.3 of the count, seen in 50 % of "
        "them; a re-test 2 days after a visit with a count below 10 or that is not there; a central laboratory, which "
        "reports after 7 days, is analysed"
    ) in said
    assert (
        "adherence: 90 % of doses are taken, 100 % of the missed ones in holidays of 4 days on average, given up after "
        "3 counts below 30 in a row, from day 28 on"
    ) in said


def test_when_and_for_whom_a_hazard_runs_is_said_and_what_is_not_known(small):
    """14 days at 0.1 per week: exp(-0.2) = 81.9 % stay; of 28 days at 0.05 per week 1 - exp(-0.2) = 18.1 % leave."""
    two = small(
        "dropout=[{reason: a, hazard_per_week: 0.1, from_day: 7, until_day: 20}, {reason: b, death: true, "
        "hazard_per_week: 0.05, after_adverse_event: {codes: [HEAD], days: 28}}, {reason: c, at_once: true, "
        "when: {below_1e9L: 20, visits: 2}}]", "tolerability={proxies: [HEAD]}",
    )  # fmt: skip
    assert completion(two) == pytest.approx({"DRUG": math.exp(-0.2), "SHAM": math.exp(-0.2)})
    assert (
        "dropout: a (0.1 per week, on days 7 to 20); b (death) (0.05 per week, for 28 days from the first HEAD on, "
        "18.1 % within them); c (everybody, once the last 2 counts are below 20 x 10^9/L); expected to stay until day "
        "28: 81.9 %, but for b and c: how many that are depends on stages, counts or events" in in_words(two)
    )
