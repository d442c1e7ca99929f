"""Files in, and changed copies out: one module a file family, one table of them. ``read`` is the way in.

Light: h5py, tifffile and the like are imported where a file needs them. Imports `ddip_tf.slices` and the rooms before.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ddip_tf._types import Box, Floats, StrPath
from ddip_tf.errors import InputError
from ddip_tf.formats import adorym, arrays, hdf5, matlab, npz, plain, ptychodus, ptypy, ptyrad, py4dstem, tiff
from ddip_tf.formats.content import Content, Family
from ddip_tf.slices.phase import Conversion, convert, scanned_box
from ddip_tf.slices.stack import SMALLEST_SIDE, SliceStack, Source, check_box

#: in the order in which a file is asked what it is
FAMILIES = {
    "adorym": Family(adorym.recognises, adorym.read, adorym.change, adorym.companions),
    "tiff": Family(lambda _, head: tiff.recognises(head), plain.read_tiff, plain.change_tiff),
    "numpy": Family(lambda _, head: arrays.recognises(head), plain.read_numpy, plain.change_numpy),
    "npz": Family(npz.recognises, npz.read, npz.change),
    "ptychodus": hdf5.family(ptychodus.find),
    "ptyrad": hdf5.family(ptyrad.find),
    "ptypy": hdf5.family(ptypy.find),
    "py4dstem": hdf5.family(py4dstem.find),
    "matlab": hdf5.family(matlab.find),
    "matlab5": Family(matlab.recognises_v5, matlab.refuse_v5),
    "hdf5": replace(hdf5.family(hdf5.nothing), recognises=lambda _, head: hdf5.looks_like_hdf5(head)),
}


def read(
    *files: StrPath,
    pixel_size_m: float | None = None,
    family: str | None = None,
    dataset: str | None = None,
    conversion: Conversion | None = None,
) -> SliceStack:
    """Read slice images into a stack: one file a slice, upstream first, or ONE file that holds all slices.

    Parameters
    ----------
    files
        files of any family in `FAMILIES`: images, or the complex object of a reconstruction program.
    pixel_size_m
        pixel size in metres where the files do not say; wins over what they say.
    family, dataset
        name in `FAMILIES`, and where in the file the object lies; found by themselves if None.
    conversion
        how complex objects become images, and the crop; phase of the scanned area if None.

    Returns
    -------
    SliceStack
        float32 images (N, H, W).

    Raises
    ------
    InputError
        a file is missing, unreadable or no image; shapes differ; fewer than two slices; some files complex, some not.
    """
    conversion = conversion or Conversion()
    images: list[np.ndarray] = []
    sources: list[Source] = []
    found = []
    for file in files:
        path = Path(file)
        kind = family_of(path, family, dataset)
        content = FAMILIES[kind].read(path, dataset)
        pages = content.images
        if len(files) > 1 and len(pages) > 1:
            raise InputError(f"{path} holds {len(pages)} images: give one image a file, or this file alone")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        sources += [Source(path.name, digest, n, str(pages.dtype), kind, dataset) for n in range(len(pages))]
        images += list(pages)
        found.append(content)
    if not images:
        raise InputError("no slice images given")
    for image, source in zip(images, sources, strict=True):
        if image.shape != images[0].shape:
            raise InputError(
                f"shapes differ: {sources[0].name} is {_shape(images[0])}, {source.name} is {_shape(image)}"
            )
        if np.iscomplexobj(image) != np.iscomplexobj(images[0]):
            raise InputError(f"{sources[0].name} and {source.name}: one is complex, the other is not")
    known = [content.pixel_size_m for content in found if content.pixel_size_m]
    if pixel_size_m is None and any(not np.allclose(size, known[0], rtol=1e-3, atol=0) for size in known):
        raise InputError("the files name different pixel sizes; state the right one (--pixel-size)")
    crop, record, slices = None, None, np.stack(images)
    if np.iscomplexobj(slices):
        crop = _box(slices, conversion.crop, found[0].scanned)
        rows, columns = crop or ((0, None), (0, None))
        slices, record = convert(slices[:, slice(*rows), slice(*columns)], conversion)
    elif conversion.quantity != "phase":
        raise InputError(f"{sources[0].name} holds real images: there is no {conversion.quantity} to take from them")
    stack = SliceStack(
        slices,
        pixel_size_m=(pixel_size_m, pixel_size_m) if pixel_size_m is not None else (known[0] if known else None),
        spacing_m=found[0].spacing_m,
        sources=tuple(sources),
        crop=crop,
        record=record,
    )
    return stack if record or isinstance(conversion.crop, str) else stack.cropped(*conversion.crop)


def read_images(file: StrPath) -> tuple[Floats, tuple[float, float] | None]:
    """All images (N, H, W) of one file as they are, complex included, and the (y, x) pixel size in metres.

    Raises InputError if the file is missing, unreadable or holds no image.
    """
    content = open_content(file)
    return content.images, content.pixel_size_m


def open_content(file: StrPath, family: str | None = None, dataset: str | None = None) -> Content:
    """What one file holds: its images (N, H, W) as they are, complex included, and what it says of them.

    Raises InputError if the file is missing, unreadable or holds no image.
    """
    path = Path(file)
    return FAMILIES[family_of(path, family, dataset)].read(path, dataset)


def family_of(file: StrPath, family: str | None = None, dataset: str | None = None) -> str:
    """The name of a file's family, found from its content unless ``family`` says it.

    Raises InputError if the file is missing or no family knows it, or ``family`` is no name.
    """
    path = Path(file)
    if family is not None and family not in FAMILIES:
        raise InputError(f"no format {family!r}; there are {', '.join(FAMILIES)}")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a directory or device, not a file")
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    if family is not None:
        return family
    if dataset is not None and hdf5.looks_like_hdf5(head):
        return "hdf5"
    for name, candidate in FAMILIES.items():
        if candidate.recognises(path, head):
            return name
    raise InputError(f"{path} is not an image file that ddip-tf reads ({', '.join(FAMILIES)})")


def _box(objects: np.ndarray, wanted: Box | str, scanned: Box | None) -> Box | None:
    """The part of ``objects`` (N, H, W), complex, to work on, or None for all. Raises InputError."""
    if wanted == "auto":
        box = scanned or scanned_box(objects)
        return box if box and min(end - start for start, end in box) >= SMALLEST_SIDE else None
    if isinstance(wanted, str):
        return None
    check_box(*wanted, objects.shape[1:])
    return wanted


def _shape(image: Floats) -> str:
    return " x ".join(map(str, image.shape))
