"""``make numbers``: every number the project claims, measured and printed with what it is held against.

The typical man's pharmacokinetics and the mechanism's biology, the phase III study with 200 replicates in either
structure, every published study, the speed, and the sameness for one and two workers. Some five minutes on two cores.
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
from scipy.optimize import brentq

from analysis.endpoints import nca
from analysis.evidence.coverage import STANDING_FILE
from analysis.evidence.results import analyse
from analysis.evidence.scoring import NOT_YET
from cohorts.parameters import ParameterSet
from cohorts.sets import parameter_set
from trial.app.scorecard import run_scorecard
from trial.app.study_run import evaluator, execute
from trial.jobs.runner import run
from trial.models.typical import concentrations, course
from trial.study.load import load_study
from trial.tables import TABLES

OUT = Path("runs/numbers")
PUBLISHED = Path("configs/published")
EMPIRICAL, MECHANISM, HEALTHY = "hetrombopag_wang_2022", "hetrombopag_itp_mei_2021", "hetrombopag_healthy_zheng_2017"
SAMPLES_H = (0.5, 1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 36, 48, 72, 96, 120, 144, 168)
Row = tuple[str, str, str, bool]


def main() -> None:
    """Print every number; exit status 0 whether or not all hold, because a miss is a result."""
    rows: list[Row] = []
    for part in (pharmacokinetics, biology, phase_3, every_study, speed, whole_run, sameness):
        for row in part():
            rows.append(row)
            name, value, wanted, holds = row
            print(f"{'holds' if holds else 'MISS '}  {name:58s} {value:>22s}   wanted {wanted}", flush=True)
    print(f"{sum(r[3] for r in rows)} of {len(rows)} hold")


def within(name: str, value: float, low: float, high: float, unit: str = "") -> Row:
    """A row that holds inside [low, high]."""
    return name, f"{value:.4g} {unit}".strip(), f"{low:g} to {high:g}", low <= value <= high


def pharmacokinetics() -> Iterator[Row]:
    """Single doses and once-daily dosing of the typical man, in either structure; meals in the mechanism."""
    for name in (EMPIRICAL, HEALTHY):
        yield from _kinetics(parameter_set(name))
    yield from _meals(parameter_set(HEALTHY))


def _kinetics(parameters: ParameterSet) -> Iterator[Row]:
    times, structure = np.array(SAMPLES_H), parameters.structure
    single = {dose: concentrations(parameters, dose, [0], SAMPLES_H) for dose in (5.0, 40.0)}
    found = {dose: nca.exposure([0.0, *times], [0.0, *c], lloq=0.5) for dose, c in single.items()}
    for dose in (5.0, 40.0):
        yield within(f"{structure} Tmax, {dose:g} mg", found[dose].tmax, 6, 10, "h")
    yield within(f"{structure} half-life, 5 mg", found[5.0].terminal.half_life, 10, 14, "h")
    yield within(f"{structure} half-life, 40 mg", found[40.0].terminal.half_life, 34, 46, "h")
    yield within(f"{structure} Cmax/dose, 40 over 5 mg", found[40.0].cmax / found[5.0].cmax / 8, 0.8, 1.25)
    yield within(f"{structure} AUCinf/dose, 40 over 5 mg", found[40.0].auc_inf / found[5.0].auc_inf / 8, 1.15, 2)
    lloqs = np.arange(0.2, 1.0001, 0.02)
    lives = [nca.exposure(times, single[5.0], lloq=x).terminal.half_life for x in lloqs]
    yield within(f"{structure} half-life, 5 mg, shortest over LLOQ 0.2 to 1", min(lives), 9, 16, "h")
    yield within(f"{structure} half-life, 5 mg, longest over LLOQ 0.2 to 1", max(lives), 9, 16, "h")
    hours = np.arange(0, 24 * 11, 0.5)
    daily = concentrations(parameters, 5.0, range(10), tuple(hours))
    area = {day: nca.auc(hours[:49], daily[48 * (day - 1) : 48 * (day - 1) + 49]) for day in (7, 10)}
    yield within(f"{structure} AUCtau, day 7 as share of day 10, 5 mg", float(area[7] / area[10]), 0.95, 1.05)


def _meals(parameters: ParameterSet) -> Iterator[Row]:
    """7.5 mg with a meal as a share of 7.5 mg without: Yang 2020 within 10 points, and the food study of 2020."""
    hours = np.concatenate([np.arange(0.25, 24, 0.25), np.arange(24, 169, 1.0)])
    fasted, *fed = (concentrations(parameters, 7.5, [0], tuple(hours), meal_h=h) for h in (np.inf, 0.0, 1.0, 2.0))
    limits = (((0, 3), (0, 10)), ((15.4, 35.4), (34, 54)), ((29, 49), (46, 66)))
    for meal_h, profile, (area, peak) in zip((0, 1, 2), fed, limits, strict=True):
        ratio = float(nca.auc(hours, profile) / nca.auc(hours, fasted))
        yield within(f"AUC with a meal {meal_h} h after the dose", 100 * ratio, *area, "% of fasted")
        yield within(f"Cmax with a meal {meal_h} h after the dose", 100 * profile.max() / fasted.max(), *peak, "%")


def biology() -> Iterator[Row]:
    """What the mechanism does that it was not fitted to; typical patients."""
    itp, healthy = parameter_set(MECHANISM), parameter_set(HEALTHY)
    normal = healthy.value("TPO0")
    share, low = itp.value("LOWPROD"), itp.value("GPROD_LOW")
    full, both = (float(course(itp.with_values({"GPROD": g}), 0.0, 1)["TPO"][0] / normal) for g in (1.0, low))
    yield within("TPO in ITP over normal, both types of patients", (1 - share) * full + share * both, 1.3, 2.3)
    yield within("TPO in ITP over normal, destruction only", full, 1.3, 2.3)
    yield within("TPO in ITP over normal, with low production", both, 1.3, 2.3)
    for count in (11.0, 20.0):
        ratio = course(healthy.with_values({"BASE": count}), 0.0, 1)["TPO"][0] / normal
        yield within(f"TPO in aplasia over normal, count {count:g}", float(ratio), 13, 29)

    def rise(log_ec50: float) -> float:
        seen = course(healthy.with_values({"EC50": float(np.exp(log_ec50))}), 5.0, 30, 14)["PLT"]
        return float(seen.max() / seen[0] - 1.8)

    tuned = healthy.with_values({"EC50": float(np.exp(brentq(rise, np.log(10), np.log(3000))))})
    seen = course(tuned, 5.0, 30, 14)
    yield within("Healthy, 14 days tuned to +80 %: day of the peak", float(seen["PLT"].argmax()), 14, 18.5)
    yield within("Healthy, the same: lowest TPO over baseline", float(seen["TPO"].min() / seen["TPO"][0]), 0.4, 0.65)
    short = course(healthy, 7.5, 30, 5)["PLT"]
    yield within("Healthy, 5 days of 7.5 mg: count on day 27 over baseline", float(short[27] / short[0]), 0.8, 1.1)
    for production in (1.0, 0.4):
        seen_itp = course(itp.with_values({"GPROD": production}), 5.0)["PLT"]
        share = (seen_itp[14] - seen_itp[0]) / (seen_itp[-1] - seen_itp[0])
        yield within(f"ITP, share of the plateau by week 2, production {production:g}", 100 * float(share), 70, 90, "%")
    factor = healthy.value("EC50") / itp.value("EC50")
    yield "EC50 in health over EC50 in ITP, hetrombopag", f"{factor:.2f}", "reported, no limit", True


def phase_3() -> Iterator[Row]:
    """200 replicates of the published phase III trial against its table, with the mechanism and, after it, without."""
    yield from _phase_3(PUBLISHED / "hetrombopag_itp_phase3.yaml", 11)
    yield from _phase_3(Path("configs/hetrombopag_itp_phase3_empirical.yaml"), 10)


def _phase_3(config: Path, least: int) -> Iterator[Row]:
    rows = _scorecard(config, 200)
    scored = [r for r in rows if r["inside"] != "" and r["seen"] == "yes"]
    for r in scored:
        yield _cell(r)
    cells = [r for r in scored if r["endpoint"] != "RESCUE"]
    rescue = [r for r in scored if r["endpoint"] == "RESCUE"]
    inside = sum(_cell(r)[3] for r in cells)
    yield f"{config.stem}: response cells inside", f"{inside} of {len(cells)}", f"{least} of 12", inside >= least
    inside = sum(_cell(r)[3] for r in rescue)
    yield f"{config.stem}: rescue cells inside", f"{inside} of {len(rescue)}", "3 of 3", inside == 3


def every_study() -> Iterator[Row]:
    """`vtrial scorecard`: shares of counted rows inside their limits."""
    if run_scorecard(PUBLISHED, OUT / "scorecard", workers=2, overwrite=True).failed:
        yield "Scorecard of every study", "a study failed", "all run", False
        return
    with (OUT / "scorecard" / "scorecard.csv").open(encoding="utf-8", newline="") as stream:
        counted = [r for r in csv.DictReader(stream) if r["inside"]]
    standing = pq.read_table(OUT / "scorecard" / STANDING_FILE, columns=["row_id", "status"]).to_pylist()
    later = {r["row_id"] for r in standing if r["status"] == NOT_YET}
    counted = [r for r in counted if r["row_id"] not in later]
    for kind, seen, least in (("Targets seen in calibration", "yes", 0.85), ("Predicted targets", "no", 0.65)):
        chosen = [r["inside"] == "yes" for r in counted if r["seen"] == seen]
        share, said = np.mean(chosen), f"{sum(chosen)} of {len(chosen)} ({100 * np.mean(chosen):.0f} %)"
        yield (
            f"{kind}: inside",
            said,
            f"{100 * least:.0f} %, at least 15 rows",
            bool(share >= least and len(chosen) > 14),
        )


def _cell(r: dict[str, str]) -> Row:
    """A scorecard row held against the published interval; a row that is not counted says so."""
    kind = "calibrated" if r["seen"] == "yes" else "predicted" if r["inside"] else "predicted, not counted"
    value, published, low, high = (float(r[k]) for k in ("simulated", "published", "ci_low", "ci_high"))
    wanted = f"{published:.1f} ({low:.1f} to {high:.1f})"
    shown = f"{value:.1f} (mcse {float(r['mcse']):.2f})"
    return f"{r['study']} {r['arm']} {r['endpoint']} ({kind})", shown, wanted, low <= value <= high


def _scorecard(config: Path, replicates: int) -> list[dict[str, str]]:
    out = OUT / config.stem
    shutil.rmtree(out, ignore_errors=True)
    study = load_study(config, replicates=replicates)
    execute(study, out, workers=2)
    analyse(out, study)
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
