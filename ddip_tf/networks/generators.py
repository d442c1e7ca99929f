"""The generators of a fit: one network a slice, their latent inputs, and the images they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.config import FitConfig
from ddip_tf.networks import unet
from ddip_tf.networks.parameters import Call


def side_by_side(generators: Mapping[str, keras.Model]) -> keras.Model:
    """Several generators as one functional model, all inputs → all images."""
    inputs, images = [], []
    for name, generator in generators.items():
        own = [keras.Input(x.shape[1:], name=f"{x.name}_{name}") for x in generator.inputs]
        inputs += own
        images.append(generator(own if len(own) > 1 else own[0]))
    return keras.Model(inputs, images)


def generator_channels(config: FitConfig) -> tuple[int, ...]:
    """Channels of the five levels, doubled level by level from ``config.width``."""
    return tuple(config.width * 2**level for level in range(len(unet.CHANNELS)))


def build_generators(
    config: FitConfig, count: int, shape: Sequence[int], random: np.random.Generator
) -> tuple[dict[str, keras.Model], dict[str, np.ndarray]]:
    """A generator a slice, ``slice1`` …, for images of ``shape`` (H, W), and the latent input of each."""
    generators = {
        name: unet.build_generator(
            *shape, channels=generator_channels(config), seed=int(random.integers(2**31)), name=name
        )
        for name in (f"slice{i + 1}" for i in range(count))
    }
    return generators, {name: latent_input(random, (*shape, 1)) for name in generators}


def generated(call: Call, latents: Mapping[str, np.ndarray]) -> tf.Tensor:
    """The images (N, H, W) that the generators make of their ``latents``."""
    return tf.stack([call(name, tf.constant(z))[0, ..., 0] for name, z in latents.items()])


def latent_input(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """z, uniform in (−0.5, 0.5), as a batch of one: (1, H, W, C) float32 (paper, §2.1)."""
    return random.uniform(-0.5, 0.5, (1, *shape)).astype(np.float32)
