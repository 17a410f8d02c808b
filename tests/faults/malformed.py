"""Malformed schedules, dose rules and stages, made at random from sound ones with a fixed seed: what a hand does to a
file by mistake. ``python tests/faults/malformed.py 7`` prints the seventh.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 20261130
STUDY = """\
id: odd
title: odd
seed: 1
replicates: 1
patients: 4
parameter_set: hetrombopag_itp_mei_2021
population: {id: chronic_itp_mei_2021}
"""
END = "analysis: {assessment_day: 28, primary: RESPW4, endpoints: [RESPW4]}\n"
RULE = """\
arms:
  - {id: A, start_dose_mg: 5, dose_rule: main}
randomisation: {block_size: 1}
treatment_days: 28
visits: {days: [7, 14, 21, 28]}
dose_rules:
  main:
    ladder_mg: [2.5, 5, 7.5]
    source: made up
    at_floor: keep
    steps:
      - action: stop
        at_least_1e9L: 400
        confirm_visits: 2
      - action: decrease
        at_least_1e9L: 200
        min_days_since_change: 14
        levels: 1
      - action: increase
        below_1e9L: 50
        from_day: 7
    restart:
      below_1e9L: 100
      level: lower
"""
STAGES = """\
arms:
  - {id: A, start_dose_mg: 5}
  - {id: B, start_dose_mg: 5, placebo: true}
randomisation: {block_size: 2}
visits: {days: [14, 28, 42, 56]}
stages:
  - id: DB
    label: double blind
    days: 28
  - id: OL
    days: 28
    enters:
      below_1e9L: 400
      visits: 1
    otherwise: leaves
    arms:
      B:
        start_dose_mg: 5
        placebo: false
"""
SCHEDULED = "arms: [{id: A}, {id: B}]\nschedule: plan.csv\n"
PLAN = """\
ID,ARM,TIME,AMT,EVID,II,ADDL,SS,CMT,MDV,RATE,DVID
1,A,0,5,1,24,27,.,1,1,.,.
1,A,168.5,.,0,.,.,.,.,0,.,PLAT
1,A,672,.,0,.,.,.,.,0,.,PLAT
2,A,0,2.5,1,12,55,.,1,1,.,.
2,A,672.25,.,0,.,.,.,.,0,.,PLAT
3,B,0,5,1,48,13,.,1,1,.,.
3,B,336,.,0,.,.,.,.,0,.,PLAT
3,B,671,.,0,.,.,.,.,0,.,PLAT
4,B,0,5,1,.,.,.,1,1,.,.
4,B,8.25,5,1,.,.,.,1,1,.,.
4,B,672,.,0,.,.,.,.,0,.,PLAT
"""
BAD_DOSE = {
    "ID": ("",),
    "ARM": ("", "Z", "two words"),
    "TIME": ("-1", "soon", "08:30", "2026-01-05", "1e9", "inf", "nan", "", "0x10", "1_000", "24h"),
    "AMT": ("-5", "500", "five", "", "5mg", "inf"),
    "EVID": ("3", "4", "7", "1.5", "dose", "-1"),
    "II": ("-24", "day", "1e9"),
    "ADDL": ("-1", "2.5", "1e6", "many", "nan"),
    "SS": ("1", "2", "3", "yes"),
    "CMT": ("2", "depot", "-1"),
    "MDV": ("0", "2", "yes"),
    "RATE": ("10", "-2", "fast"),
}
BAD_COUNT = {
    "ID": ("",),
    "TIME": ("-1", "soon", "08:30", "5", "1e9", "nan", ""),
    "AMT": ("5", "five"),
    "EVID": ("3", "9", "obs"),
    "II": ("24",),
    "ADDL": ("3",),
    "SS": ("1",),
    "MDV": ("2", "no"),
    "RATE": ("1",),
    "DVID": ("CONC", "2", "ALT"),
}
NO_NUMBER = ("many", "[1, 2]", "{a: 1}", ".nan", "-3", "true", "5 mg")
NO_WORD = ("[1, 2]", "{a: 1}", "7", "true", "somehow")
WORDS = ("action", "level", "at_floor", "otherwise", "id", "placebo")


@dataclass(frozen=True)
class Malformed:
    """A file that cannot be used: what was done to it, the config and, of a schedule, the table."""

    what: str
    config: str
    plan: bytes | None = None

    def written(self, folder: Path) -> Path:
        """The config in a folder, with its table."""
        (folder / "odd.yaml").write_text(self.config)
        if self.plan is not None:
            (folder / "plan.csv").write_bytes(self.plan)
        return folder / "odd.yaml"


def sound() -> Iterator[Malformed]:
    """The files from which all are made."""
    yield Malformed("rule", STUDY + RULE + END)
    yield Malformed("stages", STUDY + STAGES + END)
    yield Malformed("schedule", STUDY.replace("patients: 4\n", "") + SCHEDULED + END, PLAN.encode())


def malformed(count: int, seed: int = SEED) -> list[Malformed]:
    """So many files, of the three kinds in turn; the same for a seed."""
    draw = random.Random(seed)
    kinds: tuple[Callable[[random.Random], Malformed], ...] = (_schedule, _rule, _stages)
    return [kinds[k % len(kinds)](draw) for k in range(count)]


def _rule(draw: random.Random) -> Malformed:
    what, text = _yaml(draw, RULE, RULE.splitlines().index("dose_rules:") + 2)
    return Malformed(f"rule: {what}", STUDY + text + END)


def _stages(draw: random.Random) -> Malformed:
    what, text = _yaml(draw, STAGES, STAGES.splitlines().index("stages:") + 1)
    return Malformed(f"stages: {what}", STUDY + text + END)


def _yaml(draw: random.Random, text: str, first: int) -> tuple[str, str]:
    """A line from ``first`` on with another value, another key, twice, or broken as YAML."""
    lines = text.splitlines()
    k = draw.choice([k for k in range(first, len(lines)) if not lines[k].endswith(":") and "label" not in lines[k]])
    key, _, value = lines[k].partition(":")
    name = key.strip(" -")
    how = draw.choice(("value", "value", "value", "key", "twice", "broken"))
    if how == "value":
        bad = draw.choice([x for x in (NO_WORD if name in WORDS else NO_NUMBER) if x != value.strip()])
        if (name, bad) in {("placebo", "true"), ("id", "somehow")}:
            bad = "[1]"
        lines[k] = f"{key}: {bad if name != 'source' else '[made, up]'}"
    elif how == "key":
        lines[k] = f"{key}{draw.choice(('x', '_mg', 's'))}:{value}"
    elif how == "twice":
        lines.insert(k + 1, f"{' ' * (len(key) - len(key.lstrip(' -')))}{name}:{value}")
    else:
        lines[k] = draw.choice((f"{key} {value.strip()}", f"{key}: [{value}", f"\t{lines[k]}", f'{key}: "{value}'))
    return f"{how}, line {k}: {lines[k].strip()}", "\n".join(lines) + "\n"


def _schedule(draw: random.Random) -> Malformed:
    config = STUDY.replace("patients: 4\n", "") + SCHEDULED + END
    how = draw.choice((*[_cell] * 6, _header, _rows, _bytes, None))
    if how is None:
        what, line = draw.choice(BESIDE)
        return Malformed(f"schedule: beside it {what}", config.replace(SCHEDULED, line), PLAN.encode())
    what, made = how(draw)
    return Malformed(f"schedule: {what}", config, made)


def _cell(draw: random.Random) -> tuple[str, bytes]:
    lines = [line.split(",") for line in PLAN.splitlines()]
    k = draw.randrange(1, len(lines))
    bad = BAD_DOSE if lines[k][4] == "1" else BAD_COUNT
    name = draw.choice(list(bad))
    if name == "II" and lines[k][5] == "." and bad is BAD_DOSE:
        lines[k][5] = "24"
    else:
        lines[k][lines[0].index(name)] = draw.choice(bad[name])
    return f"line {k + 1}, {name}: {','.join(lines[k])}", ("\n".join(map(",".join, lines)) + "\n").encode()


def _header(draw: random.Random) -> tuple[str, bytes]:
    header, rest = PLAN.split("\n", 1)
    made = draw.choice(
        (
            header.replace("TIME", "TMIE"), header.replace("AMT", "DOSE"), header.replace("TIME", "TIME (weeks)"),
            header.replace("AMT", "AMT (g)"), header.replace("CMT", "TIME"), header.replace("DVID", "DATE"),
            header.replace(",", ";"), header.replace("MDV,", ""), header + ",TIME2", header.replace("II", "II (min)"),
        )
    )  # fmt: skip
    return f"header {made}", f"{made}\n{rest}".encode()


def _rows(draw: random.Random) -> tuple[str, bytes]:
    header, *rows = PLAN.splitlines()
    how = draw.choice(("order", "again", "cut", "more", "twice", "none", "arm", "header again", "no dose", "no count"))
    if how == "order":
        rows[1], rows[2] = rows[2], rows[1]
    elif how == "again":
        rows.append(rows[1])
    elif how == "cut":
        k = draw.randrange(len(rows))
        rows[k] = rows[k].rsplit(",", draw.randrange(1, 4))[0]
    elif how == "more":
        rows[draw.randrange(len(rows))] += ",1"
    elif how == "twice":
        rows.insert(2, rows[1])
    elif how == "arm":
        rows[1] = rows[1].replace("A", "B", 1)
    elif how == "header again":
        rows.insert(draw.randrange(1, len(rows)), header)
    else:
        code = {"none": "x", "no dose": "0", "no count": "1"}[how]
        rows = [row for row in rows if row.split(",")[4] == code]
    return f"rows: {how}", "\n".join([header, *rows, ""]).encode()


def _bytes(draw: random.Random) -> tuple[str, bytes]:
    made = draw.choice(
        (
            b"", b"\xff\xfe\x00\x01", PLAN.encode("utf-16"), b"PAR1", PLAN.encode().replace(b"5", b"\x00", 1),
            PLAN.replace("168.5", '"168.5').encode(), "é".encode("latin-1") + PLAN.encode(),
        )
    )  # fmt: skip
    return f"bytes {made[:12]!r}", made


BESIDE = (
    ("visits", f"{SCHEDULED}visits: {{days: [7, 28]}}\n"),
    ("a window", f"{SCHEDULED}visits: {{window_days: 2}}\n"),
    ("treatment days", f"{SCHEDULED}treatment_days: 70\n"),
    ("a start dose", SCHEDULED.replace("id: A", "id: A, start_dose_mg: 7.5")),
    ("a dose rule", SCHEDULED.replace("id: A", "id: A, dose_rule: eltrombopag_us")),
    ("an arm without rows", SCHEDULED.replace("{id: B}", "{id: B}, {id: C}")),
    ("another arm", SCHEDULED.replace("{id: B}", "{id: C}")),
    ("patients", f"{SCHEDULED}patients: 5\n"),
    ("every arm", f"{SCHEDULED}allocation: counterfactual\n"),
    ("no file", SCHEDULED.replace("plan", "plans")),
    ("a folder", SCHEDULED.replace("plan.csv", ".")),
    ("another kind of file", SCHEDULED.replace("plan.csv", "odd.yaml")),
    ("a list", SCHEDULED.replace("plan.csv", "[plan.csv]")),
    ("a profile", f"{SCHEDULED}pk_sampling: {{visit_day: 0}}\n"),
)


if __name__ == "__main__":
    one = malformed(int(sys.argv[1]) + 1)[-1]
    print(one.what, one.config, (one.plan or b"").decode("utf-8", "replace"), sep="\n")
