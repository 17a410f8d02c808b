"""``vtrial catalogue``: the parameter sets, and every number of one with source and status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cohorts.parameters import ParameterSet
    from cohorts.populations import Population


def catalogue(
    set_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="A parameter set.")] = None,
) -> None:
    """Show the parameter sets, or one with all its numbers.

    Example: vtrial catalogue hetrombopag_wang_2022
    """
    if set_id is None:
        _list_all()
    else:
        _show_one(set_id)


def _list_all() -> None:
    from cohorts.catalogue import PARAMETER_SETS
    from cohorts.populations import POPULATIONS

    titles = {
        "Parameter sets": {s.id: s.title for s in PARAMETER_SETS},
        "Populations": {p.id: p.title for p in POPULATIONS},
    }
    for kind, entries in titles.items():
        print(kind)
        for name, title in entries.items():
            print(f"  {name}\n{_wrapped(title, '    ')}")
    print("vtrial catalogue ID shows every number of one of them.")


def _show_one(set_id: str) -> None:
    from cohorts.catalogue import PARAMETER_SETS
    from cohorts.populations import POPULATIONS
    from trial.cli.console import Refused
    from trial.protocol import not_among

    entries: dict[str, ParameterSet | Population] = {s.id: s for s in PARAMETER_SETS} | {p.id: p for p in POPULATIONS}
    if set_id not in entries:
        raise Refused(f"catalogue: {not_among(set_id, entries, 'in the catalogue')}")
    entry = entries[set_id]
    print(f"{entry.id}\n{_wrapped(entry.title)}\n")
    for row in _rows(entry):
        name, value, unit, status = (row[key] for key in ("name", "value", "unit", "status"))
        between = f", between patients {row['iiv']}" if row.get("iiv") else ""
        print(_wrapped(f"{name} = {value} {'' if unit == '1' else unit}".rstrip() + f" ({status}{between})"))
        for detail in (row["source"], row["reported_as"], row["note"]):
            if detail:
                print(_wrapped(detail, "    "))
    print("\nCitations")
    for citation in entry.citations:
        print(_wrapped(citation.text, "  "))


def _rows(entry: ParameterSet | Population) -> Sequence[Mapping[str, str]]:
    from cohorts.catalogue import rows
    from cohorts.parameters import ParameterSet

    if isinstance(entry, ParameterSet):
        return rows(entry)
    return [
        {"name": p.name, "value": f"{p.value:.4g}", "unit": p.unit, "status": p.status, "source": p.source.text}
        | {"reported_as": p.reported_as, "note": p.note}
        for p in entry.parameters
    ]


def _wrapped(text: str, indent: str = "") -> str:
    import shutil
    import textwrap

    width = min(shutil.get_terminal_size((80, 24)).columns, 110)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent or "  ")
