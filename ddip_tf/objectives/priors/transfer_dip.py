"""Deep image priors under the transfer model: one U-Net a slice, fitted to what T(k) lets the data say.

    loss = 1/2 mean |N^-1/2 (T y - I)|^2 + mean |grad y|^1/2

Both terms are those of `ddip_tf.transfer.solver` for each pixel: the fidelity whitened by the noise N(k), and the
non-convex total variation; the U-Nets replace the free pixels (a deep image prior with total variation: Liu et al.,
ICASSP 2019, "Image restoration using total variation regularized deep image prior"). The slices are the U-Nets' [0, 1]
images in the range of the linear estimate. What is kept is a running average of the WEIGHTS, so that one generator
stands behind each picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ddip_tf.config import FitConfig
from ddip_tf.networks.generators import build_generators, generated
from ddip_tf.networks.parameters import ParameterVector
from ddip_tf.networks.transfer_layer import TransferMixing, filtered, on_mirrored
from ddip_tf.objectives.losses import variation
from ddip_tf.transfer import solver
from ddip_tf.transfer.dct import inverse_root
from ddip_tf.transfer.inverse_problem import Problem

#: of the range of the linear estimate, added on both sides: what the sigmoid may reach
MARGIN = 0.2


class TransferDIP:
    """A generator a slice, joined by T(k).

    Parameters
    ----------
    problem
        the slices under T(k), which is held (`ddip_tf.transfer.inverse_problem.prepare`).
    solution
        of `ddip_tf.transfer.solver.solve`: its ``base`` gives the range, its ``weights`` the noise.
    config
        ``seed`` and ``width``.

    Attributes
    ----------
    generators, latents, parameters
        as of `ddip_tf.objectives.coupled_dip.CoupledDIP`.
    gain, offset
        (N,) of each slice: y = gain · generator + offset, in the unit of the files.
    """

    terms: Sequence[str] = ("loss", "fidelity", "variation")

    def __init__(self, problem: Problem, solution: solver.Solution, config: FitConfig) -> None:
        count, *shape = problem.images.shape
        random = np.random.default_rng(config.seed)
        self.generators, self.latents = build_generators(config, count, shape, random)
        self.parameters = ParameterVector(self.generators, config.precision)

        low, high = solution.base.min((1, 2)), solution.base.max((1, 2))
        self.gain = (high - low) * (1 + 2 * MARGIN)
        self.offset = low - (high - low) * MARGIN
        self._gain = tf.constant((self.gain / problem.unit)[:, None, None], tf.float32)

        whiten = on_mirrored(inverse_root(problem.noise.covariance(solution.factor)))
        field = TransferMixing(problem.transfer.k, problem.transfer.matrix).field(*shape)
        self._whitened_transfer = tf.einsum("ijyx,jlyx->ilyx", whiten, field)
        self._whitened_data = filtered(tf.constant(problem.images, tf.float32), whiten)

    def slices(self, vector: tf.Tensor) -> tf.Tensor:
        """The generators' images (N, H, W) in [0, 1] under parameters ``vector`` (P,)."""
        return generated(self.parameters.bind(vector), self.latents)

    def objective(self, vector: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        """`terms` under parameters ``vector`` (P,); the first is minimised."""
        y = self._gain * self.slices(vector)
        residual = filtered(y, self._whitened_transfer) - self._whitened_data
        residual -= tf.reduce_mean(residual, axis=(1, 2), keepdims=True)  # the data do not fix the mean
        fidelity = tf.reduce_sum(tf.reduce_mean(tf.square(residual), axis=(1, 2))) / 2
        rough = variation(y)
        return tf.stack([fidelity + rough, fidelity, rough])
