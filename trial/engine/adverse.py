"""Simulated adverse events: drawn after the simulation, from its tables; proxies, never predictions.

Every patient has one exponential clock per proxy (stream "ae:<code>"). The first event is on the day on which the
cumulative hazard reaches it: background rate, drug rate on days with active drug prescribed, and for some proxies the
count. Nothing else in the trial changes because of an event, but for a reason of dropout that waits for one
(``exits``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import ndtri

from cohorts import elementary
from cohorts.adverse_events import Proxy, Rates
from cohorts.streams import Draws
from trial.study.study import Study
from trial.tables import ADVERSE, on_days

Array = NDArray[np.float64]
SIMULATED = "SIMULATED: "


def adverse_table(study: Study, tables: Mapping[str, pa.Table], draws: Draws) -> pa.Table:
    """First event of every proxy of the study, patient after patient; ``draws`` are those of the patients table."""
    chosen = study.tolerability.chosen if study.tolerability else ()
    patients = tables["patients"]
    key, last = _key(patients), patients["EOSDY"].to_numpy()
    days = np.arange(max(int(last.max()), 1))
    drug = _on_drug(tables["doses"], key, len(days))
    count = _counts(tables["observations"], key, days) if any(p.doubling for p in chosen) else np.ones((1, 1))
    solved = np.array([status == "OK" for status in tables["solves"]["STATUS"].to_pylist()])
    there = (days < last[:, None]) & solved[:, None]
    found = [_first_days(p, rates_of(p, study, draws), draws, drug & there, there, count) for p in chosen]
    return _table(patients, chosen, np.stack(found, axis=1) if found else np.zeros((len(key), 0), dtype=np.int64))


def _key(table: pa.Table) -> NDArray[np.int64]:
    return table["IREP"].to_numpy().astype(np.int64) * 2**32 + table["SUBJID"].to_numpy()


def _on_drug(doses: pa.Table, key: NDArray[np.int64], days: int) -> NDArray[np.bool_]:
    """(n, D) days of the periods of the dose ledger with active drug prescribed."""
    who = np.searchsorted(key, _key(doses))
    active = doses["EXDOSE"].to_numpy() > 0
    first, after = (doses[name].to_numpy()[active] for name in ("ASTDY", "AENDY"))
    return on_days(who[active], first, after, (len(key), days)) > 0


def _counts(observations: pa.Table, key: NDArray[np.int64], days: NDArray[np.int64]) -> Array:
    """(n, D) true counts, log counts joined by straight lines between visits; the last one holds."""
    platelets = observations.filter(pc.equal(observations["PARAMCD"].cast(pa.string()), "PLAT"))
    shape = (len(key), -1)
    day = platelets["ADY"].cast(pa.float64()).to_numpy().reshape(shape)
    log = elementary.log(np.maximum(platelets["TRUEVAL"].to_numpy(), 1e-3)).reshape(shape)
    seen = ~np.isnan(day) & ~np.isnan(log)
    rows = [np.interp(days, d[s], y[s]) for d, y, s in zip(day, log, seen, strict=True)]
    return elementary.exp(np.stack(rows))


def rates_of(proxy: Proxy, study: Study, draws: Draws) -> Rates:
    """Rates of every patient: medians, or with parameter uncertainty drawn once per replicate."""
    if not study.parameter_uncertainty:
        return proxy.rates(np.zeros((4, len(draws))))
    replicates, which = np.unique(draws.replicate, return_inverse=True)
    name = f"uncertainty:ae:{proxy.code}"
    z = np.stack([ndtri(draws.streams.uniforms(name, int(r), 0)[:4]) for r in replicates], axis=1)
    return proxy.rates(z[:, which])


def event_clock(proxy: Proxy, draws: Draws) -> Array:
    """(n,) the cumulative hazard at which each patient has the first event."""
    return -elementary.log(draws.uniform(f"ae:{proxy.code}"))


def _first_days(
    proxy: Proxy, rates: Rates, draws: Draws, drug: NDArray[np.bool_], there: NDArray[np.bool_], count: Array
) -> NDArray[np.int64]:
    """(n,) day of the first event, -1 without one."""
    clock = event_clock(proxy, draws)
    reached = np.cumsum(np.where(there, rates.daily(drug, count), 0.0), axis=1) >= clock[:, None]
    return np.where(reached.any(axis=1), reached.argmax(axis=1), -1)


def _table(patients: pa.Table, chosen: tuple[Proxy, ...], day: NDArray[np.int64]) -> pa.Table:
    who, which = np.nonzero(day >= 0)
    columns = [
        patients["IREP"].to_numpy()[who],
        patients["SUBJID"].to_numpy()[who],
        patients["USUBJID"].combine_chunks().take(pa.array(who)),
        pa.DictionaryArray.from_arrays(
            pa.array(which.astype(np.int32)), pa.array([p.code for p in chosen], pa.string())
        ),
        pa.DictionaryArray.from_arrays(
            pa.array(which.astype(np.int32)), pa.array([SIMULATED + p.term for p in chosen], pa.string())
        ),
        day[who, which].astype(np.int32),
        pa.array(["Y"] * len(who), pa.string()).dictionary_encode(),
    ]
    return pa.Table.from_arrays([c if isinstance(c, pa.Array) else pa.array(c) for c in columns], schema=ADVERSE)
