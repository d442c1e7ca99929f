"""The transfer model inside the training graph: I(k) = T(k) y(k) by FFT of the images with reflected margins.

Images are mirrored to 2H × 2W, so that their Fourier transform is the cosine transform of `ddip_tf.transfer.dct` and no
edge wraps around. N slices, H and W pixels, K bands; k in cycles/pixel.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ddip_tf._types import Floats
from ddip_tf.transfer.bands import locate


def on_mirrored(field: Floats) -> tf.Tensor:
    """Matrices at the cosine coefficients (H, W, N, N) → at those of the mirrored images' FFT, (N, N, 2H, W + 1)."""
    height, width = field.shape[:2]
    rows = np.minimum(np.abs(np.fft.fftfreq(2 * height, 1 / (2 * height))).astype(int), height - 1)
    columns = np.minimum(np.arange(width + 1), width - 1)  # the last has no power: a mirrored image is even
    return tf.constant(np.moveaxis(field[rows][:, columns], (2, 3), (0, 1)), tf.float32)


def filtered(images: tf.Tensor, field: tf.Tensor) -> tf.Tensor:
    """Every spatial frequency of (..., N, H, W) times its matrix of ``field`` (N, N, 2H, W + 1), see `on_mirrored`."""
    height, width = images.shape[-2:]
    mirrored = tf.concat([images, images[..., ::-1, :]], axis=-2)
    spectrum = tf.signal.rfft2d(tf.concat([mirrored, mirrored[..., ::-1]], axis=-1))
    mixed = tf.einsum("ijyx,...jyx->...iyx", tf.complex(field, tf.zeros_like(field)), spectrum)
    return tf.signal.irfft2d(mixed, fft_length=[2 * height, 2 * width])[..., :height, :width]


@keras.saving.register_keras_serializable("ddip_tf")
class TransferMixing(layers.Layer):
    """I(k) = T(k) y(k) as a layer: true slices y (..., N, H, W) → reconstructed slices I (..., N, H, W).

    The slices are the third axis from the end, whatever Keras takes for a batch: one stack (N, H, W), or a batch of
    stacks (B, N, H, W).

    Parameters
    ----------
    k
        (K,) frequencies of the profiles, rising.
    matrix
        (K, N, N) T at those; linear in log k between them, constant outside. The layer's weights.
    trainable
        whether T may be refined.
    """

    def __init__(self, k: Any, matrix: Any, *, trainable: bool = False, **keywords: Any) -> None:
        super().__init__(trainable=trainable, **keywords)
        self.k, self._start = np.asarray(k, float), np.asarray(matrix, np.float32)
        self.profile = self.add_weight(
            shape=self._start.shape, initializer=lambda *_, **__: tf.constant(self._start), name="transfer"
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k.tolist(), "matrix": self._start.tolist()}

    def field(self, height: int, width: int) -> tf.Tensor:
        """T at the frequencies of mirrored images of H × W pixels, (N, N, 2H, W + 1)."""
        k = np.hypot(np.fft.fftfreq(2 * height)[:, None], np.fft.rfftfreq(2 * width))
        low, share = locate(k, self.k)
        part = tf.constant(share, tf.float32)
        profile = tf.convert_to_tensor(self.profile)
        on_grid = (1 - part) * tf.gather(profile, low) + part * tf.gather(profile, low + 1)
        return tf.transpose(on_grid, (2, 3, 0, 1))

    def call(self, y):  # type: ignore[no-untyped-def]
        return filtered(y, self.field(*y.shape[-2:]))
