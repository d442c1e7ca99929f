"""Images inside a page: whole numbers, deflated, in base64, so that the page can measure in them. NumPy only."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from ddip_tf._types import Floats


def encode(image: Floats, bits: int = 16) -> dict[str, Any]:
    """``image`` (H, W) as ``low``, ``high``, ``bits`` (8 or 16) and ``data``: row by row, high bytes before low ones.

    Values come back to within (high − low) / 2^(bits + 1). ``page/planes.js`` is the way back.
    """
    low, high = float(image.min()), float(image.max())
    most = 2**bits - 1
    levels = np.rint((image - low) * (most / (high - low) if high > low else 0.0)).astype(np.uint16).ravel()
    parts = [levels >> 8, levels & 255] if bits == 16 else [levels]
    packed = zlib.compress(np.concatenate(parts).astype(np.uint8).tobytes(), 6)
    return {"low": low, "high": high, "bits": bits, "data": base64.b64encode(packed).decode()}


def binned(image: Floats, factor: int) -> Floats:
    """Means over squares of ``factor`` pixels, (H // factor, W // factor); what is over at the ends is left out."""
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape)
    return image[: height * factor, : width * factor].reshape(height, factor, width, factor).mean((1, 3))
