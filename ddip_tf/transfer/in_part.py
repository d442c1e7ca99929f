"""How much of a correction is made: all of it, a part where something speaks against it, or none.

Of slices that came with an error e and are corrected by c, a share s of c leaves |e + s c|^2. At s = 1/2 that is

    |e + c/2|^2 = (|e|^2 + |e + c|^2) / 2 - |c|^2 / 4,

less than the mean of doing nothing and doing all: where it is open which of the two is right, half is safer than
either. Of a slice whose c varies by more than itself with the noise assumed, nothing is; where a start is known, all or
nothing is. Symbols as in `ddip_tf.transfer.checks`. NumPy only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.checks import Checks
from ddip_tf.transfer.solver import Part, Solution

#: of what is taken out, where it is open whether it should be
HALF = 0.5
#: scatter over levels of noise, and correlation of the separated slices, from which on less than all is taken out, and
#: half of it (chosen, as all bounds here, on development pairs: `docs/separation.md`)
SCATTERED, ALIKE = (0.06, 0.12), (0.15, 0.25)
#: decibels of expected gain, of the slice that gains least, and scatter, beyond which half is taken out if the slices
#: have little in common afterwards, and nothing if they have
LEAST_GAIN_DB, MOST_SCATTER = 1.4, 0.14
LITTLE_SHARED = 0.3
#: scatter of a slice from which on nothing is taken out of it: not even the sign of its correction is known
UNDECIDED = 1.0
#: correlation of separated slices above which nothing is taken out
MOST_SHARED = 0.5


def share(gain_db: Array, checks: Checks) -> Array:
    """(N,) of a correction with this expected gain (N,) and these checks, 0 to 1; slices differ only by being left out.

    Examples
    --------
    >>> import numpy as np
    >>> good, open_, bad = ((0.1, 0.01), (0.1, 0.5), (0.4, 0.5))
    >>> checked = [Checks(shared, np.array([scatter, 0.0])) for shared, scatter in (good, open_, bad)]
    >>> [share(np.array([3.0, 2.0]), checks).tolist() for checks in checked]
    [[1.0, 1.0], [0.5, 0.5], [0.0, 0.0]]
    >>> share(np.array([3.0, 2.0]), Checks(0.1, np.array([1.3, 0.2]))).tolist()
    [0.0, 0.5]
    """
    scattered, shared = float(checks.scatter.max()), checks.still_shared
    uncertain = gain_db.min() < LEAST_GAIN_DB or scattered > MOST_SCATTER
    if shared > (LITTLE_SHARED if uncertain else MOST_SHARED):
        return np.zeros(len(checks.scatter))
    part = 1.0 - (1.0 - HALF) * (1.0 if uncertain else max(by_scatter(checks), by_likeness(checks)))
    return np.where(checks.scatter < UNDECIDED, part, 0.0)


def whole_or_nothing(share: Array) -> Array:
    """(N,) all of a correction where its share (N,) is nearer to all than to half in every slice, else nothing.

    For priors that solve anew, and for slices whose start is known. Half is safer than all and none where it is as open
    which of them is right; a start is known already, and errors of what was reconstructed from it are small where it is
    right, at low k above all.
    """
    return np.full(len(share), float((share > (1 + HALF) / 2).all()))


def by_scatter(checks: Checks) -> float:
    """What the scatter has against all of a correction, 0 to 1."""
    return float(np.interp(checks.scatter.max(), SCATTERED, (0, 1)))


def by_likeness(checks: Checks) -> float:
    """What the likeness of the separated slices has against it, 0 to 1."""
    return float(np.interp(checks.still_shared, ALIKE, (0, 1)))


def made(solution: Solution, images: Array, share: Array) -> Solution:
    """``solution`` of slices (N, H, W) that were ``images``, with a ``share`` (N,) of its correction made."""
    if (share == 1).all():
        return solution
    means, of_each = images.mean((1, 2), keepdims=True), share[:, None, None]

    def between(whole: Array, nothing: Array) -> Array:
        return nothing + of_each * (whole - nothing)

    return replace(
        solution,
        images=between(solution.images, images),
        base=between(solution.base, images),
        decided=between(solution.decided, images - means),
        sigma=of_each * solution.sigma,
        residual=of_each * solution.residual,
        part=Part(share, images, solution.images),
    )


def whole(slices: Array, solution: Solution) -> Array:
    """The slices (N, H, W) with all of the correction made, of ``slices`` that have as much of it as ``solution``."""
    if solution.part is None:
        return slices
    each = zip(slices, solution.share, solution.part.given, solution.part.whole, strict=True)
    return np.stack([given + (y - given) / share if share else all_of_it for y, share, given, all_of_it in each])
