"""Noise and resolution measured: the difference of two reconstructions from disjoint halves of the scan positions.

Both halves show the same slices, so their difference is noise of both, once it is freed of what two reconstructions of
the same data may differ by as well: a constant and a ramp of the phase of each slice, a shift of everything, and a
gain. Of the halves A and B, with independent noise of like power,

    (A - B) / sqrt 2    is a realisation of the noise of one of them,
    (A - B) / 2         of the noise of the whole scan.

It is a **lower bound** of the noise: misfit of the model and ghosts repeat in both halves, and so do not show. For the
same reason the Fourier ring correlation of the halves is **blind to crosstalk**: ghosts correlate as well as the slice.

Of the whole scan it is so only if halving the positions does no more than double the noise. Where they lie far apart,
half of them hardly hold the object: on scans simulated with positions 11 pixels apart under a beam of 22 pixels the
scaled difference had up to 4.6 times the power of the true noise. So a fit of the whole scan takes a quarter of that
power for the least noise there is (`Halves.least`), and a fit of one half, whose noise needs no scaling, all of it.

The correlation is that of cosine coefficients in rings, whose margins are reflected. Where it falls below the half-bit
threshold (van Heel & Schatz, J. Struct. Biol. 151, 250, 2005), the slice of the whole scan holds less than half a bit
of information a coefficient: the resolution that was measured. Symbols: N slices, H and W pixels, F rings. NumPy, SciPy
and scikit-image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct
from ddip_tf.transfer.ramps import without_plane

#: on the power of the noise of a whole scan, by halves that may be too thin
THIN = 0.25
#: rings at most, from 0 to 0.5 cycles/pixel
MOST_RINGS = 64
#: pixels: Gaussian that smooths halves before they are aligned
SMOOTH = 2.0
#: of the smoothed halves: with less correlation they do not show the same slice
LEAST_CORRELATION = 0.3
#: pixels: larger shifts are those of other images
MOST_SHIFT = 10.0
#: pixels: smaller ones are left alone
LEAST_SHIFT = 0.02


@dataclass(frozen=True)
class Halves:
    """What two halves of a scan say of the slices.

    Attributes
    ----------
    noise
        (N, H, W) a realisation of the noise of the slices, in their unit; a lower bound.
    k
        (F,) middle of each ring, cycles/pixel.
    correlation
        (N, F) Fourier ring correlation of the halves of each slice; blind to crosstalk.
    threshold
        (F,) half a bit.
    noise_power
        (N, F) power spectral density of ``noise``, (unit of the slices)^2.
    half_period_px
        for each slice half the period at which the correlation crosses the threshold; None where it never does (it
        resolves a pixel, 1.0, or nothing is above it).
    shift_px
        (N, 2) y, x by which the second half lay off the first.
    gain
        (N,) contrast of the second half over that of the first.
    whole
        whether the slices are of the whole scan, so that the noise was scaled.
    """

    noise: Array
    k: Array
    correlation: Array
    threshold: Array
    noise_power: Array
    half_period_px: tuple[float | None, ...]
    shift_px: Array
    gain: Array
    whole: bool

    @property
    def least(self) -> Array:
        """(N, H, W) the noise that there is at least, for a fit."""
        return self.noise * np.sqrt(THIN) if self.whole else self.noise

    @property
    def deviation(self) -> Array:
        """(N,) root mean square of the noise."""
        return np.sqrt((self.noise**2).mean((1, 2)))

    @property
    def noise_correlation(self) -> Array:
        """(N, N) of the noise of the slices with one another."""
        return np.corrcoef(self.noise.reshape(len(self.noise), -1))


def measure(images: Array, halves: Array) -> Halves:
    """Noise and resolution of slices (N, H, W) from ``halves``.

    ``halves`` is (1, N, H, W) where the slices are one half of a scan and these the other, and (2, N, H, W), both
    halves, where the slices are of the whole scan.

    Raises ValueError for halves that do not show the same as the slices, or are too far off.

        >>> found = measure(slices, np.stack([odd, even]))
        >>> found.deviation, found.half_period_px
        (array([0.0121, 0.0093]), (3.1, 3.4))
    """
    images = np.asarray(images, float)
    whole = len(halves) == 2
    first, second = np.asarray(halves[0] if whole else images, float), np.asarray(halves[-1], float)
    pairs = [_aligned(a, b, number) for number, (a, b) in enumerate(zip(first, second, strict=True), 1)]
    rim = max(pair.rim for pair in pairs)
    inner = np.s_[rim : images.shape[1] - rim, rim : images.shape[2] - rim]
    a, b = (
        np.stack([half[inner] for half in both]) for both in zip(*((p.first, p.second) for p in pairs), strict=True)
    )
    difference = (a - b) / (2 if whole else np.sqrt(2))
    if whole:  # halves may be less far reconstructed than the whole
        contrast = [
            _gain(image, half, number)[0] for number, (image, half) in enumerate(zip(images, first, strict=True), 1)
        ]
        difference *= np.reshape(contrast, (-1, 1, 1))
    difference -= difference.mean((1, 2), keepdims=True)
    k, correlation, threshold, power = _rings(a, b, difference, min(MOST_RINGS, min(images.shape[1:]) // 2))
    return Halves(
        noise=np.pad(difference, ((0, 0), (rim, rim), (rim, rim)), mode="symmetric"),
        k=k,
        correlation=correlation,
        threshold=threshold,
        noise_power=power,
        half_period_px=tuple(crossing(k, row, threshold) for row in correlation),
        shift_px=np.array([pair.shift for pair in pairs]),
        gain=np.array([pair.gain for pair in pairs]),
        whole=whole,
    )


def crossing(k: Array, correlation: Array, threshold: Array) -> float | None:
    """Half the period (pixels) at which a correlation (F,) first falls below its threshold; 1 where it never does.

    None where it is below from the start.
    """
    below = np.flatnonzero(correlation < threshold)
    if not below.size:
        return 1.0
    last = int(below[0])
    if last == 0:
        return None
    lead = correlation[last - 1 : last + 1] - threshold[last - 1 : last + 1]
    at = k[last - 1] + (k[last] - k[last - 1]) * lead[0] / (lead[0] - lead[1])
    return float(0.5 / at)


def half_bit(count: Array) -> Array:
    """Threshold of the correlation of two halves in rings of so many independent coefficients."""
    root = np.sqrt(count)
    return (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)


@dataclass(frozen=True)
class _Pair:
    """Two halves (H, W) of a slice on one another, good but for a ``rim``."""

    first: Array
    second: Array
    rim: int
    shift: tuple[float, float]
    gain: float


def _aligned(first: Array, second: Array, number: int) -> _Pair:
    """``second`` on ``first``, both (H, W): shift, constant, ramp and gain taken out."""
    from skimage.registration import phase_cross_correlation

    first, second = without_plane(first), without_plane(second)
    window = np.outer(*(np.hanning(side) for side in first.shape))
    found, _, _ = phase_cross_correlation(
        _smooth(first) * window, _smooth(second) * window, upsample_factor=20, normalization=None
    )
    if np.abs(found).max() <= MOST_SHIFT:
        found = found + _rest_of_shift(first, _shifted(second, found))
    y, x = float(found[0]), float(found[1])
    if max(abs(y), abs(x)) > MOST_SHIFT:
        raise ValueError(f"slice {number} of the halves lies {-y:+.1f}, {-x:+.1f} pixels (y, x) apart: crop them alike")
    rim = 0
    if max(abs(y), abs(x)) > LEAST_SHIFT:
        rim = int(np.ceil(max(abs(y), abs(x)))) + 1
        second = _shifted(second, found)
    gain, plane = _gain(first, second, number)
    return _Pair(first, gain * (second - plane), rim, (-y, -x), 1 / gain)


def _gain(first: Array, second: Array, number: int) -> tuple[float, Array]:
    """Contrast of ``first`` over that of ``second``, both (H, W), as if noise were alike, and the plane left in second.

    Raises ValueError where they do not show the same.
    """
    a, b = _smooth(without_plane(first)), _smooth(without_plane(second))
    spread = a.std() * b.std()
    if not spread or (a * b).mean() < LEAST_CORRELATION * spread:
        raise ValueError(f"slice {number} of the halves do not show the same: correlation under {LEAST_CORRELATION}")
    return float(a.std() / b.std()), second - without_plane(second)


def _shifted(image: Array, shift: Array) -> Array:
    """``image`` (H, W) moved by ``shift`` (y, x); reflected at its margins, so that nothing rings."""
    from scipy.ndimage import fourier_shift

    height, width = image.shape
    whole = np.pad(image, ((0, height), (0, width)), mode="symmetric")
    return np.fft.ifft2(fourier_shift(np.fft.fft2(whole), shift)).real[:height, :width]


def _rest_of_shift(first: Array, second: Array) -> Array:
    """By how much (y, x) ``second`` still has to be moved onto ``first``, to first order in it."""
    a, b = (_smooth(image)[8:-8, 8:-8] for image in (first, second))
    slopes = np.stack([*(-slope.ravel() for slope in np.gradient(b)), b.ravel(), np.ones(b.size)], 1)
    return np.linalg.lstsq(slopes, (a - b).ravel(), rcond=None)[0][:2]


def _smooth(image: Array) -> Array:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, SMOOTH)


def _rings(a: Array, b: Array, noise: Array, count: int) -> tuple[Array, Array, Array, Array]:
    """Middles of ``count`` rings (F,), correlation of a and b (N, H, W) in them (N, F), its threshold (F,), and the
    power of ``noise`` (N, F)."""
    k = frequencies(*a.shape[1:])
    ring = np.minimum((k * 2 * count).astype(int), count)  # the last, beyond 0.5 cycles/pixel, is left out
    ring[0, 0] = count

    def summed(x: Array) -> Array:
        return np.array([np.bincount(ring.ravel(), row.ravel(), count + 1)[:count] for row in np.moveaxis(x, -1, 0)])

    number = np.bincount(ring.ravel(), minlength=count + 1)[:count]
    A, B, N = dct(a), dct(b), dct(noise)
    correlation = summed(A * B) / np.sqrt(np.maximum(summed(A**2) * summed(B**2), 1e-300))
    return (np.arange(count) + 0.5) / (2 * count), correlation, half_bit(number), summed(N**2) / number
