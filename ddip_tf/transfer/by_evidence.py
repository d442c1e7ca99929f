"""Two slices separated as far as evidence goes: the mixing model of `ladder`, the prior as far as `held_out` trusts it.

Under the free start the slices are a linear estimate that keeps their own detail (`linear`) and, at each spatial
frequency as far as hidden coefficients can be foretold from the others, the picture with the fewest edges
(`half_quadratic`)::

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
from ddip_tf.transfer import guides as maps
from ddip_tf.transfer import held_out, linear, log_amplitudes, noise
from ddip_tf.transfer import start as starts_of
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import band_centres, frequencies, interpolate
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.half_quadratic import minimise
from ddip_tf.transfer.inverse_problem import Problem, scale
from ddip_tf.transfer.ladder import Choice, climb, tied
from ddip_tf.transfer.solver import Solution, perturbed, side_by_side, unchanged

#: rungs beside none that a normalisation of T's columns allows
NORMALISED = {
    "auto": None,
    "sum": ("free start", "free start, gain"),
    "diagonal": ("one-sided 2", "one-sided 1", "full"),
}
#: decibels of expected gain, of the slice that gains least, below which nothing is done
LEAST_GAIN_DB = 1.4
#: part of T's uncertainty that counts as noise for the prior; all of it made the prior's guesses worse at low k
UNCERTAIN = 0.1
#: levels of noise that are averaged, around the one the skill asks for
LEVELS = (0.4, 1.0, 2.5)
#: skill of the prior at `MIDDLE` cycles/pixel, and the level of noise (`ddip_tf.transfer.noise`) that goes with it
MIDDLE, SKILLS, FACTORS = 0.045, (0.5, 0.9, 0.98), (0.3, 0.8, 2.0)
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
    centres = band_centres(*images.shape[1:])
    if start is not None:
        return starts_of.climb(images, start, centres, measured)
    return climb(images, centres, NORMALISED[normalisation], measured)


def find(
    images: Array, normalisation: str = "auto", start: Array | None = None, measured: Array | None = None
) -> tuple[Transfer, Choice | None]:
    """T of N slices (N, H, W) as the default finds it: two by the ladder (and the choice), more by `estimate_transfer`.

    ``start`` and ``measured`` as in `choose`, of two slices. Raises ValueError as both do.
    """
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
    law = law_of(choice)
    if choice.rung == "none":
        said = _nothing_found(choice) if kept is None else starts_of.unclear(choice)
        return unchanged(images), replace(law, warnings=(said,))
    if choice.rung != "free start":
        return _inverted(images, law), replace(law, warnings=_said_of(choice))
    flat = images if kept is None else images - kept
    filters = linear.filters(flat, choice.k, choice.samples, choice.matrix, choice.covariance, measured)
    law = replace(law, power=filters.power[: len(choice.k)])
    gain_db = filters.gain_db if kept is None else starts_of.expected_gain_db(images, flat, filters)
    if gain_db.min() < LEAST_GAIN_DB and not guides:
        reason = (
            f"the slices mix, but taking the ghosts out is expected to gain {gain_db.min():.1f} dB only: "
            "they lie too close or hold too little to be told apart, and are returned as they are"
        )
        return unchanged(images), replace(law, mixed=False, warnings=(Caution("withheld", reason),))
    solution, law = _solved(flat, law, filters, starts, seed, guides, amplitudes, threads, measured)
    if kept is not None:
        separated = level(solution.images, images)
        solution = replace(solution, images=separated, gain_db=gain_db)
    return solution, law


def _solved(
    images: Array,
    law: Transfer,
    filters: linear.Filters,
    starts: int,
    seed: int,
    guides: Sequence[tuple[int, Array]],
    amplitudes: Array | None,
    threads: int,
    measured: Array | None,
) -> tuple[Solution, Transfer]:
    """The free start."""
    problem = _problem(images, law, filters, measured)
    mixed, T = dct(problem.images), law.at(frequencies(*images.shape[1:]))
    base = filters(images - problem.means) / problem.unit
    more: tuple[Any, Any] = (0, 0)

    def solved(problem: Problem, start: Array, factor: float, hidden: Array | None = None) -> Array:
        _, information, data = problem.normal(factor)
        information, data = information + more[0], data + more[1]
        if hidden is not None:
            information, data = information * ~hidden[..., None, None], data * ~hidden[..., None]
        return minimise(start, information, data, strength=1.0, exponent=0.5, steps=60)

    def foretell(hidden: Array) -> Array:
        start = idct(mixed * ~hidden[..., None])
        return matvec(T, dct(solved(problem, start, 1.0, hidden)))

    trust = held_out.trust(mixed, foretell)
    middle = float(np.exp(np.interp(trust.at(MIDDLE), SKILLS, np.log(FACTORS))))
    factors = [middle * level for level in LEVELS]
    weight = trust.over(*images.shape[1:])[..., None]
    caution = max(CAUTIOUS, float(trust.weight.max()))

    def averaged() -> tuple[Array, Array]:
        tried = np.stack(side_by_side(threads, lambda factor: solved(problem, problem.images, factor), factors))
        linear_part, prior_part = dct(base), dct(tried.mean(0))
        blended = idct(linear_part + weight * (prior_part - linear_part))
        return problem.images + caution * (blended - problem.images), tried

    y, tried = averaged()
    said: list[Caution] = []
    observed: log_amplitudes.Observed | None = None
    if guides or amplitudes is not None:  # both are judged by what the phases alone gave
        kept, said = maps.related(guides, y, law.crossover_px)
        if kept:
            more = maps.ties(kept, problem.images, law.crossover_px)
            edge = 0.5 / law.crossover_px
            weight = np.maximum(weight, 1 / (1 + (frequencies(*images.shape[1:])[..., None] / edge) ** 8))
        if amplitudes is not None:
            observed = log_amplitudes.observe(amplitudes / problem.unit, y)
            more = tuple(a + b for a, b in zip(more, observed.normal(), strict=True))
        if kept or observed:
            y, tried = averaged()
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
        warnings=tuple(said),
        trust=trust,
        gain_db=filters.gain_db,
    )
    return solution, law


def _problem(images: Array, law: Transfer, filters: linear.Filters, measured: Array | None) -> Problem:
    """In the unit of the prior; noise follows the smoothed power, and T's uncertainty adds to it."""
    unit, means = scale(images), images.mean((1, 2), keepdims=True)
    centred = (images - means) / unit
    spread = np.log(law.k[1] / law.k[0]) / 2
    power = linear.spectra(centred, filters.k, spread).sum((1, 2)) / len(images)
    power = np.maximum(power, linear.smoothed(filters.k, power))
    uncertain = np.einsum("kj,kjab->kab", filters.power, filters.covariance) / unit**2
    shape = images.shape[1:]
    more = interpolate(frequencies(*shape), filters.k, UNCERTAIN * uncertain)
    levels = noise.follow(power, filters.k, np.ones(len(images)), shape, more)
    if measured is not None:
        floor = interpolate(frequencies(*shape), filters.k, linear.spectra(measured / unit, filters.k, spread))
        levels = replace(levels, floor=floor)
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


def _nothing_found(choice: Choice) -> Caution:
    if choice.shared:
        return Caution(
            "withheld",
            "what the slices share has no fixed ratio from place to place, as a ghost has: it may truly be in both; "
            "without optics, a start or a second scan none can tell; the slices are returned as they are",
        )
    rival = max((name for name in choice.log_evidence if name != "none"), key=choice.log_evidence.__getitem__)
    return Caution(
        "none-found",
        f"no crosstalk found (evidence of the next model, {rival}: {choice.log_evidence[rival]:+.1f} nats over none): "
        "the slices are returned as they are",
    )


def _said_of(choice: Choice) -> tuple[Caution, ...]:
    if choice.rung == "full":
        return (Caution("any-t", "any T was fitted: no simpler model of mixing explains what the slices share"),)
    stained = int(choice.rung[-1])
    said = (
        f"crosstalk is one-sided: slice {stained} holds a ghost of slice {3 - stained} and none the other way; slice "
        f"{3 - stained} is returned as it is"
    )
    return (Caution("one-sided", said, 3 - stained),)
