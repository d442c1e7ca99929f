"""Forward models: how the true slices y mix in the reconstructed ones, I (paper, eq. 3).

    I_i = α_ii y_i + Σ_{j≠i} α_ij f_ij(y_j)        Σ_j α_ij = 1

For two slices this is eq. (3): I_1 = α_1 y_1 + (1 − α_1) f_1(y_2), I_2 = α_2 f_2(y_1) + (1 − α_2) y_2. The
filters f are shallow networks (``shallow``), 7×7 kernels (``kernel``) or the identity (``linear``, the double
deep image prior of Gandelsman et al. 2018).
"""

from __future__ import annotations

from itertools import permutations

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.config import FitConfig
from ddip_tf.methods import MIXINGS
from ddip_tf.networks import unet
from ddip_tf.networks.generators import generator_channels, latent_input
from ddip_tf.networks.parameters import Call
from ddip_tf.slices.separation import OWN_WEIGHT, filter_name


class Mixing:
    """The forward model of one fit: its trained networks and the equation that joins them.

    Parameters
    ----------
    config
        ``mixing`` picks the filters, ``width`` sizes the weight network.
    count
        N, slices.
    shape
        (H, W) in pixels.
    random
        draws initial weights and the weight network's latent input.

    Attributes
    ----------
    networks
        by name: ``weights`` (DIP-3) and the filters, ``filter12`` being f_1, from slice 2 into slice 1.
    latents
        by name: the latent input of ``weights``.
    """

    def __init__(self, config: FitConfig, count: int, shape: tuple[int, int], random: np.random.Generator) -> None:
        self.count = count
        self.networks: dict[str, keras.Model] = {
            "weights": unet.build_generator(
                *shape,
                channels_in=count,
                channels_out=2 if count == 2 else count**2,
                channels=generator_channels(config),
                head="linear",
                seed=int(random.integers(2**31)),
                name="weights",
            )
        }
        self.latents = {"weights": latent_input(random, (*shape, count))}
        build = MIXINGS[config.mixing].load()
        for i, j in permutations(range(count), 2) if build else ():
            name = filter_name(i, j)
            self.networks[name] = build(shape, random, i, j, name)

    def __call__(self, call: Call, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Modelled slices (N, H, W) and mixing weights (N, N) for true slices ``y`` (N, H, W)."""
        weights = call("weights", tf.constant(self.latents["weights"]))
        centre = tf.slice(weights, (0, y.shape[1] // 2, y.shape[2] // 2, 0), (1, 1, 1, -1))
        matrix = weight_matrix(tf.reshape(centre, [-1]), self.count)
        slices = tf.unstack(y)
        filtered = [
            [image if i == j else self._filter(call, i, j, image) for j, image in enumerate(slices)]
            for i in range(self.count)
        ]
        return mix(matrix, filtered), matrix

    def _filter(self, call: Call, i: int, j: int, image: tf.Tensor) -> tf.Tensor:
        name = filter_name(i, j)
        return call(name, image[None, ..., None])[0, ..., 0] if name in self.networks else image


def mix(matrix: tf.Tensor, filtered: list[list[tf.Tensor]]) -> tf.Tensor:
    """I_i = Σ_j α_ij f_ij(y_j): ``matrix`` (N, N), ``filtered[i][j]`` (H, W); images (N, H, W) out."""
    rows = zip(tf.unstack(matrix), filtered, strict=True)
    return tf.stack([tf.add_n([a * f for a, f in zip(tf.unstack(row), images, strict=True)]) for row, images in rows])


def weight_matrix(raw: tf.Tensor, count: int) -> tf.Tensor:
    """Row-stochastic mixing weights (N, N) from DIP-3's centre pixel, every own weight in `OWN_WEIGHT`, [0.05, 0.95].

    ``raw`` holds 2 numbers for two slices: α_k = 0.9·sigmoid + 0.05, rows (α_1, 1 − α_1) and (α_2, 1 − α_2).
    For N ≥ 3 it holds N², a row each: the own weight likewise, the rest split by softmax over the others (their
    N − 1 logits follow in the order of the slices).
    """
    low, high = OWN_WEIGHT
    if count == 2:
        alpha = (high - low) * tf.sigmoid(raw) + low
        return tf.stack([alpha, 1 - alpha], axis=1)
    raw = tf.reshape(raw, (count, count))
    own = (high - low) * tf.sigmoid(raw[:, :1]) + low
    others = (1 - own) * tf.nn.softmax(raw[:, 1:])
    rows = [tf.concat([others[i, :i], own[i], others[i, i:]], axis=0) for i in range(count)]
    return tf.stack(rows)
