"""A traced function without variables as an ONNX model, by the steps of `tf2onnx.convert.from_function` that it needs.

Left out are the freezing of variables, which it has not, and optimisers that find nothing in convolutional networks:
half of the time.
"""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

from ddip_tf import environment

#: of tf2onnx's optimisers
OPTIMISERS = (
    "optimize_transpose",
    "fold_constants",
    "merge_duplication",
    "reshape_optimizer",
    "remove_identity",
    "remove_back_to_back",
)


def to_onnx(function: Any, inputs: list[str], output: str) -> Any:
    """The concrete ``function`` as ``onnx.ModelProto``; its arguments and its one result are called so there."""
    with environment.quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _converted(function, inputs, output, catch_errors=False)
        except Exception:  # with copies of the graph, an optimisation that fails is left out
            return _converted(function, inputs, output, catch_errors=True)


def _converted(function: Any, inputs: list[str], output: str, catch_errors: bool) -> Any:
    from tf2onnx import optimizer, tf_loader, tfonnx

    names = dict(zip((x.name for x in function.inputs), inputs, strict=True))
    outputs = [x.name for x in function.outputs]
    with _graph(function.graph.as_graph_def(add_shapes=True)) as graph:
        inlined = tf_loader.tf_optimize(list(names), outputs, graph.as_graph_def(add_shapes=True))
    with _graph(inlined) as graph, tf.device("/CPU:0"):
        renamed = {**names, outputs[0]: output}
        found = tfonnx.process_tf_graph(
            graph, input_names=list(names), output_names=outputs, tensors_to_rename=renamed, continue_on_error=True
        )
        used = {name: one for name, one in optimizer._optimizers.items() if name in OPTIMISERS}
        return optimizer.optimize_graph(found, catch_errors, used).make_model("made by ddip-tf")


def _graph(definition: Any) -> Any:
    """A TensorFlow graph of the ``definition``, as the default one of a ``with`` block."""
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    return graph.as_default()
