"""phaser: the state files of its reconstructions, ``/object/data`` (N, H, W). Lengths in Å, the beam of electrons."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddip_tf.formats import hdf5
from ddip_tf.formats.content import box_of, gaps, one, pair, pair_in
from ddip_tf.slices.quantities import ANGSTROM_M


def find(file: Any) -> hdf5.Layout | None:
    """``/object`` with ``data``, ``sampling`` (y, x), ``corner`` (y, x) and ``thicknesses`` (N,)."""
    if any(hdf5.get(file, f"object/{name}") is None for name in ("data", "sampling", "thicknesses")):
        return None
    shape = hdf5.shape_of(file, "object/data")
    sampling, thicknesses, corner = (hdf5.numbers(file, f"object/{n}") for n in ("sampling", "thicknesses", "corner"))
    wavelength = one(hdf5.numbers(file, "wavelength"))
    size = pair(sampling)
    return hdf5.Layout(
        ("object/data",),
        pixel_size_m=pair_in(size, ANGSTROM_M),
        spacing_m=gaps(thicknesses, shape[0], ANGSTROM_M) if len(shape) == 3 else None,
        wavelength_m=wavelength * ANGSTROM_M if wavelength else None,
        scanned=_scanned(file, size, corner, (shape[-2], shape[-1])),
        electrons=True,
    )


def _scanned(file: Any, size: Any, corner: Any, shape: tuple[int, int]) -> Any:
    """Positions (…, 2) are y, x in Å; ``corner`` is where the middle of the first pixel lies."""
    node = hdf5.get(file, "scan")
    positions = hdf5.numbers(file, "scan/data" if hasattr(node, "keys") else "scan")  # a group since version 0.2
    if size is None or corner is None or np.size(corner) != 2 or positions is None or positions.shape[-1:] != (2,):
        return None
    y, x = ((positions[..., axis] - np.ravel(corner)[axis]) / size[axis] for axis in (0, 1))
    return box_of(y, x, shape)
