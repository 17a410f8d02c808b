"""Response by exposure as the trial shows it, and the true curve: the same patients and draws on every fixed dose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
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
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.work import enrolment, simulate_enrolled
from trial.study.protocol import not_among
from trial.study.study import Study

Array = NDArray[np.float64]
PAGE_FILE = "exposure_response.html"
FILES = (pure.EXPOSURE_FILE, PAGE_FILE)
ENOUGH = 20
UNITS = {"dose": "mg", "mean_dose": "mg/d", "auc": "ng*h/mL"}
WORDS = {
    "dose": "randomised start dose",
    "mean_dose": "mean dose taken to the assessment",
    "auc": "AUC of the sampled dosing interval",
}


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
    if dask is not None:
        must_be_usable(dask, workers)
    code, doses = _endpoint(study, endpoint), fixed_doses(study)
    replicates = min(most, study.replicates)
    study = study.model_copy(update={"replicates": replicates})
    say(f"exposure: the trial, and everybody on {', '.join(f'{dose:g}' for dose in doses)} mg")
    found: dict[int, Mapping[str, OfTrial]] = {}
    jobs = [(study, k) for k in range(replicates)]
    with progress("exposure, replicates") as tell, hands(workers or cores(), dask) as ours:
        for k, one in ours.each(partial(_replicate, code, doses), jobs, lambda k: f"replicate {k}"):
            found[k] = one
            tell(len(found), replicates)
    rows = []
    for by, unit in UNITS.items():
        if by in found[0]:
            rows += pure.rows_of(by, unit, code, [found[k][by] for k in range(replicates)])
    pure.write(rows, folder)
    write_page(rows, study, folder / PAGE_FILE, WORDS)
    return rows


def _endpoint(study: Study, code: str) -> str:
    known = chosen(study)
    rates = [name for name, endpoint in known.items() if endpoint.summary == "rate"]
    code = code or study.analysis.primary
    if code not in rates:
        raise Refused(f"exposure: {not_among(code, rates, 'a yes or no of this study')}")
    return code


def fixed_doses(study: Study) -> tuple[float, ...]:
    """The doses (mg) on which everybody is put: those of the arms and of the levels of their dose rules, and none."""
    if study.stages or study.schedule is not None:
        raise Refused("exposure: of studies with stages or a schedule of their own there is no curve of fixed doses")
    doses = {0.0, *(dose for arm in study.arms if not arm.placebo for dose in arm.start_doses_mg)}
    for name in study.rules_in_use:
        doses |= {level.dose_mg for level in study.dose_rules[name].levels}
    if len(doses) < 3:
        raise Refused(f"exposure: seen {len(doses) - 1} dose beside none; allowed: two or more")
    return tuple(sorted(doses))


def on_dose(study: Study, dose: float) -> Study:
    """Every arm on one fixed dose (mg), not validated; all else stays."""
    changed = {"start_dose_mg": dose, "start_dose_by": (), "dose_rule": None, "placebo": dose == 0}
    return study.model_copy(update={"arms": tuple(arm.model_copy(update=changed) for arm in study.arms)})


def _replicate(code: str, doses: Sequence[float], study: Study, k: int) -> dict[str, OfTrial]:
    """One replicate of the trial and, by every exposure, its patients beside the truth on fixed doses."""
    patients = enrolment(study, range(k, k + 1))
    trial = _seen(code, study, simulate_enrolled(study, patients))
    fixed = {}
    for dose in doses:
        changed = on_dose(study, dose)
        fixed[dose] = _seen(code, changed, simulate_enrolled(changed, patients))
    yes, exposures = trial
    placebo = exposures["dose"] == 0
    found = {}
    for by, exposure in exposures.items():
        truth = {}
        for dose, (their_yes, their_exposures) in fixed.items():
            reached = their_exposures.get(by, np.zeros(len(their_yes)))
            known = ~np.isnan(their_yes)
            x = float(np.nanmean(reached)) if dose and not np.isnan(reached).all() else 0.0
            truth[dose] = (x, float(their_yes[known].mean()))
        use = ~np.isnan(yes) & ~np.isnan(exposure) & (~placebo | (by == "dose"))
        found[by] = OfTrial(exposure[use], yes[use], truth)
    return found


def _seen(code: str, study: Study, tables: Mapping[str, pa.Table]) -> tuple[Array, dict[str, Array]]:
    """Response (n,), NaN where there is none, and every exposure (n,) of the patients."""
    records = from_tables(tables, study.arm_ids)
    named = {"named_replicate": int(records.replicate[0])}
    study = study.model_copy(update={"analysis": study.analysis.model_copy(update=named)})
    yes = evaluate(chosen(study)[code], records, study).value
    start = np.array([0.0 if arm.placebo else arm.start_dose_mg for arm in study.arms])[records.arm]
    exposures = {
        "dose": start,
        "mean_dose": mean_dose(tables["doses"], tables["patients"], study.analysis.assessment_day),
    }
    if study.pk_sampling is not None:
        exposures["auc"] = evaluate(AUCTAU, records, study).value
    return yes, exposures


def mean_dose(doses: pa.Table, patients: pa.Table, day: int) -> Array:
    """Mean dose (mg) taken per day by each patient before ``day``, or before he left where that is earlier."""
    first, after = (doses[name].to_numpy().astype(np.float64) for name in ("ASTDY", "AENDY"))
    taken = doses["NTAKEN"].to_numpy() / np.maximum(after - first, 1)
    days = np.clip(np.minimum(after, day) - first, 0, None)
    who = places(key_of(patients), key_of(doses))
    total = np.bincount(who, doses["EXDOSE"].to_numpy() * taken * days, minlength=patients.num_rows)
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
        yield (row.by, row.kind, f"{row.dose:g}", at, *ends, cells.change(row.bias or 0.0, row.bias_mcse, "%"))


def notes(rows: Sequence[AtExposure], study: Study) -> list[str]:
    """What stands below the lines."""
    falls = [
        f"{row.by} {row.falls:.0f} %" for row in {(r.by, r.kind): r for r in rows if r.kind == "logistic"}.values()
    ]
    if not rows:
        return ["\nno curve could be fitted"]
    said = [
        "\nnaive: curve through the patients of the trial on active drug, by what each reached (dose: all arms, by the "
        "randomised dose). true: the same patients and draws, all on one fixed dose.",
        f"{rows[0].replicates} replicates; the naive logistic curve falls in: {', '.join(falls)} of them",
    ]
    if any(arm.dose_rule for arm in study.arms):
        said.append(
            "titration bias: the dose rule follows the counts, so that exposure is an outcome: who responds is kept "
            "low, who does not is titrated up; a naive curve by achieved exposure does not say what a dose does."
        )
    return said
