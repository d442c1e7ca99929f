"""Slices by linear filters where T is known only so well: ghosts out, own detail kept.

For columns T_j of covariance C_j, sources of power D_j and noise N, the filter of least mean squared error is

    W = D T^T (sum_j D_j (T_j T_j^T + C_j) + N)^-1

(the uncertainty of T counts as noise that grows with the sources). It would weaken a slice's own structure wherever
noise or ghosts are strong: a prior's business, not a filter's. So every row is scaled up until the slice has at least
the gain on itself that it came with, T_ii. Symbols: K bands, N slices. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer import noise
from ddip_tf.transfer.bands import frequencies, interpolate, log_gaussian
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.resolution import SAME, Sampling
from ddip_tf.transfer.smica import difference_projector

#: cycles/pixel, nodes above the highest band of T; T is taken as constant there
ABOVE = (0.27, 0.36, 0.5)
#: octaves over which the power that noise follows is smoothed (logarithms): a lattice has noise between its reflections
SMOOTHED = 0.7
#: on the share of noise in the differences (`ddip_tf.transfer.noise`), on the side of caution
CAUTION = 2.0
#: of the logarithm of the ratio of the sources' powers, between neighbouring bands
RATIO = 0.7
#: samples a band counts for at most in the sources' powers
MOST_SAMPLES = 60.0


@dataclass(frozen=True)
class Filters:
    """Linear separation on K bands and what it promises.

    Attributes
    ----------
    k
        (K,) cycles/pixel.
    weights
        (K, N, N) W.
    power
        (K, N) of the sources.
    covariance
        (K, N, N, N) of T's columns (second axis).
    gain_db
        (N,) expected reduction of each slice's mean squared error.
    density
        (K, N, N) spectral density of the slices.
    floor
        (K, N, N) that of the noise that was measured, if it was.
    """

    k: Array
    weights: Array
    power: Array
    covariance: Array
    gain_db: Array
    density: Array
    floor: Array | None = None

    def __call__(self, images: Array) -> Array:
        """Slices (N, H, W) separated; their means stay."""
        means = images.mean((1, 2), keepdims=True)
        k = frequencies(*images.shape[1:])
        return idct(matvec(interpolate(k, self.k, self.weights), dct(images - means))) + means


def filters(
    images: Array,
    k: Array,
    samples: Array,
    matrix: Array,
    covariance: Array,
    sampling: Sampling = SAME,
    measured: Array | None = None,
) -> Filters:
    """Filters for slices (N, H, W) under T (K, N, N), its columns' covariance (K, N, N, N) and the sum rule.

    ``samples`` (K,) are the independent samples of the bands around ``k`` (K,); ``measured`` (N, H, W) is a realisation
    of the noise (`ddip_tf.transfer.halves`), which is no less.
    """
    nodes = np.append(k, [sampling.here(above) for above in ABOVE])
    count = len(ABOVE)
    T, C = (np.concatenate([x, np.repeat(x[-1:], count, 0)]) for x in (matrix, covariance))
    spread = np.log(k[1] / k[0]) / 2
    density = spectra(images, nodes, spread)
    N = noise_density(nodes, density, sampling)
    floor = None if measured is None else spectra(measured, nodes, spread)
    if floor is not None:
        N = noise.at_least(N, floor)
    D = source_powers(T, C, density, N, np.append(samples, [np.inf] * count))
    seen = np.einsum("kj,kaj,kbj->kab", D, T, T) + np.einsum("kj,kjab->kab", D, C) + N
    own = D[:, :, None] * T.swapaxes(1, 2)
    W = own @ np.linalg.inv(seen)
    kept, came = np.einsum("kij,kji->ki", W, T), np.einsum("kii->ki", T)
    W = W * np.maximum(1, np.clip(came, 0.05, 1.5) / np.maximum(kept, 1e-6))[..., None]

    def error(filters: Array) -> Array:
        """(N,) expected squared error, summed over all coefficients."""
        bands = D - 2 * np.einsum("kia,kia->ki", filters, own) + np.einsum("kia,kab,kib->ki", filters, seen, filters)
        everywhere = interpolate(frequencies(*images.shape[1:]), nodes, bands[..., None])
        return everywhere.sum((0, 1))[:, 0]

    left_alone = error(np.broadcast_to(np.eye(len(images)), W.shape))
    return Filters(nodes, W, D, C, 10 * np.log10(left_alone / error(W)), density, floor)


def spectra(images: Array, k: Array, spread: float) -> Array:
    """Spectral density matrices (K, N, N) of slices (N, H, W) in rings around ``k``, ``spread`` in log k."""
    coefficients, grid = dct(images - images.mean((1, 2), keepdims=True)), frequencies(*images.shape[1:])
    rings = (log_gaussian(grid, centre, spread) ** 2 for centre in k)
    return np.array([np.einsum("yx,yxi,yxj->ij", r, coefficients, coefficients) / r.sum() for r in rings])


def noise_density(k: Array, density: Array, sampling: Sampling = SAME) -> Array:
    """N (K, N, N) by the shares of `ddip_tf.transfer.noise`, the power they are taken of smoothed over k."""
    n = density.shape[-1]
    power = density.sum((1, 2)) / n
    apart, together = noise.shares(sampling.reference(k))
    difference = np.minimum(CAUTION * apart, 1) * np.maximum(power, smoothed(k, power))
    total = np.minimum(noise.SUM_FACTOR * together, 1) * power
    projector = difference_projector(n)
    return difference[:, None, None] * projector + total[:, None, None] * (np.eye(n) - projector)


def smoothed(k: Array, power: Array) -> Array:
    """Geometric mean over neighbours within `SMOOTHED` octaves, (K,)."""
    octaves = np.log2(k[:, None] / k) / SMOOTHED
    weight = np.exp(-0.5 * octaves**2)
    return np.exp(weight / weight.sum(1, keepdims=True) @ np.log(np.maximum(power, 1e-300)))


def source_powers(matrix: Array, covariance: Array, density: Array, noise: Array, samples: Array) -> Array:
    """Powers of two sources (K, 2), from the finest band down, each ratio near that of the band above it.

    Towards k = 0 the slices are alike and the ratio is no longer seen; there it follows.
    """
    logit, result = np.linspace(-5, 5, 81), np.zeros((len(matrix), 2))
    share = 1 / (1 + np.exp(-np.stack([logit, -logit], -1)))  # (G, 2)
    above = 0.0
    for band in range(len(matrix))[::-1]:
        T, C = matrix[band], covariance[band]
        unit = np.einsum("gj,aj,bj->gab", share, T, T) + np.einsum("gj,jab->gab", share, C)
        total = np.trace(density[band] - noise[band]) / np.trace(unit, axis1=1, axis2=2)
        total = np.maximum(total, 1e-3 * np.trace(density[band]))
        model = unit * total[:, None, None] + noise[band]
        misfit = np.linalg.slogdet(model)[1]
        misfit += np.trace(np.linalg.solve(model, np.broadcast_to(density[band], model.shape)), axis1=1, axis2=2)
        cost = 0.5 * min(samples[band], MOST_SAMPLES) * misfit + 0.5 * ((logit - above) / RATIO) ** 2
        weight = np.exp(cost.min() - cost)
        weight /= weight.sum()
        above = float(weight @ logit)
        strength = weight @ total
        result[band] = strength / (1 + np.exp(-above)), strength / (1 + np.exp(above))
    return result
