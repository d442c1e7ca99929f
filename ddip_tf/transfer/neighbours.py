"""How far N slices mix along depth, from their covariances: T(k) by two numbers a band, or none, chosen by evidence.

In a band and a window w of the field of view (see `ddip_tf.transfer.smica`), with T of `ddip_tf.transfer.depth_modes`,

    R_w = T D_w T^T + N_w

For every reach s and sharpness p on a grid the likelihood is written out with the powers D_w of each window at their
best. Two models are compared, each a prior over the path of s from band to band (`ddip_tf.transfer.paths`): "none",
s = 0, and "free start", where s is about N below the lowest band and falls with k, as optics has it (by 1/k where the
probe's angle bounds it, by 1/k^2 where the wavelength does). What lies far apart is thus tied to what neighbours show,
and the numbers do not grow with N^2.

Structure that truly runs through several slices is correlated as crosstalk is, and two things tell it apart. It does
not end where the optics begins to separate: a reach that stays as it is, or rises with k, speaks for structure. And it
is a source of its own, strong in some windows and weak in others, whatever each slice holds beside it: rival models
R_w = X D_w X^T + N_w have such sources beside those of the slices, one through all of them or one through every two
neighbours. Symbols: K bands, M windows, L levels of noise, S sharpnesses, G reaches. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.depth_modes import modes, passed
from ddip_tf.transfer.directions import MOST_SAMPLES, evidence
from ddip_tf.transfer.ladder import Choice
from ddip_tf.transfer.paths import Walk, follow
from ddip_tf.transfer.resolution import SAME, Sampling
from ddip_tf.transfer.vacuum import empty_ends

#: reaches s of the grid, in slices; the first is none
REACHES = np.append(0.0, np.geomspace(0.15, 15, 16))
#: p of the grid
SHARPNESSES = (2.0, 5.0, 10.0)
#: shares of the projected power that may be noise in each difference mode, and the part of it that is in the sum; more
#: levels change nothing
LEVELS, TOGETHER = (0.01, 0.1), 0.3
#: of a window's noise, the part that follows the power of the whole field; and the least there is, of the mean power
COMMON, FLOOR = 0.3, 1e-3
#: nats over none below which nothing is taken out: clean stacks stay below 4, weak ghosts (a reach of one slice at 0.02
#: cycles/pixel) stand above 20
CLEAR = 8.0
#: the same for gains over none: slices in one unit stay below 3, gains of 0.5 to 2 mostly stand above 30
CLEAR_GAIN = 6.0
#: updates of the powers of the sources
STEPS = 8
#: logarithm of the reach below the lowest band, over N: mean and deviation
START = (-0.5, 1.0)
#: fall of the logarithm of the reach from band to band, in multiples of the step in log k: mean and deviation; and of
#: the rival that does not fall
FALL, LEVEL = (1.3, 1.3), (0.0, 1.3)
#: nats by which the rival that does not fall may lead
LEVEL_LEAD = 2.0
#: nats over none from which on a band has a say against rivals with sources of their own; and what a window's power of
#: such a source is expected to add where there is none, for it cannot be negative
SAYS, IDLE = 3.0, 0.25


@dataclass(frozen=True, kw_only=True)
class AlongDepth(Choice):
    """The choice, and T in depth modes.

    Attributes
    ----------
    passed, variance
        (K, N) mean and variance of f, what T passes of every mode.
    gains
        (N,) of the slices, where they are not in one unit: T = diag(gains) matrix.
    empty
        indices of the outermost slices that hold nothing of their own (`ddip_tf.transfer.vacuum`).
    """

    passed: Array
    variance: Array
    gains: Array
    empty: tuple[int, ...] = ()


def climb(images: Array, centres: Array, sampling: Sampling = SAME) -> AlongDepth:
    """None or a free start for N slices (N, H, W), and T in bands around ``centres`` (K,)."""
    n = len(images)
    seen = evidence(images, centres)
    weights = [1.0, *(1 / (1 + seen.samples / MOST_SAMPLES))]
    bands = [(weight, *_larger(*windows, n / 2)) for weight, (windows, _) in zip(weights, seen.bands(), strict=True)]
    tables = np.stack([log_likelihoods(*band) for band in bands])  # (K + 1, S, G)
    none = tables[:, 0, 0]
    step = float(np.log(centres[1] / centres[0]))
    found = [follow(table, _walk(n, step, *FALL)) for table in tables.swapaxes(0, 1)]
    nats = np.array([posterior.log_evidence for posterior in found])
    free = _mean(nats) - float(none.sum())
    likely = np.exp(nats - nats.max())[:, None, None] * np.stack([posterior.pairs[1:] for posterior in found])
    likely = (likely / likely.sum((0, 2), keepdims=True)).swapaxes(0, 1)
    shared = False
    if free >= CLEAR:
        level = _mean(np.array([follow(t, _walk(n, step, *LEVEL)).log_evidence for t in tables.swapaxes(0, 1)]))
        shared = level - float(none.sum()) > free + LEVEL_LEAD or _runs_through(bands, tables.max((1, 2)), none)
    rung = "free start" if free >= CLEAR and not shared else "none"
    f = np.stack([passed(n, REACHES, sharpness) for sharpness in SHARPNESSES])
    mean = np.einsum("ksg,sgm->km", likely, f)
    both = np.einsum("ksg,sgm,sgl->kml", likely, f, f, optimize=True) - mean[:, :, None] * mean[:, None]
    V = modes(n)
    of_columns = V[:, None] * V  # (j, i, m): what mode m adds to column j
    return AlongDepth(
        rung=rung,
        log_evidence={"none": 0.0, "free start": free},
        k=centres,
        samples=seen.samples,
        matrix=np.einsum("im,km,jm->kij", V, mean, V),
        covariance=np.einsum("jim,kml,jhl->kjih", of_columns, both, of_columns, optimize=True),
        gain=1.0,
        normalisation="sum",
        shared=shared,
        sampling=sampling,
        passed=mean,
        variance=np.maximum(np.einsum("kmm->km", both), 0),
        gains=np.ones(n),
        empty=_empty(bands[1:], mean) if rung != "none" else (),
    )


def climb_in_one_unit(images: Array, centres: Array, sampling: Sampling = SAME) -> AlongDepth:
    """`climb`, and where slices (N, H, W) mix but are not in one unit, that of the slices divided by their gains.

    Below the lowest band a free start shows the same picture in every slice, in the unit of each.
    """
    choice = climb(images, centres, sampling)
    if choice.rung == "none":
        return choice
    (covariance,), _ = evidence(images, centres).coarsest
    picture = np.abs(np.linalg.eigh(covariance)[1][:, -1])
    gains = picture / np.exp(np.log(np.maximum(picture, 1e-3)).mean())
    if np.ptp(gains) > 10:  # no picture that all share
        return choice
    gained = climb(images / gains[:, None, None], centres, sampling)
    name = "free start, gain"
    found = {**choice.log_evidence, name: gained.log_evidence["free start"]}
    if found[name] < found["free start"] + CLEAR_GAIN:
        return replace(choice, log_evidence=found)
    kept = gains if gained.rung != "none" else gained.gains
    return replace(gained, log_evidence=found, gains=kept)


def log_likelihoods(weight: float, covariances: Array, samples: Array) -> Array:
    """Of one band: (M, N, N), (M,) -> (S, G), Whittle, each window counted ``weight`` times, noise levels alike."""
    n = covariances.shape[-1]
    V = modes(n)
    found = np.empty((len(SHARPNESSES), len(REACHES)))
    for s, sharpness in enumerate(SHARPNESSES):
        for g, f in enumerate(passed(n, REACHES, sharpness)):
            if s and not REACHES[g]:  # none is none, however sharp
                found[s, g] = found[0, g]
            else:
                found[s, g] = _fitted(weight, covariances, samples, f[:, None] * V.T)
    return found


def _larger(covariances: Array, samples: Array, least: float) -> tuple[Array, Array]:
    """Square windows (M, N, N), (M,) put together until they hold about ``least`` samples each."""
    q = round(np.sqrt(len(samples)))
    wanted = int(np.clip(np.sqrt(samples.sum() / least), 1, q))
    side = np.arange(q) * wanted // q
    group = (side[:, None] * wanted + side).ravel()
    total = np.bincount(group, samples)
    summed = np.zeros((wanted**2, *covariances.shape[1:]))
    np.add.at(summed, group, samples[:, None, None] * covariances)
    return summed / total[:, None, None], total


def _fitted(weight: float, covariances: Array, samples: Array, X: Array) -> float:
    """Log-likelihood of windows (M, N, N) for sources of columns X (N, J), in depth modes, powers at their best.

    The powers rise and fall with the root of the ratio of what is seen along their columns and what is expected, which
    never lowers the likelihood (majorise-minimise; Sun, Babu & Palomar, IEEE TSP 65, 794, 2017).
    """
    n = covariances.shape[-1]
    V, diagonal = modes(n), np.arange(n)
    R = V.T @ covariances @ V
    power = np.trace(R, axis1=1, axis2=2)
    projected = np.maximum(R[:, 0, 0], 1e-9 * power)
    projected = (1 - COMMON) * projected + COMMON * np.average(projected, weights=samples)
    floor = FLOOR * np.average(power, weights=samples) / n
    found = []
    for level in LEVELS:
        noise = projected[:, None] * level * np.append(TOGETHER, np.ones(n - 1)) + floor
        D = np.maximum((X * (R @ X)).sum(1), 1e-12 * noise[:, 1:2])
        for step in range(STEPS + 1):
            expected = (X * D[:, None]) @ X.T
            expected[:, diagonal, diagonal] += noise
            inverse = np.linalg.inv(expected)
            if step < STEPS:
                Y = inverse @ X
                D = D * np.sqrt((Y * (R @ Y)).sum(1) / np.maximum((X * Y).sum(1), 1e-300))
                D = np.maximum(D, 1e-12 * noise[:, 1:2])
        found.append(-0.5 * samples @ (np.linalg.slogdet(expected)[1] + (inverse * R).sum((1, 2))))
    return _mean(weight * np.array(found))


def _runs_through(bands: list[tuple[float, Array, Array]], law: Array, none: Array) -> bool:
    """Whether sources that run through slices explain the ``bands`` better than the law: (K + 1,) log-likelihoods."""
    n = bands[0][1].shape[-1]
    V = modes(n)
    through_all, through_two = V.T.sum(1, keepdims=True) / np.sqrt(n), (V.T[:, 1:] + V.T[:, :-1]) / np.sqrt(2)
    says = [(band, best) for band, best, without in zip(bands, law, none, strict=True) if best - without > SAYS]
    for more in (through_all, through_two):
        X = np.concatenate([V.T, more], 1)
        idle = [IDLE * weight * len(samples) * more.shape[1] for (weight, _, samples), _ in says]
        lead = [best - (_fitted(*band, X) - cost) for (band, best), cost in zip(says, idle, strict=True)]
        if sum(lead) < 0:
            return True
    return False


def _empty(bands: list[tuple[float, Array, Array]], f: Array) -> tuple[int, ...]:
    """Outermost slices without sources of their own, under a law that passes ``f`` (K, N) of the depth modes."""
    n = f.shape[1]
    columns = f[:, :, None] * modes(n).T  # (K, N, J)

    def likelihood(left_out: tuple[int, ...]) -> float:
        kept = np.delete(columns, left_out, 2)
        return sum(_fitted(*band, X) for band, X in zip(bands, kept, strict=True))

    whole = likelihood(())
    return empty_ends(lambda left_out: whole - likelihood(left_out), n)


def _walk(n: int, step: float, fall: float, deviation: float) -> Walk:
    """Prior over paths of log s from below the lowest band up, ``step`` in log k from band to band."""
    x = np.log(np.append(REACHES[1] ** 2 / REACHES[2], REACHES[1:]))  # none lies one step below the least reach
    start = np.exp(-0.5 * ((x - np.log(n) - START[0]) / START[1]) ** 2)
    steps = np.exp(-0.5 * ((x[:, None] - x + fall * step) / (deviation * step)) ** 2)
    if fall:
        steps[0, 0] = 1.0  # where ghosts have ended they do not come back
    return Walk(start, steps / steps.sum(0))


def _mean(nats: Array) -> float:
    """Of likelihoods, as logarithms."""
    return float(np.logaddexp.reduce(nats) - np.log(len(nats)))
