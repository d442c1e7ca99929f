"""What a fit of mixing transfer found, for the manifest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ddip_tf.transfer import ladder, solver
from ddip_tf.transfer.estimate import Transfer
from ddip_tf.transfer.halves import Halves
from ddip_tf.transfer.model_lead import lead
from ddip_tf.transfer.neighbours import AlongDepth


def of_fit(
    transfer: Transfer,
    solution: solver.Solution,
    choice: ladder.Choice | None,
    halves: Halves | None,
    network_weight: float | None,
) -> dict[str, Any]:
    """What was found of the mixing, for the manifest."""
    return {
        "normalisation_of_transfer": transfer.normalisation,
        "mixed": transfer.mixed,
        "crossover_px": round(transfer.crossover_px, 3),
        "noise_factor": round(solution.factor, 3),
        **({} if choice is None else _evidence(choice, solution)),
        **({} if network_weight is None else {"network_weight": round(network_weight, 3)}),
        **({} if halves is None else {"halves": _measured(halves)}),
        **({"amplitudes_explained": round(solution.observed.explained, 3)} if solution.observed else {}),
    }


def _evidence(choice: ladder.Choice, solution: solver.Solution) -> dict[str, Any]:
    """What the choice of the mixing model rests on, for the manifest."""
    ahead = lead(choice.rung, choice.log_evidence)
    found: dict[str, Any] = {
        "model": choice.rung,
        "model_evidence": {name: round(value, 2) for name, value in choice.log_evidence.items()},
        "model_margin": round(ahead[0], 2) if ahead else None,
        "gain": round(choice.gain, 4),
    }
    if choice.two_units is not None:
        found["in_two_units"] = {"gain": round(choice.two_units.gain, 4), "nats": round(choice.two_units.nats, 2)}
    if isinstance(choice, AlongDepth) and (choice.gains != 1).any():
        found["gains"] = [round(gain, 4) for gain in choice.gains.tolist()]
    if solution.gain_db is not None:
        found["expected_gain_db"] = [round(float(gain), 2) for gain in solution.gain_db]
    if solution.trust is not None:
        found["prior_skill"] = {
            f"{k:.4f}": round(float(skill), 3) for k, skill in zip(solution.trust.k, solution.trust.skill, strict=True)
        }
    if solution.agreement is not None:
        found["prior_agreement"] = round(solution.agreement, 3)
    if solution.checks is not None:
        found["still_shared"] = round(solution.checks.still_shared, 3)
        found["scatter"] = [round(float(share), 3) for share in solution.checks.scatter]
        found["share_of_correction"] = solution.share.round(3).tolist()
    return found


def _measured(halves: Halves) -> dict[str, Any]:
    """For the manifest, in the unit of the slices."""

    def rounded(values: Any, digits: int = 4) -> Any:
        return [rounded(x, digits) if np.ndim(x) else float(f"{x:.{digits}g}") for x in values]

    return {
        "k": rounded(halves.k),
        "correlation": rounded(halves.correlation),
        "threshold": rounded(halves.threshold),
        "noise_power": rounded(halves.noise_power),
        "noise_deviation": rounded(halves.deviation),
        "noise_between": rounded(halves.noise_correlation),
        "half_period_px": [None if one is None else round(one, 3) for one in halves.half_period_px],
        "shift_px": rounded(halves.shift_px, 3),
        "gain": rounded(halves.gain),
    }
