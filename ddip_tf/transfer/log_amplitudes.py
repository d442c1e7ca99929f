"""Log-amplitudes as further observations of the same slices: 2N images, N sources.

A reconstruction's ghosts stain amplitude and phase alike, and what Fresnel diffraction between the slices takes from
the one it gives to the other (their cosine and sine parts). So log-amplitudes say something of every slice, with a
matrix of their own:

    a(k) = A(k) y(k) + n_a(k)

Even of pure-phase slices, whose log-amplitudes are ghosts of phases and nothing else. Of slices of one material each,
A(k) has the absorption too, beta/delta times the phase. Slices of several materials have no such A: what A leaves over
is noise, and the more of it the less is believed. A(k) and the covariance of n_a are found ring by ring, by regression
on the slices that the phases alone gave. Symbols as in `ddip_tf.transfer.solver`; M log-amplitudes, K bands. NumPy and
SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import band_centres, frequencies, interpolate, log_gaussian
from ddip_tf.transfer.dct import dct, inverse, matvec

#: cycles/pixel: below it log-amplitudes say nothing here. A is nearly singular there, as T is, and what it leaves over
#: is misfit more than noise: with the lowest frequencies one of four simulated pairs lost 1.5 dB, without them all won
LOWEST = 0.02
#: cycles/pixel, the finest band
HIGHEST = 0.3


@dataclass(frozen=True)
class Observed:
    """Log-amplitudes and their transfer model; see `observe`."""

    images: Array  # (M, H, W), without their means
    k: Array  # (K,) cycles/pixel
    matrix: Array  # (K, M, N) A
    noise: Array  # (K, M, M) covariance of n_a
    explained: float  # share of the log-amplitudes' power in the bands used that A y explains

    def normal(self) -> tuple[Array, Array]:
        """Fisher information A^T N_a^-1 A (H, W, N, N) and A^T N_a^-1 a (H, W, N)."""
        k = frequencies(*self.images.shape[1:])
        A, noise = (interpolate(k, self.k, values) for values in (self.matrix, self.noise))
        AW = A.swapaxes(-1, -2) @ inverse(noise) / (1 + (LOWEST / np.maximum(k, 1e-9)) ** 8)[..., None, None]
        return AW @ A, matvec(AW, dct(self.images))


def observe(amplitudes: Array, y: Array) -> Observed:
    """The transfer model of log-amplitudes (M, H, W) from slices y (N, H, W), in one unit."""
    a = amplitudes - amplitudes.mean((1, 2), keepdims=True)
    k = band_centres(a.shape[1], a.shape[2], highest=HIGHEST)
    grid, spread = frequencies(*a.shape[1:]), np.log(k[1] / k[0]) / 2
    ca, cy = dct(a), dct(y - y.mean((1, 2), keepdims=True))
    matrix, noise, explained = [], [], []
    for centre in k:
        ring = log_gaussian(grid, centre, spread) ** 2
        ring[0, 0] = 0
        weighted, ring_sum = ring[..., None] * cy, ring.sum()
        own = np.einsum("yxi,yxj->ij", weighted, cy) / ring_sum
        own += 1e-6 * np.trace(own) * np.eye(len(y))
        A = np.linalg.solve(own, np.einsum("yxi,yxj->ij", weighted, ca) / ring_sum).T
        left = ca - matvec(A, cy)
        covariance = np.einsum("yx,yxi,yxj->ij", ring, left, left) / ring_sum
        power = np.einsum("yx,yxi,yxi->", ring, ca, ca) / ring_sum
        matrix.append(A)
        noise.append(covariance + 1e-4 * power * np.eye(len(a)))
        explained.append(1 - np.trace(covariance) / max(power, 1e-300))
    used = (k > LOWEST) & (k < HIGHEST / 2)
    return Observed(a, k, np.stack(matrix), np.stack(noise), float(np.mean(np.array(explained)[used])))
