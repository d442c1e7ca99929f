"""Two slices under a free start: a linear estimate, and of the prior as much as is to be believed.

The linear estimate keeps the slices' own detail (`linear`). What it leaves open, the picture with the fewest edges
fills in (`half_quadratic`), at each spatial frequency as far as hidden coefficients can be foretold from the others
(`held_out`), and where that cannot be tried, at the coarsest differences and the ramps, as far as the prior's solutions
agree (`agreement`)::

    y = linear + trust(k) (y_prior - linear)

y_prior is the mean over levels of noise. Symbols as in `ddip_tf.transfer.estimate`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import held_out, linear, noise, ramps, reasons
from ddip_tf.transfer import objective as objectives
from ddip_tf.transfer.agreement import agreement, believed, differences, weight
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.checks import Checks, scatter, still_shared
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.half_quadratic import minimise
from ddip_tf.transfer.inverse_problem import Problem, prepare, scale
from ddip_tf.transfer.ladder import Choice
from ddip_tf.transfer.objective import Objective, side_by_side
from ddip_tf.transfer.resolution import Sampling
from ddip_tf.transfer.solver import Solution

#: part of T's uncertainty that counts as noise for the prior; all of it made the prior's guesses worse at low k
UNCERTAIN = 0.1
#: levels of noise that are averaged, around the one the skill asks for
LEVELS = (0.4, 1.0, 2.5)
#: skill of the prior at `held_out.MIDDLE`, and the level of noise (`ddip_tf.transfer.noise`) that goes with it
SKILLS, FACTORS = (0.5, 0.9, 0.98), (0.3, 0.8, 2.0)
#: cycles/pixel at the reference, below which the slices are all but the same picture
COARSEST = 0.015
#: of the correction that is made where the prior has no skill at all: it errs half as much there, and gains half
CAUTIOUS = 0.5
#: agreement on the ramps, and skill at `held_out.MIDDLE`, from which on ramps are believed a little, and fully
RAMPS_AGREE, RAMPS_SKILL = (0.8, 0.97), (0.5, 0.9)


@dataclass(frozen=True)
class Belief:
    """How far the prior is to be believed, (H, W, 1) each, and what that rests on."""

    trust: held_out.Trust
    agreed: float  # on the coarsest differences
    coarse: Array  # in the differences of the slices
    ramps: Array | float  # in their ramps, where they have any; NaN elsewhere

    def of(self, added: Array, guided: Array | float) -> Array:
        """Of what the prior adds (H, W, N) to the linear estimate, so much; all of it where maps ``guided`` it."""
        apart = differences(added)
        believed = (added - apart) + np.maximum(guided, self.coarse) * apart
        believed = np.where(np.isnan(self.ramps), believed, np.maximum(guided, self.ramps) * added)
        return np.maximum(guided, self.trust.over(*added.shape[:2])[..., None]) * believed


class FreeStart:
    """What is solved: slices (2, H, W) under T and filters, by the prior, with coefficients hidden and with none."""

    def __init__(
        self, images: Array, transfer: Transfer, filters: linear.Filters, sampling: Sampling, threads: int
    ) -> None:
        self.problem = pose(images, transfer, filters, sampling)
        self.base = filters(images - self.problem.means) / self.problem.unit
        strength = sampling.factor**1.5  # of |grad y|^1/2 summed over pixels, to be the same on finer ones
        self.objective = Objective(self.problem, partial(minimise, strength=strength, exponent=0.5, steps=60))
        self.sampling, self.threads = sampling, threads
        shape = images.shape[1:]
        self.coarsest = max(sampling.here(COARSEST), transfer.k[0])
        self.on_axes = ramps.on_axes(*shape)
        self.coarse = (frequencies(*shape) < self.coarsest) & ~self.on_axes
        self.T, self.mixed, self.linear = transfer.at(frequencies(*shape)), dct(self.problem.images), dct(self.base)
        self.guesses: list[Array] = []  # what is added to the linear estimate while some coefficients are hidden
        self.trust = held_out.trust(self.mixed, self._foretell, sampling, self.on_axes)
        self.skill = self.trust.at(sampling.here(held_out.MIDDLE))
        middle = float(np.exp(np.interp(self.skill, SKILLS, np.log(FACTORS))))
        self.factors = tuple(middle * factor for factor in LEVELS)

    @property
    def middle(self) -> float:
        """The factor on the noise between the slices."""
        return self.factors[1]

    def _foretell(self, hidden: Array) -> Array:
        found = dct(self.objective.minimum(idct(self.mixed * ~hidden[..., None]), 1.0, hidden))
        self.guesses.append(found - self.linear)
        return matvec(self.T, found)

    def averaged(self, objective: Objective, guided: Array | float = 0.0) -> tuple[Array, Array, Belief]:
        """Slices, the solution at each level of noise (L, 2, H, W), and how far they were believed."""
        solve = partial(objective.minimum, self.problem.images)
        tried = np.stack(side_by_side(self.threads, solve, self.factors))
        each = [dct(y) - self.linear for y in tried]
        belief = self._belief(np.stack([*self.guesses, *each]))
        blended = idct(self.linear + belief.of(np.mean(each, axis=0), guided))
        caution = max(CAUTIOUS, float(self.trust.weight.max()))
        return self.problem.images + caution * (blended - self.problem.images), tried, belief

    def _belief(self, added: Array) -> Belief:
        shape = self.on_axes.shape
        agreed = agreement(differences(added[:, self.coarse]))
        coarse = weight(agreed, shape, self.coarsest)[..., None]
        sloped = believed(agreement(added[:, self.on_axes]), *RAMPS_AGREE) * believed(self.skill, *RAMPS_SKILL)
        return Belief(self.trust, agreed, coarse, np.where(self.on_axes, sloped, np.nan)[..., None])


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
    y, tried, belief = posed.averaged(objective)
    if guides or amplitudes is not None:  # both are judged by what the phases alone gave
        objective, observed, said = objectives.informed(objective, y, guides, amplitudes)
    guided = objective.ties is not posed.objective.ties
    if objective is not posed.objective:
        y, tried, belief = posed.averaged(objective, reach(transfer, images.shape[1:]) if guided else 0.0)
    variance = ((tried - tried.mean(0)) ** 2).mean(0)
    for drawn in objectives.drawn(objective, posed.middle, posed.base, starts - 1, seed, threads):
        variance += (drawn - tried[1]) ** 2 / (starts - 1)
    problem, coefficients = posed.problem, dct(y)
    _, information, _ = problem.normal(posed.middle)
    left = posed.mixed - matvec(posed.T, coefficients)
    solution = Solution(
        images=level(problem.unit * y, images),
        base=problem.unit * posed.base + problem.means,
        decided=problem.unit * idct(matvec(problem.wiener(information) @ information, coefficients)),
        sigma=problem.unit * np.sqrt(variance),
        residual=problem.unit * idct(left - ramps.like(left)),
        weights=(1.0,),
        tried=(posed.middle,),
        observed=observed,
        warnings=(*said, *reasons.doubts(choice, posed.trust, belief.agreed)),
        trust=posed.trust,
        agreement=belief.agreed,
        gain_db=filters.gain_db,
        free_ramps=True,
        checks=Checks(still_shared(y, choice.sampling), scatter(tried, y - problem.images)),
    )
    return solution, guided


def reach(transfer: Transfer, shape: tuple[int, ...]) -> Array:
    """(H, W, 1) how far maps of slices are believed: up to half the crossover of T."""
    edge = 0.5 / transfer.crossover_px
    return 1 / (1 + (frequencies(shape[0], shape[1])[..., None] / edge) ** 8)


def pose(images: Array, transfer: Transfer, filters: linear.Filters, sampling: Sampling) -> Problem:
    """In the unit of the prior; noise follows the smoothed power, T's uncertainty adds to it, and ramps are free."""
    unit = scale(images)
    power = filters.density.sum((1, 2)) / len(images) / unit**2
    power = np.maximum(power, linear.smoothed(filters.k, power))
    uncertain = np.einsum("kj,kjab->kab", filters.power, filters.covariance) / unit**2
    shape = images.shape[1:]
    more = interpolate(frequencies(*shape), filters.k, UNCERTAIN * uncertain)
    levels = noise.follow(power, filters.k, np.ones(len(images)), shape, more, sampling)
    if filters.floor is not None:
        levels = replace(levels, floor=interpolate(frequencies(*shape), filters.k, filters.floor / unit**2))
    return replace(prepare(images, transfer, levels), free_ramps=True)
