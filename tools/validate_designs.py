"""The pool method against trials of patients of their own: of laws that are known, and of the phase III of hetrombopag.

Each of three settings of the phase III is run as any study is, 5,000 replicates of 60 patients with patients of their
own, and its rejections are counted by the report's own estimates; ``vtrial power`` draws as many trials from a pool.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analysis.designs.measures import AS_SIMULATED, Operating, read_operating
from analysis.evidence.results import ESTIMATES_FILE
from analysis.statistics.estimates import read_estimates

ROOT = Path(__file__).parents[1]
STUDY = "configs/published/hetrombopag_itp_phase3.yaml"
KNOWN = "tests/statistical/designs_against_truth.py"
PATIENTS, TRIALS, POOL = 60, 5_000, 20_000
Line = tuple[str, str, str]
SETTINGS = {
    "as planned": (),
    "a third of the doses missed": ("adherence.mean=0.67",),
    "Fisher's test, Hochberg, no strata": (
        "analysis.method={test: fisher, strata: none}", "analysis.multiplicity={procedure: hochberg}",
    ),
}  # fmt: skip
ALONE = ("published=null", "pk_sampling=null", "output=endpoints", "analysis.endpoints=[RESPW8]")


def known() -> Iterator[Line]:
    """What the tests of known laws print, and whether all pass."""
    done = subprocess.run((sys.executable, "-m", "pytest", "-q", "-s", KNOWN), cwd=ROOT, capture_output=True, text=True)
    for what, seen in re.findall(r"^[.F]*([^:]+): (pool .*|covered .*)$", done.stdout, flags=re.M):
        yield what, seen, "held by the test"
    told = re.findall(r"^.*(?:passed|failed).*", done.stdout, flags=re.M)
    yield f"pytest {KNOWN}", " ".join(told) or "nothing said", "all pass"


def settings() -> Iterator[Line]:
    """What was measured, by pool and independently, and what is wanted: a difference of at most three errors."""
    for name, changes in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            alone, pool = _independent(Path(folder) / "run", changes), _pool(Path(folder) / "power", changes)
        for measure, share in alone.items():
            row = pool[measure]
            error = np.hypot(row.error, np.sqrt(share * (1 - share) / TRIALS))
            apart = abs(row.value - share) / error if error else float(row.value != share)
            said = (
                f"pool {100 * row.value:.2f} ± {100 * row.error:.2f} %, {TRIALS} trials {100 * share:.2f} %: "
                f"{apart:.1f} errors apart"
            )
            yield f"phase III, {PATIENTS} patients, {name}: {measure}", said, "at most 3 errors apart"


def _run(*words: str, changes: tuple[str, ...]) -> None:
    given = [word for change in (*ALONE, *changes) for word in ("--set", change)]
    subprocess.run((sys.executable, "-m", "trial", *words, *given), cwd=ROOT, check=True, capture_output=True)


def _independent(out: Path, changes: tuple[str, ...]) -> dict[str, float]:
    """Share of the replicates that reject at least one hypothesis, and all."""
    size = ("--set", f"patients={PATIENTS}", "--replicates", str(TRIALS))
    _run("run", STUDY, *size, "--no-report", "--out", str(out), changes=changes)
    rows = {
        row.CATEGORY: row
        for row in read_estimates(out / ESTIMATES_FILE)
        if row.PARAMCD == "FAMILY" and row.STAT == "rejected"
    }
    return {
        name: float(rows[row].ESTIMATE or 0) / 100 for name, row in (("power", "at least one"), ("power_all", "all"))
    }


def _pool(out: Path, changes: tuple[str, ...]) -> dict[str, Operating]:
    size = ("--n", str(PATIENTS), "--pool", str(POOL), "--trials", str(TRIALS))
    _run("power", STUDY, *size, "--out", str(out), changes=changes)
    rows = [row for row in read_operating(out) if row.patients == PATIENTS and row.truth == AS_SIMULATED]
    return {row.measure: row for row in rows if not row.about}
