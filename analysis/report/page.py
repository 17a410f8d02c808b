"""The report of a run: one HTML file that needs nothing else. No number is computed here, only read and set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from analysis.evidence.model import lines, read_model
from analysis.figures.drawing import structure_figure
from analysis.figures.palette import hue, swatch, tint
from analysis.report import (
    adverse,
    attribution,
    concentrations,
    demographics,
    design,
    differences,
    dose_response,
    estimands,
    exposure_response,
    global_sensitivity,
    kinetics,
    longitudinal,
    measured,
    passing,
    people,
    pictures,
    planned,
    rates,
    ratios_within,
    scored,
    sensitivity,
    structures,
    subgroups,
    summary,
    times,
    tipping,
)
from analysis.report.grid import Table
from analysis.report.number_origins import Text, attributes, content, joined, label, said, shown
from analysis.report.patient import pages
from analysis.report.pictures import DRAWN, Figure
from analysis.report.runfolder import RunFolder, read_run
from analysis.report.table_html import body, origins, starts, style
from analysis.report.templating import template
from analysis.text import cells
from trial.jobs.provenance import STATEMENT, put
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
    put(path, render(run, patients))
    return path


def render(run: RunFolder, patients: Sequence[tuple[int, int]] = ()) -> str:
    """The page as text."""
    return _template().render(**_content(run, patients))


@cache
def _template() -> Template:
    """Compiled once, for every report of a process."""
    return template(
        "report.html",
        slug=slug,
        attributes=attributes,
        content=content,
        shown=shown,
        said=said,
        label=label,
        cells=cells,
        style=style,
        starts=starts,
        origins=origins,
        body=body,
    )


def slug(number: str) -> str:
    """Anchor of a numbered table or figure: "T 14.2.1" -> "t-14-2-1"."""
    return "".join(c if c.isalnum() else "-" for c in number.lower()).strip("-")


def _content(run: RunFolder, patients: Sequence[tuple[int, int]]) -> dict[str, Any]:
    return {
        "run": run,
        "statement": STATEMENT,
        "footer": footer(run),
        "palette": [(k, hue(k), tint(k, 0.12), swatch(k)) for k in sorted(arm.hue for arm in run.arms)],
        "summary": summary,
        "design": design,
        "flow": people.flow(run),
        "sections": sections(run),
        "pages": pages(run, patients),
        "model": (model := read_model(run.path)),
        "drawing": structure_figure(model) if model else "",
        "model_lines": {kind: lines(model, kind) for kind in MODEL_KINDS} if model else {},
        "parameters": parameters(run),
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
                people.disposition_table(run),
                people.not_evaluable(run),
                demographics.baseline_table(run),
                passing.stages_table(run),
                pictures.stages(run),
                pictures.dose_levels(run),
            ],
        ),
        (
            "efficacy",
            "Efficacy",
            _efficacy(run),
        ),
        (
            "tolerability",
            "Tolerability proxies",
            [
                rates.tolerability(run),
                measured.proxies(run),
                differences.proxy_differences(run),
                rates.adverse(run),
                adverse.incidences(run),
                adverse.priors(run),
                people.deaths_table(run),
            ],
        ),
        (
            "exposure",
            "Exposure",
            [
                *concentrations.parts(run)[:1],
                kinetics.exposure(run),
                ratios_within.table(run),
                *concentrations.parts(run)[1:],
                *exposure_response.parts(run),
            ],
        ),
        (
            "sensitivity",
            sensitivity.TITLE,
            [
                *(part(run) for part in (global_sensitivity.figure, global_sensitivity.table)),
                *(part(run) for part in (sensitivity.figure, sensitivity.table)),
            ],
        ),
        ("attribution", attribution.TITLE, [attribution.figure(run), attribution.table(run)]),
        ("structures", structures.TITLE, [structures.table(run)]),
    ]
    made = [Section(name, title, tuple(_compact(run, p) for p in parts if p)) for name, title, parts in chosen]
    return [section for section in made if section.parts]


def _efficacy(run: RunFolder) -> list[Table | Figure | None]:
    """The tables and figures of efficacy in their order."""
    return [
        rates.efficacy(run),
        planned.planned(run),
        planned.planned_measured(run),
        pictures.forest(run),
        differences.differences(run),
        longitudinal.responses(run),
        measured.durations(run),
        times.table(run),
        times.shares(run),
        times.replicates(run),
        longitudinal.restricted_means(run),
        longitudinal.incidences(run),
        longitudinal.recurrent(run),
        measured.counts(run),
        longitudinal.mixed_model(run),
        longitudinal.model_figure(run),
        pictures.platelets(run),
        pictures.over_time(run),
        *subgroups.parts(run),
        *dose_response.parts(run),
        scored.elsewhere(run),
        estimands.table(run),
        tipping.table(run),
        tipping.figure(run),
    ]


def _compact(run: RunFolder, part: Table | Figure) -> Table | Figure:
    """A table of more arms than a figure draws says where its numbers come from once per column."""
    return replace(part, compact=True) if isinstance(part, Table) and len(run.arms) > DRAWN else part


def parameters(run: RunFolder) -> list[dict[str, Text]]:
    """The numbers used, as the manifest lists them; value, variability and RSE with their keys."""
    listed: list[dict[str, Text]] = []
    for k, found in enumerate(run.manifest.get("parameters") or []):
        said_of: dict[str, Text] = {
            name: shown(cells.as_is, run.fact("parameters", k, name)) if found.get(name) else ""
            for name in ("value", "iiv", "rse")
        }
        listed.append({**found, **said_of})
    return listed


def provenance(run: RunFolder) -> list[tuple[str, Text]]:
    """What made this run, as label and text."""
    manifest = run.manifest

    def fact(*path: str) -> Text:
        known = path[0] in manifest and (len(path) == 1 or path[1] in manifest[path[0]])
        return shown(cells.as_is, run.fact(*path)) if known and run.fact(*path).value not in (None, "") else ""

    packages = [said("{} {}", label(name), fact("packages", name)) for name in manifest.get("packages") or {}]
    took = said("{} s, workers: {}", fact("seconds"), fact("workers") or "?") if "seconds" in manifest else ""
    facts: list[tuple[str, Text]] = [
        ("Study", shown(cells.as_is, run.config("id"))),
        ("Engine", said("{} {}", fact("engine", "name"), fact("engine", "version")) if "engine" in manifest else ""),
        ("Seed", fact("seed")),
        ("Config (sha256)", fact("config_sha256")),
        ("Parameter set", fact("parameter_set") or shown(cells.as_is, run.config("parameter_set"))),
        ("Structure", fact("structure")),
        ("Population", fact("population")),
        ("Python", fact("python")),
        ("Packages", joined(", ", packages)),
        ("Made", fact("created")),
        ("Took", took),
        ("Machine", fact("machine")),
    ]
    facts += [("Not in this run", f"{name} is not there: {what}") for name, what in run.absent.items()]
    return [one for one in facts if one[1]]
