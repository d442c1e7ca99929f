"""Networks as files that need no Keras: SavedModel and ONNX. One architecture is traced and converted once.

What is traced is the architecture's function with the weights among its arguments; each network's file then gets its
own weights: as variables of the SavedModel, as initialisers of the ONNX graph.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ddip_tf import environment
from ddip_tf.archive.conversion import to_onnx
from ddip_tf.networks.cosine_layer import LowestCosines
from ddip_tf.networks.pixels import Pixels


class Exporter:
    """Writes networks, remembering the architectures it has met."""

    def __init__(self) -> None:
        self._met: dict[str, Architecture] = {}

    def architecture(self, model: keras.Model) -> Architecture:
        """The architecture of ``model``, shared with every network of the same."""
        key = _key(model)
        if key is None:
            return Architecture(model)
        if key not in self._met:
            self._met[key] = Architecture(model)
        return self._met[key]


class Architecture:
    """A network's function of its inputs and weights.

    ``model`` is a functional Keras model with one output, (batch, H, W, 1).
    """

    def __init__(self, model: keras.Model) -> None:
        self.inputs = {x.name: tf.TensorSpec(x.shape, x.dtype, x.name) for x in model.inputs}
        names = _names(_weights(model))
        self._weights = [tf.TensorSpec(w.shape, w.dtype, name) for w, name in zip(_weights(model), names, strict=True)]
        split, count = len(model.trainable_variables), len(self.inputs)
        self._only_pixels = [type(layer) for layer in model.layers] == [keras.layers.InputLayer, Pixels]

        def call(*arguments: tf.Tensor) -> tf.Tensor:
            x, weights = list(arguments[:count]), list(arguments[count:])
            return model.stateless_call(weights[:split], weights[split:], x if count > 1 else x[0])[0]

        self.function = tf.function(call, input_signature=[*self.inputs.values(), *self._weights], autograph=False)
        self._saved: Path | None = None

    def save_model(self, model: keras.Model, folder: Path) -> None:
        """Write ``model`` as SavedModel: signature ``serving_default``, inputs by name → ``image``."""
        if self._saved is not None and self._saved.is_dir():
            _save_like(self._saved, _weights(model), folder)
            return
        module = tf.Module()
        module.weights = [tf.Variable(w) for w in _weights(model)]
        module.serve = tf.function(
            lambda *inputs: {"image": self.function(*inputs, *module.weights)},
            input_signature=list(self.inputs.values()),
            autograph=False,
        )
        with environment.quiet():
            tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
        self._saved = folder

    def save_onnx(self, model: keras.Model, path: Path) -> None:
        """Write ``model`` as ONNX: inputs by name → ``image``."""
        import onnx
        from onnx import numpy_helper

        proto = onnx.ModelProto()
        proto.CopyFrom(self._converted)
        inputs = {x.name: x for x in proto.graph.input}
        for spec, weight in zip(self._weights, _weights(model), strict=True):
            if spec.name in inputs:  # a bias that cancels is no input of the optimised graph
                proto.graph.input.remove(inputs[spec.name])
                proto.graph.initializer.append(numpy_helper.from_array(weight.numpy(), spec.name))
        path.write_bytes(proto.SerializeToString())

    @cached_property
    def _converted(self) -> Any:
        """The function as ONNX, weights among the inputs."""
        if self._only_pixels:
            return _sum_of(*self.inputs.values(), *self._weights)
        names = [spec.name for spec in self.function.input_signature]
        return to_onnx(self.function.get_concrete_function(), names, "image")


def _save_like(saved: Path, weights: Sequence[keras.Variable], folder: Path) -> None:
    """The SavedModel ``saved`` once more, with other ``weights``, without the second that TensorFlow takes for one.

    All but the variables is the same; the fingerprint, which TensorFlow does not ask for, is of another and left out.
    """
    values = {f"weights/{i}/.ATTRIBUTES/VARIABLE_VALUE": tf.convert_to_tensor(w) for i, w in enumerate(weights)}
    reader = tf.train.load_checkpoint(str(saved / "variables" / "variables"))
    names = sorted(reader.get_variable_to_shape_map())
    tensors = [values[name] if name in values else tf.constant(reader.get_tensor(name)) for name in names]
    shutil.copytree(saved, folder, ignore=shutil.ignore_patterns("variables.*", "fingerprint.pb"), dirs_exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "variables" / "variables"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=tensors,
    )


def _sum_of(base: tf.TensorSpec, pixels: tf.TensorSpec) -> Any:
    """What tf2onnx makes of `Pixels`, base + pixels, without the half second of its import."""
    from onnx import TensorProto, helper

    def value(name: str, shape: Sequence[int | None]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch" if n is None else n for n in shape])

    node = helper.make_node("Add", [base.name, pixels.name], ["image"])
    inputs = [value(base.name, base.shape), value(pixels.name, pixels.shape)]
    graph = helper.make_graph([node], "ddip-tf", inputs, [value("image", base.shape)])
    return helper.make_model(graph, producer_name="ddip-tf", opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def _weights(model: keras.Model) -> list[keras.Variable]:
    return [*model.trainable_variables, *model.non_trainable_variables]


def _names(weights: Sequence[keras.Variable]) -> list[str]:
    """One for each; networks within a network may call theirs alike."""
    names: list[str] = []
    for number, weight in enumerate(weights):
        name = weight.path.replace("/", ".")
        names.append(f"{name}.{number}" if name in names else name)
    return names


def _key(model: keras.Model) -> str | None:
    """Equal for networks that differ in names and weights only; None where a layer holds constants of its own."""
    layers = model.layers
    if not all(
        type(layer).__module__.startswith("keras.") or isinstance(layer, (Pixels, LowestCosines)) for layer in layers
    ):
        return None
    config = model.get_config()
    number = {name: index for index, name in enumerate([model.name, *(layer["name"] for layer in config["layers"])])}
    return json.dumps(_plain(config, number), default=str)


def _plain(config: Any, number: dict[str, int]) -> Any:
    """A model's config without initialisers, and with ``number`` in place of names."""
    if isinstance(config, dict):
        return {key: _plain(value, number) for key, value in config.items() if not key.endswith("_initializer")}
    if isinstance(config, (list, tuple)):
        return [_plain(value, number) for value in config]
    return number.get(config, config) if isinstance(config, str) else config
