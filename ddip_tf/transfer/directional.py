"""What a filter of \\|k\\| leaves of a one-sided ghost: directions of k, and displacements.

Under a one-sided model slice j holds h(\\|k\\|) times slice i, and h is found from covariances in rings (`ladder`). A
ghost through an astigmatic probe differs between directions of k, and one that is displaced has phases. What is left of
it in slice j is fitted by generalised least squares, in closed form:

    r = sum_l sum_s c_ls shift_s (g_l * I_i) + y_j

g_l are band passes an octave apart (differences of Gaussians) and the displacements s are those to the neighbours 2^l
pixels away, nine for each l; both sides are whitened by the power spectrum of r, and the c_ls shrunk towards zero. It
is used only where it foretells windows of the field that were left out of the fit. H and W pixels, C coefficients.
NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import band_centres, frequencies, interpolate_power, projected_power
from ddip_tf.transfer.dct import dct, idct
from ddip_tf.transfer.resolution import SAME, Sampling

#: octaves, as the reference is sampled
OCTAVES = 4
#: pixels, the deviation of the finest Gaussian
FINEST = 0.8
#: windows a side, each left out once
WINDOWS = 4
#: deviation of the coefficients before anything is seen, and pixels that count as one sample of whitened noise
DEVIATION, PIXELS_PER_SAMPLE = 0.3, 64.0
#: standard errors over the windows by which it must foretell what was left out (chosen on development pairs)
CLEAR = 3.0
#: pixels a side of the middle of the field that coefficients are fitted to
LARGEST = 1024


class Directional(NamedTuple):
    """A ghost (H, W) beside the one of \\|k\\|, and how well it was foretold."""

    ghost: Array
    explained: float  # of the whitened power in windows left out, on average
    error: float  # its standard error

    @property
    def clear(self) -> bool:
        """Is it more than chance?"""
        return self.explained > CLEAR * self.error


def find(left: Array, source: Array, sampling: Sampling = SAME) -> Directional:
    """What of slice ``source`` (H, W) is in ``left`` (H, W), the other slice without its ghost of \\|k\\|.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> own, source = rng.normal(size=(2, 90, 101))
    >>> found = find(own + 0.2 * np.roll(source, 1, axis=0), source)
    >>> found.clear, round(float(np.corrcoef(found.ghost.ravel(), np.roll(source, 1, axis=0).ravel())[0, 1]), 1)
    (True, 1.0)
    """
    octaves = _octaves(source.shape, sampling)
    middle = tuple(slice(max(0, (side - LARGEST) // 2), max(0, (side - LARGEST) // 2) + LARGEST) for side in left.shape)
    normal, projection, power = _equations(left[middle], source[middle], octaves)
    pixels = left[middle].size
    ridge = PIXELS_PER_SAMPLE / DEVIATION**2 * power.sum() / pixels * np.eye(normal.shape[-1])
    explained = []
    for A, b, p in zip(normal, projection, power, strict=True):
        c = np.linalg.solve(normal.sum(0) - A + ridge, projection.sum(0) - b)
        explained.append((2 * c @ b - c @ A @ c) / p)
    coefficients = np.linalg.solve(normal.sum(0) + ridge, projection.sum(0))
    ghost = np.zeros(source.shape)
    for c, copy in zip(coefficients, _copies(source, octaves), strict=True):
        ghost += c * copy
    error = np.std(explained, ddof=1) / np.sqrt(len(explained))
    return Directional(ghost, float(np.mean(explained)), float(error))


def _octaves(shape: tuple[int, ...], sampling: Sampling) -> int:
    """Of band passes: one more for pixels half as large, and none wider than an eighth of the field."""
    asked = OCTAVES - round(np.log2(sampling.factor))
    return int(np.clip(asked, 1, np.log2(min(shape) / 8)))


def _copies(image: Array, octaves: int) -> Iterator[Array]:
    """The C displaced copies (H, W) of the band passes of an image (H, W), its margins reflected."""
    k, spectrum = frequencies(*image.shape), dct((image - image.mean())[None])
    passed = np.ones_like(k)
    for step in 2 ** np.arange(octaves):
        lower = np.exp(-2 * (np.pi * FINEST * step * k) ** 2)
        band = idct(spectrum * (passed - lower)[..., None])[0]
        passed = lower
        around = np.pad(band, step, mode="symmetric")
        for y in (0, step, 2 * step):
            for x in (0, step, 2 * step):
                yield around[y : y + image.shape[0], x : x + image.shape[1]]


def _equations(left: Array, source: Array, octaves: int) -> tuple[Array, Array, Array]:
    """Normal equations in each of M windows: (M, C, C), (M, C), and the power of what is left, (M,), all whitened."""
    k = frequencies(*left.shape)
    centres = band_centres(left.shape[0], left.shape[1], highest=0.6)
    gain = 1 / np.sqrt(interpolate_power(k, centres, projected_power(left[None], centres)))

    def white(image: Array) -> Array:
        return idct(dct((image - image.mean())[None]) * gain[..., None])[0]

    copies, rest = np.stack([white(copy) for copy in _copies(source, octaves)]), white(left)
    rows, columns = (np.array_split(np.arange(side), WINDOWS) for side in left.shape)
    normal, projection, power = [], [], []
    for window in ((slice(y[0], y[-1] + 1), slice(x[0], x[-1] + 1)) for y in rows for x in columns):
        X, y = copies[:, *window].reshape(len(copies), -1), rest[window].ravel()
        normal.append(X @ X.T)
        projection.append(X @ y)
        power.append(y @ y)
    return np.array(normal), np.array(projection), np.array(power)
