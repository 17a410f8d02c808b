"""What everything that happens in a trial costs: processor time per patient with all of it on against all of it off.

`python tests/benchmarks/everything.py` takes configs/hetrombopag_cit_everything.yaml (dose rule, laboratory, behaviour
with the hours of doses and meals, agents of rescue, leaving, cycles of chemotherapy, covariates that change) and the
same patients, arms, days and drug with none of them, in turn. The demand is a ratio of at most 1.5; it ends with an
error when that is missed.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

from cases import alternated

from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.study.study import Study

CONFIG = Path(__file__).parents[2] / "configs" / "hetrombopag_cit_everything.yaml"
OFF = (
    "population.changes=[]",
    "arms=[{id: HETROM, start_dose_mg: 7.5}, {id: HETROM-PRE, start_dose_mg: 7.5}, "
    "{id: Placebo, placebo: true, start_dose_mg: 7.5}]",
    "dose_rules={}",
    "chemotherapy=null",
    "laboratory={}",
    "adherence={mean: 1, sd: 0}",
    "meals=null",
    "rescue={allowed: false}",
    "dropout=[]",
    "analysis.primary=RESP1",
    "analysis.endpoints=[RESP1]",
)
ROUNDS, REPLICATES, MOST = 7, 19, 1.5


def both() -> tuple[Study, Study]:
    """The study with everything on, and with everything off."""
    return load_study(CONFIG), load_study(CONFIG, OFF)


def main() -> int:
    """Print the medians and their ratio; 1 when it is above the demand."""
    studies = both()
    runs = [partial(simulate_replicates, study, range(REPLICATES)) for study in studies]
    cpu = alternated(*runs, rounds=ROUNDS, clock=time.process_time)
    on, off = (1000 * s / (REPLICATES * study.patients) for s, study in zip(cpu, studies, strict=True))
    print(f"all on {on:.3f} ms, all off {off:.3f} ms of processor time per patient: {on / off:.2f} x; at most {MOST} x")
    return int(on / off > MOST)


if __name__ == "__main__":
    sys.exit(main())
