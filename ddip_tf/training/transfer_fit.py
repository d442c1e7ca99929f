"""Separation under the physical mixing law I(k) = T(k) y(k): T found blind, y solved for, one generator a slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from ddip_tf import environment
from ddip_tf._types import Floats
from ddip_tf.config import FitConfig
from ddip_tf.methods import PRIORS
from ddip_tf.networks import pixels
from ddip_tf.objectives.null_space_dip import NullSpaceDIP
from ddip_tf.objectives.transfer_dip import TransferDIP
from ddip_tf.quality import checks
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.separation import Separation, latents_of
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training.callbacks.dispatch import Dispatcher
from ddip_tf.training.checkpoint import Checkpoints, identity
from ddip_tf.training.device import on_device, threads_in_use
from ddip_tf.training.optimise import optimise
from ddip_tf.transfer import background, inverse_problem, solver
from ddip_tf.transfer.estimate import estimate_transfer


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
) -> Separation:
    """Separate ``stack`` under the blindly estimated law.

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

    Returns
    -------
    Separation
        with prior tv, ``generators`` take ``base`` (1, H, W, 1), what the data fix by themselves, instead of z; with
        prior null-dip they take both. Slices that do not mix come back as they are, whatever the prior.
    """
    began = time.perf_counter()
    unit = Affine((float(np.ptp(stack.images)),) * len(stack), (0.0,) * len(stack))
    images = unit.inverse(stack.images)
    law = estimate_transfer(images, normalisation=config.normalisation)
    amplitudes = None if stack.amplitudes is None else np.asarray(stack.amplitudes, float) / np.ptp(stack.images)
    guides = [(guide.index, guide.image) for guide in stack.guides]
    starts = 1 if config.trained else config.starts  # further solves show how sure total variation is, not a network
    solution = solver.solve(
        images,
        law,
        starts=starts,
        seed=config.seed,
        guides=guides,
        amplitudes=amplitudes,
        threads=threads,
    )
    by_data = solution.decided
    if config.prior == "tv" or not law.mixed:
        fitted = _pixels(solution, callbacks)
    else:
        start = checkpoints.begin(identity(stack, config, device)) if checkpoints else None
        with on_device(device):
            model = PRIORS[config.prior].load()(images, law, solution, config)
            end = optimise(model, config, callbacks, checkpoints, start, stop)
            fitted = _networks(model, images, end.by_name(model.terms), end.status)
        by_data = inverse_problem.decided(fitted.slices, images, law, solution.factor)
    separation = Separation(
        stack=stack,
        config=config,
        outputs=unit(fitted.slices),
        to_output=unit.after(fitted.to_slices),
        generators=fitted.generators,
        latents=fitted.latents,
        filters={},
        mixing={**law.to_arrays(), "decided": unit(by_data)}
        | ({"spread": unit(solution.sigma)} if starts > 1 and law.mixed else {}),
        modelled=unit(inverse_problem.modelled(fitted.slices, images, law)),
        history=fitted.history,
        status=fitted.status,
        warnings=(*law.warnings, *solution.warnings),
        provenance={
            "device": device,
            "threads": threads_in_use(),
            "normalisation_of_transfer": law.normalisation,
            "mixed": law.mixed,
            "crossover_px": round(law.crossover_px, 3),
            "noise_factor": round(solution.factor, 3),
            **({"amplitudes_explained": round(solution.observed.explained, 3)} if solution.observed else {}),
            "wall_time_s": round(time.perf_counter() - began, 3),
            **environment.memory_bytes(),
        },
    )
    return checks.with_warnings(separation)


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
