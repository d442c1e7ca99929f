"""The training graph's U-Net against the Keras model that is archived, and its identities one by one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ddip_tf import environment
from ddip_tf.networks import doubling, fast_unet, filters, maps, norms, pixels, unet

RANDOM = np.random.default_rng(8)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def gradients(function, values, upstream):
    values = [tf.constant(value) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = function(values)
    found = tape.gradient(result, values, tf.cast(upstream, result.dtype), unconnected_gradients="zero")
    return result.numpy(), np.concatenate([np.ravel(g) for g in found])


# doubled after the convolution at two, at no, at two, at one, at no level; odd sizes; skips there and elsewhere
@pytest.mark.parametrize(
    ("shape", "skips", "narrow", "gpu"),
    [
        ((104, 200), (0, 0, 4), False, False),
        ((206, 101), (0, 0, 1), True, False),
        ((104, 108), (2, 1, 0), True, False),
        ((48, 64), (1, 1, 1), False, False),
        ((52, 41), (0, 1, 0), True, True),
    ],
)
def test_swift_is_the_keras_model(shape, skips, narrow, gpu, monkeypatch):
    monkeypatch.setattr(environment, "narrow_registers", lambda: narrow)
    monkeypatch.setattr(environment, "without_gpu", lambda: not gpu)
    build = lambda: unet.build_generator(*shape, 2, 3, channels=(3, 8, 9), skips=skips, seed=4)  # noqa: E731
    model = build()
    keras.config.set_dtype_policy("float64")
    try:
        exact = build()
    finally:
        keras.config.set_dtype_policy("float32")
    weights = [v.numpy() + 0.1 * normal(*v.shape) for v in model.trainable_variables]
    z, upstream = normal(1, *shape, 2), normal(1, *shape, 3)
    image, gradient = gradients(lambda w: fast_unet.evaluate(model, w, tf.constant(z)), weights, upstream)
    doubles = [w.astype(np.float64) for w in weights]
    expected, slope = gradients(lambda w: exact.stateless_call(w, [], z.astype(np.float64))[0], doubles, upstream)
    assert expected.dtype == np.float64
    np.testing.assert_allclose(image, expected, atol=2e-5)
    # a leaky ReLU whose input rounds to the other side of 0 bends single entries (0.012 in one of these cases)
    assert np.linalg.norm(gradient - slope) < 0.03 * np.linalg.norm(slope)


@pytest.mark.parametrize("shape", [(5, 8), (7, 6)])
@pytest.mark.parametrize("channels", [3, 9])
def test_convolution_of_the_doubled_map(shape, channels):
    d, kernel = normal(1, *shape, channels), normal(5, 5, channels, 2)
    upstream = normal(1, 2 * shape[0], 2 * shape[1], 2)

    def plain(values):
        doubled = tf.image.resize(values[0], (2 * shape[0], 2 * shape[1]))
        return tf.nn.conv2d(tf.pad(doubled, [[0, 0], [2, 2], [2, 2], [0, 0]], "REFLECT"), values[1], 1, "VALID")

    folded, gradient = gradients(lambda values: doubling.doubled_convolution(*values), [d, kernel], upstream)
    expected, slope = gradients(plain, [d, kernel], upstream)
    np.testing.assert_allclose(folded, expected, atol=2e-5)
    np.testing.assert_allclose(gradient, slope, atol=2e-4)


@pytest.mark.parametrize(("width", "together", "channels"), [(16, 8, (2, 1)), (6, 2, (3, 5)), (16, 16, (1, 1))])
def test_columns_at_once_are_the_same_convolution(width, together, channels):
    x, kernel, upstream = (
        normal(1, 9, width + 4, channels[0]),
        normal(5, 5, *channels),
        normal(1, 5, width, channels[1]),
    )
    found, gradient = gradients(lambda v: fast_unet.grouped_convolution(*v, together), [x, kernel], upstream)
    expected, slope = gradients(lambda v: tf.nn.conv2d(*v, 1, "VALID"), [x, kernel], upstream)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(gradient, slope, atol=1e-4)


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC"])
@pytest.mark.parametrize("channels", [2, 9])
def test_maps_continued_by_reflection(channels, mode):
    x, upstream = normal(1, 5, 8, channels), normal(1, 9, 10, channels)
    found, gradient = gradients(lambda v: maps.mirrored(v[0], (2, 1), mode), [x], upstream)
    expected, slope = gradients(lambda v: tf.pad(v[0], [[0, 0], [2, 2], [1, 1], [0, 0]], mode), [x], upstream)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(gradient, slope, atol=1e-5)


@pytest.mark.parametrize("doubled", [False, True])
def test_variance_of_maps(doubled):
    d, upstream = normal(1, 4, 7, 3) + np.float32(5), normal(3)
    own = doubling.variance_of_doubled if doubled else norms.variance
    found, gradient = gradients(lambda v: own(v[0]), [d], upstream)
    shape = (8, 14) if doubled else (4, 7)
    expected, slope = gradients(
        lambda v: tf.math.reduce_variance(tf.image.resize(v[0], shape), (0, 1, 2)), [d], upstream
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, atol=1e-6)


@pytest.mark.parametrize(("own", "channels"), [(norms.normed_map, 1), (norms.normed_maps, 9), (norms.normed, 3)])
def test_norms(own, channels):
    x, scale, offset = normal(1, 6, 9, channels) + np.float32(3), normal(channels), normal(channels)
    upstream = normal(*x.shape)

    def plain(values):
        x, scale, offset = values
        mean, variance = tf.nn.moments(x, (1, 2))
        return (x - mean) / tf.sqrt(variance + unet.EPSILON) * scale + offset

    found, gradient = gradients(lambda v: own(*v), [x, scale, offset], upstream)
    expected, slope = gradients(plain, [x, scale, offset], upstream)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(gradient, slope, atol=1e-5)


def test_a_batch_is_refused():
    model = unet.build_generator(20, 33, channels=(2,), skips=(0,), seed=0)
    with pytest.raises(ValueError, match="norms would mix"):
        fast_unet.evaluate(model, model.trainable_variables, tf.zeros((2, 20, 33, 1)))


def test_only_u_nets_are_known():
    assert fast_unet.is_unet(filters.build_shallow_filter(40, 33))
    assert not fast_unet.is_unet(filters.build_kernel_filter(40, 33, filters.low_pass_kernel()))
    assert not fast_unet.is_unet(pixels.build_pixels(np.zeros((5, 6))))
    z = keras.Input((40, 33, 1))  # layers of the same names are no U-Net
    assert not fast_unet.is_unet(keras.Model(z, keras.layers.Conv2D(1, 3, name="level1_down_conv")(z)))


def test_half_precision_is_near_and_gives_float32():
    model = unet.build_generator(206, 104, 1, 1, channels=(4, 4, 6), skips=(0, 0, 2), seed=2)
    weights, z, upstream = (
        [v.numpy() for v in model.trainable_variables],
        normal(1, 206, 104, 1),
        normal(1, 206, 104, 1),
    )
    whole, half = (
        gradients(lambda w, dtype=dtype: fast_unet.evaluate(model, w, tf.constant(z), dtype), weights, upstream)
        for dtype in (tf.float32, tf.bfloat16)
    )
    assert half[0].dtype == half[1].dtype == np.float32
    assert 0 < np.abs(half[0] - whole[0]).max() < 0.1 * np.ptp(whole[0])
    assert half[1] @ whole[1] > 0.95 * np.linalg.norm(half[1]) * np.linalg.norm(whole[1])
