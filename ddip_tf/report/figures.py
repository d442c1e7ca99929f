"""Figures of a run folder and of a mixing law. They may be made again from the rest, so they are not hashed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.lock import PREVIEW
from ddip_tf.archive.manifest import MANIFEST
from ddip_tf.archive.run import open_run
from ddip_tf.errors import RunError
from ddip_tf.slices import optics
from ddip_tf.slices.display import display_range
from ddip_tf.slices.separation import pair_name

if TYPE_CHECKING:
    from ddip_tf.transfer.estimate import Transfer


def write_figures(run: StrPath) -> list[Path]:
    """Figures of a run, into its folder: ``preview.png`` first.

    preview.png shows every slice's input, output and ghost, what was smoothed if anything was, and of repeated runs the
    deviation.
    Runs under the transfer law also get transfer.png, T(k) with its raw points, and decided.png, which splits every
    output into what the data decide and what the prior does. Grey scales span [μ − 4σ, μ + 4σ] of each image.

    Raises InputError if the run cannot be read, RunError if it cannot be written.
    """
    run = open_run(run)
    kinds = {"input": run.inputs, "output": run.outputs, **run.taken_out}
    rows = [{kind: images[i] for kind, images in kinds.items()} for i in range(len(run.inputs))]
    if run.repeated:
        for row, deviation in zip(rows, run.deviations, strict=True):
            row["deviation"] = deviation
        return [save_figure(_panels(rows), run.path / PREVIEW)]
    written = [save_figure(_panels(rows), run.path / PREVIEW)]
    learned = run.mixing
    if "transfer" in learned:
        from ddip_tf.transfer.estimate import Transfer

        law = Transfer.from_arrays(learned)
        written.append(save_figure(_law(law, run.pixel_size_m), run.path / "transfer.png"))
        rows = [
            {"output": output, "decided by data": by_data, "decided by prior": output - output.mean() - by_data}
            for output, by_data in zip(run.outputs, learned["decided"], strict=True)
        ]
        for row, spread in zip(rows, learned.get("spread", ()), strict=False):
            row["spread"] = spread
        written.append(save_figure(_panels(rows), run.path / "decided.png"))
    return written


def write_progress(run: StrPath, inputs: Floats, images: Floats, epoch: int) -> None:
    """preview.png of a fit under way: ``inputs`` and the slices after ``epoch``, both (N, H, W), replaced in one go.

    The picture of a finished run stays. Where it cannot be written there is none: no reason to end a fit.
    """
    path = Path(run) / PREVIEW
    if (path.parent / MANIFEST).exists():
        return
    rows = [{"input": a, f"epoch {epoch}": b} for a, b in zip(inputs, images, strict=True)]
    aside = path.with_name(f".{PREVIEW}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        _panels(rows).savefig(aside, format="png")
        aside.replace(path)


def write_transfer(
    law: Transfer, folder: StrPath, pixel_size_m: tuple[float, float] | None = None
) -> tuple[Path, Path]:
    """``transfer.csv`` and ``transfer.png``: T(k) with its raw points and their deviations. Returns both paths.

    k is in cycles/µm where the pixel size is known, else in cycles/pixel. Raises RunError if it cannot write.
    """
    folder, count = Path(folder), law.matrix.shape[-1]
    k, _ = optics.frequency(law.k, pixel_size_m)
    names = [(i, j) for i in range(count) for j in range(count)]
    columns = [k, *(part[:, i, j] for part in (law.matrix, law.raw, law.sigma) for i, j in names)]
    head = ",".join(["k", *(f"{word}{pair_name(i, j)}" for word in ("T", "raw", "sigma") for i, j in names)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / "transfer.csv", np.stack(columns, 1), "%.6g", ",", header=head, comments="")
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}") from error
    return folder / "transfer.csv", save_figure(_law(law, pixel_size_m), folder / "transfer.png")


def _panels(rows: list[dict[str, Floats]]) -> Any:
    """One row a slice, one column a kind of image."""
    from matplotlib.figure import Figure

    height, width = next(iter(rows[0].values())).shape
    figure = Figure(
        figsize=(9.6, 0.35 + 9.45 / len(rows[0]) * len(rows) * height / width), layout="constrained", dpi=110
    )
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for number, (line, row) in enumerate(zip(axes, rows, strict=True), 1):
        for axis, (kind, image) in zip(line, row.items(), strict=True):
            low, high = display_range(image)
            axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"slice {number}: {kind}", fontsize=10)
            axis.set_axis_off()
    return figure


def _law(law: Transfer, pixel_size_m: tuple[float, float] | None) -> Any:
    """T(k) off the diagonal: curves, raw points and their deviations."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    k, unit = optics.frequency(law.k, pixel_size_m)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained", dpi=110)
    axis = figure.subplots()
    for i, j in zip(*np.nonzero(~np.eye(law.matrix.shape[-1], dtype=bool)), strict=True):
        (line,) = axis.plot(k, law.matrix[:, i, j], label=f"T{pair_name(i, j)}: slice {j + 1} in slice {i + 1}")
        known = law.sigma[:, i, j] < 1
        points = k[known], law.raw[known, i, j], law.sigma[known, i, j]
        axis.errorbar(*points, fmt="o", markersize=3, linewidth=0.8, color=line.get_color())
    axis.axhline(0, color="0.7", linewidth=0.8)
    axis.set(xscale="log", xlabel=f"spatial frequency k ({unit})", ylabel="T(k)", ylim=(-0.6, 1.0))
    for ticks in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
        ticks(ScalarFormatter())
    axis.tick_params(axis="x", which="minor", labelsize=8)
    axis.legend(frameon=False)
    return figure


def save_figure(figure: Any, path: Path) -> Path:
    """Write a matplotlib figure. Raises RunError if it cannot be written."""
    try:
        figure.savefig(path)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    return path
