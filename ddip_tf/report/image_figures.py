"""Figures of single images: a power spectrum (paper, Fig. 4) and an edge with its fit (Fig. 5)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.quality import power_spectrum
from ddip_tf.quality.edge_resolution import NARROWEST_PX, Edge
from ddip_tf.report.figures import save_figure, show
from ddip_tf.report.scales import AS_GIVEN, Scale
from ddip_tf.slices import optics
from ddip_tf.slices.quantities import suiting_unit


def draw_spectrum(image: Floats, path: Path, pixel_size_m: tuple[float, float] | None = None) -> Path:
    """The image (H, W), its spectrum as (log10 P)^2.5 and the mean over rings; returns ``path``. Raises RunError."""
    from matplotlib.figure import Figure

    power = power_spectrum.power_spectrum(image)
    k, mean = power_spectrum.radial(power)
    scale, unit = optics.frequency_scales(pixel_size_m)
    figure = Figure(figsize=(12, 3.9), layout="constrained", dpi=110)
    left, middle, right = figure.subplots(1, 3)
    show(left, image, Scale(_shape(image), pixel_size_m))
    y, x = (0.5 * s for s in scale)
    shown = middle.imshow(
        power_spectrum.display(power), cmap="gray", vmin=0, extent=(-x, x, y, -y), interpolation="nearest"
    )
    middle.set(xlabel=f"kx ({unit})", ylabel=f"ky ({unit})", title="(log10 P)^2.5")
    figure.colorbar(shown, ax=middle)
    right.loglog(k * float(np.mean(scale)), mean)
    right.set(xlabel=f"k ({unit})", ylabel="P, mean over rings (sum over the plane: 1)")
    return save_figure(figure, path)


def draw_edge(
    image: Floats,
    line: tuple[tuple[float, float], tuple[float, float]],
    edge: Edge,
    path: Path,
    pixel_size_m: tuple[float, float] | None = None,
) -> Path:
    """The line on the image (H, W), the profile and its error function; returns ``path``. Raises RunError."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 3.9), layout="constrained", dpi=110)
    left, right = figure.subplots(1, 2)
    show(left, image, Scale(_shape(image), pixel_size_m))
    (y0, x0), (y1, x1) = line
    left.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "->", "color": "gold"})
    pixel, unit = 1.0, "pixels"
    if pixel_size_m is not None:
        pixel_m = float(np.hypot((y1 - y0) * pixel_size_m[0], (x1 - x0) * pixel_size_m[1]) / np.hypot(y1 - y0, x1 - x0))
        factor, unit = suiting_unit(pixel_m * float(edge.distance_px[-1]))
        pixel = pixel_m / factor
    right.plot(pixel * edge.distance_px, edge.profile, "o", markersize=3, label="profile")
    right.plot(pixel * edge.distance_px, edge.fitted, label="error function")
    ends = edge.position_px - edge.fwhm_px / 2, edge.position_px + edge.fwhm_px / 2
    right.axvspan(*(pixel * end for end in ends), color="gold", alpha=0.3)
    right.set(xlabel=f"along the line ({unit})", ylabel=f"image ({AS_GIVEN})", title=f"FWHM {width_of(edge)}")
    right.legend(frameon=False)
    return save_figure(figure, path)


def width_of(edge: Edge) -> str:
    """``3.21 ± 0.04 px = 23.43 ± 0.29 nm``, or that the pixels do not resolve it."""
    if not edge.resolved:
        return f"under {NARROWEST_PX} px: narrower than pixels can tell"
    text = f"{edge.fwhm_px:.2f} ± {edge.fwhm_error_px:.2f} px"
    if edge.fwhm_m is None or edge.fwhm_error_m is None:
        return text
    factor, unit = suiting_unit(edge.fwhm_m)
    return f"{text} = {edge.fwhm_m / factor:.2f} ± {edge.fwhm_error_m / factor:.2f} {unit}"


def _shape(image: Floats) -> tuple[int, int]:
    return image.shape[0], image.shape[1]
