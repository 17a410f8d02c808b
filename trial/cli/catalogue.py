"""``vtrial catalogue``: parameter sets, populations, dose rules, endpoints; one of them with every number."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from trial.cli.console import width

if TYPE_CHECKING:
    from trial.app.catalogue import Entry

WIDEST = 110


def catalogue(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A parameter set, population, rule or endpoint, or a file with a set."),
    ] = None,
) -> None:
    """Show parameter sets, populations, dose rules and endpoints, or one of them whole.

    Example: vtrial catalogue hetrombopag_wang_2022
    """
    from trial.app.catalogue import entry

    if name is None:
        _list_all()
        return
    found = entry(name)
    print(f"{found.id}\n{_wrapped(found.title)}\n")
    if found.kind == "endpoints":
        _show_endpoint(found)
    elif found.kind == "structures":
        _show_structure(found)
    elif found.kind == "dose rules":
        _show_rule(found)
    else:
        _show_numbers(found)


def _list_all() -> None:
    from trial.app.catalogue import ASSESSMENT_DAY, listed

    known = listed()
    for kind in ("parameter sets", "populations", "dose rules"):
        print(kind.capitalize())
        for name, title in known[kind].items():
            print(f"  {name}\n{_wrapped(title, '    ')}")
    print(f"Endpoints of a study assessed on day {ASSESSMENT_DAY}")
    for code, label in known["endpoints"].items():
        print(_wrapped(f"  {code:9}  {label}", hanging=" " * 13))
    print(_wrapped("vtrial catalogue ID shows every number of one of them, or the definition of an endpoint."))


def _show_endpoint(found: Entry) -> None:
    for key, text in found.rows[0].items():
        print(_wrapped(f"{key.capitalize()}: {text}"))
    for line in found.remarks:
        print(line)


def _show_rule(found: Entry) -> None:
    for row in found.rows:
        print(_wrapped(f"{row['part']}: {row['what']} ({row['status']})"))
    for line in found.remarks:
        print(_wrapped(line))


def _show_structure(found: Entry) -> None:
    for row in found.rows:
        unit = "" if row["unit"] == "1" else f", {row['unit']}"
        print(_wrapped(f"{row['kind']} {row['name']}{unit}: {row['meaning']}"))


def _show_numbers(found: Entry) -> None:
    for k, line in enumerate(found.remarks):
        print(_wrapped(f"  {line}", hanging="    ") if k else _wrapped(line))
    if found.remarks:
        print()
    for row in found.rows:
        name, value, unit, status = (row[key] for key in ("name", "value", "unit", "status"))
        who = "occasions" if row["name"].startswith("OCCASION_") else "patients"
        between = f", between {who} {row['iiv']}" if row.get("iiv") else ""
        error = f", RSE {row['rse']}" if row.get("rse") else ""
        print(_wrapped(f"{name} = {value} {'' if unit == '1' else unit}".rstrip() + f" ({status}{between}{error})"))
        for detail in (row["source"], row["reported_as"], row["note"]):
            if detail:
                print(_wrapped(detail, "    "))
    print("\nCitations")
    for text in found.citations:
        print(_wrapped(text, "  "))


def _wrapped(text: str, indent: str = "", hanging: str = "  ") -> str:
    return textwrap.fill(text, min(width(), WIDEST), initial_indent=indent, subsequent_indent=indent or hanging)
