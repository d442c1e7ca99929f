from collections import Counter

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx
from tf2onnx import optimizer

from ddip_tf.archive import conversion, network_files
from ddip_tf.networks import filters, pixels, unet

RANDOM = np.random.default_rng(3)


def small(seed, name, **other):
    return unet.build_generator(21, 34, channels=(2, 3), skips=(0, 1), seed=seed, name=name, **other)


def lowest_cosines(name, weight):
    from keras import Input, Model

    from ddip_tf.networks.cosine_layer import LowestCosines

    z = Input((5, 6, 1), name="z")
    weights = np.full((5, 6, 1), weight)
    return Model(z, LowestCosines((21, 34), weights, np.zeros((5, 6)), name="image")(z), name=name)


MODELS = {
    "U-Nets": lambda: [small(1, "slice1"), small(2, "slice2")],
    "pixels": lambda: [pixels.build_pixels(RANDOM.normal(size=(9, 14)), name=f"slice{i}") for i in (1, 2)],
    "kernels": lambda: [filters.build_kernel_filter(9, 14, k) for k in (np.eye(3), filters.low_pass_kernel())],
    "heads": lambda: [small(1, "slice1"), small(1, "slice2", head="linear")],
    "cosines": lambda: [lowest_cosines("slice1", 1.0), lowest_cosines("slice2", 2.0)],
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_network_gets_its_own_weights(kind, tmp_path):
    exporter = network_files.Exporter()
    for model in MODELS[kind]():
        architecture = exporter.architecture(model)
        architecture.save_onnx(model, tmp_path / f"{model.name}.onnx")
        architecture.save_model(model, tmp_path / model.name)
        name, x = model.inputs[0].name, RANDOM.normal(size=(1, *model.inputs[0].shape[1:])).astype(np.float32)
        expected = model(x).numpy()
        assert np.ptp(expected) > 0.01
        session = onnxruntime.InferenceSession(tmp_path / f"{model.name}.onnx", providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(["image"], {name: x})[0], expected, atol=1e-4)
        saved = tf.saved_model.load(tmp_path / model.name).signatures["serving_default"]
        np.testing.assert_allclose(saved(**{name: tf.constant(x)})["image"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "shared"), [("U-Nets", True), ("pixels", True), ("kernels", False), ("heads", False), ("cosines", True)]
)
def test_one_architecture_is_met_once(kind, shared):
    exporter = network_files.Exporter()
    first, second = (exporter.architecture(model) for model in MODELS[kind]())
    assert (first is second) == shared


def names_of(architecture):
    return [spec.name for spec in architecture.function.input_signature]


def test_pixels_are_written_as_tf2onnx_would():
    model = MODELS["pixels"]()[0]
    architecture = network_files.Architecture(model)
    x, weights = RANDOM.normal(size=(3, 9, 14, 1)).astype(np.float32), model.get_weights()[0]
    converted = conversion.to_onnx(architecture.function.get_concrete_function(), names_of(architecture), "image")
    by_hand, by_program = (
        onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        for proto in (architecture._converted, converted)
    )
    given = dict(zip((value.name for value in by_program.get_inputs()), (x, weights), strict=True))
    assert [value.name for value in by_hand.get_inputs()] == list(given)
    np.testing.assert_array_equal(by_hand.run(None, given)[0], by_program.run(None, given)[0])


def test_a_conversion_is_that_of_tf2onnx(monkeypatch):
    """Shorter ways to the same operations and weights; and where one of them fails the longer is gone."""
    model = MODELS["heads"]()[0]
    architecture = network_files.Architecture(model)
    function = architecture.function.get_concrete_function()
    names, signature = names_of(architecture), architecture.function.input_signature
    whole = tf2onnx.convert.from_function(architecture.function, input_signature=signature)[0]
    kinds = Counter(node.op_type for node in whole.graph.node)
    assert len(kinds) > 4
    tries = []

    def fails_at_first(graph, catch_errors, optimizers):
        tries.append(catch_errors)
        if not catch_errors:
            raise ValueError("an optimiser that fails")
        return optimise(graph, catch_errors, optimizers)

    optimise = optimizer.optimize_graph
    for expected in ([], [False, True]):
        made = conversion.to_onnx(function, names, "image").graph
        assert Counter(node.op_type for node in made.node) == kinds
        assert {x.name for x in made.input} <= set(names)
        assert [x.name for x in made.output] == ["image"]
        assert tries == expected
        monkeypatch.setattr(optimizer, "optimize_graph", fails_at_first)
