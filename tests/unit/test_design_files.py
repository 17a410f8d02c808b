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
        (
            "criteria:",
            "arms: [HETROM-5, Placebo]\nadapt: {kind: drop_arms}\ncriteria:",
            11,
            "no effect: one arm is compared",
        ),
        ("criteria:", "  stop_on: all\narms: [HETROM-5, Placebo]\ncriteria:", 10, "stop_on: no effect"),
        ("power >= 0.9", "bias_naive <= 1e999", 11, "a limit that is finite"),
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


GRAPHED = f"""\
id: graphed
study: {CONFIGS / "published" / "hetrombopag_itp_phase3.yaml"}
settings: [analysis.method.measured=ancova]
sizes: [60, 120]
multiplicity:
  procedure: graphical
  hypotheses: [HETROM-2.5, HETROM-5, RESCUE:HETROM-2.5, MAXDUR:HETROM-5]
  weights: {{HETROM-2.5: 0.5, HETROM-5: 0.5}}
  transitions:
    HETROM-2.5: {{RESCUE:HETROM-2.5: 1}}
    HETROM-5: {{MAXDUR:HETROM-5: 1}}
looks:
  information: [0.5, 1]
  stop_on: all
criteria:
  - power_all >= 0.5
"""
BY_DOSE = f"""\
id: by_dose
study: {CONFIGS / "designs" / "dose_finding_study.yaml"}
settings:
  - analysis.dose_response.endpoint=PLTW8
  - analysis.dose_response.shapes.1.ed50=2.5
pool: {{patients: 4000}}
arms: [HETROM-2.5, HETROM-5, HETROM-7.5, Placebo]
test: mcp_mod
level: 0.025
sizes: [40, 80]
criteria:
  - power >= 0.9
"""
RANKED = f"""\
id: ranked
study: {CONFIGS / "published" / "hetrombopag_itp_phase3.yaml"}
settings: [analysis.method.measured=hodges_lehmann, analysis.multiplicity=null]
endpoint: MAXDUR
arms: [HETROM-5, Placebo]
margin: 5
sizes: [60]
looks:
  information: [0.4, 1]
  efficacy: {{kind: kim_demets, parameter: 3}}
accrual: {{per_month: 20}}
criteria:
  - bias_naive <= 4
"""
"""Designs with measured endpoints, graphs over endpoints and a test by dose; with each, what a slip makes of it."""
SLIPS = {
    GRAPHED: (
        ("RESCUE:HETROM-2.5, MAX", ("RESCUE:, MAX", ":Placebo, MAX", "RESCUE::HETROM-2.5, MAX", "RESC, MAX")),
        ("weights: {HETROM-2.5: 0.5", ("weights: {HETROM-2.5: 0.6", "weights: {HETROM-2.5: .nan", "weights: {HET: 1")),
        ("{MAXDUR:HETROM-5: 1}", ("{MAXDUR:HETROM-5: 2}", "{}", "{Placebo: 1}", "{MAXDUR:HETROM-5: []}", "[1]")),
        ("procedure: graphical", ("procedure: holm", "procedure: graph", "procedure: [graphical]")),
        ("measured=ancova", ("measured=none", "measured=mmrm", "measured=", "measured=[1]")),
        ("stop_on: all", ("stop_on: some", "by: day", "stop_on: all\nmargin: 0.1", "stop_on: all\ntest: mcp_mod")),
        ("power_all", ("bias_adjusted", "coverage_repeated", "assurance", "overrun", "power_of")),
    ),
    BY_DOSE: (
        ("endpoint=PLTW8", ("endpoint=PLTW9", "endpoint=REDUCE", "endpoint=3", "endpoint=[]")),
        ("ed50=2.5", ("ed50=0", "ed50=1e300", "ed50=x", "hill=3", "delta=3", "ed5=1", "shape=spline")),
        ("[HETROM-2.5, HETROM-5, HETROM-7.5, Placebo]", ("[HETROM-2.5, Placebo]", "[HETROM-2.5]", "HETROM-5", "[1]")),
        ("test: mcp_mod", ("test: mcpmod", "test: [mcp_mod]", "doses: [1]", "models: [a]", "test: mcp_mod\nmargin: 1")),
        ("level: 0.025", ("level: 0.05", "level: 0", "level: x")),
        ("power >=", ("bias_naive >=", "power_alll >=", "coverage_adjusted >=")),
    ),
    RANKED: (
        ("hodges_lehmann", ("none", "hodges", "ancova_log", "cmh")),
        ("margin: 5", ("margin: -1", "margin: 1e308", "margin: .inf", "margin: [5]")),
        ("endpoint: MAXDUR", ("endpoint: MAXDURR", "endpoint: REDUCE", "endpoint: 3", "endpoint: [MAXDUR]")),
        ("kim_demets, parameter: 3", ("kim_demets", "kim_demets, parameter: 0", "pocock, parameter: 1", "[pocock]")),
        ("[0.4, 1]", ("[0.4, 1]\n  stop_on: all", "[0.4]", "[0.4, .nan, 1]", "[0.999, 1]")),
        ("per_month: 20", ("per_month: 1e-300", "per_month: -1", "per_month: 20, reporting_days: .inf")),
        ("bias_naive <= 4", ("bias_naive <= 1e999", "bias_naive <= 1..5", "assurance >= 0.5", "[x]")),
    ),
}  # fmt: skip
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


def test_what_slips_are_made_from_is_sound(tmp_path):
    for text in SLIPS:
        (tmp_path / "design.yaml").write_text(text, encoding="utf-8")
        load_design(tmp_path / "design.yaml")


EVERY = [(text, old, new) for text, slips in SLIPS.items() for old, news in slips for new in news]


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [pytest.param(*each, marks=[] if not k % 6 else pytest.mark.slow) for k, each in enumerate(EVERY)],
)
def test_a_slip_is_refused_with_file_and_line(tmp_path, text, old, new):
    assert text.count(old) == 1
    for line in refused(tmp_path, text.replace(old, new)).splitlines():
        assert re.search(r"\.yaml:\d+: \S", line), line


@pytest.mark.slow
def test_malformed_files_are_refused_with_file_and_line(tmp_path):
    """Those that are no worse than before are read; every other one has a message with its place."""
    rng, refusals, path = random.Random(16), 0, tmp_path / "design.yaml"
    texts = [GIVEN, *SLIPS, *(one.read_text(encoding="utf-8") for one in EXAMPLES)]
    texts = [re.sub(r"^study: (?!/)(.*)$", rf"study: {CONFIGS / 'designs'}/\1", text, flags=re.M) for text in texts]
    while refusals < size(150, 500):
        text = broken(rng, rng.choice(texts))
        path.write_text(broken(rng, text), encoding="utf-8")
        try:
            load_design(path)
        except ConfigError as error:
            refusals += 1
            placed = [re.search(r"\.yaml:\d+: ", message) for message in error.messages]
            assert all(placed), (path.read_text(encoding="utf-8"), str(error))
