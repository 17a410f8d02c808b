"""What to cite for the results of a run: the engine, and every source whose numbers the run used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trial.app.bibtex import bibtex, software
from trial.app.door import verified
from trial.errors import Refused


def as_text(run_dir: Path) -> Iterator[str]:
    """Lines for people, each source with the parameters it gave. Raises Refused when there is no finished run."""
    manifest = verified(run_dir)
    engine = manifest["engine"]
    yield f"{engine['name']} {engine['version']}, config {manifest['config_sha256'][:12]}, seed {manifest['seed']}."
    yield f"Parameter set {manifest['parameter_set']}, structure {manifest['structure']}."
    yield "Sources of the numbers:"
    for text in manifest["citations"]:
        yield f"- {text}{_used_for(text, manifest['parameters'])}"


def as_bibtex(run_dir: Path) -> str:
    """The engine and every source as BibTeX.

    Raises Refused when there is no finished run, or when its engine left no ``references`` in the manifest.
    """
    manifest = verified(run_dir)
    if "references" not in manifest:
        raise Refused(f"{run_dir}: the run was made before citations were kept in parts; run the study again")
    return "\n\n".join([software(manifest), *map(bibtex, manifest["references"])])


def _used_for(text: str, parameters: Sequence[Mapping[str, str]]) -> str:
    """The parameters whose source is this citation, by its first author and year."""
    author = next(iter(text.replace(",", " ").split()), "")
    named = [
        p["name"] for p in parameters if p["source"].startswith(f"{author} ") and p["source"].split()[1][:4] in text
    ]
    return f" [{', '.join(named)}]" if named else ""
