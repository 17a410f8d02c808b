"""Compiled kernels on disk: the next process loads the code instead of compiling it again.

The name of a file is the sha256 of everything its code follows from: the traced equations, the lanes and the method,
this machine's processor, LLVM's version, and the source of the solver. Its content is its own sha256 and the code.
What cannot be read, is not what was written, or cannot be written is compiled, without a word: no number depends on it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import llvmlite
from llvmlite import binding as llvm
from platformdirs import user_cache_path

from trial.solver.frame import System
from trial.solver.graph import Node, needed

VARIABLE = "VTRIAL_CACHE"
"""Environment variable: another folder for the kernels; empty to keep none."""
MOST_FILES = 200
CHECK_BYTES = sha256().digest_size


def folder() -> Path | None:
    """Where kernels are kept, or None."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return user_cache_path("virtual-trial", appauthor=False) / "kernels"
    return Path(named) if named else None


def name_of(system: System, lanes: int, method: str) -> str:
    """The name of the kernel of a traced structure on this machine."""
    return sha256("\n".join([*_machine(), str(lanes), method, *equations(system)]).encode()).hexdigest()


def equations(system: System) -> list[str]:
    """A traced structure as lines: sizes, every term with what it is made of, and which terms are wanted."""
    terms = needed(system.roots)
    place = {id(node): str(k) for k, node in enumerate(terms)}

    def named(nodes: Sequence[Node]) -> str:
        return " ".join(place[id(node)] for node in nodes)

    sizes = f"{system.n_parameters} {system.n_inputs} {system.dose_state}"
    wanted = [named(nodes) for nodes in (system.derivatives, system.outputs, system.extra)]
    return [sizes, *(f"{node.op} {node.value!r} {named(node.args)}" for node in terms), *wanted]


@cache
def _machine() -> tuple[str, ...]:
    """The processor, the compiler, and the code that writes the kernels."""
    source = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        source.update(path.read_bytes())
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return llvmlite.__version__, str(llvm.llvm_version_info), cpu, features, source.hexdigest()


def code_of(name: str) -> bytes | None:
    """The code that was kept under this name, or None."""
    home = folder()
    if home is None:
        return None
    with suppress(OSError):
        content = (home / name).read_bytes()
        code = content[CHECK_BYTES:]
        if sha256(code).digest() == content[:CHECK_BYTES]:
            return code
    return None


def keep(name: str, code: bytes) -> None:
    """Write the code whole, or not at all; beyond MOST_FILES the oldest files go."""
    home = folder()
    if home is None:
        return
    new = home / f".{name}.{os.getpid()}"
    with suppress(OSError):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            new.write_bytes(sha256(code).digest() + code)
            new.replace(home / name)
        finally:
            new.unlink(missing_ok=True)
        for path in sorted(home.iterdir(), key=lambda path: path.stat().st_mtime)[:-MOST_FILES]:
            path.unlink(missing_ok=True)
