"""Several fits of the same slices: which of their slices belong together, their mean and deviation. NumPy only.

Du, Huang & Jacobsen (2021), §4 and Fig. 6: the standard deviation over runs of other random starts is the method's
uncertainty, their mean a result with less of it; a run may also confuse the slices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np

from ddip_tf._types import Floats
from ddip_tf.errors import RunError
from ddip_tf.slices.affine import Affine, least_squares

#: a run is confused if one of its slices has a lower correlation than this with the others' mean
ALIKE = 0.5


@dataclass(frozen=True)
class Member:
    """What one run gives to the mean.

    Attributes
    ----------
    used
        False for a confused run: one that has a slice unlike the other runs'.
    order
        (N,) which of its slices, counted from 0, stands for each slice of the mean; (0, 1) unless it swapped them.
    scale
        gain and offset put on its slices, once in order: 1 and 0 unless it swapped them, for its own were those that
        bring each slice nearest to the other's input.
    """

    used: bool
    order: tuple[int, ...]
    scale: Affine

    @property
    def swapped(self) -> bool:
        """Whether the run gave the slices in another order than most."""
        return self.order != tuple(range(len(self.order)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, slices counted from 1; `from_dict` takes them back."""
        return {"used": self.used, "order": [i + 1 for i in self.order], **asdict(self.scale)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Member:
        """From `to_dict`; other keys are ignored."""
        scale = Affine(tuple(record["gain"]), tuple(record["offset"]))
        return cls(record["used"], tuple(i - 1 for i in record["order"]), scale)

    def __call__(self, outputs: Floats) -> Floats:
        """The run's ``outputs`` (N, H, W) in the order and scale of the mean."""
        return self.scale(outputs[list(self.order)]) if self.swapped else outputs


def match(outputs: Sequence[Floats], inputs: Floats) -> tuple[Member, ...]:
    """Find the slices of R runs that belong together, and the runs that fit in nowhere.

    Runs are brought into the order of the one that most resembles all others, by the permutation with the highest
    correlation; the order that most runs had by themselves is then slice 1, 2, … . The run least like the mean of
    the others is left out, again and again, until every slice of every run has a correlation of `ALIKE` or more with
    the mean of the others, and follows no other slice more.

    Parameters
    ----------
    outputs
        R arrays (N, H, W), in the unit of ``inputs``.
    inputs
        (N, H, W), the slices that were separated.

    Raises
    ------
    RunError
        fewer than two runs agree.
    """
    stacks = np.stack([_standardised(one) for one in outputs])
    count = stacks.shape[1]
    orders = _orders(stacks, _standardised(inputs))
    ordered = np.stack([stack[list(order)] for stack, order in zip(stacks, orders, strict=True)])
    used = list(range(len(outputs)))
    while len(used) > 1:
        likeness = {r: _likeness(ordered[r], ordered[[s for s in used if s != r]].mean(0)) for r in used}
        worst = min(used, key=likeness.__getitem__)
        if likeness[worst] >= ALIKE:
            break
        used.remove(worst)
    if len(used) < 2:
        raise RunError(f"no two of the {len(outputs)} runs agree: no mean of them would mean anything")
    members = []
    for run, (images, order) in enumerate(zip(outputs, orders, strict=True)):
        swapped = order != tuple(range(count))
        identity = Affine((1.0,) * count, (0.0,) * count)
        scale = least_squares(images[list(order)], inputs) if swapped else identity
        members.append(Member(run in used, order, scale))
    return tuple(members)


def combine(outputs: Sequence[Floats], members: Sequence[Member]) -> tuple[Floats, Floats]:
    """Mean and standard deviation (with R − 1) over the runs that are used, each (N, H, W) float32."""
    pairs = zip(outputs, members, strict=True)
    used = np.stack([member(images) for images, member in pairs if member.used]).astype(np.float64)
    return used.mean(0).astype(np.float32), used.std(0, ddof=1).astype(np.float32)


def _orders(stacks: Floats, inputs: Floats) -> list[tuple[int, ...]]:
    """(N,) order of every run; ``stacks`` (R, N, P) and ``inputs`` (N, P) are standardised."""
    possible = list(permutations(range(stacks.shape[1])))
    likeness = np.einsum("rip,sjp->rsij", stacks, stacks)
    scores = np.array(
        [[[sum(pair[p[j], j] for j in range(len(p))) for p in possible] for pair in row] for row in likeness]
    )  # (R, R, permutations)
    centre = int(scores.max(2).sum(0).argmax())
    to_centre = [possible[int(k)] for k in scores[:, centre].argmax(1)]

    def followed(order: tuple[int, ...]) -> float:
        """How well slices follow their inputs if this order is the right one: decides between equal numbers."""
        return float(sum((stacks[centre, j] * inputs[order[j]]).sum() for j in range(len(order))))

    votes = Counter(to_centre)
    right = max(votes, key=lambda order: (votes[order], followed(order)))
    return [tuple(order[right.index(j)] for j in range(len(order))) for order in to_centre]


def _likeness(run: Floats, mean: Floats) -> float:
    """Lowest correlation of a run's slices (N, P) with their own mean (N, P); −1 if one follows another's more."""
    table = run @ (mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-30)).T
    return float(np.diag(table).min()) if (table.argmax(1) == np.arange(len(table))).all() else -1.0


def _standardised(images: Floats) -> Floats:
    """(N, H, W) → (N, P): without mean, of norm 1 (0 if constant)."""
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-30)
