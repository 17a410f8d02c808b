"""The tool that draws wrong lines: what it changes, how it draws, and what counts as seen."""

import tomllib
from collections import Counter
from pathlib import Path
from queue import Queue

import pytest

from tools import mutants
from tools.mutants import EQUIVALENT, FORKS, LEAST, ROOT, TESTS, _equivalent, _is_seen, _judge, draw, unknown
from tools.mutation_sites import Site, sites, sites_of

SOURCE = b'''"""Doc."""
from __future__ import annotations

LIMIT: int = 3
Pair = Tuple[1, 2]
__all__ = ["f"] * 1


@cached(maxsize=4)
def f(x: Annotated[float, 1], y=0, strict=True):
    if x < LIMIT and not y == 1:  # x > 2 or so
        x += 2.0 * y
    text = f"{x + 1}" + "a"
    assert y > 0, "y"
    return zip(x, [1.0], strict=True), x | y, dumps(text, indent=1)
'''
SEEN_AS = [
    (4, "constant", "3", "4"),
    (10, "constant", "0", "1"), (10, "boolean", "True", "False"),
    (11, "comparison", "<", "<="), (11, "boolean", "and", "or"), (11, "boolean", "not", ""),
    (11, "comparison", "==", "!="), (11, "constant", "1", "0"),
    (12, "arithmetic", "+", "-"), (12, "constant", "2.0", "2.2"), (12, "arithmetic", "*", "/"),
    (15, "constant", "1.0", "0.0"), (15, "boolean", "|", "&"),
]  # fmt: skip
"""Every change of ``SOURCE``, read by hand: line, kind, old and new."""


def test_every_change_of_a_small_source():
    found = sites_of("cohorts/x.py", SOURCE)
    assert [(s.line, s.kind, s.old, s.new.strip()) for s in found] == SEEN_AS
    assert {s.room for s in found} == {"cohorts"} and {s.module for s in found} == {"cohorts/x"}
    less = next(s for s in found if s.old == "<")
    assert less.lines(SOURCE) == (
        "if x < LIMIT and not y == 1:  # x > 2 or so",
        "if x <= LIMIT and not y == 1:  # x > 2 or so",
    )
    for site in found:
        compile(site.applied(SOURCE), "x", "exec")


def test_in_the_drawing_rooms_numbers_are_positions():
    found = sites_of("analysis/figures/x.py", b"a = 0.5 * b + c\nd = e > 1\n")
    assert [(s.line, s.old) for s in found] == [(1, "+"), (2, ">")]


def made(rooms):
    return [Site(f"{room}/x.py", k, k, k + 1, "constant", "1", "0") for room, n in rooms.items() for k in range(n)]


def test_a_draw_gives_each_room_three_and_the_rest_by_size():
    """20 of 1002 sites: three, three and two (all there is), then 12 by size: 9.58, 2.40 and 0.02."""
    found = made({"a": 800, "a/b": 200, "c": 2})
    drawn = draw(found, 20, seed=1)
    assert Counter(site.room for site in drawn) == {"a": 13, "a/b": 5, "c": 2}
    assert len(set(drawn)) == 20
    assert draw(found, 20, seed=1) == drawn != draw(found, 20, seed=2)
    assert {site.room for site in draw(found, 7, seed=1, room="a/b")} == {"a/b"}
    assert len(draw(found, 7, seed=1, room="a/b")) == 7


def test_a_room_with_few_sites_gives_all_it_has():
    assert Counter(site.room for site in draw(made({"a": 2, "b": 30}), 10, seed=3)) == {"a": LEAST - 1, "b": 8}


@pytest.fixture(scope="module")
def found():
    """Every site of the packages."""
    return sites(ROOT)


def test_every_name_of_the_map_is_a_module_and_a_test(found):
    named = tomllib.loads(TESTS.read_text(encoding="utf-8"))["tests"]
    assert unknown(named, ROOT) == []
    untested = {module for module in {s.module for s in found} if not mutants.tests_of(module, named)}
    assert not untested, "these modules have no test of their own"


def test_a_name_of_nothing_is_said(tmp_path):
    (tmp_path / "cohorts").mkdir()
    (tmp_path / "cohorts" / "x.py").write_text("")
    (tmp_path / "test_x.py").write_text("def test_a(): ...\ndef helper(): ...\n")
    right = {"cohorts": ["test_x.py"], "cohorts/x": ["test_x.py::test_a"]}
    assert unknown(right, tmp_path) == []
    wrong = {"cohorts/y": ["test_y.py", "cohorts/x", "test_x.py::helper", "test_x.py::test_b", "cohorts/x.py"]}
    assert unknown(right | wrong, tmp_path) == [
        "'cohorts/y' is no module or room",
        *(f"'{name}' is no test" for name in wrong["cohorts/y"]),
    ]


def test_every_excused_change_is_still_a_change(found):
    """An excuse for a line that has changed since is no excuse for anything: it goes."""
    excused = _equivalent()
    sources = {file: (ROOT / file).read_bytes() for file, *_ in excused}
    assert excused <= {(s.file, *s.lines(sources[s.file])) for s in found if s.file in sources}
    assert all(row.count(",") >= 3 for row in EQUIVALENT.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("status", "said", "seen"),
    [
        (0, "1 passed", False),
        (1, "1 failed", True),
        (2, "ERROR collecting test_x.py", True),
        (4, "ERROR collecting test_x.py\nERROR: found no collectors for test_x.py::test_a", True),
        (3, "INTERNALERROR", False),
        (4, "ERROR: file or directory not found: x", False),
        (5, "no tests ran", False),
        (-11, "", True),
        (None, "", True),
    ],
)
def test_what_counts_as_seen(status, said, seen):
    assert _is_seen(status, said) is seen


TINY = "def half(x):\n    return x / 2\n\n\ndef odd(x):\n    return x % 2 == 1\n\n\nTABLE = [10, 20][1]\n"
TINY_TEST = "from cohorts.tiny import half\n\n\ndef test_half():\n    assert half(6) == 3\n"


def test_seen_and_surviving_changes_of_a_tiny_tree(tmp_path):
    """``half`` is tested, ``odd`` is not; what can no longer be imported is seen, a test that is none sees nothing."""
    FORKS.set_forkserver_preload(["pytest", "hypothesis", "tools.mutants"])
    (tmp_path / "cohorts").mkdir()
    (tmp_path / "cohorts" / "__init__.py").write_text("")
    (tmp_path / "cohorts" / "tiny.py").write_text(TINY)
    (tmp_path / "test_half.py").write_text(TINY_TEST)
    copies: Queue[Path] = Queue()
    copies.put(tmp_path)
    found = {(s.line, s.old): s for s in sites_of("cohorts/tiny.py", TINY.encode())}
    unreadable = Site("cohorts/tiny.py", 1, 0, 3, "constant", "def", "fed")

    def verdict(site, test="test_half.py"):
        return _judge(site, copies, {"cohorts/tiny": [test]}, timeout=60.0)

    halved = verdict(found[2, "/"])
    assert halved.seen and "1 failed" in halved.said
    assert not verdict(found[6, "=="]).seen
    assert verdict(unreadable, "test_half.py::test_half").seen
    assert not verdict(found[2, "/"], "test_none.py").seen
    assert (tmp_path / "cohorts" / "tiny.py").read_text() == TINY
