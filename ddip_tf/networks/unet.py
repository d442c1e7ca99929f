"""One parametrised U-Net builder for every network: image generators, the weight network, shallow filters.

Du, Huang & Jacobsen, J. Synchrotron Rad. 28 (2021), Fig. 2; details the paper leaves open (channels, skips,
norms) are those of the authors' program. Upsampling is bilinear ×2 with half-pixel centres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import layers

from ddip_tf.config import LEVELS
from ddip_tf.errors import InputError

CHANNELS = tuple(8 * 2**level for level in range(LEVELS))
SKIPS = (0, 0, 0, 4, 4)
#: reflection padding of 2 needs a map of 3 pixels
SMALLEST_MAP = 3
#: of the norms, and of leaky ReLUs below 0
EPSILON, SLOPE = 1e-5, 0.2


def count_levels(height: int, width: int, most: int = len(CHANNELS)) -> int:
    """The most levels L ≤ ``most`` whose deepest map, ceil(side / 2^L), still has 3 pixels a side.

    Raises InputError if not even one level fits.
    """
    for level in range(most, 0, -1):
        if -(-min(height, width) // 2**level) >= SMALLEST_MAP:
            return level
    raise InputError(f"{height} x {width} pixels are too few for a network")


def build_generator(
    height: int,
    width: int,
    channels_in: int = 1,
    channels_out: int = 1,
    *,
    channels: Sequence[int] = CHANNELS,
    skips: Sequence[int] = SKIPS,
    head: str = "sigmoid",
    seed: int | None = None,
    name: str = "generator",
) -> keras.Model:
    """A deep image prior: a functional U-Net from latent input z to an image.

    Each level: [5×5 stride 2, norm, act], [5×5, norm, act], deeper level, bilinear ×2, concatenation with the
    [1×1, norm, act] skip, norm, [5×5, norm, act], [1×1, norm, act]; head 1×1. Reflection padding, leaky ReLU
    with slope 0.2. "norm" normalises each feature map of each image by its own mean and variance (ε 1e-5) in
    training and afterwards alike, so the exported network is the trained function.

    Parameters
    ----------
    height, width
        of the image in pixels; any size that `count_levels` accepts, odd and non-square included.
    channels_in, channels_out
        of z and of the image.
    channels, skips
        channels of every level and of its skip connection (0: none), shallow to deep. Where the image is too
        small for all levels, the deepest are left out, and the skips stay at the two deepest that remain.
    head
        activation of the head: ``"sigmoid"`` for images, ``"linear"`` for mixing weights.
    seed
        of the initial weights and biases, uniform in ±1/√fan_in; None: drawn as Keras draws its own, so that
        ``keras.utils.set_random_seed`` decides it.

    Returns
    -------
    keras.Model
        (batch, H, W, channels_in) → (batch, H, W, channels_out), float32.

    Raises
    ------
    InputError
        the image is too small for one level, or an argument is none that a network can be built of.

    Notes
    -----
    1,544,569 trainable parameters for one channel in and out, 1,544,778 for two.

    Examples
    --------
    >>> model = ddip_tf.build_generator(41, 37, channels=(2, 4), skips=(0, 1), seed=3)
    >>> model.output_shape, model.count_params()
    ((None, 41, 37, 1), 1568)
    """
    _check(height=height, width=width, channels_in=channels_in, channels_out=channels_out)
    _check(**{f"channels[{i}]": count for i, count in enumerate(channels)})
    _check(0, **{f"skips[{i}]": count for i, count in enumerate(skips)}, **({} if seed is None else {"seed": seed}))
    if not channels or len(channels) != len(skips):
        raise InputError(
            f"channels are of {len(channels)} levels, skips of {len(skips)}: one number each for every level"
        )
    if not (callable(head) or (isinstance(head, str) and callable(getattr(keras.activations, head, None)))):
        raise InputError(f"head is {head!r}, which is no activation of Keras, such as 'sigmoid' or 'linear'")
    depth = count_levels(height, width, len(channels))
    seeds = _seeds(seed)
    z = keras.Input((height, width, channels_in), name="z")
    x = _level(z, tuple(channels[:depth]), tuple(skips[-depth:]), seeds)
    image = layers.Activation(head, name="image")(_convolution(x, channels_out, 1, 1, seeds, "head"))
    model = keras.Model(z, image, name=name)
    model.made_as_unet = True  # for `ddip_tf.networks.fast_unet`: nothing else has its layers for sure
    return model


def _check(least: int = 1, **numbers: int) -> None:
    """Raise InputError for one that is no whole number of at least ``least``."""
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise InputError(f"{name} is {number!r}; it must be a whole number of at least {least}")


def _level(x, channels, skips, seeds, number=1):  # type: ignore[no-untyped-def]
    """U-Net level ``number`` around the deeper ones; same height and width out as in."""
    name = f"level{number}"
    d = _block(x, channels[0], 5, 2, seeds, f"{name}_down")
    d = _block(d, channels[0], 5, 1, seeds, f"{name}_bottom")
    if len(channels) > 1:
        d = _level(d, channels[1:], skips[1:], seeds, number + 1)
    d = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_upsample")(d)
    extra = tuple((0, up - side) for up, side in zip(d.shape[1:3], x.shape[1:3], strict=True))
    if any(extra[0] + extra[1]):
        d = layers.Cropping2D(extra, name=f"{name}_crop")(d)
    if skips[0]:
        d = layers.Concatenate(name=f"{name}_join")([_block(x, skips[0], 1, 1, seeds, f"{name}_skip"), d])
    d = _norm(f"{name}_join")(d)
    d = _block(d, channels[0], 5, 1, seeds, f"{name}_up")
    return _block(d, channels[0], 1, 1, seeds, f"{name}_out")


def _block(x, channels, side, stride, seeds, name):  # type: ignore[no-untyped-def]
    x = _norm(name)(_convolution(x, channels, side, stride, seeds, name))
    return layers.LeakyReLU(SLOPE, name=f"{name}_act")(x)


def _convolution(x, channels, side, stride, seeds, name):  # type: ignore[no-untyped-def]
    limit = 1 / np.sqrt(side * side * x.shape[-1])
    if side > 1:
        border = [side // 2] * 2
        x = keras.ops.pad(x, [[0, 0], border, border, [0, 0]], mode="reflect")
    uniform = keras.initializers.RandomUniform
    return layers.Conv2D(
        channels,
        side,
        strides=stride,
        kernel_initializer=uniform(-limit, limit, seed=next(seeds)),
        bias_initializer=uniform(-limit, limit, seed=next(seeds)),
        name=f"{name}_conv",
    )(x)


def _norm(name: str) -> layers.Layer:
    return layers.GroupNormalization(groups=-1, epsilon=EPSILON, name=f"{name}_norm")


def _seeds(seed: int | None) -> Iterator[int]:
    if seed is None:
        seed = int(np.asarray(keras.random.SeedGenerator().state)[0])
    random = np.random.default_rng(seed)
    while True:
        yield int(random.integers(2**31))
