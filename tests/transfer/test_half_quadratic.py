"""The half-quadratic solver: its shrinkage against a search, its step against a dense solve."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from ddip_tf.transfer import dct, half_quadratic, halved, strips


@pytest.mark.parametrize("exponent", [0.5, 0.7, 1.0])
def test_shrinkage_is_the_minimum(exponent):
    for r in (0.05, 0.8, 2.5):

        def cost(x, r=r):
            return (x - r) ** 2 / 2 + 0.2 * abs(x) ** exponent

        best = min(cost(0.0), minimize_scalar(cost, bounds=(1e-3, 3), method="bounded").fun)
        assert cost(half_quadratic.shrink(np.array([r]), 0.2, exponent)[0]) == pytest.approx(best, abs=2e-4)


def test_shrinkage_of_many_is_of_each():
    r = np.random.default_rng(0).random((2, 5, 7)) * 3
    each = [half_quadratic.shrink(np.array([x]), 0.2, 0.5)[0] for x in r.ravel()]
    np.testing.assert_array_equal(half_quadratic.shrink(r, 0.2, 0.5).ravel(), each)


@pytest.mark.parametrize("n", [2, 3])
def test_a_half_quadratic_step_solves_every_frequency(n):
    """One step: gradients shrunk, then (information + tie · curvature) y = data + tie · Dᵀg, the mean left at 0."""
    random = np.random.default_rng(n)
    start, half = random.standard_normal((n, 13, 18)), random.standard_normal((13, 18, n, n))
    information, data = half @ half.swapaxes(-1, -2), random.standard_normal((13, 18, n))
    y = half_quadratic.minimise(
        start,
        lambda rows: (information[rows], data[rows]),
        strength=2.0,
        exponent=0.5,
        steps=1,
        stiffness=(3.0, 3.0),
    )

    g = dct.gradient(start)
    length = np.sqrt((g**2).sum(0))
    g = g * half_quadratic.shrink(length, 2.0 / 3.0, 0.5) / np.where(length > 0, length, 1)
    system = information + 3 * dct.laplacian(13, 18)[..., None, None] * np.eye(n)
    right = data + 3 * dct.dct(dct.adjoint_gradient(g))
    expected = np.linalg.solve(system, right[..., None])[..., 0]
    expected[0, 0] = 0
    np.testing.assert_allclose(dct.dct(y), expected, atol=2e-5)
    assert 0.1 < (g == 0).mean() < 0.9


def test_strips_change_no_bit(monkeypatch):
    """What is made strip by strip, of one row or a few, is what is made of all rows at once."""
    random, pictures = np.random.default_rng(7), []
    start, half = random.standard_normal((2, 23, 18)), random.standard_normal((23, 18, 2, 2))
    information, data = half @ half.swapaxes(-1, -2), random.standard_normal((23, 18, 2))
    for numbers in (2**17, 1, 5 * 2 * 18):
        monkeypatch.setattr(strips, "AT_ONCE", numbers)
        pictures.append(
            half_quadratic.minimise(
                start, lambda rows: (information[rows], data[rows]), strength=0.3, exponent=0.5, steps=5
            )
        )
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture, pictures[0])


def test_strips_are_all_rows_once():
    for height, numbers in ((1, 10), (23, 2**15), (23, 2**16), (5, 2**20)):
        rows = [row for part in strips.strips(height, numbers) for row in range(height)[part]]
        assert rows == list(range(height))
    field = np.random.default_rng(0).standard_normal((23, 18, 2))
    np.testing.assert_array_equal(strips.by_strips(lambda rows: 2 * field[rows], field), 2 * field)


def test_half_the_pixels_are_the_lower_half_of_the_frequencies():
    """One step on every second pixel, of the same equations, in which the sum of |grad y|^1/2 is of all pixels."""
    random = np.random.default_rng(3)
    start, half = random.standard_normal((2, 23, 18)), random.standard_normal((23, 18, 2, 2))
    information, data = half @ half.swapaxes(-1, -2), random.standard_normal((23, 18, 2))
    y = halved.minimise_halved(start, lambda rows: (information[rows], data[rows]), strength=2.0, exponent=0.5, steps=1)

    s = np.sqrt(23 * 18 / (12 * 9))
    g = dct.gradient(dct.idct(dct.dct(start)[:12, :9] / s))
    length = np.sqrt((g**2).sum(0))
    g = g * half_quadratic.shrink(length, 2.0 * s**1.5 / 10, 0.5) / np.where(length > 0, length, 1)
    system = s**2 * information[:12, :9] + 10 * dct.laplacian(12, 9)[..., None, None] * np.eye(2)
    right = s * data[:12, :9] + 10 * dct.dct(dct.adjoint_gradient(g))
    expected = np.zeros((23, 18, 2))
    expected[:12, :9] = s * np.linalg.solve(system, right[..., None])[..., 0]
    expected[0, 0] = 0
    np.testing.assert_allclose(dct.dct(y), expected, atol=2e-5)
    assert 0.1 < (g == 0).mean() < 0.9
