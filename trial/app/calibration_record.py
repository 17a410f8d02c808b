"""The record of a calibration: what is written as JSON, and what is shown of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trial.cli.console import columns

if TYPE_CHECKING:
    from analysis.evidence.calibration import Point
    from trial.app.targets import Wanted
    from trial.study.fit import Fit

NOTE = (
    "penalised composite likelihood: published counts as if independent, common random numbers, best of several "
    "starts; other values fit nearly as well"
)


def record_of(
    fit: Fit, wanted: Sequence[Wanted], config: Path, extends: str, best: Point, points: int, seconds: float
) -> dict[str, Any]:
    """The calibration record of a point."""
    from datetime import date

    from trial.jobs.provenance import engine_version

    return {
        "id": fit.id,
        "extends": extends,
        "values": {name: short(value) for name, value in best.values.items()},
        "targets": [w.row.row_id for w in wanted],
        "fit": [_held(w, best.simulated[w.row.row_id]) for w in wanted],
        "priors": {p.name: {"median": p.median, "log_sd": p.log_sd, "reason": p.reason} for p in fit.fitted},
        "distance": round(best.distance, 3),
        "points": points,
        "seed": fit.seed,
        "replicates": fit.replicates,
        "studies": [Path(name).name for name in fit.studies],
        "engine_version": engine_version(),
        "made_by": f"vtrial calibrate {config.name}",
        "date": date.today().isoformat(),
        "minutes": round(seconds / 60, 1),
        "note": NOTE,
    }


def _held(w: Wanted, simulated: float) -> dict[str, Any]:
    """A target beside its simulation, in the unit of the published row."""
    from analysis.evidence.scorecard import JUDGED

    row, value = w.row, w.percent * simulated
    inside = ""
    if row.interval in JUDGED and row.ci_low is not None and row.ci_high is not None and isfinite(value):
        inside = "yes" if row.ci_low <= value <= row.ci_high else "no"
    return {
        "row_id": row.row_id,
        "published": row.published,
        "limits": [row.ci_low, row.ci_high],
        "simulated": short(value) if isfinite(value) else None,
        "unit": row.unit,
        "inside": inside,
    }


def short(value: float) -> float:
    """Five significant figures."""
    return float(f"{value:.5g}")


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record whole or not at all, lists of numbers on one line."""
    temporary = path.with_suffix(".tmp")
    text = json.dumps(record, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s*(-?[\d.][^\[\]{}\"]*?)\s*\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)


def show(record: Mapping[str, Any], path: Path) -> None:
    """The fit and the parameters, as two tables."""
    from trial.cli.results import console

    fit, ident = record["fit"], record.get("identifiability", {})
    rse = record.get("uncertainty", {}).get("rse_percent", {})
    lines = [(f["row_id"], f"{f['published']:.4g}", _limits(f), _number(f["simulated"]), f["inside"]) for f in fit]
    _table(("target", "published", "limits", "simulated", "inside"), lines)
    parameters = [
        (name, f"{value:.4g}", f"{record['priors'][name]['median']:g}")
        + ((f"{rse[name]:.0f}", ident[name]["verdict"]) if ident else ("", ""))
        for name, value in record["values"].items()
    ]
    _table(("parameter", "fitted", "prior", "RSE %", "decided by"), parameters)
    judged = [f["inside"] for f in fit if f["inside"]]
    print(f"{judged.count('yes')} of {len(judged)} targets inside their limits: a fit, not a prediction.")
    print(f"Distance {record['distance']:.2f} after {record['points']} points in {record['minutes']} min.")
    if ident:
        console().print(record["uncertainty"]["caveat"])
    print(f"written: {path}")


def _limits(held: Mapping[str, Any]) -> str:
    low, high = held["limits"]
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from trial.cli.results import console

    table = columns(heads, left=("target", "parameter", "decided by", "inside"))
    for line in lines:
        table.add_row(*line)
    console().print(table)
    print()
