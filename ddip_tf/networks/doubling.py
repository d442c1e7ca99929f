"""Convolution of a doubled map without making it, and the doubled map's variance.

Bilinear doubling is itself a convolution, of the map with zeros between its pixels, and convolutions may change
places. The 5×5 one of a map with zeros between its pixels is a transposed one of the map, a quarter of the products;
what is left to do is to smooth its result, each channel by itself.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ddip_tf.networks.maps import line, mirrored, resized, window

#: bilinear doubling of a map with zeros between its pixels, along both axes
BILINEAR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 16
#: what the outermost two lines of a doubled map take of each tap of 5×5, where reflection is not symmetry: the first,
#: the second, the last but one and the last, of rows and of columns
_LINES = np.array([[2, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 2]]) / 4
BORDER = np.stack([np.einsum("lm,ns->lnms", _LINES, np.eye(5)), np.einsum("ls,nm->lnms", _LINES, np.eye(5))])
BORDER = BORDER.reshape(40, 25).astype(np.float32)
#: the sum of squares of a doubled map is that of products of the map and its convolution with this
SQUARED = np.outer([0.375, 1.25, 0.375], [0.375, 1.25, 0.375]).astype(np.float32)


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
    stuffed = tf.nn.conv2d_transpose(mirrored(d, (2, 2), "SYMMETRIC"), turned, (1, height, width, channels), 2, "SAME")
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
    ends = mirrored(resized(_ends(d, axis), doubled), border, mode)
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

        return tf.concat([line(d, axis, 1) - line(d, axis, 0), line(d, axis, -2) - line(d, axis, -1)], axis), gradient

    return ends(d)


@tf.custom_gradient
def _framed(x, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """``x`` (1, H + 4, W + 4, C) without its outermost two lines, rows and columns added at its ends: (1, H, W, C)."""
    height, width = x.shape[1] - 4, x.shape[2] - 4
    first, last = window(x, 2, 2, 2, width) + top, window(x, height, 2, 2, width) + bottom
    rows = tf.concat([first, window(x, 4, 2, height - 4, width), last], 1)
    first, last = window(rows, 0, 0, height, 2) + left, window(rows, 0, width - 2, height, 2) + right

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
        places = ((0, 0, 2, width), (height - 2, 0, 2, width), (0, 0, height, 2), (0, width - 2, height, 2))
        whole = tf.pad(upstream, [[0, 0], [2, 2], [2, 2], [0, 0]])
        return whole, *(window(upstream, *place) for place in places)

    return tf.concat([first, window(rows, 0, 2, height, width - 4), last], 2), gradient


@tf.custom_gradient
def variance_of_doubled(d: tf.Tensor):  # type: ignore[no-untyped-def]
    """Variance (C,), float32, over ``d`` (1, h, w, C) doubled bilinearly.

    The sum of squares of the doubled map is ⟨d, S d⟩ with S = (3/8, 5/4, 3/8) along rows and columns, d continued
    symmetrically; its mean is that of d.
    """
    e = tf.cast(d, tf.float32)
    e -= tf.reduce_mean(e, (0, 1, 2))
    kernel = tf.constant(np.repeat(SQUARED[:, :, None, None], d.shape[3], 2))
    s = tf.nn.depthwise_conv2d(mirrored(e, (1, 1), "SYMMETRIC"), kernel, (1, 1, 1, 1), "VALID")
    count = 4 * d.shape[1] * d.shape[2]
    return tf.reduce_sum(e * s, (0, 1, 2)) / count, lambda upstream: tf.cast(s * (upstream * (2 / count)), d.dtype)
