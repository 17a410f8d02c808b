"""BibTeX read back by a small reader of its own: what went in comes out."""

import dataclasses
import json
import re

import pytest

from cohorts import references
from cohorts.citations import THIS_ENGINE, Citation
from trial.app.bibtex import authors, bibtex
from trial.cli import main
from trial.jobs.provenance import engine_version


def value_at(text: str, start: int) -> int:
    """Where the braces that open at ``start`` close; a brace after a backslash does not count."""
    depth = 0
    for k in range(start, len(text)):
        if text[k] in "{}" and text[k - 1] != "\\":
            depth += 1 if text[k] == "{" else -1
            if depth == 0:
                return k
    raise AssertionError(f"braces of {text[start:]!r} do not close")


def read(text: str) -> dict[str, dict[str, str]]:
    """Entries by key: their fields, and "type"."""
    found = {}
    while text.strip():
        head = re.match(r"\s*@(\w+)\{([^,\s]+),\s*", text)
        end = value_at(text, text.index("{"))
        body, fields, k = text[:end], {"type": head[1]}, head.end()
        while field := re.match(r"\s*(\w+) = (?=\{)", body[k:]):
            start = k + field.end()
            stop = value_at(body, start)
            assert field[1] not in fields
            fields[field[1]] = body[start + 1 : stop]
            k = stop + re.match(r"\}\s*,?", body[stop:]).end()
        assert body[k:].strip() == "" and head[2] not in found
        found[head[2]] = fields
        text = text[end + 1 :]
    return found


PLAIN = {r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^"}
PLAIN |= {f"\\{c}": c for c in "&%$#_{}"}


def plain(text: str) -> str:
    """TeX's marks taken away again."""
    pattern = "|".join(re.escape(mark) for mark in PLAIN)
    return re.sub(f"{pattern}|[{{}}]", lambda m: PLAIN.get(m[0], ""), text)


def entry(citation: Citation) -> dict[str, str]:
    return read(bibtex(dataclasses.asdict(citation)))[citation.id]


def test_an_article_by_hand():
    assert entry(references.WANG_2022) == {
        "type": "article",
        "author": "Wang, Z and Zeng, Z and Ye, L and Zhu, X and Pei, Y and Wang, Y and Zheng, L",
        "title": f"{{{references.WANG_2022.title}}}",
        "journal": "Br J Clin Pharmacol",
        "volume": "88",
        "number": "5",
        "pages": "2084--2095",
        "year": "2022",
        "doi": "10.1111/bcp.15130",
    }
    assert entry(references.MEI_2021) | {"title": ""} == {
        "type": "article", "author": "Mei, H and others", "title": "", "journal": "J Hematol Oncol", "volume": "14",
        "pages": "37", "year": "2021", "note": "PMC7905908; NCT03222843",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("Li F, Lin H, Feng S et al", "Li, F and Lin, H and Feng, S and others"),
        ("Dot D, Miró J, Fuentes-Arderiu X", "Dot, D and Miró, J and Fuentes-Arderiu, X"),
        ("van der Berg AB", "van der Berg, AB"),
        ("NCD-RisC, NCD Risk Factor Collaboration", "{NCD-RisC, NCD Risk Factor Collaboration}"),
    ],
)
def test_authors(names, said):
    assert authors(names) == said


def test_unknown_authors_and_things_that_are_no_article():
    unknown = entry(references.ELTROMBOPAG_CHINA_2015)
    assert "author" not in unknown and unknown["note"] == "authors not seen"
    engine = entry(THIS_ENGINE)
    assert engine["type"] == "misc" and engine["howpublished"] == "this repository" and "journal" not in engine


def test_what_tex_would_act_on_is_escaped_and_a_doi_is_not():
    title = r"5 % of {A & B} cost $3 #1 a_b ~ x^2 \ end"
    odd = Citation("odd", "Smith & Sons", title, "J Odd_Things 1:2", 2020, doi="10.1000/a_b%c", note="50 %")
    found = entry(odd)
    assert plain(found["title"]) == title and plain(found["author"]) == "Smith & Sons"
    assert not re.search(r"(?<!\\)[&%$#_~^]", found["title"] + found["author"] + found["journal"] + found["note"])
    assert found["doi"] == "10.1000/a_b%c"


def test_every_citation_of_a_run_is_printed_once(tmp_path, capsys):
    few = ["--set", "patients=5", "--replicates", "1", "--workers", "1", "--no-report", "--out", str(tmp_path / "x")]
    assert main(["run", "configs/smoke.yaml", *few]) == 0
    capsys.readouterr()
    assert main(["cite", str(tmp_path / "x"), "--bibtex"]) == 0
    found = read(capsys.readouterr().out)
    manifest = json.loads((tmp_path / "x" / "manifest.json").read_text(encoding="utf-8"))
    engine = found.pop(f"virtual_trial_{engine_version().replace('.', '_')}")
    assert manifest["config_sha256"][:12] in engine["note"] and plain(engine["title"]) == "virtual-trial"
    assert len(found) == len(manifest["citations"]) > 5
    for fields, text in zip(found.values(), manifest["citations"], strict=True):
        assert plain(fields["title"]) in text and fields["year"] in text and fields.get("doi", "") in text
    del manifest["references"], manifest["sha256"]  # as version 0.1 wrote it
    (tmp_path / "x" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert main(["cite", str(tmp_path / "x"), "--bibtex"]) == 2
    assert "run the study again" in capsys.readouterr().err


def test_a_citation_is_short_by_its_label_or_its_first_author_and_year():
    made = Citation(id="x", authors="Mei, H., Liu X", title="T", journal="J", year=2021)
    assert made.short == "Mei 2021" and dataclasses.replace(made, label="the trial").short == "the trial"
