"""Files and values that nobody means: one message with file and place, at once."""

import os
import time
from pathlib import Path

import pytest
from test_config_errors import GOOD, messages

from cohorts.files import UnreadableError, contents
from trial.cli import main
from trial.errors import MOST_SHOWN, ConfigError
from trial.study.load import load_study

INPUTS = Path(__file__).parents[1] / "faults" / "fuzz" / "inputs"
SECONDS = 5.0
"""Of the processor: a busy machine makes nothing here slower."""


@pytest.mark.parametrize(
    ("bad", "answer"),
    [
        ("seed: !!int ''", "seed: seen '', which YAML cannot read"),
        ("seed: !!bool maybe", "seed: seen 'maybe', which YAML cannot read"),
        ("seed: !!float ''", "seed: seen '', which YAML cannot read"),
        ("seed: !!binary aGk=", "seed: seen b'hi'; allowed: text, a number, true, false"),
        (f"seed: {'9' * 400}", "seed: seen a number of 400 digits"),
        (f"seed: {'1' * 5000}", "seed: seen '1111"),
        ("seed: 1e400", "seed: seen inf"),
        (f"seed: {'[' * 900}{']' * 900}", "more than 50 groups or lists inside each other"),
        (f"seed: {'[' * 60}1{']' * 60}", "more than 50 groups or lists inside each other"),
        (f"seed: [{', '.join(['1'] * 20_000)}]", "more than 8,000 values"),
        (f"seed: {'A' * 100_000}", "seed: seen 'AAAA"),
        (f"seed: 1\nstages: [{'A' * 100_000}]", "did you mean {id: AAAA"),
        (f"{'x' * 900}: 1", "xxx...: unknown key"),
        ("seed: 1\nadherence: {mean: 0.5, sd: 1e300}", "adherence.sd: seen 1e+300: probabilities with mean 0.5"),
        ("seed: 1\nparameter_set: \"a\\0.json\"", "parameter_set: seen 'a"),
        (f"seed: 1\nparameter_set: {'n' * 300}.json", "parameter_set: seen '"),
        ("seed: 1\npublished: {rows: /dev/zero}", "no regular file (a device or a pipe)"),
        ("seed: 1\npublished: {rows: loop.csv}", "published.rows: "),
        ("seed: 1\npublished: {rows: pipe}", "no regular file (a device or a pipe)"),
        ("extends: /dev/zero", "extends: seen /dev/zero: this is no regular file"),
        ("extends: pipe", "no regular file"),
        ("extends: loop.csv", "extends: seen "),
        (f"extends: {'n' * 300}.yaml", "extends: seen "),
        ("extends: .", "extends: seen .: this is a folder"),
    ],
)  # fmt: skip
def test_one_message_with_file_and_line(tmp_path, bad, answer):
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    os.mkfifo(tmp_path / "pipe")
    keys = [line.partition(":")[0] for line in bad.splitlines()]
    rest = [part for part in GOOD.split("\n") if part.partition(":")[0] not in ("seed", *keys[1:])]
    begun = time.process_time()
    found = [
        m.replace(str(tmp_path) + "/", "")
        for m in messages(tmp_path, bad + "\n" + "\n".join(rest).replace("  mean: 0.9\n  sd: 0.1\n", ""))
    ]
    assert time.process_time() - begun < SECONDS
    assert any(answer in message.replace(str(tmp_path), ".") for message in found), found
    assert all(message.startswith("study.yaml:") and len(message) < 700 for message in found), found


def test_a_bomb_of_aliases_and_a_loop_of_files_end_at_once(tmp_path):
    begun = time.process_time()
    with pytest.raises(ConfigError, match=r"bomb.yaml:\d+: .*more than 8,000 values"):
        load_study(INPUTS / "bomb.yaml")
    for k in range(30):
        (tmp_path / f"{k}.yaml").write_text(f"extends: {k + 1}.yaml\n")
    with pytest.raises(ConfigError, match="more than 20 files extend each other"):
        load_study(tmp_path / "0.yaml")
    assert time.process_time() - begun < SECONDS


def test_twenty_problems_are_shown_and_the_rest_is_counted(tmp_path):
    begun = time.process_time()
    found = messages(tmp_path, GOOD + "".join(f"unknown_{k}: 1\n" for k in range(3000)))
    assert time.process_time() - begun < SECONDS
    assert len(found) == MOST_SHOWN + 1 and "more problems" in found[-1]


@pytest.mark.parametrize("name", [path.name for path in sorted(INPUTS.glob("*.yaml")) if path.name != "arms200.yaml"])
def test_the_inputs_that_broke(tmp_path, capsys, name):
    """Beside the smoke config; each was a traceback in a line, or did not end."""
    for path in INPUTS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "smoke.yaml").write_text(f"extends: {Path('configs/smoke.yaml').resolve()}\n")
    begun = time.process_time()
    assert main(["check", str(tmp_path / name)]) == 2
    err = capsys.readouterr().err
    assert time.process_time() - begun < SECONDS and "VTRIAL_DEBUG" not in err and name in err


def test_set_takes_one_value(capsys):
    """A line break would end the value, and a second key would be dropped without a word."""
    smoke = "configs/smoke.yaml"
    for text in ("patients=5\nseed: 9", "title=a\nfoo: 1", "patients=5\n---\n6"):
        assert main(["check", smoke, "--set", text]) == 2
        assert "is not a value in YAML" in capsys.readouterr().err
    for text in (
        "arms.².id=x",
        "arms.٠.ratio=3",
        "arms.-1.id=x",
        "arms.99999999999999999999.id=x",
        f"{'a.' * 9999}b=1",
    ):
        assert main(["check", smoke, "--set", text]) == 2
        assert "VTRIAL_DEBUG" not in capsys.readouterr().err


@pytest.mark.parametrize("out", ["/", "..", ".", "x" * 300, "x" * 245, "loop", "file", "file/x", "n\udcff"])
def test_folders_that_cannot_hold_a_run_are_refused_before_it(tmp_path, monkeypatch, capsys, out):
    smoke = str(Path("configs/smoke.yaml").resolve())
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    Path("file").write_text("")
    assert main(["run", smoke, "--out", out, "--overwrite", "--workers", "1"]) == 2
    err = capsys.readouterr().err
    assert "VTRIAL_DEBUG" not in err and "patients" not in err and "--out" in err


def test_a_file_is_read_with_a_limit(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    assert contents(tmp_path / "x", 5) == b"12345"
    with pytest.raises(UnreadableError, match="seen 0 KiB; allowed: at most 0 KiB"):
        contents(tmp_path / "x", 4)
    for name in ("", "none", "a\0b", "n" * 300):
        with pytest.raises(UnreadableError):
            contents(tmp_path / name, 4)
