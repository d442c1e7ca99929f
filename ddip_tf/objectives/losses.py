"""Terms of losses, one function each. All are dimensionless; those of eq. (5) are of images scaled to [0, 1]::

    L = Σ_i ‖I_i − I_i⁰‖² + γ · exclusion(y) + [epoch ≤ 100] · weight · Σ_i (α_i − ½)²

`variation` is the prior under the transfer model.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import tensorflow as tf

SCALES = 5
#: keeps the gradient of ``|grad y|^1/2`` finite where y is flat, in units of the projected image's deviation
FLAT = 1e-2


def fidelity(modelled: tf.Tensor, measured: tf.Tensor) -> tf.Tensor:
    """Mean squared error of each slice, summed over slices: eq. (5), first term, in the program's scaling.

    ``modelled`` and ``measured`` are (N, H, W); scalar out.
    """
    return tf.reduce_sum(tf.reduce_mean(tf.square(modelled - measured), axis=(1, 2)))


def exclusion(y: tf.Tensor) -> tf.Tensor:
    """How much the slices' gradients coincide: eq. (5), second term, averaged over all pairs of slices.

    Per scale and direction ⟨g_a² g_b²⟩^¼ with g = tanh(∇y / 2); 2×2 average pooling between the 5 scales; the
    ten terms are summed and divided by 90 (Gandelsman et al. 2018 as in the authors' program). Symmetric; zero,
    with zero gradient, where an image is constant. ``y`` is (N, H, W) with sides of at least 32; scalar out.
    """
    pairs = list(combinations(range(y.shape[0]), 2))
    total = tf.zeros((), y.dtype)
    for scale in range(SCALES):
        if scale:
            y = _halved(y)
        for axis in (1, 2):
            g = tf.reshape(tf.square(tf.tanh(_difference(y, axis) / 2)), (y.shape[0], -1))
            overlaps = tf.matmul(g, g, transpose_b=True) / g.shape[1]
            total += tf.reduce_mean(_fourth_root(tf.gather_nd(overlaps, pairs)))
    return total / (SCALES * 9 * 2)


def alpha_term(matrix: tf.Tensor) -> tf.Tensor:
    """Σ_i (α_ii − ½)², which holds the weights near one half at first: eq. (5), third term, without its weight.

    ``matrix`` (N, N) holds the mixing weights; its diagonal is α₁ and 1 − α₂ for two slices. Scalar out.
    """
    return tf.reduce_sum(tf.square(tf.linalg.diag_part(matrix) - 0.5))


def _difference(y: tf.Tensor, axis: int) -> tf.Tensor:
    """Differences of neighbours; TensorFlow's gradient of its pieces is slow."""
    size = [*y.shape[:axis], y.shape[axis] - 1, *y.shape[axis + 1 :]]
    after = np.eye(3, dtype=np.int32)[axis]  # one pixel along the axis
    none = np.zeros_like(after)

    @tf.custom_gradient
    def difference(y):  # type: ignore[no-untyped-def]
        found = tf.slice(y, after, size) - tf.slice(y, none, size)
        return found, lambda upstream: tf.pad(upstream, np.c_[after, none]) - tf.pad(upstream, np.c_[none, after])

    return difference(y)


@tf.custom_gradient
def _halved(y: tf.Tensor):  # type: ignore[no-untyped-def]
    """2×2 average pooling; TensorFlow's gradient of it is slow."""
    _, height, width = y.shape

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        count, rows, columns = upstream.shape
        spread = tf.broadcast_to(upstream[:, :, None, :, None] / 4, (count, rows, 2, columns, 2))
        spread = tf.reshape(spread, (count, 2 * rows, 2 * columns))
        return tf.pad(spread, [[0, 0], [0, height - 2 * rows], [0, width - 2 * columns]])

    return tf.nn.avg_pool2d(y[..., None], 2, 2, "VALID")[..., 0], gradient


def _fourth_root(x: tf.Tensor) -> tf.Tensor:
    """x^¼ with gradient 0, not infinity, at 0."""
    positive = x > 0
    return tf.where(positive, tf.where(positive, x, 1.0) ** 0.25, 0.0)


def variation(y: tf.Tensor) -> tf.Tensor:
    """Sum over slices of the mean of ``|∇y|^½``, forward differences, (N, H, W) → scalar."""
    down, right = y[:, 1:, :-1] - y[:, :-1, :-1], y[:, :-1, 1:] - y[:, :-1, :-1]
    squared = tf.square(down) + tf.square(right) + FLAT**2
    return tf.reduce_sum(tf.reduce_mean(squared**0.25, axis=(1, 2)))
