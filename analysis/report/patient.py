"""The page of one patient: who, what happened, the dose ledger with its reasons, and the endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.figures import charts as figures
from analysis.figures.charts import PatientCourse
from analysis.report.grid import NONE, Cell, Column, Row, Table, arm_name, texts
from analysis.report.number_origins import Number, Text, joined, label, of_patient, said, shown
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
    facts: tuple[tuple[str, Text], ...]
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


def _facts(run: RunFolder, row: int) -> list[tuple[str, Text]]:
    (patient,) = run.rows_of("patients", int(run.records.replicate[row]), int(run.records.subject[row]))

    def at(name: str) -> Number:
        return of_patient(patient, "patients", (), name)[0]

    def with_unit(template: str, decimals: int, *names: str) -> Text:
        return said(template, *(shown(cells.rounded, at(name), decimals=decimals) for name in names))

    sex = {"F": "female", "M": "male"}.get(patient["SEX"], patient["SEX"])
    splenectomy = {"Y": "yes", "N": "no"}.get(patient["SPLENFL"], NONE)
    unsolved = str(run.records.unsolved[row])
    facts: list[tuple[str, Text]] = [
        ("Subject", shown(cells.as_is, at("USUBJID"))),
        ("Age, sex", said("{}, {}", with_unit("{} y", 0, "AGE"), sex)),
        ("Weight, height", with_unit("{} kg, {} cm", 1, "WEIGHT", "HEIGHT")),
        ("ITP for", with_unit("{} y", 1, "ITPDUR") if patient["ITPDUR"] else ""),
        ("Splenectomy", splenectomy if patient["ITPDUR"] else ""),
        ("Baseline count", said("{} × 10⁹/L", shown(cells.general, at("BLPLAT")))),
        ("Baseline bleeding", said("WHO grade {}", shown(cells.general, at("BLBLEED")))),
        ("Stratum", shown(cells.as_is, at("STRATUM")) if patient["STRATUM"] else ""),
        ("Drug response", shown(cells.as_is, at("RESPCLS")) if patient["RESPCLS"] else ""),
        ("Takes a dose with probability", shown(cells.rounded, at("ADHER"), decimals=2)),
        ("Chemotherapy", _chemotherapy(run, row)),
        ("End of study", _end(patient, at("EOSDY"), bool(unsolved))),
        ("Outside the validity domain", shown(cells.as_is, at("OUTDOM")) if patient["OUTDOM"] else ""),
        ("Solve", _solve(run, row) if unsolved else ""),
    ]
    return [fact for fact in facts if fact[1]]


def _solve(run: RunFolder, row: int) -> Text:
    """Why a solve failed; where the steps ran out also the state that is fastest and its rate."""
    (solve,) = run.rows_of("solves", int(run.records.replicate[row]), int(run.records.subject[row]))
    return said("solve failed: {}", shown(cells.as_is, *of_patient(solve, "solves", (), "REASON")))


def _chemotherapy(run: RunFolder, row: int) -> Text:
    """Days on which the patient was given chemotherapy; "" in a study without it."""
    if not run.study.chemotherapy:
        return ""
    events = run.rows_of("events", int(run.records.replicate[row]), int(run.records.subject[row]))
    given = [of_patient(e, "events", ("EVENT", "ADY"), "ADY") for e in events if e["EVENT"] == "CHEMO"]
    return said("day {}", joined(", ", [shown(cells.general, *day) for day in given])) if given else "none given"


def _end(patient: dict[str, Any], day: Number, unsolved: bool) -> Text:
    """How the study ended for a patient; a failed solve has no end."""
    if unsolved:
        return "solve failed"
    why = f": {patient['DCSREAS']}" if patient["DCSREAS"] else ""
    return said("{}{}, day {}", patient["EOSSTT"].lower(), why, shown(cells.whole, day))


def _days_of(event: str, run: RunFolder, replicate: int, subject: int) -> tuple[float, ...]:
    events = run.rows_of("events", replicate, subject)
    return tuple(float(e["ADY"]) for e in events if e["EVENT"] == event)


def _course(run: RunFolder, row: int, hue: int) -> PatientCourse:
    replicate, subject = int(run.records.replicate[row]), int(run.records.subject[row])
    return PatientCourse(
        hue=hue,
        days=np.concatenate([[0.0], run.records.days[row]]),
        counts=np.concatenate([run.records.baseline[[row]], run.records.counts[row]]),
        periods=tuple((d["ASTDY"], d["AENDY"], d["DOSELEV"]) for d in run.rows_of("doses", replicate, subject)),
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
    rows = [_period(d) for d in run.rows_of("doses", replicate, subject)]
    return Table(f"L 16.2.5 ({replicate}:{subject})", "Dose ledger", "One patient", columns, tuple(rows))


def _period(d: dict[str, Any]) -> Row:
    start, end, level, drug, taken, trigger = of_patient(
        d, "doses", ("ASTDY",), "ASTDY", "AENDY", "DOSELEV", "EXDOSE", "NTAKEN", "TRIGCNT"
    )
    said_level: Text = shown(cells.general, level)
    said_taken: Text = shown(cells.taken, taken, start, end)
    if d["DOSELEV"] and "NDUE" in d:
        (due,) = of_patient(d, "doses", ("ASTDY",), "NDUE")
        said_level = said("{} {}", said_level, label(d["EXINTVL"]))
        said_taken = said("{} of {}", shown(cells.whole, taken), shown(cells.whole, due))
    values = texts(
        shown(cells.period, start, end),
        said_level,
        shown(cells.general, drug),
        said_taken if d["DOSELEV"] else NONE,
    )
    count = NONE if d["TRIGCNT"] is None else shown(cells.general, trigger)
    return Row((*values, Cell(d["ACTION"], "short"), Cell(count), Cell(d["REASON"], "label")), f"{d['ASTDY']}")


def _visits(run: RunFolder, replicate: int, subject: int) -> Table:
    columns = (
        Column("planned", "Planned day"), Column("day", "Actual day"), Column("count", "Count, 10^9/L"),
        Column("bleeding", "WHO bleeding"), Column("remark", "Remark"),
    )  # fmt: skip
    rescued, late = _days_of("RESCUE", run, replicate, subject), run.study.laboratory.known_after_days
    observed = run.rows_of("observations", replicate, subject)
    grades = {o["AVISITN"]: o for o in observed if o["PARAMCD"] == "WHOBLEED"}
    rows = []
    for o in observed:
        if o["PARAMCD"] != "PLAT":
            continue
        planned, day, count = of_patient(o, "observations", BY_VISIT, "AVISITN", "ADY", "AVAL")
        grade = of_patient(grades[o["AVISITN"]], "observations", BY_VISIT, "AVAL")
        values = (NONE if n.value is None else shown(cells.general, n) for n in (planned, day, count, *grade))
        remark = "rescue" if o["ADY"] is not None and o["ADY"] + late in rescued else run.in_words(o["AVALREAS"] or "")
        rows.append(Row((*texts(*values), Cell(remark, "label")), f"{o['AVISITN']}"))
    return Table(f"L 16.2.6 ({replicate}:{subject})", "Visits", "One patient", columns, tuple(rows))


BY_VISIT = ("PARAMCD", "AVISITN", "ATPT")
"""What tells the observations of a patient apart."""


def _endpoints(run: RunFolder, replicate: int, subject: int) -> Table:
    labels = {e.PARAMCD: (e.PARAM, e.STAT) for e in reversed(run.of_endpoints)}
    rows = []
    for e in run.rows_of("endpoints", replicate, subject):
        code, why, value = e["PARAMCD"], e["REASON"], of_patient(e, "endpoints", ("PARAMCD",), "AVAL")
        label, stat = labels.get(code, (code, ""))
        form = cells.yes_no if stat in ("rate", "difference", "odds ratio", "power") else cells.significant
        result = f"not evaluable: {run.in_words(why)}" if why else shown(form, *value)
        rows.append(Row((Cell(f"{label} [{code}]", "label"), Cell(result, "text")), code))
    columns = (Column("endpoint", "Endpoint"), Column("value", "Value"))
    return Table(f"L 16.2.7 ({replicate}:{subject})", "Endpoints", "One patient", columns, tuple(rows))
