"""``vtrial sap``: the statistical analysis plan of a study in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import say, warn


def sap(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there, a file .md.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --out.")] = False,
) -> None:
    """Write the statistical analysis plan of a study, as Markdown.

    Example: vtrial sap configs/published/hetrombopag_itp_phase3.yaml --out sap.md
    """
    from trial.app.loading import load_checked
    from trial.app.sap import plan_in_words, write_plan
    from trial.app.talk import patience

    with patience(say, "checking the config, solving and screening a sample ..."):
        loaded = load_checked(config, set_)
    warn(loaded.warnings)
    text = plan_in_words(loaded.study)
    if out is None:
        print(text, end="")
        return
    write_plan(text, out, overwrite)
    print(f"written: {out}")
