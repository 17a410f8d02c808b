"""``python -m trial.cli.calibrate``: fit the calibrated parameters of hetrombopag_wang_2022 to the phase III table
again.

The targets are the rows marked "seen" and "counted" in the published results of the phase III study. Fixed seed and
replicates at every point (common random numbers). Writes the calibration file that the catalogue reads.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path

from joblib import Parallel, delayed

from analysis.calibration import Fitted, Point, Target, calibrate
from analysis.records import from_tables
from analysis.results import endpoint_rates
from cohorts.catalogue import calibration_file, parameter_set
from trial.config import Study
from trial.configfile import load_study
from trial.provenance import engine_version
from trial.units import simulate_replicates

CONFIG = Path("configs/published/hetrombopag_itp_phase3.yaml")
FITTED = (
    Fitted("EC50", 30.0, 1.0, "no prior value for hetrombopag; scale of steady-state concentrations at 5 mg"),
    Fitted("OMEGA_EC50", 0.8, 0.7, "variance; eltrombopag slope 0.29 in liver disease to 1.2 in ITP"),
    Fitted("EMAX", 9.0, 0.5, "romiplostim in ITP (Petrov 2024); lusutrombopag 4.5, romiplostim in healthy 11.2"),
    Fitted("MTT", 150.0, 0.2, "140 to 200 h across the class"),
    Fitted("FLUCT_SD", 0.4, 0.3, "total SD of ln 0.30 to 0.50 in ITP"),
    Fitted("RESCUE_H0", 0.3, 1.0, "no prior value"),
    Fitted("RESCUE_SCALE", 8.0, 0.5, "rescue is given at counts of about 10 and below"),
    Fitted("RESCUE_DROP", 1.8, 0.4, "immunoglobulin: a count of 10 rises to about 60"),
)


def targets_of(study: Study, rows: Path) -> list[tuple[Target, str, str]]:
    """The rows marked seen and counted: target, endpoint, arm."""
    with rows.open(encoding="utf-8", newline="") as stream:
        seen = [row for row in csv.DictReader(stream) if row["seen"] == row["counted"] == "yes"]
    return [(Target(r["row_id"], int(r["events"]), int(r["n"])), r["endpoint"], r["arm"]) for r in seen]


def simulated_rates(
    study: Study, wanted: list[tuple[Target, str, str]], units: list[range], pool: Parallel, values: Mapping[str, float]
) -> dict[str, float]:
    """Mean rate over the replicates of every target, by row id."""
    parts = pool(delayed(_rates)(study, wanted, unit, dict(values)) for unit in units)
    total = sum(len(unit) for unit in units)
    return {
        t.row_id: sum(len(u) * part[t.row_id] for u, part in zip(units, parts, strict=True)) / total
        for t, _, _ in wanted
    }


def _rates(
    study: Study, wanted: list[tuple[Target, str, str]], replicates: range, values: dict[str, float]
) -> dict[str, float]:
    tables = simulate_replicates(study, replicates, parameter_set(study.parameter_set).with_values(values))
    rates = endpoint_rates(from_tables(tables, study.arm_ids), study.analysis, sorted({code for _, code, _ in wanted}))
    return {t.row_id: float(rates[code][:, study.arm_ids.index(arm)].mean()) for t, code, arm in wanted}


def main() -> None:
    """Fit, print every 20th point, write the calibration file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=424, help="not the study's own, so that its runs are new draws")
    parser.add_argument("--replicates", type=int, default=24)
    parser.add_argument("--scan", type=int, default=128)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=250)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    study = load_study(CONFIG, seed=chosen.seed, replicates=chosen.replicates).model_copy(update={"pk_sampling": None})
    assert study.published is not None
    wanted = targets_of(study, CONFIG.parent / study.published.rows)
    step = -(-chosen.replicates // chosen.workers)
    units = [range(r, min(r + step, chosen.replicates)) for r in range(0, chosen.replicates, step)]
    begun = time.perf_counter()
    with Parallel(n_jobs=chosen.workers) as pool:
        simulate = partial(simulated_rates, study, wanted, units, pool)
        points = calibrate(
            [t for t, _, _ in wanted],
            FITTED,
            simulate,
            scan=chosen.scan,
            starts=chosen.starts,
            evaluations=chosen.evaluations,
            tell=_tell,
        )
    write(study, wanted, points[0], len(points), time.perf_counter() - begun)


def _tell(k: int, point: Point) -> None:
    if k % 20 == 1:
        print(
            f"{k:4d}  distance {point.distance:8.2f}  " + "  ".join(f"{n} {v:.3g}" for n, v in point.values.items()),
            flush=True,
        )


def write(study: Study, wanted: list[tuple[Target, str, str]], best: Point, visited: int, seconds: float) -> None:
    """The calibration file, and the fit on the screen."""
    path = calibration_file(study.parameter_set)
    content = {
        "values": {name: float(f"{value:.5g}") for name, value in best.values.items()},
        "targets": [t.row_id for t, _, _ in wanted],
        "priors": {f.name: {"median": f.prior_median, "log_sd": f.prior_log_sd, "reason": f.reason} for f in FITTED},
        "distance": round(best.distance, 3),
        "points": visited,
        "seed": study.seed,
        "replicates": study.replicates,
        "engine_version": engine_version(),
        "made_by": "make calibrate",
        "date": date.today().isoformat(),
        "minutes": round(seconds / 60, 1),
        "note": "penalised composite likelihood: published counts as if independent, common random numbers, best of "
        "several starts; other values fit nearly as well",
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for target, _, _ in wanted:
        published, simulated = 100 * target.events / target.n, 100 * best.rates[target.row_id]
        print(f"{target.row_id:40s} published {published:5.1f}  simulated {simulated:5.1f}")
    print(f"distance {best.distance:.2f} after {visited} points in {seconds / 60:.1f} min; written to {path.name}")


if __name__ == "__main__":
    main()
