"""NumPy ``.npz`` archives: a Ptychodus product, or any archive of one array of slices. Never unpickles."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddip_tf.errors import InputError
from ddip_tf.formats import arrays, foreign
from ddip_tf.formats.content import Content, as_slices, multiplied
from ddip_tf.formats.readers import ptychodus


def recognises(path: Path, head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are those of a zip archive."""
    return head.startswith(b"PK\x03\x04")


def read(path: Path, dataset: str | None) -> Content:
    """The object of a product, the array ``dataset``, or the only array that can be one. Raises InputError."""
    refuse_others(path)
    found = arrays.read_npz(path)
    product = ptychodus.from_npz(found) if dataset is None else None
    return product or Content(as_slices(found[_choose(path, found, dataset)], str(path)))


def refuse_others(path: Path) -> None:
    """Raises InputError, which says what it is, for a zip archive that is not one of arrays alone."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if not names or not all(name.endswith(".npy") for name in names):
            raise InputError(foreign.zip_complaint(path))
    except InputError:
        raise
    except Exception as error:  # zipfile raises many kinds
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from error


def change(path: Path, dataset: str | None, factor: np.ndarray) -> None:
    """See `Family`; the archive is written anew with all its arrays, packed as before."""
    everything = arrays.read_npz(path)
    name = dataset or ("object" if ptychodus.from_npz(everything) else _choose(path, everything, None))
    array = everything[name]
    everything[name] = multiplied(as_slices(array, name), factor).reshape(array.shape)
    with zipfile.ZipFile(path) as archive:
        packed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
    with path.open("wb") as stream:
        save: Any = np.savez_compressed if packed else np.savez
        save(stream, **everything)


def _choose(path: Path, found: Mapping[str, np.ndarray], dataset: str | None) -> str:
    if dataset is not None:
        if dataset not in found:
            raise InputError(f"{path} holds no array {dataset!r}; it holds {', '.join(sorted(found))}")
        return dataset
    names = [name for name in found if name == "object"] or [name for name in found if found[name].ndim in (2, 3)]
    if len(names) != 1:
        raise InputError(f"{path} holds {', '.join(sorted(found))}: choose one (`dataset`)")
    return names[0]
