"""Separation under the transfer model I(k) = T(k) y(k): T found blind, y solved for, one generator a slice."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from ddip_tf._types import Floats
from ddip_tf.config import FitConfig
from ddip_tf.errors import InputError
from ddip_tf.methods import PRIORS
from ddip_tf.networks import pixels
from ddip_tf.objectives.priors import self_taught
from ddip_tf.objectives.priors.null_space_dip import NullSpaceDIP
from ddip_tf.objectives.priors.transfer_dip import TransferDIP
from ddip_tf.quality.warnings import same_images
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.separation import Separation, latents_of
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training import transfer_record as record
from ddip_tf.training.callbacks.dispatch import Dispatcher
from ddip_tf.training.checkpoint import Checkpoints, identity
from ddip_tf.training.device import on_device
from ddip_tf.training.optimise import optimise
from ddip_tf.training.result import finished
from ddip_tf.transfer import background, by_evidence, inverse_problem, ladder, solver
from ddip_tf.transfer import start as starts
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.halves import Halves, measure
from ddip_tf.transfer.neighbours import AlongDepth

#: what is trained, by prior
Trained = TransferDIP | NullSpaceDIP | self_taught.SelfTaught

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """What a prior gives: generators, their inputs, and y = to_slices(generators' images)."""

    generators: Mapping[str, keras.Model]
    latents: Mapping[str, Floats]
    to_slices: Affine
    slices: Floats
    history: Mapping[str, Floats]
    status: str = "done"


@dataclass(frozen=True)
class _Solved:
    """Slices separated without networks, in the unit of the fit, and what is known of them."""

    unit: Affine  # to the unit of the files
    solution: solver.Solution
    transfer: Transfer
    choice: ladder.Choice | None = None
    kept: Floats | float = 0.0  # what the slices hold of their start
    halves: Halves | None = None

    @property
    def without_prior(self) -> bool:
        """Whether no prior had a say: the slices do not mix, or T is well conditioned."""
        return not self.transfer.mixed or (self.choice is not None and self.choice.rung != "free start")


def fit_transfer(
    stack: SliceStack,
    config: FitConfig,
    device: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: Checkpoints | None = None,
    stop: Callable[[], str | None] | None = None,
    threads: int = 1,
    original: Floats | None = None,
) -> Separation:
    """Separate ``stack`` under the transfer model, T(k) found blind.

    The slices keep their gain (no regression on the input): only the unit is taken out and put back.

    Parameters
    ----------
    stack
        N ≥ 2 slices (N, H, W); with prior tv, its ``amplitudes`` are further observations of them.
    config
        ``normalisation`` of T, ``prior`` and ``seed`` are used; ``starts`` of the solve with prior tv, and epochs,
        learning rate, width and average for priors that are networks.
    device
        name of the device the generators run on.
    callbacks, checkpoints, stop
        as in `ddip_tf.fit`.
    threads
        of the solve; how many changes nothing in its result.
    original
        (N, H, W) the slices before outliers were replaced, which come back where no prior had a say.

    Returns
    -------
    Separation
        with prior tv, ``generators`` take ``base`` (1, H, W, 1), what the data fix by themselves, instead of z; with
        prior null-dip they take both. Slices that do not mix come back as they are, whatever the prior.
    """
    began = time.perf_counter()
    solved = _separate(stack, config, threads)
    rung = solved.choice.rung if solved.choice else "any T"
    LOGGER.info("mixing %s, solved in %.1f s", rung, time.perf_counter() - began)
    unit, transfer = solved.unit, solved.transfer
    if original is not None and solved.without_prior:
        put_back = _with_outliers(solved.solution, unit.inverse(stack.images), unit.inverse(original))
        solved = replace(solved, solution=put_back)
    of_start = solved.kept if transfer.mixed else 0.0
    images = unit.inverse(stack.images) - of_start  # as a flat start had left them
    share = _weight(solved) if PRIORS[config.prior].refines else None
    problem = _of_networks(solved, images, config)
    if problem is not None:
        start = checkpoints.begin(identity(stack, config, device)) if checkpoints else None
        with on_device(device):
            model = PRIORS[config.prior].load()(problem, solved.solution, config)
            end = optimise(model, config, callbacks, checkpoints, start, stop)
            fitted = _networks(model, images, end.by_name(model.terms), end.status)
        by_data = inverse_problem.decided(fitted.slices, problem, solved.solution.factor)
    else:
        fitted, by_data = _pixels(solved.solution, callbacks), solved.solution.decided
    spread = config.starts > 1 and not config.trained and transfer.mixed
    free_ramps = solved.solution.free_ramps and (share is not None or not config.trained)
    separation = Separation(
        stack=stack,
        config=config,
        outputs=unit(fitted.slices),
        to_output=unit.after(fitted.to_slices),
        generators=fitted.generators,
        latents=fitted.latents,
        filters={},
        mixing={**transfer.to_arrays(), "decided": unit(by_data)}
        | ({"spread": unit(solved.solution.sigma)} if spread else {}),
        modelled=unit(inverse_problem.modelled(fitted.slices, images, transfer, free_ramps) + of_start),
        history=fitted.history,
        status=fitted.status,
        warnings=(*transfer.warnings, *solved.solution.warnings),
        provenance=record.of_fit(transfer, solved.solution, solved.choice, solved.halves, share),
    )
    return finished(separation, device, time.perf_counter() - began)


def _of_networks(solved: _Solved, images: Floats, config: FitConfig) -> inverse_problem.Problem | None:
    """What networks are trained on, of slices (N, H, W); None where the solution stands without any."""
    if not config.trained or not solved.transfer.mixed:
        return None
    if PRIORS[config.prior].refines:
        return solved.solution.problem if _weight(solved) else None
    return inverse_problem.prepare(images, solved.transfer)


def _weight(solved: _Solved) -> float:
    """Of the slices of a network that goes on from a solution."""
    return self_taught.weight(solved.solution) if solved.solution.problem else 0.0


def _separate(stack: SliceStack, config: FitConfig, threads: int) -> _Solved:
    """Two slices by the ladder of mixing models, more along depth, each slice in a unit of its own."""
    if PRIORS[config.prior].refines and (len(stack) != 2 or config.model != "auto"):
        raise InputError(f"prior {config.prior} goes on from what --model auto finds for two slices")
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
        return _Solved(unit, solver.solve(images, transfer, **more), transfer, halves=halves)
    kept = None if start is None else starts.kept(images, start, choice)
    measured = None if halves is None else unit.inverse(halves.least)
    given = unit.inverse(stack.images)
    solution, transfer = by_evidence.separate(given, choice, kept=kept, measured=measured, **more)
    return _Solved(unit, solution, transfer, choice, 0.0 if kept is None else kept, halves)


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


def _pixels(solution: solver.Solution, callbacks: Sequence[keras.callbacks.Callback]) -> Fitted:
    """The solution as free pixels on a base; callbacks hear of one epoch."""
    base, slices = solution.base.astype(np.float32), solution.images.astype(np.float32)
    names = [f"slice{i + 1}" for i in range(len(slices))]
    fidelity = float(np.mean(solution.residual**2, axis=(1, 2)).sum())
    generators = {name: pixels.build_pixels(y - b, name=name) for name, y, b in zip(names, slices, base, strict=True)}
    latents = {f"{name}_base": b[None, ..., None] for name, b in zip(names, base, strict=True)}
    listeners = Dispatcher(callbacks, generators, latents, ["fidelity"], epochs=1)
    listeners.on_epochs(np.array([[fidelity]]))
    listeners.on_end()
    return Fitted(
        generators=generators,
        latents=latents,
        to_slices=Affine((1.0,) * len(names), (0.0,) * len(names)),
        slices=base + (slices - base),
        history={"epoch": np.array([1]), "fidelity": np.array([fidelity])},
    )


def _networks(
    model: TransferDIP | NullSpaceDIP | self_taught.SelfTaught,
    images: Floats,
    history: Mapping[str, Floats],
    status: str,
) -> Fitted:
    """The trained networks of ``model``; the level of each slice, which the data leave open, as in
    `ddip_tf.transfer.background`."""
    pictures = []
    for name, generator in model.generators.items():
        inputs = list(latents_of(name, [x.name for x in generator.inputs], model.latents).values())
        pictures.append(generator(inputs if len(inputs) > 1 else inputs[0]).numpy()[0, ..., 0])
    slices = Affine(tuple(model.gain.tolist()), tuple(model.offset.tolist()))(np.stack(pictures))
    shift = (background.level(slices, images) - slices).mean((1, 2))
    to_slices = Affine(tuple(model.gain.tolist()), tuple((model.offset + shift).tolist()))
    return Fitted(model.generators, model.latents, to_slices, to_slices(np.stack(pictures)), history, status)
