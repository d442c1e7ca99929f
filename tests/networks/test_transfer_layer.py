"""The transfer model as a Keras layer: against the cosine transform in NumPy; gradients against finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddip_tf.networks import transfer_layer
from ddip_tf.transfer import dct
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.curves import fill_diagonal

SHAPE = (13, 18)


def curves(n, seed=0):
    k = np.geomspace(0.03, 0.3, 6)
    off = 0.4 / (1 + (k / 0.1) ** 2)[:, None, None] * (1 + 0.2 * np.random.default_rng(seed).standard_normal((6, n, n)))
    return k, fill_diagonal(off, "sum").astype(np.float32)


def slices(n, seed=1):
    return np.random.default_rng(seed).standard_normal((n, *SHAPE)).astype(np.float32)


@pytest.mark.parametrize("n", [2, 3])
def test_equals_the_cosine_transform_in_numpy(n):
    k, matrix = curves(n)
    y = slices(n)
    T = interpolate(frequencies(*SHAPE), k, matrix)
    expected = dct.idct(dct.matvec(T, dct.dct(y.astype(float))))
    np.testing.assert_allclose(transfer_layer.TransferMixing(k, matrix)(y), expected, atol=2e-5)


def test_a_batch_of_stacks_is_mixed_stack_by_stack():
    k, matrix = curves(3)
    layer, stacks = transfer_layer.TransferMixing(k, matrix), np.stack([slices(3, seed) for seed in (1, 2)])
    mixed = layer(stacks)
    assert mixed.shape == stacks.shape
    for one, stack in zip(mixed, stacks, strict=True):
        np.testing.assert_allclose(one, layer(stack), atol=1e-6)


def test_filtered_by_any_field_equals_numpy():
    field = np.random.default_rng(0).standard_normal((*SHAPE, 2, 2))
    y = slices(2)
    expected = dct.idct(dct.matvec(field, dct.dct(y.astype(float))))
    np.testing.assert_allclose(
        transfer_layer.filtered(tf.constant(y), transfer_layer.on_mirrored(field)), expected, atol=5e-5
    )


def test_identity_returns_the_input():
    k, y = np.geomspace(0.03, 0.3, 6), slices(3)
    np.testing.assert_allclose(transfer_layer.TransferMixing(k, np.tile(np.eye(3), (6, 1, 1)))(y), y, atol=1e-5)


def test_linear_in_the_slices_and_in_the_transfer():
    (k, one), (_, two) = curves(2), curves(2, seed=5)
    a, b = slices(2), slices(2, seed=7)
    layer = transfer_layer.TransferMixing(k, one)
    np.testing.assert_allclose(layer(2 * a - b), 2 * layer(a) - layer(b), atol=2e-5)
    both = transfer_layer.TransferMixing(k, 0.5 * one + 2 * two)(a)
    np.testing.assert_allclose(both, 0.5 * layer(a) + 2 * transfer_layer.TransferMixing(k, two)(a), atol=2e-5)


def test_gradients_agree_with_finite_differences():
    k, matrix = curves(2)
    y, weight = slices(2), slices(2, seed=3)
    layer = transfer_layer.TransferMixing(k, matrix, trainable=True)

    def value(y, matrix):
        T = interpolate(frequencies(*SHAPE), k, matrix)
        return np.vdot(dct.idct(dct.matvec(T, dct.dct(y))), weight)

    with tf.GradientTape() as tape:
        image = tf.constant(y)
        tape.watch(image)
        loss = tf.reduce_sum(layer(image) * weight)
    of_y, of_T = tape.gradient(loss, [image, layer.profile.value])
    rng, step = np.random.default_rng(0), 1e-4
    for _ in range(3):
        dy, dT = rng.standard_normal(y.shape), rng.standard_normal(matrix.shape)
        slope = (value(y + step * dy, matrix) - value(y - step * dy, matrix)) / (2 * step)
        assert np.vdot(of_y, dy) == pytest.approx(slope, rel=1e-4)
        slope = (value(y, matrix + step * dT) - value(y, matrix - step * dT)) / (2 * step)
        assert np.vdot(tf.convert_to_tensor(of_T), dT) == pytest.approx(slope, rel=1e-4)


def test_comes_back_from_its_config():
    k, matrix = curves(2)
    layer = transfer_layer.TransferMixing(k, matrix, trainable=True)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    np.testing.assert_array_equal(again(slices(2)), layer(slices(2)))
    assert again.trainable
