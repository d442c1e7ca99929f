"""Is detail kept? The gain of every output on its own truth, band by band, relative to the gain its input had.

A slice that lost contrast at some spatial frequency was smoothed there, or its structure was taken for a ghost. PSNR
forgives that where little power is; this does not. In bands of k the cosine coefficients x of a slice are regressed on
those of all truths at once, so that a ghost of another slice is not taken for detail:

    G(k) = <x t^T> <t t^T>^-1,    kept_i(k) = G_ii(k) of the output / G_ii(k) of the input

1 is neither smoothed nor sharpened. Only where the input follows its own truth (`FOLLOWS`) is there detail to be kept.
N slices, H and W pixels, K bands; k in cycles/pixel. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.errors import InputError
from ddip_tf.transfer.bands import band_centres, frequencies, log_gaussian
from ddip_tf.transfer.dct import dct

#: squared correlation of the input with its truth from which on a band counts
FOLLOWS = 0.8
#: cycles/pixel, the highest band
HIGHEST = 0.45
#: of the mean power, against bands in which truths are alike or empty
RIDGE = 1e-6


@dataclass(frozen=True)
class Detail:
    """Detail of slices after separation, relative to before.

    Attributes
    ----------
    k
        (K,) band centres, cycles/pixel.
    kept
        (K, N) gain of the output on its own truth over that of the input.
    follows
        (K, N) does the input follow its truth there.
    """

    k: Array
    kept: Array
    follows: Array

    def range(self, number: int) -> tuple[float, float] | None:
        """Least and largest that slice ``number`` (from 0) kept where its input follows the truth; None if nowhere."""
        kept = self.kept[self.follows[:, number], number]
        return (float(kept.min()), float(kept.max())) if len(kept) else None


def detail(outputs: Array, images: Array, truth: Array) -> Detail:
    """How much detail ``outputs`` (N, H, W) hold of ``truth`` (N, H, W), relative to ``images`` (N, H, W).

    Raises InputError if the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.random.default_rng(0).normal(size=(2, 40, 50))
    >>> halved = detail(0.5 * truth, truth, truth)
    >>> [round(bound, 3) for bound in halved.range(0)]
    [0.5, 0.5]
    """
    outputs, images, truth = (np.asarray(x, float) for x in (outputs, images, truth))
    if not outputs.shape == images.shape == truth.shape:
        raise InputError(f"shapes differ: {outputs.shape}, {images.shape}, {truth.shape}")
    height, width = truth.shape[1:]
    grid, k = frequencies(height, width), band_centres(height, width, highest=HIGHEST)
    rings = [log_gaussian(grid, centre, np.log(k[1] / k[0]) / 2) ** 2 for centre in k]
    out, given, true = (dct(x - x.mean((1, 2), keepdims=True)) for x in (outputs, images, truth))

    def products(a: Array, b: Array) -> Array:
        return np.array([np.einsum("yx,yxi,yxj->ij", ring, a, b) for ring in rings])

    truths = products(true, true)
    ridge = RIDGE * np.trace(truths, axis1=1, axis2=2)[:, None, None] * np.eye(len(truth))
    gain_out, gain_in = (
        np.einsum("kij,kji->ki", products(x, true), np.linalg.inv(truths + ridge)) for x in (out, given)
    )
    powers = np.einsum("kii->ki", products(given, given)) * np.einsum("kii->ki", truths)
    squared = np.einsum("kii->ki", products(given, true)) ** 2 / np.maximum(powers, 1e-300)
    return Detail(k, gain_out / np.where(gain_in == 0, np.nan, gain_in), squared > FOLLOWS)
