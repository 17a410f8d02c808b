"""Kernels on disk: loaded when nothing that their code follows from has changed, compiled when anything is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from trial.solver import kept, kernel
from trial.solver.events import Events
from trial.solver.kernel import system_of
from trial.solver.methods import solve
from trial.solver.structure import State, Structure


def decay(rate: float = 0.5) -> Structure:
    """One state that decays; another structure for every rate."""
    return Structure(
        "decay", "decay", (State("A", "mg", "drug"),), ("K",), ("F",), 0, ("A2",),
        lambda y, p, u: (-rate * p[0] * y[0],), lambda y, p, u: (2.0 * y[0],),
        lambda p, u: np.zeros((len(p), 1)), lambda dose, days: None, method="taylor",
    )  # fmt: skip


def last(structure):
    """The state of one patient after 2 h."""
    events = Events(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1, 1)))
    found, status, _ = solve(structure, np.ones((1, 1)), np.full((1, 1), 3.0), events, np.array([[0.0, 2.0]]))
    assert status[0] == 0
    return found[0, 0, 0]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def compilations(monkeypatch):
    """Counts what is compiled."""
    count, compiled = [], kernel.compiled
    monkeypatch.setattr(kernel, "compiled", lambda module: count.append(1) or compiled(module))
    return count


def test_the_second_of_equal_structures_is_loaded_and_gives_the_same_bits(home, compilations):
    values = [last(decay()), last(decay())]
    assert len(compilations) == 1 and len(list(home.iterdir())) == 1
    assert values[0] == values[1] == pytest.approx(3.0 * np.exp(-1.0), rel=1e-6)
    assert last(decay(0.25)) == pytest.approx(3.0 * np.exp(-0.5), rel=1e-6) and len(compilations) == 2


def test_everything_that_changes_the_code_changes_the_name(monkeypatch):
    system = system_of(decay())
    names = [kept.name_of(system, 4, "taylor"), kept.name_of(system, 8, "taylor"), kept.name_of(system, 4, "pair")]
    names += [
        kept.name_of(system_of(decay(), outputs=True), 4, "taylor"),
        kept.name_of(system_of(decay(0.6)), 4, "taylor"),
    ]
    changed = [{"n_parameters": 2}, {"n_inputs": 2}, {"dose_state": 1}, {"extra": system.derivatives}]
    names += [kept.name_of(replace(system, **change), 4, "taylor") for change in changed]
    for k in range(5):
        said = list(kept._machine())
        said[k] += "x"
        monkeypatch.setattr(kept, "_machine", lambda said=tuple(said): said)
        names.append(kept.name_of(system, 4, "taylor"))
        monkeypatch.undo()
    assert len(set(names)) == len(names) == 14
    assert kept.name_of(system_of(decay()), 4, "taylor") == names[0], "traced again: the same"


def test_the_source_of_the_solver_is_part_of_the_name(tmp_path, monkeypatch):
    before = kept._machine()
    for path in kept.Path(kept.__file__).parent.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    kept._machine.cache_clear()
    monkeypatch.setattr(kept, "__file__", str(tmp_path / "kept.py"))
    assert kept._machine() == before
    kept._machine.cache_clear()
    (tmp_path / "taylor.py").write_text("# another\n")
    assert kept._machine()[:-1] == before[:-1] and kept._machine()[-1] != before[-1]
    kept._machine.cache_clear()


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-1], lambda b: b[:40] + b"x" + b[41:], lambda b: b"x" + b[1:], lambda b: b""]
)
def test_what_is_not_what_was_written_is_compiled_and_written_again(home, compilations, spoil):
    wanted = last(decay())
    file = next(home.iterdir())
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    assert last(decay()) == wanted and len(compilations) == 2 and file.read_bytes() == whole


def test_a_place_that_cannot_be_read_or_written_does_not_matter(tmp_path, monkeypatch, compilations):
    (tmp_path / "file").write_text("x")
    for place in ("", str(tmp_path / "file"), str(tmp_path / "file" / "below")):
        monkeypatch.setenv(kept.VARIABLE, place)
        last(decay())
    assert len(compilations) == 3 and [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_oldest_go(home, monkeypatch):
    monkeypatch.setattr(kept, "MOST_FILES", 3)
    for k in range(5):
        kept.keep(f"{k}", b"code")
        if (home / f"{k}").exists():
            kept.os.utime(home / f"{k}", (k, k))
    assert sorted(path.name for path in home.iterdir()) == ["2", "3", "4"]
    assert kept.code_of("4") == b"code" and kept.code_of("0") is None


def test_without_the_variable_it_is_the_users_cache(monkeypatch):
    monkeypatch.delenv(kept.VARIABLE, raising=False)
    found = kept.folder()
    assert found.parts[-2:] == ("virtual-trial", "kernels") and found.is_absolute()
