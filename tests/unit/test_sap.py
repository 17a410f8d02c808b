"""The analysis plan in words: each setting changes the text, and every number is that of the config or a definition."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

import trial.app.loading
from trial.app import sap, wording
from trial.app.sap import plan_in_words, write_plan
from trial.cli import main
from trial.errors import Refused
from trial.study.analysis_plan import Analysis
from trial.study.load import load_study
from trial.study.study import Study

CONFIG = Path(__file__).parents[2] / "configs/published/hetrombopag_itp_phase3.yaml"
METHOD = (
    "analysis.method={test: cmh_corrected, difference: sato, odds_ratio: logistic, pool_below: 7, exact_below: 3.5}"
)
GRAPH = (
    "analysis.multiplicity={procedure: graphical, weights: {HETROM-5: 0.6, HETROM-2.5: 0.4}, "
    "transitions: {HETROM-5: {HETROM-2.5: 1}}}"
)
ESTIMANDS = "analysis.estimands=[{id: A, label: No rescue, rescue: hypothetical}]"
GROUPS = "analysis.subgroups=[{covariate: SEX}, {covariate: AGE, cut: 61}]"


@cache
def study(*changes: str) -> Study:
    return load_study(CONFIG, changes)


@cache
def sections(*changes: str) -> dict[str, str]:
    """The text of each section by its title."""
    parts = re.split(r"^## \d+\. (.*)$", plan_in_words(study(*changes)), flags=re.M)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


SETTINGS: list[tuple[tuple[str, ...], list[tuple[str, str]]]] = [
    (
        ("title=Another trial", "patients=90", "replicates=33", "seed=4711", "parameter_uncertainty=true",
         "analysis.named_replicate=3", "arms.2.ratio=6", "randomisation.block_size=20",
         "randomisation.strata=[{covariate: AGE, cut: 44}]", "screening.age_at_least_y=21",
         "rescue.min_days_between=35", "analysis.response_threshold_1e9L=40", "pk_sampling.visit_day=35",
         "tolerability.proxies=[URTI]", "visits.missed_probability=0.07", "laboratory.lost_probability=0.03",
         "dropout=[{reason: moved away, hazard_per_week: 0.01}]"),
        [
            ("", "plan: Another trial"),
            ("Sample size", "90 patients, as configured"),
            ("Sample size", "the share of 33 simulated trials"),
            ("Simulation and software", "33 replicates of the trial, seed 4711; replicate 3 is reported"),
            ("Simulation and software", "each replicate draws its own"),
            ("Randomisation and strata", "allocated 2:2:6 to HETROM-2.5"),
            ("Randomisation and strata", "blocks of 20, within the strata of age (AGE), below 44 and from 44 on"),
            ("Estimand of the primary endpoint", "age 21 y or more"),
            ("Estimand of the primary endpoint", "at least 35 days apart"),
            ("Estimand of the primary endpoint", "(7 % of visits)"),
            ("Estimand of the primary endpoint", "(moved away)"),
            ("Endpoints", "a count of 40 x 10^9/L"),
            ("Analysis sets", "profile on day 35"),
            ("Missing data", "7 % of visits missed, 3 % of samples lost"),
            ("Tolerability", "- AE_URTI: Upper"),
        ],
    ),
    (
        (METHOD, GRAPH, GROUPS, "analysis.primary=RESP75", "analysis.definitions=[IWGR]", ESTIMANDS,
         "analysis.verdict={bias_points: 1.5, coverage: 0.9, type1_error: 0.04}",
         "analysis.estimators=[rescue_ignored]"),
        [
            ("Estimand of the primary endpoint", "- No rescue: RESP75, difference of shares, of everybody randomised"),
            ("Estimand of the primary endpoint", "as if there had been no rescue"),
            ("Estimand of the primary endpoint", "- rescue ignored: counts after rescue as they are"),
            ("Estimand of the primary endpoint", "at most 1.5 percentage points, a coverage of at least 90 %"),
            ("Estimand of the primary endpoint", "a type I error of at most 4 %"),
            ("Endpoints", "Secondary: IWGR, "),
            ("Endpoints", "Primary: RESP75"),
            ("Estimand of the primary endpoint", "a missed visit is a no"),
            ("Statistical methods", "limits by Sato"),
            ("Statistical methods", "corrected for continuity, two-sided"),
            ("Statistical methods", "fewer than 7 evaluable patients"),
            ("Statistical methods", "below 3.5: Fisher's"),
            ("Statistical methods", "Odds ratio: logistic regression"),
            ("Multiplicity", "over: RESP75 in"),
            ("Multiplicity", "Weights at the start: HETROM-5 0.6, HETROM-2.5 0.4."),
            ("Multiplicity", "When HETROM-5 is rejected, its level goes to HETROM-2.5 1."),
            ("Subgroups", "Of RESP75, by:"),
            ("Subgroups", "- age (AGE), below 61 and from 61 on"),
        ],
    ),
    (
        ("allocation=counterfactual", "analysis.primary=MAXDUR", "analysis.endpoints=[PEAKDAY]"),
        [
            ("Randomisation and strata", "Nobody is randomised"),
            ("Analysis sets", "under every arm"),
            ("Statistical methods", "of pairs, limits of Tango"),
            ("Endpoints", "Secondary: PEAKDAY"),
            ("Estimand of the primary endpoint", "Summary: median by arm."),
        ],
    ),
    (
        ("analysis.reference_arm=null", "randomisation.strata=[]", GROUPS),
        [
            ("Objectives and design", "estimate, in"),
            ("Randomisation and strata", "without strata"),
            ("Statistical methods", "there is no reference arm"),
            ("Multiplicity", "None: arms are not compared."),
            ("Subgroups", "arms are not compared"),
        ],
    ),
    (
        ("analysis.reference_arm=HETROM-5", "randomisation.strata=[]", "analysis.primary=RESP1",
         "analysis.method.test=boschloo", "analysis.multiplicity={procedure: hochberg}"),
        [
            ("Objectives and design", "with Hetrombopag, start 5 mg in"),
            ("Estimand of the primary endpoint", "counts after rescue included"),
            ("Estimand of the primary endpoint", "difference of the share of patients to HETROM-5"),
            ("Statistical methods", "difference without strata"),
            ("Statistical methods", "Boschloo's exact test, two-sided, level 5 %."),
            ("Statistical methods", "arms compared without strata by the log-rank"),
            ("Multiplicity", "Hochberg's procedure over: RESP1 in HETROM-2.5; RESP1 in Placebo"),
        ],
    ),
]  # fmt: skip
"""What is changed, and which words then stand in which section and did not before."""


@pytest.mark.parametrize(("changes", "wanted"), SETTINGS, ids=[changes[0][:30] for changes, _ in SETTINGS])
def test_a_setting_stands_in_its_section(changes: tuple[str, ...], wanted: list[tuple[str, str]]) -> None:
    after, before = sections(*changes), sections()
    assert [pair for pair in wanted if pair[1] not in after[pair[0]]] == []
    assert [pair for pair in wanted if pair[1] in before[pair[0]]] == []


def test_power_is_spoken_of_where_something_is_tested_alone() -> None:
    for change in ("analysis.reference_arm=null", "analysis.primary=MAXDUR"):
        assert "power" in sections()["Sample size"] and "power" not in sections(change)["Sample size"]


def test_measured_endpoints_are_not_said_to_be_compared_and_pairs_are_named() -> None:
    summary = {primary: sections(f"analysis.primary={primary}", *more)["Estimand of the primary endpoint"]
               for primary, more in (("MAXDUR", ()), ("RESP1", ("allocation=counterfactual",)))}  # fmt: skip
    assert "- Summary: median by arm." in summary["MAXDUR"]
    shifted = sections("analysis.primary=MAXDUR", "analysis.method.measured=hodges_lehmann")
    assert (
        "- Summary: shift of location (Hodges and Lehmann) to Placebo." in shifted["Estimand of the primary endpoint"]
    )
    assert "- method.measured: hodges_lehmann (how measured" in shifted["Statistical methods"]
    over = sections("analysis.longitudinal={mmrm: true, restricted_mean_day: 49}")["Longitudinal and other analyses"]
    assert "  - longitudinal.restricted_mean_day: 49 (mean time" in over and "  - longitudinal.mmrm: yes (mixed" in over
    assert "- Summary: difference of the share of patients to Placebo, of pairs." in summary["RESP1"]


def test_what_is_not_planned_is_said() -> None:
    found = sections()
    assert "No adverse events are simulated." in found["Tolerability"]
    for title in ("Multiplicity", "Interim analyses", "Subgroups", "Longitudinal and other analyses"):
        assert found[title].strip().startswith("None")


def test_every_endpoint_and_time_is_defined_in_its_registered_words() -> None:
    text, of = plan_in_words(study()), study().analysed
    for endpoint in sap.chosen(of).values():
        assert f"{endpoint.code}, {endpoint.label}" in text and " ".join(endpoint.definition.split()) in text
    for time in sap.chosen_times(of).values():
        assert f"{time.code}, {time.label}" in text


CONSTANT = {"95", "5", "2.5", "97.5", "10", "9", "14"}
"""Level and limits, the range of replicates, 10^9/L, numbers of sections."""


def numbers(text: str) -> set[str]:
    """Numbers of a text that stand for themselves, not inside a code or a name."""
    return set(re.findall(r"(?<![\w.^-])\d+(?:\.\d+)?(?![\w^])", text))


def test_every_number_outside_the_definitions_is_a_number_of_the_config() -> None:
    """The design in the words of ``vtrial check``, definitions, and versions are tested where they are made."""
    settings = study(METHOD, GROUPS, GRAPH, "patients=431", "seed=77")
    known = numbers(str(settings.model_dump(mode="json"))) | {
        f"{float(n):g}" for n in numbers(str(settings.model_dump()))
    }
    known |= {f"{100 * float(n):g}" for n in known}
    parts = sections(METHOD, GROUPS, GRAPH, "patients=431", "seed=77")
    for title in ("Sample size", "Analysis sets", "Randomisation and strata", "Statistical methods", "Multiplicity",
                  "Missing data", "Subgroups", "Longitudinal and other analyses", "Tolerability"):  # fmt: skip
        assert numbers(parts[title]) - CONSTANT <= known, title
    assert "431" in parts["Sample size"]


def test_a_key_without_a_sentence_of_its_own_is_listed_with_its_meaning(monkeypatch) -> None:
    """As a key that is new would be."""
    hidden = {name: said - {"named_replicate", "pool_below", "multiplicity"} for name, said in wording.SAID.items()}
    monkeypatch.setattr(wording, "SAID", hidden)
    found = sections.__wrapped__(METHOD, "analysis.named_replicate=3", "analysis.multiplicity={procedure: holm}")
    meaning = Analysis.model_fields["named_replicate"].description
    assert f"- named_replicate: 3 ({meaning})" in found["Longitudinal and other analyses"]
    assert "  - multiplicity.procedure: holm (how p are adjusted" in found["Longitudinal and other analyses"]
    assert "- method.pool_below: 7 (a stratum" in found["Statistical methods"]


def test_a_stage_is_named_where_its_endpoints_are_reported() -> None:
    settings = load_study(CONFIG.parents[1] / "hetrombopag_itp_phase3_stages.yaml")
    assert f"who entered stage {settings.plan[settings.analysed_stage].id} (" in plan_in_words(settings)


def test_the_command_prints_the_plan_or_writes_it_and_refuses_what_is_there(monkeypatch, capsys, tmp_path) -> None:
    loaded = SimpleNamespace(study=study(), warnings=("odd",))
    monkeypatch.setattr(trial.app.loading, "load_checked", lambda *_: loaded)
    assert main(["sap", "c.yaml"]) == 0
    assert capsys.readouterr().out == plan_in_words(study())
    out = tmp_path / "plan.md"
    assert main(["sap", "c.yaml", "--out", str(out)]) == 0 and out.read_text() == plan_in_words(study())
    assert main(["sap", "c.yaml", "--out", str(out)]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main(["sap", "c.yaml", "--out", str(out), "--overwrite"]) == 0
    with pytest.raises(Refused, match=r"as in plan\.md"):
        write_plan("", tmp_path / "plan.docx")
