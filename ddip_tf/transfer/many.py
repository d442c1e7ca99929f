"""More than two slices separated as far as evidence goes: the law of `depth_modes`, found by `neighbours`.

T passes every depth mode by itself, I_m(k) = f_m(k) y_m(k) + n_m(k), and on the whole field the sources are alike in
every mode. So the linear estimate amplifies each mode as far as its noise allows, by one number a band,

    w_m = min(3, max(1, f D / ((f^2 + var f) D + N))),    w_0 = 1,

which keeps all detail a slice came with, and the sum of the slices at every k. The prior is total variation with
exponent 1/2 (`half_quadratic`), whose normal equations are diagonal in the modes: memory and time are N pictures' and
one N x N product. A fifth of it is believed, and more as far as it foretells hidden coefficients (`held_out`), which
it may fail to do for the noise in them: so a lack of skill asks for no less noise than is assumed. Of the coarsest
difference it is believed as far as it agrees with itself (`agreement`). Symbols: K bands, N
slices, H and W pixels; k in cycles/pixel. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import agreement, held_out, linear, noise, reasons
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import frequencies, interpolate, interpolate_power, log_gaussian
from ddip_tf.transfer.dct import dct, idct
from ddip_tf.transfer.depth_modes import modes
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.given import checked
from ddip_tf.transfer.half_quadratic import descend
from ddip_tf.transfer.inverse_problem import scale
from ddip_tf.transfer.ladder import as_transfer
from ddip_tf.transfer.neighbours import AlongDepth, climb_in_one_unit
from ddip_tf.transfer.resolution import bands_of, sampling_of
from ddip_tf.transfer.solver import Solution, solve, unchanged
from ddip_tf.transfer.threads import in_threads
from ddip_tf.transfer.vacuum import emptied
from ddip_tf.transfer.vacuum import said as vacuum_said

#: factors on the shares of noise (`ddip_tf.transfer.noise`) that are weighed: centre and deviation of the logarithm
FACTOR = (2.0, np.log(3.0))
#: on the noise found, on the side of caution
CAUTION = 2.0
#: amplification at most: of reconstructed stacks f is known to 0.1 or so, and what is small may be nothing
MOST = 3.0
#: of what is assumed, the least noise between the slices that a lack of skill may ask for
LEAST = 1.0
#: part of what the prior changes in the differences that is taken at any skill, and skills from which on there is more,
#: and all: flat parts with edges reach 0.98, and pictures that fill the field stay below, of which coarse parts go to
#: wrong slices
CAUTIOUS, SURE = 0.2, (0.96, 0.98)


def choose(images: Array) -> AlongDepth:
    """How far slices (N, H, W) mix along depth, if at all.

    Raises ValueError for sides under 32 pixels, and for images that are constant or not finite.
    """
    images = checked(images)
    sampling = sampling_of(images.sum(0))
    return climb_in_one_unit(images, bands_of(images.shape[1:], sampling), sampling)


def transfer_of(choice: AlongDepth) -> Transfer:
    """T of a choice, gains taken out: of images that were divided by ``choice.gains``."""
    return as_transfer(choice, choice.matrix)


@dataclass(frozen=True)
class Modes:
    """Slices in depth modes, in units of their projection's deviation; all (N, H, W), mode first."""

    axes: Array  # (N, N)
    data: Array  # cosine coefficients
    passed: Array  # f
    variance: Array  # of f
    power: Array  # (1, H, W) of the sources, D
    in_bands: Array  # (K,) the same
    noise: Array  # as the prior has it, at factor 1
    amplified: Array  # w

    @property
    def error(self) -> Array:
        """Variance (N, H, W) that the data leave open; the projection's is left out, which is to stay."""
        noise = self.noise + self.variance * self.power
        error = self.power * noise / (self.passed**2 * self.power + noise)
        error[0] = 0
        return error

    def slices(self, coefficients: Array) -> Array:
        """Cosine coefficients of modes -> slices."""
        return idct(np.moveaxis(np.tensordot(self.axes, coefficients, 1), 0, 2))

    def of(self, images: Array) -> Array:
        """Slices -> cosine coefficients of modes."""
        return np.tensordot(self.axes.T, np.moveaxis(dct(images), 2, 0), 1)

    def information(self, factor: float) -> tuple[Array, Array]:
        """Diagonal of T^T N^-1 T and T^T N^-1 I, at ``factor`` times the noise in the differences."""
        noise = np.concatenate([self.noise[:1], factor * self.noise[1:]])
        return self.passed**2 / noise, self.passed * self.data / noise


def in_modes(images: Array, choice: AlongDepth, unit: float, measured: Array | None = None) -> Modes:
    """Slices (N, H, W) in depth modes, what is known of their spectra, and the linear estimate."""
    n, *shape = images.shape
    nodes = np.append(choice.k, [choice.sampling.here(above) for above in linear.ABOVE])
    above = ((0, len(linear.ABOVE)), (0, 0))
    f, variance = (np.pad(x, above, "edge") for x in (choice.passed, choice.variance))
    axes = modes(n)
    data = np.tensordot(axes.T, np.moveaxis(dct((images - images.mean((1, 2), keepdims=True)) / unit), 2, 0), 1)
    spread = np.log(choice.k[1] / choice.k[0]) / 2
    seen = ring_powers(data, nodes, spread)  # (K, N)
    mean = seen.mean(1)
    smooth = np.maximum(mean, linear.smoothed(nodes, mean))
    apart, together = noise.shares(choice.sampling.reference(nodes))
    usual = np.maximum.accumulate((apart * smooth)[::-1])[::-1]  # white noise does not fall towards low k
    within = np.minimum(noise.SUM_FACTOR * together, 1)
    D = np.maximum(seen[:, 0] - within * mean, 1e-3 * mean)
    samples = np.append(choice.samples, [np.inf] * len(linear.ABOVE))
    sources = (f**2 + variance)[:, 1:] * D[:, None]
    found = CAUTION * noise_of_differences(seen[:, 1:], sources, usual, samples)
    N = np.repeat(usual[:, None], n, 1)
    N[:, 0] = within * smooth
    if measured is not None:
        floor = ring_powers(np.tensordot(axes.T, np.moveaxis(dct(measured / unit), 2, 0), 1), nodes, spread)
        found, N = np.maximum(found, floor[:, 1:].mean(1)), np.maximum(N, floor)
    w = np.clip(f * D[:, None] / ((f**2 + variance) * D[:, None] + found[:, None]), 1, MOST)
    w[:, 0] = 1
    k = frequencies(*shape)
    passed, variance, w = (np.moveaxis(interpolate(k, nodes, x), 2, 0) for x in (f, variance, w))
    power, N = (np.moveaxis(interpolate_power(k, nodes, x), 2, 0) for x in (D[:, None], N))
    return Modes(axes, data, passed, variance, power, D[: len(choice.k)], N, w)


def ring_powers(coefficients: Array, k: Array, spread: float) -> Array:
    """Spectral densities (K, N) of cosine coefficients (N, H, W) in rings around ``k`` (K,), ``spread`` in log k."""
    grid = frequencies(*coefficients.shape[1:])
    rings = np.stack([log_gaussian(grid, centre, spread) ** 2 for centre in k]).reshape(len(k), -1)
    return rings @ (coefficients**2).reshape(len(coefficients), -1).T / rings.sum(1, keepdims=True)


def noise_of_differences(seen: Array, sources: Array, usual: Array, samples: Array) -> Array:
    """Power of the noise in each difference mode, (K,): the ``usual`` one (K,) times what factor explains the powers
    ``seen`` (K, N - 1) beside those of the ``sources``.

    Towards high k all modes pass alike, and nothing tells noise from sources: there it is the usual.
    """
    centre, deviation = FACTOR
    factors = np.exp(np.linspace(np.log(0.03), np.log(20), 41))
    counted = np.minimum(samples, linear.MOST_SAMPLES) / 4  # modes of one field are no independent samples
    expected = sources[:, None] + (factors * usual[:, None])[..., None]
    nats = -counted[:, None] * (np.log(expected) + seen[:, None] / expected).sum(-1)
    nats -= 0.5 * (np.log(factors / centre) / deviation) ** 2
    weight = np.exp(nats - nats.max(1, keepdims=True))
    return usual * (weight @ factors) / weight.sum(1)


def separate(
    images: Array,
    choice: AlongDepth,
    starts: int = 1,
    seed: int = 0,
    guides: Sequence[tuple[int, Array]] = (),
    amplitudes: Array | None = None,
    threads: int = 1,
    measured: Array | None = None,
) -> tuple[Solution, Transfer]:
    """Slices (N, H, W), divided by ``choice.gains``, separated under the law that was chosen, and T.

    ``starts`` - 1 more solutions, with T drawn within its deviation, add to the spread only. With ``guides`` or
    ``amplitudes`` the slices are solved for by `ddip_tf.transfer.solver.solve`, under the same T. ``measured``
    (N, H, W) is a realisation of their noise (`ddip_tf.transfer.halves`), which is no less; ``threads`` solve at a time
    and change nothing.
    """
    transfer = transfer_of(choice)
    if choice.rung == "none":
        return unchanged(images), replace(transfer, warnings=(nothing_found(choice),))
    unit = scale(images)
    given = in_modes(images, choice, unit, measured)
    transfer = replace(transfer, power=np.repeat(given.in_bands[:, None] * unit**2, len(images), 1))
    if guides or amplitudes is not None:
        found = solve(images, transfer, starts=starts, seed=seed, guides=guides, amplitudes=amplitudes, threads=threads)
        return found, transfer
    return _by_modes(images, choice, given, unit, starts, seed, threads), transfer


def _by_modes(
    images: Array, choice: AlongDepth, given: Modes, unit: float, starts: int, seed: int, threads: int
) -> Solution:
    """The linear estimate of every depth mode, and of the prior as much as is to be believed."""
    means = images.mean((1, 2), keepdims=True)
    sampling, shape = choice.sampling, images.shape[1:]
    mixed = (images - means) / unit
    solved = partial(_solved, strength=sampling.factor**1.5)  # of edges over pixels, to be the same on finer ones
    linear_part = given.amplified * given.data
    coarsest = agreement.coarsest(sampling, choice.k[0])
    coarse = frequencies(*shape) < coarsest

    def foretell(hidden: Array) -> tuple[Array, Array]:
        start = given.slices(given.data * ~hidden)
        found = given.of(solved(given, start, 1.0, ~hidden))
        of_mixed = np.moveaxis(np.tensordot(given.axes, given.passed * found, 1), 0, 2)
        return of_mixed, (found - linear_part)[1:, coarse]

    # what is added to the coarsest differences, by each part of the coefficients
    trust, guesses = held_out.trust(dct(mixed), foretell, sampling, threads)
    middle = max(LEAST, trust.factors[1])
    tried = in_threads(threads, partial(solved, given, mixed), [middle * level for level in held_out.LEVELS])
    each = [given.of(y) - linear_part for y in tried]
    agreed = agreement.agreement(np.stack([*guesses, *(added[1:, coarse] for added in each)]))
    by_skill = trust.over(*shape)
    believed = np.maximum(CAUTIOUS, float(np.interp(trust.middle, SURE, (0, 1))) * by_skill)
    added = np.mean(each, axis=0)
    added[1:] *= believed * agreement.weight(agreed, shape, coarsest)
    # the sum moves as far as it is noise
    added[0] *= by_skill * np.sqrt(given.noise[0] / (given.power[0] + given.noise[0]))
    found = linear_part + added
    if choice.empty:
        found = emptied(found, given.error, given.axes, choice.empty)
    y = given.slices(found)
    variance = np.var(tried, axis=0)
    for drawn in _from_elsewhere(partial(solved, factor=middle), given, mixed, starts - 1, seed, threads):
        variance += (drawn - tried[1]) ** 2 / (starts - 1)
    information, _ = given.information(middle)
    by_data = given.slices(information / (information + 1 / given.power) * given.of(y))
    return Solution(
        images=level(unit * y, images),
        base=unit * given.slices(linear_part) + means,
        decided=unit * by_data,
        sigma=unit * np.sqrt(variance),
        residual=unit * (mixed - given.slices(given.passed * given.of(y))),
        weights=(1.0,),
        tried=(middle,),
        warnings=(*vacuum_said(choice.empty), *reasons.doubts(choice, trust, agreed)),
        trust=trust,
        agreement=agreed,
    )


def _solved(given: Modes, start: Array, factor: float, seen: Array | float = 1.0, *, strength: float) -> Array:
    """The picture with the fewest edges (N, H, W) from the first guess ``start``; of coefficients that are ``seen``."""
    information, data = given.information(factor)
    data = np.tensordot(given.axes, seen * data, 1)
    return descend(start, seen * information, given.axes, data, strength=strength, exponent=0.5, steps=60)


def _from_elsewhere(
    solved: Callable[..., Array], given: Modes, mixed: Array, count: int, seed: int, threads: int
) -> list[Array]:
    """So many solutions (N, H, W) from other first guesses, zero and ``mixed`` in turn, each under a T of its own."""
    rng = np.random.default_rng(seed)
    others = [_drawn(given, rng) for _ in range(count)]
    return in_threads(threads, solved, others, cycle((np.zeros_like(mixed), mixed)))


def nothing_found(choice: AlongDepth) -> Caution:
    """Why slices were left alone."""
    if not choice.shared:
        return reasons.nothing_found(choice)
    return Caution(
        "withheld",
        "what the slices share does not end where optics begins to separate them, or comes and goes from place to "
        "place by itself: it may truly run through them, as columns of atoms do; without optics, a start or a second "
        "scan none can tell; the slices are returned as they are",
    )


def _drawn(given: Modes, rng: np.random.Generator) -> Modes:
    """With f drawn within its deviation, which is one number over all bands: the path of the reach is smooth."""
    f = np.clip(given.passed + rng.standard_normal() * np.sqrt(given.variance), 0.01, 1)
    f[0] = 1
    return replace(given, passed=f)
