"""TIFF files, read and written with tifffile; the pixel size travels in the resolution tags."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Floats, StrPath
from ddip_tf.environment import silenced
from ddip_tf.errors import InputError
from ddip_tf.formats import limits

#: metres in one TIFF resolution unit (2: inch, 3: centimetre)
UNIT_M = {2: 0.0254, 3: 0.01}
#: no ptychographic pixel is larger; a larger one is a printing resolution such as 72 dpi
LARGEST_PIXEL_M = 1e-5
#: codecs that are told how much to unpack (JPEG and its kin believe their own header instead)
COMPRESSIONS = {1: "none", 5: "LZW", 8: "Deflate", 32946: "Deflate", 32773: "PackBits", 34925: "LZMA", 50000: "Zstd"}
#: pages and pieces of a page; more take minutes to unpack, whatever their size
MOST_PAGES, MOST_PIECES = 10_000, 1_000_000


def recognises(head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are those of a TIFF or BigTIFF of either byte order."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read(path: Path) -> tuple[Floats, tuple[float, float] | None]:
    """Images (N, H, W), one a page, and the (y, x) pixel size in metres if the tags say it.

    For files as ddip-tf writes them; `ddip_tf.formats.microscopy` reads those of others. Raises InputError for a
    damaged file, pages that are not of one shape (H, W), more data than the limit (`ddip_tf.formats.limits`), or a
    compression other than those in `COMPRESSIONS`.
    """
    with opened(path) as file:
        for each in file.pages:
            admit(path, each, len(file.pages))
        pages = [page.asarray().squeeze() for page in file.pages]
        size = pixel_size_m(file.pages.first.tags)
    for page in pages:
        if page.ndim != 2:
            raise InputError(f"{path} holds no 2-D image: a page has shape {page.shape}")
        if page.shape != pages[0].shape:
            raise InputError(f"{path} has pages of different shape: {pages[0].shape} and {page.shape}")
    return np.stack(pages), size


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An open `tifffile.TiffFile` that opens no other file; whatever it raises becomes one InputError."""
    import tifffile

    try:
        with silenced("tifffile"), tifffile.TiffFile(path, _multifile=False) as file:  # what it would log is raised
            _walk(path, file)
            yield file
    except InputError:
        raise
    except Exception as error:  # tifffile and its codecs raise many kinds
        raise InputError(f"{path} cannot be read as TIFF: {_one_line(error)}") from error


def write(path: StrPath, image: Floats, pixel_size_m: tuple[float, float] | None = None) -> None:
    """Write one image (H, W) as float32 TIFF, with its (y, x) pixel size in metres where known."""
    import tifffile

    tags: dict = {}
    if pixel_size_m:
        tags = {
            "resolution": (UNIT_M[3] / pixel_size_m[1], UNIT_M[3] / pixel_size_m[0]),
            "resolutionunit": "CENTIMETER",
        }
    tifffile.imwrite(path, np.asarray(image, np.float32), photometric="minisblack", metadata=None, **tags)


def _walk(path: Path, file: Any) -> None:
    """Raise InputError for pages that lead in a circle, or too many: tifffile would follow millions."""
    stream, layout = file.filehandle, file.tiff
    at = layout.offsetsize if layout.is_bigtiff else 4
    seen: set[int] = set()
    while True:
        stream.seek(at)
        (offset,) = struct.unpack(layout.offsetformat, stream.read(layout.offsetsize))
        if not offset or offset >= stream.size:
            return
        if offset in seen or len(seen) >= MOST_PAGES:
            raise InputError(f"{path} cannot be read as TIFF: its pages lead in a circle, or are over {MOST_PAGES}")
        seen.add(offset)
        stream.seek(offset)
        (tags,) = struct.unpack(layout.tagnoformat, stream.read(layout.tagnosize))
        at = offset + layout.tagnosize + tags * layout.tagsize


def admit(path: Path, page: Any, pages: int) -> None:
    """Raise InputError before anything is unpacked that would be too much, or by a codec that knows no bound."""
    if page.dtype is None:
        raise InputError(f"{path} cannot be read as TIFF: unknown kind of number")
    limits.admit(path, (pages, *page.shape), page.dtype)
    limits.admit(path, page.chunks, page.dtype)
    if int(page.compression) not in COMPRESSIONS:
        known = ", ".join(dict.fromkeys(COMPRESSIONS.values()))
        name = getattr(page.compression, "name", page.compression)
        raise InputError(f"{path} has compression {name}: save it with one of {known}")
    if pages > MOST_PAGES or math.prod(page.chunked) > MOST_PIECES:
        raise InputError(f"{path} is cut into too many pieces ({pages} pages, {page.chunked} strips or tiles)")


def pixel_size_m(tags: Any) -> tuple[float, float] | None:
    """(y, x) pixel size in metres by the resolution tags, or None; a printing resolution is none."""
    try:
        unit = UNIT_M[int(tags["ResolutionUnit"].value)]
        size = [unit * tags[name].value[1] / tags[name].value[0] for name in ("YResolution", "XResolution")]
    except (KeyError, ZeroDivisionError, TypeError):
        return None
    return (size[0], size[1]) if all(0 < s < LARGEST_PIXEL_M for s in size) else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
