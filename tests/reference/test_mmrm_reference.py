"""The mixed model for repeated measures against R (``mmrm_made.R`` beside it, run once), and against itself written
out whole: one dense matrix of all values, derivatives by differences.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from analysis.statistics import covariances, mmrm

HERE = Path(__file__).parent
R = {
    "unstructured": (1556.95863266, (4.61007648987, 0.12461245368), (5.10629010791, 0.11420581418),
                     (0.55219077091, 0.14314279875)),
    "heterogeneous autoregressive": (1558.92133014, (4.60437039768, 0.12577627579), (5.10369632966, 0.11524182724),
                                     (0.54722520845, 0.14553345238)),
    "compound symmetry": (1637.45167181, (4.6221210933, 0.10954866875), (5.1014561662, 0.09997392436),
                          (0.5608597646, 0.11778834576)),
}  # fmt: skip
"""nlme's gls by REML: deviance, estimate and standard error of arms A and B at visit 4, and of baseline there."""
KINDS = {
    "unstructured": covariances.unstructured, "heterogeneous Toeplitz": covariances.toeplitz,
    "heterogeneous autoregressive": covariances.autoregressive, "compound symmetry": covariances.compound_symmetry,
}  # fmt: skip
AT_4 = np.eye(14)[7] - np.eye(14)[3]


def made() -> tuple[np.ndarray, np.ndarray]:
    """200 patients, 4 visits, some of them missing: values, and arm by visit, baseline by visit, strata."""
    with (HERE / "mmrm_made.csv").open() as file:
        rows = list(csv.DictReader(file))
    patients = sorted({int(row["patient"]) for row in rows})
    y, x, base = np.full((len(patients), 4), np.nan), np.zeros((len(patients), 4, 14)), np.zeros(len(patients))
    for row in rows:
        i, v = patients.index(int(row["patient"])), int(row["visit"]) - 1
        y[i, v], base[i] = float(row["value"]), float(row["baseline"])
        arm, stratum = "AB".index(row["arm"]), "xyz".index(row["stratum"])
        for visit in range(4):
            x[i, visit, 4 * arm + visit], x[i, visit, 12:] = 1.0, [stratum == 1, stratum == 2]
    for visit in range(4):
        x[:, visit, 8 + visit] = base - base.mean()
    return y, x


@pytest.mark.parametrize("kind", R)
def test_deviance_estimates_and_errors_are_those_of_nlme(kind: str) -> None:
    found = mmrm.fit(*made(), [KINDS[kind]])
    deviance, *pairs = R[kind]
    assert found.deviance == pytest.approx(deviance, abs=1e-6)
    for place, (estimate, error) in zip((3, 7, 11), pairs, strict=True):
        assert found.coefficients[place] == pytest.approx(estimate, abs=1e-5)
        assert np.sqrt(found.covariance[place, place]) == pytest.approx(error, abs=1e-5)


def test_the_unstructured_matrix_is_that_of_nlme() -> None:
    found = mmrm.fit(*made())
    assert found.structure == "unstructured" and found.why == ()
    wanted = [0.5080974, 0.3130860, 0.5847707, 0.1667302, 0.3039044, 0.5359060, 0.1196501, 0.1869174, 0.3340345,
              0.9286542]  # fmt: skip
    assert found.theta == pytest.approx(wanted, abs=1e-5)


def test_kenward_roger_is_that_of_pbkrtest() -> None:
    """lmer with a random intercept is compound symmetry: estimate, adjusted error, degrees of freedom."""
    found = mmrm.fit(*made(), [covariances.compound_symmetry])
    of = found.contrast(AT_4)
    assert float(of.interval.estimate) == pytest.approx(0.479335073111, abs=1e-6)
    assert np.sqrt(AT_4 @ found.adjusted @ AT_4) == pytest.approx(0.121132542757, abs=1e-6)
    assert of.df == pytest.approx(558.459503544598, rel=1e-6)


class Whole:
    """Every value in one vector, and one matrix of all of them."""

    def __init__(self, y: np.ndarray, x: np.ndarray, structure: covariances.Structured) -> None:
        self.structure, self.seen = structure, ~np.isnan(y).ravel()
        self.y, self.x, self.n = y.ravel()[self.seen], x.reshape(-1, x.shape[2])[self.seen], len(y)

    def matrix(self, theta: np.ndarray) -> np.ndarray:
        return np.kron(np.eye(self.n), self.structure.matrix(theta))[np.ix_(self.seen, self.seen)]

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        return np.linalg.inv(self.x.T @ np.linalg.solve(self.matrix(theta), self.x))


def by_differences(f, theta: np.ndarray, h: float = 1e-4) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives."""
    step, q = h * np.eye(len(theta)), range(len(theta))
    first = np.array([(f(theta + step[i]) - f(theta - step[i])) / (2 * h) for i in q])
    four = lambda i, j: f(theta + step[i] + step[j]) - f(theta + step[i] - step[j])  # noqa: E731
    back = lambda i, j: f(theta - step[i] + step[j]) - f(theta - step[i] - step[j])  # noqa: E731
    return first, np.array([[(four(i, j) - back(i, j)) / (4 * h * h) for j in q] for i in q])


@pytest.mark.parametrize("kind", KINDS)
def test_kenward_roger_again_from_its_definition(kind: str) -> None:
    """Kenward & Roger, section 2: the estimated covariance is too small by Lambda, the spread of the coefficients for
    that of theta, and by the curvature of the covariance in theta, sum W_ij d2Phi/dtheta_i dtheta_j / 2. For a matrix
    that is linear in theta the two are the same; 30 patients.
    """
    y, x = made()
    some = np.r_[0:30]
    y, x = y[some, :3], np.concatenate([x[some, :3][..., [0, 1, 2, 4, 5, 6]], x[some, :3, 13:]], axis=2)
    structure = KINDS[kind](3)
    found, whole = mmrm.fit(y, x, [KINDS[kind]]), Whole(y, x, structure)
    theta, phi = found.theta, found.covariance
    assert phi == pytest.approx(whole.covariance(theta), rel=1e-9, abs=1e-12)
    slopes, _ = by_differences(whole.matrix, theta)
    inverse = np.linalg.inv(whole.matrix(theta))
    projected = inverse - inverse @ whole.x @ phi @ whole.x.T @ inverse
    information = np.array([[np.trace(projected @ a @ projected @ b) / 2 for b in slopes] for a in slopes])
    spread = np.linalg.inv(information)
    assert found.spread == pytest.approx(spread, rel=1e-6, abs=1e-9)
    change, curve = by_differences(whole.covariance, theta)
    moved = np.array([-phi @ whole.x.T @ inverse @ a @ projected for a in slopes])  # of coefficients, per unit of y
    matrix = whole.matrix(theta)
    spreading = sum(spread[i, j] * moved[i] @ matrix @ moved[j].T for i in range(len(theta)) for j in range(len(theta)))
    adjusted = phi + spreading - np.tensordot(spread, curve, 2) / 2
    assert found.adjusted == pytest.approx(adjusted, rel=1e-5, abs=1e-8)
    contrast = np.eye(7)[5] - np.eye(7)[2]
    g = np.array([contrast @ c @ contrast for c in change])
    df = 2 * (contrast @ phi @ contrast) ** 2 / (g @ spread @ g)
    assert found.freedom(contrast) == pytest.approx(df, rel=1e-5)


def test_of_complete_data_it_is_the_t_test_of_each_visit() -> None:
    """Saturated means, no visit missed: the difference at a visit is that of the means, its error that of the pooled
    variance there, with N - 2 degrees of freedom, exactly.
    """
    rng = np.random.default_rng(5)
    n, one = 24, np.arange(24) < 10
    y = rng.normal(size=(n, 3)) @ np.array([[1, 0.5, 0.2], [0, 1, 0.4], [0, 0, 2]]) + one[:, None] * [0.0, 1.0, 2.0]
    x = np.zeros((n, 3, 6))
    for v in range(3):
        x[one, v, v], x[~one, v, 3 + v] = 1.0, 1.0
    found = mmrm.fit(y, x)
    for v in range(3):
        a, b = y[one, v], y[~one, v]
        pooled = (a.var(ddof=1) * 9 + b.var(ddof=1) * 13) / 22
        of = np.eye(6)[v] - np.eye(6)[3 + v]
        for freedom in ("kenward_roger", "satterthwaite"):
            contrast = found.contrast(of, freedom)
            assert float(contrast.interval.estimate) == pytest.approx(a.mean() - b.mean(), abs=1e-9)
            assert contrast.df == pytest.approx(22, abs=1e-6)
        assert np.sqrt(of @ found.adjusted @ of) == pytest.approx(np.sqrt(pooled * (1 / 10 + 1 / 14)), abs=1e-9)


def test_a_structure_that_cannot_be_fitted_is_said_and_the_next_taken() -> None:
    """Visit 2 repeats visit 1: no unstructured matrix of full rank; of one patient nothing can be fitted."""
    y, x = made()
    y, x = y[:60], x[:60]
    y[:, 1] = y[:, 0]
    found = mmrm.fit(y, x)
    assert found.structure != "unstructured"
    assert found.why[0].startswith("unstructured: ")
    with pytest.raises(mmrm.NotFitted, match="unstructured: fewer than 5 patients; heterogeneous Toeplitz: "):
        mmrm.fit(y[:1], x[:1])


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_of_every_structure(kind: str) -> None:
    structure = KINDS[kind](4)
    theta = structure.start(np.array([[4, 2, 1.5, 1], [2, 9, 3, 2], [1.5, 3, 4, 1], [1, 2, 1, 5.0]]))
    first, second = by_differences(structure.matrix, theta)
    assert structure.slopes(theta) == pytest.approx(first, abs=1e-6)
    curves = structure.curves(theta) if structure.curves else np.zeros_like(second)
    assert curves == pytest.approx(second, abs=1e-5)
    if kind == "unstructured":
        assert structure.matrix(theta)[1, 2] == 3.0


def test_the_first_matrix_is_that_of_the_residuals_at_every_visit() -> None:
    """Means of two arms at two visits, of which one patient lacks the second: variances over those who are seen, half
    of the covariance of a correlation of 1. A visit whose values do not vary has the variance of all together.
    """
    y = np.array([[1.0, 4.0], [3.0, 8.0], [0.0, 3.0], [4.0, np.nan]])
    x = np.zeros((4, 2, 4))
    for i, arm in enumerate((0, 0, 1, 1)):
        x[i, [0, 1], [2 * arm, 2 * arm + 1]] = 1.0
    one, two = np.sqrt((1 + 1 + 4 + 4) / 4), np.sqrt((4 + 4 + 0) / 3)
    found = mmrm._first_matrix(mmrm.repeated(y, x))
    assert found == pytest.approx(np.array([[one**2, one * two / 2], [one * two / 2, two**2]]))
    y[:, 1] = [0.0, 0.0, 0.0, np.nan]
    assert mmrm._first_matrix(mmrm.repeated(y, x))[1, 1] == pytest.approx(10 / 7)
    with pytest.raises(mmrm.NotFitted, match="do not vary"):
        mmrm._first_matrix(mmrm.repeated(np.zeros((4, 2)), x))


@pytest.mark.parametrize("kind", KINDS)
def test_a_matrix_of_the_structure_starts_as_itself(kind: str) -> None:
    """Of three visits; and of one visit, where there is a variance alone."""
    structure = KINDS[kind](3)
    theta = {"unstructured": [4.0, 1.0, 9.0, 0.5, 2.0, 5.0], "heterogeneous Toeplitz": [2.0, 3.0, 1.5, 0.6, 0.3],
             "heterogeneous autoregressive": [2.0, 3.0, 1.5, 0.6], "compound symmetry": [4.0, 1.5]}[kind]  # fmt: skip
    matrix = structure.matrix(np.array(theta))
    assert structure.start(matrix) == pytest.approx(theta)
    s = np.sqrt(np.diag(matrix))
    r = matrix / np.outer(s, s)
    if kind == "heterogeneous Toeplitz":
        assert [r[0, 1], r[1, 2], r[0, 2]] == pytest.approx([0.6, 0.6, 0.3])
    if kind == "heterogeneous autoregressive":
        assert [r[0, 1], r[1, 2], r[0, 2]] == pytest.approx([0.6, 0.6, 0.36])
        high = structure.start(np.outer(s, s) * 0.999 + 0.001 * np.diag(s**2))
        assert high[3] == 0.9, "kept off 1"
    if kind == "compound symmetry":
        assert covariances.compound_symmetry(1).start(np.array([[7.0]])) == pytest.approx([7.0, 0.0])
    assert (structure.needs, structure.at_visit) == {
        "unstructured": (4, 3), "compound symmetry": (2, 0)}.get(kind, (2, 3))  # fmt: skip
