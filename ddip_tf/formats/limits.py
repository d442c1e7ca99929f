"""How much memory a file may ask for: one limit for every reader, checked before anything is allocated."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from ddip_tf import environment
from ddip_tf._types import StrPath
from ddip_tf.errors import InputError

#: environment variable that sets a lower limit than memory does, in bytes
VARIABLE = "DDIP_TF_MAX_BYTES"


def most_bytes() -> int:
    """Bytes that the arrays of one file may take: half of the memory that is free, and not over what
    ``DDIP_TF_MAX_BYTES`` says. Raises InputError."""
    half, text = environment.free_memory_bytes() // 2, os.environ.get(VARIABLE)
    try:
        return half if text is None else min(half, int(text))
    except ValueError:
        raise InputError(f"{VARIABLE} is {text!r}; it takes a number of bytes") from None


def admit(path: StrPath, shape: Sequence[int], dtype: np.dtype | str) -> None:
    """Raise InputError where an array of ``shape`` and ``dtype``, announced by file ``path``, is over the limit."""
    wanted, most = math.prod(map(int, shape)) * np.dtype(dtype).itemsize, most_bytes()
    if wanted <= most:
        return
    announced = f"{path} announces {wanted / 2**30:.3g} GiB of data; the limit is {most / 2**30:.3g} GiB"
    if os.environ.get(VARIABLE) == str(most):
        raise InputError(f"{announced}. If you trust it: export {VARIABLE}={wanted}")
    raise InputError(f"{announced}, half of the memory that is free")


def read_text(path: StrPath, most: int = 2**26) -> str:
    """A file's text, UTF-8. Raises InputError if it has more than ``most`` bytes, OSError and UnicodeDecodeError."""
    with open(path, "rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise InputError(f"{path} has more than {most} bytes: this is no file of ddip-tf")
    return data.decode()
