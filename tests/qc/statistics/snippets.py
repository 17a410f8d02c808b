"""Failures that need no run. From the root of the project: .venv/bin/python snippets.py (PYTHONPATH=. if copied)."""

import numpy as np

from analysis.text import cells
from analysis.statistics import estimators
from analysis.statistics.participants import describe
from analysis.statistics.estimates import PERCENT, rates
from analysis.evidence.scorecard import _text
from analysis.statistics.survival import by_day, kaplan_meier


def show(what, got, right):
    print(f"{'ok   ' if str(got) == str(right) else 'WRONG'} {what}: got {got}, right {right}")


# 1 an exact half lost in binary: the printed cell is one unit too small
x, y = np.array([51.0]), np.array([80.0])
show("51/80 over replicates", cells.rounded(float(PERCENT * rates(x, y)[0]), 1), "63.8")
show("70/80 v 19/80", cells.rounded(PERCENT * float(estimators.rate_difference(70, 80, 19, 80).estimate), 1), "63.8")
show("52/80 v 63/80", cells.rounded(PERCENT * float(estimators.rate_difference(52, 80, 63, 80).estimate), 1), "-13.8")
r = PERCENT * rates(np.array([51.0, 51, 46, 1, 52]), np.full(5, 80.0))
show("mean of five replicates of 80", cells.rounded(float(estimators.over_replicates(r).mean), 1), "50.3")
show("mean of 92.1 53.8 44.6 115.3", cells.rounded(describe(np.zeros(4, int), np.array([92.1, 53.8, 44.6, 115.3]), 1)["mean"][0], 1), "76.5")
show("Tplyr 124", cells.rounded(float(np.mean([2.64, -3.20, -2.88, 2.95])), 3), "-0.123")

# 2 rounded twice, and six figures instead of four decimals
show("scorecard 55.94996", cells.rounded(float(_text(55.94996)), 1), "55.9")
show("scorecard 1234567.891", _text(1234567.891), "1234567.891")

# 3 median of Kaplan-Meier; R survfit(conf.type="log-log"): 17.5 (7, NA) and 10.5 (7, NA), also PROC LIFETEST's midpoint
for days, right in (([7, 14, 21, 28], "17.5 (7.0, nan)"), ([7, 14], "10.5 (7.0, nan)")):
    m = [float(v) for v in kaplan_meier(by_day(np.zeros(len(days), int), (), np.array(days), np.ones(len(days), bool))).median]
    show(f"median of {days}", f"{m[0]} ({m[1]}, {m[2]})", right)

# 4 a ratio below 0.0005
show("odds ratio 1/1000 v 999/1000", cells.ratio(float(estimators.odds_ratio(1, 1000, 999, 1000).estimate)), "<0.001")

# 5 Cochran-Mantel-Haenszel with a stratum of one patient: statsmodels 0.15 gives nan, R refuses n = 1; that stratum says nothing
from analysis.statistics.proportions import cmh_test  # noqa: E402

show("CMH with a stratum of one", round(float(cmh_test([4, 3, 1], [10, 10, 1], [2, 0, 0], [20, 10, 0]).statistic), 4), 6.9033)
