"""The U-Net of `unet` evaluated in fewer passes over memory: the same function, for training.

What is archived are the Keras models; what the training graph holds is this. Identities save the time:

- A bias before a norm cancels, and so does the shift of the norm before an up-convolution: neither is computed, and
  their gradients, zero but for rounding, are zero. What is left of that norm is a factor, on a map before it is doubled
  or on the kernel (`_up`).
- A 5×5 convolution of a bilinearly doubled map is four 4×4 convolutions of the map itself, one for each parity of
  row and column (`doubled_convolution`): 16 products in place of 25, and the doubled map is never made.
- A norm over one image is a batch norm of a batch of one, which is one fused operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.networks.unet import EPSILON, SLOPE

#: bilinear doubling of a map with zeros between its pixels, along both axes
BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 16
#: what the outermost two lines of a doubled map take of each tap of 5×5, where reflection is not symmetry: the first,
#: the second, the last but one and the last, of rows and of columns
_LINES = np.array([[2, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 2]]) / 4
BORDER = np.stack([np.einsum("lm,ns->lnms", _LINES, np.eye(5)), np.einsum("ls,nm->lnms", _LINES, np.eye(5))])
BORDER = BORDER.reshape(40, 25).astype(np.float32)
#: the sum of squares of a doubled map is that of products of the map and its convolution with this
SQUARED = np.outer([0.375, 1.25, 0.375], [0.375, 1.25, 0.375]).astype(np.float32)
#: the fewest pixels a side, and channels, for which exchanging doubling and convolution pays: the border is computed apart
LEAST_EXCHANGED, LEAST_CHANNELS = 32, 8

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
        if min(shape) >= LEAST_EXCHANGED and d.shape[3] >= LEAST_CHANNELS:
            *kernels, own = tf.split(kernel, [skip.shape[3] for skip in skips] + [d.shape[3]], 2)
            y = doubled_convolution(d, own * scale[:, None])
            for skip, one, part in zip(skips, gains_of_skips, kernels, strict=True):
                y += _reflecting(skip, part * _scale(one, variance(skip), d.dtype)[:, None])
            return y
        d = _resized(d * scale, doubled)
    else:
        d = _cropped(_resized(d, doubled), shape)
        d *= _scale(gain, variance(d), d.dtype)
    parts = [skip * _scale(one, variance(skip), d.dtype) for skip, one in zip(skips, gains_of_skips, strict=True)]
    return _reflecting(tf.concat([*parts, d], 3), kernel)


def _scale(gain: tf.Tensor, variance: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(gain * tf.math.rsqrt(variance + EPSILON), dtype)


def _block(x: tf.Tensor, weights: Weights, name: str, stride: int = 1) -> tf.Tensor:
    return _activation(_convolution(x, weights, name, stride), weights, name)


def _activation(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    return tf.nn.leaky_relu(_norm(x, weights, name), SLOPE)


def _convolution(x: tf.Tensor, weights: Weights, name: str, stride: int = 1) -> tf.Tensor:
    kernel = tf.cast(weights[f"{name}_conv/kernel"], x.dtype)
    if kernel.shape[0] > 1:
        return _reflecting(x, kernel, stride)
    return x * kernel[0, 0] if kernel.shape[2:] == (1, 1) else pixelwise(x, kernel[0, 0])


def _reflecting(x: tf.Tensor, kernel: tf.Tensor, stride: int = 1) -> tf.Tensor:
    """Convolution of ``x`` (1, H, W, C), padded by reflection."""
    x = _mirrored(x, (kernel.shape[0] // 2, kernel.shape[1] // 2), "REFLECT")
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


def _norm(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    scale, offset = weights[f"{name}_norm/gamma"], weights[f"{name}_norm/beta"]
    if x.shape[3] == 1:
        return tf.cast(normed_map(tf.cast(x, tf.float32), scale, offset), x.dtype)
    none = tf.zeros([0])
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=none, variance=none, epsilon=EPSILON, is_training=True
    ).y


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


def doubled_convolution(d: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """5×5 convolution of ``d`` (1, h, w, C), doubled bilinearly and padded by reflection: (1, 2h, 2w, C').

    Doubling is a convolution of the map with zeros between its pixels, and convolutions may change places: the 5×5 one
    is a transposed convolution of d with stride 2, whose C' maps are then smoothed (`_smoothed`). That holds up to the
    border if d is continued symmetrically; what reflection of the doubled map changes in the outermost two rows and
    columns is a convolution of d's outermost differences (`_change`).
    """
    height, width, channels = 2 * d.shape[1] + 7, 2 * d.shape[2] + 7, kernel.shape[3]
    turned = tf.transpose(tf.reverse(tf.reshape(kernel, (25, *kernel.shape[2:])), [0]), (0, 2, 1))
    turned = tf.reshape(turned, (5, 5, channels, d.shape[3]))
    stuffed = tf.nn.conv2d_transpose(_mirrored(d, (2, 2), "SYMMETRIC"), turned, (1, height, width, channels), 2, "SAME")
    return _framed(_smoothed(stuffed), *_changes(d, kernel))


@tf.custom_gradient
def _smoothed(x):  # type: ignore[no-untyped-def]
    """Each map of ``x`` (1, H + 3, W + 3, C) convolved with `BILINEAR`: (1, H, W, C)."""
    kernel = tf.constant(np.repeat(BILINEAR[:, :, None, None], x.shape[3], 2), x.dtype)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.nn.depthwise_conv2d_backprop_input(x.shape, kernel, upstream, (1, 1, 1, 1), "VALID")

    return tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "VALID"), gradient


def _changes(d: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """What reflection instead of symmetry of doubled ``d`` adds to the first and last two rows, and columns."""
    channels = kernel.shape[2:]
    taps = tf.matmul(tf.constant(BORDER, kernel.dtype), tf.reshape(kernel, (25, -1)))
    rows, columns = tf.unstack(tf.reshape(taps, (2, 4, 5, *channels)))
    return *_change(d, rows, 1, "REFLECT"), *_change(d, columns, 2, "SYMMETRIC")


def _change(d: tf.Tensor, taps: tf.Tensor, axis: int, mode: str) -> tuple[tf.Tensor, tf.Tensor]:
    """What reflected instead of symmetric rows (``axis`` 1) or columns (2) add to the first two and the last two.

    ``taps`` (4, 5, C, C') are those of the outermost difference, for each of the four lines. ``mode`` is how the
    doubled map goes on along the other axis: SYMMETRIC or REFLECT.
    """
    doubled, border = ((2, 2 * d.shape[2]), (0, 2)) if axis == 1 else ((2 * d.shape[1], 2), (2, 0))
    ends = _mirrored(_resized(_ends(d, axis), doubled), border, mode)
    changes = tf.expand_dims(tf.concat(tf.unstack(taps), 2), axis - 1)
    first, last = tf.split(tf.nn.conv2d(ends, changes, 1, "VALID"), 2, axis)
    return tf.concat(tf.split(first, 4, 3)[:2], axis), tf.concat(tf.split(last, 4, 3)[2:], axis)


def _ends(d: tf.Tensor, axis: int) -> tf.Tensor:
    """The second line less the first, and the last but one less the last: two lines."""
    middle = list(d.shape)
    middle[axis] -= 4

    @tf.custom_gradient
    def ends(d):  # type: ignore[no-untyped-def]
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            first, last = tf.split(upstream, 2, axis)
            return tf.concat([-first, first, tf.zeros(middle, d.dtype), last, -last], axis)

        return tf.concat([_line(d, axis, 1) - _line(d, axis, 0), _line(d, axis, -2) - _line(d, axis, -1)], axis), gradient

    return ends(d)


@tf.custom_gradient
def _framed(x, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """``x`` (1, H + 4, W + 4, C) without its outermost two lines, rows and columns added at its ends: (1, H, W, C)."""
    height, width = x.shape[1] - 4, x.shape[2] - 4
    first, last = _window(x, 2, 2, 2, width) + top, _window(x, height, 2, 2, width) + bottom
    rows = tf.concat([first, _window(x, 4, 2, height - 4, width), last], 1)
    first, last = _window(rows, 0, 0, height, 2) + left, _window(rows, 0, width - 2, height, 2) + right

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        windows = ((0, 0, 2, width), (height - 2, 0, 2, width), (0, 0, height, 2), (0, width - 2, height, 2))
        whole = tf.pad(upstream, [[0, 0], [2, 2], [2, 2], [0, 0]])
        return whole, *(_window(upstream, *window) for window in windows)

    return tf.concat([first, _window(rows, 0, 2, height, width - 4), last], 2), gradient


@tf.custom_gradient
def variance(x: tf.Tensor):  # type: ignore[no-untyped-def]
    """Variance (C,), float32, over ``x`` (1, H, W, C)."""
    e = tf.cast(x, tf.float32)
    e -= tf.reduce_mean(e, (0, 1, 2))
    count = x.shape[1] * x.shape[2]
    return tf.reduce_mean(tf.square(e), (0, 1, 2)), lambda upstream: tf.cast(e * (upstream * (2 / count)), x.dtype)


@tf.custom_gradient
def variance_of_doubled(d: tf.Tensor):  # type: ignore[no-untyped-def]
    """Variance (C,), float32, over ``d`` (1, h, w, C) doubled bilinearly.

    The sum of squares of the doubled map is ⟨d, S d⟩ with S = (3/8, 5/4, 3/8) along rows and columns, d continued
    symmetrically; its mean is that of d.
    """
    e = tf.cast(d, tf.float32)
    e -= tf.reduce_mean(e, (0, 1, 2))
    kernel = tf.constant(np.repeat(SQUARED[:, :, None, None], d.shape[3], 2))
    s = tf.nn.depthwise_conv2d(_mirrored(e, (1, 1), "SYMMETRIC"), kernel, (1, 1, 1, 1), "VALID")
    count = 4 * d.shape[1] * d.shape[2]
    return tf.reduce_sum(e * s, (0, 1, 2)) / count, lambda upstream: tf.cast(s * (upstream * (2 / count)), d.dtype)


def _mirrored(x: tf.Tensor, border: tuple[int, int], mode: str) -> tf.Tensor:
    """tf.pad of rows and columns with mode REFLECT or SYMMETRIC, whose own kernel is slow."""
    return (_mirrored_pixels if x.shape[3] >= LEAST_CHANNELS else _mirrored_lines)(x, border, mode)


def _mirrored_pixels(x: tf.Tensor, border: tuple[int, int], mode: str) -> tf.Tensor:
    """The same by gathering pixels; their channels lie side by side."""
    height, width, channels = x.shape[1:]
    shape = height + 2 * border[0], width + 2 * border[1]
    pixels = np.pad(np.arange(height * width).reshape(height, width), [(line, line) for line in border], mode.lower())
    outside = np.pad(np.zeros((height, width), bool), [(line, line) for line in border], constant_values=True)

    @tf.custom_gradient
    def padded(x):  # type: ignore[no-untyped-def]
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            inner = tf.reshape(_window(upstream, *border, height, width), (-1, channels))
            frame = tf.gather(tf.reshape(upstream, (-1, channels)), outside.ravel().nonzero()[0])
            return tf.reshape(tf.tensor_scatter_nd_add(inner, pixels[outside][:, None], frame), x.shape)

        return tf.reshape(tf.gather(tf.reshape(x, (-1, channels)), pixels.ravel()), (1, *shape, channels)), gradient

    return padded(x)


def _mirrored_lines(x: tf.Tensor, border: tuple[int, int], mode: str) -> tf.Tensor:
    """The same line by line, where a pixel is too little to be copied by itself."""
    skip, paddings = mode == "REFLECT", [[0, 0], *([line, line] for line in border), [0, 0]]

    @tf.custom_gradient
    def padded(x):  # type: ignore[no-untyped-def]
        for axis, lines in enumerate(border, 1):
            before = [_line(x, axis, i - 1 + skip) for i in range(lines, 0, -1)]
            after = [_line(x, axis, x.shape[axis] - i - skip) for i in range(1, lines + 1)]
            x = tf.concat([*before, x, *after], axis)
        return x, lambda upstream: tf.raw_ops.MirrorPadGrad(input=upstream, paddings=paddings, mode=mode)

    return padded(x)


def _resized(x: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    return tf.cast(tf.image.resize(x, shape), x.dtype)  # tf.image gives float32 always


def _cropped(x: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    """The first rows and columns of maps; TensorFlow's own gradient of a piece is slow."""
    below, right = x.shape[1] - shape[0], x.shape[2] - shape[1]

    @tf.custom_gradient
    def cropped(x):  # type: ignore[no-untyped-def]
        return _window(x, 0, 0, *shape), lambda upstream: tf.pad(upstream, [[0, 0], [0, below], [0, right], [0, 0]])

    return cropped(x)


def _line(x: tf.Tensor, axis: int, at: int) -> tf.Tensor:
    """A row (``axis`` 1) or column (2) of maps; a negative place counts from the end."""
    at %= x.shape[axis]
    return _window(x, at, 0, 1, -1) if axis == 1 else _window(x, 0, at, -1, 1)


def _window(x: tf.Tensor, top: int, left: int, height: int, width: int) -> tf.Tensor:
    return tf.slice(x, (0, top, left, 0), (-1, height, width, -1))
