"""Does the prior know what the coarsest difference of the slices is, or does it guess?

Towards k = 0 all slices show the same picture, and how it is shared out among them is left to the prior
(`half_quadratic`) alone; `held_out` cannot tell whether it is right, for the sum says nothing of the difference. Where
edges fix it, though, the prior puts in the same difference when other coefficients are hidden and at other levels of
noise; where full fields of texture do not, another one each time. Its agreement with itself,

    <c_l c_m> over pairs of solutions l, m, divided by <c_l c_l>,    c_l = difference it adds to the linear estimate,

tells how far to believe it. Symbols: L solutions, M coefficients, N slices, H and W pixels. NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.resolution import Sampling

#: agreements from which on the coarsest difference is believed a little, and fully
NONE, FULL = 0.6, 0.9
#: cycles/pixel at the reference, below which slices are all but the same picture
COARSEST = 0.015


def agreement(added: Array) -> float:
    """Of what L solutions add (L, ...): 1 if all add the same, 0 if each adds something else.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.random.default_rng(0).normal(size=(30, 2))
    >>> round(agreement(np.stack([one, one, 2 * one])), 2)
    0.83
    """
    c = added.reshape(len(added), -1)
    products = c @ c.T
    own = np.trace(products) / len(c)
    between = (products.sum() - np.trace(products)) / (len(c) * (len(c) - 1))
    return float(between / own) if own > 0 else 0.0


def differences(added: Array) -> Array:
    """What of coefficients (..., N) of N slices is not the same in all."""
    return added - added.mean(-1, keepdims=True)


def coarsest(sampling: Sampling, lowest: float) -> float:
    """Below what k (cycles/pixel) differences are the prior's alone; no lower than the ``lowest`` band of T."""
    return max(sampling.here(COARSEST), lowest)


def weight(agreed: float, shape: tuple[int, int], coarsest: float) -> Array:
    """(H, W) of the prior's coarsest difference: by its agreement below ``coarsest``, 1 from twice that on."""
    coarse = believed(agreed, NONE, FULL)
    octaves = np.log2(np.maximum(frequencies(*shape), 1e-9) / coarsest)
    return coarse + (1 - coarse) * np.clip(octaves, 0, 1)


def believed(value: float, none: float, full: float) -> float:
    """From 0 at ``none`` to 1 at ``full``."""
    return float(np.clip((value - none) / (full - none), 0, 1))
