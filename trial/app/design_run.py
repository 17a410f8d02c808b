"""A design is worked on: pools, trials and small pools of every scenario, and the tables of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from analysis.designs.assurance import ASSURANCE_FILE, Assured, write_assured
from analysis.designs.measures import AS_SIMULATED, Operating, write_operating
from trial.app.assurance import Drawing, pool_of_draws, rows_of_size, simulate_small_pools
from trial.app.attempt import How
from trial.app.design_family import endpoint_of
from trial.app.design_pool import name_of, simulate_part, uniforms_of
from trial.app.designing import FILES, Posed, in_design, pool_of, rows_of, study_of_pool, trials_of
from trial.app.foresight import Foresight, foresee
from trial.app.pool_parts import refuse_foreign
from trial.app.talk import Progress, Say, silent, unseen
from trial.app.unknowns import Unknown
from trial.errors import ConfigError
from trial.study.design_plan import DesignPlan
from trial.study.placed import plain
from trial.study.study import Study
from trial.study.yamltree import read


def write_designs(
    asked: Posed, folder: Path, how: How, say: Say = silent, progress: Progress = unseen
) -> tuple[list[Operating], list[Assured]]:
    """Make the pools, draw the trials, write designs.parquet and, where it is asked for, assurance.parquet into
    ``folder``; their rows.
    """
    refuse_foreign(folder, {name_of(study_of_pool(asked.plan, study)) for _, study in asked.studies})
    rows: list[Operating] = []
    assured: list[Assured] = []
    for name, study in asked.studies:
        mine = tried(asked.plan, name, study, folder, how, say, progress)
        if name in asked.unknown:
            more, beside = assured_of(asked.plan, asked.unknown[name], study, mine, folder, how, say, progress)
            assured += more
            mine += beside
        rows += mine
    write_operating(rows, folder)
    if assured:
        write_assured(assured, folder)
    return rows, assured


def is_design(path: Path) -> bool:
    """Whether a YAML file names a study and sizes, as a design does; not where it cannot be read."""
    data: Any = None
    with suppress(ConfigError):
        data = plain(read(path))
    return isinstance(data, Mapping) and {"study", "sizes"} <= set(data)


def files_of(asked: Posed) -> list[str]:
    """The files beside the pools."""
    return [name for name in FILES if asked.plan.assurance or name != ASSURANCE_FILE]


def foresee_pools(asked: Posed, folder: Path, workers: int | None = None) -> dict[str, Foresight]:
    """What the pool of every scenario will come to, by the name of its folder. Takes about a second each."""
    pools = {name_of(one): one for one in (study_of_pool(asked.plan, study) for _, study in asked.studies)}
    return {name: foresee(one, folder, workers, with_report=False, here=False) for name, one in pools.items()}


def simulate_shard(asked: Posed, folder: Path, how: How, say: Say = silent, progress: Progress = unseen) -> list[str]:
    """Simulate the shard that ``how`` asks for of every pool and of all small pools; the names of their folders."""
    made = []
    for name, study in asked.studies:
        made.append(simulate_part(study_of_pool(asked.plan, study), folder, how, say, progress).name)
        if name in asked.unknown:
            drawing = drawing_of(asked.plan, asked.unknown[name], study)
            made.append(simulate_small_pools(drawing, folder, how, say, progress).name)
    return list(dict.fromkeys(made))


def tried(
    plan: DesignPlan, scenario: str, study: Study, folder: Path, how: How, say: Say, progress: Progress
) -> list[Operating]:
    """Every row of one scenario."""
    pool, study = pool_of(plan, study, folder, how, say, progress)
    uniforms = uniforms_of(seed_of(plan, study))
    rows: list[Operating] = []
    with progress(f"{scenario}: trials") as tell:
        for k, size in enumerate(plan.sizes):
            design = trials_of(plan, study, size, pool.known_after)
            rows += rows_of(plan, scenario, pool, design, study, uniforms)
            tell(k + 1, len(plan.sizes))
    return rows


def seed_of(plan: DesignPlan, study: Study) -> int:
    """The seed of pools and trials."""
    return study.seed if plan.pool.seed is None else plan.pool.seed


def drawing_of(plan: DesignPlan, unknown: Unknown, study: Study) -> Drawing:
    """What is simulated for the assurance of a scenario."""
    code = endpoint_of(plan, study)
    return Drawing(unknown, partial(in_design, plan), code, seed_of(plan, study), plan.largest)


def assured_of(
    plan: DesignPlan, unknown: Unknown, study: Study, rows: Sequence[Operating], folder: Path, how: How, say: Say,
    progress: Progress,
) -> tuple[list[Assured], list[Operating]]:  # fmt: skip
    """Assurance of every size of a scenario whose ``rows`` have its power at the point."""
    drawing = drawing_of(plan, unknown, study)
    home = simulate_small_pools(drawing, folder, how, say, progress)
    pools, narrow = pool_of_draws(drawing, home), in_design(plan, study)
    uniforms = uniforms_of(drawing.seed)
    found: list[Assured] = []
    beside: list[Operating] = []
    with progress("assurance: trials") as tell:
        for k, size in enumerate(plan.sizes):
            design = trials_of(plan, narrow, size, pools[0].known_after)
            point = next(
                r for r in rows if (r.measure, r.patients, r.truth) == ("power", design.sizes[-1], AS_SIMULATED)
            )
            more, mean = rows_of_size(drawing, pools, design, narrow, uniforms, point)
            found += more
            beside.append(mean)
            tell(k + 1, len(plan.sizes))
    return found, beside
