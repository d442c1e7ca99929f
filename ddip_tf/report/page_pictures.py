"""Small pictures of a run's page that are looked at only: power spectra, kernels, T(k) of many slices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.quality import power_spectrum
from ddip_tf.report import image_data, many_slices
from ddip_tf.slices.optics import frequency, frequency_scales


def transfer(learned: Mapping[str, Floats], pixel_size_m: tuple[float, float] | None) -> list[dict[str, Any]]:
    """T (N, N) at a few k: rows are the slices that hold ghosts, columns those whose they are."""
    k, unit = frequency(learned["k"], pixel_size_m)
    bands = many_slices.chosen(k)
    most = many_slices.strongest(learned["transfer"][bands])
    found = []
    for band in bands:
        label = f"T at k = {k[band]:.3g} {unit}, in slice (down) of slice (across); black −{most:.2g}, white {most:.2g}"
        shown = small(np.clip(learned["transfer"][band], -most, most), label)
        found.append({**shown, "black": -most, "white": most})
    return found


def spectra(
    inputs: Floats, outputs: Floats, pixel_size_m: tuple[float, float] | None, numbers: Sequence[int]
) -> list[dict[str, Any]]:
    """Power of every slice's input and output (N, H, W); constant images are left out."""
    found = []
    for number, *pair in zip(numbers, inputs, outputs, strict=True):
        for kind, image in zip(("input", "output"), pair, strict=True):
            if np.ptp(image) > 0:
                power, words = spectrum_picture(image, f"{kind} {number}", pixel_size_m)
                found.append({**small(power, f"{words}, white {power.max():.3g}"), "of": number})
    return found


def spectrum_picture(image: Floats, name: str, pixel_size_m: tuple[float, float] | None) -> tuple[Floats, str]:
    """(log10 P)^2.5 of an image (H, W), and how far its axes go, to be read under it."""
    shown = power_spectrum.display(power_spectrum.power_spectrum(image))
    scales, unit = frequency_scales(pixel_size_m)
    y, x = (f"{0.5 * scale:.3g}" for scale in scales)
    reach = x if x == y else f"{y} along y, ± {x} along x,"
    return shown, f"{name}: ± {reach} {unit}"


def small(image: Floats, label: str) -> dict[str, Any]:
    """A picture that is looked at only, of 256 pixels a side at most."""
    shown = image_data.binned(image, math.ceil(max(image.shape) / 256))
    return {**image_data.encode(shown, 8), "height": shown.shape[0], "width": shown.shape[1], "label": label}
