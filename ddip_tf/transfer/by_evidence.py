"""Two slices separated as far as evidence goes, under the mixing model that `ladder` chooses.

Under the free start that is `free_start`. Under the other rungs T is well conditioned, and y = T^-1 I without any
prior. Where the evidence is not clear the slices come back as they are, and where it is open how much should be taken
out a part is, or of a known start nothing (`in_part`). Symbols as in `ddip_tf.transfer.estimate`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import directional, free_start, in_part, linear, many, reasons
from ddip_tf.transfer import start as starts_of
from ddip_tf.transfer.background import level
from ddip_tf.transfer.bands import frequencies
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.given import checked
from ddip_tf.transfer.ladder import Choice, as_transfer, climb, tied
from ddip_tf.transfer.neighbours import AlongDepth
from ddip_tf.transfer.resolution import bands_of, sampling
from ddip_tf.transfer.solver import Solution, unchanged

#: rungs beside none that a normalisation of T's columns allows
NORMALISED = {
    "auto": None,
    "sum": ("free start", "free start, gain"),
    "diagonal": ("one-sided 2", "one-sided 1", "full"),
}


def choose(
    images: Array,
    normalisation: str = "auto",
    start: Array | None = None,
    measured: Array | None = None,
) -> Choice:
    """The rung of the ladder for two slices (2, H, W), among those of a ``normalisation`` if it is not "auto".

    ``start`` (2, H, W) is what their reconstruction started from (`ddip_tf.transfer.start`); ``measured`` (2, H, W) a
    realisation of their noise (`ddip_tf.transfer.halves`).

    Raises ValueError for sides under 32 pixels, and for images that are constant or not finite.
    """
    images = checked(images, count=2)
    sampled = sampling(images)
    centres = bands_of(images.shape[1:], sampled)
    if start is not None:
        return replace(starts_of.climb(images, start, centres, measured), sampling=sampled)
    return climb(images, centres, NORMALISED[normalisation], sampled, measured)


def find(
    images: Array,
    normalisation: str = "auto",
    start: Array | None = None,
    measured: Array | None = None,
) -> tuple[Transfer, Choice | None]:
    """T of N slices (N, H, W) as the default finds it, and the choice: two by the ladder, more by `many`.

    More than two that were each scaled on their own (``normalisation`` "diagonal") have the T of `estimate_transfer`,
    and no choice. ``start`` and ``measured`` as in `choose`, of two slices. Raises ValueError as these do.
    """
    if len(images) > 2 and normalisation != "diagonal":
        along_depth = many.choose(images)
        return many.transfer_of(along_depth), along_depth
    if len(images) != 2:
        transfer = estimate_transfer(images, normalisation=normalisation)
        if not transfer.reliable:
            transfer = _not_used(transfer)
        return transfer, None
    choice = choose(images, normalisation, start, measured)
    return transfer_of(choice), choice


def _not_used(transfer: Transfer) -> Transfer:
    """The law as one that changes nothing: what was to be doubted is why."""
    doubts = [caution for caution in transfer.warnings if caution.doubtful]
    notes = [caution for caution in transfer.warnings if not caution.doubtful]
    said = f"{doubts[0]}; it is not used: the slices are returned as they are"
    return replace(transfer, mixed=False, warnings=(*notes, Caution("withheld", said)))


def transfer_of(choice: Choice) -> Transfer:
    """T of a choice, gain taken out: of images whose first slice was divided by ``choice.gain``."""
    tie = choice.normalisation == "sum"
    return as_transfer(choice, tied(choice.matrix, choice.k) if tie else choice.matrix)


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
    in_parts: bool = True,
) -> tuple[Solution, Transfer]:
    """Slices (2, H, W), the first divided by ``choice.gain``, separated under the rung that was chosen, and its T.

    ``kept`` (2, H, W) is what they hold of a known start (`ddip_tf.transfer.start`): without it they are as a flat
    start had left them. ``measured`` (2, H, W) is a realisation of their noise (`ddip_tf.transfer.halves`).
    ``starts`` - 1 more solutions, with T drawn within its deviation, add to the spread only; ``guides`` and
    ``amplitudes`` as in `ddip_tf.transfer.solver.solve`; ``threads`` solve at a time and change nothing. Without
    ``in_parts``, and where the start is known, a correction is made as a whole or not at all.
    """
    if isinstance(choice, AlongDepth):
        return many.separate(images, choice, starts, seed, guides, amplitudes, threads, measured)
    transfer = transfer_of(choice)
    if choice.rung == "none":
        said = reasons.nothing_found(choice) if kept is None else starts_of.unclear(choice)
        return unchanged(images), replace(transfer, warnings=(said,))
    if choice.rung != "free start":
        solution = _inverted(images, transfer)
        if choice.rung.startswith("one-sided"):
            solution = _any_direction(images, solution, choice)
        return solution, replace(transfer, warnings=reasons.of_rung(choice))
    flat = images if kept is None else images - kept
    filters = linear.filters(
        flat, choice.k, choice.samples, choice.matrix, choice.covariance, choice.sampling, measured
    )
    transfer = replace(transfer, power=filters.power[: len(choice.k)])
    gain_db = filters.gain_db if kept is None else starts_of.expected_gain_db(images, flat, filters)
    filters = replace(filters, gain_db=gain_db)
    solution, guided = free_start.solve(
        flat, transfer, filters, choice, starts=starts, seed=seed, guides=guides, amplitudes=amplitudes, threads=threads
    )
    assert solution.checks is not None
    share = np.ones(len(images)) if guided else in_part.share(gain_db, solution.checks)
    if kept is not None or not in_parts:
        share = in_part.whole_or_nothing(share)
    if not share.any():
        notes = [said for said in solution.warnings if not said.doubtful]
        return _withheld(images, transfer, reasons.withheld(gain_db, solution.checks), notes)
    why = reasons.in_part_only(share, gain_db, solution.checks)
    if kept is not None:
        solution = replace(solution, images=level(solution.images, images))
    other = None
    if choice.other is not None and in_parts and not guides and amplitudes is None:
        other = _other_reading(images, choice, choice.other, measured, threads)
    warnings = *solution.warnings, *reasons.units(choice, other is not None), *why
    solution = replace(solution, warnings=warnings, other=other)
    return in_part.made(solution, images, share), transfer


def _other_reading(images: Array, choice: Choice, other: Choice, measured: Array | None, threads: int) -> Array | None:
    """Slices (2, H, W) under the ``other`` reading of their units, in those of the ``choice`` that was taken; None
    where nothing is taken out under it."""
    units = np.array([choice.gain / other.gain, 1.0])[:, None, None]
    seen = None if measured is None else measured * units
    solution, transfer = separate(images * units, other, threads=threads, measured=seen)
    return solution.images / units if transfer.mixed else None


def _withheld(
    images: Array, transfer: Transfer, reason: Caution, notes: Sequence[Caution] = ()
) -> tuple[Solution, Transfer]:
    """Slices as they are, and why."""
    return unchanged(images), replace(transfer, mixed=False, warnings=(*notes, reason))


def _inverted(images: Array, transfer: Transfer) -> Solution:
    """y = T^-1 I where no prior is needed; slices without a ghost come back bit for bit."""
    means = images.mean((1, 2), keepdims=True)
    T = transfer.at(frequencies(*images.shape[1:]))
    y = idct(matvec(np.linalg.inv(T), dct(images - means))) + means
    free = (transfer.matrix == np.eye(len(images))).all((0, 2))
    y[free] = images[free]
    zeros = np.zeros_like(images)
    return Solution(images=y, base=y.copy(), decided=y - means, sigma=zeros, residual=zeros.copy())


def _any_direction(images: Array, solution: Solution, choice: Choice) -> Solution:
    """A one-sided ghost beyond the filter of |k|, where windows that were left out foretell one."""
    stained = int(choice.rung[-1]) - 1
    found = directional.find(solution.images[stained], images[1 - stained], choice.sampling)
    if not found.clear:
        return solution
    ghosts = np.zeros_like(images)
    ghosts[stained] = found.ghost
    y, said = solution.images - ghosts, reasons.any_direction(found, stained + 1)
    return replace(
        solution, images=y, base=y.copy(), decided=solution.decided - ghosts, directional=ghosts, warnings=(said,)
    )
