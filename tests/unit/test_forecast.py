"""What a forecast is made of, and when a machine is too small; sizes for people by hand."""

from pathlib import Path

import pytest

from trial.jobs import forecast as forecasting
from trial.jobs.forecast import Forecast, free_disk, free_memory, problem, size

MIB, GIB = 2.0**20, 2.0**30


def made(**said):
    usual = dict(patients=10, units=1, rows={}, disk_bytes=100 * MIB, memory_bytes=GIB, seconds=3.0, workers=2)
    return Forecast(**(usual | said))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (GIB, "1.0 GiB"), (GIB - 1, "1024 MiB"), (1.55 * GIB, "1.6 GiB"), (MIB, "1 MiB"), (0.5 * MIB, "0.5 MiB"),
        (0.01 * MIB, "0.1 MiB"), (99.6 * MIB, "100 MiB"),
    ],
)  # fmt: skip
def test_sizes(count, said):
    assert size(count) == said


@pytest.mark.parametrize(("disk", "memory", "said"), [
    (121 * MIB, 1.01 * GIB, None), (119 * MIB, 2 * GIB, "100 MiB on disk"), (121 * MIB, 0.99 * GIB, "of memory with 2"),
    (121 * MIB, None, None),
])  # fmt: skip
def test_a_fifth_more_disk_than_forecast_and_the_memory_itself_are_enough(monkeypatch, disk, memory, said):
    monkeypatch.setattr(forecasting, "free_disk", lambda _: disk)
    monkeypatch.setattr(forecasting, "free_memory", lambda: memory)
    found = problem(made(), Path("x"))
    assert found is None if said is None else said in found


def test_memory_is_read_where_the_system_says_it(monkeypatch):
    text = "MemTotal: 4000 kB\nMemFree: 10 kB\nMemAvailable:    3000 kB\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert free_memory() == 3000 * 1024
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "MemTotal: 4000 kB\n")
    assert free_memory() is None


def test_no_word_of_memory_is_no_number(monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert free_memory() is None


def test_disk_of_a_folder_that_will_be_made(tmp_path):
    assert free_disk(tmp_path / "a" / "b") == pytest.approx(free_disk(tmp_path), rel=0.05)
