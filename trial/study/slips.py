"""What a person meant who typed something that YAML, or a key, takes differently: the slip by its name, and the cure.

Functions of texts; they know nothing of studies. An answer is "" when no slip is seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

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
    "/nl": "10^9/L", "/ul": "/uL", "/µl": "/uL", "/μl": "/uL", "/mm3": "/uL", "/l": "/L",
}  # fmt: skip
UNIT_WORDS = {*ALIASES, *ALIASES.values(), *(unit for unit, _ in FACTORS)}
UNIT_WORDS |= {"mg", "kg", "ng", "minutes", "1e9L", "1e9", "uL", "mL", "pct", "weeks", "months"}
TYPED = {"−": "-", "–": "-", "—": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "٫": "."}
QUOTES = "\"'“”„‘’‚«»`"
NUMBER = r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:[eE][-+]?\d+)?"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
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
    if isinstance(seen, list) and len(seen) == 2 and all(type(part) is int and part >= 0 for part in seen):
        return f"; a decimal point, no comma and no brackets: did you mean {seen[0]}.{seen[1]}?"
    if isinstance(seen, date):
        return "; days are counted from the first dose, which is on day 0: no calendar dates" * (unit == "days")
    if not isinstance(seen, str) or len(seen) > 60:
        return ""
    text = _plain(seen)
    if re.fullmatch(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", text):
        return "; a calendar date; days are counted from the first dose, which is on day 0"
    if text.lower() in WORDS:
        return f"; in digits: {WORDS.index(text.lower())}"
    if re.fullmatch(rf"{NUMBER}\s*(?:-|to|\.\.)\s*{NUMBER}", text):
        return "; a range; give one number"
    for pattern, what in COMPARED:
        if match := re.fullmatch(pattern, text):
            return f"; {what}: did you mean {_number(match[1], whole):g}?"
    return _with_unit(text, unit, whole)


def _plain(seen: str) -> str:
    """Text with the signs and spaces of a word processor made plain, without quotes around it."""
    return "".join(TYPED.get(c, c) for c in seen).strip().strip(QUOTES).strip()


COMPARED = (
    (rf"(?:<=|>=|=<|=>|<|>|≤|≥|=|==)\s*({NUMBER})", "without the sign, the key says how it is compared"),
    (rf"(?:~|≈|ca\.?|about|approx\.?)\s*({NUMBER})", "one exact number"),
    (rf"({NUMBER})\s*[;,.]", "nothing after the number"),
    (rf"({NUMBER})#.*", "a comment begins with a space and #"),
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


def list_meant(seen: Any) -> str:
    """``"; did you mean [7, 14]?"`` for a list without its brackets, and for other marks between its entries."""
    if not isinstance(seen, str) or len(seen) > 300:
        return ""
    text = _plain(seen)
    if re.fullmatch(rf"-{NUMBER}(?:\s+-{NUMBER})*", text) and text.startswith("-"):
        return "; each entry on its own line, with a space after the dash: - 7"
    inside = text.strip("()[]{}")
    parts = [part for part in re.split(r"\s*[;,/|]\s*|\s+(?:and\s+)?", inside) if part]
    if parts and all(re.fullmatch(r"[-+]?\d+(?:\.\d+)?", part) for part in parts):
        return f"; did you mean [{', '.join(parts)}]?"
    return ""


def entry_meant(seen: Any) -> str:
    """For the only entry of a list: the numbers it holds, with commas between them."""
    meant = list_meant(seen) if isinstance(seen, str) and re.search(r"[\s;/|]", seen.strip()) else ""
    return f"; commas between the entries: {meant[2:]}" if meant else ""


def truth_meant(seen: Any) -> str:
    """``"; did you mean true?"`` for yes, no, on, off, 1 and 0."""
    word = str(seen).strip().lower() if isinstance(seen, str | int) else ""
    return "; did you mean true?" if word in YES else "; did you mean false?" if word in NO else ""


def nothing_meant(seen: Any) -> str:
    """For a word that says nothing, where nothing may stand."""
    said = "" if seen is False else seen
    return "; for nothing write null" if isinstance(said, str) and said.strip().lower() in NONE else ""


def decimals_meant(values: Sequence[float]) -> str:
    """For numbers that do not increase: whether they do when every second one is the decimals of the one before."""
    if len(values) < 2 or len(values) % 2 or any(v < 0 or v != int(v) for v in values):
        return ""
    texts = [f"{a:.0f}.{b:.0f}" for a, b in zip(values[::2], values[1::2], strict=True)]
    rising = all(float(a) < float(b) for a, b in pairwise(texts))
    return f"; decimal points, no commas: did you mean [{', '.join(texts)}]?" if rising else ""


def key_meant(seen: str) -> str:
    """For a key that holds more than a key: a value after a colon without a space, an equals sign, a mark before it."""
    if match := re.fullmatch(rf"({KEY})\s*[:：]\s*(\S.*)", seen):
        return f"a space belongs after the colon: {match[1]}: {match[2]}"
    if match := re.fullmatch(rf"({KEY})\s*(?:=|:=|->)\s*(\S.*)", seen):
        return f"a colon and a space instead of the sign: {match[1]}: {match[2]}"
    if re.match(r"(//|;|--|/\*)", seen):
        return "a comment begins with #"
    if re.match(r"[•·*–—−]\s*", seen):
        return "an entry of a list begins with a dash and a space"
    if seen != _plain(seen):
        return f"quotes or spaces of a word processor: did you mean {_plain(seen)}?"
    return ""


def keys_meant(seen: Any) -> str:
    """For a text where keys belong."""
    if not isinstance(seen, str):
        return ""
    meant = key_meant(seen.strip().split("\n")[0])
    return f"; {meant}" if meant else ""


def text_meant(seen: Any) -> str:
    """For an id that holds quotes of a word processor."""
    plain = _plain(seen) if isinstance(seen, str) else seen
    return f"; did you mean {plain}?" if isinstance(seen, str) and plain != seen and plain else ""
