"""The page of one patient: who, what happened, the dose ledger with its reasons, and the endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from analysis.figures import charts as figures
from analysis.figures.charts import PatientCourse
from analysis.report.grid import NONE, Cell, Column, Row, Table, arm_name, texts
from analysis.report.pictures import thresholds
from analysis.report.runfolder import RunFolder, ranges
from analysis.text import cells


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
        most, few = int(run.records.subject.max()), run.n_kept < run.n_replicates
        way = "; the tables of other replicates were not kept; vtrial replay shows them" if few else ""
        raise ValueError(
            f"patient {replicate}:{subject} is not in this run; allowed: replicate {ranges(run.kept)}, "
            f"subject 1 to {most}{way}"
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
        tables=(
            _ledger(run, replicate, subject),
            _visits(run, replicate, subject),
            _endpoints(run, replicate, subject),
        ),
    )


def _facts(run: RunFolder, row: int) -> list[tuple[str, str]]:
    patient = run.tables["patients"].slice(row, 1).to_pylist()[0]
    sex = {"F": "female", "M": "male"}.get(patient["SEX"], patient["SEX"])
    facts = [
        ("Subject", patient["USUBJID"]),
        ("Age, sex", f"{cells.rounded(patient['AGE'], 0)} y, {sex}"),
        ("Weight, height", f"{cells.rounded(patient['WEIGHT'], 1)} kg, {cells.rounded(patient['HEIGHT'], 1)} cm"),
        ("ITP for", f"{cells.rounded(patient['ITPDUR'], 1)} y" if patient["ITPDUR"] else ""),
        ("Splenectomy", {"Y": "yes", "N": "no"}.get(patient["SPLENFL"], NONE) if patient["ITPDUR"] else ""),
        ("Baseline count", f"{patient['BLPLAT']:g} × 10⁹/L"),
        ("Baseline bleeding", f"WHO grade {patient['BLBLEED']}"),
        ("Stratum", patient["STRATUM"]),
        ("Drug response", patient["RESPCLS"]),
        ("Takes a dose with probability", cells.rounded(patient["ADHER"], 2)),
        ("Chemotherapy", _chemotherapy(run, row)),
        ("End of study", _end(patient, bool(run.records.unsolved[row]))),
        ("Outside the validity domain", patient["OUTDOM"]),
        ("Solve", run.in_words(run.records.unsolved[row])),
    ]
    return [(label, str(text)) for label, text in facts if text]


def _chemotherapy(run: RunFolder, row: int) -> str:
    """Days on which the patient was given chemotherapy; "" in a study without it."""
    if not run.study.chemotherapy:
        return ""
    days = _days_of("CHEMO", run, int(run.records.replicate[row]), int(run.records.subject[row]))
    return f"day {', '.join(f'{day:g}' for day in days)}" if days else "none given"


def _end(patient: dict[str, Any], unsolved: bool) -> str:
    """How the study ended for a patient; a failed solve has no end."""
    if unsolved:
        return "solve failed"
    why = f": {patient['DCSREAS']}" if patient["DCSREAS"] else ""
    return f"{patient['EOSSTT'].lower()}{why}, day {patient['EOSDY']}"


def _rows(run: RunFolder, table: str, replicate: int, subject: int) -> list[dict[str, Any]]:
    """The patient's rows of a table."""
    whole = run.tables[table]
    mine = pc.and_(pc.equal(whole["IREP"], replicate), pc.equal(whole["SUBJID"], subject))
    return whole.filter(mine).to_pylist()


def _days_of(event: str, run: RunFolder, replicate: int, subject: int) -> tuple[float, ...]:
    events = _rows(run, "events", replicate, subject)
    return tuple(float(e["ADY"]) for e in events if e["EVENT"] == event)


def _course(run: RunFolder, row: int, hue: int) -> PatientCourse:
    replicate, subject = int(run.records.replicate[row]), int(run.records.subject[row])
    return PatientCourse(
        hue=hue,
        days=np.concatenate([[0.0], run.records.days[row]]),
        counts=np.concatenate([run.records.baseline[[row]], run.records.counts[row]]),
        periods=tuple((d["ASTDY"], d["AENDY"], d["DOSELEV"]) for d in _rows(run, "doses", replicate, subject)),
        rescue_days=_days_of("RESCUE", run, replicate, subject),
        chemo_days=_days_of("CHEMO", run, replicate, subject),
        last_day=float(np.nanmax([run.records.planned[-1], *run.records.days[row]])),
    )


def _ledger(run: RunFolder, replicate: int, subject: int) -> Table:
    columns = (
        Column("days", "Days"), Column("level", "Dose level, mg"), Column("drug", "Active drug, mg"),
        Column("taken", "Doses taken"), Column("action", "Action"), Column("count", "Count that led to it"),
        Column("reason", "Reason"),
    )  # fmt: skip
    rows = []
    for d in _rows(run, "doses", replicate, subject):
        days = f"{d['ASTDY']} to {d['AENDY'] - 1}"
        taken = f"{d['NTAKEN']} of {d['AENDY'] - d['ASTDY']}" if d["DOSELEV"] else NONE
        trigger = NONE if d["TRIGCNT"] is None else f"{d['TRIGCNT']:g}"
        values = texts(days, f"{d['DOSELEV']:g}", f"{d['EXDOSE']:g}", taken)
        why = (Cell(d["ACTION"], "short"), Cell(trigger), Cell(d["REASON"], "text"))
        rows.append(Row((*values, *why), f"{d['ASTDY']}"))
    return Table(f"L 16.2.5 ({replicate}:{subject})", "Dose ledger", "One patient", columns, tuple(rows))


def _visits(run: RunFolder, replicate: int, subject: int) -> Table:
    columns = (
        Column("planned", "Planned day"), Column("day", "Actual day"), Column("count", "Count, 10^9/L"),
        Column("bleeding", "WHO bleeding"), Column("remark", "Remark"),
    )  # fmt: skip
    rescued = _days_of("RESCUE", run, replicate, subject)
    observed = _rows(run, "observations", replicate, subject)
    grades = {o["AVISITN"]: o["AVAL"] for o in observed if o["PARAMCD"] == "WHOBLEED"}
    rows = []
    for o in observed:
        if o["PARAMCD"] != "PLAT":
            continue
        values = (NONE if v is None else f"{v:g}" for v in (o["ADY"], o["AVAL"], grades.get(o["AVISITN"])))
        remark = "rescue" if o["ADY"] is not None and o["ADY"] in rescued else run.in_words(o["AVALREAS"] or "")
        rows.append(Row((*texts(f"{o['AVISITN']}", *values), Cell(remark, "text")), f"{o['AVISITN']}"))
    return Table(f"L 16.2.6 ({replicate}:{subject})", "Visits", "One patient", columns, tuple(rows))


def _endpoints(run: RunFolder, replicate: int, subject: int) -> Table:
    labels = {e.PARAMCD: (e.PARAM, e.STAT) for e in reversed(run.of_endpoints)}
    rows = []
    for e in _rows(run, "endpoints", replicate, subject):
        code, value, why = e["PARAMCD"], e["AVAL"], e["REASON"]
        label, stat = labels.get(code, (code, ""))
        yes_no = stat in ("rate", "difference", "odds ratio", "power")
        shown = (
            f"not evaluable: {run.in_words(why)}"
            if why
            else ("yes" if value else "no")
            if yes_no
            else cells.significant(value)
        )
        rows.append(Row((Cell(f"{label} [{code}]", "text"), Cell(shown, "text")), code))
    columns = (Column("endpoint", "Endpoint"), Column("value", "Value"))
    return Table(f"L 16.2.7 ({replicate}:{subject})", "Endpoints", "One patient", columns, tuple(rows))
