"""What could be had at best, were the transfer model known: T(k) and the noise fitted from the truth, band by band.

In bands of spatial frequency the slices' cosine coefficients I (N) are held against those of the truth y (N):

    T(k) = <I y^T> <y y^T>^-1    the law that made the slices, leaving the rest r = I - T y with R(k) = <r r^T>
    W(k) = <y I^T> <I I^T>^-1    the linear estimate of y from I that leaves the least squares

W is T's inverse, regularised by the true powers of signal and noise: D T^T (T D T^T + R)^-1. What lies below the
frequencies that T decides is out of a linear estimate's reach; `variation` adds a prior for it, sparse gradients of the
truth's own scale. Both also smooth where there is noise, so the same with every slice by itself tells how much of the
gain needs no other slice. All directions are treated alike: ghosts that are displaced or go one way only are partly
beyond them.

N slices, H rows, W columns, K bands; frequencies in cycles/pixel. NumPy and SciPy only.

    from oracle import estimates, smoothed
    best = estimates(images, truth)     # (C, N, H, W): of each slice, the nearest to its truth is the oracle's answer
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn

from ddip_tf.transfer.bands import frequencies, interpolate

RATIO = 1.25  # of a band's centre to the one before it
SAMPLES = 12  # coefficients a slice at least in the lowest band: with fewer, six slices' matrices fit what is chance
RIDGE = 1e-9  # of the mean power, against singular bands of slices without noise
STRENGTHS = (0.03, 0.1, 0.3, 1.0)  # of the prior; 1 is the likeliest, were pixels independent
STEPS = 25
COARSE, FINE = 0.04, 0.01  # first and last threshold on gradients, of the truth's largest and of their deviation


def estimates(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The linear estimate and `variation` at each of STRENGTHS: (C, N, H, W)."""
    return np.stack([linear(images, truth), *(variation(images, truth, strength) for strength in STRENGTHS)])


def smoothed(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The same (C, N, H, W), every slice by itself."""
    pairs = zip(images, truth, strict=True)
    return np.concatenate([estimates(image[None], true[None]) for image, true in pairs], axis=1)


def transfer(images: np.ndarray, truth: np.ndarray, centres: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (K,) and T(k) (K, N, N) fitted from images and truth (N, H, W), at `centres` if they are given."""
    k = frequencies(*images.shape[1:])
    centres = bands(k, len(images)) if centres is None else centres
    return centres, _regress(coefficients(images), coefficients(truth), memberships(k, centres))


def linear(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The best linear estimate (N, H, W)."""
    weights, given, true = _prepare(images, truth)
    return _pixels(_apply(_regress(true, given, weights), weights, given), truth)


def variation(images: np.ndarray, truth: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """The likeliest slices (N, H, W) under the true T(k), the true noise and sparse gradients.

    Least of (I - T y)^T R^-1 (I - T y) / 2 + strength * sum_i c_i |grad y_i|^(1/2) with c_i = 4 / mean |grad y_i|^(1/2)
    of the truth (the likeliest scale of that prior), by half-quadratic splitting (Krishnan & Fergus, NIPS 2009).
    """
    weights, given, true = _prepare(images, truth)
    matrices = _regress(given, true, weights)
    at = np.einsum("khw,kij->hwij", weights, matrices, optimize=True)
    noise = np.einsum("khw,kij->hwij", weights, _rest(given, true, matrices, weights), optimize=True)
    back = np.swapaxes(at, -1, -2) @ np.linalg.inv(noise)
    data, fixed = np.einsum("hwij,jhw->hwi", back, given), back @ at
    fixed += RIDGE * abs(fixed).max() * np.eye(len(given))
    height, width = given.shape[1:]
    stretch = np.add.outer(*(4 * np.sin(np.pi * np.arange(n) / (2 * n)) ** 2 for n in (height, width)))
    edges = _length(_gradient(np.asarray(truth, float)))
    prior = strength * 4 / np.mean(np.sqrt(edges), (1, 2))
    first, last = COARSE * edges.max((1, 2)), FINE * edges.std((1, 2))
    y = linear(images, truth)
    for step in np.linspace(0, 1, STEPS):
        tie = prior / (first ** (1 - step) * last**step) ** 1.5
        g = _gradient(y)
        g *= _shrunk(_length(g), (prior / tie)[:, None, None])
        right = data + tie * np.moveaxis(dctn(_adjoint(g), axes=(1, 2), norm="ortho"), 0, -1)
        matrix = fixed + stretch[..., None, None] * np.diag(tie)
        found = right / matrix[..., 0] if len(y) == 1 else np.linalg.solve(matrix, right[..., None])[..., 0]
        y = _pixels(np.moveaxis(found, -1, 0), truth)
    return y


def coefficients(images: np.ndarray) -> np.ndarray:
    """(N, H, W) -> (N, H, W) orthonormal cosine coefficients of images without their mean."""
    images = np.asarray(images, float)
    return dctn(images - images.mean((1, 2), keepdims=True), axes=(1, 2), norm="ortho")


def bands(k: np.ndarray, count: int) -> np.ndarray:
    """Centres (K,) of bands that cover all of k (H, W), the lowest wide enough for matrices of `count` slices."""
    lowest = np.sort(k, axis=None)[min(SAMPLES * count, k.size - 1)]
    return np.geomspace(lowest, k.max(), 1 + max(1, round(np.log(k.max() / lowest) / np.log(RATIO))))


def memberships(k: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Weights (K, H, W) of the bands at every frequency: triangles over log k that add up to one."""
    return np.moveaxis(interpolate(k, centres, np.eye(len(centres))), -1, 0)


def _prepare(images: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (K, H, W) of the bands, coefficients (N, H, W) of images and truth."""
    k = frequencies(*images.shape[1:])
    return memberships(k, bands(k, len(images))), coefficients(images), coefficients(truth)


def _regress(wanted: np.ndarray, given: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Matrices (K, N, N) that make `wanted` of `given`, coefficients (N, H, W), with least squares in each band."""
    cross, own = (np.einsum("khw,ihw,jhw->kij", weights, left, given, optimize=True) for left in (wanted, given))
    ridge = RIDGE * np.trace(own.mean(0)) / len(given) * np.eye(len(given))
    return cross @ np.linalg.inv(own + ridge)


def _apply(matrices: np.ndarray, weights: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Matrices (K, N, N), interpolated between bands, times coefficients (N, H, W)."""
    return np.einsum("khw,kij,jhw->ihw", weights, matrices, given, optimize=True)


def _rest(given: np.ndarray, true: np.ndarray, matrices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Covariance (K, N, N) in each band of what T (K, N, N) leaves unexplained."""
    rest = given - _apply(matrices, weights, true)
    power = np.einsum("khw,ihw,jhw->kij", weights, rest, rest, optimize=True) / weights.sum((1, 2))[:, None, None]
    return power + RIDGE * np.mean(given**2) * np.eye(len(given))


def _pixels(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Images (N, H, W) of coefficients, with the truth's means."""
    found[:, 0, 0] = 0
    return idctn(found, axes=(1, 2), norm="ortho") + np.mean(truth, (1, 2), keepdims=True)


def _gradient(y: np.ndarray) -> np.ndarray:
    """Forward differences, zero across the margin: (N, H, W) -> (2, N, H, W)."""
    return np.stack([np.diff(y, axis=1, append=y[:, -1:]), np.diff(y, axis=2, append=y[:, :, -1:])])


def _adjoint(g: np.ndarray) -> np.ndarray:
    """Transpose of `_gradient`; the last row and column of g are zero where they cross the margin."""
    return -np.diff(g[0], axis=1, prepend=0) - np.diff(g[1], axis=2, prepend=0)


def _length(g: np.ndarray) -> np.ndarray:
    return np.hypot(g[0], g[1])


def _shrunk(length: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The factor on gradients of this length (N, H, W) that leaves the least weight |v|^(1/2) + |v - g|^2 / 2."""
    size = np.maximum(length, 1e-300)
    v = size
    for _ in range(4):
        v = np.maximum(size - weight / (2 * np.sqrt(v)), 1e-300)
    return np.where(weight * np.sqrt(v) + (v - size) ** 2 / 2 < size**2 / 2, v / size, 0)
