"""Tables of simulated adverse events: incidence per 100 patient-years, and the rates with their sources and priors."""

from __future__ import annotations

from analysis.report.grid import (
    Cell,
    Column,
    Row,
    Table,
    arm_name,
    full_set,
    heading,
    mean_over,
    named_alone,
    range_note,
    range_over,
    simulated_over,
    texts,
    with_error,
)
from analysis.report.number_origins import Number, Text, joined, label, number, numbers, said, shown
from analysis.report.runfolder import RunFolder
from analysis.text import cells
from cohorts.adverse_events import Prior, Proxy, proxy

EXACT = "First events over time to the event or to the last day in the study; interval exact for a Poisson count, 95 %."

STAYS = label("stays")
ANY_DRUG = "The rates are those of the trials named under Source, whatever the drug and the patients of this study."


def incidences(run: RunFolder) -> Table | None:
    """T 14.3.1.5: exposure-adjusted incidence of every simulated adverse event per arm."""
    rows = [row for code in run.study.proxies for row in _incidence_rows(run, f"AE_{code}", proxy(code).term)]
    if not rows:
        return None
    one, over = named_alone(run), simulated_over(run)
    columns = (
        Column("arm", "Arm"),
        Column("mean", with_error(run, "Per 100 patient-years"), over),
        Column("range", "Range", over),
        Column("named", "Events / patient-years", one),
        Column("rate", "Per 100 patient-years (95 % CI)", one),
    )
    title = "Simulated adverse events (proxies): incidence per 100 patient-years"
    return Table("T 14.3.1.5", title, full_set(run), columns, tuple(rows), (EXACT, *range_note(run)))


def _incidence_rows(run: RunFolder, code: str, term: str) -> list[Row]:
    rows = [heading(f"Simulated: {term} [{code}]", code)]
    for arm in run.study.arm_ids:
        rate, years, over = (
            run.one(code, arm, "incidence"), run.one(code, arm, "patient-years"), run.over(code, arm, "incidence")
        )  # fmt: skip
        if rate is None or years is None:
            continue
        name, hue = arm_name(run, arm)
        events = shown(cells.events_per, number(rate, "N_EVENT"), number(years, "ESTIMATE"), decimals=1)
        limits = shown(cells.with_interval, *numbers(rate, "ESTIMATE", "CI_LOW", "CI_HIGH"), decimals=1)
        values = (mean_over(over), range_over(over), events, limits)
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"{code}|{arm}", hue))
    return rows if len(rows) > 1 else []


def priors(run: RunFolder) -> Table | None:
    """T 14.3.1.6: where the rates of the simulated adverse events come from, and how wide their priors are."""
    if not run.study.proxies:
        return None
    columns = (
        Column("term", "Event"),
        Column("background", "Background per 100 patient-years (95 % prior range)"),
        Column("ratio", "Rate on drug / background (95 % prior range)"),
        Column("later", "Later rate / early rate (95 % prior range)"),
        Column("sources", "Source"),
    )
    drawn = run.study.parameter_uncertainty
    used = "drawn from the priors once per replicate" if drawn else "the medians; parameter_uncertainty draws them"
    rows = tuple(_prior_row(proxy(code)) for code in run.study.proxies)
    title = "Simulated adverse events (proxies): rates, priors and sources"
    notes = [
        f"Rates of this run: {used}.",
        ANY_DRUG,
        *(note for code in run.study.proxies for note in _notes(proxy(code))),
    ]
    return Table("T 14.3.1.6", title, "Log-normal priors", columns, rows, tuple(dict.fromkeys(notes)))


def _notes(found: Proxy) -> list[Text]:
    """What was assumed for each prior; rates read off the same table share a line."""
    named = [(f"{found.term}, {name}: ", p) for name, p in found.named_priors.items() if p.note]
    return [label(("Rates: " if p.unit == "1/y" and p.status == "derived" else who) + f"{p.note}.") for who, p in named]


def _prior_row(found: Proxy) -> Row:
    background = shown(cells.with_range, _prior(found, "background"), scale=100.0)
    ratio = shown(cells.with_range, Number(list(found.drug_ratio), "adverse_events", found.code, "drug_ratio"))
    later = shown(cells.with_range, _prior(found, "later")) if found.later else STAYS
    sources = joined("; ", [_source(found, name, prior) for name, prior in found.named_priors.items()])
    return Row((Cell(found.term, "label"), *texts(background, ratio, later), Cell(sources, "text")), f"AE_{found.code}")


def _prior(found: Proxy, name: str) -> Number:
    """Value and 95 % range of a prior of the catalogue of adverse events."""
    prior: Prior = getattr(found, name)
    return Number([prior.value, *prior.range95], "adverse_events", found.code, name)


def _source(found: Proxy, name: str, prior: Prior) -> Text:
    reported = f", {prior.reported_as}" if prior.reported_as else ""
    width = said(", {}", shown(cells.prior, _prior(found, "doubling"))) if prior is found.doubling else ""
    return said("{}{} ({})", label(f"{name}: {prior.source.text}{reported}"), width, prior.status)
