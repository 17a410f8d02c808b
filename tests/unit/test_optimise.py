"""A search with a scripted sampler and results in closed form: every row, both numbers, prices, words and figures."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from analysis.evidence import search as pure
from analysis.evidence.design_points import Simulated
from analysis.report.decision import legend_of
from trial.app import optimise, optimum_page, sampling
from trial.app.goals import Aim
from trial.app.grid_points import PointStudy
from trial.errors import ConfigError, Refused
from trial.study.goal import Goal, SearchedKey
from trial.study.load import load_study

SMOKE = load_study(Path(__file__).parents[2] / "configs" / "smoke.yaml")
ARM = "HETROM-5"
UP, DOWN = f"RESPW8|{ARM}", f"PLT250|{ARM}"
STANDS = {"k": "10", "c": "[14]"}
ASKED = [("12", "[7]"), ("13", "[7]"), ("12", "[7]"), ("8", "[14]"), ("20", "[14]")]
"""Points 1 to 5: 2 is no valid study, 3 is 1 again, 5 breaks the limit."""


def goal(**more):
    return Goal.model_validate({
        "id": "g", "study": "s.yaml", "points": 5, "batch": 2, "replicates": 2, "seed": 1,
        "keys": [{"key": "k", "low": 0, "high": 20, "step": 1}, {"key": "c", "choices": [[7], [14]]}],
        "objectives": [
            {"endpoint": "RESPW8", "arm": ARM, "aim": "max"}, {"endpoint": "PLT250", "arm": ARM, "aim": "min"},
        ],
        "limits": [{"endpoint": "PLT250", "arm": ARM, "at_most": 30}],
        "confirm": {"seed": 2, "replicates": 2, "most": 2},
    } | more)  # fmt: skip


def aim(**more):
    return Aim(goal(**more), PointStudy(SMOKE, STANDS, ()), {"k": 10, "c": [14]})


def study_of(_, settings, seed=None, replicates=None):
    if settings.get("k") == "13":
        raise ConfigError(["k=13: seen 13", "a second sentence"])
    assert replicates == 2 and seed in (None, 2)
    return SimpleNamespace(k=int(settings.get("k", 10)), new=seed == 2, text=str(sorted(settings.items())))


class Closed(optimise.Room):
    """Replicates of a point k: response 40 + k and 42 + k %, 2 k % too high; of new draws 2 more respond."""

    def simulated(self, studies):
        found = []
        for one in studies:
            response = np.array([0.40, 0.42]) + one.k / 100 + 0.02 * one.new
            values = {"RESPW8": response, "PLT250": np.full(2, one.k / 50)}
            wide = {code: np.repeat(v[:, None], len(SMOKE.arm_ids), axis=1) for code, v in values.items()}
            found.append(Simulated(one.text, SMOKE.arm_ids, wide))
        return found


class Scripted:
    """Gives the points of ``ASKED``, and keeps how many were asked for and what it was told."""

    def __init__(self, _):
        self.many, self.told, self.left = [], [], list(ASKED)

    def ask(self, many):
        self.many.append(many)
        now, self.left = self.left[:many], self.left[many:]
        return [{"k": k, "c": c} for k, c in now]

    def tell(self, answers):
        self.told += answers


@contextmanager
def counted(_, seen):
    yield lambda done, total: seen.append((done, total))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Rows, words, progress, sampler and folder of the scripted search."""
    folder, said, seen, sampler = tmp_path_factory.mktemp("search"), [], [], Scripted(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimise, "variant", study_of)
        patch.setattr(optimise, "Sampler", lambda _: sampler)
        rows = optimise._searched(Closed(aim(), folder, None), said.append, lambda name: counted(name, seen))
    return SimpleNamespace(rows=rows, said=said, seen=seen, sampler=sampler, folder=folder)


def test_every_row_in_its_order(searched):
    got = [(row.kind, row.number, row.draws, row.settings["k"], row.settings["c"]) for row in searched.rows]
    assert got == [
        ("published", 0, "search", "10", "[14]"),
        *(("searched", n, "search", k, c) for n, (k, c) in enumerate(ASKED, 1)),
        ("published", 0, "new", "10", "[14]"),
        ("confirmed", 1, "new", "12", "[7]"), ("confirmed", 4, "new", "8", "[14]"),
        ("price", 0, "new", "12", "[14]"), ("price", 1, "new", "10", "[7]"),
    ]  # fmt: skip
    assert [row.number for row in searched.rows if row.front] == [1, 4]
    assert [(r.number, r.status, r.why) for r in searched.rows if r.status != pure.KEPT] == [
        (2, pure.REFUSED, "k=13: seen 13"), (5, pure.BROKEN, f"PLT250 in {ARM} at most 30"),
    ]  # fmt: skip


def test_numbers_are_held_against_the_study_in_the_same_draws(searched):
    """By hand: k 12 responds in 53 %, 55 % with new draws, the study in 51 % and 53 %: 2 more in both."""
    by = {(row.kind, row.number, row.draws): row.results for row in searched.rows}
    for draws, kind, response in (("search", "searched", 53), ("new", "confirmed", 55)):
        found = by[kind, 1, draws][UP]
        assert (found.estimate, found.difference) == pytest.approx((response, 2)) and found.point == 0
        assert (found.mcse, found.difference_mcse) == pytest.approx((1, 0), abs=1e-9)
        assert by["published", 0, draws][UP].estimate == pytest.approx(response - 2)
    assert by["price", 0, "new"][UP].difference == pytest.approx(2)
    assert by["price", 1, "new"][UP].difference == pytest.approx(0)


def test_the_sampler_is_asked_in_batches_and_told_in_order(searched):
    assert searched.sampler.many == [2, 2, 1] and searched.seen == [(2, 5), (4, 5), (5, 5)]
    assert [values[1] for values, _ in searched.sampler.told] == pytest.approx([24, pure.WORST, 24, 16, 40])
    assert pq.read_table(searched.folder / optimise.TABLE).num_rows == 11
    assert searched.said == [
        "1 of 5 points are no valid study; optimise.parquet says why",
        "1 of 5 points were asked for before; 4 are different",
        "front: 2 points, 2 of them again with seed 2",
    ]


def test_a_search_without_a_valid_point_says_the_first_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(optimise, "variant", study_of)
    monkeypatch.setattr(optimise, "Sampler", Scripted)
    monkeypatch.setattr("test_optimise.ASKED", [("13", "[7]")])
    with pytest.raises(Refused, match="g: no point is a valid study; the first: k=13: seen 13"):
        optimise._searched(Closed(aim(points=1), tmp_path, None), print, lambda name: counted(name, []))
    assert pq.read_table(tmp_path / optimise.TABLE).num_rows == 2


def test_lines_and_notes_of_a_search(searched):
    assert optimise.lines(aim(), searched.rows) == [
        ("as it stands", f"RESPW8 {ARM}", "51.0 ± 1.0", "53.0 ± 1.0", ""),
        ("", f"PLT250 {ARM}", "20.0 ± 0.0", "20.0 ± 0.0", ""),
        ("point 1", f"RESPW8 {ARM}", "53.0 ± 1.0", "55.0 ± 1.0", ""),
        ("", f"PLT250 {ARM}", "24.0 ± 0.0", "24.0 ± 0.0", ""),
        ("point 4", f"RESPW8 {ARM}", "49.0 ± 1.0", "51.0 ± 1.0", ""),
        ("", f"PLT250 {ARM}", "16.0 ± 0.0", "16.0 ± 0.0", ""),
    ]
    said = optimise.notes(aim(), searched.rows)
    assert said[:2] == ["point 1: k=12, c=[7]", "point 4: k=8"] and said[3].startswith("Each key of point 1 alone")
    assert [line.partition(" ")[0] for line in said[4:]] == ["k=12:", "c=[7]:"]
    none = [row for row in searched.rows if row.kind != pure.CONFIRMED]
    assert optimise.notes(aim(), none) == ["No candidate keeps to the limits with new draws."]


def text(cell):
    return getattr(cell, "text", cell)


def test_the_sheets_of_the_page(searched, monkeypatch):
    monkeypatch.setattr(optimum_page, "trade_off", lambda *_: "")
    page = optimum_page.page_of(aim(), searched.rows)
    assert "1 points are no valid study, 1 break a limit, 1 were asked for before" in page.lead
    both, settings, prices = page.parts[2:]
    assert [tuple(map(text, line)) for line in both.lines] == [
        ("as it stands", "51.0 ± 1.0", "53.0 ± 1.0", "", "20.0 ± 0.0", "20.0 ± 0.0", "", ""),
        ("1", "53.0 ± 1.0", "55.0 ± 1.0", "+2.0 ± 0.0", "24.0 ± 0.0", "24.0 ± 0.0", "+4.0 ± 0.0", ""),
        ("4", "49.0 ± 1.0", "51.0 ± 1.0", "-2.0 ± 0.0", "16.0 ± 0.0", "16.0 ± 0.0", "-4.0 ± 0.0", ""),
    ]  # fmt: skip
    assert settings.lines == (("as it stands", "10", "[14]"), ("1", "12", "[7]"), ("4", "8", "[14]"))
    assert [line[:3] for line in prices.lines] == [("k", "10", "12"), ("c", "[14]", "[7]")]
    assert [(one.names, one.marked) for one in (both, settings, prices)] == [(1, (0,)), (3, (0,)), (3, ())]


@pytest.mark.parametrize(
    ("objectives", "draws", "expected"),
    [
        (2, "search", [(20, 51, 0, 1, "as it stands"), (24, 53, 0, 1, "1"), (24, 53, 0, 0, ""), (16, 49, 0, 1, "4"),
                       (40, 61, 0, 0, "")]),
        (2, "new", [(20, 53, 0, 1, "as it stands"), (24, 55, 0, 1, "1"), (16, 51, 0, 1, "4")]),
        (1, "new", [(0, 53, 0, 1, "as it stands"), (1, 55, 0, 1, "1"), (4, 51, 0, 1, "4")]),
    ],
)  # fmt: skip
def test_what_is_drawn_of_a_search(searched, monkeypatch, objectives, draws, expected):
    """Refused points and prices are not; only the study and the front have bars and names."""
    drawn = []
    monkeypatch.setattr(optimum_page, "trade_off", lambda *said: drawn.append(said) or "")
    short = aim(objectives=goal().model_dump()["objectives"][:objectives])
    optimum_page._figure(short, searched.rows, draws, "")
    *_, across, up, designs = drawn[0]
    assert up == f"RESPW8 in {ARM}, %"
    assert across == (f"PLT250 in {ARM}, %" if objectives > 1 else "Number of the point")
    found = [(d.x, d.y, d.x_error, d.y_error, d.name) for d in designs]
    assert [f[:4] for f in found] == [pytest.approx(e[:4], abs=1e-9) for e in expected]
    assert [f[4] for f in found] == [e[4] for e in expected]
    assert [d.stands for d in designs] == [True] + [False] * (len(expected) - 1)
    assert [d.front for d in designs] == [e[4].isdigit() for e in expected]


def test_a_search_uses_every_core_and_keeps_points_unless_told(tmp_path, monkeypatch, searched):
    asked = []

    @contextmanager
    def hands(workers, dask):
        asked.append((workers, dask))
        yield SimpleNamespace(each=None)

    def rows(room, *_):
        (room.folder / optimise.TABLE).touch()
        return searched.rows

    monkeypatch.setattr(optimum_page, "trade_off", lambda *_: "")
    for name, value in (("hands", hands), ("_searched", rows), ("must_be_there", int), ("cores", lambda: 7)):
        monkeypatch.setattr(optimise, name, value)
    optimise.optimise(aim(), tmp_path / "x", optimise.HowSearched())
    assert (tmp_path / "x" / optimise.PAGE).read_text(encoding="utf-8").count("<table") == 3
    kept = tmp_path / "x" / "points" / "a"
    kept.mkdir(parents=True)
    optimise.optimise(aim(), tmp_path / "x", optimise.HowSearched())
    assert kept.exists()
    optimise.optimise(aim(), tmp_path / "x", optimise.HowSearched(overwrite=True, workers=3))
    assert asked == [(7, None), (7, None), (3, None)] and not kept.exists()


def test_only_points_that_are_not_there_are_simulated(tmp_path, monkeypatch):
    made = []
    study = SimpleNamespace(arm_ids=("A",))
    monkeypatch.setattr(optimise, "point_of", lambda key, codes: SimpleNamespace(key=key, study=study))
    monkeypatch.setattr(optimise, "is_there", lambda folder, key: key == "there")
    monkeypatch.setattr(optimise, "simulate_points", lambda points, *_: made.extend(points))
    monkeypatch.setattr(optimise, "values_of", lambda folder, key, point: {"E": key})
    room = optimise.Room(aim(), tmp_path, None)
    found = room.simulated([SimpleNamespace(study=key) for key in ("there", "new", "there")])
    assert made == ["new"]
    assert [(one.folder, one.values["E"]) for one in found] == [(k, k) for k in ("there", "new", "there")]


WHOLE = SearchedKey.model_validate({"key": "w", "low": 30, "high": 80, "step": 10})
FROM_0 = SearchedKey.model_validate({"key": "z", "low": -4, "high": 0, "step": 2})
UP_TO = SearchedKey.model_validate({"key": "u", "low": 0, "high": 3, "step": 1})
FINE = SearchedKey.model_validate({"key": "f", "low": 0.5, "high": 0.75})
CHOICES = SearchedKey.model_validate({"key": "c", "choices": ["µ", [1, 2]]})


@pytest.mark.parametrize(
    ("key", "asked", "said"),
    [
        (WHOLE, ("w", 30, 80, 10), "30"),
        (FROM_0, ("z", -4, 0, 2), "-4"),
        (UP_TO, ("u", 0, 3, 1), "0"),
        (FINE, ("f", 0.5, 0.75, None), "0.5"),
        (CHOICES, ("c", [0, 1]), '"µ"'),
    ],
)
def test_what_a_key_asks_of_the_sampler(key, asked, said):
    """A trial that gives the lowest value of each range, and the first choice."""
    seen = []

    def lowest(name, low, high, step):
        seen.append((name, low, high, step))
        return low

    def first(name, places):
        seen.append((name, places))
        return places[0]

    trial = SimpleNamespace(suggest_int=lowest, suggest_float=lowest, suggest_categorical=first)
    assert sampling._suggested(trial, key) == said and seen == [asked]


@pytest.mark.parametrize(
    ("sampler", "batch", "name", "options"),
    [
        ("tpe", 4, "TPESampler", {"seed": 1, "constant_liar": True}),
        ("nsga2", 4, "NSGAIISampler", {"seed": 1, "population_size": 4}),
        ("nsga2", 1, "NSGAIISampler", {"seed": 1, "population_size": 2}),
    ],
)
def test_the_sampler_that_a_goal_names(sampler, batch, name, options, monkeypatch):
    """It is asked for the directions of the objectives: high responses, few high counts."""
    told = {}

    def keeps(what):
        return lambda **how: told.update({what: how}) or what

    samplers = SimpleNamespace(TPESampler=keeps("TPESampler"), NSGAIISampler=keeps("NSGAIISampler"))
    logging = SimpleNamespace(set_verbosity=lambda _: None, ERROR=0)
    optuna = SimpleNamespace(samplers=samplers, logging=logging, create_study=keeps("study"))
    monkeypatch.setattr(sampling, "must_be_there", lambda: optuna)
    sampling.Sampler(goal(sampler=sampler, batch=batch))
    assert told[name] == options | {"constraints_func": sampling._broken}
    assert told["study"] == {"directions": ["maximize", "minimize"], "sampler": name}


def test_the_colours_of_arms():
    """Placebo arms from 0 down, others from 1 up."""
    arms = [("P", True), ("A", False), ("Q", True), ("B", False), ("R", True)]
    assert legend_of(arms) == {"P": 0, "A": 1, "Q": -1, "B": 2, "R": -2}
