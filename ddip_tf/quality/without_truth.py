"""What the pictures of a run tell without truth: ghosts left, detail kept. NumPy and SciPy only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from ddip_tf._types import Floats

#: Gaussian blur that parts fine from coarse, in pixels
SCALES_PX = (1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Indicators:
    """Figures of one run.

    Attributes
    ----------
    ghost_correlation
        how much the edges of the outputs coincide: Pearson's correlation of their gradients' magnitudes, mean over
        scales, the largest over pairs of slices. What is left of a ghost raises it.
    detail_kept
        of the fine structure in the sum of all inputs, the share that the sum of all outputs still explains (R²).
        Crosstalk moves structure between slices and keeps the sum; smearing loses it.
    contrast_kept
        standard deviation of an output over that of its input, the smallest over slices. An empty output has none;
        true slices of simulated pairs have 0.7 or more of their inputs', 0.36 or more once scaled to them.
    order_margin
        how much better outputs follow their own inputs than they would in any other order: difference of the mean
        absolute correlations. Below zero the slices are confused; true slices stay above.
    """

    ghost_correlation: float
    detail_kept: float
    contrast_kept: float
    order_margin: float


def indicators(inputs: Floats, outputs: Floats) -> Indicators:
    """All figures of a run from its ``inputs`` and ``outputs``, each (N, H, W)."""
    contrast = np.std(outputs, axis=(1, 2), dtype=float) / np.std(inputs, axis=(1, 2), dtype=float)
    return Indicators(
        ghost_correlation(outputs),
        detail_kept(inputs, outputs),
        float(contrast.min()),
        order_margin(inputs, outputs),
    )


def ghost_correlation(outputs: Floats) -> float:
    """See `Indicators`; ``outputs`` is (N, H, W). 0 where an output is constant."""
    from scipy.ndimage import gaussian_gradient_magnitude

    edges = np.array([[gaussian_gradient_magnitude(y.astype(float), s) for s in SCALES_PX] for y in outputs])
    pairs = combinations(edges, 2)
    return max(float(np.mean([_correlation(a, b) for a, b in zip(*pair, strict=True)])) for pair in pairs)


def detail_kept(inputs: Floats, outputs: Floats) -> float:
    """See `Indicators`; both (N, H, W)."""
    return max(0.0, _correlation(_fine(inputs.sum(0, dtype=float)), _fine(outputs.sum(0, dtype=float)))) ** 2


def order_margin(inputs: Floats, outputs: Floats) -> float:
    """See `Indicators`; both (N, H, W)."""
    table = [[abs(_correlation(y.astype(float), x.astype(float))) for x in inputs] for y in outputs]
    own, *others = (np.mean([table[i][j] for i, j in enumerate(order)]) for order in permutations(range(len(inputs))))
    return float(own - max(others))


def unexplained(inputs: Floats, fidelity: float) -> float:
    """Share of the variance of ``inputs`` (N, H, W) that the modelled slices miss.

    ``fidelity`` is the loss: mean squared difference, summed over slices, of images scaled to [0, 1].
    """
    variance = float(np.var(inputs, axis=(1, 2), dtype=float).sum())
    return fidelity * float(np.ptp(inputs)) ** 2 / variance if variance else 0.0


def _fine(image: Floats) -> Floats:
    from scipy.ndimage import gaussian_filter

    return image - gaussian_filter(image, SCALES_PX[1])


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm else 0.0
