"""The same patients on both sides of a comparison: what changes within them.

Patients are the same when they have one number in their replicate, as many with counterfactual allocation as there are
arms, and one baseline: age, sex, height, weight, duration of ITP and count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Codes, Flags, Texts, key_of
from analysis.evidence.comparison import Arms, Side, arms_in_words
from analysis.evidence.results import ENDPOINTS_FILE, PATIENTS_FILE
from analysis.statistics.estimates import PERCENT, number, rates
from analysis.statistics.estimators import OverReplicates, over_replicates
from analysis.statistics.summaries import decoded, indexed

MEASURES = ("AGE", "HEIGHT", "WEIGHT", "ITPDUR", "BLPLAT")
SHIFT = 2**32


@dataclass(frozen=True)
class InPairs:
    """An endpoint in the same patients: ``patients`` with a value on both sides (mean per replicate); of a yes or no
    the shares (%) with a yes on one side only; the mean change from A to B within patients, over replicates.
    """

    endpoint: str
    arm: str
    unit: str
    patients: float
    only_a: float | None
    only_b: float | None
    difference: float | None
    mcse: float | None


@dataclass(frozen=True)
class Paired:
    """Every endpoint in the same patients, and for each pair of arms how many of them there are."""

    rows: tuple[InPairs, ...]
    said: tuple[str, ...]


@dataclass(frozen=True)
class _Who:
    """Patients of one side who have endpoints: ``person`` (n,), the same for one patient under every arm, ``arm``,
    ``baseline`` (n, 6) and ``values`` (n,) by endpoint, NaN without one.
    """

    person: Codes
    arm: Texts
    baseline: Array
    values: dict[str, Array]


def in_pairs(a: Side, b: Side, arms: Arms, known: Mapping[str, Endpoint]) -> Paired:
    """The endpoints that both sides have, in the patients whom both have in these arms."""
    one, other = _who(a), _who(b)
    rows: list[InPairs] = []
    said = []
    for x, y in arms:
        mine, theirs, same = _matched(one, other, x, y)
        said.append(_how_many(arms_in_words(x, y), len(mine), int(same.sum())))
        mine, theirs = mine[same], theirs[same]
        rows += _rows(one, other, mine, theirs, arms_in_words(x, y), known) if len(mine) else ()
    order = {code: k for k, code in enumerate(known)}
    return Paired(tuple(sorted(rows, key=lambda row: order[row.endpoint])), tuple(said))


def _who(side: Side) -> _Who:
    table = pq.read_table(side.path / PATIENTS_FILE, columns=["IREP", "SUBJID", "ARM", "SEX", *MEASURES])
    key = key_of(table)
    order = np.argsort(key, kind="stable")
    replicate, number_ = np.divmod(key, SHIFT)
    person = replicate * SHIFT + ((number_ - 1) % side.study.patients if side.study.paired else number_ - 1)
    sex = (decoded(table["SEX"]) == "F").astype(np.float64)
    measured = [table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in MEASURES]
    baseline = np.nan_to_num(np.column_stack([sex, *measured]), nan=-1.0)
    there, values = _values(side, key[order])
    of = order[there]
    return _Who(person[of], decoded(table["ARM"])[of], baseline[of], {code: v[there] for code, v in values.items()})


def _values(side: Side, key: Codes) -> tuple[Flags, dict[str, Array]]:
    """Which patients with these sorted keys have endpoints, and every endpoint (n,); NaN without a value."""
    table = pq.read_table(side.endpoints or side.path / ENDPOINTS_FILE, columns=["IREP", "SUBJID", "PARAMCD", "AVAL"])
    code, words = indexed(table["PARAMCD"])
    place, value = np.searchsorted(key, key_of(table)), table["AVAL"].to_numpy()
    there, found = np.zeros(len(key), dtype=bool), {word: np.full(len(key), np.nan) for word in words}
    there[place] = True
    for k, word in enumerate(words):
        mine = code == k
        found[word][place[mine]] = value[mine]
    return there, found


def _matched(one: _Who, other: _Who, x: str, y: str) -> tuple[Codes, Codes, Flags]:
    """Rows of the patients of one number in an arm of each side, and which of them have one baseline."""
    mine, theirs = np.flatnonzero(one.arm == x), np.flatnonzero(other.arm == y)
    _, first, second = np.intersect1d(one.person[mine], other.person[theirs], assume_unique=True, return_indices=True)
    mine, theirs = mine[first], theirs[second]
    return mine, theirs, np.asarray((one.baseline[mine] == other.baseline[theirs]).all(axis=1))


def _how_many(arms: str, numbered: int, same: int) -> str:
    """How many patients are on both sides, in words."""
    if not same:
        return f"{arms}: no patient is on both sides"
    left = f"; {numbered - same} of one number are others and are left out" if same < numbered else ""
    return f"{arms}: {same} patients are on both sides, all replicates together{left}"


def _rows(
    one: _Who, other: _Who, mine: Codes, theirs: Codes, arms: str, known: Mapping[str, Endpoint]
) -> Iterator[InPairs]:
    """Every endpoint in these patients."""
    replicates, row = np.unique(one.person[mine] // SHIFT, return_inverse=True)
    for code, endpoint in known.items():
        if code in one.values and code in other.values:
            a, b = one.values[code][mine], other.values[code][theirs]
            both = ~np.isnan(a) & ~np.isnan(b)
            yield _change(endpoint, arms, a[both], b[both], row[both], len(replicates))


def _change(endpoint: Endpoint, arms: str, a: Array, b: Array, row: Codes, replicates: int) -> InPairs:
    """One endpoint with values (n,) on both sides; ``row`` (n,): the replicate."""
    n = np.bincount(row, minlength=replicates).astype(np.float64)
    rate = endpoint.summary == "rate"
    scale = PERCENT if rate else 1.0

    def mean(values: Array) -> OverReplicates:
        return over_replicates(scale * rates(np.bincount(row, values, replicates).astype(np.float64), n))

    change = mean(b - a)
    one_only, other_only = (
        number(mean(np.asarray(yes, dtype=np.float64)).mean) if rate else None for yes in (a > b, b > a)
    )
    known = number(change.mean), number(change.mcse)
    return InPairs(endpoint.code, arms, endpoint.unit, float(n.mean()), one_only, other_only, *known)
