"""Paths of T's columns from band to band: a hidden Markov chain over the pairs of angles of `directions`.

A model of mixing says where the path starts, at the coarsest band, and how far it may turn from one band to the next.
Forward and backward sums over all paths (Rabiner, Proc. IEEE 77, 257, 1989) give the evidence of the model and the
probability of every pair in every band. P pairs, K bands. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddip_tf._types import Array
from ddip_tf.transfer.directions import ANGLES, PAIRS, STEP


@dataclass(frozen=True)
class Step:
    """A matrix (P, P) that is not written out: what it and its transpose make of values (P,)."""

    forward: Callable[[Array], Array]
    backward: Callable[[Array], Array]

    def __matmul__(self, values: Array) -> Array:
        return self.forward(values)

    @property
    def T(self) -> Step:
        return Step(self.backward, self.forward)


@dataclass(frozen=True)
class Walk:
    """Prior over paths: probabilities of the first pair, ``start`` (P,), and of a step, ``step`` (P, P) to, from."""

    start: Array
    step: Array | Step | None = None  # None: the pair stays


@dataclass(frozen=True)
class Posterior:
    """Log-evidence of a walk and the probability of every pair in every band, (K, P)."""

    log_evidence: float
    pairs: Array


def follow(log_likelihoods: Array, walk: Walk) -> Posterior:
    """All paths of ``walk`` weighted by the likelihoods (K, P) of their pairs."""
    top = log_likelihoods.max(1, keepdims=True)
    likelihoods = np.exp(log_likelihoods - top)
    total, forward, p = float(top.sum()), [], walk.start / walk.start.sum()
    for band, likelihood in enumerate(likelihoods):
        if band and walk.step is not None:
            p = walk.step @ p
        p = p * likelihood
        mass = p.sum()
        total += float(np.log(max(mass, 1e-300)))
        p = p / max(mass, 1e-300)
        forward.append(p)
    after, pairs = np.ones_like(p), []
    for likelihood, ahead in zip(likelihoods[::-1], forward[::-1], strict=True):
        both = ahead * after
        pairs.append(both / max(both.sum(), 1e-300))
        after = after * likelihood
        if walk.step is not None:
            after = walk.step.T @ after
        after = after / max(after.max(), 1e-300)
    return Posterior(total, np.stack(pairs[::-1]))


def near(**centres: tuple[float, float]) -> Array:
    """(P,) Gaussians in ``a``, ``b``, their ``mean`` or half their ``difference``: name = (centre, width), degrees."""
    values = {"a": PAIRS.a, "b": PAIRS.b, "mean": (PAIRS.a + PAIRS.b) / 2, "difference": (PAIRS.a - PAIRS.b) / 2}
    logs = [-0.5 * ((values[n] - np.deg2rad(c)) / np.deg2rad(w)) ** 2 for n, (c, w) in centres.items()]
    return np.exp(np.sum(logs, axis=0))


def only(a: float | None = None, b: float | None = None) -> Array:
    """(P,) 1 where the given angles (degrees, on the grid) are held, else 0."""
    held = np.ones(len(PAIRS.a))
    for angle, values in ((a, PAIRS.a), (b, PAIRS.b)):
        if angle is not None:
            held *= np.abs(values - ANGLES[np.abs(ANGLES - np.deg2rad(angle)).argmin()]) < np.deg2rad(STEP) / 2
    return held


def turns(a: float = 0.0, b: float = 0.0, keep: float = 1.0) -> Step:
    """(P, P) steps in which a and b turn each by itself: Gaussian of these widths (degrees; 0: it stays) around
    ``keep`` times the angle."""
    return _steps((PAIRS.a, a, keep), (PAIRS.b, b, keep))


def joint_turns(mean: tuple[float, float], difference: tuple[float, float]) -> Step:
    """(P, P) steps of the mean of both angles and of half their difference: (width in degrees, part kept) each."""
    return _steps(((PAIRS.a + PAIRS.b) / 2, *mean), ((PAIRS.a - PAIRS.b) / 2, *difference))


def _steps(*turning: tuple[Array, float, float]) -> Step:
    """Probabilities of steps, to and from, of pairs whose two coordinates (values (P,), width, part kept) turn each by
    itself: of the grid of both a product of two small matrices, and divided by what of it leads to a pair."""
    (A, i), (B, j) = (_turning(*one) for one in turning)

    def on_grid(p: Array) -> Array:
        grid = np.zeros((len(A), len(B)))
        grid[i, j] = p
        return grid

    leads = np.maximum((A.T @ on_grid(np.ones(len(i))) @ B)[i, j], 1e-300)

    def forward(p: Array) -> Array:
        return (A @ on_grid(p / leads) @ B.T)[i, j]

    def backward(p: Array) -> Array:
        return (A.T @ on_grid(p) @ B)[i, j] / leads

    return Step(forward, backward)


def _turning(values: Array, width: float, keep: float) -> tuple[Array, Array]:
    """How likely a coordinate turns from one of its values to another, and which of these the pairs (P,) have."""
    _, first, which = np.unique(np.round(values, 9), return_index=True, return_inverse=True)
    known = values[first]
    if width == 0:
        return np.eye(len(known)), which
    return np.exp(-0.5 * ((known[:, None] - keep * known[None]) / np.deg2rad(width)) ** 2), which
