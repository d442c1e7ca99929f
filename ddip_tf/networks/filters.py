"""The filters f of eq. (3): what a slice looks like in the image of another (paper, §2.1).

`shallow_between` and `kernel_between` make f_ij as the table of mixings (`ddip_tf.methods.MIXINGS`) asks for it.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from ddip_tf.networks.unet import build_generator


def shallow_between(
    shape: tuple[int, int], random: np.random.Generator, into: int, source: int, name: str
) -> keras.Model:
    """The filter of mixing shallow, slice ``source`` into slice ``into``, for images of ``shape`` (H, W)."""
    return build_shallow_filter(*shape, seed=int(random.integers(2**31)), name=name)


def kernel_between(
    shape: tuple[int, int], random: np.random.Generator, into: int, source: int, name: str
) -> keras.Model:
    """The filter of mixing kernel: low pass from a slice after it, high pass from one before (§2.1)."""
    return build_kernel_filter(*shape, low_pass_kernel() if source > into else high_pass_kernel(), name=name)


def build_shallow_filter(height: int, width: int, *, seed: int = 0, name: str = "filter") -> keras.Model:
    """f of eq. (3) as a shallow network: three levels, one channel everywhere, skips at all levels (§2.1).

    365 trainable parameters; shapes and errors as `build_generator`.
    """
    return build_generator(height, width, channels=(1,) * 3, skips=(1,) * 3, seed=seed, name=name)


def build_kernel_filter(height: int, width: int, kernel: np.ndarray, *, name: str = "filter") -> keras.Model:
    """f of eq. (4): convolution with one trained ``kernel`` (odd side, square), zero padding, no bias."""
    x = keras.Input((height, width, 1), name="z")
    convolution = layers.Conv2D(1, kernel.shape, padding="same", use_bias=False, name="kernel")
    image = convolution(x)
    convolution.set_weights([kernel.astype(np.float32)[:, :, None, None]])
    return keras.Model(x, image, name=name)


def low_pass_kernel() -> np.ndarray:
    """7×7 uniform kernel of sum 1: ghosts of weakly scattering slices (§2.1)."""
    return np.full((7, 7), 1 / 49)


def high_pass_kernel() -> np.ndarray:
    """7×7 kernel that holds the five-point Laplacian: ghosts of strongly scattering slices (§2.1)."""
    kernel = np.zeros((7, 7))
    kernel[3, 2:5] = kernel[2:5, 3] = 1
    kernel[3, 3] = -4
    return kernel
