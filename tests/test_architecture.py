"""The one-way rule: cohorts <- trial <- analysis, with a few doors; only trial.cli sees everything, and nobody
imports it.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOORS = {
    "trial.protocol",
    "trial.tables",
    "trial.provenance",
    "cohorts.units",
    "cohorts.citations",
    "cohorts.tolerability",
}
PACKAGES = ("cohorts", "trial", "analysis")
FILES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module of ours that a file imports, absolute."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module in PACKAGES else {module}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def is_allowed(importer: str, imported: str) -> bool:
    """Whether the house allows this import."""
    if importer.startswith("trial.cli"):
        return True
    if imported.startswith("trial.cli"):
        return importer == "trial.__main__"
    home, other = importer.split(".")[0], imported.split(".")[0]
    if home == "cohorts":
        return other == "cohorts"
    if home == "trial":
        return other in {"cohorts", "trial"}
    return other == "analysis" or any(imported == door or imported.startswith(door + ".") for door in DOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_direction(path):
    importer = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    refused = sorted(name for name in imports(path) if not is_allowed(importer, name))
    assert not refused, f"{importer} may not import {refused}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 400


def test_main_loop_stays_under_80_lines():
    tree = ast.parse((ROOT / "trial" / "simulate.py").read_text())
    loop = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "simulate_unit")
    assert loop.end_lineno - loop.lineno < 80


def test_only_streams_creates_generators():
    """No numpy generator or legacy random call outside cohorts/streams.py."""
    users = {str(p.relative_to(ROOT)) for p in FILES if "np.random." in p.read_text() or "default_rng" in p.read_text()}
    assert users <= {"cohorts/streams.py"}


def test_only_figures_imports_matplotlib():
    users = {
        str(p.relative_to(ROOT))
        for p in FILES
        if "matplotlib" in p.read_text() and "import matplotlib" in p.read_text()
    }
    assert users <= {"analysis/figures.py"}


def test_matplotlib_is_imported_inside_functions_of_the_figures_only():
    """Anywhere else, or at the top of a file, it would be loaded by every command."""
    for path in FILES:
        tree = ast.parse(path.read_text())
        found = [
            n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) and "matplotlib" in ast.unparse(n)
        ]
        top = [n for n in tree.body if n in found]
        assert not top, f"{path}: matplotlib at the top of the file"
        assert not found or path.name.startswith("figures"), f"{path}: only figures*.py draw"
