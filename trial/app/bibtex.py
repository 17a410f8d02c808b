"""Citations as BibTeX, in UTF-8."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

UNKNOWN = "(authors not seen)"
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    c: f"\\{c}" for c in "&%$#_{}"
}
PERSON = re.compile(r"(?P<family>.+) (?P<initials>[A-Z]{1,3})")
PLACE = re.compile(r"(?P<journal>.+) (?P<volume>\d+)(?:\((?P<number>[^)]+)\))?:(?P<pages>\S+)")


def bibtex(citation: Mapping[str, Any]) -> str:
    """One entry from the fields of ``cohorts.citations.Citation``; what is not known is left out."""
    place = PLACE.fullmatch(citation["journal"])
    published = bool(place or citation["doi"] or citation["pmid"])
    where = place.groupdict() if place else {"journal" if published else "howpublished": citation["journal"]}
    unnamed = citation["authors"] == UNKNOWN
    notes = [citation[name] for name in ("pmcid", "registry", "note")] + ["authors not seen"] * unnamed
    pages = (where.get("pages") or "").replace("-", "--")
    fields = {
        "author": "" if unnamed else authors(citation["authors"]),
        "title": f"{{{escaped(citation['title'])}}}",
        **{name: escaped(value or "") for name, value in where.items()},
        "pages": escaped(pages),
        "year": str(citation["year"]),
        "doi": citation["doi"],
        "pmid": citation["pmid"],
        "note": escaped("; ".join(note for note in notes if note)),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{'article' if published else 'misc'}{{{citation['id']},", *lines, "}"])


def software(manifest: Mapping[str, Any]) -> str:
    """The entry of the engine that made a run, with the run's config and seed."""
    name, version = manifest["engine"]["name"], manifest["engine"]["version"]
    key = re.sub(r"[^a-z0-9]+", "_", f"{name} {version}".lower())
    note = f"version {version}, config {manifest['config_sha256'][:12]}, seed {manifest['seed']}"
    used = f"parameter set {manifest['parameter_set']}, structure {manifest['structure']}"
    return f"@misc{{{key},\n  title = {{{{{escaped(name)}}}}},\n  note = {{{escaped(f'{note}, {used}')}}},\n}}"


def authors(names: str) -> str:
    """ "Wang Z, Zeng Z et al" as "Wang, Z and Zeng, Z and others"; whoever has no initials is an organisation."""
    listed = names.removesuffix(" et al")
    people = [_author(name) for name in ([listed] if not _is_people(listed) else listed.split(", "))]
    return " and ".join(people + ["others"] * (listed != names))


def _is_people(names: str) -> bool:
    return all(PERSON.fullmatch(name) for name in names.split(", "))


def _author(name: str) -> str:
    person = PERSON.fullmatch(name)
    return f"{escaped(person['family'])}, {person['initials']}" if person else f"{{{escaped(name)}}}"


def escaped(text: str) -> str:
    """Text with what TeX would act on made plain."""
    return "".join(SPECIAL.get(c, c) for c in text)
