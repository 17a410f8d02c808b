"""The report comes last: when it fails, the tables are whole, and the message says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.report import page
from trial.app import foresight
from trial.cli import main
from trial.errors import Refused
from trial.jobs.forecast import Forecast
from trial.study.load import load_study

SMOKE = str(Path(__file__).parents[2] / "configs" / "smoke.yaml")
FEW = ["run", SMOKE, "--set", "patients=5", "--replicates", "1", "--workers", "1", "--out", "x"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def failing(error):
    def write(*_):
        raise error

    return write


@pytest.mark.slow
@pytest.mark.parametrize("error", [MemoryError("Unable to allocate"), OSError(28, "No space left on device")])
def test_a_report_that_fails_leaves_whole_tables(capsys, monkeypatch, error):
    with monkeypatch.context() as patch:
        patch.setattr(page, "render", failing(error))
        assert main(FEW) == 1
    err = capsys.readouterr().err
    assert ("not enough memory" if isinstance(error, MemoryError) else "No space left on device") in err
    assert "the tables are complete" in err and "vtrial report x" in err and "--resume --no-report" in err
    assert "failed:" not in err and not Path(".x.unfinished").exists()
    assert Path("x/estimates.parquet").is_file() and Path("x/manifest.json").is_file()
    assert main([*FEW, "--resume", "--no-report"]) == 0 and not Path("x/report.html").exists()
    assert main([*FEW, "--resume"]) == 0 and Path("x/report.html").is_file()
    assert "but for its report" in capsys.readouterr().err
    shutil.rmtree("x")


def test_the_memory_of_the_report_is_foreseen(monkeypatch):
    """300,000 patients at once: about 0.75 GiB, measured; with less free the way out is named."""
    study = load_study(SMOKE).model_copy(update={"patients": 300_000, "replicates": 1})
    assert 0.7 * 2**30 < foresight.report_bytes(study) < 0.95 * 2**30
    monkeypatch.setattr(foresight, "forecast", lambda *_: Forecast(1, 1, {}, 1.0, 1.0, 1.0, 1))
    monkeypatch.setattr(foresight, "free_memory", lambda: 0.5 * 2**30)
    with pytest.raises(Refused, match=r"the report needs about .* --no-report leaves it out \(with --resume"):
        foresight.refuse_too_large(study, Path("x"), 1)
    foresight.refuse_too_large(study, Path("x"), 1, with_report=False)


def test_the_memory_of_a_small_report():
    """340 MiB, and 400 and twice 110 bytes for each of 3 patients in 2 replicates."""
    study = SimpleNamespace(visits=SimpleNamespace(days=(0, 7)), subjects=3, kept=(1, 2))
    assert foresight.report_bytes(study) == 356_515_840 + 3_720
