"""A user's own parameter set: a JSON file of values over another set, or a Python file with a whole one.

JSON: ``id``, ``extends`` (an id of the catalogue, or another such file relative to this one), ``values``, ``targets``,
``note``, and if known ``rse_percent`` or ``uncertainty``; other keys are left alone. Python: ``PARAMETER_SET``, and
``STRUCTURE`` where the set needs equations of its own (``trial.models`` reads it). A Python file is run: use only files
that you trust.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cohorts.calibration import calibrated
from cohorts.citations import THIS_ENGINE, Citation, Source
from cohorts.parameters import ParameterSet

SUFFIXES = (".json", ".py")
ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
KEYS: dict[str, type] = {"id": str, "extends": str, "values": dict, "targets": list, "note": str}
Find = Callable[[str], ParameterSet]


class SetError(ValueError):
    """A parameter set that cannot be used; each line names the file, the parameter and what is wrong."""


def is_file_name(name: str) -> bool:
    """Whether a parameter set is named by its file rather than by an id of the catalogue."""
    return name.endswith(SUFFIXES)


def chain(path: Path) -> tuple[Path, ...]:
    """The file and every file it extends, in order. Raises SetError for one that is missing, unreadable or circular."""
    found = [path.resolve()]
    while found[-1].suffix == ".json":
        parent = _record(found[-1])["extends"]
        if not is_file_name(parent):
            break
        target = (found[-1].parent / parent).resolve()
        if target in found:
            raise SetError(f"{path.name}: files extend each other in a circle: {target.name}")
        found.append(target)
    _bytes(found[-1])
    return tuple(found)


def digest(path: Path) -> str:
    """sha256 of the file; of a file that extends another file, of both without their names."""
    files = chain(path)
    if len(files) == 1:
        return hashlib.sha256(_bytes(files[0])).hexdigest()
    parts = [
        _bytes(p).decode() if p.suffix == ".py" else json.dumps(_record(p) | {"extends": None}) for p in files[:-1]
    ]
    last = _bytes(files[-1]).decode() if files[-1].suffix == ".py" else json.dumps(_record(files[-1]))
    return hashlib.sha256("\n".join([*parts, last]).encode()).hexdigest()


def copied(path: Path, folder: Path, stem: str) -> str:
    """Copy the file and those it extends into ``folder`` as <stem>.json, <stem>_2.json ...; the name of the first."""
    files = chain(path)
    names = [f"{stem}{'' if k == 0 else f'_{k + 1}'}{p.suffix}" for k, p in enumerate(files)]
    contents = [_bytes(p) for p in files]
    for k, name in enumerate(names):
        if k + 1 < len(names):
            record = _record(files[k]) | {"extends": names[k + 1]}
            contents[k] = (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
        (folder / name).write_bytes(contents[k])
    return names[0]


def own_set(path: Path, find: Find, taken: tuple[str, ...] = ()) -> ParameterSet:
    """The parameter set of a file; ``find`` gives those of the catalogue, whose ids are ``taken``.

    Raises SetError with every problem of the file.
    """
    chosen = _from_python(path) if path.suffix == ".py" else _from_json(path, find, taken)
    if chosen.id in taken:
        raise SetError(f"{path.name}: id: {chosen.id} is a set of the catalogue; give yours another id")
    if not ID.fullmatch(chosen.id):
        raise SetError(f"{path.name}: id: seen {chosen.id!r}; allowed: a letter, then letters, digits, _ . -")
    return chosen


def module(path: Path) -> types.ModuleType:
    """The Python file, run once for each content. Raises SetError with file and line where it fails."""
    return _run(str(path.resolve()), _bytes(path))


def _from_python(path: Path) -> ParameterSet:
    chosen = getattr(module(path), "PARAMETER_SET", None)
    if not isinstance(chosen, ParameterSet):
        raise SetError(f"{path.name}: PARAMETER_SET: seen {_seen(chosen)}; needed: a cohorts.parameters.ParameterSet")
    return replace(chosen, home=str(path.resolve()))


def _from_json(path: Path, find: Find, taken: tuple[str, ...]) -> ParameterSet:
    chain(path)
    record = _record(path)
    parent = record["extends"]
    try:
        base = own_set(path.parent / parent, find, taken) if is_file_name(parent) else find(parent)
        return replace(calibrated(base, record, _source(record)), id=record["id"])
    except SetError:
        raise
    except (KeyError, ValueError) as error:
        raise SetError(f"{path.name}: {error.args[0]}") from None


def _source(record: Mapping[str, Any]) -> Source:
    citation = Citation(
        id="own_parameter_set",
        authors="User of this engine",
        title="Values of the user's own parameter set",
        journal="own file",
        year=THIS_ENGINE.year,
        note="not a publication",
        label="own file",
    )
    return Source(citation, f"{record['id']}: {record['note']}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise SetError(f"there is no file {path}") from None
    except OSError as error:
        raise SetError(f"{path.name}: cannot be read: {error.strerror}") from None


def _record(path: Path) -> dict[str, Any]:
    """The content of a JSON file, checked."""
    try:
        content = json.loads(_bytes(path).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise SetError(f"{path.name}:{error.lineno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise SetError(f"{path.name}: not UTF-8 text") from None
    if not isinstance(content, dict):
        raise SetError(f"{path.name}: seen {_seen(content)}; needed: keys {', '.join(KEYS)}")
    wrong = [
        f"{path.name}: {key}: seen {_seen(content.get(key))}; needed: {_word(kind)}"
        for key, kind in KEYS.items()
        if not isinstance(content.get(key), kind)
    ]
    wrong += [f"{path.name}: {line}" for key in ("values", "rse_percent") for line in _numbers(content, key)]
    if wrong:
        raise SetError("\n".join(wrong))
    return content


def _numbers(content: Mapping[str, Any], key: str) -> list[str]:
    entries = content.get(key)
    if not isinstance(entries, dict):
        return [] if entries is None or key == "values" else [f"{key}: seen {_seen(entries)}; needed: name: number"]
    bad = [
        f"{key}.{name}: seen {value!r}; allowed: a finite number"
        for name, value in entries.items()
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ]
    alone = set(entries) - set(content.get("values") or ()) if key == "rse_percent" else set()
    return bad + [f"rse_percent.{name}: give the value too, under values" for name in sorted(alone)]


def _seen(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"


def _word(kind: type) -> str:
    return {"str": "text", "dict": "name: number", "list": "a list, empty when nothing was fitted"}[kind.__name__]


@lru_cache(maxsize=32)
def _run(path: str, source: bytes) -> types.ModuleType:
    name, short = f"own_set_{hashlib.sha256(source).hexdigest()[:16]}", Path(path).name
    made = types.ModuleType(name)
    made.__file__ = path
    sys.modules[name] = made
    try:
        exec(compile(source, path, "exec"), made.__dict__)
    except SyntaxError as error:
        raise SetError(f"{Path(error.filename or short).name}:{error.lineno}: not Python: {error.msg}") from None
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        first = (str(error).splitlines() or [""])[0]
        raise SetError(f"{short}:{lines[-1] if lines else 1}: {type(error).__name__}: {first}") from None
    return made
