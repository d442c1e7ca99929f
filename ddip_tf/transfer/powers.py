"""The misfit of two directions at the best powers of two sources along them, for many directions at a time.

In units of the noise a covariance R = p' u u^T + q' v v^T + N is S = p u u^T / |u|^2 + q v v^T / |v|^2 + 1, and of what
is seen

    tr S^-1 seen + log det S

asks four numbers only: what is seen along u and along v, what the two have in common, and what is seen between them.
The best p for a q is a root in closed form, and so is the best q for a p: they take turns. M windows, P pairs of
directions. NumPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array

#: turns of the two powers
ALTERNATIONS = 6
#: columns are never closer to one line, in 1 - cos^2 of the angle between them
APART = 1e-7


def misfit(R: Array, N: Array, first: Array, second: Array) -> Array:
    """(M, P) float32, of covariances R (M, P or 1, 2, 2) beside noise N (M, 2, 2), for columns u and v (2, P)."""
    inverse = np.linalg.inv(N)[:, None]
    uu, uv, vv = _forms(inverse, first, second)
    u, between, v = _forms(inverse @ R @ inverse, first, second)
    trace = np.trace(inverse @ R, axis1=2, axis2=3).astype(np.float32)
    u /= uu
    v /= vv
    uu *= vv
    between *= 2 * uv / uu
    across = (first[0] * second[1] - first[1] * second[0]) ** 2  # of the determinant: no difference of like numbers
    apart = np.maximum((np.linalg.det(inverse) * across).astype(np.float32) / uu, APART)
    common = 1 - apart
    between -= common
    q = np.minimum((trace - u) / apart, 10 * trace)  # exact without noise
    left = 1 / (1 + q)
    for_u, for_v = ((np.empty_like(u), np.empty_like(u)) for _ in range(2))
    for _ in range(ALTERNATIONS):
        left = _best(*for_u, left, u, v, between, common, apart)
        left = _best(*for_v, left, v, u, between, common, apart)
    p, q = (np.divide(power, square, out=power) for power, square in (for_u, for_v))
    determinant = 1 + p + q + p * q * apart
    return (trace + p * (trace - u) + q * (trace - v)) / determinant + np.log(determinant)


def _best(
    power: Array, square: Array, left: Array, own: Array, other: Array, between: Array, common: Array, apart: Array
) -> Array:
    """The best power along a direction, ``power`` / ``square``, beside a power along the other that leaves ``left`` of
    what is seen there, 1 / (1 + power). What it leaves itself is returned; all in place.

    With t = 1 - left it is (own - 1 - t (between - t common other)) / (1 - t common)^2, and 0 at least.
    """
    np.multiply(left, common, out=square)
    square += apart  # 1 - t common
    np.subtract(1, square, out=power)
    power *= other
    np.subtract(between, power, out=power)
    np.subtract(1, left, out=left)
    power *= left
    np.subtract(own, power, out=power)
    power -= 1
    np.maximum(power, 0, out=power)
    square *= square
    np.add(power, square, out=left)
    return np.divide(square, left, out=left)


def _forms(G: Array, first: Array, second: Array) -> Array:
    """u G u, u G v and v G v (3, M, P) float32 of symmetric G (M, P or 1, 2, 2) for columns u and v (2, P)."""
    columns = np.stack([first, first, second]), np.stack([first, second, second])
    products = np.einsum("tip,tjp->tijp", *columns).reshape(3, 4, -1)
    if G.shape[1] == 1:
        return (G.reshape(-1, 4) @ products).astype(np.float32)
    return np.einsum("wpk,tkp->twp", G.reshape(*G.shape[:2], 4), products).astype(np.float32)
