"""The limits of a schedule for the typical man, one value on either side of each."""

from dataclasses import replace

import numpy as np
import pytest
from test_solver_door import toy
from test_wellformed import given

from trial.app.typical_man import _refuse_schedule, course_table
from trial.errors import Refused
from trial.models import typical
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
