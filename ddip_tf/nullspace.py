"""Slices from the mixing law: what T(k) decides is computed, what it leaves open goes to a prior::

    y = argmin  1/2 sum_k (T y - I)^T N^-1 (T y - I)  +  strength * sum_pixels |grad y|^exponent

The fidelity is whitened by the noise N(k) (see `noise`). Near k = 0 the slices are fully shared, T is singular
and the data say nothing about their difference; there the non-convex total variation decides: of all ways to share the
low frequencies the one with the fewest edges (see `variation`). Symbols as in `transfer`: N slices, H and W pixels, k
in cycles/pixel; the cosine transform carries the reflected margins. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np

from ddip_tf import amplitude, guide, noise
from ddip_tf._types import Array
from ddip_tf.cosine import apply, cosines, inverse, pixels
from ddip_tf.profiles import complete
from ddip_tf.smica import band_centres, dependence, frequencies, local_covariances, weighted_mean
from ddip_tf.transfer import Transfer
from ddip_tf.variation import descend


@dataclass(frozen=True)
class Solution:
    """Separated slices, in the unit and with the gain of the input; all arrays (N, H, W)."""

    images: Array  # y
    base: Array  # linear (Wiener) estimate: what the data fix without any picture of the object
    decided: Array  # the part of `images` decided by data; images - decided is decided by the prior
    sigma: Array  # pixelwise standard deviation over starts, strengths and samples of T
    residual: Array  # images in minus T y: what neither explains
    weights: tuple[float, ...] = ()  # of the noise levels tried, see `FACTORS`
    observed: amplitude.Observed | None = None  # log-amplitudes and their law, in the unit of the prior
    warnings: tuple[str, ...] = ()  # of guides that were left out

    @property
    def factor(self) -> float:
        """On the noise in the differences: the geometric mean of those tried; 1 where nothing was solved."""
        return 1.0 if not self.weights else float(np.exp(np.dot(self.weights, np.log(FACTORS))))


@dataclass(frozen=True)
class Problem:
    """Slices and their law in the unit of the prior, with the noise at every factor; see `prepare`."""

    unit: float  # `scale` of the slices
    means: Array  # (N, 1, 1) of the slices
    images: Array  # (N, H, W): (slices - means) / unit
    law: Transfer  # of these images
    noise: noise.Levels  # of these images

    def normal(self, factor: float) -> tuple[Array, Array, Array]:
        """T (H, W, N, N), Fisher information T^T N^-1 T (H, W, N, N) and T^T N^-1 I (H, W, N)."""
        T = self.law.at(frequencies(*self.images.shape[1:]))
        TW = T.swapaxes(-1, -2) @ inverse(self.noise.covariance(factor))
        return T, TW @ T, apply(TW, cosines(self.images))

    def wiener(self, information: Array) -> Array:
        """Covariance (H, W, N, N) that is left: the inverse of (information + 1/source power)."""
        k = np.log(np.maximum(frequencies(*self.images.shape[1:]), 1e-9))
        power = np.log(np.maximum(self.law.power, 1e-12)).T
        power = np.exp(np.stack([np.interp(k, np.log(self.law.k), source) for source in power], -1))
        return inverse(information + np.eye(power.shape[-1]) / power[..., None])


def prepare(images: Array, law: Transfer) -> Problem:
    """The problem of slices (N, H, W) under ``law``, both in the unit of the files.

    With normalisation "diagonal" each slice was scaled on its own, and so was its noise.
    """
    unit, means = scale(images), images.mean((1, 2), keepdims=True)
    centred = (images - means) / unit
    own = images.std((1, 2)) / images.std() if law.normalisation == "diagonal" else None
    return Problem(unit, means, centred, replace(law, power=law.power / unit**2), noise.levels(centred, own))


def background(image: Array) -> float:
    """The commonest value: where the smoothed histogram is highest.

    The mean over the pixels, each with the 16th power of the density of its value: unlike the place of the maximum it
    does not jump with the last digit of the input.
    """
    from scipy.ndimage import gaussian_filter1d

    low, high = image.min(), image.max()
    if low == high:
        return float(low)
    bins = np.minimum(((image - low) * (BINS / (high - low))).astype(int), BINS - 1)
    density = gaussian_filter1d(np.bincount(bins.ravel(), minlength=BINS).astype(float), BINS / 200)
    weight = (density / density.max())[bins] ** 16
    return float((weight * image).sum() / weight.sum())


def level(y: Array, images: Array) -> Array:
    """Give each slice the background of its input; what is left of the mean of the sum is shared equally."""
    y = y + np.array([background(i) - background(j) for i, j in zip(images, y, strict=True)])[:, None, None]
    return y + (images.mean((1, 2)).sum() - y.mean((1, 2)).sum()) / len(y)


#: of the histogram of `background`
BINS = 1000
#: factors on the noise in the differences that are tried: textures want little, sparse objects much
FACTORS = (0.3, 0.6, 1.2, 2.4)


def dependence_of(y: Array) -> float:
    """What separated slices (N, H, W) still have in common, per independent sample: locally and on the whole.

    Too weak a prior leaves the noise of the difference, equal and opposite in both slices; too strong a prior lets
    structure of one slice fall into the other. Both make them dependent, and the right prior lies between.
    """
    centres = band_centres(*y.shape[1:])
    centres = centres[centres < 0.13]
    covariances, samples = local_covariances(y, centres)
    n = len(y)
    floor = np.einsum("kwii->kwi", covariances).mean(1)[:, None, :, None] * np.eye(n) * 0.01
    local = (dependence(covariances + floor, samples) / samples.sum(1))[centres > 0.01].mean()
    whole = weighted_mean(covariances, samples)[centres > 0.01]
    deviation = np.sqrt(np.einsum("kii->ki", whole))
    correlation = (whole / (deviation[:, :, None] * deviation[:, None, :]))[:, *np.triu_indices(n, 1)]
    return float(local + 2 * (correlation**2).sum(1).mean())


def solve(
    images: Array,
    law: Transfer,
    *,
    factors: tuple[float, ...] = FACTORS,
    strength: float = 1.0,
    exponent: float = 0.5,
    steps: int = 60,
    starts: int = 1,
    seed: int = 0,
    guides: Sequence[tuple[int, Array]] = (),
    amplitudes: Array | None = None,
    threads: int = 1,
) -> Solution:
    """Separate N slices (N, H, W) under a law.

    Every noise level is solved for (`ddip_tf.noise` times each of `factors`); the solutions are averaged with weights
    exp(-dependence / 0.02), so that what leaves the slices most independent speaks loudest. `starts` - 1 more solutions
    with the best factor, from other first guesses and with T drawn within its deviation, add to `sigma` only. Strengths
    are in units of `scale`: they do not depend on the unit of the images. `guides` are maps of slices known from
    elsewhere (`ddip_tf.guide`), `amplitudes` (N, H, W) log-amplitudes of the same slices (`ddip_tf.amplitude`): with
    either all is solved twice, for both are judged by the first solution. `threads` solve at a time; how many changes
    nothing in the result.
    """
    images = np.asarray(images, float)
    if not law.mixed:
        return Solution(images.copy(), images.copy(), images.copy(), np.zeros_like(images), np.zeros_like(images), ())
    problem = prepare(images, law)

    def descended(problem: Problem, start: Array, factor: float) -> Array:
        _, information, data = problem.normal(factor)
        information, data = information + more[0] + ties[0], data + more[1] + ties[1]
        return descend(start, information, data, strength=strength, exponent=exponent, steps=steps)

    def side_by_side(function: Callable[..., Any], *arguments: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(function, *arguments))

    def averaged() -> tuple[Array, Array, Array]:
        tried = np.stack(side_by_side(lambda factor: descended(problem, problem.images, factor), factors))
        score = np.array(side_by_side(dependence_of, tried))
        weights = np.exp(-(score - score.min()) / 0.02)
        weights /= weights.sum()
        return np.einsum("p,pnhw->nhw", weights, tried), weights, tried

    more: tuple[Any, Any] = (0, 0)
    ties: tuple[Any, Any] = (0, 0)
    observed: amplitude.Observed | None = None
    said: list[str] = []
    y, weights, tried = averaged()
    if guides or amplitudes is not None:  # both are judged by what the phases alone gave
        kept, said = guide.related(guides, y, law.crossover_px)
        ties = guide.ties(kept, problem.images, law.crossover_px) if kept else (0, 0)
        if amplitudes is not None:
            observed = amplitude.observe(amplitudes / problem.unit, y)
            more = observed.normal()
        if kept or observed:
            y, weights, tried = averaged()
    variance = np.einsum("p,pnhw->nhw", weights, (tried - y) ** 2)

    best = int(weights.argmax())
    T, information, data = problem.normal(factors[best])
    information, data = information + more[0], data + more[1]
    covariance = problem.wiener(information)
    base = pixels(apply(covariance, data))
    rng = np.random.default_rng(seed)
    others = [replace(problem, law=perturbed(problem.law, rng)) for _ in range(1, starts)]
    first = cycle((np.zeros_like(base), base))
    for drawn in side_by_side(lambda other, start: descended(other, start, factors[best]), others, first):
        variance += (drawn - tried[best]) ** 2 / (starts - 1)
    by_data = pixels(apply(covariance @ information, cosines(y)))
    residual = problem.images - pixels(apply(T, cosines(y)))
    separated = level(problem.unit * y, images)
    free = (law.matrix == np.eye(len(images))).all((0, 2))  # slices without any ghost: nothing to take out
    separated[free] = images[free]
    return Solution(
        separated,
        problem.unit * base + problem.means,
        problem.unit * by_data,
        problem.unit * np.sqrt(variance),
        problem.unit * residual,
        tuple(weights.tolist()),
        observed,
        tuple(said),
    )


def decided(y: Array, images: Array, law: Transfer, factor: float) -> Array:
    """The part of slices y (N, H, W) that the data decide, at `factor` times the noise."""
    problem = prepare(images, law)
    _, information, _ = problem.normal(factor)
    by_data = problem.wiener(information) @ information
    return pixels(apply(by_data, cosines(y - y.mean((1, 2), keepdims=True))))


def modelled(y: Array, images: Array, law: Transfer) -> Array:
    """T y (N, H, W), with the mean of each slice of ``images``."""
    means = images.mean((1, 2), keepdims=True)
    if not law.mixed:
        return images.copy()
    T = law.at(frequencies(*y.shape[1:]))
    return means + pixels(apply(T, cosines(y - y.mean((1, 2), keepdims=True))))


def scale(images: Array) -> float:
    """Standard deviation of the projected (summed) image: the unit of the prior."""
    return float(images.sum(0).std())


def perturbed(law: Transfer, rng: np.random.Generator) -> Transfer:
    """A draw of T within its deviation: smooth over k, the normalisation kept."""
    n = law.matrix.shape[-1]
    spread = np.sqrt(1 / (1 / np.clip(law.sigma, 0.01, 0.2) ** 2 + 1 / 0.1**2) + 0.02**2)
    walk = rng.standard_normal((len(law.k), n, n))
    walk = sum(np.roll(walk, s, 0) for s in (-1, 0, 1)) / np.sqrt(3)
    return replace(law, matrix=complete(law.matrix + spread * walk, law.normalisation))
