"""The planned comparison on hand-made patients: the right counts in the right method, and every key with an effect.

The methods themselves are held against printed values in test_proportions.py and test_multiplicity.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from tiny_trial import Patient, study, tables

from analysis import endpoints
from analysis.endpoints.records import from_tables
from analysis.evidence.results import evaluate_tables
from analysis.statistics import proportions, summaries
from analysis.statistics.multiplicity import graphical, hochberg, holm
from analysis.statistics.planned import estimate_planned
from trial.app.loading import load_checked
from trial.errors import ConfigError
from trial.study.study import Study

ARMS = ("low", "high", "placebo")
COUNTS = (
    {"low": ((4, 6), (5, 9), (1, 1)), "high": ((6, 7), (8, 9), (0, 2)), "placebo": ((1, 7), (3, 8), (0, 0))},
    {"low": ((2, 6), (9, 9), (1, 2)), "high": ((5, 7), (2, 9), (2, 2)), "placebo": ((3, 7), (1, 8), (0, 1))},
    {"low": ((6, 6), (9, 9), (1, 2)), "high": ((5, 7), (4, 9), (2, 2)), "placebo": ((0, 7), (1, 8), (0, 1))},
)
"""By replicate and arm, (responders, patients) of three strata."""


def people() -> list[Patient]:
    return [
        Patient([60.0 if k < yes else 20.0], arm=arm, replicate=r, stratum="ABC"[s])
        for r, counts in enumerate(COUNTS)
        for arm, by_stratum in counts.items()
        for s, (yes, n) in enumerate(by_stratum)
        for k in range(n)
    ]


def planned(strata: bool = True, **analysis: object) -> Study:
    """A study of these patients; ``analysis`` as in a config."""
    few = {"endpoints": ["RESPW8", "RESP1", "MAXDUR"]}
    return study(arms=ARMS, strata=("SPLENFL",) * strata, **few | analysis)  # type: ignore[arg-type]


def rows(settings: Study) -> dict[tuple[str, str, str, str], tuple[float, float, float]]:
    """Estimate and limits by endpoint, arm, statistic and scope or category."""
    records = from_tables(tables(people()), ARMS)
    found = summaries.of_records(records, endpoints.evaluate_all(records, settings), settings)
    return {
        (e.PARAMCD, e.ARM, e.STAT, e.CATEGORY or e.SCOPE): (e.ESTIMATE, e.CI_LOW, e.CI_HIGH)  # type: ignore[misc]
        for e in estimate_planned(found, settings)
    }


def four(arm: str, replicate: int = 0, strata: tuple[int, ...] = (0, 1, 2)) -> tuple[np.ndarray, ...]:
    both = [np.array([COUNTS[replicate][a][s] for s in strata], float).T for a in (arm, "placebo")]
    return both[0][0], both[0][1], both[1][0], both[1][1]


def crude(arm: str, replicate: int = 0) -> tuple[float, ...]:
    return tuple(float(v.sum()) for v in four(arm, replicate))


def test_the_strata_of_the_randomisation_are_in_difference_test_and_odds_ratio() -> None:
    """The third stratum has nobody on placebo in the named replicate and says nothing."""
    found = rows(planned())
    for arm in ("low", "high"):
        of = four(arm, strata=(0, 1))
        difference = 100 * np.array(proportions.stratified_rate_difference(*of))
        assert found["RESPW8", arm, "planned difference", "replicate"] == pytest.approx(tuple(difference))
        assert found["RESPW8", arm, "planned p", "replicate"][0] == pytest.approx(float(proportions.cmh_test(*of).p))
        odds = tuple(map(float, proportions.common_odds_ratio(*of)))
        assert found["RESPW8", arm, "planned odds ratio", "replicate"] == pytest.approx(odds)
        over = np.mean([100 * proportions.common_difference(*four(arm, r)) for r in range(3)])
        assert found["RESPW8", arm, "planned difference", "replicates"][0] == pytest.approx(over)
    assert ("RESPW8", "placebo", "planned p", "replicate") not in found
    assert ("MAXDUR", "low", "planned difference", "replicate") not in found


def by_exact(kind: proportions.Exact) -> list[float]:
    return [float(proportions.exact_test(kind, *crude("low")))]


METHODS = [
    ({"difference": "sato"}, "planned difference", lambda of: 100 * np.array(proportions.sato_difference(*of))),
    ({"difference": "newcombe"}, "planned difference", lambda of: 100 * np.array(proportions.newcombe_difference(*of))),
    ({"test": "cmh_corrected"}, "planned p", lambda of: [proportions.cmh_test(*of, correction=True).p]),
    ({"test": "fisher"}, "planned p", lambda _: by_exact("fisher")),
    ({"test": "boschloo"}, "planned p", lambda _: by_exact("boschloo")),
    ({"exact_below": 7.2}, "planned p", lambda _: by_exact("fisher")),
    ({"exact_below": 7.2, "exact": "boschloo"}, "planned p", lambda _: by_exact("boschloo")),
    ({"exact_below": 6.0}, "planned p", lambda of: [proportions.cmh_test(*of).p]),
    ({"odds_ratio": "logistic"}, "planned odds ratio", lambda of: proportions.logistic_odds_ratio(*of)),
    ({"odds_ratio": "firth"}, "planned odds ratio", lambda of: proportions.firth_odds_ratio(*of)),
    ({"strata": "none"}, "planned p", lambda _: [proportions.cmh_test(*([v] for v in crude("low"))).p]),
    ({"pool_below": 3}, "planned p", lambda _: [proportions.cmh_test([5, 5], [7, 9], [1, 3], [7, 8]).p]),
]


@pytest.mark.parametrize(("method", "stat", "wanted"), METHODS, ids=lambda x: str(x) if isinstance(x, dict) else "")
def test_every_choice_of_the_method_has_its_effect(method, stat: str, wanted) -> None:
    """Smallest expected count of low: 14 of 31 respond, 15 are on placebo, 14 x 15 / 31 = 6.8. Below 3 the third
    stratum (1, 2, 0 patients) joins the smallest other, the first (6, 7, 7): 4 + 1 of 6 + 1 on low.
    """
    found = rows(planned(method=method))["RESPW8", "low", stat, "replicate"]
    wanted_now = [float(v) for v in wanted(four("low", strata=(0, 1)))]
    assert [v for v in found if v is not None] == pytest.approx(wanted_now, rel=1e-9)
    default = rows(planned())["RESPW8", "low", stat, "replicate"]
    assert method == {"exact_below": 6.0} or default != pytest.approx(found, nan_ok=True)


P = np.array([[proportions.cmh_test(*four(arm, r)).p for arm in ("low", "high")] for r in range(3)])
HIGHER = np.array([[proportions.common_difference(*four(arm, r)) > 0 for arm in ("low", "high")] for r in range(3)])


@pytest.mark.parametrize(
    ("said", "adjusted"),
    [
        (None, P),
        ({"procedure": "holm"}, holm(P)),
        ({"procedure": "hochberg"}, hochberg(P)),
        ({"procedure": "fixed_sequence", "hypotheses": ["high", "low"]}, np.column_stack([P.max(axis=1), P[:, 1]])),
        (
            {"procedure": "graphical", "weights": {"high": 0.7, "low": 0.3}, "transitions": {"high": {"low": 0.5}}},
            graphical(P, [0.3, 0.7], [[0, 0], [0.5, 0]]),
        ),
    ],
    ids=lambda x: x["procedure"] if isinstance(x, dict) else "",
)
def test_rejected_is_the_share_of_replicates_with_a_small_adjusted_p_and_the_better_arm(said, adjusted) -> None:
    found = rows(planned(multiplicity=said))
    won = (adjusted < 0.05) & HIGHER
    assert 0 < won.sum() < won.size
    for k, arm in enumerate(("low", "high")):
        assert found["RESPW8", arm, "rejected", "replicates"][0] == pytest.approx(100 * won[:, k].mean())
        if said:
            assert found["RESPW8", arm, "adjusted p", "replicate"][0] == pytest.approx(adjusted[0, k])
    assert found["FAMILY", "ALL", "rejected", "at least one"][0] == pytest.approx(100 * won.any(axis=1).mean())
    assert found["FAMILY", "ALL", "rejected", "all"][0] == pytest.approx(100 * won.all(axis=1).mean())
    assert any(stat == "adjusted p" for _, _, stat, _ in found) is bool(said)


def test_hypotheses_may_be_of_other_endpoints() -> None:
    """Everybody who responds in week 8 did so once; the graph gives high alone a share, which goes on to RESP1."""
    graph = {"procedure": "graphical", "hypotheses": ["high", "RESP1:high"], "weights": {"high": 1},
             "transitions": {"high": {"RESP1:high": 1}}}  # fmt: skip
    found = rows(planned(multiplicity=graph))
    assert found["RESP1", "high", "adjusted p", "replicate"][0] == pytest.approx(P[0, 1])
    assert ("RESPW8", "low", "rejected", "replicates") not in found


def test_a_file_in_pieces_with_other_strata_gives_what_the_records_give(tmp_path: Path) -> None:
    settings = planned(method={"pool_below": 2})
    whole = evaluate_tables(settings, tables(people()))["endpoints"]
    replicate = whole["IREP"].to_numpy()
    with pq.ParquetWriter(tmp_path / "e.parquet", whole.schema) as writer:
        for few in ([0], [1, 2]):
            writer.write_table(whole.filter(np.isin(replicate, few)))
    records = from_tables(tables(people()), ARMS)
    direct = summaries.of_records(records, endpoints.evaluate_all(records, settings), settings)
    pieces = summaries.of_file(tmp_path / "e.parquet", settings)
    assert estimate_planned(pieces, settings) == estimate_planned(direct, settings)
    assert direct["RESPW8"].stratified.shape == (2, 3, 3, 3)


def test_without_strata_the_planned_comparison_is_the_crude_one() -> None:
    found = rows(planned(strata=False))
    wanted = proportions.stratified_rate_difference(*([v] for v in crude("low")))
    assert found["RESPW8", "low", "planned difference", "replicate"] == pytest.approx(tuple(100 * np.array(wanted)))
    assert rows(planned(reference_arm=None)) == {}


REFUSED = [
    ({"method": {"exact_below": 5, "test": "fisher"}}, "fisher is exact for any count"),
    ({"method": {"exact": "boschloo"}}, "exact_below is 0"),
    ({"method": {"pool_below": 5, "strata": "none"}}, "leaves none to pool"),
    ({"method": {"test": "cmh_corrected"}, "reference_arm": None}, "nothing is compared without"),
    ({"multiplicity": {"procedure": "holm"}, "reference_arm": None}, "nothing is compared without"),
    ({"multiplicity": {"procedure": "holm", "weights": {"low": 1}}}, "allowed: for graphical"),
    ({"multiplicity": {"procedure": "graphical"}}, "needed for procedure: graphical"),
    ({"multiplicity": {"procedure": "fixed_sequence"}}, "their order is the sequence"),
    ({"multiplicity": {"procedure": "holm", "hypotheses": ["low"]}}, "two or more"),
    ({"multiplicity": {"procedure": "holm", "hypotheses": ["low", "hihg"]}}, "did you mean high"),
    ({"multiplicity": {"procedure": "holm", "hypotheses": ["low", "placebo"]}}, "an arm that is compared"),
    ({"multiplicity": {"procedure": "holm", "hypotheses": ["low", "RESPW8:low"]}}, "already hypotheses.0"),
    ({"multiplicity": {"procedure": "graphical", "weights": {"low": 0.6, "high": 0.5}}}, "sum to 1.1"),
    ({"multiplicity": {"procedure": "graphical", "weights": {"low": 0.6, "hgh": 0.4}}}, "did you mean high"),
    ({"multiplicity": {"procedure": "graphical", "weights": {"low": 1}}}, "high never gets a share"),
    (
        {"multiplicity": {"procedure": "graphical", "weights": {"low": 1}, "transitions": {"low": {"low": 1}}}},
        "another hypothesis",
    ),
]


@pytest.mark.parametrize(("said", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_has_no_effect_or_no_sense_is_refused(said, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        planned(**said)


def test_pairs_and_studies_without_strata_have_nothing_to_pool() -> None:
    with pytest.raises(ValidationError, match="no strata to pool"):
        planned(strata=False, method={"pool_below": 5})
    with pytest.raises(ValidationError, match="pairs have a test of their own"):
        study(paired=True, method={"test": "fisher"})


@pytest.mark.parametrize(
    ("analysis", "why"),
    [
        ({"multiplicity": {"procedure": "holm", "hypotheses": ["low", "MAXDUR:low"]}}, "which is measured"),
        ({"multiplicity": {"procedure": "holm", "hypotheses": ["low", "RESP:low"]}}, "did you mean RESP1"),
        ({"multiplicity": {"procedure": "holm"}, "primary": "MAXDUR"}, "which is measured"),
        ({"method": {"test": "fisher"}, "primary": "MAXDUR", "endpoints": ["MAXDUR"]}, "no endpoint is a yes or no"),
    ],
)
def test_endpoints_that_cannot_be_compared_are_refused(analysis, why: str) -> None:
    assert any(why in text for _, text in endpoints.study_problems(planned(**analysis)))


def test_firth_without_its_package_says_which_extra_has_it(monkeypatch) -> None:
    monkeypatch.setattr("trial.app.loading.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"odds_ratio: seen firth, which needs firthmodels.*virtual-trial\[firth\]"):
        load_checked(Path(__file__).parents[2] / "configs" / "smoke.yaml", ["analysis.method.odds_ratio=firth"])
