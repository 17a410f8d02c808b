"""A user's own parameter set: a JSON file of values over another set, or a Python file with a whole one.

JSON: what differs from the set it ``extends`` (``cohorts.shape.Changes``). Python: ``PARAMETER_SET``, and
``STRUCTURE`` where the set needs equations of its own (``trial.models`` reads it). Both pass the same schema. A Python
file is run: use only files that you trust.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from cohorts.calibration import calibrated
from cohorts.citations import THIS_ENGINE, Citation, Source
from cohorts.files import MIB, DrawsFile, UnreadableError, absolute, contents
from cohorts.parameters import (
    Correlation,
    CovariateEffect,
    Parameter,
    ParameterSet,
    PatientClass,
    RandomEffect,
    Range,
    RecordError,
    ValidityDomain,
    near,
    require,
)
from cohorts.posterior import beside, draws_file
from cohorts.shape import Changes, plain, read, shown

SUFFIXES = (".json", ".py")
ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
LONGEST_ID, LARGEST_BYTES = 100, 10 * MIB
CALIBRATION_KEYS = (
    "fit", "priors", "distance", "points", "seed", "replicates", "studies", "engine_version", "made_by", "date",
    "minutes", "identifiability", "profile",
)  # fmt: skip
"""What ``vtrial calibrate`` writes beside the changes."""
NOT_IN_JSON = ("structure", "home", "root", "draws")
MOST_NAMED, LONGEST_WHOLE = 6, 300
RECORDS: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {
    "parameters": (Parameter, lambda p: p.name),
    "random_effects": (RandomEffect, lambda e: e.name),
    "correlations": (Correlation, lambda c: frozenset((c.a, c.b))),
    "covariate_effects": (CovariateEffect, lambda x: (x.parameter, x.covariate, x.category)),
    "classes": (PatientClass, lambda c: c.name),
}
"""The lists of a set, and what two records of the same name share."""
Find = Callable[[str], ParameterSet]


class SetError(ValueError):
    """A parameter set that cannot be used; each line names the file, the parameter and what is wrong."""


def is_file_name(name: str) -> bool:
    """Whether a parameter set is named by its file rather than by an id of the catalogue."""
    return name.endswith(SUFFIXES)


def chain(path: Path) -> tuple[Path, ...]:
    """The file and every file it extends, in order. Raises SetError for one that is missing, unreadable or circular."""
    found = [absolute(path)]
    while found[-1].suffix == ".json":
        parent = _record(found[-1])["extends"]
        if not is_file_name(parent):
            break
        target = _resolved(found[-1], parent)
        if target in found:
            raise SetError(f"{path.name}: files extend each other in a circle: {target.name}")
        found.append(target)
    _bytes(found[-1])
    return tuple(found)


def _resolved(child: Path, name: str) -> Path:
    """The file that ``child`` extends. Raises SetError, which names both, unless it can be read."""
    try:
        target = (child.parent / name).resolve()
        _bytes(target)
    except SetError as error:
        raise SetError(f"{child.name}: extends: {error}") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise SetError(f"{child.name}: extends: seen {shown(name)}; no file can have that name: {error}") from None
    return target


def left_alone(path: Path) -> list[str]:
    """Keys of a JSON set, or of those it extends, that say nothing to this engine."""
    known = {*_keys(), *CALIBRATION_KEYS}
    files = [file for file in chain(path) if file.suffix == ".json"]
    return list(dict.fromkeys(key for file in files for key in _record(file) if key not in known))


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
    """Copy the file and those it extends into ``folder`` as <stem>.json, <stem>_2.json ..., each with the draws of its
    posterior beside it; the name of the first.
    """
    files = chain(path)
    names = [f"{stem}{'' if k == 0 else f'_{k + 1}'}{p.suffix}" for k, p in enumerate(files)]
    contents = [_bytes(p) for p in files]
    for k, name in enumerate(names):
        if k + 1 < len(names):
            record = _record(files[k]) | {"extends": names[k + 1]}
            contents[k] = (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
        (folder / name).write_bytes(contents[k])
        if beside(files[k]).is_file():
            shutil.copyfile(beside(files[k]), beside(folder / name))
    return names[0]


def own_set(path: Path, find: Find, taken: tuple[str, ...] = ()) -> ParameterSet:
    """The parameter set of a file; ``find`` gives those of the catalogue, whose ids are ``taken``.

    Raises SetError with every problem of the file.
    """
    chosen = _from_python(path) if path.suffix == ".py" else _from_json(path, find, taken)
    if chosen.id in taken:
        raise SetError(f"{path.name}: id: {chosen.id} is a set of the catalogue; give yours another id")
    if not ID.fullmatch(chosen.id) or len(chosen.id) > LONGEST_ID:
        allowed = f"a letter, then letters, digits, _ . -, at most {LONGEST_ID} in all"
        raise SetError(f"{path.name}: id: seen {shown(chosen.id)}; allowed: {allowed}")
    return chosen


def module(path: Path) -> types.ModuleType:
    """The Python file, run once for each content. Raises SetError with file and line where it fails."""
    return _run(str(path.resolve()), _bytes(path))


def _from_python(path: Path) -> ParameterSet:
    chosen = getattr(module(path), "PARAMETER_SET", None)
    if not isinstance(chosen, ParameterSet):
        raise SetError(f"{path.name}: PARAMETER_SET: seen {shown(chosen)}; needed: a cohorts.parameters.ParameterSet")
    _refuse(path, read(ParameterSet, plain(chosen))[1])
    return replace(chosen, home=str(path.resolve()), draws=_beside(path))


def _from_json(path: Path, find: Find, taken: tuple[str, ...]) -> ParameterSet:
    chain(path)
    record = _record(path)
    parent = record["extends"]
    try:
        base = own_set(path.parent / parent, find, taken) if is_file_name(parent) else find(parent)
        return _changed(path, base, record)
    except SetError:
        raise
    except (KeyError, ValueError) as error:
        raise SetError(f"{path.name}: {error.args[0]}") from None


def _changed(path: Path, base: ParameterSet, record: Mapping[str, Any]) -> ParameterSet:
    """The set with its new records, then its new values."""
    source = _source(record)
    given = {"source": plain(source), "status": "assumed", "reported_as": "", "note": record["note"]}
    problems: list[str] = []
    fields: dict[str, Any] = {"drug": record.get("drug") or base.drug}
    for kind, (made, same) in RECORDS.items():
        new = []
        for entry in record.get(kind, ()):
            asked = given if "source" in made.__dataclass_fields__ else {}
            one, wrong = read(made, asked | entry, f"{kind}.{_named(entry)}")
            problems += wrong
            new += [one] if one else []
        fields[kind] = _merged(getattr(base, kind), new, same)
    validity, wrong = _domain(base, source, record.get("validity", {}))
    _refuse(path, problems + wrong)
    fields |= {"validity": validity} if record.get("validity") else {}
    fields["root"] = base.root or ("" if base.home else base.id)
    names = [*record["values"], *(_named(e) for kind in RECORDS for e in record.get(kind, ()))]
    fields["draws"] = _beside(path) or _inherited(base, names)
    fields["title"] = record.get("title") or _changed_title(base, names)
    return replace(calibrated(replace(base, **fields), record, source), id=record["id"])


def _beside(path: Path) -> DrawsFile | None:
    """The draws beside a set's file; None where there are none."""
    file = beside(absolute(path))
    return DrawsFile(str(file)) if file.is_file() else None


def _inherited(base: ParameterSet, names: list[str]) -> DrawsFile | None:
    """The draws of the set that is changed, without the numbers that are given anew."""
    found = draws_file(base)
    return replace(found, without=(*found.without, *names)) if found else None


def _domain(base: ParameterSet, source: Source, given: Mapping[str, Any]) -> tuple[ValidityDomain, list[str]]:
    """The validity domain with what is given, and what is wrong with that."""
    mine = {"source": plain(source)}
    ranges, wrong = given.get("ranges", []), []
    if not isinstance(ranges, list) or not all(isinstance(one, dict) for one in ranges):
        return base.validity, [f"validity.ranges: seen {shown(ranges)}; allowed: a list of covariate, low, high, unit"]
    for one in ranges:
        wrong += read(Range, mine | one, f"validity.ranges.{one.get('covariate', '')}")[1]
    if wrong:
        return base.validity, wrong
    changed = dict(given) | ({"ranges": [mine | one for one in ranges]} if ranges else {})
    validity, wrong = read(ValidityDomain, plain(base.validity) | mine | changed, "validity")
    return validity or base.validity, wrong


def _changed_title(base: ParameterSet, names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"Changed from {base.id}: {', '.join(names[:MOST_NAMED])}{more}" if names else f"As {base.id}"


def _merged(before: tuple[Any, ...], new: list[Any], same: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The new records take the place of those of the same name; the others follow."""
    there = {same(one): one for one in before}
    if len({same(one) for one in new}) < len(new):
        return (*before, *new)
    return tuple((there | {same(one): one for one in new}).values())


def _named(entry: Mapping[str, Any]) -> str:
    """What an entry of a list is about."""
    about = [entry[key] for key in ("name", "covariate", "a", "parameter", "b") if isinstance(entry.get(key), str)]
    return " ".join(about[:2]) if "name" not in entry else str(entry["name"])


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
        return contents(path, LARGEST_BYTES)
    except UnreadableError as error:
        missing = "no such file" in str(error)
        raise SetError(
            f"there is no file {path}" if missing else f"{shown(path.name).strip(chr(39))}: {error}"
        ) from None


def _record(path: Path) -> dict[str, Any]:
    """The content of a JSON file, checked."""
    content = _parsed(path)
    if not isinstance(content, dict):
        raise SetError(f"{path.name}: seen {shown(content)}; needed: keys {', '.join(_keys())}")
    wrong = [f"{key}: unknown key{near(key, _keys())}" for key in content if _misspelt(key)]
    wrong += read(Changes, {key: value for key, value in content.items() if key in _keys()})[1]
    if isinstance(content.get("values"), dict):
        wrong += _alone(content)
    _refuse(path, wrong)
    return content


def _keys() -> tuple[str, ...]:
    return tuple(Changes.__dataclass_fields__)


def _misspelt(key: str) -> bool:
    """Whether a key that is none looks like one, or like a field of a whole set that a JSON set cannot change."""
    strange = key not in _keys() and key not in CALIBRATION_KEYS
    return strange and (bool(get_close_matches(key.lower(), _keys(), cutoff=0.75)) or key in NOT_IN_JSON)


def _alone(content: Mapping[str, Any]) -> list[str]:
    """Standard errors of values that are not given here."""
    together = content.get("uncertainty")
    names = together.get("names") if isinstance(together, dict) else ()
    said = {"rse_percent": content.get("rse_percent"), "uncertainty": names if isinstance(names, list) else ()}
    known = content["values"]
    return [
        f"{key}.{shown(name).strip(chr(39))}: give the value too, under values"
        for key, given in said.items()
        for name in (given if isinstance(given, dict | list) else ())
        if not isinstance(name, str) or name not in known
    ]


def _parsed(path: Path) -> Any:
    """Plain data; a number too long for a float is infinite, and refused where it stands."""
    try:
        text = _bytes(path).decode("utf-8-sig")
        return json.loads(text, parse_int=_whole, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise SetError(f"{path.name}:{error.lineno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise SetError(f"{path.name}: not UTF-8 text") from None
    except RecursionError:
        raise SetError(f"{path.name}: nested too deeply to be a parameter set") from None
    except RecordError as error:
        raise SetError(f"{path.name}: {error}") from None


def _whole(text: str) -> float:
    return int(text) if len(text) < LONGEST_WHOLE else math.inf


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        require(names.count(name) == 1, shown(name).strip("'"), "the key twice", "once")
    return dict(pairs)


def _refuse(path: Path, problems: list[str]) -> None:
    if problems:
        raise SetError("\n".join(f"{path.name}: {line}" for line in problems))


@lru_cache(maxsize=32)
def _run(path: str, source: bytes) -> types.ModuleType:
    name, short = f"own_set_{hashlib.sha256(source).hexdigest()[:16]}", Path(path).name
    made = types.ModuleType(name)
    sys.modules[name] = made
    try:
        exec(compile(source, path, "exec"), made.__dict__)
    except SyntaxError as error:
        raise SetError(f"{Path(error.filename or short).name}:{error.lineno}: not Python: {error.msg}") from None
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        first = (str(error).splitlines() or [""])[0]
        kind = "" if isinstance(error, RecordError) else f"{type(error).__name__}: "
        if isinstance(error, NameError) and error.name == "__file__":
            first = "a set must stand alone: its copy in the run folder has no other file beside it"
        raise SetError(f"{short}:{lines[-1] if lines else 1}: {kind}{first}") from None
    return made
