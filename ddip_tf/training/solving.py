"""Slices under the transfer model I(k) = T(k) y(k), found and solved for without networks. NumPy and SciPy.

Each stack is brought into a unit of its own and back; what was found of the mixing goes into the provenance.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ddip_tf import environment
from ddip_tf._types import Floats
from ddip_tf.caution import Caution
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.methods import PRIORS
from ddip_tf.quality.warnings import same_images
from ddip_tf.slices import outliers
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.separation import Solution
from ddip_tf.slices.stack import SliceStack, check_beside
from ddip_tf.training import transfer_record as record
from ddip_tf.transfer import by_evidence, in_part, inverse_problem, ladder, solver
from ddip_tf.transfer import start as starts
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.halves import Halves, measure
from ddip_tf.transfer.neighbours import AlongDepth


@dataclass(frozen=True)
class Solved:
    """Slices separated without networks, in the unit of the fit, and what is known of them."""

    unit: Affine  # to the unit of the files
    solution: solver.Solution
    transfer: Transfer
    choice: ladder.Choice | None = None
    kept: Floats | float = 0.0  # what the slices hold of their start
    halves: Halves | None = None

    @property
    def rung(self) -> str:
        """The mixing model that was chosen."""
        return self.choice.rung if self.choice else "any T"

    @property
    def without_prior(self) -> bool:
        """Whether no prior had a say: the slices do not mix, or T is well conditioned."""
        return not self.transfer.mixed or (self.choice is not None and self.choice.rung != "free start")

    @property
    def of_start(self) -> Floats | float:
        """What stays aside of slices that mix, in the unit of the fit: what they hold of their start."""
        return self.kept if self.transfer.mixed else 0.0

    @property
    def slices(self) -> Floats:
        """(N, H, W) float32, as a base and free pixels on it give them, in the unit of the fit."""
        base, slices = self.solution.base.astype(np.float32), self.solution.images.astype(np.float32)
        return base + (slices - base)

    def images(self, stack: SliceStack) -> Floats:
        """The slices of ``stack`` as a flat start had left them, in the unit of the fit."""
        return self.unit.inverse(stack.images) - self.of_start


@dataclass(frozen=True)
class Prepared:
    """What is done of a fit before any network is needed.

    Attributes
    ----------
    clean
        the slices without outliers of single pixels.
    replaced
        what is said of these.
    solved
        under the transfer model.
    seconds
        that it took.
    memory
        as of `ddip_tf.environment.memory_bytes`.
    """

    clean: SliceStack
    replaced: tuple[Caution, ...]
    solved: Solved | None
    seconds: float
    memory: dict[str, Any]


def prepared(stack: SliceStack, config: FitConfig, threads: int = 1) -> Prepared:
    """``stack`` without outliers of single pixels and, with mixing transfer, solved for; ``threads`` change nothing.

    Raises InputError where a start or halves cannot be right, or the settings have no use for them.
    """
    check_beside(stack, config)
    began = time.perf_counter()
    clean, replaced = outliers.replaced(stack, threads)
    solved = solve(clean, config, threads, stack.images) if config.mixing == "transfer" else None
    return Prepared(clean, replaced, solved, time.perf_counter() - began, environment.memory_bytes())


def solve(stack: SliceStack, config: FitConfig, threads: int = 1, original: Floats | None = None) -> Solved:
    """Separate ``stack`` under the transfer model; how many ``threads`` solve changes nothing.

    ``original`` (N, H, W) are the slices before outliers were replaced, which come back where no prior had a say.
    """
    solved = _separated(stack, config, threads)
    if original is None or not solved.without_prior:
        return solved
    unit = solved.unit
    put_back = _with_outliers(solved.solution, unit.inverse(stack.images), unit.inverse(original))
    return replace(solved, solution=put_back)


def told(
    solved: Solved,
    stack: SliceStack,
    config: FitConfig,
    slices: Floats,
    by_data: Floats,
    network_weight: float | None = None,
) -> Solution:
    """``slices`` (N, H, W) that a prior gave, and the part ``by_data`` of them, as what was found of ``stack``.

    ``network_weight`` is that of networks that go on from the solution, whose ramps and ghosts stay.
    """
    unit, transfer = solved.unit, solved.transfer
    spread = config.starts > 1 and not config.trained and transfer.mixed
    goes_on = network_weight is not None or not config.trained
    return Solution(
        stack=stack,
        config=config,
        outputs=unit(slices),
        mixing={**transfer.to_arrays(), "decided": unit(by_data)}
        | ({"spread": unit(solved.solution.sigma)} if spread else {})
        | ({} if solved.solution.other is None else {"other_reading": unit(solved.solution.other)}),
        modelled=unit(_modelled(solved, stack, slices, goes_on)),
        warnings=(*transfer.warnings, *solved.solution.warnings),
        provenance=record.of_fit(transfer, solved.solution, solved.choice, solved.halves, network_weight),
    )


def _modelled(solved: Solved, stack: SliceStack, slices: Floats, goes_on: bool) -> Floats:
    """What the model makes of ``slices`` (N, H, W), which rest on the solution or go on from it, or are a network's."""
    solution, given = solved.solution, solved.unit.inverse(stack.images)
    share, free_ramps = solution.share, solution.free_ramps and goes_on
    whole = in_part.whole(slices, solution)
    found = inverse_problem.modelled(whole, given - solved.of_start, solved.transfer, free_ramps) + solved.of_start
    if goes_on and solution.directional is not None:
        found = found + solution.directional
    return found if (share == 1).all() else slices + share[:, None, None] * (found - whole)


def _separated(stack: SliceStack, config: FitConfig, threads: int) -> Solved:
    """Two slices by the ladder of mixing models, more along depth, each slice in a unit of its own."""
    if PRIORS[config.prior].refines and (len(stack) != 2 or config.model != "auto"):
        raise InputError(f"prior {config.prior} goes on from what model auto finds for two slices")
    extent = float(np.ptp(stack.images))
    by_ladder = config.model == "auto" and not same_images(stack.images)  # no model tells the same images apart
    if config.model == "auto":
        extent = 2.0 ** round(np.log2(extent))  # exact: slices that are left alone come back bit for bit
    images = np.asarray(stack.images, float) / extent
    halves = _halves(stack)
    start = None if stack.start is None else starts.aligned(images, np.asarray(stack.start.images, float) / extent)
    start = None if start is None or starts.alike(images, start) else start
    if by_ladder:
        noise = None if halves is None else halves.least / extent
        transfer, choice = by_evidence.find(images, config.normalisation, start, noise)
    else:
        transfer, choice = estimate_transfer(images, normalisation=config.normalisation), None
    unit = Affine(tuple(extent * gain for gain in _gains(choice, len(stack))), (0.0,) * len(stack))
    more: dict[str, Any] = {
        # further solves show how sure total variation is, not a network
        "starts": 1 if config.trained else config.starts,
        "seed": config.seed,
        "guides": [(guide.index, guide.image) for guide in stack.guides],
        "amplitudes": None if stack.amplitudes is None else np.asarray(stack.amplitudes, float) / extent,
        "threads": threads,
    }
    if choice is None:
        return Solved(unit, solver.solve(images, transfer, **more), transfer, halves=halves)
    kept = None if start is None else starts.kept(images, start, choice)
    measured = None if halves is None else unit.inverse(halves.least)
    given = unit.inverse(stack.images)
    in_parts = PRIORS[config.prior].refines or not config.trained
    solution, transfer = by_evidence.separate(given, choice, kept=kept, measured=measured, in_parts=in_parts, **more)
    return Solved(unit, solution, transfer, choice, 0.0 if kept is None else kept, halves)


def _gains(choice: ladder.Choice | None, count: int) -> tuple[float, ...]:
    """What each of ``count`` slices is divided by for its fit, beside the unit of all."""
    if isinstance(choice, AlongDepth):
        return tuple(choice.gains.tolist())
    return (choice.gain if choice else 1.0, *(1.0,) * (count - 1))


def _halves(stack: SliceStack) -> Halves | None:
    """What halves of the scan say, if they are given. Raises InputError where they do not show the slices."""
    if stack.halves is None:
        return None
    try:
        return measure(stack.images, stack.halves.images)
    except ValueError as error:
        raise InputError(str(error)) from error


def _with_outliers(solution: solver.Solution, clean: Floats, original: Floats) -> solver.Solution:
    """Pixels that were replaced for the estimate of T are put back: no prior has smoothed what is around them."""
    left_alone = (solution.images == clean).all((1, 2), keepdims=True)
    images = np.where(left_alone, original, solution.images + (original - clean))
    return replace(solution, images=images, base=images.copy())
