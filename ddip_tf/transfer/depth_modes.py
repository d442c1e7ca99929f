"""T(k) of N slices with two numbers a band: a low pass along depth.

What a scan sees of the depth of structure at k is bounded by the angles it holds (the missing cone: |k_z| < q k, q the
probe's half angle, plus a term in k^2), so ghosts fall with the distance of slices, further out the smaller k. With
the cosine modes v_m of N equal steps, m = 0 ... N - 1,

    T(k) = V F(k) V^T,    f_m = 1 / (1 + (s(k) w_m)^p),    w_m = 2 sin(pi m / 2N)

where the reach s (in slices) falls with k: s -> infinity shares everything out equally, s = 0 is none. Mode 0 is the
projection, which passes whole: columns of T sum to one. The sharpness p is 2 where ghosts fall geometrically with
distance, and large where modes beyond some m are missing. Symbols: N slices, G reaches. NumPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array


def modes(n: int) -> Array:
    """V (N, N): column m is cosine mode m over the slices, of unit length.

    Examples
    --------
    >>> V = modes(5)
    >>> bool(np.allclose(V.T @ V, np.eye(5)) and np.allclose(V[:, 0], 5**-0.5))
    True
    """
    from scipy.fft import dct

    return np.asarray(dct(np.eye(n), axis=1, norm="ortho"))


def passed(n: int, reach: Array, sharpness: float) -> Array:
    """f (G, N) of every mode for reaches (G,), in slices.

    Examples
    --------
    >>> passed(2, np.array([0.0, 1.0]), 2.0).round(2).tolist()
    [[1.0, 1.0], [1.0, 0.33]]
    """
    w = 2 * np.sin(np.pi * np.arange(n) / (2 * n))
    return np.asarray(1 / (1 + (reach[:, None] * w) ** sharpness))
