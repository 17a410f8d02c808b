"""The house: three packages in one direction, floors inside them, no circles, one name for one thing, small files."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

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
    "trial.study.dose_response",
    "trial.study.exposure_response", "trial.study.crossover_plan",
    "trial.study.goal", "trial.tables",
    "trial.jobs.provenance", "cohorts.units", "cohorts.citations", "cohorts.adverse_events", "cohorts.elementary",
}  # fmt: skip
"""What the analysis may know of the other two packages."""
SHARED_MODULES = {
    "assurance": "power over what is not known",
    "adverse": "simulated adverse events: drawn, counted, reported",
    "posterior": "what is believed of parameters after the targets",
    "calibration": "the record of a calibration, and what makes one",
    "chemotherapy": "chemotherapy",
    "attribution": "how much each departure from an ideal trial moves the result",
    "estimands": "what is to be known, and whether an analysis finds it",
    "tipping": "where the conclusion turns as imputed counts get worse",
    "structures": "a study under both structures",
    "sensitivity": "one at a time analysis of what is assumed",
    "global_sensitivity": "many at once analysis of what is assumed and fitted",
    "baseline": "the patients at baseline",
    "subgroups": "the result by covariates",
    "dose_response": "the result by dose",
    "exposure_response": "response by exposure, naive and true",
    "concentrations": "concentrations by nominal time",
    "vpc": "observed data beside what is simulated",
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


@cache
def tree(path: Path) -> ast.Module:
    """A file, read once."""
    return ast.parse(path.read_text())


def is_for_types(node: ast.AST) -> bool:
    """Whether this is a block that only a type checker reads."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(path: Path) -> set[str]:
    """Every module of ours that a file imports, wherever in the file, absolute; of a command, not for types alone."""
    found: set[str] = set()
    types = set()
    if "cli" in path.parts:
        types = {id(n) for block in ast.walk(tree(path)) if is_for_types(block) for n in ast.walk(block)}
    for node in ast.walk(tree(path)):
        if id(node) in types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name in MODULES}


@cache
def all_imports() -> dict[str, set[str]]:
    """What each module imports of ours."""
    return {name: imports(path) - {name} for name, path in MODULES.items()}


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


def test_direction():
    refused = {
        m: [name for name in sorted(imported) if not is_allowed(m, name)] for m, imported in all_imports().items()
    }
    assert not {module: names for module, names in refused.items() if names}, "modules that import what they may not"


def test_no_circles():
    """Modules can be put in an order in which each imports only those before it; a package's own ``__init__`` is not
    an import of its parts.
    """
    left = {m: {i for i in all_imports()[m] if not m.startswith(i + ".")} for m in MODULES}
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
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(name)
    several = {k: v for k, v in {**modules, **classes}.items() if len(v) > 1}
    assert not several
    assert set(SHARED_MODULES) <= {name.rpartition(".")[2] for name in MODULES}, "a name that nothing has any more"


def test_files_stay_small():
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert not {name: n for name, n in lines.items() if n > 400}


LONGEST = 61
"""Lines of the longest function; the aim is 20."""


def test_functions_stay_short():
    functions = [
        (f"{name}.{n.name}", n.end_lineno - n.lineno + 1)
        for name, path in MODULES.items()
        for n in ast.walk(tree(path))
        if isinstance(n, ast.FunctionDef)
    ]
    assert not [(name, lines) for name, lines in functions if lines > LONGEST]


def test_main_loop_stays_under_80_lines():
    body = tree(ROOT / "trial" / "engine" / "simulate.py").body
    loop = next(n for n in body if isinstance(n, ast.FunctionDef) and n.name == "simulate_unit")
    assert loop.end_lineno - loop.lineno < 80


def test_only_streams_creates_generators():
    """No numpy generator or legacy random call outside cohorts/streams.py."""
    users = {str(p.relative_to(ROOT)) for p in FILES if "np.random." in p.read_text() or "default_rng" in p.read_text()}
    assert users <= {"cohorts/streams.py"}


def test_matplotlib_is_imported_inside_functions_of_the_figures_only():
    """Anywhere else, or at the top of a file, it would be loaded by every command."""
    for path in FILES:
        if "matplotlib" not in path.read_text():
            continue
        imported = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Import | ast.ImportFrom)]
        found = [n for n in imported if "matplotlib" in ast.unparse(n)]
        top = [n for n in tree(path).body if n in found]
        assert not top, f"{path}: matplotlib at the top of the file"
        assert not found or path.parent.name == "figures", f"{path}: only analysis/figures draws"
