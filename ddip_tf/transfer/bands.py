"""Spatial frequencies of an image, the bands they are cut into, and curves between band centres.

N slices, H and W pixels, K bands; k in cycles/pixel. NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array


def frequencies(height: int, width: int) -> Array:
    """|k| of the DCT-II coefficients, (H, W), cycles/pixel."""
    return np.hypot(np.arange(height)[:, None] / (2 * height), np.arange(width) / (2 * width))


def band_centres(height: int, width: int, highest: float = 0.2, ratio: float = 1.265) -> Array:
    """Log-spaced bands; the lowest is the first with about ten independent samples."""
    lowest = 2.2 / np.sqrt(height * width)
    return np.geomspace(lowest, highest, max(5, 1 + round(np.log(highest / lowest) / np.log(ratio))))


def log_gaussian(k: Array, centre: float, spread: float) -> Array:
    """Ring-shaped band around `centre` (cycles/pixel) on a grid of frequencies, `spread` in log k; 1 at its crest."""
    return np.exp(-0.5 * (np.log(np.maximum(k, 1e-9) / centre) / spread) ** 2)


def interpolate(k: Array, nodes: Array, values: Array) -> Array:
    """Values (K, …) of any kind at frequencies k: linear in log k between nodes (K,), constant outside; (k's shape, …).

    The one rule for all that is known in bands. Powers, which run over decades, go by their logarithm:
    `interpolate_power`.
    """
    low, part = locate(k, nodes)
    part = part.reshape((*np.shape(k), *(1,) * (values.ndim - 1)))
    return (1 - part) * values[low] + part * values[low + 1]


def interpolate_power(k: Array, nodes: Array, power: Array) -> Array:
    """As `interpolate`, of powers (K, …) from 0 up: their logarithm is linear in log k."""
    return np.exp(interpolate(k, nodes, np.log(np.maximum(power, 1e-300))))


def locate(k: Array, nodes: Array) -> tuple[Array, Array]:
    """For each k (...,) the node (K,) below it and the part of the way to the next, in log k: (...,), (..., 1, 1)."""
    x = np.interp(np.log(np.maximum(k, 1e-9)), np.log(nodes), np.arange(len(nodes)))
    low = np.minimum(x.astype(int), len(nodes) - 2)
    return low, (x - low)[..., None, None]


def projected_power(images: Array, k: Array) -> Array:
    """Power spectral density of the normalised sum over slices (N, H, W) in rings around k (K,), (K,)."""
    from scipy.fft import dctn

    total = images.sum(0) / np.sqrt(len(images))
    density = dctn(total - total.mean(), norm="ortho") ** 2
    grid, spread = frequencies(*total.shape), np.log(k[1] / k[0]) / 2
    rings = (log_gaussian(grid, centre, spread) for centre in k)
    return np.array([(ring * density).sum() / ring.sum() for ring in rings])
