"""The report of a run: one HTML file that needs nothing else. No number is computed here, only read and set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from analysis.evidence.model import lines, read_model
from analysis.figures.charts import HUES, hue, tint
from analysis.figures.drawing import structure_figure
from analysis.report import (
    adverse as report_adverse,
)
from analysis.report import (
    measured as report_measured,
)
from analysis.report import (
    people as report_people,
)
from analysis.report import (
    pictures as report_figures,
)
from analysis.report import (
    sensitivity as report_sensitivity,
)
from analysis.report import (
    tables as report_tables,
)
from analysis.report import (
    times as report_times,
)
from analysis.report import (
    words as report_words,
)
from analysis.report.grid import Table
from analysis.report.patient import pages
from analysis.report.pictures import Figure
from analysis.report.runfolder import RunFolder, read_run
from trial.jobs.provenance import STATEMENT
from trial.study.study import Study

REPORT_FILE = "report.html"
MODEL_KINDS = ("term", "derivative", "output")
STATUSES = {
    "published": "printed for this drug or trial",
    "derived": "from printed numbers, by arithmetic or by matching",
    "calibrated": "fitted here, on the named targets",
    "assumed": "a surrogate or a choice; no source for this drug",
}


@dataclass(frozen=True)
class Section:
    """A chapter of results: its anchor, title and the tables and figures in it."""

    id: str
    title: str
    parts: tuple[Table | Figure, ...]


def write_report(run_dir: Path, study: Study, patients: Sequence[tuple[int, int]] = ()) -> Path:
    """Write ``report.html`` into the run folder of a study, with a page for each (replicate, subject) in ``patients``.

    Raises FileNotFoundError when the folder is no finished run, ValueError for a patient who is not in it.
    """
    run = read_run(run_dir, study)
    path = run_dir / REPORT_FILE
    path.write_text(render(run, patients), encoding="utf-8")
    return path


def render(run: RunFolder, patients: Sequence[tuple[int, int]] = ()) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("analysis.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["slug"] = slug
    environment.filters["units"] = units
    return environment.get_template("report.html").render(**_content(run, patients))


def units(text: str) -> str:
    """Units as they are written in print: 10^9/L, kg/m2 and ng*h/mL with raised figures and a dot."""
    for plain, printed in (("x 10^9", "× 10⁹"), ("10^9", "10⁹"), ("kg/m2", "kg/m²"), ("ng*h", "ng·h")):
        text = text.replace(plain, printed)
    return text


def slug(number: str) -> str:
    """Anchor of a numbered table or figure: "T 14.2.1" -> "t-14-2-1"."""
    return "".join(c if c.isalnum() else "-" for c in number.lower()).strip("-")


def _content(run: RunFolder, patients: Sequence[tuple[int, int]]) -> dict[str, Any]:
    return {
        "run": run,
        "statement": STATEMENT,
        "footer": footer(run),
        "palette": [(k, hue(k), tint(k, 0.12), tint(k, 0.35)) for k in range(len(HUES))],
        "words": report_words,
        "flow": report_people.flow(run),
        "sections": sections(run),
        "pages": pages(run, patients),
        "model": (model := read_model(run.path)),
        "drawing": structure_figure(model) if model else "",
        "model_lines": {kind: lines(model, kind) for kind in MODEL_KINDS} if model else {},
        "parameters": run.manifest.get("parameters") or [],
        "citations": run.manifest.get("citations") or [],
        "assumptions": run.study.assumptions,
        "statuses": STATUSES,
        "provenance": provenance(run),
        "files": {k: v for k, v in (run.manifest.get("files") or {}).items() if v.get("rows") is not None},
    }


def footer(run: RunFolder) -> str:
    """The line below every table and figure."""
    engine = run.manifest.get("engine") or {}
    return (
        f"{STATEMENT} {engine.get('name', 'engine')} {engine.get('version', 'unknown')}, "
        f"config {str(run.manifest.get('config_sha256', 'unknown'))[:12]}, seed {run.manifest.get('seed', 'unknown')}"
    )


def sections(run: RunFolder) -> list[Section]:
    """The chapters of results in the order of a clinical study report, empty ones left out."""
    chosen: list[tuple[str, str, list[Table | Figure | None]]] = [
        (
            "participants",
            "Participants",
            [
                report_people.disposition_table(run),
                report_people.not_evaluable(run),
                report_people.baseline_table(run),
                report_figures.dose_levels(run),
            ],
        ),
        (
            "efficacy",
            "Efficacy",
            [
                report_tables.efficacy(run),
                report_figures.forest(run),
                report_tables.differences(run),
                report_measured.durations(run),
                report_times.table(run),
                report_times.shares(run),
                report_measured.counts(run),
                report_figures.platelets(run),
                report_figures.over_time(run),
                report_tables.scorecard(run),
            ],
        ),
        (
            "tolerability",
            "Tolerability proxies",
            [
                report_tables.tolerability(run),
                report_measured.proxies(run),
                report_tables.proxy_differences(run),
                report_tables.adverse(run),
                report_adverse.incidences(run),
                report_adverse.priors(run),
            ],
        ),
        ("exposure", "Exposure", [report_tables.exposure(run)]),
        (
            "sensitivity",
            report_sensitivity.TITLE,
            [report_sensitivity.figure(run), report_sensitivity.table(run)],
        ),
    ]
    made = [Section(name, title, tuple(p for p in parts if p is not None)) for name, title, parts in chosen]
    return [section for section in made if section.parts]


def provenance(run: RunFolder) -> list[tuple[str, str]]:
    """What made this run, as label and text."""
    manifest = run.manifest
    engine, packages = manifest.get("engine") or {}, manifest.get("packages") or {}
    facts = [
        ("Study", run.study.id),
        ("Engine", f"{engine.get('name', '')} {engine.get('version', '')}"),
        ("Seed", manifest.get("seed")),
        ("Config (sha256)", manifest.get("config_sha256")),
        ("Parameter set", manifest.get("parameter_set") or run.study.parameter_set),
        ("Structure", manifest.get("structure")),
        ("Population", manifest.get("population")),
        ("Python", manifest.get("python")),
        ("Packages", ", ".join(f"{name} {version}" for name, version in packages.items())),
        ("Made", manifest.get("created")),
        ("Took", f"{manifest['seconds']} s, workers: {manifest.get('workers', '?')}" if "seconds" in manifest else ""),
        ("Machine", manifest.get("machine")),
    ]
    facts += [("Not in this run", f"{name} is not there: {what}") for name, what in run.absent.items()]
    return [(label, str(text)) for label, text in facts if text not in (None, "")]
