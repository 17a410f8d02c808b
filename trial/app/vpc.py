"""Observed counts and concentrations beside what the study simulates: a visual predictive check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis.endpoints.records import BELOW_LIMIT
from analysis.evidence import vpc as pure
from analysis.evidence.vpc import Binned, Measured
from analysis.report.vpc import write_page
from analysis.statistics.estimates import ALL
from trial.app.observed import Observed, read_observed
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, silent, unseen
from trial.errors import Refused
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.work import simulate_replicates
from trial.study.ideal import DEPARTURES, without
from trial.study.study import Study

Array = NDArray[np.float64]
PAGE_FILE = "vpc.html"
FILES = (pure.VPC_FILE, PAGE_FILE)
ENOUGH = 200
"""Replicates, unless more are asked for: ends of the intervals are then the fifth from either side."""
UNITS = {"PLAT": ("d", "10^9/L"), "CONC": ("h", "ng/mL")}


@dataclass(frozen=True)
class Checked:
    """How one parameter is checked: bins, groups of patients, how many of each are taken, limit of quantification, the
    typical prediction (times, values by arm), and of a prediction correction that of each bin.
    """

    parameter: str
    edges: Array
    groups: tuple[str, ...]
    taken: Mapping[str, int]
    limit: float
    typical: tuple[Array, Mapping[str, Array]] | None
    predictions: Array | None = None

    def group_of(self, arms: Sequence[str]) -> NDArray[np.int64]:
        """Group of patients of these arms."""
        if self.groups == (ALL,):
            return np.zeros(len(arms), dtype=np.int64)
        place = {group: k for k, group in enumerate(self.groups)}
        return np.array([place.get(arm, -1) for arm in arms], dtype=np.int64)

    def prediction(self, arms: Sequence[str], at: Array) -> Array:
        """Typical prediction of values of these arms at these times; 1 where none is asked for."""
        if self.typical is None:
            return np.ones(len(at))
        times, values = self.typical
        found = np.full(len(at), np.nan)
        for arm in set(arms) & set(values):
            mine = np.array([one == arm for one in arms])
            found[mine] = np.interp(at[mine], times, values[arm])
        return found


def write_vpc(
    study: Study,
    observed_file: Path,
    folder: Path,
    corrected: bool = False,
    bins: Sequence[float] = (),
    workers: int | None = None,
    say: Say = silent,
    progress: Progress = unseen,
    dask: str | None = None,
) -> tuple[list[Binned], tuple[str, ...]]:
    """The rows, which are written into ``folder`` with a page, and what to know of the observed data.

    ``bins``: edges, days or hours; none: halfway between the planned visits or samples. Raises Refused for a file that
    cannot be used, and where nothing is simulated of what was observed.
    """
    if dask is not None:
        must_be_usable(dask, workers)
    observed = read_observed(observed_file, study)
    checks = _checks(study, observed, corrected, bins)
    cautions: tuple[str, ...] = tuple(_fewer(study, observed))
    simulated: dict[int, list[Array]] = {}
    jobs = [(study, k) for k in range(study.replicates)]
    with progress("vpc, replicates") as tell, hands(workers or cores(), dask) as ours:
        for k, found in ours.each(partial(_replicate, checks), jobs, lambda k: f"replicate {k}"):
            simulated[k] = found
            tell(len(simulated), study.replicates)
    rows = []
    for place, check in enumerate(checks):
        over = np.array([simulated[k][place] for k in range(study.replicates)])
        names = (check.parameter, *UNITS[check.parameter])
        seen, inside = _measured_of(observed, check)
        lost = pure.unmatched(seen, over, check.edges, check.groups)
        cautions = (*cautions, *inside, *(_nothing(check.parameter, arm, n) for arm, n in lost.items()))
        rows += pure.compared_bins(seen, over, check.edges, check.groups, names, corrected)
    if not rows:
        raise Refused("\n".join([*observed.cautions, *cautions, "vpc: nothing that was observed can be compared"]))
    pure.write(rows, folder)
    write_page(rows, study, folder / PAGE_FILE)
    return rows, (*observed.cautions, *cautions)


def _checks(study: Study, observed: Observed, corrected: bool, bins: Sequence[float]) -> list[Checked]:
    """How every observed parameter is checked."""
    if bins and len(observed.parameters) > 1:
        raise Refused(
            "--bins: seen with PLAT and CONC in one file; allowed: one of them, as their times differ in unit"
        )
    armed = all(row.arm for row in observed.rows)
    if corrected and not armed and len(study.arms) > 1:
        raise Refused(
            "--corrected: the observed file has no ARM, and arms have predictions of their own; add the column"
        )
    found = []
    for parameter in observed.parameters:
        rows = [row for row in observed.rows if row.parameter == parameter]
        planned = _planned(study, parameter)
        edges = np.array(bins) if len(bins) else pure.edges_of(planned)
        limit = study.laboratory.lower_limit_1e9L if parameter == "PLAT" else _lloq(study)
        if limit == 0 and any(row.below for row in rows):
            key = "laboratory.lower_limit_1e9L" if parameter == "PLAT" else "pk_sampling.lloq_ng_mL"
            raise Refused(
                f"{parameter}: values are below the limit of quantification, but {key} is 0; say the limit there"
            )
        groups = (
            (ALL,) if corrected or not armed else tuple(a for a in study.arm_ids if any(row.arm == a for row in rows))
        )
        taken = {a: len({row.patient for row in rows if row.arm == a}) for a in study.arm_ids} if armed else {}
        check = Checked(parameter, edges, groups, taken, limit, _typical(study, parameter) if corrected else None)
        if corrected:
            check = replace(check, predictions=pure.bin_predictions(_raw(observed, check), edges))
        found.append(check)
    return found


def _lloq(study: Study) -> float:
    return study.pk_sampling.lloq_ng_mL if study.pk_sampling else 0.0


def _planned(study: Study, parameter: str) -> Array:
    """Days of the visits, day 0 among them, or hours of the samples."""
    if parameter == "CONC":
        return np.array(sorted(study.pk_sampling.times_h if study.pk_sampling else ()), dtype=np.float64)
    return np.array(sorted({0, *study.visits.days}), dtype=np.float64)


def _fewer(study: Study, observed: Observed) -> Iterator[str]:
    """Arms in which fewer patients are simulated than were observed."""
    ratio = {arm.id: arm.ratio for arm in study.arms}
    for arm in study.arm_ids:
        seen = len({row.patient for row in observed.rows if row.arm == arm})
        has = study.patients if study.paired else study.patients * ratio[arm] // sum(ratio.values())
        if seen > has:
            yield f"{arm}: {seen} patients observed, {has} simulated: intervals are wider than of as many"


def _typical(study: Study, parameter: str) -> tuple[Array, Mapping[str, Array]]:
    """Times, and the true value of a typical patient of each arm, who is not rescued and does not leave."""
    plain = without(study, [d for d in DEPARTURES if d.id in ("rescue", "dropout", "visits", "adherence")])
    tables = simulate_replicates(
        plain.model_copy(update={"typical_patient": True, "parameter_uncertainty": False, "replicates": 1}), range(1)
    )
    rows, arms, at = _of_parameter(tables, parameter)
    true = rows["TRUEVAL"].to_numpy()
    planned = _planned(study, parameter)
    values = {}
    for arm in study.arm_ids:
        here = [true[(arms == arm) & (at == time) & ~np.isnan(true)] for time in planned]
        if any(map(len, here)):  # no concentrations of placebo
            values[arm] = np.array([np.median(one) if len(one) else np.nan for one in here])
    if not values:
        raise Refused(f"{parameter}: nothing is simulated in any arm, so that there is no prediction")
    known = np.logical_and.reduce([~np.isnan(one) for one in values.values()])
    return planned[known], {arm: one[known] for arm, one in values.items()}


def _of_parameter(tables: Mapping[str, pa.Table], parameter: str) -> tuple[pa.Table, NDArray[np.str_], Array]:
    """The rows of a parameter, with the arm and the time of each: day of the visit, or hours after the dose."""
    patients, observations = tables["patients"], tables["observations"]
    rows = observations.filter(pc.equal(observations["PARAMCD"].cast(pa.string()), parameter))
    keys = [t["IREP"].to_numpy().astype(np.int64) * 10**7 + t["SUBJID"].to_numpy() for t in (patients, rows)]
    order = np.argsort(keys[0])
    arms = np.array(patients["ARM"].cast(pa.string()).to_pylist(), dtype=str)[order]
    who = np.searchsorted(keys[0][order], keys[1])
    at = rows["ATPT" if parameter == "CONC" else "ADY"].to_numpy().astype(np.float64)
    return rows, arms[who], at


def _replicate(checks: Sequence[Checked], study: Study, k: int) -> list[Array]:
    """The statistics (G, B, 4) of one replicate for every check."""
    tables = simulate_replicates(study, range(k, k + 1))
    found = []
    for check in checks:
        measured = _simulated(tables, check)
        if check.predictions is not None:
            measured = pure.corrected(measured, check.edges, check.predictions)
        found.append(pure.statistics(measured, check.edges, len(check.groups)))
    return found


def _simulated(tables: Mapping[str, pa.Table], check: Checked) -> Measured:
    """What a replicate measures, of the first patients of each arm, as many as were observed."""
    rows, arms, at = _of_parameter(tables, check.parameter)
    value = rows["AVAL"].to_numpy()
    below = np.array(rows["AVALREAS"].cast(pa.string()).to_pylist(), dtype=object) == BELOW_LIMIT
    below |= (value <= check.limit) & (check.limit > 0) if check.parameter == "PLAT" else False
    use = (~np.isnan(value) | below) & _first(rows["SUBJID"].to_numpy(), arms, check.taken)
    arms, at, below = arms[use], at[use], below[use].astype(bool)
    return Measured(
        check.group_of(arms.tolist()), at, np.where(below, 0.0, value[use]), below, check.prediction(arms.tolist(), at)
    )


def _first(subject: NDArray[np.int64], arms: NDArray[np.str_], taken: Mapping[str, int]) -> NDArray[np.bool_]:
    """Whether a row is of one of the first patients of its arm; of every patient where it is not told how many."""
    use = np.ones(len(subject), dtype=bool)
    for arm, n in taken.items():
        mine = arms == arm
        use[mine] = np.isin(subject[mine], np.unique(subject[mine])[:n])
    return use


def _raw(observed: Observed, check: Checked) -> Measured:
    """What was observed, as it was."""
    rows = [row for row in observed.rows if row.parameter == check.parameter]
    arms, at = [row.arm for row in rows], np.array([row.at for row in rows])
    value, below = np.array([row.value for row in rows]), np.array([row.below for row in rows], dtype=bool)
    if check.limit > 0:
        below |= value <= check.limit if check.parameter == "PLAT" else value < check.limit
    only = next(iter(check.typical[1])) if check.typical and not any(arms) else ""
    arms = [arm or only for arm in arms]
    return Measured(check.group_of(arms), at, value, below, check.prediction(arms, at))


def _measured_of(observed: Observed, check: Checked) -> tuple[Measured, tuple[str, ...]]:
    """What was observed, corrected where that is asked for, and how much of it is left out."""
    raw = _raw(observed, check)
    outside = int((pure.bin_of(raw.at, check.edges) < 0).sum())
    said = [f"{check.parameter}: {outside} values lie in no bin"] * bool(outside)
    if check.predictions is None:
        return raw, tuple(said)
    found = pure.corrected(raw, check.edges, check.predictions)
    without = np.isnan(raw.typical) & (pure.bin_of(raw.at, check.edges) >= 0)
    arms = np.array([row.arm for row in observed.rows if row.parameter == check.parameter], dtype=object)[without]
    said += [_nothing(check.parameter, arm, int((arms == arm).sum())) for arm in dict.fromkeys(arms.tolist())]
    left = len(raw.at) - outside - len(found.at) - int(without.sum())
    said += [f"{check.parameter}: {left} values left out, below the limit or with a prediction of 0"] * bool(left)
    return found, tuple(said)


def _nothing(parameter: str, arm: str, n: int) -> str:
    """That values have nothing beside them."""
    where = "all arms" if arm == ALL else arm
    return f"{parameter}: {n} value{'s' * (n > 1)} of {where}: nothing is simulated there; left out"


def lines(rows: Sequence[Binned]) -> Iterator[tuple[str, ...]]:
    """One line per parameter and arm: how many of the percentiles lie inside, and of the shares below the limit."""
    for parameter, arm in dict.fromkeys((row.parameter, row.arm) for row in rows):
        mine = [row for row in rows if (row.parameter, row.arm) == (parameter, arm)]
        parts = []
        for statistic in pure.STATISTICS:
            of = [row.inside for row in mine if row.statistic == statistic]
            parts.append(f"{sum(of)}/{len(of)}" if of else "")
        yield (parameter, arm, *parts)


def notes(rows: Sequence[Binned]) -> list[str]:
    """What stands below the lines."""
    pooled = any(row.corrected for row in rows)
    kind = "prediction-corrected (Bergstrand 2011), arms together" if pooled else "not corrected"
    among, of = pure.inside(rows)
    most = max((row.replicates for row in rows), default=0)
    return [
        f"\nBins whose observed percentile lies within the 95 % interval of {most} replicates; {kind}.",
        f"inside: {among} of {of}; of a model that is right 95 % are expected, fewer or more by chance as bins of one "
        "patient go together.",
    ]
