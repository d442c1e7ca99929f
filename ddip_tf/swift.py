"""The U-Net of `networks` evaluated in fewer passes over memory: the same function, for training.

What is archived are the Keras models; what the training graph holds is this. Three identities save the time:

- A bias before a norm cancels, and so does the shift of the norm before an up-convolution: neither is computed, and
  their gradients, zero but for rounding, are zero.
- A 5×5 convolution of a bilinearly doubled map is four 4×4 convolutions of the map itself, one for each parity of
  row and column (`doubled_convolution`): 16 products in place of 25, and the doubled map is never made.
- A norm over one image is a batch norm of a batch of one, which is one fused operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.networks import EPSILON, SLOPE

#: bilinear doubling along one axis, then five taps: how much tap m (0…4) takes of each of the pixels d[i−2] … d[i+1],
#: for the output 2i − 1 (first) and for the output 2i (second)
FOLD = np.array(
    [
        [[3, 1, 0, 0], [1, 3, 0, 0], [0, 3, 1, 0], [0, 1, 3, 0], [0, 0, 3, 1]],
        [[1, 3, 0, 0], [0, 3, 1, 0], [0, 1, 3, 0], [0, 0, 3, 1], [0, 0, 1, 3]],
    ],
    np.float32,
)
FOLD /= 4
#: the fewest pixels a side for which folding pays, since the border is computed apart
LEAST_FOLDED = 100

#: numbers in a vector register; columns are grouped where a kernel has half as many channels or fewer
LANES = 16
#: up to so many channels the fused norm is slower than the plain one, map by map
FEW_CHANNELS = 2

Weights = Mapping[str, tf.Tensor]


def is_unet(model: keras.Model) -> bool:
    """Whether `evaluate` knows the model: one that `ddip_tf.networks.build_generator` made."""
    return any(weight.path == "level1_down_conv/kernel" for weight in model.trainable_variables)


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
    x = tf.nn.conv2d(x, named["head_conv/kernel"], 1, "VALID") + named["head_conv/bias"]
    return model.get_layer("image").activation(x)


def _level(x: tf.Tensor, weights: Weights, number: int) -> tf.Tensor:
    name = f"level{number}"
    d = _block(x, weights, f"{name}_down", stride=2)
    d = _block(d, weights, f"{name}_bottom")
    if f"level{number + 1}_down_conv/kernel" in weights:
        d = _level(d, weights, number + 1)
    height, width = x.shape[1:3]
    doubled = (2 * d.shape[1], 2 * d.shape[2])
    skips = f"{name}_skip_conv/kernel" in weights
    if doubled == (height, width) and min(doubled) >= LEAST_FOLDED and not skips:
        scale = weights[f"{name}_join_norm/gamma"] * tf.math.rsqrt(variance_of_doubled(d) + EPSILON)
        d = doubled_convolution(d, tf.cast(weights[f"{name}_up_conv/kernel"] * scale[:, None], d.dtype))
    else:
        d = _window(_resized(d, doubled), 0, 0, height, width)
        d = tf.concat([_block(x, weights, f"{name}_skip"), d], 3) if skips else d
        d = _convolution(_norm(d, weights, f"{name}_join"), weights, f"{name}_up")
    return _block(_activation(d, weights, f"{name}_up"), weights, f"{name}_out")


def _block(x: tf.Tensor, weights: Weights, name: str, stride: int = 1) -> tf.Tensor:
    return _activation(_convolution(x, weights, name, stride), weights, name)


def _activation(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    return tf.nn.leaky_relu(_norm(x, weights, name), SLOPE)


def _convolution(x: tf.Tensor, weights: Weights, name: str, stride: int = 1) -> tf.Tensor:
    kernel = tf.cast(weights[f"{name}_conv/kernel"], x.dtype)
    border = kernel.shape[0] // 2
    x = _mirrored(x, border, "REFLECT") if border else x
    together = LANES // max(kernel.shape[2:])
    if border and stride == 1 and together > 1 and (x.shape[2] - 2 * border) % together == 0:
        return grouped_convolution(x, kernel, together)
    return tf.nn.conv2d(x, kernel, stride, "VALID")


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


def _norm(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    scale, offset, none = weights[f"{name}_norm/gamma"], weights[f"{name}_norm/beta"], tf.zeros([0])
    if x.shape[3] <= FEW_CHANNELS:
        maps = zip(tf.unstack(tf.cast(x, tf.float32), axis=3), tf.unstack(scale), tf.unstack(offset), strict=True)
        return tf.cast(tf.stack([_normed(*one) for one in maps], 3), x.dtype)
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=none, variance=none, epsilon=EPSILON, is_training=True
    ).y


def _normed(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    x -= tf.reduce_mean(x)
    return x * (scale * tf.math.rsqrt(tf.reduce_mean(tf.square(x)) + EPSILON)) + offset


def doubled_convolution(d: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """5×5 convolution of ``d`` (1, h, w, C), doubled bilinearly and padded by reflection: (1, 2h, 2w, C').

    A doubled pixel is a mean of two neighbours a direction, so the outputs of one parity of row and column are one
    4×4 convolution of d. The outermost two pixels, which see the reflection, are computed from the doubled map.
    """
    channels_in, channels_out = kernel.shape[2:]
    fold = tf.cast(FOLD, kernel.dtype)
    folded = tf.einsum("pmt,qns,mnio->tsipqo", fold, fold, kernel)
    folded = tf.reshape(folded, (4, 4, channels_in, 4 * channels_out))
    parities = tf.nn.conv2d(_mirrored(d, 1, "SYMMETRIC"), folded, 1, "VALID")
    inner = _window(tf.nn.depth_to_space(parities, 2), 1, 1, 2 * d.shape[1] - 4, 2 * d.shape[2] - 4)
    top, bottom = _border(d, kernel, across=2)
    sides = _border(tf.transpose(d, (0, 2, 1, 3)), tf.transpose(kernel, (1, 0, 2, 3)), across=0)
    left, right = (tf.transpose(side, (0, 2, 1, 3)) for side in sides)
    return tf.concat([top, tf.concat([left, inner, right], 2), bottom], 1)


def _border(d: tf.Tensor, kernel: tf.Tensor, across: int) -> list[tf.Tensor]:
    """The first and the last two rows of `doubled_convolution`; columns are padded by ``across``."""
    height, width = d.shape[1:3]
    first, last = (_resized(_window(d, at, 0, 3, width), (6, 2 * width)) for at in (0, height - 3))
    first, last = _window(first, 0, 0, 4, 2 * width), _window(last, 2, 0, 4, 2 * width)
    first = tf.pad(first, [[0, 0], [2, 0], [across, across], [0, 0]], "REFLECT")
    last = tf.pad(last, [[0, 0], [0, 2], [across, across], [0, 0]], "REFLECT")
    return tf.split(tf.nn.conv2d(tf.concat([first, last], 0), kernel, 1, "VALID"), 2)


@tf.custom_gradient
def variance_of_doubled(d: tf.Tensor):  # type: ignore[no-untyped-def]
    """Variance (C,), float32, over ``d`` (1, h, w, C) doubled bilinearly.

    The sum of squares of the doubled map is ⟨d, S d⟩ with S = (3/8, 5/4, 3/8) along rows and columns, d continued
    symmetrically; its mean is that of d.
    """
    e = tf.cast(d, tf.float32)
    e -= tf.reduce_mean(e, (0, 1, 2))
    s = _mirrored(e, 1, "SYMMETRIC")
    s = 1.25 * s[:, 1:-1] + 0.375 * (s[:, :-2] + s[:, 2:])
    s = 1.25 * s[:, :, 1:-1] + 0.375 * (s[:, :, :-2] + s[:, :, 2:])
    count = 4 * d.shape[1] * d.shape[2]
    return tf.reduce_sum(e * s, (0, 1, 2)) / count, lambda upstream: tf.cast(s * (upstream * (2 / count)), d.dtype)


def _mirrored(x: tf.Tensor, border: int, mode: str) -> tf.Tensor:
    """tf.pad with mode REFLECT or SYMMETRIC, whose own kernel is slow."""
    skip = mode == "REFLECT"
    paddings = [[0, 0], [border, border], [border, border], [0, 0]]

    @tf.custom_gradient
    def padded(x):  # type: ignore[no-untyped-def]
        for axis in (1, 2):
            before = [_line(x, axis, i - 1 + skip) for i in range(border, 0, -1)]
            after = [_line(x, axis, x.shape[axis] - i - skip) for i in range(1, border + 1)]
            x = tf.concat([*before, x, *after], axis)
        return x, lambda upstream: tf.raw_ops.MirrorPadGrad(input=upstream, paddings=paddings, mode=mode)

    return padded(x)


def _resized(x: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    return tf.cast(tf.image.resize(x, shape), x.dtype)  # tf.image gives float32 always


def _line(x: tf.Tensor, axis: int, at: int) -> tf.Tensor:
    return _window(x, at, 0, 1, -1) if axis == 1 else _window(x, 0, at, -1, 1)


def _window(x: tf.Tensor, top: int, left: int, height: int, width: int) -> tf.Tensor:
    """A piece of maps; tf.slice, since the gradient of an index expression is slow."""
    return tf.slice(x, (0, top, left, 0), (-1, height, width, -1))
