"""Subgroups: rates, differences by the planned method, a test of interaction, and how alike replicates are.

In each subgroup the arms are compared as in all patients: within the strata of the randomisation, small ones pooled,
with the limits that the protocol plans. Interaction: ``proportions.homogeneity_test`` of the differences. Consistency:
in how many replicates the difference of a subgroup has the sign of that of all patients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from analysis.endpoints import chosen
from analysis.endpoints.contract import Endpoint
from analysis.endpoints.records import Array, Codes, key_of
from analysis.statistics import proportions
from analysis.statistics.estimates import PERCENT, POINTS, Estimate, alone, over, rates, share_of, with_interval
from analysis.statistics.estimators import clopper_pearson
from analysis.statistics.participants import arms_of
from analysis.statistics.planned import DIFFERENCES, LIMITS, compared_arms, in_strata
from analysis.statistics.summaries import compares_arms, indexed, whole_replicates, within_strata
from trial.study.study import Study
from trial.study.subgroups import Subgroup

KIND = "subgroup"
"""PARCAT1 of the rows; CATEGORY is a subgroup, of the interaction what the subgroups are by."""
NOBODY = -1
"""Code of a patient without a value of the covariate, who is in no subgroup."""


class Coded(NamedTuple):
    """Words and, of each patient, the place of the word; NOBODY where there is none."""

    words: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True)
class Grouped:
    """Every patient of a run, sorted by ``key`` (n,): ``arm`` (n,), ``stratum``, and the ``groups`` of each factor."""

    key: Codes
    arm: Codes
    stratum: Coded
    groups: tuple[Coded, ...]


@dataclass(frozen=True)
class Tallies:
    """Events and evaluable patients (R, G, A, S) in G subgroups and S strata, small strata pooled."""

    events: Array
    sizes: Array

    def four(self, arm: int, reference: int) -> tuple[Array, Array, Array, Array]:
        """Of an arm beside the reference arm, (R, G, S) each, as ``proportions`` takes them."""
        e, n = self.events, self.sizes
        return e[:, :, arm], n[:, :, arm], e[:, :, reference], n[:, :, reference]


def subgroup_endpoints(study: Study) -> dict[str, Endpoint]:
    """The yes or no endpoints that are reported by subgroup: the primary one, and those of the hypotheses."""
    known = chosen(study)
    tested = [h.endpoint for h in study.analysis.family(study.arm_ids)] if compares_arms(study) else []
    codes = dict.fromkeys((study.analysis.primary, *tested))
    return {str(code): known[str(code)] for code in codes if code in known and known[str(code)].summary == "rate"}


def estimate_subgroups(endpoints: Path, patients: Path, study: Study) -> list[Estimate]:
    """Every row of the subgroups that the study asks for; none where it asks for none."""
    asked, known = study.analysis.subgroups, subgroup_endpoints(study)
    if not asked or not known:
        return []
    people = _people(patients, study)
    counted = {code: _counted(endpoints, code, people, study) for code in known}
    return [
        row
        for code, (whole, *others) in counted.items()
        for by, counts, group in zip(asked, others, people.groups[1:], strict=True)
        for row in _rows(known[code], by, group.words, counts, whole, study)
    ]


def _people(path: Path, study: Study) -> Grouped:
    """From the patients table; the first factor is no factor: all patients."""
    asked = study.analysis.subgroups
    columns = list(dict.fromkeys(["IREP", "SUBJID", "ARM", "STRATUM", *(one.covariate for one in asked)]))
    key, arm = [], []
    found: list[list[Coded]] = [[] for _ in (None, *asked)]
    for table in whole_replicates(path, columns):
        key.append(key_of(table))
        arm.append(arms_of(table, study))
        here = (_words(table["STRATUM"], ""), *(_coded(table, one) for one in asked))
        for pieces, coded in zip(found, here, strict=True):
            pieces.append(coded)
    order = np.argsort(np.concatenate(key), kind="stable")
    sides = [(), *(one.two if one.cut is not None else () for one in asked)]
    strata, *groups = (_joined(pieces, order, words) for pieces, words in zip(found, sides, strict=True))
    everybody = Coded(("",), np.zeros(len(order), dtype=np.int64))
    return Grouped(np.concatenate(key)[order], np.concatenate(arm)[order], strata, (everybody, *groups))


def _coded(table: pa.Table, by: Subgroup) -> Coded:
    """The subgroup of each patient of a table."""
    column = table[by.covariate]
    if pa.types.is_dictionary(column.type):
        return _words(column, by.begins)
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    if by.cut is not None:
        return Coded(by.two, np.where(np.isnan(values), NOBODY, values >= by.cut).astype(np.int64))
    found, which = np.unique(values, return_inverse=True)
    words = tuple("" if np.isnan(value) else f"{by.begins}{value:g}" for value in found.tolist())
    return Coded(words, which.astype(np.int64))


def _words(column: pa.ChunkedArray, begins: str) -> Coded:
    """A column of texts; null and "" are no word."""
    whole = column.unify_dictionaries().combine_chunks()
    words = tuple(f"{begins}{word}" if word else "" for word in whole.dictionary.to_pylist())
    return Coded(words, whole.indices.fill_null(NOBODY).to_numpy().astype(np.int64))


def _joined(pieces: Sequence[Coded], order: Codes, words: tuple[str, ...] = ()) -> Coded:
    """Pieces one after another and then in ``order``; their ``words``, or those that somebody has, in order."""
    used = {one.words[k] for one in pieces for k in np.unique(one.codes).tolist() if k != NOBODY}
    words = words or tuple(sorted(used - {""}))
    place = {word: k for k, word in enumerate(words)}
    codes = [np.array([*(place.get(word, NOBODY) for word in one.words), NOBODY])[one.codes] for one in pieces]
    return Coded(words, np.concatenate(codes)[order])


def _counted(path: Path, code: str, people: Grouped, study: Study) -> list[Tallies]:
    """Tallies of one endpoint in every factor, all patients first."""
    within = within_strata(study)
    stratum = people.stratum.codes if within else np.zeros_like(people.stratum.codes)
    strata = len(people.stratum.words) if within else 1
    shapes = [(study.replicates, len(group.words), len(study.arms), strata) for group in people.groups]
    found = [np.zeros((2, *shape)) for shape in shapes]
    for table in whole_replicates(path, ["IREP", "SUBJID", "PARAMCD", "AVAL"]):
        which, names = indexed(table["PARAMCD"])
        mine = table.filter(pa.array(which == names.index(code))) if code in names else table.slice(0, 0)
        value = mine["AVAL"].to_numpy()
        known = ~np.isnan(value)
        row, value = np.searchsorted(people.key, key_of(mine))[known], value[known]
        replicate = mine["IREP"].to_numpy().astype(np.int64)[known]
        for counts, group, shape in zip(found, people.groups, shapes, strict=True):
            _add(counts, (replicate, group.codes[row], people.arm[row], stratum[row]), value, shape)
    below = study.analysis.method.pool_below
    return [Tallies(*(proportions.pooled_strata(x, n, below) if below else (x, n))) for x, n in found]


def _add(counts: Array, places: tuple[Codes, ...], value: Array, shape: tuple[int, ...]) -> None:
    """Add patients at their places (replicate, subgroup, arm, stratum) to events and sizes ``counts`` (2, *shape)."""
    inside = places[1] != NOBODY
    if not inside.any():
        return
    replicate, *rest = (place[inside] for place in places)
    first, size = int(replicate.min()), int(np.prod(shape[1:]))
    span = int(replicate.max()) + 1 - first
    cell = np.ravel_multi_index((replicate - first, *rest), (span, *shape[1:]))
    for of, weights in zip(counts, (value[inside], None), strict=True):
        of[first : first + span] += np.bincount(cell, weights, span * size).reshape(span, *shape[1:])


def _rows(
    endpoint: Endpoint, by: Subgroup, words: Sequence[str], counts: Tallies, whole: Tallies, study: Study
) -> Iterator[Estimate]:
    """One endpoint in the subgroups by one covariate."""
    named = study.analysis.named_replicate
    blank = Estimate(
        STUDYID=study.id, PARAMCD=endpoint.code, PARAM=endpoint.label, PARCAT1=KIND, ARM="", COMPARATOR=None,
        POPULATION="FAS", STAT="", UNIT="%", SCOPE="replicate",
    )  # fmt: skip
    events, sizes = counts.events.sum(axis=-1), counts.sizes.sum(axis=-1)
    limits = clopper_pearson(events[named], sizes[named])
    for g, word in enumerate(words):
        for k, arm in enumerate(study.arm_ids):
            row = replace(blank, ARM=arm, CATEGORY=word, STAT="subgroup rate")
            one = replace(row, N=int(sizes[named, g, k]), N_EVENT=int(events[named, g, k]))
            yield with_interval(one, limits.at(g, k), PERCENT, "Clopper-Pearson")
            yield over(row, PERCENT * rates(events[:, g, k], sizes[:, g, k]), sizes[:, g, k])
    if not compares_arms(study):
        return
    reference = study.arm_ids.index(str(study.analysis.reference_arm))
    for arm in compared_arms(study):
        k, row = study.arm_ids.index(arm), replace(blank, ARM=arm, COMPARATOR=study.analysis.reference_arm)
        four, all_of = counts.four(k, reference), proportions.common_difference(*whole.four(k, reference))[:, 0]
        yield from _differences(row, words, four, all_of, study)
        yield from _interaction(replace(row, CATEGORY=by.name), four, len(words), study)


Four = tuple[Array, Array, Array, Array]


def _differences(row: Estimate, words: Sequence[str], four: Four, whole: Array, study: Study) -> Iterator[Estimate]:
    """The difference in each subgroup, and in how many replicates it has the sign of the ``whole`` (R,)."""
    method, named = study.analysis.method.difference, study.analysis.named_replicate
    interval = DIFFERENCES[method](*(counts[named] for counts in four))
    common, (m, n) = proportions.common_difference(*four), (four[1].sum(axis=-1), four[3].sum(axis=-1))
    told = ((four[1] > 0) & (four[3] > 0)).sum(axis=-1)
    for g, word in enumerate(words):
        both = m[:, g] + n[:, g]
        note = _why_not(row, m[named, g], n[named, g]) if not told[named, g] else in_strata(int(told[named, g]), study)
        difference = replace(row, CATEGORY=word, STAT="subgroup difference", UNIT=POINTS)
        one = replace(difference, N=int(both[named]), NOTE=note)
        yield with_interval(one, interval.at(g), PERCENT, LIMITS[method])
        yield over(difference, PERCENT * common[:, g], both)
        known = ~np.isnan(common[:, g]) & ~np.isnan(whole)
        same = share_of(replace(difference, STAT="same sign"), np.asarray(common[:, g] * whole > 0), known)
        yield replace(same, N=round(float(both.mean())), NOTE=_left_out(int((~known).sum()), len(known)))


def _why_not(row: Estimate, n: float, of_reference: float) -> str:
    """Why a subgroup has no difference."""
    nobody = [arm for arm, here in ((row.ARM, n), (row.COMPARATOR, of_reference)) if not here]
    why = f"nobody evaluable in {' and '.join(map(str, nobody))}" if nobody else "no stratum has patients of both arms"
    return f"not estimable: {why}"


def _left_out(n: int, of: int) -> str:
    return f"{n} of {of} replicates without a difference left out" if n else ""


def _interaction(row: Estimate, four: Four, groups: int, study: Study) -> Iterator[Estimate]:
    """Test of one difference in all subgroups: p of the named replicate, and how many replicates reject."""
    found, named = proportions.homogeneity_test(*four), study.analysis.named_replicate
    n = (four[1] + four[3]).sum(axis=(1, 2))
    df = int(found.df[named])
    without = f"; {groups - df - 1} of {groups} subgroups without a difference left out" * (df + 1 < groups)
    why = f"two-sided; Q = {found.q[named]:.4g}, degrees of freedom {df}{without}"
    none = "not estimable: fewer than two subgroups have a difference"
    test = replace(row, STAT="interaction p", UNIT="", N=int(n[named]), NOTE=why if df > 0 else none)
    yield alone(test, found.p[named])
    known = ~np.isnan(found.p)
    rejected = share_of(replace(row, STAT="interaction rejected"), np.asarray(found.p < 0.05), known)
    left = _left_out(int((~known).sum()), len(known))
    yield replace(rejected, N=round(float(n.mean())), NOTE="; ".join(filter(None, ("p < 0.05", left))))
