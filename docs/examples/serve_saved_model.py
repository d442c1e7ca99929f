"""A run's generators as SavedModels, by TensorFlow alone: ddip-tf need not be installed.

    python serve_saved_model.py saved_models/sample7

For TensorFlow Serving, mount RUN/generators/slice1 as version 1 of a model: the signature is `serving_default`.
Load only run folders that you trust: a SavedModel is a program. (`ddip-tf regenerate` inspects it first.)
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def pictures(run):
    """The separated slices (N, H, W), in the unit of the fit's input."""
    manifest = json.loads((Path(run) / "manifest.json").read_text())
    latents = np.load(Path(run) / "latents.npz")
    images = []
    for i, (gain, offset) in enumerate(zip(*(manifest["normalisation"][k] for k in ("gain", "offset")), strict=True)):
        name = f"slice{i + 1}"
        serve = tf.saved_model.load(str(Path(run) / "generators" / name)).signatures["serving_default"]
        kinds = serve.structured_input_signature[1]  # z, or base under the transfer law, or both
        feed = {kind: tf.constant(latents[name if kind == "z" else f"{name}_{kind}"]) for kind in kinds}
        (image,) = serve(**feed).values()
        images.append(gain * image.numpy()[0, ..., 0] + offset)
    return np.stack(images)


if __name__ == "__main__":
    np.save("slices.npy", pictures(sys.argv[1]))
