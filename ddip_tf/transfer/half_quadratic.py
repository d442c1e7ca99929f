"""The non-convex total variation: of all slices that fit the data, the ones with the fewest edges::

    y = argmin  1/2 sum_k (T y - I)^T N^-1 (T y - I)  +  strength * sum_pixels |grad y|^exponent

(Chartrand, IEEE SPL 14, 707, 2007), by half-quadratic splitting (Geman & Yang 1995; Krishnan & Fergus, NIPS 2009):
gradients g are shrunk pixel by pixel, then every spatial frequency is an N x N system in closed form, so the lowest
frequencies settle as fast as the highest. Symbols as in `ddip_tf.transfer.solver`. NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.dct import adjoint_gradient, dct, gradient, idct, laplacian
from ddip_tf.transfer.ramps import FreeRamps


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
    information: Array,
    data: Array,
    *,
    strength: float,
    exponent: float,
    steps: int,
    stiffness: tuple[float, float] = (10.0, 1e4),
    ramps: FreeRamps | None = None,
) -> Array:
    """Half-quadratic iterations from `start` (N, H, W); the tie between gradients and image stiffens step by step.

    ``information`` (H, W, N, N) and ``data`` (H, W, N) are the normal equations; ``ramps`` of the images, where they
    are free, follow the slices.
    """
    powers, axes = np.linalg.eigh(information)
    powers, data = np.moveaxis(powers, 2, 0), np.moveaxis(data, 2, 0)
    axes = np.moveaxis(axes, (2, 3), (0, 1))
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

    In float32, whose rounding is far below the noise: half the memory, half the time. The tie leaves the axes as they
    are.
    """
    powers, axes, data, curvature, y = (
        np.array(x, np.float32, order="C") for x in (powers, axes, data, laplacian(*start.shape[1:]), start)
    )
    powers[:, 0, 0] = 1  # the mean has no gradient: it is settled by `level`
    data[:, 0, 0] = 0
    levelled, one = data, axes.ndim == 2
    for tie in np.geomspace(*stiffness, steps).tolist():
        g = gradient(y)
        length = np.sqrt((g**2).sum(0))
        g *= shrink(length, strength / tie, exponent) / np.maximum(length, 1e-12)
        right = levelled + tie * np.moveaxis(dct(adjoint_gradient(g)), 2, 0)
        along = np.tensordot(axes.T, right, 1) if one else np.einsum("ij...,i...->j...", axes, right)
        along /= powers + tie * curvature
        coefficients = np.tensordot(axes, along, 1) if one else np.einsum("ij...,j...->i...", axes, along)
        if ramps is not None:
            levelled = ramps.add(data, coefficients)
        y = idct(np.moveaxis(coefficients, 0, 2))
    return y.astype(float)
