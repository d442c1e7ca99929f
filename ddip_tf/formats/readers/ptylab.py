"""PtyLab: the ``object`` (nlambda, nosm, npsm, nslice, H, W) that ``Reconstruction.saveResults`` writes. In metres."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import hdf5
from ddip_tf.formats.content import box_of, one, pair

#: what the axes before the slices count, in their order
COUNTED = ("wavelengths", "object modes", "probe modes")


def find(file: Any) -> hdf5.Layout | None:
    """``/object`` of six axes with ``dxp`` beside it, the pixel size of probe and object. PtyLab writes no spacing.

    Raises InputError for more than one wavelength or mode, or an object of Fourier ptychography.
    """
    node = hdf5.get(file, "object")
    if node is None or getattr(node, "ndim", 0) != 6 or hdf5.get(file, "dxp") is None:
        return None
    if hdf5.get(file, "zled") is not None:
        raise InputError(f"{file.filename} is PtyLab's of Fourier ptychography, whose object has no slices")
    shape = node.shape
    for count, name in zip(shape[:3], COUNTED, strict=True):
        if count != 1:
            raise InputError(f"{file.filename} holds {count} {name}; ddip-tf works on one: save that one as .npy")
    size = one(hdf5.numbers(file, "dxp"))
    positions = hdf5.numbers(file, "encoder_corrected")
    scanned = None
    if size and positions is not None and positions.ndim == 2 and positions.shape[1] == 2:
        # a probe's corner is round(position / dxo) + No // 2 - Np // 2 (calculate_pixel_positions)
        middle = np.round(positions / size) + np.array(shape[-2:]) // 2
        scanned = box_of(middle[:, 0], middle[:, 1], (shape[-2], shape[-1]))
    return hdf5.Layout(
        ("object",),
        pixel_size_m=pair(size),
        wavelength_m=one(hdf5.numbers(file, "wavelength")),
        scanned=scanned,
    )
