"""``vtrial check``: everything that ``run`` does except simulate."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import say, warn, width


def check(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> None:
    """Check a config without simulating.

    Example: vtrial check configs/smoke.yaml
    """
    from trial.app.echo import in_words
    from trial.app.loading import load_checked
    from trial.app.talk import patience

    with patience(say, "checking the config, solving and screening a sample ..."):
        loaded = load_checked(config, set_)
    warn(loaded.warnings)
    print(f"{loaded.study.id}: no problems found")
    for line in in_words(loaded.study):
        print(textwrap.fill(line, max(width(), 30), initial_indent="  ", subsequent_indent="    "))
