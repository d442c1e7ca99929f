"""py4DSTEM (EMD 1.0): the reconstruction's ``_object_emd``, complex or an electrostatic potential. Lengths in Å."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddip_tf.formats import hdf5
from ddip_tf.formats.content import box_of, pair, positive
from ddip_tf.slices.optics import HC_EV_M

ANGSTROM_M = 1e-10
TWO_REST_ENERGIES_EV = 2 * 510998.95  # of the electron


def find(file: Any) -> hdf5.Layout | None:
    """``/<name>_root/<name>/_object_emd/data`` (N, H, W): an image's first axis is its row, as py4DSTEM shows it."""
    place = _place(file)
    if place is None:
        return None
    shape = hdf5.shape_of(file, f"{place}/_object_emd/data")
    about = f"{place}/metadatabundle"
    sampling = hdf5.numbers(file, f"{about}/preprocess_metadata/sampling")
    positions = hdf5.numbers(file, f"{about}/preprocess_metadata/positions_px")
    thicknesses = hdf5.numbers(file, f"{about}/instantiation_metadata/slice_thicknesses")
    energy = positive(hdf5.numbers(file, f"{about}/instantiation_metadata/energy"), 1)
    size = pair(sampling) if sampling is not None else None
    spacing = positive(thicknesses, shape[0] - 1) if len(shape) == 3 and thicknesses is not None else None
    known = positions is not None and positions.ndim == 2 and positions.shape[1] == 2
    return hdf5.Layout(
        (f"{place}/_object_emd/data",),
        pixel_size_m=(size[0] * ANGSTROM_M, size[1] * ANGSTROM_M) if size else None,
        spacing_m=tuple(step * ANGSTROM_M for step in spacing) if spacing else None,
        wavelength_m=_electron_wavelength_m(energy[0]) if energy else None,
        scanned=box_of(positions[:, 0], positions[:, 1], (shape[-2], shape[-1]))
        if known and positions is not None
        else None,
    )


def _place(file: Any) -> str | None:
    for root in file:
        name = root.removesuffix("_root")
        if name != root and hdf5.get(file, f"{root}/{name}/_object_emd/data") is not None:
            return f"{root}/{name}"
    return None


def _electron_wavelength_m(energy_ev: float) -> float:
    """de Broglie's wavelength, relativistic."""
    return HC_EV_M / float(np.sqrt(energy_ev * (energy_ev + TWO_REST_ENERGIES_EV)))
