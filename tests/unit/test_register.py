"""The register of forecasts: made once, hashed, never rewritten; results beside them; the table of the README."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import trial.app.register as app
from cohorts.sets import PARAMETER_SETS, parameter_set
from cohorts.stand_ins import STAND_INS, other_set
from trial.app.structures import studies_of
from trial.cli import main
from trial.errors import Refused

ROOT = Path(__file__).parents[2]
REGISTRY = "Trial: T\nRead: 2026-12-01\nSource: s\nStatus: x\nPrimary: p\nEnrolment: 55\n\nText.\n"
HEAD = "endpoint,arm,value,source\n"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A forecast of 101 replicates whose rates are 0 to 100 % in one set, of weight 0.8, and all 50 % in the other."""
    config = tmp_path / "one.yaml"
    text = (ROOT / "forecasts" / "preoperative_itp.yaml").read_text()
    config.write_text(text.replace("../configs/", f"{ROOT}/configs/"))
    config.with_suffix(".registry.md").write_text(REGISTRY)
    (tmp_path / "not_said.csv").write_text("trial,reason,read\nX,no drug,2026-12-01\n")
    whole = {"hetrombopag_itp_mei_2021": np.linspace(0, 1, 101), "hetrombopag_wang_2022": np.full(101, 0.5)}
    monkeypatch.setattr(app, "drawn_of", lambda study, _: {"RESP1": whole[study.parameter_set][:, None]})
    monkeypatch.setattr(app, "weights_of", lambda _: dict(zip(whole, (0.8, 0.2), strict=True)))
    monkeypatch.setattr(app, "refuse_unusable_pair", studies_of)
    return app.make(config, 1)


def test_a_forecast_is_the_law_over_replicates_of_both_structures(made):
    """By hand: up to k < 50 lies 0.8 (k + 1) / 101 of the weight, from 50 on 0.2 more: 0.025 is reached at 3, 0.975 at
    97, 0.25 at 31, 0.75 at 69.
    """
    content = app.read_forecast(made)
    (said,) = content["predictions"]
    assert made.name == "one_v1.json" and said["primary"] and said["mean"] == 50.0
    assert said["means"] == {"hetrombopag_itp_mei_2021": 50.0, "hetrombopag_wang_2022": 50.0}
    assert said["limits"]["95"] == [3.0, 97.0] and said["limits"]["50"] == [31.0, 69.0]
    assert list(content["weights"].values()) == [0.8, 0.2]
    assert content["registry"]["text"] == "Text." and "what else is assumed by its prior" in content["width"]
    assert set(content["parameter_sets"]) == set(said["means"]) and content["seed"] == 20261201


def test_the_words_on_the_width_follow_what_is_moved():
    said = [app.width_in_words(what) for what in (False, "none", True, "fitted", "all", "posterior")]
    assert said[0] == said[1] and "no parameter is moved" in said[0]
    assert said[2] == said[3] and "assumed are not moved yet" in said[2]
    assert "what is assumed by its prior" in said[4] and "too narrow" not in said[4]
    assert "what the posterior holds by its draws" in said[5]


def test_a_forecast_whose_study_the_other_structure_cannot_tell_is_refused(tmp_path):
    """The eltrombopag set of the empirical structure has no standard errors to move."""
    config = tmp_path / "two.yaml"
    base = ROOT / "configs" / "published" / "eltrombopag_itp_china_phase3.yaml"
    config.write_text(f"extends: {base}\nid: two\ntitle: Two\nparameter_uncertainty: fitted\n")
    config.with_suffix(".registry.md").write_text(REGISTRY)
    with pytest.raises(Refused, match=r"two cannot be simulated under eltrombopag_itp_hayes_2011.*standard error"):
        app.make(config, 1)
    assert not list(tmp_path.glob("*.json"))


def test_a_new_forecast_of_the_trial_stands_beside_the_old(made):
    before = made.read_bytes()
    assert app.make(made.with_name("one.yaml"), 1).name == "one_v2.json" and made.read_bytes() == before


@pytest.mark.parametrize("change", ["mean", "made", "seed"])
def test_a_changed_forecast_is_refused(made, change):
    content = json.loads(made.read_text())
    if change == "mean":
        content["predictions"][0]["mean"] += 0.1
    else:
        content[change] = 0
    made.write_text(json.dumps(content))
    with pytest.raises(Refused, match="was changed after it was made"):
        app.lines_of(made)


@pytest.mark.parametrize(("value", "hit"), [("96.9", "yes"), ("97.1", "no"), ("3.1", "yes"), ("2", "no")])
def test_a_result_is_kept_beside_the_forecast_which_stays(made, tmp_path, value, hit):
    before, result = made.read_bytes(), tmp_path / "result.csv"
    result.write_text(f"{HEAD}RESP1,HETROM,{value},a paper\n")
    (held,) = app.score("one_v1", result, tmp_path)
    assert (held.result, held.hit) == (value, hit) and made.read_bytes() == before
    assert f"| {value} | {hit} |" in app.register(tmp_path)
    assert app.score("one_v1", result, tmp_path) == [held], "the same result again is no change"
    result.write_text(f"{HEAD}RESP1,HETROM,1,another\n")
    with pytest.raises(Refused, match="another result is there already"):
        app.score("one_v1", result, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "result.csv:1: seen columns a, b; allowed: endpoint, arm, value, source"),
        (f"{HEAD}RESP2,HETROM,1,x\n", "result.csv:2: seen RESP2 of HETROM; the forecast says RESP1 of HETROM"),
        (f"{HEAD}RESP1,HETROM,many,x\n", "result.csv:2: value: seen 'many'"),
        (f"{HEAD}RESP1,HETROM,1,\n", "and a source"),
        (HEAD, "no result is in it"),
    ],
)
def test_an_impossible_result_is_refused_and_nothing_is_written(made, tmp_path, text, said):
    (tmp_path / "result.csv").write_text(text)
    with pytest.raises(Refused) as caught:
        app.score("one_v1", tmp_path / "result.csv", tmp_path)
    assert said in str(caught.value) and not made.with_suffix(".result.csv").exists()


def test_an_unknown_forecast_is_refused_with_the_nearest(made, tmp_path, capsys):
    (tmp_path / "result.csv").write_text(HEAD)
    given = ["--result", str(tmp_path / "result.csv"), "--forecasts", str(tmp_path)]
    assert main(["forecast", "score", "one_v3", *given]) == 2
    assert "did you mean one_v1?" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "said"), [(None, "not there"), ("Trial: T\n", "missing Read"),
                                            (REGISTRY.replace("2026-12-01", "May"), "Read: seen 'May'")])  # fmt: skip
def test_without_the_registry_text_there_is_no_forecast(tmp_path, text, said):
    if text:
        (tmp_path / "a.registry.md").write_text(text)
    with pytest.raises(Refused, match=said):
        app.make(tmp_path / "a.yaml")


def test_the_committed_register_is_whole_and_the_readme_shows_it():
    text = (ROOT / "README.md").read_text()
    shown = re.search(r"<!-- forecasts -->\n(.*)<!-- end of forecasts -->", text, re.S)
    assert shown and shown[1].strip() == app.register(ROOT / "forecasts").strip(), "vtrial forecast show makes it"
    files = sorted((ROOT / "forecasts").glob("*_v*.json"))
    assert {p.stem.rsplit("_v", 1)[0] for p in files} == {p.stem for p in (ROOT / "forecasts").glob("*.yaml")}
    for path in files:
        assert app.read_forecast(path)["registry"]["Read"] >= "2026-12-01"


def test_the_committed_forecasts_are_those_that_are_listed():
    folder = ROOT / "forecasts"
    lines = [line.split(",") for line in (folder / "hashes.csv").read_text().splitlines()]
    assert lines[0] == ["id", "version", "sha256", "date"]
    there = {path.stem: json.loads(path.read_text()) for path in folder.glob("*_v*.json")}
    assert {f"{name}_v{version}": (said, made) for name, version, said, made in lines[1:]} == {
        name: (content["sha256"], content["made"]) for name, content in there.items()
    }


def test_a_forecast_that_was_changed_and_hashed_again_is_refused(made, tmp_path, capsys):
    """Its own hash agrees with it; the list beside it does not: score and show say so."""
    content, before = json.loads(made.read_text()), made.read_text()
    content["predictions"][0]["mean"] = 1.0
    made.write_text(json.dumps(content | {"sha256": app._hash(content)}))
    (tmp_path / "result.csv").write_text(f"{HEAD}RESP1,HETROM,50,a paper\n")
    given = ["--forecasts", str(tmp_path)]
    for command in (["score", "one_v1", "--result", str(tmp_path / "result.csv")], ["show"]):
        assert main(["forecast", *command, *given]) == 2
        said = re.sub(r"\s+", " ", capsys.readouterr().err)
        assert f"is listed as {json.loads(before)['sha256'][:12]}, its file has" in said
    assert not made.with_suffix(".result.csv").exists()
    made.write_text(before)
    assert main(["forecast", "show", *given]) == 0


def test_a_forecast_that_is_not_listed_or_was_taken_away_is_refused(made, tmp_path):
    listed = tmp_path / "hashes.csv"
    text = listed.read_text()
    listed.write_text(text.splitlines(keepends=True)[0])
    with pytest.raises(Refused, match=r"one_v1\.json: is not listed in hashes\.csv"):
        app.lines_of(made)
    listed.write_text(text + text.splitlines(keepends=True)[1])
    with pytest.raises(Refused, match="one_v1 is listed twice"):
        app.lines_of(made)
    listed.write_text(text)
    made.unlink()
    with pytest.raises(Refused, match="one_v1: listed, but not there"):
        app.register(tmp_path)
    assert app.make(tmp_path / "one.yaml", 1).name == "one_v2.json", "the name of one that is gone is not given again"
    listed.write_text("a,b\n")
    with pytest.raises(Refused, match=r"hashes\.csv:1: seen columns a, b"):
        app.register(tmp_path)


def test_a_stand_in_is_of_the_same_drug_in_the_other_structure():
    known = {s.id for s in PARAMETER_SETS}
    for pair in STAND_INS:
        assert {pair.mechanism, pair.empirical} <= known
        one, other = parameter_set(pair.mechanism), parameter_set(pair.empirical)
        assert (one.drug, one.structure, other.structure) == (other.drug, "tpo_mechanism", "tmdd_lifespan")
        assert other_set(pair.mechanism) == pair.empirical and other_set(pair.empirical) == pair.mechanism
    assert other_set("avatrombopag_itp_jurczak_2018") is None
