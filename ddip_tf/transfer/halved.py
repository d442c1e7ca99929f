"""The non-convex total variation of large fields on half the pixels a side: a quarter of the work, for what is tried.

Whether the prior can be believed and how far solutions spread are asked of coarse structure, which half as many pixels
hold as well. Symbols as in `ddip_tf.transfer.half_quadratic`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.dct import dct, idct
from ddip_tf.transfer.half_quadratic import minimise


def minimise_halved(
    start: Array,
    equations: Callable[[slice], tuple[Array, Array]],
    *,
    strength: float,
    exponent: float,
    steps: int,
    ramps: None = None,
) -> Array:
    """`half_quadratic.minimise` of the lower half of the frequencies along each side, the others zero; no free ramps.

    A coefficient of the smaller field is 1/s of the same one of the whole, where s^2 is how many times fewer pixels
    there are. Gradients grow by s, and so ``strength`` by s^(2 - exponent), as the sum of |grad y|^exponent over
    pixels is to be the same.
    """
    _, height, width = start.shape
    rows, columns = -(-height // 2), -(-width // 2)
    s = np.sqrt(height * width / (rows * columns))

    def coarse(part: slice) -> tuple[Array, Array]:
        information, data = equations(part)
        return s**2 * information[:, :columns], s * data[:, :columns]

    small = idct(dct(start)[:rows, :columns] / s)
    small = minimise(small, coarse, strength=strength * s ** (2 - exponent), exponent=exponent, steps=steps)
    found = np.zeros((height, width, len(start)))
    found[:rows, :columns] = s * dct(small)
    return idct(found)
