"""How likely each pair of directions of T's columns is, band by band, for two slices.

In a band and a window w of the field of view (see `ddip_tf.transfer.smica`)

    R_w = T D_w T^T + N_w

The source powers D_w absorb the lengths of T's columns, so the covariances know their directions only: column 1 is
(cos a, sin a), where a = 0 says that slice 2 holds no ghost of slice 1 and a = 45 degrees that both hold as much of it;
column 2 is (sin b, cos b). Both angles are written out on one grid, and the likelihood, with the powers of every window
at their best, on all pairs of it: that is all the covariances say of T, whatever its columns are scaled to. Every model
of mixing is a prior over the paths of (a, b) from band to band (`ddip_tf.transfer.ladder`).

Symbols: K bands, M windows, L levels of noise, P pairs of angles. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies, log_gaussian
from ddip_tf.transfer.dct import dct
from ddip_tf.transfer.noise import at_least
from ddip_tf.transfer.powers import misfit
from ddip_tf.transfer.smica import local_covariances, weighted_mean

#: degrees between two angles
STEP = 3.0
#: of each column, radians
ANGLES = np.deg2rad(np.arange(-60, 90, STEP))
#: samples that a band counts for at most, where models of mixing are told apart. T varies a little over the field and
#: with the direction of k, by 0.01 to 0.05 in simulated scans, so that a band of thousands of samples is not as sure as
#: their number says
MOST_SAMPLES = 40.0
#: the same, where it is asked how sure T is under a free start: one variation errs in all bands alike, and the bands'
#: likelihoods are multiplied
MOST_SAMPLES_OF_T = 20.0
#: shares of a window's power that may be noise
SHARES = (0.003, 0.01, 0.03, 0.1, 0.3)
#: the same in the difference of the slices, and of these the part that is in the sum
SHARES_APART, PART_TOGETHER = (0.003, 0.03, 0.1, 0.3), (0.03, 0.5)
#: of a window's noise, the part that follows the power of the whole field and not its own
COMMON = 0.3
#: noise there is at least, of the mean power
FLOOR = 1e-3
#: windows whose likelihoods are computed in one go: so many stay in a core's cache
BLOCK = 16

Noise = Callable[[Array, Array], Array]


class Pairs(NamedTuple):
    """The pairs of angles (P,) at which slice 1's column is nearer to slice 1 than slice 2's column is."""

    a: Array
    b: Array


def _pairs() -> Pairs:
    a, b = np.meshgrid(ANGLES, ANGLES, indexing="ij")
    ordered = a + b < np.deg2rad(89)
    return Pairs(a[ordered], b[ordered])


PAIRS = _pairs()


def own_noise(covariances: Array, samples: Array) -> Array:
    """Noise of each slice by itself, a share of its own power: (M, 2, 2) -> (L, M, 2, 2)."""
    power = _shared_power(np.einsum("wii->wi", covariances), samples)
    share = np.array(SHARES)[:, None, None]
    return (share * power)[..., None] * np.eye(2) + _floor(covariances, samples)


def noise_apart(covariances: Array, samples: Array) -> Array:
    """Noise between the slices, a share of the projected power, as reconstructions have it: (L, M, 2, 2).

    The sum of the slices is what diffraction data fix best; their difference is not.
    """
    power = _shared_power(covariances.sum((1, 2))[:, None] / 2, samples)[..., None]
    apart, together = np.array([[1.0, -1.0], [-1.0, 1.0]]) / 2, np.ones((2, 2)) / 2
    levels = [s * power * (apart + part * together) for s in SHARES_APART for part in PART_TOGETHER]
    return np.stack(levels) + _floor(covariances, samples)


def _shared_power(power: Array, samples: Array) -> Array:
    """Power of windows (M, ...), partly that of the whole field."""
    return (1 - COMMON) * power + COMMON * np.average(power, axis=0, weights=samples)


def _floor(covariances: Array, samples: Array) -> Array:
    mean = np.average(np.trace(covariances, axis1=-2, axis2=-1), axis=0, weights=samples) / 2
    return FLOOR * mean[..., None, None] * np.eye(2)


def log_likelihood(covariances: Array, samples: Array, noise: Array, pairs: Pairs = PAIRS) -> Array:
    """Of one band: (M, 2, 2), (M,) and noise (L, M, 2, 2) -> (L, P), Whittle, relative to covariances left free.

    Covariances (M, P, 2, 2) are of slices that differ from one of the P ``pairs`` to the next.
    """
    free = 2 + np.linalg.slogdet(covariances + _floor(covariances, samples) * 1e-6)[1]
    R = covariances if covariances.ndim == 4 else covariances[:, None]  # (M, P or 1, 2, 2)
    free = free if free.ndim == 2 else free[:, None]
    blocks = [slice(i, i + BLOCK) for i in range(0, len(R), BLOCK)]
    result = []
    columns = np.stack([np.cos(pairs.a), np.sin(pairs.a)]), np.stack([np.sin(pairs.b), np.cos(pairs.b)])
    for N in noise:
        lost = np.concatenate([misfit(R[block], N[block], *columns) for block in blocks])
        lost += np.linalg.slogdet(N)[1][:, None] - free
        result.append(-0.5 * samples @ lost)
    return np.stack(result)


class Evidence(NamedTuple):
    """What the covariances of K bands say of the directions; the coarsest band is below ``k[0]``, one window.

    ``floors``: noise (2, 2) that was measured in each band, from the coarsest up; no level of noise lies below it.
    """

    k: Array  # (K,) centres, cycles/pixel
    samples: Array  # (K,) independent samples of a band
    coarsest: tuple[Array, Array]  # covariances (1, 2, 2), samples (1,)
    windows: list[tuple[Array, Array]]  # of each band, covariances (M, 2, 2), samples (M,)
    floors: tuple[Array, ...] = ()  # none was measured

    def levels(self, noise: Noise) -> list[Array]:
        """Log-likelihoods at every level of noise, (L, P) of each band, from the coarsest up."""
        return [log_likelihood(*windows, at_least(noise(*windows), floor)) for windows, floor in self.bands()]

    def bands(self) -> list[tuple[tuple[Array, Array], Array]]:
        """Covariances and samples of each band, from the coarsest up, and the noise there is at least."""
        windows = [self.coarsest, *self.windows]
        return list(zip(windows, self.floors or [np.zeros((2, 2))] * len(windows), strict=True))

    def log_likelihoods(self, levels: list[Array], most: float = MOST_SAMPLES) -> Array:
        """(K + 1, P) of `levels`: the levels of noise alike, and a band counted as ``most`` samples at most."""
        weights = [1.0, *(1 / (1 + self.samples / most))]
        return np.stack([_mean(w * table) for w, table in zip(weights, levels, strict=True)])

    def misfit(self, levels: list[Array], pairs: Array, noise: Noise, k: tuple[float, float]) -> float:
        """Log-likelihood a window lost against any covariance above the noise, at the likeliest of ``pairs`` (K, P) and
        its best level of noise, mean over the bands in the range ``k``: a few tenths where the model holds, for it
        leaves one of three numbers unfitted."""
        lost = []
        for table, best, ((R, n), floor) in zip(levels[1:], pairs.argmax(1), self.bands()[1:], strict=True):
            level = table[:, best].argmax()
            lost.append((_saturated(R, n, at_least(noise(R, n)[level], floor)) - table[level, best]) / len(n))
        return float(np.mean(np.array(lost)[(self.k > k[0]) & (self.k < k[1])]))


def _saturated(covariances: Array, samples: Array, noise: Array) -> float:
    """`log_likelihood` of the covariance that fits each window best and is nowhere below its ``noise`` (M, 2, 2)."""
    free = 2 + np.linalg.slogdet(covariances + _floor(covariances, samples) * 1e-6)[1]
    white = np.linalg.inv(np.linalg.cholesky(noise))
    seen = np.linalg.eigvalsh(white @ covariances @ white.swapaxes(1, 2))
    fitted = np.maximum(seen, 1)
    return float(-0.5 * samples @ ((np.log(fitted) + seen / fitted).sum(1) + np.linalg.slogdet(noise)[1] - free))


def _mean(table: Array) -> Array:
    """Of the likelihoods at all levels of noise (L, P), as logarithms (P,)."""
    return np.logaddexp.reduce(table, axis=0) - np.log(len(table))


def evidence(images: Array, centres: Array, measured: Array | None = None) -> Evidence:
    """Covariances of two slices (2, H, W) in bands around ``centres`` (K,), window by window.

    ``measured`` (2, H, W): a realisation of their noise (`ddip_tf.transfer.halves`). Slices may stand beside others,
    as in `ddip_tf.transfer.start`; then covariances are of all.
    """
    covariances, samples = local_covariances(images, centres)
    windows = [(R[n > 0], n[n > 0]) for R, n in zip(covariances, samples, strict=True)]
    floors: tuple[Array, ...] = ()
    if measured is not None:
        noise = weighted_mean(*local_covariances(measured, centres))
        floors = (_below(measured, centres[0])[0][0], *noise)
    return Evidence(centres, samples.sum(1), _below(images, centres[0]), windows, floors)


def _below(images: Array, lowest: float) -> tuple[Array, Array]:
    """Covariance of what is coarser than the lowest band, (1, N, N), and its samples (1,).

    A reconstruction shows the same picture in every slice there; slices that were only stained do not.
    """
    coefficients = dct(images - images.mean((1, 2), keepdims=True))
    ring = log_gaussian(frequencies(*images.shape[1:]), 0.55 * lowest, 0.25) ** 2
    ring[0, 0] = 0
    covariance = np.einsum("yx,yxi,yxj->ij", ring, coefficients, coefficients) / ring.sum()
    return covariance[None], np.array([ring.sum() ** 2 / (ring**2).sum()])
