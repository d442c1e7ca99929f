"""Separation under the transfer model I(k) = T(k) y(k): T found blind, y solved for, one generator a slice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from ddip_tf._types import Floats
from ddip_tf.config import FitConfig
from ddip_tf.methods import PRIORS
from ddip_tf.networks import pixels
from ddip_tf.objectives.priors import self_taught
from ddip_tf.objectives.priors.null_space_dip import NullSpaceDIP
from ddip_tf.objectives.priors.transfer_dip import TransferDIP
from ddip_tf.slices.affine import Affine
from ddip_tf.slices.separation import Separation, latents_of
from ddip_tf.training import solving
from ddip_tf.training.callbacks.dispatch import Dispatcher
from ddip_tf.training.checkpoint import Checkpoints, identity
from ddip_tf.training.device import on_device, threads_in_use
from ddip_tf.training.optimise import optimise
from ddip_tf.training.result import finished
from ddip_tf.training.traces import let_go
from ddip_tf.transfer import background, inverse_problem
from ddip_tf.transfer.ladder import Choice


@dataclass(frozen=True)
class Fitted:
    """What a prior gives: generators, their inputs, and y = to_slices(generators' images)."""

    generators: Mapping[str, keras.Model]
    latents: Mapping[str, Floats]
    to_slices: Affine
    slices: Floats
    history: Mapping[str, Floats]
    status: str = "done"


@let_go()
def fit_transfer(
    prepared: solving.Prepared,
    config: FitConfig,
    device: str,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoints: Checkpoints | None = None,
    stop: Callable[[], str | None] | None = None,
) -> Separation:
    """Separate a stack under the transfer model, T(k) found blind.

    The slices keep their gain (no regression on the input): only the unit is taken out and put back.

    Parameters
    ----------
    prepared
        N ≥ 2 slices (N, H, W) that were solved for; with prior tv, the solution is what is wanted.
    config
        ``normalisation`` of T, ``prior`` and ``seed`` are used; ``starts`` of the solve with prior tv, and epochs,
        learning rate, width and average for priors that are networks.
    device
        name of the device the generators run on.
    callbacks, checkpoints, stop
        as in `ddip_tf.fit`.

    Returns
    -------
    Separation
        with prior tv, ``generators`` take ``base`` (1, H, W, 1), what the data fix by themselves, instead of z; with
        prior null-dip they take both. Slices that do not mix come back as they are, whatever the prior.
    """
    began = time.perf_counter()
    stack, solved = prepared.clean, prepared.solved
    assert solved is not None
    unit = solved.unit
    images = solved.images(stack)
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
        fitted, by_data = _pixels(solved, callbacks), solved.solution.decided
    separation = Separation(
        **vars(solving.told(solved, stack, config, fitted.slices, by_data, share)),
        to_output=unit.after(fitted.to_slices),
        generators=fitted.generators,
        latents=fitted.latents,
        filters={},
        history=fitted.history,
        status=fitted.status,
    )
    seconds = prepared.seconds + time.perf_counter() - began
    return finished(separation, seconds, prepared.memory, device=device, threads=threads_in_use())


def _of_networks(solved: solving.Solved, images: Floats, config: FitConfig) -> inverse_problem.Problem | None:
    """What networks are trained on, of slices (N, H, W); None where the solution stands without any."""
    if not config.trained or not solved.transfer.mixed:
        return None
    if PRIORS[config.prior].refines:
        return solved.solution.problem if _weight(solved) else None
    return inverse_problem.prepare(images, solved.transfer)


def _weight(solved: solving.Solved) -> float:
    """Of networks that go on from a solution; 0 where slices were taken to be in two units: T(k) rests on the gain."""
    one_unit = isinstance(solved.choice, Choice) and solved.choice.gain == 1
    return self_taught.weight(solved.solution) if solved.solution.problem and one_unit else 0.0


def _pixels(solved: solving.Solved, callbacks: Sequence[keras.callbacks.Callback]) -> Fitted:
    """The solution as free pixels on a base; callbacks hear of one epoch."""
    solution = solved.solution
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
        slices=solved.slices,
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
