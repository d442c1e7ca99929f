"""Ptychodus products: ``.h5``, and ``.npz`` with the same words in front of its names. Lengths in metres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ddip_tf._types import Box
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import Content, as_slices, box_of, pair, positive
from ddip_tf.slices.optics import HC_EV_M


def find(file: Any) -> hdf5.Layout | None:
    """``/object`` (N, H, W), complex, with its pixel size as attributes."""
    node = hdf5.get(file, "object")
    if node is None or "pixel_width_m" not in node.attrs or "pixel_height_m" not in node.attrs:
        return None
    size = pair((node.attrs["pixel_height_m"], node.attrs["pixel_width_m"]))
    shape = hdf5.shape_of(file, "object")
    energy = positive(file.attrs.get("photon_energy_eV"), 1)
    spacing = hdf5.numbers(file, "object_layer_spacing_m")
    centre = (node.attrs.get("center_y_m", 0.0), node.attrs.get("center_x_m", 0.0))
    positions = tuple(hdf5.numbers(file, f"probe_position_{axis}_m") for axis in "yx")
    return hdf5.Layout(
        ("object",),
        pixel_size_m=size,
        spacing_m=positive(spacing, shape[0] - 1) if len(shape) == 3 and spacing is not None else None,
        wavelength_m=HC_EV_M / energy[0] if energy else None,
        scanned=_scanned(positions, centre, size, shape[-2:]),
        electrons=False if energy else None,
    )


def from_npz(arrays: Mapping[str, np.ndarray]) -> Content | None:
    """The content of a ``.npz`` product, or None if it is none. Raises InputError if its object is no image."""
    if not {"object", "object_pixel_width_m", "object_pixel_height_m"} <= set(arrays):
        return None
    images = as_slices(arrays["object"], "object")
    size = pair((arrays["object_pixel_height_m"], arrays["object_pixel_width_m"]))
    energy = positive(arrays.get("photon_energy_eV"), 1)
    centre = (arrays.get("object_center_y_m", 0.0), arrays.get("object_center_x_m", 0.0))
    positions = tuple(arrays.get(f"probe_position_{axis}_m") for axis in "yx")
    return Content(
        images,
        size,
        positive(arrays.get("object_layer_spacing_m"), len(images) - 1),
        HC_EV_M / energy[0] if energy else None,
        _scanned(positions, centre, size, images.shape[1:]),
        electrons=False if energy else None,
        axis_known=True,
    )


def _scanned(positions: tuple, centre: tuple, size: tuple[float, float] | None, shape: tuple) -> Box | None:
    """The box of the positions; the centre, in metres, lies in the middle of the object, at (side − 1) / 2 pixels."""
    if size is None or any(axis is None for axis in positions):
        return None
    y, x = (
        (axis - float(middle)) / step + (side - 1) / 2
        for axis, middle, step, side in zip(positions, centre, size, shape, strict=True)
    )
    return box_of(y, x, shape)
