"""HyperSpy's ``.zspy``: a zarr 2 store, a folder or a zip archive, laid out as ``.hspy``. Read only.

Of zarr just what RosettaSciIO writes: chunks packed by Blosc, Zstd, zlib or not at all, no filters. Every size is
checked before anything is unpacked.
"""

from __future__ import annotations

import itertools
import json
import math
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import limits
from ddip_tf.formats.content import Content, as_slices, one
from ddip_tf.formats.readers.signals import axis_of, layout_of

#: bytes of a file that describes
LARGEST_JSON = 2**24
#: chunks; more take minutes to unpack, whatever their size
MOST_CHUNKS = 100_000

#: gives what the store keeps at a path, or None
Get = Callable[[str, int], bytes | None]


def recognises(path: Path, head: bytes) -> bool:
    """Whether ``path`` is a folder with a zarr store in it, or a zip archive of one."""
    if path.is_dir():
        return (path / ".zgroup").is_file()
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return ".zgroup" in archive.namelist()
    except Exception:  # zipfile raises many kinds
        return False  # a damaged archive: the reader of .npz says so


def read(path: Path, dataset: str | None) -> Content:
    """The only signal, or the one at ``dataset``, such as ``Experiments/name/data``. Raises InputError."""
    try:
        if path.is_dir():
            return _content(path, sorted(folder.parent.relative_to(path) for folder in path.rglob(".zarray")), dataset)
        with zipfile.ZipFile(path) as archive:
            names = sorted({Path(name).parent for name in archive.namelist() if name.endswith(".zarray")})
            return _content(path, names, dataset, archive)
    except InputError:
        raise
    except Exception as error:  # zipfile, JSON and the codecs raise many kinds
        raise InputError(f"{path} cannot be read as zarr: {' '.join(str(error).split())[:200]}") from error


def _content(path: Path, names: list[Path], dataset: str | None, archive: zipfile.ZipFile | None = None) -> Content:
    get = _from_zip(archive) if archive else _from_folder(path)
    signals = [name.as_posix() for name in names if name.name == "data" and name.parts[0] == "Experiments"]
    if dataset is None and len(signals) != 1:
        raise InputError(f"{path} holds {len(signals)} signals; choose one (`dataset`): {', '.join(signals[:8])}")
    place = (dataset or signals[0]).strip("/")
    if place not in [name.as_posix() for name in names]:
        raise InputError(f"{path} holds no array {place}; it holds {', '.join(name.as_posix() for name in names[:8])}")
    array = _array(get, place, str(path))
    group = place.rpartition("/")[0]
    about = [_json(get, f"{group}/axis-{number}/.zattrs") or {} for number in range(array.ndim)]
    microscope = _json(get, f"{group}/metadata/Acquisition_instrument/TEM/.zattrs") or {}
    axes = [axis_of(*(each.get(key, "") for key in ("name", "scale", "units"))) for each in about]
    layout = layout_of(place, array.shape, axes, one(microscope.get("beam_energy")))
    return Content(
        as_slices(array, f"{path}:{place}").transpose(layout.order),
        layout.pixel_size_m,
        layout.spacing_m,
        layout.wavelength_m,
        electrons=layout.electrons,
        slice_axis=layout.slice_axis,
        axis_known=layout.axis_known,
    )


def _array(get: Get, place: str, where: str) -> np.ndarray:
    about = _json(get, f"{place}/.zarray") or {}
    kind = np.dtype(about["dtype"])
    shape, chunks = ([int(side) for side in about[key]] for key in ("shape", "chunks"))
    if kind.kind not in "fiubc" or about.get("filters") or min([*shape, *chunks], default=0) < 1:
        raise InputError(f"{where}:{place} holds no plain numbers")
    limits.admit(where, shape, kind)
    limits.admit(where, chunks, kind)
    counts = [math.ceil(side / chunk) for side, chunk in zip(shape, chunks, strict=True)]
    if math.prod(counts) > MOST_CHUNKS:
        raise InputError(f"{where}:{place} is cut into too many chunks ({math.prod(counts)})")
    array = np.zeros(shape, kind)
    size = math.prod(chunks) * kind.itemsize
    separator = about.get("dimension_separator", ".")
    for number in itertools.product(*map(range, counts)):
        packed = get(f"{place}/{separator.join(map(str, number))}", 2 * size + 2**16)
        if packed is None:
            continue  # a chunk of the fill value, 0
        data = _unpacked(packed, about.get("compressor"), size)
        if len(data) != size:
            raise InputError(f"{where}:{place} has a chunk of {len(data)} bytes instead of {size}")
        piece = np.frombuffer(data, kind).reshape(chunks, order=about.get("order", "C"))
        ends = [slice(n * step, min((n + 1) * step, side)) for n, step, side in zip(number, chunks, shape, strict=True)]
        array[tuple(ends)] = piece[tuple(slice(end.stop - end.start) for end in ends)]
    return array


def _unpacked(data: bytes, compressor: dict[str, Any] | None, size: int) -> bytes:
    import imagecodecs

    name = (compressor or {}).get("id")
    if name is None:
        return data
    if name == "blosc":
        if len(data) < 16 or int.from_bytes(data[4:8], "little") != size:  # a Blosc header announces its size
            raise InputError("a Blosc chunk announces another size than the array has")
        return bytes(imagecodecs.blosc_decode(data))
    if name == "zstd":
        return bytes(imagecodecs.zstd_decode(data, out=size))
    if name == "zlib":
        return zlib.decompressobj().decompress(data, size + 1)
    raise InputError(f"its chunks are packed by {name}, which ddip-tf does not read: save it as .hspy")


def _json(get: Get, name: str) -> dict[str, Any] | None:
    data = get(name, LARGEST_JSON)
    found = json.loads(data) if data is not None else None
    return found if isinstance(found, dict) else None


def _from_folder(root: Path) -> Get:
    def get(name: str, most: int) -> bytes | None:
        file = root / name
        if ".." in Path(name).parts or not file.resolve().is_relative_to(root.resolve()):
            raise InputError(f"{root} keeps {name} outside of itself: ddip-tf opens only what it is given")
        if not file.is_file():
            return None
        if file.stat().st_size > most:
            raise InputError(f"{file} has more than {most} bytes")
        return file.read_bytes()

    return get


def _from_zip(archive: zipfile.ZipFile) -> Get:
    members = {member.filename: member for member in archive.infolist()}  # of several of one name, the last counts

    def get(name: str, most: int) -> bytes | None:
        member = members.get(name)
        if member is None:
            return None
        if member.file_size > most:
            raise InputError(f"{archive.filename}:{name} has more than {most} bytes")
        return archive.read(member)

    return get
