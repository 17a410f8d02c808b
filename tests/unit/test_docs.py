"""What the documents say of the project is there: paths, version, commands of the Makefile."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from trial.jobs.provenance import engine_version

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
    "configs/README.md",
    "configs/published/README.md",
    "tests/benchmarks/README.md",
    "tests/qc/README.md",
)
ROOMS = ("cohorts", "trial", "analysis", "tests", "tools", "configs", "docs")
INVENTED = re.compile(r"[<{*]|mine\.|runs/|/sets/mine|my_")
"""A path with a place to fill, or one that the reader makes."""


def version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_one_version():
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    assert citation["version"] == newest[1] == engine_version() == version()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_that_documents_name_are_there(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    linked = [(ROOT / name).parent / target for target in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [
        ROOT / path for path in re.findall(r"`([\w./<>*{}-]+/[\w./<>*{}-]+)`", text) if path.split("/")[0] in ROOMS
    ]
    missing = [str(p) for p in (*linked, *named) if not INVENTED.search(str(p)) and not p.exists()]
    assert not missing


def test_targets_that_documents_name_are_there():
    makefile = (ROOT / "Makefile").read_text()
    for name in DOCUMENTS:
        for target in re.findall(r"\bmake ([a-z-]+)(?=[`\s])", (ROOT / name).read_text(encoding="utf-8")):
            if f"`make {target}" in (ROOT / name).read_text(encoding="utf-8"):
                assert f"\n{target}:" in makefile, (name, target)
