"""Curves between bands: one rule, whatever is known in them."""

import numpy as np

from ddip_tf.transfer.bands import frequencies, interpolate, interpolate_power

NODES = np.array([0.02, 0.05, 0.09, 0.2])
K = frequencies(43, 36)


def test_numbers_vectors_and_matrices_go_by_one_rule():
    values = np.random.default_rng(3).standard_normal((4, 3, 2))
    found = interpolate(K, NODES, values)
    assert found.shape == (43, 36, 3, 2)
    for i in range(3):
        np.testing.assert_array_equal(interpolate(K, NODES, values[:, i]), found[:, :, i])
        curve = interpolate(K, NODES, values[:, i, 1])
        np.testing.assert_array_equal(curve, found[:, :, i, 1])
        reference = np.interp(np.log(np.maximum(K, 1e-9)), np.log(NODES), values[:, i, 1])
        np.testing.assert_allclose(curve, reference, atol=1e-14)


def test_constant_outside_and_half_way_in_log_k():
    assert interpolate(np.array(0.0), NODES, NODES) == 0.02
    assert interpolate(np.array(0.7), NODES, NODES) == 0.2
    np.testing.assert_allclose(interpolate(np.sqrt(NODES[1:2] * NODES[2:3]), NODES, np.array([0, 1, 4, 9.0])), 2.5)


def test_powers_go_by_their_logarithm():
    power = 3 * NODES**-2.5
    inside = K[(K > 0.02) & (K < 0.2)]
    np.testing.assert_allclose(interpolate_power(inside, NODES, power), 3 * inside**-2.5, rtol=1e-12)
    nothing = interpolate_power(K, NODES, np.zeros((4, 2)))
    assert nothing.shape == (43, 36, 2) and nothing.max() < 1e-299
