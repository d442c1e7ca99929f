"""Stacks of many slices with known truth, painted, mixed along depth and separated: one table of gains.

    python tools/many_slices.py --slices 3 5 8 --seeds 2

Textures of `skimage.data`, flat shapes, grains, lattices and structure that runs through slices; mixed by the law of
`ddip_tf.transfer.depth_modes`, by a descent whose operator averages over a pupil (it is no low pass of that form), or
not at all. Prints, a row a kind: gain in PSNR (dB, after an affine fit to the truth) in the mean and of the worst
slice, slices harmed by more than 0.3 dB, slope of the outputs' sum on the inputs' sum, and stacks returned bit for bit.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.special import j1

from ddip_tf._types import Array
from ddip_tf.transfer import by_evidence
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.depth_modes import modes, passed

Shape = tuple[int, int]
#: of `skimage.data`
PICTURES = ("camera", "grass", "brick", "gravel", "coins", "page", "moon", "text", "clock", "cell")


def textures(n: int, shape: Shape, rng: np.random.Generator) -> Array:
    from skimage import data

    slices = []
    for name in rng.permutation(np.resize(rng.permutation(PICTURES), n)):
        image = np.asarray(getattr(data, name)(), float)
        image = zoom(image, max(1.0, 1.3 * max(np.divide(shape, image.shape))), order=1)
        top, left = (rng.integers(0, have - want + 1) for have, want in zip(image.shape, shape, strict=True))
        slices.append(gaussian_filter(image[top : top + shape[0], left : left + shape[1]], 1))
    return np.stack([0.05 * (image - image.mean()) / image.std() for image in slices])


def shapes(n: int, shape: Shape, rng: np.random.Generator, blur: float = 1.0) -> Array:
    y, x = np.mgrid[: shape[0], : shape[1]]
    slices = np.zeros((n, *shape))
    for image in slices:
        for _ in range(rng.integers(4, 14)):
            size, turn, flat = rng.uniform(3, 0.14 * min(shape)), rng.uniform(0, np.pi), rng.uniform(0.3, 1)
            v, u = y - rng.uniform(0, shape[0]), x - rng.uniform(0, shape[1])
            u, v = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
            round_one = (u / size) ** 2 + (v / size / flat) ** 2 < 1
            image[round_one if rng.random() < 0.7 else (abs(u) < size) & (abs(v) < size * flat)] += rng.uniform(
                0.05, 0.15
            )
    return gaussian_filter(slices, (0, blur, blur))


def grains(n: int, shape: Shape, rng: np.random.Generator) -> Array:
    noise = gaussian_filter(rng.standard_normal((n, *shape)), (0, 1.5, 1.5))
    return gaussian_filter(shapes(n, shape, rng, 0.0) * (1 + 0.5 * noise / noise.std()), (0, 0.8, 0.8))


def lattice(n: int, shape: Shape, rng: np.random.Generator) -> Array:
    """Columns of atoms that run through all slices, one in ten of them not everywhere."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    slices = np.zeros((n, *shape))
    for row in np.arange(4, shape[0], 9.0) + rng.normal(0, 0.2):
        for column in np.arange(4, shape[1], 10.8):
            there = np.where(rng.random(n) < 0.9, 1.0, rng.uniform(0, 0.6, n))
            slices += 0.1 * there[:, None, None] * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 4.5)
    return slices


def through_all(n: int, shape: Shape, rng: np.random.Generator) -> Array:
    return textures(n, shape, rng) + textures(1, shape, rng)


def through_two(n: int, shape: Shape, rng: np.random.Generator) -> Array:
    thick = shapes(n, shape, rng)
    return shapes(n, shape, rng) + thick + np.concatenate([np.zeros((1, *shape)), thick[:-1]])


def low_pass(n: int, k: Array, crossover: float = 0.05, power: float = 1.5, sharpness: float = 2.0) -> Array:
    """T(k) (H, W, N, N) of `ddip_tf.transfer.depth_modes`."""
    reach = (crossover / np.maximum(k, 1e-6)) ** power
    f = passed(n, reach.ravel(), sharpness).reshape(*k.shape, 1, n)
    return (modes(n) * f) @ modes(n).T


def descent(n: int, k: Array, distance: float = 60.0, pupil: float = 0.06, steps: int = 20) -> Array:
    """T = 1 - (1 - G/N)^steps, G_ij = cos(pi z k^2) 2 J1(x) / x, x = 2 pi z k q: a round pupil of radius q, z apart."""
    z = distance * np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    at = np.linspace(1e-4, 0.71, 400)[:, None, None]
    x = 2 * np.pi * z * at * pupil + 1e-9
    values, vectors = np.linalg.eigh(np.cos(0.3 * np.pi * z * at**2) * 2 * j1(x) / x)
    passes = 1 - (1 - np.clip(values, 0, None) / n) ** steps
    T = (vectors * passes[:, None]) @ vectors.swapaxes(1, 2)
    return T[np.clip(np.searchsorted(at.ravel(), k), 0, 399)]


def units(n: int, k: Array) -> Array:
    return np.exp(np.linspace(-0.4, 0.4, n))[:, None] * low_pass(n, k)


LAWS = {
    "none": lambda n, k: np.broadcast_to(np.eye(n), (*k.shape, n, n)),
    "geometric": low_pass,
    "missing modes": lambda n, k: low_pass(n, k, power=1.3, sharpness=5.0),
    "far": lambda n, k: low_pass(n, k, crossover=0.12, power=1.2),
    "weak": lambda n, k: low_pass(n, k, crossover=0.02),
    "descent": descent,
    "units": units,
}
OBJECTS = {f.__name__: f for f in (textures, shapes, grains, lattice, through_all, through_two)}
KINDS = [
    *((of, law) for of in ("textures", "shapes", "grains") for law in LAWS),
    *((of, law) for of in ("lattice", "through_all", "through_two") for law in ("none", "geometric")),
]


def stack(of: str, law: str, n: int, shape: Shape, seed: int, share: float = 0.03) -> tuple[Array, Array]:
    """Images and truth (N, H, W), with smooth noise that is mostly between the slices."""
    rng = np.random.default_rng([seed, n])
    truth = OBJECTS[of](n, shape, rng)
    images = idct(matvec(LAWS[law](n, frequencies(*shape)), dct(truth)))
    noise = gaussian_filter(rng.standard_normal(truth.shape), (0, 1.2, 1.2))
    noise /= noise.std()
    return images + share * images.std((1, 2), keepdims=True) * (noise - 0.8 * noise.mean(0)), truth


def psnr(images: Array, truth: Array) -> Array:
    """(N,), after an affine fit to the truth."""
    rho = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(images, truth, strict=True)]
    return -10 * np.log10((1 - np.square(rho)) * truth.var((1, 2)) / np.ptp(truth, axis=(1, 2)) ** 2)


def separated(images: Array) -> tuple[Array, Array]:
    """Slices as the default separates them, in the unit they came in, and their gains (N, 1, 1)."""
    _, choice = by_evidence.find(images)
    gains = choice.gains[:, None, None]
    return by_evidence.separate(images / gains, choice)[0].images * gains, gains


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, nargs="+", default=[3, 5, 8])
    parser.add_argument("--shape", type=int, nargs=2, default=[97, 123])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    print("| slices | mixed by | gain: mean | worst (dB) | harmed | sum slope | bit for bit |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    everything = []
    for of, law in KINDS:
        gains, slopes, same = [], [], 0
        for n in options.slices:
            for seed in range(options.seeds):
                images, truth = stack(of, law, n, tuple(options.shape), seed)
                y, unit = separated(images)
                same += np.array_equal(y, images)
                gains.extend(psnr(y, truth) - psnr(images, truth))
                came, gone = ((x / unit).sum(0) - (x / unit).sum(0).mean() for x in (images, y))
                slopes.append((gone * came).sum() / (came * came).sum())
        everything += gains
        harmed, count = int((np.array(gains) < -0.3).sum()), len(options.slices) * options.seeds
        print(
            f"| {of} | {law} | {np.mean(gains):+.1f} | {min(gains):+.1f} | {harmed} of {len(gains)} | "
            f"{min(slopes):.3f}–{max(slopes):.3f} | {same} of {count} |",
            flush=True,
        )
    harmed = int((np.array(everything) < -0.3).sum())
    print(f"| all | | {np.mean(everything):+.1f} | {min(everything):+.1f} | {harmed} of {len(everything)} | | |")


if __name__ == "__main__":
    main()
