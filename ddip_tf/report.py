"""Figures of a run folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf import _typing, archive
from ddip_tf._typing import Floats
from ddip_tf.formats import tiff


def write_preview(run: _typing.Path) -> Path:
    """``RUN/preview.png``: every slice's input, output and ghost, in grey over [μ − 4σ, μ + 4σ] of each image.

    The ghost is input − output, and the input their sum. Raises InputError if the run cannot be read.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    run = Path(run)
    manifest = archive.load_manifest(run)
    rows = []
    for number in range(1, manifest["slices"] + 1):
        output, ghost = (tiff.read(run / "outputs" / f"{kind}{number}.tif")[0][0] for kind in ("slice", "ghost"))
        rows.append({"input": output + ghost, "output": output, "ghost": ghost})
    height, width = manifest["shape"]
    figure = Figure(figsize=(9.6, 0.35 + 3.15 * len(rows) * height / width), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), 3, squeeze=False)
    for number, (row, panels) in enumerate(zip(axes, rows, strict=True), 1):
        for axis, (kind, image) in zip(row, panels.items(), strict=True):
            low, high = display_range(image)
            axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"slice {number}: {kind}", fontsize=10)
            axis.set_axis_off()
    path = run / "preview.png"
    figure.savefig(path)
    return path


def display_range(image: Floats) -> tuple[float, float]:
    """[μ − 4σ, μ + 4σ] of an image, the paper's display range (§3.1)."""
    mean, deviation = float(np.mean(image)), float(np.std(image))
    return mean - 4 * deviation, mean + 4 * deviation
