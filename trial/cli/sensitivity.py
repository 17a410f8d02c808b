"""``vtrial sensitivity``: what each assumed parameter does to the primary result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trial.cli.console import Progress, columns, progress, say, warn

if TYPE_CHECKING:
    from analysis.evidence.sensitivity import Effect, Tried
    from cohorts.parameters import ParameterSet
    from cohorts.variants import Variant
    from trial.study.study import Study

ENOUGH = 20
"""Replicates of each trial, at most, unless more are asked for: differences are paired, so few tell much."""


def sensitivity(
    config: Annotated[Path, typer.Argument(help="A study as YAML.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the table goes [default: runs/<study id>_sensitivity]."),
    ] = None,
    replicates: Annotated[
        int | None,
        typer.Option("--replicates", help="Instead of the config's replicates, of which at most 20 are used."),
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads [default: one per core].")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Replace one value, as in arms.0.ratio=3.")
    ] = [],  # noqa: B006
) -> None:
    """Try every assumed parameter at half and at one and a half times its value.

    The report shows the same after: vtrial run CONFIG --sensitivity

    Example: vtrial sensitivity configs/published/hetrombopag_itp_phase3.yaml
    """
    from trial.app.checked import load_checked
    from trial.cli.run import cores

    loaded = load_checked(config, set_, replicates=replicates)
    warn(loaded.warnings)
    study = loaded.study
    folder = out or Path("runs") / f"{study.id}_sensitivity"
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_effects(study, folder, workers or cores(), replicates or ENOUGH)
    _show(rows, study)
    print(f"written: {folder / 'sensitivity.parquet'}")


def write_effects(study: Study, folder: Path, workers: int, most: int = ENOUGH) -> list[Effect]:
    """Try everything that is assumed and write sensitivity.parquet into ``folder``; says what cannot be tried."""
    from analysis.evidence import sensitivity as pure
    from cohorts.sets import parameter_set
    from cohorts.variants import nothing_to_halve

    idle = nothing_to_halve(parameter_set(study.parameter_set))
    if idle:
        say(f"sensitivity: {', '.join(idle)} is 0 and has nothing to halve")
    with progress("sensitivity, patients") as tell:
        rows = effects_of(study, workers, min(most, study.replicates), tell)
    pure.write(rows, folder)
    return rows


def effects_of(study: Study, workers: int, replicates: int, tell: Progress) -> list[Effect]:
    """The effect of every variant of the study's parameter set on the primary result, per arm."""
    from joblib import Parallel, delayed

    from analysis.endpoints import catalogue
    from analysis.evidence import sensitivity as pure
    from cohorts.sets import parameter_set
    from cohorts.variants import variants
    from trial.app.targets import cut

    chosen = parameter_set(study.parameter_set)
    tried = variants(chosen)
    endpoint = catalogue(study.analysis.assessment_day)[study.analysis.primary]
    jobs = cut(0, study.model_copy(update={"replicates": replicates}), (endpoint.code,))
    sets = [chosen, *(variant.parameter_set for variant in tried)]
    pool = Parallel(n_jobs=workers, prefer="threads", return_as="generator")
    results = pool(delayed(_result)(job, which) for which in sets for job in jobs)
    base, *others = _whole(results, len(sets), len(jobs), study.subjects * replicates, tell)
    scale = 100.0 if endpoint.summary == "rate" else 1.0
    rows = [_tried(variant, scale, *found) for variant, found in zip(tried, others, strict=True)]
    if base[1]:
        raise ValueError(f"{study.id} cannot be simulated as it is: {base[1]}")
    return pure.effects(scale * base[0], rows, study.arm_ids, endpoint.code, endpoint.unit)


def _result(job: Any, chosen: ParameterSet) -> tuple[Any, str]:
    """The primary result per replicate and arm (R, A) of a job, or NaN and why there is none."""
    import numpy as np

    from trial.app.targets import job_values

    try:
        return job_values(job, chosen)[job.codes[0]], ""
    except ValueError as error:
        return np.full((len(job.replicates), len(job.design.arm_ids)), np.nan), str(error).splitlines()[0]


def _whole(
    results: Iterator[tuple[Any, str]], sets: int, jobs: int, patients: int, tell: Progress
) -> list[tuple[Any, str]]:
    """The results of each set, its jobs joined."""
    import numpy as np

    joined = []
    for k in range(sets):
        parts = [next(results) for _ in range(jobs)]
        joined.append((np.concatenate([part for part, _ in parts]), next((why for _, why in parts if why), "")))
        tell((k + 1) * patients, sets * patients)
    return joined


def _tried(variant: Variant, scale: float, result: Any, why: str) -> Tried:
    from analysis.evidence.sensitivity import Tried

    number, limited = variant.assumed, "; ".join(text for text in (variant.limited, why) if text)
    return Tried(
        parameter=number.name,
        meaning=number.meaning,
        parameter_unit=number.unit,
        assumed=number.value,
        factor=variant.factor,
        value=variant.value,
        limited=limited,
        result=scale * result,
    )


def _show(rows: Sequence[Effect], study: Study) -> None:
    """One line per assumed number: change of each arm at half and at one and a half; then what matters most."""
    from analysis.endpoints import catalogue
    from analysis.evidence import sensitivity as pure
    from trial.cli.results import console

    screen = console()
    table = columns(("assumed", "value", "times", *study.arm_ids), left=("assumed",))
    by_arm = [pure.by_parameter(rows, arm) for arm in study.arm_ids]
    for name in by_arm[0]:
        for k, row in enumerate(by_arm[0][name]):
            changes = [pure.signed(found[name][k].effect, row.unit) for found in by_arm]
            mark = "*" if row.limited else ""
            first = (name, f"{row.assumed:.4g}") if k == 0 else ("", "")
            table.add_row(*first, f"{row.value / row.assumed:.3g}{mark}", *changes)
    screen.print(table)
    limited = dict.fromkeys(f"{row.parameter}: {row.limited}" for row in rows if row.limited)
    if limited:
        screen.print(f"* {'; '.join(limited)}")
    endpoint = catalogue(study.analysis.assessment_day)[study.analysis.primary]
    most = max(row.replicates for row in rows)
    screen.print(f"\nChange of {endpoint.code}{pure.unit_word(endpoint.unit)}, mean of {most} replicates, same draws.")
    screen.print(pure.headline(rows, endpoint.label.split(":")[0]))
