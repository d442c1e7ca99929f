"""Curves over spatial frequency: T(k) interpolated, smoothed over its bands, and whether an entry is there at all.

K bands, N slices; k in cycles/pixel. NumPy only.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from ddip_tf._types import Array

#: an entry of T with less `significance` is no ghost
ABSENT = 1.7


def fill_diagonal(off_diagonal: Array, normalisation: str) -> Array:
    """Fill the diagonal of (K, N, N) by the normalisation."""
    n = off_diagonal.shape[-1]
    off_diagonal = off_diagonal * (1 - np.eye(n))
    return off_diagonal + (np.eye(n) * (1 - off_diagonal.sum(1))[:, None, :] if normalisation == "sum" else np.eye(n))


def smooth(values: Array, sigma: Array, *, limit: float | None, step: float = 0.15, bend: float = 0.05) -> Array:
    """Posterior mean of a curve over bands (K,) under a random walk in log k.

    Increments have deviation `step`, second differences `bend`; `limit` is what the curve tends to as k -> 0.
    Outlying bands are downweighted (Student's t, 4 degrees of freedom), so signs are free and nothing is clipped.
    """
    count = len(values)
    first, second = np.diff(np.eye(count), axis=0), np.diff(np.eye(count), 2, axis=0)
    prior = first.T @ first / step**2 + second.T @ second / bend**2
    data = np.clip(np.nan_to_num(values), -2, 2)
    weight = 1 / (sigma**2 + 0.02**2)
    pull = np.zeros(count)
    if limit is not None:
        pull[0] = 1 / 0.05**2
    curve = data
    scale = np.ones(count)
    for _ in range(20):
        w = weight * scale
        curve = np.linalg.solve(prior + np.diag(w + pull) + 1e-9 * np.eye(count), w * data + pull * (limit or 0.0))
        scale = 5 / (4 + weight * (data - curve) ** 2)
    return curve


def smooth_matrix(raw: Array, sigma: Array, normalisation: str) -> Array:
    """T smooth over k, (K, N, N); tied to 1/N as k -> 0 under the sum rule where the bands above show mixing."""
    n = raw.shape[-1]
    result = np.zeros_like(raw)
    for i, j in permutations(range(n), 2):
        free = smooth(raw[:, i, j], sigma[:, i, j], limit=None)
        low = slice(1, max(3, len(raw) // 2))
        tied = normalisation == "sum" and np.average(free[low], weights=1 / (sigma[low, i, j] ** 2 + 1e-4)) > 0.1
        result[:, i, j] = smooth(raw[:, i, j], sigma[:, i, j], limit=1 / n) if tied else free
    return fill_diagonal(result, normalisation)


def significance(raw: Array, sigma: Array) -> Array:
    """Root mean square of T's raw points over their deviations, (K, N, N) -> (N, N): about 1 where there is no ghost.

    Deviations count as 0.03 at least, points as 5 deviations at most; the two finest bands are left out. On simulated
    pairs entries that are truly zero stay under 1.3, real ghosts stand above 2.3 (`ABSENT` lies between).
    """
    deviations = np.minimum((raw / np.maximum(sigma, 0.03))[:-2] ** 2, 25)
    return np.sqrt(deviations.mean(0))
