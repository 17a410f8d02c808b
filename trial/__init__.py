"""Population virtual trials of oral thrombopoietin receptor agonists. Simulated subjects, not clinical data.

>>> import trial
>>> study = trial.load("configs/smoke.yaml", overrides="patients=12", replicates=1)
>>> run = trial.run(study, workers=1, with_report=False)
>>> run.patients.num_rows, run.n_failed
(12, 0)
>>> course = trial.solve("hetrombopag_itp_mei_2021", dose_mg=5, days=70)
>>> [round(course["PLT"][hour].as_py()) for hour in (0, 24 * 70)]
[13, 170]

``load``, ``run``, ``report``, ``solve`` and ``catalogue`` are all there is; docs/python.md shows them. They are found
when they are first used, so that ``import trial`` loads no engine.
"""

from typing import TYPE_CHECKING

from trial.errors import ConfigError, ConfigWarning, Refused, Stopped, TrialError

__all__ = [
    "ConfigError",
    "ConfigWarning",
    "Refused",
    "Run",
    "Stopped",
    "TrialError",
    "catalogue",
    "load",
    "report",
    "run",
    "solve",
]

if TYPE_CHECKING:
    from trial.app.public import Run, catalogue, load, report, run, solve
else:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from trial.app import public

        return getattr(public, name)

    def __dir__():
        return sorted({*globals(), *__all__})
