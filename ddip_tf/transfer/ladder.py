"""A ladder of mixing models for two slices, from none to any T, each a prior over T, and the choice by evidence.

none
    T = 1. The slices share no more than noise and chance.
one-sided
    a ghost of one slice in the other, of any sign, and none back: slices that were stained or scaled one by one
    (f of eq. (4) in Du, Huang & Jacobsen, J. Synchrotron Rad. 28, 2021, at each frequency). Unit diagonal.
free start
    columns of T sum to one, T -> 1/N as k -> 0: a reconstruction that started from like slices. In the variant with a
    gain the slices are not in one unit: T = diag(g, 1) S, where S has the sum rule.
full
    any T; unit diagonal.

All rungs look at the same covariances (`directions`). A rung is as good as its evidence, the likelihood averaged over
the paths its prior allows, so a wider rung pays for what it allows and did not need; rungs above the free start and
beside it must win by more than chance (`PRIOR`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.directions import MOST_SAMPLES_OF_T, PAIRS, Evidence, evidence, noise_apart, own_noise
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.model_lead import CLEAR
from ddip_tf.transfer.paths import Walk, follow, joint_turns, near, only, turns
from ddip_tf.transfer.resolution import SAME, Sampling

#: log-probability of a rung before anything is seen
PRIOR = {
    "none": 0.0,
    "one-sided 2": -3.0,
    "one-sided 1": -3.0,
    "free start": 0.0,
    "free start, gain": -1.0,
    "full": -8.0,
}
#: the same for a gain other than one: slices in one unit stay below 3, gains of 0.5 to 2 stand above 4
CLEAR_GAIN = 3.5
#: log of a gain up to which both readings are the same picture
UNLIKE = 0.1
#: what a window of the bands `JUDGED` (cycles/pixel) may lose in log-likelihood under a one-sided model, and of what it
#: loses under none. Structure that truly is in both slices has the same mean covariances as a ghost, but no fixed ratio
#: to it: there 0.4 to 1.1 are lost, 0.4 to 0.8 of all; with strong ghosts 0.1 to 0.5, under 0.25 of all, and with
#: weak ones under 0.3 (development pairs)
MOST_MISFIT, MOST_LEFT, JUDGED = 0.35, 0.3, (0.055, 0.13)


@cache
def rungs() -> Mapping[str, Walk]:
    """The priors whose evidence is compared. "one-sided 2": slice 2 holds a ghost of slice 1."""
    turning = turns(7, 7, keep=0.93)
    return {
        "none": Walk(only(a=0, b=0)),
        "one-sided 2": Walk(only(b=0) * near(a=(0, 30)), turns(a=7)),
        "one-sided 1": Walk(only(a=0) * near(b=(0, 30)), turns(b=7)),
        "free start": Walk(near(a=(43, 5), b=(43, 5)), turning),
        "free start, gain": Walk(near(mean=(43, 2.5), difference=(0, 10)), turning),
        "full": Walk(near(a=(0, 30), b=(0, 30)), turns(7, 7)),
    }


@cache
def free_starts() -> Mapping[bool, Walk]:
    """The curve of T under a free start, without (False) and with a gain: the two ghosts go the same way by and large,
    for both come of the same optics."""
    steps = joint_turns(mean=(7, 0.97), difference=(4.5, 0.83))
    return {
        False: Walk(near(a=(44, 4), b=(44, 4)), steps),
        True: Walk(near(mean=(44, 2), difference=(0, 10)), steps),
    }


class TwoUnits(NamedTuple):
    """The reading under which slice 1 has a unit of its own."""

    gain: float  # of slice 1 against slice 2
    nats: float  # evidence over the reading under which both have one unit

    @property
    def taken(self) -> bool:
        return self.nats >= CLEAR_GAIN

    @property
    def open(self) -> bool:
        """Whether either reading may be true."""
        return 0 < self.nats < 2 * CLEAR_GAIN and abs(np.log(self.gain)) > UNLIKE


@dataclass(frozen=True)
class Choice:
    """The rung the covariances speak for.

    Attributes
    ----------
    rung
        name of the rung; "none" as well where no other is clear enough.
    log_evidence
        of every rung, prior included, relative to none (nats).
    k
        (K,) band centres, cycles/pixel.
    samples
        (K,) independent samples of each band.
    matrix, covariance
        (K, 2, 2) T and (K, 2, 2, 2) the covariance of each of its columns (second axis), gain taken out.
    gain
        of slice 1 against slice 2: T = diag(gain, 1) matrix.
    normalisation
        "sum" or "diagonal".
    shared
        what the slices share has no fixed ratio: it may truly be in both, and the rung is "none" for that.
    two_units
        under a free start, the reading with a gain, taken or not.
    other
        where either reading may be true, the choice under the one that was not taken.
    """

    rung: str
    log_evidence: Mapping[str, float]
    k: Array
    samples: Array
    matrix: Array
    covariance: Array
    gain: float
    normalisation: str
    shared: bool = False
    sampling: Sampling = SAME
    two_units: TwoUnits | None = None
    other: Choice | None = None


def as_transfer(choice: Choice, matrix: Array) -> Transfer:
    """What a choice says of T, with ``matrix`` (K, N, N), its raw points, deviation and samples."""
    sigma = np.sqrt(np.maximum(np.einsum("kjii->kij", choice.covariance), 0))
    power = np.ones(matrix.shape[:2])
    mixed = choice.rung != "none"
    return Transfer(choice.k, matrix, choice.matrix, sigma, power, choice.samples, choice.normalisation, mixed)


def climb(
    images: Array,
    centres: Array,
    allowed: Collection[str] | None = None,
    sampling: Sampling = SAME,
    measured: Array | None = None,
) -> Choice:
    """The rung for two slices (2, H, W), its T in bands around ``centres`` (K,); of none and those ``allowed``.

    ``measured`` (2, H, W): a realisation of the noise (`ddip_tf.transfer.halves`), below which no level lies.
    """
    seen = evidence(images, centres, measured)
    levels = seen.levels(own_noise)
    tables = seen.log_likelihoods(levels)
    climbed = {name: walk for name, walk in rungs().items() if name == "none" or allowed is None or name in allowed}
    found = {name: follow(tables, walk) for name, walk in climbed.items()}
    scores = {name: posterior.log_evidence + PRIOR[name] for name, posterior in found.items()}
    relative = {name: score - scores["none"] for name, score in scores.items()}
    best = max(scores, key=scores.__getitem__)
    rung = best if relative[best] >= CLEAR else "none"
    if rung.startswith("free start"):
        return _free_start(seen, relative, centres, sampling)
    shared = False
    if rung.startswith("one-sided"):
        judged = sampling.at_most(JUDGED[0]), sampling.at_most(JUDGED[1])
        lost, of = (seen.misfit(levels, found[name].pairs[1:], own_noise, judged) for name in (rung, "none"))
        shared = lost > max(MOST_MISFIT, MOST_LEFT * of)
        rung = "none" if shared else rung
    T, covariance = moments(found[rung].pairs[1:])
    return Choice(rung, relative, centres, seen.samples, T, covariance, 1.0, "diagonal", shared, sampling)


def _free_start(seen: Evidence, relative: Mapping[str, float], centres: Array, sampling: Sampling) -> Choice:
    """Under a free start, noise between the slices: the reading of their units that is taken, and the other if open."""
    levels = seen.levels(noise_apart)
    tables = seen.log_likelihoods(levels)
    plain, gained = (follow(tables, walk).log_evidence for walk in (free_starts()[False], free_starts()[True]))
    less_sure = seen.log_likelihoods(levels, MOST_SAMPLES_OF_T)
    found = {with_gain: follow(less_sure, walk) for with_gain, walk in free_starts().items()}
    a, b = (found[True].pairs[1] @ angles for angles in PAIRS)
    two_units = TwoUnits(float(np.sqrt(np.tan(b) / np.tan(a))), gained - plain)  # at k -> 0 columns are (gain, 1)

    def reading(with_gain: bool) -> Choice:
        gain = two_units.gain if with_gain else 1.0
        of_t = moments(found[with_gain].pairs[1:], gain)
        return Choice(
            "free start", relative, centres, seen.samples, *of_t, gain, "sum", sampling=sampling, two_units=two_units
        )

    taken = reading(two_units.taken)
    return replace(taken, other=reading(not two_units.taken)) if two_units.open else taken


def moments(pairs: Array, gain: float | None = None) -> tuple[Array, Array]:
    """Mean of T (K, 2, 2) and covariance of its columns (K, 2, 2, 2) over pairs of probability (K, P).

    Columns sum to one once the ``gain`` of slice 1 is taken out; without one T has a unit diagonal.
    """
    a, b = np.clip(PAIRS.a, -1.2, 1.2), np.clip(PAIRS.b, -1.2, 1.2)
    if gain is None:
        columns = np.stack([np.ones_like(a), np.tan(a)], -1), np.stack([np.tan(b), np.ones_like(b)], -1)
    else:
        columns = (
            np.stack([np.cos(PAIRS.a) / gain, np.sin(PAIRS.a)], -1),
            np.stack([np.sin(PAIRS.b) / gain, np.cos(PAIRS.b)], -1),
        )
    means, covariances = [], []
    for column in columns:
        if gain is not None:
            length = column.sum(-1, keepdims=True)
            weight = pairs * (np.abs(length[:, 0]) > 0.3)  # directions along the difference have no such scale
            column = column / np.where(np.abs(length) > 0.3, length, 1)
        else:
            weight = pairs
        weight = weight / weight.sum(1, keepdims=True)
        mean = weight @ column
        means.append(mean)
        outer = np.einsum("kp,pi,pj->kij", weight, column, column)
        covariances.append(outer - mean[:, :, None] * mean[:, None])
    T = np.stack(means, -1)
    if gain is None:
        T[:, [0, 1], [0, 1]] = 1  # to the last bit: a slice without a ghost comes back as it is
    return T, np.stack(covariances, 1)


def tied(matrix: Array, k: Array, reach: float = 1.6) -> Array:
    """T that reaches 1/N at the lowest band and is left alone from ``reach`` times its frequency on, in log k."""
    n = matrix.shape[-1]
    weight = np.clip(np.log(reach * k[0] / k) / np.log(reach), 0, 1)[:, None, None]
    return (1 - weight) * matrix + weight / n
