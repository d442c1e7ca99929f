"""py4DSTEM (EMD 1.0): the reconstruction's ``_object_emd``, complex or an electrostatic potential. Lengths in Å."""

from __future__ import annotations

from typing import Any

from ddip_tf.formats import hdf5
from ddip_tf.formats.content import box_of, gaps, one, pair_in
from ddip_tf.slices.optics import electron_wavelength_m
from ddip_tf.slices.quantities import ANGSTROM_M


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
    energy = one(hdf5.numbers(file, f"{about}/instantiation_metadata/energy"))
    angle = one(hdf5.numbers(file, f"{about}/instantiation_metadata/semiangle_cutoff"))
    known = positions is not None and positions.ndim == 2 and positions.shape[1] == 2
    return hdf5.Layout(
        (f"{place}/_object_emd/data",),
        pixel_size_m=pair_in(sampling, ANGSTROM_M),
        spacing_m=gaps(thicknesses, shape[0], ANGSTROM_M) if len(shape) == 3 else None,
        wavelength_m=electron_wavelength_m(energy) if energy else None,
        scanned=box_of(positions[:, 0], positions[:, 1], (shape[-2], shape[-1]))
        if known and positions is not None
        else None,
        electrons=True,
        probe_angle_rad=1e-3 * angle if angle else None,
    )


def _place(file: Any) -> str | None:
    for root in file:
        name = root.removesuffix("_root")
        if name != root and hdf5.get(file, f"{root}/{name}/_object_emd/data") is not None:
            return f"{root}/{name}"
    return None
