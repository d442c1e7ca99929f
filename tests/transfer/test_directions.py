"""The likelihood of column directions against brute force, and noise as the two models of it say."""

import numpy as np
import pytest
from helpers import discs
from scipy.optimize import minimize

from ddip_tf.transfer import directions
from ddip_tf.transfer.bands import band_centres
from ddip_tf.transfer.directions import PAIRS, log_likelihood, noise_apart, own_noise


def windows(count=7, seed=0):
    """Covariances of unlike windows (M, 2, 2) and their samples."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 2, 9)) * rng.uniform(0.2, 2, (count, 2, 1))
    x[:, 0] += 0.6 * x[:, 1]
    return x @ x.swapaxes(1, 2) / 9, rng.uniform(3, 9, count)


def brute_force(R, n, N, a, b):
    """Best log-likelihood over the two powers, by a general minimiser, relative to a free covariance."""
    u, v = np.array([np.cos(a), np.sin(a)]), np.array([np.sin(b), np.cos(b)])

    def cost(logs):
        first, second = np.exp(logs)
        E = first * np.outer(u, u) + second * np.outer(v, v) + N
        return np.linalg.slogdet(E)[1] + np.trace(np.linalg.solve(E, R))

    found = min(
        minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}).fun
        for start in ((0.0, 0.0), (-6.0, 0.0), (0.0, -6.0))
    )
    return -0.5 * n * (found - 2 - np.linalg.slogdet(R)[1])


@pytest.mark.parametrize("noise", [own_noise, noise_apart])
def test_powers_are_at_their_best(noise):
    R, n = windows()
    levels = noise(R, n)
    table = log_likelihood(R, n, levels)
    assert table.shape == (len(levels), len(PAIRS.a))
    random = np.random.default_rng(1)
    for _ in range(4):
        level, pair = random.integers(len(levels)), random.integers(len(PAIRS.a))
        a, b = PAIRS.a[pair], PAIRS.b[pair]
        expected = sum(brute_force(r, m, N, a, b) for r, m, N in zip(R, n, levels[level], strict=True))
        assert table[level, pair] == pytest.approx(expected, abs=0.05 + 0.02 * abs(expected))
        assert table[level, pair] <= expected + 0.05


def test_pairs_keep_each_slice_to_its_own_column():
    assert (PAIRS.a + PAIRS.b < np.pi / 2).all()
    assert PAIRS.a.min() == pytest.approx(np.deg2rad(-60))
    assert ((PAIRS.a == 0) & (PAIRS.b == 0)).sum() == 1


def test_exact_mixture_is_likeliest_at_its_directions():
    rng = np.random.default_rng(0)
    T = np.array([[1.0, np.tan(np.deg2rad(15))], [np.tan(np.deg2rad(-24)), 1.0]])
    D = rng.uniform(0.1, 3, (60, 2))
    R, n = np.einsum("ij,wj,kj->wik", T, D, T), np.full(60, 8.0)
    table = log_likelihood(R, n, own_noise(R, n)[:1])[0]
    best = table.argmax()
    assert np.rad2deg([PAIRS.a[best], PAIRS.b[best]]) == pytest.approx([-24, 15], abs=3.1)


def test_noise_apart_is_in_the_difference_and_follows_the_field():
    R, n = windows()
    levels = noise_apart(R, n)
    difference, total = np.array([1, -1]) / np.sqrt(2), np.array([1, 1]) / np.sqrt(2)
    assert (difference @ levels[-2] @ difference > 10 * (total @ levels[-2] @ total)).all()
    strongest = R.sum((1, 2)).argmax()
    assert (levels[0] @ difference @ difference).argmax() == strongest


def test_coarsest_band_sees_what_all_slices_share():
    y = discs(2, (95, 121))
    y[1] = y[0] + 0.01 * y[1]
    seen = directions.evidence(y, band_centres(95, 121))
    (R,), (n,) = seen.coarsest
    assert R[0, 1] / np.sqrt(R[0, 0] * R[1, 1]) > 0.99
    assert 3 < n < 20
    assert len(seen.windows) == len(seen.k) == len(seen.samples)


def test_misfit_is_a_half_for_gaussian_mixtures():
    """One of three numbers of a window is left unfitted: half a nat, if the samples of a window are many."""
    rng = np.random.default_rng(0)
    T, k = np.array([[1.0, 0.0], [0.4, 1.0]]), np.array([0.06, 0.08])
    made = []
    for _ in k:
        D = np.sqrt(rng.uniform(0.3, 3, (90, 2)))
        x = T @ (D[:, :, None] * rng.standard_normal((90, 2, 40)))
        made.append((x @ x.swapaxes(1, 2) / 40, np.full(90, 40.0)))
    seen = directions.Evidence(k, np.full(2, 3600.0), made[0], made)
    noise = lambda R, n: own_noise(R, n)[:1]  # noqa: E731
    levels = seen.levels(noise)
    pairs = np.zeros((2, len(PAIRS.a)))
    pairs[:, np.argmin((PAIRS.a - np.arctan(0.4)) ** 2 + PAIRS.b**2)] = 1
    assert 0.35 < seen.misfit(levels, pairs, noise, (0.05, 0.1)) < 0.75


def test_blocks_of_windows_change_no_bit(monkeypatch):
    seen = directions.evidence(discs(2, (95, 121)), band_centres(95, 121))
    assert max(len(R) for R, _ in seen.windows) > directions.BLOCK  # several blocks, the last one short
    whole = seen.levels(noise_apart)
    monkeypatch.setattr(directions, "BLOCK", 10**6)
    for of_block, at_once in zip(whole, seen.levels(noise_apart), strict=True):
        np.testing.assert_array_equal(of_block, at_once)
