"""What halves of a scan say of noise and resolution (`ddip_tf.transfer.halves`), in words, from a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ddip_tf.archive.manifest import numbers_of
from ddip_tf.slices.quantities import show_length

#: stands beside everything that halves of a scan say
SENTENCES = (
    "The difference of halves is a lower bound of the noise: misfit of the model and ghosts repeat in both halves.",
    "A Fourier ring correlation of halves is blind to crosstalk: ghosts correlate as well as the slice itself.",
    "Halves with too few positions to hold the object by themselves show more noise than their share.",
)


def lines(manifest: Mapping[str, Any]) -> list[str]:
    """What halves of the scan say of noise and resolution, a line each; none where none were given."""
    found = manifest.get("halves")
    if not found:
        return []
    size = manifest.get("pixel_size_m")
    found_lines = []
    for number, half_period, noise in zip(
        numbers_of(manifest), found["half_period_px"], found["noise_deviation"], strict=True
    ):
        if half_period is None:
            resolved = "nothing above the half-bit threshold"
        else:
            resolved = f"half period {half_period:.2f} pixels"
            resolved += f" ({show_length(half_period * float(np.mean(size)), 3)})" if size else ""
        found_lines.append(f"halves     slice {number}: {resolved}, noise {noise:.3g} rms")
    return [*found_lines, *(f"           {sentence}" for sentence in SENTENCES)]


def table(measured: Mapping[str, Any], numbers: Sequence[int]) -> list[tuple[str, str]]:
    """Half period that each slice resolves, under a line of headings."""
    periods = measured["half_period_px"]
    found = ("nothing" if one is None else f"{one:.2f} pixels" for one in periods)
    rows = [(f"slice {number}", words) for number, words in zip(numbers, found, strict=True)]
    return [("slice", "half period resolved"), *rows]
