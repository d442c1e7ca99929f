"""TIFF and ``.npy`` files as contents, changed in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import arrays, microscopy, tiff
from ddip_tf.formats.content import Content, as_slices, multiplied


def read_tiff(path: Path, dataset: str | None) -> Content:
    """Slices of a TIFF, ``dataset`` as in `microscopy`; sizes from OME, ImageJ or the tags. Raises InputError."""
    stack = microscopy.load(path, dataset)
    spacing = stack.sizes.spacing_m
    return Content(
        as_slices(stack.images, str(path)),
        stack.sizes.pixel_m,
        (spacing,) * (len(stack.images) - 1) if spacing and len(stack.images) > 1 else None,
        axis_known=stack.axis_known,
        notes=stack.notes,
    )


def read_numpy(path: Path, dataset: str | None) -> Content:
    """The array of a ``.npy`` file, as ``numpy.save(path, object)`` writes pty-chi's. Raises InputError."""
    return Content(as_slices(arrays.read(path), str(path)))


def change_numpy(path: Path, dataset: str | None, factor: np.ndarray) -> None:
    """See `Family`."""
    array = np.load(path, allow_pickle=False)
    np.save(path, multiplied(as_slices(array, str(path)), factor).reshape(array.shape).astype(_floating(array.dtype)))


def change_tiff(path: Path, dataset: str | None, factor: np.ndarray) -> None:
    """See `Family`; in place where the pixels lie in one piece, so that every tag stays, else written anew."""
    import tifffile

    stack = microscopy.load(path, dataset)
    changed = multiplied(stack.images, factor)
    try:
        stored = tifffile.memmap(path, mode="r+", series=stack.series or 0) if _own(stack) else None
    except ValueError:  # packed, tiled, or in strips that do not follow each other
        stored = None
    if stored is not None and stored.dtype.kind in "fc" and stored.size == stack.array.size:
        stack.view(stored.reshape(stack.array.shape))[...] = changed.astype(stored.dtype)
        stored.flush()
        return
    del stored
    if np.iscomplexobj(changed):
        raise InputError(f"{path} is a packed complex TIFF, which ddip-tf cannot change: save it unpacked or as .npy")
    if changed.size != stack.array.size:
        raise InputError(f"{path} is packed and holds more than these slices, which would be lost: save them alone")
    tiff.write(path, changed, stack.sizes.pixel_m)


def _own(stack: microscopy.Stack) -> bool:
    """Whether the slices are one series of the file, so that its pixels can lie in one piece."""
    return stack.series is not None


def _floating(kind: np.dtype) -> np.dtype:
    return kind if kind.kind in "fc" else np.dtype(np.float32)
