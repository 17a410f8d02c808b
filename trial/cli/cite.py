"""``vtrial cite``: what to cite for the results of a run."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import say, width


def cite(
    run_dir: Annotated[Path, typer.Argument(help="A run folder, such as runs/smoke.")],
    bibtex: Annotated[bool, typer.Option("--bibtex", help="As BibTeX, in UTF-8.")] = False,
) -> None:
    """Show what to cite: the engine, and every source whose numbers the run used.

    Example: vtrial cite runs/smoke --bibtex
    """
    from trial.app.citing import as_bibtex, as_text
    from trial.app.talk import patience

    if bibtex:
        print(as_bibtex(run_dir))
        return
    with patience(say, f"{run_dir}: comparing checksums ..."):
        found = list(as_text(run_dir))
    for line in found:
        print(
            textwrap.fill(
                line, max(width(), 30), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
            )
        )
