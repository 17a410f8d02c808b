"""What a forecast is made of, and when a machine is too small; sizes for people by hand."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from trial.jobs import forecast as forecasting
from trial.jobs.forecast import Forecast, forecast, free_disk, free_memory, problem, size

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


def probed(monkeypatch, workers=1, patients=2000, replicates=10, units=4, lives=True):
    """Forecast of a study whose probe of 1,000 patients takes two seconds: 1,500 rows of doses, 40 kB in all."""
    asked = []
    copy = lambda update: asked.append(update) or SimpleNamespace()  # noqa: E731
    study = SimpleNamespace(
        patients=patients, subjects=patients, replicates=replicates, kept=range(3), model_copy=copy,
        lives=lambda name: lives or name in ("patients", "courses"), analysis=SimpleNamespace(exposure_response=None),
    )  # fmt: skip
    clock = iter([10.0, 12.0])
    rows = {"patients": (1000, 16_000), "doses": (1500, 24_000), "screening": (5, 0)}
    tables = {name: SimpleNamespace(num_rows=n, nbytes=size) for name, (n, size) in rows.items()}
    taken = []
    whole = SimpleNamespace(subject=range(1000), take=lambda a, b: taken.append((a, b)))
    replaced = {
        "enrolling_bytes": lambda study, probe: 7e6 if study.patients > 500 else 0.0,
        "enrolment": lambda study, replicate: whole if replicate == 0 else None,
        "_tables": lambda *_: tables, "work_units": lambda _: range(units),
        "_written": lambda _: {"patients": 500, "doses": 1000}, "UNIT_PATIENTS": 500, "TABLES": ("patients", "doses"),
    }  # fmt: skip
    for name, value in replaced.items():
        monkeypatch.setattr(forecasting, name, value)
    monkeypatch.setattr(forecasting.time, "perf_counter", lambda: next(clock))
    found = forecast(study, workers, None)
    assert asked == [{"patients": min(patients, 1024)}] and taken == [(0, 8)]
    return found


def test_a_forecast_by_hand(monkeypatch):
    """20,000 patients at 2 ms each after 2 s; unit of 500: 20 kB in tables, six times that at work; 7 MB to enrol."""
    found = probed(monkeypatch)
    assert (found.patients, found.units, found.workers) == (20_000, 4, 1)
    assert found.rows == {"patients": 20_000, "doses": 30_000, "screening": 50}
    assert found.seconds == pytest.approx(2 + 40) and found.disk_bytes == pytest.approx(2 * (10_000 + 20_000))
    assert found.memory_bytes == pytest.approx(2 * 170 * MIB + 6 * 20_000 + 7e6)


def test_workers_share_the_work_at_85_per_cent_and_no_more_than_there_are_units(monkeypatch):
    two, many = probed(monkeypatch, workers=2), probed(monkeypatch, workers=9)
    assert two.seconds == pytest.approx(2 + 40 / 1.7) and many.seconds == pytest.approx(2 + 40 / (4 * 0.85))
    assert two.memory_bytes == pytest.approx(3 * 170 * MIB + 2 * 6 * 20_000 + 7e6) and many.workers == 4


def test_tables_that_are_kept_of_some_replicates_only(monkeypatch):
    """Three of ten replicates: 6,000 patients of doses; a small study has no unit larger than itself."""
    assert probed(monkeypatch, lives=False).rows == {"patients": 20_000, "doses": 9_000, "screening": 50}
    small = probed(monkeypatch, patients=100, replicates=1)
    assert small.memory_bytes == pytest.approx(2 * 170 * MIB + 6 * 4_000)
