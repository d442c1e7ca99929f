"""Slices of a reconstruction that started from a known initial guess o and not from flat slices.

A descent that is nearly linear ends at

    I = o + T (s - o)

with the slices s and the T of a flat start, whose columns sum to one. The sources of I - o are no independent slices,
though: any start that fits the data to begin with already has the right sum, so s_1 - o_1 and s_2 - o_2 are each
other's negative (correlated by -0.9 to -1.0 on simulated pairs), and no blind estimate takes them apart. So the known
part of I that a flat start would not have left there is taken out instead:

    J(T) = I - (1 - T) o = T s

is what a flat start would have given. Every T gives another J, and it is likely as far as that J is a mixture by that T
of independent sources: `directions.log_likelihood`, relative to the free covariance of the same J. Noise is a share of
the power of the difference of I - o: what a start has right costs no change, and so has no noise. Then J is separated
like any slices of a free start. T need not be that of a flat start: LSQML moves less from a start that fits already.

Where J is not separated, for the evidence is not clear or the slices stay alike, I comes back, and not J.

Symbols: K bands, M windows, L levels of noise, P pairs of angles; two slices (2, H, W). NumPy and SciPy only.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import noise
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.directions import COMMON, PAIRS, Evidence, Pairs, evidence, log_likelihood
from ddip_tf.transfer.ladder import CLEAR, Choice, moments, rungs
from ddip_tf.transfer.linear import Filters
from ddip_tf.transfer.paths import Walk, follow, joint_turns, near

#: shares of the power of the difference of I - o that may be noise, and of these the part that is in the sum
SHARES, PART_TOGETHER = (0.01, 0.05, 0.2, 0.5, 1.0), (0.03, 0.5)
#: noise there is at least, of that power
FLOOR = 3e-3
#: the pairs of angles that are tried: half their difference and minus their mean at most (degrees)
APART, OPPOSITE = 12.5, 20.5
#: of the variance of what differs between the slices: a start that differs by less is the same in all
ALIKE = 0.01
#: log-likelihood of the others
EXCLUDED = -1e4


def aligned(images: Array, start: Array) -> Array:
    """``start`` (N, H, W) with the constant and the ramp of each slice of ``images``, which diffraction leaves free."""
    height, width = images.shape[1:]
    y, x = (axis.ravel() for axis in np.mgrid[:height, :width])
    plane = np.stack([np.ones(y.size), y / height, x / width], 1)
    change = (images - start).reshape(len(images), -1).T
    fitted = plane @ np.linalg.lstsq(plane, change, rcond=None)[0]
    return start + fitted.T.reshape(images.shape)


def alike(images: Array, start: Array) -> bool:
    """Whether a start (N, H, W) is the same in all slices, beside what differs in ``images``: as good as a flat one.

    Its columns of weights sum to one as T's do, and so the slices are again a mixture of a free start.
    """
    differences = ((stack - stack.mean(0)).var() for stack in (start, images))
    return bool(next(differences) < ALIKE * next(differences))


def climb(images: Array, start: Array, centres: Array, measured: Array | None = None) -> Choice:
    """None or a T with the sum rule, for slices and their start (2, H, W) each, in bands around ``centres`` (K,).

    ``measured`` (2, H, W): a realisation of the noise (`ddip_tf.transfer.halves`), below which no level lies.
    """
    seen = evidence(np.concatenate([images - start, start]), centres, measured)
    tables = seen.log_likelihoods(_levels(seen))
    nothing, found = follow(tables, rungs()["none"]), follow(tables, _walk())
    lead = found.log_evidence - nothing.log_evidence
    T, covariance = moments(found.pairs[1:], 1.0)
    rung = "free start" if lead >= CLEAR else "none"
    if rung == "none":
        T, covariance = np.broadcast_to(np.eye(2), T.shape), np.zeros_like(covariance)
    return Choice(rung, {"none": 0.0, "free start": lead}, centres, seen.samples, T, covariance, 1.0, "sum")


def kept(images: Array, start: Array, choice: Choice) -> Array:
    """(1 - T) o of slices and their start (2, H, W): what I holds of its start and J does not; without a mean."""
    if choice.rung == "none":
        return np.zeros_like(images)
    T = interpolate(frequencies(*images.shape[1:]), choice.k, choice.matrix)
    left = idct(matvec(np.eye(2) - T, dct(start)))
    return left - left.mean((1, 2), keepdims=True)


def expected_gain_db(images: Array, flat: Array, filters: Filters) -> Array:
    """(2,) expected reduction of the mean squared error of ``images`` by ``filters`` of what a flat start had given.

    The linear estimate W J errs by e, which its gain over J tells, |J - W J|^2 / (gain - 1); I errs by |I - W J|^2 + e.
    """
    estimate = filters(flat)
    gained = np.maximum(10 ** (filters.gain_db / 10) - 1, 1e-3)
    error = np.maximum((flat - estimate).var((1, 2)), 1e-300) / gained
    return 10 * np.log10(1 + (images - estimate).var((1, 2)) / error)


def unclear(choice: Choice) -> Caution:
    """What is said where the evidence for mixing beside a known start is not clear."""
    lead = choice.log_evidence["free start"]
    return Caution(
        "withheld",
        f"beside the start that was given, the evidence that the slices mix is not clear ({lead:+.1f} nats, "
        f"{CLEAR:g} are needed): the slices are returned as they are",
    )


@cache
def _walk() -> Walk:
    """The curve of T: as of a free start, turning less from band to band, for the sum of the slices says less of it."""
    return Walk(near(a=(44, 4), b=(44, 4)), joint_turns(mean=(5, 0.97), difference=(3, 0.83)))


@cache
def _tried() -> tuple[Array, Pairs, Array]:
    """Which pairs of angles are tried (P,), these, and [1, T] (P', 2, 4), which makes J of (I - o, o)."""
    near_enough = np.abs(PAIRS.a - PAIRS.b) < 2 * np.deg2rad(APART)
    which = near_enough & (PAIRS.a + PAIRS.b > -2 * np.deg2rad(OPPOSITE))
    a, b = PAIRS.a[which], PAIRS.b[which]
    columns = np.stack([np.cos(a), np.sin(a)], -1), np.stack([np.sin(b), np.cos(b)], -1)
    T = np.stack([column / column.sum(-1, keepdims=True) for column in columns], -1)
    return which, Pairs(a, b), np.concatenate([np.broadcast_to(np.eye(2), T.shape), T], -1)


def _levels(seen: Evidence) -> list[Array]:
    """Log-likelihoods (L, P) of each band, from the covariances (M, 4, 4) of (I - o, o)."""
    which, pairs, make = _tried()
    tables = []
    for (R, samples), floor in seen.bands():
        levels = noise.at_least(_noise(R[:, :2, :2], samples), floor)
        flat = np.einsum("pia,wab,pjb->wpij", make, R, make, optimize=True)
        tables.append(np.full((len(levels), len(which)), EXCLUDED))
        tables[-1][:, which] = log_likelihood(flat, samples, levels, pairs)
    return tables


def _noise(change: Array, samples: Array) -> Array:
    """Noise between the slices, a share of the power of the difference of I - o: (M, 2, 2) -> (L, M, 2, 2)."""
    power = np.einsum("i,wij,j->w", [1.0, -1.0], change, [1.0, -1.0]) / 2
    mean = np.average(power, weights=samples)
    power = ((1 - COMMON) * power + COMMON * mean)[:, None, None]
    apart, together = np.array([[1.0, -1.0], [-1.0, 1.0]]) / 2, np.ones((2, 2)) / 2
    levels = [share * power * (apart + part * together) for share in SHARES for part in PART_TOGETHER]
    return np.stack(levels) + FLOOR * mean * np.eye(2)
