"""When not to trust a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.caution import Caution
from ddip_tf.config import LEVELS
from ddip_tf.slices import registration
from ddip_tf.slices.separation import OWN_WEIGHT, AnySolution, Solution

#: this near an end of `OWN_WEIGHT` a weight has run against it
NEAR_BOUND = 0.01
#: share of an input's standard deviation that may be left over; simulated pairs with truth stay under a quarter
UNEXPLAINED = 0.35


def with_warnings(separation: AnySolution) -> AnySolution:
    """The same separation with what every check that fired has to say."""
    checks = (_weights_at_bounds, _confused, _unexplained, _fewer_levels, _misregistered)
    found = [*separation.warnings, *(caution for check in checks for caution in check(separation))]
    found = same_images(separation.stack.images) or found  # of the same images all else only follows
    left = [round(float(share), 4) for share in unexplained(separation)]
    return replace(
        separation,
        warnings=tuple(found),
        provenance={**separation.provenance, "unexplained": left},
    )


def same_images(images: Floats) -> list[Caution]:
    """What to say of slices of ``images`` (N, H, W) that are the same, bit for bit."""
    pairs = [(i, j) for j in range(len(images)) for i in range(j) if np.array_equal(images[i], images[j])]
    return [
        Caution("same-image", f"slices {i + 1} and {j + 1} are the same image: nothing can be separated")
        for i, j in pairs
    ]


def _weights_at_bounds(separation: Solution) -> list[Caution]:
    if "matrix" not in separation.mixing:
        return []
    own = np.diag(separation.mixing["matrix"])
    return [
        Caution(
            "own-weight-at-bound",
            f"The own weight of slice {i} ran to its bound ({weight:.2f}): this slice was hardly separated.",
            i,
        )
        for i, weight in enumerate(own, 1)
        if min(weight - OWN_WEIGHT[0], OWN_WEIGHT[1] - weight) < NEAR_BOUND
    ]


def _confused(separation: Solution) -> list[Caution]:
    """y_i that follows another slice's input more than its own."""
    count = len(separation.stack)
    correlation = np.abs(
        np.corrcoef(separation.outputs.reshape(count, -1), separation.stack.images.reshape(count, -1))
    )[:count, count:]
    return [
        Caution(
            "doubt-confused",
            f"Slices may be confused: output {i + 1} follows input {int(row.argmax()) + 1} more than its own.",
            i + 1,
        )
        for i, row in enumerate(np.nan_to_num(correlation))
        if row.argmax() != i
    ]


def unexplained(separation: Solution) -> Floats:
    """Of each input (N,), the share of its standard deviation that the modelled slice does not have."""
    images, modelled = separation.stack.images, separation.modelled
    contrast = np.std(images, axis=(1, 2), dtype=float)
    return np.std(images - modelled, axis=(1, 2), dtype=float) / np.where(contrast > 0, contrast, np.inf)


def _unexplained(separation: Solution) -> list[Caution]:
    """Structure of an input that the modelled slice does not have."""
    left = unexplained(separation)
    return [
        Caution(
            "doubt-unexplained",
            f"{100 * share:.0f} % of the contrast of slice {i} is not explained by the modelled mixture: look at "
            f"input − model before you believe output {i}.",
            i,
        )
        for i, share in enumerate(left, 1)
        if share > UNEXPLAINED
    ]


def _fewer_levels(separation: Solution) -> list[Caution]:
    levels = separation.provenance.get("levels", LEVELS)
    if levels == LEVELS:
        return []
    height, width = separation.stack.shape
    said = f"The networks have {levels} levels instead of 5: {height} x {width} pixels are too few for more."
    return [Caution("fewer-levels", said)]


def _misregistered(separation: Solution) -> list[Caution]:
    """Neighbouring slices of which what both hold lies more than a pixel apart."""
    images, found = separation.stack.images, []
    for i in range(len(images) - 1):
        shift = registration.shift_between(images[i], images[i + 1])
        if shift and max(map(abs, shift)) > 1:
            said = (
                f"Slice {i + 2} seems to lie {shift[0]:+.1f}, {shift[1]:+.1f} pixels (y, x) from slice {i + 1}: "
                "slices must be on one pixel grid."
            )
            found.append(Caution("misregistered", said, i + 2))
    return found
