"""The house: three packages in one direction, floors inside them, no circles, one name for one thing, small files."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("cohorts", "trial", "analysis")
FILES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
FLOORS = {
    "trial": (
        ("trial.tables", "trial.errors", "trial.solver"), ("trial.models",), ("trial.study",), ("trial.engine",),
        ("trial.jobs",), ("trial.app",), ("trial",), ("trial.cli",), ("trial.__main__",),
    ),
    "analysis": (
        ("analysis", "analysis.text"), ("analysis.endpoints",), ("analysis.statistics",),
        ("analysis.evidence", "analysis.designs"), ("analysis.figures",), ("analysis.report",),
    ),
}  # fmt: skip
"""From the ground up; a room imports its own floor and those below. The public call (``trial``) stands on the top, the
command line above it: nobody imports that. Designs are tried on a pool of patients as evidence is taken from a run:
with the statistics, for the figures and the report.
"""
COMMANDS_MAY = ("trial.cli", "trial.app", "trial.errors", "analysis.text")
"""What the command line imports: what a command does, and words. Types are no imports."""
DOORS = {
    "trial.study.study", "trial.study.protocol", "trial.study.analysis_plan", "trial.study.dose_rule",
    "trial.study.arms", "trial.study.response_definition", "trial.study.estimand", "trial.study.subgroups",
    "trial.tables",
    "trial.jobs.provenance", "cohorts.units", "cohorts.citations", "cohorts.adverse_events", "cohorts.elementary",
}  # fmt: skip
"""What the analysis may know of the other two packages."""
SHARED_MODULES = {
    "adverse": "simulated adverse events: drawn, counted, reported",
    "calibration": "the record of a calibration, and what makes one",
    "chemotherapy": "chemotherapy",
    "attribution": "how much each departure from an ideal trial moves the result",
    "estimands": "what is to be known, and whether an analysis finds it",
    "sensitivity": "one at a time analysis of what is assumed",
    "baseline": "the patients at baseline",
    "subgroups": "the result by covariates",
    "planned": "the comparison that the protocol plans",
    "longitudinal": "what is analysed over the visits of the patients",
    "provenance": "what made a run",
    "scorecard": "published studies beside their replicas",
    "comparison": "two runs side by side",
}
"""Module names that stand in several rooms for the same thing, and which thing."""


def name_of(path: Path) -> str:
    """Dotted name of a module; a package for its ``__init__``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def is_for_types(node: ast.AST) -> bool:
    """Whether this is a block that only a type checker reads."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path: Path) -> set[str]:
    """Every module of ours that a file imports, wherever in the file, absolute; of a command, not for types alone."""
    tree, found = ast.parse(path.read_text()), set()
    types = {id(n) for n in ast.walk(tree) if is_for_types(n) for n in ast.walk(n)} if "cli" in path.parts else set()
    for node in ast.walk(tree):
        if id(node) in types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name in MODULES}


IMPORTS = {name: imports(path) - {name} for name, path in MODULES.items()}


def floor(module: str) -> int:
    """Floor of a module of ``trial`` or ``analysis``, by its longest listed prefix."""
    level = {room: k for k, rooms in enumerate(FLOORS[module.split(".")[0]]) for room in rooms}
    parts = module.split(".")
    return next(level[p] for n in range(len(parts), 0, -1) if (p := ".".join(parts[:n])) in level)


def is_allowed(importer: str, imported: str) -> bool:
    """Whether the house allows this import."""
    home, other = importer.split(".")[0], imported.split(".")[0]
    if f"{importer}.".startswith("trial.cli."):
        return f"{imported}.".startswith(tuple(f"{room}." for room in COMMANDS_MAY))
    if home == other and home in FLOORS:
        return floor(imported) <= floor(importer)
    if home == "cohorts":
        return other == "cohorts"
    if home == "trial":
        return other == "cohorts" or importer.startswith("trial.app")
    return any(imported == door or imported.startswith(door + ".") for door in DOORS)


@pytest.mark.parametrize("module", MODULES)
def test_direction(module):
    refused = sorted(name for name in IMPORTS[module] if not is_allowed(module, name))
    assert not refused, f"{module} may not import {refused}"


def test_no_circles():
    """Modules can be put in an order in which each imports only those before it; a package's own ``__init__`` is not
    an import of its parts.
    """
    left = {m: {i for i in IMPORTS[m] if not m.startswith(i + ".")} for m in MODULES}
    while left:
        free = {m for m, needs in left.items() if not needs & set(left)}
        assert free, f"circle among {sorted(left)}"
        left = {m: needs for m, needs in left.items() if m not in free}


def test_one_name_for_one_thing():
    """No two modules, and no two classes, share a name, unless they are the same thing (a command and what it does)."""
    modules, classes = defaultdict(list), defaultdict(list)
    for name, path in MODULES.items():
        last = name.rpartition(".")[2]
        if not name.startswith("trial.cli.") and path.name != "__init__.py" and last not in SHARED_MODULES:
            modules[last].append(name)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(name)
    several = {k: v for k, v in {**modules, **classes}.items() if len(v) > 1}
    assert not several
    assert set(SHARED_MODULES) <= {name.rpartition(".")[2] for name in MODULES}, "a name that nothing has any more"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 400


LONGEST = 61
"""Lines of the longest function; the aim is 20."""


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_stay_short(path):
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
    long = {n.name: n.end_lineno - n.lineno + 1 for n in functions if n.end_lineno - n.lineno + 1 > LONGEST}
    assert not long


def test_main_loop_stays_under_80_lines():
    tree = ast.parse((ROOT / "trial" / "engine" / "simulate.py").read_text())
    loop = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "simulate_unit")
    assert loop.end_lineno - loop.lineno < 80


def test_only_streams_creates_generators():
    """No numpy generator or legacy random call outside cohorts/streams.py."""
    users = {str(p.relative_to(ROOT)) for p in FILES if "np.random." in p.read_text() or "default_rng" in p.read_text()}
    assert users <= {"cohorts/streams.py"}


def test_matplotlib_is_imported_inside_functions_of_the_figures_only():
    """Anywhere else, or at the top of a file, it would be loaded by every command."""
    for path in FILES:
        tree = ast.parse(path.read_text())
        found = [
            n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) and "matplotlib" in ast.unparse(n)
        ]
        top = [n for n in tree.body if n in found]
        assert not top, f"{path}: matplotlib at the top of the file"
        assert not found or path.parent.name == "figures", f"{path}: only analysis/figures draws"
