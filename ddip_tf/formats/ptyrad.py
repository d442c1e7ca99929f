"""PtyRAD ``model_iterNNNN.hdf5``: amplitude and phase of (modes, N, H, W); Å for electrons, metres for X-rays."""

from __future__ import annotations

from typing import Any

from ddip_tf.formats import hdf5
from ddip_tf.formats.content import box_of, pair, positive

ANGSTROM_M = 1e-10
#: a pixel written in metres is smaller than this, one in Å larger
SMALLEST_ANGSTROM = 1e-6


def find(file: Any) -> hdf5.Layout | None:
    """``/optimizable_tensors/obja`` and ``objp``."""
    names = ("optimizable_tensors/obja", "optimizable_tensors/objp")
    if any(hdf5.get(file, name) is None for name in names):
        return None
    shape = hdf5.shape_of(file, names[1])
    size = positive(hdf5.numbers(file, "model_attributes/dx"), 1)
    unit = 1.0 if size and size[0] < SMALLEST_ANGSTROM else ANGSTROM_M
    thickness = hdf5.numbers(file, "model_attributes/slice_thickness")
    wavelength = positive(hdf5.numbers(file, "model_attributes/lambd"), 1)
    corners = hdf5.numbers(file, "model_attributes/crop_pos")
    probe = hdf5.numbers(file, "model_attributes/simu_Npix")
    scanned = None
    if corners is not None and corners.ndim == 2 and probe is not None and probe.size == 1:
        middle = corners + float(probe.ravel()[0]) / 2
        scanned = box_of(middle[:, 0], middle[:, 1], (shape[-2], shape[-1]))
    spacing = positive(thickness, shape[-3] - 1) if len(shape) > 2 and thickness is not None else None
    return hdf5.Layout(
        names,
        polar=True,
        pixel_size_m=pair(size[0] * unit) if size else None,
        spacing_m=tuple(step * unit for step in spacing) if spacing else None,
        wavelength_m=wavelength[0] * unit if wavelength else None,
        scanned=scanned,
    )
