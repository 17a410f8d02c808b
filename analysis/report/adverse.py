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
    range_note,
    range_over,
    replicate_name,
    simulated_over,
    texts,
)
from analysis.report.runfolder import RunFolder
from analysis.text import cells
from cohorts.adverse_events import Prior, Proxy, proxy

EXACT = "First events over time to the event or to the last day in the study; interval exact for a Poisson count, 95 %."

ANY_DRUG = "The rates are those of the trials named under Source, whatever the drug and the patients of this study."


def incidences(run: RunFolder) -> Table | None:
    """T 14.3.1.5: exposure-adjusted incidence of every simulated adverse event per arm."""
    if not run.study.proxies:
        return None
    one = f"Simulated, {replicate_name(run)} alone"
    columns = (
        Column("arm", "Arm"),
        Column("mean", "Per 100 patient-years", simulated_over(run)),
        Column("range", "Range", simulated_over(run)),
        Column("named", "Events / patient-years", one),
        Column("rate", "Per 100 patient-years (95 % CI)", one),
    )
    rows = [row for code in run.study.proxies for row in _incidence_rows(run, code)]
    title = "Simulated adverse events (proxies): incidence per 100 patient-years"
    return Table("T 14.3.1.5", title, full_set(run), columns, tuple(rows), (EXACT, *range_note(run)))


def _incidence_rows(run: RunFolder, code: str) -> list[Row]:
    rows = [heading(f"Simulated: {proxy(code).term} [AE_{code}]", f"AE_{code}")]
    for arm in run.study.arm_ids:
        name, hue = arm_name(run, arm)
        one, over = run.one(f"AE_{code}", arm, "incidence"), run.over(f"AE_{code}", arm, "incidence")
        years = run.one(f"AE_{code}", arm, "patient-years")
        if one is None or years is None:
            continue
        values = (
            mean_over(over),
            range_over(over),
            f"{one.N_EVENT}/{cells.rounded(years.ESTIMATE, 1)}",
            cells.with_interval(one.ESTIMATE, one.CI_LOW, one.CI_HIGH, 1),
        )
        rows.append(Row((Cell(name, "arm"), *texts(*values)), f"AE_{code}|{arm}", hue))
    return rows


def priors(run: RunFolder) -> Table | None:
    """T 14.3.1.6: where the rates of the simulated adverse events come from, and how wide their priors are."""
    if not run.study.proxies:
        return None
    columns = (
        Column("term", "Event"),
        Column("background", "Background per 100 patient-years (95 % prior range)"),
        Column("ratio", "Rate on drug / background (95 % prior range)"),
        Column("sources", "Source"),
    )
    drawn = run.study.parameter_uncertainty
    used = "drawn from the priors once per replicate" if drawn else "the medians; parameter_uncertainty draws them"
    rows = tuple(_prior_row(proxy(code)) for code in run.study.proxies)
    title = "Simulated adverse events (proxies): rates, priors and sources"
    said = [
        f"Rates of this run: {used}.",
        ANY_DRUG,
        *(note for code in run.study.proxies for note in _notes(proxy(code))),
    ]
    return Table("T 14.3.1.6", title, "Log-normal priors", columns, rows, tuple(dict.fromkeys(said)))


def _notes(found: Proxy) -> list[str]:
    """What was assumed for each prior; rates read off the same table share a line."""
    named = [(f"{found.term}, {name}: ", p) for name, p in found.named_priors.items() if p.note]
    return [("Rates: " if p.unit == "1/y" and p.status == "derived" else who) + f"{p.note}." for who, p in named]


def _prior_row(found: Proxy) -> Row:
    low, high = found.background.range95
    said = "; ".join(_said(name, prior) for name, prior in found.named_priors.items())
    return Row(
        (
            Cell(found.term, "text"),
            *texts(_with_range(100 * found.background.value, 100 * low, 100 * high), _with_range(*found.drug_ratio)),
            Cell(said, "text"),
        ),
        f"AE_{found.code}",
    )


def _with_range(value: float, low: float, high: float) -> str:
    return f"{cells.significant(value, 2)} ({cells.significant(low, 2)} to {cells.significant(high, 2)})"


def _said(name: str, prior: Prior) -> str:
    reported = f", {prior.reported_as}" if prior.reported_as else ""
    low, high = prior.range95
    width = f", {prior.value:g} ({low:.2g} to {high:.2g})" if name == "per doubling of the count above 150" else ""
    return f"{name}: {prior.source.text}{reported}{width} ({prior.status})"
