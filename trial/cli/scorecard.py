"""``vtrial scorecard``: run every published study again and hold it against its publication."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import Refused, columns, progress, say, warn

if TYPE_CHECKING:
    from analysis.evidence.scoring import Study

FAILED = 1
FOREST = ("forest.png", "forest.svg")


def scorecard(
    configs: Annotated[
        Path, typer.Option("--configs", metavar="DIR", help="Folder of studies; those with published rows are run.")
    ] = Path("configs/published"),
    replicates: Annotated[int | None, typer.Option("--replicates", help="Instead of each config's own.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results go.")] = Path("runs/scorecard"),
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes [default: one per core].")] = None,
) -> int:
    """Run every published study again; shows simulated beside published, hits and misses alike.

    Example: vtrial scorecard --replicates 20
    """
    from analysis.evidence import scoring
    from analysis.evidence.scorecard import FEWEST
    from trial.cli.results import console
    from trial.cli.run import cores

    paths = sorted(configs.glob("*.yaml"))
    if not paths:
        raise Refused(f"{configs}: no study (*.yaml) is in this folder; give another one with --configs")
    try:
        explained = scoring.read_explanations(configs / scoring.MISSES_FILE)
    except ValueError as error:
        raise Refused(f"{configs}: {error}") from None
    if replicates is not None and replicates < FEWEST:
        say(f"fewer than {FEWEST} replicates: no row gets a verdict")
    studies, fitted_on, failed = _all(paths, out, replicates, workers or cores())
    if studies:
        lines = scoring.summary(studies, explained, fitted_on)
        _write(studies, out, lines)
        _show(studies)
        for line in lines:
            console().print(line)
        print(f"written: {out}/ (scorecard.csv, scorecard.parquet, {', '.join(FOREST)}, a folder per study)")
    for path in failed:
        say(f"{path}: this study could not be run; the others are not affected")
    return FAILED if failed or not studies else 0


def _all(
    paths: Sequence[Path], out: Path, replicates: int | None, workers: int
) -> tuple[list[Study], list[str], list[Path]]:
    """Every study with published rows, the row ids their parameter sets were fitted on, and the configs that failed."""
    from trial.study.load import ConfigError

    studies, fitted_on, failed = [], [], []
    for path in paths:
        try:
            found = _one(path, out, replicates, workers)
        except (ConfigError, Refused, ValueError, KeyError, OSError) as error:
            for line in str(error).splitlines():
                say(line)
            failed.append(path)
            continue
        if found is not None:
            studies.append(found[0])
            fitted_on += found[1]
    return studies, fitted_on, failed


def _one(path: Path, out: Path, replicates: int | None, workers: int) -> tuple[Study, list[str]] | None:
    """Run one study into its folder; None when it has no published rows."""
    from analysis.evidence.scoring import Study
    from cohorts.sets import parameter_set
    from trial.app.checked import load_checked
    from trial.app.folder import checked
    from trial.cli.run import conclude, execute

    loaded = load_checked(path, replicates=replicates)
    study = loaded.study
    if study.published is None:
        return None
    warn(loaded.warnings)
    folder, begun = out / study.id, time.perf_counter()
    shutil.rmtree(checked(folder, overwrite=True, config=path), ignore_errors=True)
    with progress(f"{study.id}, patients") as tell:
        done = execute(study, path.parent, folder, workers, tell)
    if done.n_failed:
        say(f"{study.id}: {done.n_failed} of {done.n_patients} patients failed; solves.parquet there says why")
    volatile = {"seconds": round(time.perf_counter() - begun, 1), "workers": workers}
    analysed, _ = conclude(folder, done, loaded.warnings, volatile, with_report=False)
    return Study(study.id, tuple(analysed.scores)), list(parameter_set(study.parameter_set).targets)


def _write(studies: Sequence[Study], out: Path, summary: Sequence[str]) -> None:
    import pyarrow.parquet as pq

    from analysis.evidence import scoring
    from analysis.evidence.scorecard import write
    from analysis.figures import scores as figures_scores
    from trial.jobs.provenance import STATEMENT, engine_version

    write([s for study in studies for s in study.scores], out / "scorecard.csv")
    pq.write_table(scoring.to_table(studies), out / "scorecard.parquet", compression="zstd")
    (out / "summary.txt").write_text("\n".join(summary) + "\n", encoding="utf-8")
    note = f"{'  '.join(summary[:2])}\n{STATEMENT} virtual-trial {engine_version()}."
    figures_scores.forest(scoring.panels(studies), note, [out / name for name in FOREST])


def _show(studies: Sequence[Study]) -> None:
    """Every row, study by study; "–" where a row is shown but not counted."""
    from analysis.evidence import scoring
    from trial.cli.results import console

    for study in studies:
        texts = ("endpoint", "arm", "inside", "was")
        table = columns((*texts[:2], "simulated", "published (limits)", *texts[2:]), left=texts)
        table.title = study.id
        before = ""
        for s in study.scores:
            name = s.endpoint if s.unit == "%" else f"{s.endpoint}, {s.unit}"
            verdict = {"yes": "yes", "no": "MISS"}.get(s.inside, "–")
            was = ("fitted" if s.seen == "yes" else "predicted") if s.inside else "not counted"
            table.add_row(
                name if name != before else "", s.arm, scoring.value(s), scoring.held_against(s), verdict, was
            )
            before = name
        console().print(table)
        print()
