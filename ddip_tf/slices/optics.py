"""Optics of a slice: photon energy and wavelength, depth of focus, spatial frequency in the unit of the image."""

from __future__ import annotations

import math

import numpy as np

from ddip_tf._types import Floats

#: Planck's constant times the speed of light (CODATA 2018)
HC_EV_M = 1.239841984e-6
#: of the electron, twice (CODATA 2018)
TWO_REST_ENERGIES_EV = 2 * 510998.95


def electron_wavelength_m(energy_ev: float) -> float:
    """de Broglie's wavelength, relativistic, in metres."""
    return HC_EV_M / math.sqrt(energy_ev * (energy_ev + TWO_REST_ENERGIES_EV))


def depth_of_focus_m(resolution_m: float, wavelength_m: float) -> float:
    """2 δ² / (0.61² λ) for a transverse resolution δ (paper, eq. 1), in metres."""
    return 2 / 0.61**2 * resolution_m**2 / wavelength_m


def frequency(k: Floats, pixel_size_m: tuple[float, float] | None) -> tuple[Floats, str]:
    """k, given in cycles/pixel, in cycles/µm where the pixel size is known; and the name of the unit."""
    return (k / (float(np.mean(pixel_size_m)) * 1e6), "cycles/µm") if pixel_size_m else (k, "cycles/pixel")
