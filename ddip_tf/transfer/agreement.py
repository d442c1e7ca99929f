"""Does the prior know what the coarsest difference of the slices is, or does it guess?

Towards k = 0 all slices show the same picture, and how it is shared out among them is left to the prior
(`half_quadratic`) alone; `held_out` cannot tell whether it is right, for the sum says nothing of the difference. Solved
at several levels of noise, though, the prior puts in the same difference where edges fix it, and a different one each
time where full fields of texture do not. Its agreement with itself,

    <c_l c_m> over pairs of levels l, m, divided by <c_l c_l>,    c_l = difference it adds to the linear estimate,

is above 0.96 where what it adds is right (correlation with the truth over 0.9), and below where it is not, in simulated
scans. Symbols: L levels, N slices, H and W pixels. NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies

#: agreements from which on the coarsest difference is believed a little, and fully (development pairs)
NONE, FULL = 0.8, 0.97


def agreement(added: Array, coarsest: float) -> float:
    """Of what L solutions add to the linear estimate, coefficients (L, H, W, N), in the differences of N slices below
    ``coarsest`` (cycles/pixel): 1 if all add the same, 0 if each adds something else.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.random.default_rng(0).normal(size=(30, 41, 2))
    >>> round(agreement(np.stack([one, one, 2 * one]), 0.1), 2)
    0.83
    """
    k = frequencies(*added.shape[1:3])
    c = added[:, (k > 0) & (k < coarsest)]
    c = (c - c.mean(-1, keepdims=True)).reshape(len(added), -1)
    products = c @ c.T
    own = np.trace(products) / len(c)
    between = (products.sum() - np.trace(products)) / (len(c) * (len(c) - 1))
    return float(between / own) if own > 0 else 0.0


def weight(agreed: float, shape: tuple[int, int], coarsest: float) -> Array:
    """(H, W) of the prior's coarsest difference: by its agreement below ``coarsest``, 1 from twice that on."""
    believed = float(np.clip((agreed - NONE) / (FULL - NONE), 0, 1))
    octaves = np.log2(np.maximum(frequencies(*shape), 1e-9) / coarsest)
    return believed + (1 - believed) * np.clip(octaves, 0, 1)
