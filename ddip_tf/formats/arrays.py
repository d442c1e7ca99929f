"""NumPy files: ``.npy``, one real image (H, W) or a stack (N, H, W), and ``.npz``. Never unpickles."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from ddip_tf._types import StrPath
from ddip_tf.errors import InputError
from ddip_tf.formats import limits, mapped


def recognises(head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are a ``.npy`` file's."""
    return head.startswith(b"\x93NUMPY")


def read(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file. Raises InputError if it holds no image."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stays = size >= mapped.LEAST
            shape, fortran, dtype = _header(stream, size, path, limited=not stays)
            if stays:
                array = mapped.array_in(path, dtype, shape, stream.tell(), fortran)
            else:
                array = _read(stream, shape, fortran, dtype)
    except InputError:
        raise
    except Exception as error:  # NumPy parses the header as Python text and raises whatever that raises
        raise InputError(f"{path} cannot be read: {_one_line(error)}") from error
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in "fiubc" or not array.size:
        raise InputError(f"{path} is no image: {array.dtype} array of shape {array.shape}")
    return array


def read_npz(path: StrPath) -> dict[str, np.ndarray]:
    """All arrays of a ``.npz`` file by name.

    Sizes are checked before anything is allocated, against the file's own directory and `limits.admit`.

    Raises
    ------
    InputError
        damaged, no such file, over the limit, or holding Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            limits.admit(path, (sum(member.file_size for member in members),), "u1")
            arrays = {}
            for member in members:
                with archive.open(member) as stream:
                    shape, fortran, dtype = _header(stream, member.file_size, path)
                    arrays[member.filename.removesuffix(".npy")] = _read(stream, shape, fortran, dtype)
            return arrays
    except InputError:
        raise
    except Exception as error:  # zipfile and its codecs raise many kinds
        raise InputError(f"{path} cannot be read: {_one_line(error)}") from error


def _header(
    stream: IO[bytes], size: int, path: StrPath, *, limited: bool = True
) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and type of the array in a stream of ``size`` bytes, which has to hold it."""
    version = npy.read_magic(stream)
    headers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in headers:
        raise InputError(f"{path} has format {version} of .npy; ddip-tf reads 1.0 and 2.0")
    shape, fortran, dtype = headers[version](stream)
    if dtype.hasobject:
        raise InputError(f"{path} cannot be read: it holds Python objects, which are never loaded")
    if dtype.kind not in "biufcSU" or dtype.itemsize == 0 or min(shape, default=0) < 0:
        raise InputError(f"{path} holds no numbers: {dtype} of shape {shape}"[:200])
    if limited:
        limits.admit(path, shape, dtype)
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if stream.tell() + wanted > size:
        raise InputError(f"{path} cannot be read: shape {shape} needs {wanted} bytes, fewer follow"[:300])
    return shape, fortran, dtype


def _read(stream: IO[bytes], shape: tuple[int, ...], fortran: bool, dtype: np.dtype) -> np.ndarray:
    wanted = math.prod(shape) * dtype.itemsize
    data = np.frombuffer(bytearray(stream.read(wanted)), dtype)  # a bytearray, so that the array can be written to
    return data.reshape(shape, order="F" if fortran else "C")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
