"""NumPy ``.npy`` files: one real image (H, W) or a stack (N, H, W). Never unpickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ddip_tf._typing import Floats
from ddip_tf.errors import InputError


def recognises(head: bytes) -> bool:
    """Whether ``head``, a file's first bytes, are a ``.npy`` file's."""
    return head.startswith(b"\x93NUMPY")


def read(path: Path) -> tuple[Floats, None]:
    """Images (N, H, W) of a ``.npy`` file; it names no pixel size. Raises InputError if it holds no image."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if array.ndim not in (2, 3) or array.dtype.kind not in "fiubc":
        raise InputError(f"{path} is no image: {array.dtype} array of shape {array.shape}")
    return array if array.ndim == 3 else array[None], None
