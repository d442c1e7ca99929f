"""The methods there are, a row each: forward models of the mixing, and priors of the slices under T(k).

A new prior is a file, with a class that is used as `ddip_tf.objectives.transfer_dip.TransferDIP` is, and a row in
`PRIORS`: settings, flags, help and the fit find it here. This module knows no TensorFlow: a row names its class, and
`Prior.load` imports it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mixing:
    """A forward model: what it is, in a few words, and what it is run with where nothing else is said.

    ``gamma`` is γ_excl; ``settings`` are those of its own, by field of `ddip_tf.FitConfig`.
    """

    doc: str
    gamma: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prior:
    """What the slices under T(k) are made of.

    Attributes
    ----------
    doc
        in a few words.
    objective
        the class in ``ddip_tf`` that trains networks, ``module:Class``; None where free pixels are solved for at once.
    """

    doc: str
    objective: str | None = None

    @property
    def trained(self) -> bool:
        """Whether networks are trained."""
        return self.objective is not None

    def load(self) -> Any:
        """The class ``objective`` names: (images, law, solution, config) → an objective. None where there is none."""
        if self.objective is None:
            return None
        module, _, name = self.objective.partition(":")
        return getattr(importlib.import_module(f"ddip_tf.{module}"), name)


#: how the paper fits, and with it every mixing of eq. (3)
PAPER: Mapping[str, Any] = {"starts": 1, "epochs": 10_000, "learning_rate": 1e-3, "average": 0.0}
#: γ_excl: paper, Figs. 3 and 4; reference program
MIXINGS: Mapping[str, Mixing] = {
    "shallow": Mixing("filters that are small networks: paper, eq. 3", 0.1, PAPER),
    "kernel": Mixing("7×7 filters", 0.4, PAPER),
    "linear": Mixing("no filters", 0.4, PAPER),
    "transfer": Mixing("I(k) = T(k) y(k), T found blind"),
}
PRIORS: Mapping[str, Prior] = {
    "tv": Prior("pixels, total variation"),
    "dip": Prior("a U-Net a slice", "objectives.transfer_dip:TransferDIP"),
    "null-dip": Prior("one where T decides nothing", "objectives.null_space_dip:NullSpaceDIP"),
}


def listed(rows: Mapping[str, Mixing] | Mapping[str, Prior]) -> str:
    """``tv (pixels, total variation), dip (a U-Net a slice), …``."""
    return ", ".join(f"{name} ({row.doc})" for name, row in rows.items())
