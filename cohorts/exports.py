"""Patients as a hospital exports them: any separator, decimal comma or point, other headers, units in cells.

An export becomes the columns of ``cohorts.brought`` as texts, one row per patient, with the file's own id as ID and
every other column as it was. What was taken for what is said, not guessed in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cohorts.brought import ID, MOST_BYTES, OPTIONAL, REQUIRED, PatientsError, csv_columns, repeated_ids
from cohorts.covariates import CATEGORIES
from cohorts.files import UnreadableError, contents

SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
HEADS: dict[str, tuple[str, ...]] = {
    ID: ("id", "patientid", "patient", "subject", "subjectid", "subjid", "usubjid", "mrn", "pid", "patid", "patnr",
         "patientno", "patientnumber", "patientennummer", "caseid", "fallnummer", "recordid", "nr", "no"),
    "AGE": ("age", "ageyears", "agey", "patientage", "alter"),
    "SEX": ("sex", "gender", "geschlecht"),
    "HEIGHT": ("height", "heightcm", "heightm", "bodyheight", "ht", "groesse", "grosse", "korpergrosse",
               "koerpergroesse"),
    "WEIGHT": ("weight", "weightkg", "bodyweight", "bodyweightkg", "wt", "gewicht", "korpergewicht", "koerpergewicht"),
    "ITPDUR": ("itpdur", "itpduration", "durationofitp", "duration", "diseaseduration", "timesincediagnosis",
               "itpdurationyears", "itpdurationmonths", "krankheitsdauer"),
    "SPLENFL": ("splenfl", "splenectomy", "splenectomised", "splenectomized", "priorsplenectomy", "splenektomie"),
    "CONITPFL": ("conitpfl", "concomitantitp", "concomitant", "concomitantitptreatment", "concomitantitpmedication",
                 "concomitanttherapy", "concomitanttreatment", "comedication", "begleittherapie"),
    "BLPLAT": ("blplat", "platelets", "plateletcount", "platelet", "plt", "plts", "pltcount", "baselineplatelets",
               "baselineplateletcount", "screeningplatelets", "thrombocytes", "thrombozyten"),
    "BLBLEED": ("blbleed", "bleeding", "bleedinggrade", "whobleeding", "whobleedinggrade", "whograde"),
}  # fmt: skip
"""Headers that are understood, without spaces, marks and capitals."""
YEARS = {"": 1.0, "y": 1.0, "yr": 1.0, "yrs": 1.0, "year": 1.0, "years": 1.0, "a": 1.0, "jahr": 1.0, "jahre": 1.0,
         "m": 1 / 12, "mo": 1 / 12, "mon": 1 / 12, "month": 1 / 12, "months": 1 / 12, "monat": 1 / 12, "monate": 1 / 12,
         "w": 7 / 365.25, "wk": 7 / 365.25, "week": 7 / 365.25, "weeks": 7 / 365.25, "d": 1 / 365.25,
         "day": 1 / 365.25, "days": 1 / 365.25}  # fmt: skip
GIGA = ("", "10^9/l", "10e9/l", "x10^9/l", "×10^9/l", "x10e9/l", "10*9/l", "e9/l", "g/l", "gpt/l", "giga/l", "/nl",
        "10^3/ul", "10e3/ul", "x10^3/ul", "k/ul", "tsd/ul", "10*3/ul", "10^3/mm3", "k/mm3")  # fmt: skip
UNITS: dict[str, dict[str, float]] = {
    "AGE": YEARS,
    "ITPDUR": YEARS,
    "HEIGHT": {"": 1.0, "cm": 1.0, "m": 100.0, "mm": 0.1, "in": 2.54, "inch": 2.54, "inches": 2.54},
    "WEIGHT": {"": 1.0, "kg": 1.0, "g": 0.001, "lb": 0.45359237, "lbs": 0.45359237, "pounds": 0.45359237},
    "BLPLAT": {**dict.fromkeys(GIGA, 1.0), "/ul": 1e-3, "/mm3": 1e-3, "/l": 1e-9, "/cmm": 1e-3},
    "BLBLEED": {"": 1.0, "grade": 1.0},
}
"""What a number in this unit is multiplied by, without spaces and capitals."""
YES_NO = {"y": "Y", "yes": "Y", "ja": "Y", "j": "Y", "1": "Y", "true": "Y", "n": "N", "no": "N", "nein": "N", "0": "N",
          "false": "N", "none": "N"}  # fmt: skip
WORDS: dict[str, dict[str, str]] = {
    "SEX": {"f": "F", "female": "F", "w": "F", "weiblich": "F", "woman": "F", "frau": "F", "m": "M", "male": "M",
            "mannlich": "M", "man": "M", "mann": "M"},
    "SPLENFL": YES_NO,
    "CONITPFL": YES_NO,
}  # fmt: skip


@dataclass(frozen=True)
class Export:
    """A file as it was found: how it is written, its columns of texts, and the line of the file of every row."""

    path: Path
    encoding: str
    separator: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]


@dataclass(frozen=True)
class Mapped:
    """The columns of ``cohorts.brought``: where each came from, its texts, and what was changed, in words."""

    sources: Mapping[str, str]
    columns: Mapping[str, Sequence[str]]
    changes: Sequence[str]


def read_export(path: Path) -> Export:
    """A delimited text of any of SEPARATORS. Raises PatientsError."""
    try:
        raw = contents(path, MOST_BYTES)
    except UnreadableError as error:
        raise PatientsError(path, [str(error)]) from None
    text, encoding = _decoded(path, raw)
    separator = max(SEPARATORS, key=next((line for line in text.splitlines() if line.strip()), "").count)
    columns, lines = csv_columns(path, text, separator)
    if not lines:
        raise PatientsError(path, ["there are no patients in it"])
    return Export(path, encoding, separator, columns, lines)


def _decoded(path: Path, raw: bytes) -> tuple[str, str]:
    marked = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    for encoding in (marked, "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text, "UTF-8" if encoding == "utf-8-sig" else encoding
    raise PatientsError(path, ["this is no text; export it as CSV"])


def mapped(export: Export, given: Mapping[str, str], values: Mapping[str, str]) -> Mapped:
    """The columns of ``cohorts.brought``: ``given`` by {name: header}, else by HEADS; ``values`` for columns that the
    file lacks. Raises PatientsError with every cell that cannot be read.
    """
    sources = _sources(export, given, values)
    changes: list[str] = []
    problems: list[str] = []
    n = len(export.lines)
    columns: dict[str, Sequence[str]] = {}
    for name, header in sources.items():
        if name in UNITS:
            columns[name] = _numbers(export, name, header, changes, problems)
        elif name in WORDS:
            columns[name] = _words(export, name, header, changes)
        else:
            columns[name] = export.columns[header]
    problems += [*repeated_ids(columns.get(ID, ()), export.lines)]
    if problems:
        raise PatientsError(export.path, problems)
    columns |= {name: [value] * n for name, value in values.items()}
    changes += [f"{name}: {value} for every patient, as asked" for name, value in values.items()]
    used = set(sources.values())
    left = {h: cells for h, cells in export.columns.items() if h not in used}
    order = [name for name in (ID, *REQUIRED, *OPTIONAL) if name in columns]
    kept = {h if h not in order else f"{h}_": cells for h, cells in left.items()}
    return Mapped(sources, {name: columns[name] for name in order} | kept, changes)


def _sources(export: Export, given: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Header of each column that there is."""
    known = (ID, *REQUIRED, *OPTIONAL)
    wrong = [
        f"{name}: no column of patients; allowed: {', '.join(known)}"
        for name in {**given, **values}
        if name not in known
    ]
    wrong += [
        f"{name}: the file has no column {header!r}; it has: {', '.join(export.columns)}"
        for name, header in given.items()
        if header not in export.columns
    ]
    if wrong:
        raise PatientsError(export.path, wrong)
    free = {header: _plain(header) for header in export.columns if header not in given.values()}
    found = dict(given)
    for name in known:
        fits = [h for h, plain in free.items() if plain in HEADS[name]]
        if name in found or name in values or not fits:
            continue
        if len(fits) > 1:
            which = ", ".join(map(repr, fits))
            raise PatientsError(export.path, [f"{name}: could be any of {which}; say which with --map {name}=HEADER"])
        found[name] = fits[0]
    return {name: found[name] for name in known if name in found}


def _plain(text: str) -> str:
    """A header or word without unit in brackets, spaces, marks, accents and capitals."""
    bare = re.sub(r"[(\[].*?[)\]]", "", text).replace("ß", "ss")
    ascii_only = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", ascii_only.lower())


def _unit_plain(text: str) -> str:
    return re.sub(r"[\s.]", "", text.lower().replace("µ", "u").replace("μ", "u"))


def _unit_of_header(name: str, header: str) -> str:
    inside = re.search(r"[(\[](.*?)[)\]]", header)
    tail = re.search(r"[_ ,]([A-Za-zµμ/^0-9]+)$", header)
    for match in (inside, tail):
        if match and _unit_plain(match[1]) in UNITS[name]:
            return _unit_plain(match[1])
    return ""


def _numbers(export: Export, name: str, header: str, changes: list[str], problems: list[str]) -> list[str]:
    """A column as numbers in its own unit; ``changes`` hear what was done, ``problems`` what cannot be read."""
    of_header, done, texts = _unit_of_header(name, header), Counter[str](), []
    for line, cell in zip(export.lines, export.columns[header], strict=True):
        number, unit = _split(cell)
        unit = unit or of_header
        if number is None or unit not in UNITS[name]:
            if cell:
                problems.append(f"line {line}: {header}: seen {cell!r}; {_why(name, number, unit)}")
            texts.append("")
            continue
        factor = UNITS[name][unit]
        thousands = factor == 1e-3 and bool(re.fullmatch(r"\d{1,3}([.,]\d{3})+", number))
        value = float(re.sub("[.,]", "", number) if thousands else number.replace(",", ".")) * factor
        done["decimal comma"] += "," in number and not thousands
        done[f"{unit} as {_own_unit(name)}"] += factor != 1.0
        texts.append(f"{value:.10g}")
    changes += [f"{name}: {what} in {k} rows" for what, k in done.items() if k]
    return texts


def _why(name: str, number: str | None, unit: str) -> str:
    if number is None:
        return "this is no number"
    return f"unknown unit {unit!r}; allowed: {', '.join(u for u in UNITS[name] if u)}"


def _own_unit(name: str) -> str:
    return {"AGE": "y", "ITPDUR": "y", "HEIGHT": "cm", "WEIGHT": "kg", "BLPLAT": "10^9/L"}.get(name, "")


def _split(cell: str) -> tuple[str | None, str]:
    """The number of a cell, without the separators of millions, and its unit, plain; None where it is no number."""
    match = re.fullmatch(r"([-+]?\d+(?:[.,]\d+)*)\s*(.*)", cell.replace("\u00a0", " ").strip())
    if match is None:
        return None, ""
    if re.fullmatch(r"\d{1,3}([.,])\d{3}(?:\1\d{3})+", match[1]):
        return re.sub("[.,]", "", match[1]), _unit_plain(match[2])
    return (match[1] if len(re.findall("[.,]", match[1])) < 2 else None), _unit_plain(match[2])


def _words(export: Export, name: str, header: str, changes: list[str]) -> list[str]:
    """A column in the words that are used here; one that is not known stays, for the check to name."""
    texts = [WORDS[name].get(_plain(cell), cell) for cell in export.columns[header]]
    changed = {(a, b) for a, b in zip(export.columns[header], texts, strict=True) if a != b}
    said = ", ".join(f"{a} as {b}" for a, b in sorted(changed))
    allowed = CATEGORIES[name]
    changes += [f"{name}: {said}"] if changed and set(texts) <= {*allowed, ""} else []
    return texts
