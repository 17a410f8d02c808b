"""Simulated against published, side by side. Which rows count stands in a CSV committed before any calibration."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.statistics.estimates import ALL, OVER, Estimate
from trial.study.protocol import not_among
from trial.tables import TEXT, field

PUBLISHED_COLUMNS = (
    "row_id",
    "study",
    "arm",
    "endpoint",
    "statistic",
    "timepoint",
    "unit",
    "published",
    "n",
    "events",
    "ci_low",
    "ci_high",
    "interval",
    "counted",
    "seen",
    "source",
    "note",
)
CHOICES = {
    "statistic": ("rate", "median", "mean", "geomean"),
    "interval": ("printed95", "cp95", "tolerance", "range", "none"),
    "counted": ("yes", "no"),
    "seen": ("yes", "no"),
}
CONFIDENCE = ("printed95", "cp95")
JUDGED = (*CONFIDENCE, "tolerance")
"""Kinds of limits that a simulated result is judged by; a tolerance was set by us in advance, nobody published it."""
STAT = {"rate": "rate", "median": "median", "mean": "mean", "geomean": "geometric mean"}
"""The statistic of a published row as the estimates table names it."""
FEWEST = 10
"""Replicates needed for a verdict."""
NOT_COUNTED, TOO_FEW = "not counted", "too few replicates to judge"
"""Why a row has no verdict: its file, or its study's design, says so; fewer than FEWEST replicates."""


@dataclass(frozen=True)
class Published:
    """One published result.

    ``interval`` says what the limits are: a printed 95 % interval, a Clopper-Pearson one computed here, a tolerance set
    in advance, the range over patients, or nothing. ``counted``: part of the score. ``seen``: was a calibration target.
    """

    row_id: str
    study: str
    arm: str
    endpoint: str
    statistic: str
    timepoint: str
    unit: str
    published: float
    n: int | None
    events: int | None
    ci_low: float | None
    ci_high: float | None
    interval: str
    counted: bool
    seen: bool
    source: str
    note: str


@dataclass(frozen=True)
class Score:
    """One row of the scorecard. ``inside`` is "yes", "no", or blank; ``unjudged`` says why it is blank."""

    row_id: str
    study: str
    arm: str
    endpoint: str
    timepoint: str
    unit: str
    simulated: float | None
    mcse: float | None
    published: float
    ci_low: float | None
    ci_high: float | None
    interval: str
    inside: str
    seen: str
    unjudged: str = ""


def read_published(path: Path) -> list[Published]:
    """The published rows of a CSV. Raises ValueError naming file, line and column for every impossible value."""
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in PUBLISHED_COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            expected = ", ".join(PUBLISHED_COLUMNS)
            raise ValueError(f"{path.name}:1: missing columns {', '.join(missing)}; expected {expected}")
        lines = [(reader.line_num, row) for row in reader]
    wrong = [f"{path.name}:{line}: {text}" for line, row in lines for text in _wrong(row)]
    ids = [row["row_id"] for _, row in lines]
    wrong += [f"{path.name}: row_id {name!r} appears twice" for name in dict.fromkeys(ids) if ids.count(name) > 1]
    if wrong:
        raise ValueError("\n".join(wrong))
    return [_published(row) for _, row in lines]


def _wrong(row: dict[str, str]) -> list[str]:
    found = [
        f"{name}: seen {row[name]!r}, allowed {', '.join(allowed)}"
        for name, allowed in CHOICES.items()
        if row[name] not in allowed
    ]
    for name in ("published", "n", "events", "ci_low", "ci_high"):
        if not _is_number(row[name], optional=name != "published"):
            found.append(f"{name}: seen {row[name]!r}, expected a number")
    if row["interval"] in JUDGED and not (row["ci_low"] and row["ci_high"]):
        found.append(f"interval {row['interval']} needs ci_low and ci_high")
    return found


def _is_number(text: str, optional: bool) -> bool:
    if not text:
        return optional
    try:
        float(text)
    except ValueError:
        return False
    return True


def _published(row: dict[str, str]) -> Published:
    values: dict[str, object] = {name: row[name] for name in PUBLISHED_COLUMNS}
    for name in ("published", "ci_low", "ci_high"):
        values[name] = float(row[name]) if row[name] else None
    for name in ("n", "events"):
        values[name] = int(row[name]) if row[name] else None
    for name in ("counted", "seen"):
        values[name] = row[name] == "yes"
    return Published(**values)  # type: ignore[arg-type]


def problems(rows: Iterable[Published], arm_ids: Sequence[str], codes: Sequence[str]) -> list[str]:
    """One sentence per arm or endpoint that the study does not have: what was seen, what is allowed, the nearest."""
    found = []
    for row in rows:
        for seen, allowed, what in ((row.arm, (*arm_ids, ALL), "an arm"), (row.endpoint, codes, "an endpoint")):
            if seen not in allowed:
                found.append(f"{row.row_id}: {not_among(seen, allowed, f'{what} of this study')}")
    return found


def score(rows: Iterable[Published], estimates: Iterable[Estimate]) -> list[Score]:
    """Every published row beside the mean over replicates of the same endpoint, arm and statistic."""
    means = [e for e in estimates if e.SCOPE == OVER and e.PARCAT1 == "endpoint" and e.COMPARATOR is None]
    over = {(e.PARAMCD, e.ARM, e.STAT): e for e in means}
    return [_score(row, over.get((row.endpoint, row.arm, STAT[row.statistic]))) for row in rows]


def _score(row: Published, found: Estimate | None) -> Score:
    simulated = found.ESTIMATE if found else None
    return Score(
        row_id=row.row_id,
        study=row.study,
        arm=row.arm,
        endpoint=row.endpoint,
        timepoint=row.timepoint,
        unit=row.unit,
        simulated=simulated,
        mcse=found.MCSE if found else None,
        published=row.published,
        ci_low=row.ci_low,
        ci_high=row.ci_high,
        interval=row.interval,
        inside=_inside(row, found),
        seen="yes" if row.seen else "no",
        unjudged=_unjudged(row, found),
    )


def _inside(row: Published, found: Estimate | None) -> str:
    """yes or no; blank for a row that is not judged."""
    if _unjudged(row, found):
        return ""
    assert found and found.ESTIMATE is not None and row.ci_low is not None and row.ci_high is not None
    return "yes" if row.ci_low <= found.ESTIMATE <= row.ci_high else "no"


def _unjudged(row: Published, found: Estimate | None) -> str:
    """Why there is no verdict; "" when there is one."""
    if not row.counted:
        return NOT_COUNTED
    if row.interval not in JUDGED:
        return "no limits to judge by"
    if found is None or found.ESTIMATE is None:
        return "not in this run" if found is None else "not estimable"
    return TOO_FEW if (found.R or 0) < FEWEST else ""


LABELS = {
    "row_id": "Published row",
    "study": "Publication",
    "arm": "Arm; ALL: all arms together",
    "endpoint": "Endpoint",
    "timepoint": "When",
    "unit": "Unit of simulated and published",
    "simulated": "Simulated, mean over replicates",
    "mcse": "Monte Carlo error of simulated",
    "published": "Published value",
    "ci_low": "Lower limit of published",
    "ci_high": "Upper limit of published",
    "interval": "Kind of limits",
    "inside": "Simulated inside limits; blank: no score",
    "seen": "Calibration target",
    "unjudged": "Why there is no score",
}
SCORES_SCHEMA = pa.schema(
    [
        field(f.name, TEXT if f.type == "str" else pa.float64(), LABELS[f.name], "see unit" * (f.type != "str"))
        for f in fields(Score)
    ]
)


def to_table(scores: Iterable[Score]) -> pa.Table:
    """The scores as a table, labels as field metadata."""
    return pa.Table.from_pylist([asdict(s) for s in scores], schema=SCORES_SCHEMA)


def write(scores: Iterable[Score], csv_path: Path) -> None:
    """The scores as CSV, and as Parquet beside it: the same numbers in full precision."""
    rows, names = list(scores), [f.name for f in fields(Score)]
    with csv_path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(getattr(row, name)) for name in names] for row in rows)
    pq.write_table(to_table(rows), csv_path.with_suffix(".parquet"), compression="zstd")


def read_scores(path: Path) -> tuple[Score, ...]:
    """The scores of a Parquet file; none when there is no such file."""
    return tuple(Score(**row) for row in pq.read_table(path).to_pylist()) if path.exists() else ()


def _text(value: float | str | None) -> str:
    return value if isinstance(value, str) else "" if value is None else repr(float(value))
