"""The door to whoever works: every job with its own result, in threads too; studies travel with their files."""

import json
import pickle
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from cohorts.sets import parameter_set
from trial.jobs import hands as door
from trial.jobs.afar import packed, unpack_and_call
from trial.jobs.hands import hands
from trial.study.load import load_study

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
SET = {"extends": "hetrombopag_itp_mei_2021", "targets": [], "note": "a test"}


def late_first(study, job):
    """The first job takes longest; what comes of it names study and job."""
    time.sleep(0.2 if job == 0 else 0.0)
    return study, job


@pytest.mark.parametrize("workers", [1, 2])
def test_every_job_comes_with_its_own_result_whoever_finishes_first(workers):
    with hands(workers) as ours:
        found = list(ours.each(late_first, [("a", 0), ("b", 1), ("a", 2)]))
    assert ours.many == workers and dict(found) == {0: ("a", 0), 1: ("b", 1), 2: ("a", 2)}
    assert found[0][0] == (0 if workers == 1 else 1)


def own_study(folder):
    (folder / "base.json").write_text(json.dumps(SET | {"id": "below", "values": {"EC50": 20}}))
    mine = SET | {"id": "mine", "extends": "base.json", "values": {"BASE": 15}}
    (folder / "set.json").write_text(json.dumps(mine))
    (folder / "patients.csv").write_text("AGE\n33\n")
    study = load_study(SMOKE)
    population = study.population.model_copy(update={"id": None, "file": str(folder / "patients.csv")})
    return study.model_copy(update={"parameter_set": str(folder / "set.json"), "population": population})


def test_a_packed_study_needs_none_of_the_files_it_was_made_from(tmp_path):
    sent = pickle.dumps(packed(own_study(tmp_path)))
    for path in tmp_path.iterdir():
        path.unlink()
    study = pickle.loads(sent).unpacked()
    chosen = parameter_set(study.parameter_set)
    assert (chosen.value("EC50"), chosen.value("BASE")) == (20, 15)
    assert Path(study.population.file).read_text() == "AGE\n33\n"
    assert study.arms == load_study(SMOKE).arms


def test_a_cluster_gets_studies_packed_once_and_gives_jobs_back_with_their_names(monkeypatch, tmp_path):
    """On a cluster that is this thread: the second study has files, and a job that is named."""
    plain, own, packs, named = load_study(SMOKE), own_study(tmp_path), [], []

    @contextmanager
    def connected(address):
        yield f"client of {address}"

    def each_there(client, address, function, jobs, name):
        assert (client, address) == ("client of local:7", "local:7")
        for job in jobs:
            named.append(name(job))
            yield job, function(job)

    monkeypatch.setattr(door, "connected", connected)
    monkeypatch.setattr(door, "threads_of", lambda client, address: 7)
    monkeypatch.setattr(door, "each_there", each_there)
    monkeypatch.setattr(door, "packed", lambda study: packs.append(study) or packed(study))
    with hands(1, "local:7") as ours:
        jobs = [(plain, 1), (plain, 2), (own, 3)]
        found = dict(
            ours.each(lambda study, job: (Path(study.parameter_set).name, job), jobs, lambda job: f"job {job}")
        )
    assert found == {1: ("hetrombopag_itp_mei_2021", 1), 2: ("hetrombopag_itp_mei_2021", 2), 3: ("set.json", 3)}
    assert ours.many == 7 and named == ["job 1", "job 2", "job 3"] and packs == [plain, own]


def test_what_was_unpacked_is_called_with_its_job():
    call = partial(unpack_and_call, lambda study, job: (study.id, job))
    assert call((packed(load_study(SMOKE)), 5)) == ("smoke", 5)
