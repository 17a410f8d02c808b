"""Half-effects in health are matched to printed means of volunteers: the virtual ones must have those means."""

from pathlib import Path

import numpy as np
import pytest

from trial.jobs.work import simulate_replicates
from trial.study.load import load_study

PUBLISHED = Path(__file__).parents[2] / "configs" / "published"
REPLICATES = 40


def counts(study: str, arm: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Reported counts (n, visits), baselines (n,) and visit days of one arm over some replicates, own seed."""
    loaded = load_study(PUBLISHED / f"{study}.yaml", replicates=REPLICATES, seed=31)
    tables = simulate_replicates(loaded.model_copy(update={"pk_sampling": None}), range(REPLICATES))
    rows = tables["observations"].to_pandas()
    seen = rows[rows.PARAMCD == "PLAT"].pivot(index=["IREP", "SUBJID"], columns="AVISITN", values="AVAL")
    mine = (arm == tables["patients"].to_pandas().ARM).to_numpy()
    values = seen.to_numpy()[mine]
    return values[:, 1:], values[:, 0], list(seen.columns[1:])


def test_hetrombopag_day_6_after_one_dose():
    """Yang 2020: +15.8 % on day 6 (day 5 here) after 7.5 mg once, the mean of 15 volunteers."""
    later, baseline, days = counts("hetrombopag_food", "FASTED")
    change = 100 * (later[:, days.index(5)] / baseline - 1)
    assert change.mean() == pytest.approx(15.8, abs=4 * change.std() / np.sqrt(len(change)))


def test_eltrombopag_largest_rise_in_japanese_men():
    """Ten days of 50 mg: largest rise 72 %."""
    later, baseline, _ = counts("eltrombopag_healthy_japan", "ELTROM-50")
    rise = 100 * (later.max(axis=1) / baseline - 1)
    assert rise.mean() == pytest.approx(72, abs=4 * rise.std() / np.sqrt(len(rise)))
