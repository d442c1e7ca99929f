"""Separation by coupled deep image priors: all generators and the mixing at once, by eq. (5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.config import FitConfig
from ddip_tf.networks import unet
from ddip_tf.objectives.coupled_dip import CoupledDIP
from ddip_tf.objectives.mixing import Mixing
from ddip_tf.slices import affine
from ddip_tf.slices.separation import Separation
from ddip_tf.slices.stack import SliceStack
from ddip_tf.training.checkpoint import Checkpoints, identity
from ddip_tf.training.device import on_device, threads_in_use
from ddip_tf.training.optimise import optimise
from ddip_tf.training.result import finished
from ddip_tf.training.traces import let_go


@let_go()
def fit_coupled(
    stack: SliceStack,
    config: FitConfig,
    device_name: str,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoints: Checkpoints | None,
    stop: Callable[[], str | None] | None,
) -> Separation:
    """The fit of mixing shallow, kernel or linear on the device ``device_name``; the rest as `ddip_tf.fit`."""
    began = time.perf_counter()
    scale = affine.to_unit_interval(stack.images)
    with on_device(device_name):
        model = CoupledDIP(config, scale.inverse(stack.images))
        start = checkpoints.begin(identity(stack, config, device_name)) if checkpoints else None
        end = optimise(model, config, callbacks, checkpoints, start, stop)
        # once, so not traced: that takes seconds
        images, modelled, matrix = (x.numpy() for x in model.forward(tf.constant(model.parameters.read())))
    to_output = affine.least_squares(images, stack.images)
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
        provenance={"levels": unet.count_levels(*stack.shape)},
    )
    seconds = time.perf_counter() - began + (start.seconds if start else 0.0)
    return finished(separation, seconds, device=device_name, threads=threads_in_use())


def _learned(matrix: np.ndarray, mixing: Mixing) -> dict[str, np.ndarray]:
    """What the forward model learned, as arrays: the weights (N, N), and each 7×7 kernel."""
    learned = {"matrix": matrix}
    for name, network in mixing.networks.items():
        if "kernel" in (layer.name for layer in network.layers):
            learned[name] = network.get_layer("kernel").get_weights()[0][..., 0, 0]
    return learned
