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
from ddip_tf.objectives.priors.null_space_dip import NullSpaceDIP
from ddip_tf.objectives.priors.transfer_dip import TransferDIP
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.separation import Separation, latents_of
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training.callbacks.dispatch import Dispatcher
from ddip_tf.training.checkpoint import Checkpoints, identity
from ddip_tf.training.device import on_device
from ddip_tf.training.optimise import optimise
from ddip_tf.training.result import finished
from ddip_tf.transfer import background, by_evidence, inverse_problem, ladder, solver
from ddip_tf.transfer import start as starts
from ddip_tf.transfer.estimate import Transfer, estimate_transfer
from ddip_tf.transfer.halves import Halves, measure
from ddip_tf.transfer.model_lead import lead
from ddip_tf.transfer.neighbours import AlongDepth

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
    unit, solution, law, choice, known = _separate(stack, config, threads)
    LOGGER.info("mixing %s, solved in %.1f s", choice.rung if choice else "any T", time.perf_counter() - began)
    without_prior = not law.mixed or (choice is not None and choice.rung != "free start")
    if original is not None and without_prior:
        solution = _with_outliers(solution, unit.inverse(stack.images), unit.inverse(original))
    of_start = known.kept if law.mixed else np.float32(0)
    images = unit.inverse(stack.images) - of_start  # as a flat start had left them
    by_data = solution.decided
    if not config.trained or not law.mixed:
        fitted = _pixels(solution, callbacks)
    else:
        start = checkpoints.begin(identity(stack, config, device)) if checkpoints else None
        problem = inverse_problem.prepare(images, law)
        with on_device(device):
            model = PRIORS[config.prior].load()(problem, solution, config)
            end = optimise(model, config, callbacks, checkpoints, start, stop)
            fitted = _networks(model, images, end.by_name(model.terms), end.status)
        by_data = inverse_problem.decided(fitted.slices, problem, solution.factor)
    modelled = unit(inverse_problem.modelled(fitted.slices, images, law) + of_start)
    separation = Separation(
        stack=stack,
        config=config,
        outputs=unit(fitted.slices),
        to_output=unit.after(fitted.to_slices),
        generators=fitted.generators,
        latents=fitted.latents,
        filters={},
        mixing={**law.to_arrays(), "decided": unit(by_data)}
        | ({"spread": unit(solution.sigma)} if config.starts > 1 and not config.trained and law.mixed else {}),
        modelled=modelled,
        history=fitted.history,
        status=fitted.status,
        warnings=(*law.warnings, *solution.warnings),
        provenance={
            "normalisation_of_transfer": law.normalisation,
            "mixed": law.mixed,
            "crossover_px": round(law.crossover_px, 3),
            "noise_factor": round(solution.factor, 3),
            **({} if choice is None else _evidence(choice, solution)),
            **({} if known.halves is None else {"halves": _measured(known.halves)}),
            **({"amplitudes_explained": round(solution.observed.explained, 3)} if solution.observed else {}),
        },
    )
    return finished(separation, device, time.perf_counter() - began)


@dataclass(frozen=True)
class Known:
    """What is known beside slices: ``kept``, what they hold of their start, in the unit of the fit, and `Halves`."""

    kept: Floats | np.float32
    halves: Halves | None


def _separate(
    stack: SliceStack, config: FitConfig, threads: int
) -> tuple[Affine, solver.Solution, Transfer, ladder.Choice | None, Known]:
    """The unit of each slice, and the slices separated in it: two by the ladder of mixing models, more along depth."""
    extent = float(np.ptp(stack.images))
    if config.model == "auto":
        extent = 2.0 ** round(np.log2(extent))  # exact: slices that are left alone come back bit for bit
    images = np.asarray(stack.images, float) / extent
    halves = _halves(stack)
    start = None if stack.start is None else starts.aligned(images, np.asarray(stack.start.images, float) / extent)
    start = None if start is None or starts.alike(images, start) else start
    if config.model == "auto":
        noise = None if halves is None else halves.least / extent
        law, choice = by_evidence.find(images, config.normalisation, start, noise)
    else:
        law, choice = estimate_transfer(images, normalisation=config.normalisation), None
    unit = Affine(tuple(extent * gain for gain in _gains(choice, len(stack))), (0.0,) * len(stack))
    more: dict[str, Any] = {
        # further solves show how sure total variation is, not a network
        "starts": 1 if config.trained else config.starts,
        "seed": config.seed,
        "guides": [(guide.index, guide.image) for guide in stack.guides],
        "amplitudes": None if stack.amplitudes is None else np.asarray(stack.amplitudes, float) / extent,
        "threads": threads,
    }
    if choice is not None:
        kept = None if start is None else starts.kept(images, start, choice)
        measured = None if halves is None else unit.inverse(halves.least)
        given = unit.inverse(stack.images)
        solution, law = by_evidence.separate(given, choice, kept=kept, measured=measured, **more)
        return unit, solution, law, choice, Known(np.float32(0) if kept is None else kept, halves)
    return unit, solver.solve(images, law, **more), law, None, Known(np.float32(0), halves)


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


def _measured(halves: Halves) -> dict[str, Any]:
    """For the manifest, in the unit of the slices."""

    def rounded(values: Any, digits: int = 4) -> Any:
        return [rounded(x, digits) if np.ndim(x) else float(f"{x:.{digits}g}") for x in values]

    return {
        "k": rounded(halves.k),
        "correlation": rounded(halves.correlation),
        "threshold": rounded(halves.threshold),
        "noise_power": rounded(halves.noise_power),
        "noise_deviation": rounded(halves.deviation),
        "noise_between": rounded(halves.noise_correlation),
        "half_period_px": [None if one is None else round(one, 3) for one in halves.half_period_px],
        "shift_px": rounded(halves.shift_px, 3),
        "gain": rounded(halves.gain),
    }


def _with_outliers(solution: solver.Solution, clean: Floats, original: Floats) -> solver.Solution:
    """Pixels that were replaced for the estimate of T are put back: no prior has smoothed what is around them."""
    left_alone = (solution.images == clean).all((1, 2), keepdims=True)
    images = np.where(left_alone, original, solution.images + (original - clean))
    return replace(solution, images=images, base=images.copy())


def _evidence(choice: ladder.Choice, solution: solver.Solution) -> dict[str, Any]:
    """What the choice of the mixing model rests on, for the manifest."""
    ahead = lead(choice.rung, choice.log_evidence)
    found: dict[str, Any] = {
        "model": choice.rung,
        "model_evidence": {name: round(value, 2) for name, value in choice.log_evidence.items()},
        "model_margin": round(ahead[0], 2) if ahead else None,
        "gain": round(choice.gain, 4),
    }
    if isinstance(choice, AlongDepth) and (choice.gains != 1).any():
        found["gains"] = [round(gain, 4) for gain in choice.gains.tolist()]
    if solution.gain_db is not None:
        found["expected_gain_db"] = [round(float(gain), 2) for gain in solution.gain_db]
    if solution.trust is not None:
        found["prior_skill"] = {
            f"{k:.4f}": round(float(skill), 3) for k, skill in zip(solution.trust.k, solution.trust.skill, strict=True)
        }
    if solution.agreement is not None:
        found["prior_agreement"] = round(solution.agreement, 3)
    return found


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


def _networks(model: TransferDIP | NullSpaceDIP, images: Floats, history: Mapping[str, Floats], status: str) -> Fitted:
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
