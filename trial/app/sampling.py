"""The sampler of a search: optuna's NSGA-II or TPE, seeded, asked in batches and told in order. It keeps nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from trial.errors import Refused, not_installed
from trial.study.goal import Goal, SearchedKey

NEEDED = f"vtrial optimise: {not_installed('optuna', 'optimise')}"


class Sampler:
    """Asks for points, and is told what they came to; the same goal and answers give the same points again."""

    def __init__(self, goal: Goal) -> None:
        optuna = must_be_there()
        self.goal = goal
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study = optuna.create_study(
                directions=["maximize" if one.aim == "max" else "minimize" for one in goal.objectives],
                sampler=_sampler(optuna, goal),
            )
        self._asked: list[Any] = []

    def ask(self, many: int) -> list[dict[str, str]]:
        """The next points: a value, as YAML text, for every searched key."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._asked = [self._study.ask() for _ in range(many)]
            return [{key.key: _suggested(trial, key) for key in self.goal.keys} for trial in self._asked]

    def tell(self, answers: Sequence[tuple[Sequence[float], Sequence[float]]]) -> None:
        """What the points that were asked for last came to: objectives, and limits broken (above 0) or kept."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for trial, (values, broken) in zip(self._asked, answers, strict=True):
                trial.set_user_attr("broken", list(broken))
                self._study.tell(trial, list(values))


def must_be_there() -> Any:
    """optuna. Raises Refused where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise Refused(NEEDED) from None
    return optuna


def _broken(trial: Any) -> Sequence[float]:
    found: Sequence[float] = trial.user_attrs["broken"]
    return found


def _sampler(optuna: Any, goal: Goal) -> Any:
    if goal.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=goal.seed, constant_liar=True, constraints_func=_broken)
    return optuna.samplers.NSGAIISampler(seed=goal.seed, population_size=max(2, goal.batch), constraints_func=_broken)


def _suggested(trial: Any, key: SearchedKey) -> str:
    """The value of a key, as YAML text."""
    if key.choices:
        return choice_text(key.choices[trial.suggest_categorical(key.key, list(range(len(key.choices))))])
    if key.whole:
        return str(trial.suggest_int(key.key, int(key.low or 0), int(key.high or 0), step=int(key.step or 1)))
    return f"{trial.suggest_float(key.key, key.low, key.high, step=key.step):.10g}"


def choice_text(value: Any) -> str:
    """A value of a key as YAML text: JSON is YAML."""
    return json.dumps(value, ensure_ascii=False, default=str)


def value_of(text: str) -> Any:
    """The value of a text that the sampler gave: of a choice or a number."""
    return json.loads(text)


def ends_of(key: SearchedKey) -> Mapping[str, str]:
    """Some values of a key: those at the ends of its range, or all its choices."""
    if key.choices:
        return {str(k): choice_text(value) for k, value in enumerate(key.choices)}
    return {name: f"{value:.10g}" for name, value in (("low", key.low), ("high", key.high)) if value is not None}
