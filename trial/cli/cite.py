"""``vtrial cite``: what to cite for the results of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from trial.cli.console import Refused


def cite(
    run_dir: Annotated[Path, typer.Argument(help="A run folder, such as runs/smoke.")],
    as_bibtex: Annotated[bool, typer.Option("--bibtex", help="As BibTeX, in UTF-8.")] = False,
) -> None:
    """Show what to cite: the engine, and every source whose numbers the run used.

    Example: vtrial cite runs/smoke --bibtex
    """
    from trial.cli.report import is_run_folder
    from trial.jobs.provenance import read_manifest

    is_run_folder(run_dir)
    manifest = read_manifest(run_dir)
    if as_bibtex:
        print(_bibtex(run_dir, manifest))
        return
    engine = manifest["engine"]
    print(f"{engine['name']} {engine['version']}, config {manifest['config_sha256'][:12]}, seed {manifest['seed']}.")
    print(f"Parameter set {manifest['parameter_set']}, structure {manifest['structure']}.")
    print("Sources of the numbers:")
    for text in manifest["citations"]:
        print(f"- {text}{_used_for(text, manifest['parameters'])}")


def _bibtex(run_dir: Path, manifest: Mapping[str, Any]) -> str:
    """The engine and every source; only a run by an engine without ``references`` in its manifest has none."""
    from trial.app.bibtex import bibtex, software

    if "references" not in manifest:
        raise Refused(f"{run_dir}: the run was made before citations were kept in parts; run the study again")
    return "\n\n".join([software(manifest), *map(bibtex, manifest["references"])])


def _used_for(text: str, parameters: list[dict[str, str]]) -> str:
    """The parameters whose source is this citation, by its first author and year."""
    author = text.replace(",", " ").split()[0]
    named = [
        p["name"] for p in parameters if p["source"].startswith(f"{author} ") and p["source"].split()[1][:4] in text
    ]
    return f" [{', '.join(named)}]" if named else ""
