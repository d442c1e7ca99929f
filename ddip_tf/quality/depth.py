"""How many slices the data can tell apart: the stack's depth in depths of focus, and what to say if it has more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ddip_tf.caution import Caution
from ddip_tf.quality import decorrelation
from ddip_tf.slices.optics import depth_of_focus_m
from ddip_tf.slices.quantities import show_length
from ddip_tf.slices.stack import SliceStack


@dataclass(frozen=True)
class Depth:
    """What a stack of ``count`` slices over ``extent_m`` (from the first to the last) can carry.

    ``focus_m``: the depth of focus at ``resolution_m``; ``probe``: whether the probe's angle took part.
    """

    count: int
    extent_m: float
    resolution_m: float
    focus_m: float
    probe: bool = False

    @property
    def independent(self) -> int:
        """Slices a depth of focus apart that the extent holds, both ends counted."""
        return 1 + int(np.floor(self.extent_m / self.focus_m * (1 + 1e-9)))

    @property
    def bins(self) -> int:
        """Neighbours to be summed so that sums lie a depth of focus apart; at least two sums are left."""
        spacing = self.extent_m / (self.count - 1)
        return int(min(np.ceil(self.focus_m / spacing * (1 - 1e-9)), np.ceil(self.count / 2)))

    def __str__(self) -> str:
        """One sentence."""
        cone = " and the probe's angle" if self.probe else ""
        return (
            f"the data tell at most {self.independent} slice{'s' if self.independent > 1 else ''} apart in "
            f"{show_length(self.extent_m, 3)}: a depth of focus is {show_length(self.focus_m, 3)} at a resolution of "
            f"{show_length(self.resolution_m, 3)}{cone}"
        )


def of(
    images: np.ndarray,
    pixel_size_m: tuple[float, float] | None,
    spacing_m: tuple[float, ...] | None,
    wavelength_m: float | None,
    probe_angle_rad: float | None = None,
    resolution_m: float | None = None,
) -> Depth | None:
    """The depth of ``images`` (N, H, W), real or complex transmissions; None where a length of it is not known.

    The resolution is the half period that their projection holds (`decorrelation`), unless it is given; no finer than a
    pixel.
    """
    if not (spacing_m and wavelength_m and pixel_size_m):
        return None
    if resolution_m is None:
        projected = images.prod(0) if np.iscomplexobj(images) else images.sum(0, dtype=np.float64)
        cutoff = decorrelation.cutoff(projected) if np.isfinite(projected).all() else None
        resolution_m = float(np.mean(pixel_size_m)) * (0.5 / cutoff if cutoff else 1.0)
    focus = depth_of_focus_m(resolution_m, wavelength_m, probe_angle_rad or 0.0)
    return Depth(len(images), float(sum(spacing_m)), resolution_m, focus, bool(probe_angle_rad))


def of_stack(stack: SliceStack) -> Depth | None:
    """The depth of a stack, where its lengths are known."""
    return of(stack.images, stack.pixel_size_m, stack.spacing_m, stack.wavelength_m, stack.probe_angle_rad)


def cautions(depth: Depth | None) -> tuple[Caution, ...]:
    """What to say of more slices than can be told apart; nothing of fewer, or where that is not known."""
    if depth is None or depth.count <= depth.independent:
        return ()
    advice = (
        f"--bin-slices {depth.bins} sums that many neighbours" if depth.count > 2 else "nothing can be summed of two"
    )
    said = f"There are {depth.count} slices, but {depth}; {advice}."
    return (Caution("more-than-told-apart", said),)
