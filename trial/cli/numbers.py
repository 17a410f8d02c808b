"""``make numbers``: every number the project claims, measured and printed with what it is held against.

Runs the phase III study with 200 replicates and the first-in-patient study, the typical man's pharmacokinetics, the
speed, and the sameness for one and two workers. Under 15 minutes on two cores.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from analysis import nca
from analysis.results import analyse
from cohorts.catalogue import parameter_set
from trial.cli.run import evaluator, execute
from trial.configfile import load_study
from trial.runner import run
from trial.tables import TABLES
from trial.typical import concentrations

OUT = Path("runs/numbers")
PUBLISHED = Path("configs/published")
SAMPLES_H = (0.5, 1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 36, 48, 72, 96, 120, 144, 168)
Row = tuple[str, str, str, bool]


def main() -> None:
    """Print every number; exit status 0 whether or not all hold, because a miss is a result."""
    rows: list[Row] = []
    for part in (pharmacokinetics, phase_3, first_in_patient, speed, whole_run, sameness):
        for row in part():
            rows.append(row)
            name, value, wanted, holds = row
            print(f"{'holds' if holds else 'MISS '}  {name:58s} {value:>22s}   wanted {wanted}", flush=True)
    print(f"{sum(r[3] for r in rows)} of {len(rows)} hold")


def within(name: str, value: float, low: float, high: float, unit: str = "") -> Row:
    """A row that holds inside [low, high]."""
    return name, f"{value:.4g} {unit}".strip(), f"{low:g} to {high:g}", low <= value <= high


def pharmacokinetics() -> Iterator[Row]:
    """Single doses and once-daily dosing of the typical man."""
    parameters = parameter_set("hetrombopag_wang_2022")
    times = np.array(SAMPLES_H)
    single = {dose: concentrations(parameters, dose, [0], SAMPLES_H) for dose in (5.0, 40.0)}
    found = {dose: nca.exposure(times, c, lloq=0.5) for dose, c in single.items()}
    for dose in (5.0, 40.0):
        yield within(f"PK Tmax, {dose:g} mg", found[dose].tmax, 6, 10, "h")
    yield within("PK half-life, 5 mg", found[5.0].terminal.half_life, 10, 14, "h")
    yield within("PK half-life, 40 mg", found[40.0].terminal.half_life, 34, 46, "h")
    yield within("PK Cmax/dose, 40 over 5 mg", found[40.0].cmax / found[5.0].cmax / 8, 0.8, 1.25)
    yield within("PK AUCinf/dose, 40 over 5 mg", found[40.0].auc_inf / found[5.0].auc_inf / 8, 1.15, 2)
    lloqs = np.arange(0.2, 1.0001, 0.02)
    lives = [nca.exposure(times, single[5.0], lloq=x).terminal.half_life for x in lloqs]
    yield within("PK half-life, 5 mg, shortest over LLOQ 0.2 to 1", min(lives), 9, 16, "h")
    yield within("PK half-life, 5 mg, longest over LLOQ 0.2 to 1", max(lives), 9, 16, "h")
    hours = np.arange(0, 24 * 11, 0.5)
    daily = concentrations(parameters, 5.0, range(10), tuple(hours))
    area = {day: nca.auc(hours[:49], daily[48 * (day - 1) : 48 * (day - 1) + 49]) for day in (7, 10)}
    yield within("PK AUCtau, day 7 as share of day 10, 5 mg", float(area[7] / area[10]), 0.95, 1.05)


def phase_3() -> Iterator[Row]:
    """200 replicates of the published phase III trial against its table."""
    rows = _scorecard("hetrombopag_itp_phase3", 200)
    scored = [r for r in rows if r["inside"] != "" and r["seen"] == "yes"]
    for r in scored:
        yield _cell(r)
    cells = [r for r in scored if r["endpoint"] != "RESCUE"]
    rescue = [r for r in scored if r["endpoint"] == "RESCUE"]
    inside = sum(_cell(r)[3] for r in cells)
    yield "Phase III response cells inside", f"{inside} of {len(cells)}", "at least 10 of 12", inside >= 10
    inside = sum(_cell(r)[3] for r in rescue)
    yield "Phase III rescue cells inside", f"{inside} of {len(rescue)}", "3 of 3", inside == 3
    yield from (_cell(r) for r in rows if r["endpoint"] == "COMPL")


def first_in_patient() -> Iterator[Row]:
    """Day-28 rates of the first-in-patient trial: predicted, not fitted."""
    for r in _scorecard("hetrombopag_itp_first_in_patient", 400):
        yield _cell(r)


def _cell(r: dict[str, str]) -> Row:
    """A scorecard row held against the published interval; a row that is not counted says so."""
    kind = "calibrated" if r["seen"] == "yes" else "predicted" if r["inside"] else "predicted, not counted"
    value, published, low, high = (float(r[k]) for k in ("simulated", "published", "ci_low", "ci_high"))
    wanted = f"{published:.1f} ({low:.1f} to {high:.1f})"
    shown = f"{value:.1f} (mcse {float(r['mcse']):.2f})"
    return f"{r['study']} {r['arm']} {r['endpoint']} ({kind})", shown, wanted, low <= value <= high


def _scorecard(study_id: str, replicates: int) -> list[dict[str, str]]:
    out = OUT / study_id
    shutil.rmtree(out, ignore_errors=True)
    execute(load_study(PUBLISHED / f"{study_id}.yaml", replicates=replicates), PUBLISHED, out, workers=2)
    analyse(out)
    with (out / "scorecard.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def speed() -> Iterator[Row]:
    """Patients of 10 titrated weeks per second on two cores, simulation and tables, after a warm start."""
    study = load_study(PUBLISHED / "hetrombopag_itp_phase3.yaml", replicates=60)
    out = _fresh("speed")
    run(study.model_copy(update={"replicates": 20}), out, evaluator(study), workers=2)
    begun = time.perf_counter()
    run(study, out, evaluator(study), workers=2)
    rate = study.patients * study.replicates / (time.perf_counter() - begun)
    yield "Patients of 10 titrated weeks per second, two cores", f"{rate:.0f}", "at least 1500", rate >= 1500


def whole_run() -> Iterator[Row]:
    """A new process: start, compilation, 20 replicates, analysis, report; what `make trial` does after installation."""
    config, out = PUBLISHED / "hetrombopag_itp_phase3.yaml", OUT / "whole_run"
    command = [
        sys.executable,
        "-m",
        "trial",
        "run",
        str(config),
        "--replicates",
        "20",
        "--out",
        str(out),
        "--overwrite",
    ]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    yield within("vtrial run, phase III, 20 replicates, whole process", time.perf_counter() - begun, 0, 60, "s")


def sameness() -> Iterator[Row]:
    """Identical Parquet values for one and two workers."""
    study = load_study(PUBLISHED / "hetrombopag_itp_phase3.yaml", replicates=20)
    one, two = _fresh("one_worker"), _fresh("two_workers")
    run(study, one, evaluator(study), workers=1)
    run(study, two, evaluator(study), workers=2)
    same = [pq.read_table(one / f"{t}.parquet").equals(pq.read_table(two / f"{t}.parquet")) for t in TABLES]
    yield "Tables equal for 1 and 2 workers", f"{sum(same)} of {len(same)}", "all", all(same)


def _fresh(name: str) -> Path:
    shutil.rmtree(OUT / name, ignore_errors=True)
    return OUT / name


if __name__ == "__main__":
    main()
