"""``vtrial catalogue``: parameter sets, populations and endpoints; one of them with every number and its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from analysis.endpoints.contract import Endpoint
    from cohorts.parameters import ParameterSet
    from cohorts.populations import Population

ASSESSMENT_DAY = 56
SUMMARIES = {
    "rate": "share of the evaluable patients",
    "median": "median of the evaluable patients",
    "mean": "mean of the evaluable patients",
    "geomean": "geometric mean of the evaluable patients",
}


def catalogue(
    set_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A parameter set, population or endpoint, or a file with a set."),
    ] = None,
) -> None:
    """Show parameter sets, populations and endpoints, or one with all its numbers.

    Example: vtrial catalogue hetrombopag_wang_2022
    """
    if set_id is None:
        _list_all()
    else:
        _show_one(set_id)


def _list_all() -> None:
    from analysis.endpoints import catalogue as endpoints
    from cohorts.populations import POPULATIONS
    from cohorts.sets import PARAMETER_SETS

    titles = {
        "Parameter sets": {s.id: s.title for s in PARAMETER_SETS},
        "Populations": {p.id: p.title for p in POPULATIONS},
    }
    for kind, entries in titles.items():
        print(kind)
        for name, title in entries.items():
            print(f"  {name}\n{_wrapped(title, '    ')}")
    print(f"Endpoints of a study assessed on day {ASSESSMENT_DAY}")
    for code, endpoint in endpoints(ASSESSMENT_DAY).items():
        print(_wrapped(f"  {code:9}  {endpoint.label}", hanging=" " * 13))
    print(_wrapped("vtrial catalogue ID shows every number of one of them, or the definition of an endpoint."))


def _show_one(set_id: str) -> None:
    from analysis.endpoints import catalogue as endpoints
    from cohorts.populations import POPULATIONS
    from cohorts.sets import PARAMETER_SETS, SetError, is_file_name, parameter_set
    from trial.cli.console import Refused
    from trial.study.protocol import not_among

    if is_file_name(set_id):
        try:
            _show_numbers(parameter_set(set_id))
        except SetError as error:
            raise Refused(str(error)) from None
        return
    entries: dict[str, ParameterSet | Population] = {s.id: s for s in PARAMETER_SETS} | {p.id: p for p in POPULATIONS}
    by_code = endpoints(ASSESSMENT_DAY)
    if set_id in entries:
        _show_numbers(entries[set_id])
    elif set_id in by_code:
        _show_endpoint(by_code[set_id])
    else:
        raise Refused(f"catalogue: {not_among(set_id, [*entries, *by_code], 'in the catalogue')}")


def _show_endpoint(endpoint: Endpoint) -> None:
    print(f"{endpoint.code}\n{_wrapped(endpoint.label)}\n")
    facts = {
        "Definition": endpoint.definition,
        "Unit": "%, of yes or no" if endpoint.summary == "rate" else endpoint.unit,
        "Better": "neither" if endpoint.benefit == "none" else endpoint.benefit,
        "Summary": SUMMARIES[endpoint.summary],
        "Source": endpoint.source,
    }
    for name, text in facts.items():
        print(_wrapped(f"{name}: {text}"))
    if endpoint.needs_profile:
        print("Only of a study with pk_sampling.")
    if endpoint.needs_chemotherapy:
        print("Only of a study with chemotherapy.")
    if endpoint.proxy:
        print(f"Only of a study with {endpoint.proxy} in tolerability.proxies.")


def _show_numbers(entry: ParameterSet | Population) -> None:
    print(f"{entry.id}\n{_wrapped(entry.title)}\n")
    _show_structure(entry)
    for row in _rows(entry):
        name, value, unit, status = (row[key] for key in ("name", "value", "unit", "status"))
        between = f", between patients {row['iiv']}" if row.get("iiv") else ""
        error = f", RSE {row['rse']}" if row.get("rse") else ""
        print(_wrapped(f"{name} = {value} {'' if unit == '1' else unit}".rstrip() + f" ({status}{between}{error})"))
        for detail in (row["source"], row["reported_as"], row["note"]):
            if detail:
                print(_wrapped(detail, "    "))
    print("\nCitations")
    for citation in entry.citations:
        print(_wrapped(citation.text, "  "))


def _show_structure(entry: ParameterSet | Population) -> None:
    """The structure of a set, the parameters it derives, and the classes of patients."""
    from cohorts.parameters import ParameterSet
    from trial.models import structure_of

    if not isinstance(entry, ParameterSet):
        return
    try:
        model = structure_of(entry)
    except KeyError as error:
        print(_wrapped(f"Structure {entry.structure}: {error.args[0]}") + "\n")
        return
    print(_wrapped(f"Structure {model.id}: {model.title}"))
    for made in model.derived:
        unit = "" if made.unit == "1" else f", {made.unit}"
        print(_wrapped(f"  derived: {made.name}{unit}, {made.meaning}", hanging="    "))
    for c in entry.classes:
        share, value = entry.parameter(c.share), entry.parameter(c.value)
        said = f"{c.parameter} is {c.value} = {value.value:g} {'' if value.unit == '1' else value.unit}".rstrip()
        print(_wrapped(f"  class {c.name}: {100 * share.value:.3g} % of patients ({c.share}); {said}", hanging="    "))
    print()


def _rows(entry: ParameterSet | Population) -> Sequence[Mapping[str, str]]:
    from cohorts.parameters import ParameterSet
    from cohorts.sets import rows

    if isinstance(entry, ParameterSet):
        return rows(entry)
    return [
        {"name": p.name, "value": f"{p.value:.4g}", "unit": p.unit, "status": p.status, "source": p.source.text}
        | {"reported_as": p.reported_as, "note": p.note}
        for p in entry.parameters
    ]


def _wrapped(text: str, indent: str = "", hanging: str = "  ") -> str:
    import shutil
    import textwrap

    width = min(shutil.get_terminal_size((80, 24)).columns, 110)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent or hanging)
