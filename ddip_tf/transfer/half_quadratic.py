"""The non-convex total variation: of all slices that fit the data, the ones with the fewest edges::

    y = argmin  1/2 sum_k (T y - I)^T N^-1 (T y - I)  +  strength * sum_pixels |grad y|^exponent

(Chartrand, IEEE SPL 14, 707, 2007), by half-quadratic splitting (Geman & Yang 1995; Krishnan & Fergus, NIPS 2009):
gradients g are shrunk pixel by pixel, then every spatial frequency is an N x N system in closed form, so the lowest
frequencies settle as fast as the highest. Symbols as in `ddip_tf.transfer.solver`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.dct import adjoint_gradient, dct, eigen, gradient, idct, laplacian
from ddip_tf.transfer.ramps import FreeRamps
from ddip_tf.transfer.strips import strips


def shrink(r: Array, weight: float, exponent: float) -> Array:
    """argmin_x (x - r)^2 / 2 + weight x^exponent for r >= 0: zero up to a threshold, beyond it a fixed point.

    Generalised iterated shrinkage (Zuo et al., ICCV 2013); exponent 1 is soft thresholding.
    """
    least = (2 * weight * (1 - exponent)) ** (1 / (2 - exponent))  # but zero
    moved = r > least + weight * exponent * least ** (exponent - 1)
    x = above = r[moved]
    for _ in range(4):
        x = above - weight * exponent * x ** (exponent - 1)
    shrunk = np.zeros_like(r)
    shrunk[moved] = x
    return shrunk


def edges(y: Array, exponent: float) -> float:
    """``sum |grad y|^exponent`` over the pixels of slices (N, H, W)."""
    return float((np.sqrt((gradient(y) ** 2).sum(0)) ** exponent).sum())


def minimise(
    start: Array,
    equations: Callable[[slice], tuple[Array, Array]],
    *,
    strength: float,
    exponent: float,
    steps: int,
    stiffness: tuple[float, float] = (10.0, 1e4),
    ramps: FreeRamps | None = None,
) -> Array:
    """Half-quadratic iterations from `start` (N, H, W); the tie between gradients and image stiffens step by step.

    ``equations`` are the normal equations of some rows of frequencies, information (rows, W, N, N) and data (rows, W,
    N); ``ramps`` of the images, where they are free, follow the slices.
    """
    count, height, width = start.shape
    powers, data = np.empty((2, *start.shape), np.float32)
    axes = np.empty((count, *start.shape), np.float32)
    for rows in strips(height, width * count**2):
        information, of_data = equations(rows)
        of_rows, along = eigen(information)
        powers[:, rows], data[:, rows] = np.moveaxis(of_rows, 2, 0), np.moveaxis(of_data, 2, 0)
        axes[:, :, rows] = np.moveaxis(along, (2, 3), (0, 1))
    return descend(
        start, powers, axes, data, strength=strength, exponent=exponent, steps=steps, stiffness=stiffness, ramps=ramps
    )


def descend(
    start: Array,
    powers: Array,
    axes: Array,
    data: Array,
    *,
    strength: float,
    exponent: float,
    steps: int,
    stiffness: tuple[float, float] = (10.0, 1e4),
    ramps: FreeRamps | None = None,
) -> Array:
    """`minimise` for information of eigenvalues ``powers`` (N, H, W) along ``axes`` (N, N, H, W), or the same axes
    (N, N) at every frequency, in columns; ``data`` (N, H, W).

    In float32, whose rounding is far below the noise: half the memory, half the time. What is float32 is not copied,
    and changed at the mean. The tie leaves the axes as they are.
    """
    powers, axes, data, curvature, y = (
        np.asarray(x, np.float32, order="C") for x in (powers, axes, data, laplacian(*start.shape[1:]), start)
    )
    powers[:, 0, 0] = 1  # the mean has no gradient: it is settled by `level`
    data[:, 0, 0] = 0
    levelled, one = data, axes.ndim == 2
    for tie in np.geomspace(*stiffness, steps).tolist():
        right = np.moveaxis(dct(_of_edges(y, strength / tie, exponent)), 2, 0)
        for rows in strips(y.shape[1], y[:, 0].size):
            part = levelled[:, rows] + tie * right[:, rows]
            along = np.tensordot(axes.T, part, 1) if one else np.einsum("ij...,i...->j...", axes[:, :, rows], part)
            along /= powers[:, rows] + tie * curvature[rows]
            part = np.tensordot(axes, along, 1) if one else np.einsum("ij...,j...->i...", axes[:, :, rows], along)
            right[:, rows] = part
        if ramps is not None:
            levelled = ramps.add(data, right)
        y = idct(np.moveaxis(right, 0, 2))
    return y.astype(float)


def _of_edges(y: Array, weight: float, exponent: float) -> Array:
    """Adjoint gradient (N, H, W) of the gradients of slices y (N, H, W), shrunk pixel by pixel."""
    found = np.empty_like(y)
    for rows in strips(y.shape[1], y[:, 0].size):
        first = max(rows.start - 1, 0)  # a row more on either side, where gradients begin and end
        g = gradient(y[:, first : rows.stop + 1])
        length = np.sqrt((g**2).sum(0))
        g *= shrink(length, weight, exponent) / np.maximum(length, 1e-12)
        found[:, rows] = adjoint_gradient(g)[:, rows.start - first : rows.stop - first]
    return found
