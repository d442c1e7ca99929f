"""I(k) = T(k) y(k) + n as a linear inverse problem: its normal equations, its linear estimate, and what they decide.

Symbols as in `ddip_tf.transfer.estimate`. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer import noise
from ddip_tf.transfer.bands import frequencies, interpolate_power
from ddip_tf.transfer.dct import dct, idct, inverse, matvec
from ddip_tf.transfer.estimate import Transfer

#: numbers of T that are held at a time
AT_ONCE = 2**22


@dataclass(frozen=True)
class Problem:
    """Slices and their T(k) in the unit of the prior, with the noise at every factor; see `prepare`."""

    unit: float  # `scale` of the slices
    means: Array  # (N, 1, 1) of the slices
    images: Array  # (N, H, W): (slices - means) / unit
    law: Transfer  # of these images
    noise: noise.Levels  # of these images

    def normal(self, factor: float) -> tuple[Array, Array, Array]:
        """T (H, W, N, N), Fisher information T^T N^-1 T (H, W, N, N) and T^T N^-1 I (H, W, N)."""
        T = self.law.at(frequencies(*self.images.shape[1:]))
        TW = T.swapaxes(-1, -2) @ inverse(self.noise.covariance(factor))
        return T, TW @ T, matvec(TW, dct(self.images))

    def wiener(self, information: Array) -> Array:
        """Covariance (H, W, N, N) that is left: the inverse of (information + 1/source power)."""
        k = frequencies(*self.images.shape[1:])
        power = interpolate_power(k, self.law.k, np.maximum(self.law.power, 1e-12))
        return inverse(information + np.eye(power.shape[-1]) / power[..., None])


def prepare(images: Array, law: Transfer) -> Problem:
    """The problem of slices (N, H, W) under the T(k) of ``law``, both in the unit of the files.

    With normalisation "diagonal" each slice was scaled on its own, and so was its noise.
    """
    unit, means = scale(images), images.mean((1, 2), keepdims=True)
    centred = (images - means) / unit
    own = images.std((1, 2)) / images.std() if law.normalisation == "diagonal" else None
    return Problem(unit, means, centred, replace(law, power=law.power / unit**2), noise.levels(centred, own))


def decided(y: Array, problem: Problem, factor: float) -> Array:
    """The part of slices y (N, H, W), in the unit of the files, that the data decide, at `factor` times the noise."""
    _, information, _ = problem.normal(factor)
    by_data = problem.wiener(information) @ information
    return idct(matvec(by_data, dct(y - y.mean((1, 2), keepdims=True))))


def modelled(y: Array, images: Array, law: Transfer) -> Array:
    """T y (N, H, W), with the mean of each slice of ``images``."""
    means = images.mean((1, 2), keepdims=True)
    if not law.mixed:
        return images.copy()
    k, coefficients = frequencies(*y.shape[1:]), dct(y - y.mean((1, 2), keepdims=True))
    rows = max(1, AT_ONCE // (k.shape[1] * len(y) ** 2))  # T at every frequency of many slices fills the memory
    for first in range(0, len(k), rows):
        part = slice(first, first + rows)
        coefficients[part] = matvec(law.at(k[part]), coefficients[part])
    return means + idct(coefficients)


def scale(images: Array) -> float:
    """Standard deviation of the projected (summed) image: the unit of the prior."""
    return float(images.sum(0).std())
