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


def depth_of_focus_m(resolution_m: float, wavelength_m: float, probe_angle_rad: float = 0.0) -> float:
    """2 δ² / (0.61² λ) for a transverse resolution δ (paper, eq. 1), in metres; less for a probe that is a cone.

    Over a depth Δz the finest structure, k = 0.61 / δ, that the probe's ray at q meets changes its phase by
    π λ Δz (k² + 2 k q). Eq. 1 is where that is one turn for q = 0; with a probe of half angle α it is at q = α / λ.

    >>> depth_of_focus_m(10e-9, 1e-10), depth_of_focus_m(0.2e-10, 1.97e-12, 0.02)  # doctest: +ELLIPSIS
    (5.37...e-06, 6.5...e-10)
    """
    k = 0.61 / resolution_m
    return 2 / (wavelength_m * k * (k + 2 * probe_angle_rad / wavelength_m))


def frequency(k: Floats, pixel_size_m: tuple[float, float] | None) -> tuple[Floats, str]:
    """k, given in cycles/pixel, in the unit that suits the pixel size where that is known; and the unit's name.

    >>> frequency(0.5, (7.3e-9, 7.3e-9)), frequency(0.5, (2e-11, 2e-11)), frequency(0.5, None)
    ((68.493..., 'cycles/µm'), (25.0, 'cycles/nm'), (0.5, 'cycles/pixel'))
    """
    (y, x), name = frequency_scales(pixel_size_m)
    return k * (2 * y * x / (y + x)), name  # of the mean pixel size


def frequency_scales(pixel_size_m: tuple[float, float] | None) -> tuple[tuple[float, float], str]:
    """What one cycle/pixel is along y and x, and the unit: per micrometre for X-rays, per nanometre for electrons."""
    if pixel_size_m is None:
        return (1.0, 1.0), "cycles/pixel"
    length_m, name = (1e-9, "cycles/nm") if np.mean(pixel_size_m) < 1e-9 else (1e-6, "cycles/µm")
    return (length_m / pixel_size_m[0], length_m / pixel_size_m[1]), name


def per_micrometre(k: Floats, pixel_size_m: tuple[float, float] | None) -> Floats:
    """k for CSV files, whose unit does not change with the data: cycles/µm, or cycles/pixel where no size is known."""
    return k if pixel_size_m is None else k / (float(np.mean(pixel_size_m)) * 1e6)
