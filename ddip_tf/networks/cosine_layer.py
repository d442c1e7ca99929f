"""Cosine transforms as matrix products, inside networks, so that they can be archived as ONNX."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy.fft import idct

from ddip_tf._types import Floats


def to_cosines(y: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    """Low-resolution images (h, w, N) → their cosine coefficients as those of images of ``shape``, (h, w, N)."""
    height, width = (tf.constant(_basis(side, side), tf.float32) for side in y.shape[:2])
    finer = np.sqrt(shape[0] * shape[1] / (y.shape[0] * y.shape[1]))
    return float(finer) * tf.einsum("ai,bj,ijn->abn", height, width, y)


def from_cosines(coefficients: tf.Tensor) -> tf.Tensor:
    """Cosine coefficients (H, W, N) → images (H, W, N)."""
    height, width = (tf.constant(_basis(side, side), tf.float32) for side in coefficients.shape[:2])
    return tf.einsum("ai,bj,abn->ijn", height, width, coefficients)


def _basis(count: int, side: int) -> Floats:
    """The ``count`` lowest functions of the orthonormal DCT-II on ``side`` pixels, (count, side)."""
    return idct(np.eye(side)[:count], axis=1, norm="ortho")


@keras.saving.register_keras_serializable("ddip_tf")
class LowestCosines(layers.Layer):
    """Low-resolution images (batch, h, w, N) → one full image (batch, H, W, 1) of their weighted cosine coefficients.

    ``weights`` and ``offset`` are held as weights that are not trained, so that the layer's config stays small.

    Parameters
    ----------
    shape
        (H, W).
    weights, offset
        (h, w, N) and (h, w): coefficient = Σ_n weights_n · coefficient_n + offset; zeros of ``size`` if None, to be
        loaded.
    size
        (h, w, N), where there are no ``weights``.
    """

    def __init__(self, shape: Any, weights: Any = None, offset: Any = None, size: Any = None, **keywords: Any) -> None:
        super().__init__(**{**keywords, "trainable": False})
        self.shape = tuple(shape)
        self.size = tuple(np.shape(weights) if size is None else size)
        h, w, slices = self.size
        self.weighting = self.add_weight(shape=(slices, h, w), initializer="zeros", name="weighting")
        self.offset = self.add_weight(shape=(h, w), initializer="zeros", name="offset")
        if weights is not None:
            self.weighting.assign(np.asarray(weights, np.float32).transpose(2, 0, 1))
            self.offset.assign(np.asarray(offset, np.float32))
        finer = np.sqrt(self.shape[0] * self.shape[1] / (h * w))
        self._analysis = tuple((_basis(side, side) * np.sqrt(finer)).astype(np.float32) for side in (h, w))
        self._synthesis = tuple(
            _basis(count, side).astype(np.float32) for count, side in zip((h, w), self.shape, strict=True)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape, "size": self.size}

    def call(self, images):  # type: ignore[no-untyped-def]
        planes = keras.ops.transpose(images, (0, 3, 1, 2))
        cosines = keras.ops.matmul(self._analysis[0], keras.ops.matmul(planes, self._analysis[1].T))
        mixed = keras.ops.sum(cosines * self.weighting, axis=1) + self.offset
        image = keras.ops.matmul(self._synthesis[0].T, keras.ops.matmul(mixed, self._synthesis[1]))
        return image[..., None]
