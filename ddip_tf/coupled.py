"""The coupled deep image priors of one fit: generators, forward model and the parameters of both."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ddip_tf import networks
from ddip_tf.config import FitConfig
from ddip_tf.mixing import Mixing, generator_channels, latent_input
from ddip_tf.parameters import ParameterVector


@dataclass(init=False)
class CoupledPriors:
    """Fig. 1: a generator a slice, the forward model that joins them, and the parameters of both.

    Parameters
    ----------
    config, count, shape
        settings, N slices, (H, W) in pixels.
    """

    generators: dict[str, keras.Model]
    latents: dict[str, np.ndarray]
    mixing: Mixing
    parameters: ParameterVector

    def __init__(self, config: FitConfig, count: int, shape: tuple[int, int]) -> None:
        random = np.random.default_rng(config.seed)
        self.generators = {
            name: networks.build_generator(
                *shape, channels=generator_channels(config), seed=int(random.integers(2**31)), name=name
            )
            for name in (f"slice{i + 1}" for i in range(count))
        }
        self.latents = {name: latent_input(random, (*shape, 1)) for name in self.generators}
        self.mixing = Mixing(config, count, shape, random)
        self.parameters = ParameterVector({**self.generators, **self.mixing.networks})

    def forward(self, vector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Slices y (N, H, W), modelled inputs I (N, H, W), weights (N, N) under parameters ``vector`` (P,)."""
        call = self.parameters.bind(vector)
        y = tf.stack([call(name, tf.constant(self.latents[name]))[0, ..., 0] for name in self.generators])
        modelled, matrix = self.mixing(call, y)
        return y, modelled, matrix

    def as_one(self) -> keras.Model:
        """All generators as one functional model, all z → all images: what Keras callbacks see."""
        inputs = [keras.Input(g.input_shape[1:], name=f"z_{name}") for name, g in self.generators.items()]
        return keras.Model(inputs, [g(z) for g, z in zip(self.generators.values(), inputs, strict=True)])
