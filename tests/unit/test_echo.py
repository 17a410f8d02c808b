"""The protocol in words, and what check looks at before it says that nothing is wrong."""

import json
import math

import pytest
from test_config_errors import GOOD

from trial.app.echo import _later, _rule, _some, completion, in_words, step_in_words
from trial.app.loading import load_checked
from trial.cli import main
from trial.errors import ConfigError
from trial.study.cycle_plan import Chemotherapy
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.load import load_study, load_text, resolved_yaml

SMOKE = "configs/smoke.yaml"
MECHANISM = "parameter_set=hetrombopag_itp_mei_2021"


@pytest.fixture
def small(tmp_path):
    def of(*overrides):
        path = tmp_path / "small.yaml"
        path.write_text(GOOD)
        return load_study(path, overrides)

    return of


def test_long_lists_of_days_are_cut_in_their_middle():
    assert _some(range(1, 13)) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"
    assert _some(range(1, 14)) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..., 13"


def test_what_later_cycles_wait_for_and_how_they_differ():
    plan = {"cycles": 3, "cycle_days": 21, "doses": [{"day": 1}]}
    assert _later(Chemotherapy(**plan)) == ""
    wait = {"at_least_1e9L": 75, "latest_days": 14}
    begins = "; later cycles begin once 75 x 10^9/L or more is reported, else not at all after a delay of 14 days"
    assert _later(Chemotherapy(**plan, next_cycle=wait)) == begins
    for rule, when in (
        ({"delayed_days": 7, "below_1e9L": 25}, "7 days late or after a count below 25"),
        ({"delayed_days": 7}, "7 days late"),
        ({"below_1e9L": 25}, "after a count below 25"),
    ):
        given = Chemotherapy(**plan, next_cycle=wait | {"reduction": {"factor": 0.75, **rule}})
        assert _later(given) == f"{begins}; doses fall to 75 % where a cycle begins {when}"
    varied = Chemotherapy(**plan, between_cycles_cv=0.3, accumulates=0.1)
    assert (
        _later(varied)
        == "; the kill varies between cycles with a CV of 30 %; each cycle kills 10 % more than the one before"
    )


def test_visits_of_one_distance_are_a_series_from_three_on(small):
    other = ("treatment_days=20", "analysis.assessment_day=14", "analysis.primary=RESPW2")
    said = [in_words(small(f"visits.days={days}", *other)) for days in ("[7, 14]", "[7, 14, 21]", "[7, 14, 28]")]
    found = [next(line for line in words if line.startswith("visits")) for words in said]
    wanted = ("2, days 7, 14", "3, every 7 days from day 7 to 21", "3, days 7, 14, 28")
    assert [line.removeprefix("visits: ").split(", up to")[0] for line in found] == list(wanted)


def test_meals_are_said_in_percent_of_days():
    words = in_words(
        load_study("configs/published/hetrombopag_itp_phase3.yaml", ["meals={share_mean: 0.2, after_dose_h: 1}"])
    )
    assert "meals: 20 % of days with a meal 1 h after the dose" in words


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


def test_an_exponent_of_its_own_is_said(small, tmp_path):
    record = {"extends": "hetrombopag_itp_mei_2021", "id": "mine", "values": {}, "targets": [], "source": "test"}
    hill = {"name": "HILL", "value": 1.2, "unit": "1"}
    (tmp_path / "mine.json").write_text(json.dumps(record | {"note": "tried", "parameters": [hill]}))
    said = in_words(small(f"parameter_set={tmp_path / 'mine.json'}"))
    assert "exponent of the drug 1.2 at its half effect" in said


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


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ({}, ""),
        ({"next_cycle": {"at_least_1e9L": 75, "latest_days": 1}},
         "; later cycles begin once 75 x 10^9/L or more is reported, else not at all after a delay of 1 day"),
        ({"next_cycle": {"at_least_1e9L": 100, "reduction": {"factor": 0.75, "delayed_days": 7}}},
         "; later cycles begin once 100 x 10^9/L or more is reported, else not at all after a delay of 28 days; doses "
         "fall to 75 % where a cycle begins 7 days late"),
        ({"next_cycle": {"at_least_1e9L": 100, "reduction": {"factor": 0.8, "delayed_days": 1, "below_1e9L": 25}},
          "between_cycles_cv": 0.3, "accumulates": 0.05},
         "; later cycles begin once 100 x 10^9/L or more is reported, else not at all after a delay of 28 days; doses "
         "fall to 80 % where a cycle begins 1 day late or after a count below 25; the kill varies between cycles with "
         "a CV of 30 %; each cycle kills 5 % more than the one before"),
    ],
)  # fmt: skip
def test_what_later_cycles_wait_for_is_said(small, later, words):
    """Through the whole echo: cycle, days, doses and the day on which the first one begins."""
    keys = {"first_day": 7, "cycle_days": 14, "cycles": 2, "doses": [{"day": 0}, {"day": 2}]}
    waits = {"start": {"at_least_1e9L": 100, "latest_day": 14}} if later else {}
    said = in_words(small(MECHANISM, f"chemotherapy={json.dumps(keys | later | waits)}"))
    wait = ", once a count of 100 x 10^9/L is reported by day 14" if later else ""
    assert f"chemotherapy: 2 cycles of 14 days from day 7{wait}, doses on days 0 and 2 of each{words}" in said


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"action": "keep"}, "keep at any count"),
        ({"action": "increase", "below_1e9L": 50, "levels": 2}, "increase 2 levels below 50"),
        ({"action": "move", "at_least_1e9L": 150, "to_level": "2.5"}, "move to level 2.5 at 150 or more"),
        ({"action": "keep", "at_least_1e9L": 50, "below_1e9L": 150, "rung": "lowest", "confirm_visits": 2},
         "keep from 50 to below 150 (on the lowest dose and 2 visits in a row)"),
        ({"action": "stop", "below_1e9L": 50, "min_days_since_change": 1, "never_at_least_1e9L": 30, "from_day": 28},
         "stop below 50 (1 days after a change, no count of 30 since the change and from day 28 on)"),
        ({"action": "keep", "from_day": 7, "until_day": 14}, "keep at any count (days 7 to 14)"),
        ({"action": "keep", "until_day": 14}, "keep at any count (days 0 to 14)"),
        ({"action": "taper", "min_days_since_change": 14},
         "taper a level down every 14 days whatever the count, then no drug"),
    ],
)  # fmt: skip
def test_a_line_of_a_rule_is_said(step, words):
    assert step_in_words(DoseStep.model_validate(step)) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["visits.days=[1,2,4,7,8,9,10,11,12,13,14,28]"], "visits: 12, days 1, 2, 4, 7, 8, 9, 10, 11, 12, 13, 14, 28"),
        (["visits.days=[1,2,4,5,7,8,9,10,11,12,13,14,28]"],
         "visits: 13, days 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, ..., 28"),
        (["visits.days=[14,28]"], "visits: 2, days 14, 28"),
        (["visits.days=[8,18,28]", "visits.missed_probability=0.05", "laboratory={turnaround_days: 1}"],
         "visits: 3, every 10 days from day 8 to 28, 5 % missed, counts reported 1 day later"),
        (["patients=1", "replicates=1", "randomisation.strata=[{covariate: SEX}]"],
         "1 patient, 1 replicate; each patient in one arm, 3:1 in blocks of 8 within SEX"),
        (["randomisation.strata=[]"], "20 patients, 2 replicates; each patient in one arm, 3:1 in blocks of 8"),
        (["allocation=counterfactual", "randomisation.strata=[]"],
         "20 patients, 2 replicates; every patient under every arm"),
        (["screening={age_at_most_y: 119, itp_duration_at_least_y: 0}"],
         "screening: platelets below 30 x 10^9/L, age 18 to 119 y"),
        (["screening.age_at_most_y=120"],
         "screening: platelets below 30 x 10^9/L, ITP for 0.5 y or more, age 18 y or more"),
        (["adherence={mean: 1}"], "adherence: every dose is taken"),
        (["adherence={mean: 0.8}"], "adherence: 80 % of doses are taken"),
        (["adherence={mean: 0.8, log_odds_per_28_days: -0.5}"],
         "adherence: 80 % of doses are taken, log odds of a dose taken drift by -0.5 every 28 days"),
        (["adherence={mean: 1, gives_up: {below_1e9L: 30, hazard_per_week: 0.1, after_days: 7}}"],
         "adherence: every dose is taken, given up with 0.1 per week while the last count is below 30, from day 7 on"),
        (["adherence={mean: 1, gives_up: {below_1e9L: 30, visits: 1}}"],
         "adherence: every dose is taken, given up after 1 count below 30 in a row, from day 28 on"),
        (["adherence={mean: 1, time_of_day: {usual_h: 2, between_sd_h: 0.5, within_sd_h: 0.25}}"],
         "adherence: every dose is taken, at 2 h after the hour of the visits (SD 0.5 h between patients, 0.25 h "
         "between days)"),
        (["rescue={allowed: false}"], "rescue: not allowed"),
        (["rescue={min_days_between: 1}"], "rescue: allowed, at least 1 day apart"),
        ([MECHANISM, "meals={share_mean: 0.5, after_dose_h: 2}"],
         "meals: 50 % of days with a meal 2 h after the dose"),
        ([MECHANISM, "meals={share_mean: 0.5, after_dose_h: 2, log_odds_per_28_days: 0.1}"],
         "meals: 50 % of days with a meal 2 h after the dose; the log odds of such a day drift by 0.1 every 28 days"),
        ([MECHANISM, "arms.0.meal_after_dose_h=3"],
         "arm DRUG: 5 mg once daily, then by rule ladder, a meal 3 h after each dose"),
        (["pk_sampling={visit_day: 14, times_h: [0, 1.5, 24]}"], "concentrations: day 14, 0, 1.5, 24 h after the dose"),
        (["tolerability={proxies: [HEAD, ALT3]}"], "adverse events drawn as proxies: HEAD, ALT3"),
        (["typical_patient=true"], "typical patient: every random number at its median"),
        (["laboratory={retest: {at_least_1e9L: 400}}"],
         "laboratory: a re-test 2 days after a visit with a count at 400 or more or that is not there"),
        (["laboratory={central: {decides: true, turnaround_days: 1}}"],
         "laboratory: a central laboratory, which reports after 1 day, decides and is analysed"),
        (["dropout=[{reason: a, hazard_per_week: {DRUG: 0.1, SHAM: 0.2}, from_day: 7}]"],
         "dropout: a (DRUG 0.1, SHAM 0.2 per week, from day 7 on); expected to stay until day 28: DRUG 74.1 %, SHAM "
         "54.9 %"),
    ],
)  # fmt: skip
def test_a_key_is_said_in_its_sentence(small, changes, words):
    """Expected to stay of the last: 21 days at 0.1 and 0.2 per week, exp(-0.3) and exp(-0.6)."""
    assert words in in_words(small("visits.window_days=0", *changes))


WEEK = {"dose_mg": 5, "days_of_week": [0, 3], "name": "half", "status": "assumed"}
STEPS = [{"action": "increase", "below_1e9L": 50, "status": "read"},
         {"action": "stop", "at_least_1e9L": 200, "status": "assumed"}]  # fmt: skip
RESTART = {"below_1e9L": 100, "level": "lower"}
TWICE = "twice a week (days 0, 3 of the level's week)"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"ladder_mg": [2.5, 5], "at_floor": "interrupt", "day_count": "actual"},
         "2.5, 5 mg; increase below 50; stop at 200 or more; at the lowest dose a decrease interrupts; restart below "
         "100 at the lower dose; days after a change are actual ones"),
        ({"ladder": [WEEK, {"dose_mg": 5, "status": "read"}], "citation": "Label", "confidence": "B",
          "restart": RESTART | {"level": "half", "status": "assumed"}},
         f"5 mg {TWICE} -> 5 mg daily; increase below 50; stop at 200 or more; restart below 100 at level half; of: "
         f"Label (confidence B); not read there, assumed: level 5 mg {TWICE}, steps.1, the restart"),
        ({"ladder": [WEEK | {"status": "read"}, {"dose_mg": 5, "status": "read"}], "citation": "Label",
          "restart": RESTART | {"status": "read"}},
         f"5 mg {TWICE} -> 5 mg daily; increase below 50; stop at 200 or more; restart below 100 at the lower dose; "
         "of: Label; not read there, assumed: steps.1"),
    ],
)  # fmt: skip
def test_a_whole_rule_is_said(rule, words):
    steps = STEPS if "citation" in rule else [{k: v for k, v in step.items() if k != "status"} for step in STEPS]
    made = DoseRule.model_validate({"steps": steps, "source": "test", "restart": RESTART} | rule)
    assert _rule(made) == words


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (5, "arm DRUG: 5 mg once daily, then by rule ladder"),
        (2.5, "arm DRUG: 2.5 mg every other day, then by rule ladder"),
    ],
)
def test_the_level_on_which_an_arm_starts_is_said(small, start, words):
    ladder = "dose_rules.ladder={source: x, ladder: [{dose_mg: 2.5, every_days: 2}, 5], steps: [{action: keep}]}"
    said = in_words(small(ladder, f"arms.0.start_dose_mg={start}", "arms.0.dose_rule=ladder"))
    assert words in said and "arm SHAM: placebo, sham level 5 mg, fixed" in said
