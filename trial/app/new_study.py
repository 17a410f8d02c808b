"""``vtrial new``: the questions of a protocol, what each answer may be, and the commented study that comes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.endpoints import catalogue
from cohorts.files import absolute
from cohorts.populations import POPULATIONS
from cohorts.sets import PARAMETER_SETS
from trial.app.loading import load_checked
from trial.errors import ConfigError, Refused
from trial.jobs.provenance import put
from trial.study.protocol import not_among
from trial.study.rule_library import library_names, library_rule

Answers = Mapping[str, str]
"""Answers by the name of their question, as text."""
OWN_RULE, FIXED = "own", "fixed"
PLACEBO = "placebo"


@dataclass(frozen=True)
class Question:
    """A question: ``name`` of its option, words, the default given earlier answers, and why an answer will not do."""

    name: str
    words: str
    default: Callable[[Answers], str]
    problem: Callable[[str, Answers], str]


def _among(names: list[str], what: str) -> Callable[[str, Answers], str]:
    return lambda said, _: "" if said in names else not_among(said, names, what)


def _whole(low: int, high: int) -> Callable[[str, Answers], str]:
    def problem(said: str, _: Answers) -> str:
        fits = re.fullmatch(r"[0-9]{1,19}", said) and low <= int(said) <= high
        return "" if fits else f"seen {said!r}; allowed: a whole number from {low} to {high}"

    return problem


def doses(said: str) -> list[str]:
    """The arms that are asked for: doses in mg, and placebo."""
    return [part.strip() for part in said.split(",")]


def _arms(said: str, _: Answers) -> str:
    allowed = "allowed: doses in mg between commas, and placebo, as in 2.5, 5, placebo"
    found = doses(said)
    for k, one in enumerate(found):
        if one != PLACEBO and not (re.fullmatch(r"\d{1,4}(\.\d{1,3})?", one, re.ASCII) and 0 < float(one) <= 200):
            return f"seen {one!r}; {allowed} (at most 200 mg)"
        if one in found[:k]:
            return f"seen {one!r} twice; {allowed}"
    return "" if found != [PLACEBO] else f"seen no dose; {allowed}"


def _rule(said: str, answers: Answers) -> str:
    if wrong := _among([FIXED, OWN_RULE, *library_names()], "a dose rule")(said, answers):
        return wrong
    if said in (FIXED, OWN_RULE):
        return ""
    rule = library_rule(said)
    levels = [f"{level.dose_mg:g}" for level in rule.ladder] or [f"{dose:g}" for dose in rule.ladder_mg]
    off = [one for one in doses(answers["arms"]) if one != PLACEBO and f"{float(one):g}" not in levels]
    return (
        f"seen {said!r}, which has no level of {off[0]} mg (of --arms); its levels: {', '.join(levels)}" if off else ""
    )


def visit_days(answers: Answers) -> list[int]:
    """The days of the visits: every so many days, and the last day."""
    last, every = 7 * int(answers["weeks"]), int(answers["visits"])
    return sorted({*range(every, last + 1, every), last})


def assessment_day(primary: str, days: list[int]) -> int:
    """The day that the primary endpoint names (RESPW8: 56), else the last visit."""
    found = re.search(r"(W|D)(\d{1,4})$", primary, re.ASCII)
    return (7 if found[1] == "W" else 1) * int(found[2]) if found else days[-1]


def _primary(said: str, answers: Answers) -> str:
    days = visit_days(answers)
    day = assessment_day(said, days)
    if day not in days and re.match(r"RESP|CUM|DUR", said):
        weeks = [f"RESPW{d // 7}" for d in days if d % 7 == 0]
        return f"seen {said!r}: day {day} is no visit; allowed: {', '.join(weeks[:30]) or f'RESPD{days[-1]}'} ..."
    known = [
        code
        for code, one in catalogue(day).items()
        if not (one.needs_profile or one.needs_chemotherapy or one.needs_stop or one.proxy)
    ]
    return "" if said in known else not_among(said, known, "an endpoint of such a study")


def _visits(said: str, answers: Answers) -> str:
    return _whole(1, 7 * int(answers["weeks"]))(said, answers)


def _start(answers: Answers) -> str:
    days = visit_days(answers)
    week = next((day for day in (56, *reversed(days)) if day in days and day % 7 == 0), days[-1])
    return f"RESPW{week // 7}" if week % 7 == 0 else f"RESPD{week}"


def questions() -> list[Question]:
    """The questions in order; a later one knows the earlier answers."""
    people = _among([one.id for one in POPULATIONS], "a population")
    drugs = _among([one.id for one in PARAMETER_SETS], "a parameter set")
    return [
        Question("population", "Who are the patients?", lambda a: "chronic_itp_mei_2021", people),
        Question(
            "drug", "Which drug (a parameter set)?", lambda a: "hetrombopag_itp_mei_2021", drugs
        ),
        Question("arms", "Which arms (start doses in mg, and placebo)?", lambda a: "2.5, 5, placebo", _arms),
        Question(
            "design", "Which design (parallel; counterfactual: every patient in every arm)?", lambda a: "parallel",
            _among(["parallel", "counterfactual"], "a design"),
        ),
        Question("weeks", "How many weeks of treatment?", lambda a: "10", _whole(1, 500)),
        Question("visits", "A visit every how many days?", lambda a: "7", _visits),
        Question(
            "rule", "Which titration rule (fixed; own: one to edit; or one of the library)?",
            lambda a: OWN_RULE, _rule,
        ),
        Question("rescue", "Is rescue therapy allowed?", lambda a: "yes", _among(["yes", "no"], "an answer")),
        Question("primary", "Which primary endpoint?", _start, _primary),
        Question("patients", "How many patients in a trial?", lambda a: "100", _whole(1, 1_000_000)),
        Question("replicates", "How many replicates of the trial?", lambda a: "20", _whole(1, 100_000)),
        Question("seed", "Which seed?", lambda a: "1", _whole(0, 2**63 - 1)),
    ]  # fmt: skip


def must_be_free(path: Path, overwrite: bool) -> None:
    """Raises Refused for a name that is no YAML file, and for a file that is there unless it may be replaced."""
    if path.suffix not in (".yaml", ".yml"):
        raise Refused(f"{path}: seen no YAML file; give a name that ends in .yaml")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,59}", path.stem):
        raise Refused(f"{path}: the name becomes the id of the study; allowed: letters, digits, _ . - from a letter on")
    if path.is_dir() or (path.exists() and not overwrite):
        raise Refused(f"{path}: this is there already; --overwrite replaces a file, another name leaves it")


def write_study(path: Path, answers: Answers, overwrite: bool = False) -> Path:
    """Write the study that the answers make to ``path``, which is returned; it has passed every check.

    Raises Refused with what is wrong between the answers; then nothing is written.
    """
    must_be_free(path, overwrite)
    text = "\n".join(study_lines(path.stem, answers)) + "\n"
    trial = absolute(path).with_name(f".{path.stem}.new.yaml")
    try:
        put(trial, text)
        load_checked(trial)
        put(path, text)
    except ConfigError as error:
        said = (re.sub(r"^\S*\.new\.yaml:\d+: ", "", line) for line in error.messages)
        raise Refused("\n".join(f"these answers make no study: {line}" for line in said)) from None
    except OSError as error:
        raise Refused(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        trial.unlink(missing_ok=True)
    return path


def study_lines(name: str, answers: Answers) -> Iterator[str]:
    """The study as commented YAML, line by line."""
    arms, days = doses(answers["arms"]), visit_days(answers)
    active = [one for one in arms if one != PLACEBO]
    ruled = answers["rule"] != FIXED
    rule = "titration" if answers["rule"] == OWN_RULE else answers["rule"]
    yield "# A study made by 'vtrial new'. 'vtrial check FILE' says what it is, 'vtrial run FILE' simulates it."
    yield "# All of it is assumed until a source stands beside it. Every key: configs/README.md, or 'vtrial schema'."
    yield ""
    yield f"id: {name}"
    yield f"title: {name.replace('_', ' ')}"
    yield f"seed: {answers['seed']} # the same seed and config give the same numbers"
    yield f"replicates: {answers['replicates']} # times that the whole trial is simulated"
    yield f"patients: {answers['patients']} # of one trial, all arms together"
    yield f"allocation: {answers['design']} # counterfactual: every patient under every arm"
    yield ""
    yield f"parameter_set: {answers['drug']} # vtrial catalogue lists them"
    yield "population:"
    yield f"  id: {answers['population']}"
    yield ""
    yield "arms: # start doses in mg; placebo has a sham dose, titrated by the same rule"
    for one in arms:
        yield f"  - id: {'Placebo' if one == PLACEBO else f'DOSE-{one}'}"
        yield f"    label: {'Placebo' if one == PLACEBO else 'Start {start_dose_mg} mg'}"
        yield from ["    placebo: true"] * (one == PLACEBO)
        yield f"    start_dose_mg: {active[0] if one == PLACEBO else one}"
        yield from [f"    dose_rule: {rule}"] * ruled
    yield ""
    yield from ("randomisation:", f"  block_size: {2 * len(arms)} # patients of a block, a multiple of the arms", "")
    yield f"treatment_days: {7 * int(answers['weeks'])}"
    yield from ("visits:", f"  days: {days} # counts and bleeding", "  window_days: 0 # early or late by at most", "")
    if rule == "titration" and ruled:
        yield from _own_rule(active)
    yield from ("rescue:", f"  allowed: {'true' if answers['rescue'] == 'yes' else 'false'}", "")
    yield "analysis:"
    yield f"  primary: {answers['primary']}"
    yield f"  assessment_day: {assessment_day(answers['primary'], days)} # a visit"
    yield from ["  reference_arm: Placebo # what the others are compared with"] * (PLACEBO in arms)


def _own_rule(active: list[str]) -> Iterator[str]:
    levels = sorted({float(one) for one in active} | {1.5 * max(map(float, active))})
    yield "dose_rules:"
    yield "  titration: # counts in 10^9/L; the first step that applies is taken"
    yield "    source: assumed, to be edited"
    yield f"    ladder_mg: [{', '.join(f'{level:g}' for level in levels)}] # up to 1.5 times the highest start dose"
    yield "    steps:"
    yield "      - {action: interrupt, at_least_1e9L: 250}"
    yield "      - {action: decrease, at_least_1e9L: 150, below_1e9L: 250, min_days_since_change: 14}"
    yield "      - {action: keep, at_least_1e9L: 50, below_1e9L: 150}"
    yield "      - {action: increase, below_1e9L: 50, min_days_since_change: 14}"
    yield "    restart: {below_1e9L: 100, level: lower}"
    yield "    at_floor: keep"
    yield ""
