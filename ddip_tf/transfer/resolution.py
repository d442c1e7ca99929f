"""How fine the structure of the slices is, so that nothing depends on how finely they are sampled.

Shares of noise and bands of T were found on scans whose edges lie around `REFERENCE` cycles/pixel. The same scan on
pixels half as large has the same structure at half the k; what is stated in cycles/pixel of those scans is therefore
taken relative to a frequency that is measured: half of the squared gradients of the projected image lies below it.
Symbols: N slices, H and W pixels. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import band_centres, frequencies
from ddip_tf.transfer.dct import dct

#: cycles/pixel, in the middle of the simulated scans (`tools/simulate.py`)
REFERENCE = 0.085
#: cycles/pixel at the reference, the highest band of T
HIGHEST = 0.2
#: the least and the largest factor
LEAST, MOST = 0.25, 2.0


@dataclass(frozen=True)
class Sampling:
    """Frequencies of the reference in cycles/pixel of the slices at hand, and back.

    Examples
    --------
    >>> Sampling(0.5).here(0.2), Sampling(0.5).reference(0.1)
    (0.1, 0.2)
    """

    factor: float = 1.0

    def here(self, k: float) -> float:
        """Cycles/pixel of these slices for ``k`` of the reference."""
        return k * self.factor

    def at_most(self, k: float) -> float:
        """The same, and no higher than ``k``: above it there is noise more often than structure, on any pixels."""
        return min(self.here(k), k)

    def reference(self, k: Array) -> Array:
        """Cycles/pixel of the reference for ``k`` of these slices."""
        return k / self.factor


#: as the reference is sampled
SAME = Sampling()


def sampling(images: Array) -> Sampling:
    """Of two slices (2, H, W): by their sum, or by their difference if ghosts have the opposite sign."""
    first, second = images / images.std((1, 2), keepdims=True)
    return sampling_of(first + second, first - second)


def sampling_of(*pictures: Array) -> Sampling:
    """Of pictures (H, W): by the one whose structure is coarsest."""
    coarsest = min(map(median_frequency, pictures))
    return Sampling(float(np.clip(coarsest / REFERENCE, LEAST, MOST)))


def bands_of(shape: tuple[int, ...], sampling: Sampling) -> Array:
    """Centres (K,) of the bands of T for slices of ``shape`` (H, W), up to `HIGHEST`."""
    height, width = shape
    return band_centres(height, width, highest=sampling.at_most(HIGHEST))


def median_frequency(image: Array) -> float:
    """Of the squared gradients of a picture (H, W), cycles/pixel; that of a constant is the highest.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.cos(2 * np.pi * np.arange(0.5, 96) / 12)
    >>> round(median_frequency(np.tile(wave, (64, 1))), 4)
    0.0833
    """
    k = frequencies(*image.shape).ravel()
    power = dct((image - image.mean())[None])[..., 0].ravel() ** 2 * k**2
    order = np.argsort(k)
    below = np.cumsum(power[order])
    return float(k[order][min(np.searchsorted(below, below[-1] / 2), len(k) - 1)])
