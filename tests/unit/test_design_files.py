"""Design files: what is read, and what is refused with file, line and the way out; never a traceback."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from sizes import size

from trial.app.designing import load_design
from trial.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLES = sorted(path for path in (CONFIGS / "designs").glob("*.yaml") if "_study" not in path.name)
GIVEN = f"""\
id: tried
study: {CONFIGS / "published" / "hetrombopag_itp_phase3.yaml"}
sizes: [60, 120]
looks:
  information: [0.5, 1]
  futility:
    kind: hwang_shih_decani
    parameter: -2
    beta: 0.1
criteria:
  - power >= 0.9
"""

GRAPH = "multiplicity: {{procedure: graphical, {}}}\ncriteria:"

MEASURED = "endpoint: PLTW8\nsettings: [analysis.method.measured=ancova"
SEVERAL = "multiplicity: {procedure: holm, hypotheses: [HETROM-5, RESCUF:HETROM-5"
DROPPED = f"adapt: {{kind: drop_arms}}\n{SEVERAL.replace('F:', 'E:')}]}}"


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "design.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        load_design(path)
    return str(found.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("sizes: [60, 120]", "sizes: [60, 60]", 3, "60"),
        ("sizes: [60, 120]", "sizes: [60, 5000]", 3, "at most 2000"),
        ("sizes: [60, 120]", "size: [60, 120]", 3, "sizes"),
        ("[0.5, 1]", "[0.5, 0.9]", 5, "the last look is at 1"),
        ("[0.5, 1]", "[0.7, 0.5, 1]", 5, "rising"),
        ("hwang_shih_decani", "hwang", 7, "hwang_shih_decani"),
        ("    parameter: -2\n", "", 6, "parameter"),
        ("    beta: 0.1\n", "", 6, "type II error"),
        ("beta: 0.1", "beta: 0.1\n    below: [0.1]", 10, "conditional_power"),
        *(
            (
                "kind: hwang_shih_decani\n    parameter: -2\n    beta: 0.1",
                f"kind: conditional_power\n    below: [{limit}]",
                8,
                f"seen {limit}; allowed: between 0 and 1",
            )
            for limit in (0, 1)
        ),
        ("power >= 0.9", "powr >= 0.9", 11, "did you mean power"),
        ("power >= 0.9", "power >= 100", 11, "a share from 0 to 1; did you mean 1?"),
        ("power >= 0.9", "power >= 90", 11, "did you mean 0.9?"),
        ("power >= 0.9", "power > 0.9", 11, "as in power >= 0.9"),
        ("power >= 0.9", "duration <= 20", 11, "needs accrual"),
        ("criteria:", "settings: [adherence.meen=0.5]\ncriteria:", 10, "mean"),
        ("criteria:", "adapt: {kind: select, at: 0.5, keep: 1}\ncriteria:", 4, "its own look"),
        ("criteria:", "adapt: {kind: drop_arms, keep: 1}\ncriteria:", 10, "does not use it"),
        ("hetrombopag_itp_phase3.yaml", "nowhere.yaml", 2, "nowhere.yaml"),
        ("power >= 0.9", "power_all >= 0.9\narms: [HETROM-5, Placebo]", 11, "did you mean power"),
        ("power >= 0.9", "coverage_adjusted >= 0.9", 11, "there are 2"),
        (
            "criteria:",
            GRAPH.format("weights: {HETROM-5: 1, HETROM-2.5: 1}"),
            10,
            "the shares sum to 2; allowed: at most 1",
        ),
        ("criteria:", GRAPH.format("weights: {HETROM-5: 1}"), 10, "HETROM-2.5 never gets a share"),
        ("criteria:", "multiplicity: {procedure: holm, hypotheses: [HETROM-5, HETROM-5]}\ncriteria:", 10, "already"),
        ("[0.5, 1]", "[0.5, 1]\n  efficacy: {kind: wang_tsiatis, parameter: 20}", 6, "allowed: -1 to 1"),
        ("beta: 0.1", "beta: 0.1\n    binding: true\nmultiplicity: {procedure: holm}", 10, "bounds do not count on it"),
        ("criteria:", "endpoint: REDUCE\ncriteria:", 10, "neither more nor less is better; allowed: RESPW8"),
        ("power >= 0.9", "power >= 90", 11, "a share from 0 to 1; did you mean 0.9"),
        ("criteria:", "endpoint: MAXDUR\ncriteria:", 10, "which is measured, and analysis.method.measured says no"),
        ("criteria:", f"margin: 0.1\n{MEASURED}_log]\ncriteria:", 10, "allowed: with ancova or hodges_lehmann"),
        ("criteria:", f"{MEASURED}]\nassurance: {{parameters: all}}\ncriteria:", 12, "allowed: with a yes or no one"),
        ("criteria:", "margin: 2\ncriteria:", 10, "seen 2; allowed: from 0 to below 1"),
        ("power >= 0.9", "bias_naive <= 2", 11, "a share from 0 to 1"),
        ("criteria:", f"{SEVERAL}]}}\ncriteria:", 10, "RESCUF"),
        (
            "criteria:",
            f"{SEVERAL.replace('F:', 'E:')}]}}\nmargin: 0.1\ncriteria:",
            11,
            "(ENDPOINT:ARM); allowed: without",
        ),
        ("criteria:", f"{DROPPED}\ncriteria:", 10, "drop_arms seen with hypotheses on endpoints"),
        ("[0.5, 1]", "[0.5, 0.501, 1]", 3, "whose looks (looks.information) are at 30, 30, 60 patients"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, old, new, line, words):
    assert old in GIVEN
    said = refused(tmp_path, GIVEN.replace(old, new))
    assert re.search(rf"design\.yaml:{line}: ", said), said
    assert words in said


def test_what_the_study_does_not_have_is_named_all_at_once(tmp_path):
    more = "arms: [HETROM-5, Placbo]\nreference_arm: Plac\nendpoint: RESPW9\nratio: {HETROM-7: 2}\ncriteria:"
    said = refused(tmp_path, GIVEN.replace("criteria:", more))
    for line, words in ((10, "did you mean Placebo"), (11, "HETROM-5"), (12, "RESPW8"), (13, "an arm of the design")):
        assert re.search(rf"design\.yaml:{line}: .*{words}", said), said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("analysis.reference_arm=null, analysis.multiplicity=null", "reference_arm: needed"),
        ("analysis.primary=MAXDUR", "study: seen 'MAXDUR', which is measured, and"),
        ("analysis.method.test=fisher", "margin: seen with analysis.method.test: fisher"),
        ("allocation=counterfactual, analysis.multiplicity=null", "study: a study whose patients are randomised"),
    ],
)
def test_every_scenario_is_held_against_the_design(tmp_path, settings, words):
    more = f"margin: 0.1\nscenarios:\n  - id: planned\n  - id: other\n    settings: [{settings}]\ncriteria:"
    said = refused(tmp_path, GIVEN.replace("criteria:", more))
    assert re.search(rf"design\.yaml:14: scenarios\.1\.settings: in this scenario {re.escape(words)}", said), said
    assert len(said.splitlines()) == 1, said


TIMES = [pytest.param(path, id=path.stem, marks=[] if "phase3" in path.stem else pytest.mark.slow) for path in EXAMPLES]


@pytest.mark.parametrize("path", TIMES)
def test_examples_are_sound(path):
    posed = load_design(path)
    assert posed.plan.id == path.stem
    assert posed.criteria


VALUES = ("", "null", "-1", "0", "1e9", "yes", "[]", "{}", "[1, x]", "abc", "{a: 1}", "'", "!!int ''", "0.5", "[[[1]]]")


def broken(rng: random.Random, text: str) -> str:
    """One line of a design taken out, doubled, misspelt, moved, or given another value."""
    lines = text.splitlines()
    k = rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        del lines[k]
    elif kind == 1:
        lines.insert(k, lines[k])
    elif kind == 2 and len(lines[k]) > 3:
        at = rng.randrange(len(lines[k]))
        lines[k] = lines[k][:at] + rng.choice("xq:,-[{ ") + lines[k][at + 1 :]
    elif kind == 3:
        lines[k] = rng.choice([" ", "  ", "\t"]) + lines[k]
    elif ":" in lines[k]:
        lines[k] = f"{lines[k].partition(':')[0]}: {rng.choice(VALUES)}"
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_malformed_files_are_refused_with_file_and_line(tmp_path):
    """Those that are no worse than before are read; every other one has a message with its place."""
    rng, refusals, path = random.Random(16), 0, tmp_path / "design.yaml"
    texts = [GIVEN, *(one.read_text(encoding="utf-8") for one in EXAMPLES)]
    texts = [re.sub(r"^study: (?!/)(.*)$", rf"study: {CONFIGS / 'designs'}/\1", text, flags=re.M) for text in texts]
    while refusals < size(150, 500):
        path.write_text(broken(rng, broken(rng, rng.choice(texts))), encoding="utf-8")
        try:
            load_design(path)
        except ConfigError as error:
            refusals += 1
            placed = [re.search(r"\.yaml:\d+: ", message) for message in error.messages]
            assert all(placed), (path.read_text(encoding="utf-8"), str(error))
