"""What pydantic found wrong with a config, in words a clinician can act on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from trial.errors import cut
from trial.study import slips
from trial.study.keys import keys_of, kind_of, record_at, unit_of
from trial.study.placed import Placed, find
from trial.study.protocol import OutOfOrder, Problem, Problems, Record, did_you_mean
from trial.study.words import KEYS, OPTIONS

Path = tuple[str | int, ...]
Item = Mapping[str, Any]

MOST_EXPLAINED = 200
"""Problems that are put into words; far more than are shown."""
NUMBER_TYPES = {"float_type", "float_parsing", "int_type", "int_parsing", "int_from_float", "finite_number"}
WRITTEN_AS: dict[str | int, str | int] = {"start_dose_by": "start_dose_mg"}
"""Keys that may have been spelt out from another one."""
BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
}


def explain(error: ValidationError, record: type[Record], data: Any, tree: Placed | None = None) -> list[Problem]:
    """Every problem as (path, sentence); ``data`` is what was validated as a ``record``, ``tree`` how it was typed."""
    items = error.errors(include_url=False)[:MOST_EXPLAINED]
    misspelt = {
        (*path[:-1], near)
        for item in items
        if item["type"] == "extra_forbidden" and (near := _nearest_key(record, _spelt(path := _existing(item, data))))
    }
    return [
        problem
        for item in items
        if not (item["type"] == "missing" and _existing(item, data) in misspelt)
        for path in [_existing(item, data)]
        for problem in _as_written(path, _problems(item, _spelt(path), record, find(tree, path).typed if tree else ""))
    ]


def _spelt(path: Path) -> Path:
    """The path of a record for one of a list that was spelt out as another key."""
    known: dict[str | int, str | int] = {written: key for key, written in WRITTEN_AS.items()}
    follows = zip(path, (*path[1:], ""), strict=False)
    return tuple(known.get(part, part) if isinstance(after, int) else part for part, after in follows)


def _as_written(path: Path, problems: Iterator[Problem]) -> Iterator[Problem]:
    """The problems at the keys that were typed at ``path``."""
    back = WRITTEN_AS if _spelt(path) != path else dict[str | int, str | int]()
    yield from ((tuple(back.get(part, part) for part in inside), text) for inside, text in problems)


def _existing(item: Item, data: Any) -> Path:
    """The path of an error without pydantic's own labels; a missing key stays, as the last part."""
    path: list[str | int] = []
    for part in item["loc"]:
        part = part if not isinstance(data, dict) or part in data else WRITTEN_AS.get(part, part)
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data = data[part]
            path.append(part)
    missing = item["loc"][-1:] if item["type"] == "missing" else ()
    return (*path, *missing)


def _problems(item: Item, path: Path, record: type[Record], typed: str) -> Iterator[Problem]:
    kind, seen = item["type"], item["input"]
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "")
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, OutOfOrder):
        (first, text), *others = cause.problems
        yield (*path, *first), text + slips.decimals_meant(typed)
        yield from (((*path, *inside), text) for inside, text in others)
    elif isinstance(cause, Problems):
        for inside, text in cause.problems:
            yield (*path, *inside), text + _or_nothing(record, (*path, *inside), _value_at(seen, inside))
    elif kind == "value_error" and cause is not None:
        yield path, f"seen {_shown(seen)}; {cause}"
    elif kind == "extra_forbidden":
        yield path, _unknown_key(record, path, seen)
    elif kind == "missing":
        yield path, _missing(record, path)
    elif kind == "too_short":
        if len(seen) < item["ctx"]["min_length"]:
            yield path, _too_short(name, item["ctx"]["min_length"])
    elif kind in NUMBER_TYPES:
        points = slips.grouped(typed) if isinstance(seen, float) else ""
        guess = points or slips.number_meant(seen, unit_of(name), kind.startswith("int"))
        guess = guess or (slips.entry_meant(seen) if isinstance(path[-1], int) else "")
        yield path, f"seen {typed if points else _shown(seen)}; allowed: {_number(name, kind)}{guess}"
    elif kind in BOUNDS:
        bound, words = BOUNDS[kind]
        unit = unit_of(name)
        limit = item["ctx"][bound]
        most = limit if bound in ("le", "lt") else None
        allowed = words.format(int(limit) if float(limit).is_integer() else limit) + (f" ({unit})" if unit else "")
        yield path, f"seen {_shown(seen)}; allowed: {allowed}{slips.inside_bound(seen, unit, most)}"
    else:
        yield path, f"seen {_shown(seen)}; {_allowed(item, path, record)}"


def _value_at(seen: Any, path: Path) -> Any:
    """The value at a path inside a record, plain data or a list; None where there is none."""
    for part in path:
        if isinstance(seen, Record):
            seen = getattr(seen, str(part), None)
        elif isinstance(seen, Mapping):
            seen = seen.get(part)
        elif isinstance(seen, list | tuple) and isinstance(part, int) and part < len(seen):
            seen = seen[part]
        else:
            return None
    return seen


def _or_nothing(record: type[Record], path: Path, seen: Any) -> str:
    """A hint for "none" and its like, where nothing may stand."""
    here = record_at(record, path[:-1]) if path else None
    field = here.config_keys().get(str(path[-1])) if here else None
    return slips.nothing_meant(seen) if field and not field.is_required() and field.default is None else ""


def _allowed(item: Item, path: Path, record: type[Record]) -> str:
    """What may stand there, for the kinds of error that need no more than a phrase."""
    kind, seen = item["type"], item["input"]
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        return f"allowed: {', '.join(options)}{_option_meant(seen, options)}"
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        inside = record_at(record, path)
        example = f": {', '.join(inside.config_keys())}" if inside else ""
        meant = slips.keys_meant(seen) or _or_nothing(record, path, seen) or _keys_of_text(inside, path, seen)
        return f"allowed: keys on the lines below, indented{example}{meant}"
    phrases = {
        "string_type": f"allowed: text{_text_meant(seen)}",
        "bool_type": f"allowed: true or false{slips.truth_meant(seen)}",
        "bool_parsing": f"allowed: true or false{slips.truth_meant(seen)}",
        "tuple_type": f"allowed: a list, each entry on its own line after a dash, or as in [7, 14, 21]"
        f"{_list_meant(record, path, seen)}",
        "string_pattern_mismatch": f"allowed: letters, digits and _ . - with a letter first{slips.text_meant(seen)}",
        "string_too_long": f"allowed: at most {item.get('ctx', {}).get('max_length')} characters",
    }
    return phrases.get(kind, str(item["msg"]))


def _option_meant(seen: Any, options: list[str]) -> str:
    if not isinstance(seen, str):
        return ""
    word = OPTIONS.get(seen.strip().lower(), "")
    codes = slips.codes_meant(seen) if options == ["all"] else ""
    return f"; did you mean {word}?" if word in options else codes or did_you_mean(seen, options)


def _text_meant(seen: Any) -> str:
    """For a list, keys or a number where a text belongs."""
    if isinstance(seen, list):
        return (
            f"; without the brackets: did you mean {cut(seen[0])}?"
            if len(seen) == 1 and isinstance(seen[0], str)
            else ""
        )
    if isinstance(seen, Mapping):
        said = "".join(f"{key}: {value}" for key, value in seen.items()) if len(seen) == 1 else ""
        return f'; a text with a colon in quotes: "{cut(said)}"' if said else ""
    return "; put it in quotes"


def _list_meant(record: type[Record], path: Path, seen: Any) -> str:
    here = record_at(record, path[:-1])
    field = here.config_keys().get(str(path[-1])) if here else None
    entries = kind_of(field).removeprefix("list of ") if field else ""
    if seen is None and field is not None and not field.is_required():
        return "; for none write []"
    return slips.list_meant(seen, entries)


def _keys_of_text(inside: type[Record] | None, path: Path, seen: Any) -> str:
    """For a name where a group of keys belongs that begins with that name."""
    keys = inside.config_keys() if inside else {}
    first = next(iter(keys), "")
    named = isinstance(seen, str) and first and slips.NAME.fullmatch(seen)
    return f"; did you mean {{{first}: {cut(seen)}}}?" if named and "text" in kind_of(keys[first]) else ""


def _unknown_key(record: type[Record], path: Path, seen: Any) -> str:
    here = record_at(record, path[:-1])
    near, slip = _nearest_key(record, path), slips.key_meant(str(path[-1]))
    if slip:
        return f"no key; {slip}"
    head, _, tail = str(path[-1]).partition(".")
    if here and tail and head in here.config_keys():
        return f"unknown key; a key of {head} stands on a line below it, indented: {tail}: {cut(str(seen))}"
    elsewhere = [key.path for key in keys_of(record) if key.name == path[-1]]
    same = near and (_stem(near) == _stem(str(path[-1])) or get_close_matches(str(path[-1]), [near], cutoff=0.8))
    if elsewhere and not same:
        return f"unknown key; it belongs at {elsewhere[0]}"
    allowed = f"allowed here: {', '.join(here.config_keys())}" if here else "no key is allowed here"
    if near:
        allowed = allowed if here and len(here.config_keys()) <= 10 else ""
        return f"unknown key; did you mean {near}{_value_meant(near, str(path[-1]), seen)}? {allowed}".strip()
    return f"unknown key; {allowed}"


def _nearest_key(record: type[Record], path: Path) -> str | None:
    """The key meant at the end of ``path``: a letter off, else the same name with another unit, else the nearest."""
    here = record_at(record, path[:-1])
    if here is None:
        return None
    names, wanted = {name.lower(): name for name in here.config_keys()}, str(path[-1])
    stems = {_stem(name): name for name in here.config_keys()}
    slip, near = (get_close_matches(wanted.lower(), names, n=1, cutoff=least) for least in (0.9, 0.6))
    if not slip and _stem(wanted) in stems:
        return stems[_stem(wanted)]
    if not slip and (called := KEYS.get(_snake(wanted), "")) in here.config_keys():
        return called
    begins = [name for name in here.config_keys() if _snake(wanted).startswith(f"{name}_")]
    if not slip and begins:
        return max(begins, key=len)
    return names[near[0]] if near else None


def _value_meant(near: str, typed: str, seen: Any) -> str:
    """``": 70"``, the value in the unit of the ``near`` key, else that unit where the key does not spell it out."""
    unit, said = unit_of(near), _snake(typed)
    number = slips.converted(seen, "per week" if said.endswith("per_week") else said.split("_")[-1], unit)
    if number is not None and near != typed:
        return f": {number:.4g}"
    return f", in {unit}" if unit and unit not in ("days", "mg", "per week", "0 to 1", "steps per day") else ""


def _snake(name: str) -> str:
    """A key as it is written here: treatmentDays, treatment-days and "treatment days" as treatment_days."""
    return re.sub(r"[-\s]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()


def _stem(name: str) -> str:
    head, _, tail = name.rpartition("_")
    return head.lower() if head and tail in slips.UNIT_WORDS else name.lower()


def _missing(record: type[Record], path: Path) -> str:
    here = record_at(record, path[:-1])
    field = here.config_keys().get(str(path[-1])) if here else None
    unit = unit_of(str(path[-1]))
    meaning = f": {field.description}" if field and field.description else ""
    return f"this key is needed and missing{meaning}{f' ({unit})' if unit else ''}"


def _too_short(name: str, least: int) -> str:
    things = {"arms": "arms", "days": "visits", "steps": "steps", "ladder_mg": "doses", "times_h": "times"}.get(
        name, "entries"
    )
    return (
        f"seen no {things}; allowed: at least {least}" if least == 1 else f"too few {things}; allowed: at least {least}"
    )


def _number(name: str, kind: str) -> str:
    unit = unit_of(name)
    plain = "a plain whole number" if kind.startswith("int") else "a plain number"
    if not unit or unit == "0 to 1":
        return plain + (" from 0 to 1" if unit else "")
    return f"{plain}{' ' if 'per ' in unit else ' in '}{unit} (units are in the key name)"


def _shown(seen: Any) -> str:
    words = {None: "nothing", True: "true", False: "false"}
    text = (
        words[seen] if seen is None or isinstance(seen, bool) else str(seen) if isinstance(seen, date) else repr(seen)
    )
    return cut(text)
