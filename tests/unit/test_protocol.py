"""Every limit of the records of a protocol, allowed at it and refused beyond it; names of arms; sentences."""

import pytest
from pydantic import ValidationError

from trial.study import analysis_plan, analytes, arms, cycle_plan, habits, protocol, rescue_agents
from trial.study.arms import Arm
from trial.study.protocol import did_you_mean, not_among, twice

MODULES = (protocol, analysis_plan, arms, cycle_plan, habits, analytes, rescue_agents)
RECORDS = {name: record for module in MODULES for name, record in vars(module).items()}
SMALLEST = {
    "Arm": {"id": "A", "start_dose_mg": 5},
    "Stratum": {"covariate": "AGE", "cut": 40},
    "Randomisation": {"block_size": 4},
    "Screening": {},
    "Adherence": {},
    "Holidays": {"mean_days": 4},
    "GivingUp": {"below_1e9L": 30, "visits": 2},
    "Meals": {"share_mean": 0.5, "after_dose_h": 1},
    "ChemotherapyDose": {"day": 0},
    "ChemotherapyStart": {"at_least_1e9L": 100, "latest_day": 14},
    "Chemotherapy": {"cycle_days": 21, "cycles": 2, "doses": [{"day": 0}]},
    "NextCycle": {"at_least_1e9L": 75},
    "DoseReduction": {"factor": 0.75, "delayed_days": 7},
    "Rescue": {},
    "RescueAgent": {"id": "IVIG", "kind": "immunoglobulin", "below_1e9L": 20},
    "Laboratory": {},
    "Clumping": {"probability": 0.1, "factor": 0.5},
    "Retest": {"below_1e9L": 10},
    "CentralLaboratory": {},
    "PKSampling": {"visit_day": 0},
    "SolverSettings": {},
    "Analysis": {"assessment_day": 56},
    "ComparisonMethod": {},
    "PublishedRows": {"rows": "x.csv"},
}
LIMITS = [
    ("Arm", "id", ["A", "A" * 60, "a.b-c_9"], ["", "A" * 61, "9a", "a b"]),
    ("Arm", "ratio", [1, 100], [0, 101, 1.5, "1"]),
    ("Arm", "start_dose_mg", [0, 200], [-0.1, 200.1, "5", True, float("nan")]),
    ("Arm", "meal_after_dose_h", [0, 23.9, None], [-0.1, 24]),
    ("Randomisation", "block_size", [1, 200], [0, 201]),
    ("Screening", "platelets_at_least_1e9L", [0, 29], [-0.1, 30]),
    ("Screening", "platelets_below_1e9L", [0.1], [0]),
    ("Screening", "itp_duration_at_least_y", [0], [-0.1]),
    ("Screening", "age_at_least_y", [0, 119], [-1, 120]),
    ("Screening", "age_at_most_y", [18.5, 120], [0, 18, 120.5]),
    ("Adherence", "mean", [0, 1], [-0.1, 1.05]),
    ("Adherence", "sd", [0], [-0.1, 0.1]),
    ("Holidays", "mean_days", [1, 365], [0.9, 365.5]),
    ("Holidays", "share_of_missed", [0.1, 1], [0, 1.05]),
    ("GivingUp", "below_1e9L", [0.1], [0]),
    ("GivingUp", "after_days", [0, 3650], [-1, 3651]),
    ("GivingUp", "visits", [1, 20], [0, 21]),
    ("Meals", "share_mean", [0, 1], [-0.1, 1.05]),
    ("Meals", "share_sd", [0, 0.49], [-0.1, 0.5]),
    ("Meals", "after_dose_h", [0, 23.9], [-0.1, 24]),
    ("ChemotherapyDose", "day", [0, 364], [-1, 365]),
    ("ChemotherapyDose", "intensity", [0.05, 10], [0, 10.5]),
    ("ChemotherapyStart", "at_least_1e9L", [0.1], [0]),
    ("ChemotherapyStart", "latest_day", [1, 3650], [0, 3651]),
    ("Chemotherapy", "first_day", [0, 3650], [-1, 3651]),
    ("Chemotherapy", "cycle_days", [1, 365], [0, 366]),
    ("Chemotherapy", "cycles", [1, 100], [0, 101]),
    ("Chemotherapy", "between_cycles_cv", [0, 2], [-0.1, 2.1]),
    ("Chemotherapy", "accumulates", [0, 2], [-0.1, 2.1]),
    ("NextCycle", "at_least_1e9L", [0.1], [0]),
    ("NextCycle", "early_days", [0, 28], [-1, 29]),
    ("NextCycle", "latest_days", [0, 365], [-1, 366]),
    ("DoseReduction", "factor", [0.01, 0.99], [0, 1]),
    ("DoseReduction", "delayed_days", [1, 365], [0, 366]),
    ("DoseReduction", "below_1e9L", [0.1], [0]),
    ("Chemotherapy", "doses", [[{"day": 0}, {"day": 20}]],
     [[], [{"day": 21}], [{"day": 3}, {"day": 3}], [{"day": 3}, {"day": 2}]]),
    ("Chemotherapy", "drug_days", [[], [-364, 364]], [[-365], [365], [2, 2], [3, 2]]),
    ("Rescue", "min_days_between", [0, 365], [-1, 366]),
    ("Rescue", "agents", [[], [{"id": "P", "kind": "platelets", "bleeding_at_least": 3}]],
     [[{"id": "P", "kind": "platelets"}], [{"id": "P", "kind": "plasma", "clinical": True}]]),
    ("RescueAgent", "id", ["A", "A" * 60], ["", "9a", "a b"]),
    ("RescueAgent", "below_1e9L", [0.1], [0, None]),
    ("RescueAgent", "bleeding_at_least", [1, 4, None], [0, 5, 1.5]),
    ("RescueAgent", "clinical", [False], [True, "yes"]),
    ("RescueAgent", "min_days_between", [0, 365, None], [-1, 366]),
    ("RescueAgent", "onset_days", [0, 56, None], [-1, 57]),
    ("RescueAgent", "adds_1e9L", [None], [0, 33]),
    ("RescueAgent", "log_drop", [0.1, 10, None], [0, 10.1]),
    ("RescueAgent", "fades_days", [0.1, 365, None], [0, 365.5]),
    ("RescueAgent", "voids_days", [0, 3650, None], [-1, 3651]),
    ("Laboratory", "turnaround_days", [0, 60], [-1, 61]),
    ("Laboratory", "lower_limit_1e9L", [0, 20], [-0.1, 20.5]),
    ("PKSampling", "visit_day", [0, 3650], [-1, 3651]),
    ("PKSampling", "times_h", [[0, 12, 24], [0, 24, 1440]],
     [[0, 24], [0, 24, 24], [1, 12, 24], [0, 12, 23], [0, 12, 48], [0, 24, 1441]]),
    ("Laboratory", "lost_probability", [0, 1], [-0.1, 1.1]),
    ("Clumping", "probability", [0, 1], [-0.1, 1.1]),
    ("Clumping", "factor", [0.01, 0.99], [0, 1]),
    ("Clumping", "noticed", [0, 1], [-0.1, 1.1]),
    ("Retest", "below_1e9L", [0.1, None], [0]),
    ("Retest", "at_least_1e9L", [10.5, None], [0, 10]),
    ("Retest", "after_days", [0, 28], [-1, 29]),
    ("CentralLaboratory", "turnaround_days", [0, 60], [-1, 61]),
    ("CentralLaboratory", "assay_cv", [0, 1, None], [-0.1, 1.1]),
    ("CentralLaboratory", "lost_probability", [0, 1], [-0.1, 1.1]),
    ("PKSampling", "lost_probability", [0, 1], [-0.1, 1.1]),
    ("PKSampling", "lloq_ng_mL", [0], [-0.1]),
    ("PKSampling", "partial_auc_h", [[0, 24], None], [[0], [0, 3, 6], [6, 6], [0, 24.5]]),
    ("SolverSettings", "rtol", [1e-12, 1e-2], [0.9e-12, 1.05e-2]),
    ("SolverSettings", "atol", [1e-14, 1e-2], [0.9e-14, 1.05e-2]),
    ("SolverSettings", "max_steps_per_day", [10, 100_000], [9, 100_001]),
    ("Analysis", "response_threshold_1e9L", [0.1], [0]),
    ("Analysis", "assessment_day", [0, 3650], [-1, 3651]),
    ("Analysis", "named_replicate", [0], [-1]),
    ("ComparisonMethod", "pool_below", [0, 1000], [-1, 1001, 2.5]),
    ("ComparisonMethod", "exact_below", [0, 4.5, 1000], [-0.1, 1000.5]),
    ("PublishedRows", "design", [None, "0123456789ab"], ["0123456789a", "0123456789abc", "0123456789AB"]),
]  # fmt: skip


def made(record, **said):
    return RECORDS[record].model_validate(SMALLEST[record] | said)


@pytest.mark.parametrize(("record", "key", "good", "bad"), LIMITS, ids=lambda x: x if isinstance(x, str) else "")
def test_every_limit_is_allowed_and_what_is_beyond_is_refused(record, key, good, bad):
    for value in good:
        made(record, **{key: value})
    for value in bad:
        with pytest.raises(ValidationError):
            made(record, **{key: value})


@pytest.mark.parametrize(
    ("said", "name", "another"),
    [
        ({}, "A", False),
        ({"label": "{start_dose_mg} mg"}, "5 mg", False),
        ({"label": "drug 5 mg"}, "drug 5 mg", False),
        ({"label": "drug 2,5 to 5.0mg"}, "drug 2,5 to 5.0mg", False),
        ({"label": "drug 2,5 mg", "start_dose_mg": 2.5}, "drug 2,5 mg", False),
        ({"label": "drug 7.5 mg"}, "drug 7.5 mg [start 5 mg]", True),
        ({"label": "drug 7.5 mg", "placebo": True}, "drug 7.5 mg", False),
        ({"label": "drug 10"}, "drug 10", False),
    ],
    ids=str,
)
def test_the_name_of_an_arm(said, name, another):
    arm = made("Arm", **said)
    assert arm.name == name and arm.says_another_dose is another


def test_days_of_drug_of_all_cycles():
    plan = made("Chemotherapy", drug_days=[-2, 0, 3], cycles=3)
    assert plan.days_of_drug == (-2, 0, 3, 19, 21, 24, 40, 42, 45)
    assert made("Chemotherapy").days_of_drug == ()


def test_a_start_is_not_before_the_first_day():
    for first, good in ((14, True), (15, False)):
        said = {"first_day": first, "start": {"at_least_1e9L": 100, "latest_day": 14}}
        assert _accepted("Chemotherapy", said) is good


def _accepted(record, said):
    try:
        made(record, **said)
    except ValidationError:
        return False
    return True


def test_what_else_does_not_go_together():
    assert not _accepted("Arm", {"placebo": True, "until_chemotherapy": True})
    assert _accepted("Arm", {"until_chemotherapy": True}) and _accepted("Arm", {"placebo": True})
    assert not _accepted("Arm", {"label": "{dose}"})
    assert not _accepted("Stratum", {"covariate": "SEX"}) and _accepted("Stratum", {"covariate": "SEX", "cut": None})
    assert not _accepted("Stratum", {"cut": None}) and not _accepted("Stratum", {"covariate": "X", "cut": None})
    assert _accepted("Stratum", {"covariate": "BLBLEED", "cut": None}) and _accepted(
        "Stratum", {"covariate": "BLBLEED"}
    )
    assert isinstance(made("Arm"), Arm)


def test_sentences_of_names():
    assert not_among("drag", ["drug", "sham"], "an arm") == (
        "seen 'drag', which is not an arm; allowed: drug, sham; did you mean drug?"
    )
    assert "did you mean" not in not_among("HETROM-5", ["HETROM-2.5"], "an arm"), "another dose is no slip"
    assert not_among("HETROM-25", ["HETROM-2.5"], "an arm").endswith("did you mean HETROM-2.5?")
    assert not_among("HETROM", ["HETROM-2.5"], "an arm").endswith("did you mean HETROM-2.5?")
    assert not_among("x", [], "an arm") == "seen 'x', which is not an arm; allowed: none exist"
    assert did_you_mean("ABCD", ["abxy", "zzzz"]) == "; did you mean abxy?", "half of the letters"
    assert did_you_mean("ABCDE", ["abxyz", "zzzz"]) == ""
    assert list(twice("abcab", ("list",))) == [
        (("list", 3), "seen 'a', which is already list.0"),
        (("list", 4), "seen 'b', which is already list.1"),
    ]


@pytest.mark.parametrize(
    ("times", "seen"),
    [
        ([1, 12, 24], "seen 1 to 24;"), ([0, 12, 23], "seen 0 to 23;"), ([0, 12, 25], "seen 0 to 25, without 24;"),
        ([0, 25, 48], "seen 0 to 48, without 24;"), ([1, 24, 48], "seen 1 to 48;"),
    ],
)  # fmt: skip
def test_a_profile_is_of_one_whole_interval(times, seen):
    (said,) = [text for _, text in protocol.PKSampling(visit_day=0).model_copy(update={"times_h": times}).problems()]
    assert said == f"{seen} allowed: from 0 to 24, one whole dosing interval, or to a later time with 24 among them"


def test_a_partial_area_ends_with_the_profile():
    assert not list(protocol.PKSampling(visit_day=0, partial_auc_h=[0, 24]).problems())
    beyond = protocol.PKSampling(visit_day=0).model_copy(update={"partial_auc_h": (0, 24.5)})
    assert list(beyond.problems()) == [
        (("partial_auc_h", 1), "seen 24.5; the profile ends at 24 h; allowed: at most that")
    ]


def test_near_names_are_sought_for_texts_of_up_to_a_thousand_characters():
    name = "x" * 1000
    assert did_you_mean(name, [name]) == f"; did you mean {name}?" and did_you_mean(name + "x", [name]) == ""
