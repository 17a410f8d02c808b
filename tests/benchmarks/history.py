"""history.csv: a line per ``make bench``, so that a slow-down is seen whatever machine it ran on."""

from __future__ import annotations

import csv
import subprocess
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

HISTORY = Path(__file__).parent / "history.csv"
COLUMNS = (
    "date", "commit", "machine", "m1_patients_per_s", "m1_to_scipy", "m2_patients_per_s", "m2_to_scipy", "m2_to_heyoka",
    "m2_worst_error", "m3_patients_per_s", "m3_worst_error", "held", "judged",
)  # fmt: skip
ROUNDS, SIZE = 60, 200_000


def machine_score() -> float:
    """How often a second this machine does a fixed piece of numpy (exp and sort of 200,000 numbers), at its best."""
    numbers = np.linspace(-1.0, 1.0, SIZE)[np.random.default_rng(1).permutation(SIZE)]
    fastest = np.inf
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        np.sort(np.exp(numbers))
        fastest = min(fastest, time.perf_counter() - begun)
    return 1.0 / fastest


def commit() -> str:
    """The commit that is measured, with a + when something is not committed; "" outside a repository."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, cwd=HISTORY.parent
    )
    return said.stdout.strip()


def line(cases: Iterable[Mapping[str, object]], holds: Iterable[bool], score: float) -> dict[str, str]:
    """One line from the cases of bench.csv and the verdicts."""
    ours = {str(c["case"]): c for c in cases if c["engine"] == "virtual-trial" and c["cores"] == 1}
    verdicts = list(holds)

    def figure(case: str, name: str) -> str:
        value = ours.get(case, {}).get(name)
        return "" if value is None else f"{value:.4g}"

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": f"{score:.4g}",
        "m1_patients_per_s": figure("M1 weekly", "patients_per_s"),
        "m1_to_scipy": figure("M1 weekly", "ratio_to_scipy"),
        "m2_patients_per_s": figure("M2 weekly", "patients_per_s"),
        "m2_to_scipy": figure("M2 weekly", "ratio_to_scipy"),
        "m2_to_heyoka": figure("M2 weekly", "ratio_to_heyoka"),
        "m2_worst_error": figure("M2 weekly", "worst_error"),
        "m3_patients_per_s": figure("M3 weekly", "patients_per_s"),
        "m3_worst_error": figure("M3 weekly", "worst_error"),
        "held": str(sum(verdicts)),
        "judged": str(len(verdicts)),
    }


def append(row: Mapping[str, str], path: Path = HISTORY) -> None:
    """One more line; the first also writes the heads."""
    begins = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        if begins:
            writer.writeheader()
        writer.writerow(row)
