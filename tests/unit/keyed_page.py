"""A report read back: its elements with keys, what stands outside them, and the values in the files of the folder."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from analysis.text import cells
from cohorts.adverse_events import proxy

VOID = {"meta", "link", "br", "hr", "img"}
BARE = {
    "svg": "a drawing; figures draw the courses of the replicates kept",
    "nav": "the contents name tables by number",
    "details": "the contents again",
    "a": "a link to a numbered item",
    "h1": "a title", "h2": "a title", "h3": "a title, with the number of the table", "h4": "the name of an arm",
    "dt": "the name of a fact",
    "pre": "equations, and the command that makes the run again",
    "footer": "the line of .made",
}  # fmt: skip
"""Elements whose digits are no numbers of the run, with the reason."""
BARE_CLASSES = {
    "label": "a name of an arm, endpoint, dose level, code, file or source, as the study or catalogue has it",
    "heading": "the line that names an endpoint",
    "made": "what made the run; stands with keys under Provenance",
    "legend": "names of dose levels beside their colour",
    "study": "the id of the study",
}
BARE_SECTIONS = {
    "assumptions": "sentences of the config as they stand",
    "citations": "references as they stand",
}
FIXED = {
    r"95 %": "the level of every interval",
    r"2\.5 to 97\.5 %": "what the range is",
    r"p < 0\.05": "the level of the tests",
    r"sqrt\(p\(1-p\)/R\)": "a formula",
    r"SD with n - 1": "a formula",
    r"day 7 × week": "a formula",
    r"[TF] 14(\.\d+)+": "the number of a table or figure",
    r"10⁹": "a unit",
    r"per 100 patient-years": "a unit",
    r"Per 100 patient-years": "a unit",
    r"fewer than 10 replicates": "the rule of the scorecard",
    r"250 \(tolerability proxy PLT250\)": "the definition of an endpoint",
    r"\b[A-Z]+\d+\b|cp95|printed95|sha256": "a code",
    r"whose first day is day 0|on day 0": "how days are counted",
    r"cycle 1": "the first cycle",
    r"A ratio above 1": "how a ratio is read",
    r"2 figures|count above 150": "a definition",
}
"""Words with digits that no run changes, with the reason."""


@dataclass
class Element:
    """An element of the page: its tag, attributes, and text with everything below it."""

    tag: str
    attributes: dict[str, str | None]
    place: tuple[str, ...] = ()
    text: str = ""


@dataclass
class Page(HTMLParser):
    """``keyed``: the elements with keys; ``bare``: texts outside them that must hold no digit; both in order."""

    html: str
    keyed: list[Element] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[Element] = []
        self.heads: list[dict[str, str | None]] = []
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        element = Element(tag, dict(attrs), tuple(self._names()))
        self._of_column(element)
        self.open.append(element)
        if element.attributes.get("data-key"):
            self.keyed.append(element)

    def _of_column(self, element):
        """What the head of a column says for its cells (tables of many arms) becomes the cell's own."""
        said = element.attributes
        if element.tag == "table":
            self.heads = []
        elif element.tag == "th" and "data-col" in said:
            self.heads.append(said)
        elif element.tag == "tr":
            self.line, self.cell = said.get("data-row"), -1
        elif element.tag == "td" and self.heads:
            self.cell += 1
            head = self.heads[self.cell] if self.cell < len(self.heads) else {}
            if "data-key" not in said and "data-cells-key" in head:
                said |= {f"data-{name}": head.get(f"data-cells-{name}") for name in ("key", "form", "how")}
                said["data-key"] = said["data-key"].replace("{row}", self.line)

    def handle_endtag(self, tag):
        while self.open and self.open.pop().tag != tag:
            pass

    def handle_data(self, data):
        for element in self.open:
            element.text += data
        inside = any(e.tag == "main" for e in self.open)
        if inside and data.strip() and not any(map(_is_exempt, self.open)):
            self.bare.append(data)

    def _names(self):
        """Table, row and column that the element stands in."""
        for element in self.open:
            yield from (v for k, v in element.attributes.items() if k in ("data-table", "data-row", "data-col", "id"))

    @property
    def without_keys(self) -> list[str]:
        """Texts with digits that are neither keyed nor exempt."""
        return [text for text in self.bare if re.search(r"\d", re.sub("|".join(FIXED), "", cells.units(text)))]


def _is_exempt(element: Element) -> bool:
    classes = (element.attributes.get("class") or "").split()
    return (
        bool(element.attributes.get("data-key"))
        or element.tag in BARE
        or any(name in BARE_CLASSES for name in classes)
        or element.attributes.get("id") in BARE_SECTIONS
    )


PATIENT_KEYS = {
    "patients": (), "solves": (), "doses": ("ASTDY",), "events": ("EVENT", "ADY"), "endpoints": ("PARAMCD",),
    "observations": ("PARAMCD", "AVISITN", "ATPT"),
}  # fmt: skip
ESTIMATE_KEY = ("PARCAT1", "PARAMCD", "ARM", "COMPARATOR", "STAT", "CATEGORY", "SCOPE")
NUMBERS_OF_PUBLISHED = {"published": float, "ci_low": float, "ci_high": float, "n": int, "events": int}


class Folder:
    """The files of a run folder, values looked up by key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: dict[str, pa.Table] = {}

    def table(self, name: str) -> pa.Table:
        """A table, read once."""
        if name not in self.read:
            self.read[name] = pq.read_table(self.path / f"{name}.parquet")
        return self.read[name]

    def values(self, keys: str) -> list:
        """The values of "table/row/column+column; table/row/column"."""
        found = []
        for key in keys.split("; "):
            table, *row, columns = key.split("/")
            found += [self.value(table, "/".join(row), column) for column in columns.split("+")]
        return found

    def value(self, table: str, row: str, column: str):
        if table in ("config", "manifest"):
            return self._at(
                self.config if table == "config" else self.manifest, [*filter(None, row.split("/")), column]
            )
        if table == "adverse_events":
            found = getattr(proxy(row), column)
            return found if isinstance(found, tuple) else (found.value, *found.range95)
        if column == "distinct":
            return sorted(set(self.table(table)[row].to_pylist()))
        if column == "rows":
            name, _, value = row.partition("=")
            return self.table(table)[name].to_pylist().count(value)
        if table in PATIENT_KEYS:
            return self._of_patient(table, row)[column]
        return getattr(self, table)[row][column]

    @staticmethod
    def _at(whole, path):
        for name in path:
            whole = whole[int(name)] if isinstance(whole, list) else whole[name]
        return whole

    @cached_property
    def config(self):
        return YAML(typ="safe").load((self.path / "config.resolved.yaml").read_text())

    @cached_property
    def manifest(self):
        return json.loads((self.path / "manifest.json").read_text())

    @cached_property
    def estimates(self):
        rows = pq.read_table(self.path / "estimates.parquet").to_pylist()
        found = {"|".join(row[name] or "" for name in ESTIMATE_KEY): row for row in rows}
        assert len(found) == len(rows), "two rows of estimates have one key"
        return found

    @cached_property
    def scorecard(self):
        return {row["row_id"]: row for row in pq.read_table(self.path / "scorecard.parquet").to_pylist()}

    @cached_property
    def sensitivity(self):
        rows = pq.read_table(self.path / "sensitivity.parquet").to_pylist()
        return {f"{row['parameter']}|{row['arm']}|{row['factor']:g}": row for row in rows}

    @cached_property
    def structures(self):
        rows = pq.read_table(self.path / "structures.parquet").to_pylist()
        return {f"{row['endpoint']}|{row['arm']}|{row['which']}": row for row in rows}

    @cached_property
    def global_sensitivity(self):
        rows = pq.read_table(self.path / "global_sensitivity.parquet").to_pylist()
        return {f"{r['factor']}|{r['arm']}|{r['versus']}|{r['index']}": r for r in rows}

    @cached_property
    def attribution(self):
        rows = pq.read_table(self.path / "attribution.parquet").to_pylist()
        return {f"{row['departure']}|{row['arm']}|{row['versus']}": row for row in rows}

    @cached_property
    def estimands(self):
        rows = pq.read_table(self.path / "estimands.parquet").to_pylist()
        return {f"{row['estimand']}|{row['arm']}|{row['estimator']}": row for row in rows}

    @cached_property
    def exposure_response(self):
        rows = pq.read_table(self.path / "exposure_response.parquet").to_pylist()
        return {f"{row['by']}|{row['kind']}|{row['level']}": row for row in rows}

    @cached_property
    def tipping(self):
        rows = pq.read_table(self.path / "tipping.parquet").to_pylist()
        return {f"{row['arm']}|{row['delta']:g}": row for row in rows}

    @cached_property
    def published(self):
        return self._published("published.csv")

    @cached_property
    def baseline(self):
        return self._published("published_baseline.csv")

    def _published(self, name: str):
        with (self.path / name).open(encoding="utf-8", newline="") as stream:
            rows = {row["row_id"]: dict(row) for row in csv.DictReader(stream)}
        for row in rows.values():
            row |= {k: kind(row[k]) if row[k] else None for k, kind in NUMBERS_OF_PUBLISHED.items()}
        return rows

    def _of_patient(self, table: str, key: str):
        replicate, subject, *rest = key.split("|")
        mine = (pc.field("IREP") == int(replicate)) & (pc.field("SUBJID") == int(subject))
        rows = self.table(table).filter(mine).to_pylist()
        (row,) = [r for r in rows if [str(r[name]) for name in PATIENT_KEYS[table]] == rest]
        return row


def expected(folder: Folder, element: Element) -> str:
    """The text of a keyed element from the files of the folder, in the form the element names."""
    form = getattr(cells, element.attributes["data-form"])
    how = json.loads(element.attributes.get("data-how") or "{}")
    return cells.units(form(*folder.values(element.attributes["data-key"]), **how))
