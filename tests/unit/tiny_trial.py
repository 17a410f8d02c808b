"""Hand-made tables of a small trial: patients written as lists of weekly counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from analysis.endpoints.records import Records, from_tables
from trial.study.study import Study
from trial.tables import DOSES, EVENTS, OBSERVATIONS, PATIENTS, SOLVES

WEEKS = tuple(range(7, 71, 7))
CHEMOTHERAPY = {"cycles": 2, "cycle_days": 28, "doses": [{"day": 0}]}


def study(
    *, arms: Sequence[str] = ("drug", "placebo"), treatment_days: int = 70, stops: bool = False, paired: bool = False,
    chemotherapy: bool = False, pk_sampling: bool = False, adverse: Sequence[str] = (), replicates: int = 3,
    window_days: int = 0, strata: Sequence[str] = (), reasons: Sequence[str] = (),
    **analysis: object,
) -> Study:  # fmt: skip
    """The study of these patients: assessed in week 8 against placebo; ``analysis`` as in a config."""
    step = {"action": "stop" if stops else "increase", "below_1e9L": 50}
    return Study.model_validate({
        "id": "tiny",
        "title": "tiny",
        "seed": 1,
        "replicates": replicates,
        "patients": 7,
        "parameter_set": "none",
        "population": {"id": "none"},
        "allocation": "counterfactual" if paired else "parallel",
        "arms": [{"id": arm, "start_dose_mg": 5, "dose_rule": "ladder", "placebo": arm == "placebo"} for arm in arms],
        "randomisation": {"block_size": max(2, len(arms)), "strata": [{"covariate": name} for name in strata]},
        "treatment_days": treatment_days,
        "visits": {"days": WEEKS, "window_days": window_days},
        "dose_rules": {"ladder": {"ladder_mg": [2.5, 5], "steps": [step], "source": "test"}},
        "dropout": [{"reason": reason, "hazard_per_week": 0.01} for reason in reasons],
        "chemotherapy": CHEMOTHERAPY if chemotherapy else None,
        "pk_sampling": {"visit_day": PK_VISIT, "times_h": PK_HOURS} if pk_sampling else None,
        "tolerability": {"proxies": adverse} if adverse else None,
        "analysis": {"assessment_day": 56, "reference_arm": "placebo"} | analysis,
    })  # fmt: skip


NO_DOSE = ("interrupt", "stop")
PK_HOURS = (0.0, 8.0, 24.0)
PK_VISIT = 28
STUDY = study()


@dataclass(frozen=True)
class Patient:
    """``counts`` at weeks 1 to 10 (None: missed; a shorter list goes on with its last count); ``days`` actual days."""

    counts: Sequence[float | None]
    arm: str = "drug"
    replicate: int = 0
    baseline: float = 10.0
    days: Sequence[int] = WEEKS
    rescue_days: Sequence[int] = ()
    bleeding: Sequence[float | None] = (0,)
    completed: bool = True
    actions: Sequence[str] = ("start",)
    status: str = "OK"
    profile: Sequence[float | None] = field(default=())
    chemo: Sequence[tuple[int, int]] = ()
    """(cycle, day) of every dose of chemotherapy."""
    treated_days: int = 70
    last_day: int = 70
    stratum: str = ""


def filled(values: Sequence[float | None]) -> list[float | None]:
    return [*values, *[values[-1]] * (len(WEEKS) - len(values))]


def tables(patients: Sequence[Patient]) -> dict[str, pa.Table]:
    """The tables of these patients, numbered from 1 within their replicate."""
    rows: dict[str, list[dict]] = {name: [] for name in ("patients", "doses", "observations", "events", "solves")}
    numbers: dict[int, int] = {}
    for patient in patients:
        numbers[patient.replicate] = numbers.get(patient.replicate, 0) + 1
        key = {"IREP": patient.replicate, "SUBJID": numbers[patient.replicate]}
        key["USUBJID"] = f"tiny-{key['IREP']}-{key['SUBJID']}"
        for name, new in _rows(patient, key).items():
            rows[name] += new
    order = {"PLAT": 0, "WHOBLEED": 1, "CONC": 2}
    rows["observations"].sort(key=lambda row: order[row["PARAMCD"]])
    schemas = {"patients": PATIENTS, "doses": DOSES, "observations": OBSERVATIONS, "events": EVENTS, "solves": SOLVES}
    return {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in schemas.items()}


def _rows(patient: Patient, key: dict) -> dict[str, list[dict]]:
    status = "COMPLETED" if patient.completed else "DISCONTINUED"
    active = 0.0 if patient.arm == "placebo" else 5.0
    cuts = [0, *[PK_VISIT + 7 * k for k in range(1, len(patient.actions))], patient.treated_days]
    plat = [patient.baseline, *filled(patient.counts)]
    bleed = [0, *filled(patient.bleeding)]
    days = [0, *patient.days]
    observations = [
        key | {"PARAMCD": code, "AVISITN": planned, "ADY": None if v is None else day, "ATPT": 0.0, "AVAL": v,
               "TRUEVAL": v, "AVALREAS": "" if v is not None else "missed visit"}
        for code, values in (("PLAT", plat), ("WHOBLEED", bleed))
        for planned, day, v in zip((0, *WEEKS), days, values, strict=True)
    ]  # fmt: skip
    observations += [
        key | {"PARAMCD": "CONC", "AVISITN": PK_VISIT, "ADY": PK_VISIT, "ATPT": hour, "AVAL": v,
               "AVALREAS": "" if v is not None else "missed visit"}
        for hour, v in zip(PK_HOURS, patient.profile, strict=False)
    ]  # fmt: skip
    doses = [
        key | {"ASTDY": a, "AENDY": b, "EXDOSE": 0.0 if act in NO_DOSE else active,
               "DOSELEV": 0.0 if act in NO_DOSE else 5.0, "ACTION": act}
        for a, b, act in zip(cuts[:-1], cuts[1:], patient.actions, strict=True)
    ]  # fmt: skip
    return {
        "patients": [
            key
            | {
                "ARM": patient.arm,
                "STRATUM": patient.stratum,
                "BLPLAT": patient.baseline,
                "EOSSTT": status,
                "EOSDY": patient.last_day,
            }
        ],
        "doses": doses,
        "observations": observations,
        "events": [key | {"EVENT": "RESCUE", "ADY": day} for day in patient.rescue_days]
        + [key | {"EVENT": "CHEMO", "ADY": day, "TERM": "chemotherapy", "CYCLE": k} for k, day in patient.chemo],
        "solves": [key | {"STATUS": patient.status}],
    }


def records(*patients: Patient) -> Records:
    """Records of these patients."""
    return from_tables(tables(patients))
