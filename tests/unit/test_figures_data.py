"""What the figures draw, against small cases counted by hand."""

import numpy as np

from analysis.statistics.shares import quartiles, rung_shares, share_by_day, to_the_end


def test_share_by_day():
    shares = share_by_day(np.array([7.0, 14.0, np.inf, np.inf]), np.array([0.0, 7.0, 13.9, 14.0, 70.0]))
    assert shares.tolist() == [0, 0.25, 0.25, 0.5, 0.5]


def test_who_is_treated_to_the_end_has_not_left():
    """Last visit on day 68, stays; on day 68, leaves; held from day 40; last visit after the planned day."""
    end, last_seen = np.array([68, 68, 40, 71]), np.array([68.0, 68, 68, 71])
    assert to_the_end(end, np.array([True, False, True, True]), last_seen, 70).tolist() == [70, 68, 40, 71]


def test_rung_shares():
    """One patient on 2.5 for 3 days then on 5; another on 2.5 who leaves after 2 days."""
    shares = rung_shares(
        np.array([0, 3, 0]), np.array([3, 5, 2]), np.array([2.5, 5.0, 2.5]), [2.5, 5.0, 7.5], n=2, last_day=5
    )
    assert shares.tolist() == [[1, 1, 0.5, 0, 0], [0, 0, 0, 0.5, 0.5], [0, 0, 0, 0, 0]]


def test_quartiles_ignore_missing():
    found = quartiles(np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan], [np.nan, np.nan]]))
    assert found[:, 0].tolist() == [1.5, 2.0, 2.5]
    assert np.isnan(found[:, 1]).all()
