"""What is minimised for the slices: the fidelity of a problem, what is known beside it, and a prior.

Symbols as in `ddip_tf.transfer.solver`. NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np

from ddip_tf._types import Array
from ddip_tf.caution import Caution
from ddip_tf.transfer import guides as maps
from ddip_tf.transfer import log_amplitudes
from ddip_tf.transfer.curves import fill_diagonal
from ddip_tf.transfer.dct import dct, matvec
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.inverse_problem import Problem
from ddip_tf.transfer.ramps import FreeRamps
from ddip_tf.transfer.strips import Index, part
from ddip_tf.transfer.threads import in_threads


@dataclass(frozen=True)
class Objective:
    """What is minimised: the fidelity of a problem, what is known beside its slices, and the prior.

    What is known adds Fisher information (H, W, N, N) and data (H, W, N).
    """

    problem: Problem
    prior: Callable[..., Array]  # first guess, normal equations by rows and free ramps ↦ the minimum (N, H, W)
    observed: tuple[Any, Any] = (0, 0)  # what log-amplitudes add
    ties: tuple[Any, Any] = (0, 0)  # what guides add: of the prior's kind, no part of the linear estimate

    def normal(self, factor: float) -> tuple[Array, Array, Array]:
        """As of `Problem`, log-amplitudes included."""
        T, information, data = self.problem.normal(factor)
        return T, information + self.observed[0], data + self.observed[1]

    def minimum(self, start: Array, factor: float, hidden: Array | None = None) -> Array:
        """Slices (N, H, W) from the first guess ``start``, at ``factor`` times the noise.

        ``hidden`` (H, W) bool: coefficients of which the images say nothing.
        """
        mixed = dct(self.problem.images)

        def weighted(at: Index) -> tuple[Array, Array]:
            T, by_noise = self.problem.weighted(factor, at)
            return T, by_noise if hidden is None else by_noise * ~hidden[at][..., None, None]

        def equations(rows: slice) -> tuple[Array, Array]:
            T, by_noise = weighted(rows)
            information, data = by_noise @ T, matvec(by_noise, mixed[rows])
            for of_both in (self.observed, self.ties):
                information, data = information + part(of_both[0], rows), data + part(of_both[1], rows)
            return information, data

        ramps = FreeRamps(weighted, mixed) if self.problem.free_ramps else None
        return self.prior(start, equations, ramps=ramps)


def informed(
    objective: Objective, y: Array, guides: Sequence[tuple[int, Array]], amplitudes: Array | None
) -> tuple[Objective, log_amplitudes.Observed | None, list[Caution]]:
    """The objective with guides and log-amplitudes, judged by slices y found without, and what is to be said of them.

    The same objective where all guides are left out and there are no log-amplitudes.
    """
    problem, observed = objective.problem, None
    crossover_px = problem.transfer.crossover_px
    kept, said = maps.related(guides, y, crossover_px)
    if kept:
        objective = replace(objective, ties=maps.ties(kept, problem.images, crossover_px))
    if amplitudes is not None:
        observed = log_amplitudes.observe(amplitudes / problem.unit, y)
        objective = replace(objective, observed=observed.normal())
    return objective, observed, said


def drawn(objective: Objective, factor: float, base: Array, count: int, seed: int, threads: int) -> list[Array]:
    """So many solutions (N, H, W) from other first guesses, zero and ``base`` in turn, each under a T of its own."""
    rng = np.random.default_rng(seed)
    problem = objective.problem
    others = [
        replace(objective, problem=replace(problem, transfer=perturbed(problem.transfer, rng))) for _ in range(count)
    ]
    first = cycle((np.zeros_like(base), base))
    return in_threads(threads, lambda other, start: other.minimum(start, factor), others, first)


def perturbed(transfer: Transfer, rng: np.random.Generator) -> Transfer:
    """A draw of T within its deviation: smooth over k, the normalisation kept."""
    n = transfer.matrix.shape[-1]
    spread = np.sqrt(1 / (1 / np.clip(transfer.sigma, 0.01, 0.2) ** 2 + 1 / 0.1**2) + 0.02**2)
    walk = rng.standard_normal((len(transfer.k), n, n))
    walk = sum(np.roll(walk, s, 0) for s in (-1, 0, 1)) / np.sqrt(3)
    return replace(transfer, matrix=fill_diagonal(transfer.matrix + spread * walk, transfer.normalisation))
