"""An image as free pixels, in the place of a network."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers


def build_pixels(pixels: np.ndarray, *, name: str = "generator") -> keras.Model:
    """An image as free pixels: base (batch, H, W, 1) → base + ``pixels`` (H, W), which are its parameters."""
    base = keras.Input((*pixels.shape, 1), name="base")
    layer = Pixels(name="image")
    image = layer(base)
    layer.set_weights([pixels[..., None].astype(np.float32)])
    return keras.Model(base, image, name=name)


@keras.saving.register_keras_serializable("ddip_tf")
class Pixels(layers.Layer):
    """Adds one trained number to every pixel of its input."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.pixels = self.add_weight(shape=input_shape[1:], initializer="zeros", name="pixels")

    def call(self, base):  # type: ignore[no-untyped-def]
        return base + self.pixels
