"""The coupled deep image priors of one fit: generators, forward model, the parameters of both, and their loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.config import FitConfig
from ddip_tf.networks.generators import build_generators, generated
from ddip_tf.networks.parameters import ParameterVector
from ddip_tf.objectives import losses
from ddip_tf.objectives.mixing import Mixing
from ddip_tf.slices.separation import alphas


@dataclass(init=False)
class CoupledDIP:
    """Fig. 1: a generator a slice, the forward model that joins them, and the parameters of both.

    Parameters
    ----------
    config
        settings.
    measured
        (N, H, W) slices, scaled to [0, 1].
    """

    generators: dict[str, keras.Model]
    latents: dict[str, np.ndarray]
    mixing: Mixing
    parameters: ParameterVector
    terms: Sequence[str]

    def __init__(self, config: FitConfig, measured: np.ndarray) -> None:
        count, *shape = measured.shape
        self.terms = ("loss", "fidelity", "exclusion", "alpha_term", *(f"alpha{i + 1}" for i in range(count)))
        self._config, self._measured = config, tf.constant(measured)
        random = np.random.default_rng(config.seed)
        self.generators, self.latents = build_generators(config, count, shape, random)
        self.mixing = Mixing(config, count, (shape[0], shape[1]), random)
        self.parameters = ParameterVector({**self.generators, **self.mixing.networks}, config.precision)

    def forward(self, vector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Slices y (N, H, W), modelled inputs I (N, H, W), weights (N, N) under parameters ``vector`` (P,)."""
        call = self.parameters.bind(vector)
        y = generated(call, self.latents)
        modelled, matrix = self.mixing(call, y)
        return y, modelled, matrix

    def objective(self, vector: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        """Eq. (5) and its terms under parameters ``vector`` (P,) at ``epoch``: the values of ``terms``."""
        y, modelled, matrix = self.forward(vector)
        fidelity = losses.fidelity(modelled, self._measured)
        exclusion = losses.exclusion(y)
        alpha_term = losses.alpha_term(matrix)
        alpha_weight = tf.where(epoch < self._config.alpha_epochs, self._config.alpha_weight, 0.0)
        loss = fidelity + self._config.exclusion_weight * exclusion + alpha_weight * alpha_term
        return tf.stack([loss, fidelity, exclusion, alpha_term, *alphas(matrix)])
