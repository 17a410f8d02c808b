"""Simulated adverse events against the proportions of Mei 2021, Table 4, weeks 0 to 10."""

from pathlib import Path

import numpy as np
import pytest

from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.study.tolerability import Tolerability

CONFIG = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
PRINTED = {
    "URTI": (44 + 45, 29), "UTI": (20 + 28, 14), "HEAD": (13 + 12, 8), "DIARR": (17 + 13, 1), "ALT": (11 + 13, 8),
    "LDH": (12 + 21, 6), "HYPOK": (7 + 10, 14), "PROTU": (11 + 7, 8),
}  # fmt: skip
N_DRUG, N_PLACEBO = 339, 85
PATIENTS, REPLICATES = 5_000, 5
Z = 4.0
"""Standard errors allowed: with 16 comparisons and a fixed seed, 4 leaves a false alarm of 1 in 1,000."""


@pytest.fixture(scope="module")
def shares():
    """Share of patients with each event on drug and on placebo: fixed doses, nobody leaves, ten weeks for everybody."""
    study = load_study(CONFIG, replicates=REPLICATES)
    visits = study.visits.model_copy(update={"window_days": 0, "days": (70,)})
    fixed = tuple(arm.model_copy(update={"dose_rule": None}) for arm in study.arms)
    changes = {"dropout": (), "arms": fixed, "dose_rules": {}, "visits": visits, "tolerability": Tolerability()}
    found = simulate_replicates(
        study.model_copy(update={"patients": PATIENTS, "pk_sampling": None, **changes}), range(REPLICATES)
    )
    placebo = found["patients"]["ARM"].to_pandas().to_numpy() == "Placebo"
    events = found["adverse"].to_pandas()
    on_placebo = placebo[events.IREP.to_numpy() * PATIENTS + events.SUBJID.to_numpy() - 1]
    return {
        code: [
            (sum((code == events.AECD) & (on_placebo == group)), (placebo == group).sum()) for group in (False, True)
        ]
        for code in PRINTED
    }


@pytest.mark.slow
@pytest.mark.parametrize("code", PRINTED)
def test_ten_week_proportions_are_the_printed_ones(shares, code):
    for (events, n), printed, size in zip(shares[code], PRINTED[code], (N_DRUG, N_PLACEBO), strict=True):
        p = printed / size
        assert abs(events / n - p) <= Z * np.sqrt(p * (1 - p) / n), (code, size)
