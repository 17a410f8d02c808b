"""A parameter set as plain rows, for ``vtrial catalogue ID`` and the report."""

from __future__ import annotations

from collections.abc import Iterator

from cohorts.parameters import Correlation, CovariateEffect, Parameter, ParameterSet, RandomEffect, variance_to_cv

Row = dict[str, str]
COLUMNS = ("name", "value", "unit", "iiv", "rse", "status", "source", "reported_as", "note")


def rows(parameter_set: ParameterSet) -> list[Row]:
    """One row of texts (keys COLUMNS) per number: parameters, variances, correlations, covariate effects, domain."""
    return list(_rows(parameter_set))


def _rows(parameter_set: ParameterSet) -> Iterator[Row]:
    iiv = {e.parameter: _spread(e) for e in parameter_set.effects("patient")}
    rse = {name: f"{value:.2g} %" for name, value in parameter_set.rse_percent.items()}
    for p in parameter_set.parameters:
        spread = iiv.get(p.name, ""), rse.get(p.name, "")
        yield _row(p, p.name, f"{p.value:g}", p.unit, *spread, p.reported_as, _fitted(p))
    for e in parameter_set.random_effects:
        yield _row(e, e.name, f"{e.variance:.4g}", "1", _spread(e), rse.get(e.name, ""), e.reported_as, _fitted(e))
    for c in parameter_set.correlations:
        yield _row(c, f"CORR_{c.a}_{c.b}", f"{c.value:g}", "1", "", "", c.reported_as, c.note)
    for x in parameter_set.covariate_effects:
        name = f"{x.covariate}{f'_{x.category}' if x.category else ''}_ON_{x.parameter}"
        yield _row(x, name, f"{x.value:g}", "1", "", "", _reported(x), x.note)
    domain = parameter_set.validity
    dose = f"{domain.dose_low_mg:g} to {domain.dose_high_mg:g}", "mg", "", "", "domain", domain.source.text
    yield dict(zip(COLUMNS, ("VALID_DOSE", *dose, domain.schedule, domain.population), strict=True))
    for r in domain.ranges:
        yield dict(
            zip(
                COLUMNS,
                (f"VALID_{r.covariate}", f"{r.low:g} to {r.high:g}", r.unit, "", "", "domain", r.source.text, "", ""),
                strict=True,
            )
        )


def _spread(effect: RandomEffect) -> str:
    """The coefficient of variation; on the logit scale the SD of the log odds."""
    logit = effect.scale == "logit"
    return f"logit SD {effect.variance**0.5:.3g}" if logit else f"{variance_to_cv(effect.variance):.1f} %"


def _reported(x: CovariateEffect) -> str:
    power = f"({x.covariate} / {x.reference})^value"
    times = f"times value if {x.category}, 1 if {x.reference}" if x.category else f"times value unless {x.reference}"
    form = f"{'odds ' if x.scale == 'logit' else ''}{power if x.form == 'power' else times}"
    return f"{form}; {x.reported_as}" if x.reported_as else form


def _fitted(item: Parameter | RandomEffect) -> str:
    said = f"fitted on {len(item.targets)} targets: {', '.join(item.targets)}" if item.targets else ""
    return "; ".join(text for text in (item.note, said) if text)


def _row(
    item: Parameter | RandomEffect | Correlation | CovariateEffect,
    name: str, value: str, unit: str, iiv: str, rse: str, reported_as: str, note: str,
) -> Row:  # fmt: skip
    texts = (name, value, unit, iiv, rse, item.status, item.source.text, reported_as, note)
    return dict(zip(COLUMNS, texts, strict=True))
