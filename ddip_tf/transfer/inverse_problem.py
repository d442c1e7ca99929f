"""I(k) = T(k) y(k) + n as a linear inverse problem: its normal equations, its linear estimate, and what they decide.

Symbols as in `ddip_tf.transfer.estimate`. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer import noise, ramps
from ddip_tf.transfer.bands import frequencies, interpolate_power
from ddip_tf.transfer.dct import dct, idct, inverse, matvec
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.strips import Index, by_strips


@dataclass(frozen=True)
class Problem:
    """Slices and their T(k) in the unit of the prior, with the noise at every factor; see `prepare`."""

    unit: float  # `scale` of the slices
    means: Array  # (N, 1, 1) of the slices
    images: Array  # (N, H, W): (slices - means) / unit
    transfer: Transfer  # of these images
    noise: noise.Levels  # of these images
    free_ramps: bool = False  # nothing is known of the ramps of the images (`ddip_tf.transfer.ramps`)

    @cached_property
    def k(self) -> Array:
        """(H, W) cycles/pixel."""
        return frequencies(*self.images.shape[1:])

    @cached_property
    def steepness(self) -> Array:
        """(H, W) bool: where nothing is asked of the images, for their ramps are free."""
        return ramps.steepness(*self.images.shape[1:])

    def weighted(self, factor: float, at: Index = ...) -> tuple[Array, Array]:
        """T and T^T N^-1, both (H, W, N, N), or only of the frequencies ``at`` which they are asked."""
        T = self.transfer.at(self.k[at])
        TW = T.swapaxes(-1, -2) @ inverse(self.noise.covariance(factor, at))
        if self.free_ramps:
            TW[self.steepness[at]] = 0
        return T, TW

    def normal(self, factor: float) -> tuple[Array, Array, Array]:
        """T (H, W, N, N), Fisher information T^T N^-1 T (H, W, N, N) and T^T N^-1 I (H, W, N)."""
        T, TW = self.weighted(factor)
        return T, TW @ T, matvec(TW, dct(self.images))

    def misfit(self, y: Array, factor: float) -> float:
        """(T y - I)^T N^-1 (T y - I) / 2 of slices (N, H, W), summed over the coefficients; ramps apart, if free."""
        left = dct(self.images) - through(self.transfer, dct(y))
        if self.free_ramps:
            left -= ramps.like(left)
        weighed = by_strips(lambda rows: matvec(inverse(self.noise.covariance(factor, rows)), left[rows]), left)
        return float((left * weighed).sum() / 2)

    def decided(self, coefficients: Array, factor: float) -> Array:
        """The part of slices' ``coefficients`` (H, W, N) that the data decide."""

        def of_rows(rows: slice) -> Array:
            T, TW = self.weighted(factor, rows)
            information = TW @ T
            return matvec(self.wiener(information, rows) @ information, coefficients[rows])

        return by_strips(of_rows, coefficients)

    def wiener(self, information: Array, at: Index = ...) -> Array:
        """Covariance (H, W, N, N) that is left: the inverse of (information + 1/source power).

        Or only of the frequencies ``at`` which the information is.
        """
        power = interpolate_power(self.k[at], self.transfer.k, np.maximum(self.transfer.power, 1e-12))
        return inverse(information + np.eye(power.shape[-1]) / power[..., None])


def prepare(images: Array, transfer: Transfer, levels: noise.Levels | None = None) -> Problem:
    """The problem of slices (N, H, W) under the T(k) of ``transfer``, both in the unit of the files.

    ``levels`` are of the noise in the unit of the prior (`scale`). Where none are given they follow from the projected
    power; with normalisation "diagonal" each slice was scaled on its own, and so was its noise.
    """
    unit, means = scale(images), images.mean((1, 2), keepdims=True)
    centred = (images - means) / unit
    if levels is None:
        own = images.std((1, 2)) / images.std() if transfer.normalisation == "diagonal" else None
        levels = noise.levels(centred, own)
    return Problem(unit, means, centred, replace(transfer, power=transfer.power / unit**2), levels)


def decided(y: Array, problem: Problem, factor: float) -> Array:
    """The part of slices y (N, H, W), in the unit of the files, that the data decide, at `factor` times the noise."""
    return idct(problem.decided(dct(y - y.mean((1, 2), keepdims=True)), factor))


def modelled(y: Array, images: Array, transfer: Transfer, free_ramps: bool = False) -> Array:
    """T y (N, H, W), with the mean of each slice of ``images``; with its ramp, too, where ramps are free."""
    means = images.mean((1, 2), keepdims=True)
    if not transfer.mixed:
        return images.copy()
    coefficients = through(transfer, dct(y - y.mean((1, 2), keepdims=True)))
    if free_ramps:
        coefficients += ramps.like(dct(images - means) - coefficients)
    return means + idct(coefficients)


def through(transfer: Transfer, coefficients: Array) -> Array:
    """T y of the coefficients y (H, W, N) of slices."""
    k = frequencies(*coefficients.shape[:2])
    return by_strips(lambda rows: matvec(transfer.at(k[rows]), coefficients[rows]), coefficients)


def scale(images: Array) -> float:
    """Standard deviation of the projected (summed) image: the unit of the prior."""
    return float(images.sum(0).std())
