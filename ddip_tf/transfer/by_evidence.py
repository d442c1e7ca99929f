"""Two slices separated as far as evidence goes: the mixing model of `ladder`, the prior as far as `held_out` trusts it.

Under the free start the slices are a linear estimate that keeps their own detail (`linear`) and, at each spatial
frequency as far as hidden coefficients can be foretold from the others, and the solutions agree (`agreement`), the
picture with the fewest edges (`half_quadratic`)::

    y = linear + trust(k) (y_prior - linear)

y_prior is the mean over levels of noise. Under the other rungs T is well conditioned, and y = T^-1 I without any prior.
Where the evidence is not clear, or the expected gain is small, the slices come back as they are. Symbols as in
`ddip_tf.transfer.estimate`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import agreement, held_out, linear, log_amplitudes, many, noise, reasons
from ddip_tf.transfer import guides as maps
from ddip_tf.transfer import start as starts_of
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import band_centres, frequencies, interpolate
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.half_quadratic import minimise
from ddip_tf.transfer.inverse_problem import Problem, scale
from ddip_tf.transfer.ladder import Choice, climb, tied
from ddip_tf.transfer.neighbours import AlongDepth
from ddip_tf.transfer.resolution import Sampling, sampling
from ddip_tf.transfer.solver import Solution, perturbed, side_by_side, unchanged

#: rungs beside none that a normalisation of T's columns allows
NORMALISED = {
    "auto": None,
    "sum": ("free start", "free start, gain"),
    "diagonal": ("one-sided 2", "one-sided 1", "full"),
}
#: cycles/pixel at the reference, the highest band of T
HIGHEST = 0.2
#: decibels of expected gain, of the slice that gains least, below which nothing is done
LEAST_GAIN_DB = 1.4
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


def choose(
    images: Array, normalisation: str = "auto", start: Array | None = None, measured: Array | None = None
) -> Choice:
    """The rung of the ladder for two slices (2, H, W), among those of a ``normalisation`` if it is not "auto".

    ``start`` (2, H, W) is what their reconstruction started from (`ddip_tf.transfer.start`); ``measured`` (2, H, W) a
    realisation of their noise (`ddip_tf.transfer.halves`).

    Raises ValueError for sides under 32 pixels, and for images that are constant or not finite.
    """
    images = np.asarray(images, float)
    if images.ndim != 3 or len(images) != 2 or min(images.shape[1:]) < 32:
        raise ValueError(f"needs two slices of 32 x 32 pixels or more, got shape {images.shape}")
    if not np.isfinite(images).all() or (images.std((1, 2)) == 0).any():
        raise ValueError("every slice must be finite and not constant")
    sampled = sampling(images)
    height, width = images.shape[1:]
    centres = band_centres(height, width, highest=sampled.at_most(HIGHEST))
    if start is not None:
        return replace(starts_of.climb(images, start, centres, measured), sampling=sampled)
    return climb(images, centres, NORMALISED[normalisation], sampled, measured)


def find(
    images: Array, normalisation: str = "auto", start: Array | None = None, measured: Array | None = None
) -> tuple[Transfer, Choice | None]:
    """T of N slices (N, H, W) as the default finds it, and the choice: two by the ladder, more by `many`.

    More than two that were each scaled on their own (``normalisation`` "diagonal") have the T of `estimate_transfer`,
    and no choice. ``start`` and ``measured`` as in `choose`, of two slices. Raises ValueError as these do.
    """
    if len(images) > 2 and normalisation != "diagonal":
        along_depth = many.choose(images)
        return many.law_of(along_depth), along_depth
    if len(images) != 2:
        law = estimate_transfer(images, normalisation=normalisation)
        if not law.reliable:
            law = _not_used(law)
        return law, None
    choice = choose(images, normalisation, start, measured)
    return law_of(choice), choice


def _not_used(law: Transfer) -> Transfer:
    """The law as one that changes nothing: what was to be doubted is why."""
    doubts = [caution for caution in law.warnings if caution.doubtful]
    notes = [caution for caution in law.warnings if not caution.doubtful]
    said = f"{doubts[0]}; it is not used: the slices are returned as they are"
    return replace(law, mixed=False, warnings=(*notes, Caution("withheld", said)))


def law_of(choice: Choice) -> Transfer:
    """T of a choice, gain taken out: of images whose first slice was divided by ``choice.gain``."""
    sigma = np.sqrt(np.maximum(np.einsum("kjii->kij", choice.covariance), 0))
    n = choice.matrix.shape[-1]
    power = np.ones((len(choice.k), n))
    matrix = tied(choice.matrix, choice.k) if choice.normalisation == "sum" else choice.matrix
    return Transfer(
        choice.k,
        matrix,
        choice.matrix,
        sigma,
        power,
        choice.samples,
        choice.normalisation,
        choice.rung != "none",
        True,
    )


def separate(
    images: Array,
    choice: Choice,
    *,
    starts: int = 1,
    seed: int = 0,
    guides: Sequence[tuple[int, Array]] = (),
    amplitudes: Array | None = None,
    threads: int = 1,
    kept: Array | None = None,
    measured: Array | None = None,
) -> tuple[Solution, Transfer]:
    """Slices (2, H, W), the first divided by ``choice.gain``, separated under the rung that was chosen, and its T.

    ``kept`` (2, H, W) is what they hold of a known start (`ddip_tf.transfer.start`): without it they are as a flat
    start had left them. ``measured`` (2, H, W) is a realisation of their noise (`ddip_tf.transfer.halves`).
    ``starts`` - 1 more solutions, with T drawn within its deviation, add to the spread only; ``guides`` and
    ``amplitudes`` as in `ddip_tf.transfer.solver.solve`; ``threads`` solve at a time and change nothing.
    """
    if isinstance(choice, AlongDepth):
        return many.separate(images, choice, starts, seed, guides, amplitudes, threads, measured)
    law = law_of(choice)
    if choice.rung == "none":
        said = reasons.nothing_found(choice) if kept is None else starts_of.unclear(choice)
        return unchanged(images), replace(law, warnings=(said,))
    if choice.rung != "free start":
        return _inverted(images, law), replace(law, warnings=reasons.of_rung(choice))
    flat = images if kept is None else images - kept
    filters = linear.filters(
        flat, choice.k, choice.samples, choice.matrix, choice.covariance, choice.sampling, measured
    )
    law = replace(law, power=filters.power[: len(choice.k)])
    gain_db = filters.gain_db if kept is None else starts_of.expected_gain_db(images, flat, filters)
    if gain_db.min() < LEAST_GAIN_DB and not guides:
        return _withheld(images, law, gain_db)
    filters = replace(filters, gain_db=gain_db)
    solution, law = _solved(flat, law, filters, choice, starts, seed, guides, amplitudes, threads)
    if kept is not None:
        solution = replace(solution, images=level(solution.images, images)) if law.mixed else unchanged(images)
    return solution, law


def _solved(
    images: Array,
    law: Transfer,
    filters: linear.Filters,
    choice: Choice,
    starts: int,
    seed: int,
    guides: Sequence[tuple[int, Array]],
    amplitudes: Array | None,
    threads: int,
) -> tuple[Solution, Transfer]:
    """The free start."""
    sampling = choice.sampling
    problem = _problem(images, law, filters, sampling)
    mixed, T = dct(problem.images), law.at(frequencies(*images.shape[1:]))
    base = filters(images - problem.means) / problem.unit
    more: tuple[Any, Any] = (0, 0)
    strength = sampling.factor**1.5  # of |grad y|^1/2 summed over pixels, to be the same on finer ones

    def solved(problem: Problem, start: Array, factor: float, hidden: Array | None = None) -> Array:
        _, information, data = problem.normal(factor)
        information, data = information + more[0], data + more[1]
        if hidden is not None:
            information, data = information * ~hidden[..., None, None], data * ~hidden[..., None]
        return minimise(start, information, data, strength=strength, exponent=0.5, steps=60)

    linear_part, guesses = dct(base), []  # what is added to the coarsest differences, by each part of the coefficients
    coarsest = max(sampling.here(COARSEST), law.k[0])
    coarse = frequencies(*images.shape[1:]) < coarsest

    def foretell(hidden: Array) -> Array:
        start = idct(mixed * ~hidden[..., None])
        found = dct(solved(problem, start, 1.0, hidden))
        guesses.append((found - linear_part)[coarse])
        return matvec(T, found)

    trust = held_out.trust(mixed, foretell, sampling)
    middle = float(np.exp(np.interp(trust.at(sampling.here(held_out.MIDDLE)), SKILLS, np.log(FACTORS))))
    factors = [middle * level for level in LEVELS]
    weight = trust.over(*images.shape[1:])[..., None]
    caution = max(CAUTIOUS, float(trust.weight.max()))
    guided: Array | float = 0.0

    def averaged() -> tuple[Array, Array, float]:
        tried = np.stack(side_by_side(threads, lambda factor: solved(problem, problem.images, factor), factors))
        each = [dct(y) - linear_part for y in tried]
        agreed = agreement.agreement(np.stack([*guesses, *(added[coarse] for added in each)]))
        believed = agreement.weight(agreed, images.shape[1:], coarsest)[..., None]
        added = np.mean(each, axis=0)
        total = added.mean(-1, keepdims=True)
        added = total + np.maximum(guided, believed) * (added - total)
        blended = idct(linear_part + np.maximum(guided, weight) * added)
        return problem.images + caution * (blended - problem.images), tried, agreed

    y, tried, agreed = averaged()
    said: list[Caution] = []
    observed: log_amplitudes.Observed | None = None
    if guides or amplitudes is not None:  # both are judged by what the phases alone gave
        kept, said = maps.related(guides, y, law.crossover_px)
        if not kept and filters.gain_db.min() < LEAST_GAIN_DB:
            return _withheld(images, law, filters.gain_db, said)
        if kept:
            more = maps.ties(kept, problem.images, law.crossover_px)
            edge = 0.5 / law.crossover_px
            guided = 1 / (1 + (frequencies(*images.shape[1:])[..., None] / edge) ** 8)
        if amplitudes is not None:
            observed = log_amplitudes.observe(amplitudes / problem.unit, y)
            more = tuple(a + b for a, b in zip(more, observed.normal(), strict=True))
        if kept or observed:
            y, tried, agreed = averaged()
    variance = ((tried - tried.mean(0)) ** 2).mean(0)
    rng = np.random.default_rng(seed)
    others = [replace(problem, law=perturbed(law, rng)) for _ in range(1, starts)]
    first = cycle((np.zeros_like(base), base))
    for drawn in side_by_side(threads, lambda other, start: solved(other, start, middle), others, first):
        variance += (drawn - tried[1]) ** 2 / (starts - 1)
    _, information, _ = problem.normal(middle)
    by_data = idct(matvec(problem.wiener(information) @ information, dct(y)))
    separated = level(problem.unit * y, images)
    residual = images - problem.means - problem.unit * idct(matvec(T, dct(y)))
    solution = Solution(
        images=separated,
        base=problem.unit * base + problem.means,
        decided=problem.unit * by_data,
        sigma=problem.unit * np.sqrt(variance),
        residual=residual,
        weights=(1.0,),
        tried=(middle,),
        observed=observed,
        warnings=(*said, *reasons.doubts(choice, trust, agreed)),
        trust=trust,
        agreement=agreed,
        gain_db=filters.gain_db,
    )
    return solution, law


def _withheld(images: Array, law: Transfer, gain_db: Array, said: Sequence[Caution] = ()) -> tuple[Solution, Transfer]:
    """Slices as they are, for there is little to gain."""
    reason = reasons.little_to_gain(gain_db.min())
    return unchanged(images), replace(law, mixed=False, warnings=(*said, reason))


def _problem(images: Array, law: Transfer, filters: linear.Filters, sampling: Sampling) -> Problem:
    """In the unit of the prior; noise follows the smoothed power, and T's uncertainty adds to it."""
    unit, means = scale(images), images.mean((1, 2), keepdims=True)
    centred = (images - means) / unit
    power = filters.density.sum((1, 2)) / len(images) / unit**2
    power = np.maximum(power, linear.smoothed(filters.k, power))
    uncertain = np.einsum("kj,kjab->kab", filters.power, filters.covariance) / unit**2
    shape = images.shape[1:]
    more = interpolate(frequencies(*shape), filters.k, UNCERTAIN * uncertain)
    levels = noise.follow(power, filters.k, np.ones(len(images)), shape, more, sampling)
    if filters.floor is not None:
        levels = replace(levels, floor=interpolate(frequencies(*shape), filters.k, filters.floor / unit**2))
    return Problem(unit, means, centred, replace(law, power=law.power / unit**2), levels)


def _inverted(images: Array, law: Transfer) -> Solution:
    """y = T^-1 I where no prior is needed; slices without a ghost come back bit for bit."""
    means = images.mean((1, 2), keepdims=True)
    T = law.at(frequencies(*images.shape[1:]))
    y = idct(matvec(np.linalg.inv(T), dct(images - means))) + means
    free = (law.matrix == np.eye(len(images))).all((0, 2))
    y[free] = images[free]
    zeros = np.zeros_like(images)
    return Solution(images=y, base=y.copy(), decided=y - means, sigma=zeros, residual=zeros.copy())
