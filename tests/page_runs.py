"""Run folders with pictures of known edges, for the tests of a run's page."""

import json
import shutil

import numpy as np
from scipy.special import erf

from ddip_tf.formats import tiff

#: standard deviation of the edge, and pixel size in metres (y, x)
SIGMA_PX = 2.0
SIZE_M = (7e-9, 8e-9)
#: background of the pages, by the reader's scheme
BACKS = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}


def edge_image(height, width):
    """A slanted edge of standard deviation SIGMA_PX (H, W), and (y, x) of a line straight across it, 30 pixels long."""
    y, x = np.mgrid[:height, :width]
    across = np.array([0.6, 0.8])
    centre = np.array([height / 2, width / 2 + 3])
    distance = across[0] * (y - centre[0]) + across[1] * (x - centre[1])
    ends = [tuple(float(v) for v in centre + side * 15 * across) for side in (-1, 1)]
    return 0.3 + 0.1 * erf(distance / (np.sqrt(2) * SIGMA_PX)), ends


def with_images(run, folder, inputs, outputs, **manifest):
    """A copy of an archived run that holds other pictures."""
    shutil.copytree(run, folder)
    record = json.loads((folder / "manifest.json").read_text())
    record |= {"shape": list(outputs[0].shape), "pixel_size_m": SIZE_M, **manifest}
    (folder / "manifest.json").write_text(json.dumps(record))
    for number, (image, output) in enumerate(zip(inputs, outputs, strict=True), 1):
        tiff.write(folder / f"outputs/slice{number}.tif", output.astype(np.float32), SIZE_M)
        tiff.write(folder / f"outputs/ghost{number}.tif", (image - output).astype(np.float32), SIZE_M)
    return folder
