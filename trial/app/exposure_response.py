"""Response by exposure as the trial shows it, and the true curve: the same patients and draws on every fixed level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.endpoints import chosen, evaluate
from analysis.endpoints.exposure import AUCTAU
from analysis.endpoints.records import from_tables, key_of, places
from analysis.evidence import exposure_response as pure
from analysis.evidence.exposure_response import AtExposure, OfTrial
from analysis.report.exposure_response import write_page
from analysis.text import cells
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.engine.prescribed import days_apart
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.parts import UNITS
from trial.jobs.work import Enrolment, enrolment, simulate_enrolled, unit_of
from trial.study.dose_level import DoseLevel
from trial.study.dose_rule import DoseRule, DoseStep
from trial.study.exposure_response import lacking_for_curves, levels_of
from trial.study.protocol import not_among
from trial.study.study import Study

Array = NDArray[np.float64]
PAGE_FILE = "exposure_response.html"
FILES = (pure.EXPOSURE_FILE, PAGE_FILE)
ENOUGH = 20
FIXED = "fixed level"
"""Name of the dose rule that keeps a level which is not taken daily; no config can have it."""
UNITS_OF = {"dose": "mg/d", "mean_dose": "mg/d", "auc": "ng*h/mL"}


def write_curves(
    study: Study,
    folder: Path,
    endpoint: str = "",
    workers: int | None = None,
    most: int = ENOUGH,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> list[AtExposure]:
    """Rows of every exposure that the study tells, written into ``folder`` with a page. Raises Refused for a study of
    which there is no such curve, or an ``endpoint`` (none: the primary) that is no yes or no.
    """
    rows, study = curves(study, endpoint, workers, most, say, progress, dask)
    pure.write(rows, folder)
    write_page(rows, study, folder / PAGE_FILE)
    return rows


def write_asked(
    study: Study, folder: Path, workers: int | None, say: Say, progress: Progress, dask: str | None = None
) -> None:
    """What ``analysis.exposure_response`` asks for, into the folder of a run that is made; its finished replicates stay
    there until the run is whole, so that an interrupted run goes on with them.
    """
    asked = study.analysis.exposure_response
    if asked is not None:
        kept = folder / UNITS / pure.KEPT
        rows, _ = curves(study, asked.endpoint or "", workers, asked.replicates, say, progress, dask, kept)
        pure.write(rows, folder)


def curves(
    study: Study,
    endpoint: str,
    workers: int | None,
    most: int,
    say: Say,
    progress: Progress,
    dask: str | None = None,
    kept: Path | None = None,
) -> tuple[list[AtExposure], Study]:
    """Rows of every exposure, and the study of as many replicates; a replicate that is ``kept`` there is not simulated
    again. Raises Refused.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    code, levels = _endpoint(study, endpoint), fixed_levels(study)
    replicates = min(most, study.replicates)
    study = study.model_copy(update={"replicates": replicates})
    found = pure.read_kept(kept, replicates) if kept else {}
    there = f"; {len(found)} of {replicates} replicates are there" if found else ""
    say(f"exposure: the trial, and everybody on no drug, {', '.join(map(str, levels))}{there}")
    jobs = [(study, k) for k in range(replicates) if k not in found]
    with progress("exposure, replicates") as tell, hands(workers or cores(), dask) as ours:
        for k, one in ours.each(partial(_replicate, code, levels), jobs, lambda k: f"replicate {k}"):
            found[k] = one
            if kept:
                pure.keep(one, kept, k)
            tell(len(found), replicates)
    rows = []
    for by, unit in UNITS_OF.items():
        if by in found[0]:
            rows += pure.rows_of(by, unit, code, [found[k][by] for k in range(replicates)])
    return rows, study


def _endpoint(study: Study, code: str) -> str:
    known = chosen(study)
    rates = [name for name, endpoint in known.items() if endpoint.summary == "rate"]
    code = code or study.analysis.primary
    if code not in rates:
        raise Refused(f"exposure: {not_among(code, rates, 'a yes or no of this study')}")
    return code


def fixed_levels(study: Study) -> tuple[DoseLevel, ...]:
    """The levels of the true curve. Raises Refused where there is none."""
    if why := lacking_for_curves(bool(study.stages), study.schedule is not None, study.arms, study.dose_rules):
        raise Refused(f"exposure: {why}")
    return levels_of(study.arms, study.dose_rules)


def on_level(study: Study, level: DoseLevel | None) -> Study:
    """Every arm on one level for good, or on no drug, not validated; all else stays."""
    keeps = level is not None and not level.daily
    changed = {
        "start_dose_mg": level.dose_mg if level else 0.0, "start_dose_by": (), "dose_rule": FIXED if keeps else None,
        "placebo": level is None,
    }  # fmt: skip
    rules = dict(study.dose_rules)
    if level and keeps:
        rules[FIXED] = DoseRule(ladder=(level,), steps=(DoseStep(action="keep"),), source=FIXED)
    arms = tuple(arm.model_copy(update=changed) for arm in study.arms)
    return study.model_copy(update={"arms": arms, "dose_rules": rules})


def start_doses(study: Study, patients: Enrolment) -> Array:
    """The randomised start dose (n,) of each patient, mg a day on average; 0 of placebo."""
    start = unit_of(study, patients).starts_mg(patients.arm, np.zeros_like(patients.arm))
    dose = start.copy()
    for k, arm in enumerate(study.arms):
        mine = patients.arm == k
        if arm.placebo:
            dose[mine] = 0.0
        elif arm.dose_rule:
            rule = study.dose_rules[arm.dose_rule]
            for at in arm.start_doses_mg:
                dose[mine & (start == at)] = rule.levels[rule.rung_at(at) or 0].per_day_mg
    return dose


def _replicate(code: str, levels: Sequence[DoseLevel], study: Study, k: int) -> dict[str, OfTrial]:
    """One replicate of the trial and, by every exposure, its patients beside the truth on fixed levels."""
    patients = enrolment(study, range(k, k + 1))
    yes, achieved = _seen(code, study, simulate_enrolled(study, patients))
    start = start_doses(study, patients)
    truth: dict[str, dict[tuple[float, str], tuple[float, float]]] = {by: {} for by in ("dose", *achieved)}
    for level in (None, *levels):
        changed = on_level(study, level)
        their_yes, reached = _seen(code, changed, simulate_enrolled(changed, patients))
        rate = float(their_yes[~np.isnan(their_yes)].mean())
        dose, words = (level.per_day_mg, str(level)) if level else (0.0, "no drug")
        truth["dose"][dose, words] = (dose, rate)
        for by, exposure in reached.items():
            x = float(np.nanmean(exposure)) if level and not np.isnan(exposure).all() else 0.0
            truth[by][dose, words] = (x, rate)
    found = {}
    for by, exposure in ({"dose": start} | achieved).items():
        use = ~np.isnan(yes) & ~np.isnan(exposure) & ((start > 0) | (by == "dose"))
        found[by] = OfTrial(exposure[use], yes[use], truth[by])
    return found


def _seen(code: str, study: Study, tables: Mapping[str, pa.Table]) -> tuple[Array, dict[str, Array]]:
    """Response (n,), NaN where there is none, and every exposure (n,) that the patients reached."""
    records = from_tables(tables, study.arm_ids)
    named = {"named_replicate": int(records.replicate[0])}
    study = study.model_copy(update={"analysis": study.analysis.model_copy(update=named)})
    yes = evaluate(chosen(study)[code], records, study).value
    day = study.analysis.assessment_day
    exposures = {"mean_dose": mean_dose(tables["doses"], tables["patients"], day, days_apart(study))}
    if study.pk_sampling is not None:
        exposures["auc"] = evaluate(AUCTAU, records, study).value
    return yes, exposures


def mean_dose(doses: pa.Table, patients: pa.Table, day: int, apart: Sequence[DoseLevel] = ()) -> Array:
    """Mean dose (mg) taken per day by each patient before ``day``, or before he left where that is earlier.

    A day on which a level of those ``apart`` is taken that has doses on all days counts as its mean.
    """
    first, after = (doses[name].to_numpy().astype(np.float64) for name in ("ASTDY", "AENDY"))
    taken = doses["NTAKEN"].to_numpy() / np.maximum(after - first, 1)
    days = np.clip(np.minimum(after, day) - first, 0, None)
    who = places(key_of(patients), key_of(doses))
    dose = doses["EXDOSE"].to_numpy()
    for level in apart:
        if level.otherwise_mg:
            on_it = pc.equal(doses["EXINTVL"].cast(pa.string()), level.interval).to_numpy()
            dose = np.where(on_it & (dose == level.dose_mg), level.per_day_mg, dose)
    total = np.bincount(who, dose * taken * days, minlength=patients.num_rows)
    length = np.bincount(who, days, minlength=patients.num_rows)
    return np.divide(total, length, out=np.full(len(total), np.nan), where=length > 0)


def lines(rows: Sequence[AtExposure]) -> Iterator[tuple[str, ...]]:
    """One line per exposure, model and fixed dose, as text."""
    for row in rows:
        if row.true is None or row.dose is None:
            continue
        at = f"{cells.significant(row.exposure)} {row.unit}"
        ends = (
            cells.amount_error(value, error, "%")
            for value, error in ((row.naive, row.naive_mcse), (row.true, row.true_mcse))
        )
        yield (row.by, row.kind, row.level, at, *ends, cells.change(row.bias or 0.0, row.bias_mcse, "%"))


def notes(rows: Sequence[AtExposure], study: Study) -> list[str]:
    """What stands below the lines."""
    falls = [
        f"{row.by} {row.falls:.0f} %" for row in {(r.by, r.kind): r for r in rows if r.kind == "logistic"}.values()
    ]
    if not rows:
        return ["\nno curve could be fitted"]
    said = [
        "\nnaive: curve through the patients of the trial on active drug, by what each reached (dose: all arms, by the "
        "randomised dose). true: the same patients and draws, all on one fixed level.",
        f"{pure.replicates_of(rows)} replicates"
        + (f"; the naive logistic curve falls in: {', '.join(falls)} of those with a curve" if falls else ""),
        *pure.without_curve(rows),
    ]
    if any(arm.dose_rule for arm in study.arms):
        said.append(
            "titration bias: the dose rule follows the counts, so that exposure is an outcome: who responds is kept "
            "low, who does not is titrated up; a naive curve by achieved exposure does not say what a dose does."
        )
    return said
