"""``make mutants``: are wrong lines seen? One-line changes, drawn by chance, and the module's own tests.

Draws changes over the sites of ``tools.mutation_sites`` with a fixed seed, at least three in every room (package or
subpackage), the rest by the number of sites. First every test is run without any change: it has to pass. Then one
change at a time is made in a copy of the tree, the tests of the module are run, and the changes that no test saw are
printed. Seen is what makes a test fail, a module or test that can no longer be imported, a crash, and a test that runs
into the timeout; a run of pytest that runs no test has seen nothing. The tests of a module are
tests/unit/test_<module>.py and what ``mutants.toml`` names for it; a name there of no test is an error before anything
runs. Changes that change nothing are listed in ``mutants_equivalent.csv`` with the reason and do not count. Exit status
0 when 95 % are seen. Some ten minutes on two cores; not part of ``make test``.
"""

from __future__ import annotations

import argparse
import ast
import csv
import importlib.util
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Queue

from tools.mutation_sites import PACKAGES, Site, sites

ROOT = Path(__file__).parents[1]
TESTS, EQUIVALENT = ROOT / "tools" / "mutants.toml", ROOT / "tools" / "mutants_equivalent.csv"
COPIED = (*PACKAGES, "tests", "configs", "docs", "tools", "pyproject.toml", "README.md", "CHANGELOG.md")
SEED, NUMBER, LEAST, WANTED = 20210226, 80, 3, 0.95
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--no-header", "--disable-warnings")
LOADED = ["numpy", "pandas", "pyarrow.parquet", "scipy.stats", "statsmodels.api", "pydantic", "pytest", "joblib"]
LOADED += ["llvmlite.binding", "matplotlib.pyplot", "hypothesis", "ruamel.yaml", "typer", "rich.table", "jinja2"]
MOST_BYTES = 8 * 2**30
FORKS = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Verdict:
    """What became of a change: ``seen`` by a test, the ``tests`` that were run, and what the run said."""

    site: Site
    seen: bool
    tests: tuple[str, ...]
    said: str


def main() -> int:
    """Draw, run, print; 0 when at least 95 % of the changes that count are seen, with every seed."""
    options = _options()
    named = tomllib.loads(TESTS.read_text(encoding="utf-8"))["tests"]
    wrong = unknown(named, ROOT)
    if wrong:
        print("\n".join(f"{TESTS.name}: {name}" for name in wrong))
        return 2
    FORKS.set_forkserver_preload(LOADED)
    found = sites(ROOT)
    drawn = {seed: draw(found, options.number, seed, options.room) for seed in options.seed}
    with _copies(options.workers) as copies, ThreadPoolExecutor(options.workers) as pool:
        if not options.trust:
            every = {test for several in drawn.values() for site in several for test in tests_of(site.module, named)}
            shares = [sorted(every)[k :: options.workers] for k in range(options.workers)]
            broken = "".join(pool.map(partial(_broken, copies=copies), filter(None, shares)))
            if broken:
                print(broken)
                return 2
        judge = partial(_judge, copies=copies, named=named, timeout=options.timeout)
        return max(_one_draw(seed, several, partial(pool.map, judge)) for seed, several in drawn.items())


def _one_draw(seed: int, drawn: Sequence[Site], judged: Callable[[list[Site]], Iterator[Verdict]]) -> int:
    """Judge the changes of one seed and print what became of each; 0 when enough of them are seen."""
    equivalent = _equivalent()
    counted = [site for site in drawn if _key(site) not in equivalent]
    print(f"seed {seed}: {len(drawn)} changes, {len(drawn) - len(counted)} of them equivalent", flush=True)
    return _summary([_told(verdict) for verdict in judged(counted)])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Are wrong lines seen by a test?")
    parser.add_argument("--seed", type=int, nargs="+", default=[SEED], help="a draw for each")
    parser.add_argument("--number", type=int, default=NUMBER, help="how many changes")
    parser.add_argument("--room", default="", help="only this room, for example trial/engine")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds per change")
    parser.add_argument("--trust", action="store_true", help="do not first run the tests without any change")
    return parser.parse_args()


def draw(found: Sequence[Site], number: int, seed: int, room: str = "") -> list[Site]:
    """``number`` sites, ``LEAST`` in every room (or all it has), the rest in proportion to the sites of the rooms."""
    rooms: dict[str, list[Site]] = {}
    for site in found:
        if room in ("", site.room):
            rooms.setdefault(site.room, []).append(site)
    left = max(number - sum(min(LEAST, len(have)) for have in rooms.values()), 0)
    total = sum(map(len, rooms.values()))
    exact = {name: left * len(have) / total for name, have in rooms.items()}
    share = {name: min(LEAST, len(rooms[name])) + int(value) for name, value in exact.items()}
    by_rest = sorted(exact, key=lambda name: int(exact[name]) - exact[name])
    for name in by_rest[: number - sum(share.values())]:
        share[name] += 1
    chance = random.Random(seed)
    return [site for name in sorted(rooms) for site in chance.sample(rooms[name], min(share[name], len(rooms[name])))]


def tests_of(module: str, named: dict[str, list[str]]) -> tuple[str, ...]:
    """The tests of a module: by its name, and those named for it, or else for the nearest room around it."""
    own = f"tests/unit/test_{module.rpartition('/')[2]}.py"
    places = [module, *(str(parent) for parent in Path(module).parents)]
    extra = next((named[place] for place in places if place in named), [])
    return tuple(dict.fromkeys([own] * (ROOT / own).exists() + extra))


def unknown(named: dict[str, list[str]], root: Path) -> list[str]:
    """What ``mutants.toml`` says of modules and tests that are none, in words."""
    modules = [f"'{name}' is no module or room" for name in named if not _is_place(root / name)]
    tests = dict.fromkeys(test for several in named.values() for test in several)
    return modules + [f"'{test}' is no test" for test in tests if not _is_test(root, test)]


def _is_place(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


def _is_test(root: Path, name: str) -> bool:
    """Whether pytest would find it: a file test_*.py, or a function of one."""
    path, _, function = name.partition("::")
    if not (Path(path).match("test_*.py") and (root / path).is_file()):
        return False
    body = ast.parse((root / path).read_text(encoding="utf-8")).body
    tests = {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}
    return not function or function in tests


def _equivalent() -> set[tuple[str, str, str]]:
    with EQUIVALENT.open(encoding="utf-8", newline="") as stream:
        return {(row["file"], row["line"], row["becomes"]) for row in csv.DictReader(stream)}


def _key(site: Site) -> tuple[str, str, str]:
    return (site.file, *site.lines((ROOT / site.file).read_bytes()))


@contextmanager
def _copies(workers: int) -> Iterator[Queue[Path]]:
    """A copy of the tree for each worker."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: Queue[Path] = Queue()
        for k in range(workers):
            copy = Path(folder) / str(k)
            for name in COPIED:
                one = ROOT / name
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(one, copy / name, ignore=ignore) if one.is_dir() else shutil.copy(one, copy / name)
            copies.put(copy)
        yield copies


def _pytest(copy: Path, tests: Sequence[str], said: Path, timeout: float | None) -> None:
    """What a process of ``_run`` does; its words go to the file ``said``. A change that runs or grows without end ends
    itself, even when nobody waits for it any more.
    """
    os.setsid()
    signal.alarm(int(timeout) + 10 if timeout else 0)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    with said.open("wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ["PYTHONPATH"] = str(copy)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False  # the copy is ours; what is compiled once serves every other change
    import pytest

    status = int(pytest.main([*PYTEST, *tests]))
    sys.stdout.flush()
    os._exit(status)  # not waiting for the worker processes that a test has left behind


def _run(copy: Path, tests: Sequence[str], timeout: float | None) -> tuple[int | None, str]:
    """Exit status (None: timeout) and words of pytest in a copy, in a process that has loaded the libraries already:
    nine tenths of the time of a fast test are spent on loading them.
    """
    said = copy / "said.txt"
    process = FORKS.Process(target=_pytest, args=(copy, tests, said, timeout))
    process.start()
    process.join(timeout)
    status = process.exitcode
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return status, said.read_text(encoding="utf-8", errors="replace")


def _is_seen(status: int | None, said: str) -> bool:
    """Whether a run of pytest saw the change: a test failed (1), something could not be imported (2; 4 where one test
    of a file was asked for), a signal ended it (below zero) or the timeout (None).
    """
    return status in (None, 1, 2) or status < 0 or (status == 4 and "ERROR collecting" in said)


def _broken(tests: Sequence[str], copies: Queue[Path]) -> str:
    """What pytest says of tests that fail without any change; nothing when they pass."""
    copy = copies.get()
    status, said = _run(copy, tests, None)
    copies.put(copy)
    return f"{said[-3000:]}\nfails without any change\n" if status else ""


def _judge(site: Site, copies: Queue[Path], named: dict[str, list[str]], timeout: float) -> Verdict:
    tests, copy = tests_of(site.module, named), copies.get()
    path = copy / site.file
    source, compiled = path.read_bytes(), Path(importlib.util.cache_from_source(str(path)))
    compiled.unlink(missing_ok=True)
    path.write_bytes(site.applied(source))
    status, said = _run(copy, tests, timeout) if tests else (0, "no tests")
    path.write_bytes(source)
    compiled.unlink(missing_ok=True)
    copies.put(copy)
    last = "".join(said.strip().splitlines()[-1:]) if status is not None else f"more than {timeout:g} s"
    return Verdict(site, _is_seen(status, said), tests, last)


def _told(verdict: Verdict) -> Verdict:
    site = verdict.site
    before, after = site.lines((ROOT / site.file).read_bytes())
    print(f"{'seen    ' if verdict.seen else 'SURVIVES'} {site.file}:{site.line} {site.kind}: {site.old} -> {site.new}")
    if not verdict.seen:
        print(f"         {before}\n      -> {after}\n         {' '.join(verdict.tests)}: {verdict.said}")
    sys.stdout.flush()
    return verdict


def _summary(verdicts: Sequence[Verdict]) -> int:
    seen = sum(v.seen for v in verdicts)
    share = seen / len(verdicts) if verdicts else 1.0
    print(f"{seen} of {len(verdicts)} wrong lines seen, {100 * share:.1f} %; wanted {100 * WANTED:.0f} %")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
