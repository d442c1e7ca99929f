"""A deep image prior in the null space: what T(k) leaves open comes from one small U-Net, all else is computed.

The unknown is band-limited, so the U-Net works at a quarter of the resolution. Its N images are fitted, by the loss of
`ddip_tf.objectives.priors.transfer_dip`, to the lowest cosine coefficients of the data; then

    y = base + (1 - R) (network - base),      R = (T^T N^-1 T + 1/S)^-1 T^T N^-1 T

where base is the linear (Wiener) estimate and R what it resolves: consistent with the data by construction (deep null
space learning: Schwab, Antholzer & Haltmeier, Inverse Problems 35, 025008, 2019; here untrained). Within the generators
the cosine transforms are matrix products, so that they can be archived as ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ddip_tf._types import Floats
from ddip_tf.config import FitConfig
from ddip_tf.networks import unet
from ddip_tf.networks.cosine_layer import LowestCosines, to_cosines
from ddip_tf.networks.generators import generator_channels, latent_input
from ddip_tf.networks.parameters import ParameterVector
from ddip_tf.objectives.losses import variation
from ddip_tf.transfer import solver
from ddip_tf.transfer.dct import dct, inverse_root, matvec
from ddip_tf.transfer.inverse_problem import Problem

#: full over low resolution
COARSE = 4


class NullSpaceDIP:
    """One low-resolution U-Net, joined to the slices by what T(k) does not resolve.

    Parameters and attributes as of `ddip_tf.objectives.priors.transfer_dip.TransferDIP`; a generator takes z and base.
    """

    terms: Sequence[str] = ("loss", "fidelity", "variation")

    def __init__(self, problem: Problem, solution: solver.Solution, config: FitConfig) -> None:
        count, height, width = problem.images.shape
        self._shape = height, width
        low = -(-height // COARSE), -(-width // COARSE)
        unit = problem.unit
        random = np.random.default_rng(config.seed)
        self._network = unet.build_generator(
            *low,
            channels_out=count,
            channels=generator_channels(config),
            head="linear",
            seed=int(random.integers(2**31)),
            name="null_space",
        )
        self._z = latent_input(random, (*low, 1))
        self.parameters = ParameterVector({"null_space": self._network}, config.precision)
        self.gain, self.offset = np.ones(count), np.zeros(count)

        lowest = np.s_[: low[0], : low[1]]
        T, information, _ = problem.normal(solution.factor)
        whiten = inverse_root(problem.noise.covariance(solution.factor)[lowest])
        self._whitened_transfer = tf.constant(whiten @ T[lowest], tf.float32)
        self._data = tf.constant(matvec(whiten, dct(problem.images)[lowest]), tf.float32)
        self._area = height * width

        resolved = problem.wiener(information) @ information
        open_ = (np.eye(count) - resolved)[lowest]
        base = dct((solution.base - problem.means) / unit)[lowest]
        self.generators = {
            f"slice{i + 1}": self._generator(
                f"slice{i + 1}", unit * open_[:, :, i], -unit * (open_[:, :, i] * base).sum(-1)
            )
            for i in range(count)
        }
        self.latents = {name: self._z for name in self.generators} | {
            f"{name}_base": base[None, ..., None].astype(np.float32)
            for name, base in zip(self.generators, solution.base, strict=True)
        }

    def _generator(self, name: str, weights: Floats, offset: Floats) -> keras.Model:
        """(z, base) → base + what is left open, for one slice; ``weights`` (h, w, N), ``offset`` (h, w)."""
        base = keras.Input((*self._shape, 1), name="base")
        z = keras.Input(self._z.shape[1:], name="z")
        change = LowestCosines(self._shape, weights, offset, name="null_space_part")(self._network(z))
        return keras.Model([z, base], layers.Add(name="image")([base, change]), name=name)

    def objective(self, vector: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        """`terms` under parameters ``vector`` (P,); the first is minimised."""
        y = self.parameters.bind(vector)("null_space", tf.constant(self._z))[0]
        cosines = to_cosines(y, self._shape)
        residual = tf.einsum("yxij,yxj->yxi", self._whitened_transfer, cosines) - self._data
        squared = tf.reduce_sum(tf.square(residual)) - tf.reduce_sum(tf.square(residual[0, 0]))
        fidelity = squared / (2 * self._area)
        rough = variation(tf.transpose(y, (2, 0, 1))) / COARSE  # edges are as long in full pixels, and as few
        return tf.stack([fidelity + rough, fidelity, rough])
