"""What every separation says of itself: how long it took, what its model left over, and when not to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ddip_tf import environment
from ddip_tf._types import Floats
from ddip_tf.caution import Caution
from ddip_tf.quality import depth
from ddip_tf.quality.warnings import with_warnings
from ddip_tf.slices.separation import AnySolution, by_file_numbers
from ddip_tf.slices.stack import SliceStack

#: of a slice's largest value: what float32 leaves of a difference that is none
ROUNDING = 2e-6


def finished(
    solution: AnySolution, seconds: float, memory: Mapping[str, int] = MappingProxyType({}), **where: Any
) -> AnySolution:
    """``solution`` with ``where`` it was found, wall time and memory beside its own provenance, and its warnings.

    ``memory`` is that of another process which had a part in it: the most that one of the two held is said.
    """
    most = {name: max(here, memory.get(name, 0)) for name, here in environment.memory_bytes().items()}
    provenance = {
        **where,
        **solution.provenance,
        "wall_time_s": round(seconds, 3),
        **most,
    }
    return with_warnings(replace(solution, provenance=provenance))


def completed(solution: AnySolution, stack: SliceStack, replaced: tuple[Caution, ...]) -> AnySolution:
    """What was found of slices without outliers as what was found of ``stack``, named and warned of as its file is."""
    if solution.config.mixing == "transfer":
        solution = replace(solution, smoothed=left_over(stack.images, solution.modelled))
    said = by_file_numbers(replace(solution, stack=stack, warnings=(*replaced, *solution.warnings)))
    many = depth.cautions(depth.of_stack(stack))
    return replace(said, warnings=(*stack.notes, *many, *said.warnings))


def left_over(images: Floats, modelled: Floats) -> Floats | None:
    """images − modelled (N, H, W); 0 in slices where it is rounding, None where it is in all.

    A slice that its model explains comes back to a few units of float32 in the last place of its largest value.
    """
    left = images - modelled
    explained = np.abs(left).max((1, 2)) <= ROUNDING * np.abs(images).max((1, 2))
    left[explained] = 0
    return None if explained.all() else left
