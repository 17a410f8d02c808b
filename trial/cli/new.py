"""``vtrial new``: a study from the questions of a protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import say

if TYPE_CHECKING:
    from trial.app.new_study import Question

Answer = Annotated[str | None, typer.Option(metavar="ANSWER", help="The answer to that question.")]
TRIES = 20
"""Wrong answers to one question, after which nobody is thought to be there."""


def new(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The study to write, as my_study.yaml.")],
    population: Answer = None,
    drug: Answer = None,
    arms: Answer = None,
    design: Answer = None,
    weeks: Answer = None,
    visits: Answer = None,
    rule: Answer = None,
    rescue: Answer = None,
    primary: Answer = None,
    patients: Answer = None,
    replicates: Answer = None,
    seed: Answer = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Ask the questions of a protocol and write a commented study that runs. Enter takes what stands in brackets.

    An answer that is given as an option is not asked for; where nobody types, the rest is taken from the brackets.

    Example: vtrial new my_study.yaml --arms "5, placebo" --weeks 8
    """
    from trial.app.new_study import must_be_free, questions, write_study
    from trial.errors import Refused

    given = {
        "population": population, "drug": drug, "arms": arms, "design": design, "weeks": weeks, "visits": visits,
        "rule": rule, "rescue": rescue, "primary": primary, "patients": patients, "replicates": replicates,
        "seed": seed,
    }  # fmt: skip
    must_be_free(path, overwrite)
    answers: dict[str, str] = {}
    for question in questions():
        said = given[question.name]
        if said is None:
            answers[question.name] = _asked(question, answers)
        elif wrong := question.problem(said.strip(), answers):
            raise Refused(f"--{question.name}: {wrong}")
        else:
            answers[question.name] = said.strip()
    write_study(path, answers, overwrite)
    print(f"written: {path}; next: vtrial run {path}")


def _asked(question: Question, answers: dict[str, str]) -> str:
    """The answer that is typed, asked for again until it will do; the default for an empty one, or where input ends."""
    from trial.errors import Refused

    default = question.default(answers)
    wrong = question.problem(default, answers)
    for _ in range(TRIES):
        print(f"{question.words} [{default}] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        said = line.strip() or default
        wrong = question.problem(said, answers)
        if not wrong:
            return said
        say(f"{question.name}: {wrong}")
        if not line:
            break
    raise Refused(f"--{question.name}: {wrong}")
