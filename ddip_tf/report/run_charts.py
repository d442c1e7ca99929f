"""The curves of a run as plain numbers, for the charts of its page: losses, α, T(k), power spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.archive.run import Run
from ddip_tf.quality import power_spectrum
from ddip_tf.report import many_slices
from ddip_tf.slices import optics
from ddip_tf.slices.separation import loss_terms, numbered_pair

#: points that a curve of a page has at most
MOST_POINTS = 800
Chart = dict[str, Any]


def losses(runs: Sequence[Run]) -> list[Chart]:
    """Loss terms and α by epoch; of several runs the loss alone. No chart for runs without epochs.

    Raises InputError for a damaged ``history.csv``.
    """
    histories = [run.history for run in runs]
    longest = max(histories, key=lambda history: len(history["epoch"]))
    epochs = longest["epoch"]
    if len(epochs) < 2:
        return []
    if len(runs) > 1:
        first = "loss" if "loss" in longest else "fidelity"
        lines = [line(run.path.name, _padded(run.history[first], len(epochs))) for run in runs]
        return [chart("Loss of every fit", ("epoch", epochs), first, lines, ylog=True)]
    terms = loss_terms(longest)
    weights = {name: values for name, values in longest.items() if name != "epoch" and name not in terms}
    found = [chart("Loss", ("epoch", epochs), "loss", [line(*item) for item in terms.items()], ylog=True)]
    if weights:
        lines = [line(f"α{name[5:]}", values) for name, values in weights.items()]
        found.append(chart("Mixing weights α", ("epoch", epochs), "α", lines, yrange=[0, 1]))
    return found


def transfer(
    learned: Mapping[str, Floats],
    pixel_size_m: tuple[float, float] | None,
    numbers: Sequence[int],
    spacing_m: Sequence[float] | None = None,
) -> Chart:
    """T(k) off the diagonal: curves, raw points, and raw ± σ where that is under one; of many slices by distance."""
    if len(numbers) > many_slices.FEW:
        return _strength(learned, pixel_size_m, numbers, spacing_m)
    k, unit = optics.frequency(learned["k"], pixel_size_m)
    lines = []
    count = learned["transfer"].shape[-1]
    for colour, (i, j) in enumerate((i, j) for i in range(count) for j in range(count) if i != j):
        pair = numbered_pair(numbers, i, j)
        name = f"T{pair}: slice {numbers[j]} in slice {numbers[i]}"
        raw, sigma = learned["raw"][:, i, j], learned["sigma"][:, i, j]
        known = np.where(sigma < 1, raw, np.nan)
        lines.append({**line(name, learned["transfer"][:, i, j]), "colour": colour})
        points = {**line(f"T{pair} raw ± σ", known), "colour": colour, "points": True}
        lines.append(points | {"low": _plain(known - sigma), "high": _plain(known + sigma)})
    return chart("T(k)", (f"spatial frequency k ({unit})", k), "T", lines, xlog=True, yrange=[-0.6, 1.0])


def _strength(
    learned: Mapping[str, Floats],
    pixel_size_m: tuple[float, float] | None,
    numbers: Sequence[int],
    spacing_m: Sequence[float] | None,
) -> Chart:
    """T by the distance of two slices at a few k: the mean of the pairs, shaded from the least to the most."""
    k, unit = optics.frequency(learned["k"], pixel_size_m)
    found = many_slices.strength(learned["transfer"], numbers, spacing_m)
    lines = [
        {
            **line(f"k = {k[band]:.3g} {unit}", found.mean[band]),
            "low": _plain(found.least[band]),
            "high": _plain(found.most[band]),
        }
        for band in many_slices.chosen(k)
    ]
    where = (f"distance of the two slices ({found.unit})", found.distance)
    shown = many_slices.chosen(k)
    ends = [min(0.0, float(found.least[shown].min())), max(0.1, float(found.most[shown].max()))]
    return chart("T(k) by distance", where, "T", lines, yrange=ends)


def halves(
    measured: Mapping[str, Any], pixel_size_m: tuple[float, float] | None, numbers: Sequence[int]
) -> list[Chart]:
    """Fourier ring correlation of two halves of a scan with its threshold, and the power of the noise they show."""
    k, unit = optics.frequency(np.asarray(measured["k"], float), pixel_size_m)
    where = (f"spatial frequency ({unit})", k)

    def lines(rows: Sequence[Any]) -> list[dict[str, Any]]:
        return [line(f"slice {number}", np.asarray(row, float)) for number, row in zip(numbers, rows, strict=True)]

    threshold = line("half-bit threshold", np.asarray(measured["threshold"], float))
    correlation = [*lines(measured["correlation"]), threshold]
    return [
        chart("Fourier ring correlation of halves", where, "correlation", correlation, yrange=[-0.2, 1.0]),
        chart("Noise of the slices, by halves", where, "power", lines(measured["noise_power"]), ylog=True),
    ]


def spectra(
    inputs: Floats, outputs: Floats, pixel_size_m: tuple[float, float] | None, numbers: Sequence[int]
) -> list[Chart]:
    """Power on rings of each slice's input and output (N, H, W), normalised; constant images are left out."""
    found = []
    for number, *pair in zip(numbers, inputs, outputs, strict=True):
        lines: list[dict[str, Any]] = []
        for name, image in zip(("input", "output"), pair, strict=True):
            if np.ptp(image) > 0:
                radii, mean = power_spectrum.radial(power_spectrum.power_spectrum(image))
                lines.append(line(name, mean))
        if lines:
            k, unit = optics.frequency(radii, pixel_size_m)
            where = (f"spatial frequency ({unit})", k)
            drawn = chart(f"Slice {number}", where, "P, mean over rings", lines, xlog=True, ylog=True)
            found.append({**drawn, "of": number})
    return found


def chart(
    title: str,
    x: tuple[str, Floats],
    ylabel: str,
    lines: Sequence[dict[str, Any]],
    *,
    xlog: bool = False,
    ylog: bool = False,
    yrange: Sequence[float] | None = None,
) -> Chart:
    """What ``page/charts.js`` draws; long curves keep every so many points, and a logarithmic axis what is above 0."""
    step = -(-len(x[1]) // MOST_POINTS)
    thinned = []
    for one in lines:
        curves: dict[str, list[float | None]] = {
            name: one[name][::step] for name in ("y", "low", "high") if name in one
        }
        if ylog:
            curves = {name: [v if v is not None and v > 0 else None for v in ys] for name, ys in curves.items()}
        thinned.append({**one, **curves})
    return {
        "title": title,
        "x": _plain(x[1][::step]),
        "xlabel": x[0],
        "xlog": xlog,
        "ylabel": ylabel,
        "ylog": ylog,
        "yrange": yrange,
        "lines": thinned,
    }


def line(label: str, values: Floats) -> dict[str, Any]:
    """A line of `chart`: ``values`` at its x, gaps where they are not finite."""
    return {"label": label, "y": _plain(values)}


def _plain(values: Floats) -> list[float | None]:
    """Numbers for JSON, of seven digits: what is not finite is None."""
    return [float(f"{v:.7g}") if np.isfinite(v) else None for v in np.asarray(values, float)]


def _padded(values: Floats, count: int) -> Floats:
    return np.pad(values, (0, count - len(values)), constant_values=np.nan)
