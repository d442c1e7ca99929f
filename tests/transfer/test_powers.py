"""The misfit of two columns at the best powers along them, against the covariance written out and minimised."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from ddip_tf.transfer.powers import misfit


@pytest.fixture
def seen():
    """Covariances and noise (M, 2, 2) of windows, and columns u and v (2, P): unlike, across, and all but alike."""
    rng = np.random.default_rng(4)
    x, n = rng.standard_normal((5, 2, 8)), rng.standard_normal((5, 2, 3))
    R, N = x @ x.swapaxes(1, 2) / 8, 0.02 * n @ n.swapaxes(1, 2) + 0.003 * np.eye(2)
    a, b = np.deg2rad([[12.0, -40.0, 44.0, 0.0], [31.0, 22.0, 43.0, 0.0]])
    return R, N, np.stack([np.cos(a), np.sin(a)]), np.stack([np.sin(b), np.cos(b)])


def written_out(R, N, u, v):
    """The least tr S^-1 R + log det S / det N over both powers, from several starts."""

    def cost(logs):
        S = np.exp(logs[0]) * np.outer(u, u) + np.exp(logs[1]) * np.outer(v, v) + N
        return np.trace(np.linalg.solve(S, R)) + np.linalg.slogdet(S)[1] - np.linalg.slogdet(N)[1]

    starts = product((-9.0, -3.0, 1.0, 6.0), repeat=2)
    return min(minimize(cost, one, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}).fun for one in starts)


def test_the_powers_are_at_their_best(seen):
    R, N, u, v = seen
    least = [[written_out(r, n, x, y) for x, y in zip(u.T, v.T, strict=True)] for r, n in zip(R, N, strict=True)]
    np.testing.assert_allclose(misfit(R[:, None], N, u, v), least, rtol=0.01, atol=0.02)


def test_covariances_may_differ_from_pair_to_pair(seen):
    R, N, u, v = seen
    each = np.repeat(R[:, None], u.shape[1], axis=1)
    np.testing.assert_allclose(misfit(each, N, u, v), misfit(R[:, None], N, u, v), rtol=1e-5)


def test_columns_on_one_line_are_one_source(seen):
    R, N, u, _ = seen
    found = misfit(R[:, None], N, u, -u)
    assert np.isfinite(found).all()
    once = [[written_out(r, n, x, x) for x in u.T] for r, n in zip(R, N, strict=True)]
    np.testing.assert_allclose(found, once, rtol=0.01, atol=0.02)
