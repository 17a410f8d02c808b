"""All endpoints, by their code in a study, evaluated and written as the endpoints table."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from analysis.endpoint import Endpoint, Evaluated, Settings, when
from analysis.exposure import EXPOSURE_ENDPOINTS
from analysis.records import Records
from analysis.response import RESPONSE_ENDPOINTS
from analysis.tolerability import TOLERABILITY_ENDPOINTS
from trial.tables import KEY, TEXT, field

ENDPOINTS: tuple[Endpoint, ...] = (*RESPONSE_ENDPOINTS, *TOLERABILITY_ENDPOINTS, *EXPOSURE_ENDPOINTS)

ENDPOINTS_SCHEMA = pa.schema(
    [
        *KEY,
        field("PARAMCD", TEXT, "Endpoint"),
        field("AVAL", pa.float64(), "Value; 1 and 0 for yes and no", "see the unit of the endpoint"),
        field("EVALFL", TEXT, "Evaluable, Y or N"),
        field("REASON", TEXT, "Why not evaluable"),
    ]
)


def catalogue(assessment_day: int) -> dict[str, Endpoint]:
    """Every endpoint by its code in a study assessed on this day (RESPW8 for day 56), labels filled in."""
    short, long = when(assessment_day)
    named = [replace(e, code=e.code.format(when=short), label=e.label.format(when=short, long=long)) for e in ENDPOINTS]
    return {e.code: e for e in named}


def problems(codes: Iterable[str], assessment_day: int) -> list[str]:
    """One sentence per unknown code: what was seen, the nearest known code, and what is allowed."""
    known = list(catalogue(assessment_day))
    found = []
    for code in codes:
        if code not in known:
            near = difflib.get_close_matches(code.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            found.append(f"endpoint {code!r} is not known{hint} Allowed: {', '.join(known)}")
    return found


def chosen(settings: Settings) -> dict[str, Endpoint]:
    """The endpoints of a study: those it names and its primary, or all it can give when it names none."""
    known = catalogue(settings.assessment_day)
    if not settings.endpoints:
        return {code: e for code, e in known.items() if settings.pk_sampling or not e.needs_profile}
    wanted = dict.fromkeys((settings.primary, *settings.endpoints))
    wrong = problems(wanted, settings.assessment_day)
    if wrong:
        raise KeyError("; ".join(wrong))
    return {code: known[code] for code in wanted}


def evaluate(endpoint: Endpoint, records: Records, settings: Settings) -> Evaluated:
    """One endpoint for every patient; a patient whose solve failed is not evaluable, whatever the endpoint."""
    result = endpoint.evaluate(records, settings)
    reason = np.where(records.unsolved != "", records.unsolved, result.reason)
    return Evaluated(np.where(reason == "", result.value, np.nan), reason)


def evaluate_all(records: Records, settings: Settings) -> dict[str, Evaluated]:
    """Every chosen endpoint by code."""
    return {code: evaluate(e, records, settings) for code, e in chosen(settings).items()}


def table(records: Records, evaluated: Mapping[str, Evaluated]) -> pa.Table:
    """The endpoints table: endpoint after endpoint, patients in order."""
    replicate, subject = (pa.array(key.astype(np.int32)) for key in (records.replicate, records.subject))
    return pa.concat_tables(
        [
            pa.table([replicate, subject, *_columns(code, result)], schema=ENDPOINTS_SCHEMA)
            for code, result in evaluated.items()
        ]
    ).unify_dictionaries()


def _columns(code: str, result: Evaluated) -> list[pa.Array]:
    n = len(result.value)
    reasons, which = np.unique(result.reason, return_inverse=True)
    return [
        _dictionary(np.zeros(n, dtype=np.int32), [code]),
        pa.array(result.value, mask=np.isnan(result.value)),
        _dictionary(result.evaluable.astype(np.int32), ["N", "Y"]),
        _dictionary(which.astype(np.int32), reasons.tolist()),
    ]


def _dictionary(codes: np.ndarray, values: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, type=pa.int32()), pa.array(values, type=pa.string()))
