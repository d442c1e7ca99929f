"""Resolution of one image from itself: A. Descloux, K. S. Grußmayer, A. Radenovic, Nat. Methods 16, 918 (2019).

The correlation of an image with itself, whitened and cut off at k, first rises with k, as signal joins, and then falls,
as noise does. Where it is highest, for the picture itself and for ones with the low frequencies filtered out, signal
ends. NumPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Floats

#: rings between 0 and 0.5 cycles/pixel, and filtered pictures that are tried
RINGS, FILTERS = 100, 10
#: a maximum counts if it is this high, and stands this far above what follows
LEAST_HEIGHT, LEAST_FALL = 0.05, 0.001
#: share of the width over which each side is faded out
FADED = 0.1


def cutoff(image: np.ndarray) -> float | None:
    """Highest frequency of an image (H, W), real or complex, that holds signal, in cycles/pixel; None if none does.

    Up to 0.5, where the image has no noise that could be seen. Half its period, 0.5 / k pixels, is the resolution.

    >>> random = np.random.default_rng(0)
    >>> k = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(121))
    >>> blurred = np.fft.ifft2(np.fft.fft2(random.normal(size=(96, 121))) * (k < 0.2)).real
    >>> cutoff(blurred + 0.1 * random.normal(size=(96, 121)))
    0.2
    """
    faded = (image - image.mean()) * np.outer(*(_window(side) for side in image.shape))
    k = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1]))
    inside = (k > 0) & (k <= 0.5)
    size, k = np.abs(np.fft.fft2(faded))[inside], k[inside]
    if not size.any():
        return None
    ring = np.minimum((k * 2 * RINGS).astype(int), RINGS - 1)
    found = []
    for width in (np.inf, *np.geomspace(min(image.shape) / 8, 0.5, FILTERS)):
        part = size if np.isinf(width) else size * -np.expm1(-2 * (np.pi * width * k) ** 2)
        best = _highest(_decorrelation(part, ring))
        if best is not None:
            found.append((best + 1) / (2 * RINGS))
    return max(found, default=None)


def _decorrelation(size: Floats, ring: np.ndarray) -> Floats:
    """d up to each ring: of the transform's magnitudes with those of the whitened one."""
    total = np.cumsum(np.bincount(ring, size, RINGS))
    count = np.cumsum(np.bincount(ring, minlength=RINGS))
    return total / np.sqrt(np.maximum(count, 1) * np.sum(size**2))


def _highest(d: Floats) -> int | None:
    """Where ``d`` has its maximum that it falls from, or None: ends that only rise are left off, as the paper does."""
    end = len(d)
    while end > 1:
        best = int(np.argmax(d[:end]))
        if best == 0:
            return None
        if d[best] - d[best:end].min() >= LEAST_FALL:
            return best if d[best] >= LEAST_HEIGHT else None
        end = best
    return None


def _window(side: int) -> Floats:
    """(side,), 1 in the middle and falling to 0 at both ends."""
    near = np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / (FADED * side)
    return np.sin(np.pi / 2 * np.minimum(near, 1)) ** 2
