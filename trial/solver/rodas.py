"""Rodas5P, a Rosenbrock method of order 5 with an error estimate of order 4: 8 stages, stiffly accurate, A-stable.

G. Steinebach (2023), Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
Differential Equations package, BIT Numer. Math. 63, article 27, in the form without products of the Jacobian (Hairer
and Wanner 1996, Solving Ordinary Differential Equations II, 2nd ed., section IV.7), times h: for y' = f(y), stage i
solves

    (I / GAMMA - h J) u_i = h f(y + sum POINTS[i][j] u_j) + sum SLOPES[i][j] u_j.

Each of the last stages is taken where the one before would have ended: its point is that of the one before plus the
``u`` of that one. The step ends at the last point plus the last ``u``, which is also the estimate of the error.
"""

from __future__ import annotations

ORDER, GAMMA = 5, 0.21193756319429014
POINTS: tuple[tuple[float, ...], ...] = (
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946),
)
SLOPES: tuple[tuple[float, ...], ...] = (
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ),
)
