"""``vtrial check``: everything that ``run`` does except simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trial.cli.console import warn


def check(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> None:
    """Check a config without simulating.

    Example: vtrial check configs/smoke.yaml
    """
    from cohorts.sets import is_file_name, parameter_set
    from trial.app.checked import load_checked
    from trial.study.fingerprint import fingerprint

    loaded = load_checked(config, set_)
    warn(loaded.warnings)
    study = loaded.study
    arms = ", ".join(f"{arm.id} ({arm.ratio})" for arm in study.arms)
    print(f"{study.id}: no problems found")
    print(f"  {study.patients} patients, {study.replicates} replicates, arms {arms}")
    print(f"  {study.treatment_days} days of treatment, {len(study.visits.days)} visits to day {study.visits.days[-1]}")
    print(f"  design {fingerprint(study)}")
    chosen = parameter_set(study.parameter_set)
    own = f" ({Path(study.parameter_set).name})" if is_file_name(study.parameter_set) else ""
    print(f"  parameter set {chosen.id}{own}, structure {chosen.structure}")
    print(f"  population {study.population.id or study.population.file}")
