"""The limits of a schedule for the typical man, one value on either side of each."""

from dataclasses import replace

import numpy as np
import pytest
from test_solver_door import toy
from test_wellformed import given

from cohorts.sets import parameter_set
from trial.app.typical_man import _refuse_schedule, course_table
from trial.errors import Refused
from trial.models import structure_of, typical
from trial.solver import Events

USUAL = {"dose_mg": 5.0, "days": 7, "dose_days": None, "every_h": 1.0}


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("dose_mg", [0, 5, 1e6], [-0.1, float("inf"), float("nan")]),
        ("days", [1, 3650], [0, 3651, 2.5]),
        ("dose_days", [None, 0, 5, 999_999], [-1, 10**6, 1.5]),
        ("every_h", [1e-3, 1, 24], [0, -1, 24.1]),
    ],
)
def test_limits_of_a_schedule(name, right, wrong):
    for value in right:
        _refuse_schedule(**USUAL | {name: value})
    for value in wrong:
        with pytest.raises(Refused, match=f"^solve: {name}: seen {value}; allowed: "):
            _refuse_schedule(**USUAL | {name: value})


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(Refused) as caught:
        _refuse_schedule(-1.0, 0, -1, 0.0)
    assert [line.split(":")[1].strip() for line in str(caught.value).splitlines()] == list(USUAL)


def test_the_table_has_a_line_per_hour_unless_asked_otherwise():
    hourly, slow = (
        course_table("hetrombopag_wang_2022", 5.0, 2),
        course_table("hetrombopag_wang_2022", 5.0, 2, every_h=8.0),
    )
    assert hourly["TIME"].to_pylist() == list(range(49)) and slow["TIME"].to_pylist() == [0, 8, 16, 24, 32, 40, 48]
    assert slow.column_names[:3] == ["TIME", "CONC", "PLT"] and "RTOT" in slow.column_names
    assert slow["PLT"].to_pylist() == pytest.approx(hourly["PLT"].to_pylist()[::8], rel=1e-4)
    assert slow.schema.field("RTOT").metadata[b"unit"] == b"ng/mL"
    given = course_table("hetrombopag_wang_2022", 0.0, 1, values={"BASE": 21.0})
    assert given["PLT"].to_pylist() == pytest.approx([21.0] * 25)


def test_he_begins_in_balance_with_the_inputs_of_the_first_hour(monkeypatch):
    """Balance is the input itself: 2 before anything happens, though the input of the next day is 7."""

    def events(p, days):
        inputs = np.where(days.start_h[..., None] == 0, 2.0, 7.0)
        return Events(days.start_h, np.zeros_like(days.start_h), inputs)

    still = toy(lambda y, p, u: [0.0 * y[0]], 1)
    model = replace(still, daily_events=events, steady_state=lambda p, u: u, output_names=("CONC",),
                    outputs=lambda y, p, u: [3.0 * y[0]])  # fmt: skip
    monkeypatch.setattr(typical, "structure_of", lambda parameters: model)
    man = given(P0=1.0, BASE=20.0)
    assert typical.course(man, 5.0, days=2)["Y0"].tolist() == [2.0] * 3
    assert typical.concentrations(man, 5.0, [0], [24.0, 30.0]).tolist() == [6.0] * 2


@pytest.mark.parametrize("name", ["hetrombopag_wang_2022", "hetrombopag_itp_mei_2021"])
def test_concentrations_are_those_of_his_course(name):
    """Two doses, days apart: what ``course`` says on days 0 and 1; a meal h hours later binds drug; platelets do not
    change what is free where they do not bind it.
    """
    man = parameter_set(name)
    hours = [0.0, 6.0, 24.0, 30.0, 71.0]
    twice = typical.concentrations(man, 5.0, [0, 1], hours)
    whole = typical.course(man, 5.0, days=3, dose_days=2, every_h=1.0)["CONC"]
    assert twice == pytest.approx(whole[[int(h) for h in hours]], rel=1e-3, abs=1e-6)
    gap = typical.concentrations(man, 5.0, [0, 2], [30.0, 47.0, 54.0])
    once = typical.concentrations(man, 5.0, [0], [30.0, 47.0, 54.0])
    assert gap[:2] == pytest.approx(once[:2], rel=1e-6) and gap[2] > 2 * once[2]
    late = typical.concentrations(man, 5.0, [3], [12.0, 71.0])
    assert late == pytest.approx([0, 0], abs=1e-9), "a dose after the last time"


def test_he_has_the_count_that_is_said():
    """A structure that binds drug to platelets: 13 unless another count is given, BASE of the set in his course."""
    man = parameter_set("hetrombopag_itp_mei_2021")
    model = structure_of(man)
    place = model.parameters.index("BASE")
    seen = []

    def daily(p, days):
        seen.append(p[0, place])
        return model.daily_events(p, days)

    told = replace(model, daily_events=daily)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typical, "structure_of", lambda parameters: told)
        typical.concentrations(man, 5.0, [0], [1.0])
        typical.concentrations(man, 5.0, [0], [1.0], base_1e9L=40.0)
        typical.course(man, 5.0, days=1)
    assert seen == [13.0, 40.0, man.value("BASE")]


def test_a_course_is_70_days_of_daily_doses_told_day_by_day():
    man = parameter_set("hetrombopag_wang_2022")
    found = typical.course(man, 5.0)
    assert {len(values) for values in found.values()} == {71}
    short = typical.course(man, 5.0, days=70, dose_days=69, every_h=24.0)
    assert short["CONC"][:70] == pytest.approx(found["CONC"][:70]) and short["CONC"][70] < 0.5 * found["CONC"][70]
