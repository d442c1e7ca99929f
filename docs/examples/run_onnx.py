"""A run's pictures by NumPy and onnxruntime alone: neither ddip-tf nor TensorFlow need be installed.

pip install numpy onnxruntime
python run_onnx.py saved_models/sample7
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def pictures(run):
    """The separated slices (N, H, W), in the unit of the fit's input."""
    manifest = json.loads((Path(run) / "manifest.json").read_text())
    latents = np.load(Path(run) / "latents.npz")
    images = []
    for i, (gain, offset) in enumerate(zip(*(manifest["normalisation"][k] for k in ("gain", "offset")), strict=True)):
        name = f"slice{i + 1}"
        session = onnxruntime.InferenceSession(Path(run) / "onnx" / f"{name}.onnx")
        kinds = [x.name for x in session.get_inputs()]  # z, or base under the transfer law, or both
        feed = {kind: latents[name if kind == "z" else f"{name}_{kind}"] for kind in kinds}
        (image,) = session.run(None, feed)
        images.append(gain * image[0, ..., 0] + offset)
    return np.stack(images)


if __name__ == "__main__":
    np.save("slices.npy", pictures(sys.argv[1]))
