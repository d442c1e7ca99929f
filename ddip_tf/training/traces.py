"""What TensorFlow keeps of a fit for the process's life, let go at its end.

Every call of a gradient written by hand (`tf.custom_gradient`) inside a `tf.function` enters a registry that is never
emptied, and what is entered holds the whole graph: 230 MB a coupled fit, in a process of many.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CellType
from typing import Any

import tensorflow as tf

LOGGER = logging.getLogger(__name__)
_LOCK = threading.Lock()
_fits: list[object] = []
#: a variable that was never set, or is gone
EMPTY = CellType()


@contextmanager
def let_go() -> Iterator[None]:
    """After the last of the fits that run at a time: the registry holds no gradient of ddip-tf's any more."""
    fit = object()
    with _LOCK:
        _fits.append(fit)
    try:
        yield
    finally:
        with _LOCK:
            _fits.remove(fit)
            if not _fits:
                try:
                    _forget()
                except Exception as error:  # TensorFlow's own insides: a fit that is done must not fail on them
                    LOGGER.warning("graphs of this fit stay in memory: %s", error)


def _forget() -> None:
    from tensorflow.python.framework import ops  # it has no public name

    registry = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    traced = {name: entry["type"] for name, entry in list(registry.items()) if name.startswith("CustomGradient-")}
    ours = {graph for gradient in traced.values() if _of_ddip_tf(gradient) for graph in _graphs(gradient)}
    held = [name for name, gradient in traced.items() if ours & _graphs(gradient)]
    for name in held:
        registry.pop(name, None)
    if held:
        gc.collect()  # graphs are in cycles


def _of_ddip_tf(gradient: Any) -> bool:
    """Whether it was written in ddip-tf."""
    written = [function for wrapped in _closed_over(gradient) for function in _closed_over(wrapped)]
    return any(str(getattr(function, "__module__", "")).startswith("ddip_tf.") for function in written)


def _graphs(gradient: Any) -> set[int]:
    """The graphs of the tensors that it was traced with."""
    parts = [part for wrapped in _closed_over(gradient) for part in _closed_over(wrapped)]
    tensors = [tensor for part in parts for tensor in (part if isinstance(part, list) else [part])]
    return {id(tensor.graph) for tensor in tensors if tf.is_symbolic_tensor(tensor)}


def _closed_over(function: Any) -> list[Any]:
    cells = getattr(function, "__closure__", None) or ()
    return [cell.cell_contents for cell in cells if cell != EMPTY]
