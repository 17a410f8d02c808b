"""A run that can be interrupted: locked while it works, beside the earlier run until it is whole, taken up again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.evidence.results import MOST_FAILED, Line
from cohorts.own import is_file_name
from trial.app import folder as folders
from trial.app.door import opened, verified_shard
from trial.app.foresight import refuse_too_large
from trial.app.identity import draws_in_words, identity
from trial.app.study_run import POSTERIORS, conclude, cores, execute, sign
from trial.app.talk import Progress, Say, silent, unseen
from trial.errors import Refused, Stopped
from trial.jobs.cluster import must_be_usable
from trial.jobs.processes import without_frames
from trial.jobs.provenance import REPORT, SHARD, manifest_problem
from trial.jobs.runner import RunSummary, standing
from trial.jobs.shards import WHOLE, Shard
from trial.jobs.work import work_units
from trial.study.load import load_study
from trial.study.study import Study


@dataclass(frozen=True)
class How:
    """How a study is run. None of it changes a number.

    ``config``: the file the study was read from; a folder that holds it is not replaced. ``backend``: of joblib.
    ``shard``: the part of the run that is simulated; of a part there are units, and neither tables nor a report.
    ``dask``: a cluster to work on (``trial.jobs.cluster``). ``with_global``: the method of a sensitivity analysis of
    everything at once, "" none. ``alone``: the process does nothing else, and runs nobody else's code.
    """

    overwrite: bool = False
    resume: bool = False
    workers: int | None = None
    backend: str | None = None
    with_report: bool = True
    with_sensitivity: bool = False
    config: Path | None = None
    shard: Shard = WHOLE
    dask: str | None = None
    with_attribution: bool = False
    with_estimands: bool = False
    with_structures: bool = False
    with_global: str = ""
    alone: bool = False


@dataclass(frozen=True)
class Done:
    """What a run came to: the lines of the short result table, the study as it was resolved, and patients."""

    lines: Sequence[Line]
    study: Study
    n_patients: int
    n_failed: int

    @property
    def many_failed(self) -> bool:
        """Whether so many solves failed that no rate is shown without it."""
        return self.n_failed > MOST_FAILED * self.n_patients


def shard_of(text: str | None) -> Shard:
    """The part of a run that is asked for, as "2/4"; None: the whole run. Raises Refused."""
    return WHOLE if text is None else Shard.read(text)


def both_structures(text: str) -> bool:
    """Whether both structures are asked for: "own" or "both". Raises Refused."""
    if text not in ("own", "both"):
        raise Refused(f"--structures: seen {text!r}; allowed: own, both")
    return text == "both"


def run_study(
    study: Study,
    folder: Path,
    how: How,
    warnings: Sequence[str] = (),
    say: Say = silent,
    progress: Progress = unseen,
) -> Done | None:
    """Simulate a checked study into ``folder``; None when ``how.resume`` finds that nothing is left to do.

    ``warnings`` go into the manifest. Raises Refused before anything is simulated, Stopped when the disk refuses; what
    was finished is then kept beside ``folder``.
    """
    begun = time.perf_counter()
    _refuse(how)
    if how.alone and not is_file_name(study.parameter_set):
        without_frames()
    if how.with_structures:
        from trial.app.structures import refuse_unusable_pair

        refuse_unusable_pair(study)
    if how.with_global:
        from trial.app.global_sensitivity import planned_of

        planned_of(study, how.with_global, None)
    folders.must_be_usable(folder)
    with folders.locked(folder):
        kept = folders.units_kept(folder)
        if how.resume and not kept:
            if is_finished(study, folder, how.shard):
                _finished(folder, how, say)
                return None
            say(f"{folder}: nothing unfinished is there; a new run begins")
        workers = 1 if how.dask else how.workers or cores()
        if not kept:
            refuse_too_large(study, folder, workers, how.with_report and how.shard.is_whole, how.shard.of)
        folders.checked(folder, how.overwrite or (how.resume and kept > 0), how.config)
        beside = folders.begin(folder, how.overwrite, how.resume, _part(study, how.shard))
        with _kept(folder, beside, study, say, how.shard):
            _announce(study, beside, how, workers, say)
            summary = _simulated(study, beside, how, workers, say, progress)
            volatile = {"seconds": round(time.perf_counter() - begun, 1), "workers": workers}
            if how.shard.is_whole:
                analysed, resolved = conclude(beside, summary, warnings, volatile, say)
                done = Done(analysed.lines, resolved, summary.n_patients, summary.n_failed)
            else:
                part = {"warnings": list(warnings), SHARD: _of_run(study, how.shard)}
                sign(beside, load_study(beside / folders.CONFIG), summary, part, volatile)
                done = Done((), study, summary.n_patients, summary.n_failed)
            folders.finish(folder, beside, keep_units=not how.shard.is_whole)
        if how.with_report and how.shard.is_whole:
            _report(folder, done.study, say)
    return done


def _refuse(how: How) -> None:
    if how.backend not in (None, "loky", "threading"):
        raise Refused(f"--backend: seen {how.backend!r}; allowed: loky, threading")
    if how.dask is not None:
        must_be_usable(how.dask, how.workers, how.backend)
    more = {
        "sensitivity": how.with_sensitivity or how.with_global,
        "attribute": how.with_attribution,
        "estimands": how.with_estimands,
    }
    if how.with_structures and not how.shard.is_whole:
        raise Refused("--structures both: not of a shard; give it to a whole run")
    for command, asked in more.items():
        if asked and not how.shard.is_whole:
            raise Refused(f"--{command}: not of a shard; 'vtrial {command} CONFIG' is a command of its own")


def _of_run(study: Study, shard: Shard) -> dict[str, Any]:
    """What the manifest of a shard says: which part it is, which units it has, and of which run."""
    units = [unit.number for unit in shard.among(work_units(study))]
    return {"part": str(shard), "units": units, "of_run": identity(study)}


def _part(study: Study, shard: Shard) -> dict[str, str]:
    """The identity of a run, or of a shard of it."""
    return identity(study) | ({} if shard.is_whole else {SHARD: str(shard)})


def _finished(folder: Path, how: How, say: Say) -> None:
    """Nothing is left to do but, when it is missing, the report. Raises Refused when a table is asked for that is not
    there: a finished run is not changed.
    """
    if missing := _missing(folder, how):
        raise Refused(f"{folder}: this run is finished without {'; '.join(missing)}")
    if not (how.with_report and how.shard.is_whole) or (folder / REPORT).is_file():
        say(f"{folder}: this run is finished; nothing to do")
        return
    say(f"{folder}: this run is finished, but for its report; --no-report leaves it out")
    _report(folder, load_study(folder / folders.CONFIG), say)


def _missing(folder: Path, how: How) -> list[str]:
    """Tables that are asked for and not there, each with the command that makes it."""
    from analysis.evidence.attribution import ATTRIBUTION_FILE
    from analysis.evidence.estimands import ESTIMANDS_FILE
    from analysis.evidence.global_sensitivity import GLOBAL_FILE
    from analysis.evidence.sensitivity import SENSITIVITY_FILE
    from analysis.evidence.stacking import STRUCTURES_FILE

    config = folder / folders.CONFIG
    anew = "the same command with --overwrite instead of --resume makes the run anew with it"
    tables = (
        (how.with_sensitivity, SENSITIVITY_FILE, f"'vtrial sensitivity {config}' makes it beside the run"),
        (
            how.with_global,
            GLOBAL_FILE,
            f"'vtrial sensitivity {config} --method {how.with_global}' makes it beside the run",
        ),
        (how.with_attribution, ATTRIBUTION_FILE, f"'vtrial attribute {config}' makes it beside the run"),
        (how.with_estimands, ESTIMANDS_FILE, f"'vtrial estimands {config}' makes it beside the run"),
        (how.with_structures, STRUCTURES_FILE, anew),
    )
    return [f"{file}: {said}" for asked, file, said in tables if asked and not (folder / file).is_file()]


def _report(folder: Path, study: Study, say: Say) -> None:
    """Its code is loaded only now, when the tables are in their place."""
    from trial.app.reporting import report_of_run

    report_of_run(folder, study, say)


def _simulated(study: Study, beside: Path, how: How, workers: int, say: Say, progress: Progress) -> RunSummary:
    """The tables, and on request what every assumption and every departure from the ideal trial does."""
    with progress("patients") as tell:
        tell(0, sum(unit.n_patients for unit in how.shard.among(work_units(study))))
        summary = execute(study, beside, workers, tell, how.backend, keep_units=True, shard=how.shard, dask=how.dask)
    if study.analysis.exposure_response is not None:
        from trial.app.exposure_response import write_asked

        write_asked(study, beside, None if how.dask else workers, say, progress, how.dask)
    if how.with_sensitivity:
        from trial.app.sensitivity import write_effects

        write_effects(study, beside, None if how.dask else workers, say=say, progress=progress, dask=how.dask)
    if how.with_global:
        from trial.app.global_sensitivity import write_indices

        write_indices(
            study, beside, how.with_global, workers=None if how.dask else workers, say=say, progress=progress,
            dask=how.dask,
        )  # fmt: skip
    if how.with_attribution:
        from trial.app.attribution import write_contributions

        write_contributions(study, beside, None if how.dask else workers, say=say, progress=progress, dask=how.dask)
    if how.with_estimands:
        from trial.app.estimands import write_estimands

        write_estimands(study, beside, None if how.dask else workers, say, progress, how.dask)
    if how.with_structures:
        from trial.app.structures import write_structures

        write_structures(study, beside, workers, how.dask)
    return summary


def is_finished(study: Study, folder: Path, shard: Shard = WHOLE) -> bool:
    """Whether ``folder`` holds a finished run, or shard, of this very study; its published rows are not part of it.

    Raises Refused when it is damaged.
    """
    if manifest_problem(folder):
        return False
    if shard.is_whole:
        run, wanted = opened(folder), identity(study)
        kept = {name: value for name, value in identity(run.study).items() if not name.startswith(f"{POSTERIORS}.")}
        there = kept | draws_in_words(run.manifest.get(POSTERIORS, {}))
    else:
        part = verified_shard(folder)[SHARD]
        there, wanted = part["of_run"] | {SHARD: part["part"]}, _part(study, shard)
    return all(there.get(key) == wanted.get(key) for key in {*there, *wanted} if not key.startswith("published"))


def _announce(study: Study, beside: Path, how: How, workers: int, say: Say) -> None:
    shard, now = how.shard, standing(study, beside, how.shard)
    part = (
        "" if shard.is_whole else f", shard {shard}: {len(now.done) + len(now.to_do)} of {len(work_units(study))} units"
    )
    many = f"Dask at {how.dask}" if how.dask else f"{workers} worker{'s' if workers > 1 else ''}"
    say(f"{study.id}: {study.replicates} x {study.patients} patients{part}, {many}")
    if now.done:
        say(f"{len(now.done)} of {len(now.done) + len(now.to_do)} units are there and verified")
    if now.damaged:
        say(f"unit {', '.join(map(str, now.damaged))}: damaged, simulated again")


@contextmanager
def _kept(folder: Path, beside: Path, study: Study, say: Say, shard: Shard = WHOLE) -> Iterator[None]:
    """When the work stops: say what is kept and how to go on; without a finished unit nothing is kept."""
    try:
        yield
    except BaseException as error:
        units = folders.units_kept(folder)
        kept = (
            f"{units} of {len(shard.among(work_units(study)))} units are kept; the same command with --resume goes on"
        )
        if not units:
            shutil.rmtree(beside, ignore_errors=True)
            kept = "no unit was finished; an earlier run is as it was"
        if isinstance(error, OSError):
            where, free = error.filename or folder, shutil.disk_usage(folder.resolve().parent).free / 2**30
            why = f"cannot be written ({error.strerror or error}; {free:.1f} GiB free)"
            raise Stopped(f"{where}: {why}; {kept}") from error
        if units or isinstance(error, KeyboardInterrupt):
            say(f"{folder}: {kept}")
        raise
