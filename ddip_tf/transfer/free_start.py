"""Two slices under a free start: a linear estimate, and of the prior as much as is to be believed.

The linear estimate keeps the slices' own detail (`linear`). What it leaves open, the picture with the fewest edges
fills in (`half_quadratic`), at each spatial frequency as far as hidden coefficients can be foretold from the others
(`held_out`), and at the coarsest differences, where that cannot be tried, as far as the prior's solutions agree
(`agreement`)::

    y = linear + trust(k) (y_prior - linear)

y_prior is the mean over levels of noise. Ramps, of which images know nothing, are free (`ramps`) as far as that leaves
fewer edges. Symbols as in `ddip_tf.transfer.estimate`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import held_out, linear, noise, ramps, reasons
from ddip_tf.transfer import objective as objectives
from ddip_tf.transfer.agreement import agreement, believed, coarsest, differences, weight
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.checks import Checks, scatter, still_shared
from ddip_tf.transfer.dct import dct, idct
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.half_quadratic import edges, minimise
from ddip_tf.transfer.halved import minimise_halved
from ddip_tf.transfer.inverse_problem import Problem, prepare, scale, through
from ddip_tf.transfer.ladder import Choice
from ddip_tf.transfer.objective import Objective
from ddip_tf.transfer.resolution import Sampling
from ddip_tf.transfer.solver import Solution
from ddip_tf.transfer.threads import in_threads

#: part of T's uncertainty that counts as noise for the prior; all of it made the prior's guesses worse at low k
UNCERTAIN = 0.1
#: cycles/pixel at the reference, below which levels of noise are compared
LOWER = 0.06
#: of the correction that is made where the prior has no skill at all: it errs half as much there, and gains half
CAUTIOUS = 0.5
#: part of the edges that is gone once ramps are free, from which on free ramps are believed a little, and fully
FEWER_EDGES = (0.02, 0.05)
#: pixels from which on what is only tried out (skill and spread, not pictures) is solved on half of them a side
LARGE = 2**20 + 1
#: of the prior: |grad y|^exponent, and half-quadratic steps
EXPONENT, STEPS = 0.5, 60


@dataclass(frozen=True)
class Belief:
    """How far the prior is to be believed."""

    agreed: float  # of the prior with itself, on the coarsest differences
    weight: Array  # (H, W, 1) by the skill
    coarse: Array  # (H, W, 1) in the differences of the slices, by the agreement

    def of(self, added: Array, guided: Array | float) -> Array:
        """Of what the prior adds (H, W, N) to the linear estimate, so much; all of it where maps ``guided`` it."""
        apart = differences(added)
        return np.maximum(guided, self.weight) * (added - apart + np.maximum(guided, self.coarse) * apart)


@dataclass(frozen=True)
class Found:
    """Slices (2, H, W) in the unit of the prior, and what they rest on."""

    slices: Array
    tried: Array  # (L, 2, H, W) at each level of noise, ramps as in the images
    belief: Belief
    free_ramps: float  # how far ramps were free
    scatter: Array  # (2,) of `ddip_tf.transfer.checks`


class FreeStart:
    """What is solved: slices (2, H, W) under T and filters, by the prior, with coefficients hidden and with none."""

    def __init__(
        self, images: Array, transfer: Transfer, filters: linear.Filters, sampling: Sampling, threads: int
    ) -> None:
        self.problem = pose(images, transfer, filters, sampling)
        self.base = filters(images - self.problem.means) / self.problem.unit
        self.strength = sampling.factor**1.5  # of |grad y|^1/2 summed over pixels, to be the same on finer ones
        prior = partial(minimise, strength=self.strength, exponent=EXPONENT, steps=STEPS)
        self.objective = Objective(self.problem, prior)
        self.threads = threads
        k = self.problem.k
        self.coarsest = coarsest(sampling, transfer.k[0])
        self.coarse, self.lower = k < self.coarsest, k < sampling.here(LOWER)
        self.mixed, self.linear = dct(self.problem.images), dct(self.base)
        # and what is added to the coarsest part while some coefficients are hidden
        self.trust, self.guesses = held_out.trust(self.mixed, self._foretell, sampling, threads)
        self.middle = self.trust.factors[1]

    def _foretell(self, hidden: Array) -> tuple[Array, Array]:
        found = dct(self.rough(self.objective).minimum(idct(self.mixed * ~hidden[..., None]), 1.0, hidden))
        return through(self.problem.transfer, found), (found - self.linear)[self.coarse]

    def rough(self, objective: Objective) -> Objective:
        """The same, of a large field on half the pixels a side."""
        if self.coarse.size < LARGE:
            return objective
        prior = partial(minimise_halved, strength=self.strength, exponent=EXPONENT, steps=STEPS)
        return replace(objective, prior=prior)

    def apart(self, objective: Objective, middle: Array, count: int, seed: int) -> Iterator[Array]:
        """``count`` solutions (2, H, W) from other first guesses and with other T, less the ``middle`` one."""
        rough = self.rough(objective)
        if count and rough is not objective:
            middle = rough.minimum(self.problem.images, self.middle)
        others = objectives.drawn(rough, self.middle, self.base, count, seed, self.threads)
        return (drawn - middle for drawn in others)

    def find(self, objective: Objective, guided: Array | float = 0.0) -> Found:
        """Slices by the mean over levels of noise, ramps as in the images and free, as far as both are believed."""
        unbound = freed(objective)
        fixed, free = self._tried(objective, unbound)
        added, freely = (np.stack([dct(y) - self.linear for y in tried]) for tried in (fixed, free))
        belief = self._belief(added)
        fewer = (self._value(objective, fixed[1]) - self._value(unbound, free[1])) / self._edges(fixed[1])
        sloped = believed(fewer, *FEWER_EDGES)
        on_axes = ramps.on_axes(*self.coarse.shape)[..., None]
        flat = np.where(on_axes, 0.0, belief.of(freely.mean(0), guided))
        tilted = np.where(on_axes, belief.weight * freely.mean(0), flat)
        corrected = (1 - sloped) * belief.of(added.mean(0), guided) + sloped * tilted + self.linear - self.mixed
        caution = max(CAUTIOUS, float(self.trust.weight.max()))
        y = self.problem.images + caution * idct(corrected)
        scattered = scatter(freely[:, self.lower], caution * (flat + self.linear - self.mixed)[self.lower])
        return Found(y, fixed, belief, sloped, scattered)

    def _tried(self, *objectives: Objective) -> list[Array]:
        """Solutions (L, 2, H, W) of each at every level of noise; all in one queue, so that no thread waits."""
        start, levels = self.problem.images, self.trust.factors
        asked = zip(*product(objectives, levels), strict=True)
        solved = in_threads(self.threads, lambda objective, factor: objective.minimum(start, factor), *asked)
        return [np.stack(solved[i : i + len(levels)]) for i in range(0, len(solved), len(levels))]

    def _edges(self, y: Array) -> float:
        return self.strength * edges(y, EXPONENT)

    def _value(self, objective: Objective, y: Array) -> float:
        return objective.problem.misfit(y, self.middle) + self._edges(y)

    def _belief(self, added: Array) -> Belief:
        shape = self.coarse.shape
        agreed = agreement(differences(np.stack([*self.guesses, *added[:, self.coarse]])))
        return Belief(agreed, self.trust.over(*shape)[..., None], weight(agreed, shape, self.coarsest)[..., None])


def freed(objective: Objective) -> Objective:
    """The same, with ramps that no image knows."""
    return replace(objective, problem=replace(objective.problem, free_ramps=True))


def solve(
    images: Array,
    transfer: Transfer,
    filters: linear.Filters,
    choice: Choice,
    *,
    starts: int = 1,
    seed: int = 0,
    guides: Sequence[tuple[int, Array]] = (),
    amplitudes: Array | None = None,
    threads: int = 1,
) -> tuple[Solution, bool]:
    """Slices (2, H, W) separated under T and its ``filters``, as in `ddip_tf.transfer.by_evidence.separate`; and did
    any of the ``guides`` help?"""
    posed = FreeStart(images, transfer, filters, choice.sampling, threads)
    objective, observed, said = posed.objective, None, list[Caution]()
    found = posed.find(objective)
    if guides or amplitudes is not None:  # both are judged by what the phases alone gave
        objective, observed, said = objectives.informed(objective, found.slices, guides, amplitudes)
    guided = objective.ties is not posed.objective.ties
    if objective is not posed.objective:
        found = posed.find(objective, reach(transfer, images.shape[1:]) if guided else 0.0)
    y, tried, problem = found.slices, found.tried, posed.problem
    variance = ((tried - tried.mean(0)) ** 2).mean(0)
    for apart in posed.apart(objective, tried[1], starts - 1, seed):
        variance += apart**2 / (starts - 1)
    coefficients = dct(y)
    left = posed.mixed - through(transfer, coefficients)
    left -= ramps.like(left) if found.free_ramps else 0.0
    solution = Solution(
        images=level(problem.unit * y, images),
        base=problem.unit * posed.base + problem.means,
        decided=problem.unit * idct(problem.decided(coefficients, posed.middle)),
        sigma=problem.unit * np.sqrt(variance),
        residual=problem.unit * idct(left),
        weights=(1.0,),
        tried=(posed.middle,),
        observed=observed,
        warnings=(*said, *reasons.doubts(choice, posed.trust, found.belief.agreed)),
        trust=posed.trust,
        agreement=found.belief.agreed,
        gain_db=filters.gain_db,
        free_ramps=found.free_ramps > 0,
        checks=Checks(still_shared(y, choice.sampling), found.scatter),
        problem=problem,
        filters=filters,
    )
    return solution, guided


def reach(transfer: Transfer, shape: tuple[int, ...]) -> Array:
    """(H, W, 1) how far maps of slices are believed: up to half the crossover of T."""
    edge = 0.5 / transfer.crossover_px
    return 1 / (1 + (frequencies(shape[0], shape[1])[..., None] / edge) ** 8)


def pose(images: Array, transfer: Transfer, filters: linear.Filters, sampling: Sampling) -> Problem:
    """In the unit of the prior; noise follows the smoothed power, and T's uncertainty adds to it."""
    unit = scale(images)
    power = filters.density.sum((1, 2)) / len(images) / unit**2
    power = np.maximum(power, linear.smoothed(filters.k, power))
    uncertain = np.einsum("kj,kjab->kab", filters.power, filters.covariance) / unit**2
    shape = images.shape[1:]
    more = interpolate(frequencies(*shape), filters.k, UNCERTAIN * uncertain)
    levels = noise.follow(power, filters.k, np.ones(len(images)), shape, more, sampling)
    if filters.floor is not None:
        levels = replace(levels, floor=interpolate(frequencies(*shape), filters.k, filters.floor / unit**2))
    return prepare(images, transfer, levels)
