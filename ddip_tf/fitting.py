"""The fit: coupled deep image priors trained on one stack of slices, all parameters at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from ddip_tf import diagnose, lawful, networks, normalise, outliers, runtime
from ddip_tf.checkpoint import Checkpoints, identity
from ddip_tf.config import FitConfig, preset
from ddip_tf.coupled import CoupledPriors
from ddip_tf.descent import descend
from ddip_tf.errors import InputError
from ddip_tf.mixing import Mixing
from ddip_tf.result import Separation
from ddip_tf.slices import SliceStack


def fit(
    stack: SliceStack,
    config: FitConfig | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    device: str = "auto",
    threads: int | None = None,
    checkpoints: Checkpoints | None = None,
    stop: Callable[[], str | None] | None = None,
) -> Separation:
    """Separate the slices of ``stack``.

    With mixing shallow, kernel or linear: minimise eq. (5) of Du, Huang & Jacobsen, J. Synchrotron Rad. 28 (2021),
    over all generators and the mixing at once. With mixing transfer: `ddip_tf.lawful.fit_transfer`. Outliers of single
    pixels are replaced before (`ddip_tf.outliers`); they stay in the input, and so in the ghosts.

    Parameters
    ----------
    stack
        N ≥ 2 slices (N, H, W).
    config
        settings; those of ``preset("default")`` if None.
    callbacks
        Keras callbacks: ``on_epoch_end`` comes for every epoch, with all loss terms in ``logs``, after each
        chunk of ``config.chunk`` epochs; ``self.model(self.params["latents"])`` then are the images of the chunk's
        last weights, in the generators' unit (`ddip_tf.audience`).
        ``self.model.stop_training = True`` ends the fit after the chunk. Weights that a callback restores are not
        kept: the result is the last epoch's, as in the paper. Prior tv calls back once, at its end.
    device, threads
        see `ddip_tf.runtime.start`. Same seed, machine and threads: same bits.
    checkpoints
        where the state of an unfinished fit is kept; a fit that goes on from there ends in the same bits as one that
        was never stopped. Callbacks hear of the epochs after it only. Prior tv takes no checkpoints.
    stop
        asked about every second: a reason to stop, or None.

    Returns
    -------
    Separation

    Raises
    ------
    InputError
        no `SliceStack`, a device that TensorFlow does not see, or a state of another fit.
    FloatingPointError
        the loss is no longer finite.
    Interrupted
        ``stop`` gave a reason; the state is in ``checkpoints``.
    RunError
        a checkpoint cannot be written.
    """
    if not isinstance(stack, SliceStack):
        raise InputError("give a SliceStack: ddip_tf.read(files) or ddip_tf.SliceStack(array) makes one")
    config = config or preset("default")
    place = runtime.start(device, threads, networks=len(stack) + 1)
    clean, replaced = outliers.replaced(stack)
    if config.mixing == "transfer":
        workers = threads or runtime.available_cores()
        separation = lawful.fit_transfer(clean, config, place, callbacks, checkpoints, stop, workers)
    else:
        separation = _fit_priors(clean, config, place, callbacks, checkpoints, stop)
    return replace(separation, stack=stack, warnings=(*stack.notes, *replaced, *separation.warnings))


def _fit_priors(
    stack: SliceStack,
    config: FitConfig,
    place: str,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoints: Checkpoints | None,
    stop: Callable[[], str | None] | None,
) -> Separation:
    """The fit of mixing shallow, kernel or linear on the device ``place``; the rest as `fit`."""
    began = time.perf_counter()
    scale = normalise.to_unit_interval(stack.images)
    with runtime.on_device(place):
        model = CoupledPriors(config, scale.inverse(stack.images))
        start = checkpoints.begin(identity(stack, config, place)) if checkpoints else None
        end = descend(model, config, callbacks, checkpoints, start, stop)
        forward = tf.function(model.forward, autograph=False)
        images, modelled, matrix = (x.numpy() for x in forward(model.parameters.read()))
    to_output = normalise.least_squares(images, stack.images)
    separation = Separation(
        stack=stack,
        config=config,
        outputs=to_output(images),
        to_output=to_output,
        generators=model.generators,
        latents=model.latents,
        filters={name: net for name, net in model.mixing.networks.items() if name != "weights"},
        mixing=_learned(matrix, model.mixing),
        modelled=scale(modelled),
        history=end.by_name(model.terms),
        status=end.status,
        provenance={
            "device": place,
            "threads": runtime.threads_in_use(),
            "levels": networks.count_levels(*stack.shape),
            "wall_time_s": round(time.perf_counter() - began + (start.seconds if start else 0.0), 3),
            **runtime.memory_bytes(),
        },
    )
    return diagnose.with_warnings(separation)


def _learned(matrix: np.ndarray, mixing: Mixing) -> dict[str, np.ndarray]:
    """What the forward model learned, as arrays: the weights (N, N), and each 7×7 kernel."""
    learned = {"matrix": matrix}
    for name, network in mixing.networks.items():
        if "kernel" in (layer.name for layer in network.layers):
            learned[name] = network.get_layer("kernel").get_weights()[0][..., 0, 0]
    return learned
