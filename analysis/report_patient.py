"""The page of one patient: who, what happened, the dose ledger with its reasons, and the endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis import cells, figures
from analysis.figures import Course
from analysis.report_figures import thresholds
from analysis.report_records import NONE, Cell, Column, Row, Table, arm_name, texts
from analysis.runfolder import RunFolder


@dataclass(frozen=True)
class Page:
    """One patient: title, facts as label and text, the figure as SVG, and tables."""

    id: str
    title: str
    arm: str
    hue: int
    facts: tuple[tuple[str, str], ...]
    figure: str
    tables: tuple[Table, ...]


def pages(run: RunFolder, patients: Iterable[tuple[int, int]]) -> list[Page]:
    """A page per (replicate, subject). Raises ValueError naming the first patient who is not in the run."""
    return [_page(run, replicate, subject) for replicate, subject in patients]


def _page(run: RunFolder, replicate: int, subject: int) -> Page:
    found = np.flatnonzero((run.records.replicate == replicate) & (run.records.subject == subject))
    if not found.size:
        last, most = int(run.records.replicate.max()), int(run.records.subject.max())
        raise ValueError(
            f"patient {replicate}:{subject} is not in this run; allowed: replicate 0 to {last}, subject 1 to {most}"
        )
    row = int(found[0])
    label, hue = arm_name(run, run.arms[int(run.records.arm[row])].id)
    name = f"patient-{replicate}-{subject}"
    return Page(
        id=name,
        title=f"Patient {replicate}:{subject}",
        arm=label,
        hue=hue or 0,
        facts=tuple(_facts(run, row)),
        figure=figures.patient(name, _course(run, row, hue or 0), thresholds(run)),
        tables=(_ledger(run, replicate, subject), _visits(run, row), _endpoints(run, replicate, subject)),
    )


def _facts(run: RunFolder, row: int) -> list[tuple[str, str]]:
    patient = run.tables["patients"].slice(row, 1).to_pylist()[0]
    sex = {"F": "female", "M": "male"}.get(patient["SEX"], patient["SEX"])
    left = f"{patient['EOSSTT'].lower()}" + (f": {patient['DCSREAS']}" if patient["DCSREAS"] else "")
    facts = [
        ("Subject", patient["USUBJID"]),
        ("Age, sex", f"{cells.rounded(patient['AGE'], 0)} y, {sex}"),
        ("Weight, height", f"{cells.rounded(patient['WEIGHT'], 1)} kg, {cells.rounded(patient['HEIGHT'], 1)} cm"),
        ("ITP for", f"{cells.rounded(patient['ITPDUR'], 1)} y"),
        ("Splenectomy", {"Y": "yes", "N": "no"}.get(patient["SPLENFL"], NONE)),
        ("Baseline count", f"{patient['BLPLAT']:g} × 10⁹/L"),
        ("Baseline bleeding", f"WHO grade {patient['BLBLEED']}"),
        ("Stratum", patient["STRATUM"]),
        ("Drug response", patient["RESPCLASS"]),
        ("Takes a dose with probability", cells.rounded(patient["ADHER"], 2)),
        ("End of study", f"{left}, day {patient['EOSDY']}"),
        ("Outside the validity domain", patient["OUTDOM"]),
        ("Solve", run.records.unsolved[row]),
    ]
    return [(label, str(text)) for label, text in facts if text]


def _of(run: RunFolder, table: str, replicate: int, subject: int) -> NDArray[np.bool_]:
    return (run.column(table, "REPLICATE") == replicate) & (run.column(table, "SUBJID") == subject)


def _course(run: RunFolder, row: int, hue: int) -> Course:
    replicate, subject = int(run.records.replicate[row]), int(run.records.subject[row])
    doses, events = _of(run, "doses", replicate, subject), _of(run, "events", replicate, subject)
    start, end, level = (run.column("doses", name)[doses] for name in ("ASTDY", "AENDY", "DOSELEV"))
    rescued = events & (run.column("events", "EVENT") == "RESCUE")
    return Course(
        hue=hue,
        days=np.concatenate([[0.0], run.records.days[row]]),
        counts=np.concatenate([run.records.baseline[[row]], run.records.counts[row]]),
        periods=tuple(zip(start.tolist(), end.tolist(), level.tolist(), strict=True)),
        rescue_days=tuple(float(day) for day in run.column("events", "ADY")[rescued]),
        last_day=float(np.nanmax([run.records.planned[-1], *run.records.days[row]])),
    )


def _ledger(run: RunFolder, replicate: int, subject: int) -> Table:
    columns = (
        Column("days", "Days"), Column("level", "Dose level, mg"), Column("drug", "Active drug, mg"),
        Column("taken", "Doses taken"), Column("action", "Action"), Column("count", "Count that led to it"),
        Column("reason", "Reason"),
    )  # fmt: skip
    names = ("ASTDY", "AENDY", "DOSELEV", "EXDOSE", "NTAKEN", "ACTION", "TRIGCNT", "REASON")
    mine = _of(run, "doses", replicate, subject)
    rows = []
    for start, end, level, drug, taken, action, count, why in zip(
        *(run.column("doses", name)[mine].tolist() for name in names), strict=True
    ):
        trigger = NONE if count is None or np.isnan(count) else f"{count:g}"
        values = (f"{start} to {end - 1}", f"{level:g}", f"{drug:g}", f"{taken:g} of {end - start}")
        rows.append(Row((*texts(*values), Cell(action, "short"), Cell(trigger), Cell(why, "text")), f"{start}"))
    return Table(f"L 16.2.5 ({replicate}:{subject})", "Dose ledger", "One patient", columns, tuple(rows))


def _visits(run: RunFolder, row: int) -> Table:
    columns = (
        Column("planned", "Planned day"), Column("day", "Actual day"), Column("count", "Count, 10⁹/L"),
        Column("bleeding", "WHO bleeding"), Column("rescue", "Rescue"),
    )  # fmt: skip
    replicate, subject = int(run.records.replicate[row]), int(run.records.subject[row])
    events = _of(run, "events", replicate, subject) & (run.column("events", "EVENT") == "RESCUE")
    rescued = {float(day) for day in run.column("events", "ADY")[events]}
    grade = run.tables["patients"]["BLBLEED"][row].as_py()
    rows = [Row(texts("0", "0", f"{run.records.baseline[row]:g}", f"{grade}", ""), "0")]
    for planned, day, count, bleeding in zip(
        run.records.planned, run.records.days[row], run.records.counts[row], run.records.bleeding[row], strict=True
    ):
        values = (NONE if np.isnan(v) else f"{v:g}" for v in (day, count, bleeding))
        rows.append(Row(texts(f"{planned}", *values, "rescue" if day in rescued else ""), f"{planned}"))
    return Table(f"L 16.2.6 ({replicate}:{subject})", "Visits", "One patient", columns, tuple(rows))


def _endpoints(run: RunFolder, replicate: int, subject: int) -> Table:
    mine = _of(run, "endpoints", replicate, subject)
    labels = {e.PARAMCD: (e.PARAM, e.STAT) for e in reversed(run.estimates)}
    rows = []
    for code, value, why in zip(
        *(run.column("endpoints", name)[mine].tolist() for name in ("PARAMCD", "AVAL", "REASON")), strict=True
    ):
        label, stat = labels.get(code, (code, ""))
        yes_no = stat in ("rate", "difference", "odds ratio", "power")
        shown = f"not evaluable: {why}" if why else ("yes" if value else "no") if yes_no else cells.significant(value)
        rows.append(Row((Cell(f"{label} [{code}]", "text"), Cell(shown, "text")), code))
    columns = (Column("endpoint", "Endpoint"), Column("value", "Value"))
    return Table(f"L 16.2.7 ({replicate}:{subject})", "Endpoints", "One patient", columns, tuple(rows))
