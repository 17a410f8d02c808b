"""What is allowed but hardly meant is said, with its place; what is usual is not."""

import pytest
from hand_made import STUDY

from trial.errors import ConfigError
from trial.study.checks import cautions
from trial.study.explain import explain
from trial.study.load import load_study
from trial.study.study import Study
from trial.study.unusual import unusual

STEPS = [
    {"at_least_1e9L": 250, "action": "interrupt"},
    {"at_least_1e9L": 150, "below_1e9L": 250, "action": "decrease", "min_days_since_change": 7},
    {"at_least_1e9L": 50, "below_1e9L": 150, "action": "keep"},
    {"below_1e9L": 50, "action": "increase", "min_days_since_change": 14},
]
WHOLE = {"ladder_mg": [2.5, 5, 7.5], "steps": STEPS, "restart": {"below_1e9L": 100}, "source": "test"}
USUAL = STUDY | {"dose_rules": {"ladder": WHOLE}, "laboratory": {}}
CHEMO = {"cycle_days": 21, "cycles": 2, "doses": [{"day": 0}]}


def said(**changes):
    study = Study.model_validate(USUAL | changes)
    return {".".join(map(str, path)): text for path, text in unusual(study)}


def rule(*steps, **more):
    return {"dose_rules": {"ladder": WHOLE | {"steps": list(steps)} | more}}


def arms(**changed):
    first = USUAL["arms"][0] | changed
    return {"arms": [first, USUAL["arms"][1]]}


def step(k, **changed):
    return rule(*(s | changed if j == k else s for j, s in enumerate(STEPS)))


def test_what_is_usual_is_not_said():
    chemotherapy = CHEMO | {"start": {"at_least_1e9L": 100, "latest_day": 14}}
    assert said() == said(chemotherapy=chemotherapy, dropout=[{"reason": "x", "hazard_per_week": 0.05}]) == {}
    assert said(**rule({"at_least_1e9L": 400, "action": "interrupt"})) == {}, "a pause is a rule of one step"
    profile = {"visit_day": 70, "times_h": [0, 0.25, 24]}
    assert said(pk_sampling=profile, treatment_days=71, solver={"max_steps_per_day": 100}, assumptions=["read"]) == {}
    assert said(**arms(meal_after_dose_h=4), meals={"share_mean": 0.1, "after_dose_h": 12}, replicates=1000) == {}
    factors = [{"covariate": "BLPLAT", "cut": 10}, {"covariate": "AGE", "cut": 60}, {"covariate": "SEX"}]
    assert said(randomisation={"block_size": 2, "strata": factors}) == {}


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"visits": {"days": [7, 56], "missed_probability": 1}}, "visits.missed_probability", "no visit takes place"),
        ({"visits": {"days": [7, 56], "missed_probability": 0.6}}, "visits.missed_probability", "most visits"),
        ({"analysis": {"assessment_day": 56, "response_threshold_1e9L": 1e300}}, "analysis.response_threshold_1e9L",
         "no count is so high"),
        ({"analysis": {"assessment_day": 56, "response_threshold_1e9L": 1e-300}}, "analysis.response_threshold_1e9L",
         "every count is at least that (laboratory.lower_limit_1e9L: 1)"),
        ({"analysis": {"assessment_day": 56, "response_threshold_1e9L": 0.5}, "laboratory": {"lower_limit_1e9L": 0}},
         "analysis.response_threshold_1e9L", "every count is at least that"),
        ({"analysis": {"assessment_day": 56, "response_threshold_1e9L": 50_000}}, "analysis.response_threshold_1e9L",
         "did you mean 50, for 50000 per µL?"),
        (step(0, at_least_1e9L=250_000), "dose_rules.ladder.steps.0.at_least_1e9L",
         "no count is so high; did you mean 250"),
        (step(1, at_least_1e9L=0.5), "dose_rules.ladder.steps.1.at_least_1e9L", "every count is at least that"),
        (step(3, below_1e9L=0.5), "dose_rules.ladder.steps.3.below_1e9L", "no count is below it"),
        (rule(*STEPS, restart={"below_1e9L": 1}), "dose_rules.ladder.restart.below_1e9L", "no count is below it"),
        ({"chemotherapy": CHEMO | {"start": {"at_least_1e9L": 100_000, "latest_day": 14}}},
         "chemotherapy.start.at_least_1e9L", "no count is so high; did you mean 100, for 100000 per µL?"),
        ({"screening": {"platelets_below_1e9L": 1e300}}, "screening.platelets_below_1e9L", "every count is below it"),
        ({"laboratory": {"lower_limit_1e9L": 20}}, "laboratory.lower_limit_1e9L", "at baseline too"),
        ({"dropout": [{"reason": "x", "hazard_per_week": 1000}]}, "dropout", "about 0 % of DRUG, SHAM"),
        ({"dropout": [{"reason": "x", "hazard_per_week": 10}]}, "dropout", "expected to stay to the last visit"),
        ({"dropout": [{"reason": "x", "share_by_end": {"DRUG": 0.9, "SHAM": 0}}]}, "dropout", "about 10 % of DRUG "),
        ({"patients": 1}, "patients", "seen 1; with 2 arms at least one has nobody"),
        (arms(label="Placebo"), "arms.0.label", "placebo: true gives none"),
        (arms(id="placebo"), "arms.0.id", "active drug is taken"),
        (arms(label="SHAM "), "arms.1.id", "also names the arm DRUG"),
        (arms(id="sham"), "arms.1.id", "also names the arm sham"),
        (arms(start_dose_mg=0, dose_rule=None), "arms.0.start_dose_mg", "no drug is taken"),
        ({"adherence": {"mean": 0}}, "adherence.mean", "nobody ever takes a dose"),
        ({"chemotherapy": CHEMO | {"doses": [{"day": 0, "intensity": 10}]}}, "chemotherapy.doses.0.intensity",
         "seen 10, so many times a full dose"),
        ({"chemotherapy": CHEMO | {"doses": [{"day": 0, "intensity": 1e-300}]}}, "chemotherapy.doses.0.intensity",
         "no effect"),
        ({"chemotherapy": CHEMO | {"cycle_days": 1}}, "chemotherapy.cycle_days", "cycles last weeks"),
        ({"rescue": {"min_days_between": 0}}, "rescue.min_days_between", "does not put off"),
        ({"solver": {"max_steps_per_day": 10}}, "solver.max_steps_per_day", "seen 10: patients may need more"),
        (arms(meal_after_dose_h=23.99), "arms.0.meal_after_dose_h", "seen 23.99 h: most of the dose is absorbed"),
        ({"meals": {"share_mean": 0.5, "after_dose_h": 13}}, "meals.after_dose_h", "seen 13 h: most of the dose"),
        ({"pk_sampling": {"visit_day": 56, "times_h": [0, 1e-300, 24]}}, "pk_sampling.times_h.1", "less than a minute"),
        ({"pk_sampling": {"visit_day": 70, "times_h": [0, 1, 24, 1440]}, "treatment_days": 71}, "pk_sampling.times_h.3",
         "seen 1440 h after day 70; the study ends at the last visit, on day 70"),
        ({"title": "  "}, "title", "nothing to print"),
        ({"assumptions": ["\u200b\ufeff"]}, "assumptions.0", "nothing to print"),
        ({"assumptions": ["read", ""]}, "assumptions.1", "seen '': the report has nothing to print"),
        (rule(*STEPS, source="  "), "dose_rules.ladder.source", "nothing to print"),
        (arms(label="  "), "arms.0.label", "nothing to print"),
        ({"replicates": 1_000_000, "patients": 40}, "replicates", "4e+07 courses are simulated in all"),
        ({"replicates": 20, "patients": 1_000_000}, "patients", "2e+07 courses"),
        ({"solver": {"rtol": 0.01}}, "solver.rtol", "errors of the solver"),
        (rule(*STEPS[:2], STEPS[3]), "dose_rules.ladder.steps", "no step covers counts of 50 to below 150 on every"),
        (rule(*STEPS[1:]), "dose_rules.ladder.steps", "counts of 250 or more on"),
        (rule(*STEPS[:3]), "dose_rules.ladder.steps", "counts of below 50 on"),
        (rule(STEPS[0], STEPS[1], STEPS[3] | {"rung": "highest"}), "dose_rules.ladder.steps", "of below 150 on"),
        (rule(*STEPS, {"at_least_1e9L": 300, "action": "stop"}), "dose_rules.ladder.steps.4", "steps.0 comes first"),
        (step(3, min_days_since_change=80), "dose_rules.ladder.steps.3.min_days_since_change", "never taken"),
        ({"randomisation": {"block_size": 2, "strata": [{"covariate": "BLPLAT", "cut": 1e300}]}},
         "randomisation.strata.0.cut", "everybody is below it"),
        ({"randomisation": {"block_size": 2, "strata": [{"covariate": "BLPLAT", "cut": -5}]}},
         "randomisation.strata.0.cut", "everybody is at or above it"),
    ],
)  # fmt: skip
def test_what_is_unusual_is_said(changes, path, words):
    found = said(**changes)
    assert words in found[path], found
    assert len(found) <= 2


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"analysis": {"assessment_day": 56, "endpoints": ["RESPW8", "RESP1", "RESPW8"]}}, "analysis.endpoints.2",
         "seen 'RESPW8', which is already analysis.endpoints.0"),
        ({"randomisation": {"block_size": 2, "strata": [{"covariate": "SEX"}] * 2}}, "randomisation.strata.1",
         "seen SEX, which is already strata.0"),
        ({"tolerability": {"proxies": ["ALT", "ALT"]}}, "tolerability.proxies.1", "seen 'ALT', which is already"),
        ({"kept_tables": ["doses", "doses"]}, "kept_tables.1", "seen 'doses', which is already kept_tables.0"),
    ],
)  # fmt: skip
def test_what_stands_twice_is_refused(changes, path, words):
    data = USUAL | changes
    with pytest.raises(ValueError, match="already") as caught:
        Study.model_validate(data)
    (found,) = [(".".join(map(str, p)), text) for p, text in explain(caught.value, Study, data)]
    assert found[0] == path and words in found[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            ["parameter_set=hetrombopag_healthy_zheng_2017"],
            "nobody of them in the domain: hetrombopag_healthy_zheng_2017 is",
        ),
        (
            ["screening.age_at_least_y=0"],
            "seen 0; hetrombopag_itp_mei_2021 is for adults with chronic ITP, AGE 18 to 75",
        ),
    ],
)
def test_people_a_set_is_not_for_are_said(changes, words):
    study = load_study("configs/smoke.yaml", changes)
    assert any(words in text for _, text in cautions(study))
    assert not [text for _, text in cautions(load_study("configs/smoke.yaml")) if "domain" in text]


def test_a_design_is_twelve_digits():
    with pytest.raises(ConfigError, match=r"published.design: seen 'zzz'; allowed: the twelve digits"):
        load_study("configs/published/hetrombopag_itp_phase3.yaml", ["published.design=zzz"])


def test_a_covariate_may_be_cut_twice():
    profile = {"visit_day": 70, "times_h": [0, 0.25, 24]}
    assert said(pk_sampling=profile, treatment_days=71, solver={"max_steps_per_day": 100}, assumptions=["read"]) == {}
    assert said(**arms(meal_after_dose_h=4), meals={"share_mean": 0.1, "after_dose_h": 12}, replicates=1000) == {}
    factors = [{"covariate": "BLPLAT", "cut": 10}, {"covariate": "BLPLAT", "cut": 20}]
    assert said(randomisation={"block_size": 2, "strata": factors}) == {}


def cut(covariate, value):
    return {"randomisation": {"block_size": 2, "strata": [{"covariate": covariate, "cut": value}]}}


def dose(intensity):
    return {"chemotherapy": CHEMO | {"doses": [{"day": 0, "intensity": intensity}]}}


def threshold(value, reported_from=1.0):
    return {
        "analysis": {"assessment_day": 56, "response_threshold_1e9L": value},
        "laboratory": {"lower_limit_1e9L": reported_from},
    }


def leaving(share):
    return {"dropout": [{"reason": "x", "share_by_end": share}]}


@pytest.mark.parametrize(
    ("usual", "odd", "path"),
    [
        ({"chemotherapy": CHEMO | {"cycle_days": 7}}, {"chemotherapy": CHEMO | {"cycle_days": 6}},
         "chemotherapy.cycle_days"),
        (dose(2.0), dose(2.05), "chemotherapy.doses.0.intensity"),
        (dose(0.01), dose(0.0099), "chemotherapy.doses.0.intensity"),
        (dose(0.0105), dose(0.005), "chemotherapy.doses.0.intensity"),
        ({"visits": {"days": [7, 56], "missed_probability": 0.49}},
         {"visits": {"days": [7, 56], "missed_probability": 0.5}}, "visits.missed_probability"),
        ({"laboratory": {"lower_limit_1e9L": 9.9}}, {"laboratory": {"lower_limit_1e9L": 10}},
         "laboratory.lower_limit_1e9L"),
        ({"rescue": {"min_days_between": 1}}, {"rescue": {"min_days_between": 0}}, "rescue.min_days_between"),
        ({"rescue": {"min_days_between": 0, "allowed": False}}, {"rescue": {"min_days_between": 0}},
         "rescue.min_days_between"),
        ({"solver": {"rtol": 1e-4}}, {"solver": {"rtol": 1.05e-4}}, "solver.rtol"),
        ({"solver": {"atol": 1e-4}}, {"solver": {"atol": 1.05e-4}}, "solver.atol"),
        (leaving(0.79), leaving(0.81), "dropout"),
        ({"patients": 2}, {"patients": 1}, "patients"),
        (threshold(2000.0), threshold(2000.1), "analysis.response_threshold_1e9L"),
        (threshold(1.0, 0), threshold(0.99, 0), "analysis.response_threshold_1e9L"),
        (threshold(1.05, 0), threshold(0.9, 0), "analysis.response_threshold_1e9L"),
        (threshold(5.1, 5), threshold(5, 5), "analysis.response_threshold_1e9L"),
        (step(3, min_days_since_change=69), step(3, min_days_since_change=70),
         "dose_rules.ladder.steps.3.min_days_since_change"),
        (arms(label="Placebo of another kind"), arms(label=" placebo "), "arms.0.label"),
        (arms(label="Placebo", placebo=True), arms(label="sham", id="X"), "arms.0.label"),
        (cut("BMI", 8.1), cut("BMI", 8), "randomisation.strata.0.cut"),
        (cut("BMI", 99), cut("BMI", 100), "randomisation.strata.0.cut"),
        (cut("AGE", 19), cut("AGE", 18), "randomisation.strata.0.cut"),
        (cut("HEIGHT", 249), cut("HEIGHT", 250), "randomisation.strata.0.cut"),
        (cut("BLPLAT", 1.5), cut("BLPLAT", 1), "randomisation.strata.0.cut"),
        (cut("BLPLAT", 29), cut("BLPLAT", 30), "randomisation.strata.0.cut"),
    ],
    ids=str,
)  # fmt: skip
def test_one_value_on_either_side_of_each_edge(usual, odd, path):
    assert path not in said(**usual) and path in said(**odd)


@pytest.mark.parametrize(
    ("changes", "path", "text"),
    [
        (cut("BMI", 100), "randomisation.strata.0.cut", "seen 100; BMI is 8 to 100 here, so everybody is below it"),
        (cut("BMI", 8), "randomisation.strata.0.cut", "seen 8; BMI is 8 to 100 here, so everybody is at or above it"),
        (threshold(1.0), "analysis.response_threshold_1e9L",
         "seen 1 x 10^9/L: every count is at least that (laboratory.lower_limit_1e9L: 1)"),
        (threshold(0.5, 0.2), "analysis.response_threshold_1e9L",
         "seen 0.5 x 10^9/L: every count is at least that"),
        (threshold(2001.0), "analysis.response_threshold_1e9L",
         "seen 2001 x 10^9/L: no count is so high; did you mean 2.001, for 2001 per µL?"),
        (threshold(2_000_000.0), "analysis.response_threshold_1e9L",
         "seen 2e+06 x 10^9/L: no count is so high; did you mean 2000, for 2e+06 per µL?"),
        (threshold(2_000_001.0), "analysis.response_threshold_1e9L", "seen 2e+06 x 10^9/L: no count is so high"),
        ({"visits": {"days": [7, 56], "missed_probability": 0.99}}, "visits.missed_probability",
         "seen 0.99: most visits are missed"),
        (leaving({"DRUG": 0.85, "SHAM": 0.85}), "dropout",
         "about 15 % of DRUG, SHAM are expected to stay to the last visit, on day 70"),
        ({"typical_patient": True, "replicates": 2}, "typical_patient",
         "seen true: every random number is at its median, the seed changes nothing, and shares are of one patient; "
         "every replicate is the same"),
        ({"typical_patient": True, "replicates": 1}, "typical_patient",
         "seen true: every random number is at its median, the seed changes nothing, and shares are of one patient"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_said_to_the_letter(changes, path, text):
    assert said(**changes)[path] == text


LATER = {"at_least_1e9L": 300, "below_1e9L": 400, "action": "stop", "min_days_since_change": 7, "confirm_visits": 2}


@pytest.mark.parametrize(
    ("first", "taken"),
    [({}, True), ({"at_least_1e9L": 300}, True), ({"at_least_1e9L": 301}, False), ({"below_1e9L": 400}, True),
     ({"below_1e9L": 399}, False), ({"min_days_since_change": 7}, True), ({"min_days_since_change": 8}, False),
     ({"confirm_visits": 2}, True), ({"confirm_visits": 3}, False), ({"rung": "highest"}, False)],
    ids=str,
)  # fmt: skip
def test_a_step_takes_all_counts_of_a_later_one(first, taken):
    found = said(**rule({"at_least_1e9L": 200, "action": "interrupt"} | first, LATER))
    assert found.get("dose_rules.ladder.steps.1") == (
        "never taken: steps.0 comes first and takes all its counts" if taken else None
    )


def never(**said):
    return {"dropout": [{"reason": "x", "hazard_per_week": 0.01} | said]}


STAGED = {"stages": [{"id": "A", "days": 28}, {"id": "B", "days": 42}], "treatment_days": None,
          "analysis": {"assessment_day": 7}}  # fmt: skip


@pytest.mark.parametrize(
    ("usual", "odd", "path"),
    [
        (never(from_day=69), never(from_day=70), "dropout.0.from_day"),
        (never(stages=["A"], from_day=27) | STAGED, never(stages=["A"], from_day=28) | STAGED, "dropout.0.stages"),
        (never(stages=["B"], until_day=28) | STAGED, never(stages=["B"], until_day=27) | STAGED, "dropout.0.stages"),
        (never(changes=[{"from_day": 7, "factor": 0}]), never(from_day=1, hazard_per_week=0),
         "dropout.0.hazard_per_week"),
        (never(when={"below_1e9L": 1.5}), never(when={"below_1e9L": 0.9}), "dropout.0.when.below_1e9L"),
        (never(when={"at_least_1e9L": 300}), never(when={"at_least_1e9L": 3000}), "dropout.0.when.at_least_1e9L"),
    ],
    ids=str,
)  # fmt: skip
def test_a_reason_for_which_nobody_can_leave_is_said(usual, odd, path):
    assert path not in said(**usual) and path in said(**odd)
