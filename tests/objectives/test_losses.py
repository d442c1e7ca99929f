import numpy as np
import numpy_reference
import tensorflow as tf
from helpers import blobs

from ddip_tf.objectives import losses

A, B, C = (blobs(6, (45, 38), s).astype(np.float32) for s in (1, 2, 3))


def exclusion(*images):
    return float(losses.exclusion(tf.constant(np.stack(images))))


def test_fidelity_is_the_sum_over_slices_of_mean_squares():
    got = float(losses.fidelity(tf.constant(np.stack([A, B])), tf.constant(np.stack([B, C]))))
    assert abs(got - (((A - B) ** 2).mean() + ((B - C) ** 2).mean())) < 1e-7


def test_exclusion_is_the_numpy_reference():
    expected = numpy_reference.exclusion(A.astype(float), B.astype(float))
    assert expected > 1e-3
    assert abs(exclusion(A, B) / expected - 1) < 1e-5


def test_exclusion_is_symmetric_and_averages_over_pairs():
    assert abs(exclusion(A, B) - exclusion(B, A)) < 1e-8
    pairs = (exclusion(A, B) + exclusion(A, C) + exclusion(B, C)) / 3
    assert abs(exclusion(A, B, C) / pairs - 1) < 1e-5


def test_exclusion_of_a_constant_image_is_zero_with_zero_gradient():
    y = tf.constant(np.stack([A, np.full_like(A, 0.3)]))
    with tf.GradientTape() as tape:
        tape.watch(y)
        value = losses.exclusion(y)
    gradient = tape.gradient(value, y).numpy()
    assert float(value) == 0
    assert np.isfinite(gradient).all()
    assert (gradient == 0).all()


def test_exclusion_gradient_is_the_finite_difference():
    y = np.stack([A, B]).astype(float)
    direction = np.random.default_rng(0).normal(size=y.shape)
    with tf.GradientTape() as tape:
        variable = tf.constant(y, tf.float32)
        tape.watch(variable)
        value = losses.exclusion(variable)
    along = float((tape.gradient(value, variable).numpy() * direction).sum())
    step = 1e-5
    ahead, behind = (numpy_reference.exclusion(*(y + s * direction)) for s in (step, -step))
    assert abs(along / ((ahead - behind) / (2 * step)) - 1) < 1e-3


def test_alpha_term_pulls_own_weights_to_one_half():
    matrix = tf.constant([[0.8, 0.2], [0.4, 0.6]])
    assert abs(float(losses.alpha_term(matrix)) - (0.3**2 + 0.1**2)) < 1e-7
    assert float(losses.alpha_term(tf.fill((2, 2), 0.5))) == 0
