"""The page of one patient, read back from tables made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from bare_run import bare_run, with_tables
from bare_run import shown as lines
from drawn_axes import Drawn
from tiny_trial import Patient, study, tables

from analysis.report import patient
from analysis.report.number_origins import plain_text
from analysis.statistics.estimates import Estimate

PATIENTS = (
    Patient(
        [20.0, 30.0, None, 60.0],
        replicate=0,
        days=(8, 14, 21, 29, *range(35, 71, 7)),
        rescue_days=(14,),
        chemo=((1, 7), (2, 35)),
        bleeding=(0, 1, None, 2, 0),
        actions=("start", "interrupt", "increase"),
        last_day=69,
        completed=False,
    ),
    Patient([50.0], replicate=1, arm="placebo", status="STEP_LIMIT"),
    Patient([50.0], replicate=1, stratum="low"),
)


def run(chemotherapy=True):
    made = tables(PATIENTS)
    known = {"AGE": 41.6, "WEIGHT": 60.04, "HEIGHT": 161.96, "ITPDUR": 2.34, "BLBLEED": 1, "ADHER": 0.876}
    texts = {"SEX": "F", "SPLENFL": "Y", "RESPCLS": "", "OUTDOM": "", "DCSREAS": "wish"}
    rows = [row | known | texts for row in made["patients"].to_pylist()]
    rows[2] |= {"ITPDUR": 0.0, "SEX": "M", "SPLENFL": "N", "DCSREAS": "", "RESPCLS": "responder", "OUTDOM": "AGE"}
    made["patients"] = made["patients"].from_pylist(rows, schema=made["patients"].schema)
    doses = [
        row | {"REASON": "why", "TRIGCNT": None if row["ASTDY"] == 0 else 20.5, "NTAKEN": 30}
        for row in made["doses"].to_pylist()
    ]
    made["doses"] = made["doses"].from_pylist(doses, schema=made["doses"].schema)
    solves = [
        row | {"REASON": "more steps than allowed: T1 at 2 /h" if row["STATUS"] != "OK" else ""}
        for row in made["solves"].to_pylist()
    ]
    made["solves"] = made["solves"].from_pylist(solves, schema=made["solves"].schema)
    return with_tables(bare_run(study(chemotherapy=chemotherapy, replicates=2)), made)


@pytest.fixture
def page(monkeypatch):
    def of(replicate, subject, made=None):
        seen = Drawn(monkeypatch, patient.figures)
        made = made or run()
        endpoints = made.tables["patients"].select([]).slice(0, 0)
        monkeypatch.setattr(patient, "_endpoints", lambda *_: endpoints)
        (one,) = patient.pages(made, [(replicate, subject)])
        return one, {name: plain_text(text) for name, text in one.facts}, seen

    return of


def test_who_and_how_it_ended(page):
    one, facts, _ = page(0, 1)
    assert (one.id, one.title, one.arm, one.hue) == ("patient-0-1", "Patient 0:1", "drug", 1)
    assert facts == {
        "Subject": "tiny-0-1",
        "Age, sex": "42 y, female",
        "Weight, height": "60.0 kg, 162.0 cm",
        "ITP for": "2.3 y",
        "Splenectomy": "yes",
        "Baseline count": "10 × 10⁹/L",
        "Baseline bleeding": "WHO grade 1",
        "Takes a dose with probability": "0.88",
        "Chemotherapy": "day 7, 35",
        "End of study": "discontinued: wish, day 69",
    }
    _, facts, _ = page(1, 2)
    assert facts["Age, sex"].endswith("male") and "ITP for" not in facts and "Splenectomy" not in facts
    assert (facts["Stratum"], facts["Drug response"], facts["Outside the validity domain"]) == (
        "low",
        "responder",
        "AGE",
    )
    assert facts["End of study"] == "completed, day 70" and facts["Chemotherapy"] == "none given"


def test_a_failed_solve_has_no_end(page):
    one, facts, _ = page(1, 1, run(chemotherapy=False))
    assert (
        facts["End of study"] == "solve failed"
        and facts["Solve"] == "solve failed: more steps than allowed: T1 at 2 /h"
    )
    assert one.hue == 0 and "Chemotherapy" not in facts


def test_the_figure_has_the_baseline_the_visits_and_the_days(page):
    _, _, seen = page(0, 1)
    counts, chemo = [args for args, _ in seen.of("patient-0-1", "plot")]
    assert counts[0].tolist() == pytest.approx([0, 8 / 7, 2, 29 / 7, *range(5, 11)]) and counts[1].tolist()[:4] == [
        10,
        20,
        30,
        60,
    ]
    assert [args for args, _ in seen.of("patient-0-1", "axvline")] == [(2.0,)] and chemo[0] == [1.0, 5.0]
    assert seen.of("patient-0-1", "set_xlim") == [((0, 10.0), {})]
    late = replace(PATIENTS[0], days=(*range(7, 64, 7), 72), counts=[20.0])
    assert patient._course(with_tables(bare_run(study()), tables([late])), 0, 1).last_day == 72
    early = replace(PATIENTS[0], days=(*range(7, 64, 7), 69), counts=[20.0])
    assert patient._course(with_tables(bare_run(study()), tables([early])), 0, 1).last_day == 70


def test_the_ledger(page):
    ledger, _, _ = page(0, 1)[0].tables
    assert lines(ledger) == {
        "0": ["0 to 34", "5", "5", "30 of 35", "start", "–", "why"],
        "35": ["35 to 41", "0", "0", "–", "interrupt", "20.5", "why"],
        "42": ["42 to 69", "5", "5", "30 of 28", "increase", "20.5", "why"],
    }


def test_visits_with_what_was_seen_or_why_not(page):
    _, visits, _ = page(0, 1)[0].tables
    found = lines(visits)
    assert list(found) == [str(day) for day in range(0, 71, 7)]
    assert found["0"] == ["0", "0", "10", "0", ""] and found["7"] == ["7", "8", "20", "0", ""]
    assert found["14"] == ["14", "14", "30", "1", "rescue"] and found["21"] == ["21", "–", "–", "–", "missed visit"]
    assert found["28"] == ["28", "29", "60", "2", ""]


def test_endpoints_by_their_kind():
    made = run()
    rows = [
        {"IREP": 0, "SUBJID": 1, "PARAMCD": code, "AVAL": value, "REASON": why}
        for code, value, why in (
            ("RESPW8", 1.0, ""),
            ("PLTW8", 60.126, ""),
            ("MAXDUR", None, "no response"),
            ("NEW", 0.0, ""),
        )
    ]
    names = {"RESPW8": "rate", "PLTW8": "median", "MAXDUR": "median"}
    estimates = [
        Estimate("S", code, f"{code} in words", "drug", None, "FAS", stat, "", "replicate")
        for code, stat in names.items()
    ]
    pq.write_table(pa_table(rows), made.path / "endpoints.parquet")
    found = replace(made, estimates=tuple(estimates))
    assert lines(patient._endpoints(found, 0, 1)) == {
        "RESPW8": ["RESPW8 in words [RESPW8]", "yes"],
        "PLTW8": ["PLTW8 in words [PLTW8]", "60.1"],
        "MAXDUR": ["MAXDUR in words [MAXDUR]", "not evaluable: no response"],
        "NEW": ["NEW [NEW]", "0"],
    }


def pa_table(rows):
    import pyarrow as pa

    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize(
    ("replicates", "way"), [(2, ""), (3, "; the tables of other replicates were not kept; vtrial replay shows them")]
)
def test_who_is_not_there(replicates, way):
    made = replace(run(), study=study(replicates=replicates))
    for who in ((0, 2), (2, 1), (1, 3)):
        with pytest.raises(ValueError) as caught:
            patient.pages(made, [who])
        assert (
            str(caught.value)
            == f"patient {who[0]}:{who[1]} is not in this run; allowed: replicate 0 to 1, subject 1 to 2{way}"
        )
    assert np.unique(made.records.replicate).tolist() == [0, 1]
