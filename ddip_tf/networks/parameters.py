"""All trainable parameters of several networks as ONE vector, or one a network.

Vectors make the optimiser a handful of operations instead of thousands, the training graph quick to trace,
and the state of a fit a few arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ddip_tf.networks import fast_unet

#: evaluates the network of this name on (batch, H, W, C) under the present parameters
Call = Callable[[str, tf.Tensor], tf.Tensor]


class ParameterVector:
    """The trainable parameters of ``models`` (by name), end to end in order, P float32 numbers.

    ``precision`` is that of U-Nets when they are called (`ddip_tf.config.PRECISIONS`); what they give is float32.
    """

    def __init__(self, models: Mapping[str, keras.Model], precision: str = "float32") -> None:
        self.models = dict(models)
        self._dtype = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
        self._shapes = {name: [tuple(w.shape) for w in m.trainable_variables] for name, m in self.models.items()}
        self._sizes = {name: [int(np.prod(shape)) for shape in shapes] for name, shapes in self._shapes.items()}
        self._lengths = [sum(sizes) for sizes in self._sizes.values()]

    def read(self) -> np.ndarray:
        """The models' present parameters, (P,)."""
        return np.concatenate([w.numpy().ravel() for m in self.models.values() for w in m.trainable_variables])

    def write(self, vector: np.ndarray) -> None:
        """Put parameters (P,) into the models."""
        for (name, model), of_model in zip(self.models.items(), self.by_network(vector), strict=True):
            parts = np.split(of_model, np.cumsum(self._sizes[name])[:-1])
            for weight, shape, part in zip(model.trainable_variables, self._shapes[name], parts, strict=True):
                weight.assign(part.reshape(shape))

    def by_network(self, vector: np.ndarray) -> list[np.ndarray]:
        """Parameters (P,) cut into one vector a network."""
        return np.split(vector, np.cumsum(self._lengths)[:-1])

    def bind(self, vector: tf.Tensor | Sequence[tf.Tensor]) -> Call:
        """``call(name, x)``: the model of that name on a batch of one, under the parameters in ``vector``.

        That is (P,), or the vectors of all networks as of `by_network`.
        """
        vectors = vector if isinstance(vector, (list, tuple)) else tf.split(vector, self._lengths)
        own = {}
        for (name, shapes), of_model in zip(self._shapes.items(), vectors, strict=True):
            parts = tf.split(of_model, self._sizes[name])
            own[name] = [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]

        def call(name: str, x: tf.Tensor) -> tf.Tensor:
            model = self.models[name]
            if fast_unet.is_unet(model):
                return fast_unet.evaluate(model, own[name], x, self._dtype)
            return model.stateless_call(own[name], [], x)[0]

        return call
