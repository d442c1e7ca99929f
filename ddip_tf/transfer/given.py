"""What is asked of slices before anything is estimated of them. N slices, H and W pixels. NumPy only."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Array

#: pixels, the shortest side that holds enough bands
SMALLEST = 32


def checked(images: Array, count: int | None = None) -> Array:
    """Slices (N, H, W) in double precision; ``count`` of them, if that is said, else two or more.

    Raises ValueError for other numbers of slices, sides under 32 pixels, and images that are constant or not finite.
    """
    images = np.asarray(images, float)
    few = images.ndim != 3 or (len(images) < 2 if count is None else len(images) != count)
    if few or min(images.shape[1:]) < SMALLEST:
        wanted = "at least two" if count is None else str(count)
        raise ValueError(f"needs {wanted} slices of {SMALLEST} x {SMALLEST} pixels or more, got shape {images.shape}")
    if not np.isfinite(images).all() or (images.std((1, 2)) == 0).any():
        raise ValueError("every slice must be finite and not constant")
    return images
