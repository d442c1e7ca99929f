"""Grey scales of slices: from μ − 4σ (black) to μ + 4σ (white), the paper's display range (§3.1)."""

from __future__ import annotations

import numpy as np

from ddip_tf._types import Floats


def display_range(image: Floats) -> tuple[float, float]:
    """[μ − 4σ, μ + 4σ] of an image, the paper's display range (§3.1)."""
    mean, deviation = float(np.mean(image, dtype=float)), float(np.std(image, dtype=float))
    return mean - 4 * deviation, mean + 4 * deviation


def grey(values: Floats, image: Floats) -> Floats:
    """``values`` from 0 (black, μ − 4σ of ``image``) to 1 (white, μ + 4σ)."""
    low, high = display_range(image)
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.full_like(values, 0.5)
