"""One patient of a run again: bit for bit what the run stored, and a log of every decision."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trial.cli import main
from trial.configfile import load_study
from trial.replay import differences, replay
from trial.runner import TABLES


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay") / "run"
    config = "configs/published/hetrombopag_itp_phase3.yaml"
    chosen = ("--replicates", "2", "--set", "patients=120", "--set", "published=null")
    assert main(["run", config, *chosen, "--no-report", "--workers", "1", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def stored(run):
    return {name: pq.read_table(run / f"{name}.parquet") for name in TABLES}


def interesting(stored):
    """A rescued patient, one who left, one whose dose was changed, one whose dose was interrupted, and the last."""
    events, doses = stored["events"].to_pylist(), stored["doses"].to_pylist()
    chosen = [next(r for r in events if r["EVENT"] == kind) for kind in ("RESCUE", "DROPOUT")]
    chosen += [next(r for r in doses if r["ACTION"] == kind) for kind in ("increase", "decrease", "interrupt")]
    return [(r["REPLICATE"], r["SUBJID"]) for r in chosen] + [(1, 120)]


def test_a_patient_alone_is_bitwise_the_patient_of_the_run(run, stored):
    study = load_study(run / "config.resolved.yaml")
    for replicate, subject in interesting(stored):
        assert differences(replay(study, replicate, subject), stored) == []


def test_the_log_tells_what_the_ledger_and_the_visits_tell(run, stored):
    study = load_study(run / "config.resolved.yaml")
    for replicate, subject in interesting(stored):
        mine = {
            name: [r for r in table.to_pylist() if (r["REPLICATE"], r.get("SUBJID")) == (replicate, subject)]
            for name, table in stored.items()
        }
        log = replay(study, replicate, subject).decisions
        visits = [r for r in mine["observations"] if r["PARAMCD"] == "PLAT"]
        assert [made.planned_day for made in log] == [r["AVISITN"] for r in visits]
        assert [made.count for made in log] == [r["AVAL"] for r in visits]
        assert sum(made.rescued for made in log) == sum(r["EVENT"] == "RESCUE" for r in mine["events"])
        ledger = [(r["REASON"], r["DOSELEV"]) for r in mine["doses"]]
        assert [(made.reason, made.dose_after_mg) for made in log if made.reason][: len(ledger)] == ledger
        assert all(a.dose_after_mg == b.dose_before_mg for a, b in pairwise(log))


def test_a_changed_value_in_the_stored_rows_is_found(run, stored):
    study = load_study(run / "config.resolved.yaml")
    table = stored["observations"]
    values = table["TRUEVAL"].to_numpy().copy()
    mine = (table["REPLICATE"].to_numpy() == 0) & (table["SUBJID"].to_numpy() == 5)
    row = np.flatnonzero(mine & ~np.isnan(values))[1]
    values[row] = np.nextafter(values[row], np.inf)
    column = table.column_names.index("TRUEVAL")
    damaged = table.set_column(column, table.schema.field("TRUEVAL"), pa.array(values, from_pandas=True))
    assert len(differences(replay(study, 0, 5), stored | {"observations": damaged})) == 1
    assert differences(replay(study, 0, 6), stored | {"observations": damaged}) == []


def test_the_command(run, capsys):
    assert main(["replay", str(run), "--replicate", "1", "--patient", "7"]) == 0
    out, err = capsys.readouterr()
    assert "identical to the stored rows, bit for bit" in out and "start of treatment" in out and not err
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 100
    assert main(["replay", str(run), "--replicate", "2", "--patient", "7"]) == 2
    assert "allowed: replicate 0 to 1, patient 1 to 120" in capsys.readouterr().err


def test_cite_names_the_engine_and_the_sources(run, capsys):
    assert main(["cite", str(run)]) == 0
    out = capsys.readouterr().out
    assert "virtual-trial" in out and "doi:10.1111/bcp.15130 [CL, " in out and "Mei H et al." in out
