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
#: part of the memory that is free: from a file to a stack there are up to five copies
PART = 1 / 8
#: bytes that any machine has, of which memory is not asked: a model announces thousands of numbers
FEW = 2**16


def admit(path: StrPath, shape: Sequence[int], dtype: np.dtype | str) -> None:
    """Raise InputError where an array of ``shape`` and ``dtype``, announced by file ``path``, is over the limit.

    That is `PART` of the memory that is free, and not over what ``DDIP_TF_MAX_BYTES`` says.
    """
    wanted = math.prod(map(int, shape)) * np.dtype(dtype).itemsize
    said = _said()
    if wanted <= FEW and (said is None or wanted <= said):
        return
    by_memory = int(environment.free_memory_bytes() * PART)
    most = by_memory if said is None else min(said, by_memory)
    if wanted <= most:
        return
    announced = f"{path} announces {wanted / 2**30:.3g} GiB of data; the limit is {most / 2**30:.3g} GiB"
    if wanted <= by_memory:
        raise InputError(f"{announced}. If you trust it: export {VARIABLE}={wanted}")
    raise InputError(f"{announced}, and {by_memory / 2**30:.3g} GiB is an eighth of the memory that is free")


def _said() -> int | None:
    text = os.environ.get(VARIABLE)
    try:
        return None if text is None else int(text)
    except ValueError:
        raise InputError(f"{VARIABLE} is {text!r}; it takes a number of bytes") from None


def read_text(path: StrPath, most: int = 2**26) -> str:
    """A file's text, UTF-8. Raises InputError if it has more than ``most`` bytes, OSError and UnicodeDecodeError."""
    with open(path, "rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise InputError(f"{path} has more than {most} bytes: this is no file of ddip-tf")
    return data.decode()
