"""Norms of maps (1, H, W, C): each channel by its own mean and variance."""

from __future__ import annotations

import tensorflow as tf

from ddip_tf import environment
from ddip_tf.networks.unet import EPSILON

#: the most channels that oneDNN's norm takes in one pass where registers hold eight numbers: it is slow beyond
MOST_FUSED = 8


def normed(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """``x`` (1, H, W, C), float32 or bfloat16, each channel of mean ``offset`` and deviation ``scale`` (C,)."""
    if x.shape[3] == 1:
        return tf.cast(normed_map(tf.cast(x, tf.float32), scale, offset), x.dtype)
    narrow = environment.without_gpu() and environment.narrow_registers()
    if narrow and x.shape[3] > MOST_FUSED and x.dtype == tf.float32:
        return normed_maps(x, scale, offset)
    none = tf.zeros([0])
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=none, variance=none, epsilon=EPSILON, is_training=True
    ).y


@tf.custom_gradient
def normed_maps(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor):  # type: ignore[no-untyped-def]
    """Norm of many maps by plain operations on a CPU; its gradient is the fused one, which is fast everywhere."""
    mean = tf.reduce_mean(x, (0, 1, 2))
    square = tf.reduce_mean(tf.math.squared_difference(x, mean), (0, 1, 2))
    slope = scale * tf.math.rsqrt(square + EPSILON)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=upstream,
            x=x,
            scale=scale,
            reserve_space_1=mean,
            reserve_space_2=square,
            reserve_space_3=tf.zeros([0]),
            epsilon=EPSILON,
            is_training=True,
        )[:3]

    return x * slope + (offset - mean * slope), gradient


@tf.custom_gradient
def normed_map(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor):  # type: ignore[no-untyped-def]
    """Norm of a single map; the fused norm is slow at it."""
    x -= tf.reduce_mean(x)
    inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(x)) + EPSILON)
    x *= inverse
    slope, count = scale * inverse, x.shape[1] * x.shape[2]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        whole, along = tf.reduce_sum(upstream), tf.reduce_sum(upstream * x)
        return slope * upstream - slope * whole / count - (slope * along / count) * x, along[None], whole[None]

    return x * scale + offset, gradient


@tf.custom_gradient
def variance(x: tf.Tensor):  # type: ignore[no-untyped-def]
    """Variance (C,), float32, over ``x`` (1, H, W, C)."""
    e = tf.cast(x, tf.float32)
    e -= tf.reduce_mean(e, (0, 1, 2))
    count = x.shape[1] * x.shape[2]
    return tf.reduce_mean(tf.square(e), (0, 1, 2)), lambda upstream: tf.cast(e * (upstream * (2 / count)), x.dtype)
