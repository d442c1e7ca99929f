"""Blind source separation inside one frequency band, noise and all.

In a band and a window w of the field of view the N slices have the covariance

    R_w = T D_w T^T + N          T (N, N) mixing, D_w (N,) source powers, N (N, N) noise

with T and N common to all windows. Sources that are strong here and weak there make T identifiable from second
moments alone (Pham & Cardoso 2001); the free noise matrix is what keeps misfit between the slices from being
taken for a source (SMICA: Delabrouille, Cardoso & Patanchon, MNRAS 346, 1089, 2003; Cardoso et al. 2008).
All functions work on stacks of bands: the axes are K bands, M windows, N slices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.bands import frequencies, log_gaussian

#: deviations of a ring, in log k, up to which it is followed: there it passes 4e-6
PASSED = 5
#: pixels a side that a ring is sampled on at least, so that windows have sharp edges
COARSEST = 128


class Mixture(NamedTuple):
    """Fitted covariance model of K bands."""

    mixing: Array  # (K, N, N), column j is the signature of source j, of unit length
    power: Array  # (K, M, N), D_w
    noise: Array  # (K, N, N)
    loss: Array  # (K,), negative log-likelihood


def local_covariances(images: Array, centres: Array, *, finest: int = 10) -> tuple[Array, Array]:
    """Band by band covariances in windows: (K, M, N, N) spectral densities and (K, M) independent samples in each.

    Log-Gaussian rings; the field is cut into q x q windows of two independent samples or more, q <= `finest`. What a
    ring lets through is smooth: it is sampled as finely as it needs, not pixel by pixel.
    """
    from scipy.fft import dctn, idctn, next_fast_len

    n, *shape = images.shape
    spectrum = dctn(images - images.mean((1, 2), keepdims=True), axes=(1, 2), norm="ortho")
    k, spread = frequencies(*shape), np.log(centres[1] / centres[0]) / 2
    covariances = np.tile(np.eye(n), (len(centres), finest**2, 1, 1))
    samples = np.zeros((len(centres), finest**2))
    for band, centre in enumerate(centres):
        finest_k = centre * np.exp(PASSED * spread)
        height, width = (min(side, next_fast_len(max(COARSEST, int(2 * side * finest_k)), True)) for side in shape)
        ring = log_gaussian(k[:height, :width], centre, spread)
        x = idctn(spectrum[:, :height, :width] * ring, axes=(1, 2), norm="ortho")
        power = ring * ring
        free = power.sum() ** 2 / (power * power).sum()
        q = int(np.clip(np.sqrt(free / 2), 3, finest))
        rows, columns = np.arange(height) * q // height, np.arange(width) * q // width
        starts = np.searchsorted(rows, np.arange(q)), np.searchsorted(columns, np.arange(q))
        pixels = np.outer(np.bincount(rows), np.bincount(columns)).ravel()
        for i in range(n):
            for j in range(i, n):
                total = np.add.reduceat(np.add.reduceat(x[i] * x[j], starts[0], 0), starts[1], 1).ravel()
                covariances[band, : q * q, i, j] = covariances[band, : q * q, j, i] = total / pixels / power.mean()
        samples[band, : q * q] = free * pixels / pixels.sum()
    return covariances, samples


def dependence(covariances: Array, samples: Array) -> Array:
    """Pham's measure of what the slices have in common, -n log(1 - rho^2) summed over windows, (K,)."""
    diagonal = np.log(np.maximum(np.einsum("kwii->kwi", covariances), 1e-300)).sum(-1)
    return (samples * (diagonal - np.linalg.slogdet(covariances)[1])).sum(1)


def difference_projector(n: int) -> Array:
    """(N, N) projector on the difference modes: what sums to zero over the slices."""
    return np.eye(n) - 1.0 / n


def weighted_mean(covariances: Array, samples: Array) -> Array:
    """(K, M, N, N) weighted by (K, M) -> (K, N, N)."""
    return np.einsum("kw,kwij->kij", samples / samples.sum(1, keepdims=True), covariances)


def model(mixing: Array, power: Array, noise: Array) -> Array:
    """R_w = T D_w T^T + N, (K, M, N, N)."""
    return (mixing[:, None] * power[..., None, :]) @ mixing.swapaxes(-1, -2)[:, None] + noise[:, None]


def negative_log_likelihood(expected: Array, covariances: Array, samples: Array) -> Array:
    """Gaussian likelihood of window covariances (Whittle), (K,)."""
    fit = np.linalg.slogdet(expected)[1] + np.trace(np.linalg.solve(expected, covariances), axis1=-2, axis2=-1)
    return 0.5 * (samples * fit).sum(1)


def fit_mixture(covariances: Array, samples: Array, *, crosstalk: float, noise: float, steps: int) -> Mixture:
    """Expectation maximisation from T = I + equal crosstalk and noise in the difference modes.

    covariances (K, M, N, N), samples (K, M) independent samples in each window (0: no window there); `noise` is the
    share of the difference's power that starts as noise. A floor of 1e-4 of the mean power keeps N invertible.
    """
    n = covariances.shape[-1]
    total = weighted_mean(covariances, samples)
    scale = np.trace(total, axis1=-2, axis2=-1)[:, None, None] / n
    differences = difference_projector(n)
    share = np.trace(differences @ total, axis1=-2, axis2=-1)[:, None, None] / max(n - 1, 1)

    T = np.broadcast_to((1 - n * crosstalk) * np.eye(n) + crosstalk, total.shape)
    T = T / np.linalg.norm(T, axis=-2, keepdims=True)
    N = noise * share * differences + 1e-3 * scale * np.eye(n)
    inverse = np.linalg.inv(T)[:, None]
    D = np.maximum(np.einsum("kwij,kwjl,kwil->kwi", *np.broadcast_arrays(inverse, covariances, inverse)), 0) + 1e-12
    weight = (samples / samples.sum(1, keepdims=True))[..., None, None]
    diagonal = np.arange(n)
    for _ in range(steps):
        gain = D[..., None] * (T.swapaxes(-1, -2)[:, None] @ np.linalg.inv(model(T, D, N)))  # E[s|x] = gain x
        xs = covariances @ gain.swapaxes(-1, -2)
        ss = gain @ xs - (gain @ T[:, None]) * D[..., None, :]
        ss[..., diagonal, diagonal] += D
        A, B = (weight * xs).sum(1), (weight * ss).sum(1)
        T = A @ np.linalg.inv(B)
        D = np.maximum(ss[..., diagonal, diagonal], 1e-12)
        N = total - A @ T.swapaxes(-1, -2) - T @ A.swapaxes(-1, -2) + T @ B @ T.swapaxes(-1, -2)
        N = (N + N.swapaxes(-1, -2)) / 2 + 1e-4 * scale * np.eye(n)
        length = np.linalg.norm(T, axis=-2)
        T, D = T / length[:, None, :], D * length[:, None, :] ** 2
    return Mixture(T, D, N, negative_log_likelihood(model(T, D, N), covariances, samples))


def separate(covariances: Array, samples: Array, *, steps: int = 150) -> Mixture:
    """Best of two starts, band by band: ghosts of opposite and of the same sign."""
    fits = [
        fit_mixture(covariances, samples, crosstalk=c, noise=0.3, steps=steps)
        for c in (-0.1, 0.6 / covariances.shape[-1])
    ]
    best = np.argmin([f.loss for f in fits], axis=0)
    rows = np.arange(len(best))
    return Mixture(*(np.stack(values)[best, rows] for values in zip(*fits, strict=True)))


def deviation(fit: Mixture, covariances: Array, samples: Array, directions: Array) -> Array:
    """Standard deviation of T along given directions, (K, P).

    `directions` (P, N, N) are the changes dT allowed by the normalisation (T and D_w in `fit` already in it). The
    Fisher information of (T, N) has the source powers of every window projected out; the larger of its inverse and
    of the sandwich F^-1 <scores scores^T> F^-1 is taken, which is the bootstrap over windows to first order
    (infinitesimal jackknife, Efron 1982): the curvature alone is too sure of itself where the model is wrong.
    """
    n = fit.mixing.shape[-1]
    expected = model(fit.mixing, fit.power, fit.noise)
    values, vectors = np.linalg.eigh(expected)
    white = (vectors / np.sqrt(values)[..., None, :]) @ vectors.swapaxes(-1, -2)

    def whitened(change: Array) -> Array:  # (K, M, P, N, N) -> (K, M, P, N*N)
        return (white[:, :, None] @ change @ white[:, :, None]).reshape(*change.shape[:3], n * n)

    TD = fit.mixing[:, None] * fit.power[..., None, :]
    turn = directions[None, None] @ TD.swapaxes(-1, -2)[:, :, None]
    upper = np.triu_indices(n)
    basis = np.zeros((len(upper[0]), n, n))
    basis[np.arange(len(basis)), upper[0], upper[1]] = basis[np.arange(len(basis)), upper[1], upper[0]] = 1
    shared = np.concatenate([turn + turn.swapaxes(-1, -2), np.broadcast_to(basis, (*TD.shape[:2], *basis.shape))], 2)
    own = np.einsum("kim,kjm->kmij", fit.mixing, fit.mixing)[:, None] * np.ones((1, TD.shape[1], 1, 1, 1))

    J, Q = whitened(shared), whitened(own)
    overlap = np.linalg.pinv(Q @ Q.swapaxes(-1, -2), hermitian=True, rcond=1e-10)
    J = J - (J @ Q.swapaxes(-1, -2)) @ overlap @ Q
    information = np.einsum("kw,kwpi,kwqi->kpq", samples / 2, J, J)
    misfit = whitened((covariances - expected)[:, :, None])[:, :, 0]
    scores = samples[..., None] / 2 * np.einsum("kwpi,kwi->kwp", J, misfit)
    inverse = np.linalg.pinv(information, hermitian=True, rcond=1e-12)
    sandwich = inverse @ np.einsum("kwp,kwq->kpq", scores, scores) @ inverse
    p = len(directions)
    variance = np.maximum(np.einsum("kpp->kp", inverse), np.einsum("kpp->kp", sandwich))[:, :p]
    lost = np.einsum("kpp->kp", information)[:, :p] < 1e-9
    return np.where(lost, np.inf, np.sqrt(np.maximum(variance, 0)))
