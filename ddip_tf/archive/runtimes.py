"""The image of an archived generator, by its ONNX file (no TensorFlow) or by its SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ddip_tf._types import Floats
from ddip_tf.archive import safe_models
from ddip_tf.archive.manifest import inside
from ddip_tf.formats import limits
from ddip_tf.slices.separation import latents_of


def run_onnx(run: Path, name: str, latents: Mapping[str, Floats]) -> Floats:
    """The image (1, H, W, 1) of the run's generator ``name``, by its ONNX file.

    Raises what onnxruntime raises, and RunError for a file that holds more than arithmetic.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    file = inside(run, f"onnx/{name}.onnx")
    limits.admit(file, (file.stat().st_size,), "u1")
    model = file.read_bytes()
    safe_models.check_onnx(model, file.name)
    # without its fallback, which prints its failures on standard output
    cpu = {"providers": ["CPUExecutionProvider"], "enable_fallback": 0}
    session = onnxruntime.InferenceSession(model, options, **cpu)
    return session.run(None, latents_of(name, [i.name for i in session.get_inputs()], latents))[0]


def run_saved_model(run: Path, name: str, latents: Mapping[str, Floats]) -> Floats:
    """The image (1, H, W, 1) of the run's generator ``name``, by its SavedModel.

    Raises what TensorFlow raises, and RunError for a SavedModel that holds more than arithmetic.
    """
    import tensorflow as tf

    folder = inside(run, f"generators/{name}")
    safe_models.check_saved_model(folder)
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    feed = latents_of(name, signature.structured_input_signature[1], latents)
    return next(iter(signature(**{kind: tf.constant(x) for kind, x in feed.items()}).values())).numpy()


#: by the name that users give
RUNTIMES: dict[str, Callable[[Path, str, Mapping[str, Floats]], Any]] = {
    "onnx": run_onnx,
    "tensorflow": run_saved_model,
}
