"""One patient of a run again: bit for bit what the run stored, and a log of every decision."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from trial.cli import main
from trial.jobs.provenance import _write, file_hash, read_manifest
from trial.jobs.replay import Decision, Replay, decision_table, differences, replay
from trial.study.load import load_study
from trial.tables import TABLES


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
    return [(r["IREP"], r["SUBJID"]) for r in chosen] + [(1, 120)]


def test_a_patient_alone_is_bitwise_the_patient_of_the_run(run, stored):
    study = load_study(run / "config.resolved.yaml")
    for replicate, subject in interesting(stored):
        assert differences(replay(study, replicate, subject), stored) == []


@pytest.mark.slow
def test_the_log_tells_what_the_ledger_and_the_visits_tell(run, stored):
    study = load_study(run / "config.resolved.yaml")
    for replicate, subject in interesting(stored):
        mine = {
            name: [r for r in table.to_pylist() if (r["IREP"], r.get("SUBJID")) == (replicate, subject)]
            for name, table in stored.items()
        }
        log = replay(study, replicate, subject).decisions
        visits = [r for r in mine["observations"] if r["PARAMCD"] == "PLAT"]
        assert [made.planned_day for made in log] == [r["AVISITN"] for r in visits]
        assert [made.count for made in log] == [r["AVAL"] for r in visits]
        assert sum(bool(made.rescue) for made in log) == sum(r["EVENT"] == "RESCUE" for r in mine["events"])
        ledger = [(r["REASON"], r["DOSELEV"]) for r in mine["doses"]]
        assert [(made.reason, made.dose_after_mg) for made in log if made.reason][: len(ledger)] == ledger
        assert all(a.dose_after_mg == b.dose_before_mg for a, b in pairwise(log))


def test_a_changed_value_in_the_stored_rows_is_found(run, stored):
    study = load_study(run / "config.resolved.yaml")
    table = stored["observations"]
    values = table["TRUEVAL"].to_numpy().copy()
    mine = (table["IREP"].to_numpy() == 0) & (table["SUBJID"].to_numpy() == 5)
    row = np.flatnonzero(mine & ~np.isnan(values))[1]
    values[row] = np.nextafter(values[row], np.inf)
    column = table.column_names.index("TRUEVAL")
    damaged = table.set_column(column, table.schema.field("TRUEVAL"), pa.array(values, from_pandas=True))
    assert len(differences(replay(study, 0, 5), stored | {"observations": damaged})) == 1
    assert differences(replay(study, 0, 6), stored | {"observations": damaged}) == []


def test_the_command(run, capsys):
    assert main(["replay", str(run), "--replicate", "1", "--patient", "7"]) == 0
    out, err = capsys.readouterr()
    patience = f"{run}: comparing checksums, simulating the patient again ...\n"
    assert "identical to the stored rows, bit for bit" in out and "start of treatment" in out
    assert err in ("", patience), "a busy machine takes longer than a second and a half"
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 100
    assert main(["replay", str(run), "--replicate", "2", "--patient", "7"]) == 2
    assert "allowed: replicate 0 to 1, patient 1 to 120" in capsys.readouterr().err


def by_hand(made, since):
    """Why the rule of the phase III config leaves a dose as it is; ``since``: planned days since the last change."""
    if made.day >= 70:
        return "treatment has ended"
    if made.dose_before_mg == 0:
        return "no restart: count not below 100"
    if 50 <= made.count < 150:
        return "keep: count 50 or more and below 150"
    if made.count >= 150:
        return "keep: count 150 or more and below 250, on the lowest level" if since >= 7 else "no step applied"
    return "keep: count below 50, on the highest level" if since >= 14 else "no step applied"


@pytest.mark.slow
def test_an_unchanged_dose_is_explained_by_the_rule(run):
    study, seen = load_study(run / "config.resolved.yaml"), set()
    for subject in range(1, 31):
        changed = 0
        for made in replay(study, 0, subject).decisions:
            if made.reason:
                assert not made.why_same
                changed = made.planned_day
            elif made.count is None:
                assert not made.why_same and made.why_none
            else:
                assert made.why_same == by_hand(made, made.planned_day - changed)
                assert made.dose_after_mg == made.dose_before_mg
                seen.add(made.why_same)
    assert len(seen) == 6


def test_a_fixed_dose_is_called_one(run):
    study = load_study(run / "config.resolved.yaml")
    fixed = study.model_copy(update={"arms": tuple(a.model_copy(update={"dose_rule": None}) for a in study.arms)})
    said = {made.why_same for made in replay(fixed, 0, 7).decisions if made.count is not None}
    assert said == {"", "fixed dose", "treatment has ended"}


@pytest.mark.parametrize("columns", [30, 55, 80, 120])
def test_the_log_folds_between_words(run, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["replay", str(run), "--replicate", "0", "--patient", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns
    words = " ".join(" ".join(lines).split())
    assert "identical to the stored rows, bit for bit" in words
    if columns < 70:
        assert "day 0: count" in words and "start of treatment" in words


def test_what_is_written_is_the_patient(run, stored, tmp_path, capsys):
    out = tmp_path / "one" / "patient"
    out.mkdir(parents=True)
    command = ["replay", str(run), "--replicate", "1", "--patient", "7", "--out", str(out)]
    assert main(command) == 0
    names = {*TABLES, "courses", "decisions", "endpoints", "times"} - {"screening"}
    assert {path.name for path in out.iterdir()} == {f"{n}.{kind}" for n in names for kind in ("parquet", "csv")}
    for name in names:
        table = pq.read_table(out / f"{name}.parquet")
        if name in stored:
            assert table.to_pylist() == mine(stored[name], 1, 7), name
        again = csv.read_csv(out / f"{name}.csv", convert_options=csv.ConvertOptions(column_types=plain(table.schema)))
        assert again.num_rows == table.num_rows
        for column in table.column_names:
            wanted = [None if value == "" else value for value in table[column].to_pylist()]
            assert [None if value == "" else value for value in again[column].to_pylist()] == wanted, (name, column)
    course, seen = pq.read_table(out / "courses.parquet"), mine(stored["observations"], 1, 7)
    plt = dict(zip(course["AHOUR"].to_pylist(), course["PLT"].to_pylist(), strict=True))
    visits = [r for r in seen if r["PARAMCD"] == "PLAT" and r["AVISITN"] > 0 and r["AVAL"] is not None]
    assert len(visits) > 3 and all(plt[24.0 * r["ADY"]] == r["TRUEVAL"] for r in visits)
    capsys.readouterr()
    assert main(command) == 2
    assert "give a new or an empty folder" in capsys.readouterr().err


def mine(table, replicate, subject):
    return [r for r in table.to_pylist() if (r["IREP"], r["SUBJID"]) == (replicate, subject)]


def plain(schema):
    """Types of a CSV's columns; texts without a code."""
    return {f.name: pa.string() if pa.types.is_dictionary(f.type) else f.type for f in schema}


def signed_again(folder):
    """The checksums of the manifest are those of the files as they are now."""
    said = read_manifest(folder)
    for name, known in said["files"].items():
        known["sha256"] = file_hash(folder / name)
    _write(folder, said)


def test_of_a_replicate_that_was_not_kept_the_endpoints_are_compared(tmp_path, capsys):
    few = ["--set", "patients=8", "--set", "output=endpoints", "--replicates", "12", "--workers", "1", "--no-report"]
    folder = tmp_path / "x"
    assert main(["run", "configs/smoke.yaml", *few, "--out", str(folder)]) == 0
    command = ["replay", str(folder), "--replicate", "11", "--patient", "3"]
    capsys.readouterr()
    assert main(command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "of replicate 11 the run kept the endpoints only" in said
    assert "identical to the stored 19 endpoints, bit for bit" in said
    table = pq.read_table(folder / "endpoints.parquet").to_pylist()
    row = next(r for r in table if (r["IREP"], r["SUBJID"], r["PARAMCD"]) == (11, 3, "MAXDUR"))
    row["AVAL"] = (row["AVAL"] or 0.0) + 1.0
    schema = pq.read_schema(folder / "endpoints.parquet")
    pq.write_table(pa.Table.from_pylist(table, schema=schema), folder / "endpoints.parquet")
    assert main(command) == 2 and "endpoints.parquet damaged" in capsys.readouterr().err
    signed_again(folder)
    assert main(command) == 1
    assert "endpoints: 19 stored rows, 19 now; differs in AVAL" in capsys.readouterr().err


@pytest.mark.slow
def test_a_dense_run_is_compared_hour_by_hour(tmp_path, capsys):
    few = ["--set", "patients=8", "--set", "output=dense", "--replicates", "1", "--workers", "1", "--no-report"]
    folder = tmp_path / "x"
    assert main(["run", "configs/smoke.yaml", *few, "--out", str(folder)]) == 0
    command = ["replay", str(folder), "--replicate", "0", "--patient", "3"]
    assert main(command) == 0
    table = pq.read_table(folder / "courses.parquet")
    conc = table["CONC"].to_numpy().copy()
    row = np.flatnonzero(table["SUBJID"].to_numpy() == 3)[100]
    conc[row] = np.nextafter(conc[row], np.inf)
    place = table.schema.get_field_index("CONC")
    damaged = table.set_column(place, table.schema.field("CONC"), pa.array(conc))
    pq.write_table(damaged, folder / "courses.parquet")
    signed_again(folder)
    assert main(command) == 1
    assert "courses: " in capsys.readouterr().err


def test_cite_names_the_engine_and_the_sources(run, capsys):
    assert main(["cite", str(run)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "virtual-trial" in out and "doi:10.1111/bcp.15130 [CL, " in out and "Mei H et al." in out


def test_the_table_of_decisions_gives_the_reason_of_a_change_or_why_there_was_none():
    patient = pa.table({"IREP": [2], "SUBJID": [7], "USUBJID": ["x-2-7"]})
    start = Decision(0, 0, 13.0, "", False, "start of treatment", "", 0.0, 5.0)
    same = Decision(7, 8, 60.0, "", True, "", "no step applied", 5.0, 5.0)
    rows = decision_table(Replay({"patients": patient}, (start, same))).to_pylist()
    assert [(r["AVISITN"], r["ADY"], r["REASON"], r["RESCUEFL"], r["DOSEBEF"], r["DOSELEV"]) for r in rows] == [
        (0, 0, "start of treatment", "N", 0, 5), (7, 8, "no step applied", "Y", 5, 5),
    ]  # fmt: skip
    assert {(r["IREP"], r["SUBJID"], r["USUBJID"]) for r in rows} == {(2, 7, "x-2-7")}


def test_the_doses_of_a_run_as_a_fixed_plan_give_the_same_rows(run, stored, capsys):
    """Of every patient whose dose was changed; by the command for one of them."""
    changed = {(r["IREP"], r["SUBJID"]) for r in stored["doses"].to_pylist() if r["ACTION"] in ("increase", "decrease")}
    assert changed
    study = load_study(run / "config.resolved.yaml")
    for replicate, subject in sorted(changed)[:5]:
        assert differences(replay(study, replicate, subject, fixed=True), stored) == []
    replicate, subject = sorted(changed)[0]
    asked = ["replay", str(run), "--replicate", str(replicate), "--patient", str(subject), "--frozen"]
    assert main(asked) == 0
    assert "with the doses as a fixed plan: identical" in " ".join(capsys.readouterr().out.split())
