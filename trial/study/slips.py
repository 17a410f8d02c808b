"""What a person meant who typed something that YAML, or a key, takes differently: the slip by its name, and the cure.

Functions of texts; they know nothing of studies. An answer is "" when no slip is seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from trial.errors import cut

MOST_MEANT = 200
"""Characters of what is shown as meant."""
FACTORS = {
    ("ug", "mg"): 1e-3,
    ("mcg", "mg"): 1e-3,
    ("µg", "mg"): 1e-3,
    ("μg", "mg"): 1e-3,
    ("g", "mg"): 1e3,
    ("weeks", "days"): 7,
    ("months", "days"): 365.25 / 12,
    ("hours", "days"): 1 / 24,
    ("months", "years"): 1 / 12,
    ("weeks", "years"): 7 / 365.25,
    ("days", "years"): 1 / 365.25,
    ("years", "days"): 365.25,
    ("days", "hours"): 24,
    ("min", "hours"): 1 / 60,
    ("/L", "10^9/L"): 1e-9,
    ("/uL", "10^9/L"): 1e-3,
    ("days", "per week"): 7,
    ("months", "per week"): 7 / (365.25 / 12),
    ("years", "per week"): 7 / 365.25,
    ("ug/mL", "ng/mL"): 1e3,
    ("mg/L", "ng/mL"): 1e3,
    ("ug/L", "ng/mL"): 1.0,
    ("pg/mL", "ng/mL"): 1e-3,
    ("%", ""): 0.01,
    ("%", "per week"): 0.01,
    ("%", "0 to 1"): 0.01,
}
ALIASES = {
    "d": "days", "day": "days", "h": "hours", "hr": "hours", "hrs": "hours", "hour": "hours",
    "y": "years", "yr": "years", "yrs": "years", "year": "years", "mo": "months", "month": "months",
    "w": "weeks", "wk": "weeks", "wks": "weeks", "week": "weeks", "minutes": "min", "minute": "min", "mins": "min",
    "percent": "%", "pct": "%", "%/week": "%", "% per week": "%", "mgs": "mg", "milligram": "mg",
    "mg/day": "mg", "mg daily": "mg", "mg qd": "mg", "mg once daily": "mg",
    "10^9/l": "10^9/L", "x10^9/l": "10^9/L", "x 10^9/l": "10^9/L", "×10^9/l": "10^9/L", "× 10^9/l": "10^9/L",
    "e9/l": "10^9/L", "10e9/l": "10^9/L", "10*9/l": "10^9/L", "x10e9/l": "10^9/L", "g/l": "10^9/L", "giga/l": "10^9/L",
    "ug/ml": "ug/mL", "µg/ml": "ug/mL", "μg/ml": "ug/mL", "mcg/ml": "ug/mL", "mg/l": "mg/L", "ug/l": "ug/L",
    "µg/l": "ug/L", "μg/l": "ug/L", "pg/ml": "pg/mL", "ng/ml": "ng/mL", "ul": "/uL",
    "/nl": "10^9/L", "/ul": "/uL", "/µl": "/uL", "/μl": "/uL", "/mm3": "/uL", "/l": "/L",
}  # fmt: skip
UNIT_WORDS = {*ALIASES, *ALIASES.values(), *(unit for unit, _ in FACTORS)}
UNIT_WORDS |= {"mg", "kg", "ng", "minutes", "1e9L", "1e9", "uL", "mL", "pct", "weeks", "months"}
SERIES = {"daily": 1, "weekly": 7, "biweekly": 14, "fortnightly": 14}
INVISIBLE = dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad", "")
TYPED = INVISIBLE | {"−": "-", "–": "-", "—": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "٫": "."}
QUOTES = "\"'“”„‘’‚«»`"
NUMBER = r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NAME = re.compile(r"[A-Za-z]\w*(?:[.-]\w+)*")
YES, NO = ("yes", "y", "on", "1", "ja", "oui", "si", "wahr"), ("no", "n", "off", "0", "nein", "non", "falsch")
NONE = ("none", "nil", "n/a", "na", "-", "nothing", "no", "keine", "false", "")
KEY = r"[A-Za-z_][\w.]*"


def converted(number: Any, unit: str, wanted: str) -> float | None:
    """``number`` in the ``wanted`` unit; None when that is unknown."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    said = ALIASES.get(unit, ALIASES.get(unit.lower(), unit))
    if said == wanted or (said == "mg" and wanted == "mg"):
        return float(number)
    factor = FACTORS.get((said, wanted))
    return None if factor is None else float(f"{number * factor:.12g}")


def number_meant(seen: Any, unit: str, whole: bool) -> str:
    """``"; did you mean 5?"`` for a value such as "5 mg", "5000 ug", "2,5", "<30", and what the slip was."""
    if isinstance(seen, float) and whole and seen.is_integer() and abs(seen) < 1e15:
        return f"; did you mean {seen:.0f}?"
    if isinstance(seen, list):
        return _not_a_list(seen)
    if isinstance(seen, date):
        return "; days are counted from the first dose, which is on day 0: no calendar dates" * (unit == "days")
    if not isinstance(seen, str) or len(seen) > 60:
        return ""
    text = _plain(seen)
    if re.fullmatch(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", text):
        return "; a calendar date; days are counted from the first dose, which is on day 0"
    if text.lower() in WORDS:
        return f"; in digits: {WORDS.index(text.lower())}"
    return _several(text, unit, whole) or _compared(text, whole) or _with_unit(text, unit, whole)


def _not_a_list(seen: Sequence[Any]) -> str:
    """For a list where one number belongs."""
    if len(seen) == 2 and all(type(part) is int and part >= 0 for part in seen):
        return f"; a decimal point, no comma and no brackets: did you mean {seen[0]}.{seen[1]}?"
    one = len(seen) == 1 and isinstance(seen[0], int | float)
    return f"; without the brackets: did you mean {seen[0]}?" if one else "; one number, no list"


def _several(text: str, unit: str, whole: bool) -> str:
    """For what is made of two numbers, or of a word and a number: a range, a ratio, a fraction, a time, "week 8"."""
    if re.fullmatch(rf"{NUMBER}\s*(?:-|to|bis|à|\.\.)\s*{NUMBER}", text):
        return "; a range; give one number"
    if (match := re.fullmatch(r"(\d{1,3}):([0-5]\d)", text)) and unit == "hours":
        return f"; a time of the clock; in hours: did you mean {int(match[1]) + int(match[2]) / 60:.4g}?"
    if re.fullmatch(r"\d+(?::\d+)+", text):
        return "; a ratio; one number, every arm has its own"
    fraction = re.fullmatch(r"(\d+)\s*/\s*(\d+)", text)
    if fraction and not whole and int(fraction[2]):
        return f"; a fraction: did you mean {int(fraction[1]) / int(fraction[2]):.4g}?"
    if (
        match := re.fullmatch(r"(?:every\s+)?([A-Za-z]+)\s*(\d+)|every\s+(\d+)\s+([A-Za-z]+)", text)
    ) and unit == "days":
        meant = converted(int(match[2] or match[3]), match[1] or match[4], unit)
        return f"; did you mean {meant:g}?" if meant else ""
    if text.lower() in SERIES and unit == "days":
        return f"; in days: did you mean {SERIES[text.lower()]}?"
    return ""


def _compared(text: str, whole: bool) -> str:
    for pattern, what in COMPARED:
        if match := re.fullmatch(pattern, text):
            return f"; {what}: did you mean {_number(match[1], whole):g}?"
    return ""


def grouped(typed: str) -> str:
    """For a number with points between groups of three digits, which YAML takes for decimals: 1.000 as 1."""
    points = re.fullmatch(r"\d{1,3}(?:\.\d{3})+", typed)
    return f"; a point begins decimals: did you mean {typed.replace('.', '')}?" if points else ""


def inside_bound(seen: Any, unit: str, most: float | None) -> str:
    """For a number above its limit: a percentage where a fraction belongs, micrograms where mg do."""
    if most is None or isinstance(seen, bool) or not isinstance(seen, int | float):
        return ""
    if unit in ("", "0 to 1") and most == 1 and 1 < seen < 100:
        return f"; did you mean {seen / 100:.6g}, for {seen:g} %?"
    if unit == "mg" and 1000 <= seen <= 1000 * most:
        return f"; did you mean {seen / 1000:g}, for {seen:g} µg?"
    return ""


def _plain(seen: str) -> str:
    """Text with the signs and spaces of a word processor made plain, without quotes around it."""
    return "".join(TYPED.get(c, c) for c in seen).strip().strip(QUOTES).strip()


COMPARED = (
    (rf"(?:<=|>=|=<|=>|<|>|≤|≥|=|==)\s*({NUMBER})", "without the sign, the key says how it is compared"),
    (rf"(?:~|≈|ca\.?|about|approx\.?)\s*({NUMBER})", "one exact number"),
    (rf"({NUMBER})\s*[;,.]", "nothing after the number"),
    (rf"({NUMBER})\s*(?:(?:#|//|/\*|--|%%).*|;\s*[^\W\d].*)", "a comment begins with a space and #"),
    (rf"({NUMBER})\s*\(.*\)", "nothing after the number"),
    (rf"({NUMBER})\s*(?:\+/-|\+-|±)\s*.*", "one number; a spread has a key of its own"),
)


def _number(text: str, whole: bool) -> float:
    """The number of a text with decimal point or comma; of a whole number, comma or point and three digits group."""
    if whole and re.fullmatch(r"[-+]?\d{1,3}(?:[.,]\d{3})+", text):
        return float(re.sub("[.,]", "", text))
    return float(text.replace(",", "."))


def _with_unit(text: str, unit: str, whole: bool) -> str:
    grouped = re.fullmatch(r"[-+]?\d{1,3}(?:[ '’_]\d{3})+(?:[.,]\d+)?|[-+]?\d{1,3}(?:,\d{3})+\.\d+", text)
    if grouped:
        digits = re.sub(r"[ '’_]", "", text)
        digits = digits.replace(",", "") if "." in digits else digits.replace(",", ".")
        return f"; nothing between the digits: did you mean {float(digits):.12g}?"
    looks = re.sub("[lI|]", "1", re.sub("[oO]", "0", text))
    if looks != text and any(c.isdigit() for c in text) and re.fullmatch(NUMBER, looks):
        return f"; a letter among the digits: did you mean {float(looks.replace(',', '.')):g}?"
    match = re.fullmatch(rf"({NUMBER})\s*([^\d\s].*)?", text)
    if match is None:
        return "; a number is written in digits" if len(text) > 2 and re.sub("[ -]", "", text).isalpha() else ""
    number = _number(match[1], whole)
    meant = number if not match[2] else converted(number, match[2].strip(), unit)
    if meant is None or (whole and match[2] and abs(meant) > 1e15):
        return ""
    return f"; did you mean {round(meant) if whole and match[2] else meant:.12g}?"


def list_meant(seen: Any, entries: str = "") -> str:
    """``"; did you mean [7, 14]?"`` for a list without its brackets or dashes, and for other marks between its entries.

    ``entries``: what belongs into the list: numbers, whole numbers, texts or groups of keys.
    """
    if isinstance(seen, Mapping):
        return _entries_meant(seen) if entries == "groups of keys" else ""
    if isinstance(seen, int | float) and not isinstance(seen, bool):
        return f"; did you mean [{seen}]?" if entries.endswith("numbers") else ""
    if not isinstance(seen, str) or len(seen) > 300:
        return ""
    text = _plain(seen)
    if re.fullmatch(r"\d+\s*(?:-|to|bis|\.\.+)\s*\d+", text):
        return "; a range; give every number"
    if re.fullmatch(rf"-{NUMBER}(?:\s+-{NUMBER})*", text) and text.startswith("-"):
        return "; each entry on its own line, with a space after the dash: - 7"
    inside = text.strip("()[]{}")
    parts = [part for part in re.split(r"\s*[;,/|]\s*|\s+(?:and\s+)?", inside) if part]
    if parts and all(re.fullmatch(r"[-+]?\d+(?:\.\d+)?", part) for part in parts):
        return f"; did you mean [{', '.join(parts)}]?"
    if entries != "texts":
        return ""
    if parts and all(NAME.fullmatch(part) for part in parts) and (len(parts) == 1 or re.search("[;,/|]", inside)):
        return f"; did you mean [{', '.join(parts)}]?"
    return f"; with a dash before it: - {cut(text)}" if " " in text else ""


def _entries_meant(seen: Mapping[Any, Any]) -> str:
    """For keys where a list of groups of keys belongs."""
    first = next(iter(seen), None)
    if first is None:
        return ""
    if all(isinstance(inside, Mapping) for inside in seen.values()):
        return f"; a dash and the name before each entry: - id: {cut(str(first))}"
    return f"; a dash before the first key of each entry: - {cut(str(first))}: {cut(str(seen[first]))}"


def codes_meant(seen: str) -> str:
    """``"; a list of codes: did you mean [A, B]?"`` for codes in one text."""
    parts = [part for part in re.split(r"[\s;,/|]+", _plain(seen).strip("()[]{}")) if part]
    codes = parts and all(re.fullmatch(r"[A-Z][A-Z0-9_]+", part) for part in parts)
    return f"; a list of codes: did you mean [{cut(', '.join(parts), MOST_MEANT)}]?" if codes else ""


def entry_meant(seen: Any) -> str:
    """For the only entry of a list: the numbers it holds, with commas between them."""
    meant = list_meant(seen) if isinstance(seen, str) and re.search(r"[\s;/|]", seen.strip()) else ""
    return f"; commas between the entries: {meant[2:]}" if meant else ""


def truth_meant(seen: Any) -> str:
    """``"; did you mean true?"`` for yes, no, on, off, 1 and 0."""
    word = str(seen).strip().lower() if isinstance(seen, str | int) else ""
    near = get_close_matches(word, ("true", "false"), n=1, cutoff=0.7)
    truth = "true" if word in YES else "false" if word in NO else near[0] if near else ""
    return f"; did you mean {truth}?" if truth else ""


def nothing_meant(seen: Any) -> str:
    """For a word that says nothing, where nothing may stand."""
    said = "" if seen is False else seen
    return "; for nothing write null" if isinstance(said, str) and said.strip().lower() in NONE else ""


def decimals_meant(typed: str) -> str:
    """For numbers out of order, as typed: whether they are in order when a comma without a space begins decimals."""
    parts = re.split(r",\s+", typed.strip("[] "))
    texts = [part.strip().replace(",", ".") for part in parts]
    if not any("," in part for part in parts) or not all(re.fullmatch(r"\d+(?:\.\d+)?", text) for text in texts):
        return ""
    rising = all(float(a) < float(b) for a, b in pairwise(texts))
    return f"; decimal points, no commas: did you mean [{cut(', '.join(texts), MOST_MEANT)}]?" if rising else ""


def key_meant(seen: str) -> str:
    """For a key that holds more than a key: a value after a colon without a space, an equals sign, a mark before it."""
    if match := re.fullmatch(rf"({KEY})\s*[:：]\s*(\S.*)", seen):
        return f"a space belongs after the colon: {match[1]}: {cut(match[2], MOST_MEANT)}"
    if match := re.fullmatch(rf"({KEY})\s*(?:=|:=|->)\s*(\S.*)", seen):
        return f"a colon and a space instead of the sign: {match[1]}: {cut(match[2], MOST_MEANT)}"
    if re.match(r"(//|;|--|/\*)", seen):
        return "a comment begins with #"
    if re.match(r"[•·*–—−]\s*", seen):
        return "an entry of a list begins with a dash and a space"
    if seen != _plain(seen):
        return f"quotes or spaces of a word processor: did you mean {cut(_plain(seen), MOST_MEANT)}?"
    return ""


def keys_meant(seen: Any) -> str:
    """For a text where keys belong."""
    if not isinstance(seen, str):
        return ""
    meant = key_meant(seen.strip().split("\n")[0])
    return f"; {meant}" if meant else ""


def text_meant(seen: Any) -> str:
    """For an id with quotes of a word processor, or with signs that no id has."""
    if not isinstance(seen, str):
        return ""
    plain = _plain(seen)
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_") if plain.isascii() else plain
    meant = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", plain)
    return f"; did you mean {cut(plain, MOST_MEANT)}?" if meant and plain != seen else ""
