"""Figures of more slices than rows and curves can show: strips of pictures, T(k) as images, strength by distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.report import scales
from ddip_tf.slices import optics

if TYPE_CHECKING:
    from ddip_tf.transfer.estimate import Transfer

#: slices that are shown one by one; of more there are strips, images and a slider
FEW = 3
#: slices side by side in a strip at most, and frequencies at which T is shown
A_STRIP, SHOWN = 8, 4


@dataclass(frozen=True)
class Strength:
    """T off the diagonal by ``distance`` (D,) of two slices, in ``unit``: ``mean``, ``least`` and ``most`` (K, D)."""

    distance: Floats
    unit: str
    mean: Floats
    least: Floats
    most: Floats


def strength(matrix: Floats, numbers: Sequence[int], spacing_m: Sequence[float] | None = None) -> Strength:
    """Of T (K, N, N), over the pairs of slices that stand equally far apart in the stack.

    ``numbers`` (N,) of the slices in their file, and ``spacing_m`` (N − 1,) between them where it is known.

    >>> found = strength(np.array([[[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]]]), (4, 5, 6))
    >>> found.distance.tolist(), found.unit, found.mean.round(3).tolist()
    ([1.0, 2.0], 'slices', [[0.2, 0.1]])
    """
    count = matrix.shape[-1]
    depth, unit = np.asarray(numbers, float), "slices"
    if spacing_m is not None:
        from ddip_tf.slices.quantities import suiting_unit

        metres = np.concatenate([[0.0], np.cumsum(spacing_m)])
        size, unit = suiting_unit(float(metres[-1]))
        depth = metres / size
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    distance = [np.abs(np.subtract.outer(depth, depth))[apart == d].mean() for d in range(1, count)]
    values = [matrix[:, apart == d] for d in range(1, count)]
    of_all = (np.stack([f(part, axis=1) for part in values], 1) for f in (np.mean, np.min, np.max))
    return Strength(np.array(distance), unit, *of_all)


def strongest(matrix: Floats) -> float:
    """The largest |T| of (K, N, N) off the diagonal, by which images of it are scaled; no less than a hundredth."""
    return max(0.01, float(np.abs(matrix[:, ~np.eye(matrix.shape[-1], dtype=bool)]).max()))


def chosen(k: Floats) -> list[int]:
    """Which of the frequencies (K,) are shown: a few, from the lowest to the highest."""
    return sorted({round(float(i)) for i in np.linspace(0, len(k) - 1, SHOWN)})


def transfer_figure(
    transfer: Transfer,
    pixel_size_m: tuple[float, float] | None,
    numbers: Sequence[int],
    spacing_m: Sequence[float] | None = None,
) -> Any:
    """T(k) as images (N × N) at a few k, and below how strong ghosts are by distance."""
    from matplotlib.figure import Figure

    k, unit = optics.frequency(transfer.k, pixel_size_m)
    bands = chosen(k)
    figure = Figure(figsize=(9.6, 6.2), layout="constrained", dpi=110)
    upper, lower = np.ravel(np.asarray(figure.subfigures(2, 1, height_ratios=(1, 1.15))))
    row = np.ravel(upper.subplots(1, len(bands), squeeze=False, sharey=True))
    most = strongest(transfer.matrix[bands])
    at = range(0, len(numbers), -(-len(numbers) // 6))
    names = [str(numbers[i]) for i in at]
    for axis, band in zip(row, bands, strict=True):
        shown = axis.imshow(transfer.matrix[band], cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        axis.set_title(f"k = {k[band]:.3g} {unit}", fontsize=9)
        axis.set_xticks(at, names, fontsize=8)
        axis.set_yticks(at, names, fontsize=8)
        axis.set_xlabel("of slice", fontsize=9)
    row[0].set_ylabel("T: in slice", fontsize=9)
    bar = upper.colorbar(shown, ax=list(row), fraction=0.03, pad=0.01, extend="max")  # the diagonal is beyond it
    bar.ax.tick_params(labelsize=8)
    axis, found = lower.subplots(), strength(transfer.matrix, numbers, spacing_m)
    for band in bands:
        (line,) = axis.plot(found.distance, found.mean[band], "o-", markersize=3, label=f"k = {k[band]:.3g} {unit}")
        axis.fill_between(found.distance, found.least[band], found.most[band], color=line.get_color(), alpha=0.12)
    axis.axhline(0, color="0.7", linewidth=0.8)
    axis.set(xlabel=f"distance of the two slices ({found.unit})", ylabel="T: mean of pairs, least and most shaded")
    axis.yaxis.label.set_size(9)
    axis.legend(frameon=False, fontsize=9)
    return figure


def strength_rows(
    transfer: Transfer,
    pixel_size_m: tuple[float, float] | None,
    numbers: Sequence[int],
    spacing_m: Sequence[float] | None = None,
) -> tuple[str, list[str]]:
    """The heading, and the lines, of a CSV of `strength`: k, distance, mean, least and most."""
    k = optics.per_micrometre(transfer.k, pixel_size_m)
    found = strength(transfer.matrix, numbers, spacing_m)
    lines = [
        f"{k[b]:.6g},{d:.6g},{found.mean[b, i]:.6g},{found.least[b, i]:.6g},{found.most[b, i]:.6g}"
        for b in range(len(k))
        for i, d in enumerate(found.distance)
    ]
    return f"k,distance_{found.unit},mean,least,most", lines


def strength_table(
    matrix: Floats, k: Floats, unit: str, numbers: Sequence[int], spacing_m: Sequence[float] | None
) -> list[str]:
    """Lines of the mean T (K, N, N) of pairs by their distance, the nearest ones, at all k (K,) in ``unit``."""
    found = strength(matrix, numbers, spacing_m)
    nearest = range(min(A_STRIP, len(found.distance)))
    heads = (f"{found.distance[i]:.4g} {found.unit}" for i in nearest)
    lines = ["Mean T of two slices by their distance (strength.csv has all of them):"]
    lines.append(f"k ({unit})".rjust(14) + "".join(head.rjust(12) for head in heads))
    for band, frequency in enumerate(k):
        lines.append(f"{frequency:14.4g}" + "".join(f"{found.mean[band, i]:+.3f}".rjust(12) for i in nearest))
    return lines


def strips(rows: Sequence[Mapping[str, Floats]], scale: scales.Scale, numbers: Sequence[int]) -> Any:
    """Pictures of many slices: of every kind a strip, in one grey scale around the mean of each slice."""
    from matplotlib.figure import Figure

    kinds = list(rows[0])
    across = -(-len(rows) // -(-len(rows) // A_STRIP))  # nine are five and four
    parts = [range(first, min(first + across, len(rows))) for first in range(0, len(rows), across)]
    lines = [(part, kind) for part in parts for kind in kinds]
    wide, named, foot = 8.6 / across, 0.17, 0.3  # inches: a slice, the line of its numbers, what stands below all
    tall = scale.aspect * wide * scale.shape[0] / scale.shape[1]
    height = len(lines) * (tall + named) + foot
    figure = Figure(figsize=(9.6, height), dpi=110)
    spans = {kind: _span([row[kind] for row in rows], kind) for kind in kinds}
    for line, (part, kind) in enumerate(lines):
        low, high = spans[kind]
        bottom = (height - (line + 1) * (tall + named)) / height
        axis = figure.add_axes((0.1 / 9.6, bottom, len(part) * wide / 9.6, tall / height))
        pictures = [rows[i][kind] - (0 if kind in scales.FROM_ZERO else rows[i][kind].mean()) for i in part]
        shown = axis.imshow(_side_by_side(pictures), cmap="gray", vmin=low, vmax=high, aspect="auto")
        axis.set_axis_off()
        for place, i in enumerate(part):
            words = f"slice {numbers[i]}: {kind}" if place == 0 else str(numbers[i])
            axis.text((place + 0.01) / len(part), 1.01, words, transform=axis.transAxes, fontsize=8, va="bottom")
        beside = figure.add_axes(((0.16 + across * wide) / 9.6, bottom, 0.1 / 9.6, tall / height))
        bar = figure.colorbar(shown, cax=beside)
        bar.ax.tick_params(labelsize=6, pad=1)
        bar.ax.locator_params(nbins=3)
    field = f", field of view {scale.field}" if scale.field else ""
    figure.text(0.5, 0.04 / height, f"values ({scale.unit}) around the mean of each slice{field}", ha="center", size=8)
    return figure


def _side_by_side(images: Sequence[Floats]) -> Floats:
    """(H, W) each in one row, with a gap of a fiftieth of a picture between them that is not drawn."""
    height, width = images[0].shape
    gap = np.full((height, max(1, width // 50)), np.nan)
    return np.concatenate([part for image in images for part in (image, gap)][:-1], axis=1)


def _span(images: Sequence[Floats], kind: str) -> tuple[float, float]:
    """Black and white of all ``images`` of a kind, each around its mean."""
    if kind in scales.FROM_ZERO:
        return 0.0, max(scales.grey_range(image, kind)[1] for image in images) or 1e-30
    deviation = float(np.sqrt(np.mean([np.var(image, dtype=float) for image in images])))
    return -4 * deviation - 1e-30, 4 * deviation + 1e-30
