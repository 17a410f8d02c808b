"""``make validate``: what takes too long for every commit, with its results in docs/validation.md.

Coverage of intervals and error of tests by simulation, the oracle of tests/qc on a real run, the fuzzers, the damaged
folders and the kills of tests/faults, the slow tests, and the mutants. An hour on two cores; ``--only NAME`` runs one
part and leaves the others on the page. It is written after every part, so that nothing measured is lost; what fails is
written down as failed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from analysis.statistics import estimators, proportions, summaries
from analysis.statistics.planned import p_values
from analysis.statistics.survival import Counts, by_day, hazard_ratio, kaplan_meier, log_rank
from tools import validate_designs, validate_visits
from trial.study.study import Study

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "docs" / "validation.md"
DRAWS, TRIALS = 20_000, 4_000
Line = tuple[str, str, str]
"""What, result, wanted."""


def share(yes: np.ndarray) -> str:
    """A share in percent with its Monte Carlo error."""
    p = float(np.mean(yes))
    return f"{100 * p:.1f} % ± {100 * np.sqrt(p * (1 - p) / len(yes)):.1f}"


def coverage() -> Iterator[Line]:
    """Intervals that hold the true value, and tests that reject a true null; nominal 95 and 5 %."""
    rng = np.random.default_rng(20261125)
    for n, p, q in ((168, 0.6, 0.06), (60, 0.6, 0.4), (20, 0.3, 0.3), (20, 0.05, 0.05)):
        x, y = rng.binomial(n, p, DRAWS).astype(float), rng.binomial(n, q, DRAWS).astype(float)
        one = estimators.clopper_pearson(x, n)
        yield f"Clopper-Pearson, n {n}, p {p}", share((one.low <= p) & (p <= one.high)), "95 % or more"
        two = estimators.rate_difference(x, n, y, n)
        held = share((two.low <= p - q) & (p - q <= two.high))
        yield f"Miettinen-Nurminen difference, n {n} each, {p} and {q}", held, "about 95 %"
        if p == q:
            rejected = share(estimators.score_test(x, np.full(DRAWS, float(n)), y, np.full(DRAWS, float(n))) < 0.05)
            yield f"score test, the same rates {p}, n {n} each", rejected, "about 5 %"
    yield from _strata(rng)
    yield from _times(rng)


def _strata(rng: np.random.Generator) -> Iterator[Line]:
    """Four strata of other sizes and rates, a common difference; the last has three patients of an arm."""
    m, n, q = np.array([40, 20, 12, 3]), np.array([38, 22, 6, 3]), np.array([0.1, 0.3, 0.5, 0.6])
    for d in (0.0, 0.3):
        x, y = rng.binomial(m, q + d, (TRIALS, 4)), rng.binomial(n, q, (TRIALS, 4))
        for name, limits in (
            ("Miettinen-Nurminen", proportions.stratified_rate_difference),
            ("Sato", proportions.sato_difference),
            ("Newcombe", proportions.newcombe_difference),
        ):
            found = limits(x, m, y, n)
            yield f"within strata, {name}, difference {d}", share((found.low <= d) & (d <= found.high)), "about 95 %"
        if d == 0:
            yield "Cochran-Mantel-Haenszel test", share(proportions.cmh_test(x, m, y, n).p < 0.05), "about 5 %"


def _times(rng: np.random.Generator) -> Iterator[Line]:
    """Weekly times to event in two strata, 60 patients an arm, hazards of ratio 1 and 2."""
    size, end = 60, 70
    replicate = np.repeat(np.arange(TRIALS), 2 * size)
    treated = np.tile(np.repeat([1, 0], size), TRIALS)
    stratum = rng.integers(0, 2, len(replicate))
    for ratio in (1.0, 2.0):
        day = rng.exponential(60.0 / np.where(treated == 1, ratio, 1.0) / np.where(stratum == 1, 1.5, 1.0))
        seen = np.minimum(7 * np.ceil(day / 7), end).astype(np.int64)
        cell, shape = (treated, replicate, stratum), (2, TRIALS, 2)
        counts = by_day(np.ravel_multi_index(cell, shape), shape, seen, day < end)
        one, other = (Counts(counts.events[k], counts.at_risk[k]) for k in (1, 0))
        found = hazard_ratio(one, other)
        held = share((found.low <= ratio) & (ratio <= found.high))
        yield (
            f"stratified Cox, weekly ties, ratio {ratio:g}, {size} an arm",
            held,
            "about 95 %, less with ties when not 1",
        )
        if ratio == 1.0:
            yield f"stratified log-rank, {size} an arm", share(log_rank(one, other) < 0.05), "about 5 %"
            truth = 1 - (np.exp(-28 / 60) + np.exp(-28 * 1.5 / 60)) / 2
            curve = kaplan_meier(one.pooled(axis=1)).by(np.array([28]))
            held = share((curve.low[:, 0] <= truth) & (truth <= curve.high[:, 0]))
            yield f"Kaplan-Meier share by week 4, log-log, {size} patients", held, "about 95 %"


def command(wanted: str, *words: str, told: str = r".+\Z") -> Line:
    """Run a command: what it ``told`` (a pattern, equals counted; by default its last line) and whether it failed."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    text = done.stdout.strip() or done.stderr.strip() or "nothing said"
    text = re.sub(rf"{re.escape(tempfile.gettempdir())}/[^/\s]+/", "", text)
    found = Counter(re.findall(told, text, flags=re.M) or text.splitlines()[-1:])
    lines = [f"{count} {line}" if count > 1 else line for line, count in found.items()]
    failed = f" (exit {done.returncode})" if done.returncode else ""
    said = " ".join(word for word in words[1:] if not word.startswith("/")).replace(str(ROOT), ".")
    return said, f"{'; '.join(lines)[:200]}{failed}", wanted


SUBGROUPS = "[{covariate: SEX}, {covariate: AGE, cut: 40}, {covariate: BLBLEED}, {covariate: STRATUM}]"


ODD = (
    "hetrombopag_itp_phase3_leaving", "hetrombopag_itp_phase3_stages", "hetrombopag_itp_phase3_conduct",
    "hetrombopag_cit_everything", "hetrombopag_own_schedule", "hetrombopag_itp_24_weeks_stop",
    "avatrombopag_itp_302_registered", "eltrombopag_itp_china_26_weeks", "hetrombopag_cit_nct05864014_delays",
    "hetrombopag_itp_nct06478537", "hetrombopag_itp_phase3_dropout", "hetrombopag_food_crossover",
)  # fmt: skip
"""Trials with stages, late and lost counts, cycles that wait, schedules of their own, withdrawal, periods."""


def oracle() -> Iterator[Line]:
    """Every endpoint and estimate of two real runs, with all analyses, and of twelve odd ones, from their tables."""
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        made = ("-m", "trial", "run", "configs/smoke.yaml", "--set", "tolerability.proxies=all", "--out", run)
        yield command("a report", sys.executable, *made)
        yield _recomputed(run)
        planned = ("--set", "analysis.method={difference: sato, pool_below: 3, odds_ratio: logistic, exact_below: 5}")
        several = ("--set", "analysis.multiplicity={procedure: holm}", "--set", "analysis.method.measured=ancova")
        several = (*several, "--set", f"analysis.subgroups={SUBGROUPS}")
        over = "{mmrm: true, gee: true, restricted_mean_day: 56, competing: true, recurrent: true}"
        visits = ("--set", f"analysis.longitudinal={over}")
        yield command("a report", sys.executable, *made[:-1], f"{run}2", *planned, *several, *visits)
        yield _recomputed(f"{run}2")
        for name in ODD:
            run = str(Path(folder) / name)
            made = ("-m", "trial", "run", f"configs/{name}.yaml", "--replicates", "2", "--no-report", "--out", run)
            yield command("a run", sys.executable, *made)
            yield _recomputed(run)


def _recomputed(run: str) -> Line:
    """The oracle on a run folder: how many rows of each kind differ."""
    script = "tests/qc/statistics/recompute.py"
    return command("0 mismatches", sys.executable, script, run, told=r"mismatches \d+")


NULL = (
    "arms=[{id: A, start_dose_mg: 2.5, placebo: true}, {id: B, start_dose_mg: 2.5, placebo: true}]",
    "randomisation={block_size: 4, strata: [{covariate: BLPLAT, cut: 15}]}", "patients=120", "replicates=1000",
    "dropout=[]", "pk_sampling=null", "published=null", "dose_rules=null", "treatment_days=56",
    "visits.days=[7, 14, 21, 28, 35, 42, 49, 56]", "analysis.reference_arm=B", "analysis.primary=RESP1",
    "analysis.endpoints=[RESP1]",
)  # fmt: skip
"""Phase III with two arms of placebo, randomised within a baseline that decides much of the outcome."""


def null() -> Iterator[Line]:
    """1,000 trials of two equal arms: how often the stratified and the crude test reject, 5 % being right."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        settings = [word for change in NULL for word in ("--set", change)]
        config = "configs/published/hetrombopag_itp_phase3.yaml"
        made = ("-m", "trial", "run", config, "--out", str(run), "--no-report", *settings)
        subprocess.run((sys.executable, *made), cwd=ROOT, check=True, capture_output=True)
        study = Study.model_validate(YAML(typ="safe").load((run / "config.resolved.yaml").read_text(encoding="utf-8")))
        found = summaries.of_file(run / "endpoints.parquet", study)["RESP1"]
    (x, y), (m, n) = found.events.T, found.sizes.T
    yield "two arms of placebo, test within strata", share(p_values(found, study) < 0.05), "about 5 %"
    yield "two arms of placebo, crude test", share(estimators.score_test(x, m, y, n) < 0.05), "less: it ignores strata"


def fuzz() -> Iterator[Line]:
    """Mutated configs and patient files: every one is accepted or refused in words, none ends in a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        for name, more in (("fuzz_config.py", ("--runs", "30")), ("fuzz_patients.py", ())):
            words = (sys.executable, f"tests/faults/fuzz/{name}", str(ROOT), folder, "--cases", "300", *more)
            yield command("no crash, hang or death", *words, told=r"^\d+ \{.*")


def damage() -> Iterator[Line]:
    """Files of a finished run damaged one at a time, nonsense in every key, runs killed at random moments."""
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        yield command("a report", sys.executable, "-m", "trial", "run", "configs/smoke.yaml", "--out", run)
        scripts = "tests/faults/fuzz"
        yield command("0 silent", sys.executable, f"{scripts}/tamper.py", str(ROOT), run, f"{folder}/tamper")
        words = (sys.executable, f"{scripts}/bounds.py", str(ROOT), folder)
        yield command("none ACCEPTED, HANG or CRASH", *words, told=r"^[A-Za-z]+")
        for more in ((), ("--tree",)):
            words = (
                sys.executable,
                f"{scripts}/kill.py",
                str(ROOT),
                f"{folder}/kill{len(more)}",
                "--kills",
                "30",
                *more,
            )
            yield command("the same bytes, 0 failures", *words, "--signal", "mix")


def tests() -> Iterator[Line]:
    """The slow tests, laws at their full number of designs (tests/sizes.py), and the mutants."""
    whole = ("env", "VALIDATE=1", sys.executable)
    yield command("all pass", *whole, "-m", "pytest", "-m", "slow", told=r"^\d+ (?:passed|failed).*")
    yield command("95 % or more", sys.executable, "-m", "tools.mutants")


def designs() -> Iterator[Line]:
    """The pool method against independent trials and known powers: its error, the size of designs, estimates, settings
    of the phase III.
    """
    yield from validate_designs.known()
    yield from validate_designs.settings()


def visits() -> Iterator[Line]:
    """Coverage and error over 2,000 trials of measured endpoints and of what is analysed over the visits."""
    for what, flags, wanted in validate_visits.visits():
        yield what, share(flags), wanted


PARTS: dict[str, Callable[[], Iterator[Line]]] = {
    "coverage": coverage, "visits": visits, "null": null, "oracle": oracle, "fuzz": fuzz, "damage": damage,
    "tests": tests, "designs": designs,
}  # fmt: skip


def section(name: str, rows: list[Line]) -> str:
    """What a part found, under its name, with the commit and the day on which it was measured."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True)
    head = [f"## {name}", "", f"Commit {commit.stdout.strip()}, {datetime.now(UTC).date()}."]
    lines = [f"| {what} | {result} | {wanted} |" for what, result, wanted in rows]
    return "\n".join([*head, "", "| what | result | wanted |", "|---|---|---|", *lines, ""])


def sections(page: str) -> dict[str, str]:
    """The parts of a page that was written before, by name."""
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in re.split(r"^## ", page, flags=re.M)[1:]}


def page(found: Mapping[str, str]) -> str:
    """docs/validation.md: the parts in their order."""
    how = "`make validate` writes this page again, `python -m tools.validate --only NAME` one part of it."
    head = f"# Validation\n\n{how}\n"
    return "\n".join([head, *(found[name] for name in PARTS if name in found)])


def main() -> None:
    """Run the parts; the page is written after each."""
    parser = argparse.ArgumentParser(prog="python -m tools.validate")
    parser.add_argument("--only", choices=[*PARTS], help="one part; the others stay on the page as they are")
    only = parser.parse_args().only
    found = sections(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for name in [only] if only else PARTS:
        found[name] = section(name, list(PARTS[name]()))
        RESULT.write_text(page(found), encoding="utf-8")
        print(found[name])


if __name__ == "__main__":
    main()
