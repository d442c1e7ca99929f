"""Figures of a run folder and of a mixing law. They may be made again from the rest, so they are not hashed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.archive.lock import PREVIEW
from ddip_tf.archive.manifest import MANIFEST
from ddip_tf.archive.run import open_run
from ddip_tf.errors import RunError
from ddip_tf.report import many_slices, scales
from ddip_tf.slices import optics
from ddip_tf.slices.separation import numbered_pair

if TYPE_CHECKING:
    from ddip_tf.slices.stack import SliceStack
    from ddip_tf.transfer.estimate import Transfer


def load() -> None:
    """Import what draws figures, which takes half a second, while there is nothing else to do."""
    from matplotlib.backends import backend_agg  # noqa: F401
    from mpl_toolkits.axes_grid1 import anchored_artists  # noqa: F401


def write_figures(run: StrPath) -> list[Path]:
    """Figures of a run, into its folder: `write_preview`, and of runs under the transfer law `write_law`.

    Grey scales span [μ − 4σ, μ + 4σ] of each image, deviations and spreads begin at 0; every image has a bar of its
    values and one of its lengths (`ddip_tf.report.scales`).

    Raises InputError if the run cannot be read, RunError if it cannot be written.
    """
    run = open_run(run)
    return [write_preview(run), *write_law(run)]


def write_preview(run: StrPath) -> Path:
    """preview.png of a run: every slice's input, output and ghost, what was smoothed if anything was, and of repeated
    runs the deviation. Raises as `write_figures`."""
    run = open_run(run)
    kinds = {"input": run.inputs, "output": run.outputs, **run.taken_out}
    rows = [{kind: images[i] for kind, images in kinds.items()} for i in range(len(run.inputs))]
    if run.repeated:
        for row, deviation in zip(rows, run.deviations, strict=True):
            row["deviation"] = deviation
    return save_figure(_panels(rows, scales.of_run(run.manifest), run.numbers), run.path / PREVIEW)


def write_law(run: StrPath) -> list[Path]:
    """transfer.png, T(k) with its raw points, and decided.png of a run under the transfer law, else nothing.

    The latter splits every output into what the data decide and what the prior does, and has the other reading of their
    units beside it where there is one. Raises as `write_figures`.
    """
    run = open_run(run)
    if run.repeated or "transfer" not in run.mixing:
        return []
    from ddip_tf.transfer.estimate import Transfer

    learned = run.mixing
    transfer = Transfer.from_arrays(learned)
    figure = _transfer_figure(transfer, run.pixel_size_m, run.numbers, run.manifest.get("spacing_m"))
    rows = [
        {"output": output, "decided by data": by_data, "decided by prior": output - output.mean() - by_data}
        for output, by_data in zip(run.outputs, learned["decided"], strict=True)
    ]
    for view, name in (("other reading", "other_reading"), ("spread", "spread")):
        for row, image in zip(rows, learned.get(name, ()), strict=False):
            row[view] = image
    decided = _panels(rows, scales.of_run(run.manifest), run.numbers)
    return [save_figure(figure, run.path / "transfer.png"), save_figure(decided, run.path / "decided.png")]


def write_progress(run: StrPath, stack: SliceStack, images: Floats, epoch: int) -> None:
    """preview.png of a fit under way: ``stack`` and its slices (N, H, W) after ``epoch``, replaced in one go.

    The picture of a finished run stays. Where it cannot be written there is none: no reason to end a fit.
    """
    path = Path(run) / PREVIEW
    if (path.parent / MANIFEST).exists():
        return
    rows = [{"input": a, f"epoch {epoch}": b} for a, b in zip(stack.images, images, strict=True)]
    aside = path.with_name(f".{PREVIEW}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        _panels(rows, scales.of_stack(stack), stack.numbers).savefig(aside, format="png")
        aside.replace(path)


def write_transfer(
    transfer: Transfer,
    folder: StrPath,
    pixel_size_m: tuple[float, float] | None = None,
    numbers: Sequence[int] = (),
    spacing_m: Sequence[float] | None = None,
) -> tuple[Path, ...]:
    """``transfer.csv`` and ``transfer.png``: T(k) with its raw points and their deviations. Returns all paths.

    In CSV files k is in cycles/µm where the pixel size is known, else in cycles/pixel. Slices go by their ``numbers``
    (1 … N if left out). Of more than three slices the figure shows T as images, and ``strength.csv`` T by distance.
    Raises RunError if it cannot write.
    """
    folder, count = Path(folder), transfer.matrix.shape[-1]
    numbers = numbers or range(1, count + 1)
    k = optics.per_micrometre(transfer.k, pixel_size_m)
    names = [(i, j) for i in range(count) for j in range(count)]
    columns = [k, *(part[:, i, j] for part in (transfer.matrix, transfer.raw, transfer.sigma) for i, j in names)]
    pairs = [numbered_pair(numbers, *pair) for pair in names]
    head = ",".join(["k", *(f"{word}{pair}" for word in ("T", "raw", "sigma") for pair in pairs)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / "transfer.csv", np.stack(columns, 1), "%.6g", ",", header=head, comments="")
        written = [folder / "transfer.csv"]
        if count > many_slices.FEW:
            heading, lines = many_slices.strength_rows(transfer, pixel_size_m, numbers, spacing_m)
            written.append(folder / "strength.csv")
            written[-1].write_text("\n".join([heading, *lines]) + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}") from error
    return *written, save_figure(_transfer_figure(transfer, pixel_size_m, numbers, spacing_m), folder / "transfer.png")


def _panels(rows: list[dict[str, Floats]], scale: scales.Scale, numbers: Sequence[int]) -> Any:
    """One row a slice, one column a kind of image; of many slices strips."""
    from matplotlib.figure import Figure

    if len(rows) > many_slices.FEW:
        return many_slices.strips(rows, scale, numbers)
    height, width = scale.shape
    each = 9.45 / len(rows[0])
    tall = each * scale.aspect * height / width + 0.7  # title and bar
    figure = Figure(figsize=(9.6, 0.35 + len(rows) * tall), layout="constrained", dpi=110)
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    for number, line, row in zip(numbers, axes, rows, strict=True):
        for axis, (kind, image) in zip(line, row.items(), strict=True):
            show(axis, image, scale, scales.grey_range(image, kind))
            axis.set_title(f"slice {number}: {kind}", fontsize=10)
    if scale.field:
        figure.supxlabel(f"field of view {scale.field}", fontsize=9)
    return figure


def show(axis: Any, image: Floats, scale: scales.Scale, limits: tuple[float, float] | None = None) -> None:
    """``image`` (H, W) in grey on a matplotlib axis, with a bar of its values below and one of its lengths in it."""
    from matplotlib.ticker import MaxNLocator

    low, high = limits or scales.grey_range(image)
    shown = axis.imshow(
        image, cmap="gray", vmin=low, vmax=max(high, low + 1e-30), interpolation="nearest", aspect=scale.aspect
    )
    axis.set(anchor="S")  # onto the bar of its values
    axis.set_axis_off()
    add_length(axis, scale)
    values = axis.figure.colorbar(shown, ax=axis, orientation="horizontal", fraction=0.05, pad=0.02, aspect=30)
    values.locator = MaxNLocator(3)
    values.ax.tick_params(labelsize=8)
    values.set_label(scale.unit, fontsize=8, labelpad=1)


def add_length(axis: Any, scale: scales.Scale, size: float = 10) -> None:
    """A bar of a round length in the lower left of an image on a matplotlib axis, its words ``size`` points high."""
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    thick, font = scale.shape[0] / 80, {"size": size}
    bar = AnchoredSizeBar(
        axis.transData,
        scale.bar_px,
        scale.bar,
        "lower left",
        borderpad=0.4,
        sep=2,
        size_vertical=thick,
        fontproperties=font,
    )
    bar.patch.set(alpha=0.75, linewidth=0)
    axis.add_artist(bar)


def _transfer_figure(
    transfer: Transfer,
    pixel_size_m: tuple[float, float] | None,
    numbers: Sequence[int],
    spacing_m: Sequence[float] | None = None,
) -> Any:
    """T(k) off the diagonal: curves, raw points and their deviations; of many slices images."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    if transfer.matrix.shape[-1] > many_slices.FEW:
        return many_slices.transfer_figure(transfer, pixel_size_m, numbers, spacing_m)
    k, unit = optics.frequency(transfer.k, pixel_size_m)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained", dpi=110)
    axis = figure.subplots()
    for i, j in zip(*np.nonzero(~np.eye(transfer.matrix.shape[-1], dtype=bool)), strict=True):
        name = f"T{numbered_pair(numbers, i, j)}: slice {numbers[j]} in slice {numbers[i]}"
        (line,) = axis.plot(k, transfer.matrix[:, i, j], label=name)
        known = transfer.sigma[:, i, j] < 1
        points = k[known], transfer.raw[known, i, j], transfer.sigma[known, i, j]
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
