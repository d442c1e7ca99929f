"""Optics of a slice: photon energy and wavelength, depth of focus, spatial frequency in the unit of the image."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Floats

#: Planck's constant times the speed of light
HC_EV_M = 1.239841984e-6


def depth_of_focus_m(resolution_m: float, wavelength_m: float) -> float:
    """2 δ² / (0.61² λ) for a transverse resolution δ (paper, eq. 1), in metres."""
    return 2 / 0.61**2 * resolution_m**2 / wavelength_m


def frequency(k: Floats, pixel_size_m: tuple[float, float] | None) -> tuple[Floats, str]:
    """k, given in cycles/pixel, in cycles/µm where the pixel size is known; and the name of the unit."""
    return (k / (float(np.mean(pixel_size_m)) * 1e6), "cycles/µm") if pixel_size_m else (k, "cycles/pixel")
