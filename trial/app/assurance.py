"""Assurance of a design: a small pool of every draw of what is not known, under each structure, and power on each.

The pools are kept beside the table, each whole or not at all, and simulated once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.designs.assurance import Assured, Powers, SeenArm, assured_rows
from analysis.designs.draw import Uniforms
from analysis.designs.measures import Operating
from analysis.designs.plan import Trials
from analysis.designs.pool import Pool
from analysis.designs.tried import conducted
from analysis.designs.variance_parts import blocks
from analysis.endpoints import endpoints_of, evaluate
from analysis.endpoints.records import Array, from_tables
from analysis.endpoints.stage_view import in_stage
from trial.app.attempt import How, identity
from trial.app.design_pool import pool_study
from trial.app.folder import locked
from trial.app.study_run import cores
from trial.app.talk import Progress, Say, Tell
from trial.app.unknowns import ASSUMED, BEHAVIOUR, FITTED, Unknown, drawn_set
from trial.jobs.cluster import must_be_usable
from trial.jobs.hands import hands
from trial.jobs.parts import UNITS, read_unit, remove_unit, unit_folder, write_unit
from trial.jobs.work import simulate_replicates
from trial.study.assurance_plan import AssurancePlan
from trial.study.study import Study

OUTCOMES, STRATUM = "outcomes", "STRATUM"
Narrow = Callable[[Study], Study]
"""A study with the arms and the hypotheses of the design alone."""


@dataclass(frozen=True)
class SmallPool:
    """The pool of one draw in one block, under one structure: its ``number``, its own ``replicate`` of patients, and
    the draws of the fitted and the assumed numbers of its parameter set.
    """

    number: int
    replicate: int
    fitted: int
    assumed: int
    plan: AssurancePlan
    code: str

    def __str__(self) -> str:
        return f"small pool {self.number}"


@dataclass(frozen=True)
class Drawing:
    """What is simulated for the assurance of a design in one scenario: ``largest`` trial, endpoint ``code``, ``seed``;
    ``narrow``: see Narrow.
    """

    unknown: Unknown
    narrow: Narrow
    code: str
    seed: int
    largest: float

    @property
    def base(self) -> Study:
        """The study of the small pools as it stands."""
        return self._pool(self.unknown.study)

    def _pool(self, study: Study) -> Study:
        patients = self.unknown.plan.of_a_draw(self.largest)
        pool = pool_study(self.narrow(study), [self.code], patients, self.seed)
        return pool.model_copy(update={"patients": patients, "replicates": 1})

    @property
    def fingerprint(self) -> str:
        """Twelve letters that are the same when the small pools are; more draws leave those before as they are."""
        plan = self.unknown.plan.model_dump(include={"parameters", "structures", "behaviour"})
        said = "\n".join(f"{key}={value}" for key, value in sorted(identity(self.base).items()))
        return blake2b(f"{said}\n{plan}\n{self.unknown.sets}".encode(), digest_size=6).hexdigest()

    def pools(self) -> Iterator[tuple[Study, SmallPool]]:
        """Every small pool with its study: draw by draw, block by block, structure by structure."""
        unknown, streams = self.unknown, self.base.streams
        kept, names = blocks(len(unknown.sources)), unknown.sources
        for draw in range(unknown.plan.draws):
            for b, keeps in enumerate(kept):
                first, own = draw * len(kept), draw * len(kept) + b
                of = {name: first if k in keeps else own for k, name in enumerate(names)}
                studies = unknown.behaving(streams, of.get(BEHAVIOUR, 0))
                for s, name in enumerate(unknown.sets):
                    number = own * len(unknown.sets) + s
                    draws = of.get(FITTED, 0), of.get(ASSUMED, 0)
                    yield self._pool(studies[name]), SmallPool(number, own, *draws, unknown.plan, self.code)

    def numbers(self) -> range:
        """Numbers of the small pools."""
        unknown = self.unknown
        return range(unknown.plan.draws * len(blocks(len(unknown.sources))) * len(unknown.sets))


def simulate_small_pools(drawing: Drawing, folder: Path, how: How, say: Say, progress: Progress) -> Path:
    """Simulate the small pools that are not there yet, of a shard its own; where they are."""
    home = folder / f"draws-{drawing.fingerprint}"
    if how.dask is not None:
        must_be_usable(how.dask, how.workers)
    with locked(home):
        parts = home / UNITS
        parts.mkdir(parents=True, exist_ok=True)
        mine = [n for n in drawing.numbers() if n % how.shard.of == how.shard.number - 1]
        missing = {n for n in mine if not read_unit(parts, n)}
        there = f", {len(mine) - len(missing)} of them there" if len(missing) < len(mine) else ""
        say(f"assurance: {len(mine)} small pools of {drawing.base.patients} patients{there}, {home.name}")
        if missing:
            with progress("small pools") as tell:
                _simulate(drawing, parts, missing, how, tell)
    return home


def _simulate(drawing: Drawing, parts: Path, missing: set[int], how: How, tell: Tell) -> None:
    jobs = ((study, job) for study, job in drawing.pools() if job.number in missing)
    with hands(how.workers or cores(), how.dask) as ours:
        for done, (job, table) in enumerate(ours.each(_outcomes, jobs), 1):
            remove_unit(parts, job.number)
            write_unit(parts, job.number, {OUTCOMES: table}, {"replicate": job.replicate})
            tell(done, len(missing))


def _outcomes(study: Study, job: SmallPool) -> pa.Table:
    """The endpoint of every patient under every arm, a column each, and the stratum."""
    chosen = drawn_set(study.parameter_set, study.streams, job.plan, job.fitted, job.assumed)
    tables = simulate_replicates(study, range(job.replicate, job.replicate + 1), chosen)
    records = from_tables(in_stage(tables, study), study.arm_ids)
    first = study.analysis.model_copy(update={"named_replicate": job.replicate})
    whole = study.model_copy(update={"analysis": first})
    value = evaluate(endpoints_of(study.analysis)[job.code], records, whole.analysed).value
    patients = study.patients
    columns = {arm: value[k * patients : (k + 1) * patients] for k, arm in enumerate(study.arm_ids)}
    return pa.table({STRATUM: pa.array(records.stratum[:patients].astype(str)), **columns})


def pool_of_draws(drawing: Drawing, home: Path) -> list[Pool]:
    """The small pools of each structure as the sub-pools of one: draw by draw, block by block."""
    tables = [pq.read_table(unit_folder(home / UNITS, n) / f"{OUTCOMES}.parquet") for n in drawing.numbers()]
    labels = [table[STRATUM].to_numpy() for table in tables]
    strata = sorted({str(name) for each in labels for name in np.unique(each)})
    arms, many = drawing.base.arm_ids, len(drawing.unknown.sets)
    value = np.stack([np.stack([table[arm].to_numpy() for arm in arms]) for table in tables])
    code = np.stack([np.searchsorted(strata, each.astype(str)) for each in labels])
    known = drawing.base.analysis.assessment_day
    return [
        Pool(arms, {drawing.code: value[s::many]}, code[s::many].astype(np.int64), tuple(strata), known)
        for s in range(many)
    ]


def powers_of(drawing: Drawing, pools: Sequence[Pool], design: Trials, study: Study, uniforms: Uniforms) -> Powers:
    """Power of a design in every small pool: the share of its trials that reject at least one hypothesis."""
    unknown = drawing.unknown
    kept, draws = blocks(len(unknown.sources)), unknown.plan.draws

    def shaped(each: Array) -> Array:
        """(G, ...) of the small pools as (B, N, ...)."""
        return np.swapaxes(each.reshape(draws, len(kept), *each.shape[1:]), 0, 1)

    power, counts = [], []
    for pool in pools:
        found = conducted(pool, design, study.analysis.method, pool.groups * unknown.plan.trials, uniforms)
        won = found.rejected.any(axis=1).reshape(pool.groups, -1).mean(axis=1)
        power.append(shaped(np.asarray(won)))
        value = pool.outcomes[drawing.code]
        both = np.stack([np.nansum(value, axis=2), (~np.isnan(value)).sum(axis=2)], axis=1).astype(np.float64)
        counts.append(np.moveaxis(shaped(both), 2, 0))
    return Powers(
        np.stack(power), kept, unknown.sources, unknown.sets, np.array(unknown.weights), np.stack(counts, axis=1)
    )


def rows_of_size(
    drawing: Drawing, pools: Sequence[Pool], design: Trials, study: Study, uniforms: Uniforms, point: Operating
) -> tuple[list[Assured], Operating]:
    """Every measure of one size, and assurance as a row beside its power; ``point``: the power at the point."""
    plan = drawing.unknown.plan
    powers = powers_of(drawing, pools, design, study, uniforms)
    arms = study.arm_ids
    given = {one.id: tuple(SeenArm(arms.index(r.arm), r.events, r.patients) for r in one.arms) for one in plan.given}
    blank = Assured(point.design, point.scenario, point.patients, "", "", 0.0, 0.0, 0.0, 0.0, plan.draws, "share")
    known = {name: getattr(point, name) for name in ("value", "error", "low", "high")}
    rows = [
        replace(blank, measure="point", **known),
        *assured_rows(blank, powers, plan.target, given, uniforms),
    ]
    mean = rows[1]
    beside = replace(
        point, measure="assurance", value=mean.value, error=mean.error, low=mean.low, high=mean.high,
        trials=powers.power.size * plan.trials,
    )  # fmt: skip
    return rows, beside
