"""What is in a model file, seen without running it: a SavedModel can write files when it is called, ONNX can read them.

Both are protocol buffers. They are parsed as data, and refused for any operation that ddip-tf's own exports do not
need: whatever is not on a list here touches the world outside, loops, or is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ddip_tf.errors import RunError
from ddip_tf.formats import limits


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: arithmetic on tensors: reads no file, writes no file, does not loop
COMPUTE = _words("""
    Abs Add AddN AddV2 ArgMax BatchMatMulV2 BiasAdd Cast Clip ClipByValue Concat ConcatV2 Const Conv Conv2D
    Conv2DBackpropInput ConvTranspose Cos DepthwiseConv2dNative DisableCopyOnRead Div Einsum Elu Erf Exp
    ExpandDims Flatten Floor Gather GatherV2 Gemm Greater Identity IdentityN LeakyRelu Less Log MatMul Max
    MaxPool Maximum Mean Min Minimum MirrorPad Mul Neg NoOp Pack Pad PadV2 PartitionedCall Placeholder Pow
    Reciprocal ReadVariableOp RealDiv ReduceMean ReduceSum Relu Reshape Resize ResizeBilinear
    Prod ReduceProd ResizeNearestNeighbor Rsqrt Select SelectV2 Shape Sigmoid Sin Slice Softmax Split SplitV Sqrt Square
    SquaredDifference Squeeze Stack StatefulPartitionedCall StopGradient StridedSlice Sub Sum Tanh Transpose
    Unpack Unsqueeze Where
""")
#: what every SavedModel also holds to store its variables; no function that a caller can reach may have these
STORAGE = _words("""
    AssignVariableOp MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin
    VarHandleOp VarIsInitializedOp
""")
OBJECTS = _words("function bare_concrete_function user_object variable")
USER_OBJECTS = _words("""
    _generic_user_object signature_map trackable_dict_wrapper trackable_list_wrapper trackable_tuple_wrapper
""")
FILES = _words("""
    saved_model.pb fingerprint.pb variables/variables.index variables/variables.data-00000-of-00001
""")

#: fields of ONNX messages that hold others, by number (onnx.proto); None: refused
ONNX: dict[str, dict[int, str | None]] = {
    "model": {7: "graph", 20: None, 25: None},
    "graph": {1: "node", 5: "tensor", 15: None},
    "node": {4: "operation", 5: "attribute"},
    "attribute": {5: "tensor", 6: None, 10: "tensor", 11: None, 22: None, 23: None},
    "tensor": {13: None, 14: None},
}


def check_saved_model(folder: Path) -> None:
    """Raise RunError unless the SavedModel in ``folder`` does arithmetic only. Needs TensorFlow, runs nothing."""
    from tensorflow.core.protobuf import saved_model_pb2

    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (path.is_file() and name not in FILES):
            raise RunError(f"{folder.name} holds {name}, which no SavedModel of ddip-tf has")
    model = saved_model_pb2.SavedModel.FromString(_bytes(folder / "saved_model.pb"))
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField("object_graph_def"):
        raise RunError(f"{folder.name} is no SavedModel of ddip-tf: it has another layout")
    graph = model.meta_graphs[0]
    library = graph.graph_def.library
    if graph.asset_file_def or library.gradient or library.registered_gradients:
        raise RunError(f"{folder.name} holds assets or gradients, which no SavedModel of ddip-tf has")
    functions = {function.signature.name: function.node_def for function in library.function}
    reached = _reachable(_callable(graph.object_graph_def), functions)
    _refuse(folder.name, graph.graph_def.node, COMPUTE | STORAGE | functions.keys())
    for name, nodes in functions.items():
        _refuse(folder.name, nodes, (COMPUTE if name in reached else COMPUTE | STORAGE) | functions.keys())


def check_onnx(data: bytes, name: str) -> None:
    """Raise RunError unless the ONNX model in ``data`` is self-contained arithmetic. Needs protobuf only."""
    for operation in _onnx_operations(data, "model", name):
        if operation not in COMPUTE:
            raise RunError(f"{name} has the operation {operation!r}, which no model of ddip-tf needs: not loaded")


def _callable(objects: Any) -> set[str]:
    """Names of the functions that loading or calling can run. Raises RunError for objects of other kinds."""
    names = set(objects.concrete_functions)
    for node in objects.nodes:
        kind = node.WhichOneof("kind")
        foreign = kind == "user_object" and node.user_object.identifier not in USER_OBJECTS
        if kind not in OBJECTS or foreign or node.registered_name or node.registered_saver or node.saveable_objects:
            raise RunError(f"a SavedModel holds an object ({kind}) that no model of ddip-tf has: not loaded")
        if kind == "variable":
            limits.admit("a variable", [side.size for side in node.variable.shape.dim], "f8")
        names |= set(node.function.concrete_functions) | {node.bare_concrete_function.concrete_function_name}
    return names - {""}


def _reachable(names: Iterable[str], functions: Mapping[str, Any]) -> set[str]:
    """All functions called from ``names``, directly or not. Raises RunError where one calls itself."""
    found: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise RunError("a SavedModel has a function that calls itself: not loaded")
        if name in found or name not in functions:
            return
        for node in functions[name]:
            for called in _called(node):
                visit(called, (*above, name))
        found.add(name)

    for name in names:
        visit(name, ())
    return found


def _called(node: Any) -> Iterator[str]:
    yield node.op  # a function may be called by its name
    for attribute in node.attr.values():
        yield from (function.name for function in (attribute.func, *attribute.list.func) if function.name)


def _refuse(model: str, nodes: Iterable[Any], allowed: frozenset[str]) -> None:
    for node in nodes:
        if node.op not in allowed:
            raise RunError(f"{model} has the operation {node.op!r}, which no model of ddip-tf needs: not loaded")
        for attribute in node.attr.values():
            for tensor in (attribute.tensor, *attribute.list.tensor):
                limits.admit(model, [side.size for side in tensor.tensor_shape.dim], "f8")


def _onnx_operations(data: bytes, kind: str, name: str) -> Iterator[str]:
    """The operations of all nodes in a message; RunError for files beside it, loops and functions."""
    from google.protobuf import empty_pb2, unknown_fields

    if kind == "operation":
        yield data.decode(errors="replace")
        return
    for field in unknown_fields.UnknownFieldSet(empty_pb2.Empty.FromString(data)):
        if field.field_number not in ONNX[kind]:
            continue
        child = ONNX[kind][field.field_number]
        if child is None and field.data not in (0, b""):
            raise RunError(f"{name} keeps data in other files, loops or has functions of its own: not loaded")
        if child is not None and isinstance(field.data, bytes):
            yield from _onnx_operations(field.data, child, name)


def _bytes(path: Path) -> bytes:
    limits.admit(path, (path.stat().st_size,), "u1")
    return path.read_bytes()
