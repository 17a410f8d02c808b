"""Parts of the pool of a design: together they are the pool, to the byte; gaps are filled, the rest refused by name."""

import json
import shutil
from hashlib import sha256

import pytest

import trial.jobs.work
from trial.app.attempt import How
from trial.app.design_run import simulate_shard, write_designs
from trial.app.designing import load_design
from trial.app.talk import silent
from trial.cli import main
from trial.errors import Refused
from trial.jobs.provenance import MANIFEST, SHARD
from trial.jobs.shards import Shard

DESIGN = """\
id: cut
study: study.yaml
pool: {{patients: 200, seed: {seed}}}
trials: 20
sizes: [5]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, request):
    """A pool of ten units: whole, and in two parts."""
    home = tmp_path_factory.mktemp("parts")
    smoke = request.config.rootpath / "configs" / "smoke.yaml"
    (home / "study.yaml").write_text(f"extends: {smoke}\nid: cut\npatients: 6\n")
    for seed in (1, 2):
        (home / f"{seed}.yaml").write_text(DESIGN.format(seed=seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial.jobs.work, "UNIT_PATIENTS", 60)
        designed(home, "1.yaml", "whole")
        for part in ("1/2", "2/2"):
            designed(home, "1.yaml", "parts", part)
    return home


@pytest.fixture
def home(made, monkeypatch):
    monkeypatch.setattr(trial.jobs.work, "UNIT_PATIENTS", 60)
    return made


def designed(home, design, out, part="1/1", say=silent):
    (home / out).mkdir(exist_ok=True)
    asked, how = load_design(home / design), How(workers=1, shard=Shard.read(part))
    work = write_designs if how.shard.is_whole else simulate_shard
    work(asked, home / out, how, say)


def told(home, out):
    """What a whole design says on its way."""
    said = []
    designed(home, "1.yaml", out, say=said.append)
    return " ".join(said)


def sums(folder):
    files = [*folder.glob("*.parquet"), *folder.glob("pool-*/*.parquet"), *folder.glob("pool-*/*.csv")]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def copied(home, to, *endings):
    """Some of the parts in a folder of their own."""
    folder = home / to
    for path in (home / "parts").iterdir():
        if path.name.endswith(endings):
            shutil.copytree(path, folder / path.name)
    return folder


def refused(home, folder, design="1.yaml"):
    with pytest.raises(Refused) as error:
        designed(home, design, folder.name)
    assert not (folder / "designs.parquet").exists()
    return str(error.value)


def test_parts_write_no_table_and_together_are_the_pool(home):
    assert not list((home / "parts").glob("*.parquet"))
    folder, said = copied(home, "both", ".1of2", ".2of2"), told(home, "both")
    assert "2 parts with 10 units" in said and "10 of 10 units are there" in said
    found = sums(folder)
    assert found == sums(home / "whole") and len(found) > 4
    assert "parts" not in told(home, "both"), "the pool is there: its parts are not read again"


def test_what_no_part_holds_is_simulated(home):
    folder = copied(home, "one", ".2of2")
    assert "5 of 10 units are there" in told(home, "one")
    assert sums(folder) == sums(home / "whole")


def test_a_unit_of_two_parts_is_refused(home):
    folder = copied(home, "twice", ".1of2")
    (part,) = folder.glob("pool-*.1of2")
    shutil.copytree(part, part.with_suffix(".1of4"))
    said = refused(home, folder)
    assert "unit 0 is there twice" in said and f"{part} (shard 1/2)" in said and ".1of4 (shard 1/2)" in said


def test_a_part_of_another_pool_is_refused_by_its_name_or_what_it_says(home):
    folder = copied(home, "foreign", ".2of2")
    (part,) = folder.glob("pool-*.2of2")
    said = refused(home, folder, "2.yaml")
    assert f"{part}: part of another pool" in said and "move it" in said
    theirs = f"pool-{said.rpartition('pool-')[2][:12]}"
    part.rename(folder / f"{theirs}.2of2")
    said = refused(home, folder, "2.yaml")
    assert f"{theirs}.2of2: no part of this pool: seed is 1 there, 2 here" in said


def test_a_damaged_part_is_refused(home):
    folder = copied(home, "damaged", ".1of2")
    (part,) = folder.glob("pool-*.1of2")
    unit = json.loads((part / MANIFEST).read_text())[SHARD]["units"][1]
    next((part / "units").glob(f"*{unit}/endpoints.parquet")).write_bytes(b"x")
    assert f"unit {unit} is not what was written" in refused(home, folder)


def test_what_is_no_shard_is_refused(home, capsys):
    assert main(["design", str(home / "1.yaml"), "--out", str(home / "none"), "--shard", "3/2"]) == 2
    assert "--shard: seen '3/2'; allowed" in capsys.readouterr().err
    assert not (home / "none").exists()
