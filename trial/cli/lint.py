"""``vtrial lint``: whether the dose rules of a study can do what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import paragraph, say, warn


def lint(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> None:
    """Try the dose rules: levels nobody reaches, decreases that are undone, lines that never act; and reasons to leave.

    Example: vtrial lint configs/published/hetrombopag_itp_phase3.yaml
    """
    from trial.app.linting import PILOT, findings
    from trial.app.loading import load_checked
    from trial.app.talk import patience

    with patience(say, f"checking the config, solving and simulating {PILOT} patients ..."):
        loaded = load_checked(config, set_)
        found = list(findings(loaded.study))
    warn(loaded.warnings)
    rules = ", ".join(loaded.study.dose_rules) or "none"
    print(f"{loaded.study.id}: dose rules: {rules}; {f'{len(found)} found' if found else 'nothing found'}")
    for sentence in found:
        print(paragraph(sentence))
