"""What ``import trial`` offers. Errors are those of ``trial.errors``, with the text of the command line."""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import overload

import pyarrow as pa

from trial.app.attempt import How, run_study
from trial.app.catalogue import entry, listed
from trial.app.finished import Run
from trial.app.loading import check_again, load_checked
from trial.app.reporting import report_again
from trial.app.talk import Tell, unseen
from trial.app.typical_man import course_table
from trial.errors import ConfigWarning, Stopped
from trial.study.study import Study

_LOG = logging.getLogger("trial")


def load(
    path: Path | str, overrides: str | Sequence[str] = (), seed: int | None = None, replicates: int | None = None
) -> Study:
    """The study of a YAML file, with every check of ``vtrial check``.

    ``overrides``: one or several, as after ``--set``: ``"arms.0.ratio=3"``. Files that the config names are found from
    the config, and are named absolutely in the study, so that it does not depend on the working directory. Raises
    ConfigError with a line for every problem; what is allowed but unusual is a ConfigWarning.
    """
    several = [overrides] if isinstance(overrides, str) else overrides
    loaded = load_checked(Path(path), several, seed, replicates)
    for line in loaded.warnings:
        warnings.warn(line, ConfigWarning, stacklevel=2)
    return loaded.study


def run(
    study: Study,
    out: Path | str | None = None,
    *,
    workers: int | None = None,
    progress: Tell | None = None,
    overwrite: bool = False,
    resume: bool = False,
    with_report: bool = True,
    with_sensitivity: bool = False,
    with_attribution: bool = False,
    with_estimands: bool = False,
    dask: str | None = None,
) -> Run:
    """Simulate a study: the same folder and the same tables as ``vtrial run``.

    ``out``: the folder, which may not hold a run already unless ``overwrite``; ``resume`` goes on with an interrupted
    one. None: a temporary folder, removed together with the Run that is returned, or at the end of Python; name a
    folder for whatever is to last. ``workers``: None for one per core; ``dask``: a cluster to work on instead
    (docs/cluster.md); they change no number. ``progress(done, total)`` is told patients. The study is checked again,
    because it may have been changed since it was loaded; what is unusual about it stands in ``manifest["warnings"]``.
    What the command says meanwhile goes to the logger "trial".

    Raises ConfigError, Refused before anything is simulated, and Stopped when the disk refuses.
    """
    checked = check_again(study)
    how = How(
        overwrite, resume, workers, None, with_report, with_sensitivity,
        dask=dask, with_attribution=with_attribution, with_estimands=with_estimands,
    )  # fmt: skip
    bars = unseen if progress is None else lambda title: nullcontext(progress)
    if out is not None:
        run_study(checked.study, Path(out), how, checked.warnings, _LOG.info, bars)
        return Run(Path(out))
    home = Path(tempfile.mkdtemp(prefix=f"{study.id}_"))
    try:
        run_study(checked.study, home / study.id, how, checked.warnings, _LOG.info, bars)
        done = Run(home / study.id)
    except BaseException as error:
        shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, Stopped):
            raise Stopped(f"{home}: cannot be written ({error.__cause__}); give another folder with out") from error
        raise
    weakref.finalize(done, shutil.rmtree, home, ignore_errors=True)
    return done


def report(run: Run | Path | str, patients: Sequence[tuple[int, int]] = ()) -> Path:
    """Write report.html of a run, or of a run folder, with a page for each (replicate, subject); its path.

    Raises Refused when the folder holds no finished run, or not the tables of a patient.
    """
    return report_again(run.folder if isinstance(run, Run) else Path(run), patients)


def solve(
    parameter_set: str,
    dose_mg: float,
    days: int,
    *,
    dose_days: int | None = None,
    every_h: float = 1.0,
    values: Mapping[str, float] | None = None,
) -> pa.Table:
    """The typical man of a parameter set (an id of the catalogue, or a file) under once-daily doses.

    Every random effect is 0, every covariate is at its reference, his count before is BASE of the set. ``dose_mg`` is
    given at the start of the first ``dose_days`` days (None: of every day). ``values`` replace numbers of the set, in
    its own units.

    Returns a table with a row every ``every_h`` hours from 0 to the end of day ``days``: TIME (h), CONC (ng/mL, free
    drug in plasma), PLT (10^9/L), then the other outputs and states of the structure; the unit of each is in
    ``schema.field(name).metadata``. At the start of a day the dose of that day is not taken yet.

    Raises Refused for what cannot be used, Stopped when the solve fails.
    """
    return course_table(parameter_set, dose_mg, days, dose_days, every_h, values)


@overload
def catalogue(name: None = None) -> dict[str, dict[str, str]]: ...
@overload
def catalogue(name: str) -> list[dict[str, str]]: ...
def catalogue(name: str | None = None) -> dict[str, dict[str, str]] | list[dict[str, str]]:
    """What there is: titles by id, by kind ("parameter sets", "populations", "endpoints", "structures").

    With the id of one of them, or the file of a parameter set: its rows, as ``vtrial catalogue ID`` prints them; of a
    set and a population one per number with value, unit, status and source. All values are texts. Raises Refused.
    """
    return listed() if name is None else entry(name).rows
