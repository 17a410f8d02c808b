"""Who took part, as estimates: screening, disposition and baseline, of one replicate and over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.endpoints.records import Array, Codes, Flags
from analysis.statistics.baseline import COLUMNS, ITEMS, ITP, Item
from analysis.statistics.estimates import ALL, NAMED, PERCENT, Estimate, alone, over, rates
from analysis.statistics.summaries import Summary, decoded, whole_replicates
from trial.study.study import Study

COMPLETED, FAILED = "COMPLETED", "SOLVE FAILED"
STOPPED, DIED = "stopped by the dose rule", "died"
DESCRIBED = ("mean", "SD", "median", "minimum", "maximum")
STATISTICS = ("n", "missing", "sum", *DESCRIBED)


def estimate_participants(folder: Path, study: Study, summaries: Mapping[str, Summary]) -> list[Estimate]:
    """Rows of screening (where it was recorded), disposition and baseline of a run folder."""
    screening = folder / "screening.parquet"
    rows = list(_screening_rows(pq.read_table(screening), study)) if screening.exists() else []
    rows += _disposition_rows(_disposition(folder / "patients.parquet", study), study, summaries)
    return rows + _baseline_rows(folder / "patients.parquet", study)


def row_of(study: Study, category: str, code: str, label: str, arm: str, stat: str, unit: str) -> Estimate:
    return Estimate(
        STUDYID=study.id, PARAMCD=code, PARAM=label, PARCAT1=category, ARM=arm, COMPARATOR=None, POPULATION="FAS",
        STAT=stat, UNIT=unit, SCOPE=NAMED,
    )  # fmt: skip


def _screening_rows(table: pa.Table, study: Study) -> Iterator[Estimate]:
    """How many candidates were screened, excluded (for each reason, and together) and randomised."""
    replicate, reason, n = table["IREP"].to_numpy(), decoded(table["REASON"]), table["N"].to_numpy()
    counted: dict[str, Array] = {}
    for why in dict.fromkeys(reason.tolist()):
        mine = reason == why
        counted[why] = np.bincount(replicate[mine], n[mine], minlength=study.replicates).astype(np.float64)
    out = [counts for why, counts in counted.items() if why not in ("screened", "randomised")]
    if out:
        counted["excluded"] = np.sum(out, axis=0)
    blank = replace(row_of(study, "screening", "SCREEN", "Screening", ALL, "count", "subjects"), POPULATION="screened")
    for why, counts in counted.items():
        row = replace(blank, CATEGORY=why)
        yield alone(row, counts[study.analysis.named_replicate])
        yield over(row, counts, counts)


def _disposition(path: Path, study: Study) -> dict[str, Array]:
    """Patients (R, A) by how the study ended for them, and all of them ("randomised")."""
    reasons = [f"left: {reason}" for reason in study.reasons_to_leave]
    found = {name: np.zeros(_shape(study)) for name in ("randomised", "completed", *reasons, "solve failed")}
    for table in whole_replicates(path, ["IREP", "ARM", "EOSSTT", "DCSREAS"]):
        cell = table["IREP"].to_numpy().astype(np.int64) * len(study.arms) + arms_of(table, study)
        status, reason = decoded(table["EOSSTT"]), np.char.add("left: ", decoded(table["DCSREAS"]))
        here = {
            "randomised": np.ones(len(cell), dtype=bool),
            "completed": status == COMPLETED,
            "solve failed": status == FAILED,
            **{name: (reason == name) & (status != COMPLETED) & (status != FAILED) for name in reasons},
        }
        for name, mine in here.items():
            found[name] += np.bincount(cell[mine], minlength=found[name].size).reshape(_shape(study))
    left = sum((found[name] for name in reasons), np.zeros(_shape(study)))
    analysed = found["randomised"] - found["solve failed"]
    died = {DIED: sum((found[f"left: {reason}"] for reason in study.deaths), np.zeros(_shape(study)))}
    return {**found, "discontinued": left, **(died if study.deaths else {}), "analysed": analysed}


def _shape(study: Study) -> tuple[int, int]:
    return study.replicates, len(study.arms)


def arms_of(table: pa.Table, study: Study) -> Codes:
    """Arm of every patient, by its place in the study."""
    place = {name: k for k, name in enumerate(study.arm_ids)}
    return np.array([place[name] for name in decoded(table["ARM"]).tolist()], dtype=np.int64)


def with_all(counts: Array) -> Array:
    """(R, A) counts with all arms together as one more column."""
    return np.column_stack([counts, counts.sum(axis=1)])


def _disposition_rows(found: Mapping[str, Array], study: Study, summaries: Mapping[str, Summary]) -> list[Estimate]:
    """Counts and shares of the randomised, by arm and together."""
    if study.can_stop:
        found = {**found, STOPPED: summaries["STOPPED"].events}
    of, rows = with_all(found["randomised"]), []
    for category, counts in found.items():
        blank = replace(row_of(study, "disposition", "DISP", "Disposition", "", "count", "subjects"), CATEGORY=category)
        rows += count_and_share(blank, with_all(counts), of, study)
    return rows


def count_and_share(blank: Estimate, counts: Array, of: Array, study: Study) -> list[Estimate]:
    """A count and its share ``of`` others, (R, A + 1) each, by arm and together: named replicate, and over all."""
    named, share, rows = study.analysis.named_replicate, PERCENT * rates(counts, of), []
    for k, arm in enumerate((*study.arm_ids, ALL)):
        count = replace(blank, ARM=arm, N=int(of[named, k]), N_EVENT=int(counts[named, k]))
        rows += [alone(count, counts[named, k]), over(count, counts[:, k], of[:, k])]
        percent = replace(count, STAT="share", UNIT="%")
        rows += [alone(percent, share[named, k]), over(percent, share[:, k], of[:, k])]
    return rows


def _baseline_rows(path: Path, study: Study) -> list[Estimate]:
    """Every line of the baseline table; those of ITP only where a patient has it."""
    found = {item.code: {name: np.full(_with_all_shape(study), np.nan) for name in STATISTICS} for item in ITEMS}
    itp = False
    for table in whole_replicates(path, ["IREP", "ARM", *COLUMNS]):
        columns = {name: _plain(table[name]) for name in COLUMNS}
        itp |= bool((columns["ITPDUR"].astype(np.float64) > 0).any())
        replicates, row = np.unique(table["IREP"].to_numpy(), return_inverse=True)
        cell = row.ravel() * len(study.arms) + arms_of(table, study)
        for item in ITEMS:
            values = np.asarray(item.value(columns), dtype=np.float64)
            for name, here in _by_arm(cell, values, len(replicates), len(study.arms)).items():
                found[item.code][name][replicates] = here
    return [row for item in ITEMS if itp or item.code not in ITP for row in _item_rows(item, found[item.code], study)]


def _with_all_shape(study: Study) -> tuple[int, int]:
    return study.replicates, len(study.arms) + 1


def _by_arm(cell: Codes, values: Array, replicates: int, arms: int) -> dict[str, Array]:
    """STATISTICS (R, A + 1), the last column of all arms together; ``cell`` is a place in a flat (R, A)."""
    by_arm, together = describe(cell, values, replicates * arms), describe(cell // arms, values, replicates)
    return {name: np.column_stack([by_arm[name].reshape(-1, arms), together[name]]) for name in STATISTICS}


def _plain(column: pa.ChunkedArray) -> np.ndarray:
    """A column as numpy: text, or numbers, null as NaN."""
    return decoded(column) if pa.types.is_dictionary(column.type) else column.to_numpy(zero_copy_only=False)


def _item_rows(item: Item, stats: Mapping[str, Array], study: Study) -> Iterator[Estimate]:
    """One line, by arm and of all arms together: a share, or mean, SD, median and range; and how many are missing."""
    named = study.analysis.named_replicate
    for k, arm in enumerate((*study.arm_ids, ALL)):
        n, missing = stats["n"][:, k], stats["missing"][:, k]
        row = row_of(study, "baseline", f"BASE:{item.code}", item.label, arm, "", item.unit)
        row = replace(row, N=int(n[named]))
        if item.unit == "%":
            yes = stats["sum"][:, k]
            rate = replace(row, STAT="rate", N_EVENT=int(yes[named]))
            yield alone(rate, PERCENT * rates(yes, n)[named])
            yield over(rate, PERCENT * rates(yes, n), n)
        else:
            yield from _described(row, {name: stats[name][:, k] for name in DESCRIBED}, n, named)
        if stats["missing"].any():
            absent = replace(row, STAT="missing", UNIT="subjects")
            yield from (alone(absent, missing[named]), over(absent, missing, n))


def _described(row: Estimate, stats: Mapping[str, Array], n: Array, named: int) -> Iterator[Estimate]:
    for name, values in stats.items():
        one = replace(row, STAT=name)
        yield from (alone(one, values[named]), over(one, values, n))


def describe(cell: Codes, values: Array, cells: int) -> dict[str, Array]:
    """Of the values (n,; NaN: missing) in each of some cells: n, missing, sum, mean, SD (n - 1), median, minimum,
    maximum; NaN where a cell has too few.
    """
    known: Flags = ~np.isnan(values)
    n = np.bincount(cell[known], minlength=cells).astype(np.float64)
    total = np.bincount(cell[known], values[known], minlength=cells).astype(np.float64)
    mean = rates(total, n)
    squares = np.bincount(cell[known], (values[known] - mean[cell[known]]) ** 2, minlength=cells)
    order = np.lexsort((values[known], cell[known]))
    ranked = np.append(values[known][order], np.nan)
    first = np.concatenate([[0], np.cumsum(n)[:-1]]).astype(np.int64)
    size = n.astype(np.int64)

    def at(place: Codes) -> Array:
        return np.where(size > 0, ranked[np.minimum(first + place, len(ranked) - 1)], np.nan)

    return {
        "n": n,
        "missing": np.bincount(cell[~known], minlength=cells).astype(np.float64),
        "sum": total,
        "mean": mean,
        "SD": np.sqrt(np.divide(squares, n - 1, out=np.full(cells, np.nan), where=n > 1)),
        "median": (at(np.maximum(size - 1, 0) // 2) + at(size // 2)) / 2,
        "minimum": at(np.zeros_like(size)),
        "maximum": at(np.maximum(size - 1, 0)),
    }
