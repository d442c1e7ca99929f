"""Two unlike objects, mixed as each rung of the ladder of mixing models says, with the noise of a reconstruction."""

import pickle

import numpy as np
from helpers import discs, mix
from scipy import fft
from scipy.ndimage import gaussian_filter

from ddip_tf.transfer import Transfer, by_evidence, dct
from ddip_tf.transfer.bands import band_centres, frequencies
from ddip_tf.transfer.curves import fill_diagonal

SHAPE = (127, 151)


def objects(seed=0):
    """Unlike objects: discs, and grains that are denser here than there; (2, H, W)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    grains = gaussian_filter(rng.standard_normal(SHAPE), 1.5)
    inside = (y - 60) ** 2 / 45**2 + (x - 80) ** 2 / 55**2 < 1
    return np.stack([discs(1, SHAPE, seed)[0], -0.3 * inside * (1 + 2 * grains)])


def noisy(images, seed=0, share=0.02, between=1.0):
    """Noise of a reconstruction: smooth, some in each slice and more ``between`` them, equal and opposite."""
    rng = np.random.default_rng(seed)
    apart, own = gaussian_filter(rng.standard_normal((2, 2, *SHAPE)), (0, 0, 1.5, 1.5))
    apart, own = apart[0] / apart.std(), own / own.std()
    return images + share * images.std() * (between * np.stack([apart, -apart]) + 0.3 * own)


def free_start(y, crossover=0.035):
    k = band_centres(*SHAPE)
    off = 0.49 / (1 + (k / crossover) ** 2)
    T = fill_diagonal(
        np.stack([np.stack([0 * off, off], -1), np.stack([0.7 * off + 0.15 * (off > 0.4), 0 * off], -1)], 1), "sum"
    )
    z = np.zeros_like(T)
    transfer = Transfer(k, T, T, z, np.ones((len(k), 2)), k * 0)
    return mix(y, transfer), T


def ghost(k, amount):
    """Share of slice 1 that stains slice 2, at k (cycles/pixel)."""
    return amount / (1 + (k / 0.12) ** 4)


def one_sided(y, amount=-0.4):
    a = ghost(frequencies(*SHAPE), amount)
    images = y.copy()
    images[1] += dct.idct(a[..., None] * dct.dct(y[:1]))[0]
    return images


def turned_ghost(image, anisotropy=0.0, shift=(0.0, 0.0), amount=-0.3):
    """A filtered copy of an image (H, W), margins reflected, of another strength along y than along x."""
    padded = np.pad(image - image.mean(), 24, mode="symmetric")
    ky, kx = fft.fftfreq(padded.shape[0])[:, None], fft.rfftfreq(padded.shape[1])
    turned = 1 + anisotropy * np.cos(2 * np.arctan2(ky, kx))
    filtered = amount * turned * np.exp(-2j * np.pi * (ky * shift[0] + kx * shift[1]))
    return fft.irfft2(fft.rfft2(padded) * filtered, padded.shape)[24:-24, 24:-24]


def separated(images, **more):
    """Slices (2, H, W) as the default separates them, in their own units, and what it rests on."""
    choice = by_evidence.choose(images)
    gains = np.array([choice.gain, 1.0])[:, None, None]
    solution, transfer = by_evidence.separate(images / gains, choice, **more)
    return solution.images * gains, choice, solution, transfer


def once(function):
    """The same pure function, which computes for the same arguments but once; each caller has a copy of his own."""
    known = {}

    def remembered(*given, **how):
        key = pickle.dumps((given, how))
        if key not in known:
            known[key] = pickle.dumps(function(*given, **how))
        return pickle.loads(known[key])

    return remembered


def psnr(y, truth):
    """Of a slice after an affine fit to its truth, dB."""
    A = np.stack([np.ones(truth.size), y.ravel()], 1)
    residual = truth.ravel() - A @ np.linalg.lstsq(A, truth.ravel(), rcond=None)[0]
    return -10 * np.log10(np.mean(residual**2) / np.ptp(truth) ** 2)


def from_single(share=0.01):
    """Slices, their start, truth, and T: from the projected phase in the first slice, I = o + T (s - o)."""
    truth = objects()
    guess = np.stack([truth.sum(0), np.zeros(SHAPE)])
    change, T = free_start(truth - guess)
    images = guess + change
    return images + noisy(np.zeros_like(truth) + 1e-9, share=0) + share * (noisy(truth) - truth), guess, truth, T
