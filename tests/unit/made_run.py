"""A run folder made without the simulator: the tables of ``trial.tables`` filled from simple laws, and a manifest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from analysis.evidence.results import analyse, evaluate_tables
from analysis.evidence.scorecard import PUBLISHED_COLUMNS
from analysis.report import page, runfolder
from trial.study.study import Study
from trial.tables import DOSES, EVENTS, OBSERVATIONS, PATIENTS, SCREENING, SOLVES

DAYS = (0, *range(7, 71, 7))
HOURS = (0.0, 8.0, 24.0)
ARMS = ("LOW", "HIGH", "Placebo")
LADDER = (2.5, 3.75, 5.0, 7.5)
CONFIG = {
    "id": "made_run",
    "title": "A made-up <trial> & its report",
    "citation": "mei_2021",
    "seed": 7,
    "replicates": 3,
    "patients": 30,
    "parameter_set": "made_up",
    "population": {"id": "made_up"},
    "screening": {"platelets_below_1e9L": 30.0, "itp_duration_at_least_y": 0.5, "age_at_least_y": 18.0},
    "arms": [
        {"id": "LOW", "label": "Drug, start 2.5 mg", "ratio": 2, "start_dose_mg": 2.5, "dose_rule": "steps"},
        {"id": "HIGH", "label": "Drug, start 5 mg", "ratio": 2, "start_dose_mg": 5.0, "dose_rule": "steps"},
        {"id": "Placebo", "label": "", "ratio": 1, "start_dose_mg": 2.5, "dose_rule": "steps", "placebo": True},
    ],
    "randomisation": {"block_size": 5, "strata": [{"covariate": "BLPLAT", "cut": 10.0}]},
    "treatment_days": 70,
    "visits": {"days": list(DAYS[1:]), "window_days": 2, "missed_probability": 0.01},
    "dose_rules": {
        "steps": {
            "ladder_mg": list(LADDER),
            "steps": [
                {"action": "interrupt", "at_least_1e9L": 250.0},
                {"action": "increase", "below_1e9L": 50.0, "min_days_since_change": 14, "confirm_visits": 1},
            ],
            "restart": {"below_1e9L": 100.0, "level": "lower"},
            "at_floor": "keep",
            "source": "made up for a test",
        }
    },
    "adherence": {"mean": 0.9, "sd": 0.1},
    "rescue": {"allowed": True, "min_days_between": 28},
    "dropout": [{"reason": "adverse event", "hazard_per_week": 0.01}],
    "pk_sampling": {"visit_day": 28, "times_h": list(HOURS)},
    "analysis": {
        "assessment_day": 56,
        "response_threshold_1e9L": 50.0,
        "reference_arm": "Placebo",
        "primary": "RESPW8",
        "named_replicate": 1,
    },
    "published": {"rows": "rows.csv", "label": "Made 1999"},
    "assumptions": ["Everything is assumed."],
}
PARAMETER = {
    "name": "CL", "value": "7.66", "unit": "L/h", "iiv": "63.5 %", "status": "published",
    "source": "Wang 2022, abstract", "reported_as": "CV 63.5 %", "note": "",
}  # fmt: skip
PUBLISHED = [
    ("a", "LOW", "RESPW8", "rate", "%", 58.9, 168, 99, 51.1, 66.4, "cp95", "yes", "yes"),
    ("b", "HIGH", "RESPW8", "rate", "%", 64.3, 171, 110, 56.7, 71.5, "cp95", "yes", "yes"),
    ("c", "Placebo", "RESPW8", "rate", "%", 5.9, 85, 5, 1.9, 13.2, "cp95", "yes", "yes"),
    ("d", "LOW", "MAXDUR", "median", "d", 22, 125, "", 6, 53, "range", "no", "no"),
    ("e", "ALL", "COMPL", "rate", "%", 93.2, 424, 395, 90.3, 95.4, "cp95", "yes", "no"),
    ("f", "LOW", "PLT250", "rate", "%", 2.4, 168, 4, "", "", "none", "no", "no"),
]
BASELINE = [
    ("g", "LOW", "BASE:AGE", "median", "y", 38, 168, "", 19, 70, "range", "no", "no"),
    ("h", "LOW", "BASE:FEMALE", "rate", "%", 72.6, 168, 122, 65.2, 79.2, "cp95", "no", "no"),
]


def make_run_folder(
    path: Path,
    *,
    pk: bool = True,
    failed: int = 0,
    published: bool = True,
    replicates: int = 3,
    one_arm: bool = False,
    kept: Sequence[int] | None = None,
    **config: object,
) -> Path:
    """Write a run folder of replicates of 30 patients (12, 12, 6) and analyse it; ``failed`` solves per replicate.

    ``kept``: the replicates whose tables are kept, as with output: endpoints.
    """
    path.mkdir(parents=True, exist_ok=True)
    study = CONFIG | {"replicates": replicates} | config | ({} if pk else {"pk_sampling": None})
    with (path / "config.resolved.yaml").open("w") as stream:
        YAML().dump(study, stream)
    tables = _tables(pk, failed, replicates, one_arm, paired=config.get("allocation") == "counterfactual")
    for name, table in tables.items():
        few = kept is not None and name not in ("patients", "solves")
        pq.write_table(_of(table, kept or ()) if few else table, path / f"{name}.parquet")
    for name, table in evaluate_tables(Study.model_validate(study), tables).items():
        pq.write_table(table, path / f"{name}.parquet")
    pq.write_table(tables["screening"], path / "screening.parquet")
    if published:
        _write_published(path / "published.csv", PUBLISHED)
        _write_published(path / "published_baseline.csv", BASELINE)
    analyse(path, study_of(path))
    (path / "manifest.json").write_text(json.dumps(_manifest()))
    return path


def study_of(path: Path) -> Study:
    """The study of a made run folder; CONFIG where there is none."""
    config = path / "config.resolved.yaml"
    return Study.model_validate(YAML(typ="safe").load(config.read_text()) if config.exists() else CONFIG)


def read_run(path: Path) -> runfolder.RunFolder:
    """As ``analysis.report.runfolder.read_run``, the study from the folder."""
    return runfolder.read_run(path, study_of(path))


def write_report(path: Path, patients: Sequence[tuple[int, int]] = ()) -> Path:
    """As ``analysis.report.page.write_report``, the study from the folder."""
    return page.write_report(path, study_of(path), patients)


def _of(table: pa.Table, kept: Sequence[int]) -> pa.Table:
    return table.filter(pa.array(np.isin(table["IREP"].to_numpy(), kept)))


def _manifest() -> dict:
    return {
        "engine": {"name": "virtual-trial", "version": "0.1.0"},
        "python": "3.11.0",
        "packages": {"numpy": "2.0.0"},
        "config_sha256": "0123456789abcdef" * 4,
        "seed": 7,
        "command": "vtrial run made.yaml --seed 7",
        "parameters": [PARAMETER, PARAMETER | {"name": "Q", "status": "assumed", "iiv": ""}],
        "citations": ["Mei H et al. A trial. J Hematol Oncol 2021. doi:10.1186/x"],
        "warnings": ["4 patients lie outside the validity domain: AGE"],
        "files": {"patients.parquet": {"rows": 90, "sha256": "ff" * 32}},
        "created": "2026-01-01T00:00:00+00:00",
    }


def _write_published(path: Path, rows: list[tuple]) -> None:
    lines = [",".join(PUBLISHED_COLUMNS)]
    for row_id, arm, endpoint, statistic, unit, *rest in rows:
        values = [row_id, "Made 1999", arm, endpoint, statistic, "week 8", unit, *rest, "Made 1999 Table 2", "a note"]
        lines.append(",".join(map(str, values)))
    path.write_text("\n".join(lines) + "\n")


def _tables(pk: bool, failed: int, replicates: int, one_arm: bool, paired: bool) -> dict[str, pa.Table]:
    rng = np.random.default_rng(11)
    rows: dict[str, list[dict]] = {name: [] for name in ("patients", "doses", "observations", "events", "solves")}
    for replicate in range(replicates):
        for subject in range(1, 31):
            arm = 0 if one_arm else (subject - 1) // 10 if paired else (subject - 1) % 5 // 2
            _patient(rows, rng, _key(replicate, subject), arm, pk, subject <= failed)
    screening = [
        {"IREP": r, "REASON": why, "N": n}
        for r in range(replicates)
        for why, n in (
            ("screened", 41),
            ("platelets not below 30", 9 + r % 3),
            ("age below 18", 2 - r % 3),
            ("randomised", 30),
        )
    ]
    schemas = {"patients": PATIENTS, "doses": DOSES, "observations": OBSERVATIONS, "events": EVENTS, "solves": SOLVES}
    order = {"PLAT": 0, "WHOBLEED": 1, "CONC": 2}
    rows["observations"].sort(key=lambda row: order[row["PARAMCD"]])
    tables = {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in schemas.items()}
    return tables | {"screening": pa.Table.from_pylist(screening, schema=SCREENING)}


def _key(replicate: int, subject: int) -> dict:
    return {"IREP": replicate, "SUBJID": subject, "USUBJID": f"made_run-{replicate}-{subject}"}


def _patient(rows: dict, rng: np.random.Generator, key: dict, arm: int, pk: bool, fails: bool) -> None:
    base, left = int(rng.integers(1, 30)), bool(rng.random() < 0.1)
    last = 35 if left else 70
    height, weight = rng.normal(165, 8), rng.normal(62, 9)
    rows["patients"].append(
        key
        | {
            "STUDYID": "made_run", "ARM": ARMS[arm],
            "STRATUM": "low", "AGE": rng.uniform(18, 74), "SEX": "FM"[int(rng.random() < 0.3)], "HEIGHT": height,
            "WEIGHT": weight, "BMI": weight / (height / 100) ** 2, "ITPDUR": rng.uniform(0.5, 9), "SPLENFL": "N",
            "CONITPFL": "Y", "BLBLEED": int(rng.integers(0, 3)), "BLPLAT": float(base), "RESPCLS": "responder",
            "ADHER": 0.9, "OUTDOM": "", "EOSSTT": "SOLVE FAILED" if fails else "DISCONTINUED" if left else "COMPLETED",
            "DCSREAS": "adverse event" if left else "", "EOSDY": last,
        }
    )  # fmt: skip
    gain = (1.6, 2.0, 0.2)[arm]
    for code in ("PLAT", "WHOBLEED"):
        for day in DAYS:
            count = float(max(1, round(base * np.exp(gain * min(day, 28) / 28 + rng.normal(0, 0.5) * (day > 0)))))
            value = base if day == 0 and code == "PLAT" else count if code == "PLAT" else float(count < 15)
            gone = day > last or (fails and day > 0)
            why = "" if not gone else "solver: more steps than allowed" if fails else "discontinued"
            rows["observations"].append(
                key | {"PARAMCD": code, "AVISITN": day, "ADY": None if gone else day, "ATPT": 0.0,
                       "AVAL": None if gone else value, "TRUEVAL": None if gone else value, "AVALREAS": why}
            )  # fmt: skip
    if pk:
        _profile(rows, rng, key, arm, fails or left)
    _ledger(rows, rng, key, arm, last)
    status = "STEP_LIMIT" if fails else "OK"
    rows["solves"].append(key | {"STATUS": status, "REASON": "more steps than allowed" * fails, "NSTEPS": 100})


def _profile(rows: dict, rng: np.random.Generator, key: dict, arm: int, absent: bool) -> None:
    for hour, level in zip(HOURS, (20.0, 60.0, 22.0), strict=True):
        value = None if absent or arm == 2 else level * float(np.exp(rng.normal(0, 0.3)))
        why = "" if value is not None else "no active dose" if arm == 2 else "discontinued"
        rows["observations"].append(
            key | {"PARAMCD": "CONC", "AVISITN": 28, "ADY": 28 if value is not None else None, "ATPT": hour,
                   "AVAL": value, "TRUEVAL": value, "AVALREAS": why}
        )  # fmt: skip


def _ledger(rows: dict, rng: np.random.Generator, key: dict, arm: int, last: int) -> None:
    rung, cuts = (0, 2, 0)[arm], [0, 14, 28, last]
    for k, (start, end) in enumerate(pairwise(cuts)):
        held = k == 1 and rng.random() < 0.1
        level = 0.0 if held else LADDER[min(rung + k, 3)]
        action = "start" if k == 0 else "interrupt" if held else "increase"
        rows["doses"].append(
            key | {"ASTDY": start, "AENDY": end, "EXDOSE": 0.0 if arm == 2 else level, "DOSELEV": level,
                   "ACTION": action, "REASON": f"{action}: made up", "TRIGCNT": None if k == 0 else 20.0,
                   "NTAKEN": end - start}
        )  # fmt: skip
    if rng.random() < (0.1, 0.1, 0.4)[arm]:
        rows["events"].append(key | {"EVENT": "RESCUE", "ADY": 21, "TERM": "rescue therapy", "AVAL": 8.0})
