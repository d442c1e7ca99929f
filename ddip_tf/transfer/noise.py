"""What the mixing law cannot explain: the noise N(k) of I(k) = T(k) y(k) + n, from the projected power alone.

The projected phase (the sum over slices) is what the diffraction data fix best; reconstruction noise and misfit of a
stationary T live in the differences between slices and grow with the object's own power. On simulated scans with known
truth (`tools/simulate.py`: 12 keV, 7.3 nm pixels, spacings of 10-30 um, six kinds of samples) the residual of the true
law, as a share of the projected power at the same k, follows one curve for the differences and one for the sum, within
a factor of about three either way. `SHARES` holds both; what the factor is for a given data set is tried out by
`ddip_tf.transfer.solver.solve`. These scans resolved periods of about 6 pixels, where the shares rise towards one:
slices with finer true detail than that are smoothed there.

The covariance model of `ddip_tf.transfer.smica` has a noise matrix too; it keeps misfit from being taken for a source,
but as an estimate of N it was found up to ten times too small in the differences and a hundred times too large in the
sum. Symbols as in `ddip_tf.transfer`. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies, interpolate_power, projected_power
from ddip_tf.transfer.dct import eigen
from ddip_tf.transfer.resolution import SAME, Sampling
from ddip_tf.transfer.smica import difference_projector
from ddip_tf.transfer.strips import Index, part

#: k (cycles/pixel), share of the projected power that is noise in each difference mode, and in the sum
#: (`tools/calibrate_noise.py`, geometric mean over nine simulated pairs)
SHARES = np.array(
    [
        (0.0100, 0.0008, 0.0004),
        (0.0137, 0.0022, 0.0003),
        (0.0189, 0.0041, 0.0003),
        (0.0259, 0.0064, 0.0004),
        (0.0356, 0.0121, 0.0005),
        (0.0488, 0.0204, 0.0008),
        (0.0671, 0.0299, 0.0025),
        (0.0921, 0.0495, 0.0098),
        (0.1265, 0.0929, 0.0474),
        (0.1737, 0.2073, 0.2629),
        (0.2386, 0.4375, 0.7136),
        (0.3277, 0.9179, 0.9329),
        (0.4500, 0.9640, 0.9617),
    ]
)

#: on the share of the sum: among 1, 2, 4, 8 and 16 the best for the total variation of `ddip_tf.transfer.solver`
SUM_FACTOR = 4.0


@dataclass(frozen=True)
class Levels:
    """Power spectral densities of the noise at every cosine coefficient, and what each slice was scaled by.

    Attributes
    ----------
    apart, together
        (H, W) of each difference mode and of the sum, in (unit of the slices)^2.
    unit
        (N,) scale of each slice.
    more
        (H, W, N, N) of another origin, whatever the factor.
    floor
        (H, W, N, N) what was measured (`ddip_tf.transfer.halves`), below which no factor leads; None: nothing was.
    """

    apart: Array
    together: Array
    unit: Array
    more: Array | float = 0.0
    floor: Array | None = None

    def covariance(self, factor: float, at: Index = ...) -> Array:
        """N(k), (H, W, N, N), in (unit of the images)^2; ``factor`` multiplies the share of the differences.

        Or only of the frequencies ``at`` which it is asked.
        """
        n = len(self.unit)
        differences = difference_projector(n)
        both = factor * self.apart[at][..., None, None] * differences
        both += self.together[at][..., None, None] * (np.eye(n) - differences)
        both = both * np.outer(self.unit, self.unit)
        return (both if self.floor is None else at_least(both, self.floor[at])) + part(self.more, at)


def at_least(noise: Array, floor: Array) -> Array:
    """Symmetric matrices (..., N, N) above both, in every direction: noise + the positive part of (floor - noise)."""
    if not floor.any():
        return noise
    values, axes = eigen(floor - noise)
    return noise + (axes * np.maximum(values, 0)[..., None, :]) @ axes.swapaxes(-1, -2)


def shares(k: Array) -> tuple[Array, Array]:
    """Of the power at k (...,) what is noise in each difference mode, and in the sum, by `SHARES`; linear in logs."""
    at, *of = SHARES.T
    apart, together = (interpolate_power(k, at, share) for share in of)
    return apart, together


def follow(
    power: Array,
    nodes: Array,
    unit: Array,
    shape: tuple[int, int],
    more: Array | float = 0.0,
    sampling: Sampling = SAME,
) -> Levels:
    """Noise of slices of ``shape`` (H, W), scaled by ``unit`` (N,), by `SHARES` of a power (K,) at ``nodes`` (K,), and
    ``more`` (H, W, N, N)."""
    k = frequencies(*shape)
    density = interpolate_power(k, nodes, power)
    apart, together = shares(sampling.reference(k))
    return Levels(density * apart, density * SUM_FACTOR * together, unit, more)


def levels(images: Array, unit: Array | None = None) -> Levels:
    """Noise of slices (N, H, W) by `SHARES` of their projected power.

    ``unit`` (N,): what each slice was scaled by on its own; there the sum of the slices divided by it takes the place
    of the projected phase.
    """
    n, height, width = images.shape
    unit = np.ones(n) if unit is None else unit
    nodes = np.geomspace(2.2 / np.sqrt(height * width), 0.6, 24)
    return follow(projected_power(images / unit[:, None, None], nodes), nodes, unit, (height, width))
