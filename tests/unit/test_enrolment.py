"""A study that cannot be filled is refused before anything runs."""

from pathlib import Path

from trial.cli import main

SMOKE = str(Path(__file__).parents[2] / "configs" / "smoke.yaml")


def test_a_screening_that_nobody_passes_is_refused_with_the_reasons(tmp_path, capsys):
    out = tmp_path / "out"
    code = main(["run", SMOKE, "--out", str(out), "--set", "screening.platelets_below_1e9L=0.5"])
    said = capsys.readouterr().err
    assert code == 2 and not out.exists()
    assert "screening" in said and "only 0 of" in said and "platelets of 0.5" in said
