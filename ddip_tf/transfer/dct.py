"""Linear algebra of images with reflected margins: cosine transform, gradient, and a small matrix at every frequency.

N slices, H and W pixels. NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array, Floats


def dct(images: Array) -> Array:
    """(N, H, W) -> (H, W, N) orthonormal DCT-II coefficients."""
    from scipy.fft import dctn

    return np.moveaxis(dctn(images, axes=(1, 2), norm="ortho"), 0, -1)


def idct(coefficients: Array) -> Array:
    """Inverse of `dct`."""
    from scipy.fft import idctn

    return idctn(np.moveaxis(coefficients, -1, 0), axes=(1, 2), norm="ortho")


def gradient(y: Array) -> Array:
    """Forward differences, zero across the margin: (N, H, W) -> (2, N, H, W)."""
    g = np.zeros((2, *y.shape), y.dtype)
    g[0, :, :-1] = np.diff(y, axis=1)
    g[1, :, :, :-1] = np.diff(y, axis=2)
    return g


def adjoint_gradient(g: Array) -> Array:
    """Transpose of `gradient` (minus the divergence)."""
    y = np.zeros(g.shape[1:], g.dtype)
    y[:, :-1] -= g[0, :, :-1]
    y[:, 1:] += g[0, :, :-1]
    y[:, :, :-1] -= g[1, :, :, :-1]
    y[:, :, 1:] += g[1, :, :, :-1]
    return y


def laplacian(height: int, width: int) -> Array:
    """Eigenvalues of gradient^T gradient on the cosines, (H, W)."""
    y, x = np.pi * np.arange(height) / height, np.pi * np.arange(width) / width
    return (2 - 2 * np.cos(y))[:, None] + (2 - 2 * np.cos(x))


def inverse(A: Array) -> Array:
    """Inverse of small symmetric matrices (..., N, N); in closed form for N = 2."""
    if A.shape[-1] > 2:
        return np.linalg.inv(A)
    a, b, d = A[..., 0, 0], A[..., 0, 1], A[..., 1, 1]
    return np.stack([d, -b, -b, a], -1).reshape(A.shape) / (a * d - b * b)[..., None, None]


def eigen(A: Array) -> tuple[Array, Array]:
    """Eigenvalues (..., N), rising, and eigenvectors (..., N, N), in columns, of small symmetric matrices (..., N, N).

    In closed form for N = 2, more than four times as fast.
    """
    if A.shape[-1] > 2:
        return np.linalg.eigh(A)
    middle, half, b = (A[..., 0, 0] + A[..., 1, 1]) / 2, (A[..., 0, 0] - A[..., 1, 1]) / 2, A[..., 0, 1]
    reach, angle = np.hypot(half, b), np.arctan2(b, half) / 2  # of the larger one's axis
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([middle - reach, middle + reach], -1), np.stack([-sin, cos, cos, sin], -1).reshape(A.shape)


def matvec(A: Array, coefficients: Array) -> Array:
    """Matrix (H, W, N, N) times vector (H, W, N) at every frequency."""
    return (A @ coefficients[..., None])[..., 0]


def inverse_root(field: Floats) -> Floats:
    """N^-½ of symmetric positive matrices (..., N, N)."""
    values, vectors = np.linalg.eigh(field)
    return (vectors / np.sqrt(values)[..., None, :]) @ vectors.swapaxes(-1, -2)
