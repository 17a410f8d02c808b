"""What a study refuses, at the edge of what it allows: one day, one dose, one arm more or less."""

import pytest
from hand_made import STUDY
from pydantic import ValidationError

from trial.study.explain import explain
from trial.study.study import Study

ARMS = STUDY["arms"]
CHEMO = {"cycle_days": 21, "cycles": 2, "doses": [{"day": 0}]}
FIXED = {"arms": [{"id": "A", "start_dose_mg": 5}], "dose_rules": {}}


def study(**changes):
    return Study.model_validate(STUDY | changes)


def refused(**changes):
    """Path -> sentence of every problem; empty when the study is accepted."""
    try:
        study(**changes)
    except ValidationError as error:
        return {".".join(map(str, path)): text for path, text in explain(error, Study, STUDY | changes)}
    return {}


def test_what_is_not_said():
    """Every default of a study, and of the records that stand in it unsaid."""
    said = study(laboratory={}).model_dump()
    assert said["replicates"] == 20 and said["citation"] == "" and said["allocation"] == "parallel"
    assert said["parameter_uncertainty"] is False and said["output"] is None and said["kept_tables"] == ()
    assert said["screening"] == {
        "platelets_at_least_1e9L": 0, "platelets_below_1e9L": 30, "itp_duration_at_least_y": 0.5, "age_at_least_y": 18,
        "age_at_most_y": 120,
    }  # fmt: skip
    assert said["laboratory"] == {"turnaround_days": 0, "lower_limit_1e9L": 1, "whole_numbers": True,
                                  "lost_probability": 0, "clumping": None, "retest": None, "central": None,
                                  "alt": None}  # fmt: skip
    assert said["adherence"] == {
        "mean": 1,
        "sd": 0,
        "holidays": None,
        "gives_up": None,
        "missed_days": False,
        "time_of_day": None,
        "log_odds_per_28_days": 0,
    }
    assert said["rescue"] == {"allowed": True, "min_days_between": 28, "agents": ()}
    assert said["solver"] == {"rtol": 1e-6, "atol": 1e-9, "max_steps_per_day": 2000}
    assert said["visits"] == {"days": tuple(range(7, 71, 7)), "window_days": 0, "missed_probability": 0}
    assert said["analysis"]["response_threshold_1e9L"] == 50 and said["analysis"]["primary"] == "RESPW8"
    assert said["analysis"]["named_replicate"] == 0 and said["analysis"]["reference_arm"] is None
    arm = study(arms=[{"id": "A", "start_dose_mg": 5}]).arms[0].model_dump()
    assert (arm["ratio"], arm["placebo"], arm["until_chemotherapy"], arm["label"]) == (1, False, False, "")
    step = study().dose_rules["ladder"].steps[0]
    assert (step.at_least_1e9L, step.confirm_visits, step.rung) == (0, 1, "any")
    sampling = study(pk_sampling={"visit_day": 0}, **FIXED).pk_sampling
    assert sampling.times_h == (0, 1, 2, 4, 6, 8, 10, 12, 16, 20, 24)
    chemo = study(chemotherapy=CHEMO).chemotherapy
    assert (chemo.first_day, chemo.doses[0].intensity, chemo.start, chemo.drug_days) == (0, 1, None, ())
    assert study(meals={"share_mean": 0.2, "after_dose_h": 1}).meals.share_sd == 0


def test_a_record_is_frozen_and_knows_its_keys():
    with pytest.raises(ValidationError, match="frozen"):
        study().seed = 2
    assert "unknown key" in refused(sed=1)["sed"]


def test_properties():
    s = study(replicates=3)
    assert (s.arm_ids, s.placebo_arms, s.paired, s.can_stop, s.proxies) == (
        ("DRUG", "SHAM"),
        ("SHAM",),
        False,
        False,
        (),
    )
    both = study(allocation="counterfactual")
    assert (both.paired, both.subjects, s.subjects) == (True, 8, 4)
    stop = {"ladder": STUDY["dose_rules"]["ladder"] | {"steps": [{"action": "stop"}]}}
    assert study(dose_rules=stop).can_stop
    assert study(tolerability={"proxies": ["ALT", "UTI"]}).proxies == ("UTI", "ALT")
    assert len(study(tolerability={}).proxies) == 12


@pytest.mark.parametrize(
    ("replicates", "output", "named", "kept"),
    [
        (50, None, 0, list(range(50))), (51, None, 0, list(range(10))), (51, None, 40, [*range(10), 40]),
        (51, "visits", 0, list(range(51))), (51, "dense", 0, list(range(51))), (8, "endpoints", 7, list(range(8))),
        (12, "endpoints", 3, list(range(10))),
    ],
)  # fmt: skip
def test_replicates_of_which_everything_is_kept(replicates, output, named, kept):
    s = study(replicates=replicates, output=output, analysis={"assessment_day": 56, "named_replicate": named})
    assert s.kept == kept and s.dense == (output == "dense")
    everything = len(kept) == replicates
    assert s.lives("observations") == everything and s.lives("patients") and s.lives("solves")
    some = study(replicates=60, kept_tables=["observations"])
    assert some.lives("observations") and not some.lives("doses")


def test_arms():
    assert refused(arms=[{"id": "ALL", "start_dose_mg": 5}]) == {
        "arms.0.id": "seen 'ALL', which is the name of all arms together"
    }
    three = [{"id": name, "start_dose_mg": 5} for name in ("A", "B", "B")]
    assert list(refused(arms=three, randomisation={"block_size": 3})) == ["arms.2.id"]
    assert list(refused(arms=[ARMS[0] | {"start_dose_mg": 4}, ARMS[1]])) == ["arms.0.start_dose_mg"]
    assert list(refused(arms=[ARMS[0], ARMS[1] | {"dose_rule": "x"}])) == ["arms.1.dose_rule"]
    assert list(
        refused(arms=[ARMS[0], {"id": "X", "start_dose_mg": 5, "placebo": True, "until_chemotherapy": True}])
    ) == ["arms.1.until_chemotherapy"]


@pytest.mark.parametrize(("ratio", "block", "good"), [((2, 1), 3, 1), ((2, 1), 6, 1), ((2, 1), 4, 0), ((2, 1), 2, 0)])
def test_a_block_holds_the_ratio(ratio, block, good):
    arms = [arm | {"ratio": r} for arm, r in zip(ARMS, ratio, strict=True)]
    assert list(refused(arms=arms, randomisation={"block_size": block})) == ["randomisation.block_size"] * (not good)


def test_days():
    assert list(refused(analysis={"assessment_day": 57})) == ["analysis.assessment_day"]
    assert list(refused(replicates=3, analysis={"assessment_day": 56, "named_replicate": 3})) == [
        "analysis.named_replicate"
    ]
    assert not refused(replicates=3, analysis={"assessment_day": 56, "named_replicate": 2})


@pytest.mark.parametrize(("window", "turnaround", "good"), [(0, 7, 1), (1, 5, 1), (1, 6, 0), (2, 3, 1), (2, 4, 0)])
def test_results_of_a_staged_trial_are_there_before_the_next_visit(window, turnaround, good):
    """Visits a week apart come within 7 - 2 x window days of each other. Without stages a report may take longer."""
    said = {"visits": {"days": [7, 56, 70], "window_days": window}, "laboratory": {"turnaround_days": turnaround}}
    stages = {"stages": [{"id": "A", "days": 56}, {"id": "B", "days": 14}], "treatment_days": 70}
    assert list(refused(**said)) == [] and study(**said).laboratory.known_after_days == turnaround
    assert list(refused(**said, **stages)) == ["laboratory.turnaround_days"] * (not good)


@pytest.mark.parametrize(("window", "good"), [(0, 1), (3, 1), (4, 0)])
def test_visits_keep_their_order(window, good):
    assert list(refused(visits={"days": [7, 14, 56], "window_days": window})) == ["visits.window_days"] * (not good)


def profile(day, last_h, window=0, **more):
    sampling = {"visit_day": day, "times_h": [0, 24, last_h] if last_h > 24 else [0, 12, 24]}
    return refused(pk_sampling=sampling, visits={"days": [7, 14, 28, 56], "window_days": window}, **more)


def test_a_profile_stands_on_a_day_with_a_dose():
    assert list(profile(8, 24, **FIXED)) == ["pk_sampling.visit_day"]
    assert list(profile(28, 24, treatment_days=28, **FIXED)) == ["pk_sampling.visit_day"]
    assert not profile(28, 24, treatment_days=29, **FIXED) and not profile(0, 24, **FIXED)


@pytest.mark.parametrize(
    ("day", "last_h", "window", "good"),
    [
        (0, 168, 0, 1), (0, 169, 0, 0), (7, 168, 0, 1), (7, 169, 0, 0), (0, 144, 1, 1), (0, 145, 1, 0),
        (7, 120, 1, 1), (7, 121, 1, 0), (56, 500, 0, 1),
    ],
)  # fmt: skip
def test_a_profile_ends_before_doses_may_change(day, last_h, window, good):
    """Up to the next visit, less a window before day 0's next visit, less two between visits; only if doses change."""
    found = profile(day, last_h, window)
    assert list(found) == ["pk_sampling.times_h"] * (not good)
    assert good or f"allowed: to {last_h - 1}" in found["pk_sampling.times_h"]
    assert not profile(day, last_h, window, **FIXED)


def test_waiting_chemotherapy_changes_doses_too():
    waits = CHEMO | {"start": {"at_least_1e9L": 100, "latest_day": 14}}
    assert list(profile(0, 169, chemotherapy=waits, **FIXED)) == ["pk_sampling.times_h"]
    assert not profile(0, 169, chemotherapy=CHEMO, **FIXED)


def test_times_of_a_profile():
    for times in ([1, 12, 24], [0, 12, 20], [0, 12, 30]):
        assert list(refused(pk_sampling={"visit_day": 56, "times_h": times})) == ["pk_sampling.times_h"]
    assert not refused(pk_sampling={"visit_day": 56, "times_h": [0, 24, 30]})
    said = refused(pk_sampling={"visit_day": 56, "times_h": [0, 12, 30]})["pk_sampling.times_h"]
    assert said.startswith("seen 0 to 30, without 24;")
    assert refused(pk_sampling={"visit_day": 56, "times_h": [0, 12, 20]})["pk_sampling.times_h"].startswith(
        "seen 0 to 20;"
    )


def chemotherapy(**said):
    return refused(chemotherapy=CHEMO | said)


def test_chemotherapy_reaches_somebody():
    assert list(chemotherapy(first_day=70)) == ["chemotherapy.first_day"] and not chemotherapy(first_day=69)
    start = {"at_least_1e9L": 100, "latest_day": 7}
    assert not chemotherapy(start=start) and not chemotherapy(start=start, first_day=7)
    assert list(chemotherapy(start=start | {"latest_day": 6})) == ["chemotherapy.start.latest_day"]
    assert list(chemotherapy(start=start, first_day=8)) == ["chemotherapy.start.latest_day"]
    assert "arms.0.until_chemotherapy" in refused(arms=[ARMS[0] | {"until_chemotherapy": True}, ARMS[1]])


def test_doses_of_a_cycle():
    assert list(chemotherapy(doses=[{"day": 21}])) == ["chemotherapy.doses.0.day"] and not chemotherapy(
        doses=[{"day": 20}]
    )
    assert list(chemotherapy(doses=[{"day": 5}, {"day": 5}])) == ["chemotherapy.doses.1.day"]
    assert not chemotherapy(doses=[{"day": 5}, {"day": 6}])


def test_days_of_drug_fall_on_treatment():
    """First day 5 and cycles of 21 days: -6 and -5 count from day 5 and day 26."""
    assert study(chemotherapy=CHEMO | {"drug_days": [-5, 3]}).chemotherapy.days_of_drug == (-5, 3, 16, 24)
    short = {"treatment_days": 20}
    once = CHEMO | {"cycles": 1, "first_day": 5}
    assert not refused(chemotherapy=once | {"drug_days": [-5]}, **short)
    assert list(refused(chemotherapy=once | {"drug_days": [-6]}, **short)) == ["chemotherapy.drug_days"]
    assert not refused(chemotherapy=once | {"drug_days": [14]}, **short)
    assert list(refused(chemotherapy=once | {"drug_days": [15]}, **short)) == ["chemotherapy.drug_days"]
    waits = once | {"drug_days": [15], "start": {"at_least_1e9L": 100, "latest_day": 14}}
    assert not refused(chemotherapy=waits, **short)


@pytest.mark.parametrize(
    ("mean", "sd", "good"), [(0.5, 0.49, 1), (0.5, 0.5, 0), (0.9, 0.29, 1), (0.9, 0.3, 0), (1.0, 0.0, 1)]
)
def test_a_beta_law_that_exists(mean, sd, good):
    """The SD of a probability is below sqrt(mean (1 - mean))."""
    assert list(refused(adherence={"mean": mean, "sd": sd})) == ["adherence.sd"] * (not good)
    assert list(refused(meals={"share_mean": mean, "share_sd": sd, "after_dose_h": 1})) == ["meals.share_sd"] * (
        not good
    )


def test_screening_that_somebody_can_pass():
    assert list(refused(screening={"platelets_at_least_1e9L": 30})) == ["screening.platelets_at_least_1e9L"]
    assert not refused(screening={"platelets_at_least_1e9L": 29})
    assert list(refused(screening={"age_at_most_y": 18})) == ["screening.age_at_least_y"]
    assert not refused(screening={"age_at_most_y": 19})


def test_strata():
    def strata(**said):
        return refused(randomisation={"block_size": 2, "strata": [said]})

    assert not strata(covariate="AGE", cut=40) and not strata(covariate="SEX")
    assert list(strata(covariate="AGE")) == ["randomisation.strata.0.covariate"]
    assert list(strata(covariate="SEX", cut=1)) == ["randomisation.strata.0.cut"]
    assert not strata(covariate="BLBLEED") and not strata(covariate="BLBLEED", cut=1)


def test_dose_rules():
    def rule(**said):
        return refused(dose_rules={"ladder": STUDY["dose_rules"]["ladder"] | said})

    assert list(rule(ladder_mg=[2.5, 5, 5])) == ["dose_rules.ladder.ladder_mg.2"]
    assert list(rule(at_floor="interrupt")) == ["dose_rules.ladder.steps"]
    assert not rule(at_floor="interrupt", restart={"below_1e9L": 100})
    assert list(rule(steps=[{"action": "interrupt"}])) == ["dose_rules.ladder.steps"]
    step = {"action": "keep", "below_1e9L": 50}
    assert list(rule(steps=[step | {"at_least_1e9L": 50}])) == ["dose_rules.ladder.steps.0.at_least_1e9L"]
    assert not rule(steps=[step | {"at_least_1e9L": 49}])


def test_a_population_by_id_or_file():
    for said in ({}, {"id": "a", "file": "b"}):
        assert "give either id" in refused(population=said)["population"]
    assert "both are given" in refused(population={"id": "a", "file": "b"})["population"]
    assert "neither is given" in refused(population={})["population"]


def test_unknown_proxies_are_refused_where_they_stand():
    found = refused(tolerability={"proxies": ["ALT", "ATL"]})
    assert list(found) == ["tolerability.proxies.1"] and "did you mean ALT" in found["tolerability.proxies.1"]
    assert not refused(tolerability={"proxies": ["ALT"]}) and not refused(tolerability={"proxies": "all"})


STEP = {"below_1e9L": 50, "action": "increase"}


def with_step(**changes):
    return {"dose_rules": {"ladder": STUDY["dose_rules"]["ladder"] | {"steps": [STEP | changes]}}}


@pytest.mark.parametrize(
    ("key", "make", "good", "bad"),
    [
        ("seed", lambda x: {"seed": x}, [0, 2**63 - 1], [-1, 2**63, 1.5]),
        ("replicates", lambda x: {"replicates": x}, [1, 1_000_000], [0, 1_000_001]),
        ("patients", lambda x: {"patients": x}, [1, 1_000_000], [0, 1_000_001]),
        ("treatment_days", lambda x: {"treatment_days": x}, [1, 3650], [0, 3651]),
        ("min_days", lambda x: with_step(min_days_since_change=x), [0, 365], [-1, 366]),
        ("confirm_visits", lambda x: with_step(confirm_visits=x), [1, 10], [0, 11]),
        ("at_least", lambda x: with_step(at_least_1e9L=x), [0, 49], [-0.1, 50, 51]),
        ("below", lambda x: with_step(below_1e9L=x), [0.1, float("inf")], [0, -1]),
    ],
)
def test_limits_of_a_study_and_of_a_step(key, make, good, bad):
    assert [refused(**make(value)) for value in good] == [{}] * len(good)
    assert all(refused(**make(value)) for value in bad)


def test_a_rule_that_interrupts_says_how_it_ends():
    rule = STUDY["dose_rules"]["ladder"]
    for change, good in (
        ({"steps": [STEP | {"action": "interrupt"}]}, False),
        ({"steps": [STEP | {"action": "interrupt"}], "restart": {"below_1e9L": 100}}, True),
        ({"at_floor": "interrupt"}, False),
        ({"at_floor": "interrupt", "restart": {"below_1e9L": 100}}, True),
        ({"at_floor": "keep"}, True),
        ({"ladder_mg": [2.5, 5, 5]}, False),
        ({"ladder_mg": [2.5, 5, 0]}, False),
        ({"steps": []}, False),
    ):
        assert (refused(dose_rules={"ladder": rule | change}) == {}) is good, change
