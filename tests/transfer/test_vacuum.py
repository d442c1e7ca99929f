"""Outermost slices that hold nothing of their own: found one after the other, and what leaked into them goes back."""

import numpy as np
import pytest

from ddip_tf.transfer.depth_modes import modes
from ddip_tf.transfer.vacuum import COST, emptied, empty_ends


@pytest.mark.parametrize(
    ("own", "empty"),
    [
        ((0, 0, 90, 80, 0), (0, 1, 4)),
        ((50, 0, 90, 80, 70), ()),  # inside, no vacuum
        ((1, 0, 2, 0, 1), (0, 1, 2)),  # two slices are left
        ((0.4 * COST, 0.4 * COST, 90, 80), (0, 1)),
    ],
)
def test_the_outermost_are_asked_one_after_the_other(own, empty):
    assert empty_ends(lambda left_out: float(sum(own[i] for i in left_out)), len(own)) == empty


def test_empty_slices_are_empty_and_the_sum_stays():
    rng, V = np.random.default_rng(0), modes(5)
    c, error = rng.normal(size=(5, 7, 9)), rng.uniform(0.1, 2, (5, 7, 9))
    error[0] = 0
    y = np.tensordot(V, emptied(c, error, V, (0, 4)), 1)
    np.testing.assert_allclose(y[[0, 4]], 0, atol=1e-6)
    np.testing.assert_allclose(y.sum(0), np.tensordot(V, c, 1).sum(0))


def test_it_is_the_likeliest_under_the_errors():
    """Gaussian errors of covariance C, y_0 = 0: straight from the precision of the other slices."""
    rng, V = np.random.default_rng(1), modes(4)
    c, error = rng.normal(size=(4, 1, 1)), rng.uniform(0.1, 2, (4, 1, 1))
    precision = (V / error[:, 0, 0]) @ V.T
    y = V @ c[:, 0, 0]
    expected = np.linalg.solve(precision[1:, 1:], precision[1:] @ y)
    np.testing.assert_allclose((V @ emptied(c, error, V, (0,))[:, 0, 0])[1:], expected, rtol=1e-6)


def test_without_empty_slices_nothing_changes():
    c = np.ones((3, 2, 2))
    assert emptied(c, c, modes(3), ()) is c
