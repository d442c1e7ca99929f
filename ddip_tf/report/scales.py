"""What pictures are measured in: the unit of their values, the size of their pixels, and a bar of round length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.slices.display import display_range
from ddip_tf.slices.quantities import show_length, show_lengths

if TYPE_CHECKING:
    from ddip_tf.slices.stack import SliceStack

#: units of images that were made from complex objects, by what was taken of these (`ddip_tf.slices.phase`)
UNITS = {"phase": "rad", "amplitude": "ln A"}
#: the unit of images that were real: that of the file, which does not say it
AS_GIVEN = "as given"
#: kinds of images that are no less than 0, shown from black at 0 to white at this percentile
FROM_ZERO = ("deviation", "spread")
BRIGHTEST = 99.5
#: share of a picture's width that its bar has at most
LONGEST = 0.3


@dataclass(frozen=True)
class Scale:
    """How pictures of ``shape`` (H, W) are to be read.

    Attributes
    ----------
    shape
        (H, W) in pixels.
    pixel_size_m
        (y, x) in metres, or None where it is not known: lengths are in pixels then.
    unit
        of the values: one of `UNITS`, or `AS_GIVEN`.

    Examples
    --------
    >>> scale = Scale((160, 192), (7.3e-9, 7.3e-9), "rad")
    >>> scale.bar_px, scale.bar, scale.field
    (27.397260273972602, '200 nm', '1.168 × 1.402 µm, pixels of 7.3 nm')
    >>> Scale((160, 192)).bar
    '50 px'
    """

    shape: tuple[int, int]
    pixel_size_m: tuple[float, float] | None = None
    unit: str = AS_GIVEN

    @property
    def bar_px(self) -> float:
        """Length of the bar along x, in pixels."""
        return self._bar / (self.pixel_size_m[1] if self.pixel_size_m else 1)

    @property
    def bar(self) -> str:
        """What the bar's length is: ``200 nm``, or ``50 px``."""
        return show_length(self._bar) if self.pixel_size_m else f"{self._bar:g} px"

    @property
    def _bar(self) -> float:
        return round_length(LONGEST * self.shape[1] * (self.pixel_size_m[1] if self.pixel_size_m else 1))

    @property
    def field(self) -> str:
        """Field of view, y × x, and the size of a pixel; empty where that is not known."""
        if not self.pixel_size_m:
            return ""
        sides = self.shape[0] * self.pixel_size_m[0], self.shape[1] * self.pixel_size_m[1]
        return f"{show_lengths(sides, ' × ')}, pixels of {_once(self.pixel_size_m)}"

    @property
    def aspect(self) -> float:
        """Height of a pixel over its width."""
        return self.pixel_size_m[0] / self.pixel_size_m[1] if self.pixel_size_m else 1.0


def of_run(manifest: Mapping[str, Any]) -> Scale:
    """The scale of a run's pictures."""
    (height, width), size, record = manifest["shape"], manifest["pixel_size_m"], manifest.get("from_complex")
    quantity = record.get("quantity") if isinstance(record, dict) else None
    return Scale((height, width), size and (size[0], size[1]), UNITS.get(str(quantity), AS_GIVEN))


def of_stack(stack: SliceStack) -> Scale:
    """The scale of slices that are not separated yet."""
    unit = UNITS.get(stack.record.quantity, AS_GIVEN) if stack.record else AS_GIVEN
    return Scale(stack.shape, stack.pixel_size_m, unit)


def grey_range(image: Floats, kind: str = "") -> tuple[float, float]:
    """Values of ``image`` (H, W) that are black and white: [μ − 4σ, μ + 4σ], of the kinds `FROM_ZERO` from 0 up."""
    return (0.0, float(np.percentile(image, BRIGHTEST))) if kind in FROM_ZERO else display_range(image)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 · 10ⁿ that is not over ``most``."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (0.5, 1, 2, 5) if step * power <= most * (1 + 1e-9))


def _once(size: tuple[float, float]) -> str:
    return show_length(size[0]) if math.isclose(*size, rel_tol=1e-6) else show_lengths(size, " × ")
