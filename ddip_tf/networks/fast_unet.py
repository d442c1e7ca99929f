"""The U-Net of `unet` evaluated in fewer passes over memory: the same function, for training.

What is archived are the Keras models; what the training graph holds is this. Identities save the time:

- A bias before a norm cancels, and so does the shift of the norm before an up-convolution: neither is computed, and
  their gradients, zero but for rounding, are zero. What is left of that norm is a factor, on a map before it is doubled
  or on the kernel (`_up`).
- A 5×5 convolution of a bilinearly doubled map is a transposed one of the map itself, then smoothed (`doubling`): a
  quarter of the products, and the doubled map is never made.
- A norm over one image is a batch norm of a batch of one, which is one fused operation (`norms`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from ddip_tf import environment
from ddip_tf.networks.doubling import doubled_convolution, variance_of_doubled
from ddip_tf.networks.maps import cropped, mirrored, resized
from ddip_tf.networks.norms import normed, variance
from ddip_tf.networks.unet import EPSILON, SLOPE

#: the fewest pixels a side, and channels, for which doubling after the convolution pays on a CPU: its border is apart
LEAST_SIDE, LEAST_CHANNELS = 32, 8
#: numbers in a vector register; columns are grouped where a kernel has half as many channels or fewer
LANES = 16
Weights = Mapping[str, tf.Tensor]


def is_unet(model: keras.Model) -> bool:
    """Whether `evaluate` knows the model: one that `ddip_tf.networks.build_generator` made in this process."""
    return getattr(model, "made_as_unet", False)


def evaluate(model: keras.Model, weights: Sequence[tf.Tensor], x: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """``model``, a U-Net of `networks.build_generator`, on ``x`` (1, H, W, C).

    ``weights`` take the place of its trainable variables, in their order. Equal to the model's own call but for
    rounding; gradients likewise. Maps and kernels are ``dtype``; statistics, the head and the result are float32.
    Raises ValueError for a batch of several images.
    """
    if x.shape[0] != 1:
        raise ValueError(f"a batch of {x.shape[0]}: norms would mix its images")
    named = {weight.path: value for weight, value in zip(model.trainable_variables, weights, strict=True)}
    x = tf.cast(_level(tf.cast(x, dtype), named, 1), tf.float32)
    x = _convolution(x, named, "head") + named["head_conv/bias"]
    return model.get_layer("image").activation(x)


def _level(x: tf.Tensor, weights: Weights, number: int) -> tf.Tensor:
    name = f"level{number}"
    d = _block(x, weights, f"{name}_down", stride=2)
    d = _block(d, weights, f"{name}_bottom")
    if f"level{number + 1}_down_conv/kernel" in weights:
        d = _level(d, weights, number + 1)
    skips = [_block(x, weights, f"{name}_skip")] if f"{name}_skip_conv/kernel" in weights else []
    up = _up(skips, d, weights, name, tuple(x.shape[1:3]))
    return _block(_activation(up, weights, f"{name}_up"), weights, f"{name}_out")


def _up(skips: list[tf.Tensor], d: tf.Tensor, weights: Weights, name: str, shape: tuple[int, int]) -> tf.Tensor:
    """Norm and 5×5 convolution of ``skips`` (one or none) joined with ``d``, doubled and cut to ``shape``."""
    kernel, gain = tf.cast(weights[f"{name}_up_conv/kernel"], d.dtype), weights[f"{name}_join_norm/gamma"]
    *gains_of_skips, gain = tf.split(gain, [part.shape[3] for part in (*skips, d)])
    doubled = (2 * d.shape[1], 2 * d.shape[2])
    if doubled == shape:
        scale = _scale(gain, variance_of_doubled(d), d.dtype)
        if min(shape) >= LEAST_SIDE and d.shape[3] >= LEAST_CHANNELS and environment.without_gpu():
            *kernels, own = tf.split(kernel, [part.shape[3] for part in (*skips, d)], 2)
            y = doubled_convolution(d, own * scale[:, None])
            for skip, one, part in zip(skips, gains_of_skips, kernels, strict=True):
                y += _reflecting(skip, part * _scale(one, variance(skip), d.dtype)[:, None])
            return y
        d = resized(d * scale, doubled)
    else:
        d = cropped(resized(d, doubled), shape)
        d *= _scale(gain, variance(d), d.dtype)
    parts = [skip * _scale(one, variance(skip), d.dtype) for skip, one in zip(skips, gains_of_skips, strict=True)]
    return _reflecting(tf.concat([*parts, d], 3), kernel)


def _scale(gain: tf.Tensor, variance: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(gain * tf.math.rsqrt(variance + EPSILON), dtype)


def _block(x: tf.Tensor, weights: Weights, name: str, stride: int = 1) -> tf.Tensor:
    return _activation(_convolution(x, weights, name, stride), weights, name)


def _activation(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    return tf.nn.leaky_relu(normed(x, weights[f"{name}_norm/gamma"], weights[f"{name}_norm/beta"]), SLOPE)


def _convolution(x: tf.Tensor, weights: Weights, name: str, stride: int = 1) -> tf.Tensor:
    kernel = tf.cast(weights[f"{name}_conv/kernel"], x.dtype)
    if kernel.shape[0] > 1:
        return _reflecting(x, kernel, stride)
    return x * kernel[0, 0] if kernel.shape[2:] == (1, 1) else pixelwise(x, kernel[0, 0])


def _reflecting(x: tf.Tensor, kernel: tf.Tensor, stride: int = 1) -> tf.Tensor:
    """Convolution of ``x`` (1, H, W, C), padded by reflection."""
    x = mirrored(x, (kernel.shape[0] // 2, kernel.shape[1] // 2), "REFLECT")
    together = LANES // max(kernel.shape[2:])
    if stride == 1 and together > 1 and (x.shape[2] - kernel.shape[1] + 1) % together == 0:
        return grouped_convolution(x, kernel, together)
    return tf.nn.conv2d(x, kernel, stride, "VALID")


def pixelwise(x: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """1×1 convolution of ``x`` (1, H, W, C) by ``matrix`` (C, C'): one matrix product, faster than tf.nn.conv2d."""
    return tf.reshape(tf.matmul(tf.reshape(x, (-1, matrix.shape[0])), matrix), (*x.shape[:3], matrix.shape[1]))


def grouped_convolution(x: tf.Tensor, kernel: tf.Tensor, together: int) -> tf.Tensor:
    """Valid convolution of ``x`` (1, H, W, C), computed for ``together`` neighbouring columns at once as channels.

    Kernels of few channels leave most of a vector register empty; so do more products of zeros in fewer operations.
    The width of the result must be a multiple of ``together``.
    """
    (height, taps, channels_in, channels_out), (rows, width) = kernel.shape, x.shape[1:3]
    blocks = -(-(together + taps - 1) // together)
    spare = blocks * together - taps
    shifted = [tf.pad(kernel, [[0, 0], [at, spare - at], [0, 0], [0, 0]]) for at in range(together)]
    wide = tf.reshape(tf.stack(shifted, 3), (height, blocks, together * channels_in, together * channels_out))
    columns = (width - taps + 1) // together
    x = tf.pad(x, [[0, 0], [0, 0], [0, (columns + blocks - 1) * together - width], [0, 0]])
    x = tf.nn.conv2d(tf.reshape(x, (1, rows, columns + blocks - 1, together * channels_in)), wide, 1, "VALID")
    return tf.reshape(x, (1, rows - height + 1, width - taps + 1, channels_out))
