"""Malformed goals and --vary arguments, made at random from sound ones with a fixed seed."""

from __future__ import annotations

import random

GOAL = """\
id: odd
study: study.yaml
keys:
  - key: dose_rules.titration.steps.3.below_1e9L
    also: [dose_rules.titration.steps.2.at_least_1e9L]
    low: 30
    high: 80
    step: 10
  - key: visits.days
    choices:
      - [7, 14, 21, 28, 35, 42, 49, 56, 63, 70]
      - [14, 28, 42, 56, 70]
objectives:
  - {endpoint: RESPW8, arm: HETROM-5, aim: max}
  - {endpoint: PLT250, arm: HETROM-5, aim: min}
limits:
  - {endpoint: RESCUE, arm: HETROM-5, at_most: 15}
points: 4
batch: 2
replicates: 2
seed: 16
sampler: nsga2
confirm: {seed: 1, replicates: 2, most: 2}
"""
SLIPS = (
    ("study: study.yaml", ("study: studdy.yaml", "study: [study.yaml]", "study:", "study: 3")),
    ("below_1e9L", ("below_1e9", "bellow_1e9L", "steps", "")),
    ("titration.steps.3", ("titrations.steps.3", "titration.steps.9", "titration.steps[3", "titration..3")),
    ("low: 30", ("low: thirty", "low: 90", "low: [30]", "low: .nan", "lo: 30", "low: true", "low:")),
    ("high: 80", ("high: 30", "high: .inf", "high: '80'", "")),
    ("step: 10", ("step: 0", "step: 7", "step: -10", "step: 1000", "step: ten")),
    ("aim: max", ("aim: best", "aim: 1", "aim: [max]", "aims: max")),
    ("RESPW8", ("RESPW88", "RESP", "8", "[RESPW8]", "''")),
    ("HETROM-5", ("HETROM5", "HETROM", "7", "{}")),
    ("RESCUE", ("RESCUED", "RESQ", "null")),
    ("at_most: 15", ("at_most: fifteen", "atmost: 15", "at_most: [1]", "at_most: null")),
    ("points: 4", ("points: 0", "points: -4", "points: 4.5", "points: many", "points:", "point: 4")),
    ("batch: 2", ("batch: 0", "batch: two", "batches: 2")),
    ("\nreplicates: 2", ("\nreplicates: 0", "\nreplicates: 1", "\nreplicates: 1e9", "\nreplicate: 2", "")),
    ("\nseed: 16", ("\nseed: -1", "\nseed: 1.5", "\nseed: x", "")),
    ("sampler: nsga2", ("sampler: nsga", "sampler: NSGA2", "sampler: [tpe]")),
    ("confirm: {seed: 1", ("confirm: {sed: 1", "confirm: {seed: -1", "confirm: {", "confirm: 3 #")),
    ("id: odd", ("id: 3", "id: a b", "id: [odd]", "ident: odd", "id: odd\nid: odd")),
    ("      - [7, 14, 21, 28, 35, 42, 49, 56, 63, 70]\n", ("", "      - [14, 28, 42, 56, 70]\n", "      - &a [*a]\n")),
    ("keys:", ("key:", "keys: []\nkey:", "keys: 4\nother:", "\tkeys:")),
)
KEY = "dose_rules.titration.steps.3.below_1e9L"
KEYS = (KEY, "visits.days", "arms.0.start_dose_mg", "arms[HETROM-5].ratio", "rescue.allowed", "treatment_days")
BAD = ("", ",", "1,,2", "[", "]", "{", "'", "many", "nan", "-5", "1e400", "[1,2", "*a", "!!x y", "\t", "9" * 40)


def malformed_goals(many: int, seed: int = 20261201) -> list[str]:
    """Texts of goals, each with a slip, a torn end or a line out of place."""
    rng = random.Random(seed)
    found = []
    while len(found) < many:
        kind = rng.random()
        if kind < 0.75:
            text = GOAL
            for _ in range(rng.randint(1, 2)):
                old, new = rng.choice(SLIPS)
                text = text.replace(old, rng.choice(new), 1)
        elif kind < 0.85:
            text = GOAL[: rng.randrange(0, GOAL.index("confirm"))]
        else:
            lines = GOAL.splitlines(keepends=True)
            lines.insert(rng.randrange(len(lines)), rng.choice(("  :\n", "- x\n", "\tx: 1\n", "keys: [\n", "}\n")))
            text = "".join(lines)
        if text != GOAL:
            found.append(text)
    return found


def malformed_grids(many: int, seed: int = 20261202) -> list[str]:
    """Arguments of --vary, each with a wrong key or a wrong value."""
    rng = random.Random(seed)
    found = []
    for _ in range(many):
        key, value = rng.choice(KEYS), rng.choice(BAD)
        if rng.random() < 0.5:
            place = rng.randrange(len(key))
            key, value = key[:place] + rng.choice("x.[]=, ") + key[place + 1 :], rng.choice((*BAD, "5", "30,40"))
        found.append(f"{key}={value}" if rng.random() < 0.95 else key)
    return found
