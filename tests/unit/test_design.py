"""The design in words, sentence by sentence, with each setting at the value at which the words change."""

from bare_run import OVER, bare_run, changed, row
from tiny_trial import study

from analysis.report import design
from analysis.report.number_origins import plain_text


def said(part, run=None, **settings):
    return plain_text(part(run or bare_run(changed(**settings))))


def test_facts_that_say_nothing_are_left_out():
    facts = dict(design.design_facts(bare_run()))
    assert "PK sampling" not in facts and "Chemotherapy" not in facts
    assert plain_text(facts["Patients"]) == "7 per replicate, 3 replicates" and facts["Leaving early"] == "nobody"
    assert plain_text(facts["Population"]) == "none" and plain_text(facts["Parameter set"]) == "none"
    from_file = bare_run(changed(population={"file": "mine.csv"}))
    assert plain_text(dict(design.design_facts(from_file))["Population"]) == "mine.csv"


def test_allocation():
    ratios = [{"id": "drug", "start_dose_mg": 5, "ratio": 2}, {"id": "placebo", "start_dose_mg": 5, "placebo": True}]
    assert said(design._allocation, arms=ratios, randomisation={"block_size": 3}) == "2:1, permuted blocks of 3"
    assert said(design._allocation, bare_run(study(paired=True))) == "counterfactual: every patient under every arm"
    assert said(design._allocation, bare_run(study(arms=("drug",), reference_arm=None))) == "one arm"
    strata = [{"covariate": "BLPLAT", "cut": 10}, {"covariate": "SPLENFL"}]
    words = said(design._allocation, randomisation={"block_size": 2, "strata": strata})
    assert words.startswith("1:1, permuted blocks of 2, stratified by ") and "(cut at 10); and " in words
    assert (
        design._covariate("BLPLAT") == "platelet count at baseline, reported" and design._covariate("BLPLAT") in words
    )


def test_endpoints_of_the_study_are_said():
    mine = [{"id": "MINE", "label": "mine", "visits": 3}]
    facts = dict(design.design_facts(bare_run(study(definitions=mine))))
    assert plain_text(facts["Endpoint MINE"]).startswith("Yes with 3 or more responses at the planned visits")


def test_eligibility_says_only_what_limits():
    assert said(design._eligibility) == (
        "measured platelets below 30 × 10⁹/L; ITP for 0.5 y or longer; age 18 y or older"
    )
    some = {"platelets_at_least_1e9L": 5, "age_at_least_y": 0, "age_at_most_y": 119, "itp_duration_at_least_y": 0}
    assert (
        said(design._eligibility, screening=some) == "measured platelets at least 5 and below 30 × 10⁹/L; at most 119 y"
    )
    assert "at most" not in said(design._eligibility, screening={"age_at_most_y": 120})


def test_visits_and_laboratory():
    visits = {"days": [7, 14, 56], "window_days": 2, "missed_probability": 0.025}
    assert said(design._visits, visits=visits) == "day 7, 14, 56; up to 2 days early or late; 2.5 % missed"
    assert said(design._visits, visits={"days": [7, 56]}) == "day 7, 56; on the day; none missed"
    assert said(design._laboratory) == (
        "counts reported as whole numbers not below 1 × 10⁹/L; results on the day of the visit"
    )
    slow = {"whole_numbers": False, "lower_limit_1e9L": 2, "turnaround_days": 1}
    assert (
        said(design._laboratory, laboratory=slow)
        == "counts reported not below 2 × 10⁹/L; results 1 day after the visit"
    )
    assert said(design.turnaround, laboratory=slow) == "A change takes effect 1 day after the visit."
    assert said(design.turnaround) == ""


def test_samples_adherence_rescue_and_leaving():
    assert (
        said(design._pk_sampling, bare_run(study(pk_sampling=True))) == "day 28; 0, 8, 24 h after the dose of that day"
    )
    assert said(design._adherence) == "every dose is taken"
    for sd in (0.105, 0.10527):
        assert said(design._adherence, adherence={"mean": 0.9, "sd": sd}) == "mean 90 % of doses, SD 10.5 %"
    assert said(design._rescue) == "allowed at visits, 28 days or more apart"
    late = said(design._rescue, laboratory={"turnaround_days": 2})
    assert late == "allowed at visits, 28 days or more apart; given when the count is reported"
    assert said(design._rescue, rescue={"allowed": False}) == "not allowed"
    reasons = [
        {"reason": "wish", "hazard_per_week": 0.00123},
        {"reason": "other", "hazard_per_week": {"drug": 0.1, "placebo": 0.2}},
        {"reason": "moved", "share_by_end": {"drug": 0.05, "placebo": 0.1}},
    ]
    run = bare_run(changed(dropout=reasons))
    assert [plain_text(design._hazard(run, k)) for k in (0, 1, 2)] == [
        "wish: 0.123 %/week",
        "other: 10 %/week (drug), 20 %/week (placebo)",
        "moved: 5 % by the end (drug), 10 % by the end (placebo)",
    ]
    assert plain_text(dict(design.design_facts(run))["Leaving early"]).startswith("wish: 0.123 %/week; other: ")


def test_the_primary_endpoint_has_a_threshold_where_it_is_a_rate():
    rate = bare_run(estimates=(row("RESPW8", "drug", "rate", 50.0, OVER, PARAM="Response"),))
    assert said(design._primary, rate) == "Response (threshold 50 × 10⁹/L)"
    assert (
        said(design._primary, bare_run(estimates=(row("RESPW8", "drug", "median", 5.0, OVER, PARAM="Days"),))) == "Days"
    )


STEPS = [
    {"action": "interrupt", "at_least_1e9L": 250}, {"action": "decrease", "at_least_1e9L": 150, "below_1e9L": 250},
    {"action": "increase", "below_1e9L": 50, "min_days_since_change": 14, "confirm_visits": 2, "rung": "lowest"},
    {"action": "stop", "confirm_visits": 1},
]  # fmt: skip
RULE = {"ladder_mg": [2.5, 5], "steps": STEPS, "restart": {"below_1e9L": 100, "level": "lower"}, "source": "made up"}


def test_a_dose_rule_in_words():
    (rule,) = design.dose_rules(bare_run(changed(dose_rules={"ladder": RULE})))
    assert (rule.name, plain_text(rule.arms), plain_text(rule.ladder), rule.source) == (
        "ladder", "drug and placebo", "Levels 2.5, 5 mg", "made up",
    )  # fmt: skip
    assert [tuple(map(plain_text, line)) for line in rule.lines] == [
        ("250 or more", "interrupt (no dose)", "at the visit"),
        ("150 to below 250", "one level lower", "at the visit"),
        (
            "below 50, on the lowest level",
            "one level higher",
            "14 days or more after the last change (planned days); at 2 visits in a row",
        ),
        ("any count", "stop for good (no dose, no restart)", "at the visit"),
        ("below 100 while interrupted", "restart one level lower", "at the visit"),
        ("“one level lower” on the lowest level", "keep the dose", ""),
    ]  # fmt: skip


def test_without_a_restart_there_is_no_line_of_it():
    steps = [step for step in STEPS if step["action"] != "interrupt"]
    plain = {"ladder_mg": [2.5, 5], "steps": steps, "source": "made up"}
    one_arm = [
        {"id": "drug", "start_dose_mg": 5, "dose_rule": "ladder"},
        {"id": "placebo", "start_dose_mg": 5, "placebo": True},
    ]
    (rule,) = design.dose_rules(bare_run(changed(dose_rules={"ladder": plain}, arms=one_arm)))
    assert (
        len(rule.lines) == len(steps) + 1 and rule.lines[-1][1] == "keep the dose" and plain_text(rule.arms) == "drug"
    )


def test_agents_samples_and_habits():
    agents = [
        {"id": "P", "kind": "platelets", "below_1e9L": 5, "bleeding_at_least": 3},
        {"id": "I", "label": "globulin", "kind": "immunoglobulin", "clinical": True, "voids_days": None},
    ]
    assert said(design._rescue, rescue={"agents": agents}) == (
        "P: count below 5 × 10⁹/L or bleeding of grade 3 or more; voids a response 56 days; "
        "globulin: clinical decision; voids a response for good"
    )
    lab = {"lost_probability": 0.02, "clumping": {"probability": 0.01, "factor": 0.3}, "central": {"decides": True},
           "turnaround_days": 1}  # fmt: skip
    lab["central"]["analysed"] = False
    assert said(design._laboratory, laboratory=lab) == (
        "counts reported as whole numbers not below 1 × 10⁹/L; results 1 day after the visit; 2 % of samples lost; "
        "platelets clump in 1 % of samples, counted as 0.3 of them; a central laboratory, which reports after 7 days, "
        "decides"
    )
    assert said(design.turnaround, laboratory=lab) == "A change takes effect 7 days after the visit."
    again = {"retest": {"below_1e9L": 10, "at_least_1e9L": 400}}
    assert said(design._laboratory, laboratory=again).endswith(
        "re-test 2 days after a report below 10 or at 400 or more or of no count"
    )
    habits = {"mean": 0.9, "holidays": {"mean_days": 4}, "gives_up": {"below_1e9L": 30, "visits": 2}}
    assert said(design._adherence, adherence=habits) == (
        "mean 90 % of doses, SD 0 %; 100 % of the missed ones in holidays of 4 days on average; given up after 2 "
        "counts below 30 × 10⁹/L in a row"
    )
    assert said(design._adherence, adherence={"mean": 0.9, "log_odds_per_28_days": -0.1}) == (
        "mean 90 % of doses, SD 0 %; log odds of a dose taken drift by -0.1 every 28 days"
    )
    weary = {"gives_up": {"below_1e9L": 30, "hazard_per_week": 0.05}}
    assert said(design._adherence, adherence=weary) == (
        "every dose is taken; given up with a hazard of 0.05 per week while a count is below 30 × 10⁹/L"
    )
