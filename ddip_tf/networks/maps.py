"""Maps (1, H, W, C) continued by reflection, cut and doubled, with gradients that are fast on CPUs."""

from __future__ import annotations

from typing import Literal

import numpy as np
import tensorflow as tf

from ddip_tf import environment

#: the fewest channels of which a pixel is copied by itself
LEAST_CHANNELS = 8


def mirrored(x: tf.Tensor, border: tuple[int, int], mode: str) -> tf.Tensor:
    """tf.pad of rows and columns with mode REFLECT or SYMMETRIC, whose own kernel is slow."""
    by_pixels = x.shape[3] >= LEAST_CHANNELS and environment.without_gpu()
    return (_mirrored_pixels if by_pixels else _mirrored_lines)(x, border, mode)


def _mirrored_pixels(x: tf.Tensor, border: tuple[int, int], mode: str) -> tf.Tensor:
    """The same by gathering pixels, whose channels lie side by side. On a GPU its gradient would be slow."""
    height, width, channels = x.shape[1:]
    how: Literal["reflect", "symmetric"] = "reflect" if mode == "REFLECT" else "symmetric"
    pixels = np.pad(np.arange(height * width).reshape(height, width), [(n, n) for n in border], how)
    outside = np.pad(np.zeros((height, width), bool), [(n, n) for n in border], constant_values=True)

    @tf.custom_gradient
    def padded(x):  # type: ignore[no-untyped-def]
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            inner = tf.reshape(window(upstream, *border, height, width), (-1, channels))
            frame = tf.gather(tf.reshape(upstream, (-1, channels)), outside.ravel().nonzero()[0])
            return tf.reshape(tf.tensor_scatter_nd_add(inner, pixels[outside][:, None], frame), x.shape)

        picked = tf.gather(tf.reshape(x, (-1, channels)), pixels.ravel())
        return tf.reshape(picked, (1, *pixels.shape, channels)), gradient

    return padded(x)


def _mirrored_lines(x: tf.Tensor, border: tuple[int, int], mode: str) -> tf.Tensor:
    """The same line by line, where a pixel is too little to be copied by itself."""
    skip, paddings = mode == "REFLECT", [[0, 0], *([line, line] for line in border), [0, 0]]

    @tf.custom_gradient
    def padded(x):  # type: ignore[no-untyped-def]
        for axis, lines in enumerate(border, 1):
            before = [line(x, axis, i - 1 + skip) for i in range(lines, 0, -1)]
            after = [line(x, axis, x.shape[axis] - i - skip) for i in range(1, lines + 1)]
            x = tf.concat([*before, x, *after], axis)
        return x, lambda upstream: tf.raw_ops.MirrorPadGrad(input=upstream, paddings=paddings, mode=mode)

    return padded(x)


def resized(x: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    return tf.cast(tf.image.resize(x, shape), x.dtype)  # tf.image gives float32 always


def cropped(x: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    """The first rows and columns of maps; TensorFlow's own gradient of a piece is slow."""
    below, right = x.shape[1] - shape[0], x.shape[2] - shape[1]

    @tf.custom_gradient
    def cropped(x):  # type: ignore[no-untyped-def]
        return window(x, 0, 0, *shape), lambda upstream: tf.pad(upstream, [[0, 0], [0, below], [0, right], [0, 0]])

    return cropped(x)


def line(x: tf.Tensor, axis: int, at: int) -> tf.Tensor:
    """A row (``axis`` 1) or column (2) of maps; a negative place counts from the end."""
    at %= x.shape[axis]
    return window(x, at, 0, 1, -1) if axis == 1 else window(x, 0, at, -1, 1)


def window(x: tf.Tensor, top: int, left: int, height: int, width: int) -> tf.Tensor:
    return tf.slice(x, (0, top, left, 0), (-1, height, width, -1))
