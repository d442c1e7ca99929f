"""The level of a slice, which the data leave open: its commonest value is its background's.

N slices, H and W pixels. NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array

#: of the histogram of `background`
BINS = 1000


def background(image: Array) -> float:
    """The commonest value: where the smoothed histogram is highest.

    The mean over the pixels, each with the 16th power of the density of its value: unlike the place of the maximum it
    does not jump with the last digit of the input.
    """
    from scipy.ndimage import gaussian_filter1d

    low, high = image.min(), image.max()
    if low == high:
        return float(low)
    bins = np.minimum(((image - low) * (BINS / (high - low))).astype(int), BINS - 1)
    density = gaussian_filter1d(np.bincount(bins.ravel(), minlength=BINS).astype(float), BINS / 200)
    weight = (density / density.max())[bins] ** 16
    return float((weight * image).sum() / weight.sum())


def level(y: Array, images: Array) -> Array:
    """Give each slice the background of its input; what is left of the mean of the sum is shared equally."""
    y = y + np.array([background(i) - background(j) for i, j in zip(images, y, strict=True)])[:, None, None]
    return y + (images.mean((1, 2)).sum() - y.mean((1, 2)).sum()) / len(y)
