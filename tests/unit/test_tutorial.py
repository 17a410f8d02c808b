"""The tutorial as a reader follows it: its file is written, its commands are run in order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from trial.cli import main

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)( fails)?\n(.*?)^```", flags=re.M | re.S)


@pytest.mark.slow
def test_the_tutorial(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    ran = []
    for kind, fails, block in BLOCK.findall(text):
        if kind == "yaml":
            (tmp_path / "question.yaml").write_text(block, encoding="utf-8")
        elif kind == "python":
            exec(compile(block, "tutorial.md", "exec"), {})
        for line in block.splitlines() if kind == "bash" else ():
            program, *arguments = shlex.split(line)
            assert program == "vtrial"
            assert main(arguments) == (2 if fails else 0), line
            ran.append(arguments[0])
    assert ran == ["check", "check", "run", "run", "compare", "replay"]
    said = capsys.readouterr()
    assert "3, which is not on the ladder of titration; allowed: 2.5, 3.75, 5, 7.5" in said.err
    assert all(
        f"{code}  {arm}" in re.sub(" +", "  ", said.out) for code in ("RESPW8", "PLT250") for arm in ("START-5",)
    )
    commands = set(re.findall(r"`vtrial (\w+)", text))
    assert commands <= {"catalogue", "sensitivity", "attribute", "check"}
