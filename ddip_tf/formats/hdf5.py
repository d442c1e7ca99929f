"""HDF5 files: a family says where its object lies (`Layout`); reading and writing by that layout is one code for all.

Nothing outside the file is ever opened: external links, external storage and virtual datasets are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf._types import Box
from ddip_tf.caution import Caution
from ddip_tf.errors import InputError
from ddip_tf.formats import mapped
from ddip_tf.formats.content import Content, Family, as_slices, check_size

#: soft links followed one after another, and datasets named to a user who must choose one
MOST_LINKS, MOST_NAMED = 16, 8
#: cells that are looked into
MOST_CELLS = 1000
MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Layout:
    """Where a file keeps its object, and what it says of it (see `Content`).

    ``datasets``: one of all slices, or one for each slice, or with ``polar`` amplitude and phase of all slices.
    ``order``: which axes of them are slices, y and x (MATLAB, whose first axis varies fastest, has `REVERSED` ones);
    ``modes_axis``: where there are four, the one that counts object modes.
    """

    datasets: tuple[str, ...]
    polar: bool = False
    order: tuple[int, int, int] = (0, 1, 2)
    modes_axis: int = 0
    pixel_size_m: tuple[float, float] | None = None
    spacing_m: tuple[float, ...] | None = None
    wavelength_m: float | None = None
    scanned: Box | None = None
    electrons: bool | None = None
    slice_axis: str = "first"
    axis_known: bool = True
    notes: tuple[Caution, ...] = ()
    probe_angle_rad: float | None = None


#: of an array (H, W, N) that MATLAB wrote
REVERSED = (0, 2, 1)

Find = Callable[[Any], Layout | None]


def family(find: Find, at: Callable[[Any, str], Layout | None] = lambda file, dataset: None) -> Family:
    """The family of HDF5 files in which ``find`` (h5py file → layout, or None) finds an object.

    ``at(file, dataset)`` is the layout of a dataset that the user names, or None for one of which nothing is known.
    """

    def recognises(path: Path, head: bytes) -> bool:
        if not looks_like_hdf5(head):
            return False
        try:
            return _with_file(path, "r", lambda file: find(file) is not None)
        except Unreadable:
            return False  # the family of all HDF5 files says why

    def layout_in(file: Any, dataset: str | None) -> Layout:
        layout = at(file, dataset) or plain(file, dataset) if dataset else find(file)
        if layout is None:
            raise InputError(f"{file.filename} holds no object of this format" + _names(file))
        return layout

    def read(path: Path, dataset: str | None) -> Content:
        return _with_file(path, "r", lambda file: load(file, layout_in(file, dataset)))

    def change(path: Path, dataset: str | None, factor: np.ndarray) -> None:
        _with_file(path, "r+", lambda file: store(file, layout_in(file, dataset), factor))

    return Family(recognises, read, change)


class Unreadable(InputError):
    """A file that h5py does not open, or gives up on."""


def looks_like_hdf5(head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are HDF5's, or have them behind a block such as MATLAB's."""
    return head.startswith(MAGIC) or head[512 : 512 + len(MAGIC)] == MAGIC or head.startswith(b"MATLAB 7.3 MAT-f")


def nothing(file: Any) -> None:
    """Finds no layout: the family of all other HDF5 files, which need ``--dataset``."""


def plain(file: Any, name: str) -> Layout:
    """Of an array at ``name``, of which nothing is known but whether MATLAB wrote it."""
    node = get(file, name)
    if (node is not None and "MATLAB_class" in node.attrs) or written_by_matlab(file):
        return Layout((name,), order=REVERSED, modes_axis=1, slice_axis="last", axis_known=False)
    return Layout((name,), axis_known=False)


def written_by_matlab(file: Any) -> bool:
    """Whether the file begins with MATLAB's block."""
    with open(file.filename, "rb") as stream:
        return stream.read(6) == b"MATLAB"


def load(file: Any, layout: Layout) -> Content:
    """The content of an open file by its layout. Raises InputError."""
    stays = len(layout.datasets) == 1  # of several, or of amplitude and phase, new arrays are made
    arrays = [
        as_slices(_numbers(dataset(file, name, stays), stays), f"{file.filename}:{name}", layout.modes_axis)
        for name in layout.datasets
    ]
    if len(arrays) > 1 and not layout.polar and (modes := max(map(len, arrays))) > 1:
        raise InputError(f"{file.filename} holds {modes} object modes; ddip-tf works on one: save that one as .npy")
    if any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
        raise InputError(f"{file.filename}: slices of different shape, {[array.shape[1:] for array in arrays]}")
    if layout.polar:
        amplitude, phase = arrays
        images = (amplitude * np.exp(1j * phase.astype(np.float64))).astype(np.complex64)
    else:
        images = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return Content(
        images.transpose(layout.order),
        layout.pixel_size_m,
        layout.spacing_m,
        layout.wavelength_m,
        layout.scanned,
        layout.electrons,
        layout.slice_axis,
        layout.axis_known,
        layout.notes,
        layout.probe_angle_rad,
    )


def store(file: Any, layout: Layout, factor: np.ndarray) -> None:
    """Multiply the object of an open file by exp(``factor``), complex (N, H, W)."""
    factor = factor.transpose(np.argsort(layout.order))
    done = 0
    for number, name in enumerate(layout.datasets):
        target = dataset(file, name)
        array = _numbers(target)
        if layout.polar:
            new = array * np.exp(factor.real) if number == 0 else array + factor.imag
        else:
            count = len(as_slices(array, name, layout.modes_axis))
            part = factor[done : done + count].reshape(array.shape)
            done += count
            new = array * np.exp(part) if np.iscomplexobj(array) else array + part.imag
        _overwrite(target, new.reshape(array.shape))


def get(file: Any, path: str, links: int = MOST_LINKS) -> Any:
    """The group or dataset at ``path``, or None; links are followed within the file only, a few. Raises InputError."""
    import h5py

    node, parts = file, [part for part in path.split("/") if part]
    for number, part in enumerate(parts):
        # not `part in node`, which looks behind links
        there = isinstance(node, h5py.Group) and node.id.links.exists(part.encode())
        link = node.get(part, getlink=True) if there else None
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{file.filename}:{path} is a link to another file ({link.filename}): give that file")
        if isinstance(link, h5py.SoftLink):
            if not links:
                raise InputError(f"{file.filename}:{path} is a link that leads in a circle")
            start = "" if link.path.startswith("/") else node.name
            return get(file, "/".join([start, link.path, *parts[number + 1 :]]), links - 1)
        node = node[part] if link is not None else None
        if node is None:
            return None
    return node


def dataset(file: Any, path: str, stays: bool = False) -> Any:
    """The dataset at ``path``, safe to read, or to leave in the file where it ``stays`` there. Raises InputError."""
    import h5py

    node, where = get(file, path), f"{file.filename}:{path}"
    if not isinstance(node, h5py.Dataset):
        raise InputError(f"{where} is no dataset" + _names(file))
    if node.is_virtual or node.external:
        raise InputError(f"{where} keeps its numbers in another file: ddip-tf opens only the one it is given")
    if cells := _cells(file, node):
        named = ", ".join(cells[:MOST_NAMED])
        raise InputError(f"{where} is a cell array, one array for each scan or object; choose one (`dataset`): {named}")
    if node.dtype.kind not in "fiubc" and node.dtype.names != ("real", "imag"):
        raise InputError(f"{where} holds no numbers, but {node.dtype.name}")
    check_size(node.shape or (), node.dtype, node.id.get_storage_size(), where, read=not stays or _place(node) is None)
    return node


def _place(node: Any) -> int | None:
    """Where in a file that is only read a large dataset lies in one piece, as it is; None for any other."""
    import h5py

    file, size = node.file, node.size * node.dtype.itemsize if node.shape else 0
    if size < mapped.LEAST or node.chunks or node.dtype.names or file.mode != "r" or file.userblock_size:
        return None
    if not node.id.get_type().equal(h5py.h5t.py_create(node.dtype, logical=True)):
        return None  # such as 12 of 16 bits
    return node.id.get_offset() if node.id.get_storage_size() == size else None


def _cells(file: Any, node: Any) -> list[str]:
    """Paths and shapes of the arrays that the references in a cell array point to; none for another dataset."""
    import h5py

    found: list[str] = []
    if h5py.check_ref_dtype(node.dtype) is not h5py.Reference:
        return found
    for reference in node[()].ravel()[: 4 * MOST_NAMED]:
        target = file[reference] if reference else None
        if target is not None and getattr(target, "ndim", 0) > 1:
            found.append(f"{target.name} {target.shape}")
    return found


def shape_of(file: Any, path: str) -> tuple[int, ...]:
    """Shape of the images at ``path``: two, three or four axes, or more of length one. Raises InputError."""
    shape = dataset(file, path, stays=True).shape
    while shape is not None and len(shape) > 4 and shape[0] == 1:
        shape = shape[1:]
    if shape is None or not 2 <= len(shape) <= 4:
        raise InputError(f"{file.filename}:{path} is no image: its shape is {shape}")
    return shape


def numbers(file: Any, path: str) -> np.ndarray | None:
    """The array or number at ``path``, or None if there is none."""
    import h5py

    node = get(file, path)
    return _numbers(dataset(file, path)) if isinstance(node, h5py.Dataset) and node.dtype.kind in "fiub" else None


def referenced(file: Any, path: str) -> list[str]:
    """Paths of what the references at ``path`` point to, such as MATLAB's cells; none for anything else there."""
    import h5py

    node = get(file, path)
    if not isinstance(node, h5py.Dataset) or h5py.check_ref_dtype(node.dtype) is not h5py.Reference:
        return []
    if node.is_virtual or node.external or node.size > MOST_CELLS:
        return []
    return [str(file[reference].name) for reference in node[()].ravel() if reference]


def _numbers(node: Any, stays: bool = False) -> np.ndarray:
    if stays and (place := _place(node)) is not None:
        return mapped.array_in(node.file.filename, node.dtype, node.shape, place)
    array = node[()]
    if node.dtype.names:  # MATLAB's complex numbers
        array = array["real"] + 1j * array["imag"]
    return np.asarray(array)


def _overwrite(target: Any, array: np.ndarray) -> None:
    if target.dtype.names:
        pairs = np.empty(array.shape, target.dtype)
        pairs["real"], pairs["imag"] = array.real, array.imag
        array = pairs
    target[...] = array.astype(target.dtype)


def _with_file(path: Path, mode: str, work: Callable[[Any], Any]) -> Any:
    """What ``work`` makes of the open file; whatever h5py raises becomes one InputError."""
    import h5py

    try:
        with h5py.File(path, mode) as file:
            return work(file)
    except InputError:
        raise
    except Exception as error:  # h5py raises many kinds
        raise Unreadable(f"{path} cannot be read as HDF5: {' '.join(str(error).split())}") from error


def _names(file: Any) -> str:
    """The datasets of two and more axes, for a user to choose from; no link is followed."""
    import h5py

    found: list[str] = []

    def visit(name: str, node: Any) -> bool | None:
        if isinstance(node, h5py.Dataset) and node.ndim > 1:
            found.append(f"/{name} {node.shape}")
        return True if len(found) >= MOST_NAMED else None

    file.visititems(visit)
    return f"; choose one (`dataset`): {', '.join(found)}" if found else "; it holds no array"
