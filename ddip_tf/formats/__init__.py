"""Files in: one module a file family, one table of them. ``read`` is the way in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddip_tf import _typing
from ddip_tf._typing import Floats
from ddip_tf.errors import InputError
from ddip_tf.formats import arrays, tiff
from ddip_tf.slices import SliceStack, Source


@dataclass(frozen=True)
class Family:
    """A file family: ``recognises`` its first bytes, ``read`` gives (images (N, H, W), (y, x) pixel size in m)."""

    recognises: Callable[[bytes], bool]
    read: Callable[[Path], tuple[Floats, tuple[float, float] | None]]


FAMILIES = {
    "tiff": Family(tiff.recognises, tiff.read),
    "numpy": Family(arrays.recognises, arrays.read),
}


def read(*files: _typing.Path, pixel_size_m: float | None = None) -> SliceStack:
    """Read slice images into a stack: one file a slice, upstream first, or ONE file that holds all slices.

    Parameters
    ----------
    files
        TIFF files (any byte order and tiling, several pages, compressed without loss) or NumPy ``.npy`` arrays.
    pixel_size_m
        pixel size in metres where the files do not say; wins over what they say.

    Returns
    -------
    SliceStack
        float32 images (N, H, W).

    Raises
    ------
    InputError
        a file is missing, unreadable, no image, RGB or complex; shapes differ; fewer than two slices.
    """
    images: list[Floats] = []
    sources: list[Source] = []
    sizes = []
    for file in files:
        path = Path(file)
        pages, size = read_images(path)
        if len(files) > 1 and len(pages) > 1:
            raise InputError(f"{path} holds {len(pages)} images: give one image a file, or this file alone")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        sources += [Source(path.name, digest, page, str(pages.dtype)) for page in range(len(pages))]
        images += list(pages)
        sizes.append(size)
    if not images:
        raise InputError("no slice images given")
    for image, source in zip(images, sources, strict=True):
        if image.shape != images[0].shape:
            raise InputError(
                f"shapes differ: {sources[0].name} is {_shape(images[0])}, {source.name} is {_shape(image)}"
            )
    known = [size for size in sizes if size]
    if pixel_size_m is None and any(not np.allclose(size, known[0], rtol=1e-3, atol=0) for size in known):
        raise InputError("the files name different pixel sizes; state the right one (--pixel-size)")
    return SliceStack(
        np.stack(images),
        pixel_size_m=(pixel_size_m, pixel_size_m) if pixel_size_m is not None else (known[0] if known else None),
        sources=tuple(sources),
    )


def read_images(file: _typing.Path) -> tuple[Floats, tuple[float, float] | None]:
    """All images (N, H, W) of one file as they are, complex included, and the (y, x) pixel size in metres.

    Raises InputError if the file is missing, unreadable or holds no image.
    """
    path = Path(file)
    return _family(path).read(path)


def _family(path: Path) -> Family:
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a directory or device, not a file")
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    for family in FAMILIES.values():
        if family.recognises(head):
            return family
    raise InputError(f"{path} is not an image file that ddip-tf reads ({', '.join(FAMILIES)})")


def _shape(image: Floats) -> str:
    return " x ".join(map(str, image.shape))
