"""What slices separated under a free start show of themselves when they are wrong.

Two pictures of a sample have little in common at middle k, and under a wrong T one of them goes on showing the other;
and where nothing but the prior decides, every level of noise gives another picture. N slices, H and W pixels, L levels,
M coefficients. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct
from ddip_tf.transfer.resolution import SAME, Sampling

#: cycles/pixel at the reference, edges of the bands in which slices are compared: coarser, two samples may well look
#: alike by chance, and finer there is noise
EDGES = (0.015, 0.03, 0.06, 0.12)


@dataclass(frozen=True)
class Checks:
    """Both, of one separation."""

    still_shared: float
    scatter: Array  # (N,)


def still_shared(y: Array, sampling: Sampling = SAME) -> float:
    """Correlation of two separated slices (2, H, W), the mean over bands of k.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = np.random.default_rng(0).normal(size=(2, 64, 80))
    >>> round(still_shared(np.stack([one, 0.6 * one + 0.8 * other])), 1)
    0.6
    """
    k, coefficients = frequencies(*y.shape[1:]), dct(y)
    found = []
    for low, high in pairwise(EDGES):
        one, other = coefficients[(k > sampling.here(low)) & (k <= sampling.here(high))].T
        found.append(one @ other / max(float(np.sqrt((one @ one) * (other @ other))), 1e-300))
    return float(np.mean(found))


def scatter(tried: Array, correction: Array) -> Array:
    """(N,) variance of coefficients over levels of noise, ``tried`` (L, M, N), as a share of the ``correction`` (M, N)
    that is made."""
    return tried.var(0).sum(0) / np.maximum((correction**2).sum(0), 1e-300)
