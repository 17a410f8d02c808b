"""``make bench``: our speed and error beside those of other programs, in the same run; see README.md in this folder."""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median

import history
import numpy as np
import pyarrow as pa
from cases import ROUNDS, Case, Verdict, alternated, worst_error
from peers import Heyoka, by_scipy, reference, start_of
from stiff import stiff
from workload import M1, M2, population

import trial.engine.simulate
from trial.jobs.work import enrolment, simulate_replicates, unit_of
from trial.models import Days
from trial.solver import method_of, solve
from trial.solver.structure import Array, Structure
from trial.study.load import load_study

ROOT = Path(__file__).parents[2]
OUT = ROOT / "runs" / "bench"
PHASE_3 = ROOT / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
SETS = {"tmdd_lifespan": "hetrombopag_wang_2022", "tpo_mechanism": "hetrombopag_itp_mei_2021"}
CHUNK = 4096
WEEKLY, HOURLY = 168.0 * np.arange(9), np.arange(1345.0)


def solve_chunks(structure: Structure, p: Array, hours: Array, threads: int) -> list[Array]:
    """Solve in chunks that bound the memory; the last states or outputs of each chunk."""

    def one(first: int) -> Array:
        q = p[first : first + CHUNK]
        times = np.tile(hours, (len(q), 1))
        values, status, _ = solve(structure, q, start_of(structure, q), structure.daily_events(q), times)
        assert (status == 0).all()
        return values

    starts = range(0, len(p), CHUNK)
    if threads == 1:
        return [one(first) for first in starts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, starts))


def hourly_table(structure: Structure, p: Array, threads: int, chunk: int = 128) -> pa.Table:
    """Hourly concentration and platelets as one Arrow table, a batch per chunk; every chunk has the same hours."""
    times = np.tile(HOURLY, (chunk, 1))
    rows = len(HOURLY) - 1
    hours, subject = pa.array(times[:, 1:].ravel()), np.repeat(np.arange(chunk, dtype=np.int32), rows)

    def one(first: int) -> pa.RecordBatch:
        q = p[first : first + chunk]
        values, status, _ = solve(
            structure, q, start_of(structure, q), structure.daily_events(q), times[: len(q)], outputs=True
        )
        assert (status == 0).all()
        outputs = [pa.array(values[:, :, k].ravel()) for k in range(2)]
        columns = [pa.array(subject[: len(q) * rows] + np.int32(first)), hours[: len(q) * rows], *outputs]
        return pa.record_batch(columns, names=["SUBJID", "TIME", "CONC", "PLT"])

    with ThreadPoolExecutor(threads) as pool:
        return pa.Table.from_batches(list(pool.map(one, range(0, len(p), chunk))))


def weekly(structure: Structure, quick: bool) -> Iterator[Case]:
    """Ours, scipy's LSODA and heyoka on one core, in turn."""
    few, many, some = population(16), population(1024 if quick else 8192), population(2 if quick else 8)
    truth = reference(structure, few)
    runs: list[Callable[[], object]] = [
        lambda: solve_chunks(structure, many, WEEKLY, 1),
        lambda: by_scipy(structure, some, "LSODA", 1e-6, 1e-9),
    ]
    try:
        peer = Heyoka(structure, 1e-6)
        runs.append(lambda: peer.solve(many[:512]))
        found = [peer.solve(few)]
    except ImportError:
        found = []
    seconds = alternated(*runs, rounds=ROUNDS)
    sizes = (len(many), len(some), 512)
    rates = [n / s for n, s in zip(sizes, seconds, strict=False)]
    errors = [solve_chunks(structure, few, WEEKLY, 1)[0], by_scipy(structure, few[:4], "LSODA", 1e-6, 1e-9), *found]
    for name, rate, states in zip(("virtual-trial", "scipy LSODA", "heyoka"), rates, errors, strict=False):
        n = len(states)
        error = worst_error(structure, states, truth[:n], few[:n])
        beside = rate / rates[2] if len(rates) > 2 else None
        yield Case(f"{structure.id} weekly", name, 1, rate, error, None, rate / rates[1], beside)


def two_cores(quick: bool) -> Iterator[Case | Verdict]:
    """M2: two threads over one; hourly output with its table over weekly output."""
    p = population(4 * CHUNK if quick else 8 * CHUNK)
    some = p[: 1024 if quick else 4096]
    one, two, hourly = alternated(
        lambda: solve_chunks(M2, p, WEEKLY, 1),
        lambda: solve_chunks(M2, p, WEEKLY, 2),
        lambda: hourly_table(M2, some, 2),
    )
    rate = len(p) / two
    yield Case("M2 weekly, two threads", "virtual-trial", 2, rate)
    yield Case("M2 hourly with table", "virtual-trial", 2, len(some) / hourly)
    yield Verdict("two threads over one: 1.7", f"{one / two:.2f}", one / two >= 1.7)
    share = len(some) / hourly / rate
    yield Verdict("M2 hourly with table over weekly, two cores: 60 %", f"{100 * share:.0f} %", share >= 0.6)


def scaling(quick: bool) -> Iterator[Case | Verdict]:
    """Cost per patient from 1,000 to 1,000,000 patients."""
    sizes = (1000, 10_000, 100_000) if quick else (1000, 10_000, 100_000, 1_000_000)
    p = population(sizes[-1])
    times = [max(1, 20_000 // n) for n in sizes]
    runs = [lambda n=n, k=k: _discard(p[:n], k) for n, k in zip(sizes, times, strict=True)]
    seconds = alternated(*runs, rounds=1 if quick else ROUNDS)
    rates = [n * k / s for n, k, s in zip(sizes, times, seconds, strict=True)]
    for n, rate in zip(sizes, rates, strict=True):
        yield Case(f"M2 weekly, {n} patients", "virtual-trial", 2, rate)
    spread = max(rates) / min(rates) - 1
    yield Verdict("cost per patient flat within 20 %", f"{100 * spread:.0f} %, largest over smallest", spread <= 0.2)


def _discard(p: Array, repeats: int) -> None:
    """Solve ``repeats`` times on two threads, in an even number of equal chunks one after the other; keep nothing."""
    size = -(-len(p) // (2 * -(-len(p) // (2 * CHUNK))))
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(
            lambda k: len(solve_chunks(M2, p[k : k + size], WEEKLY, 1)), [*range(0, len(p), size)] * repeats
        ):
            pass


def mechanism_cost() -> Iterator[Case | Verdict]:
    """Both structures on the patients of the phase III study: 70 days of 5 mg, weekly output, one core, in turn."""
    study = load_study(PHASE_3, replicates=1).model_copy(update={"patients": 1024})
    runs: list[Callable[[], object]] = []
    for name in SETS.values():
        own = study.model_copy(update={"parameter_set": name})
        unit = unit_of(own, enrolment(own, 0))
        days = Days.of(np.broadcast_to(24.0 * np.arange(70), (1024, 70)), 5.0)
        events = unit.structure.daily_events(unit.p, days)
        start = unit.structure.steady_state(unit.p, events.inputs[:, 0])
        times = np.tile(168.0 * np.arange(11), (1024, 1))
        runs.append(lambda u=unit, e=events, y=start, t=times: solve(u.structure, u.p, y, e, t))
    empirical, mechanism = alternated(*runs)
    for name, seconds in zip(SETS, (empirical, mechanism), strict=True):
        yield Case(f"{name}, 70 days", "virtual-trial", 1, 1024 / seconds)
    ratio = mechanism / empirical
    yield Verdict("tpo_mechanism over tmdd_lifespan: 4 times", f"{ratio:.1f} times", ratio <= 4)


def phase_3(replicates: int, structure: str) -> Iterator[Case | Verdict]:
    """24 weeks, weekly titration, 424 patients a replicate, endpoints kept, two workers: a whole `vtrial run`."""
    folder = OUT / "phase3_24_weeks"
    days = "[" + ", ".join(str(7 * w) for w in range(1, 25)) + "]"
    sets = [f"visits.days={days}", "treatment_days=168", "published=null", "output=endpoints",
            f"parameter_set={SETS[structure]}"]  # fmt: skip
    command = [sys.executable, "-m", "trial", "run", str(PHASE_3), "--replicates", str(replicates), "--no-report",
               "--workers", "2", "--overwrite", "--out", str(folder)]  # fmt: skip
    for item in sets:
        command += ["--set", item]
    begun = time.perf_counter()
    peak = _peak_mib(command)
    seconds, n = time.perf_counter() - begun, 424 * replicates
    yield Case(f"{structure}: phase III, {replicates} replicates", "virtual-trial", 2, n / seconds, None, peak)
    minutes = seconds / 60 * 1000 / replicates
    scaled = "" if replicates == 1000 else f" (from {replicates} replicates)"
    yield Verdict(f"phase III, 1,000 replicates, {structure}: under 5 min", f"{minutes:.1f} min{scaled}", minutes < 5)
    yield Verdict("the same: under 1.5 GiB", f"{peak:.0f} MiB", peak < 1536)


def _peak_mib(command: list[str]) -> float:
    """Run a command; the largest memory (PSS) of it and its children together, looked at four times a second."""
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0.0
    while running.poll() is None:
        peak = max(peak, sum(_pss_mib(pid) for pid in _family(running.pid)))
        time.sleep(0.25)
    if running.returncode:
        raise SystemExit(f"{' '.join(command)}\n{running.stderr.read() if running.stderr else ''}")
    return peak


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(parts[1]), []).append(int(status.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def _pss_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def outside_kernel() -> Iterator[Verdict]:
    """Share of a work unit's time that is not spent in the solver; endpoints included."""
    from trial.app.study_run import evaluator

    study = load_study(PHASE_3, replicates=20)
    visits = study.visits.model_copy(update={"days": tuple(range(7, 169, 7))})
    study = study.model_copy(update={"visits": visits, "treatment_days": 168, "pk_sampling": None})
    evaluate, inside, plain = evaluator(study), [0.0], trial.engine.simulate.solve

    def timed(*args, **kwargs):  # type: ignore[no-untyped-def]
        begun = time.perf_counter()
        result = plain(*args, **kwargs)
        inside[0] += time.perf_counter() - begun
        return result

    trial.engine.simulate.solve = timed  # type: ignore[assignment]
    shares = []
    for _ in range(ROUNDS + 1):
        inside[0], begun = 0.0, time.perf_counter()
        evaluate(simulate_replicates(study, range(9)))
        shares.append(1 - inside[0] / (time.perf_counter() - begun))
    trial.engine.simulate.solve = plain
    share = median(shares[1:])
    yield Verdict("time outside the kernel: under 50 %", f"{100 * share:.0f} %", share < 0.5)


def start_up() -> Iterator[Verdict]:
    """Compilation in a fresh process, help, and a warm run of the smallest study; seconds, so the fastest of five:
    what else the machine does only adds.
    """
    code = (
        "import os,sys,time; sys.path.insert(0, 'tests/benchmarks'); os.environ['VTRIAL_CACHE'] = ''\n"
        "from trial.models import structure; from trial.solver.kernel import kernel, native_lanes\n"
        "t = time.perf_counter(); kernel(structure(sys.argv[1]), native_lanes(), 'taylor')\n"
        "print(time.perf_counter() - t)"
    )
    for name in SETS:
        fastest = min(float(_run([sys.executable, "-c", code, name])) for _ in range(5))
        yield Verdict(f"compile of {name}: 1 s", f"{fastest:.2f} s", fastest < 1)
    vtrial = [sys.executable, "-m", "trial"]
    smoke = [*vtrial, "run", "configs/smoke.yaml", "--overwrite", "--out", str(OUT / "smoke")]
    helped, plain, reported = alternated(
        lambda: _run([*vtrial, "--help"]), lambda: _run([*smoke, "--no-report"]), lambda: _run(smoke), rounds=5, of=min
    )
    yield Verdict("vtrial --help: 0.5 s", f"{helped:.2f} s", helped < 0.5)
    yield Verdict("warm configs/smoke.yaml without report: 2 s", f"{plain:.2f} s", plain < 2)
    yield Verdict("warm configs/smoke.yaml with report: 5 s", f"{reported:.2f} s", reported < 5)


def _run(command: list[str]) -> str:
    """What a command prints; Python keeps its bytecode, as on a user's machine."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment).stdout


def vector_instructions() -> Iterator[Verdict]:
    """Whether the kernel of tmdd_lifespan is vector code: multiply-adds of whole vectors against single numbers."""
    from trial.models import structure
    from trial.solver.kernel import native_lanes, optimised, solve_module, system_of

    chosen = structure("tmdd_lifespan")
    module, machine = optimised(solve_module(system_of(chosen, False), native_lanes(), method_of(chosen)))
    lines = machine.emit_assembly(module).splitlines()
    packed = sum("vfm" in line and "pd" in line.split()[0] for line in lines if line.strip())
    single = sum("vfm" in line and "sd" in line.split()[0] for line in lines if line.strip())
    wide = max((r for r in ("zmm", "ymm", "xmm") if any(r in line for line in lines)), default="none")
    yield Verdict(
        "vector instructions", f"{packed} packed, {single} single multiply-adds ({wide})", packed > 10 * max(single, 1)
    )


def verdicts(cases: list[Case]) -> Iterator[Verdict]:
    """The demands on M1 and M2 weekly."""
    for name, scipy, heyoka in (("M2 weekly", 600, 2), ("M1 weekly", 3000, 5)):
        ours = next(c for c in cases if (c.case, c.engine) == (name, "virtual-trial"))
        yield Verdict(f"{name}: {scipy} x scipy LSODA", f"{ours.ratio_to_scipy:.0f} x", ours.ratio_to_scipy >= scipy)
        if ours.ratio_to_heyoka is not None:
            near = f"{ours.ratio_to_heyoka:.1f} x"
            yield Verdict(f"{name}: {heyoka} x heyoka", near, ours.ratio_to_heyoka >= heyoka)
        yield Verdict(f"{name}: worst error below 1e-6", f"{ours.worst_error:.1e}", ours.worst_error < 1e-6)


def write(cases: list[Case]) -> None:
    """bench.csv."""
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / "bench.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Case)], lineterminator="\n")
        writer.writeheader()
        for case in cases:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in asdict(case).items()})


def main() -> None:
    """Run everything, print two tables, write bench.csv and a line of history.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--replicates", type=int, default=100, help="of the titrated phase III")
    chosen = parser.parse_args()
    cases: list[Case] = [*weekly(M1, chosen.quick), *weekly(M2, chosen.quick)]
    judged: list[Verdict] = [*verdicts(cases)]
    parts = (stiff(chosen.quick), two_cores(chosen.quick), scaling(chosen.quick), mechanism_cost(),
             *(phase_3(chosen.replicates, name) for name in SETS), outside_kernel(), start_up(),
             vector_instructions())  # fmt: skip
    for part in parts:
        for item in part:
            if isinstance(item, Case):
                cases.append(item)
            else:
                judged.append(item)
    write(cases)
    if not chosen.quick:
        history.append(history.line(map(asdict, cases), [v.holds for v in judged], history.machine_score()))
    print(f"{'case':38s} {'engine':14s} {'cores':>5s} {'patients/s':>10s} {'error':>8s} {'MiB':>6s} "
          f"{'x scipy':>8s} {'x heyoka':>8s}")  # fmt: skip
    for c in cases:
        print(
            f"{c.case:38s} {c.engine:14s} {c.cores:5d} {c.patients_per_s or 0:10.0f} {_text(c.worst_error, '.0e'):>8s} "
            f"{_text(c.peak_mib, '.0f'):>6s} {_text(c.ratio_to_scipy, '.4g'):>8s} {_text(c.ratio_to_heyoka, '.3g'):>8s}"
        )
    print()
    for v in judged:
        print(f"{'holds' if v.holds else 'MISS ':5s}  {v.demand:55s} {v.measured}")


def _text(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)


if __name__ == "__main__":
    main()
