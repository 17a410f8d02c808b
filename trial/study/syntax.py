"""A text that is not YAML: the line of the slip and the cure, where the reader of YAML says only where it gave up.

Functions of texts, as in ``trial.study.slips``. An answer is "" when no slip is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from trial.study.slips import KEY, NUMBER


def of_syntax(lines: Sequence[str], first: int, last: int, problem: str) -> tuple[int, str] | None:
    """The slip in the lines ``first`` to ``last`` (from 0) of a text that is not YAML: its line, and what it is.

    ``problem``: what the reader of YAML said.
    """
    if named := next((said for word, said in BY_PROBLEM if word in problem), ""):
        return last, named
    where = range(max(0, first - 1), min(last + 1, len(lines)))
    for number in where:
        if slip := next((said for find in IN_ANY_LINE if (said := find(lines[number]))), ""):
            return number, slip
    if first < last and (slip := _brackets(lines[first], "", problem) or _no_colon(lines[first], "", problem)):
        return first, slip
    entry = _without_dash(lines, last) if "found" in problem else None
    if entry is not None:
        return entry, f"no dash before this entry of a list, the next one has it: - {_bare(lines[entry])}"
    if last < len(lines):
        above = lines[last - 1] if last else ""
        if slip := next((said for find in AT_THE_ERROR if (said := find(lines[last], above, problem))), ""):
            return last, slip
    return None


BY_PROBLEM = (
    ("found another document", "another document begins here (---); one file holds one study"),
    ("unknown escape character", "a backslash inside double quotes; put the text, such as a path, in single quotes"),
)


def _without_dash(lines: Sequence[str], last: int) -> int | None:
    """The first entry of the list that goes on at line ``last`` after a dash, when it has no dash itself."""
    depth = _indent(lines[last]) if last < len(lines) and lines[last].lstrip().startswith("- ") else 0
    above = [k for k in range(last) if _bare(lines[k]) and _indent(lines[k]) < depth]
    first = above[-1] + 1 if above else last
    return first if first < last and re.match(rf"{KEY}: ", lines[first].lstrip()) else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _tab(line: str) -> str:
    if re.match(r" *\t", line):
        return "a tab at the start of the line; indent with spaces only"
    if re.match(r" *[\u00a0\u202f\u2009\u3000]", line):
        return "the space of a word processor at the start of the line; indent with plain spaces"
    return ""


def _tab_inside(line: str, above: str, problem: str) -> str:
    return "a tab in the line; type a space in its place" if "'\\t'" in problem and "\t" in line else ""


def _bare(line: str) -> str:
    """The line without indentation, dash and comment."""
    return re.sub(r"(^|\s)#.*", "", line).strip().removeprefix("- ").strip()


def _sign(line: str) -> str:
    bare = _bare(line)
    if re.match(r"(//|;|/\*|--(?!-)|%)", bare):
        return "a comment begins with #"
    if match := re.fullmatch(rf"-({KEY}:(?: .*)?)", bare):
        return f"a space belongs after the dash: - {match[1]}"
    if re.match(r"[•·]", bare) or re.match(r"[*–—−] ?[A-Za-z_]", bare):
        return "an entry of a list begins with a dash and a space: - id: A"
    if match := re.fullmatch(rf"({KEY})\s*(?:=|:=|->)\s*(\S.*)", bare):
        return f"a colon and a space instead of the sign: {match[1]}: {match[2]}"
    if match := re.fullmatch(rf"({KEY})：\s*(\S.*)", bare):
        return f"this colon is not the one of YAML: {match[1]}: {match[2]}"
    if match := re.fullmatch(rf"({KEY}):?[\u00a0\u202f\u2009]+(\S.*)", bare):
        return f"the space of a word processor; type it anew: {match[1]}: {match[2]}"
    if match := re.fullmatch(rf"({KEY})\s+({NUMBER})", bare):
        return f"a colon and a space belong between key and value: {match[1]}: {match[2]}"
    if match := re.fullmatch(rf"({KEY}):([^\s:/\\].*)", bare):
        return f"a space belongs after the colon: {match[1]}: {match[2].strip()}"
    if match := re.fullmatch(rf"({KEY}):(?:\s*)([>|]=?)\s*({NUMBER}.*)", bare):
        sign = f"{match[2]} begins a text of several lines in YAML"
        return f"{sign}; give the number without it: {match[1]}: {match[3]}"
    return ""


def _quote(line: str) -> str:
    match = re.fullmatch(rf"({KEY}):\s+(\S.*)", _bare(line))
    value = match[2] if match else ""
    if value.startswith("'") and value.count("'") % 2 and value.count("'") > 1:
        return "an apostrophe ends the text; put the text in double quotes"
    if value.startswith('"') and re.search(r'[^\\]"(?!\s*$)[^,\]}]*', value[1:]) and value.count('"') > 2:
        return "a quote inside the text ends it; put the text in single quotes"
    if value[:1] in ("'", '"') and value.count(value[0]) == 1:
        return f"the quote {value[0]} is opened and not closed"
    return ""


IN_ANY_LINE: tuple[Callable[[str], str], ...] = (_tab, _sign, _quote)


def _colon(line: str, above: str, problem: str) -> str:
    bare = _bare(line)
    match = re.fullmatch(rf"({KEY}|\"[^\"]*\"):\s+([^\"'\[{{].*: .*|[^\"'\[{{].*:)", bare)
    if "mapping values" not in problem or not match:
        return ""
    return f'a second colon in the line; a text with a colon in quotes: {match[1]}: "{match[2]}"; a key on its own line'


def _deeper(line: str, above: str, problem: str) -> str:
    inner, outer = _indent(line), _indent(above)
    has_value = re.search(r":\s+[^\s#|>]", above)
    if "mapping values" in problem and inner > outer and has_value:
        what = "this line is indented deeper than the one above, which has its value already"
        return f"{what}; one of the two begins in the wrong column"
    if "expected <block end>" in problem or ("expected ','" not in problem and "block" in problem):
        return "the indentation fits no line above; keys of one group begin in the same column, entries with a dash"
    return ""


def _start(line: str, above: str, problem: str) -> str:
    bare = _bare(line)
    match = re.fullmatch(rf"({KEY}):\s*([@`%&*!|>?,\]}}-].*)", bare)
    if match and match[2].startswith("- "):
        return f"a list begins on the line below its key, each entry after a dash: {match[1]}:"
    if match and match[2][:1] != ",":
        alias = f"no anchor &{match[2][1:]} stands above it; " if "undefined alias" in problem else ""
        return f'{alias}a text that begins with {match[2][0]} in quotes: {match[1]}: "{match[2]}"'
    return ""


def _brackets(line: str, above: str, problem: str) -> str:
    if re.search(r",\s*,", line):
        return "two commas with nothing between them"
    for opened, closed in ("[]", "{}"):
        if line.count(opened) > line.count(closed):
            return f"the {opened} is not closed by {closed}"
        if line.count(opened) < line.count(closed):
            return f"a {closed} without its {opened}"
    return ""


def _no_colon(line: str, above: str, problem: str) -> str:
    bare = _bare(line)
    if bare and ":" not in bare and "could not find expected ':'" in problem:
        return "no colon in the line; a key ends with a colon and a space"
    return ""


AT_THE_ERROR: tuple[Callable[[str, str, str], str], ...] = (_tab_inside, _colon, _start, _brackets, _no_colon, _deeper)
