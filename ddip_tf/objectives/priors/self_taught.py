"""A deep prior that is taught by the slices themselves: U-Nets learn to undo their mixing on pictures like theirs.

What total variation finds are pictures of about the right kind. Turned over, moved and laid over one another anew they
make pairs whose truth is known, and the model that was found of the data mixes them: T(k), drawn within its deviation,
noise N(k), ramps that no image knows. So networks can be taught, pair after pair, to find slices from the mixed ones,

    loss = mean |linear(I') + network(linear(I'), I') - y'|^2,      I' = T' y' + n' + ramps

and are then asked about the data (internal learning: Shocher, Cohen & Irani, CVPR 2018, "Zero-shot super-resolution
using deep internal learning"). Trained on squared errors they give the mean over what may be, where total variation
gives the likeliest: the two err differently, and their weighted mean (`weight`) is the result. Networks that began at
other weights and had other lessons err differently as well, so there are `NETWORKS` of them. Nothing but the data in
hand is used, and no network has seen any other.
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
from ddip_tf.networks.cosine_layer import from_cosines, to_cosines
from ddip_tf.networks.generators import generator_channels
from ddip_tf.networks.parameters import ParameterVector
from ddip_tf.transfer import in_part, solver
from ddip_tf.transfer.bands import frequencies, interpolate
from ddip_tf.transfer.dct import dct, idct, matvec
from ddip_tf.transfer.inverse_problem import Problem
from ddip_tf.transfer.objective import perturbed

#: how many there are, whose mean is theirs
NETWORKS = 2
#: of their slices in the result, at most
MOST = 0.4
#: agreement of total variation with itself (`ddip_tf.transfer.agreement`) up to which it is that much, and from which
#: on it is nothing
AGREED = (0.85, 0.95)
#: pixels a side of the pictures it is taught on, at most: what a lesson costs does not grow with the slices
LESSON = 160
#: draws of T(k), beside twice the T that was found
DRAWS = 6
#: range of the factor on the noise, and deviations of a slice's contrast (logarithm) and of its ramp (in deviations of
#: the slice, from the middle to the margin)
NOISE, CONTRAST, RAMP = (0.3, 1.3), 0.2, 0.15
LEVELS = 4


def weight(solution: solver.Solution) -> float:
    """Of the networks' slices: less, the surer total variation is of the coarsest difference."""
    agreed = 1.0 if solution.agreement is None else solution.agreement
    return float(np.interp(agreed, AGREED, (MOST, 0.0)))


class SelfTaught:
    """U-Nets, each for both slices, taught on pairs mixed anew from the default's solution.

    Parameters and attributes as of `ddip_tf.objectives.priors.transfer_dip.TransferDIP`; a generator takes z, the
    linear estimates and the slices (1, H, W, 2 N) in units of the slices' deviations, and base, which it adds to.
    """

    terms: Sequence[str] = ("loss",)

    def __init__(self, problem: Problem, solution: solver.Solution, config: FitConfig) -> None:
        count, height, width = problem.images.shape
        assert solution.filters is not None
        self._seed, self._of = config.seed, (height, width)
        self._shape = (min(height, LESSON), min(width, LESSON))
        k = frequencies(*self._shape)
        self._spread = problem.images.std((1, 2))
        random = np.random.default_rng(config.seed)
        laws = [perturbed(problem.transfer, random) for _ in range(DRAWS)] + 2 * [problem.transfer]
        self._laws = tf.constant(np.stack([law.at(k) for law in laws]), tf.float32)
        sides = zip(self._shape, self._of, strict=True)
        same_k = np.ix_(*(np.rint(np.arange(side) * of / side).astype(int) for side, of in sides))
        values, axes = np.linalg.eigh(problem.noise.covariance(solution.factor)[same_k])
        self._noise = tf.constant((axes * np.sqrt(values)[..., None, :]) @ axes.swapaxes(-1, -2), tf.float32)
        self._linear = tf.constant(interpolate(k, solution.filters.k, solution.filters.weights), tf.float32)
        found = in_part.whole(solution.images, solution)
        y = (found - problem.means) / problem.unit
        self._tiles = [tf.constant(_mirrored(one), tf.float32) for one in y]
        self._networks = {
            f"taught{i + 1}": self._unet(f"taught{i + 1}", count, config, int(random.integers(2**31)))
            for i in range(NETWORKS)
        }
        self.parameters = ParameterVector(self._networks, config.precision)
        self.gain, self.offset = np.ones(count), np.zeros(count)

        linear = interpolate(frequencies(height, width), solution.filters.k, solution.filters.weights)
        base, share = idct(matvec(linear, dct(problem.images))), solution.share * weight(solution)
        given = np.concatenate([base, problem.images]) / np.tile(self._spread, 2)[:, None, None]
        z = given.transpose(1, 2, 0)[None].astype(np.float32)
        start = solution.images + share[:, None, None] * (problem.unit * base + problem.means - found)
        names = [f"slice{i + 1}" for i in range(count)]
        scales = share * problem.unit * self._spread
        self.generators = {name: self._generator(name, np.eye(count)[i] * scales) for i, name in enumerate(names)}
        self.latents = {name: z for name in names} | {
            f"{name}_base": one[None, ..., None].astype(np.float32) for name, one in zip(names, start, strict=True)
        }

    def _unet(self, name: str, count: int, config: FitConfig, seed: int) -> keras.Model:
        channels = generator_channels(config)[:LEVELS]
        network = unet.build_generator(
            *self._of,
            channels_in=2 * count,
            channels_out=count,
            channels=channels,
            skips=(config.width,) * LEVELS,
            head="linear",
            seed=seed,
            name=name,
        )
        for value in network.get_layer("head_conv").weights:  # it begins at the linear estimate
            value.assign(tf.zeros_like(value))
        return network

    def _generator(self, name: str, scales: Floats) -> keras.Model:
        """(z, base) → base + the networks' change, for one slice; ``scales`` (N,) of the networks' images."""
        base = keras.Input((*self._of, 1), name="base")
        z = keras.Input((*self._of, 2 * len(scales)), name="z")
        own = layers.Conv2D(1, 1, use_bias=False, trainable=False, name="own")
        change = own(layers.Average(name="mean")([network(z) for network in self._networks.values()]))
        own.set_weights([scales[None, None, :, None].astype(np.float32)])
        return keras.Model([z, base], layers.Add(name="image")([base, change]), name=name)

    def objective(self, vector: tf.Tensor | Sequence[tf.Tensor], epoch: tf.Tensor) -> tf.Tensor:
        """`terms` under the parameters in ``vector``, each network on its own pair of this ``epoch``."""
        call, losses = self.parameters.bind(vector), []
        for i, name in enumerate(self._networks):
            z, left = self.pair(epoch, i)
            found = call(name, z)[0] - left
            losses.append(tf.reduce_mean(tf.square(found - tf.reduce_mean(found, (0, 1)))))
        return (tf.add_n(losses) / len(losses))[None]

    def pair(self, epoch: tf.Tensor, network: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
        """What a ``network`` is given at this ``epoch``, (1, h, w, 2 N), and what it should find, (h, w, N).

        Both follow from the seed, the epoch and the network's number alone; h and w are H and W, `LESSON` at most.
        """
        own = NETWORKS * tf.cast(epoch, tf.int32) + network
        seeds = tf.random.split(tf.stack([tf.constant(self._seed, tf.int32), own]), 5)
        y = self._pictures(seeds[0])
        law = tf.gather(self._laws, tf.random.stateless_uniform((), seeds[1], 0, len(self._laws), tf.int32))
        louder = tf.random.stateless_uniform((), seeds[2], *NOISE)
        noise = louder * tf.random.stateless_normal(y.shape, seeds[3])
        mixed = _at_every(law, to_cosines(y, self._shape)) + _at_every(self._noise, noise)
        mixed += to_cosines(self._ramps(seeds[4]), self._shape)
        base = from_cosines(_at_every(self._linear, mixed))
        spread = tf.constant(self._spread, tf.float32)
        z = tf.concat([base / spread, from_cosines(mixed) / spread], 2)
        return (z - tf.reduce_mean(z, (0, 1)))[None], (y - base) / spread

    def _pictures(self, seed: tf.Tensor) -> tf.Tensor:
        """Parts of the slices (h, w, N), each turned over, moved and of another contrast."""
        pictures = []
        for tile, own in zip(self._tiles, tf.unstack(tf.random.split(seed, len(self._tiles))), strict=True):
            sides = tf.constant([int(side) for side in tile.shape])
            by = tf.random.stateless_uniform((2,), own, 0, 2**30, tf.int32) % sides
            picture = tf.roll(tile, by, (0, 1))[: self._shape[0], : self._shape[1]]
            pictures.append(picture * tf.exp(CONTRAST * tf.random.stateless_normal((), own)))
        return tf.stack(pictures, 2)

    def _ramps(self, seed: tf.Tensor) -> tf.Tensor:
        """Ramps (h, w, N), another in every slice, as steep as over the whole."""
        down, across = (
            np.linspace(-1, 1, side, dtype=np.float32) * (side / of)
            for side, of in zip(self._shape, self._of, strict=True)
        )
        steep = RAMP * self._spread.astype(np.float32) * tf.random.stateless_normal((2, len(self._spread)), seed)
        return down[:, None, None] * steep[0] + across[:, None] * steep[1]


def _mirrored(image: Floats) -> Floats:
    """(H, W) → (2H, 2W): moved around in this, an image is turned over as well."""
    return np.pad(image, [(0, side) for side in image.shape], "symmetric")


def _at_every(matrices: tf.Tensor, coefficients: tf.Tensor) -> tf.Tensor:
    """Matrices (H, W, N, N) times coefficients (H, W, N)."""
    return tf.einsum("yxij,yxj->yxi", matrices, coefficients)
