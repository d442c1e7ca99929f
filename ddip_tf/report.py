"""Figures of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddip_tf import _typing, archive, describe, regeneration
from ddip_tf._typing import Floats
from ddip_tf.errors import RunError

if TYPE_CHECKING:
    from ddip_tf.transfer import Transfer


def write_preview(run: _typing.Path) -> Path:
    """``RUN/preview.png``: every slice's input, output and ghost, in grey over [μ − 4σ, μ + 4σ] of each image.

    The ghost is input − output, and the input their sum. Raises InputError if the run cannot be read.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    run = Path(run)
    manifest = archive.load_manifest(run)
    rows = [
        {"input": before, "output": after, "ghost": before - after}
        for before, after in zip(*regeneration.archived(run), strict=True)
    ]
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


def write_transfer(
    law: Transfer, folder: _typing.Path, pixel_size_m: tuple[float, float] | None = None
) -> tuple[Path, Path]:
    """``transfer.csv`` and ``transfer.png``: T(k) with its raw points and their deviations. Returns both paths.

    k is in cycles/µm where the pixel size is known, else in cycles/pixel. Raises RunError if it cannot write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder, count = Path(folder), law.matrix.shape[-1]
    k, unit = describe.frequency(law.k, pixel_size_m)
    names = [(i, j) for i in range(count) for j in range(count)]
    columns = [k, *(part[:, i, j] for part in (law.matrix, law.raw, law.sigma) for i, j in names)]
    head = [f"{word}{i + 1}{j + 1}" for word in ("T", "raw", "sigma") for i, j in names]
    figure = Figure(figsize=(7.2, 4.2), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for i, j in names:
        if i == j:
            continue
        (line,) = axis.plot(k, law.matrix[:, i, j], label=f"T{i + 1}{j + 1}: slice {j + 1} in slice {i + 1}")
        shown = law.sigma[:, i, j] < 1
        axis.errorbar(
            k[shown], law.raw[shown, i, j], law.sigma[shown, i, j], fmt="o", ms=3, lw=0.8, color=line.get_color()
        )
    axis.axhline(0, color="0.7", lw=0.8)
    axis.set(xscale="log", xlabel=f"spatial frequency k ({unit})", ylabel="T(k)", ylim=(-0.6, 1.0))
    axis.legend(frameon=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(
            folder / "transfer.csv", np.stack(columns, 1), "%.6g", ",", header=",".join(["k", *head]), comments=""
        )
        figure.savefig(folder / "transfer.png")
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}") from error
    return folder / "transfer.csv", folder / "transfer.png"
