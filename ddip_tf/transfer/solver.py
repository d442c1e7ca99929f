"""Slices from the transfer model: what T(k) decides is computed, what it leaves open goes to a prior::

    y = argmin  1/2 sum_k (T y - I)^T N^-1 (T y - I)  +  strength * sum_pixels |grad y|^exponent

The fidelity is whitened by the noise N(k) (see `noise`). Near k = 0 the slices are fully shared, T is singular and the
data say nothing about their difference; there the non-convex total variation decides: of all ways to share the low
frequencies the one with the fewest edges (see `half_quadratic`). Symbols as in `estimate`: N slices, H and W pixels, k
in cycles/pixel; the cosine transform carries the reflected margins. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import log_amplitudes
from ddip_tf.transfer import objective as objectives
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import band_centres
from ddip_tf.transfer.checks import Checks
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.half_quadratic import minimise
from ddip_tf.transfer.held_out import Trust
from ddip_tf.transfer.inverse_problem import Problem, prepare
from ddip_tf.transfer.linear import Filters
from ddip_tf.transfer.objective import Objective
from ddip_tf.transfer.smica import dependence, local_covariances, weighted_mean
from ddip_tf.transfer.threads import in_threads


@dataclass(frozen=True)
class Part:
    """That not all of a correction is made (`ddip_tf.transfer.in_part`), and of what; all but ``share`` (N, H, W)."""

    share: Array  # (N,) of the correction that is made
    given: Array  # slices with nothing of it
    whole: Array  # slices with all of it


@dataclass(frozen=True)
class Solution:
    """Separated slices, in the unit and with the gain of the input; all arrays (N, H, W)."""

    images: Array  # y
    base: Array  # linear (Wiener) estimate: what the data fix without any picture of the object
    decided: Array  # the part of `images` decided by data; images - decided is decided by the prior
    sigma: Array  # pixelwise standard deviation over starts, strengths and samples of T
    residual: Array  # images in minus T y: what neither explains
    weights: tuple[float, ...] = ()  # of the noise levels tried
    tried: tuple[float, ...] = ()  # factors on the noise in the differences
    observed: log_amplitudes.Observed | None = None  # log-amplitudes and their T(k), in the unit of the prior
    warnings: tuple[Caution, ...] = ()  # of guides that were left out
    trust: Trust | None = None  # how far the prior was believed
    agreement: float | None = None  # of the prior with itself, on the coarsest difference
    gain_db: Array | None = None  # (N,) expected of the linear part
    free_ramps: bool = False  # the ramps of the slices are the prior's, not the images'
    checks: Checks | None = None  # what speaks against it
    directional: Array | None = None  # ghosts beyond T(k), of directions of k (`ddip_tf.transfer.directional`)
    problem: Problem | None = None  # that was solved, where a further prior can go on from it
    filters: Filters | None = None  # of its linear estimate
    other: Array | None = None  # y under the other reading of `ladder.TwoUnits`, where either may be true
    part: Part | None = None  # not all of the correction is made

    @property
    def share(self) -> Array:
        """(N,) of the correction that is made."""
        return np.ones(len(self.images)) if self.part is None else self.part.share

    @property
    def factor(self) -> float:
        """On the noise in the differences: the geometric mean of those tried; 1 where nothing was solved."""
        return 1.0 if not self.weights else float(np.exp(np.dot(self.weights, np.log(self.tried))))


def unchanged(images: Array) -> Solution:
    """Slices (N, H, W) as they are."""
    zeros = np.zeros_like(images)
    return Solution(images.copy(), images.copy(), images.copy(), zeros, zeros.copy())


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
    transfer: Transfer,
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
    """Separate N slices (N, H, W) under T(k), ``transfer``.

    Every noise level is solved for (`ddip_tf.transfer.noise` times each of `factors`); the solutions are averaged with
    weights exp(-dependence / 0.02), so that what leaves the slices most independent speaks loudest. `starts` - 1 more
    solutions with the best factor, from other first guesses and with T drawn within its deviation, add to `sigma` only.
    Strengths are in units of `scale`: they do not depend on the unit of the images. `guides` are maps of slices known
    from elsewhere (`ddip_tf.transfer.guides`), `amplitudes` (N, H, W) log-amplitudes of the same slices
    (`ddip_tf.transfer.log_amplitudes`): with either all is solved twice, for both are judged by the first solution.
    `threads` solve at a time; how many changes nothing in the result.
    """
    images = np.asarray(images, float)
    if not transfer.mixed:
        return unchanged(images)
    prior = partial(minimise, strength=strength, exponent=exponent, steps=steps)
    objective = Objective(prepare(images, transfer), prior)
    observed: log_amplitudes.Observed | None = None
    said: list[Caution] = []
    y, weights, tried = _averaged(objective, factors, threads)
    if guides or amplitudes is not None:  # both are judged by what the phases alone gave
        informed, observed, said = objectives.informed(objective, y, guides, amplitudes)
        if informed is not objective:
            objective = informed
            y, weights, tried = _averaged(objective, factors, threads)
    best = int(weights.argmax())
    T, information, data = objective.normal(factors[best])
    covariance = objective.problem.wiener(information)
    base = idct(matvec(covariance, data))
    variance = np.einsum("p,pnhw->nhw", weights, (tried - y) ** 2)
    for drawn in objectives.drawn(objective, factors[best], base, starts - 1, seed, threads):
        variance += (drawn - tried[best]) ** 2 / (starts - 1)
    problem = objective.problem
    separated = level(problem.unit * y, images)
    free = (transfer.matrix == np.eye(len(images))).all((0, 2))  # slices without any ghost: nothing to take out
    separated[free] = images[free]
    return Solution(
        images=separated,
        base=problem.unit * base + problem.means,
        decided=problem.unit * idct(matvec(covariance @ information, dct(y))),
        sigma=problem.unit * np.sqrt(variance),
        residual=problem.unit * (problem.images - idct(matvec(T, dct(y)))),
        weights=tuple(weights.tolist()),
        tried=factors,
        observed=observed,
        warnings=tuple(said),
    )


def _averaged(objective: Objective, factors: tuple[float, ...], threads: int) -> tuple[Array, Array, Array]:
    """The mean over levels of noise, the weight of each, and the solutions (levels, N, H, W)."""
    start = objective.problem.images
    tried = np.stack(in_threads(threads, lambda factor: objective.minimum(start, factor), factors))
    score = np.array(in_threads(threads, dependence_of, tried))
    weights = np.exp(-(score - score.min()) / 0.02)
    weights /= weights.sum()
    return np.einsum("p,pnhw->nhw", weights, tried), weights, tried
