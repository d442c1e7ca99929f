"""Where images hold nothing: pixels that are not finite outside a scan, and slices that are vacuum."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Box

#: a slice whose values differ by less than this share of their size is the same everywhere
SAME = 1e-5
#: a part that leaves out more of the known pixels than this is no crop, but a loss
LEAST_KEPT = 0.5


def vacuum(image: np.ndarray) -> bool:
    """Whether an image (H, W) is the same everywhere: exactly if real, to rounding if complex."""
    if not np.iscomplexobj(image):
        return bool(image.min() == image.max())
    size = np.abs(image)
    if not np.isfinite(size).all() or np.ptp(size) > SAME * size.max():
        return False
    return float(np.ptp(np.angle(image * np.conj(image[0, 0])))) <= SAME


def finite_box(images: np.ndarray) -> Box | None:
    """A large part of ``images`` (N, H, W) in which all is finite, if pixels at the rim of some are not, else None.

    The rim is taken off line by line, each time the line with the largest share of pixels that are not finite. None
    too where that would not end before half of the known pixels were lost, as with single bad pixels in the middle.
    """
    bad = ~np.isfinite(images).all(0)
    if not bad.any():
        return None
    (y0, x0), (y1, x1) = (0, 0), bad.shape
    while bad[y0:y1, x0:x1].any():
        part = bad[y0:y1, x0:x1]
        shares = [part[0].mean(), part[-1].mean(), part[:, 0].mean(), part[:, -1].mean()]
        worst = int(np.argmax(shares))
        if not shares[worst]:
            return None
        y0, y1, x0, x1 = y0 + (worst == 0), y1 - (worst == 1), x0 + (worst == 2), x1 - (worst == 3)
    kept = (y1 - y0) * (x1 - x0)
    return ((y0, y1), (x0, x1)) if kept >= LEAST_KEPT * np.count_nonzero(~bad) else None
