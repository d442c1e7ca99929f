"""The transfer model I(k) = T(k) y(k), found from the slices alone.

For weak phases a multislice reconstruction I is a linear, real, isotropic filter of the true slices y: at each spatial
frequency k an N x N matrix T(k). The projected phase is what the diffraction data fix best, so columns of T sum to one
("sum"). As k -> 0 the slices become indistinguishable and T -> 1/N; beyond a crossover T -> identity. Slices that were
each scaled on their own know no sum rule; their T has a unit diagonal instead ("diagonal") and any sign beside it. The
two are column scalings of one blind solution, so the images cannot tell them apart: what was assumed is said.

Inside one band T is an instantaneous mixture, and sources that vary over the field of view give it away (see `smica`).
Symbols: N slices, H and W pixels, K bands; k in cycles/pixel; the cosine transform (DCT-II, orthonormal) carries the
reflected margins, with k = hypot(i / 2H, j / 2W). NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.methods import NORMALISATIONS
from ddip_tf.transfer import smica
from ddip_tf.transfer.bands import band_centres, interpolate
from ddip_tf.transfer.curves import ABSENT, fill_diagonal, significance, smooth_matrix
from ddip_tf.transfer.given import checked
from ddip_tf.transfer.smica import dependence, local_covariances

#: name in a run folder's `mixing.npz` → attribute of `Transfer`
ARCHIVED = {
    "k": "k",
    "transfer": "matrix",
    "raw": "raw",
    "sigma": "sigma",
    "power": "power",
    "samples": "samples",
}


@dataclass(frozen=True)
class Transfer:
    """The transfer model on K bands: I(k) = T(k) y(k)."""

    k: Array  # (K,) band centres, cycles/pixel
    matrix: Array  # (K, N, N) T, smooth over k
    raw: Array  # (K, N, N) T of each band by itself
    sigma: Array  # (K, N, N) standard deviation of raw
    power: Array  # (K, N) power spectral density of the sources
    samples: Array  # (K,) independent samples in each band
    normalisation: str = "sum"
    mixed: bool = True
    reliable: bool = True
    warnings: tuple[Caution, ...] = ()

    def at(self, k: Array) -> Array:
        """T on a grid of frequencies (...,) in cycles/pixel -> (..., N, N); linear in log k, constant outside."""
        return interpolate(k, self.k, self.matrix)

    def to_arrays(self) -> dict[str, Array]:
        """The curves by name, as a run folder keeps them: T is ``transfer``, the rest as the attributes."""
        return {name: getattr(self, attribute) for name, attribute in ARCHIVED.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Transfer:
        """The curves back; what was assumed and whether to trust them is not among them. Raises KeyError."""
        return cls(**{attribute: arrays[name] for name, attribute in ARCHIVED.items()})  # type: ignore[arg-type]

    @property
    def crossover_px(self) -> float:
        """Feature size (half a period, pixels) above which the data do not decide which slice owns it.

        Where the weakest difference mode is passed with less than a third of its strength. 0: separate at every k.
        """
        n = self.matrix.shape[-1]
        U = np.linalg.svd(smica.difference_projector(n))[0][:, : n - 1]
        gain = np.linalg.svd(U.T @ self.matrix @ U, compute_uv=False)[:, -1]
        weak = np.flatnonzero(gain < 1 / 3)
        if not weak.size:
            return 0.0
        if weak[-1] == len(self.k) - 1:
            return float(0.5 / self.k[-1])
        i = weak[-1]
        share = (1 / 3 - gain[i]) / (gain[i + 1] - gain[i])
        return float(0.5 / (self.k[i] * (self.k[i + 1] / self.k[i]) ** share))


def mixing_index(images: Array, centres: Array, covariances: Array, samples: Array) -> float:
    """Likelihood ratio of "mixed" against "independent", in units of its null threshold (1: just mixed).

    The null is measured on the same slices laid over each other mirrored, where nothing can have leaked. It scatters
    as 1 / sqrt(samples); the threshold is four deviations of the mean over bands.
    """
    floor = np.einsum("kwii->kwi", covariances).mean(1)[:, None, :, None] * np.eye(len(images)) * 1e-6
    free = samples.sum(1)
    found = dependence(covariances + floor, samples) / free
    nulls = []
    for flips in ((-1, 1), (1, -1), (-1, -1)):
        mirrored = np.stack([image[:: flips[0] ** i, :: flips[1] ** i] for i, image in enumerate(images)])
        nulls.append(dependence(local_covariances(mirrored, centres)[0] + floor, samples) / free)
    scatter = np.sqrt(np.mean(np.var(nulls, axis=0, ddof=1) * free) / free)
    excess = (found - np.mean(nulls, axis=0)) / scatter / np.sqrt(1 + 1 / len(nulls))
    return float(excess.sum() / np.sqrt(len(centres)) / 4)


def order_columns(mixing: Array) -> Array:
    """(K, N) which column of each band belongs to which slice: the assignment with the largest diagonal."""
    from scipy.optimize import linear_sum_assignment

    return np.array([linear_sum_assignment(-np.log(np.abs(T) + 1e-12))[1] for T in mixing])


def rescale(fit: smica.Mixture, normalisation: str) -> tuple[smica.Mixture, Array]:
    """Order, sign and scale of the columns, which the likelihood leaves open; (K, N) columns that can be scaled."""
    order = order_columns(fit.mixing)
    T = np.take_along_axis(fit.mixing, order[:, None, :], 2)
    D = np.take_along_axis(fit.power, order[:, None, :], 2)
    length = T.sum(1) if normalisation == "sum" else np.einsum("kii->ki", T)
    usable = np.abs(length) > 0.2  # of a column of unit length
    length = np.where(usable, length, np.where(length < 0, -0.2, 0.2))
    return fit._replace(mixing=T / length[:, None], power=D * length[:, None] ** 2), usable


def directions(n: int, normalisation: str) -> tuple[Array, tuple[Array, Array]]:
    """Changes of T the normalisation allows, (P, N, N), one per off-diagonal entry, and their row and column."""
    rows, columns = np.nonzero(~np.eye(n, dtype=bool))
    change = np.zeros((len(rows), n, n))
    change[np.arange(len(rows)), rows, columns] = 1
    if normalisation == "sum":
        change[np.arange(len(rows)), columns, columns] = -1
    return change, (rows, columns)


def choose_normalisation(ratio: Array, sigma: Array, unit: Array) -> tuple[str, Caution | None]:
    """Sum rule, unless coarse structure contradicts it; `ratio` (K, N, N) has a unit diagonal, `unit` (N,) scales.

    Under the sum rule ghosts have the object's sign and grow towards 1 as k -> 0, in both directions.
    """
    n = ratio.shape[-1]
    ratio, sigma = ratio * unit / unit[:, None], sigma * unit / unit[:, None]
    weight = 1 / np.maximum(sigma, 0.05) ** 2 + 1e-6

    def mean(part: slice) -> Array:
        return (weight[part] * ratio[part]).sum(0) / weight[part].sum(0)

    coarse, whole = mean(slice(0, 5)), mean(slice(0, -2))
    negative = (weight * (ratio < 0.05)).sum(0) / weight.sum(0)
    for i, j in permutations(range(n), 2):
        if whole[i, j] < -0.08 and coarse[i, j] < 0.05 and negative[i, j] > 0.8:
            said = f"unit diagonal assumed: the ghost of slice {j + 1} in slice {i + 1} has the opposite sign"
            return "diagonal", Caution("opposite-sign", said, i + 1)
    found = significance(ratio, sigma)
    for i, j in permutations(range(n), 2):
        if found[i, j] < ABSENT < found[j, i]:
            said = f"unit diagonal assumed: crosstalk is one-sided, no ghost of slice {j + 1} in slice {i + 1}"
            return "diagonal", Caution("one-sided", said, i + 1)
    return "sum", None


def unmixed(images: Array, centres: Array, samples: Array, normalisation: str, reason: Caution) -> Transfer:
    """Identity: the slices as they are."""
    n, count = len(images), len(centres)
    identity = np.tile(np.eye(n), (count, 1, 1))
    zeros = np.zeros((count, n, n))
    return Transfer(
        centres,
        identity,
        identity,
        zeros,
        np.zeros((count, n)),
        samples.sum(1),
        normalisation,
        False,
        True,
        (reason,),
    )


def estimate_transfer(images: Array, *, normalisation: str = "auto") -> Transfer:
    """T(k) from N >= 2 slices (N, H, W), in any unit. Draws no random numbers.

    `normalisation` of the columns is "sum", "diagonal" or "auto" (see `choose_normalisation`). Slices that share no
    more than chance, or that are equal, give the identity with `mixed` False. Raises ValueError for fewer than two
    slices, sides under 32 pixels, and images that are constant or not finite.
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(f"normalisation is one of {', '.join(NORMALISATIONS)}, not {normalisation!r}")
    images = checked(images)
    wanted = "sum" if normalisation == "auto" else normalisation
    centres = band_centres(*images.shape[1:])
    covariances, samples = local_covariances(images, centres)
    alike = np.corrcoef(images.reshape(len(images), -1)) - np.eye(len(images))
    why: Caution | None = None
    if alike.max() > 0.9999:
        i, j = sorted(np.unravel_index(alike.argmax(), alike.shape))
        why = Caution(
            "same-image",
            f"slices {i + 1} and {j + 1} are the same image: nothing can be separated, they are returned as they are",
        )
    elif mixing_index(images, centres, covariances, samples) < 1:
        why = Caution(
            "none-found",
            "no crosstalk found: the slices share no more than their mirror images do, they are returned as they are",
        )
    if why:
        return unmixed(images, centres, samples, wanted, why)

    unit = images.std((1, 2)) / images.std()  # slices may have been scaled one by one
    blind = smica.separate(covariances / np.outer(unit, unit), samples)
    blind = blind._replace(mixing=blind.mixing * unit[:, None], noise=blind.noise * np.outer(unit, unit))
    said: list[Caution] = []
    if normalisation == "auto":
        wanted, reason = choose_normalisation(*scaled(blind, covariances, samples, "diagonal")[1:], unit)
        said += [reason] if reason else []
    fit, raw, sigma = scaled(blind, covariances, samples, wanted)
    relative = np.outer(unit, 1 / unit) if wanted == "diagonal" else np.ones((len(unit), len(unit)))
    curves = smooth_matrix(raw / relative, sigma / relative, wanted) * relative
    if wanted == "diagonal":
        curves = np.where(significance(raw / relative, sigma / relative) < ABSENT, 0.0, curves)
    matrix = fill_diagonal(curves, wanted)
    power = np.einsum("kw,kwi->ki", samples / samples.sum(1, keepdims=True), fit.power)
    transfer = Transfer(centres, matrix, raw, sigma, power, samples.sum(1), wanted, True)
    reliable, flags = doubts(transfer)
    return replace(transfer, reliable=reliable, warnings=(*said, *flags))


def scaled(
    blind: smica.Mixture, covariances: Array, samples: Array, normalisation: str
) -> tuple[smica.Mixture, Array, Array]:
    """Blind fit in a normalisation: the fit, raw T (K, N, N), its deviation (K, N, N), infinite where it has none."""
    fit, usable = rescale(blind, normalisation)
    change, (rows, columns) = directions(fit.mixing.shape[-1], normalisation)
    sigma = np.zeros_like(fit.mixing)
    sigma[:, rows, columns] = smica.deviation(fit, covariances, samples, change)
    return fit, fit.mixing, np.where(usable[:, None, :], sigma, np.inf)


def doubts(transfer: Transfer) -> tuple[bool, list[Caution]]:
    """Whether T may be used at all, and when not to believe it."""
    n = transfer.matrix.shape[-1]
    pairs = list(permutations(range(n), 2))
    used = (transfer.k > 0.01) & (transfer.k < 0.15)
    flags = []
    size = np.maximum(1, np.abs(transfer.matrix[used]).max(0))
    off = np.array(
        [[abs(transfer.raw[used, i, j] - transfer.matrix[used, i, j]) > 0.15 * size[i, j]] for i, j in pairs]
    )
    share = off.any((0, 1)).mean()
    reliable = share <= 1 / 3
    if not reliable:
        flags.append(
            Caution(
                "doubt-t-unreliable",
                f"T(k) is not reliable: {100 * share:.0f} % of the bands lie more than 0.15 off any smooth curve; the "
                "slices are too much alike in texture, or too empty, for a blind estimate",
            )
        )
    top = (transfer.k > 0.05) & (transfer.k < 0.13)
    for i, j in pairs:
        good = top & (transfer.sigma[:, i, j] < 0.1)
        curve = transfer.matrix[good, i, j]
        if good.sum() < 3 or transfer.normalisation != "sum":
            continue
        level = curve.min() > 0.2 and np.ptp(curve) < 0.15
        if level or (curve.min() > 0.15 and curve.mean() > 0.3):
            said = (
                f"structure of slice {j + 1} is in slice {i + 1} at {100 * curve.mean():.0f} % down to the finest "
                "features: it may truly be in both (shared structure), or the slices lie closer than they can be told "
                "apart; look at what was taken out before you believe it; detail may be flattened where both slices "
                "are busy"
            )
            flags.append(Caution("doubt-shared-structure", said, i + 1))
    return bool(reliable), flags
