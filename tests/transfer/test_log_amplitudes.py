"""Log-amplitudes as further observations: their T(k) found, their weight, and what they gain."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import discs, known_transfer, mix
from scipy.ndimage import gaussian_filter

from ddip_tf.errors import InputError
from ddip_tf.slices import SliceStack
from ddip_tf.transfer import dct, log_amplitudes, solver
from ddip_tf.transfer.bands import frequencies

SHAPE = (95, 121)


def leaked(y, seed=0, noise=0.0):
    """Log-amplitudes A(k) y of slices y (N, H, W), A not symmetric, and white noise; A on a grid (H, W, N, N)."""
    n, k = len(y), frequencies(*y.shape[1:])
    start, slope = np.random.default_rng(seed).uniform(-0.3, 0.3, (2, n, n)) * np.array([1, 0.2])[:, None, None]
    A = start + slope * np.log(np.maximum(k, 1e-3) / 0.05)[..., None, None]
    white = noise * np.random.default_rng(seed + 1).standard_normal(y.shape)
    return dct.idct(dct.matvec(A, dct.dct(y))) + white, A


@pytest.mark.parametrize("n", [2, 3])
def test_a_known_transfer_is_found(n):
    y = np.random.default_rng(3).standard_normal((n, *SHAPE))  # as much at every frequency
    a, A = leaked(y, noise=0.05)
    found = log_amplitudes.observe(a + 7, y)
    grid = frequencies(*SHAPE)
    for band in np.flatnonzero((found.k > 0.05) & (found.k < 0.2)):
        there = abs(grid / found.k[band] - 1) < 0.03
        np.testing.assert_allclose(found.matrix[band], A[there].mean(0), atol=0.03)
        np.testing.assert_allclose(found.noise[band], 0.05**2 * np.eye(n), atol=0.4 * 0.05**2)
    signal = (a - a.mean((1, 2), keepdims=True)).var()
    assert found.explained == pytest.approx(1 - 0.05**2 / signal, abs=0.02)
    assert log_amplitudes.observe(np.random.default_rng(9).standard_normal(a.shape), y).explained < 0.1


def test_weight_is_the_fisher_information_above_the_lowest_frequencies():
    y = np.random.default_rng(3).standard_normal((2, *SHAPE))
    found = log_amplitudes.observe(leaked(y, noise=0.1)[0], y)
    information, data = found.normal()
    k = frequencies(*SHAPE)
    at = np.unravel_index(np.abs(k - found.k[-3]).argmin(), SHAPE)
    A, N = found.matrix[-3], found.noise[-3]
    np.testing.assert_allclose(information[at], A.T @ np.linalg.inv(N) @ A, rtol=0.05)
    np.testing.assert_allclose(data[at], A.T @ np.linalg.inv(N) @ dct.dct(found.images)[at], rtol=0.05)
    low = k < 0.4 * log_amplitudes.LOWEST
    trace = np.trace(information, axis1=-2, axis2=-1)
    assert trace[low].max() < 1e-2 * trace[(k > 0.05) & (k < 0.1)].mean()


@pytest.fixture(scope="module")
def noisy():
    """Sparse slices under T(k), with noise of opposite sign in both, and their log-amplitudes."""
    truth, transfer = discs(2, SHAPE), known_transfer(SHAPE)
    noise = gaussian_filter(np.random.default_rng(5).standard_normal(SHAPE), 1.2)
    noise *= 0.03 / noise.std()
    return truth, transfer, mix(truth, transfer) + np.stack([noise, -noise]), leaked(truth, noise=0.001)[0]


def error(y, truth):
    """Root mean square error of the difference of slices y (2, H, W), above the lowest frequencies."""
    k = frequencies(*SHAPE)
    left = dct.dct(y - truth)[(k > 2 * log_amplitudes.LOWEST) & (k < 0.15)]
    return np.sqrt(np.mean((left[:, 0] - left[:, 1]) ** 2))


def test_they_gain_what_the_phases_lost_in_noise(noisy):
    truth, transfer, images, a = noisy
    alone, aided = (solver.solve(images, transfer, amplitudes=more) for more in (None, a))
    assert alone.observed is None
    assert aided.observed.explained > 0.7
    for kind in ("images", "base", "decided"):
        assert error(getattr(aided, kind), truth) < 0.75 * error(getattr(alone, kind), truth), kind
    # a T(k) of their own: neither unit nor sign matters
    np.testing.assert_allclose(solver.solve(images, transfer, amplitudes=-20 * a).images, aided.images, atol=1e-9)


def test_unrelated_log_amplitudes_cost_little(noisy):
    truth, transfer, images, a = noisy
    alone = solver.solve(images, transfer).images
    other = solver.solve(images, transfer, amplitudes=np.random.default_rng(8).standard_normal(a.shape)).images
    assert error(other, truth) < 1.03 * error(alone, truth)


def test_they_stay_with_their_slices():
    images = np.random.default_rng(0).standard_normal((3, 40, 50))
    stack = replace(SliceStack(images), amplitudes=10 + images)
    part = stack.pick([2, 0]).cropped((3, 38), (5, 45))
    np.testing.assert_allclose(part.amplitudes, 10 + images[[2, 0], 3:38, 5:45])
    with pytest.raises(InputError, match="log-amplitudes must be finite"):
        replace(stack, amplitudes=images[:2])
