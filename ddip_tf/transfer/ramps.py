"""The ramp of a slice, which diffraction data leave open, as they do its level (see `ddip_tf.transfer.background`).

A linear ramp of the phase shifts the wave behind it and no intensity, so phases of a reconstruction come without any,
or with whatever the optimiser left, while the sample has one: I = T y + ramps + n, with ramps that are free in every
slice. A reflected ramp lies on the odd cosines of both axes, and on the lowest of each all but alone (the others hold
1.5 % of its power). So nothing is asked of these two coefficients, and what they leave as a ramp is taken out of the
data on the others. N slices, H and W pixels. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.strips import Index

#: the coefficients (row, column) that say how steep a ramp is
STEEPNESS = ((1, 0), (0, 1))


def profile(count: int) -> Array:
    """DCT-II coefficients (count,) of a ramp over ``count`` pixels, the lowest of them 1.

    Examples
    --------
    >>> profile(64)[:4].round(3).tolist()
    [0.0, 1.0, 0.0, 0.111]
    """
    angle = np.pi * np.arange(count) / (2 * count)
    angle[0] = np.pi / 2  # no constant
    ramp = np.where(np.arange(count) % 2, np.cos(angle) / np.sin(angle) ** 2, 0.0)
    return ramp / ramp[1]


def on_axes(height: int, width: int) -> Array:
    """(H, W) bool: the coefficients a ramp has."""
    odd = np.zeros((height, width), bool)
    odd[1::2, 0] = odd[0, 1::2] = True
    return odd


def steepness(height: int, width: int) -> Array:
    """(H, W) bool: the coefficients of which nothing is asked."""
    steep = np.zeros((height, width), bool)
    for at in STEEPNESS:
        steep[at] = True
    return steep


def like(coefficients: Array) -> Array:
    """The ramps (H, W, N) as steep as cosine ``coefficients`` (H, W, N) say."""
    ramps = np.zeros_like(coefficients)
    height, width, _ = coefficients.shape
    ramps[:, 0] += profile(height)[:, None] * coefficients[1, 0]
    ramps[0] += profile(width)[:, None] * coefficients[0, 1]
    return ramps


def without_plane(image: Array) -> Array:
    """``image`` (H, W) without its least-squares plane: constant and ramp."""
    height, width = image.shape
    y, x = (axis.ravel() for axis in np.mgrid[:height, :width])
    plane = np.stack([np.ones(y.size), y / height, x / width], 1)
    return image - (plane @ np.linalg.lstsq(plane, image.ravel(), rcond=None)[0]).reshape(image.shape)


class FreeRamps:
    """What ramps do to the data T^T N^-1 I of a problem while its slices are solved for.

    ``weighted`` gives T (..., N, N) and T^T N^-1 (..., N, N), which is zero at `STEEPNESS`, at some frequencies (H, W);
    ``mixed`` (H, W, N) are the coefficients of I.
    """

    def __init__(self, weighted: Callable[[Index], tuple[Array, Array]], mixed: Array) -> None:
        height, width, _ = mixed.shape
        down = profile(height)[:, None, None] * weighted(np.s_[:, 0])[1]
        across = profile(width)[:, None, None] * weighted(np.s_[0])[1]
        self._down, self._across = (np.moveaxis(x, 0, -1) for x in (down, across))  # (N, N, H or W)
        self._mixing = [(weighted(at)[0], mixed[at], at) for at in STEEPNESS]

    def add(self, data: Array, y: Array) -> Array:
        """``data`` (N, H, W) with the ramps taken out that slices of coefficients ``y`` (N, H, W) leave in I."""
        down, across = (T @ y[:, *at] - mixed for T, mixed, at in self._mixing)
        data = data.copy()
        data[:, :, 0] += np.einsum("ijh,j->ih", self._down, down)
        data[:, 0] += np.einsum("ijw,j->iw", self._across, across)
        return data
