"""The record of a calibration, as it is written as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from analysis.evidence.calibration import Point
from analysis.evidence.scorecard import JUDGED
from trial.app.targets import Wanted
from trial.jobs.provenance import engine_version
from trial.study.fit import Fit

NOTE = (
    "penalised composite likelihood: published counts as if independent, common random numbers, best of several "
    "starts; other values fit nearly as well"
)


def record_of(
    fit: Fit, wanted: Sequence[Wanted], config: Path, extends: str, best: Point, points: int, seconds: float
) -> dict[str, Any]:
    """The calibration record of a point."""
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
