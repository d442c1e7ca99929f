"""Slices that hold nothing of their own: vacuum above or below the sample, which a reconstruction filled with phase
that leaked from the slices beside it.

Such a slice is a mixture of the others alone, and the covariances (`ddip_tf.transfer.neighbours`) show it: sources in
the others explain all of it. On painted stacks leaving out the source of an empty slice costs 3 nats at most, that of
any other over 30, even of slices half a depth of focus apart. So the outermost slices are asked, one after the other.

That they are empty is then a constraint on the slices y: given that y_E = 0, with errors of covariance C, they are
y - C_E (C_EE)^-1 y_E. The errors are those of depth modes, C = V diag(e) V^T, with e = 0 for the projection: what
leaves an empty slice goes to where it may have come from, and the sum stays. Symbols: N slices, E empty ones, H and W
pixels. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution

#: nats that leaving out the source of a slice may cost where it is empty
COST = 6.0


def empty_ends(cost: Callable[[tuple[int, ...]], float], count: int) -> tuple[int, ...]:
    """Outermost of ``count`` slices that hold nothing of their own; two slices at least are left.

    ``cost`` gives the nats lost by leaving out the sources of slices of these indices.

    Examples
    --------
    >>> empty_ends(lambda left_out: 200.0 * (1 in left_out or 3 in left_out), 5)
    (0, 4)
    """
    found: tuple[int, ...] = ()
    lost = 0.0
    for order in (range(count), range(count)[::-1]):
        for index in order:
            if index in found or len(found) == count - 2:
                break
            with_this = cost((*found, index))
            if with_this > lost + COST:
                break
            found, lost = (*found, index), with_this
    return tuple(sorted(found))


def emptied(coefficients: Array, error: Array, axes: Array, empty: Iterable[int]) -> Array:
    """Depth modes (N, H, W) of slices given that those of indices ``empty`` hold nothing.

    ``error`` (N, H, W) is the variance of every mode, ``axes`` (N, N) the modes in columns.

    Examples
    --------
    >>> axes = np.array([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
    >>> y = axes @ emptied(axes.T @ [[[0.1]], [[0.9]]], np.array([[[0.0]], [[1.0]]]), axes, [0])[..., 0]
    >>> y.round(3).ravel().tolist()
    [0.0, 1.0]
    """
    rows = axes[list(empty)]  # (E, N)
    if not len(rows):
        return coefficients
    covariance = np.einsum("em,mhw,fm->hwef", rows, error, rows, optimize=True)
    covariance += 1e-9 * (np.trace(covariance, axis1=2, axis2=3)[..., None, None] + 1e-300) * np.eye(len(rows))
    leaked = np.einsum("em,mhw->hwe", rows, coefficients)
    weight = np.linalg.solve(covariance, leaked[..., None])[..., 0]
    return np.asarray(coefficients - error * np.einsum("em,hwe->mhw", rows, weight))


def said(empty: Iterable[int]) -> tuple[Caution, ...]:
    """A note on every slice that was taken as empty."""
    return tuple(
        Caution(
            "vacuum-found",
            f"slice {index + 1} holds nothing of its own (vacuum): what leaked into it is given back to the slices "
            "beside it",
            index + 1,
        )
        for index in empty
    )
