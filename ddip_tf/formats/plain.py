"""Plain TIFF and ``.npy`` files as contents, with what OME and ImageJ say of the pixel size; changed in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import arrays, tiff
from ddip_tf.formats.content import Content, as_slices, multiplied

#: metres in the units that microscopists write
UNITS_M = {
    "m": 1.0,
    "mm": 1e-3,
    "cm": 1e-2,
    "um": 1e-6,
    "µm": 1e-6,
    "μm": 1e-6,
    "micron": 1e-6,
    "nm": 1e-9,
}
UNITS_M |= {"\\u00b5m": 1e-6, "microns": 1e-6, "å": 1e-10, "angstrom": 1e-10}


def read_tiff(path: Path, dataset: str | None) -> Content:
    """Pages of a TIFF; pixel size from OME or ImageJ, else from the resolution tags. Raises InputError."""
    images, size = tiff.read(path)
    return Content(as_slices(images, str(path)), _described_size(path) or size)


def read_numpy(path: Path, dataset: str | None) -> Content:
    """The array of a ``.npy`` file, as ``numpy.save(path, object)`` writes pty-chi's. Raises InputError."""
    return Content(arrays.read(path)[0])


def change_numpy(path: Path, dataset: str | None, factor: np.ndarray) -> None:
    """See `Family`."""
    array = np.load(path, allow_pickle=False)
    np.save(path, multiplied(as_slices(array, str(path)), factor).reshape(array.shape).astype(_floating(array.dtype)))


def change_tiff(path: Path, dataset: str | None, factor: np.ndarray) -> None:
    """See `Family`; in place where the pixels lie in one piece, so that every tag stays, else written anew."""
    import tifffile

    content = read_tiff(path, dataset)
    changed = multiplied(content.images, factor)
    try:
        stored = tifffile.memmap(path, mode="r+")
    except ValueError:  # packed, tiled, or in strips that do not follow each other
        stored = None
    if stored is not None and stored.dtype.kind in "fc" and stored.size == changed.size:
        stored[...] = changed.reshape(stored.shape).astype(stored.dtype)
        stored.flush()
        return
    del stored
    if np.iscomplexobj(changed):
        raise InputError(f"{path} is a packed complex TIFF, which ddip-tf cannot change: save it unpacked or as .npy")
    tiff.write(path, changed, content.pixel_size_m)


def _floating(kind: np.dtype) -> np.dtype:
    return kind if kind.kind in "fc" else np.dtype(np.float32)


def _described_size(path: Path) -> tuple[float, float] | None:
    """(y, x) pixel size in metres that an OME or ImageJ description states, or None."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            if file.is_ome and file.ome_metadata:
                return _of_ome(file.ome_metadata)
            about = file.imagej_metadata
            if about and str(about.get("unit", "")).lower() in UNITS_M:
                unit = UNITS_M[str(about["unit"]).lower()]
                tags = file.pages.first.tags
                return _checked(unit * _inverse(tags[name].value) for name in ("YResolution", "XResolution"))
    except (KeyError, ValueError, TypeError, ZeroDivisionError, OSError):
        pass
    return None


def _of_ome(text: str) -> tuple[float, float] | None:
    from xml.etree import ElementTree

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None  # no OME file declares entities; expanding them is how XML attacks work
    try:
        pixels = next(node for node in ElementTree.fromstring(text).iter() if node.tag.endswith("Pixels"))
    except (StopIteration, ElementTree.ParseError):
        return None
    names = [f"PhysicalSize{axis}" for axis in "YX"]
    return _checked(float(pixels.attrib[n]) * UNITS_M[pixels.attrib.get(f"{n}Unit", "µm").lower()] for n in names)


def _inverse(ratio: tuple[int, int]) -> float:
    return ratio[1] / ratio[0]


def _checked(sizes: Any) -> tuple[float, float] | None:
    y, x = sizes
    return (float(y), float(x)) if 0 < y < tiff.LARGEST_PIXEL_M and 0 < x < tiff.LARGEST_PIXEL_M else None
