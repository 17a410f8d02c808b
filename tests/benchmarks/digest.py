"""A hash of the values of every table of a small study; ``make matrix`` compares it between versions of pandas."""

from hashlib import sha256
from pathlib import Path

import pandas as pd

from trial.app.study_run import evaluator
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study

PHASE_3 = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"


def main() -> None:
    """One line per table; the version of pandas goes to stderr."""
    import sys

    print(f"pandas {pd.__version__}", file=sys.stderr)
    study = load_study(PHASE_3, replicates=2).model_copy(update={"patients": 100})
    tables = simulate_replicates(study, range(2))
    for name, table in (tables | evaluator(study)(tables)).items():
        print(name, table.num_rows, sha256(repr(table.to_pydict()).encode()).hexdigest())


if __name__ == "__main__":
    main()
