"""``vtrial forecast``: dated forecasts of running trials, and their results when they come."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

forecast = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Dated forecasts of running trials.")


@forecast.command()
def make(
    config: Annotated[Path, typer.Argument(help="A study as YAML, with the registry's text beside it.")],
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")] = None,
) -> None:
    """Forecast a trial into a new file beside its config; earlier forecasts stay as they are.

    Example: vtrial forecast make forecasts/nct07334093.yaml
    """
    from trial.app.register import make as make_forecast

    print(f"written: {make_forecast(config, workers)}; it is not to be changed")


@forecast.command()
def score(
    name: Annotated[str, typer.Argument(metavar="ID", help="A forecast, as in nct07334093_v1.")],
    result: Annotated[Path, typer.Option("--result", metavar="FILE", help="CSV: endpoint, arm, value, source.")],
    folder: Annotated[Path, typer.Option("--forecasts", metavar="DIR", help="The register.")] = Path("forecasts"),
) -> None:
    """Keep the result of a trial beside its forecast, and say what was hit. The forecast is never rewritten.

    Example: vtrial forecast score nct07334093_v1 --result result.csv
    """
    from trial.app.register import score as score_forecast

    for held in score_forecast(name, result, folder):
        low, high = held.said.limits["95"]
        told = {"yes": "inside", "no": "MISS", "": "no result"}[held.hit]
        print(
            f"{held.said.endpoint} {held.said.arm}: forecast {low:g} to {high:g}, result {held.result or '–'}: {told}"
        )


@forecast.command()
def show(
    folder: Annotated[Path, typer.Option("--forecasts", metavar="DIR", help="The register.")] = Path("forecasts"),
) -> None:
    """The register as a table in Markdown, as the README has it.

    Example: vtrial forecast show
    """
    from trial.app.register import register

    print(register(folder), end="")
