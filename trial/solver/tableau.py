"""The embedded Runge-Kutta pair of Tsitouras, order 5(4), 7 stages, the first same as the last; real stability to -3.5.

Ch. Tsitouras (2011), Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, Comput.
Math. Appl. 62, 770-775, Table 1. ERROR is the difference of the two weights.
"""

from __future__ import annotations

ORDER = 5
STAGES: tuple[tuple[float, ...], ...] = (
    (),
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
    (
        0.09646076681806523,
        0.01,
        0.4798896504144996,
        1.379008574103742,
        -3.290069515436081,
        2.324710524099774,
    ),
)
ERROR: tuple[float, ...] = (
    -0.00178001105222577714,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    0.015151515151515152,
)
